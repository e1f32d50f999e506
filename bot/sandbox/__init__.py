"""A local GitHub with real git inside: the demo, the tests and the benches run on it."""

from bot.sandbox.objects import Change
from bot.sandbox.server import Sandbox

__all__ = ["Change", "Sandbox"]
