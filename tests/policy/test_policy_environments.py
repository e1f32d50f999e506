"""The policy's environments: what is read, and each fault in words and at its place."""

from datetime import timedelta

import pytest
from growth import assert_linear
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.policy import Policy, PolicyProblems, parse_policy
from bot.core.policy.environments import ChecksMode, OnFailure, Source

HOME = "    vercel: {project: shop, domain: shop.example.com}\n"
START = f"environments:\n  production:\n{HOME}"


def read(text: str) -> Policy:
    policy = parse_policy(text)
    assert isinstance(policy, Policy), policy
    return policy


def problems_of(text: str) -> list[str]:
    parsed = parse_policy(text)
    assert isinstance(parsed, PolicyProblems), parsed
    return [f"{problem.line}:{problem.column} {problem}" for problem in parsed.problems]


def test_an_environment_is_read() -> None:
    policy = read(
        "environments:\n"
        "  staging:\n"
        "    workflow: {environment: staging, domain: 'staging.example.com:8443'}\n"
        "  production:\n"
        f"{HOME}"
        "    requires: [checks, deployment, migrations]\n"
        "    roles: [maintain, release-captain]\n"
        "    teams: [sre]\n"
        "    approvals: {count: 2}\n"
        "    checks: {mode: list, names: [ci, e2e], skipped: [e2e], apps: {ci: 15368}}\n"
        "    freeze:\n"
        "      - {cron: '0 15 * * FRI', hours: 66, timezone: Europe/Berlin, reason: weekend}\n"
        "      - {from: 2026-12-20, until: '2027-01-02T09:00', reason: holidays}\n"
        "    source: release\n"
        "    after: staging\n"
        "    soak: 30m\n"
        "    timeout: PT20M\n"
        "    on_failure: hold\n"
    )
    production = policy.environments["production"]
    assert production.target is not None
    assert (production.target.host, production.target.project) == ("vercel", "shop")
    assert production.checks.mode is ChecksMode.LIST
    assert dict(production.checks.apps) == {"ci": 15368}
    assert production.soak == timedelta(minutes=30)
    assert production.timeout == timedelta(minutes=20)
    assert production.source is Source.RELEASE
    assert production.on_failure is OnFailure.HOLD
    assert production.gates == (
        "checks",
        "deployment",
        "migrations",
        "source",
        "freeze",
        "lock",
        "approvals",
        "order",
    )
    staging = policy.environments["staging"].target
    assert staging is not None
    assert (staging.host, staging.project, staging.domain) == (
        "github",
        "staging",
        "staging.example.com:8443",
    )


def test_the_defaults_ask_for_what_every_team_can_have() -> None:
    production = read(START).environments["production"]
    assert production.gates == production.requires
    assert production.roles == ("maintain", "admin")
    assert production.override_roles == ("admin",)
    assert production.timeout == timedelta(minutes=15)


def with_key(line: str) -> str:
    return f"{START}    {line}\n"


def freeze(window: str) -> str:
    return with_key(f"freeze: [{window}]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # keys and names
        (
            f"environments:\n  Production:\n{HOME}",
            (
                "2:3 `environments.Production`: an environment's name has small letters, digits "
                "and hyphens, begins with a letter, and has at most 41 characters. "
                "Did you mean `production`?"
            ),
        ),
        (
            "environments: [production]\n",
            "1:15 `environments` must be a mapping of keys to values, found a list of 1",
        ),
        (
            with_key("require: [checks]"),
            "4:5 unknown key `environments.production.require`. Did you mean `requires`?",
        ),
        (
            "requires: [checks]\n",
            "1:1 unknown key `requires`. Did you mean `environments.<name>.requires`?",
        ),
        (
            "environments:\n  p:\n    vercel: {project: shop}\n",
            "3:13 the key `domain` is missing in `environments.p.vercel`",
        ),
        (
            "environments:\n  p:\n    vercel: {project: a/../b, domain: x.test}\n",
            (
                "3:23 `environments.p.vercel.project` must match `^[A-Za-z0-9._-]{1,100}$`, "
                "found the text `a/../b`"
            ),
        ),
        (
            "environments:\n  p:\n    vercel: {project: a, domain: 'https://x.test/y'}\n",
            (
                "3:34 `environments.p.vercel.domain` must be a domain such as `shop.example.com`, "
                "found the text `https://x.test/y`. Did you mean `x.test`?"
            ),
        ),
        # gates
        (
            with_key("requires: [checks, comits]"),
            (
                "4:24 `environments.production.requires[1]`: there is no such gate, "
                "found the text `comits`. Did you mean `commits`?"
            ),
        ),
        (
            with_key("requires: []"),
            (
                "4:15 `environments.production.requires` must be a list of 1 to 50 names, "
                "found an empty list"
            ),
        ),
        (
            with_key("slo: {require: [api, api]}"),
            "4:26 `environments.production.slo.require[1]`: the objective `api` stands twice",
        ),
        (
            with_key("slo: {minimum_budget: 10}"),
            (
                "4:27 `environments.production.slo.minimum_budget` must be a part such as `10%` or "
                "`2.5%`, at most `100%`, found the number 10. Did you mean `10%`?"
            ),
        ),
        (
            with_key("slo: {minimum_budget: 10 %}"),
            (
                "4:27 `environments.production.slo.minimum_budget` must be a part such as `10%` or "
                "`2.5%`, at most `100%`, found the text `10 %`. Did you mean `10%`?"
            ),
        ),
        (
            with_key("slo: {watch: {for: 30s}}"),
            "4:19 `environments.production.slo.watch.for` must be at least `1m` and at most `6h`",
        ),
        (
            with_key("slo: {watch: {every: 0s}}"),
            (
                "4:19 `environments.production.slo.watch.every` must be at least `1s` and at most "
                "as long as `for`"
            ),
        ),
        (
            with_key("slo: {watch: {for: 6h, every: 1s}}"),
            (
                "4:28 `environments.production.slo.watch.every` makes more than 1,000 looks, which "
                "is too often. Did you mean `22s`?"
            ),
        ),
        (
            with_key("slo: {watch: {false_rollbacks: 0%}}"),
            (
                "4:19 `environments.production.slo.watch.false_rollbacks` must be above `0%`, "
                "since nothing that is measured is ever certain, and at most `50%`. Did you mean "
                "`1%`?"
            ),
        ),
        (
            with_key("slo: {watch: {on_failure: rollback}}"),
            (
                "4:19 unknown key `environments.production.slo.watch.on_failure`. Did you mean "
                "`on_fail`?"
            ),
        ),
        (
            with_key("slo: {steps: usual}"),
            (
                "4:18 `environments.production.slo.steps` must be `default` or a list of steps, "
                "found the text `usual`. Did you mean `default`?"
            ),
        ),
        (
            with_key("slo: {steps: [{at: 25, do: approve}]}"),
            (
                "4:24 `environments.production.slo.steps[0].at` must be a part such as `10%` or "
                "`2.5%`, at most `100%`, found the number 25. Did you mean `25%`?"
            ),
        ),
        (
            with_key("slo: {steps: [{at: 25%, do: aprove}]}"),
            (
                "4:33 `environments.production.slo.steps[0].do` must be one of `notify`, "
                "`approve` or `freeze`, found the text `aprove`. Did you mean `approve`?"
            ),
        ),
        (
            with_key("slo: {steps: [{at: 5%, do: notify}, {at: 5%, do: notify}]}"),
            "4:41 `environments.production.slo.steps[1]`: the same step stands twice",
        ),
        (
            with_key("slo: {steps: [{at: 5%, do: freeze}, {at: 1%, do: freeze}]}"),
            (
                "4:50 `environments.production.slo.steps[1].do` is `freeze` for the second time: "
                "the one that begins earlier is all that counts"
            ),
        ),
        (
            with_key("requires: [lock, lock]"),
            "4:22 `environments.production.requires[1]`: the gate `lock` stands twice",
        ),
        # roles
        (
            with_key("roles: [maintain, read]"),
            (
                "4:23 `environments.production.roles[1]` cannot be `read`: in a public repository "
                "everybody has it. Roles that can be trusted with an environment are `write`, "
                "`maintain`, `admin` and custom roles made for it"
            ),
        ),
        (
            with_key("override_roles: [triage]"),
            (
                "4:22 `environments.production.override_roles[0]` cannot be `triage`: it is given "
                "to people who sort issues and may not write code. Roles that can be trusted with "
                "an environment are `write`, `maintain`, `admin` and custom roles made for it"
            ),
        ),
        # durations
        (
            with_key("timeout: 15 minutes"),
            (
                "4:14 `environments.production.timeout` must be a duration such as `15m`, `2h`, "
                "`1d12h` or `PT15M`, found the text `15 minutes`"
            ),
        ),
        (
            with_key("timeout: 15"),
            (
                "4:14 `environments.production.timeout` must be a duration such as `15m`, `2h`, "
                "`1d12h` or `PT15M`, found the number 15. Did you mean `15m`?"
            ),
        ),
        (
            with_key("timeout: 5s"),
            "4:5 `environments.production.timeout` must be at least `1m` and at most `1d`",
        ),
        (
            with_key("timeout: 900d"),
            (
                "4:14 `environments.production.timeout` must be at most 366 days, "
                "found the text `900d`"
            ),
        ),
        # freezes
        (
            freeze("{until: 2026-12-24, timezone: Europe/Berlni, reason: x}"),
            (
                "4:44 `environments.production.freeze[0].timezone`: there is no such time zone, "
                "found the text `Europe/Berlni`. Did you mean `Europe/Berlin`?"
            ),
        ),
        (
            freeze("{until: 2026-12-24, timezone: ../../etc/passwd, reason: x}"),
            (
                "4:44 `environments.production.freeze[0].timezone`: there is no such time zone, "
                "found the text `../../etc/passwd`"
            ),
        ),
        (
            freeze("{until: 24.12.2026, reason: x}"),
            (
                "4:22 `environments.production.freeze[0].until` must be a date such as "
                "`2026-12-24` or a time such as `2026-12-24T18:00`, found the text `24.12.2026`"
            ),
        ),
        (
            freeze("{until: 2026-02-30, reason: x}"),
            (
                "4:22 `environments.production.freeze[0].until` must be a date such as "
                "`2026-12-24` or a time such as `2026-12-24T18:00`, found the text `2026-02-30`"
            ),
        ),
        (
            freeze("{cron: '0 15 * FRI', hours: 66, reason: x}"),
            (
                "4:21 `environments.production.freeze[0].cron` must have five fields (minute, "
                "hour, day of the month, month, day of the week), e.g. `0 15 * * FRI`, "
                "found the text `0 15 * FRI`"
            ),
        ),
        (
            freeze("{cron: '0 25 * * *', hours: 66, reason: x}"),
            (
                "4:21 `environments.production.freeze[0].cron`: the hour `25` must be a number of "
                "0 to 23, found the text `0 25 * * *`"
            ),
        ),
        (
            freeze("{reason: x}"),
            (
                "4:14 `environments.production.freeze[0]` has neither `until` nor `cron`: "
                "it would never end, or never begin"
            ),
        ),
        (
            freeze("{from: 2026-12-24, reason: x}"),
            (
                "4:14 `environments.production.freeze[0]` has neither `until` nor `cron`: "
                "it would never end, or never begin"
            ),
        ),
        (
            freeze("{cron: '0 15 * * *', reason: x}"),
            (
                "4:15 `environments.production.freeze[0].cron` says when it begins, "
                "and `hours` is missing"
            ),
        ),
        (
            freeze("{cron: '0 15 * * *', hours: 1, until: 2026-12-24, reason: x}"),
            (
                "4:45 `environments.production.freeze[0].until` and `cron` are two freezes: "
                "write an item for each"
            ),
        ),
        (
            freeze("{until: 2026-12-24, hours: 1, reason: x}"),
            "4:34 `environments.production.freeze[0].hours` goes with `cron`, which is missing",
        ),
        (
            freeze("{from: 2026-12-24, until: 2026-12-24, reason: x}"),
            "4:40 `environments.production.freeze[0].until` is not after `from`",
        ),
        (
            freeze("{until: 2026-12-24}"),
            "4:14 the key `reason` is missing in `environments.production.freeze[0]`",
        ),
        (
            freeze("{cron: '0 15 * * *', hours: 1000, reason: x}"),
            (
                "4:42 `environments.production.freeze[0].hours` must be a number of 0.25 to 744 or "
                "nothing (`null`), found the number 1000"
            ),
        ),
        # checks
        (
            with_key("checks: {mode: list}"),
            "4:20 `environments.production.checks.mode` is `list`, and `names` lists no check",
        ),
        (
            with_key("checks: {names: [ci]}"),
            (
                "4:14 `environments.production.checks.names` counts with `mode: list` alone. "
                "Did you mean `mode: list`?"
            ),
        ),
        (
            with_key("checks: {apps: {ci: github-actions}}"),
            (
                "4:25 `environments.production.checks.apps.ci` must be a whole number, "
                "found the text `github-actions`"
            ),
        ),
        # homes and order
        (
            "environments:\n  production: {}\n",
            (
                "2:3 `environments.production` has neither `vercel` nor `workflow`: "
                "one of them says where it lives"
            ),
        ),
        (
            with_key("workflow: {environment: production, domain: shop.example.com}"),
            (
                "4:5 `environments.production.workflow` stands beside `vercel`: "
                "an environment lives in one place"
            ),
        ),
        (
            f"{START}  staging:\n{HOME}",
            (
                "5:5 `environments.staging.vercel` is where `environments.production` lives "
                "already: they would move each other's domains"
            ),
        ),
        (
            with_key("after: stagin")
            + "  staging:\n    workflow: {environment: s, domain: s.test}\n",
            (
                "4:12 `environments.production.after` names no environment of this file. "
                "Did you mean `staging`?"
            ),
        ),
        (
            with_key("after: production"),
            "4:12 `environments.production.after` makes a circle: production after production",
        ),
        (
            with_key("soak: 30m"),
            "4:5 `environments.production.soak` goes with `after`, which is missing",
        ),
    ],
)
def test_a_fault_is_named_at_its_place(text: str, expected: str) -> None:
    assert expected in problems_of(text)


def test_each_of_a_circle_is_named_and_what_leads_into_it_is_not() -> None:
    def stage(name: str, after: str) -> str:
        home = f"workflow: {{environment: {name}, domain: {name}.test}}"
        return f"  {name}: {{after: {after}, {home}}}\n"

    text = "environments:\n" + stage("a", "b") + stage("b", "c") + stage("c", "a") + stage("d", "a")
    assert problems_of(text) == [
        "2:14 `environments.a.after` makes a circle: a after b after c after a",
        "3:14 `environments.b.after` makes a circle: b after c after a after b",
        "4:14 `environments.c.after` makes a circle: c after a after b after c",
    ]


def test_faults_of_several_environments_are_told_together() -> None:
    text = "environments:\n  staging: {soak: 5}\n  production: {requires: [locks]}\n"
    assert [one.partition(" ")[0] for one in problems_of(text)] == ["2:19", "3:27"]


def test_many_hostile_windows_cost_little() -> None:
    window = "{cron: '* * * * *', hours: 744, reason: x}"
    assert_linear(lambda count: read(freeze(", ".join([window] * count))), 100)


PIECES = st.lists(
    st.sampled_from(
        [
            "environments:\n",
            "  production:\n",
            HOME,
            "    after: production\n",
            "    soak: 1h\n",
            "    freeze:\n",
            "      - {cron: '* * * * *'}\n",
            "      - from: 0000-00-00\n",
            "    requires: [slo]\n",
            "    checks: {mode: list}\n",
            "    workflow:\n",
            "  a: &a {}\n",
            "  b: *a\n",
        ]
    ),
    max_size=12,
).map("".join)


@given(PIECES)
@example("environments:\n")
@example("environments: {a: }\n")
def test_whatever_stands_there_it_is_a_policy_or_problems_with_places(text: str) -> None:
    parsed = parse_policy(text)
    if isinstance(parsed, PolicyProblems):
        assert all(problem.line >= 1 and problem.column >= 1 for problem in parsed.problems)
    else:
        assert isinstance(parsed, Policy)
