"""The policy's section on releases: what a version stands in, and what a changelog shows."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from bot.core.commits.names import TypeName
from bot.core.policy.release_packages import call_package, make_package
from bot.core.policy.release_values import (
    BranchName,
    ComponentName,
    FilePath,
    FolderPath,
    Identifier,
    PackageName,
    TagPattern,
    Title,
    ValuePath,
    VersionRegex,
    VersionText,
)
from bot.core.release.config import (
    DEFAULT_HEADER,
    DEFAULT_HIDDEN,
    DEFAULT_SECTIONS,
    ReleaseConfig,
)
from bot.core.release.kinds import ExtraFile, Kind, Latest, PackageFiles
from bot.core.release.version import Bump

_FROZEN = ConfigDict(extra="forbid", frozen=True)


def _strict_names(schema: dict[str, Any]) -> None:
    # pydantic names the pattern, and leaves open what becomes of other names.
    ((pattern, value),) = schema.pop("patternProperties").items()
    schema["propertyNames"]["pattern"] = pattern
    schema["additionalProperties"] = value


class ExtraFilePolicy(BaseModel):
    model_config = _FROZEN

    file: FilePath = Field(
        description="The file, from the package's folder, or with a `/` before it from the "
        "repository's root."
    )
    path: ValuePath | None = Field(
        default=None,
        description="Where the version stands in a JSON, TOML or YAML file, e.g. `info.version`, "
        '`images[0].tag` or `a."b.c"`.',
    )
    regex: VersionRegex | None = Field(
        default=None,
        description="An RE2 expression whose one group is the version, wherever it matches, e.g. "
        "`shop==([0-9][^\\s]*)`.",
    )


LatestChoice: TypeAlias = bool | Literal["legacy"]
ExtraFiles: TypeAlias = tuple[FilePath | ExtraFilePolicy, ...]


class PackagePolicy(BaseModel):
    model_config = _FROZEN

    path: FolderPath = Field(description="The package's folder; `.` is the whole repository.")
    name: PackageName | None = Field(
        default=None,
        description="What it is called, e.g. `@acme/api`. Left out: the last part of `path`.",
    )
    component: ComponentName | None = Field(
        default=None,
        description="What its tags call it. Left out: the name, without what stands before a `/`.",
    )
    tag: TagPattern | None = Field(
        default=None,
        description="The pattern of its tags. Left out: `release.tag` where that has "
        "`{component}` or `{name}`, else `{component}-v{version}`.",
    )
    kind: Kind | None = Field(default=None, description="Left out: `release.kind`.")
    extra_files: ExtraFiles = Field(
        default=(), max_length=100, description="Further files in which its version stands."
    )
    exclude: tuple[FilePath, ...] = Field(
        default=(),
        max_length=100,
        description="Files and folders, from the repository's root, whose commits are none of it. "
        "Other packages' folders within its own never are.",
    )
    depends_on: tuple[PackageName, ...] = Field(
        default=(),
        max_length=100,
        description="Packages whose release makes one of this package too: see `bump_dependents`.",
    )
    release_as: VersionText | None = Field(
        default=None, description="Its next version, whatever the commits say, until it is out."
    )
    draft: bool | None = Field(default=None, description="Left out: `release.draft`.")
    latest: LatestChoice | None = Field(default=None, description="Left out: `release.latest`.")

    @property
    def called(self) -> str:
        """Its name; empty for the whole repository, where nothing else is said."""
        return call_package(self.path, self.name, self.component)


class PrereleasePolicy(BaseModel):
    model_config = _FROZEN

    branch: BranchName = Field(description="The branch whose releases are prereleases.")
    identifier: Identifier = Field(
        default="rc", description="What they are called: `rc` gives `1.4.0-rc.1`."
    )


class ChangelogPolicy(BaseModel):
    model_config = _FROZEN

    path: FilePath = Field(
        default="CHANGELOG.md", description="The file, from each package's folder."
    )
    header: str | None = Field(
        default=None,
        min_length=1,
        max_length=2_000,
        description="What a changelog that there is not yet begins with. Left out: a title, and "
        "what Keep a Changelog would have one say. A header that is there stays as it is.",
    )


class Other(StrEnum):
    SHOW = "show"
    HIDE = "hide"


class BumpBefore(StrEnum):
    MINOR = "minor"
    PATCH = "patch"


class ReleasePolicy(BaseModel):
    model_config = _FROZEN

    kind: Kind = Field(
        default=Kind.SIMPLE,
        description="What the project is, and so in which files its version stands.",
    )
    packages: tuple[PackagePolicy, ...] = Field(
        default=(),
        max_length=200,
        description="What has a version of its own in a repository of several packages. A commit "
        "belongs to those whose folders it touches. Left out: the repository is one package.",
    )
    separate_pull_requests: bool = Field(
        default=False,
        description="Whether each package has a release pull request of its own. What depends on "
        "another one is then moved once that is released.",
    )
    tag: TagPattern = Field(
        default="v{version}",
        description="The pattern of the tags; `{component}` and `{name}` are the package's.",
    )
    prerelease: PrereleasePolicy | None = Field(
        default=None, description="Prereleases from a branch. Left out: there are none."
    )
    sections: Mapping[TypeName, Title] = Field(
        default=dict(DEFAULT_SECTIONS),
        max_length=50,
        json_schema_extra=_strict_names,
        description="The changelog's sections in their order: each type of commit that is shown, "
        "with its title. These types make a release.",
    )
    hidden: tuple[TypeName, ...] = Field(
        default=tuple(sorted(DEFAULT_HIDDEN)),
        max_length=200,
        description="Types that are not shown and make no release, unless the commit breaks "
        "something. A type of `sections` is shown although it stands in the default.",
    )
    other: Other = Field(
        default=Other.SHOW,
        description="Whether commits of any other type, or that are not conventional, are shown "
        "under “Other”. They make no release by themselves.",
    )
    bump_before_1_0: BumpBefore = Field(
        default=BumpBefore.MINOR,
        description="The most that a version below 1.0.0 moves, whatever breaks.",
    )
    bump_dependents: Bump = Field(
        default=Bump.PATCH,
        description="How far the release of a package moves those that depend on it by "
        "`depends_on`; `none`: not at all.",
    )
    extra_files: ExtraFiles = Field(
        default=(),
        max_length=100,
        description="Further files in which the version stands: by marked lines, or where the "
        "kind of file is known, by name alone.",
    )
    release_as: VersionText | None = Field(
        default=None, description="The next version, whatever the commits say, until it is out."
    )
    draft: bool = Field(
        default=False,
        description="Whether GitHub releases are made as drafts, for a person to publish.",
    )
    latest: LatestChoice = Field(
        default=True,
        description="Whether a release that is no prerelease is marked as the repository's latest; "
        "`legacy`: GitHub decides, by date and version.",
    )
    changelog: ChangelogPolicy = Field(
        default_factory=ChangelogPolicy, description="Where the changelog is, and its beginning."
    )

    @property
    def whole(self) -> tuple[PackagePolicy, ...]:
        """The packages, the repository as a package of its own where none is listed."""
        if self.packages:
            return self.packages
        return (
            PackagePolicy(
                path=".",
                tag=self.tag,
                extra_files=self.extra_files,
                release_as=self.release_as,
            ),
        )

    def package(self, name: str) -> PackagePolicy:
        """Raises KeyError for a name that is no package's."""
        for package in self.whole:
            if package.called == name:
                return package
        raise KeyError(name)

    def files_of(self, package: PackagePolicy) -> PackageFiles:
        """Where a package's version stands."""
        return PackageFiles(
            package.kind or self.kind,
            package.path,
            tuple(_extra(one, package.path) for one in package.extra_files),
        )

    def draft_of(self, package: PackagePolicy) -> bool:
        return self.draft if package.draft is None else package.draft

    def latest_of(self, package: PackagePolicy) -> Latest:
        said = self.latest if package.latest is None else package.latest
        return Latest(str(said).lower())

    def changelog_of(self, package: PackagePolicy) -> str:
        """The path of a package's changelog, from the repository's root."""
        return _from_root(self.changelog.path, package.path)


def _extra(one: str | ExtraFilePolicy, folder: str) -> ExtraFile:
    if isinstance(one, str):
        return ExtraFile(_from_root(one, folder))
    return ExtraFile(_from_root(one.file, folder), one.path or "", one.regex or "")


def _from_root(path: str, folder: str) -> str:
    if path.startswith("/"):
        return path[1:]
    return f"{folder}/{path}" if folder else path


def release_config(policy: ReleasePolicy, *, branch: str = "", repo_url: str = "") -> ReleaseConfig:
    """The section as the pure part needs it, for what is released from a branch.

    ``repo_url`` is where the changelog's links go, ``https://github.com/owner/repo``.
    """
    prerelease = policy.prerelease
    shown = policy.sections
    folders = [one.path for one in policy.whole]
    return ReleaseConfig(
        packages=tuple(
            make_package(
                policy.tag,
                folders,
                one.path,
                name=one.name,
                component=one.component,
                tag=one.tag,
                exclude=one.exclude,
                depends_on=one.depends_on,
                release_as=one.release_as,
            )
            for one in policy.whole
        ),
        sections=tuple(shown.items()),
        hidden=frozenset(policy.hidden) - shown.keys(),
        other_title="Other" if policy.other is Other.SHOW else "",
        bump_before_1_0=Bump(policy.bump_before_1_0.value),
        bump_dependents=policy.bump_dependents,
        separate=policy.separate_pull_requests,
        prerelease=prerelease is not None and prerelease.branch == branch,
        prerelease_identifier=prerelease.identifier if prerelease else "rc",
        header=policy.changelog.header or DEFAULT_HEADER,
        repo_url=repo_url,
    )
