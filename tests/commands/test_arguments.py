"""What is understood of a command's arguments, and what is said of those that do not do."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.catalog import COMMANDS
from bot.core.commands.command import Command, Surroundings
from bot.core.commands.grammar import read_comment
from bot.core.commands.requests import (
    CancelRequest,
    ContractRequest,
    FreezeRequest,
    GatesRequest,
    HelpRequest,
    LockRequest,
    MigrateRequest,
    MigrationsRequest,
    OverrideRequest,
    PromoteRequest,
    Refusal,
    ReleaseAsRequest,
    ReleaseNoteRequest,
    ReleasePrereleaseRequest,
    ReleaseResetRequest,
    ReleaseSkipRequest,
    Request,
    RetryRequest,
    RollbackRequest,
    ShaPrefix,
    SloRequest,
    StatusRequest,
    StepsBack,
    TagName,
    ThawRequest,
    UnlockRequest,
    WatchCancelRequest,
)
from bot.core.migrations.model import Version as MigrationVersion
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.release.version import Version

NOW = datetime(2026, 3, 2, 12, 4, 10, tzinfo=UTC)
BOTH = Surroundings(
    {
        "production": EnvironmentPolicy(requires=("checks", "freeze", "lock")),
        "staging": EnvironmentPolicy(requires=("checks",)),
    },
    NOW,
)
ONE = Surroundings({"live": EnvironmentPolicy()}, NOW)
TWO = Surroundings({"east": EnvironmentPolicy(), "west": EnvironmentPolicy()}, NOW)
NONE = Surroundings({}, NOW)
SHA = "3f2c1aa9d2c1b7e8f0a1b2c3d4e5f60718293a4b"


def read(line: str, surroundings: Surroundings = BOTH) -> Request | Refusal:
    reading = read_comment(line)
    assert isinstance(reading, tuple), reading
    return reading[0].command.read(reading[0].rest, surroundings)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("/promote", PromoteRequest("production")),
        ("/promote staging", PromoteRequest("staging")),
        ("/promote v1.5.0", PromoteRequest("production", TagName("v1.5.0"))),
        ("/promote staging 3F2C1AA", PromoteRequest("staging", ShaPrefix("3f2c1aa"))),
        (f"/promote {SHA}", PromoteRequest("production", ShaPrefix(SHA))),
        ("/promote @acme/shop@1.5.0", PromoteRequest("production", TagName("@acme/shop@1.5.0"))),
        ("/promote shop@1.5.0", PromoteRequest("production", TagName("shop@1.5.0"))),
        ("/promote release/2026-03", PromoteRequest("production", TagName("release/2026-03"))),
        ("/promote 2026.03", PromoteRequest("production", TagName("2026.03"))),
        ("/promote --dry-run", PromoteRequest("production", dry_run=True)),
        ("/promote --plan=3F2C1AA0B4C5", PromoteRequest("production", plan="3f2c1aa0b4c5")),
        (
            "/promote --when-ready staging --dry-run v2",
            PromoteRequest("staging", TagName("v2"), dry_run=True, when_ready=True),
        ),
        ("/rollback", RollbackRequest("production")),
        ("/rollback 2", RollbackRequest("production", StepsBack(2))),
        ("/rollback staging 20", RollbackRequest("staging", StepsBack(20))),
        ("/rollback v1.4.0", RollbackRequest("production", TagName("v1.4.0"))),
        ("/rollback 1234567", RollbackRequest("production", ShaPrefix("1234567"))),
        ("/rollback staging --dry-run", RollbackRequest("staging", dry_run=True)),
        (
            "/rollback --plan=3f2c1aa0b4c5 2",
            RollbackRequest("production", StepsBack(2), plan="3f2c1aa0b4c5"),
        ),
        ("/status", StatusRequest()),
        ("/status staging", StatusRequest("staging")),
        ("/gates", GatesRequest("production")),
        ("/lock staging is broken", LockRequest("staging", "is broken")),
        ("/lock the   staging db", LockRequest("production", "the staging db")),
        ('/lock --reason "db moves"', LockRequest("production", "db moves")),
        ("/lock staging --reason=db moves", LockRequest("staging", "db moves")),
        ("/unlock staging", UnlockRequest("staging")),
        ("/thaw", ThawRequest("production")),
        ("/cancel", CancelRequest("production")),
        ("/retry staging", RetryRequest("staging")),
        ("/watch cancel", WatchCancelRequest("production")),
        ("/watch cancel staging", WatchCancelRequest("staging")),
        ("/migrate", MigrateRequest("production")),
        ("/migrate --dry-run staging", MigrateRequest("staging", dry_run=True)),
        ("/migrate --accept-schema", MigrateRequest("production", accept=True)),
        (
            "/contract 20260301120000 staging",
            ContractRequest("staging", MigrationVersion("20260301120000")),
        ),
        ("/slo", SloRequest("")),
        ("/slo staging", SloRequest("staging")),
        ("/migrations", MigrationsRequest("")),
        ("/migrations staging", MigrationsRequest("staging")),
        (
            "/override checks the runner is down",
            OverrideRequest("production", "checks", "the runner is down"),
        ),
        ("/override staging checks x", OverrideRequest("staging", "checks", "x")),
        ("/release as 2.0.0", ReleaseAsRequest(Version(2, 0, 0))),
        (
            "/release as 2.0.0-rc.1 @acme/api",
            ReleaseAsRequest(Version(2, 0, 0, ("rc", "1")), "@acme/api"),
        ),
        ("/release prerelease", ReleasePrereleaseRequest()),
        ("/release  prerelease  api", ReleasePrereleaseRequest("api")),
        ("/release skip 3F2C1AA", ReleaseSkipRequest(ShaPrefix("3f2c1aa"))),
        (f"/release skip {SHA}", ReleaseSkipRequest(ShaPrefix(SHA))),
        ("/release note Grüße,   *all*", ReleaseNoteRequest("Grüße, all")),
        ("/release as 2.0.0 --package web", ReleaseAsRequest(Version(2, 0, 0), "web")),
        ("/release as --package @a/web 2.0.0", ReleaseAsRequest(Version(2, 0, 0), "@a/web")),
        ("/release prerelease --package web", ReleasePrereleaseRequest("web")),
        ("/release skip --package web 3f2c1aa", ReleaseSkipRequest(ShaPrefix("3f2c1aa"), "web")),
        ("/release skip 3f2c1aa --package web", ReleaseSkipRequest(ShaPrefix("3f2c1aa"), "web")),
        ("/release note --package web Faster now", ReleaseNoteRequest("Faster now", "web")),
        ("/release note Use --package web", ReleaseNoteRequest("Use --package web")),
        ("/release reset", ReleaseResetRequest()),
        ("/help", HelpRequest()),
        ("/help /rollback", HelpRequest("rollback")),
    ],
)
def test_what_is_understood(line: str, request_: Request) -> None:
    assert read(line) == request_


@pytest.mark.parametrize(
    ("when", "until"),
    [
        ("2026-12-27", datetime(2026, 12, 27, tzinfo=UTC)),
        ("2026-12-27T18:30", datetime(2026, 12, 27, 18, 30, tzinfo=UTC)),
        ("2026-12-27T18:30Z", datetime(2026, 12, 27, 18, 30, tzinfo=UTC)),
        ("2026-12-27T18:30+01:00", datetime(2026, 12, 27, 17, 30, tzinfo=UTC)),
        ("18:30", datetime(2026, 3, 2, 18, 30, tzinfo=UTC)),
        ("12:04", datetime(2026, 3, 3, 12, 4, tzinfo=UTC)),
        ("00:30+01:00", datetime(2026, 3, 2, 23, 30, tzinfo=UTC)),
        ("23:30-08:00", datetime(2026, 3, 3, 7, 30, tzinfo=UTC)),
    ],
)
def test_when_a_freeze_ends(when: str, until: datetime) -> None:
    assert read(f"/freeze until {when} fair") == FreezeRequest("production", until, "fair")


@pytest.mark.parametrize(
    ("line", "against", "remedy"),
    [
        (
            "/rollback ../../v1/user",
            "`../../v1/user` is no tag, no commit's id of 7 to 40 hexadecimal digits and no",
            "Try `/rollback production`.",
        ),
        ("/rollback v1/../../user", "is no tag", "Try `/rollback production`."),
        ("/rollback v1?x=1", "is no tag", "Try `/rollback production`."),
        ("/rollback v1%2e%2e", "is no tag", "Try `/rollback production`."),
        ("/rollback 0", "1 to 20", "Try `/rollback production 1`."),
        ("/rollback 21", "1 to 20", "Try `/rollback production 1`."),
        ("/rollback v1.4.0 v1.4.1", "One target can be named", "Try `/rollback v1.4.0`."),
        ("/rollback prodction", "no environment `prodction`", "Try `/rollback production`."),
        ("/rollback --dryrun", "There is no `--dryrun`.", "Try `/rollback --dry-run`."),
        ("/rollback --when-ready", "There is no `--when-ready`.", "Usage: `/rollback"),
        ("/promote --plan=3f2c", "12 hexadecimal digits", "Try `/promote --dry-run`"),
        ("/promote v2 --plan 3f2c1aa0b4c5", "12 hexadecimal digits", "--dry-run`"),
        (f"/rollback --plan={'a' * 12} --plan={'b' * 12}", "stands there twice", "Usage"),
        ("/rollback --dry-run --dry-run", "stands there twice", "Usage"),
        ("/promote 12345", "is no tag and no commit's id", "Try `/promote production`."),
        ("/promote production staging", "Two environments", "Try `/promote staging`."),
        ("/promote stagng v2", "no environment `stagng`", "Try `/promote staging v2`."),
        ("/promote is what I would do", "One target", "Try `/promote is`."),
        ("/promote HEAD..main", "is no tag", "Try `/promote production`."),
        ("/promote main@{1}", "is no tag", "Usage"),
        ("/promote v1.lock", "is no tag", "Usage"),
        ("/release", "What is asked for is missing: `as`, `prerelease`,", "Usage"),
        ("/release 2.0.0", "`2.0.0` is not `as`", "Try `/release as 2.0.0`."),
        ("/release v2", "`v2` is not `as`", "Try `/release as 2.0.0`."),
        ("/release prelease api", "is not `as`", "Try `/release prerelease api`."),
        ("/release it", "`it` is not `as`", "Usage"),
        ("/release as", "The version is missing.", "Try `/release as 2.0.0`."),
        ("/release as v2.1 api", "`v2.1` is no version", "Try `/release as 2.1.0 api`."),
        ("/release as 02.0.0", "is no version: it must be a version such as", "Usage"),
        ("/release as $(id)", "is no version", "Usage"),
        ("/release as 2.0.0 a b", "One package can be named", "Try `/release as 2.0.0 a`."),
        ("/release prerelease a b", "One package", "Try `/release prerelease a`."),
        (
            "/release as 2.0.0 a --package b",
            "One package can be named",
            "Try `/release as 2.0.0 a`.",
        ),
        ("/release as --package b", "The version is missing.", "Try `/release as 2.0.0 b`."),
        ("/release as 2.0.0 --package", "name is missing behind `--package`", "Usage"),
        ("/release as --package b --package c 2.0.0", "`--package` stands there twice", "Usage"),
        (
            "/release as 2.0.0 --pakage web",
            "There is no `--pakage`.",
            "Try `/release as 2.0.0 --package web`.",
        ),
        (
            "/release skip --package=web 3f2c1aa",
            "There is no `--package=web`.",
            "Try `/release skip --package web 3f2c1aa`.",
        ),
        ("/release prerelease --dry-run", "There is no `--dry-run`.", "Usage"),
        (
            "/release note --package=web Faster",
            "There is no `--package=web`.",
            "Try `/release note --package web",
        ),
        ("/release note --package web", "The note is missing", "Try `/release note Run"),
        ("/release skip", "The commit is missing: its id of 7 to 40", "Try `/release skip"),
        ("/release skip 3f2c1a", "`3f2c1a` is no commit's id", "Try `/release skip 3f2c1aa`."),
        ("/release skip v1.4.0", "is no commit's id", "Try `/release skip 3f2c1aa`."),
        ("/release skip 3f2c1aa 1234567", "One commit", "Try `/release skip 3f2c1aa`."),
        ("/release note", "The note is missing", "Try `/release note Run"),
        (f"/release note {'x' * 501}", "501 characters, 500 are allowed", "Usage"),
        ("/release reset all", "Nothing goes behind `reset`", "Try `/release reset`."),
        ("/status stagin", "no environment `stagin`", "Try `/status staging`."),
        ("/status is good", "at most an environment", "Try `/status`."),
        ("/unlock staging now", "Nothing goes behind", "Try `/unlock staging`."),
        ("/lock", "The reason is missing", "Try `/lock production the database"),
        ('/lock --reason ""', "The reason is missing", "Try `/lock production the database"),
        ("/lock staging", "The reason is missing", "Try `/lock staging the database"),
        ("/lock " + "x" * 301, "301 characters", "Try `/lock production"),
        ("/freeze", "nothing stands there", "Try `/freeze production until 2026-03-03"),
        ("/freeze 2026-12-27 fair", "`2026-12-27` stands there", "until 2026-03-03 fair`."),
        ("/freeze until", "nothing is given", "until 2026-03-03"),
        ("/freeze until soon fair", "`soon` is no time", "until 2026-03-03 fair`."),
        ("/freeze until 2026-02-30 fair", "is no time", "until 2026-03-03 fair`."),
        ("/freeze until 25:00 fair", "is no time", "until 2026-03-03 fair`."),
        ("/freeze until 2026-12-27T fair", "is no time", "until 2026-03-03 fair`."),
        ("/freeze until T18:00 fair", "is no time", "until 2026-03-03 fair`."),
        ("/freeze until 0001-01-01T00:00+14:00 fair", "is no time", "until 2026-03-03 fair`."),
        ("/freeze until 2026-03-01 fair", "`2026-03-01` is past", "until 2026-03-03 fair`."),
        ("/freeze until 2027-12-27 fair", "more than a year", "Try `/lock production fair`."),
        ("/freeze until 2026-12-27", "The reason is missing", "until 2026-12-27 the database"),
        ("/override", "The gate is missing", "Usage"),
        ("/override chekcs flaky", "no gate of production", "Try `/override production checks"),
        ("/override staging order x", "`order` is no gate of staging", "Usage"),
        ("/override checks", "The reason is missing", "Try `/override production checks the"),
        ("/contract", "version is missing", "Try `/migrations`"),
        ("/contract 2026", "`2026` is no version", "Try `/migrations`"),
        ("/contract 20260301120000_drop.sql", "without the name", "Try `/contract 20260301120000`"),
        ("/contract 20260301120000 stagign", "no environment", "20260301120000 staging`"),
        ("/migrate --dry-run --accept-schema", "do not go together", "Try `/migrate production`"),
        ("/migrate --dryrun", "There is no `--dryrun`", "Try `/migrate --dry-run`"),
        ("/slo stagign", "no environment", "Try `/slo staging`"),
        ("/migrations stagign", "no environment", "Try `/migrations staging`"),
        ("/watch", "nothing stands there", "Try `/watch cancel`."),
        ("/watch staging", "`staging` stands there", "Try `/watch cancel`."),
        ("/watch cancel stagign", "no environment", "Try `/watch cancel staging`."),
        ("/help me please", "One command", "Try `/help`."),
    ],
)
def test_what_is_refused(line: str, against: str, remedy: str) -> None:
    found = read(line)
    assert isinstance(found, Refusal)
    assert against in found.against
    assert remedy in found.remedy
    name = line.split()[0]
    assert found.asked == f"`{name}`"
    assert f"Usage: `{name}" in found.remedy


TAKING_AN_ENVIRONMENT = [
    command
    for command in COMMANDS
    if any(argument.form == "[environment]" for argument in command.arguments)
    # Without one these mean all of them; the last takes a version first.
    and command.name not in ("status", "slo", "migrations", "contract")
]
REST = {"lock": "x", "freeze": "until 18:00 x", "override": "checks x", "watch": "cancel"}


@pytest.mark.parametrize("command", TAKING_AN_ENVIRONMENT, ids=lambda command: command.name)
def test_which_environment_is_meant(command: Command) -> None:
    rest = REST.get(command.name, "")
    for surroundings, environment in ((BOTH, "production"), (ONE, "live")):
        found = command.read(rest, surroundings)
        assert not isinstance(found, Refusal)
        assert getattr(found, "environment", "") == environment
    ambiguous = command.read(rest, TWO)
    assert isinstance(ambiguous, Refusal)
    assert "`east` and `west`" in ambiguous.against
    said = "watch cancel" if command.name == "watch" else command.name
    assert f"/{said} east" in ambiguous.remedy
    unset = command.read(rest, NONE)
    assert isinstance(unset, Refusal)
    assert "names no environment" in unset.against


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_examples_do_what_they_say(command: Command) -> None:
    assert command.examples
    for example in command.examples:
        reading = read_comment(example.line)
        assert isinstance(reading, tuple)
        assert reading[0].command is command
        # A freeze's examples bear the dates of the page that shows them.
        early = Surroundings(
            {name: EnvironmentPolicy() for name in BOTH.environments},
            datetime(2026, 11, 22, tzinfo=UTC),
        )
        assert not isinstance(command.read(reading[0].rest, early), Refusal), example.line


WORDS = [
    "staging",
    "production",
    "v1",
    "3f2c1aa",
    "1",
    "--dry-run",
    "until",
    "18:00",
    "checks",
    "as",
    "skip",
    "2.0.0",
    "é",
]


@given(
    st.sampled_from(COMMANDS),
    st.one_of(st.text(max_size=40), st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)),
    st.sampled_from([BOTH, ONE, TWO, NONE]),
)
def test_any_arguments_are_understood_or_refused(
    command: Command, rest: str, surroundings: Surroundings
) -> None:
    found = command.read(rest, surroundings)
    if isinstance(found, Refusal):
        assert found.against
        assert command.usage in found.remedy
        return
    assert getattr(found, "environment", "") in {*surroundings.environments, ""}
    target = getattr(found, "target", None)
    if isinstance(target, TagName | ShaPrefix):
        text = target.name if isinstance(target, TagName) else target.text
        assert text.isascii()
        assert text.isprintable()
        assert ".." not in text
        assert not set(text) & set(" \\?#%*:[~^")
    if isinstance(found, FreezeRequest):
        assert NOW < found.until <= NOW + timedelta(days=366)
