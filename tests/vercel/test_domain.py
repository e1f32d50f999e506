"""Which domains are asked, and at which addresses: a policy must not lead the bot inside."""

import ssl
from collections.abc import Sequence

import httpx
import pytest

from bot.adapters.domain import DomainReader, is_public, refuse_private_name
from bot.adapters.vercel.host import VercelHost
from bot.ports.host import HostRefused, HostUnavailable
from bot.sandbox.server import serve
from bot.wiring.clock import CLOCK


@pytest.mark.parametrize(
    "domain",
    ["shop.example.com", "a.co", "xn--bcher-kva.example", "a-b.c-d.example", "1.2.example"],
)
def test_a_public_name_is_taken(domain: str) -> None:
    refuse_private_name(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "localhost",
        "shop.localhost",
        "db.internal",
        "printer.local",
        "router.lan",
        "nas.home.arpa",
        "4.3.2.1.in-addr.arpa",
        "shop",
        "127.0.0.1",
        "169.254.169.254",
        "10.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "::1",
        "shop.example.com:8080",
        "shop.example.com/path",
        "shop.example.com?x",
        "shop.example.com#x",
        "user@shop.example.com",
        "user:pw@shop.example.com",
        "https://shop.example.com",
        "shop.example.com.",
        ".example.com",
        "shop..example.com",
        "-shop.example.com",
        "shop-.example.com",
        "SHOP.example.com",
        "sho p.example.com",
        "shop.example.com\r\nx-a: b",
        "shop.example.com\n",
        "bücher.example",
        "shop.exampl\u0435.com",
        "a" * 64 + ".example",
        ".".join(["abcdefgh"] * 40),
        "shop_1.example.com",
        "shop%2eexample.com",
    ],
)
async def test_what_is_no_public_name_is_not_even_resolved(domain: str) -> None:
    resolved: list[str] = []

    async def resolve(name: str) -> Sequence[str]:
        resolved.append(name)
        return ["93.184.215.14"]

    reader = DomainReader(resolve=resolve)
    with pytest.raises(HostRefused, match="no public domain") as refused:
        await reader.ask(domain)
    await reader.aclose()
    assert resolved == []
    assert "policy" in refused.value.remedy
    assert "\n" not in str(refused.value)


PRIVATE = [
    "127.0.0.1",
    "127.255.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2001:db8::1",
    "not an address",
    "",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_is_told(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "76.76.21.21", "2606:4700::1111", "64:ff9b::5db8:d70e", "::ffff:8.8.8.8"],
)
def test_an_address_outside_is_told(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::1", "2606:4700::1111"], []]
)
async def test_one_address_inside_is_enough_to_refuse(addresses: list[str]) -> None:
    sent: list[httpx.Request] = []

    async def resolve(name: str) -> Sequence[str]:
        return addresses

    reader = DomainReader(resolve=resolve, http=_answering(sent))
    with pytest.raises(HostRefused, match="not public"):
        await reader.ask("shop.example.com")
    await reader.aclose()
    assert sent == []


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111"])
async def test_the_judged_address_is_the_one_that_is_asked_by_the_domains_name(
    address: str,
) -> None:
    sent: list[httpx.Request] = []

    async def resolve(name: str) -> Sequence[str]:
        return [address]

    reader = DomainReader(resolve=resolve, http=_answering(sent))
    answer = await reader.ask("shop.example.com")
    await reader.aclose()
    assert (answer.status, answer.sha, answer.deployment) == (200, "abc", "dpl_1")
    (request,) = sent
    assert request.url.scheme == "https"
    assert request.url.host == address
    assert request.url.port is None
    assert request.headers["host"] == "shop.example.com"
    assert request.extensions["sni_hostname"] == "shop.example.com"
    assert "authorization" not in request.headers


async def test_a_second_address_is_tried_when_the_first_does_not_answer() -> None:
    tried: list[str] = []

    async def resolve(name: str) -> Sequence[str]:
        return [f"93.184.215.{number}" for number in range(14, 20)]

    def answer(request: httpx.Request) -> httpx.Response:
        tried.append(request.url.host)
        if len(tried) == 1:
            raise httpx.ConnectTimeout("", request=request)
        return httpx.Response(404)

    reader = DomainReader(
        resolve=resolve, http=httpx.AsyncClient(transport=httpx.MockTransport(answer))
    )
    assert (await reader.ask("shop.example.com")).status == 404
    await reader.aclose()
    assert tried == ["93.184.215.14", "93.184.215.15"]


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    sent: list[httpx.Request] = []

    async def resolve(name: str) -> Sequence[str]:
        return ["93.184.215.14"]

    reader = DomainReader(
        resolve=resolve,
        http=_answering(sent, status=302, headers={"location": "http://169.254.169.254/"}),
    )
    answer = await reader.ask("shop.example.com")
    await reader.aclose()
    assert (answer.status, answer.sha, len(sent)) == (302, "", 1)


async def test_the_reader_that_is_made_by_default_follows_no_redirect() -> None:
    asked: list[str] = []

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        asked.append(scope["path"])
        headers = [(b"location", b"/elsewhere"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async with serve(app) as url:
        reader = DomainReader(stand_in=url)
        assert (await reader.ask("shop.example.com")).status == 302
        await reader.aclose()
    assert asked == ["/.well-known/lockgate.json"]


async def test_not_all_addresses_are_tried() -> None:
    tried: list[str] = []

    async def resolve(name: str) -> Sequence[str]:
        return [f"93.184.215.{number}" for number in range(14, 200)]

    def answer(request: httpx.Request) -> httpx.Response:
        tried.append(request.url.host)
        raise httpx.ConnectTimeout("", request=request)

    reader = DomainReader(
        resolve=resolve, http=httpx.AsyncClient(transport=httpx.MockTransport(answer))
    )
    with pytest.raises(HostUnavailable, match="ConnectTimeout"):
        await reader.ask("shop.example.com")
    await reader.aclose()
    assert len(tried) == 4


@pytest.mark.parametrize("error", [OSError, TimeoutError])
async def test_a_name_that_does_not_resolve_is_unknown(error: type[OSError]) -> None:
    async def resolve(name: str) -> Sequence[str]:
        raise error

    reader = DomainReader(resolve=resolve)
    with pytest.raises(HostUnavailable, match="does not resolve"):
        await reader.ask("shop.example.com")
    await reader.aclose()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"sha": 7, "deployment": null}',
        b"\xff\xfe",
        b'{"sha": "' + b"a" * 70_000 + b'"}',
        b"[" * 60_000,
    ],
)
async def test_a_mark_that_does_not_read_is_none(body: bytes) -> None:
    async def resolve(name: str) -> Sequence[str]:
        return ["93.184.215.14"]

    reader = DomainReader(resolve=resolve, http=_answering([], body=body))
    answer = await reader.ask("shop.example.com")
    await reader.aclose()
    assert (answer.status, answer.sha, answer.deployment) == (200, "", "")


async def test_the_certificate_must_be_the_domains() -> None:
    reader = DomainReader()
    context = reader._http._transport._pool._ssl_context  # type: ignore[attr-defined]
    await reader.aclose()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def _answering(
    sent: list[httpx.Request],
    *,
    status: int = 200,
    body: bytes = b'{"sha": "abc", "deployment": "dpl_1"}',
    headers: dict[str, str] | None = None,
) -> httpx.AsyncClient:
    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(status, content=body, headers=headers)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("api_url", "inside"),
    [
        ("https://api.vercel.com", False),
        ("https://127.0.0.1.example.com", False),
        ("https://localhost.example.com", False),
        ("http://127.0.0.1:8002", True),
        ("http://localhost:8002", True),
        ("http://[::1]:8002", True),
    ],
)
async def test_domains_inside_are_asked_only_beside_a_stand_in(api_url: str, inside: bool) -> None:
    host = VercelHost.connect(api_url=api_url, token="t", clock=CLOCK)
    kind = HostUnavailable if inside else HostRefused
    with pytest.raises(kind):
        await host._domains.ask("127.0.0.1")
    await host.aclose()
