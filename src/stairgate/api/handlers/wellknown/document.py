"""The document of this API, and the page made from it: both are made once, from the route table."""

from __future__ import annotations

from functools import lru_cache

from stairgate.api.answers import NO_STORE, Answer, text_answer
from stairgate.api.call import Call
from stairgate.api.openapi import document_bytes, openapi_document
from stairgate.api.reference_page import PAGE_POLICY, reference_page
from stairgate.api.routing import RouteTable

# A page of plain text and rules of style, which are named by their hash: nothing else may load, run or frame it.
_PAGE_HEADERS = (
    NO_STORE,
    (b"content-security-policy", PAGE_POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)


async def openapi(call: Call) -> Answer:
    """Answer `GET /openapi.json`."""
    return text_answer(200, _document(call.table), b"application/json", NO_STORE)


async def page(call: Call) -> Answer:
    """Answer `GET /docs`."""
    return text_answer(200, _page(call.table), b"text/html; charset=utf-8", *_PAGE_HEADERS)


@lru_cache(maxsize=4)
def _document(table: RouteTable) -> bytes:
    return document_bytes(openapi_document(table.routes))


@lru_cache(maxsize=4)
def _page(table: RouteTable) -> bytes:
    return reference_page(openapi_document(table.routes)).encode()
