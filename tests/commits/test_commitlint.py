"""What commitlint's config-conventional refuses, Lockgate refuses, but for what the docs name.

commitlint itself is asked, by one process, about messages that are drawn from good and bad parts.
"""

import json
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from config_conventional import ERRORS

from bot.core.commits.lint import Lint, lint_message
from bot.core.commits.message import MessageKind

ROOT = Path(__file__).parents[2]
ASKED = Path(__file__).with_name("commitlint_says.mjs")
PACKAGES = ("config-conventional", "lint", "load")
MESSAGES = 800

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None
    or not all((ROOT / "node_modules/@commitlint" / name).exists() for name in PACKAGES),
    reason="npm's @commitlint packages are not installed (npm install)",
)

# The good ones first; by far the most parts are good, or every message would have many faults.
TYPES = (
    ("feat", "fix", "docs", "revert"),
    ("feature", "Feat", "FIX", "fEat", "api fix", "", " fix"),
)
SCOPES = (("", "", "(api)", "(api/web)"), ("(API)", "( api )", "()", "(api,web)", "(", ")"))
COLONS = ((": ", ": ", "!: "), (":", " : ", ":  ", " ", "!!: ", "： "))
SUBJECTS = (
    (
        "add search",
        "`Search` is added",
        "3 Results",
        "ünder the line",
        "中文",
        "🎉 Add search",
        "add search...",
        "addSearch",
        "iOS is told apart",
        "add: search",
    ),
    (
        "Add search",
        "Add Search",
        "ADD SEARCH",
        "AddSearch",
        "Add-search",
        "FOO_BAR",
        "API",
        "A",
        "X: y",
        "Über alles",
        "Ǆ",
        "add search.",
        "add search. (#12)",
        "add search…",
        "",
        " ",
        "(#12)",
    ),
)
OTHERS = (
    "Merge branch 'main' into search",
    "Merge pull request #1 from octo/search",
    "Merge tag 'v1'",
    "Merge branches 'main' and 'search'",
    'Merge "Add search"',
    "Auto merge of #12 - octo:search, r=ada",
    'Revert "feat: add search"',
    'Reapply "feat: add search"',
    "Revert the parser",
    "fixup! feat: add search",
    "amend! add search",
    "Initial commit",
    "Merge the two parsers",
    "v1.2.3",
    "chore: 1.2.3",
    "WIP",
)
GAPS = (("\n\n",), ("\n", "\n\n\n", "\n \n", "\r\n\r\n"))
LINES = (
    ("It says why.", "", "# comment", "- one\n- two", "x" * 100, "https://x.test/" + "a" * 100),
    ("x" * 101, "word " * 21, "é" * 101, "🎉" * 60, " " * 4 + "c" * 97, "ftp://" + "a" * 100),
)
FOOTERS = (
    ("Refs: #12", "Closes #12", "BREAKING CHANGE: it is gone", "Signed-off-by: Ada <ada@x.test>"),
    (
        "BREAKING CHANGE: " + "a" * 100,
        "BREAKING-CHANGE: " + "a" * 100,
        "Refs: " + "a" * 100,
        "Note: it\n goes on " + "a" * 100,
        "Closes " + "a" * 100 + " #12",
        "Breaking Change: it is gone",
        "Signed-off-by: dependabot[bot] <support@github.com>",
    ),
)
AROUND = (("",), ("\n", " ", "\t", "\n\n"))


def drawn(chance: random.Random, parts: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    return chance.choice(parts[chance.random() < 0.12])


def drawn_header(chance: random.Random) -> str:
    if chance.random() < 0.12:
        return chance.choice(OTHERS)
    header = "".join(drawn(chance, parts) for parts in (TYPES, SCOPES, COLONS, SUBJECTS))
    if chance.random() < 0.15:  # about the limit, and its suffix
        header += " and" * ((chance.randint(92, 104) - len(header)) // 4)
        header += chance.choice(("", "s", " (#1234)", " (#1234)"))
    return header


def drawn_messages(seed: int, count: int) -> Iterator[str]:
    chance = random.Random(seed)
    while count:
        text = drawn(chance, AROUND) + drawn_header(chance) + drawn(chance, AROUND)
        if chance.random() < 0.4:
            lines = (drawn(chance, LINES) for _ in range(chance.randint(1, 3)))
            text += drawn(chance, GAPS) + "\n".join(lines)
        if chance.random() < 0.4:
            footers = (drawn(chance, FOOTERS) for _ in range(chance.randint(1, 3)))
            text += drawn(chance, GAPS) + "\n".join(footers)
        if text.strip():  # commitlint raises on what is blank
            count -= 1
            yield text


def leniencies(text: str, lint: Lint) -> Iterator[tuple[str, set[str]]]:
    """What docs/reference/commit-rules.md lets pass in a message, with the rules of commitlint
    that this is about."""
    header, *lines = text.strip("\n").split("\n")
    header, lines = header.strip(), [line for line in lines if "https://" not in line]
    if lint.message.pull_number and len(header.rpartition(" (#")[0]) <= 100:
        yield "suffix", {"header-max-length"}
    if max(map(len, [header, *lines])) <= 100 < max(map(utf16, [header, *lines])):
        yield "characters", {"header-max-length", "body-max-line-length", "footer-max-line-length"}
    if "dependabot" in text:
        yield "dependency update", {"body-max-line-length", "footer-max-line-length"}
    if lint.message.kind is MessageKind.INITIAL:
        yield "initial commit", OF_OTHER_KINDS
    elif lint.message.kind is MessageKind.MERGE:
        yield "merge", OF_OTHER_KINDS
    elif text[0].isspace() and text.lstrip().startswith(("Re", "fixup!", "amend!")):
        yield "white space before a revert or fixup", OF_OTHER_KINDS


OF_OTHER_KINDS = {
    "type-empty",
    "subject-empty",
    "header-trim",
    "body-max-line-length",
    "footer-max-line-length",
}


def utf16(line: str) -> int:
    """A line's length as JavaScript counts it."""
    return len(line.encode("utf-16-le")) // 2


def asked(messages: list[str], folder: Path) -> list[set[str]]:
    """The rules of commitlint that each message breaks."""
    file = folder / "messages.json"
    file.write_text(json.dumps(messages))
    answer = subprocess.run(
        ["node", str(ASKED), str(file)], stdout=subprocess.PIPE, check=True, timeout=60
    )
    return [set(rules) for rules in json.loads(answer.stdout)]


def test_what_commitlint_refuses_is_refused(tmp_path: Path) -> None:
    messages = list(drawn_messages(1, MESSAGES))
    let_pass: dict[str, set[str]] = {}
    used: Counter[str] = Counter()
    agreed: Counter[bool] = Counter()
    broken: Counter[str] = Counter()
    for text, rules in zip(messages, asked(messages, tmp_path), strict=True):
        lint = lint_message(text)
        broken.update(rules)
        agreed[lint.valid] += lint.valid is not bool(rules)
        if lint.valid and rules:
            allowed = dict(leniencies(text, lint))
            used.update(name for name, about in allowed.items() if rules & about)
            if rules - set().union(*allowed.values()):
                let_pass[text] = rules
    assert let_pass == {}
    # The draw is worth something: every rule was broken, and every leniency was needed.
    assert set(broken) == ERRORS
    assert set(used) == {
        "suffix",
        "characters",
        "dependency update",
        "initial commit",
        "merge",
        "white space before a revert or fixup",
    }
    assert min(agreed[True], agreed[False]) > MESSAGES / 4
