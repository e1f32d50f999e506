"""Make the sandbox fail the way GitHub fails: answers, connections and events."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.sandbox.model import Delivery

FaultKind = Literal["answer", "slow", "hold", "cut"]


@dataclass(slots=True)
class Fault:
    """``route`` is ``METHOD /path`` with ``*`` for any text; the method may be left out.

    ``times`` requests are hit after the first ``skip`` matching ones; None means all. With
    ``after`` the request takes effect first, and only its answer is lost.
    """

    route: str
    kind: FaultKind
    status: int = 500
    body: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    times: int | None = 1
    skip: int = 0
    after: bool = False
    hits: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def matches(self, method: str, path: str) -> bool:
        verb, _, pattern = self.route.rpartition(" ")
        return verb in ("", "*", method) and _glob(pattern, path)

    async def lets_through(self) -> bool:
        """Whether a request takes effect all the same, once it has waited as it is made to."""
        if self.kind == "slow":
            await asyncio.sleep(self.seconds)
        elif self.kind == "hold":
            await self.released.wait()
        return self.after or self.kind in ("slow", "hold")


class Faults:
    """Faults of the API, first planned first hit."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self.planned.append(fault)
        return fault

    def answer(
        self,
        route: str,
        status: int,
        *,
        times: int | None = 1,
        skip: int = 0,
        after: bool = False,
        message: str = "Server Error",
        headers: Mapping[str, str] | None = None,
    ) -> Fault:
        """Answer with this status."""
        return self.add(
            Fault(
                route, "answer", status, {"message": message}, headers or {},
                times=times, skip=skip, after=after,
            )
        )  # fmt: skip

    def primary_limit(
        self, route: str = "*", *, reset_at: int, status: int = 403, times: int | None = 1
    ) -> Fault:
        """The hourly limit is used up until ``reset_at`` (seconds since 1970)."""
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset_at)}
        message = "API rate limit exceeded for installation."
        return self.answer(route, status, times=times, message=message, headers=headers)

    def secondary_limit(
        self,
        route: str = "*",
        *,
        retry_after: int | None = 1,
        status: int = 403,
        times: int | None = 1,
    ) -> Fault:
        """Too much at once; GitHub does not always say for how many seconds."""
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        message = "You have exceeded a secondary rate limit. Please wait a few minutes."
        return self.answer(route, status, times=times, message=message, headers=headers)

    def slow(self, route: str, seconds: float, *, times: int | None = 1, skip: int = 0) -> Fault:
        return self.add(Fault(route, "slow", seconds=seconds, times=times, skip=skip))

    def hold(self, route: str, *, times: int | None = 1, skip: int = 0) -> Fault:
        """Answer once ``released`` is set, with what is true then."""
        return self.add(Fault(route, "hold", times=times, skip=skip))

    def cut(
        self, route: str, *, times: int | None = 1, skip: int = 0, after: bool = False
    ) -> Fault:
        """Close the connection without an answer."""
        return self.add(Fault(route, "cut", times=times, skip=skip, after=after))

    def clear(self) -> None:
        self.planned.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request, counted as used."""
        for fault in self.planned:
            if not fault.matches(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is None or fault.times > 0:
                fault.hits += 1
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


@dataclass(slots=True)
class EventFault:
    """``events`` is ``event`` or ``event.action`` with ``*`` for any text."""

    events: str
    kind: Literal["drop", "double", "late", "reorder"]
    times: int | None = 1
    seconds: float = 0.0
    together: int = 2
    held: list[Delivery] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sending:
    """Deliveries to send one after the other, the first after ``seconds``."""

    deliveries: Sequence[Delivery]
    seconds: float = 0.0


class EventFaults:
    """What happens to events on their way out."""

    def __init__(self) -> None:
        self.planned: list[EventFault] = []

    def drop(self, events: str = "*", *, times: int | None = 1) -> None:
        """Never send; it is recorded as failed and can be redelivered."""
        self.planned.append(EventFault(events, "drop", times))

    def double(self, events: str = "*", *, times: int | None = 1) -> None:
        """Send twice, with the same GUID."""
        self.planned.append(EventFault(events, "double", times))

    def late(self, events: str = "*", *, seconds: float, times: int | None = 1) -> None:
        self.planned.append(EventFault(events, "late", times, seconds=seconds))

    def reorder(self, events: str = "*", *, together: int = 2) -> None:
        """Hold events back until ``together`` have come, then send the last first."""
        self.planned.append(EventFault(events, "reorder", together, together=together))

    def clear(self) -> None:
        self.planned.clear()

    def plan(self, delivery: Delivery) -> Sequence["Sending"]:
        """What to send now; the sendings go side by side."""
        name = f"{delivery.event}.{delivery.action}" if delivery.action else delivery.event
        for fault in self.planned:
            if fault.times == 0 or not (
                _glob(fault.events, name) or _glob(fault.events, delivery.event)
            ):
                continue
            if fault.times is not None:
                fault.times -= 1
            return self._apply(fault, delivery)
        return [Sending([delivery])]

    def _apply(self, fault: EventFault, delivery: Delivery) -> Sequence["Sending"]:
        match fault.kind:
            case "drop":
                delivery.status, delivery.status_code = "failed to connect to host", 502
                delivery.done = True
                return []
            case "double":
                return [Sending([delivery]), Sending([delivery])]
            case "late":
                return [Sending([delivery], fault.seconds)]
            case "reorder":
                fault.held.append(delivery)
                if len(fault.held) < fault.together:
                    return []
                held, fault.held = fault.held, []
                return [Sending(held[::-1])]


def _glob(pattern: str, text: str) -> bool:
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text) is not None
