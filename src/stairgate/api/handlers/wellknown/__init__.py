"""What needs no credential: keys, discovery, health, metrics, the document of this API."""
