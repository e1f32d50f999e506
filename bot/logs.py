"""Logging: one JSON object a line, with what it is about bound to the context, secrets masked."""

import logging
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import IO, Any

import structlog

from bot.core.redaction import MASK, redact

_SECRET_NAMES = (
    "authorization",
    "cookie",
    "password",
    "private_key",
    "secret",
    "signature",
    "token",
)
_NEVER_LOGGED = ("payload", "body")
_LONGEST_TEXT = 16_384
"""Characters: a traceback fits, a webhook's payload does not."""


@contextmanager
def log_context(
    *,
    delivery: str | None = None,
    installation: int | None = None,
    repository: str | None = None,
    job: int | None = None,
) -> Iterator[None]:
    """Bind what the work is about to every line logged inside: the delivery's GUID, the ids of
    installation and job, the repository's ``owner/name``."""
    bound = {
        "delivery": delivery,
        "installation": installation,
        "repository": repository,
        "job": job,
    }
    with structlog.contextvars.bound_contextvars(
        **{name: value for name, value in bound.items() if value is not None}
    ):
        yield


def configure_logging(
    *, level: str = "info", stream: IO[str] | None = None, json: bool = True
) -> None:
    """Send structlog's and the standard library's records through one chain to ``stream``
    (standard error unless told). ``json=False`` is for people at a terminal: without colours, so
    that NO_COLOR is obeyed without reading the environment."""
    out = sys.stderr if stream is None else stream
    shared: list[Callable[[Any, str, MutableMapping[str, Any]], Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(allow=()),
    ]
    renderer: Callable[[Any, str, MutableMapping[str, Any]], Any] = (
        structlog.processors.JSONRenderer(default=str)
        if json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            mask_secrets,
            renderer,
        ],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # The worker logs each job itself; the library's lines would repeat it with its arguments.
    for noisy in ("procrastinate", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # A database that is away is logged by who needs it, not once for every connection.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    logging.getLogger("procrastinate.worker").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            *shared[:-1],
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def mask_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: mask values by their name, and secrets' shapes in every text."""
    for name, value in event.items():
        event[name] = _masked(name, value)
    return event


def _masked(name: str, value: Any) -> Any:
    lowered = name.lower()
    if lowered in _NEVER_LOGGED or any(secret in lowered for secret in _SECRET_NAMES):
        return MASK
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str):
        return redact(value[:_LONGEST_TEXT])
    if isinstance(value, dict):
        return {key: _masked(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(name, item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value)[:_LONGEST_TEXT])
