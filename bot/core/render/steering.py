"""What is answered to ``/release …``."""

from bot.core.phrases import counted
from bot.core.release.steering import Wish, WishKind
from bot.core.render import escape
from bot.core.render.words import stopped

_BACK = "`/release reset` takes back what was asked for here."


def render_wish(wish: Wish, *, subject: str = "", earlier: int = 0, closed: bool = False) -> str:
    """``subject`` is the first line of the commit that is left out; ``earlier`` how many wishes a
    reset takes back, and ``closed`` whether it does so of a closed pull request."""
    by = escape.inline(wish.actor, 60)
    of = f" of {escape.code(wish.package, 100)}" if wish.package else ""
    match wish.kind:
        case WishKind.AS:
            return (
                f"**{by} asks for version {escape.code(wish.value)}{of}.** The pull request is "
                "renewed, and says so where that version cannot come next. "
                f"{_BACK}"
            )
        case WishKind.PRERELEASE:
            return f"**{by} asks for a prerelease{of} first.** The pull request is renewed. {_BACK}"
        case WishKind.SKIP:
            said = f", {escape.inline(subject, 120)}," if subject else ""
            out = f"left out{of}" if of else "left out"
            return (
                f"**Commit {escape.code(wish.value[:7])}{said} is {out} by {by}.** It moves no "
                "version and does not stand in the changelog. Its code is released all the same: "
                f"to take that back, revert it. {_BACK}"
            )
        case WishKind.NOTE:
            return (
                f"**A note by {by} stands above the changelog's entries{of}:** "
                f"{stopped(escape.inline(wish.value, 600))} {_BACK}"
            )
        case WishKind.RESET:
            if not earlier:
                return "**Nothing was asked for here.** Nothing was done."
            renewed = "Reopened, it is renewed" if closed else "It is renewed"
            return (
                f"**{counted(earlier, 'command')} of this pull request taken back by {by}.** "
                f"{renewed} by what the commits say."
            )
