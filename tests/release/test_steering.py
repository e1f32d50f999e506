"""What counts of several ``/release …`` commands."""

from datetime import UTC, datetime

import pytest

from bot.core.model import Sha
from bot.core.release.model import Steering
from bot.core.release.steering import Wish, WishKind, decide_steering
from bot.core.release.version import Version

A, B = (Sha(letter * 40) for letter in "ab")


def wish(
    comment_id: int, kind: WishKind, value: str = "", package: str | None = None, by: str = "octo"
) -> Wish:
    return Wish(kind, value, package, by, comment_id, datetime(2026, 10, 1, tzinfo=UTC))


AS_2 = wish(1, WishKind.AS, "2.0.0")
AS_3 = wish(2, WishKind.AS, "3.0.0-rc.1", by="maria")
SKIP_A = wish(3, WishKind.SKIP, A)
SKIP_B = wish(4, WishKind.SKIP, B)
NOTE = wish(5, WishKind.NOTE, "Mind the step.")
AGAIN = wish(6, WishKind.NOTE, "Mind the step.")
PRERELEASE = wish(7, WishKind.PRERELEASE)
OF_API = wish(8, WishKind.AS, "1.1.0", package="api")
NOTE_OF_API = wish(11, WishKind.NOTE, "Faster now.", package="api")
SKIP_OF_API = wish(12, WishKind.SKIP, A, package="api")
RESET = wish(9, WishKind.RESET)
AFTER = wish(10, WishKind.NOTE, "Now.")


@pytest.mark.parametrize(
    ("wishes", "package", "counts"),
    [
        ([], "", Steering()),
        ([AS_2], "", Steering(Version(2, 0, 0), said_by={"/release as 2.0.0": "octo"})),
        (
            [AS_3, AS_2],
            "",
            Steering(Version(3, 0, 0, ("rc", "1")), said_by={"/release as 3.0.0-rc.1": "maria"}),
        ),
        (
            [SKIP_A, SKIP_B],
            "",
            Steering(
                skipped=frozenset({A, B}),
                said_by={f"/release skip {A}": "octo", f"/release skip {B}": "octo"},
            ),
        ),
        (
            [NOTE, AGAIN, PRERELEASE],
            "web",
            Steering(
                prerelease=True,
                notes=("Mind the step.",),
                said_by={"/release note Mind the step.": "octo", "/release prerelease": "octo"},
            ),
        ),
        (
            [AS_2, OF_API],
            "api",
            Steering(Version(1, 1, 0), said_by={"/release as 1.1.0 api": "octo"}),
        ),
        ([AS_2, OF_API], "web", Steering(Version(2, 0, 0), said_by={"/release as 2.0.0": "octo"})),
        (
            [NOTE_OF_API, SKIP_OF_API],
            "api",
            Steering(
                skipped=frozenset({A}),
                notes=("Faster now.",),
                said_by={
                    "/release note --package api Faster now.": "octo",
                    f"/release skip --package api {A}": "octo",
                },
            ),
        ),
        ([NOTE_OF_API, SKIP_OF_API], "web", Steering()),
        (
            [AFTER, RESET, AS_2, SKIP_A, NOTE, PRERELEASE],
            "",
            Steering(notes=("Now.",), said_by={"/release note Now.": "octo"}),
        ),
    ],
)
def test_what_counts(wishes: list[Wish], package: str, counts: Steering) -> None:
    assert decide_steering(wishes, package) == counts
    assert decide_steering(reversed(wishes), package) == counts
