"""The decisions whose texts are held in ``expected/``."""

from datetime import UTC, datetime

from bot.core.decision import Decision, Finding, GateResult, Verdict
from bot.core.model import (
    Actor,
    FoundFile,
    MergeSettings,
    PolicyFiles,
    PullRef,
    PullRequest,
    PullState,
    RepoRef,
    Sha,
    UnreadableFile,
)
from bot.core.policy import PolicyInForce, policy_result, resolve_policy

REPO = RepoRef(1, 2, "acme", "shop")
URL = "https://lockgate.test/repos/acme/shop/pulls/12"
AT = datetime(2026, 3, 2, 12, 4, 10, tzinfo=UTC)
PATH = ".github/lockgate.yml"


def pull(title: str = "Add search", sha: str = "3f2c1aa", *, draft: bool = False) -> PullRequest:
    return PullRequest(
        ref=PullRef(REPO, 12),
        title=title,
        body="",
        state=PullState.OPEN,
        draft=draft,
        author=Actor(7, "octo"),
        head_sha=Sha(sha.ljust(40, "0")),
        head_repo="acme/shop",
        base_ref="main",
        base_sha=Sha("1" * 40),
        merge_settings=MergeSettings(),
        commits=(),
    )


REASON = (
    "This repository squashes with the pull request's title, so the title is what lands; "
    "it also allows merge commits, so each commit lands as well."
)
POLICY = {"policy": f"The policy is `{PATH}` on the base branch."}

UNTYPED = Finding(
    "title",
    "type-empty",
    "the header has no type: it should read “type: description”",
    "Add search",
    "feat: add search",
)
FAILING = GateResult(
    "commits",
    Verdict.FAIL,
    "2 of 4 messages need changes",
    remedy="press Fix title, or edit the title to “feat: add search”",
    reason=REASON,
    findings=(
        UNTYPED,
        Finding(
            "commit 9b1deb4",
            "type-enum",
            "the type “feature” is none of build, chore, ci, docs, feat, fix",
            "feature(ui): Show results.",
            "feat(ui): show results",
        ),
        Finding(
            "commit 9b1deb4",
            "subject-full-stop",
            "the description ends with “.”",
            "feature(ui): Show results.",
            "feat(ui): show results",
        ),
        Finding(
            "commit 5c0ffee",
            "body-leading-blank",
            "warning: no blank line stands between the header and the body",
            "docs: explain search",
        ),
    ),
    evidence=POLICY,
)
COMMIT_ONLY = GateResult(
    "commits",
    Verdict.FAIL,
    "1 of 3 messages has an unknown type",
    remedy="reword commit 9b1deb4 to “feat(ui): show results” with `git rebase -i 9b1deb4^`",
    reason=REASON,
    findings=FAILING.findings[1:2],
    evidence=POLICY,
)
PASSING = GateResult(
    "commits", Verdict.PASS, "the title is in order", reason=REASON, evidence=POLICY
)
SKIPPED = GateResult(
    "commits",
    Verdict.SKIP,
    "the policy turns this check off",
    reason="The policy turns this check off (`enforce: off`).",
    evidence=POLICY,
)
WAITING = GateResult(
    "checks", Verdict.WAIT, "11 of 12 green, `e2e` running", remedy="wait for `e2e`"
)
MIGRATIONS = GateResult("migrations", Verdict.PASS, "1 expand, safe: instant lock on `recipes`")
FLAGS = GateResult("flags", Verdict.SKIP, "no flag is used here")

TRAP = "@octo <img src=x>| #12 [x](https://evil.test) `y` \u202eabc <!-- lockgate:summary --> -->"
HOSTILE = GateResult(
    "commits",
    Verdict.FAIL,
    f"the title “{TRAP}” has no type",
    remedy=f"edit the title to “feat: {TRAP}”",
    reason=f"The branch {TRAP} squashes.",
    findings=(Finding(TRAP, "type-empty", f"no type in {TRAP}", TRAP, f"feat: {TRAP}"),),
    evidence={"policy": TRAP},
)


def policy_decision(files: PolicyFiles) -> Decision:
    outcome = resolve_policy(files)
    assert not isinstance(outcome, PolicyInForce)
    return Decision((policy_result(outcome),))


INVALID = FoundFile("acme/shop", PATH, "version: 1\ncommits:\n  enforc: title\n  types: 3\n")
FROM_ORGANISATION = FoundFile("acme/.github", PATH, INVALID.text)
UNREADABLE = UnreadableFile("acme/shop", PATH, "it is not UTF-8 text")
