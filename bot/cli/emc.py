"""``lockgate emc``: changes of a schema that go out in steps: expand, migrate, contract."""

import click

from bot.cli.emc_new import new


@click.group()
def emc() -> None:
    """Change a schema in steps: expand, migrate, contract."""


emc.add_command(new)
