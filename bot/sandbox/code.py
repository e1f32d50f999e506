"""Commits, branches and pull requests: every change of them, with the events it causes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bot.sandbox.errors import ApiError, custom_invalid, invalid
from bot.sandbox.git import EMPTY_TREE, ZERO, Change, FileDiff, NewCommit, Signature
from bot.sandbox.messages import merge_message, squash_message
from bot.sandbox.model import (
    Account,
    App,
    CheckSuite,
    Happening,
    Json,
    MergeGroup,
    MergeMethod,
    Pull,
    Repository,
)
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
    # branches

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
            if new is not None and ref.startswith("refs/heads/"):
                self._request_suites(repository, ref, old, new, by)
            for pull in self._pulls_from(repository, {ref: None}):
                if new is None:
                    self.close(pull, by=by)
                elif pull.head_sha != new:
                    self._synchronize(pull, new, by)

    def _synchronize(self, pull: Pull, head: str, by: Account) -> None:
        before, pull.head_sha = pull.head_sha, head
        self._note("pushed", pull, by, *pull.repository.git.store.ahead(head, before))
        pull.base_sha = pull.repository.branch(pull.base_ref) or pull.base_sha
        pull.updated_at = self.now()
        self.emit_pull("synchronize", pull, by, before=before, after=head)

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

    def files_of(self, repository: Repository, oid: str) -> tuple[FileDiff, ...]:
        """What a commit changes against its first parent."""
        store = repository.git.store
        commit = store.commit(oid)
        parent = store.commit(commit.parents[0]).tree if commit.parents else EMPTY_TREE
        return store.diff(parent, commit.tree)

    # pull requests

    def open_pull(
        self,
        repository: Repository,
        title: str,
        *commits: str | CommitSpec,
        head: str = "",
        base: str = "",
        body: str | None = None,
        by: Account | None = None,
        draft: bool = False,
        fork: Repository | None = None,
    ) -> Pull:
        """Open a pull request. With ``commits`` they are pushed to its head branch first; without
        a ``head`` a fresh branch is made. Without ``by`` the author is ``octocat``."""
        author = by or self.user("octocat")
        source = fork or repository
        base = base or repository.default_branch
        base_sha = repository.branch(base)
        if base_sha is None:
            raise invalid("PullRequest", "base", "invalid")
        number = repository.last_number + 1
        if not head:
            head = f"change-{number}"
            commits = commits or (title,)
        new: list[NewCommit] = []
        if commits:
            tip = source.branch(head) or base_sha
            new = self._new_commits(source, commits, author, tip)
        before = {f"refs/heads/{head}": source.branch(head)}
        tip_now: str | int | None = len(new) - 1 if new else source.branch(head)
        if tip_now is None:
            raise invalid("PullRequest", "head", "invalid")
        self._refuse_needless(repository, source, head, base, base_sha, tip_now)
        refs = {f"refs/heads/{head}": tip_now} if new else {}
        pull_ref = f"refs/pull/{number}/head"
        if source is repository:
            repository.git.write(new, {**refs, pull_ref: tip_now})
        else:
            source.git.write(new, refs)
            repository.git.write((), {pull_ref: source.branch(head)})
        repository.last_number = number
        if new:
            self._refs_moved(source, before, author)
        head_sha = repository.git.refs[pull_ref]
        return self._opened(repository, source, title, body, author, head, head_sha, base, draft)

    def _refuse_needless(
        self,
        repository: Repository,
        source: Repository,
        head: str,
        base: str,
        base_sha: str,
        tip: str | int,
    ) -> None:
        for other in repository.pulls.values():
            if (
                other.closed_at is None
                and other.head_repository is source
                and (other.head_ref, other.base_ref) == (head, base)
            ):
                label = f"{source.owner.login}:{head}"
                raise custom_invalid("PullRequest", f"A pull request already exists for {label}.")
        if isinstance(tip, str) and not repository.git.store.ahead(tip, base_sha):
            raise custom_invalid("PullRequest", f"No commits between {base} and {head}")

    def _opened(
        self,
        repository: Repository,
        source: Repository,
        title: str,
        body: str | None,
        author: Account,
        head: str,
        head_sha: str,
        base: str,
        draft: bool,
    ) -> Pull:
        now = self.now()
        pull = Pull(
            id=self.next_id("pull"),
            number=repository.last_number,
            repository=repository,
            title=title,
            body=body,
            author=author,
            head_owner=source.owner,
            head_repository=source,
            head_ref=head,
            head_sha=head_sha,
            base_ref=base,
            base_sha=repository.git.refs[f"refs/heads/{base}"],
            created_at=now,
            updated_at=now,
            draft=draft,
        )
        repository.pulls[pull.number] = pull
        self._note("opened", pull, author, *self.commits_of(pull))
        self.emit_pull("opened", pull, author)
        return pull

    def open_pulls(
        self, repository: Repository, titles: Sequence[str], *, by: Account | None = None
    ) -> list[Pull]:
        """Open many at once, one commit each: a thousand take a second or two."""
        author = by or self.user("octocat")
        base = repository.default_branch
        tip = repository.git.refs[f"refs/heads/{base}"]
        new: list[NewCommit] = []
        refs: dict[str, str | int | None] = {}
        first = repository.last_number + 1
        for index, title in enumerate(titles):
            new += self._new_commits(repository, [title], author, tip)
            refs[f"refs/heads/change-{first + index}"] = index
            refs[f"refs/pull/{first + index}/head"] = index
        oids = repository.git.write(new, refs)
        pulls = []
        for index, title in enumerate(titles):
            repository.last_number = first + index
            head = f"change-{first + index}"
            pulls.append(
                self._opened(
                    repository, repository, title, None, author, head, oids[index], base, False
                )
            )
        return pulls

    def edit_pull(
        self,
        pull: Pull,
        *,
        title: str | None = None,
        body: str | None = None,
        base: str | None = None,
        by: Account | None = None,
    ) -> None:
        """Raises ApiError for a base that does not exist."""
        changes: Json = {}
        if title is not None and title != pull.title:
            changes["title"] = {"from": pull.title}
            self._note("retitled", pull, by or pull.author, pull.title, title)
            pull.title = title
        if body is not None and body != pull.body:
            changes["body"] = {"from": pull.body or ""}
            pull.body = body
        if base is not None and base != pull.base_ref:
            base_sha = pull.repository.branch(base)
            if base_sha is None:
                raise invalid("PullRequest", "base", "invalid")
            changes["base"] = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
            pull.base_ref, pull.base_sha = base, base_sha
        if changes:
            pull.updated_at = self.now()
            self.emit_pull("edited", pull, by or pull.author, changes=changes)

    def set_draft(self, pull: Pull, draft: bool, *, by: Account | None = None) -> None:
        if pull.draft != draft:
            pull.draft = draft
            pull.updated_at = self.now()
            action = "converted_to_draft" if draft else "ready_for_review"
            self._note(action, pull, by or pull.author)
            self.emit_pull(action, pull, by or pull.author)

    def close(self, pull: Pull, *, by: Account | None = None) -> None:
        if pull.closed_at is None:
            pull.closed_at = pull.updated_at = self.now()
            self._note("closed", pull, by or pull.author)
            self.emit_pull("closed", pull, by or pull.author)

    def reopen(self, pull: Pull, *, by: Account | None = None) -> None:
        """Raises ApiError when its branch is gone or it is merged."""
        source = pull.head_repository
        head = source.branch(pull.head_ref) if source else None
        if head is None or pull.merged_at is not None:
            raise invalid("PullRequest", "state", "invalid", "state cannot be changed.")
        if pull.closed_at is not None:
            pull.closed_at, pull.updated_at, pull.head_sha = None, self.now(), head
            self._note("reopened", pull, by or pull.author)
            self.emit_pull("reopened", pull, by or pull.author)

    def _note(self, kind: str, pull: Pull, by: Account | None, *detail: str) -> None:
        pull.happened.append(Happening(kind, by, self.now(), detail))

    def commits_of(self, pull: Pull) -> list[str]:
        """The commits that the pull request brings, oldest first."""
        return pull.repository.git.store.ahead(pull.head_sha, pull.base_sha)

    def mergeable(self, pull: Pull) -> bool:
        tip = pull.repository.branch(pull.base_ref)
        store = pull.repository.git.store
        return tip is not None and store.merged_tree(tip, pull.head_sha) is not None

    def pull_detail(self, pull: Pull, *, computed: bool = True) -> Json:
        """The fields that only the single answer has. In the payload of an event GitHub has not
        yet ``computed`` whether it can be merged."""
        store = pull.repository.git.store
        fork_point = store.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
        files = store.diff(store.commit(fork_point).tree, store.commit(pull.head_sha).tree)
        open_now = computed and pull.closed_at is None
        mergeable = self.mergeable(pull) if open_now else None
        clean = "draft" if pull.draft else "clean"
        return {
            "merged": pull.merged_at is not None,
            "mergeable": mergeable,
            "rebaseable": mergeable,
            "mergeable_state": "unknown" if mergeable is None else clean if mergeable else "dirty",
            "merged_by": self.shapes.user(pull.merged_by),
            "comments": len(pull.comment_ids),
            "review_comments": 0,
            "maintainer_can_modify": pull.maintainer_can_modify,
            "commits": len(self.commits_of(pull)),
            "additions": sum(file.additions for file in files),
            "deletions": sum(file.deletions for file in files),
            "changed_files": len(files),
        }

    # merging

    def merge(
        self,
        pull: Pull,
        method: MergeMethod = "merge",
        *,
        by: Account | None = None,
        title: str | None = None,
        message: str | None = None,
    ) -> str:
        """Merge it and return what its base branch stands at. Raises ApiError (405) when it is
        not open, conflicts, or the repository does not allow the method."""
        settings = pull.repository.settings
        allowed = {
            "merge": settings.allow_merge_commit,
            "squash": settings.allow_squash_merge,
            "rebase": settings.allow_rebase_merge,
        }
        if not allowed[method]:
            words = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}
            raise ApiError(405, f"{words[method]} are not allowed on this repository.")
        if pull.closed_at is not None or pull.draft or not self.mergeable(pull):
            raise ApiError(405, "Pull Request is not mergeable")
        merger = by or self._owner_of(pull.repository.owner)
        tip = pull.repository.git.refs[f"refs/heads/{pull.base_ref}"]
        commits = self._merge_commits(pull, method, tip, merger, title, message)
        ref = f"refs/heads/{pull.base_ref}"
        now = self.now()
        pull.merged_at = pull.closed_at = pull.updated_at = now
        pull.merged_by = merger
        pull.base_sha = tip
        pull.merge_commit_sha = self.move_refs(
            pull.repository, {ref: len(commits) - 1}, commits, by=merger
        )[-1]
        self._note("merged", pull, merger, pull.merge_commit_sha)
        self.emit_pull("closed", pull, merger)
        source = pull.head_repository
        if settings.delete_branch_on_merge and source and source.branch(pull.head_ref):
            self.delete_branch(source, pull.head_ref, by=merger)
        return pull.merge_commit_sha

    def _merge_commits(
        self,
        pull: Pull,
        method: MergeMethod,
        tip: str,
        merger: Account,
        title: str | None = None,
        message: str | None = None,
    ) -> list[NewCommit]:
        store = pull.repository.git.store
        committer = self.signature(merger)
        tree = store.merged_tree(tip, pull.head_sha)
        if tree is None:
            raise ApiError(405, "Pull Request is not mergeable")
        commits = [store.commit(oid) for oid in store.ahead(pull.head_sha, tip)]
        match method:
            case "merge":
                text = merge_message(pull, title, message)
                return [NewCommit(text, committer, committer, (tip, pull.head_sha), tree=tree)]
            case "squash":
                author = self.signature(pull.author)
                text = squash_message(pull, commits, author, title, message)
                return [NewCommit(text, author, committer, (tip,), tree=tree)]
            case "rebase":
                return self._rebased(pull, tip, committer)

    def _rebased(self, pull: Pull, tip: str, committer: Signature) -> list[NewCommit]:
        store = pull.repository.git.store
        new: list[NewCommit] = []
        tree = store.commit(tip).tree
        for oid in store.ahead(pull.head_sha, tip):
            commit = store.commit(oid)
            if len(commit.parents) != 1:
                continue
            # A cherry-pick is a merge whose base is the commit's parent: two scratch commits on
            # that parent, one with our tree and one with theirs.
            parent = commit.parents[0]
            if store.commit(parent).tree != tree:
                scratch = [
                    NewCommit("scratch\n", committer, committer, (parent,), tree=side)
                    for side in (tree, commit.tree)
                ]
                ours, theirs = pull.repository.git.write(scratch)
                merged = store.merged_tree(ours, theirs)
                if merged is None:
                    raise ApiError(405, "Pull Request is not mergeable")
                tree = merged
            else:
                tree = commit.tree
            parents: tuple[str | int, ...] = (len(new) - 1,) if new else (tip,)
            new.append(NewCommit(commit.message, commit.author, committer, parents, tree=tree))
        return new

    # merge queue

    def request_merge_group(
        self, pulls: Sequence[Pull], method: MergeMethod = "merge", *, by: Account | None = None
    ) -> MergeGroup:
        """Build the commits that would land, on a branch of the queue, and ask for their checks."""
        last = pulls[-1]
        repository = last.repository
        asker = by or self._owner_of(repository.owner)
        base = repository.git.refs[f"refs/heads/{last.base_ref}"]
        tip = base
        for pull in pulls:
            self.emit_pull("enqueued", pull, asker)
            commits = self._merge_commits(pull, method, tip, asker)
            tip = repository.git.write(commits)[-1]
        ref = f"refs/heads/gh-readonly-queue/{last.base_ref}/pr-{last.number}-{base}"
        group = MergeGroup(tip, ref, base, f"refs/heads/{last.base_ref}", list(pulls))
        repository.merge_groups[tip] = group
        self.move_refs(repository, {ref: tip}, by=asker)
        self._emit_group("checks_requested", repository, group, asker)
        return group

    def end_merge_group(
        self, repository: Repository, group: MergeGroup, reason: str = "merged"
    ) -> None:
        """``reason`` is ``merged``, ``invalidated`` or ``dequeued``."""
        asker = self._owner_of(repository.owner)
        refs: dict[str, str | int | None] = {group.head_ref: None}
        if reason == "merged":
            refs[group.base_ref] = group.head_sha
            for pull in group.pulls:
                pull.merged_at = pull.closed_at = pull.updated_at = self.now()
                pull.merged_by, pull.merge_commit_sha = asker, group.head_sha
        del repository.merge_groups[group.head_sha]
        self.move_refs(repository, refs, by=asker)
        self._emit_group("destroyed", repository, group, asker, reason=reason)
        for pull in group.pulls:
            self.emit_pull("closed" if reason == "merged" else "dequeued", pull, asker)

    def _emit_group(
        self, action: str, repository: Repository, group: MergeGroup, by: Account, **more: str
    ) -> None:
        self.emit(
            "merge_group",
            repository,
            lambda: {
                "action": action,
                "merge_group": self.shapes.merge_group(repository, group),
                "repository": self.shapes.repository(repository),
                "sender": self.shapes.account(by),
                **more,
            },
        )

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

    def emit_pull(self, action: str, pull: Pull, by: Account | None, **more: object) -> None:
        repository = pull.repository
        sender = by or pull.author or self._owner_of(repository.owner)
        if action == "dequeued":
            more["reason"] = "MERGE_CONFLICT"

        def payload() -> Json:
            detail = self.pull_detail(pull, computed=False)
            return {
                "action": action,
                "number": pull.number,
                "pull_request": self.shapes.pull(pull, detail=detail),
                **more,
                "repository": self.shapes.repository(repository),
                "sender": self.shapes.account(sender),
            }

        self.emit("pull_request", repository, payload)

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
