"""The file that ``lockgate setup`` writes the App's credentials to."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bot.settings.variables import is_read

CREDENTIALS_FILE = "credentials.env"


def write_credentials(path: Path, values: Mapping[str, str]) -> None:
    """Write a credentials file that its owner alone can read, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [f"{name}={_one_line(values[name])}\n" for name in values]
    # mkstemp creates the file for its owner alone: it is never readable by others, not even before
    # it is complete.
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(
                [
                    "# Written by `lockgate setup`. Keep it secret: it is the App's identity.\n",
                    *lines,
                ]
            )
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def require_room(path: Path) -> None:
    """Write beside a credentials file that is to come, and take that away again: what GitHub hands
    over cannot be asked for twice.

    Raises:
        OSError: the file could not be written there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", dir=path.parent) as file:
        file.write(b"\n")


def _one_line(value: str) -> str:
    return value.strip().replace("\r\n", "\n").replace("\n", "\\n")


def kept_credentials(path: Path, problems: list[str]) -> dict[str, str]:
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}: it cannot be read ({type(error).__name__}). Give this user it.")
        return {}
    if mode & 0o077:
        problems.append(f"{path}: others can read it. Run: chmod 600 {path}")
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals or not is_read(name.strip()):
            problems.append(
                f"{path}, line {number}: it is not NAME=value with a name that Lockgate reads."
            )
        elif unquoted(value):
            values[name.strip()] = unquoted(value)
    return values


def unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value
