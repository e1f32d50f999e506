"""What the team is told when production was moved past the bot. Plain text: each channel escapes
it in its own way."""

from bot.core.hosting import LedgerEntry, Origin
from bot.core.model import RepoRef
from bot.core.render import escape


def moved_title(repo: RepoRef, entry: LedgerEntry) -> str:
    if entry.origin is Origin.OUTSIDE:
        return f"{repo.full_name} {entry.environment} was moved outside of Lockgate"
    return f"{repo.full_name} {entry.environment} moved late"


def moved_text(entry: LedgerEntry, before: LedgerEntry | None) -> str:
    """``before`` is what was live until then, None if nothing was known to be."""
    place = entry.environment.capitalize()
    instead = f" instead of {escape.plain(before.build.called, 60)}" if before else ""
    serves = f"{place} serves {escape.plain(entry.build.called, 60)}{instead}"
    if entry.origin is not Origin.OUTSIDE:
        return (
            f"{serves}: the host was asked for it by operation {entry.operation_id}, which ended "
            "without having seen it."
        )
    text = f"{serves}, and Lockgate did not put it there: no gate was asked."
    if not entry.build.sha:
        text += " The host does not say which commit it was built from."
    if entry.went_back:
        text += " It counts as a rollback: no release is promoted by itself until /promote."
    return text
