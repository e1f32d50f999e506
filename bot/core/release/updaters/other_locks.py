"""Lock files that do not hold the version of the package they belong to."""

from bot.core.release.updaters.updater import Found, Hints, Updater, named
from bot.core.release.version import Version

_FILES = ("pnpm-lock.yaml", "yarn.lock", "bun.lock", "poetry.lock", "pdm.lock", "go.sum")


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    return Found(note="it does not hold the package's own version: there is nothing to set")


OTHER_LOCKS = Updater(
    name="other-locks",
    files=_FILES,
    summary="Sets nothing: these do not hold the package's own version.",
    matches=named(*_FILES),
    find=_find,
)
