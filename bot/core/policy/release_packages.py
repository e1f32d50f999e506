"""What a policy says of a package → the package, and what packages have against each other. No
model is here: these take longer to load than a plan to make."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from bot.core.policy.problems import Complaint, nearest
from bot.core.policy.release_checks import NO_REF, TAG_NAMES
from bot.core.release.config import Package
from bot.core.release.version import Version, parse_version

_TAG = "{component}-v{version}"
_SAMPLE = Version(1, 2, 3)
Path: TypeAlias = tuple[str | int, ...]


def call_package(path: str, name: str | None = None, component: str | None = None) -> str:
    """Its name; empty for the whole repository, where nothing else is said."""
    return name or component or path.rpartition("/")[2]


def make_package(
    shared_tag: str,
    folders: Iterable[str],
    path: str,
    *,
    name: str | None = None,
    component: str | None = None,
    tag: str | None = None,
    exclude: Sequence[str] = (),
    depends_on: tuple[str, ...] = (),
    release_as: str | None = None,
) -> Package:
    """One whose values are right each by itself; ``shared_tag`` is the pattern for all packages,
    ``folders`` where they are."""
    called = call_package(path, name, component)
    tagged = component or called.rpartition("/")[2]
    shared = any(mark in shared_tag for mark in TAG_NAMES) or not path
    pattern = tag or (shared_tag if shared else _TAG)
    within = f"{path}/" if path else ""
    inner = [folder for folder in folders if folder != path and folder.startswith(within)]
    return Package(
        name=called,
        path=path,
        excluded=tuple(dict.fromkeys([*inner, *(one.strip("/") for one in exclude)])),
        tag=pattern.replace("{component}", tagged).replace("{name}", called),
        depends_on=depends_on,
        release_as=parse_version(release_as) if release_as else None,
    )


def complaints_between(packages: Sequence[Package], *, separate: bool) -> Iterator[Complaint]:
    """The faults that packages have beside each other, in the order of the packages."""
    names = [package.name for package in packages]
    paths = [package.path for package in packages]
    for index, package in enumerate(packages):
        at: Path = ("release", "packages", index)
        if package.path in paths[:index]:
            yield Complaint(
                (*at, "path"), "{} is another package's already: a folder is one package"
            )
        elif package.name in names[:index]:
            yield Complaint(
                at, f"{{}} is called `{package.name}`, as one before it is: give it a `name`"
            )
        elif NO_REF.search(package.tag_of(_SAMPLE)):
            yield Complaint(
                at, f"{{}} would have the tags `{package.tag}`: give it a `name` or a `tag`"
            )
        else:
            yield from _of_tags(at, packages[:index], package)
        for number, name in enumerate(package.depends_on):
            if name not in names:
                near = nearest(name, [one for one in names if one])
                yield Complaint(
                    (*at, "depends_on", number), "{} names no package of this file", near
                )
            elif name == package.name:
                yield Complaint((*at, "depends_on", number), "{} is the package itself")
            elif separate and package.name in _needed(packages, name):
                yield Complaint(
                    (*at, "depends_on", number),
                    f"{{}} leads back to `{package.name}`: with `separate_pull_requests` each "
                    "release would call for another, without end",
                )


def _needed(packages: Sequence[Package], name: str) -> set[str]:
    """What a package depends on, and what that does."""
    depends_on = {package.name: package.depends_on for package in packages}
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = set(depends_on.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _of_tags(at: Path, before: Sequence[Package], own: Package) -> Iterator[Complaint]:
    """A tag must say whose it is."""
    for other in before:
        if own.version_of(other.tag_of(_SAMPLE)) or other.version_of(own.tag_of(_SAMPLE)):
            yield Complaint(
                at,
                f"{{}} has the tags `{own.tag}`, which cannot be told from those of "
                f"`{other.name or '.'}`, `{other.tag}`: give it another `tag` or `component`",
            )
            return
