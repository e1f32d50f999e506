"""The branches and tags of releases, written by the git data API: no clone, and no ref moved from
where nobody looked.

GitHub's REST API moves a ref whatever it is on, or only forward. The branch of a release is built
anew on its line, which is neither. So it is moved by GraphQL's ``updateRefs``, which takes what the
ref must be on before: that is the lease. A new ref needs none: of two that create one, GitHub
refuses the second. What becomes of a move that failed, or whose answer was lost, the ref itself
tells. https://docs.github.com/graphql/reference/mutations#updaterefs
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess, path_of
from bot.adapters.github.payloads import commit_body, tree_body
from bot.adapters.github.reading import graphql_error
from bot.adapters.github.refusals import told
from bot.adapters.github.release_reading import FILE, blob_id, unfit
from bot.core.model import RepoRef, Sha
from bot.core.release.model import FileChange
from bot.ports import HubError, HubGone, HubRefused, HubUnavailable
from bot.ports.releases import BranchMoved, TagTaken

SLOTS = "abcdefgh"
"""Files of one query, by the names of its variables."""
NO_FILE = ".git"
"""What fills the slots that are not needed: git takes no file of this name."""
_EXISTS = "Reference already exists"
_CONFLICT = "GitHub answered 409"


class ReleaseRefs:
    """Every method may raise HubUnavailable, HubGone or HubRefused."""

    def __init__(self, access: RepositoryAccess) -> None:
        self._access = access

    async def write_branch(
        self,
        repo: RepoRef,
        branch: str,
        *,
        expected: Sha | None,
        parent: Sha,
        message: str,
        changes: Sequence[FileChange],
    ) -> Sha:
        """Four requests where something is to be written, and one a further eight files."""
        about = f"{repo.full_name}@{branch}"
        base = await self._read_base(repo, branch, parent, [change.path for change in changes])
        tip = base["ref"] and base["ref"]["target"]
        if (tip and tip["oid"]) != expected:
            raise BranchMoved(f"{about} is not where it was when it was read")
        repo = self._access.learn(repo, base)
        files = [self._file(base, about, change) for change in changes]
        tree = Sha(base["tree"])
        if files:  # a tree without entries is refused
            tree = await self._made(op.CREATE_TREE, repo, about, tree_body(tree, files))
        if tip is not None and _is_made(tip, tree, parent, message):
            return Sha(tip["oid"])
        commit = await self._made(op.CREATE_COMMIT, repo, about, commit_body(message, tree, parent))
        if expected is None:
            await self._create_branch(repo, branch, commit)
        else:
            await self._move_branch(repo, branch, expected, commit, node=base["id"])
        return commit

    async def merge_into(self, repo: RepoRef, branch: str, sha: Sha, *, message: str) -> Sha | None:
        repo = await self._access.named(repo)
        about, ref = f"{repo.full_name}@{branch}", f"refs/heads/{branch}"
        try:
            answer = await self._access.client.rest(
                op.MERGE_BRANCH,
                installation=repo.installation_id,
                path=path_of(repo),
                body={"base": branch, "head": sha, "commit_message": message},
                about=about,
            )
        except HubRefused as error:
            if _CONFLICT in str(error):
                return None
            raise told(error, repo, ref) from None
        if answer.data is not None:
            return Sha(answer.data["sha"])
        tip = await self.fetch_target(repo, ref)
        if tip is None:
            raise HubGone(f"{about} is not there any more")
        return tip

    async def create_tag(self, repo: RepoRef, name: str, sha: Sha) -> bool:
        repo = await self._access.named(repo)
        ref, about = f"refs/tags/{name}", f"the tag {name} of {repo.full_name}"
        try:
            await self._create_ref(repo, ref, sha, about)
        except HubRefused as error:
            if _EXISTS not in str(error):
                raise told(error, repo, ref) from None
            found = await self.fetch_target(repo, ref)
            if found is None:
                raise HubUnavailable(
                    f"GitHub does not yet show what the tag {name} is on"
                ) from None
            if found != sha:
                raise TagTaken(
                    f"{repo.full_name} has a tag {name} already, on {found[:7]} instead of "
                    f"{sha[:7]}",
                    name=name,
                    sha=found,
                ) from None
            return False
        return True

    async def fetch_target(self, repo: RepoRef, ref: str) -> Sha | None:
        """The commit that a branch or tag is on, by its whole name. None if it is not there."""
        about = f"{repo.full_name} ({ref})"
        data, _ = await self._access.query(op.REF_TARGET, repo, about, {"ref": ref})
        self._access.learn(repo, data["repository"])
        found = data["repository"]["ref"]
        if found is None:
            return None
        target = found["target"]
        return Sha((target.get("target") or target)["oid"])

    async def _read_base(
        self, repo: RepoRef, branch: str, parent: Sha, paths: Sequence[str]
    ) -> dict[str, Any]:
        """The repository of the BranchBase document, with the parent's ``tree``, and the files by
        path as ``entries``."""
        about = f"{repo.full_name}@{branch}"
        entries: dict[str, Any] = {}
        node: dict[str, Any] = {}
        for batch in slots_of(paths):
            variables = {"branch": f"refs/heads/{branch}", "parent": parent, **batch}
            data, _ = await self._access.query(op.BRANCH_BASE, repo, about, variables)
            node = data["repository"]
            commit = node["object"]
            if not commit:
                raise HubGone(f"{repo.full_name} has no commit {parent}")
            entries |= {path: commit[slot] for slot, path in batch.items()}
        return {**node, "tree": node["object"]["tree"]["oid"], "entries": entries}

    def _file(self, base: dict[str, Any], about: str, change: FileChange) -> tuple[str, int, str]:
        """Path, mode and text of a file to be written.

        Raises:
            HubRefused: it is not what the change was made from.
        """
        entry = base["entries"][change.path]
        reason = unfit(entry)
        if not reason:
            before = None if change.before is None else blob_id(change.before)
            if (entry and entry["oid"]) != before:
                reason = "it is not what it was when the release was planned"
        if reason:
            raise HubRefused(f"could not write {change.path} of {about}: {reason}")
        return change.path, entry["mode"] if entry else FILE, change.after

    async def _made(
        self, operation: op.Operation, repo: RepoRef, about: str, body: dict[str, Any]
    ) -> Sha:
        try:
            answer = await self._access.client.rest(
                operation,
                installation=repo.installation_id,
                path=path_of(repo),
                body=body,
                about=about,
            )
        except HubRefused as error:
            raise told(error, repo, f"refs/heads/{about.partition('@')[2]}") from None
        return Sha(answer.data["sha"])

    async def _create_ref(self, repo: RepoRef, ref: str, sha: Sha, about: str) -> None:
        await self._access.client.rest(
            op.CREATE_REF,
            installation=repo.installation_id,
            path=path_of(repo),
            body={"ref": ref, "sha": sha},
            about=about,
        )

    async def _create_branch(self, repo: RepoRef, branch: str, sha: Sha) -> None:
        ref, about = f"refs/heads/{branch}", f"{repo.full_name}@{branch}"
        try:
            await self._create_ref(repo, ref, sha, f"the branch {branch} of {repo.full_name}")
        except HubRefused as error:
            if _EXISTS not in str(error):
                raise told(error, repo, ref) from None
            if await self.fetch_target(repo, ref) != sha:
                raise BranchMoved(f"{about} was created by somebody else") from None

    async def _move_branch(
        self, repo: RepoRef, branch: str, expected: Sha, sha: Sha, *, node: str
    ) -> None:
        ref, about = f"refs/heads/{branch}", f"{repo.full_name}@{branch}"
        move = {"name": ref, "beforeOid": expected, "afterOid": sha, "force": True}
        refused: HubError
        try:
            answer = await self._access.client.graphql(
                op.MOVE_BRANCH,
                {"input": {"repositoryId": node, "refUpdates": [move]}},
                installation=repo.installation_id,
                about=about,
            )
            if not answer.errors:
                return
            refused = graphql_error(op.MOVE_BRANCH.task, about, answer.errors)
            if any(error.get("type") for error in answer.errors):
                # Which one a refusal of this mutation has is not documented.
                refused = HubRefused(str(refused))
        except HubRefused as error:
            refused = error
        found = await self.fetch_target(repo, ref)
        if found == sha:
            return
        if found != expected:
            raise BranchMoved(f"{about} was moved by somebody else") from None
        raise told(refused, repo, ref) if isinstance(refused, HubRefused) else refused


def slots_of(paths: Sequence[str]) -> list[dict[str, str]]:
    """The paths as variables of a query on files, eight a query: at least one query."""
    waiting = iter(dict.fromkeys(paths))
    batches = []
    while batch := list(islice(waiting, len(SLOTS))):
        batches.append(batch)
    return [
        dict(zip(SLOTS, [*batch, *[NO_FILE] * (len(SLOTS) - len(batch))], strict=True))
        for batch in batches or [[]]
    ]


def _is_made(tip: dict[str, Any], tree: str, parent: Sha, message: str) -> bool:
    """Whether a branch ends already in what is to be written; its date aside."""
    same = (tip["tree"]["oid"], [each["oid"] for each in tip["parents"]["nodes"]])
    return same == (tree, [parent]) and tip["message"].strip() == message.strip()
