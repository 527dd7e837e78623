"""What people see: the challenge page, and the ground that every other page stands on (semantics §7)."""
