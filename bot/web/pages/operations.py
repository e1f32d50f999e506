"""What the pages say of deliveries and jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.decision import Verdict
from bot.ports import DeliverySummary, Job, JobStatus, QueueHealth, Store

ROWS_SHOWN = 20
ROWS_READ = 500
"""Read where rows of one repository are picked out of all."""

SLOW_SECONDS = 30
"""A job that is due and has waited this long says that no worker takes it."""

_OUTCOMES = {
    "waiting": (Verdict.WAIT, "waiting for a worker"),
    "ignored": (Verdict.SKIP, "stored, nothing to do"),
    "routed": (Verdict.PASS, "routed"),
}

_WORKS = {
    "route_deliveries": "read deliveries",
    "reconcile_pull_request": "check pull request",
    "refresh_pull_request": "refresh pull request",
    "rerun_pull_request": "check again",
    "check_migrations": "check the migrations of",
    "refresh_migrations": "check, unasked, the migrations of",
    "rerun_head": "check commit again",
    "reconcile_merge_group": "check merge group",
    "reconcile_repository": "check all of",
    "locate_repository": "look for",
    "reconcile_installation": "check installation",
    "fix_title": "fix the title of",
    "run_command": "run the command on",
    "advance_environment": "move environment",
    "advance_watch": "go on with watch",
    "advance_schema_run": "change a database, run",
    "observe_environment": "look at what is served by",
    "poll_environment": "look, unasked, at what is served by",
    "tell_move": "tell of a move past the bot:",
    "reconcile_promotion": "judge what may be promoted in",
    "rejudge_promotion": "judge anew what may be promoted in",
    "promote_release": "promote a release of",
    "reconcile_release": "prepare and publish releases of",
    "reconcile_line": "plan prereleases from",
    "replan_release": "plan releases anew of",
    "rerun_release": "plan releases again of",
    "refresh_release": "plan, unasked, releases of",
    "tell_operation": "report on operation",
    "deliver_notice": "tell the news",
    "sequence_audit": "take entries into the audit log",
    "sweep_deliveries": "ask for lost deliveries",
    "sweep_environments": "have all environments looked at",
    "sweep_schemas": "compare the schemas of all databases",
    "sweep_probes": "read which endpoints to ask",
    "ask_probes": "ask the endpoints of objectives",
    "sweep_objectives": "have all objectives evaluated",
    "evaluate_objectives": "evaluate the objectives of",
    "prune_store": "delete what is past its retention",
}

_NUMBERS = ("operation_id", "watch_id", "run_id", "installation_id")
"""What a job is about that names no repository."""


@dataclass(frozen=True, slots=True)
class DeliveryView:
    guid: str
    event: str
    repository: str
    received_at: datetime
    verdict: Verdict
    outcome: str


@dataclass(frozen=True, slots=True)
class JobView:
    id: int
    work: str
    subject: str
    status: JobStatus
    attempts: int
    error: str
    queued_at: datetime
    due_at: datetime | None

    @property
    def retry_command(self) -> str:
        return f"lockgate jobs retry {self.id}"


@dataclass(frozen=True, slots=True)
class OperationsView:
    """The newest rows of each kind; ``more_*`` says that there are others."""

    queue: QueueHealth
    oldest_due_seconds: int
    deliveries: tuple[DeliveryView, ...]
    more_deliveries: bool
    dead: tuple[JobView, ...]
    more_dead: bool
    waiting: tuple[JobView, ...]
    more_waiting: bool

    @property
    def queue_verdict(self) -> Verdict:
        return Verdict.FAIL if self.oldest_due_seconds >= SLOW_SECONDS else Verdict.PASS


async def view_operations(store: Store, repository: str = "") -> OperationsView:
    """Of everything, or of one repository (``owner/name``)."""
    limit = ROWS_READ if repository else ROWS_SHOWN + 1
    deliveries = [
        delivery
        for delivery in await store.fetch_recent_deliveries(limit)
        if not repository or delivery.repository.lower() == repository.lower()
    ]

    async def fetch_jobs(status: JobStatus) -> list[Job]:
        return [
            job
            for job in await store.fetch_jobs(status, limit)
            if not repository or _repository(job.args).lower() == repository.lower()
        ]

    dead = await fetch_jobs(JobStatus.DEAD)
    waiting = await fetch_jobs(JobStatus.RUNNING) + await fetch_jobs(JobStatus.WAITING)
    queue = await store.queue_health()
    return OperationsView(
        queue=QueueHealth(queue.waiting, queue.running, queue.dead, 0),
        oldest_due_seconds=int(queue.oldest_due_seconds),
        deliveries=tuple(map(_view_delivery, deliveries[:ROWS_SHOWN])),
        more_deliveries=len(deliveries) > ROWS_SHOWN,
        dead=tuple(map(view_job, dead[:ROWS_SHOWN])),
        more_dead=len(dead) > ROWS_SHOWN,
        waiting=tuple(map(view_job, waiting[:ROWS_SHOWN])),
        more_waiting=len(waiting) > ROWS_SHOWN,
    )


def _view_delivery(delivery: DeliverySummary) -> DeliveryView:
    verdict, outcome = _OUTCOMES.get(delivery.outcome, (Verdict.FAIL, delivery.outcome))
    return DeliveryView(
        guid=delivery.guid,
        event=f"{delivery.event}.{delivery.action}" if delivery.action else delivery.event,
        repository=delivery.repository,
        received_at=delivery.received_at,
        verdict=verdict,
        outcome=outcome,
    )


def _repository(args: dict[str, Any]) -> str:
    return f"{args['owner']}/{args['name']}" if "owner" in args and "name" in args else ""


def view_job(job: Job) -> JobView:
    subject = _repository(job.args)
    if "number" in job.args:
        subject += f"#{job.args['number']}"
    elif "head_sha" in job.args:
        subject += f"@{job.args['head_sha'][:7]}"
    elif "environment" in job.args:
        subject = f"{subject} {job.args['environment']}".lstrip()
    if not subject:
        subject = next((str(job.args[name]) for name in _NUMBERS if name in job.args), "")
    return JobView(
        id=job.id,
        work=_WORKS.get(job.kind, job.kind.replace("_", " ")),
        subject=subject or _guids(job.args.get("guids", [])),
        status=job.status,
        attempts=job.attempts,
        error=job.error,
        queued_at=job.queued_at,
        due_at=job.due_at,
    )


def _guids(guids: Sequence[str]) -> str:
    more = f" and {len(guids) - 1} more" if len(guids) > 1 else ""
    return f"{guids[0]}{more}" if guids else ""
