"""The check run that says what is in the way of a release, or what to look at before it."""

from collections.abc import Sequence

from bot.core.checks import CheckOutput, Conclusion
from bot.core.phrases import counted, listed
from bot.core.release.model import FileNote
from bot.core.release.pull_request import render_note
from bot.core.render import escape
from bot.core.render.check import CHECK_BYTES, CHECK_TITLE
from bot.core.render.words import fit

RELEASE_CHECK = "lockgate/release"
_LINE = 1_000


def render_held_check(
    tags: Sequence[str], problems: Sequence[str], *, details_url: str = ""
) -> CheckOutput:
    """On the commit of which these tags cannot be released; the problems are plain sentences."""
    title = f"{listed(tags)} cannot be prepared"
    said = [escape.sentence(problem, limit=_LINE) for problem in problems]
    return _check(Conclusion.FAILURE, title, said, details_url)


def render_notes_check(
    tags: Sequence[str], notes: Sequence[FileNote], *, details_url: str = ""
) -> CheckOutput:
    """On the release pull request's head: nothing is in the way, and somebody should look."""
    title = f"{listed(tags)}: {counted(len(notes), 'file')} to look at"
    return _check(Conclusion.NEUTRAL, title, [render_note(note) for note in notes], details_url)


def render_free_check(
    tags: Sequence[str], pulls: Sequence[str], *, details_url: str = ""
) -> CheckOutput:
    """On a commit that was held: it is not any longer. ``pulls`` are the addresses of the release
    pull requests; without ``tags`` there is nothing to release."""
    links = [escape.link(f"#{url.rpartition('/')[2]}", url) for url in pulls]
    return CheckOutput(
        name=RELEASE_CHECK,
        conclusion=Conclusion.SUCCESS,
        title=escape.plain(
            f"{listed(tags)} can be released" if tags else "Nothing to release", CHECK_TITLE
        ),
        summary=f"What comes next stands in {listed(links)}."
        if links
        else "Nothing is in the way of a release.",
        text="",
        details_url=details_url,
    )


def render_unreleased_check(reason: str, *, details_url: str = "") -> CheckOutput:
    """On a commit of which nothing can be said, for a reason in a plain sentence."""
    return _check(Conclusion.NEUTRAL, "Nothing is released from here", [reason], details_url)


def _check(
    conclusion: Conclusion, title: str, lines: Sequence[str], details_url: str
) -> CheckOutput:
    return CheckOutput(
        name=RELEASE_CHECK,
        conclusion=conclusion,
        title=escape.plain(title, CHECK_TITLE),
        summary=fit([f"- {line}" for line in lines], CHECK_BYTES, fixed=0, details_url=details_url),
        text="",
        details_url=details_url,
    )
