"""What a probe finds, and what it is not led to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from endpoint import endless, never, reply, serving

from bot.adapters.slo.prober import HttpProber
from bot.adapters.slo.reach import Reach
from bot.core.slo.probes import Outcome, Probe, Redirects

LOCAL = frozenset({"127.0.0.1"})
NONSENSE = b"nonsense\r\n\r\n"
CUT = b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\nabc"


@pytest.fixture
async def reach() -> AsyncIterator[Reach]:
    reach = Reach(allowed=LOCAL)
    yield reach
    await reach.aclose()


def probe(url: str, redirects: Redirects = Redirects.REFUSE, seconds: float = 5) -> Probe:
    return Probe("p", url, timeout=timedelta(seconds=seconds), redirects=redirects)


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(), (Outcome.OK, 200)),
        (reply(status=204), (Outcome.OK, 204)),
        (reply(status=500), (Outcome.STATUS, 500)),
        (reply(status=302, location="/"), (Outcome.STATUS, 302)),
        (endless, (Outcome.OK, 200)),
        (NONSENSE, (Outcome.PROTOCOL, 0)),
        (CUT, (Outcome.PROTOCOL, 0)),
        (b"", (Outcome.PROTOCOL, 0)),
    ],
)
async def test_each_answer_is_told_from_the_others(reach: Reach, answer, expected) -> None:
    async with serving({"/": answer}) as endpoint:
        found = await HttpProber(reach).ask(probe(f"{endpoint.url}/"))
    assert (found.outcome, found.status) == expected
    assert 0 < found.milliseconds < 5000


async def test_one_that_does_not_answer_in_time_is_let_go_then(reach: Reach) -> None:
    async with serving({"/": never}) as endpoint:
        found = await HttpProber(reach).ask(probe(f"{endpoint.url}/", seconds=0.1))
    assert (found.outcome, found.status, found.good) == (Outcome.TIMEOUT, 0, False)
    assert 100 <= found.milliseconds < 2000


async def test_tls_connection_and_name_are_told_apart(reach: Reach, tmp_path: Path) -> None:
    async with serving({"/": reply()}, self_signed(tmp_path)) as endpoint:
        no_trust = await HttpProber(reach).ask(probe(endpoint.url.replace("http:", "https:")))
    closed = await HttpProber(reach).ask(probe(endpoint.url))

    async def nowhere(name: str) -> Sequence[str]:
        raise OSError("no such name")

    unknown = Reach(resolve=nowhere)
    no_name = await HttpProber(unknown).ask(probe("https://shop.example/"))
    await unknown.aclose()
    assert [one.outcome for one in (no_trust, closed, no_name)] == [
        Outcome.TLS,
        Outcome.CONNECTION,
        Outcome.DNS,
    ]


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://169.254.169.254/latest/meta-data", []),
        ("http://localhost/", ["127.0.0.1"]),
        ("http://db.internal/", ["93.184.215.14"]),
        ("http://[::1]/", ["::1"]),
        ("https://shop.example/", ["127.0.0.1"]),
        ("https://shop.example/", ["93.184.215.14", "10.0.0.1"]),
        ("https://shop.example:25/", ["93.184.215.14"]),
    ],
)
async def test_what_is_not_public_is_not_asked(url: str, addresses: list[str]) -> None:
    async def resolve(name: str) -> Sequence[str]:
        return addresses

    reach = Reach(resolve=resolve)
    found = await HttpProber(reach).ask(probe(url))
    await reach.aclose()
    assert (found.outcome, found.status) == (Outcome.PRIVATE, 0)


async def test_redirects_go_as_far_as_the_policy_says_and_never_inside(reach: Reach) -> None:
    prober = HttpProber(reach)
    answers = {
        "/here": reply(status=302, location="/end"),
        "/end": reply(),
        "/loop": reply(status=301, location="/loop"),
        "/inside": reply(status=307, location="http://169.254.169.254/"),
        "/bad": reply(status=302, location="ftp://x/"),
    }

    async def ask(path: str, redirects: Redirects) -> tuple[Outcome, int]:
        found = await prober.ask(probe(f"{endpoint.url}{path}", redirects))
        return found.outcome, found.status

    async with serving(answers) as endpoint:
        follow, same = Redirects.FOLLOW, Redirects.SAME_HOST
        assert await ask("/here", follow) == (Outcome.OK, 200)
        assert await ask("/here", same) == (Outcome.OK, 200)
        assert await ask("/loop", follow) == (Outcome.REDIRECT, 301)
        # A build that sends everybody to its developer's machine: that says much of it.
        assert await ask("/inside", follow) == (Outcome.REDIRECT, 307)
        assert await ask("/inside", same) == (Outcome.REDIRECT, 307)
        assert await ask("/bad", follow) == (Outcome.REDIRECT, 302)
    assert len([one for one in endpoint.asked if "/loop" in one[0]]) == 6


async def test_fifty_that_hang_take_no_longer_than_one(reach: Reach) -> None:
    prober = HttpProber(reach)
    async with serving({"/": never}) as endpoint, asyncio.timeout(5):
        found = await asyncio.gather(
            *(prober.ask(probe(f"{endpoint.url}/", seconds=0.3)) for _ in range(50))
        )
    assert {one.outcome for one in found} == {Outcome.TIMEOUT}
