"""A run over real histories ends with what they are made of."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MESSAGES = ("feat: add search", "fix: mend search", "Merge branch 'main' into search", "Add search")


def test_the_shares_are_told_at_the_end(tmp_path: Path) -> None:
    lines = (json.dumps({"sha": "a" * 40, "message": message}) for message in MESSAGES)
    (tmp_path / "shop.jsonl").write_text("\n".join(lines))
    options = ("-q", "-p", "no:cacheprovider")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests/commits/test_real_histories.py"],
        cwd=ROOT,
        env={**os.environ, "LOCKGATE_TEST_HISTORIES": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout
    _, _, told = ran.stdout.partition("shares of each kind in real histories")
    names, numbers = [line.split() for line in told.splitlines() if line][1:3]
    row = dict(zip(names, numbers, strict=True))
    assert (row["history"], row["messages"]) == ("shop", "4")
    assert {name: row[name] for name in ("conventional", "merge", "other", "valid")} == {
        "conventional": "50.0%",
        "merge": "25.0%",
        "other": "25.0%",
        "valid": "75.0%",
    }
