"""Who may run what: role × command × environment, and what was changed since somebody looked."""

from dataclasses import replace

import pytest

from bot.core.catalog import COMMANDS
from bot.core.commands.authority import (
    Caller,
    Commented,
    authorise,
    head_moved,
    is_heard,
)
from bot.core.commands.command import Command
from bot.core.commands.requests import Refusal, ShaPrefix, TagName
from bot.core.model import GHOST, Actor, ActorKind, Role, Sha
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.promotion import Unread

OCTO = Actor(5, "octo")
POLICIES = {
    "production": EnvironmentPolicy(),
    "staging": EnvironmentPolicy(roles=("write", "maintain", "admin", "releaser"), teams=("qa",)),
    "open": EnvironmentPolicy(roles=(), teams=("qa",), override_roles=(), allow_forks=True),
}
ROLES = {
    "nobody": Role("none", "none"),
    "reader": Role("read", "read"),
    "triager": Role("triage", "read"),
    "writer": Role("write", "write"),
    "maintainer": Role("maintain", "write"),
    "admin": Role("admin", "admin"),
    "releaser": Role("releaser", "write"),
    "qa": Role("read", "read"),
}
READ = {"status", "gates", "slo", "migrations", "help"}
OPERATE = {
    "promote", "rollback", "lock", "unlock", "freeze", "thaw", "cancel", "retry", "migrate",
    "contract", "watch",
}  # fmt: skip
OVERRIDE = {"override"}
RELEASE = {"release"}
MATRIX = {
    ("nobody", "production"): set(),
    ("nobody", "staging"): set(),
    ("nobody", "open"): set(),
    ("reader", "production"): READ,
    ("reader", "staging"): READ,
    ("reader", "open"): READ,
    ("triager", "production"): READ,
    ("triager", "staging"): READ,
    ("triager", "open"): READ,
    ("writer", "production"): READ,
    ("writer", "staging"): READ | OPERATE,
    ("writer", "open"): READ,
    ("maintainer", "production"): READ | OPERATE | RELEASE,
    ("maintainer", "staging"): READ | OPERATE | RELEASE,
    ("maintainer", "open"): READ | RELEASE,
    ("admin", "production"): READ | OPERATE | OVERRIDE | RELEASE,
    ("admin", "staging"): READ | OPERATE | OVERRIDE | RELEASE,
    ("admin", "open"): READ | RELEASE,
    ("releaser", "production"): READ,
    ("releaser", "staging"): READ | OPERATE,
    ("releaser", "open"): READ,
    ("qa", "production"): READ,
    ("qa", "staging"): READ | OPERATE,
    ("qa", "open"): READ | OPERATE,
}


def caller(who: str, comment: Commented | None = None) -> Caller:
    teams = frozenset({"qa"}) if who == "qa" else frozenset[str]()
    return Caller(OCTO, ROLES[who], teams, comment)


def test_the_matrix_is_whole() -> None:
    assert {command.name for command in COMMANDS} == READ | OPERATE | OVERRIDE | RELEASE
    assert set(MATRIX) == {(who, where) for who in ROLES for where in POLICIES}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
@pytest.mark.parametrize(("who", "environment"), MATRIX)
def test_who_may_run_what_where(who: str, environment: str, command: Command) -> None:
    refusal = authorise(command, environment, POLICIES[environment], caller(who))
    assert (refusal is None) is (command.name in MATRIX[who, environment])
    commented = Commented(OCTO, edited=False, from_fork=False)
    same = authorise(command, environment, POLICIES[environment], caller(who, commented))
    assert same == refusal


ADMIN = caller("admin", Commented(OCTO, edited=False, from_fork=False))


def refusal_of(name: str, asking: Caller, environment: str = "production") -> Refusal | None:
    command = next(each for each in COMMANDS if each.name == name)
    return authorise(command, environment, POLICIES.get(environment), asking)


BOT = Actor(6, "hubot[bot]", ActorKind.BOT)
NAMED = EnvironmentPolicy(bots=(5, 6))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
@pytest.mark.parametrize(
    ("actor", "policy"),
    [
        (GHOST, POLICIES["production"]),
        (GHOST, NAMED),
        (BOT, POLICIES["production"]),
        (BOT, EnvironmentPolicy(bots=(7,))),
        (BOT, None),
        (Actor(0, "ghost", ActorKind.BOT), NAMED),
    ],
)
def test_machines_and_ghosts_get_no_answer(
    actor: Actor, policy: EnvironmentPolicy | None, command: Command
) -> None:
    asking = replace(ADMIN, actor=actor, comment=Commented(actor, edited=False, from_fork=False))
    refusal = authorise(command, "production", policy, asking)
    assert refusal is not None
    assert not refusal.answered


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
@pytest.mark.parametrize("who", ROLES)
def test_a_bot_that_the_policy_names_may_run_what_its_role_may(who: str, command: Command) -> None:
    asking = replace(caller(who), actor=BOT, comment=Commented(BOT, edited=False, from_fork=False))
    refusal = authorise(command, "production", NAMED, asking)
    may = MATRIX[who, "production"] - RELEASE  # which is about no environment
    assert (refusal is None) is (command.name in may)
    edited = replace(asking, comment=Commented(BOT, edited=True, from_fork=False))
    assert authorise(command, "production", NAMED, edited) is not None


@pytest.mark.parametrize(
    ("author", "own", "heard"),
    [
        (OCTO, False, True),
        (GHOST, False, False),
        (BOT, False, True),
        (BOT, True, False),
        (replace(BOT, id=7), False, False),
    ],
)
def test_who_is_answered(author: Actor, own: bool, heard: bool) -> None:
    assert is_heard(author, own=own, policies=[EnvironmentPolicy(), NAMED]) is heard
    assert is_heard(author, own=own, policies=[]) is (author is OCTO)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
@pytest.mark.parametrize(
    ("comment", "against"),
    [
        (Commented(Actor(6, "octo"), edited=False, from_fork=False), "sent by another"),
        (Commented(OCTO, edited=True, from_fork=False), "was edited"),
    ],
)
def test_a_comment_must_be_its_sender_s_and_unchanged(
    comment: Commented, against: str, command: Command
) -> None:
    asking = replace(ADMIN, comment=comment)
    refusal = authorise(command, "production", POLICIES["production"], asking)
    assert refusal is not None
    assert against in refusal.against


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_on_a_fork_only_what_changes_nothing_works_unless_the_policy_says_so(
    command: Command,
) -> None:
    asking = replace(ADMIN, comment=Commented(OCTO, edited=False, from_fork=True))
    refusal = authorise(command, "production", POLICIES["production"], asking)
    assert (refusal is None) is (command.name in READ)
    assert refusal is None or "comes from a fork" in refusal.against
    allowing = EnvironmentPolicy(allow_forks=True)
    refusal = authorise(command, "production", allowing, asking)
    assert (refusal is None) is (command.name not in RELEASE)


@pytest.mark.parametrize("name", ["status", "promote", "override"])
def test_a_role_that_cannot_be_read_is_a_refusal(name: str) -> None:
    refusal = refusal_of(name, replace(ADMIN, role=Unread("GitHub answered 502")))
    assert refusal is not None
    assert "could not be read from GitHub: GitHub answered 502." in refusal.against


def test_teams_that_cannot_be_read_are_a_refusal_where_they_would_decide() -> None:
    unread = Unread("GitHub answered 502")
    reader = replace(caller("reader"), teams=unread)
    refusal = refusal_of("promote", reader, "staging")
    assert refusal is not None
    assert "your teams could not be read from GitHub: GitHub answered 502." in refusal.against
    assert refusal_of("promote", replace(caller("writer"), teams=unread), "staging") is None


def test_a_team_gives_no_override() -> None:
    assert refusal_of("override", caller("qa"), "staging") is not None


@pytest.mark.parametrize("name", ["promote", "override"])
def test_nobody_may_act_on_an_environment_that_the_policy_does_not_have(name: str) -> None:
    refusal = refusal_of(name, ADMIN, "nowhere")
    assert refusal is not None
    assert "no such environment" in refusal.against
    assert refusal_of("status", ADMIN, "") is None


@pytest.mark.parametrize("environment", ["", "production", "nowhere"])
def test_releases_are_the_repository_s_and_no_environment_s(environment: str) -> None:
    assert refusal_of("release", caller("maintainer"), environment) is None
    assert refusal_of("release", caller("qa"), environment) == Refusal(
        "`/release`",
        "It takes the role `maintain` or `admin`; you have the role `read`.",
        "Ask somebody who has it.",
    )


def test_the_refusal_names_what_it_takes_and_what_the_caller_has() -> None:
    assert refusal_of("promote", caller("writer")) == Refusal(
        "`/promote` on production",
        "It takes the role `maintain` or `admin`; you have the role `write`.",
        "Ask somebody who has it, or have `environments.production.roles` changed.",
    )
    refusal = refusal_of("promote", caller("reader"), "open")
    assert refusal is not None
    assert refusal.against == (
        "It takes the team `qa`; you have the role `read` and are in none of these teams."
    )
    override = refusal_of("override", caller("admin"), "open")
    assert override is not None
    assert "a role, of which the policy names none" in override.against
    assert "environments.open.override_roles" in override.remedy


@pytest.mark.parametrize(
    ("asking", "environment", "against"),
    [
        (
            caller("writer"),
            "production",
            "It takes the role `maintain` or `admin`; octo has the role `write` now.",
        ),
        (
            caller("reader"),
            "open",
            "It takes the team `qa`; octo has the role `read` now and is in none of these teams.",
        ),
        (
            replace(caller("reader"), teams=Unread("it answered 403")),
            "open",
            (
                "It takes the team `qa`; octo has the role `read` now, and octo's teams could not "
                "be read from GitHub: it answered 403."
            ),
        ),
        (caller("nobody"), "production", "octo cannot read this repository."),
        (
            replace(ADMIN, role=Unread("it answered 403")),
            "production",
            "What role octo has could not be read from GitHub: it answered 403.",
        ),
    ],
)
def test_a_refusal_that_others_read_calls_the_caller_by_name(
    asking: Caller, environment: str, against: str
) -> None:
    refusal = refusal_of("promote", replace(asking, spoken_of=True), environment)
    assert refusal is not None
    assert refusal.against == against
    spoken_to = refusal_of("promote", asking, environment)
    assert spoken_to is not None
    assert "octo" not in spoken_to.against


A, B = (Sha(letter * 10 + "0" * 30) for letter in "ab")
TWIN = Sha("a" * 10 + "1" * 30)


@pytest.mark.parametrize(
    ("seen", "now", "typed", "moved"),
    [
        (A, A, None, False),
        (A, B, None, True),
        (None, A, None, True),
        (A, B, ShaPrefix("b" * 7), False),
        (A, B, ShaPrefix("a" * 7), False),
        (None, B, ShaPrefix("b" * 7), False),
        (A, B, ShaPrefix("c" * 7), False),
        (A, TWIN, ShaPrefix("a" * 7), True),
        (A, TWIN, ShaPrefix(A), False),
        (A, B, TagName("v1"), False),
    ],
)
def test_a_head_that_moved_after_the_comment_is_refused(
    seen: Sha | None, now: Sha, typed: ShaPrefix | TagName | None, moved: bool
) -> None:
    refusal = head_moved("`/promote`", seen, now, typed)
    assert (refusal is not None) is moved


def test_the_refusal_names_both_heads_and_how_to_go_on() -> None:
    refusal = head_moved("`/promote`", A, B)
    assert refusal is not None
    assert refusal.against == (
        "The head was `aaaaaaa` when the comment was made, and is `bbbbbbb` now."
    )
    assert refusal.remedy == "Look at `bbbbbbb`, and name it: `/promote bbbbbbbbbb00`."
