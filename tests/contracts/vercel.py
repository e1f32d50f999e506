"""Holds exchanges to Vercel's published description, as npm's ``@vercel/sdk`` bears it.

The package has one module for each operation: its path, method, query and statuses are read from
there, and answers are put through its own schemas, by node. A ``VercelContract`` is a callback for
``SandboxVercel(on_exchange=…)``; ``problems`` is asked at the end.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from bot.sandbox.http import Exchange

ROOT: Final = Path(__file__).resolve().parents[2]
SDK: Final = ROOT / "node_modules/@vercel/sdk/esm"
CHECKER: Final = Path(__file__).with_name("vercel_answers.mjs")
NODE: Final = shutil.which("node")
needs_sdk = pytest.mark.skipif(
    not SDK.exists() or NODE is None, reason="npm's @vercel/sdk is not installed (npm install)"
)
NOT_PUBLISHED: Final = {
    "GET /v9/projects/{projectId}/rollback/aliases": (
        "only Vercel's own command line asks it; it answers as its twin for promotions"
    ),
}
_TWINS: Final = {
    "GET /v9/projects/{projectId}/rollback/aliases": (
        "GET /v1/projects/{projectId}/promote/aliases"
    ),
}
# Described for none or for some of the operations, and given by all of them.
_EVERYWHERE: Final = {401, 404, 429}


@dataclass(frozen=True, slots=True)
class Described:
    """An operation as the package has it."""

    query: frozenset[str]
    successes: frozenset[int]
    refusals: frozenset[int]
    model: str
    schema: str
    """Empty for an answer without a body."""


@dataclass(slots=True)
class VercelContract:
    """``exercised`` are the operations that succeeded, by the asker's User-Agent."""

    exchanges: list[Exchange] = field(default_factory=list)
    exercised: dict[str, set[str]] = field(default_factory=dict)

    def __call__(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        if exchange.status < 400 and not exchange.fault:
            operation = f"{exchange.method} {exchange.template}"
            self.exercised.setdefault(exchange.agent, set()).add(operation)

    def problems(self) -> list[str]:
        found = [problem for each in self.exchanges for problem in _problems(each)]
        return sorted(set(found + _wrong_answers(self.exchanges)))


@cache
def operations() -> dict[str, Described]:
    """Everything that the package can ask, by ``METHOD /template``."""
    found: dict[str, Described] = {}
    for file in SDK.glob("funcs/*.js"):
        text = file.read_text("utf-8")
        path = re.search(r'pathToFunc\("([^"]+)"\)', text)
        method = re.search(r'method: "([A-Z]+)"', text)
        matched = re.search(r"M\.match\((.+?)\)\(response", text, re.DOTALL)
        if not (path and method and matched):
            continue
        query = re.search(r"encodeFormQuery\(\{(.*?)\}", text, re.DOTALL)
        json_answer = re.search(r"M\.json\((\[[^\]]*\]|\d+), ([\w$]+)", matched[1])
        empty = re.search(r"M\.nil\((\[[^\]]*\]|\d+)", matched[1])
        failed = re.search(r"M\.fail\(\[([^\]]*)\]", matched[1])
        schema = json_answer[2] if json_answer else ""
        imported = re.search(rf'\{{[^}}]*{re.escape(schema)}[^}}]*\}} from "([^"]+)"', text)
        statuses = f"{json_answer[1] if json_answer else ''} {empty[1] if empty else ''}"
        found[f"{method[1]} {path[1]}"] = Described(
            frozenset(re.findall(r'"(\w+)": payload', query[1])) if query else frozenset(),
            frozenset(map(int, re.findall(r"\d{3}", statuses))),
            frozenset(map(int, re.findall(r"\b\d{3}\b", failed[1]))) if failed else frozenset(),
            Path(imported[1]).name if schema and imported else "",
            schema,
        )
    return found


def _described(exchange: Exchange) -> tuple[str, Described | None]:
    operation = f"{exchange.method} {exchange.template}"
    return operation, operations().get(_TWINS.get(operation, operation))


def _problems(exchange: Exchange) -> Iterator[str]:
    if not exchange.template:
        return
    operation, described = _described(exchange)
    if described is None:
        yield f"{operation}: Vercel does not have it"
        return
    for name, _ in parse_qsl(exchange.query):
        if name not in described.query:
            yield f"{operation}: the request names {name}, which is not described"
    if exchange.fault:
        return
    if exchange.status < 400:
        if exchange.status not in described.successes:
            yield f"{operation}: status {exchange.status} is not described"
    elif exchange.status not in described.refusals | _EVERYWHERE:
        yield f"{operation}: status {exchange.status} is not described"
    elif not _is_error(exchange.response):
        yield f"{operation}: {exchange.status} bears no error with a code and a message"


def _is_error(answer: Any) -> bool:
    error = answer.get("error") if isinstance(answer, dict) else None
    return isinstance(error, dict) and all(
        isinstance(error.get(name), str) and error[name] for name in ("code", "message")
    )


def _wrong_answers(exchanges: list[Exchange]) -> list[str]:
    """What the package's own schemas say of the answers."""
    asked = []
    for exchange in exchanges:
        operation, described = _described(exchange)
        if described and described.schema and exchange.status < 400 and not exchange.fault:
            asked.append(
                {
                    "operation": operation,
                    "model": described.model,
                    "schema": described.schema,
                    "answer": exchange.response,
                }
            )
    if not asked:
        return []
    assert NODE is not None
    done = subprocess.run(
        [NODE, str(CHECKER), str(SDK / "models")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return list(json.loads(done.stdout))
