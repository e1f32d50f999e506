"""The gate: what it says of a pull request and of a merge group."""

from dataclasses import replace
from typing import Any

import pytest

from bot.core.catalog import COMMIT_RULES
from bot.core.commits.config import CommitsConfig
from bot.core.decision import Verdict
from bot.core.gates.commits import evaluate
from bot.core.model import (
    Actor,
    ActorKind,
    Commit,
    MergeGroup,
    MergeSettings,
    PullRef,
    PullRequest,
    PullState,
    RepoRef,
    Sha,
    SquashTitle,
)
from bot.core.render.words import title_suggestion

REPO = RepoRef(1, 2, "octo", "shop")
ADA = Actor(7, "ada")
BOT = Actor(49699333, "dependabot[bot]", ActorKind.BOT)
SQUASH = MergeSettings(merge=False, rebase=False, squash_title=SquashTitle.PR_TITLE)
REBASE = MergeSettings(squash=False, merge=False)
DEFAULTS = CommitsConfig()


def commits(*messages: str, author: Actor = ADA) -> tuple[Commit, ...]:
    return tuple(
        Commit(Sha(f"{number:07x}" + "0" * 33), message, author)
        for number, message in enumerate(messages, 1)
    )


def pull(
    title: str = "feat: add search",
    *messages: str,
    merge_settings: MergeSettings = SQUASH,
    author: Actor = ADA,
) -> PullRequest:
    landed = commits(*(messages or ("feat: add search",)), author=author)
    return PullRequest(
        ref=PullRef(REPO, 12),
        title=title,
        body="",
        state=PullState.OPEN,
        draft=False,
        author=author,
        head_sha=landed[-1].sha,
        head_repo="octo/shop",
        base_ref="main",
        base_sha=Sha("f" * 40),
        merge_settings=merge_settings,
        commits=landed,
    )


def group(*messages: str, author: Actor = ADA) -> MergeGroup:
    landed = commits(*messages, author=author)
    return MergeGroup(REPO, Sha("e" * 40), "main", Sha("f" * 40), landed)


def config_of(**settings: Any) -> CommitsConfig:
    return CommitsConfig.model_validate(settings)


def test_a_good_title_passes() -> None:
    result = evaluate(pull(), DEFAULTS)
    assert (result.gate, result.verdict) == ("commits", Verdict.PASS)
    assert result.summary == "the title is in order"
    assert result.remedy == ""
    assert result.findings == ()
    assert "squash" in result.reason


def test_a_title_without_a_type_fails() -> None:
    subject = pull("Add search", "whatever", "they are squashed")
    result = evaluate(subject, DEFAULTS)
    assert result.verdict is Verdict.FAIL
    assert result.summary == "the title needs a type"
    assert result.remedy == "press Fix title, or edit the title to “feat: add search”"
    (finding,) = result.findings
    assert (finding.subject, finding.rule, finding.quote) == ("title", "type-empty", "Add search")
    assert finding.suggestion == "feat: add search"
    assert result.evidence["title_checked"] is True
    assert result.evidence["commits_checked"] is False
    assert (result.evidence["checked"], result.evidence["invalid"]) == (1, 1)
    assert title_suggestion(result) == "feat: add search"


def test_a_title_that_nobody_can_guess_gets_no_button() -> None:
    subject = pull("Search page")
    result = evaluate(subject, DEFAULTS)
    assert result.remedy.startswith("edit the title: the header has no type")
    assert title_suggestion(result) == ""


def test_commits_that_land_are_checked_one_by_one() -> None:
    subject = pull("Add search", "feat: a", "Add b", "fix: c", "d", merge_settings=REBASE)
    result = evaluate(subject, DEFAULTS)
    assert result.summary == "2 of 4 messages need a type"
    assert [finding.subject for finding in result.findings] == ["commit 0000002", "commit 0000004"]
    assert result.remedy == (
        "reword 2 commits with `git rebase -i 0000002^`: "
        "the check has a line to paste for 1 of them"
    )


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (("Add a", "Fix b"), "each line to paste is in the check"),
        (("Add a", "b", "Fix c"), "the check has a line to paste for 2 of them"),
        (("a", "b"), "the check says what is wrong with each"),
    ],
)
def test_lines_to_paste_are_promised_where_there_are_any(
    messages: tuple[str, ...], said: str
) -> None:
    result = evaluate(pull("x", *messages, merge_settings=REBASE), DEFAULTS)
    assert result.remedy.endswith(f": {said}")


def test_one_of_several_messages() -> None:
    result = evaluate(pull("x", "feat: a", "Add b", "fix: c", merge_settings=REBASE), DEFAULTS)
    assert result.summary == "1 of 3 messages needs a type"
    assert result.remedy == "reword commit 0000002 to “feat: add b” with `git rebase -i 0000002^`"


def test_the_last_commit_is_amended() -> None:
    result = evaluate(pull("x", "feat: a", "Add b", merge_settings=REBASE), DEFAULTS)
    assert result.remedy == "reword commit 0000002 to “feat: add b” with `git commit --amend`"


def test_different_faults_are_summed_up() -> None:
    result = evaluate(pull("x", "feat: a", "Add b", "feature: c", merge_settings=REBASE), DEFAULTS)
    assert result.summary == "2 of 3 messages need changes"


def test_the_title_comes_first_when_both_land() -> None:
    result = evaluate(
        pull("Add search", "feat: a", "Add b", merge_settings=MergeSettings()), DEFAULTS
    )
    assert result.summary == "2 of 3 messages need a type"
    assert result.remedy.startswith("press Fix title")


def test_a_single_commit_is_what_a_squash_takes() -> None:
    squash = replace(SQUASH, squash_title=SquashTitle.COMMIT_OR_PR_TITLE)
    assert evaluate(pull("Add search", "feat: a", merge_settings=squash), DEFAULTS).verdict is (
        Verdict.PASS
    )
    result = evaluate(pull("feat: a", "Add search", merge_settings=squash), DEFAULTS)
    assert result.summary == "the commit message needs a type"
    result = evaluate(pull("feat: a", "Add a", "Add b", merge_settings=squash), DEFAULTS)
    assert result.verdict is Verdict.PASS


def test_warnings_are_shown_and_do_not_fail() -> None:
    result = evaluate(
        pull("x", "feat: a\nno blank line", "feat: b", merge_settings=REBASE), DEFAULTS
    )
    assert result.verdict is Verdict.PASS
    assert result.summary == "all 2 messages are in order, 1 with a warning"
    (finding,) = result.findings
    assert finding.message.startswith("warning: ")


def test_merges_and_commits_of_two_parents_are_left_alone() -> None:
    subject = pull("x", "feat: a", "Merge branch 'main' into search", merge_settings=REBASE)
    assert evaluate(subject, DEFAULTS).verdict is Verdict.PASS
    update = Commit(Sha("a" * 40), "bring main up to date", ADA, parents=2)
    result = evaluate(replace(subject, commits=(*subject.commits, update)), DEFAULTS)
    assert result.verdict is Verdict.PASS
    assert result.evidence["kinds"] == {"conventional": 1, "merge": 2}


def test_ignored_authors_are_skipped_and_named() -> None:
    config = config_of(ignored_authors=[BOT.id])
    result = evaluate(pull("Bump a from 1 to 2", author=BOT), config)
    assert result.verdict is Verdict.SKIP
    assert result.summary == "the only message is by an ignored author"
    assert "ignores their authors: title" in result.reason


def test_others_among_ignored_authors_are_checked() -> None:
    subject = pull("x", "Add a", "Add b", merge_settings=REBASE, author=BOT)
    mixed = (subject.commits[0], replace(subject.commits[1], author=ADA))
    result = evaluate(
        replace(subject, commits=mixed), config_of(ignored_authors=["dependabot[bot]"])
    )
    assert result.verdict is Verdict.FAIL
    assert result.summary == "the commit message needs a type"
    assert result.evidence["ignored_messages"] == ["commit 0000001"]


def test_bots_are_checked_like_anybody() -> None:
    result = evaluate(pull("Bump a from 1 to 2", author=BOT), DEFAULTS)
    assert result.verdict is Verdict.FAIL
    assert result.findings[0].suggestion == "build(deps): bump a from 1 to 2"


def test_nothing_to_check_is_a_skip() -> None:
    result = evaluate(replace(pull(merge_settings=REBASE), commits=()), DEFAULTS)
    assert (result.verdict, result.summary) == (Verdict.SKIP, "there is no message to check")


def test_the_check_can_be_turned_off() -> None:
    for subject in (pull("Add search"), group("Add search")):
        result = evaluate(subject, config_of(enforce="off"))
        assert (result.verdict, result.summary) == (
            Verdict.SKIP,
            "the policy turns this check off",
        )


def test_exactly_a_merge_groups_commits_are_checked() -> None:
    result = evaluate(group("feat: a (#1)", "Merge pull request #2 from octo/b"), DEFAULTS)
    assert (result.verdict, result.summary) == (Verdict.PASS, "all 2 messages are in order")
    result = evaluate(group("feat: a (#1)", "Add b (#2)"), DEFAULTS)
    assert result.summary == "1 of 2 messages needs a type"
    assert result.remedy == "take the pull request of commit 0000002 out of the queue"
    assert "lands exactly as it stands" in result.reason


def test_a_policy_on_titles_asks_a_merge_group_for_titles_alone() -> None:
    config = config_of(enforce="title")
    assert evaluate(group("wip", "feat: a (#1)"), config).verdict is Verdict.PASS
    assert evaluate(group("wip", "Add a (#1)"), config).summary == "the commit message needs a type"
    assert evaluate(group("wip"), config).verdict is Verdict.SKIP


@pytest.mark.parametrize("rule", COMMIT_RULES, ids=lambda rule: rule.name)
def test_every_rule_fits_the_checks_title(rule: Any) -> None:
    assert len(f"10000 of 10000 messages {rule.fault}") <= 61  # the plural is a letter shorter
    config = config_of(
        rules={other.name: "disabled" for other in COMMIT_RULES} | {rule.name: "error"},
        **rule.settings,
    )
    for bad, total in ((1, 2), (100, 1_000)):
        messages = [rule.bad] * bad + [rule.good] * (total - bad)
        summary = evaluate(pull("x", *messages, merge_settings=REBASE), config).summary
        assert len(summary) <= 60
        assert summary.startswith(f"{bad} of {total} messages ")


def test_hostile_text_is_cut_in_findings() -> None:
    result = evaluate(pull("@octo <b>|" + "\u202e" * 65_000), DEFAULTS)
    assert result.verdict is Verdict.FAIL
    assert len(result.findings[0].quote) == 200
    assert len(result.summary) <= 60
