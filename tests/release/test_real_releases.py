"""Real histories, where they are: what holds for every release that could be cut from them.

``LOCKGATE_TEST_HISTORIES`` names a folder of ``*.jsonl`` files with ``{"sha", "message"}`` a line,
the newest first; without it ``../shared/data/commits`` beside the repository is looked for.
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from release_kit import CONFIG, DAY

from bot.core.model import Sha
from bot.core.release.changelog import render_changelog
from bot.core.release.changelog_file import find_section, insert_section
from bot.core.release.changes import read_statements
from bot.core.release.model import HistoryCommit, ReleasePlan, Tag
from bot.core.release.notes import NOTES_LIMIT, length, render_notes
from bot.core.release.plan import plan_release
from bot.core.release.pull_request import BODY_LIMIT, parse_pull, render_body
from bot.core.release.reverts import settle

sys.path.append(str(Path(__file__).parents[1] / "render"))
from rendered import render

ROOT = Path(__file__).parents[2]
FOLDER = Path(
    os.environ.get("LOCKGATE_TEST_HISTORIES") or ROOT.parent / "shared" / "data" / "commits"
)
HISTORIES = sorted(FOLDER.glob("*.jsonl"))
EVERY = 40
"""Commits between two releases."""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not HISTORIES, reason="no histories: name their folder in LOCKGATE_TEST_HISTORIES"
    ),
]


@pytest.fixture(params=HISTORIES, ids=lambda path: path.stem)
def commits(request: pytest.FixtureRequest) -> list[HistoryCommit]:
    with request.param.open(encoding="utf-8") as lines:
        said = [json.loads(line) for line in lines]
    shas = [Sha(one["sha"]) for one in said]
    return [
        HistoryCommit(sha, one["message"], DAY - timedelta(hours=place), "ann", 1, (after,))
        for place, (sha, after, one) in enumerate(
            zip(shas, [*shas[1:], Sha("0" * 40)], said, strict=True)
        )
    ]


def released(commits: list[HistoryCommit]) -> list[Tag]:
    """A tag on every so many commits, by the versions that the plans give."""
    tags: list[Tag] = []
    for end in range(len(commits) - EVERY, -1, -EVERY):
        plan = plan_release(CONFIG, "", tags, commits[end : end + 2 * EVERY])
        if isinstance(plan, ReleasePlan):
            tags.append(Tag(plan.tag, commits[end].sha, commits[end].at))
    return tags


def test_no_commit_is_lost_and_none_counts_twice(commits: list[HistoryCommit]) -> None:
    statements = read_statements(CONFIG, commits)
    assert [statement.commit for statement in statements] == commits
    assert all(statement.changes for statement in statements)
    place = {commit.sha: number for number, commit in enumerate(commits)}
    settled = settle(statements)
    for change in settled.changes:
        if change.reverted_by:
            assert not change.counts
            assert place[change.reverted_by] < place[change.sha]
    left_out = [change for change in settled.changes if not change.counts]
    takers = {change.reverted_by for change in left_out} - {None}
    assert all(change.reverted_by or change.sha in takers for change in left_out)
    print(f"\n{len(commits)} commits, {len(settled.changes)} changes, {len(left_out)} reverted")


def test_releases_one_after_another(commits: list[HistoryCommit]) -> None:
    tags = released(commits)
    versions = [CONFIG.packages[0].version_of(tag.name) for tag in tags]
    assert versions == sorted(versions, key=lambda version: version.precedence if version else ())
    whole = render_changelog(CONFIG, CONFIG.packages[0], tags, commits)
    assert whole == render_changelog(CONFIG, CONFIG.packages[0], tags[::-1], commits)
    seen = render(whole)
    assert not seen.html
    assert all(
        link.startswith((CONFIG.repo_url, "https://keepachangelog.com", "https://semver.org"))
        for link in seen.links
    )
    for version in versions:
        assert version is not None
        section = find_section(whole, version)
        assert section is not None
        assert insert_section(whole, section, version, "") == whole
    print(f"\n{len(tags)} releases up to {tags[-1].name if tags else 'none'}")


def test_one_release_of_all_of_it(commits: list[HistoryCommit]) -> None:
    plan = plan_release(CONFIG, "", [], commits)
    if not isinstance(plan, ReleasePlan):
        return
    assert length(render_notes(plan.changelog, whole_url="https://x.test")) <= NOTES_LIMIT
    body = render_body([plan], commits[0].sha)
    assert length(body) <= BODY_LIMIT
    assert parse_pull(CONFIG, "", body).versions == {"": plan.next}
