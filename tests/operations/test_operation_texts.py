"""Every text as it is received. ``UPDATE_EXPECTED=1 pytest tests/operations`` writes them anew;
read the difference before you commit it."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import operation_cases as cases
import pytest

from bot.core.catalog import COMMANDS
from bot.core.commands.requests import Misread, Refusal
from bot.core.hosting import Freeze, Lock, Origin
from bot.core.operations.machine import (
    Again,
    Already,
    Done,
    Failed,
    Kind,
    Operation,
    State,
    StepName,
    fail,
)
from bot.core.release.steering import Wish, WishKind
from bot.core.render import command as answers
from bot.core.render.json import to_json
from bot.core.render.operation import render_operation, render_plan
from bot.core.render.steering import render_wish

EXPECTED = Path(__file__).parent / "expected"
START = cases.operation()
BACK = cases.operation(Kind.ROLLBACK, cases.OLD, cases.NEW)
REFUSED = Failed(
    "`e2e` is red",
    "mend `e2e`, or run it again if it is flaky",
    State.REFUSED,
    {"decision": to_json(cases.FAILING)},
)
SWITCHED = cases.through(START, StepName.SWITCH)
NOT_SEEN = Failed("shop.example.com still serves dpl_a91b77c", "look at the host, then `/status`")

FAULT = ".github/lockgate.yml has 2 problems"
WHY = "octo: the runner is down, @acme/owners | <b>tested</b> by hand"


def wish(kind: WishKind, value: str = "", package: str | None = None) -> Wish:
    return Wish(kind, value, package, "octo", 99, NOW)


OPERATIONS: dict[str, Operation] = {
    "begun": START,
    "gates_asked": cases.then(START, StepName.GATES, Again(timedelta(seconds=1), "")),
    "waiting": replace(
        cases.then(
            START,
            StepName.GATES,
            Again(timedelta(seconds=30), "1 of 2 gates pass", {"decision": to_json(cases.WAITING)}),
        ),
        when_ready=True,
    ),
    "queued_behind": cases.then(
        cases.through(START, StepName.GATES),
        StepName.LOCK,
        Again(timedelta(seconds=1), "operation 6 holds the environment"),
    ),
    "rolling_release": cases.then(
        cases.then(
            cases.through(START, StepName.ANNOUNCE),
            StepName.SWITCH,
            Done("taken; it waits behind a rolling release", {"queued": True}),
        ),
        StepName.SETTLE,
        Again(timedelta(seconds=1), "the host's job is pending"),
    ),
    "verifying": cases.then(
        cases.through(START, StepName.SETTLE),
        StepName.VERIFY,
        Again(timedelta(seconds=1), "shop.example.com still serves dpl_a91b77c"),
    ),
    "succeeded": cases.through(START),
    "live_already": cases.out(
        cases.then(
            cases.through(START, StepName.GATES),
            StepName.LOCK,
            Already("`v1.5.0` is live on production already, since 2026-01-01 10:00 UTC."),
        )
    ),
    "succeeded_first": cases.through(cases.operation(before=None)),
    "succeeded_github_silent": cases.out(
        cases.then(
            cases.through(START, StepName.RECORD),
            StepName.CONFIRM,
            Done("GitHub was not told: answered 502"),
        )
    ),
    "override_asked": cases.overriding(START, checks=WHY),
    "overridden": cases.through(cases.overriding(START, checks=WHY), decision=cases.SET_ASIDE),
    "override_not_needed": cases.through(cases.overriding(START, checks="octo: flaky")),
    "override_not_possible": cases.then(
        cases.overriding(START, checks="octo: flaky", lock="octo: flaky"), StepName.GATES, REFUSED
    ),
    "refused": cases.then(START, StepName.GATES, REFUSED),
    "host_refused": cases.out(
        cases.then(
            cases.through(START, StepName.ANNOUNCE),
            StepName.SWITCH,
            Failed(
                "Vercel answered 402: the plan does not allow it",
                "upgrade the plan",
                unchanged=True,
            ),
        )
    ),
    "aliases_left": cases.out(
        cases.then(
            SWITCHED,
            StepName.SETTLE,
            Failed("1 alias did not move: www.shop.example.com (conflict)", "mend it, `/retry`"),
        )
    ),
    "not_verified": cases.out(
        cases.then(cases.through(START, StepName.SETTLE), StepName.VERIFY, NOT_SEEN)
    ),
    "ending": cases.then(cases.through(START, StepName.SETTLE), StepName.VERIFY, NOT_SEEN),
    "lock_stuck": cases.then(
        cases.through(START, StepName.CONFIRM), StepName.RELEASE, Failed("the store was down")
    ),
    "cancelled": cases.out(
        fail(cases.through(START, StepName.LOCK), "octo cancelled it.", "", State.CANCELLED)
    ),
    "superseded": cases.out(
        fail(
            cases.through(START, StepName.LOCK),
            answers.superseded_by(BACK),
            "",
            State.SUPERSEDED,
        )
    ),
    "superseded_by_itself": cases.out(
        fail(
            cases.through(START, StepName.LOCK),
            answers.superseded_by(replace(BACK, follows=START.id)),
            "",
            State.SUPERSEDED,
        )
    ),
    "rollback_begun": BACK,
    "rollback_succeeded": cases.through(BACK),
    "rollback_policy_broken": replace(cases.through(BACK), policy_fault=FAULT),
    "rollback_by_itself": replace(cases.through(BACK, StepName.SWITCH), follows=6, comment_id=-6),
    "rollback_failed": cases.out(
        cases.then(cases.through(BACK, StepName.SETTLE), StepName.VERIFY, NOT_SEEN)
    ),
}

LOCK = Lock("production", "octo", "checking a slow query | see @acme/owners", cases.AT)
FREEZE = Freeze("staging", "octo", "holidays", cases.AT, cases.AT + timedelta(days=9))
LIVE = cases.entry(3, cases.OLD, until=None)
NOW = cases.AT + timedelta(hours=2)
STATUS = answers.EnvironmentStatus("production", "shop.example.com", LIVE)
MAY_NOT = Refusal(
    "`/promote` on production", "It takes the role `admin`; you have the role `read`."
)

TEXTS = {
    **{f"operation_{name}": render_operation(each) for name, each in OPERATIONS.items()},
    "operation_with_links": render_operation(
        cases.through(START),
        details_url=cases.URL,
        replaced_since=cases.AT - timedelta(days=2, hours=4),
    ),
    "plan_promote": render_plan(
        START.plan, cases.PASSING, replaced_since=cases.AT - timedelta(days=2)
    ),
    "plan_promote_failing": render_plan(START.plan, cases.FAILING),
    "plan_rollback": render_plan(BACK.plan),
    "plan_rollback_policy_broken": render_plan(BACK.plan, policy_fault=FAULT),
    "refusal": answers.render_refusal(
        Refusal(
            "Rollback to `v1.3.0` on production",
            "That build reads `recipes.title`, which contract `20260301120000_drop_title` removed "
            "on 2 March.",
            "Nearest safe target: `/rollback v1.4.2`.",
        )
    ),
    "refusal_hostile": answers.render_refusal(
        Refusal(
            "`/rollback`",
            "`../../v1/user` @acme/owners <img src=x> | ![x](https://evil.test/a.png) is no tag",
            "Try `/rollback production`",
        )
    ),
    "misread": answers.render_misread(
        Misread("There is no command `/promte`.", "/promote staging")
    ),
    "misread_no_suggestion": answers.render_misread(Misread("The comment has 20000 characters.")),
    "already_live": answers.render_already_live("production", cases.OLD, LIVE),
    "queued": answers.render_queued(START, [BACK]),
    "queued_behind_itself": answers.render_queued(START, [replace(BACK, follows=START.id)]),
    "queued_third": answers.render_queued(START, [BACK, START]),
    "cancelled": answers.render_cancelled(OPERATIONS["cancelled"]),
    "override": answers.render_overridden(
        START, "checks", "the runner is down @acme/owners", "octo"
    ),
    "locked": answers.render_locked(LOCK),
    "locked_again": answers.render_locked(replace(LOCK, actor="hubot"), LOCK),
    "unlocked": answers.render_unlocked("production", LOCK, "hubot", NOW),
    "unlocked_nothing": answers.render_unlocked("production", None, "hubot", NOW),
    "frozen": answers.render_frozen(FREEZE),
    "thawed": answers.render_thawed("staging", 1, "octo"),
    "thawed_nothing": answers.render_thawed("staging", 0, "octo"),
    "status": answers.render_status(
        [
            replace(STATUS, lock=LOCK, open=(START,)),
            answers.EnvironmentStatus("staging", "", None, freezes=(FREEZE,)),
        ],
        NOW,
    ),
    "status_remarks": answers.render_status(
        [
            replace(
                STATUS,
                live=replace(LIVE, origin=Origin.ROLLBACK, verified_at=None),
                held_by_rollback=True,
                auto_assigns=True,
                drift="dpl_other",
                unread="Vercel answered 502",
            )
        ],
        NOW,
    ),
    "status_unsettled": answers.render_status(
        [replace(STATUS, unsettled=OPERATIONS["not_verified"])], NOW
    ),
    "status_policy_broken": answers.render_status([STATUS], NOW, FAULT),
    "status_empty": answers.render_status([], NOW),
    "status_empty_policy_broken": answers.render_status([], NOW, FAULT),
    "gates_ready": answers.render_gates("production", cases.NEW, cases.PASSING),
    "gates_failing": answers.render_gates("production", cases.NEW, cases.FAILING),
    "help": answers.render_help(
        COMMANDS, dict.fromkeys(["promote", "override"], MAY_NOT), "production"
    ),
    "help_promote": answers.render_command_help(COMMANDS[0], MAY_NOT),
    "help_freeze": answers.render_command_help(
        next(command for command in COMMANDS if command.name == "freeze"), None
    ),
    "help_release": answers.render_command_help(
        next(command for command in COMMANDS if command.name == "release"), MAY_NOT
    ),
    "release_as": render_wish(wish(WishKind.AS, "2.0.0-rc.1", "@acme/api")),
    **{
        f"retry_{name}": answers.render_refusal(refusal)
        for name, last in (("nothing", None), ("under_way", START), ("well", cases.through(START)))
        if (refusal := answers.nothing_to_retry("production", last))
    },
    "release_prerelease": render_wish(wish(WishKind.PRERELEASE)),
    "release_skip": render_wish(wish(WishKind.SKIP, "a" * 40), subject="feat: <b>x</b> @octo #1"),
    "release_note": render_wish(wish(WishKind.NOTE, "Run `migrate` first, @acme/owners | <b>")),
    "release_reset": render_wish(wish(WishKind.RESET), earlier=2),
    "release_reset_nothing": render_wish(wish(WishKind.RESET)),
    "several_answers": answers.render_answer(99, ["one", "two"]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text(name: str) -> None:
    path = EXPECTED / f"{name}.md"
    text = TEXTS[name].rstrip("\n") + "\n"
    if os.environ.get("UPDATE_EXPECTED") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_text(encoding="utf-8")


def test_no_expected_text_is_left_over() -> None:
    assert {path.stem for path in EXPECTED.iterdir()} == set(TEXTS)
