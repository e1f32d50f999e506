"""What people ask for on a release pull request by ``/release …``, put together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.release.model import Steering
from bot.core.release.version import Version, parse_version
from bot.core.sha import Sha


class WishKind(StrEnum):
    AS = "as"
    PRERELEASE = "prerelease"
    SKIP = "skip"
    NOTE = "note"
    RESET = "reset"
    """Nothing that was asked for before counts any longer."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One command, as it was carried out. ``value`` is a version, a commit's whole id or a note;
    empty for the others."""

    kind: WishKind
    value: str
    package: str | None
    """By name; None for every package of the pull request."""
    actor: str
    """A login."""
    comment_id: int
    """Comments are told apart and ordered by it: GitHub gives ids that grow."""
    at: datetime

    @property
    def line(self) -> str:
        """What was typed, in its shortest form."""
        behind = [self.value, self.package]
        if self.package and self.kind in (WishKind.SKIP, WishKind.NOTE):
            behind = ["--package", self.package, self.value]
        return " ".join(filter(None, ["/release", self.kind, *behind]))


def decide_steering(wishes: Iterable[Wish], package: str) -> Steering:
    """What counts for a package of what was asked for on one pull request, in whatever order the
    wishes come: the last version, and everything else since the last reset."""
    counting: list[Wish] = []
    for wish in sorted(wishes, key=lambda wish: wish.comment_id):
        if wish.kind is WishKind.RESET:
            counting.clear()
        elif wish.package in (None, package):
            counting.append(wish)
    versions = [wish for wish in counting if wish.kind is WishKind.AS]
    version: Version | None = parse_version(versions[-1].value) if versions else None
    followed = [wish for wish in counting if wish.kind is not WishKind.AS or wish is versions[-1]]
    return Steering(
        release_as=version,
        prerelease=any(wish.kind is WishKind.PRERELEASE for wish in counting),
        skipped=frozenset(Sha(wish.value) for wish in counting if wish.kind is WishKind.SKIP),
        notes=tuple(dict.fromkeys(wish.value for wish in counting if wish.kind is WishKind.NOTE)),
        said_by={wish.line: wish.actor for wish in followed},
    )
