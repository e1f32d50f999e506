"""What is asked of the places where objectives get their numbers from, and of the store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from bot.core.model import RepoRef, Sha
from bot.core.slo.kept import BudgetPoint, KeptState
from bot.core.slo.model import Counts, Indicator, Sample, State
from bot.core.slo.probes import DueProbe, Probe, ProbeAnswer


class SourceError(Exception):
    """A source gave no numbers that can be used: nothing is known, which is never a pass.

    The text names the source and what to do, and may hold words from outside; no secret.
    """


class SourceUnavailable(SourceError):
    """It could not be reached, or took too long: another time it may answer."""


class SourceRefused(SourceError):
    """It will go on answering so until a query, a credential or the file is mended."""


class PartMissing(SourceRefused):
    """Events were counted, and of the good or the bad ones among them nothing is found: there were
    none, or a name in the query is misspelt. Whoever knows that it is not goes on by ``samples``,
    in which there were none."""

    def __init__(self, text: str, samples: Sequence[Sample]) -> None:
        super().__init__(text)
        self.samples = tuple(samples)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one objective wants to know: its indicator over several windows that end now."""

    indicator: Indicator
    windows: tuple[timedelta, ...]


Answered: TypeAlias = Mapping[timedelta, Counts] | SourceError
"""The counts of each window, or why nothing is known of that objective; the others' hold."""


class Source(Protocol):
    """Where numbers come from: one kind of OpenSLO's data sources. Where nothing was counted, the
    total is 0, which is never good."""

    async def fetch_counts(self, asked: Sequence[Asked], at: datetime) -> Sequence[Answered]:
        """In the order asked; each window reaches from its length before ``at`` to ``at``."""
        ...

    async def fetch_samples(
        self, indicator: Indicator, since: datetime, until: datetime, step: timedelta
    ) -> Sequence[Sample]:
        """The time after ``since`` in steps, the last of which ends at ``until`` or before.

        Raises:
            SourceError: nothing is known.
        """
        ...


SourceOf: TypeAlias = Callable[[RepoRef], Source]
"""A repository's source of a kind: what one repository names another may not read."""


class Prober(Protocol):
    async def ask(self, probe: Probe) -> ProbeAnswer:
        """Ask an endpoint once, within its timeout. Whatever happens is an answer."""
        ...


@dataclass(frozen=True, slots=True)
class CounterAt:
    """Which count of a probe is wanted at which moment: ``bound`` as ``counted_bound`` gives it."""

    repository_id: int
    probe: str
    bound: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Counter:
    """All that a probe had counted, with the moment of its newest answer by then."""

    at: datetime
    total: int
    good: int


@dataclass(frozen=True, slots=True)
class KeptAlert:
    """Where an alert of an objective stands; ``content`` is the state machine's own. ``revision``
    is 0 for one that was never saved."""

    objective: str
    alert: str
    content: dict[str, Any]
    revision: int = 0


class SloStore(Protocol):
    """Every method may raise StoreUnavailable."""

    async def want_probes(self, repository_id: int, probes: Sequence[Probe]) -> None:
        """These are a repository's probes from now on. What others found stays for its time."""
        ...

    async def claim_probes(self, limit: int) -> Sequence[DueProbe]:
        """Those that are due, each given to one claimer and due again after its interval."""
        ...

    async def find_probes(self, repository_id: int, names: Sequence[str]) -> Sequence[DueProbe]:
        """Those of a repository's probes, to be asked now, out of turn, though no file may name
        them any more; none while its objectives are paused."""
        ...

    async def record_probes(self, answers: Sequence[tuple[DueProbe, ProbeAnswer]]) -> None:
        """At most one answer of a probe. One that is not newer than the last is passed over."""
        ...

    async def fetch_counters(self, wanted: Sequence[CounterAt]) -> Sequence[Counter | None]:
        """In the order asked, the count at each moment; None where nothing was counted yet."""
        ...

    async def fetch_answers(
        self, repository_id: int, probe: str, *, limit: int, since: datetime | None = None
    ) -> Sequence[ProbeAnswer]:
        """Those after ``since``, the newest first."""
        ...

    async def thin_probes(self, now: datetime) -> None:
        """Keep of old answers one an hour, and of older ones nothing."""
        ...

    async def want_objectives(self, repository_id: int, at: Sha, files: Mapping[str, str]) -> None:
        """These files, by path, define a repository's objectives from now on."""
        ...

    async def fetch_defining(self) -> Sequence[int]:
        """The ids of the repositories whose files define objectives, and of those of which any is
        kept still."""
        ...

    async def fetch_evaluated(self) -> Sequence[int]:
        """Those of them that are not paused."""
        ...

    async def pause(self, repository_id: int) -> None:
        """Ask none of a repository's probes and evaluate none of its objectives, until they are
        wanted again. What was found stays."""
        ...

    async def fetch_defined(self, repository_id: int) -> Mapping[str, str]:
        """The files that define a repository's objectives, by path; empty where none does."""
        ...

    async def save_states(self, repository_id: int, states: Sequence[KeptState]) -> None:
        """These are all of a repository's objectives, and how they stand: others are forgotten,
        with their history. One that was evaluated later already stays."""
        ...

    async def fetch_states(self, repository_ids: Sequence[int]) -> Sequence[KeptState]:
        """How the objectives of these repositories stood when they were last evaluated, by
        repository and name. Whether that is long ago is the reader's question."""
        ...

    async def find_states(self, name: str, repository_id: int = 0) -> Sequence[KeptState]:
        """The same of the objectives of that name, of one repository or of all."""
        ...

    async def count_states(
        self, repository_ids: Sequence[int], since: datetime
    ) -> Mapping[State, int]:
        """How many objectives of these repositories stand how. One that was last looked at before
        ``since`` is an error: nobody knows."""
        ...

    async def fetch_budget_history(
        self, repository_id: int, name: str, since: datetime
    ) -> Sequence[BudgetPoint]:
        """One an hour at most, the oldest first, as far back as the objective's window; hours
        about which nothing is known are missing."""
        ...

    async def thin_budgets(self, now: datetime) -> None:
        """Forget what is older than the windows."""
        ...

    async def fetch_alerts(self, repository_id: int) -> Sequence[KeptAlert]: ...

    async def save_alerts(self, repository_id: int, alerts: Sequence[KeptAlert]) -> bool:
        """All of them or none. False, and nothing is done, where another saved one of them since
        it was fetched."""
        ...

    async def forget_alerts(self, repository_id: int, alerts: Sequence[KeptAlert]) -> None:
        """But for those that another saved since they were fetched."""
        ...
