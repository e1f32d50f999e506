"""The story that the demo plays: each step is something a person does, and what must follow."""

import time
from collections.abc import AsyncIterator

from bot.demo.production import Production
from bot.demo.releasing import Releasing
from bot.demo.renaming import Renaming
from bot.demo.stage import Stage
from bot.demo.verdict import Verdict
from bot.demo.watching import NotTrue, Told


async def play(stage: Stage) -> AsyncIterator[Told]:
    """Play it all. The steps build on one another, so the first that does not come true ends it."""
    parts = (Verdict(stage), Production(stage), Releasing(stage), Renaming(stage))
    for step in (step for part in parts for step in part.steps):
        started = time.perf_counter()
        try:
            evidence, ok = await step.play(), True
        except NotTrue as error:
            evidence, ok = str(error), False
        yield Told(step.name, ok, time.perf_counter() - started, evidence)
        if not ok:
            return
