"""The commands that people start with, as processes."""

import asyncio
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import httpx
import psycopg
import pytest
from journey import PATIENCE, SECRET, SQUASH_WITH_TITLE
from processes import environment, lockgate, logged, ran, running

from bot.adapters.postgres.connection import connection_string
from bot.sandbox.server import Sandbox

BROKEN = """\
from contextlib import asynccontextmanager
from bot.cli import demo
from bot.demo import watching

whole = demo.open_stage

@asynccontextmanager
async def with_a_fault(**ports):
    async with whole(**ports) as stage:
        stage.sandbox.faults.answer("POST */comments", 403, times=None, message="No.")
        yield stage

demo.open_stage = with_a_fault
watching.PATIENCE = 6.0
demo.demo(["--once", "--json", "--port", "0", "--sandbox-port", "0"])
"""
BEGINNING = """\
from bot.cli import demo
from bot.demo import story

story.PARTS = story.PARTS[:1]
demo.demo()
"""
"""The first part of the story alone: how it is told is the same in all."""
NO_NETWORK = (
    ("unshare", "--net")
    if os.geteuid() == 0
    else ("unshare", "--user", "--map-current-user", "--keep-caps", "--net")
)
"""A network of its own, in which there is only what begins within. The user stays the same one:
as root in a namespace PostgreSQL would not run."""
ONLY_LOOPBACK = """\
ip link set lo up || exit 99
"$@"
code=$?
cat /proc/net/snmp /proc/net/snmp6 >&2
exit $code
"""
"""Runs a command, and then tells what the kernel counted."""
STORY = [
    "the stage is set",
    "a badly titled pull request is refused",
    "one comment says what to do",
    "the title is edited: the check passes",
    "more commits: the comment is updated in place",
    "an event that changes nothing writes nothing",
    "Fix title is pressed: the title is mended",
    "/promote is refused while a check is red",
    "the check turns green: /promote goes live",
    "a bad build goes live",
    "/rollback puts the build before it back",
    "/status says what is live",
    "the release pull request says what is next",
    "it is merged: there are a tag and a release",
    "/promote puts the release live",
    "a build that needs a migration is refused",
    "/migrate runs while customers write",
    "the build that uses the new column goes live",
    "/contract is refused: an old build may come back",
    "one build later the old column goes",
    "/rollback past it is refused, with where to",
    "no order was lost",
    "what goes live is watched from now on",
    "a bad build passes every gate, and is watched",
    "the watch takes it back by itself",
]
FREE_PORTS = ("--port", "0", "--sandbox-port", "0")


def entries(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


@pytest.mark.slow
async def test_the_whole_story_comes_true(tmp_path: Path):
    code, out, err = await lockgate(
        "demo", "--once", "--json", *FREE_PORTS, env=environment(tmp_path)
    )
    assert (code, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert all(set(line) == {"name", "ok", "seconds", "evidence"} for line in lines)
    assert all(line["ok"] is True and line["evidence"] for line in lines)
    *steps, summary = lines
    assert [step["name"] for step in steps] == STORY
    assert summary["name"] == "summary"
    assert summary["seconds"] >= sum(step["seconds"] for step in steps)
    assert entries(tmp_path) == [], "nothing is kept"


@pytest.mark.slow
async def test_a_story_that_does_not_come_true_says_so(tmp_path: Path):
    code, out, err = await ran("-c", BROKEN, env=environment(tmp_path))
    assert code == 1, err
    *steps, summary = [json.loads(line) for line in out.splitlines()]
    assert [step["ok"] for step in steps] == [True, True, False], "it ends at the first failure"
    assert steps[-1]["evidence"] == (
        "after 6 s there is no summary comment with “feat: add search”"
    )
    assert (summary["name"], summary["ok"]) == ("summary", False)


@pytest.mark.slow
async def test_the_story_is_told_in_words(tmp_path: Path):
    env = environment(tmp_path)
    code, out, err = await ran("-c", BEGINNING, "--once", *FREE_PORTS, env=env)
    assert code == 0, err
    *steps, blank, end = out.splitlines()
    assert all(step.startswith("ok  ") for step in steps)
    assert blank == ""
    assert end.startswith(f"The whole story came true: {len(steps)} of {len(steps)} steps in ")


async def broken_links(http: httpx.AsyncClient, pages: list[str]) -> list[tuple[str, str]]:
    """What leads nowhere on this machine, with the page where that stands. The shop's own domain is
    not among them: nothing is live there yet."""
    found, met, waiting = [], set(pages), [(page, "") for page in pages]
    while waiting:
        url, told_by = waiting.pop()
        page = await http.get(url)
        if page.status_code >= 400:
            found.append((url, told_by))
        for link in re.findall(r'<a [^>]*href="([^"#]+)', page.text):
            target = str(httpx.URL(url).join(html.unescape(link)))
            here = target.startswith("http://127.0.0.1:") and "/_sites/" not in target
            if here and target not in met:
                met.add(target)
                waiting.append((target, url))
    return found


@pytest.mark.slow
async def test_it_stays_up_to_be_tried_by_hand_until_it_is_interrupted(tmp_path: Path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BEGINNING, *FREE_PORTS),
        env=environment(tmp_path, TMPDIR=str(temporary)),
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(2 * PATIENCE):
            told = (await process.stdout.readuntil(b"Ctrl-C ends it.\n")).decode()
        address = dict(re.findall(r"^(Dashboard|Sandbox \w+) +(http://\S+)$", told, re.MULTILINE))
        assert list(address) == ["Dashboard", "Sandbox GitHub", "Sandbox Vercel"]
        browser = {"Accept": "text/html"}
        async with httpx.AsyncClient(trust_env=False, headers=browser) as http:
            pages = {name: await http.get(url) for name, url in address.items()}
            assert {name: page.status_code for name, page in pages.items()} == dict.fromkeys(
                address, 200
            )
            assert "octo/shop" in pages["Dashboard"].text
            assert "octo/shop" in pages["Sandbox GitHub"].text
            assert "shop" in pages["Sandbox Vercel"].text
            assert await broken_links(http, list(address.values())) == []
            assert process.returncode is None
            (server,) = temporary.glob("lockgate-demo-*/postgres")
            data = server.resolve()  # as root it lies elsewhere
            assert data.is_dir()
            process.send_signal(signal.SIGINT)
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert (process.returncode, out, err) == (0, b"", b"")
            for url in address.values():
                with pytest.raises(httpx.ConnectError):
                    await http.get(url)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert (entries(tmp_path), data.exists()) == (["tmp"], False), "nothing is kept"
    assert list(temporary.glob("lockgate-demo-*")) == []


def permitted_without_a_network() -> bool:
    """Some machines forbid namespaces to containers, or to everybody but root."""
    if sys.platform != "linux" or not all(map(shutil.which, ("unshare", "ip"))):
        return False
    tried = subprocess.run(
        [*NO_NETWORK, "sh", "-c", ONLY_LOOPBACK, "sh", "true"], capture_output=True
    )
    return tried.returncode == 0


@pytest.mark.slow
@pytest.mark.optional
async def test_nothing_beyond_this_machine_is_asked(tmp_path: Path):
    """Nor tried: the kernel counts what it has no route for, whatever became of the failure."""
    if not permitted_without_a_network():
        pytest.skip("a network of its own is not permitted here (unshare --net, ip link)")
    process = await asyncio.create_subprocess_exec(
        *(*NO_NETWORK, "sh", "-c", ONLY_LOOPBACK, "sh"),
        *(sys.executable, "-c", BEGINNING, "--once", *FREE_PORTS),
        env=environment(tmp_path),
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 2 * PATIENCE)
    assert process.returncode == 0, err.decode()
    assert b"The whole story came true" in out
    names, numbers = (line.split() for line in err.decode().splitlines() if line[:3] == "Ip:")
    assert int(dict(zip(names, numbers, strict=True))["OutNoRoutes"]) == 0
    assert re.search(r"^Ip6OutNoRoutes\s+0$", err.decode(), re.MULTILINE)


@pytest.mark.slow
async def test_web_and_worker_run_apart_and_end_when_asked(
    github: Sandbox, database_url: str, tmp_path: Path
):
    """The worker is asked to end while it works: it finishes what runs."""
    env = environment(tmp_path, github, DATABASE_URL=database_url)
    async with (
        running("serve", "--no-worker", env=env) as web,
        running("worker", env=env) as worker,
    ):
        address = (await logged(web, "serving"))["address"]
        github.send_events_to(f"{address}/webhooks/github", SECRET)
        await logged(worker, "working")
        repository = github.create_repository("octo/shop", **SQUASH_WITH_TITLE)
        asked = github.faults.slow("POST */check-runs", 2.0)
        pull = github.open_pull(repository, "Add search")
        async with asyncio.timeout(PATIENCE):
            while not asked.hits:  # noqa: ASYNC110 (the sandbox tells nobody)
                await asyncio.sleep(0.01)
        worker.send_signal(signal.SIGTERM)
        assert (await logged(worker, "stopping"))["signal"] == "SIGTERM"
        assert await asyncio.wait_for(worker.wait(), PATIENCE) == 0
        assert [run.conclusion for run in github.checks_of(repository, pull.head_sha)] == [
            "failure"
        ]
        assert len(github.comments_of(pull)) == 1, "the job was finished first"
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            cursor = await connection.execute(
                "SELECT count(*) FROM lockgate.procrastinate_jobs WHERE status = 'doing'"
            )
            assert await cursor.fetchone() == (0,)
        assert web.returncode is None


@pytest.mark.slow
async def test_the_worker_prunes_what_is_older_than_the_configured_days(
    github: Sandbox, database_url: str, tmp_path: Path
):
    """Its first look at what recurs finds that nothing was pruned yet."""
    insert = (
        "INSERT INTO deliveries (guid, received_at, event, action, repository, routed, outcome,"
        " payload) SELECT age::text, now() - age * interval '1 day', 'push', '', '', false,"
        " 'ignored', '' FROM unnest(ARRAY[1, 2, 4, 30]) AS age"
    )
    url = connection_string(database_url)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(insert)
        env = environment(tmp_path, github, DATABASE_URL=database_url, LOCKGATE_RETENTION_DAYS="3")
        left: set[str] = set()
        async with running("worker", env=env), asyncio.timeout(PATIENCE):
            while "30" in left or not left:
                await asyncio.sleep(0.05)
                cursor = await connection.execute("SELECT guid FROM deliveries")
                left = {guid for (guid,) in await cursor.fetchall()}
    assert left == {"1", "2"}


@pytest.mark.slow
async def test_explain_says_what_would_be_done_and_does_nothing(github: Sandbox, tmp_path: Path):
    env = environment(tmp_path, github)
    repository = github.create_repository("octo/shop", **SQUASH_WITH_TITLE)
    bad = github.open_pull(repository, "Add search")
    good = github.open_pull(repository, "feat: add search")
    said = await asyncio.gather(
        *(
            lockgate("explain", *arguments, env=env)
            for arguments in (
                (f"octo/shop#{good.number}",),
                (f"octo/shop#{bad.number}",),
                ("--format", "json", f"octo/shop#{bad.number}"),
                ("octo/nowhere#1",),
            )
        )
    )
    assert [code for code, _, _ in said] == [0, 1, 1, 3]
    assert "feat: add search" in said[1][1]
    told = json.loads(said[2][1])
    assert told["pull"] == "octo/shop#1"
    assert told["decision"]["verdict"] == "fail"
    assert told["writes"] == ["post check", "post comment"]
    for code, out, err in said[3:]:
        assert out == "", code
        assert err.startswith("error: ")
        assert "\nhelp: " in err
        assert "Traceback" not in err
    for pull in (bad, good):
        assert github.checks_of(repository, pull.head_sha) == []
        assert github.comments_of(pull) == []


@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_all_configuration_errors_are_told_together(tmp_path: Path, command: str):
    env = environment(
        tmp_path,
        DATABASE_URL="mysql://nobody@nowhere/nothing",
        GITHUB_APP_ID="lockgate",
        GITHUB_PRIVATE_KEY="no key at all",
        GITHUB_API_URL="ftp://github.example.com",
        PORT="99999",
        LOCKGATE_RETENTION_DAYS="soon",
    )
    code, out, err = await lockgate(command, env=env)
    assert (code, out) == (2, "")
    for name in (
        "DATABASE_URL",
        "GITHUB_APP_ID",
        "GITHUB_PRIVATE_KEY",
        "GITHUB_WEBHOOK_SECRET",
        "GITHUB_API_URL",
        "PORT",
        "LOCKGATE_RETENTION_DAYS",
    ):
        assert f"\n  {name}: " in err
    assert "no key at all" not in err
    assert "Traceback" not in err


async def test_without_an_app_the_way_to_one_is_named(tmp_path: Path):
    code, _, err = await lockgate("serve", env=environment(tmp_path))
    assert code == 2
    assert "lockgate setup" in err
