"""Comments, reactions, checks and statuses: the last part of what the sandbox GitHub can do."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.sandbox.errors import custom_invalid, invalid
from bot.sandbox.merging import Merging
from bot.sandbox.model import (
    Account,
    App,
    CheckRun,
    CheckSuite,
    Comment,
    Json,
    Pull,
    Reaction,
    Repository,
    Status,
)
from bot.sandbox.shapes_pulls import REACTIONS

COMMENT_CHARACTERS = 65_536
_STATUSES_EACH = 1000


class World(Merging):
    # comments

    def comment(
        self, pull: Pull, body: str, *, by: Account | None = None, app: App | None = None
    ) -> Comment:
        """Write a comment, as an account or as an App. Raises ApiError when it is too long."""
        if not body.strip():
            raise invalid("IssueComment", "body", "missing_field")
        if len(body) > COMMENT_CHARACTERS:
            raise custom_invalid(
                "IssueComment", f"Body is too long (maximum is {COMMENT_CHARACTERS} characters)"
            )
        now = self.now()
        author = app.bot if app else by or self.user("octocat")
        comment = Comment(self.next_id("comment"), pull, body, author, app, now, now)
        pull.repository.comments[comment.id] = comment
        pull.comment_ids.append(comment.id)
        pull.updated_at = now
        self._note("commented", pull, author, str(comment.id))
        self._comment_event("created", comment, author)
        return comment

    def edit_comment(self, comment: Comment, body: str, *, by: Account | None = None) -> None:
        if len(body) > COMMENT_CHARACTERS:
            raise custom_invalid(
                "IssueComment", f"Body is too long (maximum is {COMMENT_CHARACTERS} characters)"
            )
        before, comment.body = comment.body, body
        comment.updated_at = comment.edited_at = self.now()
        self._comment_event("edited", comment, by, changes={"body": {"from": before}})

    def delete_comment(self, comment: Comment, *, by: Account | None = None) -> None:
        del comment.pull.repository.comments[comment.id]
        comment.pull.comment_ids.remove(comment.id)
        self._comment_event("deleted", comment, by)

    def comments_of(self, pull: Pull) -> list[Comment]:
        """Oldest first."""
        return [pull.repository.comments[comment_id] for comment_id in pull.comment_ids]

    def _comment_event(
        self, action: str, comment: Comment, by: Account | None, **more: object
    ) -> None:
        repository = comment.pull.repository
        sender = by or comment.author or self._owner_of(repository.owner)
        self.emit(
            "issue_comment",
            repository,
            lambda: {
                "action": action,
                **more,
                "issue": self.shapes.pull_issue(comment.pull),
                "comment": self.shapes.comment(comment),
                "repository": self.shapes.repository(repository),
                "sender": self.shapes.account(sender),
            },
        )

    def react(self, reactions: list[Reaction], content: str, by: Account) -> tuple[Reaction, bool]:
        """The reaction, and whether it is new: the same one twice stays one."""
        if content not in REACTIONS:
            raise invalid("Reaction", "content", "invalid")
        for known in reactions:
            if known.author is by and known.content == content:
                return known, False
        reaction = Reaction(self.next_id("reaction"), content, by, self.now())
        reactions.append(reaction)
        return reaction, True

    # checks

    def create_check(
        self,
        repository: Repository,
        app: App,
        sha: str,
        name: str,
        *,
        by: Account | None = None,
        **fields: Any,
    ) -> CheckRun:
        """``fields`` are those of CheckRun. A run with a conclusion is completed."""
        suite = self.suite_of(repository, app, sha)
        run = CheckRun(
            id=self.next_id("check_run"),
            suite=suite,
            name=name,
            status="queued",
            conclusion=None,
            started_at=self.now(),
            completed_at=None,
            details_url=None,
            external_id="",
        )
        suite.runs.append(run)
        repository.runs[run.id] = run
        sender = by or app.bot
        self._set_check(run, fields)
        self.emit_check("created", run, sender)
        if run.status == "completed":
            self._completed(run, sender)
        return run

    def update_check(self, run: CheckRun, *, by: Account | None = None, **fields: Any) -> None:
        was_completed = run.status == "completed"
        self._set_check(run, fields)
        if run.status == "completed" and not was_completed:
            self._completed(run, by or run.suite.app.bot)

    def _set_check(self, run: CheckRun, fields: Mapping[str, Any]) -> None:
        for field, value in fields.items():
            setattr(run, field, value)
        if fields.get("conclusion") is not None:
            run.status = "completed"
        if run.status == "completed":
            finished: datetime | None = fields.get("completed_at")
            run.completed_at = finished or run.completed_at or self.now()
        else:
            run.conclusion = run.completed_at = None
        run.suite.updated_at = self.now()

    def _completed(self, run: CheckRun, by: Account) -> None:
        self.emit_check("completed", run, by)
        if run.suite.status == "completed":
            self.emit_suite("completed", run.suite, by)

    def press(self, run: CheckRun, identifier: str, *, by: Account | None = None) -> None:
        """Press one of a run's buttons."""
        sender = by or self._owner_of(run.suite.repository.owner)
        wanted = {"identifier": identifier}
        self.emit_check("requested_action", run, sender, requested_action=wanted)

    def rerequest_check(self, run: CheckRun, *, by: Account | None = None) -> None:
        """Ask its App to run it again; the run itself does not change."""
        self.emit_check("rerequested", run, by or self._owner_of(run.suite.repository.owner))

    def rerequest_suite(self, suite: CheckSuite, *, by: Account | None = None) -> None:
        self.emit_suite("rerequested", suite, by or self._owner_of(suite.repository.owner))

    def emit_check(self, action: str, run: CheckRun, by: Account, **more: object) -> None:
        repository = run.suite.repository
        own = action in ("rerequested", "requested_action")
        self.emit(
            "check_run",
            repository,
            lambda: {
                "action": action,
                "check_run": self.shapes.check_run(
                    run, suite=self.shapes.suite_in_payload(run.suite)
                ),
                **more,
                "repository": self.shapes.repository(repository),
                "sender": self.shapes.account(by),
            },
            only=run.suite.app if own else None,
        )

    def checks_of(
        self, repository: Repository, sha: str, *, name: str = "", app_id: int | None = None
    ) -> list[CheckRun]:
        """All runs on a commit, newest first."""
        runs = [
            run
            for suite in repository.suites.get(sha, ())
            if app_id is None or suite.app.id == app_id
            for run in suite.runs
            if not name or run.name == name
        ]
        return sorted(runs, key=lambda run: run.id, reverse=True)

    def latest_checks(
        self, repository: Repository, sha: str, *, name: str = "", app_id: int | None = None
    ) -> list[CheckRun]:
        """The newest run of each name and App."""
        newest: dict[tuple[int, str], CheckRun] = {}
        for run in self.checks_of(repository, sha, name=name, app_id=app_id):
            newest.setdefault((run.suite.app.id, run.name), run)
        return list(newest.values())

    # statuses

    def set_status(
        self,
        repository: Repository,
        sha: str,
        context: str,
        state: str,
        *,
        description: str | None = None,
        target_url: str | None = None,
        by: Account | None = None,
    ) -> Status:
        """Raises ApiError after 1,000 of one context on one commit."""
        known = repository.statuses.setdefault(sha, [])
        if sum(status.context == context for status in known) >= _STATUSES_EACH:
            raise custom_invalid(
                "Status", "This SHA and context has reached the maximum number of statuses."
            )
        now = self.now()
        creator = by or self._owner_of(repository.owner)
        status = Status(
            self.next_id("status"), sha, state, context, description, target_url, creator, now, now
        )
        known.append(status)
        self.emit("status", repository, lambda: self._status(repository, status))
        return status

    def latest_statuses(self, repository: Repository, sha: str) -> Sequence[Status]:
        """The newest of each context."""
        return list({s.context: s for s in repository.statuses.get(sha, ())}.values())

    def _status(self, repository: Repository, status: Status) -> Json:
        commit = repository.git.store.commit(status.sha)
        shown = self.shapes.status(repository, status)
        return {
            "id": status.id,
            "sha": status.sha,
            "name": repository.full_name,
            "target_url": status.target_url,
            "avatar_url": shown["avatar_url"],
            "context": status.context,
            "description": status.description,
            "state": status.state,
            "commit": self.shapes.commit(repository, commit),
            "branches": [
                {
                    "name": ref.removeprefix("refs/heads/"),
                    "commit": {
                        "sha": oid,
                        "url": f"{self.shapes.repository_url(repository)}/commits/{oid}",
                    },
                    "protected": False,
                }
                for ref, oid in repository.git.refs.items()
                if oid == status.sha and ref.startswith("refs/heads/")
            ],
            "created_at": shown["created_at"],
            "updated_at": shown["updated_at"],
            "repository": self.shapes.repository(repository),
            "sender": self.shapes.account(status.creator),
        }
