"""The ``lockgate`` command. Its subcommands' modules are imported only when they are called."""

import atexit
import errno
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from io import TextIOWrapper

import click
from click.exceptions import NoArgsIsHelpError

from bot.cli.errors import CommandError
from bot.cli.groups import Group

_COMMANDS = {
    "audit": "Verify the audit log, show it, and export it.",
    "changelog": "Write what changed, in Markdown, from a local clone.",
    "commits": "Check commit messages against Conventional Commits.",
    "demo": "Play the whole story on this machine, with no account.",
    "doctor": "Check an installation and name the one thing to do for each fault.",
    "emc": "Change a schema in steps: expand, migrate, contract.",
    "explain": "Say what the bot would do on a pull request now, and why.",
    "gates": "Ask every gate now whether a pull request could be promoted.",
    "jobs": "List the queue's jobs and retry dead ones.",
    "lock": "Hold every promotion to an environment until it is unlocked.",
    "migrate": "Bring the bot's own database up to date.",
    "migrations": "Check the files of database changes.",
    "policy": "Check a policy file, or print its JSON Schema.",
    "promote": "Put a build live, once every gate of the environment passes.",
    "release": "Plan releases from Conventional Commits, and make them.",
    "rollback": "Put a build back that was live before and was seen to work.",
    "schema": "Tell what a database's schema is, and what differs from another's.",
    "serve": "Run the web server and a worker.",
    "setup": "Create the GitHub App and keep its credentials.",
    "slo": "Check objectives and their error budgets, and make rules of them.",
    "status": "Tell what is live where, since when and by whom, and what is locked.",
    "unlock": "Take an environment's lock away, whoever set it.",
    "worker": "Run a worker alone.",
}
"""Name to help line: kept here so that ``--help`` imports no subcommand."""
_REMOTE = ("gates", "lock", "promote", "rollback", "status", "unlock")
"""Typed into a pull request for whoever calls them: they share one module."""
# What is left when a command ends goes with the process: to look for garbage among it took a
# twentieth of the time of a short one.
atexit.register(gc.freeze)


class _LazyGroup(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = "remote" if cmd_name in _REMOTE else cmd_name
        command = getattr(import_module(f"bot.cli.{module}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 (a fault of ours, not of input)
        return command

    def says(self, ctx: click.Context, name: str) -> str:
        return _COMMANDS[name]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _in_our_words(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        with _in_our_words(ctx):
            return super().invoke(ctx)


@contextmanager
def _in_our_words(ctx: click.Context) -> Iterator[None]:
    """What click finds wrong in the words is said as every other error is, and so are Ctrl-C and a
    full disk, which standard output may go to."""
    try:
        yield
    except NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        path = (error.ctx or ctx).command_path.removeprefix(ctx.command_path)
        message = error.format_message().rstrip(".")
        raise CommandError(
            f"{message[:1].lower()}{message[1:]}", f"`lockgate{path} --help` says how it is used"
        ) from None
    except KeyboardInterrupt:
        raise CommandError("stopped, as asked", exit_code=130) from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        with suppress(OSError):  # what is kept to be written would fail once more at the end
            sys.stdout.close()
        raise CommandError(
            f"nothing more could be written: {error.strerror}", "free some space, and run it again"
        ) from error


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lockgate")
def main() -> None:
    """Safe releases across GitHub, Vercel and PostgreSQL.

    \b
    Examples:
      lockgate demo
      lockgate commits check --range origin/main..HEAD
      lockgate serve
    """
    if isinstance(sys.stdout, TextIOWrapper):  # what its encoding has not is spelt out
        sys.stdout.reconfigure(errors="backslashreplace")
