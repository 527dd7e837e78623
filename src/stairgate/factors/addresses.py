"""Email addresses and phone numbers that codes are sent to, and how they are shown."""

from __future__ import annotations

import re

from stairgate.model.errors import InvalidInputError
from stairgate.model.protection import Method

MAX_EMAIL = 254  # characters (RFC 5321 §4.5.3.1.3)
# What mail systems take in practice: no quotes, no comments, no address literals. Each part is a class with a bound.
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
_SHOWN_DIGITS = 2


def address_of(text: str, method: Method, *, field: str = "address") -> str:
    """
    *text* as the address that *method* sends to: an email address, or a phone number of E.164.

    Raises:
        InvalidInputError: It is none.
    """
    if method is Method.EMAIL:
        local, _, domain = text.partition("@")
        dots = local.startswith(".") or local.endswith(".") or ".." in local
        dashes = any(label.startswith("-") or label.endswith("-") for label in domain.split("."))
        if len(text) > MAX_EMAIL or _EMAIL.fullmatch(text) is None or dots or dashes:
            raise InvalidInputError(field, "must be an email address such as ann@example.org")
        return f"{local}@{domain.lower()}"
    number = re.sub(r"[ ()./-]", "", text) if len(text) <= MAX_EMAIL else ""
    if _PHONE.fullmatch(number) is None:
        raise InvalidInputError(field, "must be a phone number with its country code such as +49 151 23456789")
    return number


def masked(address: str) -> str:
    """*address* as it is shown: enough to know one's own, too little to learn another's."""
    if "@" in address:
        local, _, domain = address.partition("@")
        return f"{local[:1]}…@{domain}"
    return f"{address[:3]} … {address[-_SHOWN_DIGITS:]}"
