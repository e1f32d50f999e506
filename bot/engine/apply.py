"""The one way to the outside: every write goes through here, noted before and after."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.core.checks import digest_of
from bot.core.effects import (
    DeleteComment,
    Effect,
    PostCheck,
    PostComment,
    React,
    UpdateCheck,
    UpdateComment,
    UpdateTitle,
)
from bot.core.model import PullRef
from bot.ports import EffectRecord, Hub, HubError, HubGone, Store


async def apply(effect: Effect, *, hub: Hub, store: Store, cause: str) -> None:
    """Write one effect on GitHub.

    Raises:
        HubUnavailable, HubRefused: GitHub did not take it. Something that is gone meanwhile
            (a comment that somebody deleted) is no error: the next reconcile sees it.
    """
    effect_id = await store.record_effect(_record(effect, cause))
    try:
        await _write(effect, hub)
    except HubGone as error:
        await store.finish_effect(effect_id, f"gone: {error}")
    except HubError as error:
        await store.finish_effect(effect_id, f"failed: {error}")
        raise
    else:
        await store.finish_effect(effect_id, "done")


@asynccontextmanager
async def noted(record: EffectRecord, store: Store) -> AsyncIterator[None]:
    """Around a write that is no ``Effect`` because its answer is needed: noted all the same."""
    effect_id = await store.record_effect(record)
    try:
        yield
    except HubError as error:
        gone = isinstance(error, HubGone)
        await store.finish_effect(effect_id, f"{'gone' if gone else 'failed'}: {error}")
        raise
    else:
        await store.finish_effect(effect_id, "done")


async def _write(effect: Effect, hub: Hub) -> None:
    match effect:
        case PostCheck(repo, head_sha, output):
            await hub.post_check(repo, head_sha, output)
        case UpdateCheck(repo, _, check_id, output):
            await hub.update_check(repo, check_id, output)
        case PostComment(ref, comment):
            await hub.post_comment(ref, comment.body)
        case UpdateComment(ref, comment_id, comment):
            await hub.update_comment(ref.repo, comment_id, comment.body)
        case DeleteComment(ref, comment_id):
            await hub.delete_comment(ref.repo, comment_id)
        case UpdateTitle(ref, title):
            await hub.update_title(ref, title)
        case React(ref, comment_id, content):
            await hub.react(ref.repo, comment_id, content)


def _record(effect: Effect, cause: str) -> EffectRecord:
    match effect:
        case PostCheck(repo, head_sha, output) | UpdateCheck(repo, head_sha, _, output):
            return EffectRecord(
                effect.kind, repo, f"{repo.full_name}@{head_sha}", digest_of(output), cause
            )
        case PostComment(ref, comment) | UpdateComment(ref, _, comment):
            return _on_pull(effect.kind, ref, comment.digest, cause)
        case DeleteComment(ref, comment_id):
            return _on_pull(effect.kind, ref, str(comment_id), cause)
        case UpdateTitle(ref, title):
            return _on_pull(effect.kind, ref, title, cause)
        case React(ref, comment_id, content):
            return _on_pull(effect.kind, ref, f"{comment_id} {content}", cause)


def _on_pull(kind: str, ref: PullRef, digest: str, cause: str) -> EffectRecord:
    return EffectRecord(kind, ref.repo, str(ref), digest, cause)
