"""How many commits a release shows, and what became of the others."""

from dataclasses import astuple

import pytest
from release_kit import CONFIG, commit, history, sha

from bot.core.release.config import ReleaseConfig
from bot.core.release.counts import count_commits
from bot.core.release.model import HistoryCommit
from bot.core.release.plan import plan_release

OTHER_HIDDEN = ReleaseConfig(other_title="")
REVERT = f'Revert "fix: b"\n\nThis reverts commit {sha(2)}.'
CASES = {
    "nothing": (CONFIG, history(), (0, 0, 0, 0, 0)),
    "each once": (CONFIG, history("feat: a", "docs: b", "say c"), (3, 2, 1, 0, 1)),
    "others hidden": (OTHER_HIDDEN, history("feat: a", "docs: b", "say c"), (3, 1, 2, 0, 1)),
    "hidden but breaking": (CONFIG, history("chore!: a"), (1, 1, 0, 0, 0)),
    "a revert of the same release": (CONFIG, history("feat: a", "fix: b", REVERT), (3, 1, 0, 2, 0)),
    "no release": (CONFIG, history("docs: a", "say b"), (2, 0, 2, 0, 1)),
    "several in one": (CONFIG, [commit(1, "feat: a\n\nfix: b\n")], (1, 1, 0, 0, 0)),
}


@pytest.mark.parametrize(("config", "commits", "counts"), CASES.values(), ids=CASES.keys())
def test_counts(
    config: ReleaseConfig, commits: list[HistoryCommit], counts: tuple[int, ...]
) -> None:
    found = count_commits(config, plan_release(config, "", [], commits))
    assert astuple(found) == counts
    assert found.commits == found.released + found.hidden + found.reverted
