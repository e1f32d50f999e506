"""What the pages say of pull requests: read from stored evaluations, filtered by repository."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from bot.core.decision import Decision, GateResult, Verdict, worst
from bot.core.render.json import from_json
from bot.ports import Evaluation
from bot.web.pages.pages import Site
from bot.web.pages.text import count
from bot.web.viewer import Repository

PULLS_SHOWN = 100
PULLS_READ = 1_000
"""Read where a reader may not see all, so that the rest does not push out what they may see."""

_HELD = (Verdict.FAIL, Verdict.WAIT, Verdict.ERROR)
_SEVEREST_FIRST = (Verdict.ERROR, Verdict.FAIL, Verdict.WAIT, Verdict.SKIP, Verdict.PASS)


@dataclass(frozen=True, slots=True)
class PullView:
    """A pull request with its gates. ``gates`` is None if the stored result cannot be read."""

    repository: str
    repository_id: int
    number: int
    title: str
    author: str
    state: str
    base_ref: str
    head_sha: str
    verdict: Verdict
    gates: tuple[GateResult, ...] | None
    evaluated_at: datetime

    @property
    def held(self) -> bool:
        return self.verdict in _HELD

    @property
    def path(self) -> str:
        return f"/repos/{self.repository}/pulls/{self.number}"

    @property
    def sentence(self) -> str:
        """The one sentence that a busy person needs."""
        if self.gates is None:
            return "The stored evaluation cannot be read, so nothing is known."
        if not self.gates:
            return "No gate applies, so nothing is known."
        held = sum(gate.verdict in _HELD for gate in self.gates)
        if held:
            return f"Held by {held} of {count(len(self.gates), 'gate')}."
        passed = sum(gate.verdict is Verdict.PASS for gate in self.gates)
        if not passed:
            return "Every gate was skipped, so nothing holds it and nothing vouches for it."
        return f"Nothing holds it: {passed} of {count(len(self.gates), 'gate')} passed."

    @property
    def next_step(self) -> str:
        """The remedy of the worst gate that has one."""
        held = [gate for gate in self.gates or () if gate.verdict in _HELD and gate.remedy]
        held.sort(key=lambda gate: _SEVEREST_FIRST.index(gate.verdict))
        return held[0].remedy if held else ""


@dataclass(frozen=True, slots=True)
class RepositoryView:
    full_name: str
    pulls: tuple[PullView, ...]

    @property
    def held(self) -> int:
        return sum(pull.held for pull in self.pulls)


def view_pull(evaluation: Evaluation) -> PullView:
    decision = _decision(evaluation)
    return PullView(
        repository=evaluation.repo.full_name,
        repository_id=evaluation.repo.id,
        number=evaluation.number,
        title=evaluation.title,
        author=evaluation.author,
        state=evaluation.state,
        base_ref=evaluation.base_ref,
        head_sha=evaluation.head_sha,
        verdict=Verdict.ERROR if decision is None else decision.verdict,
        gates=None if decision is None else decision.results,
        evaluated_at=evaluation.evaluated_at,
    )


def _decision(evaluation: Evaluation) -> Decision | None:
    """The stored decision; None if another release wrote it in a way that this one cannot read."""
    try:
        return from_json(evaluation.result)
    except ValueError:
        return None


def view_repositories(evaluations: Sequence[Evaluation]) -> tuple[RepositoryView, ...]:
    """By repository: what is held comes first, then the alphabet."""
    by_name: dict[str, list[PullView]] = {}
    for evaluation in evaluations:
        by_name.setdefault(evaluation.repo.full_name, []).append(view_pull(evaluation))
    repositories = [
        RepositoryView(
            name,
            tuple(
                sorted(pulls, key=lambda pull: (_SEVEREST_FIRST.index(pull.verdict), -pull.number))
            ),
        )
        for name, pulls in by_name.items()
    ]
    repositories.sort(key=lambda repository: (not repository.held, repository.full_name.lower()))
    return tuple(repositories)


def worst_of(repositories: Sequence[RepositoryView]) -> Verdict:
    return worst(pull.verdict for repository in repositories for pull in repository.pulls)


async def fetch_readable(site: Site, request: Request, owner: str, name: str) -> list[Evaluation]:
    """Of open pull requests, last evaluated first; more than ``PULLS_SHOWN`` if there are more."""
    for limit in (PULLS_SHOWN + 1, PULLS_READ):
        read = await site.store.fetch_evaluations(owner=owner, name=name, limit=limit)
        shown = await _readable(site, request, read)
        if len(shown) > PULLS_SHOWN or len(read) < limit:
            break
    return shown


async def _readable(
    site: Site, request: Request, evaluations: Sequence[Evaluation]
) -> list[Evaluation]:
    """Those of repositories that the reader may see.

    A repository is as private as its newest evaluation says: one that was made private takes its
    older evaluations with it.
    """
    newest: dict[int, Evaluation] = {}
    for evaluation in evaluations:
        known = newest.get(evaluation.repo.id)
        if known is None or evaluation.evaluated_at > known.evaluated_at:
            newest[evaluation.repo.id] = evaluation
    repositories = [Repository(id_, newest[id_].private) for id_ in sorted(newest)]
    readable = await site.viewer.readable(request, repositories)
    return [evaluation for evaluation in evaluations if evaluation.repo.id in readable]


async def find_pull(
    site: Site, request: Request, owner: str, name: str, number: int
) -> PullView | None:
    """The pull request, or None: unknown and not to be seen are one answer."""
    evaluation = await site.store.fetch_evaluation(owner, name, number)
    newest = await site.store.fetch_evaluations(owner=owner, name=name, limit=1)
    if evaluation is None:
        return None
    shown = await _readable(site, request, [evaluation, *newest])
    return view_pull(evaluation) if evaluation in shown else None
