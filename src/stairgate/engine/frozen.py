"""
Frozen records of the plain path, built at half the cost.

The generated `__init__` of a frozen dataclass looks each member's setter up again and again; that is a quarter of a
plain check. Here each is looked up once. Only records without a `__post_init__` are built so: there is nothing else
that their `__init__` does.
"""

from __future__ import annotations

from stairgate.model.decisions import Allow, Source
from stairgate.model.ids import RecordId, RoleId
from stairgate.model.resources import ResourcePattern

_new = object.__new__
_set_segments, _set_below = (vars(ResourcePattern)[name].__set__ for name in ("segments", "below"))
_set_record, _set_statement, _set_role, _set_resource = (
    vars(Source)[name].__set__ for name in ("record", "statement", "role", "resource")
)
_set_source, _set_elevation, _set_counted, _set_observed = (
    vars(Allow)[name].__set__ for name in ("source", "elevation", "counted", "observed")
)


def quick_pattern(segments: tuple[str, ...], *, below: bool) -> ResourcePattern:
    """`ResourcePattern(segments, below)`."""
    pattern = _new(ResourcePattern)
    _set_segments(pattern, segments)
    _set_below(pattern, below)
    return pattern


def quick_source(record: RecordId | None, statement: int, role: RoleId | None, resource: ResourcePattern) -> Source:
    """`Source(record, statement, role, resource)`."""
    source = _new(Source)
    _set_record(source, record)
    _set_statement(source, statement)
    _set_role(source, role)
    _set_resource(source, resource)
    return source


def quick_allow(source: Source) -> Allow:
    """`Allow(source)`."""
    allow = _new(Allow)
    _set_source(allow, source)
    _set_elevation(allow, None)
    _set_counted(allow, False)
    _set_observed(allow, ())
    return allow
