"""Use cases: one verb a module, one public coroutine each: load facts, decide, apply (design §1)."""
