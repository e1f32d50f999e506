"""``POST /graphql``: a part of GitHub's schema over the same records as the REST API.

https://docs.github.com/graphql
"""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from bot.sandbox import graphql_fields, graphql_git, graphql_refs, graphql_shipping
from bot.sandbox.auth import Principal
from bot.sandbox.errors import ApiError
from bot.sandbox.graphql_nodes import FIELDS, Info, QueryError, Viewer, type_of
from bot.sandbox.http import Reply
from bot.sandbox.model import Json

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

_WITH_FIELDS = (graphql_fields, graphql_git, graphql_refs, graphql_shipping)
"""The modules that fill ``FIELDS`` when they are imported."""
# GitHub declares Int, and gives ids that need more than its 32 bits
_LARGE_INT = GraphQLScalarType("LargeInt")
_documents: dict[str, DocumentNode] = {}


@cache
def schema() -> GraphQLSchema:
    text = (Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8")
    built = build_schema(text)
    for name, fields in FIELDS.items():
        kind = built.type_map[name]
        for field, resolver in fields.items():
            kind.fields[field].resolve = resolver  # type: ignore[attr-defined]
    for kind in built.type_map.values():
        if isinstance(kind, GraphQLObjectType) and "databaseId" in kind.fields:
            kind.fields["databaseId"].type = _LARGE_INT
    return built


def answer(sandbox: "Sandbox", principal: Principal, method: str, raw: bytes) -> Reply:
    """Errors of a query are part of an answer 200, as GitHub gives them. Raises ApiError for a
    request that holds no query."""
    if principal.kind not in ("installation", "user"):
        raise ApiError(401, "This endpoint requires you to be authenticated.")
    if method != "POST":
        raise ApiError(404, "Not Found")
    try:
        asked = json.loads(raw)
    except ValueError:
        raise ApiError(400, "Problems parsing JSON") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        raise ApiError(400, "A query attribute must be specified and must be a string.")
    document = _documents.get(asked["query"])
    if document is None:
        try:
            document = parse(asked["query"])
        except GraphQLError as error:
            return Reply({"errors": [_shown(error)]})
        errors = validate(schema(), document)
        if errors:
            return Reply({"errors": [_shown(error) for error in errors]})
        _documents[asked["query"]] = document
    result = execute_sync(
        schema(),
        document,
        context_value=Viewer(sandbox, principal),
        variable_values=asked.get("variables") or {},
        operation_name=asked.get("operationName"),
        field_resolver=_attribute,
        type_resolver=lambda value, _info, _type: type_of(value),
    )
    return Reply(_body(result))


def _attribute(source: Any, info: Info, **_: Any) -> Any:
    """Without a resolver of its own a field is the record's value of that name."""
    name = info.field_name
    if isinstance(source, dict):
        return source.get(name)
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return getattr(source, snake)


def _body(result: ExecutionResult) -> Json:
    body: Json = {"data": result.data}
    if result.errors:
        for error in result.errors:
            if error.original_error and not isinstance(error.original_error, QueryError):
                raise error.original_error
        body["errors"] = [_shown(error) for error in result.errors]
    return body


def _shown(error: GraphQLError) -> Json:
    shown: Json = {}
    if isinstance(error.original_error, QueryError):
        shown["type"] = error.original_error.kind
    if error.path:
        shown["path"] = list(error.path)
    if isinstance(error.original_error, QueryError) and error.original_error.kind == "FORBIDDEN":
        shown["extensions"] = {"saml_failure": False}
    shown["locations"] = [
        {"line": place.line, "column": place.column} for place in error.locations or ()
    ]
    return shown | {"message": error.message}
