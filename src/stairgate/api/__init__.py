"""HTTP: raw-path routing, strict reading, one table of routes, one table of errors. Knows service, model and wire."""
