"""``python -m bot`` is ``lockgate``."""

from bot.cli.main import main

main(prog_name="lockgate")
