"""No sequence of allowed promotions, rollbacks and contracts leaves a live build without what it
needs.

The model knows the truth: which columns the code of a build reads, which columns the database has,
and which of them are filled. The rules are told only what a bot can know: trees, histories, the
ledger. Authors are honest: what ``requires-build`` names does not read the column, nor does what
comes after it, and a contract without it is written where nothing reads the column any more.
"""

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from bot.core.migrations.builds import (
    BackfillProgress,
    BackfillState,
    BuildFacts,
    BuildSchema,
    DatabaseState,
    InUse,
    KnownMigration,
    UnreadBuild,
)
from bot.core.migrations.compatibility import may_contract, may_promote, may_roll_back
from bot.core.migrations.model import Migration, Phase, Version
from bot.core.model import Sha

COLUMNS = ("a", "b")
PLACES = ("production", "canary")
TOLD = [(True, True), (True, False), (False, True)]
"""Whether a tree could be read, and commits be compared."""


def version(column: str, kind: int) -> Version:
    """Of the expand (1), the backfill (2) and the contract (3) of a column."""
    return Version(f"{COLUMNS.index(column) + 1}{kind}".rjust(14, "0"))


@dataclass(frozen=True)
class Code:
    """A commit, as it truly is."""

    sha: Sha
    history: frozenset[Sha]
    expands: frozenset[str] = frozenset()
    fills: frozenset[str] = frozenset()
    contracts: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    """Columns that it stopped to read: nobody begins again."""


@dataclass
class Truth:
    columns: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    ledger: set[tuple[str, int]] = field(default_factory=set)


class Releases(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        root = Sha("0" * 40)
        self.commits = [Code(root, frozenset({root}))]
        self.truth = Truth()
        self.live: dict[str, Code] = {}
        self.were_live: dict[str, list[Code]] = {place: [] for place in PLACES}
        self.requires: dict[str, Sha | None] = {}
        """What each contract's file names, which is written once."""
        self.merged: set[str] = set()
        """Columns whose contract's file is written."""

    # What a bot can know.

    def facts(self, code: Code, *, readable: bool = True, compared: bool = True) -> BuildFacts:
        if not readable:
            return UnreadBuild(code.sha, code.sha[:7], "GitHub answered 502")
        known = [self.known(column, 1) for column in code.expands]
        known += [self.known(column, 3) for column in code.contracts]
        named = [sha for sha in self.requires.values() if sha]
        return BuildSchema(
            code.sha,
            code.sha[:7],
            {one.version: one for one in known},
            {version(column, 2): column for column in code.fills},
            {sha: sha in code.history for sha in named} if compared else {},
        )

    def known(self, column: str, kind: int) -> KnownMigration:
        if kind == 1:
            return KnownMigration(version(column, 1), column, Phase.EXPAND)
        return KnownMigration(version(column, 3), column, Phase.CONTRACT, self.requires.get(column))

    def database(self, forgotten: frozenset[str] = frozenset()) -> DatabaseState:
        """``forgotten`` are columns of whose migrations no tree tells."""
        applied = {}
        for column, kind in self.truth.ledger:
            one = self.known(column, kind)
            if column in forgotten:
                one = KnownMigration(one.version)
            applied[one.version] = one
        fills = {
            version(column, 2): BackfillProgress(
                version(column, 2), column, BackfillState.FINISHED, proven=True
            )
            for column in self.truth.filled
        }
        return DatabaseState("production", applied, fills)

    @initialize(places=st.sets(st.sampled_from(PLACES)), names=st.sampled_from([True, True, False]))
    def a_change_is_under_way(self, places: set[str], names: bool) -> None:
        """So that few steps lead to where it becomes dangerous."""
        a = frozenset("a")
        old = self.commit(self.commits[0], expands=a, reads=a)
        self.truth.ledger.add(("a", 1))
        self.truth.columns.add("a")
        for place in places:
            self.put(place, old)
        stopped = self.commit(old, reads=frozenset(), left=a)
        self.requires["a"] = stopped.sha if names else None
        self.merged.add("a")
        self.commit(stopped, contracts=a)

    # What developers do.

    def commit(self, parent: Code, **changes: object) -> Code:
        sha = Sha(f"{len(self.commits):040x}")
        code = replace(parent, sha=sha, history=parent.history | {sha}, **changes)
        self.commits.append(code)
        return code

    @rule(data=st.data(), column=st.sampled_from(COLUMNS), filled=st.booleans())
    def begin(self, data: st.DataObject, column: str, filled: bool) -> None:
        """One commit, as is often done: expand, backfill, and the code that reads the column."""
        parents = [one for one in self.commits if column not in one.left | one.reads]
        parent = data.draw(st.sampled_from(parents))
        fills = parent.fills | {column} if filled else parent.fills
        self.commit(
            parent,
            expands=parent.expands | {column},
            fills=fills,
            reads=parent.reads | {column},
        )

    @rule(data=st.data(), column=st.sampled_from(COLUMNS), names=st.booleans())
    def write_contract(self, data: st.DataObject, column: str, names: bool) -> None:
        """Either with the commit that stops named, or in a tree of which nothing reads it."""
        parents = [one for one in self.commits if column in one.reads]
        if column in self.merged or not parents:
            return
        parent = data.draw(st.sampled_from(parents))
        stopped = self.commit(parent, reads=parent.reads - {column}, left=parent.left | {column})
        self.requires[column] = stopped.sha if names else None
        self.merged.add(column)
        self.commit(stopped, contracts=stopped.contracts | {column})
        if names:
            # All files of a change merged at once: this tree has the contract, and reads on.
            self.commit(parent, contracts=parent.contracts | {column})

    # What operators ask for.

    @rule(column=st.sampled_from(COLUMNS))
    def expand(self, column: str) -> None:
        written = any(column in code.expands for code in self.commits)
        if written and (column, 1) not in self.truth.ledger:
            self.truth.ledger.add((column, 1))
            self.truth.columns.add(column)

    @rule(column=st.sampled_from(COLUMNS))
    def backfill(self, column: str) -> None:
        if column in self.truth.columns:
            self.truth.filled.add(column)

    @rule(data=st.data(), place=st.sampled_from(PLACES))
    def promote(self, data: st.DataObject, place: str) -> None:
        build = data.draw(st.sampled_from(self.commits))
        if may_promote(self.facts(build), self.database()).allowed:
            self.put(place, build)

    @precondition(lambda self: any(self.were_live.values()))
    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from([one for one in PLACES if self.were_live[one]]))
        target = data.draw(st.sampled_from(self.were_live[place]))
        others = [self.facts(build) for build in reversed(self.were_live[place])]
        judgement = may_roll_back(self.facts(target), self.database(), others)
        if judgement.allowed:
            self.put(place, target)
        elif judgement.nearest:
            nearest = judgement.nearest.sha
            self.put(place, next(build for build in self.commits if build.sha == nearest))

    def put(self, place: str, code: Code) -> None:
        if place in self.live:
            self.were_live[place].append(self.live[place])
        self.live[place] = code

    @rule(column=st.sampled_from(COLUMNS), behind=st.integers(0, 2))
    def contract(self, column: str, behind: int) -> None:
        if not self.may_be_dropped(column):
            return
        in_use = self.in_use(behind)
        if may_contract(self.contract_file(column), in_use, self.database(), {}).allowed:
            could = [one for one in in_use if may_promote(one.build, self.database()).allowed]
            self.truth.ledger.add((column, 3))
            self.truth.columns.discard(column)
            for one in could:
                # What it was allowed for can still be put back.
                assert may_roll_back(one.build, self.database(), ()).allowed

    def may_be_dropped(self, column: str) -> bool:
        ledger = self.truth.ledger
        return column in self.merged and (column, 1) in ledger and (column, 3) not in ledger

    def in_use(self, behind: int, *, readable: bool = True, compared: bool = True) -> list[InUse]:
        found = []
        for place, build in self.live.items():
            facts = self.facts(build, readable=readable, compared=compared)
            found.append(InUse(facts, place, live=True))
            older = self.were_live[place][::-1][:behind]
            found += [InUse(self.facts(one), place, live=False) for one in older]
        return found

    def contract_file(self, column: str) -> Migration:
        return Migration(
            version(column, 3),
            column,
            "",
            f"alter table t drop column {column}",
            Phase.CONTRACT,
            requires_build=self.requires[column],
        )

    # What must never be.

    def stands(self, build: Code) -> bool:
        """By the truth."""
        reads = build.reads
        return reads <= self.truth.columns and reads & build.fills <= self.truth.filled

    @invariant()
    def nobody_is_left_without(self) -> None:
        for place, build in self.live.items():
            assert self.stands(build), (place, build)

    @invariant()
    def whatever_the_bot_is_told_nothing_wrong_is_allowed(self) -> None:
        """Every build and every contract, with all known, and with something unknown."""
        databases = [self.database(), *(self.database(frozenset(one)) for one in COLUMNS)]
        for build in self.commits:
            for readable, compared in TOLD:
                facts = self.facts(build, readable=readable, compared=compared)
                for database in databases:
                    if may_promote(facts, database).allowed:
                        assert self.stands(build), build
        for column in filter(self.may_be_dropped, COLUMNS):
            file = self.contract_file(column)
            told = [self.in_use(0, readable=one, compared=two) for one, two in TOLD]
            for in_use in (*told, [], None):
                if may_contract(file, in_use, self.database(), {}).allowed:
                    assert all(column not in build.reads for build in self.live.values())


class TestReleases(Releases.TestCase):
    settings = settings(
        max_examples=max(100, settings.default.max_examples), stateful_step_count=25, deadline=None
    )


def test_the_machine_reaches_contracts_and_rollbacks() -> None:
    """The story that the rules are about is possible at all: rename a column, and go back."""
    story = Releases()
    old = story.commit(story.commits[0], expands=frozenset("a"), reads=frozenset("a"))
    story.expand("a")
    assert may_promote(story.facts(old), story.database()).allowed
    story.put("production", old)
    story.requires["a"] = Sha("2".rjust(40, "0"))
    new = story.commit(old, reads=frozenset(), left=frozenset("a"))
    assert new.sha == story.requires["a"]
    contract = Migration(
        version("a", 3), "a", "", "", Phase.CONTRACT, requires_build=story.requires["a"]
    )
    live_old = InUse(story.facts(old), "production", live=True)
    assert not may_contract(contract, [live_old], story.database(), {}).allowed
    story.put("production", new)
    live_new = InUse(story.facts(new), "production", live=True)
    assert may_contract(contract, [live_new], story.database(), {}).allowed
    story.truth.ledger.add(("a", 3))
    assert not may_roll_back(story.facts(old), story.database(), ()).allowed
