"""The process's Prometheus metrics. Each module observes its own; ``/metrics`` serves them all."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_WEB_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_JOB_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

DELIVERIES = Counter(
    "lockgate_deliveries",
    "Webhook requests by GitHub event and by what became of them. "
    "The event is empty where the request was refused before it was known.",
    ["event", "outcome"],
    registry=REGISTRY,
)
ACK_SECONDS = Histogram(
    "lockgate_ack_seconds",
    "From the first byte of a delivery to its 202: it is stored by then.",
    buckets=_WEB_BUCKETS,
    registry=REGISTRY,
)
INTAKE_BYTES = Gauge(
    "lockgate_intake_bytes",
    "Bytes of deliveries received and not yet answered.",
    registry=REGISTRY,
)
WEBHOOK_TO_CHECK = Histogram(
    "lockgate_webhook_to_check_seconds",
    "From a delivery's receipt to its check run being written.",
    buckets=_JOB_BUCKETS,
    registry=REGISTRY,
)
JOBS = Counter(
    "lockgate_jobs",
    "Jobs run by kind and outcome: done, retried, postponed, superseded, dead, rescued.",
    ["kind", "outcome"],
    registry=REGISTRY,
)
JOB_SECONDS = Histogram(
    "lockgate_job_seconds",
    "How long a job's handler ran.",
    ["kind"],
    buckets=_JOB_BUCKETS,
    registry=REGISTRY,
)
STORE_UP = Gauge(
    "lockgate_store_up",
    "1 if the database answered when these metrics were read.",
    registry=REGISTRY,
)
QUEUE_JOBS = Gauge(
    "lockgate_queue_jobs",
    "Jobs in the queue by status: waiting, running, dead.",
    ["status"],
    registry=REGISTRY,
)
QUEUE_OLDEST_DUE_SECONDS = Gauge(
    "lockgate_queue_oldest_due_seconds",
    "How long the oldest job that could run has waited.",
    registry=REGISTRY,
)
GITHUB_REQUESTS = Counter(
    "lockgate_github_requests",
    "Requests sent to GitHub by route and status; a repeated request counts each time.",
    ["route", "status"],
    registry=REGISTRY,
)
GITHUB_RATE_LIMIT_REMAINING = Gauge(
    "lockgate_github_rate_limit_remaining",
    "What is left of GitHub's primary rate limit, by installation id (or app) and resource.",
    ["installation", "resource"],
    registry=REGISTRY,
)
VERCEL_REQUESTS = Counter(
    "lockgate_vercel_requests",
    "Requests sent to Vercel by route and status; a repeated request counts each time.",
    ["route", "status"],
    registry=REGISTRY,
)
SLO_EVALUATIONS = Counter(
    "lockgate_slo_evaluations",
    "Evaluations of service level objectives by state: ok, burning, exhausted, no-data, error.",
    ["state"],
    registry=REGISTRY,
)
SLO_ALERTS = Counter(
    "lockgate_slo_alerts",
    "What was told of objectives' alerts and of steps of their budgets: firing, resolved.",
    ["news"],
    registry=REGISTRY,
)
