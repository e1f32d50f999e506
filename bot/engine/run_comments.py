"""The one comment of a run of database changes, kept up to date."""

from dataclasses import dataclass

import structlog

from bot.core.effects import Effect, PostComment, React, UpdateComment
from bot.core.migrations.runs import Run, RunState
from bot.core.model import PullRef
from bot.core.render.comment import SummaryComment
from bot.core.render.schema_run import render_run, run_marker
from bot.engine.apply import apply
from bot.engine.links import Links
from bot.ports import Hub, HubClosed, HubGone, Store
from bot.ports.operations import CommandHub

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RunComments:
    hub: Hub
    commands: CommandHub
    store: Store
    links: Links

    async def tell(self, run: Run, cause: str) -> None:
        """
        Raises:
            HubUnavailable, HubRefused: it could not be written; to be run again.
        """
        ref = PullRef(run.repo, run.pull_number)
        body = render_run(run, details_url=self.links.migrations(run.repo))
        comment = SummaryComment(body, f"run {run.id} revision {run.revision}")
        effects: list[Effect] = []
        try:
            own = await self.commands.fetch_own_comment(ref, run_marker(run.id))
            if own is None:
                effects.append(PostComment(ref, comment))
            elif own.body.strip() != body.strip():
                effects.append(UpdateComment(ref, own.id, comment))
            if run.ended:
                good = run.state is RunState.SUCCEEDED
                effects.append(React(ref, run.comment_id, "rocket" if good else "-1"))
            for effect in effects:
                await apply(effect, hub=self.hub, store=self.store, cause=cause)
        except HubGone:
            log.info("pull_request_gone", pull=str(ref))
        except HubClosed as error:
            log.warning("comment_refused", pull=str(ref), error=str(error))
