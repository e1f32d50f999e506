"""What no key is wrong in by itself, but the environments are as a whole."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from bot.core.policy.environments import ChecksMode, EnvironmentPolicy, FreezeWindow
from bot.core.policy.loader import Node
from bot.core.policy.model import Policy
from bot.core.policy.problems import PolicyProblem, nearest
from bot.core.policy.validate import place_of

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Complaint:
    """``message`` begins with the key's name in ``{}``."""

    path: Path
    message: str
    suggestion: str = ""
    at_key: bool = True


def problems_of_the_whole(policy: Policy, root: Node) -> list[PolicyProblem]:
    """The faults between keys of a policy whose every key is right, each at its place."""
    problems = []
    for complaint in _complaints(policy.environments):
        name, place, _ = place_of(root, complaint.path, key=complaint.at_key)
        message = complaint.message.replace("{}", f"`{name}`", 1)
        problems.append(
            PolicyProblem(name, place.line, place.column, message, complaint.suggestion)
        )
    return problems


def _complaints(environments: Mapping[str, EnvironmentPolicy]) -> Iterator[_Complaint]:
    homes: dict[tuple[str, str], str] = {}
    for name, environment in environments.items():
        at: Path = ("environments", name)
        yield from _of_home(at, environment)
        target = environment.target
        if target and not (environment.vercel and environment.workflow):
            home = (target.host, target.project)
            if home in homes:
                yield _Complaint(
                    (*at, "vercel" if environment.vercel else "workflow"),
                    f"{{}} is where `environments.{homes[home]}` lives already: they would move "
                    "each other's domains",
                )
            homes.setdefault(home, name)
        yield from _of_gates(at, environment)
        for index, window in enumerate(environment.freeze):
            yield from _of_window((*at, "freeze", index), window)
        yield from _of_order(at, environment, environments)
        if not timedelta(minutes=1) <= environment.timeout <= timedelta(days=1):
            yield _Complaint((*at, "timeout"), "{} must be at least `1m` and at most `1d`")


def _of_home(at: Path, environment: EnvironmentPolicy) -> Iterator[_Complaint]:
    if environment.vercel and environment.workflow:
        yield _Complaint(
            (*at, "workflow"), "{} stands beside `vercel`: an environment lives in one place"
        )
    elif environment.target is None:
        yield _Complaint(
            at, "{} has neither `vercel` nor `workflow`: one of them says where it lives"
        )


def _of_gates(at: Path, environment: EnvironmentPolicy) -> Iterator[_Complaint]:
    for index, gate in enumerate(environment.requires):
        if gate in environment.requires[:index]:
            yield _Complaint((*at, "requires", index), f"{{}}: the gate `{gate}` stands twice")
    checks = environment.checks
    if checks.mode is ChecksMode.LIST and not checks.names:
        yield _Complaint(
            (*at, "checks", "mode"), "{} is `list`, and `names` lists no check", at_key=False
        )
    if checks.mode is not ChecksMode.LIST and checks.names:
        yield _Complaint(
            (*at, "checks", "names"),
            "{} counts with `mode: list` alone",
            "mode: list",
        )


def _of_window(at: Path, window: FreezeWindow) -> Iterator[_Complaint]:
    if window.cron is None and window.until is None:
        yield _Complaint(
            at, "{} has neither `until` nor `cron`: it would never end, or never begin"
        )
    if window.cron is not None:
        if window.hours is None:
            yield _Complaint((*at, "cron"), "{} says when it begins, and `hours` is missing")
        for key, value in (("from", window.start), ("until", window.until)):
            if value is not None:
                yield _Complaint(
                    (*at, key), "{} and `cron` are two freezes: write an item for each"
                )
    elif window.hours is not None:
        yield _Complaint((*at, "hours"), "{} goes with `cron`, which is missing")
    start, until = window.moment(window.start), window.moment(window.until)
    if start and until and until <= start:
        yield _Complaint((*at, "until"), "{} is not after `from`", at_key=False)


def _of_order(
    at: Path, environment: EnvironmentPolicy, environments: Mapping[str, EnvironmentPolicy]
) -> Iterator[_Complaint]:
    before = environment.after
    if before is None:
        if environment.soak:
            yield _Complaint((*at, "soak"), "{} goes with `after`, which is missing")
        return
    if before not in environments:
        yield _Complaint(
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
        yield _Complaint(
            (*at, "after"), f"{{}} makes a circle: {circle} after {way[0]}", at_key=False
        )
