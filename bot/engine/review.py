"""What the bot has to say of a pull request, and what writing it would take. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.checks import CheckOutput
from bot.core.decide import Decided, decide
from bot.core.decision import Verdict
from bot.core.effects import Effect, plan_checks, plan_summary
from bot.core.model import PullRequest, PullState
from bot.core.render.check import render_checks, with_others_of_commit
from bot.core.render.comment import SummaryComment, render_summary
from bot.ports import HeadVerdict, PullSnapshot

_HELD = frozenset({Verdict.FAIL, Verdict.WAIT, Verdict.ERROR})


@dataclass(frozen=True, slots=True)
class Review:
    """``effects`` is what differs from what stands on GitHub: empty for a closed pull request,
    on which nothing is written any more."""

    pull: PullRequest
    decided: Decided
    checks: tuple[CheckOutput, ...]
    summary: SummaryComment
    effects: tuple[Effect, ...]


def review_pull_request(
    snapshot: PullSnapshot,
    *,
    details_url: str,
    now: datetime,
    rerun: bool = False,
    others: Sequence[HeadVerdict] = (),
) -> Review:
    """``rerun`` asks for new check runs even where the present ones say the same; ``others`` are
    pull requests with the same commit at their heads."""
    pull = snapshot.pull
    decided = decide(pull, snapshot.policy_files)
    held = {one.number: one.base_ref for one in others if one.verdict in _HELD}
    checks = with_others_of_commit(render_checks(decided.decision, details_url=details_url), held)
    summary = render_summary(decided.decision, pull, now, details_url, held)
    effects: list[Effect] = []
    if pull.state is PullState.OPEN:
        effects += plan_checks(pull.ref.repo, pull.head_sha, checks, snapshot.checks, rerun=rerun)
        effects += plan_summary(pull.ref, summary, snapshot.comments)
    return Review(pull, decided, checks, summary, tuple(effects))
