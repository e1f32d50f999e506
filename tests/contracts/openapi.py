"""Holds exchanges and webhook payloads to GitHub's own OpenAPI description.

The description comes with npm's ``@octokit/openapi``. A ``Contract`` is a callback for
``Sandbox(on_exchange=…)``; it collects what does not fit, and the operations that were exercised.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import jsonschema_rs
import pytest

from bot.sandbox.http import Exchange

ROOT: Final = Path(__file__).resolve().parents[2]
MODULES: Final = ROOT / "node_modules"
DESCRIPTION: Final = MODULES / "@octokit/openapi/generated/api.github.com.json"
needs_description = pytest.mark.skipif(
    not DESCRIPTION.exists(), reason="npm's @octokit/openapi is not installed (npm install)"
)


@dataclass(frozen=True, slots=True)
class Waiver:
    """A difference from the description that is right, with the reason."""

    operation: str
    """``METHOD /template``, or ``webhook name``; ``*`` for all."""
    pattern: str
    """Found in the problem's text."""
    reason: str


WAIVERS: Final = (
    Waiver(
        "*",
        "status 401 ",
        "GitHub answers 401 on every operation; the description lists it for a few",
    ),
    Waiver(
        "*",
        "status 403 ",
        "permissions and rate limits give 403 on every operation, listed for some",
    ),
    Waiver("*", "status 404 ", "any repository may be missing; listed for some operations"),
    Waiver("*", "status 301 ", "any repository may have been renamed; listed for some"),
    Waiver("*", "status 307 ", "any repository may have been renamed; listed for some"),
    Waiver("*", "status 304 ", "every read may be conditional; listed for some operations"),
    Waiver("*", "status 400 ", "a body that is no JSON is refused everywhere; listed for some"),
    Waiver("*", "status 422 ", "bodies are checked on every write; listed for some operations"),
    Waiver(
        "*",
        "head/repo: null",
        "GitHub gives null for a deleted fork; the description has it in lists only",
    ),
    Waiver("*", "user: null", "GitHub gives null for a deleted account; described in lists only"),
    Waiver(
        "*",
        '_url: "" is not a "uri"',
        "an address that was not given is an empty text, as the description's own default is",
    ),
    Waiver(
        "webhook check-suite-rerequested",
        '"merge_group" is not one of',
        "this payload's list of events is older than the merge queue; the other payloads have it",
    ),
    Waiver(
        "GET /app/installations",
        "/account: ",
        "described as a user and an enterprise at once; the single answer says one of them",
    ),
)


@dataclass(slots=True)
class Contract:
    """Problems found so far, and the operations seen, by the asker's User-Agent."""

    problems: list[str] = field(default_factory=list)
    exercised: dict[str, set[str]] = field(default_factory=dict)
    used_waivers: set[Waiver] = field(default_factory=set)

    def __call__(self, exchange: Exchange) -> None:
        if exchange.path == "/graphql":
            self._saw(exchange, "POST /graphql")
            return
        template = find_template(exchange.path)
        operation = f"{exchange.method} {template}"
        if template is None or exchange.method.lower() not in _paths()[template]:
            if exchange.status != 404:
                self._report(operation, f"answered {exchange.path}, which GitHub does not have")
            return
        self._saw(exchange, operation)
        for problem in self._problems(exchange, template):
            self._report(operation, problem)

    def _saw(self, exchange: Exchange, operation: str) -> None:
        self.exercised.setdefault(exchange.agent, set()).add(operation)

    def _problems(self, exchange: Exchange, template: str) -> Iterator[str]:
        method = exchange.method.lower()
        described = _paths()[template][method]
        if exchange.status < 400 and not exchange.fault:
            yield from _request_problems(template, method, exchange)
        if exchange.fault:
            return
        answer = described["responses"].get(str(exchange.status))
        if answer is None:
            yield f"status {exchange.status} is not described"
            if exchange.status >= 400:
                yield from _found(_component("basic-error"), exchange.response, "answer")
            return
        answer = _resolved(answer)
        if exchange.response is not None and "application/json" in answer.get("content", {}):
            validator = _answer_validator(template, method, exchange.status)
            yield from _found(validator, exchange.response, f"answer {exchange.status}")

    def exercised_by(self, agent: str) -> set[str]:
        """The operations asked for by those whose User-Agent begins so."""
        found = (seen for name, seen in self.exercised.items() if name.startswith(agent))
        return set().union(*found)

    def payload(self, event: str, payload: dict[str, Any]) -> None:
        """Hold a webhook payload to the description of its event and action."""
        name = event.replace("_", "-")
        if "action" in payload:
            name = f"{name}-{payload['action'].replace('_', '-')}"
        for problem in webhook_problems(name, payload):
            self._report(f"webhook {name}", problem)

    def _report(self, operation: str, problem: str) -> None:
        for waiver in WAIVERS:
            if waiver.operation in ("*", operation) and waiver.pattern in f"{problem} ":
                self.used_waivers.add(waiver)
                return
        self.problems.append(f"{operation}: {problem}")

    def unused_waivers(self, *, webhooks: bool) -> set[Waiver]:
        """Those for payloads of webhooks alone, or all others, of which nothing was in need."""
        wanted = {each for each in WAIVERS if each.operation.startswith("webhook ") is webhooks}
        return wanted - self.used_waivers

    def check(self) -> None:
        """Raises AssertionError with all problems."""
        found = "\n".join(dict.fromkeys(self.problems))
        assert not found, f"differs from GitHub's description:\n{found}"


def webhook_problems(name: str, payload: dict[str, Any]) -> Iterator[str]:
    if name not in _description()["x-webhooks"]:
        yield "there is no such event"
        return
    yield from _found(_webhook_validator(name), payload, "payload")


def operations() -> set[str]:
    """All operations of the description, as ``METHOD /template``."""
    return {
        f"{method.upper()} {template}"
        for template, methods in _paths().items()
        for method in methods
    }


def described(operation: str) -> dict[str, Any]:
    """What the description says of ``METHOD /template``."""
    method, _, template = operation.partition(" ")
    found: dict[str, Any] = _paths()[template][method.lower()]
    return found


def find_template(path: str) -> str | None:
    """The path template that a path belongs to: the one with the most literal text."""
    # a repository's address by id, as GitHub writes it in links, stands for the one by name
    named = re.sub(r"^/repositories/\d+", "/repos/owner/name", path)
    for pattern, template in _patterns():
        if pattern.fullmatch(named):
            return template
    return None


def _request_problems(template: str, method: str, exchange: Exchange) -> Iterator[str]:
    described = _paths()[template][method]
    parameters = [_resolved(p) for p in described.get("parameters", ())]
    known = {p["name"]: p["schema"] for p in parameters if p["in"] == "query"}
    for name, value in parse_qsl(exchange.query, keep_blank_values=True):
        if name not in known:
            yield f"query parameter {name} is not described"
        elif value not in (known[name].get("enum") or [value]):
            yield f"{value!r} is not a value of query parameter {name}"
    body = described.get("requestBody")
    if body is None:
        if exchange.request is not None:
            yield "a body is not described"
    elif exchange.request is not None or body.get("required"):
        validator = _body_validator(template, method)
        if validator is not None:
            yield from _found(validator, exchange.request or {}, "request")


def _found(validator: Any, value: Any, where: str) -> Iterator[str]:
    for error in validator.iter_errors(value):
        place = "/".join(str(part) for part in error.instance_path)
        yield f"{where} at {place or 'top'}: {error.message[:300]}"


@cache
def _description() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    return loaded


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = _description()["paths"]
    return paths


@cache
def _patterns() -> Sequence[tuple["re.Pattern[str]", str]]:
    patterns = []
    for template, methods in _paths().items():
        spanning = {
            parameter["name"]
            for method in methods.values()
            for parameter in map(_resolved, method.get("parameters", ()))
            if parameter.get("x-multi-segment")
        }
        pattern = "".join(
            (".*" if part[1:-1] in spanning else "[^/]+") if part[:1] == "{" else re.escape(part)
            for part in re.split(r"(\{\w+\})", template)
        )
        # two templates fit a comparison; {base}...{head} is the one that GitHub left behind
        literal = len(re.sub(r"\{\w+\}", "", template.replace("...", "")))
        patterns.append((-literal, re.compile(pattern), template))
    return [(pattern, template) for _, pattern, template in sorted(patterns, key=lambda p: p[0])]


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = _description()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


@cache
def _answer_validator(template: str, method: str, status: int) -> Any:
    answer = _resolved(_paths()[template][method]["responses"][str(status)])
    return _validator(answer["content"]["application/json"]["schema"])


@cache
def _body_validator(template: str, method: str) -> Any:
    content = _paths()[template][method]["requestBody"]["content"]
    if "application/json" not in content:
        return None
    return _validator(content["application/json"]["schema"])


@cache
def _webhook_validator(name: str) -> Any:
    body = _description()["x-webhooks"][name]["post"]["requestBody"]
    return _validator(body["content"]["application/json"]["schema"])


@cache
def _component(name: str) -> Any:
    return _validator({"$ref": f"#/components/schemas/{name}"})


def _validator(schema: dict[str, Any]) -> Any:
    """Compiled with the components that it reaches, and no others."""
    components: dict[str, Any] = {}
    top = _as_json_schema(schema, components)
    return jsonschema_rs.Draft4Validator({"allOf": [top], "components": {"schemas": components}})


def _as_json_schema(node: Any, components: dict[str, Any]) -> Any:
    """OpenAPI 3.0 writes ``nullable`` where JSON Schema has a type or an alternative."""
    if isinstance(node, list):
        return [_as_json_schema(item, components) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        if name not in components:
            components[name] = {}
            components[name] = _as_json_schema(
                _description()["components"]["schemas"][name], components
            )
        return {"$ref": f"#/components/schemas/{name}"}
    shown = {
        key: _as_json_schema(value, components)
        for key, value in node.items()
        if key not in ("example", "examples", "nullable", "description", "title", "default")
        or (key in ("description", "title", "default") and isinstance(value, dict))
    }
    return {"anyOf": [{"type": "null"}, shown]} if node.get("nullable") is True else shown
