"""Answers to what is made: 201, once for each `Idempotency-Key`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from stairgate.api.answers import Answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress import listing
from stairgate.api.once import once
from stairgate.service.context import Services
from stairgate.service.management import Written

T = TypeVar("T")


def _undated(_made: object) -> None:
    return None


def _untagged(_made: object) -> None:
    return None


async def made(
    call: Call,
    verb: Callable[[Services], Awaitable[Written[T]]],
    view: Callable[[T], object],
    *,
    dated: Callable[[T], datetime | None] = _undated,
    tagged: Callable[[T], listing.HeaderField | None] = _untagged,
) -> Answer:
    """
    Make something and show it.

    Args:
        call: Of a route that says `idempotent`.
        verb: What makes it, with the services that it is given.
        view: How it is shown.
        dated: When it was last changed, where its answer says so.
        tagged: Its `ETag`, where it has one.
    """

    def render(written: Written[T]) -> Answer:
        tag = tagged(written.value)
        tags = () if tag is None else (tag,)
        fields = (*tags, *listing.last_modified(dated(written.value)), listing.revision(written.revision))
        return json_answer(201, view(written.value), *fields)

    return await once(call, verb, render)
