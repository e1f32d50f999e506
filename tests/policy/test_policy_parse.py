"""The policy file: what is read, what is refused, and where it says the fault stands."""

import pytest
from growth import counting
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.commits.config import Enforce
from bot.core.policy import DEFAULT_POLICY, Policy, PolicyProblem, PolicyProblems, parse_policy
from bot.core.policy.loader import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_NODES
from bot.core.policy.problems import MAX_PROBLEMS


def problems_of(text: str) -> tuple[PolicyProblem, ...]:
    parsed = parse_policy(text)
    assert isinstance(parsed, PolicyProblems), parsed
    return parsed.problems


def problem_of(text: str) -> tuple[int, int, str]:
    (problem,) = problems_of(text)
    return problem.line, problem.column, str(problem)


def test_a_policy_is_read() -> None:
    policy = parse_policy(
        "# what our house asks\n"
        "version: 1\n"
        "commits:\n"
        "  enforce: title\n"
        "  types: [feat, 'fix']\n"
        "  scope_required: true\n"
        "  header_max_length: 72\n"
        "  ignored_authors:\n"
        "    - dependabot[bot]\n"
        "    - 4711\n"
        "  rules:\n"
        "    subject-case: disabled\n"
    )
    assert isinstance(policy, Policy)
    assert policy.commits.enforce is Enforce.TITLE
    assert policy.commits.types == ("feat", "fix")
    assert policy.commits.scope_required
    assert policy.commits.header_max_length == 72
    assert policy.commits.ignored_authors == ("dependabot[bot]", 4711)
    assert dict(policy.commits.rules) == {"subject-case": "disabled"}
    assert policy.commits.body_max_line_length == DEFAULT_POLICY.commits.body_max_line_length


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "---\n", "\ufeff", "---\n...\n"])
def test_an_empty_file_is_the_defaults_themselves(text: str) -> None:
    assert parse_policy(text) is DEFAULT_POLICY


@pytest.mark.parametrize("text", ["{}", "version: 1", "commits: {}"])
def test_a_file_that_asks_for_nothing_equals_the_defaults(text: str) -> None:
    assert parse_policy(text) == DEFAULT_POLICY


def test_words_are_yaml_1_2() -> None:
    policy = parse_policy("commits: {scopes: [no, on, y, 0o7x, 1.2.3, .inf, 2001-01-01]}")
    assert isinstance(policy, Policy)
    assert policy.commits.scopes == ("no", "on", "y", "0o7x", "1.2.3", ".inf", "2001-01-01")


def test_aliases_within_the_bound_are_read() -> None:
    policy = parse_policy("commits:\n  types: &names [feat]\n  scopes: *names\n")
    assert isinstance(policy, Policy)
    assert policy.commits.scopes == ("feat",)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("comits: {}", 1, 1, "unknown key `comits`. Did you mean `commits`?"),
        ("types: [a]", 1, 1, "unknown key `types`. Did you mean `commits.types`?"),
        ("zzz: 1", 1, 1, "unknown key `zzz`"),
        (
            "commits:\n  type-case: lower-case\n",
            2,
            3,
            "unknown key `commits.type-case`. Did you mean `type_case`?",
        ),
        ("version: 2", 1, 10, "`version` must be `1`, found the number 2"),
        ("version: true", 1, 10, "`version` must be `1`, found `true`"),
        (
            "commits:\n  types: 3\n",
            2,
            10,
            "`commits.types` must be a list of names, found the number 3",
        ),
        (
            "commits:\n  types: feat\n",
            2,
            10,
            (
                "`commits.types` must be a list of names, found the text `feat`. "
                "Did you mean `[feat]`?"
            ),
        ),
        (
            "commits:\n  types: [feat, 1.0]\n",
            2,
            17,
            '`commits.types[1]` must be text, found the number 1.0. Did you mean `"1.0"`?',
        ),
        (
            "commits:\n  scope_required: yes\n",
            2,
            19,
            (
                "`commits.scope_required` must be `true` or `false`, found the text `yes`. "
                "Did you mean `true`?"
            ),
        ),
        (
            "commits:\n  header_max_length: 5\n",
            2,
            22,
            "`commits.header_max_length` must be a whole number of 20 to 10000, found the number 5",
        ),
        (
            "commits:\n  header_max_length: '72'\n",
            2,
            22,
            (
                "`commits.header_max_length` must be a whole number, found the text `72`. "
                "Did you mean `72`?"
            ),
        ),
        (
            "commits:\n  enforce: titel\n",
            2,
            12,
            (
                "`commits.enforce` must be one of `auto`, `title`, `commits`, `both` or `off`, "
                "found the text `titel`. Did you mean `title`?"
            ),
        ),
        (
            "commits:\n  subject_full_stop: '..'\n",
            2,
            22,
            "`commits.subject_full_stop` must be a single character, found the text `..`",
        ),
        (
            "commits:\n  ignored_authors: [bob, [x]]\n",
            2,
            26,
            "`commits.ignored_authors[1]` must be text or a whole number, found a list of 1",
        ),
        ("commits:\n", 1, 1, "`commits` must be a mapping of keys to values, found nothing"),
        (
            "commits: []\n",
            1,
            10,
            "`commits` must be a mapping of keys to values, found an empty list",
        ),
        ("- a\n", 1, 1, "the file must be a mapping of keys to values, found a list of 1"),
        ("feat", 1, 1, "the file must be a mapping of keys to values, found the text `feat`"),
        (
            "commits:\n  rules:\n    type-emty: error\n",
            3,
            5,
            "unknown key `commits.rules.type-emty`. Did you mean `type-empty`?",
        ),
        (
            "commits:\n  rules: {type-empty: eror}\n",
            2,
            23,
            (
                "`commits.rules.type-empty` must be one of `disabled`, `warning` or `error`, "
                "found the text `eror`. Did you mean `error`?"
            ),
        ),
        (
            "commits:\n  scope_patterns:\n    - ok\n    - 'a('\n",
            4,
            7,
            (
                "`commits.scope_patterns[1]`: this is not an RE2 pattern: missing ): a(, "
                "found the text `a(`"
            ),
        ),
        (
            "commits:\n  scope_patterns: ['(?=x)']\n",
            2,
            20,
            (
                "`commits.scope_patterns[0]`: this is not an RE2 pattern: "
                "invalid perl operator: (?=, found the text `(?=x)`"
            ),
        ),
        (
            "version: 1\nversion: 1\n",
            2,
            1,
            "the key `version` stands twice: it stood on line 1 already",
        ),
        ("<<: {version: 1}\n", 1, 1, "merge keys (`<<`) are not read here: write the keys out"),
        ("? [a]\n: 1\n", 1, 3, "a key must be a plain name"),
        (
            "version: !!python/object:os.system x\n",
            1,
            10,
            "tags such as `tag:yaml.org,2002:python/object:os.system` are not read here",
        ),
        (
            "version: 1\n---\nversion: 1\n",
            2,
            1,
            "a second document begins here: the policy is one document",
        ),
        (
            "version: *one\n",
            1,
            10,
            "the alias `*one` names no anchor (`&one`) that ends before it",
        ),
        (
            "commits: &c\n  rules: *c\n",
            2,
            10,
            "the alias `*c` names no anchor (`&c`) that ends before it",
        ),
        ("commits:\n\ttypes: [a]\n", 2, 1, "a tab stands here: YAML indents with spaces only"),
        (
            "commits: enforce: title\n",
            1,
            17,
            (
                "a second `: ` stands here, or the indentation is off: "
                "quote the value, or align the key with its neighbours"
            ),
        ),
        (
            "commits:\n  types: [feat, fix\n  enforce: title\n",
            3,
            10,
            "the list that opens on line 2 with `[` is not closed with `]`, or a comma is missing",
        ),
        (
            "commits: {types: [feat]\n",
            2,
            1,
            (
                "the mapping that opens on line 1 with `{` is not closed with `}`, "
                "or a comma is missing"
            ),
        ),
        (
            "commits:\n  enforce: 'title\n",
            3,
            1,
            "the quote that opens on line 2 is never closed",
        ),
        (
            "commits:\n  scopes:\n    - a\n   - b\n",
            4,
            4,
            "the indentation does not fit the keys that begin on line 2",
        ),
        (
            "commits:\n  types:\n  - feat\n  -fix\n",
            4,
            3,
            (
                "this is neither a key (`name: value`) nor a list's item (`- value`): "
                "a colon or a space is missing"
            ),
        ),
        (
            "commits:\n  scopes: [@acme]\n",
            2,
            12,
            "no value can begin with this character: put the value in single quotes",
        ),
        (
            'commits:\n  scopes: ["a\\d"]\n',
            2,
            15,
            (
                "a backslash in double quotes must begin a known escape: "
                "use single quotes, where a backslash is a backslash"
            ),
        ),
        ("commits:\n  scopes: *\n", 2, 12, "`*` begins an alias: put the value in quotes"),
        ("a: \x00\n", 1, 4, "the character U+0000 is not allowed in a YAML file"),
        ("a: 1\nb: \x1b[31m\n", 2, 4, "the character U+001B is not allowed in a YAML file"),
        ('a: "\\UFFFFFFFF"\n', 1, 1, "from here on this is not valid YAML"),
    ],
)
def test_a_fault_is_named_at_its_place(text: str, line: int, column: int, message: str) -> None:
    assert problem_of(text) == (line, column, message)


def test_all_problems_are_reported_together_in_the_order_of_the_file() -> None:
    found = problems_of(
        "version: 3\ncommits:\n  types: feat\n  types: fix\n  enforced: auto\nrelase: {}\n"
    )
    assert [(problem.line, problem.path) for problem in found] == [
        (1, "version"),
        (3, "commits.types"),
        (4, "commits.types"),
        (5, "commits.enforced"),
        (6, "relase"),
    ]
    assert found[3].excerpt == "  enforced: auto"


def test_the_list_of_problems_is_bounded() -> None:
    found = problems_of("".join(f"k{number}: 1\n" for number in range(500)))
    assert len(found) == MAX_PROBLEMS
    assert found[-1].line == MAX_PROBLEMS


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 5)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\n" * 100_000, "the file is larger than 64 KB, which is all that is read"),
        ("# é" * 20_000, "the file is larger than 64 KB, which is all that is read"),
        ("[" * 60_000, f"this is nested deeper than {MAX_DEPTH} levels"),
        ("{a: " * 15_000, f"this is nested deeper than {MAX_DEPTH} levels"),
        ("- " * 30_000, f"this is nested deeper than {MAX_DEPTH} levels"),
        pytest.param(
            f"commits:\n  scopes: [{'a, ' * MAX_NODES}]",
            f"the file holds more than {MAX_NODES} values, aliases written out",
            marks=pytest.mark.slow,
        ),
        (
            f"a: &a 1\nb: [{'*a, ' * (MAX_ALIASES + 1)}]",
            f"more than {MAX_ALIASES} aliases (`*name`): write the values out",
        ),
        (bomb(), f"the file holds more than {MAX_NODES} values, aliases written out"),
    ],
    ids=["1 MB", "bytes count", "lists", "mappings", "block lists", "many", "aliases", "bomb"],
)
def test_a_hostile_size_is_refused_before_it_costs_anything(text: str, message: str) -> None:
    with counting() as counted:
        (problem,) = problems_of(text)
    assert problem.message == message
    # So many for each byte of the greatest file: what is beyond a limit is not read, nor built.
    assert counted.calls < 60 * MAX_BYTES


def test_a_file_of_just_the_greatest_size_is_read() -> None:
    text = "version: 1\n"
    assert parse_policy(text + "#" * (MAX_BYTES - len(text))) == DEFAULT_POLICY
    assert problems_of(text + "#" * (MAX_BYTES - len(text) + 1))


MARKS = [*":,[]{}&*!|>'\"%@`#?-\t\n \\1.~", ": ", "- ", "\n  ", "\r\n", "\x85", "\u2028", "\ufeff"]
WORDS = ["commits", "types", "version", "rules", "<<", "---", "...", "&a ", "*a", "\\UFFFFFFFF"]
SPECIALS = ["%YAML 1.1\n", "%YAML 9.9\n", "%TAG ! x\n", "!<", "!!set ", "|9\n", ">-\n", "\ud800"]
PIECES = st.lists(st.sampled_from([*MARKS, *WORDS, *SPECIALS]), max_size=40).map("".join)


@given(st.one_of(st.text(max_size=80), PIECES))
@example("\ud800")
@example("%YAML 1.a\n---\n")
@example("a: |\n  \x85\n")
@example("a: &x &y b")
@example("? ")
def test_whatever_the_text_it_is_a_policy_or_problems_with_places(text: str) -> None:
    parsed = parse_policy(text)
    if isinstance(parsed, PolicyProblems):
        assert parsed.problems
        for problem in parsed.problems:
            assert problem.line >= 1
            assert problem.column >= 1
            assert problem.message
    else:
        assert isinstance(parsed, Policy)
