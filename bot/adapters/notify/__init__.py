"""Where news is told: one file per channel."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from bot.adapters.notify.pagerduty import PagerDuty
from bot.adapters.notify.slack import Slack
from bot.adapters.tls import tls_context
from bot.ports.operations import Notifier

_TIMEOUT = httpx.Timeout(10.0)


@asynccontextmanager
async def open_notifiers(
    *, slack_webhook_url: str = "", pagerduty_routing_key: str = ""
) -> AsyncIterator[Mapping[str, Notifier]]:
    """Those that are configured, by channel."""
    async with httpx.AsyncClient(
        timeout=_TIMEOUT, follow_redirects=False, verify=tls_context()
    ) as http:
        notifiers: dict[str, Notifier] = {}
        if slack_webhook_url:
            notifiers["slack"] = Slack(http, slack_webhook_url)
        if pagerduty_routing_key:
            notifiers["pagerduty"] = PagerDuty(http, pagerduty_routing_key)
        yield notifiers
