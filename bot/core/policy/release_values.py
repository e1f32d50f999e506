"""The values that the policy's releases are made of, each with the words for its faults."""

from collections.abc import Callable
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints

from bot.core.policy.release_checks import (
    COMPONENT_NAME,
    PACKAGE_NAME,
    Unfit,
    check_branch,
    check_file,
    check_folder,
    check_identifier,
    check_regex,
    check_tag,
    check_value_path,
    check_version,
)
from bot.core.policy.values import wrong


def _checked(check: Callable[[str], str]) -> AfterValidator:
    def in_words(text: str) -> str:
        try:
            return check(text)
        except Unfit as fault:
            raise wrong(str(fault), fault.suggestion) from None

    return AfterValidator(in_words)


TagPattern: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    _checked(check_tag),
    Field(examples=["v{version}", "{component}-v{version}"]),
]
FilePath: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=500), _checked(check_file)
]
FolderPath: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=500), _checked(check_folder)
]
BranchName: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=200), _checked(check_branch)
]
Identifier: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=50), _checked(check_identifier)
]
VersionText: TypeAlias = Annotated[
    str, _checked(check_version), Field(examples=["2.0.0", "2.0.0-rc.1"])
]
ValuePath: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=500), _checked(check_value_path)
]
VersionRegex: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=500), _checked(check_regex)
]
PackageName: TypeAlias = Annotated[str, StringConstraints(pattern=PACKAGE_NAME)]
ComponentName: TypeAlias = Annotated[str, StringConstraints(pattern=COMPONENT_NAME)]
Title: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^\S(?:[^\x00-\x1f\x7f]*\S)?$", max_length=100)
]
