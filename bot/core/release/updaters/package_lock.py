"""npm's lock files, which repeat the package's own version.

https://docs.npmjs.com/cli/configuring-npm/package-lock-json
"""

from bot.core.release.documents.json_text import find_in_json
from bot.core.release.documents.value import Path, Unreadable
from bot.core.release.updaters.updater import Found, Hints, UpdateError, Updater, named, text_spot
from bot.core.release.version import Version

_OWN: tuple[Path, ...] = (("version",), ("packages", "", "version"))
"""The second since lockfileVersion 2."""


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    # Without a member's own entry set, `npm ci` refuses to install.
    places = (("packages", hints.folder, "version"),) if hints.folder else _OWN
    try:
        values = [find_in_json(text, place) for place in places]
    except Unreadable as error:
        raise UpdateError(path, f"it is not JSON: {error}", "run `npm install` anew") from None
    texts = [value for value in values if value and value.said is not None]
    if not texts:
        # The root's lock file need not know of a package in a folder.
        return Found(
            note="it holds no version of the package itself: there is nothing to set",
            remedy="" if hints.folder else "run `npm install --package-lock-only`, and commit it",
        )
    spots = [text_spot(text, value, str(version)) for value in texts]
    return Found(tuple(sorted(spots, key=lambda spot: spot.start)))


PACKAGE_LOCK = Updater(
    name="package-lock",
    files=("package-lock.json", "npm-shrinkwrap.json"),
    summary='Sets `version` at the top and in `packages[""]`; of a member of a workspace, in the '
    "lock file of the repository's root, that of its folder's entry in `packages`.",
    matches=named("package-lock.json", "npm-shrinkwrap.json"),
    find=_find,
)
