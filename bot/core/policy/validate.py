"""Nodes → a checked model, every fault in people's words and at its place.

The model decides; its JSON Schema lends the words for what was expected.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from bot.core.policy.loader import MappingNode, Node, Place, ScalarNode, SequenceNode
from bot.core.policy.problems import PolicyProblem, nearest

Model = TypeVar("Model", bound=BaseModel)
Schema = Mapping[str, Any]


def place_of(root: Node, path: Sequence[str | int], *, key: bool) -> tuple[str, Place, Node]:
    """Where a value stands that a path leads to, or its key; what is not there is its section."""
    node, place, name = root, root.place, ""
    for part in path:
        if isinstance(node, MappingNode) and part in node.items:
            word = str(part)
            place, node = node.keys[word], node.items[word]
            name = f"{name}.{word}" if name else word
            if not key:
                place = node.place
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place, name = node.place, f"{name}[{part}]"
    return name, place, node


def validate(model: type[Model], root: Node) -> Model | list[PolicyProblem]:
    """The model that the nodes describe, or every problem found. Types are strict: ``"1"`` is no
    number."""
    if not isinstance(root, MappingNode):
        message = f"the file must be a mapping of keys to values, found {_found(root)}"
        return [PolicyProblem("", root.place.line, root.place.column, message)]
    try:
        # From JSON, because there a list is the strict form of a tuple and a text of an enum.
        return model.model_validate_json(json.dumps(_plain(root)), strict=True)
    except ValidationError as error:
        schema = _schema_of(model)
        faults = [
            _locate(detail, root, schema)
            for detail in error.errors(include_url=False, include_input=False)
        ]
    return [_problem(fault, schema) for fault in _without_branches(faults)]


@lru_cache
def _schema_of(model: type[BaseModel]) -> Schema:
    # It takes longer than the rest, and nobody needs it for a file without a fault.
    return model.model_json_schema()


def _plain(node: Node) -> Any:
    match node:
        case ScalarNode():
            return node.value
        case SequenceNode():
            return [_plain(item) for item in node.items]
        case MappingNode():
            return {name: _plain(item) for name, item in node.items.items()}


@dataclass(frozen=True, slots=True)
class _Fault:
    """A complaint of the model: the deepest node that it speaks of, and what was expected there."""

    detail: ErrorDetails
    path: str
    place: Place
    node: Node
    expected: Schema
    in_choice: bool
    """Whether one of several allowed forms complained."""
    beside: tuple[str, ...]
    """The keys that are allowed where this one stands."""

    @property
    def kind(self) -> str:
        return self.detail["type"]


def _locate(detail: ErrorDetails, root: Node, schema: Schema) -> _Fault:
    node, place, path, here = root, root.place, "", schema
    in_choice = False
    beside: tuple[str, ...] = ()
    for part in detail["loc"]:
        choice = next(_forms(here, schema), {})
        in_choice = in_choice or choice is not _deref(here, schema)
        if isinstance(node, MappingNode) and part in node.items:
            name = str(part)
            beside = tuple(
                key for form in _forms(here, schema) for key in form.get("properties", ())
            )
            place = node.keys[name]
            node = node.items[name]
            path = f"{path}.{name}" if path else name
            here = _child(here, schema, name)
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place, path = node.place, f"{path}[{part}]"
            here = _child(here, schema, "")
        # Otherwise it is the name of an allowed form, or of a key that is missing here.
    left_empty = isinstance(node, ScalarNode) and not node.source
    if path and not left_empty and detail["type"] not in _ABOUT_KEYS:
        place = node.place
    return _Fault(detail, path, place, node, here, in_choice, beside)


_ABOUT_KEYS = {"extra_forbidden", "unknown_rule", "environment_name"}
_BOUNDS = {
    "greater_than_equal",
    "less_than_equal",
    "too_long",
    "too_short",
    "string_too_long",
    "string_too_short",
}
"""Complaints about a value of the right type: what is allowed is said with its bounds."""
_OF_PYDANTIC = frozenset(get_args(ErrorType))


def _without_branches(faults: list[_Fault]) -> list[_Fault]:
    """One complaint for each place: where several forms are allowed, each of them complains."""
    kept: dict[str, _Fault] = {}
    for fault in faults:
        deeper = any(
            other.path != fault.path and other.path.startswith((f"{fault.path}.", f"{fault.path}["))
            for other in faults
        )
        # pydantic leaves wrong items out when it counts a list.
        if not (deeper and (fault.in_choice or fault.kind == "too_short")):
            kept.setdefault(f"{fault.path} {_missing(fault)}", fault)
    return list(kept.values())


def _missing(fault: _Fault) -> str:
    return str(fault.detail["loc"][-1]) if fault.kind == "missing" else ""


def _problem(fault: _Fault, root: Schema) -> PolicyProblem:
    name = f"`{_cut(fault.path)}`" if fault.path else "the file"
    message, suggestion = "", ""
    match fault.kind:
        case "extra_forbidden" | "unknown_rule":
            message = f"unknown key {name}"
            suggestion = _known_key(fault, root)
        case "environment_name":
            said = fault.detail["ctx"]
            message, suggestion = f"{name}: {said['said']}", said["suggestion"]
        case "policy_value":
            said = fault.detail["ctx"]
            colon = "" if said["said"].startswith("must") else ":"
            message = f"{name}{colon} {said['said']}, found {_found(fault.node)}"
            suggestion = said["suggestion"]
        case "missing":
            message = f"the key `{_missing(fault)}` is missing in {name}"
        case "string_pattern_mismatch":
            pattern = fault.detail["ctx"]["pattern"]
            message = f"{name} must match `{pattern}`, found {_found(fault.node)}"
        case kind if kind == "value_error" or kind not in _OF_PYDANTIC:
            # The validators of our own models speak in people's words already.
            reason = str(fault.detail.get("ctx", {}).get("error", fault.detail["msg"]))
            colon = "" if reason.startswith("must") else ":"
            message = f"{name}{colon} {reason}, found {_found(fault.node)}"
        case kind:
            expected = _describe(fault.expected, root, bounds=kind in _BOUNDS)
            message = f"{name} must be {expected}, found {_found(fault.node)}"
            suggestion = _meant(fault.node, fault.expected, root)
    return PolicyProblem(fault.path, fault.place.line, fault.place.column, message, suggestion)


def _deref(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _forms(schema: Schema, root: Schema) -> Iterator[Schema]:
    """The allowed forms of a value: one, unless there is a choice."""
    schema = _deref(schema, root)
    if "anyOf" in schema:
        for form in schema["anyOf"]:
            yield from _forms(form, root)
    else:
        yield schema


def _child(schema: Schema, root: Schema, name: str) -> Schema:
    """What is expected of a key of a mapping, or with no name of a list's item."""
    for form in _forms(schema, root):
        child = form.get("properties", {}).get(name) if name else form.get("items")
        if child is None and name and isinstance(form.get("additionalProperties"), dict):
            child = form["additionalProperties"]
        if child is not None:
            return child  # type: ignore[no-any-return]
    return {}


def _known_key(fault: _Fault, root: Schema) -> str:
    """The key that was probably meant: beside it, or else of the same name in another section."""
    word = fault.path.rpartition(".")[2]
    near = nearest(word, fault.beside)
    if near:
        return near
    return next((key for key, _ in _keys(root, root) if key.rpartition(".")[2] == word), "")


def _keys(schema: Schema, root: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    for form in _forms(schema, root):
        for name, child in form.get("properties", {}).items():
            key = f"{path}.{name}" if path else name
            yield key, child
            yield from _keys(child, root, key)
        for inner, below in (
            (form.get("items"), "[]"),
            (form.get("additionalProperties"), ".<name>"),
        ):
            if isinstance(inner, dict):
                yield from _keys(inner, root, f"{path}{below}")


def _describe(schema: Schema, root: Schema, *, bounds: bool) -> str:
    words = [_describe_form(form, root, bounds=bounds) for form in _forms(schema, root)]
    return _either(list(dict.fromkeys(words)))


def _describe_form(form: Schema, root: Schema, *, bounds: bool) -> str:
    if "enum" in form:
        return f"one of {_either([f'`{value}`' for value in form['enum']])}"
    if "const" in form:
        return f"`{_shown(form['const'])}`"
    match form.get("type"):
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return "a whole number" + (_between(form, "minimum", "maximum") if bounds else "")
        case "number":
            return "a number" + (_between(form, "minimum", "maximum") if bounds else "")
        case "string":
            if bounds and form.get("minLength") == form.get("maxLength") == 1:
                return "a single character"
            length = _between(form, "minLength", "maxLength") if bounds else ""
            return f"text{length}{' characters' if length else ''}"
        case "array":
            texts = any(item.get("type") == "string" for item in _forms(form["items"], root))
            number = _between(form, "minItems", "maxItems") if bounds else ""
            return f"a list of{number.removeprefix(' of')} {'names' if texts else 'values'}"
        case "null":
            return "nothing (`null`)"
        case _:
            number = _between(form, "minProperties", "maxProperties") if bounds else ""
            return f"a mapping of{number.removeprefix(' of')} keys to values"


def _between(form: Schema, low: str, high: str) -> str:
    if low in form and high in form:
        exactly = form[low] == form[high]
        return f" of exactly {form[low]}" if exactly else f" of {form[low]} to {form[high]}"
    if low in form:
        return f" of at least {form[low]}"
    return f" of at most {form[high]}" if high in form else ""


def _either(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _found(node: Node) -> str:
    match node:
        case MappingNode():
            return "a mapping"
        case SequenceNode():
            return f"a list of {len(node.items)}" if node.items else "an empty list"
        case ScalarNode(value=None):
            return "nothing"
        case ScalarNode(value=bool()):
            return f"`{_shown(node.value)}`"
        case ScalarNode(value=str()):
            return f"the text `{_cut(node.source)}`" if node.source else "an empty text"
        case _:
            return f"the number {_cut(node.source)}"


_YES_NO = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def _meant(node: Node, schema: Schema, root: Schema) -> str:
    """What to write instead, where that can be known."""
    if not isinstance(node, ScalarNode) or node.value is None or len(node.source) > 60:
        return ""
    forms = list(_forms(schema, root))
    types = {form.get("type") for form in forms}
    words = [str(value) for form in forms for value in form.get("enum", [form.get("const", "")])]
    if near := nearest(node.source, [word for word in words if word]):
        return near
    if "boolean" in types:
        return _YES_NO.get(node.source.casefold(), "")
    if types & {"integer", "number"} and isinstance(node.value, str):
        return node.source if node.source.isdecimal() else ""
    if "string" in types and not isinstance(node.value, str):
        return f'"{node.source}"'
    if "array" in types and isinstance(node.value, str):
        return f"[{node.source}]"
    return ""


def _shown(value: object) -> str:
    return json.dumps(value) if not isinstance(value, str) else value


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
