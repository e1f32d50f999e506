"""Making an App from a manifest, and signing in with one."""

import base64
import hashlib
import html
import json
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sandbox_kit import as_app, client

from bot.sandbox.model import Repository
from bot.sandbox.server import Sandbox

MANIFEST = {
    "name": "Gate Keeper",
    "url": "https://gate.example",
    "redirect_url": "http://127.0.0.1:1/done",
    "hook_attributes": {"url": "https://gate.example/hook"},
    "default_permissions": {"checks": "write"},
    "default_events": ["pull_request"],
}


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields of a page's form, as a browser would send them."""
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


@pytest.mark.parametrize("owner", ["", "acme"])
async def test_an_app_is_made_from_a_manifest(github: Sandbox, owner: str) -> None:
    settings = f"/organizations/{owner}/settings/apps/new" if owner else "/settings/apps/new"
    async with client(github) as api:
        asked = await api.post(
            settings, params={"state": "s1"}, data={"manifest": json.dumps(MANIFEST)}
        )
        assert asked.status_code == 200
        assert "Gate Keeper" in asked.text
        target = re.search(r'<form method="post" action="(/_sandbox/[^"]*apps)"', asked.text)
        assert target is not None
        agreed = await api.post(target[1], data=fields_of(asked.text))
        back = urlsplit(agreed.headers["location"])
        assert (back.netloc, back.path) == ("127.0.0.1:1", "/done")
        query = parse_qs(back.query)
        assert query["state"] == ["s1"]
        made = await api.post(f"/app-manifests/{query['code'][0]}/conversions")
        assert made.status_code == 201
        again = await api.post(f"/app-manifests/{query['code'][0]}/conversions")
        assert again.status_code == 404
    found = made.json()
    assert (found["slug"], found["permissions"]) == ("gate-keeper", {"checks": "write"})
    assert found["pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert found["owner"]["login"] == (owner or "octocat")
    app = github.apps[found["id"]]
    assert (app.hook.url, app.hook.secret) == ("https://gate.example/hook", found["webhook_secret"])
    async with as_app(github, app) as api:
        assert (await api.get("/app")).json()["id"] == found["id"]


async def test_a_manifest_without_a_way_back_is_refused(github: Sandbox) -> None:
    wrong = {**MANIFEST, "redirect_url": "javascript:alert(1)"}
    async with client(github) as api:
        asked = await api.post("/settings/apps/new", data={"manifest": json.dumps(wrong)})
        assert asked.status_code == 422
        assert "redirect_url" in asked.text


async def sign_in(github: Sandbox, api: httpx.AsyncClient, challenge: str = "") -> str:
    query = {
        "client_id": github.app.client_id,
        "redirect_uri": "http://127.0.0.1:1/back",
        "state": "s2",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    asked = await api.get("/login/oauth/authorize", params=query)
    assert asked.status_code == 200
    agreed = await api.post("/_sandbox/oauth", data=fields_of(asked.text))
    found = parse_qs(urlsplit(agreed.headers["location"]).query)
    assert found["state"] == ["s2"]
    return found["code"][0]


async def test_signing_in(github: Sandbox, shop: Repository) -> None:
    github.set_role(shop, github.user("mona"), "write")
    github.create_repository("acme/secret", private=True)
    verifier = "v" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    async with client(github) as api:
        api.headers["accept"] = "application/json"
        code = await sign_in(github, api, challenge)
        form = {
            "client_id": github.app.client_id,
            "client_secret": github.app.client_secret,
            "code": code,
            "code_verifier": verifier,
        }
        token = (await api.post("/login/oauth/access_token", data=form)).json()["access_token"]
        used = (await api.post("/login/oauth/access_token", data=form)).json()
        assert used["error"] == "bad_verification_code"
        for wrong, error in (
            ({"client_secret": "no"}, "incorrect_client_credentials"),
            ({"code_verifier": "no"}, "bad_verification_code"),
        ):
            fresh = form | {"code": await sign_in(github, api, challenge)} | wrong
            answer = (await api.post("/login/oauth/access_token", data=fresh)).json()
            assert answer["error"] == error
    async with client(github, token) as api:
        assert (await api.get("/user")).json()["login"] == "mona"
        found = (await api.get("/user/installations")).json()
        assert [item["account"]["login"] for item in found["installations"]] == ["octo"]
        where = f"/user/installations/{found['installations'][0]['id']}/repositories"
        shown = (await api.get(where)).json()["repositories"]
        assert [item["full_name"] for item in shown] == ["octo/shop"]
        assert shown[0]["permissions"]["push"] is True
