"""``app.yml``: what the App is allowed and told, and the form that GitHub takes."""

import re
import tomllib
from pathlib import Path

import pytest

import bot
from bot.engine import routes
from bot.engine.app_manifest import load_manifest, manifest_form, new_app_url, site_url
from bot.sandbox.installing import EVENT_PERMISSIONS

SOURCE = Path(bot.__file__).parent.parent / "app.yml"


def test_the_wheel_holds_it() -> None:
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"app.yml": "bot/app.yml"}


def test_app_yml_asks_for_the_least() -> None:
    manifest = load_manifest()
    assert dict(manifest.permissions) == {
        "checks": "write",
        "contents": "write",
        "deployments": "write",
        "issues": "write",
        "merge_queues": "read",
        "metadata": "read",
        "pull_requests": "write",
        "statuses": "read",
    }
    assert manifest.public is False


def test_each_permission_and_event_says_why() -> None:
    text = SOURCE.read_text("utf-8")
    entries = re.findall(r"^(.*)\n  (?:- )?([a-z_]+)(?:: \w+)?$", text, re.MULTILINE)
    manifest = load_manifest()
    assert {name for _, name in entries} == {*manifest.permissions, *manifest.events}
    for before, name in entries:
        assert before.startswith("  # "), name


def test_it_is_subscribed_to_what_the_bot_acts_on() -> None:
    # GitHub sends these to every App: https://docs.github.com/webhooks/webhook-events-and-payloads
    always = {"installation", "installation_repositories"}
    assert set(load_manifest().events) == {event for event, _ in routes._ROUTES} - always


def test_each_event_comes_with_a_permission_that_is_asked_for() -> None:
    manifest = load_manifest()
    needed = {EVENT_PERMISSIONS[event] for event in manifest.events}
    assert needed <= set(manifest.permissions)


def test_the_form_that_github_takes() -> None:
    form = manifest_form(
        load_manifest(),
        name="x" * 40,
        public_url="https://bot.example",
        redirect_url="http://127.0.0.1:8000/callback",
    )
    assert form["name"] == "x" * 34
    assert form["hook_attributes"] == {"url": "https://bot.example/webhooks/github", "active": True}
    assert form["redirect_url"] == "http://127.0.0.1:8000/callback"
    assert form["default_events"] == list(load_manifest().events)
    assert form["default_permissions"] == dict(load_manifest().permissions)


@pytest.mark.parametrize(
    ("api", "site"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://ghe.example/api/v3", "https://ghe.example"),
        ("https://api.octo.ghe.com", "https://octo.ghe.com"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
    ],
)
def test_where_people_find_the_github_of_an_api(api: str, site: str) -> None:
    assert site_url(api) == site
    assert new_app_url(api, organisation="", state="s") == f"{site}/settings/apps/new?state=s"
    assert (
        new_app_url(api, organisation="octo", state="s")
        == f"{site}/organizations/octo/settings/apps/new?state=s"
    )
