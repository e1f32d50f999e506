"""Objectives for machines: as ``lockgate slo check --format json`` prints them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.core.decision import Json
from bot.core.slo.model import State, record
from bot.web.pages.objectives import ObjectiveView
from bot.web.pages.pages import not_modified


def wants_json(request: Request) -> bool:
    """``format=json``, or a header that takes JSON and no page.

    Raises:
        HTTPException: 404, there is no such format.
    """
    asked = request.query_params.get("format", "")
    if asked not in ("", "html", "json"):
        raise HTTPException(404)
    accepts = request.headers.get("accept", "")
    return asked == "json" or (not asked and "json" in accepts and "html" not in accepts)


def record_of(one: ObjectiveView) -> dict[str, Json]:
    """What is old says nothing of now: its state is ``error``, whatever it was."""
    state = replace(one.kept.state, state=State.ERROR) if one.old else one.kept.state
    return {
        **record(state),
        "repository": one.repository,
        "evaluated_at": one.kept.evaluated_at.isoformat(),
        "counted_at": one.kept.state.at.isoformat(),
    }


def as_json(
    request: Request,
    found: Json | Sequence[dict[str, Json]],
    status: int = 200,
    following: str = "",
) -> Response:
    """``following`` is where the next page is, if there is one."""
    # In ASCII alone: what a file says may be what UTF-8 cannot carry.
    body = json.dumps(found, separators=(",", ":"))
    headers = {"ETag": f'"{hashlib.sha256(body.encode()).hexdigest()[:24]}"', "Vary": "Accept"}
    if following:
        headers["Link"] = f'<{following}>; rel="next"'
    return not_modified(request, Response(body, status, headers, media_type="application/json"))
