"""
The JSON shapes, as msgspec Structs.

NOTE: append-only. A member that was once served keeps its name, type and meaning; `tests/api/test_wire.py` pins bytes.
"""
