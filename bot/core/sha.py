"""The name of a commit. In a file of its own: a command line that plans a release needs no other
word of `bot.core.model`, and these take time to load."""

from typing import NewType

Sha = NewType("Sha", str)
"""A full 40-character lower-case commit id."""
