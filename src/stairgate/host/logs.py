"""
Logs: one JSON object a line, and no secret in any of them (semantics §7.8, §12).

Ours and the libraries' lines take the same way out, so the same redaction holds for a line that uvicorn writes and for
the text of an exception.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

REDACTED = "[redacted]"
MAX_DEPTH = 6

# What is in a member of such a name is never shown. `errorCode` and `status_code` are no secrets.
_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:token|tokens|secret|secrets|seed|password|passwd|authorization|cookie|cookies|assertion|credential"
    r"|credentials|code|codes|signature|jwt|bearer|private_key|access_key|api_key)$"
)
_PLAIN_NAMES = frozenset({"error_code", "status_code", "exit_code"})
# Addresses carry ids, page secrets and return codes: a log has the route's pattern instead (semantics §7.8).
_ADDRESS_NAMES = frozenset({"path", "raw_path", "url", "uri", "query", "query_string", "target", "headers", "body"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Anything token-like inside a text: JWTs (also cut off ones), what follows a scheme, and long runs of base64.
_TOKEN_LIKE = re.compile(
    r"eyJ[\w-]{4,}(?:\.[\w-]*){0,4}"
    r"|(?i:\b(?:bearer|dpop|basic)\s+)[\w.~+/=-]+"
    r"|[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"
    r"|(?<![\w/+-])[A-Za-z0-9+/_-]{40,}={0,2}(?![\w/+-])"
)


def redacted(name: str, value: object, *, depth: int = 0) -> object:
    """*value* of the member *name*, with everything token-like taken out."""
    key = _CAMEL.sub("_", name).lower()
    if key in _ADDRESS_NAMES or (key not in _PLAIN_NAMES and _SECRET_NAME.search(key)):
        return REDACTED
    if isinstance(value, str):
        return _TOKEN_LIKE.sub(REDACTED, value)
    if isinstance(value, bool | int | float) or value is None:
        return value
    if depth >= MAX_DEPTH or isinstance(value, bytes | bytearray):
        return REDACTED
    if isinstance(value, Mapping):
        return {
            _TOKEN_LIKE.sub(REDACTED, str(inner)): redacted(str(inner), item, depth=depth + 1)
            for inner, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted("", item, depth=depth + 1) for item in value]
    return _TOKEN_LIKE.sub(REDACTED, str(value))


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The structlog processor: `redacted` for every member of a line."""
    return {name: redacted(name, value) for name, value in event.items()}


def configure_logs(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Send every line of this process, ours and the libraries', to *stream* (standard error) as redacted JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # SECURITY: a traceback without local variables, and before the redaction, which so sees its text.
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("httpx2", "httpcore2", "uvicorn.access"):  # they log addresses
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def log(name: str) -> structlog.stdlib.BoundLogger:
    """The logger *name*. An event is a few fixed words, everything that varies is a member."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def log_request(
    logger: structlog.stdlib.BoundLogger, *, method: str, route: str, status: int, seconds: float, request_id: str
) -> None:
    """One line for one answered request: *route* is the pattern, such as `/v1/challenges/{id}`, never the path."""
    logger.info("request", method=method, route=route, status=status, seconds=round(seconds, 6), request_id=request_id)
