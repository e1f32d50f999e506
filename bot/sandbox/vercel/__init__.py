"""A Vercel of one's own: projects, builds, domains and what moves them, in memory.

``server.SandboxVercel`` is the way in.
"""

from bot.sandbox.vercel.server import SandboxVercel

__all__ = ["SandboxVercel"]
