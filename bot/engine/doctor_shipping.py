"""What can be wrong with where environments live, and with the log of what was done there."""

from collections.abc import Sequence

from bot.core.audit.checkpoint import SIGNED_ELSEWHERE
from bot.core.decision import Verdict
from bot.core.hosting import HostProject
from bot.core.migrations.gating import database_variable
from bot.core.slo.model import source_variable
from bot.engine.examined import Check
from bot.ports import StoreUnavailable
from bot.ports.database import DatabaseError
from bot.ports.host import HostError
from bot.ports.observations import Place


def check_hosting(
    projects: Sequence[tuple[Place, HostProject | HostError]] | StoreUnavailable | None,
) -> Check:
    """``projects`` is None where nothing could be asked."""
    name = "hosting"
    if projects is None or isinstance(projects, StoreUnavailable):
        return Check(name, Verdict.SKIP, "not looked at: it needs the App's key and the database")
    if not projects:
        return Check(name, Verdict.PASS, "no policy in force names an environment")
    for place, project in projects:
        where = f"{place.environment} of {place.repo.full_name}"
        if isinstance(project, HostError):
            remedy = getattr(project, "remedy", "") or (
                f"see that the project {place.target.project} exists, and that VERCEL_TOKEN and "
                "VERCEL_TEAM_ID reach it"
            )
            return Check(name, Verdict.FAIL, f"{where} cannot be looked at: {project}", remedy)
    for place, project in projects:
        if isinstance(project, HostProject) and project.auto_assigns:
            return Check(
                name,
                Verdict.FAIL,
                f"each new production build of {project.name} goes live by itself, past every gate "
                f"of {place.environment} of {place.repo.full_name}",
                f"in {project.name} at Vercel, Settings, Environments, Production: turn off "
                "Auto-assign Custom Production Domains",
            )
    count = len(projects)
    return Check(
        name,
        Verdict.PASS,
        f"{count} environment{'' if count == 1 else 's'}; nothing goes live past the gates",
    )


def check_audit(fault: str | StoreUnavailable | None) -> Check:
    """``fault`` is why the audit log cannot be gone on with, empty if it can; None where it could
    not be asked."""
    name = "audit"
    if fault is None or isinstance(fault, StoreUnavailable):
        return Check(name, Verdict.SKIP, "not looked at: it needs a database that is up to date")
    if fault:
        verify = (
            "run `lockgate audit verify`, which names what was changed; keep the database as it is"
        )
        if SIGNED_ELSEWHERE in fault:
            verify = f"give every machine the same LOCKGATE_AUDIT_KEY; if they have it, {verify}"
        return Check(
            name, Verdict.FAIL, f"nothing more is taken into the audit log: {fault}", verify
        )
    return Check(name, Verdict.PASS, "the newest checkpoint is the bot's own, over what it signed")


def check_databases(found: Sequence[tuple[str, DatabaseError | None]]) -> Check:
    """Those of environments, each with what stands against it."""
    name = "databases"
    if not found:
        return Check(name, Verdict.PASS, "no environment has a database here")
    for environment, error in found:
        if error is not None:
            variable = database_variable(environment)
            return Check(
                name,
                Verdict.FAIL,
                f"{variable} cannot be used: {error}",
                error.remedy or f"see that the database of {environment} can be reached from here",
            )
    count = len(found)
    return Check(name, Verdict.PASS, f"{count} can be used: {', '.join(one for one, _ in found)}")


def check_sources(found: Sequence[tuple[str, str]]) -> list[Check]:
    """Of each source of objectives' numbers, what stands against it, or nothing."""
    if not found:
        return [Check("sources", Verdict.PASS, "no source of numbers is named here")]
    return [
        Check(
            f"source {source}",
            Verdict.FAIL,
            fault,
            f"see that {source_variable(source)} leads to what answers, and that its token or "
            "login is right",
        )
        if fault
        else Check(f"source {source}", Verdict.PASS, "it answers")
        for source, fault in found
    ]
