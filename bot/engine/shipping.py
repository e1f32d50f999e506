"""Puts the parts together that run commands and move environments."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.decision import Decision, GateResult, Verdict
from bot.core.operations.machine import Operation
from bot.core.slo.model import SourceKind
from bot.engine.alerting import Alerting
from bot.engine.answers import Answers
from bot.engine.asking import Asking
from bot.engine.budgets import Budgets
from bot.engine.builds import Builds
from bot.engine.burning import Burns
from bot.engine.callers import Callers
from bot.engine.commands import CommandRunner
from bot.engine.contracts import Contracts
from bot.engine.drift import DriftWatch
from bot.engine.gather import Gatherer
from bot.engine.holds import Holds
from bot.engine.links import Links
from bot.engine.locate import Locator
from bot.engine.migration_checks import MigrationChecks, Squawk
from bot.engine.moves import Moves
from bot.engine.objective_questions import ObjectiveQuestions
from bot.engine.objectives import Objectives
from bot.engine.observe import Observer
from bot.engine.operate import Operator
from bot.engine.policies import Environments, Policies
from bot.engine.promotions import Promotions
from bot.engine.publishing import Publisher
from bot.engine.questions import Questions
from bot.engine.release_checks import ReleaseChecks
from bot.engine.release_lines import Lines
from bot.engine.releases import Releases
from bot.engine.run_comments import RunComments
from bot.engine.schema_commands import SchemaCommands
from bot.engine.schema_fit import SchemaFit
from bot.engine.schema_runs import SchemaRuns
from bot.engine.schemas import Schemas
from bot.engine.steering import Steers
from bot.engine.steps import Steps
from bot.engine.watch_reading import WatchReading
from bot.engine.watches import Watches
from bot.engine.way_back import WayBack
from bot.ports import Clock, Hub, Store
from bot.ports.database import Database
from bot.ports.host import Host
from bot.ports.migrations import MigrationHub
from bot.ports.objectives import ObjectiveHub
from bot.ports.observations import ObservationStore
from bot.ports.operations import AuditLog, CommandHub, OperationStore, Outbox
from bot.ports.release_ledger import ReleaseLedger
from bot.ports.releases import ReleaseHub
from bot.ports.repositories import RepositoryStore
from bot.ports.schemas import SchemaStore
from bot.ports.slo import Prober, SloStore, SourceOf
from bot.ports.steering import SteeringStore
from bot.ports.watches import WatchStore


@dataclass(frozen=True, slots=True)
class Shipping:
    """``hosts`` are by name, as ``HostTarget.host`` gives it; ``site`` is where GitHub's pages for
    people are."""

    hub: Hub
    commands: CommandHub
    release_hub: ReleaseHub
    release_ledger: ReleaseLedger
    hosts: Mapping[str, Host]
    store: Store
    operations: OperationStore
    observations: ObservationStore
    repositories: RepositoryStore
    steering: SteeringStore
    migration_hub: MigrationHub
    databases: Mapping[str, Database]
    schema_store: SchemaStore
    objective_hub: ObjectiveHub
    slo_sources: Mapping[SourceKind, SourceOf]
    slos: SloStore
    prober: Prober
    watch_store: WatchStore
    squawk: Squawk
    audit: AuditLog
    outbox: Outbox
    clock: Clock
    links: Links
    site: str

    @property
    def locator(self) -> Locator:
        return Locator(self.hub, self.repositories, self.operations, self.store, self.clock)

    @property
    def policies(self) -> Policies:
        return Policies(self.operations, self.audit, self.clock)

    @property
    def callers(self) -> Callers:
        return Callers(self.hub, self.commands, self.policies)

    @property
    def gatherer(self) -> Gatherer:
        return Gatherer(
            self.commands,
            self.hosts,
            self.operations,
            self.schemas,
            self.objectives,
            self.clock,
        )

    @property
    def objectives(self) -> Objectives:
        return Objectives(self.objective_hub, self.slo_sources, self.clock)

    @property
    def budgets(self) -> Budgets:
        return Budgets(
            self.objectives,
            Alerting(self.slos, self.operations, self.store, self.outbox, self.links),
            self.slos,
            self.repositories,
            self.store,
            self.clock,
        )

    @property
    def operator(self) -> Operator:
        steps = Steps(
            self.commands,
            self.hosts,
            self.operations,
            self.clock,
            self.links,
            self._judge,
            self.callers.fetch_objection,
            self.locator.find,
            self.schemas.record,
        )
        return Operator(
            steps,
            self.operations,
            self.store,
            self.audit,
            self.outbox,
            self.clock,
            self.watches.follow,
        )

    @property
    def runner(self) -> CommandRunner:
        builds = Builds(self.commands, self.hosts)
        answers = Answers(
            Moves(
                self.hosts,
                self.operations,
                self.operator,
                self.gatherer,
                builds,
                self.way_back,
            ),
            Questions(
                self.hosts,
                self.operations,
                self.gatherer,
                builds,
                self.watch_store,
                self.links,
            ),
            ObjectiveQuestions(self.commands, self.objectives, self.slos, self.links, self.clock),
            Holds(self.operations, self.store),
            Steers(self.commands, self.steering, self.store),
            SchemaCommands(
                self.commands,
                self.schemas,
                self.contracts,
                self.schema_store,
                self.store,
                self.audit,
            ),
            self.schema_runs,
            self.watches,
        )
        return CommandRunner(
            self.hub,
            self.commands,
            self.operations,
            self.policies,
            self.callers,
            self.store,
            answers,
            self.audit,
            self.clock,
            self.locator,
        )

    @property
    def watches(self) -> Watches:
        reading = WatchReading(
            self.objective_hub,
            self.commands,
            self.slo_sources,
            self.slos,
            self.asking,
            self.clock,
        )
        return Watches(
            self.watch_store,
            reading,
            self.way_back,
            self.operations,
            self.store,
            self.audit,
            self.outbox,
            self.clock,
            self.links,
        )

    @property
    def asking(self) -> Asking:
        return Asking(self.prober, self.hub)

    @property
    def way_back(self) -> WayBack:
        return WayBack(self.hosts, SchemaFit(self.schemas, self.audit))

    @property
    def schemas(self) -> Schemas:
        return Schemas(self.migration_hub, self.databases, self.schema_store)

    @property
    def contracts(self) -> Contracts:
        return Contracts(self.schemas, self.operations, self.clock)

    @property
    def schema_runs(self) -> SchemaRuns:
        return SchemaRuns(
            self.schemas,
            self.schema_store,
            self.contracts,
            RunComments(self.hub, self.commands, self.store, self.links),
            self.operations,
            self.store,
            self.audit,
            self.outbox,
            self.clock,
            self.links,
            Burns(self.slos, self.clock),
        )

    @property
    def migration_checks(self) -> MigrationChecks:
        return MigrationChecks(
            self.hub,
            self.schemas,
            self.contracts,
            self.schema_store,
            self.operations,
            self.store,
            self.links,
            self.squawk,
        )

    @property
    def drift(self) -> DriftWatch:
        return DriftWatch(
            self.commands,
            self.schemas,
            self.schema_store,
            self.operations,
            self.repositories,
            self.audit,
            self.outbox,
            self.clock,
            self.links,
        )

    @property
    def promotions(self) -> Promotions:
        return Promotions(
            self.hub,
            self.commands,
            self.release_hub,
            self.release_ledger,
            self.hosts,
            self.policies,
            self.operations,
            self.store,
            self.gatherer,
            self.audit,
            self.clock,
            self.links,
            self.locator,
            self.watch_store,
        )

    @property
    def releases(self) -> Releases:
        return Releases(
            self.release_hub,
            self.commands,
            self.policies,
            self.operations,
            self.steering,
            self.store,
            Publisher(self.release_hub, self.release_ledger, self.store, self.audit),
            Lines(self.release_hub, self.site),
            self.release_checks,
        )

    @property
    def release_checks(self) -> ReleaseChecks:
        return ReleaseChecks(self.hub, self.store, self.release_ledger, self.clock, self.links)

    @property
    def observer(self) -> Observer:
        return Observer(
            self.commands,
            self.hosts,
            self.operations,
            self.observations,
            self.store,
            self.audit,
            self.outbox,
            self.clock,
            self.links,
        )

    async def _judge(self, operation: Operation) -> Decision:
        """Ask the gates under the policy as it is now, not as it was when the command came."""
        plan = operation.plan
        environments = await self._environments(operation)
        policy = environments.by_name.get(plan.environment)
        if environments.fault or policy is None:
            fault = environments.fault or f"the policy has no environment {plan.environment}"
            remedy = "mend the policy on the default branch"
            return Decision((GateResult("policy", Verdict.ERROR, fault, remedy),))
        if policy.target != plan.target:
            moved = f"by the policy {plan.environment} is elsewhere than when this was typed"
            remedy = f"type `/promote {plan.environment} {plan.build.sha[:12]}`"
            return Decision((GateResult("policy", Verdict.ERROR, moved, remedy),))
        return await self.gatherer.judge(
            operation.repo,
            plan.environment,
            policy,
            plan.build,
            environments,
            operation.overrides,
        )

    async def _environments(self, operation: Operation) -> Environments:
        files = await self.commands.fetch_trunk_policy(operation.repo)
        return await self.policies.in_force(operation.repo, files)
