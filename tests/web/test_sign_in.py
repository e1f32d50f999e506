"""Signing in with GitHub, on the sandbox's OAuth, over HTTP."""

import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import httpx
import pytest
from served_pages import NOW, FixedClock, audit_log, evaluation, serve, ship
from sign_in_kit import KEY, Pages, opened
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from test_pages import read

from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.store import PostgresStore
from bot.core.model import RepoRef
from bot.ports import HubUnavailable
from bot.ports.people import SignInRefused, UserToken
from bot.sandbox.model import Repository
from bot.sandbox.server import Sandbox
from bot.web.login import ASK_AGAIN_SECONDS, local_path
from bot.web.sessions import SESSION_FOR, SIGN_IN_FOR, Session, Sessions


@pytest.fixture
async def github() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def secret(github: Sandbox, store: PostgresStore) -> Repository:
    """A private repository that mona may read and others may not."""
    repository = github.create_repository("octo/secret", private=True)
    github.set_role(repository, github.user("mona"), "read")
    await store.save_evaluation(evaluation("octo/shop", 12, "Add search"))
    hidden = evaluation("octo/secret", 1, "fix: hush", private=True)
    repo = RepoRef(1, repository.id, "octo", "secret")
    await store.save_evaluation(replace(hidden, repo=repo))
    return repository


@pytest.fixture
async def pages(
    store: PostgresStore, github: Sandbox, secret: Repository, clock: FixedClock
) -> AsyncIterator[Pages]:
    async with opened(store, github, clock) as given:
        yield given


async def test_signing_in_shows_what_github_says_one_may_read(
    pages: Pages, store: PostgresStore
) -> None:
    before = read(await pages.client.get("/"))
    assert "Sign in with GitHub" in before.text
    assert "hush" not in before.text
    assert not await pages.sees()
    done = await pages.sign_in("mona", "/repos/octo/secret/pulls/1")
    assert (done.status_code, done.headers["location"]) == (303, "/repos/octo/secret/pulls/1")
    after = read(await pages.client.get("/")).text
    assert "Signed in as mona" in after
    assert "hush" in after
    assert "Add search" in after
    assert await pages.sees()
    (entry,) = await audit_log(store).fetch_entries(kind="login")
    assert (entry.entry.actor, entry.entry.subject) == ("mona", "signed in to the pages")


async def test_somebody_who_may_not_read_gets_the_answer_of_a_stranger(pages: Pages) -> None:
    unknown = await pages.client.get("/repos/octo/absent/pulls/1")
    await pages.sign_in("hubot")
    hidden = await pages.client.get("/repos/octo/secret/pulls/1")
    absent = await pages.client.get("/repos/octo/absent/pulls/1")
    assert hidden.status_code == unknown.status_code == 404
    bodies = [
        re.sub(r'octo/(secret|absent)|data-etag="[^"]*"', "", answer.text)
        for answer in (hidden, absent)
    ]
    assert bodies[0].replace("secret", "absent") == bodies[1]
    assert "hush" not in (await pages.client.get("/")).text


async def test_operations_of_a_repository_are_for_those_who_may_read_it(
    pages: Pages, store: PostgresStore, secret: Repository
) -> None:
    repo = RepoRef(1, secret.id, "octo", "secret")
    stored = await ship(PostgresOperations(store.pool), repo)
    paths = (f"/operations/{stored.id}", "/repos/octo/secret/environments/production")
    for path in paths:
        assert not await pages.sees(path)
    await pages.sign_in("mona")
    for path in paths:
        assert await pages.sees(path)


async def test_deliveries_jobs_and_audit_are_for_operators(
    store: PostgresStore, github: Sandbox, secret: Repository, clock: FixedClock
) -> None:
    operators = frozenset({github.user("ada").id})
    async with opened(store, github, clock, operators) as pages:
        await pages.sign_in("mona")
        page = read(await pages.client.get("/")).text
        assert f"number, {github.user('mona').id} , to LOCKGATE_OPERATORS" in page
        assert not await pages.sees("/audit")
        assert not await pages.sees("/audit/export")
        pages.client.cookies.clear()
        await pages.sign_in("ada")
        assert "Recent deliveries" in (await pages.client.get("/")).text
        assert "signed in to the pages" in (await pages.client.get("/audit")).text
        # What GitHub does not let an operator read stays hidden on the repositories' pages.
        assert not await pages.sees()


async def test_access_that_ends_at_github_ends_here(
    pages: Pages, secret: Repository, clock: FixedClock
) -> None:
    await pages.sign_in("mona")
    assert await pages.sees()
    pages.github.set_role(secret, pages.github.user("mona"), "none")
    clock.at += timedelta(seconds=ASK_AGAIN_SECONDS + 1)
    assert not await pages.sees()


async def test_a_revoked_token_signs_out(pages: Pages, clock: FixedClock) -> None:
    await pages.sign_in("mona")
    assert await pages.sees()
    pages.github.tokens.revoke_all()
    clock.at += timedelta(seconds=ASK_AGAIN_SECONDS + 1)
    assert not await pages.sees()
    assert "Sign in with GitHub" in (await pages.client.get("/")).text


async def test_while_github_is_away_only_public_repositories_are_shown(
    pages: Pages, clock: FixedClock
) -> None:
    await pages.sign_in("mona")
    pages.people._api_url = "http://127.0.0.1:1"
    page = read(await pages.client.get("/")).text
    assert "Add search" in page
    assert "hush" not in page
    assert "Signed in as mona" in page


async def test_github_is_asked_once_for_many_pages(pages: Pages) -> None:
    await pages.sign_in("mona")
    assert await pages.sees()
    pages.people._api_url = "http://127.0.0.1:1"
    assert await pages.sees()


async def test_a_session_ends(pages: Pages, clock: FixedClock) -> None:
    await pages.sign_in("mona")
    clock.at += SESSION_FOR - timedelta(seconds=1)
    assert await pages.sees()
    clock.at += timedelta(seconds=1)
    assert not await pages.sees()


# --- cookies -------------------------------------------------------------------------------------


async def test_cookies_are_closed_to_scripts_and_other_sites(pages: Pages) -> None:
    asked = await pages.client.get("/login")
    done = await pages.sign_in("mona")
    for answer in (asked, done):
        (cookie,) = [
            line for line in answer.headers.get_list("set-cookie") if "Max-Age=0" not in line
        ]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie
        assert "Secure" not in cookie
        assert pages.github.url not in cookie
        assert answer.headers["cache-control"] == "no-store"
    value = pages.client.cookies["lockgate"]
    opened = base64.urlsafe_b64decode(value + "==")
    assert b"mona" not in opened
    assert b"ghu_" not in opened


def test_over_https_a_cookie_is_bound_to_the_host() -> None:
    sessions = Sessions(KEY, "https://lockgate.example", FixedClock(NOW))
    response = Response()
    sessions.keep(response, Session(1, "mona", "ghu_x"), SESSION_FOR)
    cookie = response.headers.getlist("set-cookie")[-1]
    assert cookie.startswith("__Host-lockgate=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


async def test_a_cookie_that_was_touched_counts_for_nothing(pages: Pages) -> None:
    await pages.sign_in("mona")
    value = pages.client.cookies["lockgate"]
    middle = len(value) // 2
    flipped = value[:middle] + ("A" if value[middle] != "A" else "B") + value[middle + 1 :]
    mona = pages.github.user("mona")
    token = pages.github.tokens.for_user(mona, app=pages.github.app).value
    good = {"id": mona.id, "login": "mona", "token": token, "until": 9e9}
    forged = Sessions(b"x" * 32, pages.url, FixedClock(NOW))._seal("lockgate", good)
    moved = Sessions(KEY, "http://other.example", FixedClock(NOW))._seal("lockgate", good)
    swapped = Sessions(KEY, pages.url, FixedClock(NOW))._seal("lockgate-sign-in", good)
    asked = await pages.client.get("/login")  # redirects on: signed in already
    assert asked.headers["location"] == "/"
    for cookie in (
        flipped,
        value[:-5],
        value + "A" * 5000,
        forged,
        moved,
        swapped,
        "",
        "é",
        "x" * 40,
    ):
        async with httpx.AsyncClient(base_url=pages.url) as client:
            header = {"Cookie": b"lockgate=" + cookie.encode()}
            page = await client.get("/", headers=header)  # type: ignore[arg-type]
            assert "Sign in with GitHub" in page.text, cookie
            assert "hush" not in page.text


async def test_one_cookie_does_not_stand_for_the_other(pages: Pages) -> None:
    await pages.begin()
    sign_in = pages.client.cookies["lockgate-sign-in"]
    async with httpx.AsyncClient(base_url=pages.url, cookies={"lockgate": sign_in}) as client:
        assert "Sign in with GitHub" in (await client.get("/")).text


async def test_a_session_counts_at_its_own_address_only(pages: Pages) -> None:
    await pages.sign_in("mona")
    assert await pages.sees()
    for host in ("rebound.example", "localhost:1", ""):
        answer = await pages.client.get("/repos/octo/secret/pulls/1", headers={"Host": host})
        assert answer.status_code == 404, host


# --- the flow ------------------------------------------------------------------------------------


async def test_github_is_asked_with_state_and_pkce(pages: Pages) -> None:
    first, second = await pages.begin(), await pages.begin()
    assert first["code_challenge_method"] == "S256"
    assert len(base64.urlsafe_b64decode(first["code_challenge"] + "=")) == sha256().digest_size
    assert first["redirect_uri"] == f"{pages.url}/login/callback"
    assert "scope" not in first
    for name in ("state", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]


async def test_a_code_without_its_verifier_is_refused(pages: Pages) -> None:
    back = await pages.agree("mona", await pages.begin())
    with pytest.raises(SignInRefused, match="bad_verification_code"):
        await pages.people.exchange(back["code"], verifier="", redirect_uri="")


async def test_a_state_that_is_not_ours_is_refused(pages: Pages) -> None:
    for state in ("", "other", "é"):
        back = await pages.agree("mona", await pages.begin())
        answer = await pages.client.get("/login/callback", params={**back, "state": state})
        assert "You are not signed in" in read(answer, 400).text
        assert "lockgate" not in pages.client.cookies
        # The sign-in is over: its own state does not bring it back.
        answer = await pages.client.get("/login/callback", params=back)
        assert answer.status_code == 400


async def test_what_another_browser_began_is_refused(pages: Pages) -> None:
    back = await pages.agree("mona", await pages.begin())
    async with httpx.AsyncClient(base_url=pages.url) as other:
        assert (await other.get("/login/callback", params=back)).status_code == 400


async def test_a_code_is_taken_once(pages: Pages) -> None:
    asked = await pages.begin()
    kept = pages.client.cookies["lockgate-sign-in"]
    back = await pages.agree("mona", asked)
    assert (await pages.client.get("/login/callback", params=back)).status_code == 303
    async with httpx.AsyncClient(base_url=pages.url, cookies={"lockgate-sign-in": kept}) as other:
        again = await other.get("/login/callback", params=back)
    assert "it was used before, or it is too old" in read(again, 400).text


async def test_a_sign_in_that_took_too_long_is_refused(pages: Pages, clock: FixedClock) -> None:
    back = await pages.agree("mona", await pages.begin())
    clock.at += SIGN_IN_FOR
    assert (await pages.client.get("/login/callback", params=back)).status_code == 400


async def test_somebody_who_does_not_agree_is_told_so(pages: Pages) -> None:
    asked = await pages.begin()
    back = {"error": "access_denied", "state": asked["state"]}
    answer = await pages.client.get("/login/callback", params=back)
    assert "GitHub was not told to go on." in read(answer, 400).text


async def test_without_an_answer_of_github_nobody_is_signed_in(pages: Pages) -> None:
    back = await pages.agree("mona", await pages.begin())
    pages.people._site_url = "http://127.0.0.1:1"
    answer = await pages.client.get("/login/callback", params=back)
    assert "GitHub did not say who you are." in read(answer, 502).text
    with pytest.raises(HubUnavailable):
        await pages.people.exchange("x", verifier="v", redirect_uri="")


async def test_signing_in_begins_at_the_public_address(pages: Pages) -> None:
    answer = await pages.client.get("/login?next=/audit", headers={"Host": "other.example"})
    assert answer.headers["location"] == f"{pages.url}/login?next=%2Faudit"
    assert "set-cookie" not in answer.headers


ELSEWHERE = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "evil",
    "/a\r\nSet-Cookie: x=1",
    "/é",
    "/" + "a" * 600,
    "/login?next=/",
    "/logout",
    "",
)


async def test_next_leads_to_these_pages_only(pages: Pages) -> None:
    for wanted in ELSEWHERE:
        assert local_path(wanted) == "/"
        pages.client.cookies.clear()
        done = await pages.sign_in("mona", wanted)
        assert done.headers["location"] == "/"
        again = await pages.client.get("/login", params={"next": wanted})
        assert again.headers["location"] == "/"


def test_next_keeps_a_path_of_these_pages() -> None:
    for path in ("/", "/audit?kind=login&since=2026-03-01", "/repos/octo/shop/environments/a%2Fb"):
        assert local_path(path) == path


# --- signing out ---------------------------------------------------------------------------------


def form_token(page: httpx.Response) -> str:
    (found,) = [
        attrs["value"] or "" for tag, attrs in read(page).tags
        if tag == "input" and attrs.get("name") == "token"
    ]  # fmt: skip
    return found


async def test_signing_out_ends_the_session_and_its_copies(pages: Pages) -> None:
    await pages.sign_in("mona")
    copy = pages.client.cookies["lockgate"]
    token = form_token(await pages.client.get("/"))
    answer = await pages.client.post("/logout", data={"token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "lockgate" not in pages.client.cookies
    assert not await pages.sees()
    async with httpx.AsyncClient(base_url=pages.url, cookies={"lockgate": copy}) as thief:
        assert (await thief.get("/repos/octo/secret/pulls/1")).status_code == 404


async def test_signing_out_revokes_the_token_at_github(pages: Pages) -> None:
    asked: list[tuple[str, str, bytes]] = []

    async def revoke(request: Request) -> Response:
        credentials = request.headers["authorization"].removeprefix("Basic ")
        asked.append((request.method, base64.b64decode(credentials).decode(), await request.body()))
        return Response(status_code=answers.pop(0))

    client_id = pages.github.app.client_id
    route = Route(f"/applications/{client_id}/token", revoke, methods=["DELETE"])
    async with serve(Starlette(routes=[route])) as github:
        answers = [204, 404, 500]
        while answers:
            pages.client.cookies.clear()
            pages.people._api_url = pages.github.url
            await pages.sign_in("mona")
            token = form_token(await pages.client.get("/"))
            pages.people._api_url = github
            answer = await pages.client.post("/logout", data={"token": token})
            assert answer.status_code == 303
            assert "lockgate" not in pages.client.cookies
    for method, credentials, body in asked:
        assert method == "DELETE"
        assert credentials == f"{client_id}:{pages.github.app.client_secret}"
        assert json.loads(body)["access_token"].startswith("ghu_")
    assert len(asked) == 3


async def test_nobody_is_signed_out_by_others(pages: Pages) -> None:
    await pages.sign_in("mona")
    token = form_token(await pages.client.get("/"))
    for data, headers in (
        ({}, {}),
        ({"token": "x"}, {}),
        ({"token": "é"}, {}),
        ({"token": token, "pad": "x" * 5000}, {}),
        ({"token": token}, {"Sec-Fetch-Site": "cross-site"}),
        ({"token": token}, {"Sec-Fetch-Site": "same-site"}),
    ):
        answer = await pages.client.post("/logout", data=data, headers=headers)
        assert "You are still signed in" in read(answer, 403).text
    assert (await pages.client.get("/logout")).status_code == 405
    assert await pages.sees()


async def test_a_form_token_is_of_one_session(pages: Pages) -> None:
    await pages.sign_in("mona")
    others = form_token(await pages.client.get("/"))
    pages.client.cookies.clear()
    await pages.sign_in("ada")
    answer = await pages.client.post("/logout", data={"token": others})
    assert answer.status_code == 403


async def test_a_session_s_text_shows_no_token() -> None:
    assert "ghu_" not in repr(Session(1, "mona", "ghu_secret"))
    assert "ghu_" not in repr(UserToken("ghu_secret", None))
