"""What no key of ``release`` is wrong in by itself, but they are together."""

from collections.abc import Iterator

from bot.core.policy.problems import Complaint
from bot.core.policy.release import ExtraFilePolicy, ExtraFiles, ReleasePolicy, release_config
from bot.core.policy.release_checks import TAG_NAMES
from bot.core.policy.release_packages import Path, complaints_between
from bot.core.release.kinds import Kind
from bot.core.release.spelling import python_version
from bot.core.release.version import Version

_AT = ("release",)
_SAMPLE = Version(1, 2, 3)


def complaints_of_release(release: ReleasePolicy) -> Iterator[Complaint]:
    """The faults between keys, in no order."""
    yield from _of_extra_files((*_AT, "extra_files"), release.extra_files)
    yield from _of_sections(release)
    yield from _of_prerelease(release)
    if release.packages:
        yield from _of_packages(release)
    elif release.separate_pull_requests:
        yield Complaint(
            (*_AT, "separate_pull_requests"), "{} goes with `packages`, which is missing"
        )


def _of_extra_files(at: Path, files: ExtraFiles) -> Iterator[Complaint]:
    if not files:
        return
    # Here and not above: it brings readers of JSON, TOML and YAML along.
    from bot.core.release.updaters.by_path import BY_PATH

    for index, one in enumerate(files):
        if not isinstance(one, ExtraFilePolicy):
            continue
        if one.path and one.regex:
            yield Complaint((*at, index, "regex"), "{} and `path` are two ways: write one of them")
        if one.path and not BY_PATH.matches(one.file):
            yield Complaint(
                (*at, index, "path"),
                f"{{}} is of files that end in one of {', '.join(BY_PATH.files)}: for others there "
                "are `regex` and marked lines",
            )


def _of_sections(release: ReleasePolicy) -> Iterator[Complaint]:
    if not {"sections", "hidden"} <= release.model_fields_set:
        return  # what is shown is not hidden by a default
    for index, kind in enumerate(release.hidden):
        if kind in release.sections:
            yield Complaint(
                (*_AT, "hidden", index), f"{{}}: the type `{kind}` has a section in `sections`"
            )


def _of_prerelease(release: ReleasePolicy) -> Iterator[Complaint]:
    kinds = {package.kind or release.kind for package in release.whole}
    if release.prerelease is None or Kind.PYTHON not in kinds:
        return
    try:
        python_version(_SAMPLE.next_prerelease(release.prerelease.identifier))
    except ValueError:
        at = (*_AT, "prerelease", "identifier")
        message = "{} must be `alpha`, `beta`, `rc` or `dev`: Python has no other prereleases"
        yield Complaint(at, message, at_key=False)


def _of_packages(release: ReleasePolicy) -> Iterator[Complaint]:
    for key in ("extra_files", "release_as"):
        if getattr(release, key):
            yield Complaint(
                (*_AT, key), "{} stands beside `packages`: write it with the package that it is of"
            )
    folded = any(name in release.tag for name in TAG_NAMES)
    taken = any(package.tag is None and not package.path for package in release.packages)
    if "tag" in release.model_fields_set and not folded and not taken:
        yield Complaint(
            (*_AT, "tag"),
            "{} has no `{component}`, by which the packages' tags would be told apart",
            f"{{component}}-{release.tag}",
            at_key=False,
        )
    if release.changelog.path.startswith("/") and len(release.packages) > 1:
        yield Complaint(
            (*_AT, "changelog", "path"),
            "{} is one file for all packages, in which two of the same version could not be told "
            "apart: write it as each package's folder has it",
            release.changelog.path.lstrip("/"),
            at_key=False,
        )
    for index, package in enumerate(release.packages):
        yield from _of_extra_files((*_AT, "packages", index, "extra_files"), package.extra_files)
    yield from complaints_between(
        release_config(release).packages, separate=release.separate_pull_requests
    )
