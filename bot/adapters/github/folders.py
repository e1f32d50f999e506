"""Files of a folder at a commit, whole: one that cannot be read is an error, never left out."""

import base64
from typing import Any

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess, path_of
from bot.adapters.github.release_reading import unfit
from bot.core.model import RepoRef
from bot.ports import HubGone, HubRefused

MAX_BYTES = 2 * 1024 * 1024
"""Of one file: nobody reads through a migration that is longer."""
MAX_FILES = 5_000
"""Of one folder."""


async def read_folder(
    access: RepositoryAccess,
    repo: RepoRef,
    folder: str,
    tree: dict[str, Any] | None,
    endings: tuple[str, ...],
) -> dict[str, bytes]:
    """Those of the files of a tree, as ``FOLDERS_AT`` gives it, whose names end so, by path. A
    request for each that GraphQL does not give as it is; a folder that is not there has none."""
    entries = [
        one for one in (tree or {}).get("entries") or () if str(one["name"]).endswith(endings)
    ]
    if len(entries) > MAX_FILES:
        raise HubRefused(f"{folder} of {repo.full_name} has {len(entries):,} files, too many")
    return {
        f"{folder}/{entry['name']}": await _content(access, repo, folder, entry)
        for entry in entries
    }


async def _content(
    access: RepositoryAccess, repo: RepoRef, folder: str, entry: dict[str, Any]
) -> bytes:
    path = f"{folder}/{entry['name']}"
    if fault := unfit(entry):
        raise HubRefused(f"{path} of {repo.full_name} cannot be read: {fault}")
    blob = entry["object"]
    if blob["byteSize"] > MAX_BYTES:
        raise HubRefused(f"{path} of {repo.full_name} is too large: {blob['byteSize']:,} bytes")
    text = blob["text"]
    if text is not None and not blob["isTruncated"]:
        content: bytes = text.encode("utf-8", "replace")
        if len(content) == blob["byteSize"]:
            return content
    answer = await access.client.rest(
        op.GET_BLOB,
        installation=repo.installation_id,
        path={**path_of(repo), "file_sha": entry["oid"]},
        about=path,
    )
    if answer.data.get("encoding") != "base64":
        raise HubGone(f"{path} of {repo.full_name} could not be read")
    return base64.b64decode(answer.data["content"])
