"""The policy's ``commits`` section."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from bot.core.commits.message import MessageKind
from bot.core.commits.names import TypeName
from bot.core.commits.rules.cases import CAPITALISED, Case
from bot.core.commits.rules.rule import Level, Rule
from bot.core.model import Actor, ActorKind
from bot.core.patterns import compile_pattern


class Enforce(StrEnum):
    """Which messages are checked."""

    AUTO = "auto"
    TITLE = "title"
    COMMITS = "commits"
    BOTH = "both"
    OFF = "off"


def _rules() -> tuple[Rule, ...]:
    # Here and not above: the catalogue will name gates, and those need this module.
    from bot.core.catalog import COMMIT_RULES

    return COMMIT_RULES


def _known_rule(name: str) -> str:
    names = [rule.name for rule in _rules()]
    if name not in names:
        near = get_close_matches(name[:80], names, n=1)
        hint = f", did you mean {near[0]}?" if near else ""
        raise PydanticCustomError("unknown_rule", "there is no such rule{hint}", {"hint": hint})
    return name


def _re2_pattern(pattern: str) -> str:
    try:
        compile_pattern(pattern)
    except ValueError as error:
        raise PydanticCustomError("re2_pattern", "{said}", {"said": str(error)}) from None
    return pattern


def _rules_schema(schema: dict[str, Any]) -> None:
    """Names every rule, so that editors complete and explain them."""
    schema["properties"] = {
        rule.name: {
            "description": f"{rule.requirement} Default: {rule.level.value}.",
            "enum": [level.value for level in Level],
            "type": "string",
        }
        for rule in _rules()
    }
    schema["additionalProperties"] = False
    schema.pop("propertyNames", None)


ScopeName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^()\s](?:[^()]*[^()\s])?$")]
ScopePattern: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=500), AfterValidator(_re2_pattern)
]
FooterToken: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^(?:BREAKING CHANGE|\w[\w-]*)$", max_length=100)
]
Login: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=100)]
AccountId: TypeAlias = Annotated[int, Field(ge=1)]
RuleName: TypeAlias = Annotated[str, AfterValidator(_known_rule)]
Length: TypeAlias = Annotated[int, Field(ge=20, le=10_000)]

DEFAULT_TYPES = (
    "build",
    "chore",
    "ci",
    "docs",
    "feat",
    "fix",
    "perf",
    "refactor",
    "revert",
    "style",
    "test",
)


class CommitsConfig(BaseModel):
    """What commit messages and pull request titles must look like.

    The defaults are those of commitlint's ``config-conventional``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enforce: Enforce = Field(
        default=Enforce.AUTO,
        description="Which messages are checked: `auto` (what will land, by the repository's "
        "merge settings), `title` (the pull request's title), `commits` (each commit's message), "
        "`both`, or `off`.",
    )
    types: tuple[TypeName, ...] = Field(
        default=DEFAULT_TYPES,
        max_length=200,
        description="The types that a message may have. Empty: every type will do.",
    )
    type_case: Case = Field(
        default=Case.LOWER,
        description="The case of the type; a type written exactly as in `types` will always do.",
    )
    scopes: tuple[ScopeName, ...] = Field(
        default=(),
        max_length=1_000,
        description="The scopes that a message may have, by their exact names. Without `scopes` "
        "and `scope_patterns` every scope will do.",
    )
    scope_patterns: tuple[ScopePattern, ...] = Field(
        default=(),
        max_length=100,
        description="Patterns of further scopes that a message may have, as RE2 regular "
        "expressions that match the whole scope, e.g. `pkg-[a-z]+`.",
    )
    scope_required: bool = Field(
        default=False, description="Whether every message must name a scope."
    )
    scope_case: Case = Field(
        default=Case.LOWER,
        description="The case of the scope, where the rule `scope-case` is turned on.",
    )
    subject_case_refused: tuple[Case, ...] = Field(
        default=(Case.SENTENCE, Case.START, Case.PASCAL, Case.UPPER),
        description="The cases that the description must not be in. Empty: every case will do.",
    )
    subject_full_stop: str = Field(
        default=".",
        min_length=1,
        max_length=1,
        description="The character that the description must not end with.",
    )
    header_max_length: Length = Field(
        default=100, description="The greatest length of the header, in characters."
    )
    body_max_line_length: Length = Field(
        default=100, description="The greatest length of a line of the body, in characters."
    )
    footer_max_line_length: Length = Field(
        default=100, description="The greatest length of a line of a footer, in characters."
    )
    breaking_footer_required: bool = Field(
        default=False,
        description="Whether a breaking change must be explained in a `BREAKING CHANGE` footer.",
    )
    required_footers: tuple[FooterToken, ...] = Field(
        default=(),
        max_length=20,
        description="Footers that every commit message must have, by their tokens, e.g. `Refs`.",
    )
    ignored_authors: tuple[Login | AccountId, ...] = Field(
        default=(),
        max_length=1_000,
        description="Whose titles and commits are not checked: logins, e.g. `dependabot[bot]`, or "
        "numeric account ids, which unlike logins cannot be taken over.",
    )
    rules: Mapping[RuleName, Level] = Field(
        default_factory=dict,
        json_schema_extra=_rules_schema,
        description="The level of single rules: `error`, `warning` (shown, and does not fail) or "
        "`disabled`.",
    )

    def level(self, rule: Rule) -> Level:
        """What a problem of a rule means under this policy."""
        if rule.name in self.rules:
            return self.rules[rule.name]
        if rule.enabled_by and getattr(self, rule.enabled_by):
            return Level.ERROR
        return rule.level

    def ignores(self, author: Actor) -> bool:
        """Whether an author's messages are not checked. A ghost is nobody and never ignored."""
        if author.kind is ActorKind.GHOST:
            return False
        logins, ids = self._ignored
        return author.id in ids or author.login.lower() in logins

    def matches_scope(self, scope: str) -> bool:
        """Whether a single scope is listed or matches a pattern as a whole."""
        if scope in self._scope_set:
            return True
        text = scope.encode(errors="replace").decode()  # RE2 raises on lone surrogates
        return any(regex.fullmatch(text) is not None for regex in self._scope_regexes)

    def active_rules(self, kind: MessageKind) -> tuple[tuple[Rule, Level], ...]:
        """The rules for messages of a kind that are not disabled, each with its level."""
        # By far the most messages are conventional, and hashing a member of an enum is slow.
        if kind is MessageKind.CONVENTIONAL:
            return self._conventional_rules
        return self._active_rules[kind]

    @cached_property
    def type_set(self) -> frozenset[str]:
        return frozenset(self.types)

    @cached_property
    def refused_cases_of_small_first(self) -> tuple[Case, ...]:
        """The refused cases that a description with a small first letter can be in."""
        return tuple(case for case in self.subject_case_refused if case not in CAPITALISED)

    @cached_property
    def _scope_set(self) -> frozenset[str]:
        return frozenset(self.scopes)

    @cached_property
    def _scope_regexes(self) -> tuple[Any, ...]:
        return tuple(map(compile_pattern, self.scope_patterns))

    @cached_property
    def _ignored(self) -> tuple[frozenset[str], frozenset[int]]:
        logins = (entry.lower() for entry in self.ignored_authors if isinstance(entry, str))
        return frozenset(logins), frozenset(_integers(self.ignored_authors))

    @cached_property
    def _conventional_rules(self) -> tuple[tuple[Rule, Level], ...]:
        return self._active_rules[MessageKind.CONVENTIONAL]

    @cached_property
    def _active_rules(self) -> dict[MessageKind, tuple[tuple[Rule, Level], ...]]:
        levels = [(rule, self.level(rule)) for rule in _rules()]
        return {
            kind: tuple(
                (rule, level)
                for rule, level in levels
                if kind in rule.kinds and level is not Level.DISABLED
            )
            for kind in MessageKind
        }


def _integers(entries: Iterable[str | int]) -> Iterable[int]:
    return (entry for entry in entries if isinstance(entry, int))


DEFAULT_CONFIG = CommitsConfig()
"""What holds without a policy file."""
