"""Go, where the tag alone says the version. https://go.dev/ref/mod#versions"""

import re

from bot.core.release.updaters.updater import Found, Hints, Updater, named
from bot.core.release.version import Version

_MODULE = re.compile(r'^module[ \t]+"?(?P<path>[^\s"]+)', re.MULTILINE)
_MAJOR = re.compile(r".*[./]v([0-9]+)", re.DOTALL)


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    module = _MODULE.search(text)
    said = _MAJOR.fullmatch(module["path"]) if module else None
    # https://go.dev/ref/mod#major-version-suffixes; gopkg.in has `.v1` from the start.
    major = int(said[1][:9]) if said else 1
    if module and max(version.major, 1) != major:
        ending = f"ends in `/v{version.major}`" if version.major > 1 else "ends in no version"
        return Found(
            note=f"its module is `{module['path']}`, and Go finds {version} only where that "
            f"{ending}: who imports the module does not get this release",
            remedy="write the module's path so, there and in its own imports",
        )
    return Found(note="of a Go module the tag says the version: there is nothing to set")


GO_MOD = Updater(
    name="go-mod",
    files=("go.mod",),
    summary="Sets nothing: the tag is the version. It says so where the module's path does not end "
    "in the major version that Go asks for.",
    matches=named("go.mod"),
    find=_find,
    max_characters=1024 * 1024,
)
