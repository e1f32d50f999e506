"""A decision as JSON, for the store, the details page and ``--format json``, and back."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bot.core.decision import Decision, Finding, GateResult, Json, Location, Verdict

_TEXT = 2_000
"""Characters kept of each text: a quoted message can be long, and there may be hundreds."""


def to_json(decision: Decision) -> dict[str, Json]:
    """The decision as a JSON object.

    Texts are cut at 2,000 characters, and what PostgreSQL cannot hold in JSON (NUL, half a
    surrogate pair) becomes U+FFFD.
    """
    return {
        "verdict": decision.verdict.value,
        "results": [_result(result) for result in decision.results],
    }


def from_json(data: Mapping[str, Any]) -> Decision:
    """The decision that ``to_json`` wrote. Keys that a newer release added are passed over.

    Raises:
        ValueError: this is no decision.
    """
    try:
        return Decision(tuple(_read_result(item) for item in _sequence(data["results"])))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a decision: {error!r}") from error


def _result(result: GateResult) -> dict[str, Json]:
    return {
        "gate": result.gate,
        "verdict": result.verdict.value,
        "summary": _text(result.summary),
        "remedy": _text(result.remedy),
        "reason": _text(result.reason),
        "findings": [_finding(finding) for finding in result.findings],
        "evidence": {_text(key): _value(value) for key, value in result.evidence.items()},
        **({"overridden": result.overridden.value} if result.overridden else {}),
    }


def _finding(finding: Finding) -> dict[str, Json]:
    place = finding.location
    return {
        "subject": _text(finding.subject),
        "rule": _text(finding.rule),
        "message": _text(finding.message),
        "quote": _text(finding.quote),
        "suggestion": _text(finding.suggestion),
        "location": None
        if place is None
        else {"path": _text(place.path), "line": place.line, "column": place.column},
    }


def _value(value: Json) -> Json:
    match value:
        case str():
            return _text(value)
        case list():
            return [_value(item) for item in value]
        case dict():
            return {_text(key): _value(item) for key, item in value.items()}
        case _:
            return value


def _text(text: str) -> str:
    kept = text[:_TEXT].replace("\0", "\ufffd")
    return kept.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read_result(item: Mapping[str, Any]) -> GateResult:
    return GateResult(
        gate=_string(item["gate"]),
        verdict=Verdict(item["verdict"]),
        summary=_string(item["summary"]),
        remedy=_string(item.get("remedy", "")),
        reason=_string(item.get("reason", "")),
        findings=tuple(_read_finding(finding) for finding in _sequence(item.get("findings", []))),
        evidence=cast("Mapping[str, Json]", dict(item.get("evidence", {}))),
        overridden=Verdict(item["overridden"]) if item.get("overridden") else None,
    )


def _read_finding(item: Mapping[str, Any]) -> Finding:
    place = item.get("location")
    return Finding(
        subject=_string(item["subject"]),
        rule=_string(item["rule"]),
        message=_string(item["message"]),
        quote=_string(item.get("quote", "")),
        suggestion=_string(item.get("suggestion", "")),
        location=None
        if place is None
        else Location(_string(place["path"]), int(place["line"]), int(place.get("column", 1))),
    )


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {type(value).__name__}")
    return value


def _sequence(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, found {type(value).__name__}")
    return value
