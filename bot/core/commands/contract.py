"""``/contract``"""

import re

from bot.core.commands.command import (
    DRY_RUN,
    ENVIRONMENT,
    Argument,
    Command,
    Example,
    Misuse,
    Permission,
    Surroundings,
    first_word,
    only_environment,
    take_flags,
)
from bot.core.commands.requests import ContractRequest
from bot.core.migrations.model import Version

_NAME = "contract"
_VERSION = re.compile(r"[0-9]{14}")
_NAMED = re.compile(r"([0-9]{14})_[A-Za-z0-9_.-]{1,200}")


def _parse(rest: str, surroundings: Surroundings) -> ContractRequest:
    words, flags = take_flags(rest.split(), ["--dry-run"], _NAME)
    version, left = first_word(" ".join(words))
    if not version:
        raise Misuse(
            "The contract's version is missing: the 14 digits that its file begins with.",
            "/migrations",
        )
    if named := _NAMED.fullmatch(version):
        raise Misuse("A version is 14 digits, without the name.", f"/{_NAME} {named[1]}")
    if not _VERSION.fullmatch(version):
        raise Misuse(f"`{version}` is no version: those are 14 digits.", "/migrations")
    environment = only_environment(left, surroundings, f"{_NAME} {version}")
    return ContractRequest(environment, Version(version), dry_run="--dry-run" in flags)


CONTRACT = Command(
    name=_NAME,
    summary="Apply a contract of the trunk, once nothing needs any more what it drops.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(
        Argument("<version>", "The 14 digits that the contract's file begins with."),
        ENVIRONMENT,
        DRY_RUN,
    ),
    examples=(
        Example("/contract 20260301120000", "on production"),
        Example("/contract 20260301120000 staging --dry-run", "whether it may be, on staging"),
    ),
    parse=_parse,
)
