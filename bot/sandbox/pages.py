"""The pages and the control endpoints of the sandbox."""

from typing import TYPE_CHECKING

from starlette.applications import Starlette

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox


def pages(sandbox: "Sandbox") -> Starlette:
    return Starlette()
