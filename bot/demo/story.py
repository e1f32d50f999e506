"""The story that the demo plays: each step is something a person does, and what must follow."""

import time
from collections.abc import AsyncIterator, Callable

from bot.demo.bad_build import BadBuild
from bot.demo.production import Production
from bot.demo.releasing import Releasing
from bot.demo.renaming import Renaming
from bot.demo.stage import Stage
from bot.demo.verdict import Verdict
from bot.demo.watching import NotTrue, Part, Told

PARTS: tuple[Callable[[Stage], Part], ...] = (
    Verdict,
    Production,
    Releasing,
    Renaming,
    BadBuild,
)


async def play(stage: Stage) -> AsyncIterator[Told]:
    """Play it all. The steps build on one another, so the first that does not come true ends it."""
    for step in (step for part in PARTS for step in part(stage).steps):
        started = time.perf_counter()
        try:
            evidence, ok = await step.play(), True
        except NotTrue as error:
            evidence, ok = str(error), False
        yield Told(step.name, ok, time.perf_counter() - started, evidence)
        if not ok:
            return
