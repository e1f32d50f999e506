"""Closed release pull requests: those that have nothing to release, and those that somebody put
off."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.model import PullState
from bot.core.phrases import listed
from bot.core.release.model import ReleasePlan
from bot.core.release.pull_request import changes_digest, parse_pull, render_closed
from bot.core.render import escape
from bot.engine.publishing import Trunk, noted_on
from bot.ports import Store
from bot.ports.releases import ReleaseHub, ReleasePull

_CLOSED = "<!-- lockgate:release-closed -->"
_NOTHING = "<!-- lockgate:release-nothing -->"
_REOPEN = "press **Reopen pull request**, and before that **Restore branch** if its branch is gone"


@dataclass(frozen=True, slots=True)
class Closing:
    releases: ReleaseHub
    store: Store

    async def stays(self, trunk: Trunk, newest: ReleasePull, plans: Sequence[ReleasePlan]) -> bool:
        """Whether somebody closed the newest pull request and nothing has landed since."""
        if newest.state is not PullState.CLOSED:
            return False
        said = parse_pull(trunk.config, newest.title, newest.body)
        if said.digest != changes_digest(plans):
            return False
        if trunk.dry:
            return True
        tags = listed([escape.inline(plan.tag) for plan in plans])
        text = (
            f"{_CLOSED}\n{tags} {'is' if len(plans) == 1 else 'are'} not released for now. "
            f"{_stays(trunk)} To have it after all, {_REOPEN}."
        )
        async with noted_on(trunk, self.store, "comment_once", str(newest.ref), text):
            await self.releases.comment_once(newest.ref, _CLOSED, text)
        return True

    async def close(
        self,
        trunk: Trunk,
        pull: ReleasePull,
        reasons: Sequence[str],
        left_out: Sequence[ReleasePlan],
    ) -> None:
        """``left_out`` would be released, had nobody asked for something else on the pull
        request."""
        if trunk.dry:
            return
        said = "\n".join(f"- {escape.sentence(reason, limit=600)}" for reason in reasons)
        marker, why = _NOTHING, "There is nothing to release any more, so this is closed."
        if left_out:
            marker, why = _CLOSED, "All there was to release is left out, so this is closed."
            said += f"\n\n{_stays(trunk)} To have it after all, type `/release reset`, then "
            said += f"{_REOPEN}."
        before = parse_pull(trunk.config, pull.title, pull.body)
        # What people left out stays out, as if they had closed it. What comes back, by the revert
        # of a revert, is not to be taken for what they put off.
        head = before.head or trunk.line.head
        body = render_closed(left_out, head, f"{why}\n\n{said}", before.words)
        text = f"{marker}\n{why}\n\n{said}"
        async with noted_on(trunk, self.store, "close_pull", str(pull.ref), text):
            await self.releases.comment_once(pull.ref, marker, text)
            await self.releases.edit_pull(pull.ref, body=body)
            await self.releases.close_pull(pull.ref)


def _stays(trunk: Trunk) -> str:
    line = escape.code(trunk.line.branch)
    return f"This stays closed until something new lands on {line} that makes a release."
