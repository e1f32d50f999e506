"""Dockerfile and fly.toml: no container engine is asked, the files are read."""

import inspect
import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import click
import pytest

from bot.adapters.postgres.worker import run_worker
from bot.cli.main import main

ROOT = Path(__file__).parents[2]
BUILD_TOOLS = re.compile(r"\b(apt-get|apt|apk|gcc|build-essential|make|curl|wget)\b")


def stages() -> list[list[tuple[str, str]]]:
    """The Dockerfile's stages, each a list of (instruction, arguments)."""
    lines = [
        line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        instruction, _, arguments = line.partition(" ")
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, arguments.strip()))
    return found


def final(instruction: str) -> list[str]:
    return [arguments for name, arguments in stages()[-1] if name == instruction]


def assert_is_a_command(line: str) -> None:
    """``lockgate serve --no-worker``: the command exists and takes these options."""
    program, name, *options = shlex.split(line)
    assert program == "lockgate"
    context = click.Context(main)
    command = main.get_command(context, name)
    assert command is not None, f"there is no `lockgate {name}`"
    command.make_context(name, options, parent=context)


def test_the_base_is_pinned_to_a_version_and_a_debian_release() -> None:
    bases = {stage[0][1].split()[0] for stage in stages()}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+(\.\d+)?-slim-[a-z]+", bases.pop())


def test_the_final_image_has_no_build_tools() -> None:
    assert len(stages()) >= 2
    assert [line for line in final("RUN") if BUILD_TOOLS.search(line)] == []
    assert all("--from=build" in line for line in final("COPY"))


def test_it_runs_as_a_numbered_account_that_is_not_root() -> None:
    (user,) = final("USER")
    uid, _, gid = user.partition(":")
    assert int(uid) > 0
    assert int(gid) > 0
    names = [name for name, _ in stages()[-1]]
    assert "RUN" not in names[names.index("USER") :], "a step after USER would need its rights"


def test_state_is_in_one_volume_so_that_the_rest_may_be_read_only() -> None:
    (volume,) = final("VOLUME")
    assert f"LOCKGATE_HOME={volume}" in " ".join(final("ENV"))
    assert "PYTHONDONTWRITEBYTECODE=1" in " ".join(final("ENV"))


@pytest.fixture
def health_page() -> Iterator[type[BaseHTTPRequestHandler]]:
    """A web server whose ``/healthz`` answers with ``status``; ``port`` is where it listens."""

    class Page(BaseHTTPRequestHandler):
        status = 200
        port = 0

        def do_GET(self) -> None:
            self.send_response(self.status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    Page.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Page
    server.shutdown()
    thread.join()
    server.server_close()


def run_health_check(port: int) -> int:
    (check,) = final("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["python", "-c"], "the image has nothing else to ask with"
    return subprocess.run(
        [sys.executable, *command[1:]],
        env={"PORT": str(port)},
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_tells_a_healthy_process(
    health_page: type[Any], status: int, healthy: bool
) -> None:
    health_page.status = status
    assert (run_health_check(health_page.port) == 0) is healthy


def test_the_health_check_fails_where_nothing_listens() -> None:
    assert run_health_check(1) != 0


def test_what_the_image_copies_is_what_the_ignore_file_lets_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        Path(word).name
        for stage in stages()[:-1]
        for name, arguments in stage
        if name == "COPY"
        for word in arguments.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_what_the_package_is_built_from_is_in_the_image() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        "pyproject.toml",
        project["project"]["readme"],
        *project["project"]["license-files"],
        *wheel["packages"],
        *wheel["force-include"],
    }
    copied = {
        word
        for stage in stages()[:-1]
        for name, arguments in stage
        if name == "COPY"
        for word in arguments.split()[:-1]
    }
    assert copied == needed


def test_the_image_starts_a_command_that_exists() -> None:
    (command,) = final("CMD")
    assert_is_a_command(" ".join(re.findall(r'"([^"]+)"', command)))


@pytest.fixture(scope="module")
def fly() -> dict:
    return tomllib.loads((ROOT / "fly.toml").read_text())


def test_fly_runs_commands_that_exist(fly: dict) -> None:
    assert set(fly["processes"]) == {"web", "worker"}
    for line in fly["processes"].values():
        assert_is_a_command(line)


def test_fly_migrates_before_a_release(fly: dict) -> None:
    assert_is_a_command(fly["deploy"]["release_command"])


def test_fly_waits_for_what_runs_before_it_kills(fly: dict) -> None:
    grace = inspect.signature(run_worker).parameters["grace"].default
    assert fly["kill_signal"] == "SIGTERM"
    assert fly["kill_timeout"] > grace.total_seconds()


def test_fly_asks_for_health_where_the_web_process_listens(fly: dict) -> None:
    service = fly["http_service"]
    assert service["processes"] == ["web"]
    assert service["internal_port"] == int(fly["env"]["PORT"])
    assert {check["path"] for check in service["checks"]} == {"/healthz", "/readyz"}


@pytest.mark.parametrize("page", ["deploy-on-fly.md", "deploy-with-docker.md"])
def test_machines_that_share_no_disk_are_given_the_same_keys(page: str) -> None:
    """A key that each made for itself would make forgeries of what the others write."""
    text = (ROOT / "docs" / "how-to" / page).read_text()
    for name in ("LOCKGATE_AUDIT_KEY", "LOCKGATE_SESSION_KEY"):
        assert f"{name}=" in text
        assert name in (ROOT / "fly.toml").read_text()
