"""`python -m stairgate.api` writes the OpenAPI document: what `docs/reference/openapi.json` holds."""

from __future__ import annotations

import sys

from stairgate.api.openapi import document_bytes, openapi_document
from stairgate.api.routes import ROUTES

sys.stdout.buffer.write(document_bytes(openapi_document(ROUTES)))
