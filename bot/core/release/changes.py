"""Commits to changes: what each commit says, and who speaks for whom.

- A commit speaks by its own message, and bears the pull request of its squash suffix, else the one
  that GitHub knows it by.
- A merge of a pull request is described by the pull request's title. Where its commits say at least
  as much, they speak; where none of them says anything, the title speaks for them.
- Any other merge says nothing: what it brings speaks for itself.
- A block of ``BEGIN_COMMIT_OVERRIDE`` in a pull request's description speaks for all its commits.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core.commits.message import Message, MessageKind
from bot.core.commits.parse import parse_message
from bot.core.release.ancestry import claim_merged
from bot.core.release.bump import AskedVersion, bump_of, highest
from bot.core.release.config import ReleaseConfig
from bot.core.release.messages import read_messages, read_override
from bot.core.release.model import Change, HistoryCommit
from bot.core.sha import Sha

_NESTING = 8
"""So many reverts of reverts are told apart; what is quoted deeper is text."""
_NAMED_ID = re.compile(r"\w+ (?:commit )?([0-9a-f]{7,64})\b")
_PULL_NUMBER = re.compile(r"#(\d{1,18})\Z")
_SUFFIX = re.compile(r" ?\(#\d{1,18}\)")


@dataclass(frozen=True, slots=True)
class Revert:
    """What a message says it takes back."""

    place: int
    """Of the change that says so, among those of its commit."""
    ids: tuple[str, ...]
    pulls: tuple[int, ...]
    header: str
    """As ``comparable`` has it; empty if none is named."""


@dataclass(slots=True)
class Statement:
    """One commit, and the changes that it tells of: none where another one tells of them."""

    commit: HistoryCommit
    header: str
    changes: tuple[Change, ...] = ()
    asked: tuple[AskedVersion, ...] = ()
    reverts: tuple[Revert, ...] = ()
    pull: int | None = None
    members: tuple["Statement", ...] = ()
    """What came with a merge."""


def comparable(header: str) -> str:
    """A header as others quote it: squashing and reverting add pull requests' numbers."""
    return _SUFFIX.sub("", header).strip()


def read_statements(config: ReleaseConfig, commits: Sequence[HistoryCommit]) -> list[Statement]:
    """What each commit says, in the order of the commits."""
    reader = _Reader(config)
    statements = [reader.read(commit) for commit in commits]
    if any(commit.parents > 1 for commit in commits):
        _describe_merges(config, commits, statements)
    reader.override(statements)
    return statements


class _Reader:
    def __init__(self, config: ReleaseConfig) -> None:
        self._types = config.known_types

    def read(self, commit: HistoryCommit) -> Statement:
        messages = read_messages(commit.message, self._types)
        first = messages[0] if messages else None
        header = first.header.strip() if first else ""
        statement = Statement(commit, header, pull=commit.pull.number if commit.pull else None)
        if first is not None and first.kind is MessageKind.MERGE:
            messages = self._describing(statement, messages)
        self._say(statement, messages)
        return statement

    def override(self, statements: Sequence[Statement]) -> None:
        """Lets the newest commit of a pull request speak for all of it, where its description
        says what is to be said."""
        spoken: set[int] = set()
        for statement in statements:
            pull = statement.commit.pull
            if pull is None:
                continue
            messages = read_override(pull.body, self._types)
            if messages is not None:
                self._say(statement, () if pull.number in spoken else messages)
                spoken.add(pull.number)

    def _describing(
        self, statement: Statement, messages: tuple[Message, ...]
    ) -> tuple[Message, ...]:
        """The messages that a merge in GitHub's or git's own words stands for."""
        commit = statement.commit
        whole = parse_message(commit.message)
        statement.pull = statement.pull or whole.pull_number
        if commit.pull and commit.pull.title.strip():
            title = parse_message(commit.pull.title)
            statement.header = title.header.strip()
            breaking = title.breaking or whole.breaking
            return (replace(title, breaking=breaking, footers=whole.footers),)
        # GitHub writes the title below its own words.
        below = commit.message.lstrip().partition("\n")[2]
        if statement.pull and below.strip():
            described = read_messages(below, self._types)
            if described:
                statement.header = described[0].header.strip()
            return described
        if commit.parents > 1 and not whole.breaking:
            # Nothing but what its footers ask for.
            return (replace(whole, header=""), *messages[1:])
        return (whole, *messages[1:])

    def _say(self, statement: Statement, messages: Sequence[Message]) -> None:
        if statement.pull is None and messages:
            statement.pull = messages[0].pull_number
        sha, pull = statement.commit.sha, statement.pull
        changes: list[Change] = []
        reverts: list[Revert] = []
        asked: list[AskedVersion] = []
        for message in messages:
            if message.kind is MessageKind.REVERT:
                reverts.append(_revert(message, len(changes)))
                changes.append(self._reverting(message, sha, pull))
            elif message.header or message.kind is not MessageKind.MERGE:
                changes.append(self._change(message, sha, pull))
            for footer in message.footers:
                if footer.token.lower() == "release-as":
                    asked.append(AskedVersion(sha, footer.value))
        if len(changes) > 1 and not reverts:
            # A squash of one commit often has its message twice.
            changes = list({_content(change): change for change in changes}.values())
        statement.changes, statement.reverts = tuple(changes), tuple(reverts)
        statement.asked = tuple(asked)

    def _change(self, message: Message, sha: Sha, pull: int | None) -> Change:
        number = message.pull_number or pull
        breaking = ""
        if message.breaking:
            notes = "\n\n".join(filter(None, message.breaking_notes))
            breaking = notes or message.description or message.header.strip()
        if message.type is None:
            return Change(sha, "", "", breaking, _without_suffix(message), number)
        type_ = message.type if message.type in self._types else message.type.lower()
        scope = message.scope.strip() if message.scope else ""
        description = message.description or message.header.strip()
        return Change(sha, type_, scope, breaking, description, number)

    def _reverting(self, message: Message, sha: Sha, pull: int | None) -> Change:
        """What a revert is where it takes back something of an earlier release: a change of the
        type ``revert``; taking back a revert is the change that is brought back."""
        number = message.pull_number or pull
        depth, inner = _unwrapped(message)
        change = self._change(inner, sha, number)
        if depth % 2 == 0:
            return replace(change, pull=number)
        own = self._change(message, sha, number)
        description = change.description or own.description
        return replace(
            change,
            type="revert",
            scope=change.scope or own.scope,
            breaking=own.breaking,
            description=description,
            pull=number,
        )


def _content(change: Change) -> tuple[str, ...]:
    return change.type, change.scope, change.description, change.breaking


def _describe_merges(
    config: ReleaseConfig, commits: Sequence[HistoryCommit], statements: Sequence[Statement]
) -> None:
    """Gives the merges of pull requests what came with them, and settles who speaks."""
    merges: dict[int | None, int] = {
        statement.pull: place
        for place, statement in enumerate(statements)
        if statement.pull and statement.commit.parents > 1
    }
    members: dict[int, list[Statement]] = {}
    for statement, owner in zip(statements, claim_merged(commits), strict=True):
        if owner is None and statement.commit.parents <= 1:
            owner = merges.get(statement.pull)
        if owner is not None and statements[owner].pull:
            members.setdefault(owner, []).append(statement)
    for place, group in members.items():
        merge = statements[place]
        merge.members = tuple(group)
        for member in group:
            if member.pull is None:
                member.pull = merge.pull
                member.changes = tuple(
                    replace(change, pull=merge.pull) for change in member.changes
                )
        typed = [change for member in group for change in member.changes if change.type]
        if not typed and merge.changes:
            for member in group:
                member.changes = member.reverts = ()
        elif typed:
            said = highest(bump_of(change, config) for change in typed)
            bumps = [bump_of(change, config) for change in merge.changes if change.type]
            if highest([said, *bumps]) is said:
                merge.changes = merge.reverts = ()


def _revert(message: Message, place: int) -> Revert:
    quoted, again = _quoted(message)
    pulls = [int(match[1]) for match in map(_PULL_NUMBER.search, message.reverted_pulls) if match]
    ids = message.reverts
    if not ids and (named := _NAMED_ID.match(message.header.strip())):
        ids = (named[1],)
    header = ""
    if quoted:
        number = parse_message(quoted).pull_number
        if number is not None and not again:
            pulls.append(number)
        header = comparable(f'Revert "{quoted}"' if again else quoted)
    return Revert(place, ids, tuple(pulls), header)


def _quoted(message: Message) -> tuple[str, bool]:
    """The header that a revert quotes, empty if none, and whether the revert of it is meant: git
    says ``Reapply "x"`` for what takes ``Revert "x"`` back."""
    if message.type is not None:
        quoted = message.description.strip()
        bare = len(quoted) < 2 or not quoted[0] == quoted[-1] == '"'
        return quoted if bare else quoted[1:-1], False
    return message.reverted_header or "", message.header.lstrip()[:7].lower() == "reapply"


def _unwrapped(message: Message) -> tuple[int, Message]:
    """How many reverts a message is, one of another, and what the last of them is of."""
    depth = 0
    while message.kind is MessageKind.REVERT and depth < _NESTING:
        quoted, again = _quoted(message)
        if not quoted:
            return depth + 1, message
        depth += 2 if again else 1
        message = parse_message(quoted)
    return depth, message


def _without_suffix(message: Message) -> str:
    header = message.header.strip()
    return header.removesuffix(f"(#{message.pull_number})").rstrip()
