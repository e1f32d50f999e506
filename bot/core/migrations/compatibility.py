"""Whether a build goes with a database: before a promotion, a rollback and a contract. Pure.

A build stands on a database if

- every expand of its tree is applied,
- every backfill that it needs is proven complete, and
- no contract is applied that it cannot do without. Where the contract names a commit by
  ``requires-build`` the build's history must have it; else its tree must have the contract itself,
  for what was written beside a contract does not use what it drops.

A contract may be applied while every live build, and every one that a rollback could put back,
would still stand on the database after it. What nobody knows is an ``error``, which is no pass.
"""

from collections.abc import Mapping, Sequence

from bot.core.decision import Verdict
from bot.core.migrations.builds import (
    BuildFacts,
    BuildSchema,
    DatabaseState,
    InUse,
    KnownMigration,
    Taken,
    UnreadBuild,
)
from bot.core.migrations.judgement import (
    Judgement,
    Obstacle,
    judged,
    named,
    short,
    unfinished,
    unread,
)
from bot.core.migrations.model import Migration, Phase
from bot.core.migrations.taken import taken_by
from bot.core.phrases import counted, listed, quoted, say_time

SEE_FLAG = "see that it is off, then take `requires-flag-off` out of the contract's header"
"""What to do about a contract's flag that cannot be read."""


def judge_migrations(build: BuildFacts, database: DatabaseState) -> Judgement:
    """Whether the migrations in place are those that the build needs: no fewer, and no contract
    too many."""
    if isinstance(build, UnreadBuild):
        return judged([unread(build)], "")
    obstacles = [*_not_applied(build, database), *_gone(build, database)]
    count = sum(one.phase is Phase.EXPAND for one in build.migrations.values())
    every = f"{counted(count, 'expand')} of this build {'is' if count == 1 else 'are'} applied"
    return judged(obstacles, every if count else "this build needs no migration")


def judge_backfills(build: BuildFacts, database: DatabaseState) -> Judgement:
    """Whether every backfill that the build needs is proven complete."""
    if isinstance(build, UnreadBuild):
        return judged([unread(build)], "")
    obstacles = []
    for version in sorted(build.backfills):
        progress = database.backfills.get(version)
        against = unfinished(version, build.backfills[version], progress, database.environment)
        if against:
            obstacles.append(against)
    count = len(build.backfills)
    every = f"{counted(count, 'backfill')} of this build {'is' if count == 1 else 'are'} complete"
    return judged(obstacles, every if count else "this build needs no backfill")


def may_promote(build: BuildFacts, database: DatabaseState) -> Judgement:
    """Whether the build would stand on the database as it is."""
    one, two = judge_migrations(build, database), judge_backfills(build, database)
    # An unread build stands against both, and is told once.
    obstacles = dict.fromkeys((*one.obstacles, *two.obstacles))
    return judged(list(obstacles), f"{one.passed}; {two.passed}")


def may_roll_back(
    target: BuildFacts, database: DatabaseState, candidates: Sequence[BuildFacts]
) -> Judgement:
    """Whether the target would stand on the database as it is; where not, the nearest that would.

    ``candidates`` are what else could be put back (were live there, were seen to work, are still at
    the host), newest first, without the build that is live. The target may be among them.
    """
    found = may_promote(target, database)
    if found.allowed:
        return Judgement((), f"{target.label} goes with the schema in place")
    shas = [one.sha for one in candidates]
    place = shas.index(target.sha) if target.sha in shas else 0
    safe = [
        (abs(index - place), index, one)
        for index, one in enumerate(candidates)
        if isinstance(one, BuildSchema)
        and one.sha != target.sha
        and may_promote(one, database).allowed
    ]
    # Of two as near, the newer one: its index is the lower.
    nearest = min(safe, key=lambda each: each[:2], default=None)
    chosen = nearest[2] if nearest else None
    return Judgement(found.obstacles, "", chosen, of_rollback=True)


def may_contract(
    contract: Migration,
    in_use: Sequence[InUse] | None,
    database: DatabaseState,
    flags: Mapping[str, bool],
) -> Judgement:
    """Whether nothing needs any more what a contract drops.

    ``in_use`` are the live builds of every environment that uses the database, and those in the
    window for rollbacks; None where that could not be read. ``flags`` tells which are on; one that
    is missing is unknown. The caller holds the environment's lock from here until the contract is
    applied: a promotion in between would be judged by a schema that is about to go.
    """
    taken = taken_by(contract.text)
    needs = KnownMigration(
        contract.version, contract.name, Phase.CONTRACT, contract.requires_build, taken
    )
    obstacles = still_needed(needs, in_use, database.environment)
    for version in contract.requires_backfills:
        progress = database.backfills.get(version)
        against = unfinished(version, "", progress, database.environment)
        if against:
            obstacles.append(against)
    obstacles += [
        Obstacle(
            Verdict.FAIL,
            f"contract {version}",
            f"contract {quoted(version)}, which it requires, is not applied",
            f"comment `/contract {version} {database.environment}` first",
        )
        for version in contract.requires_contracts
        if version not in database.applied
    ]
    if contract.requires_flag_off:
        obstacles += _flagged(contract.requires_flag_off, flags)
    what = listed([quoted(each.name) for each in taken]) or "what it drops"
    return judged(obstacles, f"no live build and no rollback target needs {what} any more")


def still_needed(
    contract: KnownMigration, in_use: Sequence[InUse] | None, environment: str
) -> list[Obstacle]:
    """Which builds need what the contract drops, and when each stops to; see ``may_contract``."""
    obstacles: list[Obstacle] = []
    if in_use is None or not any(one.live for one in in_use):
        obstacles.append(
            Obstacle(
                Verdict.ERROR,
                f"environment {environment}",
                f"nothing is known to be live in {quoted(environment)}",
                "promote a build, or wait until the host says what is live",
            )
        )
    for one in in_use or ():
        against = _still_needs(one, contract)
        if against:
            obstacles.append(against)
    return obstacles


def _not_applied(build: BuildSchema, database: DatabaseState) -> list[Obstacle]:
    pending = [
        one
        for version, one in sorted(build.migrations.items())
        if version not in database.applied and one.phase is not Phase.CONTRACT
    ]
    unclear = [named(one) for one in pending if one.phase is None]
    missing = [named(one) for one in pending if one.phase is Phase.EXPAND]
    found = []
    if missing:
        are = "is" if len(missing) == 1 else "are"
        found.append(
            Obstacle(
                Verdict.FAIL,
                f"database of {database.environment}",
                f"{counted(len(missing), 'migration')} of this build {are} not applied: "
                f"{listed(missing)}",
                f"comment `/migrate {database.environment}`",
            )
        )
    if unclear:
        found.append(
            Obstacle(
                Verdict.ERROR,
                f"build {build.label}",
                f"nobody can tell whether this build needs {listed(unclear)}, which "
                f"{'is' if len(unclear) == 1 else 'are'} not applied",
                "mark each as `.expand.sql` or `.contract.sql`",
            )
        )
    return found


def _gone(build: BuildSchema, database: DatabaseState) -> list[Obstacle]:
    """Contracts in place that the build cannot do without, and what nobody knows of."""
    found = []
    strange = []
    for version, one in sorted(database.applied.items()):
        if one.phase is Phase.CONTRACT:
            without = _does_without(build, one)
            if without is None:
                found.append(_uncompared(build, one))
            elif not without:
                found.append(
                    Obstacle(
                        Verdict.FAIL,
                        f"contract {version}",
                        _reads(build.label, one),
                        "take a build that was made for the schema in place",
                    )
                )
        elif one.phase is None and version not in build.migrations:
            strange.append(named(one))
    if strange:
        found.append(
            Obstacle(
                Verdict.ERROR,
                f"database of {database.environment}",
                f"nobody knows what {listed(strange)} did, which "
                f"{'is' if len(strange) == 1 else 'are'} applied in "
                f"{quoted(database.environment)} and not of this build",
                "merge the file that was applied, marked as expand or contract",
            )
        )
    return found


def _does_without(build: BuildSchema, contract: KnownMigration) -> bool | None:
    """Whether a build needs nothing of what the contract drops; None where nobody knows."""
    if contract.requires_build is None:
        return contract.version in build.migrations
    if build.sha == contract.requires_build:
        return True
    return build.contains.get(contract.requires_build)


def _reads(label: str, contract: KnownMigration) -> str:
    if not contract.taken_away:
        return f"{label} was made for the schema before contract {named(contract)}"
    return f"{label} reads {_taken(contract.taken_away, f'contract {quoted(contract.version)}')}"


def _taken(taken: Sequence[Taken], by: str) -> str:
    """``recipes.title``, which contract 20260301… dropped."""
    hows = sorted({each.how for each in taken})
    return f"{listed([quoted(each.name) for each in taken])}, which {by} {listed(hows)}"


def _uncompared(build: BuildSchema, contract: KnownMigration) -> Obstacle:
    return Obstacle(
        Verdict.ERROR,
        f"build {build.label}",
        f"nobody can tell whether {build.label} contains {short(contract.requires_build)}, which "
        f"contract {quoted(contract.version)} requires",
        f"see that {short(contract.requires_build)} is a commit of this repository",
    )


def _still_needs(use: InUse, contract: KnownMigration) -> Obstacle | None:
    build = use.build
    role = "live in" if use.live else "a rollback target of"
    who = f"{build.label}, {role} {quoted(use.environment)},"
    if isinstance(build, UnreadBuild):
        return Obstacle(
            Verdict.ERROR,
            f"build {build.label}",
            f"nobody can tell whether {who} still needs it: {build.reason}",
            "try again once its tree can be read",
        )
    without = _does_without(build, contract)
    if without:
        return None
    if without is None:
        unknown = _uncompared(build, contract)
        return Obstacle(unknown.verdict, f"build {build.label}", unknown.said, unknown.remedy)
    names = listed([quoted(each.name) for each in contract.taken_away]) or "what it drops"
    lacks = (
        f"it does not contain {short(contract.requires_build)}"
        if contract.requires_build
        else f"its tree does not have {quoted(contract.version)}"
    )
    ends, remedy = _ends(use, contract)
    return Obstacle(
        Verdict.FAIL if use.live else Verdict.WAIT,
        f"build {build.label}",
        f"{who} still needs {names} ({lacks}); {ends}",
        remedy,
    )


def _ends(use: InUse, contract: KnownMigration) -> tuple[str, str]:
    """When a build stops to hold a contract up, and what to do."""
    if use.live:
        newer = (
            f"contains {short(contract.requires_build)}"
            if contract.requires_build
            else f"has {quoted(contract.version)} in its tree"
        )
        place = quoted(use.environment)
        said = f"that ends when another build is live in {place} and this one out of the window"
        return f"{said} for rollbacks", f"promote a build to {place} that {newer}"
    after = counted(use.leaves_after, "more build") if use.leaves_after else ""
    until = say_time(use.leaves_at) if use.leaves_at else ""
    have = "has" if use.leaves_after == 1 else "have"
    if after and until:
        said = f"that ends when {after} {have} gone live, and not before {until}"
    elif after:
        said = f"that ends when {after} {have} gone live"
    elif until:
        said = f"that ends on {until}"
    else:
        said = "that ends when it leaves the window for rollbacks"
    return said, f"wait until {use.build.label} has left the window for rollbacks"


def _flagged(flag: str, flags: Mapping[str, bool]) -> list[Obstacle]:
    state = flags.get(flag)
    if state is False:
        return []
    if state:
        said, remedy = f"flag {quoted(flag)} is on", f"switch {quoted(flag)} off"
        return [
            Obstacle(Verdict.FAIL, f"flag {flag}", f"{said}: it leads to what is dropped", remedy)
        ]
    return [
        Obstacle(
            Verdict.ERROR,
            f"flag {flag}",
            f"nobody can tell whether flag {quoted(flag)} is off: no flags are read yet",
            SEE_FLAG,
        )
    ]
