"""``lockgate commits``: check messages of a local history, a hook's file or a stream."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import click

from bot.cli.errors import CommandError
from bot.cli.groups import Group

if TYPE_CHECKING:  # the policy's models take long to import, and --help needs none of them
    from bot.core.commits.config import CommitsConfig
    from bot.core.commits.lint import Lint
    from bot.core.model import Actor

_CHUNK = 1 << 16
_POLICY = Path(".github") / "lockgate.yml"
_SCISSORS = " ------------------------ >8 ------------------------"
"""What git writes after the comment character: https://git-scm.com/docs/git-commit#_options"""
_SHOWN = 100
"""Characters of a header on one line."""
# https://docs.github.com/account-and-profile/reference/email-addresses-reference
_PRIVATE_ADDRESS = re.compile(
    r"(?:(?P<id>\d{1,18})\+)?(?P<login>[A-Za-z0-9-]+(?:\[bot\])?)@users\.noreply\.[\w.-]+"
)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def commits() -> None:
    """Check commit messages against Conventional Commits."""


@commits.command()
@click.option("--policy", "policy_file", metavar="FILE", help="The policy to hold messages to.")
@click.option("--range", "range_", metavar="A..B", help="Check the commits of a git range.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one object a line, one line a message.",
)
@click.option("-z", "nul", is_flag=True, help="Messages are separated by NUL.")
@click.option("--no-color", envvar="NO_COLOR", hidden=True, help="Any text: no colour.")
@click.argument("file", required=False)
def check(
    policy_file: str | None,
    range_: str | None,
    format_: str,
    nul: bool,
    no_color: str | None,
    file: str | None,
) -> None:
    """Check messages: of a git range in git log's order, of one FILE, or of standard input (-).

    Without --policy, .github/lockgate.yml of the repository around is used, else the defaults. In
    a FILE, comment lines and all below git's scissors line are passed over as git does, so that
    this can be a commit-msg hook.

    \b
    Examples:
      lockgate commits check --range origin/main..HEAD
      lockgate commits check .git/COMMIT_EDITMSG
      git log -z --format=%B v1.0.0.. | lockgate commits check -z --format json

    \b
    Exit codes:
      0  all are valid
      1  some are not
      2  they could not be checked
    """
    if range_ is not None and (file is not None or nul):
        raise CommandError(
            "--range cannot be combined with a file or -z", "give one source of messages"
        )
    if range_ is None and file is None and not nul and sys.stdin.isatty():
        raise CommandError(
            "there is nothing to check", "name a file, give --range A..B, or pipe a message in"
        )
    config = _load_config(policy_file)
    if range_ is not None:
        messages = _range_messages(range_)
    else:
        messages = _stream_messages(file or "-", nul=nul)
    write = _JsonOutput() if format_ == "json" else _TextOutput(plain=bool(no_color))
    sys.exit(_run(messages, config, write))


@dataclass(frozen=True, slots=True)
class _Source:
    """A message with what git knows of its commit."""

    text: str
    parents: int = 1
    author_email: str = ""


def _run(
    messages: Iterator[_Source], config: "CommitsConfig", out: "_JsonOutput | _TextOutput"
) -> int:
    from bot.core.commits.lint import lint_message
    from bot.core.commits.parse import parse_message

    for source in messages:
        message = parse_message(source.text, parents=source.parents)
        out.add(lint_message(message, config, _author(source.author_email)))
    out.finish()
    return 1 if out.invalid else 0


def _author(email: str) -> "Actor | None":
    """The account behind GitHub's private address, the only one that names an account."""
    from bot.core.model import Actor, ActorKind

    match = _PRIVATE_ADDRESS.fullmatch(email)
    if not match:
        return None
    kind = ActorKind.BOT if match["login"].endswith("[bot]") else ActorKind.USER
    return Actor(int(match["id"] or 0), match["login"], kind)


class _JsonOutput:
    """One object a line. The keys and their order are fixed: others read them."""

    def __init__(self) -> None:
        self.invalid = 0
        self._stdout = sys.stdout

    def add(self, lint: "Lint") -> None:
        message = lint.message
        self.invalid += not lint.valid
        record = {
            "header": message.header,
            "valid": lint.valid,
            "kind": message.kind.value,
            "type": message.type,
            "scope": message.scope,
            "breaking": message.breaking,
            "description": message.description,
            "body": message.body,
            "footers": [
                {"token": footer.token, "value": footer.value} for footer in message.footers
            ],
            "problems": [
                {
                    "rule": problem.rule.name,
                    "message": problem.message,
                    "suggestion": problem.suggestion,
                }
                for problem in lint.problems
            ],
        }
        self._stdout.write(json.dumps(record) + "\n")

    def finish(self) -> None:
        self._stdout.flush()


class _TextOutput:
    """One line a message, the problems and the line to paste below it, the result last."""

    def __init__(self, *, plain: bool) -> None:
        self.invalid = 0
        self._total = 0
        self._warned = 0
        self._stdout = sys.stdout
        if isinstance(self._stdout, TextIOWrapper):
            self._stdout.reconfigure(errors="replace")
        self._colour = self._stdout.isatty() and not plain

    def add(self, lint: "Lint") -> None:
        self._total += 1
        self.invalid += not lint.valid
        self._warned += lint.valid and bool(lint.problems)
        header = _printable(lint.message.header) or "(empty message)"
        verdict = self._verdict(lint)
        self._stdout.write(f"{verdict}  {header}\n")
        if not lint.problems:
            return
        for problem in lint.problems:
            text = _printable(problem.message, 1_000)
            level = "warning, " if problem.level.value == "warning" else ""
            self._stdout.write(f"         {level}{problem.rule.name}: {text}\n")
        if lint.suggestion:
            self._stdout.write(f"         paste: {_printable(lint.suggestion, 1_000)}\n")

    def finish(self) -> None:
        self._stdout.write(f"{self._result()}\n")
        self._stdout.flush()

    def _verdict(self, lint: "Lint") -> str:
        text, colour = ("✅ pass", "green") if lint.valid else ("❌ fail", "red")
        if lint.ignored:
            text, colour = "➖ skip", "white"
        return click.style(text, fg=colour) if self._colour else text

    def _result(self) -> str:
        noun = "message" if self._total == 1 else "messages"
        if not self._total:
            return "no message to check"
        if self.invalid:
            verb = "needs" if self.invalid == 1 else "need"
            return f"{self.invalid} of {self._total} {noun} {verb} changes"
        warned = f", {self._warned} with warnings" if self._warned else ""
        return f"{self._total} {noun} in order{warned}"


def _printable(text: str, limit: int = _SHOWN) -> str:
    """Text that cannot steer the terminal, on one line, cut."""
    if len(text) > limit:
        text = f"{text[: limit - 1]}…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "�" for char in text)


def _load_config(policy_file: str | None) -> "CommitsConfig":
    from bot.core.commits.config import DEFAULT_CONFIG

    if policy_file is None:
        top = _git_output("rev-parse", "--show-toplevel")
        path = Path(top) / _POLICY if top else None
        if path is None or not path.is_file():
            return DEFAULT_CONFIG
    else:
        path = Path(policy_file)
    from bot.core.policy import PolicyProblems, parse_policy

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"the policy {path} cannot be read: {_reason(error)}", "name a readable UTF-8 file"
        ) from error
    policy = parse_policy(text)
    if isinstance(policy, PolicyProblems):
        first = policy.problems[0]
        raise CommandError(
            f"the policy {path} has {len(policy.problems)} "
            f"{'problem' if len(policy.problems) == 1 else 'problems'}; "
            f"line {first.line}, column {first.column}: {first}",
            f"`lockgate policy check {path}` lists all of them",
        )
    return policy.commits


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"


def _stream_messages(file: str, *, nul: bool) -> Iterator[_Source]:
    if file == "-":
        yield from _read_messages(sys.stdin.buffer, nul=nul)
        return
    try:
        with Path(file).open("rb") as stream:
            if nul:
                yield from _read_messages(stream, nul=True)
            else:
                yield _Source(_without_comments(_decoded(stream.read())))
    except OSError as error:
        raise CommandError(
            f"{file} cannot be read: {_reason(error)}",
            "name a readable file, or - for standard input",
        ) from error


def _read_messages(stream: IO[bytes], *, nul: bool) -> Iterator[_Source]:
    if not nul:
        yield _Source(_decoded(stream.read()))
        return
    for record in _records(stream):
        yield _Source(_decoded(record))


def _records(stream: IO[bytes]) -> Iterator[bytes]:
    """What NUL parts, as it arrives; what follows the last NUL counts if it is not empty."""
    rest: list[bytes] = []
    while chunk := stream.read(_CHUNK):
        first, *more = chunk.split(b"\0")
        rest.append(first)
        if more:
            yield b"".join(rest)
            yield from more[:-1]
            rest = [more[-1]]
    if last := b"".join(rest):
        yield last


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")


def _range_messages(range_: str) -> Iterator[_Source]:
    """The messages of a range in the order of ``git log``."""
    command = ["git", "-c", "log.showSignature=false", "log", "-z", "--no-color", "--no-notes"]
    command += ["--encoding=UTF-8", "--format=%ae%n%P%n%B", "--end-of-options", range_, "--"]
    with TemporaryFile() as errors:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        except OSError as error:
            raise CommandError("git cannot be run", "install git and try again") from error
        with process:
            assert process.stdout is not None  # noqa: S101 (asked for above)
            for record in _records(process.stdout):
                email, parents, text = _decoded(record).split("\n", 2)
                yield _Source(text, len(parents.split()), email)
        if process.returncode:
            errors.seek(0)
            said = _decoded(errors.read(2_000)).strip().splitlines()
            reason = said[0].removeprefix("fatal: ") if said else "no reason given"
            raise CommandError(
                f"git rejects the range {_printable(range_)}: {_printable(reason, 300)}",
                "give a range of commits that this repository has, e.g. origin/main..HEAD",
            )


def _without_comments(text: str) -> str:
    """What git would keep of an edited message, by the repository's own settings."""
    settings = _git_settings()
    cleanup = settings.get("commit.cleanup", "strip")
    comment = settings.get("core.commentstring") or settings.get("core.commentchar") or "#"
    if comment == "auto":
        comment = "#"
    if cleanup == "verbatim":
        return text
    kept = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.rstrip() == comment + _SCISSORS:
            break
        if line.startswith(comment) and cleanup not in {"whitespace", "scissors"}:
            continue
        kept.append(line)
    return "\n".join(kept)


def _git_settings() -> dict[str, str]:
    listed = _git_output(
        "config", "-z", "--get-regexp", r"^(core\.comment(char|string)|commit\.cleanup)$"
    )
    settings = {}
    for entry in listed.split("\0"):
        key, newline, value = entry.partition("\n")
        if newline:
            settings[key.lower()] = value
    return settings


def _git_output(*arguments: str) -> str:
    """What git says, without its line end; nothing outside a repository or without git."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except OSError:
        return ""
    return _decoded(done.stdout).removesuffix("\n") if done.returncode == 0 else ""
