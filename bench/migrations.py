"""The check of migrations beside squawk, the linter that it asks, and the digest of a schema.

    python bench/migrations.py [--files N] [--tables N] [--rounds N] [--folder PATH]

Whole processes, medians over the rounds. squawk is run as one process for all files, which is how
Lockgate runs it, and as one for each file, which is how a shell's loop runs it; with what it prints
by itself, as Lockgate prints text, and as JSON, which Lockgate reads. The digest is of a
schema on a PostgreSQL of its own: its tables have four columns, a key, an index, a check and a
policy each. ``--folder`` takes the files of a real project besides: those that are made here have
short statements, and next to no findings.
"""

import argparse
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
import structlog

from bot.adapters.postgres.embedded import embedded_server

ROOT = Path(__file__).parents[1]
SQUAWK = str(Path(sys.executable).parent / "squawk")
LOCKGATE = [sys.executable, "-m", "bot", "migrations", "check"]
STATEMENTS = """\
SET lock_timeout = '4s';
CREATE TABLE public.t{n} (id bigint PRIMARY KEY, title text, price numeric(10, 2));
ALTER TABLE public.t{n} ENABLE ROW LEVEL SECURITY;
CREATE POLICY p{n} ON public.t{n} FOR SELECT TO authenticated USING (title IS NOT NULL);
ALTER TABLE public.t{n} ADD COLUMN note text;
COMMENT ON TABLE public.t{n} IS 'number {n}';
CREATE INDEX i{n} ON public.t{n} (title);
ALTER TABLE public.t{n} ADD CONSTRAINT c{n} CHECK (price > 0) NOT VALID;
ALTER TABLE public.t{n} VALIDATE CONSTRAINT c{n};
ALTER TABLE public.t{n} ALTER COLUMN price SET NOT NULL;
"""
TABLES = """\
DO $$ BEGIN FOR n IN 1..{count} LOOP
  EXECUTE format('CREATE TABLE t%s (id bigint PRIMARY KEY, title text, price numeric, note text, '
                 'CONSTRAINT c%s CHECK (price > 0))', n, n);
  EXECUTE format('CREATE INDEX i%s ON t%s (title)', n, n);
  EXECUTE format('CREATE POLICY p%s ON t%s USING (title IS NOT NULL)', n, n);
END LOOP; END $$
"""


def seconds(command: Sequence[str], rounds: int, *, cwd: Path, each: int = 1) -> float:
    """The median of whole processes; ``each`` of them are run one after another in a round. What a
    linter finds ends it with 1."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        for number in range(each):
            said = [part.replace("{n}", str(number)) for part in command]
            done = subprocess.run(said, cwd=cwd, stdout=subprocess.DEVNULL, check=False)
            if done.returncode not in (0, 1):
                raise SystemExit(f"{said[0]} ended with {done.returncode}")
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def of_folder(place: Path, rounds: int) -> tuple[float, float, float]:
    """The seconds that Lockgate takes for its files, squawk, and squawk as JSON."""
    names = sorted(str(one) for one in place.glob("*.sql"))
    once = seconds([SQUAWK, *names], rounds, cwd=place)
    as_json = seconds([SQUAWK, "--reporter", "json", *names], rounds, cwd=place)
    return seconds([*LOCKGATE, str(place)], rounds, cwd=ROOT), once, as_json


def check(files: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="lockgate-bench-") as folder:
        place = Path(folder) / "supabase/migrations"
        place.mkdir(parents=True)
        for number in range(files):
            name = f"2026{number:010}_t{number}.expand.sql"
            (place / name).write_text(STATEMENTS.format(n=number))
        print(f"{files} files of 10 statements …", file=sys.stderr)
        ours, once, as_json = of_folder(place, rounds)
        one = str(place / "2026{n}_t{n}.expand.sql")
        for number in range(files):  # a name without leading zeros, for the loop's sake
            (place / f"2026{number}_t{number}.expand.sql").symlink_to(
                place / f"2026{number:010}_t{number}.expand.sql"
            )
        loop = seconds([SQUAWK, one], 1, cwd=place, each=files)
        alone = Path(folder) / "alone"
        alone.mkdir()
        (alone / "20260000000000_t0.expand.sql").write_text(STATEMENTS.format(n=0))
        first = seconds([*LOCKGATE, str(alone)], rounds, cwd=ROOT)
    print(f"| {files} files of 10 statements | seconds | Lockgate is |")
    print("|---|--:|--:|")
    print(f"| **lockgate migrations check**, squawk's findings among its own | {ours:.2f} | – |")
    print(f"| squawk alone, one process for all | {once:.2f} | {ours / once:.1f} × as slow |")
    print(f"| the same, as JSON | {as_json:.2f} | {ours / as_json:.1f} × as slow |")
    print(f"| squawk alone, a process for each file | {loop:.2f} | {loop / ours:.1f} × as fast |")
    print(
        f"\nOf one file it takes {first:.2f} s, {first / once:.1f} × what squawk takes of all of "
        f"them: Python, and what it loads. Each further file takes "
        f"{max(ours - first, 0) / max(files - 1, 1) * 1000:.1f} ms, and each takes squawk "
        f"{once / files * 1000:.1f} ms."
    )


def check_folder(folder: Path, rounds: int) -> None:
    sizes = [one.stat().st_size for one in folder.glob("*.sql")]
    print(f"{len(sizes)} files of {folder} …", file=sys.stderr)
    ours, once, as_json = of_folder(folder.resolve(), rounds)
    print(
        f"\nOf {len(sizes)} files of {statistics.mean(sizes) / 1024:.1f} KB on average, as people "
        f"wrote them: {ours:.2f} s. squawk alone takes {once:.2f} s ({ours / once:.1f} ×), and as "
        f"JSON {as_json:.2f} s ({ours / as_json:.1f} ×)."
    )


def digest(tables: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="lockgate-bench-") as folder:
        os.chmod(folder, 0o711 if os.geteuid() == 0 else 0o700)  # noqa: PTH101
        with embedded_server(Path(folder)) as server:
            print(f"{tables} tables …", file=sys.stderr)
            with psycopg.connect(server.conninfo, autocommit=True) as connection:
                connection.execute(TABLES.format(count=tables))
            command = [sys.executable, "-m", "bot", "schema", "hash", "--database", server.conninfo]
            taken = seconds(command, rounds, cwd=Path(__file__).parents[1])
    print(f"\n`lockgate schema hash` of {tables:,} tables, the whole process: {taken:.2f} s.")


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    parser = argparse.ArgumentParser(description="Measure the check of migrations.")
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--tables", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="of migrations, to be checked besides")
    given = parser.parse_args()
    check(given.files, given.rounds)
    if given.folder is not None:
        check_folder(given.folder, given.rounds)
    digest(given.tables, given.rounds)


if __name__ == "__main__":
    main()
