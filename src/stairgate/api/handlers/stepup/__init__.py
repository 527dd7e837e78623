"""The check, challenges, step-up and elevations (semantics §6 to §8)."""
