"""Names that several commands are given."""

import re

from bot.cli.errors import CommandError
from bot.core.render.escape import plain

_REPOSITORY = re.compile(r"(?P<owner>[A-Za-z0-9._-]+)/(?P<name>[A-Za-z0-9._-]+)")


def repository_or_exit(text: str) -> tuple[str, str]:
    """Owner and name.

    Raises:
        CommandError: it names no repository.
    """
    match = _REPOSITORY.fullmatch(text)
    if match is None:
        raise CommandError(f"“{plain(text)}” names no repository", "write it as OWNER/REPO")
    return match["owner"], match["name"]
