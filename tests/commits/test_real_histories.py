"""Real histories, where they are: nothing crashes, and the shares of each kind are told at the end.

``LOCKGATE_TEST_HISTORIES`` names a folder of ``*.jsonl`` files with ``{"sha", "message"}`` a line;
without it the folder ``../shared/data/commits`` beside the repository is looked for.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.core.commits.lint import lint_header, lint_message
from bot.core.commits.message import MessageKind
from bot.core.commits.parse import parse_message, print_message

ROOT = Path(__file__).parents[2]
FOLDER = Path(
    os.environ.get("LOCKGATE_TEST_HISTORIES") or ROOT.parent / "shared" / "data" / "commits"
)
HISTORIES = sorted(FOLDER.glob("*.jsonl"))

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not HISTORIES, reason="no histories: name their folder in LOCKGATE_TEST_HISTORIES"
    ),
]


def messages(history: Path) -> Iterator[str]:
    with history.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["message"]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
def test_a_history(history: Path, record_property: Callable[[str, object], None]) -> None:
    kinds: Counter[MessageKind] = Counter()
    broken: Counter[str] = Counter()
    valid = suggested = 0
    for text in messages(history):
        message = parse_message(text)
        assert parse_message(print_message(message)) == message
        header = text.split("\n", 1)[0]
        assert parse_message(header).kind is message.kind
        kinds[message.kind] += 1
        lint = lint_message(message)
        valid += lint.valid
        suggested += bool(lint.suggestion)
        broken.update(problem.rule.name for problem in lint.problems)
        if lint.suggestion:
            assert lint_header(lint.suggestion).valid
    total = kinds.total()
    assert total
    shares = {kind.value: f"{kinds[kind] / total:.1%}" for kind in MessageKind}
    row = {"history": history.stem, "messages": str(total), **shares}
    row |= {"valid": f"{valid / total:.1%}", "suggested": f"{suggested / total:.1%}"}
    record_property("history", row)  # the summary at the end is made of it
    print(f"\n{history.stem} breaks {dict(broken)}")
