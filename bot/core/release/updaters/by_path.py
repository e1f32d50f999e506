"""A value in a JSON, TOML or YAML file that ``extra_files`` names by its path."""

from bot.core.release.documents.json_text import find_in_json
from bot.core.release.documents.toml_text import find_in_toml, read_toml
from bot.core.release.documents.value import Path, Unreadable, Value, parse_path
from bot.core.release.documents.yaml_text import find_in_yaml
from bot.core.release.spelling import find_version
from bot.core.release.updaters.updater import (
    Found,
    Hints,
    NoVersion,
    Spot,
    UpdateError,
    Updater,
    check_size,
)
from bot.core.release.version import Version

_JSON = (".json", ".webmanifest")
_TOML = (".toml",)
_YAML = (".yaml", ".yml")
_MAX_TOML = 4 * 1024 * 1024


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    try:
        value = _value(text, path, parse_path(hints.at))
    except Unreadable as error:
        raise UpdateError(path, str(error), "mend the file, or name the value otherwise") from None
    except ValueError as error:
        raise UpdateError(path, f"its path {error}", "mend `release.extra_files`") from None
    if value is None:
        raise NoVersion(
            path,
            f"nothing stands at `{hints.at}`",
            "mend the path in `release.extra_files`, or write a version there",
        )
    likely = (hints.former, version) if hints.former else (version,)
    span = find_version(text[value.start : value.end], likely) if value.said is not None else None
    if span is None:
        raise NoVersion(
            path,
            f"what stands at `{hints.at}` is no version such as `1.4.0`",
            f"write `{hints.former or version}` there, as a text",
        )
    return Found((Spot(value.start + span[0], value.start + span[1], str(version)),))


def _value(text: str, path: str, steps: Path) -> Value | None:
    if path.endswith(_JSON):
        return find_in_json(text, steps)
    if path.endswith(_TOML):
        check_size(text, path, _MAX_TOML)
        return find_in_toml(text, read_toml(text), [steps]).get(steps)
    return find_in_yaml(text, steps)


BY_PATH = Updater(
    name="by-path",
    files=tuple(f"*{suffix}" for suffix in (*_JSON, *_TOML, *_YAML)),
    summary="Sets the version within the text that stands at `path`; what stands around it, as in "
    "`registry/app:v1.4.0`, stays.",
    matches=lambda path: path.endswith((*_JSON, *_TOML, *_YAML)),
    find=_find,
)
