"""``__version__`` in Python's sources."""

import re

from bot.core.release.updaters.updater import (
    Found,
    Hints,
    NoVersion,
    Spot,
    UpdateError,
    Updater,
    for_python,
)
from bot.core.release.version import Version

# Strings and comments are read over, so that none of them is taken for the assignment.
# https://docs.python.org/3/reference/lexical_analysis.html#string-and-bytes-literals
_TOKENS = re.compile(
    r"""^\ufeff?__version__[ \t]*(?::[^=\n#]*)?=[ \t]*
          (?:(?P<quote>["'])(?P<version>[^"'\\\n]*)(?P=quote)[ \t]*(?=\r?$|[#;])
          |(?P<computed>[^=\n]))
      | \"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3}
      | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
      | \#[^\n]*+
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    assignments = [match for match in _TOKENS.finditer(text) if match["quote"] or match["computed"]]
    if not assignments:
        raise NoVersion(
            path,
            "it has no `__version__` at the start of a line",
            f'add `__version__ = "{hints.former or version}"`',
        )
    if len(assignments) > 1:
        raise UpdateError(
            path,
            "it sets `__version__` more than once",
            "leave one, or mark its line with `x-lockgate-version`",
        )
    if assignments[0]["computed"]:
        return Found(note="`__version__` is computed there: there is nothing to set")
    return Found((Spot(*assignments[0].span("version"), for_python(version, path)),))


PYTHON_SOURCE = Updater(
    name="python-source",
    files=("*.py",),
    summary='Sets `__version__ = "…"` at the start of a line. Nothing is set where it is computed.',
    matches=lambda path: path.endswith(".py"),
    find=_find,
    max_characters=1024 * 1024,
)
