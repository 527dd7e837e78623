"""The step-up domain, pure: challenge tokens, challenge transitions, elevations, limits (semantics §6 to §8)."""
