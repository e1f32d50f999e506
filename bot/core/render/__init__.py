"""Every sentence a person reads in a check, a comment or ``lockgate explain``."""

from bot.core.render.check import (
    COMMITS_CHECK,
    FIX_TITLE,
    render_checks,
    render_gate_check,
    render_policy_check,
)
from bot.core.render.comment import SummaryComment, digest_in, render_summary
from bot.core.render.explain import render_explanation
from bot.core.render.json import from_json, to_json
from bot.core.render.promotion import PROMOTION_CHECK, render_promotion_check
from bot.core.render.words import title_suggestion

__all__ = [
    "COMMITS_CHECK",
    "FIX_TITLE",
    "PROMOTION_CHECK",
    "SummaryComment",
    "digest_in",
    "from_json",
    "render_checks",
    "render_explanation",
    "render_gate_check",
    "render_policy_check",
    "render_promotion_check",
    "render_summary",
    "title_suggestion",
    "to_json",
]
