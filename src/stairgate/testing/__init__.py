"""What tests of Stairgate, and of what is built on it, need: a clock, chance, failing stores, the conformance suite."""
