"""Verification of proofs, pure: one module a factor, and a catalogue of them all. Each returns evidence or raises."""
