"""What the pages say of environments, operations and the audit log, on a real store."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import timedelta

import httpx
import psycopg
import pytest
from served_pages import (
    BAD,
    GOOD,
    NOW,
    SHOP,
    FixedClock,
    audit_log,
    build,
    carried,
    evaluation,
    promotion,
    serve,
    ship,
    shipped_build,
)
from test_pages import read

from bot.adapters.postgres.observations import PostgresObservations
from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.store import PostgresStore
from bot.adapters.postgres.watches import PostgresWatches
from bot.core.audit.entry import KINDS
from bot.core.hosting import Build, Origin
from bot.core.model import RepoRef, Sha
from bot.core.operations.machine import Done, Failed, Kind, Operation, StepName, attempt, record
from bot.core.operations.outside import Move
from bot.core.policy.slo import SloPolicy, WatchPolicy
from bot.core.slo.watch import Judged, Outcome
from bot.core.slo.watching import ended, plan_watch
from bot.ports.operations import AuditEntry
from bot.web.pages.audit import ENTRIES_SHOWN, EXPORTED_AT_ONCE
from bot.web.pages.shipping import OPERATIONS_SHOWN
from bot.web.viewer import Everything, PublicOnly

HIDDEN = RepoRef(1, sum(b"octo/secret"), "octo", "secret")


@pytest.fixture
def operations(store: PostgresStore) -> PostgresOperations:
    return PostgresOperations(store.pool)


@pytest.fixture
async def running(store: PostgresStore, operations: PostgresOperations) -> Operation:
    await store.save_evaluation(evaluation())
    return await ship(operations)


async def test_first_screen_tells_what_is_live_and_who_is_acting(
    site: httpx.AsyncClient, running: Operation
) -> None:
    page = read(await site.get("/")).text
    assert "Live 1 environment verified 1 locked, frozen or held" in page
    assert "Under way 1 operation maria : promote production" in page
    assert "verified octo/shop production serves v1.5.0" in page
    assert "locked by ada 1 h ago : incident <42> ." in page
    assert "/unlock production" in page
    assert "frozen until" in page
    assert "under way wait until the host has moved them the host's job is in-progress" in page


async def test_nothing_shipped_says_how_to_begin(site: httpx.AsyncClient) -> None:
    page = read(await site.get("/")).text
    assert "Live nothing recorded" in page
    assert "nobody moves anything" in page
    assert "/promote --dry-run" in page


async def test_repository_page_links_the_four_names_of_what_is_live(
    site: httpx.AsyncClient, running: Operation
) -> None:
    document = read(await site.get("/repos/Octo/SHOP"))
    assert "octo/shop" in document.text
    links = [attrs.get("href") for tag, attrs in document.tags if tag == "a"]
    assert f"https://github.example/octo/shop/commit/{BAD}" in links
    assert "https://github.example/octo/shop/releases/tag/v1.5.0" in links
    assert "/repos/octo/shop/pulls/12" in links
    assert "/repos/octo/shop#ledger" in links
    assert "/repos/octo/shop/environments/production" in links
    assert f"/operations/{running.id}" in links
    assert "5c4e3a5c4e3a" in document.text
    assert "Vercel puts new production builds live by itself" in document.text
    assert "v1.4.2" in document.text[document.text.index("Ledger") :]
    assert "Recent operations success Promotion" in document.text.replace("succeeded", "success")


@pytest.mark.parametrize(
    ("origin", "verified", "said"),
    [
        (Origin.ROLLBACK, True, "held by a rollback newer builds stay out"),
        (Origin.OUTSIDE, True, "moved past the bot octo/shop production serves v1.5.0"),
        (Origin.OUTSIDE, False, "moved past the bot octo/shop production serves v1.5.0"),
        (Origin.PROMOTION, False, "never verified octo/shop production serves v1.5.0"),
    ],
)
async def test_what_is_not_well_with_an_environment(
    site: httpx.AsyncClient,
    store: PostgresStore,
    operations: PostgresOperations,
    origin: Origin,
    verified: bool,
    said: str,
) -> None:
    await store.save_evaluation(evaluation())
    await operations.record_live(
        SHOP.id, "production", shipped_build(BAD), origin=origin, actor="ada", at=NOW,
        verified=verified, operation_id=None, fence=None,
    )  # fmt: skip
    page = read(await site.get("/")).text
    assert said in page
    unhealthy = "1 of 1 environment serves what the bot did not put there or did not verify."
    assert (unhealthy in page) is (origin is not Origin.ROLLBACK)


@pytest.mark.parametrize("path", ["/repos/octo/shop/environments/production", "/repos/octo/shop"])
async def test_an_environment_is_held_since_a_move_that_nobody_saw_verified(
    site: httpx.AsyncClient, store: PostgresStore, operations: PostgresOperations, path: str
) -> None:
    await store.save_evaluation(evaluation())
    await operations.record_live(
        SHOP.id, "production", shipped_build(GOOD, "v1.4.2"), origin=Origin.PROMOTION, actor="ada",
        at=NOW - timedelta(hours=1), verified=True, operation_id=None, fence=None,
    )  # fmt: skip
    stored, _ = await operations.add_operation(promotion(take_back=False, overrides={}))
    tried = carried(stored, StepName.GATES, StepName.LOCK, StepName.ANNOUNCE, StepName.SWITCH)
    assert await operations.save_operation(tried)
    held = f"held since operation {stored.id} , a promotion that was not verified: no release"
    assert held not in read(await site.get(path)).text, "it is under way still"
    (under_way,) = await operations.fetch_operations(SHOP.id)
    failed = Failed("the host is away. What production serves is not known.", "look at the host")
    ended = record(attempt(under_way, StepName.SETTLE, NOW), StepName.SETTLE, failed, NOW)
    for step in (StepName.CONFIRM, StepName.RELEASE):
        ended = record(attempt(ended, step, NOW), step, Done("done"), NOW)
    assert await operations.save_operation(ended)
    page = read(await site.get(path)).text
    assert held in page
    assert "/promote production" in page
    assert "/rollback production" in page


@pytest.mark.parametrize(
    "path", ["/", "/repos/octo/shop/environments/production", "/repos/octo/shop"]
)
async def test_a_watch_is_shown_while_it_goes_on(
    site: httpx.AsyncClient, store: PostgresStore, operations: PostgresOperations, path: str
) -> None:
    await store.save_evaluation(evaluation())
    await operations.record_live(
        SHOP.id, "production", shipped_build(GOOD), origin=Origin.PROMOTION, actor="ada",
        at=NOW, verified=True, operation_id=None, fence=None,
    )  # fmt: skip
    stored, _ = await operations.add_operation(promotion(take_back=False, overrides={}))
    watches, asked = PostgresWatches(store.pool), WatchPolicy(**{"for": "15m"})
    begun = replace(
        plan_watch(stored, SloPolicy(watch=asked), asked),
        judged=(Judged("<api>", Outcome.WATCHING, None, 0.0, 0.25, None, 0.5, None),),
    )
    watch = await watches.add_watch(begun)
    document = read(await site.get(path))
    assert "watched until " in document.text
    assert f"since operation {stored.id} : error ratio 25 % so far (before: 0 %)" in document.text
    assert "/watch cancel production" in document.text
    links = [attrs.get("href") for tag, attrs in document.tags if tag == "a"]
    assert f"/operations/{stored.id}" in links
    assert await watches.save_watch(ended(watch, "ada ended it.", NOW))
    assert "watched until" not in read(await site.get(path)).text


async def test_a_build_of_several_releases_links_each(
    site: httpx.AsyncClient, store: PostgresStore, operations: PostgresOperations
) -> None:
    await store.save_evaluation(evaluation())
    await operations.record_live(
        SHOP.id, "production", shipped_build(GOOD, "api-v1.0.0, web-v2.0.0"),
        origin=Origin.PROMOTION, actor="ada", at=NOW, verified=True, operation_id=None, fence=None,
    )  # fmt: skip
    document = read(await site.get("/repos/octo/shop/environments/production"))
    links = [attrs.get("href", "").partition("/releases/tag/")[2] for _, attrs in document.tags]
    assert {"api-v1.0.0", "web-v2.0.0"} <= set(links)
    assert "Release api-v1.0.0 , web-v2.0.0" in document.text


async def test_what_was_moved_past_the_bot_is_shown_as_such(
    site: httpx.AsyncClient, store: PostgresStore, operations: PostgresOperations
) -> None:
    """Also where nobody knows its commit; on the page that the team's notice leads to."""
    await store.save_evaluation(evaluation())
    await operations.record_live(
        SHOP.id, "production", shipped_build(GOOD, "v1.4.2"), origin=Origin.PROMOTION, actor="ada",
        at=NOW - timedelta(hours=1), verified=True, operation_id=None, fence=None,
    )  # fmt: skip
    observations = PostgresObservations(store.pool)
    standing = await observations.fetch_standing(SHOP.id, "production")
    move = Move(Build(Sha(""), "dpl_<b>outside"), went_back=True)
    assert await observations.record_move(SHOP, "production", move, standing, NOW)
    said = "It serves dpl_<b>outside since just now , moved at the host, past the bot."
    document = read(await site.get("/repos/octo/shop/environments/production"))
    page = document.text
    assert said in page
    assert "it was taken back at the host, so newer builds stay out" in page
    assert "Build not known , dpl_<b>outside" in page
    ledger = page[page.index("Ledger:") :]
    assert ledger.index("moved at the host, past the bot never") < ledger.index("v1.4.2")
    assert not any(attrs.get("href", "").endswith("/commit/") for _, attrs in document.tags)
    assert "moved past the bot" in read(await site.get("/")).text
    assert "moved at the host, past the bot never" in read(await site.get("/repos/octo/shop")).text


async def test_operation_page_shows_timeline_plan_and_gates(
    site: httpx.AsyncClient, running: Operation
) -> None:
    page = read(await site.get(f"/operations/{running.id}")).text
    assert "running It is under way. Now: wait until the host has moved them" in page
    assert "done ask the gates gates is through 0.5 s" in page
    assert "to come verify what the production domain serves" in page
    assert running.plan.digest in page
    assert "overridden, it said fail Gate approvals" in page
    assert "Set aside the site is down, nobody else is awake" in page
    assert "Rule applied Two people read what goes live." in page
    assert "/cancel production" in page
    assert "Gives up in 13 min" in page


async def test_operation_page_of_a_failure_says_how_to_go_on(
    site: httpx.AsyncClient, store: PostgresStore, operations: PostgresOperations
) -> None:
    await store.save_evaluation(evaluation())
    stored, _ = await operations.add_operation(
        promotion(
            kind=Kind.ROLLBACK,
            overrides={},
            policy_fault="`slo` is <no> list",
            untold="GitHub answered 403: issue is <locked>",
        )
    )
    failed = record(
        attempt(stored, StepName.LOCK, NOW),
        StepName.LOCK,
        Failed("`shop` is away. Production is unchanged.", "look at `shop`"),
        NOW + timedelta(seconds=75),
    )
    ended = record(
        attempt(failed, StepName.RELEASE, NOW), StepName.RELEASE, Done("lock given back"), NOW
    )
    assert await operations.save_operation(ended)
    answer = await site.get(f"/operations/{stored.id}")
    assert "<code>shop</code> is away. Production is unchanged." in answer.text
    page = read(answer).text
    assert "failed shop is away. Production is unchanged." in page
    assert "Next: look at shop" in page
    assert "so this goes by the last good one: slo is <no> list" in page
    assert "told on the pull request: GitHub answered 403: issue is <locked>" in page
    assert "<code>shop</code> is away." in (await site.get("/repos/octo/shop")).text
    assert "failed take the lock of the environment" in page
    assert "1 min" in page
    assert "left out verify what the production domain serves" in page
    assert "/retry production" in page
    assert "A rollback asks no gate but the one that chose its target" in page


async def test_an_operation_that_others_followed_says_what_is_live_now(
    site: httpx.AsyncClient, store: PostgresStore, operations: PostgresOperations
) -> None:
    """Nor does it offer commands, which would speak of what is live now."""
    await store.save_evaluation(evaluation(state="merged"))
    stored, _ = await operations.add_operation(promotion(overrides={}))
    done = replace(carried(stored, *stored.plan.steps), concluded=True)
    assert await operations.save_operation(done)

    async def goes_live(build: Build, age: timedelta, operation_id: int | None) -> None:
        await operations.record_live(
            SHOP.id, "production", build, origin=Origin.PROMOTION, actor="maria",
            at=NOW - age, verified=True, operation_id=operation_id, fence=None,
        )  # fmt: skip

    await goes_live(shipped_build(BAD), timedelta(seconds=100), stored.id)
    own = f"/operations/{stored.id}"
    for path in (own, "/repos/octo/shop", "/repos/octo/shop/pulls/12"):
        assert "Production serves v1.5.0." in read(await site.get(path)).text, path
    assert "/rollback production" in read(await site.get(own)).text
    await goes_live(shipped_build(GOOD, "v1.4.2"), timedelta(seconds=60), None)
    for path in (own, "/repos/octo/shop", "/repos/octo/shop/pulls/12"):
        page = read(await site.get(path)).text
        assert "Production served v1.5.0 then, and serves v1.4.2 now." in page, path
        assert "Production serves v1.5.0" not in page, path
    page = read(await site.get(own)).text
    assert "/rollback production" not in page
    assert "/status production" in page


async def test_environment_page_shows_the_newest_decision(
    site: httpx.AsyncClient, running: Operation
) -> None:
    page = read(await site.get("/repos/octo/shop/environments/production")).text
    assert "verified It serves v1.5.0 since 1 d ago , promoted by maria" in page
    assert "What the gates said last" in page
    assert "Gate checks" in page
    assert "overridden, it said fail Gate approvals" in page
    assert "green 12" in page


async def test_what_is_not_there_is_not_found(site: httpx.AsyncClient, running: Operation) -> None:
    for path in (
        "/repos/octo/shop/environments/staging",
        "/repos/octo/absent/environments/production",
        "/operations/99999",
        "/operations/0",
        "/operations/x",
        f"/operations/{'9' * 30}",
        "/repos/octo/shop/environments/%00",
    ):
        assert (await site.get(path)).status_code == 404, path


async def test_a_pull_request_s_page_lists_what_was_done_with_it(
    site: httpx.AsyncClient,
    store: PostgresStore,
    operations: PostgresOperations,
    running: Operation,
) -> None:
    await store.save_evaluation(evaluation(state="merged"))
    document = read(await site.get("/repos/octo/shop/pulls/12"))
    listed = document.text[document.text.index("Promotions and rollbacks") :]
    links = [attrs.get("href") for tag, attrs in document.tags if tag == "a"]
    assert [link for link in links if link and link.startswith("/operations/")] == [
        f"/operations/{running.id}",
        f"/operations/{running.id - 1}",
    ]
    assert "under way wait until the host has moved them" in listed
    assert "Only the newest" not in listed
    # One that was merged before anything was evaluated.
    assert "Promotions" not in (await site.get("/repos/octo/shop/pulls/13")).text
    for number in range(OPERATIONS_SHOWN + 1):
        await operations.add_operation(promotion(comment_id=100 + number, pull_number=13))
    page = read(await site.get("/repos/octo/shop/pulls/13"), 404).text
    assert "No evaluation of this pull request can be shown." in page
    assert f"Only the newest {OPERATIONS_SHOWN} are shown." in page


async def test_what_a_stranger_may_not_see_answers_like_what_is_not_there(
    public: httpx.AsyncClient, store: PostgresStore, operations: PostgresOperations
) -> None:
    nothing = (await public.get("/")).text
    await store.save_evaluation(evaluation("octo/secret", 3, private=True, state="merged"))
    hidden = await ship(operations, HIDDEN)
    assert (await public.get("/")).text == nothing
    for path, unknown in (
        (f"/operations/{hidden.id}", "/operations/99999"),
        (
            "/repos/octo/secret/environments/production",
            "/repos/octo/absent/environments/production",
        ),
        ("/repos/octo/secret", "/repos/octo/absent"),
        ("/repos/octo/secret/pulls/12", "/repos/octo/absent/pulls/12"),
    ):
        texts = []
        for asked in (path, unknown):
            answer = await public.get(asked)
            assert answer.status_code == (200 if path.endswith("secret") else 404)
            text = re.sub(r'data-etag="[^"]*"', "", answer.text)
            texts.append(re.sub(rf"octo/(secret|absent)|{hidden.id}\b|99999", "NAME", text))
        assert texts[0] == texts[1]


async def test_a_repository_without_evaluations_counts_as_private(
    public: httpx.AsyncClient, site: httpx.AsyncClient, operations: PostgresOperations
) -> None:
    stored = await ship(operations)
    assert (await public.get(f"/operations/{stored.id}")).status_code == 404
    assert (await site.get(f"/operations/{stored.id}")).status_code == 200
    assert "v1.5.0" in (await site.get("/repos/octo/shop")).text


async def test_page_of_an_operation_is_sent_again_when_a_step_is_through(
    site: httpx.AsyncClient, running: Operation, operations: PostgresOperations, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        # Nobody works here: how long a job is due already would be news every second.
        connection.execute("DELETE FROM lockgate.procrastinate_jobs")
    for path in (f"/operations/{running.id}", "/", "/repos/octo/shop"):
        held = {"If-None-Match": (await site.get(path)).headers["etag"]}
        assert (await site.get(path, headers=held)).status_code == 304
        current = await operations.fetch_operation(running.id)
        assert current is not None
        changed = replace(current, outcome=path)
        assert await operations.save_operation(carried(changed, StepName.SETTLE))
        assert (await site.get(path, headers=held)).status_code == 200


# --- audit ---------------------------------------------------------------------------------------


def entry(kind: str = "command", actor: str = "maria", **changes: object) -> AuditEntry:
    values: dict[str, object] = {
        "repository": "octo/shop",
        "subject": "octo/shop#12 comment 7",
        "detail": {"line": "/promote", "refused": False},
        "build_sha": BAD,
        "pull_number": 12,
    }
    return AuditEntry(kind=kind, actor=actor, **{**values, **changes})  # type: ignore[arg-type]


async def test_audit_is_searched(site: httpx.AsyncClient, store: PostgresStore) -> None:
    log = audit_log(store)
    await log.append(entry())
    await log.append(entry("login", "ada", repository="", subject="signed in", build_sha=""))
    await log.append(entry("watch", "=HYPERLINK(1)", repository="octo/api"))
    document = read(await site.get("/audit"))
    whole = document.text
    assert "3 entries, newest first." in whole
    assert "line /promote" in whole
    assert sum(tag == "option" for tag, _ in document.tags) == len(KINDS) + 1
    for query, found in (
        ("repository=OCTO/shop", 1),
        ("actor=ADA", 1),
        ("kind=watch", 1),
        (f"build={BAD.upper()}", 2),
        ("since=2099-01-01", 0),
        ("until=2020-01-01", 0),
        ("since=2020-01-01&until=2099-01-01", 3),
        ("actor=maria&kind=login", 0),
    ):
        page = read(await site.get(f"/audit?{query}"))
        assert sum(tag == "details" for tag, _ in page.tags) == found, query
        lines = (await site.get(f"/audit/export?{query}")).text.splitlines()
        assert len([json.loads(line) for line in lines]) == found, query
        rows = list(
            csv.DictReader(io.StringIO((await site.get(f"/audit/export?format=csv&{query}")).text))
        )
        assert len(rows) == found, query
    actors = {
        row["actor"]
        for row in csv.DictReader(io.StringIO((await site.get("/audit/export?format=csv")).text))
    }
    assert actors == {"maria", "ada", "'=HYPERLINK(1)"}


async def test_an_audit_entry_leads_to_what_it_is_about(
    site: httpx.AsyncClient, store: PostgresStore
) -> None:
    log = audit_log(store)
    await log.append(entry("promotion", release_tag="v1.5.0", detail={"overrides": {"slo": "x"}}))
    page = read(await site.get("/audit"))
    addresses = {attributes.get("href") for tag, attributes in page.tags if tag == "a"}
    assert "/repos/octo/shop/pulls/12" in addresses
    assert "https://github.example/octo/shop/releases/tag/v1.5.0" in addresses
    assert "promotion overridden" in page.text
    await log.append(entry(detail={"line": "/rollback v1", "refused": True, "why": "<gone>"}))
    subject, state = "production: operation 11", {"state": "succeeded"}
    await log.append(entry("promotion", subject=subject, detail=state))
    watched = "production: watch over operation 12 decided"
    await log.append(entry("watch", subject=watched, detail={"state": "worse"}))
    page = read(await site.get("/audit"))
    assert "/rollback v1 octo/shop#12 comment 7 refused" in page.text
    assert f"{subject} succeeded" in page.text
    assert f"{watched} worse" in page.text
    addresses = {attributes.get("href") for tag, attributes in page.tags if tag == "a"}
    assert {"/operations/11", "/operations/12"} <= addresses
    await log.append(entry("login", repository="", release_tag="", build_sha=""))
    assert "/repos//pulls/" not in (await site.get("/audit")).text


async def test_a_search_that_cannot_be_understood_says_why(site: httpx.AsyncClient) -> None:
    for path, said in (
        ("/audit?since=yesterday", "“yesterday” is no time: write 2026-03-01"),
        ("/audit/export?until=12", "“12” is no time"),
        ("/audit/export?format=xlsx", "“xlsx” is no format: jsonl or csv"),
    ):
        assert said in read(await site.get(path), 400).text


async def test_audit_pages_are_bounded_and_lead_on(
    site: httpx.AsyncClient, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = audit_log(store)
    for number in range(ENTRIES_SHOWN + 3):
        await log.append(entry(subject=f"number {number}"))
    first = read(await site.get("/audit?actor=maria"))
    assert f"{ENTRIES_SHOWN} entries and older ones" in first.text
    older = next(
        attrs["href"] or ""
        for tag, attrs in first.tags
        if tag == "a" and "before=" in (attrs.get("href") or "")
    )
    assert "actor=maria" in older
    second = read(await site.get(older)).text
    assert "3 entries, newest first." in second
    assert "number 2 " in second
    assert EXPORTED_AT_ONCE > ENTRIES_SHOWN
    monkeypatch.setattr("bot.web.pages.audit.EXPORTED_AT_ONCE", 10)
    lines = (await site.get("/audit/export")).text.splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    assert len(ids) == ENTRIES_SHOWN + 3
    assert ids == sorted(ids, reverse=True)


async def test_audit_is_hidden_from_strangers(
    public: httpx.AsyncClient, store: PostgresStore
) -> None:
    await audit_log(store).append(entry())
    for path in ("/audit", "/audit/export", "/audit/export?format=csv"):
        answer = await public.get(path)
        assert "The audit log is not shown here" in read(answer, 404).text
        assert "maria" not in answer.text


async def test_hostile_words_are_only_words(
    store: PostgresStore, operations: PostgresOperations, clock: FixedClock
) -> None:
    evil = "<img src=x onerror=alert(1)> \u202e" + "B" * 5_000
    await store.save_evaluation(evaluation())
    stored, _ = await operations.add_operation(
        promotion(environment=f"prod{evil[:60]}", overrides={"x<y": evil}, outcome=evil)
    )
    await audit_log(store).append(entry(evil, evil, subject=evil, detail={evil[:80]: evil}))
    async with (
        serve(build(store, Everything(), clock)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        for path in ("/", f"/operations/{stored.id}", "/repos/octo/shop", "/audit"):
            answer = await client.get(path)
            document = read(answer)
            assert not [tag for tag, _ in document.tags if tag == "img"]
            assert "\u202e" not in re.sub(r'data-copy="[^"]*"', "", answer.text)
            assert len(answer.text) < 80_000
    assert await PublicOnly().sees_operations(None) is False  # type: ignore[arg-type]
