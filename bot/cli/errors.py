"""How the command line says no: ``error: what`` and ``help: what to do``, on standard error."""

from typing import IO, Any

import click


class CommandError(click.ClickException):
    """An error with its remedy. Exit code 2 unless the command documents another."""

    def __init__(self, message: str, help_text: str = "", *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.help_text = help_text
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it on the class

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"error: {self.message}", err=True)
        if self.help_text:
            click.echo(f"help: {self.help_text}", err=True)
