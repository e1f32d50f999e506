"""What Slack and PagerDuty are sent, and what becomes of their answers."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from notify_kit import NOTICE, ROUTING_KEY, judge_pagerduty, judge_slack, served

from bot.adapters.notify import open_notifiers
from bot.adapters.notify.pagerduty import PagerDuty, pagerduty_event
from bot.adapters.notify.slack import Slack, slack_message
from bot.ports import RetryLater
from bot.ports.operations import NotDelivered, Notice

_HEAD = "POST /services/T0/B0/secretsecret HTTP/1.1\r\nContent-Type: application/json\r\n"


async def test_slack_is_sent_blocks_that_it_takes() -> None:
    async with served(judge_slack) as channel, httpx.AsyncClient() as http:
        await Slack(http, channel.url).send(NOTICE)
    (message,) = channel.taken
    assert message["text"] == NOTICE.title
    header, section, context, actions = message["attachments"][0]["blocks"]
    assert header["text"]["text"] == NOTICE.title
    assert section["text"]["text"] == (
        "The domain still serves &lt;the old&gt; build &amp; the new one is ready."
    )
    assert context["elements"][0]["text"] == "octo/shop · production"
    assert actions["elements"][0]["url"] == NOTICE.url
    assert message["attachments"][0]["color"] == "#cf222e"


def test_nobody_is_mentioned_by_a_hostile_text() -> None:
    hostile = "<!channel> <@U1> <https://evil.example|the dashboard> &amp;"
    message = slack_message(replace(NOTICE, title=hostile, text=hostile, repository="<!here>"))
    blocks = message["attachments"][0]["blocks"]
    assert "<" not in message["text"] + blocks[1]["text"]["text"] + blocks[2]["elements"][0]["text"]
    assert "&amp;amp;" in message["text"]
    assert blocks[1]["text"]["verbatim"] is True


_notices = st.builds(
    Notice,
    key=st.text(max_size=400),
    severity=st.sampled_from(["info", "warning", "critical"]),
    title=st.text(st.characters(codec="utf-8"), min_size=1, max_size=1500)
    | st.just("&" * 2000),
    text=st.text(st.characters(codec="utf-8"), max_size=50) | st.just("<&" * 4000),
    url=st.sampled_from(
        ["", "https://bot.example/x", "javascript:alert(1)", "http://" + "y" * 4_000]
    ),
    repository=st.text(max_size=20) | st.just("o" * 300),
    environment=st.text(max_size=20),
    resolves=st.booleans(),
    incident=st.text(max_size=20) | st.just("i" * 300),
    cause_url=st.sampled_from(["", "https://bot.example/y", "javascript:alert(1)"]),
)  # fmt: skip


@given(_notices)
def test_every_notice_keeps_the_channels_rules(notice: Notice) -> None:
    assert judge_slack(_HEAD, slack_message(notice)) == (200, "ok")
    event = pagerduty_event(notice)
    if event is not None:
        status, said = judge_pagerduty("", {"routing_key": ROUTING_KEY, **event})
        assert status == 202, said


async def test_pagerduty_opens_one_incident_and_resolves_it() -> None:
    well = replace(NOTICE, key="operation-6-succeeded", severity="info", resolves=True)
    async with served(judge_pagerduty) as channel, httpx.AsyncClient() as http:
        pagerduty = PagerDuty(http, ROUTING_KEY, url=channel.url)
        await pagerduty.send(NOTICE)
        await pagerduty.send(well)
    trigger, resolve = channel.taken
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "lockgate:octo/shop:production"
    assert trigger["payload"]["summary"] == NOTICE.title
    assert trigger["payload"]["severity"] == "critical"
    assert trigger["links"][0]["href"] == NOTICE.url


async def test_an_alert_is_an_incident_of_its_own_with_its_likely_cause() -> None:
    alert = replace(
        NOTICE,
        url="https://bot.example/repos/octo/shop/slo/api",
        incident="slo:api:page",
        cause_url="https://bot.example/operations/5",
    )
    event = pagerduty_event(alert)
    assert event is not None
    assert event["dedup_key"] == "lockgate:octo/shop:slo:api:page"
    assert [(link["href"], link["text"]) for link in event["links"]] == [
        (alert.url, "Show the objective"),
        (alert.cause_url, "Show its most likely cause"),
    ]
    assert pagerduty_event(replace(alert, resolves=True)) == {
        "event_action": "resolve",
        "dedup_key": "lockgate:octo/shop:slo:api:page",
    }
    buttons = slack_message(alert)["attachments"][0]["blocks"][-1]["elements"]
    assert [(one["text"]["text"], one["url"]) for one in buttons] == [
        ("Show", alert.url),
        ("Show its likely cause", alert.cause_url),
    ]


@pytest.mark.parametrize("severity", ["info", "warning"])
async def test_pagerduty_is_not_asked_for_what_nobody_is_to_be_paged_for(severity: str) -> None:
    async with served(judge_pagerduty) as channel, httpx.AsyncClient() as http:
        await PagerDuty(http, ROUTING_KEY, url=channel.url).send(replace(NOTICE, severity=severity))
    assert channel.asked == 0


@pytest.mark.parametrize("status", [301, 400, 403, 404, 500, 503])
async def test_refusal_is_said_without_the_secret(status: int) -> None:
    async with served(judge_slack) as channel, httpx.AsyncClient() as http:
        channel.answers = [(status, "no_service\nxoxb ghp_" + "a" * 36)]
        with pytest.raises(NotDelivered) as caught:
            await Slack(http, channel.url).send(NOTICE)
    assert str(caught.value) == f"Slack answered {status}: no_service xoxb [redacted]"


async def test_channel_that_cannot_be_reached_is_said_without_the_secret() -> None:
    async with served(judge_slack) as channel:
        url = channel.url
    async with httpx.AsyncClient() as http:
        with pytest.raises(NotDelivered) as caught:
            await Slack(http, url).send(NOTICE)
    assert str(caught.value) == "Slack could not be reached: ConnectError"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("said", "expected"), [("7", 7), ("", 30), ("soon", 30), ("9999999999", 3600)]
)
async def test_channel_that_asks_to_wait_is_waited_for(said: str, expected: int) -> None:
    async with served(judge_slack) as channel, httpx.AsyncClient() as http:
        channel.answers = [(429, said)]
        with pytest.raises(RetryLater) as caught:
            await Slack(http, channel.url).send(NOTICE)
    assert caught.value.delay == timedelta(seconds=expected)


async def test_channels_are_those_that_are_configured() -> None:
    async with open_notifiers() as none:
        assert dict(none) == {}
    async with open_notifiers(slack_webhook_url="https://x", pagerduty_routing_key="k") as both:
        assert set(both) == {"slack", "pagerduty"}


def test_judges_refuse() -> None:
    """Else the tests above would show nothing."""
    assert judge_slack(_HEAD, {"attachments": []})[0] == 400
    assert judge_pagerduty("", {"routing_key": "other"})[0] == 400
