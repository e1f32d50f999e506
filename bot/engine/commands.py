"""Runs what people type in pull request comments.

The comment is fetched again, its author's role asked again and the policy read again: nothing of
the payload is believed but which comment it was about. All commands of a comment are answered in
one comment, and each is written to the audit log, also when it is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from bot.core.audit.entry import content_key
from bot.core.commands.authority import Caller, Commented, authorise, is_heard
from bot.core.commands.command import Surroundings
from bot.core.commands.grammar import Misread, Silence, Typed, body_digest, read_comment
from bot.core.commands.requests import Refusal, Request
from bot.core.decision import Json
from bot.core.effects import PostComment, React
from bot.core.model import Actor, ActorKind
from bot.core.render.command import (
    answer_marker,
    render_answer,
    render_misread,
)
from bot.core.render.comment import SummaryComment
from bot.core.work.pulls import RunCommand
from bot.engine.answers import Answers
from bot.engine.apply import apply
from bot.engine.asked import Answer, Asked, refuse
from bot.engine.callers import Callers
from bot.engine.locate import Locator
from bot.engine.policies import Environments, Policies
from bot.ports import Clock, Hub, HubClosed, HubGone, HubRefused, HubSuspended, Store
from bot.ports.operations import (
    Answered,
    AuditEntry,
    AuditLog,
    CommandComment,
    CommandHub,
    OperationStore,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CommandRunner:
    hub: Hub
    commands: CommandHub
    operations: OperationStore
    policies: Policies
    callers: Callers
    store: Store
    answers: Answers
    audit: AuditLog
    clock: Clock
    locator: Locator

    async def run_command(self, work: RunCommand, cause: str) -> None:
        try:
            await self._run_here(work, cause)
        except (HubGone, HubRefused) as error:
            if not await self._goes_on_elsewhere(work):
                if isinstance(error, HubRefused):
                    raise
                log.info("comment_gone", comment=work.comment_id)

    async def _goes_on_elsewhere(self, work: RunCommand) -> bool:
        """Whether the repository is at another place by now, where this is then done, or at none
        where the App is installed: nothing can be answered there."""
        try:
            found = await self.locator.find(work.repo)
        except HubGone as error:
            log.info("repository_gone", repository=work.repo.full_name, error=str(error))
            return True
        if found == work.repo:
            return False
        await self.store.enqueue(
            replace(work, installation_id=found.installation_id, owner=found.owner, name=found.name)
        )
        return True

    async def _run_here(self, work: RunCommand, cause: str) -> None:
        comment = await self.commands.fetch_comment(work.ref, work.comment_id)
        reading = read_comment(comment.body)
        if isinstance(reading, Silence) or not await self._is_heard(work, comment):
            return  # other bots get no answer, so that no two of them ever talk to each other
        if await self.commands.fetch_own_comment(work.ref, answer_marker(work.comment_id)):
            return  # answered before this process, or another, was killed
        if await self.operations.fetch_begun(work.repository_id, work.comment_id):
            return  # so was what it began, whose own comment is the answer
        await self._react(work, "eyes", cause)
        answered = await self.operations.fetch_answered(work.repository_id, work.comment_id)
        if answered is None:
            answers = await self._carry_out(reading, work, comment)
            refused = any(answer.refused for answer in answers)
            answered = Answered(tuple(answer.text for answer in answers), refused)
            await self.operations.note_answered(work.repository_id, work.comment_id, answered)
        await self._answer(work, answered, cause)

    async def _carry_out(
        self, reading: Misread | Sequence[Typed], work: RunCommand, comment: CommandComment
    ) -> list[Answer]:
        """Once: how often the answer has to be tried, until GitHub takes it, is no matter."""
        if isinstance(reading, Misread):
            answer = Answer(render_misread(reading), refused=True, why=reading.problem)
            await self._note(work, comment, "misread", answer)
            return [answer]
        asked = await self._asked(work, comment)
        return [await self._run(typed, asked, work, comment) for typed in reading]

    async def _is_heard(self, work: RunCommand, comment: CommandComment) -> bool:
        author, own = comment.author, comment.own
        if author.kind is not ActorKind.BOT or own:
            return is_heard(author, own=own, policies=())
        environments = await self._environments(work)
        return is_heard(author, own=own, policies=environments.by_name.values())

    async def _run(
        self, typed: Typed, asked: Asked, work: RunCommand, comment: CommandComment
    ) -> Answer:
        request = typed.command.read(typed.rest, Surroundings(asked.environments, asked.now))
        if isinstance(request, Refusal):
            answer = refuse(request)
            await self._note(work, comment, typed.line, answer)
            return answer
        environment = _environment_of(request)
        refusal = authorise(
            typed.command, environment, asked.environments.get(environment), asked.caller
        )
        if refusal is not None:
            answer = refuse(refusal)
            await self._note(work, comment, typed.line, answer)
            return answer
        await self._note(work, comment, typed.line, None)
        answer = await self.answers.run(request, asked)
        if answer.refused:
            await self._note(work, comment, typed.line, answer)
        return answer

    async def _asked(self, work: RunCommand, comment: CommandComment) -> Asked:
        pull = await self.commands.fetch_pull(work.ref)
        environments = await self._environments(work)
        seen = await self.operations.fetch_head_at(
            work.repository_id, work.number, datetime.fromtimestamp(work.received_at, UTC)
        )
        changed = comment.edited or body_digest(comment.body) != work.body_digest
        sender = comment.author
        if sender.id != work.actor_id:
            sender = Actor(work.actor_id, f"account {work.actor_id}")
        caller = Caller(
            actor=sender,
            role=await self.callers.fetch_role(work.repo, comment.author.login),
            teams=await self.callers.fetch_teams(
                work.repo, comment.author.login, environments.by_name.values()
            ),
            comment=Commented(comment.author, edited=changed, from_fork=pull.from_fork),
        )
        return Asked(
            ref=work.ref,
            pull=pull,
            comment_id=work.comment_id,
            caller=caller,
            seen_head=seen,
            environments=environments.by_name,
            commits=environments.commits,
            release=environments.release,
            migrations=environments.migrations,
            policy_fault=environments.fault,
            typed_at=_typed_at(work, comment),
            now=self.clock.now(),
        )

    async def _environments(self, work: RunCommand) -> Environments:
        files = await self.commands.fetch_trunk_policy(work.repo)
        return await self.policies.in_force(work.repo, files)

    async def _answer(self, work: RunCommand, answered: Answered, cause: str) -> None:
        texts = [each for each in answered.texts if each]
        if texts:
            body = render_answer(work.comment_id, texts)
            comment = SummaryComment(body, f"answer to {work.comment_id}")
            await self._apply(PostComment(work.ref, comment), cause)
        if answered.refused:
            await self._react(work, "-1", cause)

    async def _react(self, work: RunCommand, content: str, cause: str) -> None:
        """A reaction is for show: what was asked for is done also where there can be none."""
        try:
            await self._apply(React(work.ref, work.comment_id, content), cause)
        except HubSuspended:
            raise
        except HubRefused as error:
            if await self.locator.find(work.repo) != work.repo:
                raise  # it goes on where the repository is now
            log.warning("reaction_refused", comment=work.comment_id, error=str(error))

    async def _apply(self, effect: PostComment | React, cause: str) -> None:
        try:
            await apply(effect, hub=self.hub, store=self.store, cause=cause)
        except HubClosed as error:
            # Whoever may write in a locked conversation is obeyed there, and cannot be answered.
            log.warning("comment_refused", pull=str(effect.ref), error=str(error))

    async def _note(
        self, work: RunCommand, comment: CommandComment, line: str, answer: Answer | None
    ) -> None:
        """``answer`` is None for a command that is allowed and not carried out yet."""
        refused = answer is not None and answer.refused
        detail: dict[str, Json] = {"line": line, "refused": refused, "actor_id": work.actor_id}
        if answer is not None and refused:
            detail["why"] = answer.why
        await self.audit.append(
            AuditEntry(
                kind="command",
                actor=comment.author.login,
                repository=work.repo.full_name,
                subject=f"{work.ref} comment {work.comment_id}",
                detail=detail,
                pull_number=work.number,
                # A job that was killed runs again. Should it decide otherwise, that is news.
                key=content_key("command", work.repository_id, work.comment_id, line, refused),
            )
        )


def _typed_at(work: RunCommand, comment: CommandComment) -> datetime:
    """GitHub gives whole seconds; a delivery may come late, or bear no time."""
    at = comment.created_at + timedelta(seconds=1)
    return min(at, datetime.fromtimestamp(work.received_at, UTC)) if work.received_at else at


def _environment_of(request: Request) -> str:
    return str(getattr(request, "environment", ""))
