"""``/slo``: how the objectives stand, asked now, or as a worker last found them."""

from datetime import UTC, datetime, timedelta

from production import Production
from test_promotion_slo import DOWN, FINE, FROM_PROMETHEUS, SLO_FILE, probed, write

from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import open_store
from bot.core.slo.budget import evaluate
from bot.core.slo.burn import lengths_of
from bot.core.slo.kept import KeptState, kept_state
from bot.core.slo.model import Counts, Slo
from bot.core.slo.openslo import parse_slos


def defined(text: str = SLO_FILE) -> Slo:
    return parse_slos([("slo/api.yml", text)]).slos[0]


async def found(production: Production, bad: int, age: timedelta) -> KeptState:
    """As a worker found it, so long ago."""
    slo, at = defined(FROM_PROMETHEUS), datetime.now(UTC) - age
    kept = kept_state(
        production.repository.id,
        slo,
        evaluate(
            slo, Counts(1000 - bad, 1000), dict.fromkeys(lengths_of(slo), Counts(99, 100)), at
        ),
    )
    async with open_store(production.journey.bot.database) as store:
        await PostgresSlos(store.pool).save_states(production.repository.id, [kept])
    return kept


async def test_anybody_who_can_read_is_told_what_is_left(production: Production):
    write(production, SLO_FILE)
    pull = production.opened("feat: add search")
    async with probed(production) as probes:
        await probes.found(FINE, 49)
        await probes.found(DOWN, 1)
        said = await production.say(pull, "/slo", by="mona")
        # 1 of 50 failed, and 2.5 might have.
        assert "**The one objective is in budget.**" in said
        assert "✅ in budget" in said
        page = f"{production.journey.bot.settings.public_url}/repos/octo/shop/slo"
        assert f"[API availability]({page}/api-availability)" in said
        assert "98 %<br>of 95 % over 30 days | `▓▓▓▓▓▓░░░░` 60 %" in said
        await probes.found(DOWN, 4)
    said = await production.say(pull, "/slo production")
    assert "**1 of 1 objective is out of budget" in said
    assert "`░░░░░░░░░░` −" in said


async def test_a_source_that_does_not_answer_leaves_what_was_found_last(production: Production):
    write(production, FROM_PROMETHEUS)
    pull = production.opened("feat: add search")
    await found(production, 20, timedelta(seconds=90))
    said = await production.say(pull, "/slo")
    assert "✅ in budget" in said
    assert "as of 2 min" in said
    assert "`▓▓▓▓▓▓░░░░` 60 %" in said


async def test_files_with_a_fault_leave_what_was_found_last_and_say_so(production: Production):
    write(production, SLO_FILE.replace("0.95", "1"))
    pull = production.opened("feat: add search")
    said = await production.say(pull, "/slo")
    assert "**How the objectives stand is not known.**" in said
    assert "line 22, column 25" in said
    await found(production, 20, timedelta(minutes=7))
    said = await production.say(pull, "/slo")
    assert "**1 of 1 objective is not known.**" in said
    assert "⚠️ was in budget" in said
    assert "The files could not be read, so this is as it was kept." in said


async def test_a_repository_without_objectives(production: Production):
    pull = production.opened("feat: add search")
    said = await production.say(pull, "/slo\n\n/slo production")
    assert "**No objective is defined.**" in said
    assert "**No objective is defined for production.**" in said
