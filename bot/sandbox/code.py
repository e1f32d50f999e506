"""Commits and branches: every change of them, with the events it causes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bot.sandbox.model import (
    Account,
    App,
    CheckSuite,
    Json,
    Pull,
    Repository,
)
from bot.sandbox.objects import EMPTY_TREE, ZERO, Change, FileDiff, NewCommit, Signature
from bot.sandbox.registry import Registry

_PUSHED_COMMITS = 2048
"""A push event holds no more commits than this."""


@dataclass(frozen=True, slots=True)
class CommitSpec:
    """A commit to make: without ``files`` it writes a small new file of its own."""

    message: str
    files: Mapping[str, str | bytes | None] = field(default_factory=dict)
    author: Account | Signature | None = None
    """The pusher, if not given."""


class Code(Registry):
    """Commits and branches."""

    def push(
        self,
        repository: Repository,
        branch: str,
        *commits: str | CommitSpec,
        by: Account | None = None,
        onto: str | None = None,
    ) -> list[str]:
        """Add commits to a branch and return their ids. A new branch starts at the default one.
        With ``onto`` the branch is rewritten to start there: a forced push."""
        pusher = by or self._owner_of(repository.owner)
        ref = f"refs/heads/{branch}"
        tip = repository.branch(branch) if onto is None else repository.git.resolve(onto)
        tip = tip or repository.branch(repository.default_branch)
        new = self._new_commits(repository, commits, pusher, tip)
        target = len(new) - 1 if new else tip
        return self.move_refs(repository, {ref: target}, new, by=pusher)

    def _new_commits(
        self,
        repository: Repository,
        commits: Sequence[str | CommitSpec],
        pusher: Account,
        tip: str | None,
    ) -> list[NewCommit]:
        new = []
        committer = self.signature(pusher)
        for index, item in enumerate(commits):
            spec = CommitSpec(item) if isinstance(item, str) else item
            author = spec.author or committer
            if isinstance(author, Account):
                author = self.signature(author)
            parents: tuple[str | int, ...] = (index - 1,) if index else ((tip,) if tip else ())
            changes = self._changes(repository, spec)
            message = spec.message if spec.message.endswith("\n") else spec.message + "\n"
            new.append(NewCommit(message, author, committer, parents, changes))
        return new

    def _changes(self, repository: Repository, spec: CommitSpec) -> tuple[Change, ...]:
        if not spec.files:
            repository.written_files += 1
            number = repository.written_files
            return (Change(f"notes/{number:04}.md", f"note {number}\n".encode()),)
        return tuple(
            Change(path, text.encode() if isinstance(text, str) else text)
            for path, text in spec.files.items()
        )

    def delete_branch(
        self, repository: Repository, branch: str, *, by: Account | None = None
    ) -> None:
        self.move_refs(repository, {f"refs/heads/{branch}": None}, by=by)

    def move_refs(
        self,
        repository: Repository,
        refs: Mapping[str, str | int | None],
        commits: Sequence[NewCommit] = (),
        *,
        by: Account | None = None,
    ) -> list[str]:
        """Write commits and move refs as ``GitRepository.write`` does, then do what follows of
        it: pull requests move on or close, and the events go out."""
        before = {ref: repository.git.refs.get(ref) for ref in refs}
        pulls = self._pulls_from(repository, refs)
        own_heads = {
            f"refs/pull/{pull.number}/head": refs[f"refs/heads/{pull.head_ref}"]
            for pull in pulls
            if pull.repository is repository and refs[f"refs/heads/{pull.head_ref}"] is not None
        }
        oids = repository.git.write(commits, {**refs, **own_heads})
        for pull in pulls:
            head = repository.branch(pull.head_ref)
            if pull.repository is not repository and head is not None:
                pull.repository.git.write((), {f"refs/pull/{pull.number}/head": head})
        self._refs_moved(repository, before, by or self._owner_of(repository.owner))
        return oids

    def receive(self, repository: Repository, *, by: Account | None = None) -> None:
        """Take in what a git client pushed into the bare repository."""
        moved = repository.git.reload()
        before = {ref: old for ref, (old, _) in moved.items() if ref.startswith("refs/heads/")}
        for pull in self._pulls_from(repository, before):
            head = repository.branch(pull.head_ref)
            if head is not None:
                pull.repository.git.write((), {f"refs/pull/{pull.number}/head": head})
        self._refs_moved(repository, before, by or self._owner_of(repository.owner))

    def _pulls_from(self, repository: Repository, refs: Mapping[str, object]) -> list[Pull]:
        """The open pull requests whose head is one of these branches."""
        places = [repository, *([repository.parent] if repository.parent else [])]
        return [
            pull
            for place in places
            for pull in place.pulls.values()
            if pull.closed_at is None
            and pull.head_repository is repository
            and f"refs/heads/{pull.head_ref}" in refs
        ]

    def _refs_moved(
        self, repository: Repository, before: Mapping[str, str | None], by: Account
    ) -> None:
        repository.pushed_at = repository.updated_at = self.now()
        for ref, old in before.items():
            new = repository.git.refs.get(ref)
            if new == old:
                continue
            self.emit("push", repository, partial(self._push, repository, ref, old, by))
            if old is None or new is None:
                event = "create" if old is None else "delete"
                self.emit(
                    event, repository, partial(self._came_or_went, repository, ref, event, by)
                )
            if new is not None and ref.startswith("refs/heads/"):
                self._request_suites(repository, ref, old, new, by)
            for pull in self._pulls_from(repository, {ref: None}):
                self._head_moved(pull, new, by)

    def _head_moved(self, pull: Pull, head: str | None, by: Account) -> None:
        """A pull request's branch has a new tip, or is gone."""
        raise NotImplementedError

    def _push(self, repository: Repository, ref: str, old: str | None, by: Account) -> Json:
        store = repository.git.store
        new = repository.git.refs.get(ref)
        oids: list[str] = []
        if new is not None and store.has_commit(new):
            known = old or repository.branch(repository.default_branch)
            oids = store.ahead(new, known) if known and store.has_commit(known) else [new]
        commits = [
            self.shapes.pushed_commit(repository, store.commit(oid), self.files_of(repository, oid))
            for oid in oids[-_PUSHED_COMMITS:]
        ]
        head = None
        if new is not None and store.has_commit(new):
            files = self.files_of(repository, new)
            head = self.shapes.pushed_commit(repository, store.commit(new), files)
        forced = bool(old and new) and not store.graph.is_ancestor(old or "", new or "")
        web = f"{self.shapes.base}/{repository.full_name}/compare"
        shown = self.shapes.repository(repository)
        owner = shown["owner"] | {
            "name": repository.owner.login, "email": repository.owner.email or None
        }  # fmt: skip
        return {
            "ref": ref,
            "before": old or ZERO,
            "after": new or ZERO,
            "repository": shown
            | {
                "owner": owner,
                "url": f"{self.shapes.base}/{repository.full_name}",
                "created_at": int(repository.created_at.timestamp()),
                "pushed_at": int(repository.pushed_at.timestamp()),
                "stargazers": 0,
                "master_branch": repository.default_branch,
            },
            "pusher": {"name": by.login, "email": by.email or None},
            "sender": self.shapes.account(by),
            "created": old is None,
            "deleted": new is None,
            "forced": forced,
            "base_ref": None,
            "compare": f"{web}/{(old or ZERO)[:12]}...{(new or ZERO)[:12]}",
            "commits": commits,
            "head_commit": head,
        }

    def _came_or_went(self, repository: Repository, ref: str, event: str, by: Account) -> Json:
        _, kind, name = ref.split("/", 2)
        default = {"master_branch": repository.default_branch, "description": None}
        return {
            "ref": name,
            "ref_type": "tag" if kind == "tags" else "branch",
            **(default if event == "create" else {}),
            "pusher_type": "user",
            "repository": self.shapes.repository(repository),
            "sender": self.shapes.account(by),
        }

    def files_of(self, repository: Repository, oid: str) -> tuple[FileDiff, ...]:
        """What a commit changes against its first parent."""
        store = repository.git.store
        commit = store.commit(oid)
        parent = store.commit(commit.parents[0]).tree if commit.parents else EMPTY_TREE
        return store.diff(parent, commit.tree)

    # events

    def emit(
        self,
        event: str,
        repository: Repository,
        payload: Callable[[], Json],
        *,
        only: App | None = None,
    ) -> None:
        self.hooks.emit(event, payload, repository, self.covers, only)

    def _request_suites(
        self, repository: Repository, ref: str, old: str | None, new: str, by: Account
    ) -> None:
        """GitHub opens a suite on each pushed head for every App that may write checks."""
        for installation in list(self.installations.values()):
            if installation.permissions.get("checks") != "write":
                continue
            if installation.suspended_at is None and self.covers(installation, repository):
                suite = self.suite_of(repository, installation.app, new)
                suite.head_branch, suite.before = ref.removeprefix("refs/heads/"), old or ZERO
                self.emit_suite("requested", suite, by)

    def suite_of(self, repository: Repository, app: App, sha: str) -> CheckSuite:
        """The suite of an App on a commit, made on first use."""
        suites = repository.suites.setdefault(sha, [])
        for suite in suites:
            if suite.app is app:
                return suite
        now = self.now()
        branch = next(
            (
                ref.removeprefix("refs/heads/")
                for ref, oid in repository.git.refs.items()
                if oid == sha and ref.startswith("refs/heads/")
            ),
            None,
        )
        suite = CheckSuite(
            id=self.next_id("check_suite"),
            repository=repository,
            app=app,
            head_sha=sha,
            head_branch=branch,
            before=None,
            created_at=now,
            updated_at=now,
        )
        suites.append(suite)
        return suite

    def emit_suite(self, action: str, suite: CheckSuite, by: Account) -> None:
        self.emit(
            "check_suite",
            suite.repository,
            lambda: {
                "action": action,
                "check_suite": self.shapes.suite_event(suite),
                "repository": self.shapes.repository(suite.repository),
                "sender": self.shapes.account(by),
            },
            only=None if action == "completed" else suite.app,
        )
