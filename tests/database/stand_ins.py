"""What stands between a client and a database: a wire that can be cut, and a pooler."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _server(url: str) -> Streams:
    parts = conninfo_to_dict(url)
    socket = Path(str(parts["host"])) / f".s.PGSQL.{parts.get('port', 5432)}"
    return await asyncio.open_unix_connection(str(socket))


def _through(url: str, server: asyncio.Server) -> str:
    port = server.sockets[0].getsockname()[1]
    return make_conninfo(url, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")


class _StandIn:
    """What it serves ends when its connections do, so that nothing outlives the test."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._writers: list[asyncio.StreamWriter] = []
        self._serving: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self._writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self.serve(reader, writer)
        writer.close()
        self._serving.discard(task)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def to_server(self) -> Streams:
        streams = await _server(self._url)
        self._writers.append(streams[1])
        return streams

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The conninfo that leads through it."""
        server = await asyncio.start_server(self.accept, "127.0.0.1", 0)
        try:
            yield _through(self._url, server)
        finally:
            server.close()
            self.cut()
            await asyncio.gather(*self._serving, return_exceptions=True)


class Wire(_StandIn):
    """Leads to a database, until it is cut; then the next connection gets through again."""

    through = ""
    connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await self.to_server()
        await asyncio.gather(_pump(reader, back), _pump(there, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    wire = Wire(url)
    async with wire.listening() as wire.through:
        yield wire


class Pooler(_StandIn):
    """In transaction mode: a session of the server's belongs to a client from its first query until
    ReadyForQuery says that no transaction is open; then to whoever asks next, the last used first.
    https://www.postgresql.org/docs/current/protocol-message-formats.html
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._idle: list[Streams] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Each client brings a session along: its start-up and password go straight through. It is
        # used last, as a real pooler makes no new one while another is idle.
        server = await self.to_server()
        server[1].write(await _start_up(reader))
        while not await self._relay_until_ready(server, reader, writer):
            pass
        self._idle.insert(0, server)
        while (message := await _message(reader))[:1] not in (b"", b"X"):
            await self._exchange(message, reader, writer)

    async def _exchange(
        self, message: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Queries on one session, until its transaction is at its end."""
        server = self._idle.pop()
        while True:
            server[1].write(message)
            # A simple query, or the Sync that ends an extended one, is answered to the end.
            if message[:1] in (b"Q", b"S"):
                while (answer := await _message(server[0]))[:1] != b"Z":
                    writer.write(answer)
                writer.write(answer)
                if answer[-1:] == b"I":
                    break
            message = await _message(reader)
        self._idle.append(server)

    async def _relay_until_ready(
        self, server: Streams, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        answer = await _message(server[0])
        writer.write(answer)
        # 'R' with anything but "ok" and SASL's last word asks the client for something.
        if answer[:1] == b"R" and int.from_bytes(answer[5:9]) not in (0, 12):
            server[1].write(await _message(reader))
        return answer[:1] == b"Z"


async def _start_up(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length) - 4)


async def _message(reader: asyncio.StreamReader) -> bytes:
    kind = await reader.read(1)
    if not kind:
        return b""
    length = await reader.readexactly(4)
    return kind + length + await reader.readexactly(int.from_bytes(length) - 4)


@asynccontextmanager
async def pooler_to(url: str) -> AsyncIterator[str]:
    async with Pooler(url).listening() as through:
        yield through
