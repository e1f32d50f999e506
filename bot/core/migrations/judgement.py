"""What stands against a build or a contract, in words that a person acts upon. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.backfills.model import NEVER_COUNTED
from bot.core.decision import Verdict, worst
from bot.core.migrations.builds import (
    BackfillProgress,
    BackfillState,
    BuildSchema,
    KnownMigration,
    UnreadBuild,
)
from bot.core.migrations.model import Version
from bot.core.model import Sha
from bot.core.phrases import quoted, say_duration


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands against it. ``verdict`` is ``fail``, ``wait`` (it may go by itself) or
    ``error`` (nobody knows). Texts are plain and may hold hostile names: render escapes."""

    verdict: Verdict
    subject: str
    said: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """``obstacles`` are the worst first; without any it is a pass."""

    obstacles: tuple[Obstacle, ...]
    passed: str
    """What a pass says."""
    nearest: BuildSchema | None = None
    """The nearest build that a rollback could put back, where this one cannot be."""
    of_rollback: bool = False

    @property
    def verdict(self) -> Verdict:
        return worst([Verdict.PASS, *(one.verdict for one in self.obstacles)])

    @property
    def allowed(self) -> bool:
        return not self.obstacles

    @property
    def summary(self) -> str:
        """What was found, in one line."""
        if not self.obstacles:
            return self.passed
        more = len(self.obstacles) - 1
        rest = f" (and {more} more)" if more else ""
        return f"{self.obstacles[0].said}{rest}{self._instead}"

    @property
    def remedy(self) -> str:
        if self.nearest:
            return f"roll back to {self.nearest.label} instead"
        if self.of_rollback and self.verdict is Verdict.FAIL:
            return "promote a build that mends it"
        return self.obstacles[0].remedy if self.obstacles else ""

    @property
    def _instead(self) -> str:
        if self.nearest:
            return f"; nearest safe target is {self.nearest.label}"
        return "; no safe target is left" if self.of_rollback else ""


_ORDER = (Verdict.ERROR, Verdict.FAIL, Verdict.WAIT)


def judged(obstacles: Sequence[Obstacle], passed: str) -> Judgement:
    return Judgement(tuple(sorted(obstacles, key=lambda one: _ORDER.index(one.verdict))), passed)


def unfinished(
    version: Version, name: str, progress: BackfillProgress | None, environment: str
) -> Obstacle | None:
    called = quoted(name or (progress.name if progress else "") or version)
    subject = f"backfill {version}"
    run = f"comment `/migrate {environment}`"
    if progress is None or progress.to_begin:
        return Obstacle(Verdict.FAIL, subject, f"backfill {called} has not begun", run)
    if progress.state is BackfillState.FINISHED:
        if progress.proven:
            return None
        if progress.uncounted:
            said = "and has nothing to count by: nobody can prove that no row is left"
            return Obstacle(
                Verdict.ERROR,
                subject,
                f"backfill {called} has come to its end, {said}",
                NEVER_COUNTED,
            )
        return Obstacle(
            Verdict.ERROR,
            subject,
            f"backfill {called} has come to its end, and nobody has proven that no row is left",
            f"run `lockgate emc verify {version}`",
        )
    at = _how_far(progress)
    why = f": {progress.why}" if progress.why else ""
    match progress.state:
        case BackfillState.RUNNING:
            return Obstacle(Verdict.WAIT, subject, f"backfill {called} is {at}", "wait for it")
        case BackfillState.WAITING:  # between two turns of a run, or its runner is gone
            said = f"backfill {called} is {at}, and nobody works on it at this moment"
            return Obstacle(Verdict.WAIT, subject, said, f"wait for it, or {run}")
        case BackfillState.PAUSED:
            return Obstacle(
                Verdict.FAIL,
                subject,
                f"backfill {called} is paused {at}{why}",
                f"run `lockgate emc resume {version}`",
            )
        case BackfillState.FAILED:
            return Obstacle(
                Verdict.FAIL,
                subject,
                f"backfill {called} failed {at}{why}",
                f"mend what it failed of, then run `lockgate emc run {version}`",
            )
    return Obstacle(Verdict.FAIL, subject, f"backfill {called} was cancelled {at}", run)


def _how_far(progress: BackfillProgress) -> str:
    if progress.done is None:
        return "under way" if progress.state is BackfillState.RUNNING else "somewhere"
    # Rounded down, and never 100 before its end: that would look like a pass.
    percent = min(int(max(progress.done, 0) * 100), 99)
    running = progress.state is BackfillState.RUNNING
    left = f", about {say_duration(progress.left)} left" if running and progress.left else ""
    return f"at {percent} %{left}"


def unread(build: UnreadBuild) -> Obstacle:
    return Obstacle(
        Verdict.ERROR,
        f"build {build.label}",
        f"the migrations of {build.label} could not be read: {build.reason}",
        "see that GitHub answers, then run the command again",
    )


def named(migration: KnownMigration) -> str:
    return quoted(f"{migration.version}_{migration.name}" if migration.name else migration.version)


def short(sha: Sha | None) -> str:
    return quoted((sha or "")[:7])
