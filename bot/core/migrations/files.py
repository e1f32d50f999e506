"""Files of migrations and backfills → values, or all that is wrong with them.

Names are those of the Supabase CLI: ``<14 digits>_<name>.sql``. The header is the comment lines
``-- key: value`` at a file's very top, up to the first line that is no comment. Windows' line ends
are read as ``\\n``: git makes them of the same file on another machine.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from bot.core.commands.near import nearest
from bot.core.migrations.content import check_backfill_sql, check_migration_sql
from bot.core.migrations.header import BACKFILL_KEYS, MIGRATION_KEYS, FileReader
from bot.core.migrations.model import Backfill, Migration, Phase, Problem, Version
from bot.core.migrations.names import parse_name

if TYPE_CHECKING:
    from bot.core.model import Sha

_NAME = re.compile(r"(?P<version>[0-9]{14})_(?P<name>[^/]+)\.sql")
_VERSION = re.compile(r"[0-9]{14}")
_SHA = re.compile(r"[0-9a-f]{40}")
_FLAG = re.compile(r"[A-Za-z0-9][\w.:/-]{0,127}", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9-]{0,39}")
_REQUIRED = {"table": "public.recipes", "key": "id", "after": "20260301120000"}
"""Header keys that a backfill must have, with an example each."""
_LARGEST_BATCH = 1_000_000
_LONGEST_BATCH_MS = 60_000

_File = TypeVar("_File", Migration, Backfill)


@dataclass(frozen=True, slots=True)
class Folder:
    """What could be read of both folders, each in the order of versions, and what could not."""

    migrations: tuple[Migration, ...] = ()
    backfills: tuple[Backfill, ...] = ()
    problems: tuple[Problem, ...] = ()
    """In the order of paths and lines."""


def parse_migration(
    path: str, content: bytes, *, applied: bool = False
) -> Migration | tuple[Problem, ...]:
    """``applied``: it never runs again, so that its SQL is not looked at.

    The suffix that names the phase is no part of ``name``.
    """
    file = FileReader(path)
    version, name = _parse_file_name(file)
    name, suffixed = _parse_suffix(file, name)
    file.read(content, MIGRATION_KEYS, strict=False, applied=applied)
    marked = _marked(file, suffixed)
    backfills, contracts = _parse_required(file)
    build = file.value("requires-build", _SHA, "write all 40 digits of the commit's id")
    flag = file.value("requires-flag-off", _FLAG, "name one flag, such as `old-titles`")
    if marked is not Phase.CONTRACT:
        for key in MIGRATION_KEYS[1:]:
            for _, line, column in file.values.get(key, []):
                message = f"`{key}` stands in a file that is not marked as a contract"
                file.fault(line, column, message, "begin with `-- lockgate: contract`")
    if not applied and not file.problems:
        check_migration_sql(file)
    if file.problems:
        return _sorted(file.problems)
    return Migration(
        version,
        name,
        path,
        file.text,
        marked,
        backfills,
        cast("Sha", build) if build else None,
        flag,
        contracts,
    )


def parse_backfill(
    path: str, content: bytes, *, applied: bool = False
) -> Backfill | tuple[Problem, ...]:
    """``table`` is as written; ``key`` has the columns' real names, without quotation marks."""
    file = FileReader(path)
    version, name = _parse_file_name(file)
    if file.read(content, BACKFILL_KEYS, strict=True):
        for key in [key for key in _REQUIRED if key not in {*file.values, *file.meant}]:
            remedy = f"write `-- {key}: {_REQUIRED[key]}` at its top"
            file.fault(1, 1, f"the header has no `{key}`", remedy)
    table = _parse_table(file)
    columns = _parse_key(file)
    after = file.value("after", _VERSION, "write the 14 digits of the expand that it needs")
    batch = file.number("batch", _LARGEST_BATCH, "rows")
    target_ms = file.number("target-ms", _LONGEST_BATCH_MS, "milliseconds")
    pause_when = tuple(word for word, _, _ in file.words("pause-when", _WORD))
    needed = file.value("needed", re.compile("yes|no"), "write `yes` or `no`")
    statement = "" if file.problems else check_backfill_sql(file, table, applied=applied)
    if file.problems:
        return _sorted(file.problems)
    return Backfill(
        version,
        name,
        path,
        file.text,
        table,
        columns,
        Version(after),
        statement,
        batch,
        target_ms,
        pause_when,
        needed != "no",
    )


def read_folder(
    migrations: Iterable[tuple[str, bytes]],
    backfills: Iterable[tuple[str, bytes]] = (),
    applied: Collection[Version] = (),
) -> Folder:
    """Of (path, content) pairs; what is no ``.sql`` file is passed over.

    ``applied``: the versions in the ledger. Nobody runs those files again, and old ones may have
    what new ones may not.
    """
    problems: list[Problem] = []
    changes = _read_all(migrations, parse_migration, applied, problems)
    fills = _read_all(backfills, parse_backfill, (), problems)
    known = {change.version for change in changes} | set(applied)
    filled = {fill.version for fill in fills}
    for fill in fills:
        if fill.after not in known:
            message = f"`after` names {fill.after}, and no migration has that version"
            problems.append(_at_key(fill, "after", message, "name the expand that it needs"))
    for change in changes:
        if change.version in applied:
            continue
        missing = [f"backfill {one}" for one in change.requires_backfills if one not in filled]
        missing += [f"contract {one}" for one in change.requires_contracts if one not in known]
        if missing:
            message = f"it requires {missing[0]}, and none has that version"
            problems.append(_at_key(change, "requires", message, "name one of the folder's"))
    return Folder(tuple(changes), tuple(fills), _sorted(problems))


def _read_all(
    files: Iterable[tuple[str, bytes]],
    parse: Callable[..., _File | tuple[Problem, ...]],
    applied: Collection[Version],
    problems: list[Problem],
) -> list[_File]:
    found: dict[Version, _File] = {}
    for path, content in sorted(files):
        if not path.endswith(".sql"):
            continue
        match = _NAME.fullmatch(path.rpartition("/")[2])
        version = Version(match["version"] if match else "")
        file = parse(path, content, applied=version in applied)
        if version and (twin := found.get(version)):
            message = f"{twin.path.rpartition('/')[2]} has the version {version} too"
            problems.append(Problem(path, 1, 1, message, "give one of them another version"))
        elif isinstance(file, tuple):
            problems.extend(file)
        else:
            found[version] = file
    return [found[version] for version in sorted(found)]


def _parse_file_name(file: FileReader) -> tuple[Version, str]:
    match = _NAME.fullmatch(file.path.rpartition("/")[2])
    if match is None:
        remedy = "call it <14 digits>_<name>.sql, such as 20260301120000_add_title.sql"
        file.fault(1, 1, "its name has no version", remedy)
        return Version(""), ""
    return Version(match["version"]), match["name"]


def _parse_suffix(file: FileReader, name: str) -> tuple[str, Phase | None]:
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        return name, None
    if suffix in ("expand", "contract"):
        return stem, Phase(suffix)
    if meant := nearest(suffix, ("expand", "contract")):
        file.fault(1, 1, f"`.{suffix}` names no phase", f"did you mean `.{meant}.sql`?")
    return name, None


def _marked(file: FileReader, suffixed: Phase | None) -> Phase | None:
    written = file.once("lockgate")
    if written is None:
        return suffixed
    value, line, column = written
    if value not in ("expand", "contract"):
        meant = nearest(value, ("expand", "contract"))
        remedy = f"did you mean `{meant}`?" if meant else "write `expand` or `contract`"
        file.fault(line, column, "`lockgate` names no phase", remedy)
        return suffixed
    phase = Phase(value)
    if suffixed not in (None, phase):
        message = f"the first line says {value}, the file's name says the other"
        file.fault(line, column, message, "keep one of them")
    return phase


def _parse_required(file: FileReader) -> tuple[tuple[Version, ...], tuple[Version, ...]]:
    """Backfills, and other contracts."""
    found: dict[str, list[Version]] = {"backfill": [], "contract": []}
    for value, line, column in file.values.get("requires", []):
        word, _, version = value.partition(" ")
        if word in found and _VERSION.fullmatch(version.strip()):
            found[word].append(Version(version.strip()))
        else:
            remedy = (
                "write `-- requires: backfill <14 digits>`, or `contract <14 digits>`, a line for "
                "each"
            )
            file.fault(line, column, "`requires` names no backfill and no contract", remedy)
    return tuple(found["backfill"]), tuple(found["contract"])


def _parse_table(file: FileReader) -> str:
    found = file.once("table")
    if found is None:
        return ""
    value, line, column = found
    if not 1 <= len(parse_name(value)) <= 2:
        remedy = "write `recipes` or `public.recipes`, quoted as in SQL where it must be"
        file.fault(line, column, "`table` is no table's name", remedy)
    return value


def _parse_key(file: FileReader) -> tuple[str, ...]:
    found = file.once("key")
    if found is None:
        return ()
    value, line, column = found
    parts = re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', value)  # not within quotation marks
    names = [parse_name(part) for part in parts]
    columns = tuple(name[0] for name in names if len(name) == 1)
    if not columns or len(columns) < len(names) or len(set(columns)) < len(columns):
        remedy = "name the columns of a unique key, such as `id` or `tenant, id`"
        file.fault(line, column, "`key` is no list of columns", remedy)
    return columns


def _at_key(file: Migration | Backfill, key: str, message: str, remedy: str) -> Problem:
    lines = file.text.split("\n")
    found = (at for at, line in enumerate(lines, 1) if re.match(rf"--\s*{key}\s*:", line))
    return Problem(file.path, next(found, 1), 1, message, remedy)


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda one: (one.path, one.line, one.column)))
