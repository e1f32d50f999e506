"""Pull requests: every change of them, with the events it causes."""

from collections.abc import Sequence

from bot.sandbox.code import Code, CommitSpec
from bot.sandbox.errors import custom_invalid, invalid
from bot.sandbox.model import Account, Happening, Json, Pull, Repository
from bot.sandbox.objects import NewCommit


class Pulls(Code):
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

    def _head_moved(self, pull: Pull, head: str | None, by: Account) -> None:
        if head is None:
            self.close(pull, by=by)
            return
        if head == pull.head_sha:
            return
        before, pull.head_sha = pull.head_sha, head
        self._note("pushed", pull, by, *pull.repository.git.store.ahead(head, before))
        pull.base_sha = pull.repository.branch(pull.base_ref) or pull.base_sha
        pull.updated_at = self.now()
        self.emit_pull("synchronize", pull, by, before=before, after=head)

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
