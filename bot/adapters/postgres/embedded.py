"""A PostgreSQL of the bot's own, for who has none: made, started and stopped with its owners.

It listens on a Unix socket only, and asks for a password that lies in a file readable by its
owner. Any number of lockgate processes may share one home: the first starts the server, and
``supervisor`` stops it when the last has ended, however it ended.

Layout of the folder: ``data`` (the cluster), ``password``, ``server.log``, ``owners.lock``,
``start.lock`` and ``supervisor.lock``.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import structlog
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bot.adapters.postgres import binaries, supervisor
from bot.adapters.postgres.binaries import Account, Binaries, EmbeddedError

log = structlog.get_logger()

DATABASE = "lockgate"
ROLE = "lockgate"
PORT = 5432
"""Part of the socket's file name only: nothing listens on the network."""
LONGEST_SOCKET_PATH = 103
"""Bytes: macOS allows 103 before the closing NUL, Linux 107."""
LARGEST_LOG = 10_000_000
_supervisors: list[subprocess.Popen[bytes]] = []
"""Those that this process started. They outlive the block that started them, when it is shared."""
SMALL_SHARED_MEMORY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server and how to reach it. ``conninfo`` holds the password: never log it."""

    conninfo: str
    folder: Path
    major: int
    account: str
    """The account it runs as."""


@contextmanager
def embedded_server(
    home: Path,
    *,
    bin_dir: Path | None = None,
    durable: bool = True,
    start_timeout: float = 120.0,
) -> Iterator[EmbeddedServer]:
    """Run the embedded server of ``home``, or join the one that runs, until the block ends.

    ``start_timeout`` (seconds) has to allow for recovery after a crash. ``durable=False`` trades
    the safety of acknowledged data for speed: for tests whose subject is not durability.

    Raises:
        EmbeddedError: it cannot be made or started; the text says why.
    """
    account = binaries.server_account()
    folder = _folder(home, account)
    with _lock(folder / "owners.lock", fcntl.LOCK_SH):
        with _lock(folder / "start.lock", fcntl.LOCK_EX):
            server = _ensure_running(folder, account, bin_dir, durable, start_timeout)
        yield server


def remove_server(home: Path, *, patience: float = 45.0) -> None:
    """Delete the server of ``home`` and its data, wherever they lie, for a home that is not kept.

    Nobody may own it any more. It is given ``patience`` (seconds) to shut down.
    """
    folder = (home / "postgres").resolve()
    if not folder.is_dir():
        return
    until = time.monotonic() + patience
    while not _is_free(folder / "supervisor.lock") and time.monotonic() < until:
        time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


def _folder(home: Path, account: Account | None) -> Path:
    """``home/postgres``; as root a link to a place that the account can reach, if it cannot."""
    wanted = home.absolute() / "postgres"
    try:
        # 0711 lets the server's account through to its own folder, and see nothing on the way.
        home.mkdir(mode=0o711 if account else 0o700, parents=True, exist_ok=True)
        if account is not None and not binaries.reachable(wanted, account):
            _link_elsewhere(wanted)
        else:
            wanted.mkdir(mode=0o711 if account else 0o700, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(
            f"the folder {error.filename} cannot be made ({error.strerror}); set LOCKGATE_HOME "
            "to a folder that can be written, or set DATABASE_URL"
        ) from error
    return wanted.resolve()


def _link_elsewhere(wanted: Path) -> None:
    if wanted.exists():
        return
    binaries.SYSTEM_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    place = binaries.SYSTEM_HOME / f"home-{secrets.token_hex(6)}"
    place.mkdir(mode=0o711)
    try:
        wanted.symlink_to(place, target_is_directory=True)
    except FileExistsError:  # another process was faster
        place.rmdir()
    else:
        log.info("embedded_postgres_elsewhere", home=str(wanted.parent), folder=str(place))


@contextmanager
def _lock(path: Path, how: int) -> Iterator[None]:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise EmbeddedError(
            f"{path} belongs to another user; run lockgate as that user, or set LOCKGATE_HOME"
        ) from error
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


def _ensure_running(
    folder: Path, account: Account | None, bin_dir: Path | None, durable: bool, timeout: float
) -> EmbeddedServer:
    data = folder / "data"
    version = data / "PG_VERSION"
    major = int(version.read_text().split(".")[0]) if version.exists() else None
    programs = binaries.find_binaries(bin_dir, major=major)
    if account is not None:
        programs = binaries.reachable_binaries(programs, account)
    if major is None:
        _create_cluster(folder, programs, account)
    sockets = _socket_folder(folder, account)
    password = (folder / "password").read_text()
    if account is not None:
        log.info("embedded_postgres_account", account=account.name)

    def supervise() -> subprocess.Popen[bytes]:
        return _start_supervisor(folder, sockets, programs, account, durable)

    conninfo = make_conninfo(
        host=str(sockets), port=PORT, user=ROLE, password=password, dbname=DATABASE
    )
    _wait_ready(conninfo, folder, supervise, timeout)
    name = account.name if account else str(os.geteuid())
    return EmbeddedServer(conninfo, folder, programs.major, name)


def _create_cluster(folder: Path, programs: Binaries, account: Account | None) -> None:
    """Made beside its place and renamed: one that was cut short is never taken for a whole one."""
    draft = folder / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    secret = folder / "password"
    handover = folder / "password.initdb"
    for place in (secret, handover):
        place.unlink(missing_ok=True)
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password)
    command = [programs.program("initdb"), "-D", str(draft), "-U", ROLE, "-E", "UTF8"]
    command += ["--auth=scram-sha-256", f"--pwfile={handover}", "--locale=C"]
    if programs.major >= 17:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if _little_shared_memory() and programs.major >= 16:
        command += ["-c", "dynamic_shared_memory_type=mmap"]
    who = {}
    if account is not None:
        for place in (draft, handover):
            _give(place, account)
        who = {"user": account.uid, "group": account.gid, "extra_groups": []}
    made = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        text=True,
        capture_output=True,
        env=_environment(),
        cwd="/",
        check=False,
        **who,  # type: ignore[call-overload]
    )
    handover.unlink()
    if made.returncode != 0:
        raise EmbeddedError(
            f"initdb failed in {folder}: {made.stderr.strip()[-1500:]}\n"
            "mend what it names, or set DATABASE_URL"
        )
    draft.rename(folder / "data")


def _give(place: Path, account: Account) -> None:
    try:
        os.chown(place, account.uid, account.gid)
    except OSError as error:  # root of a namespace that has no other users
        raise EmbeddedError(
            f"{place} cannot be given to the account {account.name} ({error.strerror}): PostgreSQL "
            "does not run as root, and root has no other account here; run lockgate as an ordinary "
            "user, or set DATABASE_URL"
        ) from error


def _socket_folder(folder: Path, account: Account | None) -> Path:
    """A folder that only the server's user may enter, with a path short enough for a socket."""
    place = folder / "run"
    if len(f"{place}/.s.PGSQL.{PORT}".encode()) > LONGEST_SOCKET_PATH:
        key = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        place = Path(tempfile.gettempdir()) / f"lockgate-{key}"
        if len(f"{place}/.s.PGSQL.{PORT}".encode()) > LONGEST_SOCKET_PATH:
            place = Path("/tmp") / place.name  # noqa: S108 (checked below to be ours)
    place.mkdir(mode=0o700, exist_ok=True)
    owner = account.uid if account else os.geteuid()
    if account is not None and place.lstat().st_uid == os.geteuid():
        _give(place, account)
    state = place.lstat()
    if place.is_symlink() or state.st_uid != owner or state.st_mode & 0o077:
        raise EmbeddedError(
            f"{place} is not private to the server's user; remove it, or set LOCKGATE_HOME to a "
            "shorter path"
        )
    return place


def _is_free(path: Path) -> bool:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _start_supervisor(
    folder: Path,
    sockets: Path,
    programs: Binaries,
    account: Account | None,
    durable: bool,
) -> subprocess.Popen[bytes]:
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        "log_checkpoints": "off",
    }
    if _little_shared_memory():
        options["dynamic_shared_memory_type"] = "mmap"
    settings = [f"--{name}={value}" for name, value in options.items()]
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    journal = folder / "server.log"
    if journal.exists() and journal.stat().st_size > LARGEST_LOG:
        journal.replace(folder / "server.log.1")
    command = [sys.executable, "-I", "-S", supervisor.__file__, str(folder), str(uid), str(gid)]
    command += [programs.program("postgres"), "-D", str(folder / "data"), *settings]
    with journal.open("ab") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    _supervisors[:] = [other for other in _supervisors if other.poll() is None]
    _supervisors.append(child)
    return child


def _environment() -> dict[str, str]:
    """Nothing of ours: no secret, no PGDATA, no locale that is not generated here."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _little_shared_memory() -> bool:
    """Containers may have a /dev/shm of a megabyte, in which the server panics."""
    try:
        state = os.statvfs("/dev/shm")  # noqa: S108 (asked for its size)
    except OSError:
        return False
    return state.f_blocks * state.f_frsize < SMALL_SHARED_MEMORY


def _wait_ready(
    conninfo: str,
    folder: Path,
    supervise: Callable[[], subprocess.Popen[bytes]],
    timeout: float,
) -> None:
    until = time.monotonic() + timeout
    pause = 0.02
    child = None
    while True:
        # Asked each time: a supervisor that is about to end may still hold its lock at first.
        if child is None and _is_free(folder / "supervisor.lock"):
            child = supervise()
        try:
            # The database is made in the first start, so ask in one that is always there.
            with psycopg.connect(
                make_conninfo(conninfo, dbname="postgres", connect_timeout=5), autocommit=True
            ) as connection:
                found = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone()
                if not found:
                    connection.execute(
                        sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE))
                    )
        except psycopg.OperationalError as error:
            gone = child is not None and child.poll() is not None
            if gone or time.monotonic() > until:
                raise EmbeddedError(
                    f"the embedded PostgreSQL in {folder} did not start; its log ends with:\n"
                    f"{_tail(folder / 'server.log')}"
                ) from error
        else:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


def _tail(path: Path, characters: int = 1500) -> str:
    try:
        return path.read_text(errors="replace")[-characters:].strip()
    except OSError:
        return "(no log)"
