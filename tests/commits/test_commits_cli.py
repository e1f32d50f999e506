"""``lockgate commits check`` on real git repositories, files and streams."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import main

KEYS = [
    "header",
    "valid",
    "kind",
    "type",
    "scope",
    "breaking",
    "description",
    "body",
    "footers",
    "problems",
]


def git(*arguments: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the commits "Initial commit", "feat: a", "Add b"."""
    monkeypatch.chdir(tmp_path)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    git("init", "-q", "-b", "main", cwd=tmp_path)
    for message in ("Initial commit", "feat: a\n\nBody.\n\nRefs: #1\nCloses #2", "Add b"):
        commit(tmp_path, message)
    return tmp_path


def commit(repository: Path, message: str) -> None:
    git("commit", "-q", "--allow-empty", "-m", message, cwd=repository)


def check(*arguments: str, stdin: str | bytes | None = "") -> Result:
    return CliRunner().invoke(main, ["commits", "check", *arguments], input=stdin)


def records(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_range_as_json(repository: Path) -> None:
    result = check("--range", "HEAD~2..HEAD", "--format", "json")
    assert result.exit_code == 1
    bad, good = records(result)
    assert list(bad) == list(good) == KEYS
    assert bad["header"] == "Add b"
    assert (bad["valid"], bad["kind"], bad["type"]) == (False, "other", None)
    (problem,) = bad["problems"]
    assert list(problem) == ["rule", "message", "suggestion"]
    assert (problem["rule"], problem["suggestion"]) == ("type-empty", "feat: add b")
    assert good == {
        "header": "feat: a",
        "valid": True,
        "kind": "conventional",
        "type": "feat",
        "scope": None,
        "breaking": False,
        "description": "a",
        "body": "Body.",
        "footers": [{"token": "Refs", "value": "#1"}, {"token": "Closes", "value": "2"}],
        "problems": [],
    }


def test_a_range_as_text(repository: Path) -> None:
    result = check("--range", "HEAD")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "❌ fail  Add b",
        "         type-empty: the header has no type: it should read “type: description”",
        "         paste: feat: add b",
        "✅ pass  feat: a",
        "✅ pass  Initial commit",
        "1 of 3 messages needs changes",
    ]


def test_a_good_range(repository: Path) -> None:
    result = check("--range", "HEAD~2..HEAD~1")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 message in order")


def test_an_empty_range(repository: Path) -> None:
    result = check("--range", "HEAD..HEAD")
    assert (result.exit_code, result.stdout) == (0, "no message to check\n")
    assert check("--range", "HEAD..HEAD", "--format", "json").stdout == ""


def test_merges_are_known_by_their_parents(repository: Path) -> None:
    git("checkout", "-q", "-b", "side", "HEAD~1", cwd=repository)
    commit(repository, "fix: c")
    git("merge", "-q", "--no-ff", "-m", "bring main up to date", "main", cwd=repository)
    result = check("--range", "HEAD^..HEAD", "--format", "json")
    assert [record["kind"] for record in records(result)] == ["merge", "other"]


def test_the_users_git_settings_do_not_matter(repository: Path) -> None:
    for key, value in [
        ("log.showSignature", "true"),
        ("color.ui", "always"),
        ("log.decorate", "full"),
        ("i18n.logOutputEncoding", "latin1"),
        ("format.pretty", "fuller"),
    ]:
        git("config", key, value, cwd=repository)
    commit(repository, "feat: größer")
    result = check("--range", "HEAD~1..HEAD", "--format", "json")
    assert [record["header"] for record in records(result)] == ["feat: größer"]


def test_ignored_authors_are_known_by_githubs_private_address(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = repository / "policy.yml"
    for email, ignored, exit_code in [
        ("49699333+dependabot[bot]@users.noreply.github.com", "'dependabot[bot]'", 0),
        ("49699333+dependabot[bot]@users.noreply.github.com", "49699333", 0),
        ("dependabot@users.noreply.github.com", "dependabot", 0),
        ("dependabot@example.com", "dependabot", 1),
    ]:
        monkeypatch.setenv("GIT_AUTHOR_EMAIL", email)
        commit(repository, "Bump a from 1 to 2")
        policy.write_text(f"commits:\n  ignored_authors: [{ignored}]\n")
        result = check("--range", "HEAD^..HEAD", "--policy", str(policy))
        assert result.exit_code == exit_code
        assert ("➖ skip" in result.stdout) is (exit_code == 0)


@pytest.mark.parametrize("range_", ["nowhere..HEAD", "", "--output=stolen", "-p", "HEAD --all"])
def test_a_range_that_git_rejects(repository: Path, range_: str) -> None:
    result = check(f"--range={range_}")
    assert result.exit_code == 2
    assert result.stdout == ""
    error, help_ = result.stderr.splitlines()
    assert error.startswith(f"error: git rejects the range {range_}: ")
    assert help_.startswith("help: give a range of commits")
    assert not (repository / "stolen").exists()


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    result = check("--range", "HEAD")
    assert result.exit_code == 2
    assert "not a git repository" in result.stderr


# --- files and streams ---------------------------------------------------------------------------


def test_a_commit_msg_hook(repository: Path) -> None:
    hook = repository / ".git" / "hooks" / "commit-msg"
    code = "from bot.cli.main import main; main()"
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" commits check "$1"\n')
    hook.chmod(0o755)
    root = str(Path(__file__).parents[2])
    git("commit", "-q", "--allow-empty", "-m", "fix: d", cwd=repository, PYTHONPATH=root)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        git("commit", "-q", "--allow-empty", "-m", "Add e", cwd=repository, PYTHONPATH=root)
    assert "type-empty" in refused.value.stderr + refused.value.stdout
    assert git("log", "-1", "--format=%s", cwd=repository) == "fix: d"


TEMPLATE = """
# Please enter the commit message
feat: a
# a comment

Body.
; no comment
# ------------------------ >8 ------------------------
diff --git a/a b/a
+BREAKING CHANGE: not in the message
"""


def test_comments_and_scissors_are_cut_from_a_file(repository: Path) -> None:
    file = repository / "message"
    file.write_text(TEMPLATE)
    (record,) = records(check("--format", "json", "message"))
    assert (record["header"], record["body"]) == ("feat: a", "Body.\n; no comment")
    assert record["breaking"] is False


@pytest.mark.parametrize("key", ["core.commentChar", "core.commentString"])
def test_the_repositorys_comment_character_counts(repository: Path, key: str) -> None:
    git("config", key, ";", cwd=repository)
    file = repository / "message"
    file.write_text(TEMPLATE.replace("#", ";").replace("; no comment", "# no comment"))
    (record,) = records(check("--format", "json", "message"))
    assert record["body"] == "Body.\n# no comment"


def test_a_cleanup_that_keeps_comments(repository: Path) -> None:
    git("config", "commit.cleanup", "scissors", cwd=repository)
    (repository / "message").write_text("feat: a\n\n# kept\n")
    (record,) = records(check("--format", "json", "message"))
    assert record["body"] == "# kept"


def test_standard_input_is_taken_as_it_is() -> None:
    (record,) = records(check("--format", "json", "-", stdin="feat: a\n\n# heading\n"))
    assert record["body"] == "# heading"


def test_messages_parted_by_nul() -> None:
    stream = b"feat: a\n\nbody\n\0\0Add b\0fix: \xff\n\0"
    result = check("-z", "--format", "json", stdin=stream)
    assert result.exit_code == 1
    assert [(record["header"], record["valid"]) for record in records(result)] == [
        ("feat: a", True),
        ("", False),
        ("Add b", False),
        ("fix: \ufffd", True),
    ]


def test_nul_parted_messages_longer_than_a_chunk(tmp_path: Path) -> None:
    file = tmp_path / "messages"
    long = "feat: a\n\n" + "b\n" * 100_000
    file.write_bytes(b"\0".join([long.encode(), b"fix: c", long.encode()]))
    result = check("-z", "--format", "json", str(file))
    assert [len(record["body"]) for record in records(result)] == [199_999, 0, 199_999]


def test_what_git_log_writes(repository: Path) -> None:
    log = subprocess.run(
        ["git", "log", "-z", "--format=%B"], cwd=repository, capture_output=True, check=True
    )
    result = check("-z", "--format", "json", stdin=log.stdout)
    assert result.stdout == check("--range", "HEAD", "--format", "json").stdout


def test_hostile_text_cannot_steer_the_terminal() -> None:
    result = check("-", stdin="Add \x1b[2J\x1b]0;x\x07 \u202e b" + "c" * 1_000)
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert len(result.stdout.splitlines()[0]) < 120


def test_a_missing_file(tmp_path: Path) -> None:
    result = check(str(tmp_path / "nothing"))
    assert result.exit_code == 2
    assert "nothing cannot be read: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--range", "HEAD", "file"), ("--range", "HEAD", "-z"), ("--format", "xml"), ("a", "b")],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert check(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "yes"}, False)],
)
def test_colour_on_a_terminal(environment: dict[str, str], coloured: bool, tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_text("feat: a\n")
    inherited = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    terminal, inside = pty.openpty()
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from bot.cli.main import main; main()",
            "commits",
            "check",
            message,
        ],
        stdout=inside,
        env=inherited | environment,
        check=True,
    )
    os.close(inside)
    shown = os.read(terminal, 10_000)
    os.close(terminal)
    assert b"feat: a" in shown
    assert (b"\x1b[32m" in shown) is coloured


def test_no_colour_elsewhere() -> None:
    assert "\x1b" not in check("-", stdin="feat: a").stdout


# --- the policy ----------------------------------------------------------------------------------


def test_a_policy_file(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("commits:\n  types: [add]\n")
    assert check("--policy", str(policy), "-", stdin="add: b").exit_code == 0
    assert check("--policy", str(policy), "-", stdin="feat: b").exit_code == 1


def test_the_repositorys_own_policy_is_used(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".github").mkdir()
    (repository / ".github" / "lockgate.yml").write_text("commits:\n  types: [add]\n")
    (repository / "below").mkdir()
    monkeypatch.chdir(repository / "below")
    assert check("-", stdin="add: b").exit_code == 0
    assert check("-", stdin="feat: b").exit_code == 1


def test_a_policy_with_problems(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("commits:\n  typs: [add]\n")
    result = check("--policy", str(policy), "-", stdin="feat: b")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "line 2, column 3" in result.stderr
    assert "lockgate policy check" in result.stderr


def test_a_policy_that_is_not_there(tmp_path: Path) -> None:
    result = check("--policy", str(tmp_path / "none.yml"), "-", stdin="feat: b")
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_help_has_examples() -> None:
    result = CliRunner().invoke(main, ["commits", "check", "--help"])
    assert result.exit_code == 0
    assert "lockgate commits check --range origin/main..HEAD" in result.stdout


@pytest.mark.long
def test_memory_stays_flat_over_many_messages() -> None:
    """A child's peak memory over 100,000 messages is that over a thousand, within 8 MB."""
    code = (
        "import resource, sys\nfrom bot.cli.main import main\n"
        "try:\n    main(['commits', 'check', '-z'])\n"
        "except SystemExit:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = []
    for count in (1_000, 100_000):
        child = subprocess.run(
            [sys.executable, "-c", code],
            input=b"feat: add a thing\n\nbody\n\nRefs: #1\0" * count,
            capture_output=True,
            check=True,
        )
        assert child.stdout.splitlines()[-1] == f"{count} messages in order".encode()
        peaks.append(int(child.stderr) * unit)
    assert peaks[1] - peaks[0] < 8 * 1024 * 1024
