"""The keys of the audit log and of sign-ins: given, or made once and kept in a file that its owner
alone can read."""

import base64
import binascii
import os
import secrets
import tempfile
from pathlib import Path

from bot.core.audit.checkpoint import SEED_BYTES, AuditKey

KEY_FILE = "audit.key"
SESSION_KEY_FILE = "session.key"


class AuditKeyError(Exception):
    """There is no key to use. The text says why and what to do, and holds none of it."""


def load_audit_keys(home: Path, given: str = "") -> tuple[AuditKey, ...]:
    """The present key first, then former ones. ``given`` holds them in base64, separated by
    commas; without it the file under ``home`` counts, which is made if it is missing.

    Raises:
        AuditKeyError: a key is damaged, or the file cannot be read or made.
    """
    return tuple(map(AuditKey, _load(home / KEY_FILE, given, "LOCKGATE_AUDIT_KEY")))


def load_session_key(home: Path, given: str = "") -> bytes:
    """32 bytes: ``given`` in base64, or those of a file under ``home``, made if it is missing.

    Raises:
        AuditKeyError: the key is damaged, or the file cannot be read or made.
    """
    return _load(home / SESSION_KEY_FILE, given, "LOCKGATE_SESSION_KEY")[0]


def _load(path: Path, given: str, variable: str) -> tuple[bytes, ...]:
    if given:
        return tuple(_read(part, variable) for part in given.split(","))
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise AuditKeyError(f"{path}: others can read it. Run: chmod 600 {path}")
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditKeyError(
            f"{path} cannot be read or made ({type(error).__name__}); give this user the folder, "
            f"or set {variable}"
        ) from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise AuditKeyError(f"{path}: it is empty. Remove it, and a key is made anew")
    return tuple(_read(line, str(path)) for line in lines)


def _make(path: Path) -> None:
    """Whole or not at all; of several processes that try at once, the first one's key counts."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(base64.b64encode(secrets.token_bytes(SEED_BYTES)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        Path(draft).unlink(missing_ok=True)


def _read(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != SEED_BYTES:
        raise AuditKeyError(
            f"{where}: a key is damaged. It is {SEED_BYTES} bytes in base64: "
            f"openssl rand -base64 {SEED_BYTES}"
        )
    return key
