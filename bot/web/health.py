"""``/healthz`` (the process), ``/readyz`` (store and queue) and ``/metrics``."""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.metrics import QUEUE_JOBS, QUEUE_OLDEST_DUE_SECONDS, REGISTRY, STORE_UP
from bot.ports import QueueHealth, Store, StoreUnavailable

ANSWER_WITHIN = 3.0
"""Seconds that the store has for an answer."""


def health_routes(store: Store) -> list[Route]:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        try:
            health = await _ask(store)
        except StoreUnavailable:
            # The reason is in the log: this page is open to everybody.
            return PlainTextResponse("The store cannot be used.\n", status_code=503)
        return PlainTextResponse(f"ok, {health.waiting} jobs waiting\n")

    async def metrics(_: Request) -> Response:
        try:
            health = await _ask(store)
        except StoreUnavailable:
            STORE_UP.set(0)
        else:
            STORE_UP.set(1)
            QUEUE_JOBS.labels("waiting").set(health.waiting)
            QUEUE_JOBS.labels("running").set(health.running)
            QUEUE_JOBS.labels("dead").set(health.dead)
            QUEUE_OLDEST_DUE_SECONDS.set(health.oldest_due_seconds)
        return Response(generate_latest(REGISTRY), headers={"content-type": CONTENT_TYPE_LATEST})

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


async def _ask(store: Store) -> QueueHealth:
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            return await store.queue_health()
    except TimeoutError:
        raise StoreUnavailable("the database did not answer in time") from None
