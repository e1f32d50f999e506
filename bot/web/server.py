"""An ASGI application on a socket of its own, within a running event loop."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

_GRACE_SECONDS = 10
_IDLE_SECONDS = 75
"""A connection is kept longer than proxies in front keep it, most of them for 60 s: one that is
closed here while a delivery is on its way loses that delivery until the next sweep."""
_BACKLOG = 2048


class _Server(uvicorn.Server):
    """Says when it listens, and leaves signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def listening(app: ASGIApp, bound: socket.socket) -> AsyncIterator[str]:
    """Serve ``app`` on a bound socket until the block ends; requests under way are finished first.

    Yields its address.

    Raises:
        RuntimeError: the application did not start.
    """
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=_IDLE_SECONDS,
            ws="none",
            # Nobody reads whom a proxy says it speaks for; where it matters, a request that came
            # through one is told from its headers.
            proxy_headers=False,
        )
    )
    running = asyncio.create_task(server.serve(sockets=[bound]))
    listens = asyncio.create_task(server.listens.wait())
    try:
        await asyncio.wait({running, listens}, return_when=asyncio.FIRST_COMPLETED)
        if not server.started:
            raise RuntimeError("the application did not start")
        yield address_of(bound)
    finally:
        listens.cancel()
        server.should_exit = True
        await running
        bound.close()


def spare_the_collector() -> None:
    """Let the garbage collector pass over what the start left, which lives as long as the process,
    and come less often: it took a sixth of the time in which deliveries are acknowledged."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. ``port`` 0 takes a free one.

    Raises:
        OSError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP: asyncio turns Nagle's delay off only where a socket says so.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


def address_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
