"""``lockgate promote`` and its siblings: arguments, tokens, and what is shown; nothing is typed."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.following import End, Errand, JsonTeller, TextTeller, Typed
from bot.cli.main import main
from bot.core.commands.following import BotApp, Ended, Noticed, Stepped, StepState, UnderWay
from bot.core.commands.requests import StatusRequest
from bot.core.model import GHOST, PullRef, RepoRef, Sha
from bot.ports.operations import PullFacts
from bot.ports.person import Posted

TOKEN = "ghp_0123456789abcdef"
COMMANDS = ("gates", "lock", "promote", "rollback", "status", "unlock")


@pytest.fixture(autouse=True)
def _away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials, and a GitHub that nobody must ask."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCKGATE_HOME", str(tmp_path))
    monkeypatch.setenv("GITHUB_API_URL", "https://nobody.invalid")
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)


def run(*arguments: str, stdin: str = "", token: str = "") -> Result:
    environ = {"GITHUB_TOKEN": token} if token else {}
    return CliRunner().invoke(main, arguments, input=stdin, env=environ)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples_and_exit_codes(command: str) -> None:
    said = run(command, "--help").output
    assert f"  lockgate {command} octo/shop" in said
    assert "  3  no answer" in said
    options = ("--environment", "--pull", "--timeout", "--format", "--token-file", "--app")
    assert all(option in said for option in options)
    assert "--token " not in said, "no secret is an argument"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("promote", "octo"), "“octo” names no repository"),
        (("promote", "octo/shop/x"), "names no repository"),
        (("promote", "octo/\x1b[2J"), r"\u001b"),
        (("promote", "octo/shop", "no such"), "is no tag and no commit's id"),
        (("promote", "octo/shop", "--", "--dry-run"), "is no tag and no commit's id"),
        (("rollback", "octo/shop", "a..b"), "is no tag and no commit's id"),
        (("lock", "octo/shop"), "missing option '--reason'"),
        (("lock", "octo/shop", "--reason", " "), "the reason is empty"),
        (("lock", "octo/shop", "--reason", "x" * 301), "301 characters"),
        (("status", "octo/shop", "--timeout", "soon"), "must be a duration"),
        (("status", "octo/shop", "--timeout", "0s"), "longer than nothing"),
        (("status", "octo/shop", "--pull", "0"), "0 is not in the range"),
        (("status", "octo/shop", "--app", "a b"), "is no App's slug"),
        (("status", "octo/shop"), "there is no token to type with"),
        (("status", "octo/shop", "--token-file", "none"), "cannot be read: No such file"),
        (("status", "octo/shop", "--token-file", "two"), "holds what no token holds"),
        (("status", "octo/shop", "--token-file", "binary"), "holds what no token holds"),
        (("status", "octo/shop", "--token-file", "empty"), "holds what no token holds"),
        (("status", "octo/shop", "--token-file", "-"), "holds what no token holds"),
    ],
)
def test_wrong_use_is_said_and_nothing_is_asked(arguments: tuple[str, ...], words: str) -> None:
    for name, text in (("two", f"{TOKEN} {TOKEN}"), ("empty", "\n")):
        Path(name).write_text(text)
    Path("binary").write_bytes(b"\xff\x00")
    result = run(*arguments, stdin=f"{TOKEN}\n{TOKEN}\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert "\x1b" not in result.stderr
    assert TOKEN not in result.output


def test_a_file_goes_before_the_environment() -> None:
    Path("two").write_text("a b")
    result = run("status", "octo/shop", "--token-file", "two", token=TOKEN)
    assert "the token file holds what no token holds" in result.stderr
    result = run("status", "octo/shop", token="ghp with a blank")
    assert "GITHUB_TOKEN: it holds what no token holds" in result.stderr
    assert "blank" not in result.stderr


def test_a_github_that_is_not_there_is_unknown_in_json_too() -> None:
    result = run("status", "octo/shop", "--format", "json", token=TOKEN)
    assert result.exit_code == 3
    summary = json.loads(result.stdout)
    assert (summary["event"], summary["ok"], summary["outcome"]) == ("summary", False, "unknown")
    assert "GitHub gave no answer" in summary["text"]
    assert "error: could not read the repository octo/shop" in result.stderr
    assert TOKEN not in result.output


# what is shown

REPO = RepoRef(0, 1, "octo", "shop")
FACTS = PullFacts(
    ref=PullRef(REPO, 2),
    title="feat: x",
    author=GHOST,
    head_sha=Sha("a" * 40),
    head_ref="add-x",
    base_ref="main",
    merged=False,
    merge_sha=None,
    open=True,
    from_fork=False,
    private=False,
)
APP = BotApp("lockgate")


def typed(login: str = "ada", url: str = "https://github.test/2") -> Typed:
    posted = Posted(7, login, url, datetime(2026, 3, 2, tzinfo=UTC))
    return Typed("/promote", FACTS, posted, APP)


def shown(teller: TextTeller | JsonTeller, whose: Typed) -> None:
    teller.typed(whose)
    for news in (
        Noticed(),
        UnderWay("Promoting x"),
        Stepped(StepState.DONE, "gates"),
        Stepped(StepState.WAITING, "e2e runs"),
        Stepped(StepState.UNKNOWN, "GitHub was not told"),
        Stepped(StepState.FAILED, "lock"),
        Ended(False, ("No.", "Next: x")),
    ):
        teller.news(news, APP)
    teller.end(End(1, ("No.", "Next: x")), whose, 1.23456)


def test_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    shown(TextTeller(plain=False), typed())
    assert capsys.readouterr().out == (
        "/promote\n"
        "typed by ada on octo/shop#2: https://github.test/2\n"
        "👀 seen by lockgate[bot]\n"
        "⏩ Promoting x\n"
        "✅ gates\n"
        "⏳ e2e runs\n"
        "⚠️ GitHub was not told\n"
        "❌ lock\n"
        "\n"
        "No.\n"
        "Next: x\n"
    )


@pytest.mark.parametrize(("plain", "colours"), [(False, True), (True, False)])
def test_colour_on_a_terminal_only(
    plain: bool,
    colours: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown(TextTeller(plain=plain), typed())
    out = capsys.readouterr().out
    assert ("\x1b[32mgates\x1b[0m" in out) is colours
    assert ("\x1b[31mNo.\x1b[0m" in out) is colours
    assert ("\x1b" in out) is colours


@pytest.mark.parametrize("teller", [lambda: TextTeller(plain=True), JsonTeller])
def test_what_github_says_does_not_steer_the_terminal(
    teller: Callable[[], TextTeller | JsonTeller], capsys: pytest.CaptureFixture[str]
) -> None:
    shown(teller(), typed("\x1b]0;x\x07", "https://github.test/\u202e\x9b"))
    out = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(out)


def test_one_object_a_line_for_programs() -> None:
    lines: list[str] = []
    shown(JsonTeller(lines.append), typed())
    *events, summary = map(json.loads, lines)
    assert [each["event"] for each in events] == ["typed", "seen", "progress", *["step"] * 4]
    assert events[0] == {
        "event": "typed",
        "line": "/promote",
        "pull": "octo/shop#2",
        "by": "ada",
        "url": "https://github.test/2",
    }
    assert [each["state"] for each in events[3:]] == ["done", "waiting", "unknown", "failed"]
    assert summary == {
        "event": "summary",
        "ok": False,
        "outcome": "refused",
        "text": "No.\nNext: x",
        "url": "https://github.test/2",
        "seconds": 1.235,
    }


def test_who_interrupts_is_told_what_is_known() -> None:
    errand = Errand("octo", "shop", StatusRequest(), JsonTeller())
    assert errand.stopped() == End(3, ("Stopped, and nothing was typed.",))
    errand.posting = True
    assert "look at the pull request whether it was" in errand.stopped().lines[0]
    errand.typed = typed()
    assert errand.stopped().exit_code == 3
    assert "it goes on all the same, and https://github.test/2" in errand.stopped().lines[0]
