"""
Requirements and areas as plain JSON values, and back.

The form of a requirement is the wire's (semantics §4): the one reader here serves the API, the stores, the challenge
token and the audit trail, so none of them can read a member that another ignores.
"""

from __future__ import annotations

from collections.abc import Mapping

from stairgate.model.actions import parse_action
from stairgate.model.approvals import quorums_document, quorums_of
from stairgate.model.canonical import JsonValue
from stairgate.model.elevations import Area
from stairgate.model.errors import InvalidInputError
from stairgate.model.protection import (
    DEFAULT_REQUIREMENT,
    LEVELS,
    MAX_BOUND_NAMES,
    Device,
    Enforcement,
    Level,
    Method,
    Requirement,
    Scope,
    level_name,
    method_of,
)
from stairgate.model.resources import parse_resource

Document = dict[str, JsonValue]

_MEMBERS = {
    "level",
    "methods",
    "lifetime",
    "maxAge",
    "uses",
    "scope",
    "bind",
    "device",
    "approvals",
    "when",
    "enforce",
}


def requirement_document(requirement: Requirement) -> Document:
    """Every member of *requirement*, as semantics §4 writes them."""
    methods = requirement.methods
    return {
        "level": level_name(requirement.level),
        "methods": None if methods is None else sorted(method.value for method in methods),
        "lifetime": requirement.lifetime,
        "maxAge": requirement.max_age,
        "uses": requirement.uses,
        "scope": None if requirement.scope is None else requirement.scope.value,
        "bind": sorted(requirement.bind),
        "device": None if requirement.device is None else requirement.device.value,
        "approvals": quorums_document(requirement.approvals),
        "when": requirement.when,
        "enforce": requirement.enforce.value,
    }


def requirement_of(value: object, *, field: str = "stepUp") -> Requirement:
    """
    The requirement that the JSON *value* writes; absent members have the defaults of semantics §4.

    Raises:
        InvalidInputError: It is not an object, has a member that no requirement has, or a value out of bounds.
    """
    if not isinstance(value, Mapping):
        raise InvalidInputError(field, "must be an object")
    for name in value:
        if name not in _MEMBERS:
            raise InvalidInputError(f"{field}.{name}", "is not a member of a requirement")
    try:
        return Requirement(
            level=_level(value["level"]) if "level" in value else DEFAULT_REQUIREMENT.level,
            methods=_methods(value.get("methods")),
            lifetime=value.get("lifetime", DEFAULT_REQUIREMENT.lifetime),
            max_age=value.get("maxAge"),
            uses=value.get("uses"),
            scope=_scope(value.get("scope")),
            bind=_names(value.get("bind", [])),
            enforce=_enforcement(value.get("enforce", Enforcement.ON.value)),
            device=_device(value.get("device")),
            approvals=quorums_of(value.get("approvals")),
            when=_condition(value.get("when")),
        )
    except InvalidInputError as error:
        raise error.within(field) from None


def _level(value: object) -> Level | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in LEVELS:
        raise InvalidInputError("level", f"must be one of {', '.join(LEVELS)}")
    return LEVELS[value]


def _methods(value: object) -> frozenset[Method] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise InvalidInputError("methods", "must be a list of methods, or null for any")
    for place, name in enumerate(value):
        if name == Method.APPROVAL:
            raise InvalidInputError(f"methods[{place}]", "`approval` is asked for by the member `approvals`")
    return frozenset(method_of(name, field=f"methods[{place}]") for place, name in enumerate(value))


def _scope(value: object) -> Scope | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in {scope.value for scope in Scope}:
        raise InvalidInputError("scope", "must be `area`, `exact` or null")
    return Scope(value)


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list | tuple) or len(value) > MAX_BOUND_NAMES:
        raise InvalidInputError("bind", f"must be a list of at most {MAX_BOUND_NAMES} names")
    for place, name in enumerate(value):
        if not isinstance(name, str):
            raise InvalidInputError(f"bind[{place}]", "must be the name of a context member")
    return frozenset(value)


def _device(value: object) -> Device | None:
    if value is None:
        return None
    if value != Device.SAME.value:
        raise InvalidInputError("device", "must be `same` or null")
    return Device.SAME


def _enforcement(value: object) -> Enforcement:
    if not isinstance(value, str) or value not in {mode.value for mode in Enforcement}:
        raise InvalidInputError("enforce", "must be `on` or `observe`")
    return Enforcement(value)


def _condition(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidInputError("when", "must be a condition, or null for always")
    return value


def area_document(area: Area) -> Document:
    """*area* on the wire."""
    return {"resourceUri": str(area.resource), "action": str(area.action), "exact": area.exact}


def area_of(value: Mapping[str, object]) -> Area:
    """The area that `area_document` wrote."""
    return Area(
        parse_resource(str(value["resourceUri"])), parse_action(str(value["action"])), exact=value["exact"] is True
    )
