"""What the service needs from the outside, as Protocols only. Adapters stand in `storage` and `host`."""
