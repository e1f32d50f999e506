"""Merging a pull request in GitHub's three ways, and the merge queue."""

from collections.abc import Sequence

from bot.sandbox.errors import ApiError
from bot.sandbox.messages import merge_message, squash_message
from bot.sandbox.model import Account, MergeGroup, MergeMethod, Pull, Repository
from bot.sandbox.objects import NewCommit, Signature
from bot.sandbox.pulls import Pulls


class Merging(Pulls):
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
        landed = self.move_refs(pull.repository, {ref: len(commits) - 1}, commits, by=merger)
        pull.landed, pull.merge_commit_sha = tuple(landed), landed[-1]
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

    def merge_branch(
        self,
        repository: Repository,
        branch: str,
        head: str,
        *,
        message: str | None = None,
        by: Account | None = None,
    ) -> str | None:
        """Merge a branch or commit into a branch, without a pull request. Returns the commit made,
        None if the branch has all of it already. Raises ApiError (404, 409)."""
        tip, oid = repository.branch(branch), repository.git.resolve(head)
        if tip is None:
            raise ApiError(404, "Base does not exist")
        if oid is None:
            raise ApiError(404, "Head does not exist")
        store = repository.git.store
        if store.merge_base(tip, oid) == oid:
            return None
        tree = store.merged_tree(tip, oid)
        if tree is None:
            raise ApiError(409, "Merge conflict")
        merger = by or self._owner_of(repository.owner)
        person = self.signature(merger)
        text = message or f"Merge {head} into {branch}"
        commit = NewCommit(f"{text}\n", person, person, (tip, oid), tree=tree)
        [made] = self.move_refs(repository, {f"refs/heads/{branch}": 0}, [commit], by=merger)
        return made

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
