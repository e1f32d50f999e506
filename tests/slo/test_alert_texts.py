"""What the team reads of an alert: numbers, its likely cause, and no word that does something."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from bot.core.hosting import Build, LedgerEntry, Origin
from bot.core.model import RepoRef, Sha
from bot.core.policy.slo import BudgetStep
from bot.core.render.alerts import alert_text, alert_title, step_text, step_title
from bot.core.slo.alerts import AlertState, News, Phase, Rule
from bot.core.slo.kept import KeptState
from bot.core.slo.model import Alert, BudgetState, State, Window

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
REPO = RepoRef(7, 42, "octo", "shop")
PAGE = Rule("page")
FIRING = AlertState(Phase.FIRING, NOW, NOW, NOW)
RESOLVED = AlertState(Phase.RESOLVED, NOW + HOUR, NOW, NOW + HOUR)
HOSTILE = "@octo\u202e <!channel>\n# ![x](https://evil.example)" + "z" * 500


def kept(left: str | None = "31/50", title: str = "API availability") -> KeptState:
    alert = Alert("page", HOUR, 5 * MINUTE, Fraction(72, 5), Fraction(92, 10), Fraction(12), True)
    quiet = replace(alert, long=6 * HOUR, firing=False)
    state = BudgetState(
        "api",
        Fraction(999, 1000),
        Window(timedelta(days=30)),
        1,
        1,
        None,
        None if left is None else Fraction(left),
        {},
        (alert, quiet),
        State.BURNING,
        NOW,
        reason=HOSTILE,
        exhausted_at=NOW + 41 * HOUR,
    )
    return KeptState(42, title, (), state)


def test_an_alert_says_what_fires_what_is_left_and_until_when() -> None:
    assert alert_title(REPO, kept(), PAGE, News.FIRING) == (
        "octo/shop: API availability burns its error budget 9.2× too fast"
    )
    assert alert_text(kept(), PAGE, FIRING, None) == (
        "9.2× over 1 h and 12× over 5 min; it pages above 14.4×.\n"
        "62 % of its 30-day budget is left; all of it is spent about 2026-11-24 05:00 UTC if it "
        "goes on like this."
    )


def test_its_end_says_when_it_was_seen_last() -> None:
    assert alert_title(REPO, kept(), PAGE, News.RESOLVED) == (
        "octo/shop: API availability no longer burns its error budget too fast"
    )
    text = alert_text(kept(), PAGE, RESOLVED, None)
    assert text.startswith("Nothing of it was seen since 2026-11-22 12:00 UTC.\n62 %")


@pytest.mark.parametrize(
    ("origin", "what"),
    [
        (Origin.PROMOTION, "promotion of v1.5.0"),
        (Origin.ROLLBACK, "rollback of v1.5.0"),
        (Origin.OUTSIDE, "move past Lockgate of v1.5.0"),
    ],
)
def test_a_cause_is_only_ever_likely(origin: Origin, what: str) -> None:
    build = Build(Sha("a" * 40), "d", "v1.5.0")
    live = NOW - 6 * MINUTE
    entry = LedgerEntry(1, "production", build, origin, live, None, None, 1, "ada")
    last = alert_text(kept(), PAGE, FIRING, entry).splitlines()[-1]
    assert last == f"Most likely caused by the {what} to production, 6 min before."


@pytest.mark.parametrize("news", News)
def test_words_of_files_and_sources_are_one_short_line(news: News) -> None:
    hostile, unknown = kept(title=HOSTILE), Rule("page", "fast", unknown=True)
    title = alert_title(REPO, hostile, unknown, news)
    assert len(title) < 130
    assert "\n" not in title
    assert "\u202e" not in title
    text = alert_text(kept(None, HOSTILE), unknown, FIRING, None)
    assert text.count("\n") == 1
    assert len(text) < 450
    assert text.endswith("What is left of its budget is not known.")


@pytest.mark.parametrize(
    ("do", "news", "said"),
    [
        ("notify", News.FIRING, "62 %"),
        ("approve", News.FIRING, "Promotions take one more approval while at most 25 % is left."),
        ("freeze", News.FIRING, "Promotions are frozen while at most 25 % is left."),
        ("freeze", News.RESOLVED, "Promotions are frozen no more."),
    ],
)
def test_a_step_says_what_it_asks_for(do: str, news: News, said: str) -> None:
    step = BudgetStep.model_validate({"at": "25%", "do": do})
    assert step_text(kept(), step, news).startswith(said)
    told = "is above 25 %" if news is News.RESOLVED else "is down to 62 %"
    assert step_title(REPO, kept(), "production", step, news).startswith(
        f"octo/shop production: API availability {told} of its error budget"
    )
