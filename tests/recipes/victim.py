"""A process that runs a backfill and stands still after some batches, to be killed there.

It is forked before a test starts threads, and waits for the backfill's file.
"""

import asyncio
import os
import pickle
import signal
from dataclasses import replace
from typing import Self

from bot.adapters.database.database import PostgresDatabase
from bot.core.backfills.model import BackfillStatus
from bot.core.migrations.model import Backfill

_ROWS = 40


class Victim:
    def __init__(self, url: str, batches: int) -> None:
        self._batches = batches
        self._asked, to_child = os.pipe()
        from_child, self._told = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            try:
                self._work(url)
            finally:
                os._exit(0)
        self._asked, self._told = to_child, from_child

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()
        os.close(self._asked)
        os.close(self._told)

    def begin(self, backfill: Backfill) -> bool:
        """Whether it stands still now, in the middle; else it is through."""
        os.write(self._asked, pickle.dumps(backfill))
        return os.read(self._told, 1) == b"!"

    def kill(self) -> None:
        """With SIGKILL."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = 0

    def _work(self, url: str) -> None:
        backfill = replace(pickle.loads(os.read(self._asked, 65_536)), batch=_ROWS, target_ms=1)
        database = PostgresDatabase(url)
        asyncio.run(
            database.run_backfill(backfill, until=lambda: False, progress=self._stand_still)
        )
        os.write(self._told, b".")

    def _stand_still(self, status: BackfillStatus) -> None:
        if status.batches >= self._batches:
            os.write(self._told, b"!")
            signal.pause()
