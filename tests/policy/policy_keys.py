"""The reference's table of keys, made from the schema: what the page must hold."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def keys(schema: Schema, root: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every key that the schema allows, with what it says of it; parents before children.

    ``environments.<name>`` stands for any name, ``freeze[]`` for any item.
    """
    for form in forms(schema, root):
        for name, child in form.get("properties", {}).items():
            key = f"{path}.{name}" if path else name
            yield key, {**child, "needed": name in form.get("required", ())}
            yield from keys(child, root, key)
        if "items" in form:
            yield from keys(form["items"], root, f"{path}[]")
        if isinstance(named := form.get("additionalProperties"), dict):
            yield from keys(named, root, f"{path}.<name>")


def forms(schema: Schema, root: Schema) -> list[Schema]:
    schema = resolved(schema, root)
    return [resolved(form, root) for form in schema.get("anyOf", [schema])]


def resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    return root["$defs"][reference.rpartition("/")[2]] if reference else schema


def table(schema: Schema) -> str:
    """A Markdown section for each key, but one table for the rules, which are alike."""
    lines: list[str] = []
    for key, said in keys(schema, schema):
        if key.rpartition(".")[0] == "commits.rules":
            continue
        lines += [f"### `{key}`", "", said["description"], ""]
        if key == "commits.rules":
            lines += [*rules(said, schema), ""]
        elif all("properties" not in form for form in forms(said, schema)):
            lines += [f"- Value: {value_of(said, schema)}"]
            if said["needed"]:
                lines += ["- Has to be given"]
            elif said.get("default") is not None:
                default = json.dumps(said["default"], ensure_ascii=False)
                lines += [f"- Default: `{default}`"]
            lines += [""]
    return "\n".join(lines)


def rules(said: Schema, root: Schema) -> Iterator[str]:
    yield "| rule | requirement | level without a policy |"
    yield "|---|---|---|"
    for name, rule in resolved(said, root)["properties"].items():
        requirement, _, default = rule["description"].rpartition(" Default: ")
        yield f"| `{name}` | {requirement} | `{default.rstrip('.')}` |"


def value_of(said: Schema, root: Schema) -> str:
    said = {**resolved(said, root), **{k: v for k, v in said.items() if k != "$ref"}}
    if "const" in said:
        return f"`{said['const']}`"
    if "enum" in said:
        return ", ".join(f"`{value}`" for value in said["enum"])
    if "anyOf" in said:
        choices = [form for form in said["anyOf"] if form.get("type") != "null"]
        return " or ".join(value_of(form, root) for form in choices)
    match said["type"]:
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return f"whole number{bounds(said, 'minimum', 'maximum')}"
        case "number":
            return f"number{bounds(said, 'minimum', 'maximum')}"
        case "string":
            if "examples" in said:
                return f"text such as {', '.join(f'`{one}`' for one in said['examples'])}"
            pattern = f", matching `{said['pattern']}`" if "pattern" in said else ""
            if said.get("minLength") == said.get("maxLength") == 1:
                return "a single character"
            return f"text{bounds(said, 'minLength', 'maxLength')}{pattern}"
        case "array":
            each = value_of(said["items"], root)
            return f"list{bounds(said, 'minItems', 'maxItems')}; each: {each}"
        case "object":
            each = said.get("additionalProperties")
            if isinstance(each, dict) and "properties" not in resolved(each, root):
                return f"mapping of names to: {value_of(each, root)}"
            return f"mapping{bounds(said, 'minProperties', 'maxProperties')}"
    raise AssertionError(f"the reference has no words for {said}")


def bounds(said: Schema, low: str, high: str) -> str:
    unit = {
        "minLength": " characters",
        "minItems": " items",
        "minProperties": " names",
    }.get(low, "")
    if low in said and high in said:
        return f" ({said[low]} to {said[high]}{unit})"
    if low in said:
        return f" (at least {said[low]}{unit})"
    return f" (at most {said[high]}{unit})" if high in said else ""
