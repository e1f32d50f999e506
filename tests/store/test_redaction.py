"""No secret survives the way into a log line or a stored error."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.core.redaction import MASK, redact
from bot.logs import configure_logging, log_context

SECRETS = [
    "ghs_16C7e42F292c6912E7710c838347Ae178B4a",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789",
    "v1.1f699f1069f60xxx".replace("xxx", "0" * 27),
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl",
    "sha256=" + "ab" * 32,
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIEow cut short",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_secret_is_masked_wherever_it_stands(secret: str) -> None:
    masked = redact(f"before ({secret}) after")
    assert secret not in masked
    assert "MIIEow" not in masked
    assert masked.startswith(f"before ({MASK}")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc.def-123", f"Authorization: Bearer {MASK}"),
        ("password=hunter22 host=db", f"password={MASK} host=db"),
        ('{"secret": "hunter22"}', f'{{"secret": "{MASK}"}}'),
        ("postgresql://u:hunter22@db/x", f"postgresql://u:{MASK}@db/x"),
    ],
)
def test_labelled_secret_is_masked(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "token is missing",
        "see https://example.com/a:b@c and 3f2c1aa",
        "feat: add a password field",
        "octo/shop#12 at " + "a" * 40,
    ],
)
def test_plain_text_stays(text: str) -> None:
    assert redact(text) == text


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(stream=stream)
    yield stream
    root.handlers[:], root.level = kept[0], kept[1]
    structlog.reset_defaults()


def test_lines_for_people_have_no_colours(log_lines: io.StringIO) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    configure_logging(stream=terminal, json=False)
    structlog.get_logger("test").error("refused", why="no")
    assert "refused" in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()


def test_lines_are_json_with_their_context_and_without_secrets(log_lines: io.StringIO) -> None:
    log = structlog.get_logger("test")
    with log_context(delivery="d-1", installation=7, repository="octo/shop", job=3):
        log.info("stored", payload=b"{}", token="x", nested={"password": "y"}, text=SECRETS[0])
        logging.getLogger("library").warning("with %s", SECRETS[1])
        try:
            raise ValueError(SECRETS[4])
        except ValueError:
            log.exception("failed")
    log.info("after")
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    bound = {"delivery": "d-1", "installation": 7, "repository": "octo/shop", "job": 3}
    assert all(line.items() >= bound.items() for line in lines[:3])
    assert not lines[3].keys() & bound.keys()
    assert lines[0]["nested"] == {"password": MASK}
    assert lines[0]["payload"] == lines[0]["token"] == lines[0]["text"] == MASK
    assert "ValueError" in lines[2]["exception"]
    for secret in SECRETS:
        assert secret not in log_lines.getvalue()
