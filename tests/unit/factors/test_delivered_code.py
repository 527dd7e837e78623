"""Codes that were handed out (semantics §7.4), and the catalogue (semantics §4)."""

from datetime import UTC, datetime, timedelta

import pytest

from stairgate.factors.catalogue import CATALOGUE, level_reached, methods_meeting
from stairgate.factors.delivered_code import CODE_SECONDS, verify
from stairgate.model.challenges import IssuedCode
from stairgate.model.errors import ProofRefusedError
from stairgate.model.evidence import Evidence
from stairgate.model.protection import BEST_LEVELS, Level, Method, Requirement

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ISSUED = IssuedCode("12345678", NOW + timedelta(seconds=CODE_SECONDS))


def attempt(code: str, issued: IssuedCode | None = ISSUED, now: datetime = NOW) -> Evidence:
    return verify(code, issued, now=now, matches=str.__eq__, method=Method.EXTERNAL, level=Level.BASIC)


def test_the_issued_code_is_evidence() -> None:
    assert attempt("1234 5678") == Evidence(Method.EXTERNAL, Level.BASIC, user_verified=False, proven_at=NOW)


@pytest.mark.parametrize("code", ["87654321", "1234567", "123456789", "", "1234567x", "１２３４５６７８"])
def test_another_code_is_refused(code: str) -> None:
    with pytest.raises(ProofRefusedError):
        attempt(code)


def test_a_code_is_refused_from_its_end_on_and_where_none_was_issued() -> None:
    """NIST-1."""
    assert attempt("12345678", now=ISSUED.expires_at - timedelta(microseconds=1)).level is Level.BASIC
    for issued, now in ((ISSUED, ISSUED.expires_at), (None, NOW)):
        with pytest.raises(ProofRefusedError):
            attempt("12345678", issued, now)


def test_the_catalogue_has_every_method_with_the_best_level_of_the_model() -> None:
    assert set(CATALOGUE) == set(Method)
    for method, entry in CATALOGUE.items():
        assert entry.best_level == BEST_LEVELS.get(method)
        assert entry.method is method
    assert {method for method, entry in CATALOGUE.items() if entry.sends} == {Method.EMAIL, Method.SMS}


def test_only_external_can_be_raised_and_never_lowered() -> None:
    assert level_reached(Method.EXTERNAL) is Level.BASIC
    assert level_reached(Method.EXTERNAL, external_level=Level.STRONG) is Level.STRONG
    assert level_reached(Method.TOTP, external_level=Level.HARDWARE) is Level.STRONG
    assert level_reached(Method.TOTP, external_level=Level.BASIC) is Level.STRONG
    with pytest.raises(ValueError, match="proves no factor"):
        level_reached(Method.APPROVAL)


def test_methods_that_meet_a_requirement_are_offered_strong_enough_and_named() -> None:
    some = {method: BEST_LEVELS[method] for method in (Method.EXTERNAL, Method.TOTP)}
    assert methods_meeting(Requirement(level=Level.BASIC), some) == (Method.TOTP, Method.EXTERNAL)
    assert methods_meeting(Requirement()) == (Method.PASSKEY, Method.TOTP)
    assert methods_meeting(Requirement(level=Level.HARDWARE)) == (Method.PASSKEY,)
    assert methods_meeting(Requirement(level=Level.HARDWARE), some) == ()
    assert methods_meeting(Requirement(methods=frozenset({Method.EXTERNAL}))) == ()
    raised = {**BEST_LEVELS, Method.EXTERNAL: Level.STRONG}
    assert methods_meeting(Requirement(methods=frozenset({Method.EXTERNAL})), raised) == (Method.EXTERNAL,)
