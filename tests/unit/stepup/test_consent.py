"""What a passkey signs: exactly this access, in the form of semantics §7.3."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from stairgate.factors.passkey import creation_options, register, request_options, verify
from stairgate.model.challenges import Challenge
from stairgate.model.errors import InvalidInputError, ProofRefusedError
from stairgate.model.ids import ChallengeId, FactorId
from stairgate.model.passkeys import RelyingParty, SignedConsent, signed_consent_document, signed_consent_of
from stairgate.model.protection import Level, Requirement
from stairgate.model.resources import parse_resource
from stairgate.service.evidence import verify_evidence
from stairgate.stepup.consent import consent_document, webauthn_challenge
from stairgate.testing.authenticator import SoftwareAuthenticator
from stairgate.testing.conformance.samples import a_challenge, a_ticket

NONCE = bytes(range(32))
PARTY = RelyingParty("localhost", "Bank", ("http://localhost:8080",))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_document_holds_exactly_what_the_text_names() -> None:
    document = json.loads(consent_document(a_challenge(), once=False))
    assert document == {
        "account": "acc_1",
        "challenge": "ch_1",
        "user": "alice",
        "tokenKey": {"iss": "https://idp.example", "sha256": "d1", "cnf": "jkt-1"},
        "resource": "accounts/1/*",
        "action": "Payments:Send",
        "area": {"resourceUri": "accounts/1", "action": "Payments", "exact": True},
        "lifetime": 120,
        "uses": 3,
        "details": {"amount": 100, "to": "DE89"},
    }


def test_the_challenge_is_the_digest_that_the_text_says() -> None:
    document = consent_document(a_challenge(), once=False)
    inner = hashlib.sha256(document.encode()).digest()
    assert webauthn_challenge(NONCE, document) == hashlib.sha256(b"stairgate/1" + NONCE + inner).digest()
    with pytest.raises(ValueError, match="32 bytes"):
        webauthn_challenge(NONCE[:-1], document)


def test_only_this_once_enters_uses_and_area() -> None:
    document = json.loads(consent_document(a_challenge(), once=True))
    assert document["uses"] == 1
    assert document["area"] == {"resourceUri": "accounts/1/*", "action": "Payments:Send", "exact": True}


def differing() -> dict[str, Challenge]:
    whole = a_challenge()
    ticket = whole.ticket
    return {
        "challenge": replace(whole, id=ChallengeId("ch_2")),
        "user": replace(whole, ticket=replace(ticket, user="bob")),  # type: ignore[arg-type]
        "token": replace(whole, ticket=replace(ticket, token=replace(ticket.token, digest="d2"))),
        "confirmation": replace(whole, ticket=replace(ticket, token=replace(ticket.token, confirmation=None))),
        "resource": replace(whole, ticket=replace(ticket, resource=parse_resource("accounts/2/*"))),
        "area": replace(whole, ticket=replace(ticket, area=replace(ticket.area, exact=False))),
        "lifetime": replace(whole, ticket=a_ticket(requirement=replace(ticket.requirement, lifetime=60))),
        "uses": replace(whole, ticket=a_ticket(requirement=replace(ticket.requirement, uses=1))),
        "details": replace(whole, ticket=a_ticket(details={"amount": "1000", "to": '"DE89"'})),
        "absent detail": replace(whole, ticket=a_ticket(details={"amount": "100"}, requirement=Requirement())),
    }


@pytest.mark.parametrize("what", differing())
def test_an_assertion_for_one_access_never_completes_another(what: str) -> None:
    """WA-4: the digest differs, so the signature is for something else."""
    other = differing()[what]
    asked = webauthn_challenge(NONCE, consent_document(a_challenge(), once=False))
    assert webauthn_challenge(NONCE, consent_document(other, once=False)) != asked


def signed(**members: Any) -> SignedConsent:
    device = SoftwareAuthenticator(**members)
    handle, start = b"h" * 32, b"c" * 32
    made = device.create(creation_options(PARTY, challenge=start, user_handle=handle, user="ann", known=()))
    party = replace(PARTY, top_origins=("https://shop.example",))
    known = register(made, challenge=start, party=party, user_handle=handle, most=Level.HARDWARE)
    document = consent_document(a_challenge(), once=False)
    challenge = webauthn_challenge(NONCE, document)
    credential = device.get(request_options(PARTY, challenge=challenge, allowed=(known.passkey,)))
    proof = verify(
        credential, known.passkey, challenge=challenge, party=party, sign_count=0, factor=FactorId("f"), now=NOW
    )
    return SignedConsent(
        document=document,
        nonce=NONCE,
        rp_id=PARTY.id,
        credential_id=known.passkey.credential_id,
        public_key=known.passkey.public_key,
        client_data=proof.client_data,
        authenticator_data=proof.authenticator_data,
        signature=proof.signature,
    )


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"backup_eligible": True, "backed_up": True},
        {"counts": False, "algorithm": "EdDSA"},
        {"client_data": {"crossOrigin": True, "topOrigin": "https://shop.example"}},
    ],
    ids=str,
)
def test_stored_evidence_is_verified_again_from_public_data(members: dict[str, Any]) -> None:
    """WA-7."""
    record = signed(**members)
    again = signed_consent_of(json.loads(json.dumps(signed_consent_document(record))))
    assert again == record
    verified = verify_evidence(again)
    assert verified.document["details"] == {"amount": 100, "to": "DE89"}
    assert (verified.origin, verified.rp_id) == ("http://localhost:8080", "localhost")


@pytest.mark.parametrize(
    "change",
    [
        {"document": "{}"},
        {"document": "["},
        {"nonce": bytes(32)},
        {"nonce": b""},
        {"rp_id": "evil.example"},
        {"public_key": b"\x00"},
        {"client_data": b"{}"},
        {"authenticator_data": b""},
        {"signature": bytes(64)},
    ],
    ids=str,
)
def test_evidence_with_any_part_changed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProofRefusedError):
        verify_evidence(replace(signed(), **change))


@pytest.mark.parametrize("value", [None, {}, {"document": 1}, "text"])
def test_what_is_no_record_of_evidence_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidInputError):
        signed_consent_of(value)
