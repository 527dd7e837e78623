"""The store in memory: as transactional as the one in SQL, and gone with the process."""

from stairgate.storage.memory.store import MemoryStore

__all__ = ["MemoryStore"]
