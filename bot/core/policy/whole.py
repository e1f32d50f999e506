"""What no key is wrong in by itself, but the environments or the releases are as a whole."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from fractions import Fraction
from typing import TypeAlias

from bot.core.policy.environments import ChecksMode, EnvironmentPolicy, FreezeWindow
from bot.core.policy.loader import Node
from bot.core.policy.model import Policy
from bot.core.policy.problems import Complaint, PolicyProblem, nearest
from bot.core.policy.release_whole import complaints_of_release
from bot.core.policy.slo import WatchPolicy
from bot.core.policy.validate import place_of
from bot.core.slo.alerts import Step

Path: TypeAlias = tuple[str | int, ...]

_MOST_LOOKS = 1000
"""Of one watch: what each found is kept with it."""
_TOO_LITTLE = {
    "none": "everybody has at least that",
    "read": "in a public repository everybody has it",
    "triage": "it is given to people who sort issues and may not write code",
}
"""GitHub's roles that production cannot be trusted to, each with the reason. The commands would be
run by the App, which may more than they.
https://docs.github.com/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
"""


def problems_of_the_whole(policy: Policy, root: Node) -> list[PolicyProblem]:
    """The faults between keys of a policy whose every key is right, each at its place."""
    problems = []
    complaints = [*_complaints(policy.environments)]
    if policy.release is not None:
        complaints += complaints_of_release(policy.release)
    for complaint in complaints:
        name, place, _ = place_of(root, complaint.path, key=complaint.at_key)
        message = complaint.message.replace("{}", f"`{name}`", 1)
        problems.append(
            PolicyProblem(name, place.line, place.column, message, complaint.suggestion)
        )
    return problems


def _complaints(environments: Mapping[str, EnvironmentPolicy]) -> Iterator[Complaint]:
    homes: dict[tuple[str, str], str] = {}
    for name, environment in environments.items():
        at: Path = ("environments", name)
        yield from _of_home(at, environment)
        target = environment.target
        if target and not (environment.vercel and environment.workflow):
            home = (target.host, target.project)
            if home in homes:
                yield Complaint(
                    (*at, "vercel" if environment.vercel else "workflow"),
                    f"{{}} is where `environments.{homes[home]}` lives already: they would move "
                    "each other's domains",
                )
            homes.setdefault(home, name)
        yield from _of_roles((*at, "roles"), environment.roles)
        yield from _of_roles((*at, "override_roles"), environment.override_roles)
        yield from _of_gates(at, environment)
        for index, window in enumerate(environment.freeze):
            yield from _of_window((*at, "freeze", index), window)
        yield from _of_order(at, environment, environments)
        if environment.slo.watch:
            yield from _of_watch((*at, "slo", "watch"), environment.slo.watch)
        if not timedelta(minutes=1) <= environment.timeout <= timedelta(days=1):
            yield Complaint((*at, "timeout"), "{} must be at least `1m` and at most `1d`")


def _of_home(at: Path, environment: EnvironmentPolicy) -> Iterator[Complaint]:
    if environment.vercel and environment.workflow:
        yield Complaint(
            (*at, "workflow"), "{} stands beside `vercel`: an environment lives in one place"
        )
    elif environment.target is None:
        yield Complaint(
            at, "{} has neither `vercel` nor `workflow`: one of them says where it lives"
        )


def _of_gates(at: Path, environment: EnvironmentPolicy) -> Iterator[Complaint]:
    for index, gate in enumerate(environment.requires):
        if gate in environment.requires[:index]:
            yield Complaint((*at, "requires", index), f"{{}}: the gate `{gate}` stands twice")
    named = environment.slo.require
    for index, objective in enumerate(named):
        if objective in named[:index]:
            yield Complaint(
                (*at, "slo", "require", index), f"{{}}: the objective `{objective}` stands twice"
            )
    steps = environment.slo.steps
    for index, step in enumerate(steps):
        if (step.part, step.do) in {(one.part, one.do) for one in steps[:index]}:
            yield Complaint((*at, "slo", "steps", index), "{}: the same step stands twice")
        elif step.do in (Step.SECOND_APPROVAL, Step.FREEZE) and any(
            one.do is step.do for one in steps[:index]
        ):
            yield Complaint(
                (*at, "slo", "steps", index, "do"),
                f"{{}} is `{step.do.value}` for the second time: the one that begins earlier is "
                "all that counts",
            )
    checks = environment.checks
    if checks.mode is ChecksMode.LIST and not checks.names:
        yield Complaint(
            (*at, "checks", "mode"), "{} is `list`, and `names` lists no check", at_key=False
        )
    if checks.mode is not ChecksMode.LIST and checks.names:
        yield Complaint(
            (*at, "checks", "names"),
            "{} counts with `mode: list` alone",
            "mode: list",
        )


def _of_roles(at: Path, roles: tuple[str, ...]) -> Iterator[Complaint]:
    for index, role in enumerate(roles):
        if role in _TOO_LITTLE:
            yield Complaint(
                (*at, index),
                f"{{}} cannot be `{role}`: {_TOO_LITTLE[role]}. Roles that can be trusted with an "
                "environment are `write`, `maintain`, `admin` and custom roles made for it",
            )


def _of_window(at: Path, window: FreezeWindow) -> Iterator[Complaint]:
    if window.cron is None and window.until is None:
        yield Complaint(at, "{} has neither `until` nor `cron`: it would never end, or never begin")
    if window.cron is not None:
        if window.hours is None:
            yield Complaint((*at, "cron"), "{} says when it begins, and `hours` is missing")
        for key, value in (("from", window.start), ("until", window.until)):
            if value is not None:
                yield Complaint((*at, key), "{} and `cron` are two freezes: write an item for each")
    elif window.hours is not None:
        yield Complaint((*at, "hours"), "{} goes with `cron`, which is missing")
    start, until = window.moment(window.start), window.moment(window.until)
    if start and until and until <= start:
        yield Complaint((*at, "until"), "{} is not after `from`", at_key=False)


def _of_watch(at: Path, watch: WatchPolicy) -> Iterator[Complaint]:
    if not timedelta(minutes=1) <= watch.lasts <= timedelta(hours=6):
        yield Complaint((*at, "for"), "{} must be at least `1m` and at most `6h`")
    elif not timedelta(seconds=1) <= watch.every <= watch.lasts:
        yield Complaint((*at, "every"), "{} must be at least `1s` and at most as long as `for`")
    elif watch.lasts > watch.every * _MOST_LOOKS:
        often = -(-int(watch.lasts.total_seconds()) // _MOST_LOOKS)
        message = f"{{}} makes more than {_MOST_LOOKS:,} looks, which is too often"
        yield Complaint((*at, "every"), message, f"{often}s")
    if not 0 < watch.doubt <= Fraction(1, 2):
        yield Complaint(
            (*at, "false_rollbacks"),
            "{} must be above `0%`, since nothing that is measured is ever certain, and at most "
            "`50%`",
            "1%",
        )


def _of_order(
    at: Path, environment: EnvironmentPolicy, environments: Mapping[str, EnvironmentPolicy]
) -> Iterator[Complaint]:
    before = environment.after
    if before is None:
        if environment.soak:
            yield Complaint((*at, "soak"), "{} goes with `after`, which is missing")
        return
    if before not in environments:
        yield Complaint(
            (*at, "after"),
            "{} names no environment of this file",
            nearest(before, environments),
            at_key=False,
        )
        return
    way = [str(at[1]), before]
    while (after := environments[way[-1]].after) in environments and after not in way:
        way.append(str(after))
    if way[0] == way[1] or after == way[0]:
        circle = " after ".join(dict.fromkeys(way))
        yield Complaint(
            (*at, "after"), f"{{}} makes a circle: {circle} after {way[0]}", at_key=False
        )
