"""What holds for every text there is."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.commits.config import CommitsConfig
from bot.core.commits.lint import lint_header, lint_message
from bot.core.commits.message import Message, MessageKind
from bot.core.commits.parse import parse_message, print_message

PIECES = st.sampled_from(
    [
        "feat", "Fix", "revert", "feature", "(", ")", "!", ":", ": ", " #", "#12", "(#12)", "\n",
        "\n\n", "\r\n", "\r", " ", "\t", "  ", "BREAKING CHANGE", "BREAKING-CHANGE", ": x",
        "Refs", "Refs: a", "Signed-off-by: A", "Closes #1", "(cherry picked from commit 1d1e719)",
        "x", "body text", 'Revert "', '"', "Merge branch 'a'", "fixup! ",
        "This reverts commit 1d1e719.", "api", "API", "Add", "bump a from 1 to 2", ".", "...",
        "\x85", "\u2028", "\x1c", "\x0b", "é", "Ǆ", "ß", "：", "https://example.com", "x" * 101,
        "`", "[", "]", "-", "✨",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=24).map("".join))
HEADERS = TEXTS.map(lambda text: " ".join(text.split()))
CONFIGS = st.builds(
    CommitsConfig,
    types=st.sampled_from([(), ("feat", "fix"), ("Feat", "Fix", "Revert"), ("wip",)]),
    scopes=st.sampled_from([(), ("api", "web"), ("API",)]),
    scope_patterns=st.sampled_from([(), ("[a-z]+",), ("pkg-.*",)]),
    scope_required=st.booleans(),
    subject_case_refused=st.sampled_from([(), ("lower-case",), ("sentence-case", "upper-case")]),
    header_max_length=st.sampled_from([20, 50, 100]),
    required_footers=st.sampled_from([(), ("Refs",)]),
    rules=st.sampled_from(
        [{}, {"scope-case": "error", "merge-commit": "error", "revert-commit": "error"}]
    ),
)


@given(TEXTS)
@example("0\n0: 0\n0:\x85")
@example("Refs: x\n(cherry picked from commit 1d1e719)\n more")
@example("a\n\nRefs: 1\n\nBREAKING CHANGE: x\n\nprose\n(cherry picked from commit 1d1e719)\n\nmore")
def test_printing_a_parsed_message_and_parsing_it_again_is_the_identity(text: str) -> None:
    message = parse_message(text)
    assert parse_message(print_message(message)) == message


def of_the_header(message: Message) -> tuple[object, ...]:
    return (
        message.header,
        message.kind,
        message.type,
        message.scope,
        message.description,
        message.exclamation,
        message.pull_number,
    )


@given(HEADERS.filter(bool), TEXTS)
def test_no_body_changes_what_the_header_says(header: str, body: str) -> None:
    alone = parse_message(header)
    assert of_the_header(parse_message(f"{header}\n{body}")) == of_the_header(alone)
    assert of_the_header(parse_message(f"{header}\n\n{body}")) == of_the_header(alone)


@given(HEADERS.filter(bool), TEXTS)
def test_no_body_adds_or_removes_a_problem_of_the_header(header: str, body: str) -> None:
    alone = {problem.rule.name for problem in lint_header(header).problems}
    whole = lint_message(f"{header}\n\n{body}")
    assert {p.rule.name for p in whole.problems if p.rule.part.value == "header"} == alone


@given(TEXTS, CONFIGS)
def test_every_suggestion_passes_the_rules_itself(text: str, config: CommitsConfig) -> None:
    lint = lint_message(text, config)
    for problem in lint.problems:
        if problem.suggestion:
            assert lint_header(problem.suggestion, config).problems == ()
            assert problem.suggestion != lint.message.header


@given(
    st.sampled_from(["feat", "fix", "docs"]),
    st.sampled_from(["", "(api)", "(a b)"]),
    st.sampled_from(["", "!"]),
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1),
    TEXTS,
)
def test_a_good_header_is_always_read(
    type_: str, scope: str, mark: str, description: str, body: str
) -> None:
    message = parse_message(f"{type_}{scope}{mark}: {description}\n\n{body}")
    assert message.kind is MessageKind.CONVENTIONAL
    assert message.type == type_
    assert message.exclamation is (mark == "!")


@given(TEXTS)
def test_every_footer_is_part_of_the_text(text: str) -> None:
    message = parse_message(text)
    for footer in message.footers:
        assert footer.token in text
        assert all(line in text for line in footer.value.split("\n"))
    assert all(line in text for line in message.body.split("\n"))
    json.dumps([message.header, message.body])
