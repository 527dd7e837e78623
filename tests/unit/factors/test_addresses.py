"""Addresses that codes are sent to."""

from __future__ import annotations

import pytest

from stairgate.factors.addresses import address_of, masked
from stairgate.model.errors import InvalidInputError
from stairgate.model.protection import Method


@pytest.mark.parametrize(
    ("text", "method", "address", "shown"),
    [
        ("ann@Example.org", Method.EMAIL, "ann@example.org", "a…@example.org"),
        ("a.b+c@mail.example.co", Method.EMAIL, "a.b+c@mail.example.co", "a…@mail.example.co"),
        ("+49 151 234567-12", Method.SMS, "+4915123456712", "+49 … 12"),
    ],
)
def test_addresses_are_read_and_masked(text: str, method: Method, address: str, shown: str) -> None:
    assert address_of(text, method) == address
    assert masked(address) == shown


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("ann", Method.EMAIL),
        ("ann@localhost", Method.EMAIL),
        ("ann@example.org\r\nBcc: eve@evil.example", Method.EMAIL),
        ("ann@example.org,eve@evil.example", Method.EMAIL),
        ("<ann@example.org>", Method.EMAIL),
        (".ann@example.org", Method.EMAIL),
        ("a..n@example.org", Method.EMAIL),
        ("ann@-example.org", Method.EMAIL),
        ("ann@[192.0.2.1]", Method.EMAIL),
        ("a" * 250 + "@example.org", Method.EMAIL),
        ("änn@example.org", Method.EMAIL),
        ("0151 23456712", Method.SMS),
        ("+0151 23456712", Method.SMS),
        ("+49", Method.SMS),
        ("+4915123456712345", Method.SMS),
        ("+49１５１２３４５６７", Method.SMS),
        ("ann@example.org", Method.SMS),
    ],
)
def test_what_is_no_address_is_refused_by_name(text: str, method: Method) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        address_of(text, method)
    assert refusal.value.field == "address"
