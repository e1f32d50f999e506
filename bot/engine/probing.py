"""Asks the endpoints that repositories' objectives name, and notices when the files change."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from bot.core.model import RepoRef, Sha
from bot.core.slo.model import SourceKind
from bot.core.slo.probes import Probe, ProbeFault, probe_of
from bot.core.work.probes import AskProbes, SweepProbes
from bot.engine.asking import Asking
from bot.engine.locate import Locator
from bot.engine.objectives import parse_files
from bot.ports import HubError, HubGone, HubRefused, HubSuspended
from bot.ports.objectives import ObjectiveHub
from bot.ports.observations import ObservationStore
from bot.ports.operations import CommandHub
from bot.ports.slo import SloStore

log = structlog.get_logger()

AT_ONCE = 50
MOST_PROBES = 50
"""Of one repository: those after it, in the order of their names, are not asked."""


@dataclass(frozen=True, slots=True)
class Probing:
    hub: ObjectiveHub
    commands: CommandHub
    observations: ObservationStore
    slos: SloStore
    asking: Asking
    locator: Locator

    async def sweep(self, work: SweepProbes, cause: str) -> None:
        """Read every repository's probes and objectives from its trunk. Where that cannot be done
        the ones that are known go on, unless the repository is gone or the App is suspended."""
        for repo in await self._repositories():
            try:
                await self._want(repo)
            except (HubGone, HubRefused) as error:
                await self._leave_if_gone(repo, error)
            except HubError as error:
                log.warning("probes_not_read", repository=repo.full_name, error=str(error))

    async def _repositories(self) -> list[RepoRef]:
        """Those with an environment, and those that define objectives though they have none any
        more."""
        repos = {place.repo.id: place.repo for place in await self.observations.fetch_places()}
        for repository_id in await self.slos.fetch_defining():
            if repository_id not in repos:
                repo = await self.locator.repositories.fetch_repository(repository_id)
                if repo is not None:
                    repos[repository_id] = repo
        return list(repos.values())

    async def _leave_if_gone(self, repo: RepoRef, error: HubError) -> None:
        """GitHub is asked a second question before anything is left: by another way, it says that
        the App is on no such repository. What was found stays for its time; the next sweep of
        objectives ends their alerts, and forgets how they stood."""
        try:
            await self.locator.find(repo)
        except HubGone:
            await self.slos.want_probes(repo.id, [])
            await self.slos.want_objectives(repo.id, Sha(""), {})
            log.info("repository_gone", repository=repo.full_name)
        except HubSuspended:
            await self.slos.pause(repo.id)
            log.info("objectives_paused", repository=repo.full_name)
        except HubError as other:
            log.warning("probes_not_read", repository=repo.full_name, error=str(other))
        else:  # it is at another place, from where it is read the next time, or was refused
            log.warning("probes_not_read", repository=repo.full_name, error=str(error))

    async def _want(self, repo: RepoRef) -> None:
        _, tip = await self.commands.fetch_trunk(repo)
        files = await self.hub.fetch_objectives(repo, tip)
        if not await want(self.slos, repo, tip, files):
            log.warning("probes_not_read", repository=repo.full_name, error="faults in slo/")

    async def ask(self, work: AskProbes, cause: str) -> None:
        """Ask what is due. A worker that dies under way leaves those looks out: they count as
        nothing, and not as failures of what was asked."""
        while due := await self.slos.claim_probes(AT_ONCE):
            await self.slos.record_probes(await self.asking.ask(due))
            if len(due) < AT_ONCE:
                return


async def want(slos: SloStore, repo: RepoRef, tip: Sha, files: Mapping[str, bytes]) -> bool:
    """From now on go by what the files of a trunk define; False, and by what is known still, where
    anything is wrong with one of them."""
    probes = await asyncio.to_thread(probes_in, files)  # many take seconds
    if probes is None:
        return False
    if len(probes) > MOST_PROBES:
        log.warning("probes_too_many", repository=repo.full_name, count=len(probes))
    await slos.want_probes(repo.id, probes[:MOST_PROBES])
    texts = {path: content.decode() for path, content in sorted(files.items())}
    defines = parse_files(tuple(texts.items())).slos
    await slos.want_objectives(repo.id, tip, texts if defines else {})
    return True


def probes_in(files: Mapping[str, bytes]) -> list[Probe] | None:
    """The probes that files define, in the order of their names; None where anything is wrong with
    a file: one that is misspelt must not end what the others ask for."""
    try:
        read = parse_files(tuple((path, files[path].decode()) for path in sorted(files)))
        if read.problems:
            return None
        return [
            probe_of(source.name, source.details)
            for source in read.sources
            if source.kind is SourceKind.PROBE
        ]
    except (UnicodeDecodeError, ProbeFault):
        return None
