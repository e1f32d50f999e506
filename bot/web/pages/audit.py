"""``GET /audit`` and ``GET /audit/export``: the audit log, searched, for the bot's operators."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.core.audit.entry import KINDS, AuditRecord, record_json
from bot.core.decision import Verdict
from bot.ports.operations import AuditReader
from bot.web.pages.gates import FACTS_SHOWN, FactView, view_facts
from bot.web.pages.pages import Page, Site, not_modified, render
from bot.web.pages.shipping_pages import UnknownView

ENTRIES_SHOWN = 50
EXPORTED_AT_ONCE = 1_000
_COLUMNS = (
    "id",
    "at",
    "kind",
    "actor",
    "repository",
    "subject",
    "build_sha",
    "schema_hash",
    "release_tag",
    "pull_number",
    "detail",
)
_ENDS = {
    "succeeded": Verdict.PASS,
    "healthy": Verdict.PASS,
    "refused": Verdict.FAIL,
    "failed": Verdict.FAIL,
    "worse": Verdict.FAIL,
    "unknown": Verdict.ERROR,
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection"""
_LONGEST_FILTER = 201
_OPERATED = ("promotion", "rollback", "watch")
_OPERATION = re.compile(r"\boperation ([1-9][0-9]{0,17})(?: [a-z]+)?$")
"""The end of a subject: ``production: operation 11``, ``… watch over operation 10 decided``."""
_DIGITS = re.compile(r"[1-9][0-9]{0,17}")


class _Unusable(ValueError):
    """Something that was asked for cannot be understood; the message says what."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for, as it was typed."""

    repository: str = ""
    actor: str = ""
    kind: str = ""
    build: str = ""
    since: str = ""
    until: str = ""

    def address(self, path: str, **more: str | int) -> str:
        """``path`` with the filters that are set."""
        asked = {
            name: value
            for name in Filters.__dataclass_fields__
            if (value := str(getattr(self, name)))
        }
        query = urlencode({**asked, **more})
        return f"{path}?{query}" if query else path

    async def fetch(self, audit: AuditReader, *, before: int, limit: int) -> list[AuditRecord]:
        """
        Raises:
            _Unusable: a time cannot be read.
        """
        return await audit.fetch_entries(
            since=_time(self.since),
            until=_time(self.until),
            repository=self.repository,
            actor=self.actor,
            kind=self.kind,
            build_sha=self.build.lower(),
            before=before,
            limit=limit,
        )


@dataclass(frozen=True, slots=True)
class EntryView:
    record: AuditRecord
    facts: tuple[FactView, ...]

    @property
    def overridden(self) -> bool:
        """Whether a gate was set aside for it."""
        return bool(self.record.entry.detail.get("overrides"))

    @property
    def typed(self) -> str:
        """The command as somebody wrote it; else empty."""
        line = self.record.entry.detail.get("line")
        return line if isinstance(line, str) else ""

    @property
    def operation(self) -> str:
        """The number of the operation that it is about; else empty."""
        entry = self.record.entry
        found = _OPERATION.search(entry.subject) if entry.kind in _OPERATED else None
        return found[1] if found else ""

    @property
    def ended(self) -> str:
        """How it ended, in a word, where the entry tells."""
        detail = self.record.entry.detail
        state = "refused" if detail.get("refused") is True else detail.get("state")
        return state if isinstance(state, str) else ""

    @property
    def verdict(self) -> Verdict:
        return _ENDS.get(self.ended, Verdict.SKIP)


@dataclass(frozen=True, slots=True)
class AuditView:
    """``before`` is the id that this page ends above, 0 for the newest page."""

    filters: Filters
    entries: tuple[EntryView, ...] = ()
    more: bool = False
    before: int = 0
    problem: str = ""

    @property
    def title(self) -> str:
        return "Audit log"

    @property
    def kinds(self) -> tuple[str, ...]:
        return KINDS

    @property
    def older(self) -> str:
        if not self.more:
            return ""
        return self.filters.address("/audit", before=self.entries[-1].record.id)

    @property
    def newest(self) -> str:
        return self.filters.address("/audit") if self.before else ""

    def export(self, form: str) -> str:
        return self.filters.address("/audit/export", format=form)


_HIDDEN = UnknownView(
    "The audit log is not shown here",
    "It tells of all repositories, so it is for the bot’s operators.",
    "Whoever runs the bot names its operators in LOCKGATE_OPERATORS. On the machine that runs it:",
    "lockgate audit show",
)


def audit_pages(site: Site) -> tuple[Page, Page]:
    """The handlers of the page, and of the export."""

    async def audit(request: Request) -> Response:
        if not await site.viewer.sees_operations(request):
            return render(site, request, "unknown.html", _HIDDEN, status=404, live=False)
        filters = _filters(request)
        before = _before(request)
        try:
            records = await filters.fetch(site.audit, before=before, limit=ENTRIES_SHOWN + 1)
        except _Unusable as error:
            view = AuditView(filters, problem=str(error))
            return render(site, request, "audit.html", view, status=400, live=False)
        view = AuditView(
            filters=filters,
            entries=tuple(
                EntryView(record, tuple(view_facts(record.entry.detail))[:FACTS_SHOWN])
                for record in records[:ENTRIES_SHOWN]
            ),
            more=len(records) > ENTRIES_SHOWN,
            before=before,
        )
        return not_modified(request, render(site, request, "audit.html", view, live=not before))

    async def export(request: Request) -> Response:
        if not await site.viewer.sees_operations(request):
            return render(site, request, "unknown.html", _HIDDEN, status=404, live=False)
        filters = _filters(request)
        form = request.query_params.get("format", "jsonl")
        try:
            _require_format(form)
            # The first page is read before the answer begins: what is wrong can still be said.
            first = await filters.fetch(site.audit, before=0, limit=EXPORTED_AT_ONCE)
        except _Unusable as error:
            view = AuditView(filters, problem=str(error))
            return render(site, request, "audit.html", view, status=400, live=False)
        rows = _all(site.audit, filters, first)
        return StreamingResponse(
            _csv(rows) if form == "csv" else _jsonl(rows),
            media_type="text/csv; charset=utf-8" if form == "csv" else "application/jsonl",
            headers={"Content-Disposition": f'attachment; filename="audit.{form}"'},
        )

    return audit, export


async def _all(
    audit: AuditReader, filters: Filters, page: list[AuditRecord]
) -> AsyncIterator[list[AuditRecord]]:
    """Newest first, a page in memory at a time."""
    while page:
        yield page
        if len(page) < EXPORTED_AT_ONCE:
            return
        page = await filters.fetch(audit, before=page[-1].id, limit=EXPORTED_AT_ONCE)


async def _jsonl(pages: AsyncIterator[list[AuditRecord]]) -> AsyncIterator[str]:
    async for page in pages:
        yield "".join(json.dumps(record_json(record)) + "\n" for record in page)


async def _csv(pages: AsyncIterator[list[AuditRecord]]) -> AsyncIterator[str]:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    async for page in pages:
        for record in page:
            fields: dict[str, Any] = record_json(record)
            writer.writerow([_cell(fields[name]) for name in _COLUMNS])
        yield lines.getvalue()
        lines.seek(0)
        lines.truncate()
    yield lines.getvalue()


def _cell(value: Any) -> str:
    cell = json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value)
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _filters(request: Request) -> Filters:
    return Filters(
        **{
            name: request.query_params.get(name, "").strip()[:_LONGEST_FILTER]
            for name in Filters.__dataclass_fields__
        }
    )


def _require_format(form: str) -> None:
    if form not in ("jsonl", "csv"):
        raise _Unusable(f"“{form[:20]}” is no format: jsonl or csv")


def _before(request: Request) -> int:
    found = request.query_params.get("before", "")
    return int(found) if _DIGITS.fullmatch(found) else 0


def _time(typed: str) -> datetime | None:
    if not typed:
        return None
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        raise _Unusable(
            f"“{typed[:40]}” is no time: write 2026-03-01 or 2026-03-01 12:00"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
