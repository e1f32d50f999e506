"""``/release …``: what people ask for on a release pull request is kept for its next renewal."""

from dataclasses import dataclass, replace

from bot.core.commands.near import nearest
from bot.core.commands.requests import (
    Refusal,
    ReleaseAsRequest,
    ReleaseNoteRequest,
    ReleasePrereleaseRequest,
    ReleaseResetRequest,
    ReleaseSkipRequest,
    SteeringRequest,
)
from bot.core.phrases import listed, quoted
from bot.core.policy.release import ReleasePolicy
from bot.core.release.pull_request import BRANCHES
from bot.core.release.steering import Wish, WishKind
from bot.core.render.steering import render_wish
from bot.core.work.releases import ReconcileRelease
from bot.engine.asked import Answer, Asked, refuse
from bot.engine.release_lines import release_branches
from bot.ports import HubGone, Store
from bot.ports.operations import CommandHub, PullFacts
from bot.ports.steering import SteeringStore

_SAID = "`/release`"


@dataclass(frozen=True, slots=True)
class Steers:
    commands: CommandHub
    steering: SteeringStore
    store: Store

    async def steer(self, request: SteeringRequest, asked: Asked) -> Answer:
        policy = _policy(asked, reset=isinstance(request, ReleaseResetRequest))
        if isinstance(policy, Refusal):
            return refuse(policy)
        match request:
            case ReleaseAsRequest(version, package):
                value, kind = str(version), WishKind.AS
            case ReleasePrereleaseRequest(package):
                value, kind = "", WishKind.PRERELEASE
            case ReleaseSkipRequest(commit, package):
                value, kind = commit.text, WishKind.SKIP
            case ReleaseNoteRequest(text, package):
                value, kind = text, WishKind.NOTE
            case ReleaseResetRequest():
                return await self._reset(asked)
        refusal = _no_package(_wish(kind, value, asked, package), policy, asked.pull)
        if refusal:
            return refuse(refusal)
        if isinstance(request, ReleaseSkipRequest):
            return await self._skip(request, asked)
        wish = _wish(kind, value, asked, package)
        await self._keep(wish, asked)
        return Answer(render_wish(wish))

    async def _skip(self, request: ReleaseSkipRequest, asked: Asked) -> Answer:
        repo, line = asked.ref.repo, asked.pull.base_ref
        said = f"Leaving out `{request.commit.text[:12]}`"
        try:
            found = await self.commands.fetch_commit(repo, request.commit.text, trunk=line)
        except HubGone as error:
            return refuse(Refusal(said, f"{error}.", "Name a commit by more of its id."))
        if not found.on_trunk:
            against = f"That commit is not on {quoted(line)}, from which this is released."
            return refuse(Refusal(said, against, "Name one that the changelog here links."))
        wish = _wish(WishKind.SKIP, found.commit.sha, asked, request.package)
        await self._keep(wish, asked)
        subject = found.commit.message.partition("\n")[0]
        return Answer(render_wish(wish, subject=subject))

    async def _reset(self, asked: Asked) -> Answer:
        earlier = 0
        for wish in await self.steering.fetch_wishes(asked.ref.repo.id, asked.ref.number):
            if wish.comment_id < asked.comment_id:
                earlier = 0 if wish.kind is WishKind.RESET else earlier + 1
        wish = _wish(WishKind.RESET, "", asked)
        await self._keep(wish, asked)
        return Answer(render_wish(wish, earlier=earlier, closed=not asked.pull.open))

    async def _keep(self, wish: Wish, asked: Asked) -> None:
        repo = asked.ref.repo
        await self.steering.add_wish(repo.id, asked.ref.number, wish)
        await self.store.enqueue(
            ReconcileRelease(repo.installation_id, repo.id, repo.owner, repo.name)
        )


def _policy(asked: Asked, *, reset: bool) -> ReleasePolicy | Refusal:
    """The policy, where the pull request is one that can be steered. What was asked for can be
    taken back on a closed one too: it may have left nothing to release."""
    pull = asked.pull
    if asked.policy_fault:
        return Refusal(_SAID, f"{asked.policy_fault}.", "Mend the policy on the default branch.")
    if asked.release is None:
        return Refusal(
            _SAID,
            "The policy has no `release`, so Lockgate makes no releases here.",
            "Whoever keeps `.github/lockgate.yml` adds `release:` to it.",
        )
    if pull.from_fork or not pull.head_ref.startswith(BRANCHES):
        return Refusal(
            _SAID,
            "This is no release pull request.",
            f"Type it on the one that Lockgate opened, from a branch `{BRANCHES}…`.",
        )
    if pull.merged:
        return Refusal(
            _SAID,
            "This pull request was merged, and what it released stays as it is.",
            "The next release has a pull request of its own.",
        )
    if not pull.open and not reset:
        return Refusal(_SAID, "This pull request is closed.", "Reopen it, and type it again.")
    return asked.release


def _no_package(wish: Wish, policy: ReleasePolicy, pull: PullFacts) -> Refusal | None:
    """Why the package that is named, or that none is, does not do."""
    names = _packages(policy, pull)
    package = wish.package or ""
    if not package and (len(names) == 1 or wish.kind is not WishKind.AS):
        return None
    if not package:
        near = replace(wish, package=next(filter(None, names)))
        return Refusal(
            _SAID,
            f"This pull request is for several packages, {_named(names)}, and each has a version "
            "of its own.",
            f"Name one: `{near.line}`.",
        )
    if package in names:
        return None
    if not any(names):
        return Refusal(
            _SAID,
            f"There is no package {quoted(package)}: the repository is released as a whole.",
            f"Try `{replace(wish, package=None).line}`.",
        )
    meant = nearest(package, names)
    return Refusal(
        _SAID,
        f"This pull request is for no package {quoted(package)}, but for {_named(names)}.",
        f"Try `{replace(wish, package=meant).line}`." if meant else "",
    )


def _packages(policy: ReleasePolicy, pull: PullFacts) -> list[str]:
    """The packages that a pull request is for, as far as its branch says."""
    branches = dict(release_branches(policy, pull.base_ref))
    return branches.get(pull.head_ref) or [package.called for package in policy.whole]


def _named(names: list[str]) -> str:
    return listed([quoted(name) for name in names if name], 12)


def _wish(kind: WishKind, value: str, asked: Asked, package: str = "") -> Wish:
    return Wish(kind, value, package or None, asked.actor.login, asked.comment_id, asked.now)
