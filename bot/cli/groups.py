"""How a group of commands is shown: each with the whole sentence of what it does."""

import click


class Group(click.Group):
    """Its ``--help`` cuts nobody's sentence short, as click does."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.says(ctx, name)) for name in self.list_commands(ctx)])

    def says(self, ctx: click.Context, name: str) -> str:
        """The first paragraph of a command's help."""
        command = self.get_command(ctx, name)
        text = command.help or "" if command else ""
        return " ".join(text.split("\n\n")[0].split())
