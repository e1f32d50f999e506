"""Files of migrations held to the rules, each with what is known before it."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from bot.core.migrations.catalog import Catalog
from bot.core.migrations.files import parse_migration, read_folder
from bot.core.migrations.findings import Check, Finding, Severity, Told, page_of
from bot.core.migrations.impact import impact_of
from bot.core.migrations.locks import Cost, Hold, Lock, holds_of
from bot.core.migrations.model import Migration, Phase, Problem
from bot.core.migrations.phases import Effect, effects_of
from bot.core.migrations.rules.applied_file_edited import APPLIED_FILE_EDITED
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen, Surroundings
from bot.core.migrations.ruleset import MIGRATION_RULES
from bot.core.migrations.script import Step, read_script
from bot.core.migrations.sql import SqlError
from bot.core.migrations.squawk import SquawkFinding
from bot.core.migrations.uncounted import uncounted
from bot.core.migrations.versions import version_in

UNREADABLE = "unreadable-file"
"""The rule that a file breaks which cannot be read."""
Files = Sequence[tuple[str, bytes]]
"""Paths with contents."""


class _Placed(NamedTuple):
    """A statement as a finding tells it. It holds no tree: those of many files are many."""

    line: int
    text: str
    phase: str
    lock: str
    rewrite: bool


def check_of(
    changed: Collection[str],
    migrations: Files,
    backfills: Files = (),
    catalog: Catalog | None = None,
    around: Surroundings | None = None,
    squawk: Iterable[SquawkFinding] = (),
    removed: Collection[str] = (),
) -> Check:
    """The check of the ``changed`` files, among all those of both folders, and of those that were
    ``removed`` from them.

    ``catalog``: of a database that has the versions of ``around.ledger``. Without one, what the
    files before say is what is known.
    """
    around = around or Surroundings()
    known = catalog or Catalog(exposed=_exposed(migrations))
    findings: list[Finding] = []
    told: list[Told] = []
    placed: dict[str, list[_Placed]] = {}
    unread: set[str] = set()
    for path, content in sorted(migrations, key=lambda one: one[0].rpartition("/")[2]):
        if not path.endswith(".sql"):
            continue
        done = version_in(path) in around.ledger
        found = parse_migration(path, content, applied=done or path not in changed)
        if faulty := isinstance(found, tuple):
            unread.add(path)
            found = parse_migration(path, content, applied=True)  # what it does may be known
        steps = _steps(found)
        if steps is None:
            known = known if done else _forgotten(known)
            continue
        after = None
        if path in changed and isinstance(found, Migration) and not faulty:
            reading = _read(found, steps, known, around)
            rules = (APPLIED_FILE_EDITED,) if done else MIGRATION_RULES
            findings.extend(_held(reading, rules))
            if not done:
                placed[path] = _placed(reading)
                told.extend(_told(reading))
            after = reading.afterwards
        if not (known.complete and done):
            changes = [change for step in steps for change in step.changes]
            known = (after or known.after(changes)).settled()
    findings.extend(_problems(changed, unread, migrations, backfills))
    findings.extend(_squawked(one, placed[one.path]) for one in squawk if one.path in placed)
    findings.extend(_gone(removed, migrations, around))
    order = {rule.name: place for place, rule in enumerate(MIGRATION_RULES)}
    findings.sort(key=lambda one: (one.file, one.line, order.get(one.rule, len(order))))
    return Check(tuple(findings), tuple(told), len({*changed, *removed}))


def _steps(found: Migration | tuple[Problem, ...]) -> tuple[Step, ...] | None:
    """None where nobody can read it."""
    try:
        return read_script(found.text) if isinstance(found, Migration) else None
    except SqlError:
        return None


def _forgotten(known: Catalog) -> Catalog:
    """After a file that nobody can read: what it did may be anything."""
    return Catalog(exposed=known.exposed)


def _exposed(migrations: Files) -> frozenset[str]:
    """Supabase serves ``public`` to everybody who has the project's public key."""
    supabase = any(path.startswith("supabase/") or "/supabase/" in path for path, _ in migrations)
    return frozenset({"public"} if supabase else ())


def _read(
    migration: Migration, steps: Sequence[Step], known: Catalog, around: Surroundings
) -> Reading:
    seen = []
    locking: dict[int, list[Seen]] = {}
    for step in steps:
        for change in step.changes:
            seen.append(one := Seen(change, known, holds_of(change, known)))
            if one.holds:
                locking.setdefault(step.statement.start, []).append(one)
            known = known.after([change])
    effects = tuple(effects_of([(one.change, one.before) for one in seen]))
    phase = migration.marked
    if phase is None and all(effect is Effect.ADDITIVE for effect in effects):
        phase = Phase.EXPAND
    statements = tuple(step.statement for step in steps)
    kinds = frozenset(one.change.kind for one in seen)
    return Reading(
        migration, phase, tuple(seen), effects, statements, around, known, kinds, locking
    )


def _held(reading: Reading, rules: Iterable[Rule]) -> list[Finding]:
    """What is applied is only asked whether it is still what was run."""
    return [_finding(reading, rule, fault) for rule in rules for fault in rule.check(reading)]


def _finding(reading: Reading, rule: Rule, fault: Fault) -> Finding:
    severity = fault.severity or rule.severity
    seen = fault.seen
    if rule.by_size and seen is not None:
        sized = [seen.before.table(hold.relation) for hold in seen.holds] or [seen.table]
        if all(table.small for table in sized):
            severity = Severity.INFO
    taking = reading.locking.get(seen.change.statement.start, ()) if seen else ()
    return Finding(
        file=reading.migration.path,
        line=seen.change.statement.line if seen else 1,
        statement=seen.change.statement.text if seen else "",
        rule=rule.name,
        phase=_phase(reading),
        lock=_lock(taking),
        rewrite=_rewrites(taking),
        severity=severity,
        message=fault.message,
        rewrite_sql=fault.rewrite_sql,
        url=page_of(rule.name),
        column=seen.change.statement.column if seen else 1,
    )


def _phase(reading: Reading) -> str:
    return reading.phase.value if reading.phase else ""


def _lock(taking: Sequence[Seen]) -> str:
    return str(max(hold.lock for one in taking for hold in one.holds)) if taking else ""


def _rewrites(taking: Sequence[Seen]) -> bool:
    return any(hold.cost is Cost.REWRITE for one in taking for hold in one.holds)


def _placed(reading: Reading) -> list[_Placed]:
    phase, placed = _phase(reading), []
    for one in reading.statements:
        taking = reading.locking.get(one.start, ())
        placed.append(_Placed(one.line, one.text, phase, _lock(taking), _rewrites(taking)))
    return placed


def _told(reading: Reading) -> list[Told]:
    told = []
    for statement in reading.statements:
        strongest: dict[object, tuple[Hold, str]] = {}
        for one in reading.locking.get(statement.start, ()):
            for hold in one.holds:
                before = strongest.get(hold.relation)
                if before is None or (hold.lock, hold.cost is not Cost.INSTANT) > (
                    before[0].lock,
                    before[0].cost is not Cost.INSTANT,
                ):
                    words = impact_of(hold, one.before.table(hold.relation))
                    strongest[hold.relation] = (hold, words)
        kept = [words for hold, words in strongest.values() if hold.lock > Lock.ROW_SHARE]
        told.append(Told(reading.migration.path, statement.line, statement.text, tuple(kept)))
    return told


def _problems(
    changed: Collection[str], unread: Collection[str], migrations: Files, backfills: Files
) -> list[Finding]:
    """Of single files and of what does not go together. What was read is not parsed again."""
    read = [path for path, _ in migrations if path not in unread or path not in changed]
    applied = {version_in(path) for path in read}
    folder = read_folder(migrations, backfills, applied)
    found, problems = uncounted(folder.backfills, changed)
    problems += [one for one in folder.problems if one.path in changed]
    return [*found, *map(_unreadable, problems)]


def _unreadable(problem: Problem) -> Finding:
    remedy = f"; {problem.remedy}" if problem.remedy else ""
    return Finding(
        file=problem.path,
        line=problem.line,
        statement="",
        rule=UNREADABLE,
        phase="",
        lock="",
        rewrite=False,
        severity=Severity.ERROR,
        message=f"{problem.message}{remedy}",
        url=page_of(UNREADABLE),
        column=problem.column,
    )


def _gone(removed: Iterable[str], migrations: Files, around: Surroundings) -> list[Finding]:
    """Files that were applied and are no more. One that has another name now is there."""
    there = {version_in(path) for path, _ in migrations}
    return [
        Finding(
            file=path,
            line=1,
            statement="",
            rule=APPLIED_FILE_EDITED.name,
            phase="",
            lock="",
            rewrite=False,
            severity=APPLIED_FILE_EDITED.severity,
            message=(
                f"{version_in(path)} is applied, and its file is gone: databases that are made "
                "from the files will lack what it did; put the file back, and take back in a new "
                "one what is not wanted"
            ),
            url=page_of(APPLIED_FILE_EDITED.name),
        )
        for path in removed
        if version_in(path) in around.ledger and version_in(path) not in there
    ]


def _squawked(one: SquawkFinding, statements: Sequence[_Placed]) -> Finding:
    finding = Finding(
        file=one.path,
        line=one.line,
        statement="",
        rule=one.rule,
        phase="",
        lock="",
        rewrite=False,
        severity=one.severity,
        message=one.message,
        url=one.url,
    )
    if not statements:
        return finding
    at = bisect_right(statements, one.line, key=lambda statement: statement.line)
    place = statements[max(at - 1, 0)]
    return replace(
        finding, statement=place.text, phase=place.phase, lock=place.lock, rewrite=place.rewrite
    )
