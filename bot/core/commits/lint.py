"""Hold a message to the rules of a policy."""

from dataclasses import dataclass

from bot.core.commits.config import DEFAULT_CONFIG, CommitsConfig
from bot.core.commits.message import Message, MessageKind
from bot.core.commits.parse import parse_message
from bot.core.commits.rules.rule import Level, Part, Rule
from bot.core.commits.suggest import candidate_headers
from bot.core.model import Actor, ActorKind


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that a message breaks. ``suggestion`` is the whole header to paste in place of the
    one there is; empty for what no header can mend, and where nobody can know."""

    rule: Rule
    level: Level
    message: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Lint:
    message: Message
    problems: tuple[Problem, ...] = ()
    """Errors and warnings, in the order of the catalogue."""
    ignored: bool = False
    """Whether the policy exempts the author, so that nothing was checked."""

    @property
    def valid(self) -> bool:
        return all(problem.level is not Level.ERROR for problem in self.problems)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.level is Level.ERROR)

    @property
    def suggestion(self) -> str:
        """The header to paste, empty when there is none."""
        return next((problem.suggestion for problem in self.problems if problem.suggestion), "")


def lint_message(
    message: Message | str, config: CommitsConfig = DEFAULT_CONFIG, author: Actor | None = None
) -> Lint:
    """Hold a whole commit message to the rules."""
    return _lint(message, config, author, header_only=False)


def lint_header(
    message: Message | str, config: CommitsConfig = DEFAULT_CONFIG, author: Actor | None = None
) -> Lint:
    """Hold a header alone to the rules for headers: a pull request's title has no footers."""
    return _lint(message, config, author, header_only=True)


def _lint(
    message: Message | str, config: CommitsConfig, author: Actor | None, *, header_only: bool
) -> Lint:
    if isinstance(message, str):
        message = parse_message(message)
    if author is not None and config.ignores(author):
        return Lint(message, ignored=True)
    faults = _faults(message, config, author, header_only=header_only)
    if not faults:
        return Lint(message)
    suggestion = ""
    if any(rule.part is Part.HEADER for rule, _, _ in faults):
        suggestion = _suggest(message, config)
    return Lint(
        message,
        tuple(
            Problem(rule, level, text, suggestion if rule.part is Part.HEADER else "")
            for rule, level, text in faults
        ),
    )


def _faults(
    message: Message, config: CommitsConfig, author: Actor | None, *, header_only: bool
) -> list[tuple[Rule, Level, str]]:
    kind = MessageKind.CONVENTIONAL if message.type is not None else message.kind
    faults = []
    for rule, level in config.active_rules(kind):
        if header_only and rule.part is not Part.HEADER:
            continue
        text = rule.check(message, config)
        if text and not (rule.spares_bots and _is_by_bot(message, author)):
            faults.append((rule, level, text))
    return faults


def _is_by_bot(message: Message, author: Actor | None) -> bool:
    return message.is_update or (author is not None and author.kind is ActorKind.BOT)


def _suggest(message: Message, config: CommitsConfig) -> str:
    """The first candidate that passes the rules for headers itself."""
    for candidate in candidate_headers(message, config):
        parsed = parse_message(candidate)
        if parsed.header == candidate != message.header and not _faults(
            parsed, config, None, header_only=True
        ):
            return candidate
    return ""
