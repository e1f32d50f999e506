"""The values that the policy's environments are made of, each with the words for its faults."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from bot.core.cron import parse_cron
from bot.core.durations import PATTERN as DURATION
from bot.core.durations import parse_duration
from bot.core.policy.problems import nearest

ENVIRONMENT_NAME = r"^[a-z][a-z0-9-]{0,40}$"
_LONGEST = timedelta(days=366)
_YEARS = range(2000, 2200)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"^{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?$"
_ZONE = r"[A-Za-z][A-Za-z0-9_+-]{0,40}(?:/[A-Za-z0-9_+-]{1,40}){0,3}"
_MOMENT = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?)?$"


def wrong(message: str, suggestion: str = "") -> PydanticCustomError:
    """A fault of a value; ``message`` follows the key's name, which begins with "must" or not."""
    return PydanticCustomError(
        "policy_value", "{said}", {"said": message, "suggestion": suggestion}
    )


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    text = value if isinstance(value, str) else ""
    try:
        span = parse_duration(text)
    except ValueError as error:
        numeric = isinstance(value, int) and not isinstance(value, bool)
        raise wrong(str(error), f"{value}m" if numeric else "") from None
    if span > _LONGEST:
        raise wrong(f"must be at most {_LONGEST.days} days")
    return span


def _moment(value: object) -> object:
    if isinstance(value, datetime):
        return value
    text = value if isinstance(value, str) else ""
    try:
        moment = datetime.fromisoformat(text) if re.match(_MOMENT, text, re.ASCII) else None
    except ValueError:
        moment = None
    if moment is None or moment.year not in _YEARS:
        raise wrong("must be a date such as `2026-12-24` or a time such as `2026-12-24T18:00`")
    return moment


def _cron(text: str) -> str:
    try:
        parse_cron(text)
    except ValueError as error:
        raise wrong(str(error)) from None
    return text


def _time_zone(name: str) -> str:
    try:
        # The name becomes a file's: nothing but a name goes there.
        zone = zone_of(name) if re.fullmatch(_ZONE, name, re.ASCII) else None
    except (KeyError, ValueError, OSError):
        zone = None
    if zone is None:
        zones = available_timezones()
        by_city = {known.rpartition("/")[2]: known for known in sorted(zones)}
        near = nearest(name, zones) or by_city.get(nearest(name, by_city), "")
        raise wrong("there is no such time zone", near)
    return name


def zone_of(name: str) -> tzinfo:
    """Raises KeyError, ValueError or OSError for what is no zone's name."""
    return UTC if name == "UTC" else ZoneInfo(name)


def _gate(name: str) -> str:
    # Here and not above: the catalogue names gates, and those need the policy.
    from bot.core.catalog import GATES

    if name not in GATES:
        raise wrong("there is no such gate", nearest(name, GATES))
    return name


def _domain(text: str) -> str:
    if not re.fullmatch(_DOMAIN, text, re.ASCII) or len(text) > 253:
        bare = re.sub(r"^[a-z]+://", "", text[:300]).split("/")[0]
        near = bare if bare != text and re.fullmatch(_DOMAIN, bare, re.ASCII) else ""
        raise wrong("must be a domain such as `shop.example.com`", near)
    return text


def _environment(name: str) -> str:
    if not re.fullmatch(ENVIRONMENT_NAME, name):
        slug = re.sub(r"[^a-z0-9]+", "-", name[:80].lower()).strip("-")
        raise PydanticCustomError(
            "environment_name",
            "{said}",
            {
                "said": "an environment's name has small letters, digits and hyphens, begins "
                "with a letter, and has at most 41 characters",
                "suggestion": slug if re.fullmatch(ENVIRONMENT_NAME, slug) else "",
            },
        )
    return name


def gate_names_schema(schema: dict[str, Any]) -> None:
    """Names every gate, so that editors complete them."""
    from bot.core.catalog import GATES

    schema["items"] = {"type": "string", "enum": list(GATES)}


EnvironmentName: TypeAlias = Annotated[str, AfterValidator(_environment)]
GateName: TypeAlias = Annotated[str, AfterValidator(_gate)]
CronText: TypeAlias = Annotated[str, AfterValidator(_cron), Field(examples=["0 15 * * FRI"])]
TimeZoneName: TypeAlias = Annotated[
    str, AfterValidator(_time_zone), Field(examples=["UTC", "Europe/Berlin"])
]
Domain: TypeAlias = Annotated[str, AfterValidator(_domain), Field(examples=["shop.example.com"])]
Duration: TypeAlias = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION, "examples": ["30m", "1d12h", "PT30M"]}),
]
Moment: TypeAlias = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": _MOMENT,
            "examples": ["2026-12-24", "2026-12-24T18:00", "2026-12-24T18:00Z"],
        }
    ),
]
ProjectName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
CheckName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=255)]
RoleName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=100)]
TeamSlug: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
AppId: TypeAlias = Annotated[int, Field(ge=1)]
BotId: TypeAlias = Annotated[int, Field(ge=1)]
