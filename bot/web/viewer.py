"""Who is looking, and which repositories they may see.

A repository that a reader may not see is answered exactly like one that does not exist.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import HTTPConnection

_LOOPBACK_PEERS = frozenset({"127.0.0.1", "::1"})
_LOOPBACK_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository by its lasting id, and whether it was private when last looked at."""

    id: int
    private: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a page. ``login`` is empty for somebody who is not signed in and could be;
    ``token`` is what a form that signs out must bring along."""

    id: int = 0
    login: str = ""
    token: str = ""


class Viewer(Protocol):
    """Answers for one request what its sender may see."""

    def reader(self, request: HTTPConnection) -> Reader | None:
        """None where nobody can sign in."""
        ...

    async def readable(
        self, request: HTTPConnection, repositories: Sequence[Repository]
    ) -> frozenset[int]:
        """The ids of those repositories that may be shown."""
        ...

    async def sees_operations(self, request: HTTPConnection) -> bool:
        """Whether deliveries and jobs, which belong to all repositories, may be shown."""
        ...


class PublicOnly:
    """Nobody is known: public repositories, and nothing of deliveries and jobs."""

    def reader(self, request: HTTPConnection) -> Reader | None:
        return None

    async def readable(
        self, request: HTTPConnection, repositories: Sequence[Repository]
    ) -> frozenset[int]:
        return frozenset(repository.id for repository in repositories if not repository.private)

    async def sees_operations(self, request: HTTPConnection) -> bool:
        return False


class Everything:
    """Everything, for whoever sits at this machine; anybody else sees what ``PublicOnly`` shows.

    A loopback peer is not proof enough: a page elsewhere can point its own name at 127.0.0.1 (DNS
    rebinding), and a proxy on this machine connects from it on behalf of others. So the name
    asked for must be a loopback one, and no header may tell of a proxy.
    """

    def reader(self, request: HTTPConnection) -> Reader | None:
        return None

    async def readable(
        self, request: HTTPConnection, repositories: Sequence[Repository]
    ) -> frozenset[int]:
        if not _from_this_machine(request):
            return await PublicOnly().readable(request, repositories)
        return frozenset(repository.id for repository in repositories)

    async def sees_operations(self, request: HTTPConnection) -> bool:
        return _from_this_machine(request)


def _from_this_machine(request: HTTPConnection) -> bool:
    return (
        request.client is not None
        and request.client.host in _LOOPBACK_PEERS
        and _LOOPBACK_HOST.fullmatch(request.headers.get("host", "")) is not None
        and not any(name in request.headers for name in _FORWARDED)
    )
