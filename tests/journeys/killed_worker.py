"""A worker that is killed by SIGKILL before a statement of its choice: a program for a test.

``python killed_worker.py`` reads one JSON object (the settings) and then numbers, one a line, from
standard input. For each it forks, from a parent in which everything is imported already, a worker
that takes jobs until it is about to run that many statements of ours for a job; there it dies. It
answers each with a JSON object: how the worker ended, and ``file:function:line`` of each statement
that it ran. With 0 the worker ends by itself once nothing is left to do. Instead of a number it
takes ``file:function:line#n``, before the ``n``th time that this statement runs.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from bot.adapters.postgres.worker import run_worker
from bot.logs import configure_logging
from bot.settings import AppCredentials, Secret, Settings
from bot.wiring.bot import Bot, open_bot

BOT = Path(run_worker.__code__.co_filename).parents[2]
TRACED = {
    str(path): path.name
    for path in (
        *(BOT / "engine").glob("*.py"),
        *(BOT / "adapters/database").glob("*.py"),
        BOT / "adapters/github/hub.py",
        BOT / "adapters/github/command_hub.py",
        BOT / "adapters/vercel/client.py",
        BOT / "adapters/vercel/host.py",
        BOT / "adapters/postgres/observations.py",
        BOT / "adapters/postgres/operations.py",
        BOT / "adapters/postgres/store.py",
        BOT / "adapters/postgres/worker.py",
    )
}
BEGINNINGS = {"worker.py": ("run", "finish_job"), "steps.py": ("perform",)}
"""Where a task of a job begins: a promotion's step may have one of its own."""


class Tracer:
    """Counts the statements of ours in tasks that carry out a job or write down its end."""

    def __init__(self, last: str, out: int) -> None:
        """``last`` is a count, or a statement and a count."""
        self._place, _, count = last.rpartition("#")
        self._last = int(count)
        self._out = out
        self._tasks: set[int] = set()
        self._count = 0

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        name = TRACED.get(code.co_filename)
        if name is None:
            return None
        if code.co_name in BEGINNINGS.get(name, ()):
            self._tasks.add(id(asyncio.current_task()))
        return self._line

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event != "line" or id(asyncio.current_task()) not in self._tasks:
            return self._line
        code = frame.f_code
        place = f"{TRACED[code.co_filename]}:{code.co_name}:{frame.f_lineno}"
        os.write(self._out, f"{place}\n".encode())
        if self._place not in ("", place):
            return self._line
        self._count += 1
        if self._count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._line


def settings_from(given: dict[str, Any]) -> Settings:
    return Settings(
        home=Path(given["home"]),
        database_url=Secret(given["database_url"]),
        github_app=AppCredentials(
            given["app_id"], Secret(given["key"]), (Secret(given["secret"]),)
        ),
        github_api_url=given["api_url"],
        host="127.0.0.1",
        port=0,
        public_url=given["public_url"],
        retention=timedelta(days=7),
        concurrency=1,
        vercel_token=Secret(given.get("vercel_token", "")),
        vercel_api_url=given.get("vercel_api_url", ""),
        probe_hosts=frozenset(given.get("probe_hosts", ())),
        databases={name: Secret(url) for name, url in given.get("databases", {}).items()},
    )


async def work(settings: Settings, tracer: Tracer) -> None:
    async with open_bot(settings) as bot:
        sys.settrace(tracer)
        worker = asyncio.create_task(
            run_worker(bot.database, bot.engine.handlers(), concurrency=1, recurring=())
        )
        await idle(bot)
        sys.settrace(None)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def idle(bot: Bot) -> None:
    while True:
        health = await bot.store.queue_health()
        if health.waiting == health.running == 0:
            return
        await asyncio.sleep(0.02)


def forked(settings: Settings, last: str) -> dict[str, Any]:
    incoming, outgoing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(incoming)
        try:
            asyncio.run(work(settings, Tracer(last, outgoing)))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(outgoing)
    with os.fdopen(incoming) as written:
        places = written.read().splitlines()
    _, status = os.waitpid(child, 0)
    return {"ended": os.waitstatus_to_exitcode(status), "places": places}


def main() -> None:
    configure_logging(level="critical")  # a worker that was killed before has failed nowhere
    settings = settings_from(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        print(json.dumps(forked(settings, line.strip())), flush=True)


if __name__ == "__main__":
    main()
