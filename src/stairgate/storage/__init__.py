"""The stores behind `ports.store`: in memory and in SQL. Both pass the suite in `stairgate.testing.conformance`."""
