"""The reference's table of keys, made from the schema: what the page must hold."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def keys(schema: Schema, root: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every key that the schema allows, with what it says of it; parents before children."""
    for name, child in resolved(schema, root).get("properties", {}).items():
        key = f"{path}.{name}" if path else name
        yield key, child
        yield from keys(child, root, key)


def resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    return root["$defs"][reference.rpartition("/")[2]] if reference else schema


def table(schema: Schema) -> str:
    """A Markdown section for each key, but one table for the rules, which are alike."""
    lines: list[str] = []
    rules: list[str] = []
    for key, said in keys(schema, schema):
        parent, _, name = key.rpartition(".")
        if parent == "commits.rules":
            requirement, _, default = said["description"].rpartition(" Default: ")
            rules.append(f"| `{name}` | {requirement} | `{default.rstrip('.')}` |")
            continue
        lines += [f"### `{key}`", "", said["description"], ""]
        if "properties" not in resolved(said, schema):
            lines += [f"- Value: {value_of(said, schema)}"]
            lines += [f"- Default: `{json.dumps(said['default'], ensure_ascii=False)}`", ""]
    head = ["| rule | requirement | level without a policy |", "|---|---|---|"]
    return "\n".join([*lines, *head, *rules, ""])


def value_of(said: Schema, root: Schema) -> str:
    said = {**resolved(said, root), **{k: v for k, v in said.items() if k != "$ref"}}
    if "const" in said:
        return f"`{said['const']}`"
    if "enum" in said:
        return ", ".join(f"`{value}`" for value in said["enum"])
    if "anyOf" in said:
        return " or ".join(value_of(form, root) for form in said["anyOf"])
    match said["type"]:
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return f"whole number{bounds(said, 'minimum', 'maximum')}"
        case "string":
            pattern = f", matching `{said['pattern']}`" if "pattern" in said else ""
            if said.get("minLength") == said.get("maxLength") == 1:
                return "a single character"
            return f"text{bounds(said, 'minLength', 'maxLength')}{pattern}"
        case "array":
            each = value_of(said["items"], root)
            return f"list{bounds(said, 'minItems', 'maxItems')}; each: {each}"
    raise AssertionError(f"the reference has no words for {said}")


def bounds(said: Schema, low: str, high: str) -> str:
    unit = {"minLength": " characters", "minItems": " items"}.get(low, "")
    if low in said and high in said:
        return f" ({said[low]} to {said[high]}{unit})"
    if low in said:
        return f" (at least {said[low]}{unit})"
    return f" (at most {said[high]}{unit})" if high in said else ""
