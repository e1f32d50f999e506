"""Every rule on messages that meet it and messages that do not, and what is suggested."""

from typing import Any

import pytest
from config_conventional import ERRORS

from bot.core.catalog import COMMIT_RULES
from bot.core.commits.config import CommitsConfig
from bot.core.commits.lint import Lint, lint_header, lint_message
from bot.core.commits.rules.cases import Case, is_case
from bot.core.commits.rules.rule import Level, Rule
from bot.core.model import Actor, ActorKind

LINK = "https://example.com/" + "a" * 100
LONG = "a" * 101


def config_of(**settings: Any) -> CommitsConfig:
    return CommitsConfig.model_validate(settings)


def broken(lint: Lint) -> list[str]:
    return [problem.rule.name for problem in lint.problems]


@pytest.mark.parametrize("rule", COMMIT_RULES, ids=lambda rule: rule.name)
def test_each_rules_own_examples(rule: Rule) -> None:
    config = config_of(rules={rule.name: "error"}, **rule.settings)
    lint = lint_message(rule.bad, config)
    assert rule.name in broken(lint)
    assert not lint.valid
    assert rule.name not in broken(lint_message(rule.good, config))
    off = config_of(rules={rule.name: "disabled"}, **rule.settings)
    assert rule.name not in broken(lint_message(rule.bad, off))
    warned = config_of(
        rules={other.name: "disabled" for other in COMMIT_RULES} | {rule.name: "warning"},
        **rule.settings,
    )
    lint = lint_message(rule.bad, warned)
    assert [problem.level for problem in lint.problems] == [Level.WARNING]
    assert lint.valid


def test_rule_names_are_unique() -> None:
    names = [rule.name for rule in COMMIT_RULES]
    assert len(set(names)) == len(names)


def test_the_defaults_are_those_of_config_conventional() -> None:
    levels = {rule.name: rule.level for rule in COMMIT_RULES}
    for name in ERRORS:
        assert levels[name] is Level.ERROR
    assert levels["body-leading-blank"] is Level.WARNING
    assert levels["footer-leading-blank"] is Level.WARNING
    config = CommitsConfig()
    assert config.header_max_length == config.body_max_line_length == 100
    assert config.footer_max_line_length == 100
    assert " ".join(config.types) == (
        "build chore ci docs feat fix perf refactor revert style test"
    )


@pytest.mark.parametrize(
    "message",
    [
        "feat: add search",
        "feat(api)!: add search",
        "fix: `API` is told apart",
        "fix: 3 requests at once",
        "fix: ünder the line",
        "fix: 中文",
        "fix: add so on...",
        "feat: add\n\n" + LINK + " and words",
        "feat: add\n\nRefs: " + LINK,
        f"feat: {'a' * 94}",
        f"feat: {'a' * 94} (#1234)",
        "Merge branch 'main' into search",
        f"Merge branch 'main' into search\n\n{LONG}",
        'Revert "Add search"',
        "Initial commit",
        f"build(deps): bump lodash from 1.0 to 2.0\n\n{LONG}\n\nNote: {LONG}",
    ],
)
def test_good_messages(message: str) -> None:
    assert lint_message(message).problems == ()


@pytest.mark.parametrize(
    ("message", "rules"),
    [
        ("", ["type-empty"]),
        ("Add search", ["type-empty"]),
        ("feat:add search", ["type-empty"]),
        ("feature: add search", ["type-enum"]),
        ("FEAT: add search", ["type-case"]),
        ("feat:", ["subject-empty"]),
        ("feat: (#12)", ["subject-empty"]),
        ("feat: Add search", ["subject-case"]),
        ("feat: Ärger", ["subject-case"]),
        ("feat: ADD", ["subject-case"]),
        ("feat: add search.", ["subject-full-stop"]),
        ("feat: add search. (#12)", ["subject-full-stop"]),
        ("feat: add search ", ["header-trim"]),
        ("\tfeat: add search", ["header-trim"]),
        (f"feat: {'a' * 95}", ["header-max-length"]),
        (f"feat: {'a' * 95} (#1234)", ["header-max-length"]),
        (f"feat: add\n\n{LONG}", ["body-max-line-length"]),
        (f"feat: add\n\nshort\n{LONG}\n\n{LINK}", ["body-max-line-length"]),
        (f"feat: add\n\nNote: {LONG}", ["footer-max-line-length"]),
        (f"feat: add\n\nNote: a\n {LONG}", ["footer-max-line-length"]),
        ("feat: add\nbody", ["body-leading-blank"]),
        ("feat: add\n\nbody\nSigned-off-by: A", ["footer-leading-blank"]),
        ("feat: add\n\n**BREAKING CHANGE**: a", ["breaking-change-syntax"]),
        ("feat: add\n\n- breaking changes: a", ["breaking-change-syntax"]),
        ("feat: add\n\nbreaking-change: a", ["breaking-change-syntax"]),
        ("squash! feat: add", ["fixup-commit"]),
        ("feat( ): add", ["scope-trim"]),
        ("Revert: Search.", ["type-case", "subject-case", "subject-full-stop"]),
    ],
)
def test_bad_messages(message: str, rules: list[str]) -> None:
    assert broken(lint_message(message)) == rules


@pytest.mark.parametrize(
    ("settings", "good", "bad"),
    [
        ({"types": ["WIP"]}, "WIP: x", "wip: x"),
        ({"types": []}, "anything: x", "Anything: x"),
        ({"scopes": ["api", "web"]}, "feat(api,web): x", "feat(api,shop): x"),
        ({"scopes": ["api", "web"]}, "feat(api/web): x", "feat(apiweb): x"),
        ({"scopes": ["a/b"]}, "feat(a/b): x", "feat(a): x"),
        ({"scope_patterns": ["pkg-[a-z]+"]}, "feat(pkg-a): x", "feat(my-pkg-a1): x"),
        ({"scopes": ["api"], "scope_patterns": ["w.*"]}, "feat(api, web): x", "feat(shop): x"),
        ({"scope_required": True}, "feat(api): x", "feat: x"),
        ({"scope_required": True}, "feat(api): x", "feat(): x"),
        ({"rules": {"scope-empty": "error"}}, "feat(api): x", "feat: x"),
        ({"subject_case_refused": ["lower-case"]}, "feat: Add", "feat: add"),
        ({"subject_full_stop": "!"}, "feat: x.", "feat: x!"),
        ({"header_max_length": 20}, f"feat: {'a' * 14}", f"feat: {'a' * 15}"),
        ({"body_max_line_length": 20}, f"feat: x\n\n{'a' * 20}", f"feat: x\n\n{'a' * 21}"),
        (
            {"footer_max_line_length": 20},
            f"feat: x\n\nRefs: {'a' * 14}",
            f"feat: x\n\nRefs: {'a' * 15}",
        ),
        (
            {"breaking_footer_required": True},
            "feat!: x\n\nBREAKING CHANGE: y",
            "feat!: x\n\nRefs: y",
        ),
        ({"required_footers": ["Refs"]}, "feat: x\n\nrefs: y", "feat: x\n\nCloses: y"),
        (
            {"rules": {"signed-off-by": "error"}},
            "feat: x\n\nSigned-off-by: A <a@b.c>",
            "feat: x\n\nSigned-off-by:",
        ),
        (
            {"rules": {"breaking-change-exclamation-mark": "error"}},
            "feat!: x\n\nBREAKING CHANGE: y",
            "feat: x\n\nBREAKING CHANGE: y",
        ),
        ({"rules": {"revert-refs": "error"}}, "revert: x\n\nRefs: 1d1e719", "revert: x"),
    ],
)
def test_settings(settings: dict[str, Any], good: str, bad: str) -> None:
    config = config_of(**settings)
    assert lint_message(good, config).problems == ()
    assert not lint_message(bad, config).valid


def test_a_title_is_not_asked_for_footers() -> None:
    config = config_of(required_footers=["Refs"], rules={"signed-off-by": "error"})
    assert lint_header("feat: x", config).valid
    assert not lint_message("feat: x", config).valid


def test_bots_lines_may_be_long() -> None:
    message = f"feat: x\n\n{LONG}"
    bot = Actor(1, "helper[bot]", ActorKind.BOT)
    assert lint_message(message, author=bot).valid
    assert not lint_message(message, author=Actor(2, "ada")).valid
    assert not lint_message("Add search", author=bot).valid


def test_ignored_authors() -> None:
    config = config_of(ignored_authors=["Renovate[bot]", 49699333])
    for author, ignored in [
        (Actor(5, "renovate[bot]", ActorKind.BOT), True),
        (Actor(49699333, "new-name", ActorKind.BOT), True),
        (Actor(5, "ada"), False),
    ]:
        lint = lint_message("Add search", config, author)
        assert (lint.ignored, lint.valid) == (ignored, ignored)


def test_a_ghost_is_never_ignored() -> None:
    config = config_of(ignored_authors=["ghost"])
    assert not lint_message("Add search", config, Actor(0, "ghost", ActorKind.GHOST)).ignored


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("add search", {Case.LOWER}),
        ("Add search", {Case.SENTENCE}),
        ("Add Search", {Case.SENTENCE, Case.START}),
        ("AddSearch", {Case.SENTENCE, Case.PASCAL}),
        ("ADD SEARCH", {Case.SENTENCE, Case.UPPER, Case.START}),
        ("addSearch", {Case.CAMEL}),
        ("add-search", {Case.LOWER, Case.KEBAB}),
        ("add_search", {Case.LOWER, Case.SNAKE}),
    ],
)
def test_cases(text: str, expected: set[Case]) -> None:
    assert {case for case in Case if is_case(text, case)} == expected


# --- suggestions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "suggestion"),
    [
        ("Add search", "feat: add search"),
        ("Feat: Add search.", "feat: add search"),
        ("feature: x", "feat: x"),
        ("feta: x", "feat: x"),
        ("refacter: x", "refactor: x"),
        ("fix bug in x", "fix: bug in x"),
        ("Fixed the login (#12)", "fix: the login (#12)"),
        ("feat:add x", "feat: add x"),
        ("feat : add x", "feat: add x"),
        ("feat (api)!: add x", "feat(api)!: add x"),
        ("feat：添加", "feat: 添加"),
        ("feat!(api): add x", "feat(api)!: add x"),
        ("parser!: remove empty input", ""),
        ("parser!: handle empty input", "fix(parser)!: handle empty input"),
        ("feat(shop) add x", "feat(shop): add x"),
        ("feat(shop)! add x", "feat(shop)!: add x"),
        ("feat! add x", "feat!: add x"),
        ("Feat/add search", "feat: add search"),
        ("feature/add-search", "feat: add-search"),
        ("CI/CD runs again", ""),
        ("text/plain is served", ""),
        ("fix, then test the login", "fix: fix, then test the login"),
        ("Fix (again) the login", "fix: (again) the login"),
        ("[Fix] crash on start", "fix: crash on start"),
        ("docs - the tutorial", "docs: the tutorial"),
        ("✨ feat: Add x", "feat: add x"),
        (":bug: Fix x", "fix: x"),
        ("Bump lodash from 1.0 to 2.0", "build(deps): bump lodash from 1.0 to 2.0"),
        ("Update dependency x to v2", "build(deps): update dependency x to v2"),
        ("parser: handle empty input", "fix(parser): handle empty input"),
        ("README: fix typo", "docs: fix typo"),
        ("Adds search", "feat: adds search"),
        ("Creating search", "feat: creating search"),
        ("feat(): x", "feat: x"),
        ("feat( api ): x", "feat(api): x"),
        ("  feat: x ", "feat: x"),
        ("feat: GitHub is told apart", "feat: github is told apart"),
        ("feat: API is told apart", "feat: api is told apart"),
        ("Search page", ""),
        ("WIP", ""),
        ("wip", ""),
        ("feat:", ""),
        ("", ""),
        (f"Add {LONG}", ""),
        ("feat: x\n\n" + LONG, ""),
    ],
)
def test_suggestions(header: str, suggestion: str) -> None:
    lint = lint_message(header)
    assert lint.problems
    assert lint.suggestion == suggestion


@pytest.mark.parametrize(
    ("settings", "header", "suggestion"),
    [
        ({"scopes": ["api", "web"]}, "feat(apo): x", "feat(api): x"),
        ({"scopes": ["api", "web"]}, "feat(API): x", "feat(api): x"),
        ({"scopes": ["api", "web"]}, "feat(billing): x", ""),
        ({"scopes": ["api"], "scope_required": True}, "feat: x", "feat(api): x"),
        (
            {"scopes": ["api", "web"], "scope_required": True},
            "Add web search",
            "feat(web): add web search",
        ),
        ({"scopes": ["api", "web"], "scope_required": True}, "Add search", ""),
        ({"scopes": ["api", "web"]}, "Bump a from 1 to 2", "build: bump a from 1 to 2"),
        ({"types": ["feat"]}, "Fix the login", ""),
        ({"types": ["Feat"]}, "Add search", "Feat: add search"),
        ({"rules": {"revert-commit": "error"}}, 'Revert "feat(a): x"', "revert(a): x"),
        ({"rules": {"scope-case": "error"}}, "feat(API): x", "feat(api): x"),
        ({"subject_case_refused": []}, "Add search.", "feat: Add search"),
    ],
)
def test_suggestions_under_a_policy(settings: dict[str, Any], header: str, suggestion: str) -> None:
    lint = lint_message(header, config_of(**settings))
    assert lint.problems
    assert lint.suggestion == suggestion


def test_only_problems_of_the_header_carry_the_suggestion() -> None:
    lint = lint_message(f"Add search\nbody\n{LONG}")
    assert {problem.rule.name: problem.suggestion for problem in lint.problems} == {
        "type-empty": "feat: add search",
        "body-leading-blank": "",
        "body-max-line-length": "",
    }
