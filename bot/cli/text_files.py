"""The files of text that commands are given."""

import sys
from pathlib import Path

from bot.cli.errors import CommandError
from bot.core.render.escape import visible


def read_text(file: str, most: int, *, absent: str = "name a file that is there") -> str:
    """The UTF-8 text of a file, or of standard input for ``-``. ``most`` is in bytes; ``absent`` is
    what to do where there is no such file.

    Raises:
        CommandError: it is not there, cannot be read, is larger, or is no text.
    """
    name = "standard input" if file == "-" else visible(file)
    try:
        if file == "-":
            raw = sys.stdin.buffer.read(most + 1)
        else:
            with Path(file).open("rb") as stream:
                raw = stream.read(most + 1)
    except FileNotFoundError:
        raise CommandError(f"there is no file {name}", absent) from None
    except OSError as error:
        raise CommandError(
            f"{name} cannot be read: {error.strerror}", "name a readable file"
        ) from None
    if len(raw) > most:
        raise CommandError(f"{name} is larger than {most >> 20} MB", "give a smaller one")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{name} is not UTF-8 text: byte {error.start + 1} does not fit",
            "save the file as UTF-8",
        ) from None
