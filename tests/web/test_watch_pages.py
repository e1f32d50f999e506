"""What an operation's page says of the watch over what it put in place."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from served_pages import NOW, carried, evaluation, promotion
from test_pages import read

from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.store import PostgresStore
from bot.adapters.postgres.watches import PostgresWatches
from bot.core.decision import Verdict
from bot.core.operations.machine import Kind, Operation, State
from bot.core.policy.slo import OnFail, SloPolicy, WatchPolicy
from bot.core.slo.watch import Judged, Outcome
from bot.core.slo.watching import Watch, WatchState, plan_watch
from bot.engine.watches import BOT
from bot.web.pages.watches import WatchView

WORSE = Judged("<api>", Outcome.WORSE, NOW, 0.0, 1.0, 1.0, 0.144, None)
FINE = Judged("docs", Outcome.HEALTHY, None, 0.0, 0.0, None, 0.1, None)
FOUND = "Error ratio 100 % over 3 s against 0 % before."
ASKED = WatchPolicy(**{"for": "15m"})


def watch(state: WatchState, *judged: Judged, **changes: Any) -> Watch:
    planned = plan_watch(promotion(take_back=False, overrides={}), SloPolicy(watch=ASKED), ASKED)
    given = {"took": timedelta(seconds=3), "on_fail": OnFail.ROLLBACK, **changes}
    return replace(planned, state=state, judged=judged, **given)


def rollback(state: State) -> Operation:
    return replace(carried(promotion()), id=7, state=state)


@pytest.mark.parametrize(
    ("shown", "verdict", "said"),
    [
        (
            WatchView(watch(WatchState.WATCHING)),
            Verdict.WAIT,
            "Nothing was counted so far.",
        ),
        (
            WatchView(watch(WatchState.HEALTHY, FINE, left_out=1)),
            Verdict.PASS,
            (
                "Error ratio 0 % (before: 0 %). 1 look counts as nothing: neither a probe nor "
                "GitHub gave the bot any answer, so that its own network was away."
            ),
        ),
        (
            WatchView(watch(WatchState.UNKNOWN, unread="no file in slo/")),
            Verdict.ERROR,
            "Too little was seen to tell whether it is any good: no file in slo/.",
        ),
        (
            WatchView(watch(WatchState.ENDED, ended_by="ada ended it.")),
            Verdict.SKIP,
            "Ada ended it.",
        ),
        (
            WatchView(watch(WatchState.WORSE, WORSE), rollback(State.SUCCEEDED)),
            Verdict.FAIL,
            f"{FOUND} took it back",
        ),
        (
            WatchView(watch(WatchState.WORSE, WORSE), rollback(State.RUNNING)),
            Verdict.FAIL,
            f"{FOUND} is taking it back",
        ),
        (
            WatchView(watch(WatchState.WORSE, WORSE), rollback(State.FAILED)),
            Verdict.FAIL,
            f"{FOUND} did not take it back",
        ),
        (
            WatchView(watch(WatchState.WORSE, WORSE, refused="It is locked.", remedy="Wait.")),
            Verdict.FAIL,
            f"{FOUND} It was not rolled back: It is locked. Wait.",
        ),
        (
            WatchView(watch(WatchState.WORSE, WORSE, on_fail=OnFail.NOTIFY)),
            Verdict.FAIL,
            f"{FOUND} By the policy it stays until somebody comments `/rollback production`.",
        ),
        (
            WatchView(watch(WatchState.WORSE, WORSE)),
            Verdict.FAIL,
            f"{FOUND} It is about to be rolled back.",
        ),
    ],
)
def test_each_state_of_a_watch_has_its_words(shown: WatchView, verdict: Verdict, said: str) -> None:
    assert shown.verdict is verdict
    assert " ".join(filter(None, (shown.found, shown.rolled, shown.done))) == said


async def test_a_build_that_was_taken_back_says_why_on_both_pages(
    site: httpx.AsyncClient, store: PostgresStore
) -> None:
    await store.save_evaluation(evaluation())
    operations, watches = PostgresOperations(store.pool), PostgresWatches(store.pool)
    promoted, _ = await operations.add_operation(promotion(take_back=False, overrides={}))
    done = replace(carried(promoted, *promoted.plan.steps), concluded=True)
    assert await operations.save_operation(done)
    asked = replace(
        promotion(comment_id=-promoted.id, actor=BOT, overrides={}),
        plan=replace(promoted.plan, kind=Kind.ROLLBACK),
        follows=promoted.id,
        cause="the watch over it found error ratio 100 %",
    )
    back, _ = await operations.add_operation(asked)
    begun = plan_watch(promoted, SloPolicy(watch=ASKED), ASKED)
    kept = await watches.add_watch(begun)
    path = f"/operations/{promoted.id}"
    going_on = read(await site.get(path)).text
    assert "Watch watching Until " in going_on
    assert "To end it, comment /watch cancel production" in going_on
    decided = replace(
        kept, state=WatchState.WORSE, judged=(WORSE, FINE), took=timedelta(seconds=3),
        on_fail=OnFail.ROLLBACK, rollback_id=back.id,
    )  # fmt: skip
    assert await watches.save_watch(decided)
    page = read(await site.get(path))
    found = "<api> has error ratio 100 % over 3 s against 0 % before."
    assert f"Watch worse {found} Operation {back.id} is taking it back." in page.text
    assert "worse <api> 100 % 0 % 14.4 % – healthy docs" in page.text
    links = [at.get("href") for tag, at in page.tags if tag == "a"]
    assert f"/operations/{back.id}" in links
    assert "/repos/octo/shop/migrations" in links, "the pages of its repository"
    cause = "The bot began this by itself, because the watch over it found error ratio 100 % ."
    assert cause in read(await site.get(f"/operations/{back.id}")).text
    listed = "The bot began it by itself, because the watch over it found error ratio 100 % ."
    assert listed in read(await site.get("/")).text
