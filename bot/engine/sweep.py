"""What nothing else would wake: deliveries that GitHub could not hand over, while the bot was down
say, and operations whose job died.

GitHub does not repeat a delivery by itself, but keeps it for three days and sends it again on
request, under the same GUID.
https://docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

import structlog

from bot.ports import Clock, HookDelivery, Hub, Store
from bot.ports.operations import OperationStore

log = structlog.get_logger()

KEPT_BY_GITHUB = timedelta(days=3)
MAX_ATTEMPTS = 5
"""A delivery that failed so often fails for a reason that one more attempt does not mend."""


def plan_redeliveries(deliveries: Iterable[HookDelivery]) -> list[HookDelivery]:
    """The attempts to ask for again, oldest first: the newest of each GUID that never arrived."""
    attempts: defaultdict[str, list[HookDelivery]] = defaultdict(list)
    for delivery in deliveries:
        attempts[delivery.guid].append(delivery)
    newest = [
        max(tried, key=lambda attempt: (attempt.delivered_at, attempt.id))
        for tried in attempts.values()
        if len(tried) < MAX_ATTEMPTS and not any(attempt.ok for attempt in tried)
    ]
    return sorted(newest, key=lambda attempt: (attempt.delivered_at, attempt.id))


async def sweep_deliveries(hub: Hub, store: Store, clock: Clock) -> None:
    """Ask once for each failed attempt whose delivery is not in the store.

    It is noted after it was asked: a process killed in between asks twice, which does no harm,
    where the other order would lose a delivery.
    """
    since = clock.now() - KEPT_BY_GITHUB
    failed = plan_redeliveries([delivery async for delivery in hub.fetch_deliveries(since=since)])
    missing = await store.select_missing({attempt.id: attempt.guid for attempt in failed})
    for attempt in failed:
        if attempt.id in missing:
            await hub.redeliver(attempt.id)
            await store.record_redelivery(attempt.id, attempt.guid)
    if missing:
        log.info("deliveries_asked_again", count=len(missing))


async def wake_stranded(operations: OperationStore, store: Store) -> None:
    """Go on with the open operations that nobody works on. Whatever their job died of may hold no
    longer; and past its deadline an operation is given up, which only its job can do."""
    stranded = await operations.fetch_stranded()
    for work in stranded:
        await store.enqueue(work)
    if stranded:
        log.warning("operations_stranded", environments=[work.key for work in stranded])
