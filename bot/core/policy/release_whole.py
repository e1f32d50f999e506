"""What no key of ``release`` is wrong in by itself, but they are together."""

from collections.abc import Iterator
from typing import TypeAlias

from bot.core.policy.problems import Complaint, nearest
from bot.core.policy.release import ExtraFilePolicy, ExtraFiles, ReleasePolicy
from bot.core.policy.release_checks import NO_REF, TAG_NAMES
from bot.core.release.config import Package
from bot.core.release.kinds import Kind
from bot.core.release.spelling import python_version
from bot.core.release.version import Version

_AT = ("release",)
_SAMPLE = Version(1, 2, 3)
Path: TypeAlias = tuple[str | int, ...]


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
    names = [package.called for package in release.packages]
    paths = [package.path for package in release.packages]
    patterns = [release.tag_of(package) for package in release.packages]
    for index, package in enumerate(release.packages):
        at: Path = (*_AT, "packages", index)
        yield from _of_extra_files((*at, "extra_files"), package.extra_files)
        if package.path in paths[:index]:
            yield Complaint(
                (*at, "path"), "{} is another package's already: a folder is one package"
            )
        elif package.called in names[:index]:
            yield Complaint(
                at, f"{{}} is called `{package.called}`, as one before it is: give it a `name`"
            )
        elif NO_REF.search(patterns[index].replace("{version}", "1.2.3")):
            yield Complaint(
                at, f"{{}} would have the tags `{patterns[index]}`: give it a `name` or a `tag`"
            )
        else:
            yield from _of_tags(at, patterns[:index], patterns[index], names)
        for number, name in enumerate(package.depends_on):
            if name not in names:
                near = nearest(name, [one for one in names if one])
                yield Complaint(
                    (*at, "depends_on", number), "{} names no package of this file", near
                )
            elif name == package.called:
                yield Complaint((*at, "depends_on", number), "{} is the package itself")
            elif release.separate_pull_requests and package.called in _needed(release, name):
                yield Complaint(
                    (*at, "depends_on", number),
                    f"{{}} leads back to `{package.called}`: with `separate_pull_requests` each "
                    "release would call for another, without end",
                )


def _needed(release: ReleasePolicy, name: str) -> set[str]:
    """What a package depends on, and what that does."""
    depends_on = {package.called: package.depends_on for package in release.packages}
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = set(depends_on.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _of_tags(at: Path, before: list[str], pattern: str, names: list[str]) -> Iterator[Complaint]:
    """A tag must say whose it is."""
    own = Package(tag=pattern)
    for other, name in zip(before, names, strict=False):
        theirs = Package(tag=other)
        if own.version_of(theirs.tag_of(_SAMPLE)) or theirs.version_of(own.tag_of(_SAMPLE)):
            yield Complaint(
                at,
                f"{{}} has the tags `{pattern}`, which cannot be told from those of "
                f"`{name or '.'}`, `{other}`: give it another `tag` or `component`",
            )
            return
