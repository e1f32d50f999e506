"""Commands that ask: what is live, what the gates say, which commands there are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.core.catalog import COMMANDS
from bot.core.commands.authority import authorise
from bot.core.commands.near import nearest
from bot.core.commands.requests import GatesRequest, HelpRequest, Refusal, ShaPrefix, StatusRequest
from bot.core.hosting import LedgerEntry
from bot.core.operations.outside import unsettled
from bot.core.render.command import (
    EnvironmentStatus,
    render_command_help,
    render_gates,
    render_help,
    render_status,
    unknown_command,
)
from bot.core.slo.watching import WatchState
from bot.engine.asked import Answer, Asked, refuse
from bot.engine.builds import Builds
from bot.engine.gather import Gatherer
from bot.engine.links import Links
from bot.ports.host import Host, HostError
from bot.ports.operations import OperationStore
from bot.ports.watches import WatchStore


@dataclass(frozen=True, slots=True)
class Questions:
    hosts: Mapping[str, Host]
    operations: OperationStore
    gatherer: Gatherer
    builds: Builds
    watches: WatchStore
    links: Links

    async def gates(self, request: GatesRequest, asked: Asked) -> Answer:
        said = f"The gates of {request.environment}"
        if asked.policy_fault:
            return refuse(Refusal(said, f"{asked.policy_fault}."))
        policy = asked.environments[request.environment]
        target = self.builds.target_of(said, policy)
        if isinstance(target, Refusal):
            return refuse(target)
        build = await self.builds.build_of(said, ShaPrefix(asked.pull.head_sha), asked)
        if asked.pull.merged:
            build = await self.builds.build_of(said, None, asked)
        if isinstance(build, Refusal):
            return refuse(build)
        build = await self.builds.at_host(build, asked, target)
        decision = await self.gatherer.judge(
            asked.ref.repo, request.environment, policy, build, asked, {}
        )
        page = self.links.objectives(asked.ref.repo)
        return Answer(render_gates(request.environment, build, decision, slo_url=page))

    async def status(self, request: StatusRequest, asked: Asked) -> Answer:
        names = [request.environment] if request.environment else list(asked.environments)
        live = await self.operations.fetch_live(asked.ref.repo.id)
        statuses = [await self._status_of(name, live.get(name), asked) for name in names]
        return Answer(render_status(statuses, asked.now, asked.policy_fault))

    async def _status_of(
        self, name: str, live: LedgerEntry | None, asked: Asked
    ) -> EnvironmentStatus:
        repo, target = asked.ref.repo, asked.environments[name].target
        watches = await self.watches.fetch_open_watches(repo.id, name)
        watch = next((one for one in watches if one.state is WatchState.WATCHING), None)
        status = EnvironmentStatus(
            name=name,
            domain=target.domain if target else "",
            live=live,
            lock=await self.operations.fetch_lock(repo.id, name),
            freezes=await self.operations.fetch_freezes(repo.id, name),
            open=tuple(
                await self.operations.fetch_operations(repo.id, environment=name, open_only=True)
            ),
            held_by_rollback=live is not None and live.holds_releases,
            unsettled=unsettled(
                await self.operations.fetch_operations(repo.id, environment=name), live
            ),
            watch=watch,
            watch_url=self.links.operation(watch.operation_id) if watch else "",
        )
        if target is None or target.host not in self.hosts:
            return replace(status, unread="this server has no access to its host")
        host = self.hosts[target.host]
        try:
            project = await host.fetch_project(repo, target)
            serving = await host.fetch_serving(repo, target)
        except HostError as error:
            return replace(status, unread=str(error))
        drifted = live is not None and serving != live.build.deployment_id
        return replace(status, auto_assigns=project.auto_assigns, drift=serving if drifted else "")

    def help(self, request: HelpRequest, asked: Asked) -> Answer:
        environment = next(iter(asked.environments), "")
        policy = asked.environments.get(environment)
        refusals = {
            command.name: authorise(command, environment, policy, asked.caller)
            for command in COMMANDS
        }
        if not request.command:
            return Answer(render_help(COMMANDS, refusals, environment))
        command = next((each for each in COMMANDS if each.name == request.command), None)
        if command is None:
            meant = nearest(request.command, [each.name for each in COMMANDS])
            return refuse(unknown_command(request.command, meant))
        return Answer(render_command_help(command, refusals[command.name]))
