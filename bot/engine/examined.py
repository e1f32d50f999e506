"""What one check of an installation found."""

from dataclasses import dataclass

from bot.core.decision import Verdict


@dataclass(frozen=True, slots=True)
class Check:
    """``remedy`` is the one thing to do, empty when it passed."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""
