"""The page of a user's account: the ways to confirm, and what is allowed at the moment (semantics §7.6, §8)."""
