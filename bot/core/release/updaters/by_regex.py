"""Any file, by an RE2 expression of ``extra_files`` whose one group is the version."""

from itertools import islice

from bot.core.patterns import compile_pattern
from bot.core.release.updaters.updater import Found, Hints, NoVersion, Spot, UpdateError, Updater
from bot.core.release.version import Version

_MOST = 1_000


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    try:
        pattern = compile_pattern(hints.pattern)
    except ValueError as error:
        raise UpdateError(path, f"its pattern: {error}", "mend `release.extra_files`") from None
    matches = list(islice(pattern.finditer(text), _MOST + 1))
    if len(matches) > _MOST:
        raise UpdateError(
            path,
            f"the pattern matches more than {_MOST:,} times",
            "let it match the version's lines alone",
        )
    spans = [match.span(1) for match in matches]
    spots = tuple(Spot(start, end, str(version)) for start, end in spans if start < end)
    if not spots:
        raise NoVersion(
            path,
            f"the pattern `{hints.pattern}` finds no version",
            "mend the pattern in `release.extra_files`, or write the version there",
        )
    return Found(spots)


BY_REGEX = Updater(
    name="by-regex",
    files=(),
    summary="Sets what the one group of `regex` matches, wherever it matches.",
    matches=lambda path: True,
    find=_find,
    max_characters=1024 * 1024,
    unread="let the pattern's group match whatever a version may be, such as `([0-9][^\\s\"]*)`",
)
