"""How a group of commands is shown and called."""

import click


class Group(click.Group):
    """Its ``--help`` cuts nobody's sentence short, as click does. It says which command may have
    been meant, whatever click's version."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if not args[0].startswith("-") and args[0] not in names:
            from difflib import get_close_matches  # for what is wrong alone

            meant = get_close_matches(args[0], names, n=1)
            hint = f"; did you mean '{meant[0]}'?" if meant else ""
            raise click.UsageError(f"there is no command '{args[0]}'{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.says(ctx, name)) for name in self.list_commands(ctx)])

    def says(self, ctx: click.Context, name: str) -> str:
        """The first paragraph of a command's help."""
        command = self.get_command(ctx, name)
        text = command.help or "" if command else ""
        return " ".join(text.split("\n\n")[0].split())
