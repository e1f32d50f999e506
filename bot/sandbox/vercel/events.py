"""Webhooks, signed with HMAC-SHA1 in ``x-vercel-signature``.

https://vercel.com/docs/webhooks/webhooks-api
"""

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Final

import httpx

from bot.sandbox.outgoing import Outgoing
from bot.sandbox.vercel import shapes
from bot.sandbox.vercel.model import Delivery, Deployment, Job, Json, Listener, Project

if TYPE_CHECKING:
    from bot.sandbox.vercel.world import World

_KEPT: Final = 5_000


class Hooks(Outgoing):
    """Each event is sent once. Without a ``url`` none are."""

    def __init__(self, world: "World") -> None:
        super().__init__()
        self._world = world
        self.url = ""
        self.secret = ""
        self.deliveries: list[Delivery] = []
        """Oldest first."""
        self.on_delivery: Listener | None = None

    def send_to(self, url: str, secret: str) -> None:
        self.url, self.secret = url, secret

    def deployment(self, event: str, deployment: Deployment) -> None:
        self._emit(event, deployment.project, shapes.event_payload(deployment))

    def job(self, project: Project, job: Job) -> None:
        """A rollback is told when it was accepted; it is not done yet."""
        if job.kind == "rollback":
            origin = job.origin.id if job.origin else None
            payload = shapes.event_payload(job.goal) | {
                "fromDeploymentId": origin,
                "toDeploymentId": job.goal.id,
            }
            self._emit("deployment.rollback", project, payload)

    def moved(self, project: Project, job: Job) -> None:
        if job.kind == "promote" and job.state == "succeeded":
            self._emit("deployment.promoted", project, shapes.event_payload(job.goal))

    def _emit(self, event: str, project: Project, payload: Json) -> None:
        if not self.url:
            return
        identifier = f"evt_{secrets.token_hex(12)}"
        body = json.dumps(
            {
                "id": identifier,
                "type": event,
                "createdAt": shapes.milliseconds(self._world.clock()),
                "region": "fra1",
                "payload": payload,
            }
        ).encode()
        signature = hmac.new(self.secret.encode(), body, hashlib.sha1).hexdigest()
        self._begin(self._post(identifier, event, body, signature, self.url))

    async def _post(
        self, identifier: str, event: str, body: bytes, signature: str, url: str
    ) -> None:
        headers = {
            "content-type": "application/json",
            "user-agent": "Vercel Webhooks/1",
            "x-vercel-signature": signature,
        }
        try:
            status = (await self._post_to(url, body, headers)).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            status = 0
        delivery = Delivery(identifier, event, body, signature, status)
        self.deliveries.append(delivery)
        del self.deliveries[:-_KEPT]
        if self.on_delivery is not None:
            self.on_delivery(delivery)
