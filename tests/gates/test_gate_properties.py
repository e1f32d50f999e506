"""What holds for every gate, whatever the facts."""

import json
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promotion_kit import (
    ADA,
    BEN,
    CANDIDATE,
    CY,
    DIGESTS,
    EXPAND,
    FILL,
    HEAD,
    HOSTILE,
    NOW,
    OTHER,
    SCHEMA,
    SHA,
    policy,
)

from bot.core.catalog import GATES
from bot.core.decision import Verdict
from bot.core.evaluation import evaluate_promotion
from bot.core.hosting import (
    Build,
    BuildState,
    Freeze,
    HostDeployment,
    HostProject,
    LedgerEntry,
    Lock,
    Origin,
)
from bot.core.migrations.builds import (
    BackfillProgress,
    BackfillState,
    BuildSchema,
    DatabaseState,
    KnownMigration,
    Taken,
    UnreadBuild,
)
from bot.core.migrations.model import Phase, Version
from bot.core.model import GHOST, Commit
from bot.core.promotion import (
    Approval,
    CheckState,
    ObjectiveState,
    Override,
    PromotionFacts,
    RequiredCheck,
    SchemaFacts,
    Unread,
)
from bot.core.render.json import from_json, to_json
from bot.core.render.promotion import render_promotion_check
from bot.core.slo.model import BudgetState, State, Unit, Window

NAMES = st.sampled_from(["ci", "e2e", "lockgate/promotion", "", HOSTILE])
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from([HOSTILE, "", "`", "|"]))
ACTORS = st.sampled_from([ADA, BEN, CY, GHOST])
SHAS = st.sampled_from([SHA, OTHER, HEAD])
APPS = st.sampled_from([None, 1, 2])
TIMES = st.integers(-5_000, 5_000).map(lambda minutes: NOW + timedelta(minutes=minutes))
CONCLUSIONS = st.sampled_from(["success", "failure", "neutral", "skipped", "", "odd"])


def read(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(strategy, strategy, strategy, st.builds(Unread, TEXTS))


def some(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(strategy, max_size=4).map(tuple)


CHECKS = st.builds(
    CheckState,
    name=NAMES,
    app_id=APPS,
    app=TEXTS,
    completed=st.booleans(),
    conclusion=CONCLUSIONS,
    started_at=st.none() | TIMES,
    url=TEXTS,
)
DEPLOYMENTS = st.builds(
    HostDeployment,
    id=st.sampled_from(["dpl_1", "dpl_2", HOSTILE]),
    sha=st.none() | SHAS,
    state=st.sampled_from(BuildState),
    production=st.booleans(),
    created_at=TIMES,
    checks_failed=st.booleans(),
    checks_running=st.booleans(),
)
ENTRIES = st.builds(
    LedgerEntry,
    id=st.just(1),
    environment=st.just("staging"),
    build=st.builds(Build, SHAS),
    origin=st.sampled_from(Origin),
    live_from=TIMES,
    live_until=st.none() | TIMES,
    verified_at=st.none() | TIMES,
    operation_id=st.none(),
    actor=TEXTS,
)
POLICIES = st.sampled_from(
    [
        policy(),
        policy(requires=list(GATES), approvals={"count": 1}, after="staging", soak="1h"),
        policy(checks={"mode": "required"}, source="release"),
        policy(slo={"require": ["api"], "no_data": "allow", "minimum_budget": "10%"}),
        policy(checks={"mode": "list", "names": ["ci"], "apps": {"ci": 1}}, source="approved"),
        policy(
            checks={"neutral": ["ci"], "skipped": ["e2e"]},
            freeze=[
                {"cron": "0 12 * * MON", "hours": 3, "timezone": "Asia/Tokyo", "reason": "x"},
                {"until": "2026-03-02T13:00", "reason": "y"},
            ],
            approvals={"count": 2, "not_author": False},
        ),
    ]
)
CANDIDATES = st.builds(
    replace,
    st.just(CANDIDATE),
    build=st.builds(
        Build,
        sha=st.just(SHA),
        deployment_id=st.sampled_from(["", "dpl_1", HOSTILE]),
        pull_number=st.sampled_from([0, 12]),
    ),
    commit=st.builds(Commit, st.just(SHA), st.sampled_from(["feat: a", "Add a", HOSTILE]), ACTORS),
    author=ACTORS,
    on_trunk=st.booleans(),
    released=st.booleans(),
    merged=st.booleans(),
    head_sha=st.none() | SHAS,
)
VERSIONS = st.sampled_from([EXPAND, FILL, Version("20260301000000")])
MIGRATIONS = st.dictionaries(
    VERSIONS,
    st.builds(
        KnownMigration,
        version=VERSIONS,
        name=TEXTS,
        phase=st.none() | st.sampled_from(Phase),
        requires_build=st.none() | SHAS,
        taken_away=some(st.builds(Taken, TEXTS)),
    ),
)
BUILDS = st.one_of(
    st.just(SCHEMA.build),
    st.builds(UnreadBuild, SHAS, TEXTS, TEXTS),
    st.builds(
        BuildSchema,
        SHAS,
        TEXTS,
        MIGRATIONS,
        st.dictionaries(VERSIONS, TEXTS),
        st.dictionaries(SHAS, st.booleans()),
    ),
)
PROGRESS = st.builds(
    BackfillProgress,
    version=VERSIONS,
    name=TEXTS,
    state=st.sampled_from(BackfillState),
    proven=st.booleans(),
    done=st.none() | st.floats(0, 1),
    left=st.none() | st.just(timedelta(minutes=4)),
    why=TEXTS,
)
SCHEMAS = st.builds(
    SchemaFacts,
    build=BUILDS,
    database=st.just(SCHEMA.database)
    | st.builds(
        DatabaseState, st.just("production"), MIGRATIONS, st.dictionaries(VERSIONS, PROGRESS)
    ),
    in_place=read(st.just(DIGESTS) | st.just(replace(DIGESTS, root="0", objects={HOSTILE: "0"}))),
    meant=st.none() | st.just(SCHEMA.meant),
)
RATES = st.none() | st.fractions(-3, 30, max_denominator=1000)
OBJECTIVES = st.builds(
    ObjectiveState,
    title=TEXTS,
    state=st.builds(
        BudgetState,
        name=st.sampled_from(["api", "checkout", HOSTILE]),
        objective=st.just(Fraction(999, 1000)),
        window=st.sampled_from(
            [Window(timedelta(days=30)), Window(timedelta(days=62), Unit.MONTH, 2)]
        ),
        good=st.integers(0, 9),
        total=st.integers(9, 20),
        ratio=RATES,
        budget_remaining=RATES,
        burn=st.dictionaries(st.just(timedelta(hours=1)), RATES),
        alerts=st.just(()),
        state=st.sampled_from(State),
        at=TIMES,
        reason=TEXTS,
    ),
    returns_at=st.none() | TIMES,
)
FACTS = st.builds(
    PromotionFacts,
    environment=st.sampled_from(["production", HOSTILE]),
    policy=POLICIES,
    now=st.just(NOW),
    candidate=CANDIDATES,
    checks=read(some(CHECKS)),
    required_checks=read(some(st.builds(RequiredCheck, NAMES, APPS))),
    project=read(st.builds(HostProject, TEXTS, TEXTS, st.booleans())),
    deployments=read(some(DEPLOYMENTS)),
    approvals=read(
        some(
            st.builds(
                Approval,
                ACTORS,
                st.booleans(),
                st.sampled_from(["approved", "changes_requested", "dismissed"]),
                SHAS,
            )
        )
    ),
    lock=st.none() | st.builds(Lock, TEXTS, TEXTS, TEXTS, TIMES),
    freezes=some(st.builds(Freeze, TEXTS, TEXTS, TEXTS, TIMES, TIMES)),
    live=st.dictionaries(st.just("staging"), ENTRIES, max_size=1),
    schema=st.none() | read(SCHEMAS),
    slo=read(st.lists(OBJECTIVES, max_size=3, unique_by=lambda one: one.state.name).map(tuple)),
)
READ_BY: dict[str, tuple[str, ...]] = {
    "checks": ("checks", "required_checks"),
    "deployment": ("project", "deployments"),
    "approvals": ("approvals",),
    "migrations": ("schema",),
    "backfills": ("schema",),
    "schema": ("schema",),
    "slo": ("slo",),
}
FIELDS = (
    "checks",
    "required_checks",
    "project",
    "deployments",
    "approvals",
    "schema",
    "slo",
)


@given(FACTS)
def test_whatever_the_facts_every_gate_answers_and_explains(facts: PromotionFacts) -> None:
    for name, gate in GATES.items():
        result = gate.evaluate(facts)
        assert result.gate == name
        assert result.summary
        assert "\n" not in result.gate
        if result.verdict in (Verdict.FAIL, Verdict.WAIT, Verdict.ERROR):
            assert result.remedy, result
            assert result.reason or name not in facts.policy.requires
        json.dumps(result.evidence)


@given(FACTS, st.dictionaries(st.sampled_from(list(GATES)), st.builds(Override, TEXTS, TEXTS)))
def test_whatever_the_facts_the_check_can_be_rendered(
    facts: PromotionFacts, overrides: dict[str, Override]
) -> None:
    decision = evaluate_promotion(facts, overrides)
    output = render_promotion_check(decision, environment=facts.environment)
    assert 0 < len(output.title) <= 60
    assert len(output.summary.encode()) <= 65_535
    assert len(output.text.encode()) <= 65_535
    assert from_json(json.loads(json.dumps(to_json(decision)))).verdict is decision.verdict
    for result in decision.results:
        if result.overridden:
            assert GATES[result.gate].overridable
            assert result.gate in overrides


@given(FACTS, st.sampled_from(FIELDS))
def test_what_was_not_read_never_helps(facts: PromotionFacts, field: str) -> None:
    """Nothing that holds a promotion lets go of it because something cannot be read any more."""
    blind: PromotionFacts = replace(facts, **{field: Unread("GitHub answered 502")})
    before, after = evaluate_promotion(facts), evaluate_promotion(blind)
    for one, other in zip(before.results, after.results, strict=True):
        if one.verdict not in (Verdict.PASS, Verdict.SKIP):
            assert other.verdict not in (Verdict.PASS, Verdict.SKIP), (one, other)
        if field in READ_BY.get(one.gate, ()) and one.verdict is not Verdict.SKIP:
            assert other.verdict is Verdict.ERROR


@given(FACTS, st.randoms(use_true_random=False))
def test_the_order_of_facts_does_not_matter(facts: PromotionFacts, random: Random) -> None:
    def shuffled(value: object) -> object:
        if not isinstance(value, tuple):
            return value
        items = list(value)
        random.shuffle(items)
        return tuple(items)

    fields = ("checks", "required_checks", "deployments", "approvals", "freezes")
    other = replace(facts, **{field: shuffled(getattr(facts, field)) for field in fields})
    for gate in GATES.values():
        one, two = gate.evaluate(facts), gate.evaluate(other)
        assert (one.verdict, one.summary, one.remedy) == (two.verdict, two.summary, two.remedy)


@given(FACTS)
def test_a_pass_rests_on_what_it_must(facts: PromotionFacts) -> None:
    """Seen from outside: what has to be so where every gate passes."""
    if evaluate_promotion(facts).verdict is not Verdict.PASS:
        return
    assert facts.lock is None
    assert all(freeze.until <= NOW for freeze in facts.freezes)
    assert not isinstance(facts.deployments, Unread)
    assert any(
        one.sha == SHA and one.production and one.state is BuildState.READY
        for one in facts.deployments
    )
    assert facts.candidate.on_trunk or facts.policy.source.value != "merged"


@pytest.mark.parametrize("name", list(GATES))
def test_gates_say_nothing_of_their_own_workings(name: str) -> None:
    assert GATES[name].requirement.endswith(".")
