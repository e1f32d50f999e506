"""The sandbox's GraphQL schema is a part of GitHub's: nothing in it is of our own making."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_required_argument,
)
from openapi import MODULES

import bot.sandbox
from bot.sandbox.graphql import schema
from bot.sandbox.graphql_nodes import FIELDS

GITHUB = MODULES / "@octokit/graphql-schema/schema.graphql"
OURS = Path(bot.sandbox.__file__).with_name("schema.graphql")
pytestmark = pytest.mark.skipif(
    not GITHUB.exists(), reason="npm's @octokit/graphql-schema is not installed (npm install)"
)


@pytest.fixture(scope="module")
def github() -> GraphQLSchema:
    # assume_valid: the published file defines a few fields twice
    text = GITHUB.read_text(encoding="utf-8")
    return build_schema(text, assume_valid=True, assume_valid_sdl=True)


def differences(ours: GraphQLSchema, github: GraphQLSchema) -> list[str]:
    found = []
    for name, kind in ours.type_map.items():
        if name.startswith("__"):
            continue
        theirs = github.type_map.get(name)
        if type(theirs) is not type(kind):
            found.append(f"{name} is {type(theirs).__name__}")
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            found += _fields(name, kind, theirs)
        elif isinstance(kind, GraphQLEnumType):
            if set(kind.values) != set(theirs.values):
                found.append(f"{name} has other values")
        elif isinstance(kind, GraphQLUnionType):
            if {t.name for t in kind.types} != {t.name for t in theirs.types}:
                found.append(f"{name} has other members")
        elif isinstance(kind, GraphQLInputObjectType):
            mine = {key: str(value.type) for key, value in kind.fields.items()}
            if mine != {key: str(value.type) for key, value in theirs.fields.items()}:
                found.append(f"{name} has other fields")
    return found


def _fields(name: str, kind: GraphQLObjectType, theirs: GraphQLObjectType) -> list[str]:
    found = []
    if not {i.name for i in kind.interfaces} <= {i.name for i in theirs.interfaces}:
        found.append(f"{name} implements more")
    for field_name, field in kind.fields.items():
        other = theirs.fields.get(field_name)
        place = f"{name}.{field_name}"
        if other is None:
            found.append(f"{place} is unknown")
            continue
        if str(field.type) != str(other.type):
            found.append(f"{place}: {field.type} is {other.type}")
        for argument_name, argument in field.args.items():
            known = other.args.get(argument_name)
            if known is None or str(known.type) != str(argument.type):
                found.append(f"{place}({argument_name}) differs")
            elif known.default_value != argument.default_value:
                found.append(f"{place}({argument_name}) has another default")
        missing = [
            key
            for key, argument in other.args.items()
            if is_required_argument(argument) and key not in field.args
        ]
        found += [f"{place}({key}) is required" for key in missing]
    return found


def test_the_schema_is_a_part_of_githubs(github: GraphQLSchema) -> None:
    assert differences(build_schema(OURS.read_text(encoding="utf-8")), github) == []


@pytest.mark.parametrize(
    ("line", "changed", "said"),
    [
        ("  isDraft: Boolean!", "  isDraft: Boolean", "PullRequest.isDraft: Boolean is Boolean!"),
        ("  headRefOid: GitObjectID!", "  headSha: GitObjectID!", "PullRequest.headSha is unknown"),
        ("  CONFLICTING", "  CONFLICTED", "MergeableState has other values"),
        ("pullRequest(number: Int!)", "pullRequest", "Repository.pullRequest(number) is required"),
    ],
)
def test_a_difference_is_noticed(github: GraphQLSchema, line: str, changed: str, said: str) -> None:
    text = OURS.read_text(encoding="utf-8")
    assert line in text
    assert said in differences(build_schema(text.replace(line, changed, 1)), github)


def test_every_resolver_has_its_field() -> None:
    ours = schema()
    assert {"Commit", "PullRequest"} <= set(FIELDS)
    unknown = {
        f"{kind}.{field}"
        for kind, fields in FIELDS.items()
        for field in fields
        if field not in ours.type_map[kind].fields
    }
    assert unknown == set()
