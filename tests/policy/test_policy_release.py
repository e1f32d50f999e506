"""The policy's releases: what is read, what becomes of it, and each fault at its place."""

import pytest
from growth import counting
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.policy import DEFAULT_POLICY, Policy, PolicyProblems, parse_policy
from bot.core.policy.release import ReleasePolicy, release_config
from bot.core.policy.release_plain import read_plainly, release_section
from bot.core.release.config import (
    DEFAULT_HIDDEN,
    DEFAULT_SECTIONS,
    Package,
    ReleaseConfig,
)
from bot.core.release.kinds import ExtraFile, Kind, PackageFiles
from bot.core.release.version import Bump, Version


def read(section: str) -> ReleasePolicy:
    policy = parse_policy(f"release: {section}\n")
    assert isinstance(policy, Policy), policy
    assert policy.release is not None
    if plain := read_without_models(section):
        assert plain[0] == release_config(policy.release)
    return policy.release


def read_without_models(section: str) -> tuple[ReleaseConfig, str] | None:
    node = release_section(f"release: {section}\n")
    return read_plainly(node) if node else None


def problems_of(section: str) -> list[str]:
    parsed = parse_policy(f"release: {section}\n")
    assert isinstance(parsed, PolicyProblems), parsed
    assert read_without_models(section) is None
    return [f"{problem.column} {problem}" for problem in parsed.problems]


@pytest.mark.parametrize("text", ["", "{}", "version: 1", "commits: {}"])
def test_without_the_section_there_are_no_releases(text: str) -> None:
    policy = parse_policy(text)
    assert isinstance(policy, Policy)
    assert policy.release is DEFAULT_POLICY.release is None


def test_an_empty_section_is_the_defaults() -> None:
    assert release_config(read("{}")) == ReleaseConfig()
    policy = read("{}")
    (package,) = policy.whole
    assert policy.files_of(package) == PackageFiles(Kind.SIMPLE)
    assert policy.changelog_of(package) == "CHANGELOG.md"
    assert (policy.draft, policy.latest, policy.separate_pull_requests) == (False, True, False)


def test_every_key_arrives() -> None:
    policy = read(
        "{kind: python, tag: 'release/{version}', prerelease: {branch: next, identifier: beta},"
        " sections: {fix: Repairs, feat: News}, hidden: [chore], other: hide,"
        " bump_before_1_0: patch, bump_dependents: minor, release_as: 2.0.0-rc.1,"
        " draft: true, latest: false, changelog: {path: docs/log.md, header: '# Log'},"
        " extra_files: [README.md, {file: /a.yml, path: b.c}, {file: d, regex: 'e(.+)'}]}"
    )
    assert release_config(policy, branch="main", repo_url="https://github.test/a/b") == (
        ReleaseConfig(
            packages=(Package(tag="release/{version}", release_as=Version(2, 0, 0, ("rc", "1"))),),
            sections=(("fix", "Repairs"), ("feat", "News")),
            hidden=frozenset({"chore"}),
            other_title="",
            bump_before_1_0=Bump.PATCH,
            bump_dependents=Bump.MINOR,
            prerelease=False,
            prerelease_identifier="beta",
            header="# Log",
            repo_url="https://github.test/a/b",
        )
    )
    (package,) = policy.whole
    extra = (
        ExtraFile("README.md"),
        ExtraFile("a.yml", at="b.c"),
        ExtraFile("d", pattern="e(.+)"),
    )
    assert policy.files_of(package) == PackageFiles(Kind.PYTHON, "", extra)
    assert policy.changelog_of(package) == "docs/log.md"
    assert (policy.draft, policy.latest) == (True, False)


@pytest.mark.parametrize(("branch", "prerelease"), [("next", True), ("main", False), ("", False)])
def test_prereleases_come_from_their_branch_alone(branch: str, prerelease: bool) -> None:
    policy = read("{prerelease: {branch: next}}")
    assert release_config(policy, branch=branch).prerelease is prerelease
    assert release_config(read("{}"), branch=branch).prerelease is False


def test_the_order_of_the_sections_is_the_file_s() -> None:
    titles = ["Z", "A", "M"]
    section = ", ".join(f"{title.lower()}: {title}" for title in titles)
    assert [
        title for _, title in release_config(read(f"{{sections: {{{section}}}}}")).sections
    ] == (titles)


def test_a_type_that_has_a_section_is_not_hidden_by_default() -> None:
    assert "docs" in DEFAULT_HIDDEN
    config = release_config(read("{sections: {docs: Documentation}}"))
    assert config.hidden == DEFAULT_HIDDEN - {"docs"}
    assert release_config(read("{hidden: [x]}")).sections == DEFAULT_SECTIONS


PACKAGES = """
  kind: node
  packages:
    - {path: ., name: shop, exclude: [docs]}
    - {path: packages/core, name: "@acme/core", extra_files: [a.md, /b.md]}
    - path: packages/api
      depends_on: ["@acme/core"]
      release_as: 3.0.0
    - {path: packages/api/cli, component: tool, kind: rust, tag: "tools/{component}/{version}"}
"""


def test_packages_are_read() -> None:
    policy = read(PACKAGES)
    assert release_config(policy).packages == (
        Package("shop", "", ("packages/core", "packages/api", "packages/api/cli", "docs")),
        Package("@acme/core", "packages/core", (), "core-v{version}"),
        Package(
            "api",
            "packages/api",
            ("packages/api/cli",),
            "api-v{version}",
            ("@acme/core",),
            release_as=Version(3, 0, 0),
        ),
        Package("tool", "packages/api/cli", (), "tools/tool/{version}"),
    )
    core = policy.package("@acme/core")
    assert policy.files_of(core) == PackageFiles(
        Kind.NODE, "packages/core", (ExtraFile("packages/core/a.md"), ExtraFile("b.md"))
    )
    assert policy.changelog_of(core) == "packages/core/CHANGELOG.md"
    assert policy.files_of(policy.package("tool")).kind is Kind.RUST
    with pytest.raises(KeyError):
        policy.package("nobody")


@pytest.mark.parametrize(
    ("tag", "tags"),
    [
        ("", ["v{version}", "a-v{version}"]),
        ("tag: '{version}', ", ["{version}", "a-v{version}"]),
        ("tag: '{name}@{version}', ", ["root@{version}", "a@{version}"]),
    ],
)
def test_tags_of_packages_follow_the_pattern_of_all_where_it_tells_them_apart(
    tag: str, tags: list[str]
) -> None:
    policy = read(f"{{{tag}packages: [{{path: ., name: root}}, {{path: a}}]}}")
    assert [package.tag for package in release_config(policy).packages] == tags


MUST_VERSION = "must be a version such as `1.4.0` or `2.0.0-rc.1` (semver.org)"
MUST_FOLDER = "must be a folder of the repository, such as `packages/api`, or `.`"
MUST_FILE = "must be a file of the repository, such as `guide/install.md`"


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            "",
            (
                "1 `release` must be a mapping of keys to values; leave the key out where there "
                "are to be no releases, found nothing. Did you mean `release: {}`?"
            ),
        ),
        ("[]", "10 `release` must be a mapping of keys to values, found an empty list"),
        ("{kinds: node}", "11 unknown key `release.kinds`. Did you mean `kind`?"),
        (
            "{kind: Rust}",
            (
                "17 `release.kind` must be one of `simple`, `node`, `python`, `rust`, `go` or "
                "`generic`, found the text `Rust`. Did you mean `rust`?"
            ),
        ),
        # tags
        (
            "{tag: v1}",
            (
                "16 `release.tag` must hold `{version}` once, such as `v{version}`, "
                "found the text `v1`"
            ),
        ),
        (
            "{tag: 'v${version}'}",
            (
                "16 `release.tag` must hold `{version}` once, such as `v{version}`, "
                "found the text `v${version}`. Did you mean `v{version}`?"
            ),
        ),
        (
            "{tag: '{version}{version}'}",
            (
                "16 `release.tag` must hold `{version}` once, such as `v{version}`, "
                "found the text `{version}{version}`"
            ),
        ),
        (
            "{tag: '{package}-{version}'}",
            (
                "16 `release.tag` must have nothing but `{version}`, `{component}` and `{name}` "
                "in braces, found the text `{package}-{version}`"
            ),
        ),
        (
            "{tag: '-v{version}'}",
            (
                "16 `release.tag` must be what git takes for a tag's name, such as `v{version}`, "
                "found the text `-v{version}`"
            ),
        ),
        (
            "{tag: 'a..b{version}'}",
            (
                "16 `release.tag` must be what git takes for a tag's name, such as `v{version}`, "
                "found the text `a..b{version}`"
            ),
        ),
        # versions and prereleases
        (
            "{release_as: v2.0.0}",
            (
                f"23 `release.release_as` {MUST_VERSION}, found the text `v2.0.0`. "
                "Did you mean `2.0.0`?"
            ),
        ),
        ("{release_as: '2.0'}", f"23 `release.release_as` {MUST_VERSION}, found the text `2.0`"),
        (
            "{prerelease: {branch: refs/heads/next}}",
            (
                "32 `release.prerelease.branch` must be a branch's name, such as `next`, "
                "found the text `refs/heads/next`. Did you mean `next`?"
            ),
        ),
        (
            "{prerelease: {branch: next, identifier: a_b}}",
            (
                "50 `release.prerelease.identifier` must be letters, digits and hyphens, parted "
                "by dots, such as `rc` or `beta`, found the text `a_b`"
            ),
        ),
        (
            "{kind: python, prerelease: {branch: next, identifier: next}}",
            (
                "64 `release.prerelease.identifier` must be `alpha`, `beta`, `rc` or `dev`: "
                "Python has no other prereleases"
            ),
        ),
        # sections
        (
            "{sections: {feat: New}, hidden: [feat]}",
            "43 `release.hidden[0]`: the type `feat` has a section in `sections`",
        ),
        (
            "{sections: {feat: ''}}",
            (
                r"22 `release.sections.feat` must match `^\S(?:[^\x00-\x1f\x7f]*\S)?$`, "
                "found an empty text"
            ),
        ),
        # further files
        (
            "{extra_files: [../x]}",
            f"25 `release.extra_files[0]` {MUST_FILE}, found the text `../x`",
        ),
        (
            "{extra_files: [./x]}",
            f"25 `release.extra_files[0]` {MUST_FILE}, found the text `./x`. Did you mean `x`?",
        ),
        (
            "{extra_files: [.git/config]}",
            f"25 `release.extra_files[0]` {MUST_FILE}, found the text `.git/config`",
        ),
        (
            "{extra_files: [{fil: a}]}",
            "26 unknown key `release.extra_files[0].fil`. Did you mean `file`?",
        ),
        (
            "{extra_files: [{file: a.txt, path: x}]}",
            (
                "39 `release.extra_files[0].path` is of files that end in one of *.json, "
                "*.webmanifest, *.toml, *.yaml, *.yml: for others there are `regex` and marked "
                "lines"
            ),
        ),
        (
            "{extra_files: [{file: a.json, path: x..y}]}",
            (
                "46 `release.extra_files[0].path` must be a path to one value, such as "
                '`info.version`, `images[0].tag` or `a."b.c"`, found the text `x..y`'
            ),
        ),
        (
            "{extra_files: [{file: a.json, path: x, regex: (y)}]}",
            "49 `release.extra_files[0].regex` and `path` are two ways: write one of them",
        ),
        (
            "{extra_files: [{file: a, regex: 'v(.*)-(.*)'}]}",
            (
                "42 `release.extra_files[0].regex` must have one group, `(…)`, which is the "
                "version; other brackets are `(?:…)`, found the text `v(.*)-(.*)`"
            ),
        ),
        (
            "{extra_files: [{file: a, regex: (?=x)}]}",
            (
                "42 `release.extra_files[0].regex`: this is not an RE2 pattern: invalid perl "
                "operator: (?=, found the text `(?=x)`"
            ),
        ),
        # packages
        (
            "{separate_pull_requests: true}",
            "11 `release.separate_pull_requests` goes with `packages`, which is missing",
        ),
        ("{packages: [{name: a}]}", "22 the key `path` is missing in `release.packages[0]`"),
        (
            "{packages: [{path: a/}]}",
            f"29 `release.packages[0].path` {MUST_FOLDER}, found the text `a/`. Did you mean `a`?",
        ),
        (
            "{packages: [{path: a/../b}]}",
            f"29 `release.packages[0].path` {MUST_FOLDER}, found the text `a/../b`",
        ),
        (
            "{packages: [{path: a}, {path: a, name: b}]}",
            ("34 `release.packages[1].path` is another package's already: a folder is one package"),
        ),
        (
            "{packages: [{path: a}, {path: b/a}]}",
            "33 `release.packages[1]` is called `a`, as one before it is: give it a `name`",
        ),
        (
            "{packages: [{path: ., tag: '{component}-{version}'}]}",
            (
                "22 `release.packages[0]` would have the tags `-{version}`: "
                "give it a `name` or a `tag`"
            ),
        ),
        (
            "{packages: [{path: a}], tag: 'r{version}'}",
            (
                "39 `release.tag` has no `{component}`, by which the packages' tags would be told "
                "apart. Did you mean `{component}-r{version}`?"
            ),
        ),
        (
            "{packages: [{path: ., tag: '{version}'}, {path: b, tag: '{version}-b'}]}",
            (
                "51 `release.packages[1]` has the tags `{version}-b`, which cannot be told from "
                "those of `.`, `{version}`: give it another `tag` or `component`"
            ),
        ),
        (
            "{packages: [{path: b, tag: '{version}-b'}, {path: ., tag: '{version}'}]}",
            (
                "53 `release.packages[1]` has the tags `{version}`, which cannot be told from "
                "those of `b`, `{version}-b`: give it another `tag` or `component`"
            ),
        ),
        (
            "{packages: [{path: a, name: '@x/c'}, {path: b, name: '@y/c'}]}",
            (
                "47 `release.packages[1]` has the tags `c-v{version}`, which cannot be told from "
                "those of `@x/c`, `c-v{version}`: give it another `tag` or `component`"
            ),
        ),
        (
            "{packages: [{path: core}, {path: a, depends_on: [cor]}]}",
            (
                "59 `release.packages[1].depends_on[0]` names no package of this file. "
                "Did you mean `core`?"
            ),
        ),
        (
            "{packages: [{path: a, depends_on: [a]}]}",
            "45 `release.packages[0].depends_on[0]` is the package itself",
        ),
        (
            "{packages: [{path: a}, {path: b}], changelog: {path: /docs/log.md}}",
            (
                "63 `release.changelog.path` is one file for all packages, in which two of the "
                "same version could not be told apart: write it as each package's folder has it. "
                "Did you mean `docs/log.md`?"
            ),
        ),
        (
            "{packages: [{path: a}], release_as: 1.0.0}",
            (
                "34 `release.release_as` stands beside `packages`: "
                "write it with the package that it is of"
            ),
        ),
        (
            "{packages: [{path: a}], extra_files: [x]}",
            (
                "34 `release.extra_files` stands beside `packages`: "
                "write it with the package that it is of"
            ),
        ),
    ],
)
def test_a_fault_is_named_at_its_place(section: str, expected: str) -> None:
    assert problems_of(section) == [expected]


def test_packages_that_are_released_apart_do_not_depend_on_each_other_in_a_circle() -> None:
    circle = "[{path: a, depends_on: [b]}, {path: b, depends_on: [c]}, {path: c, depends_on: [b]}]"
    assert problems_of(f"{{separate_pull_requests: true, packages: {circle}}}") == [
        f"{column} `release.packages[{number}].depends_on[0]` leads back to `{name}`: with "
        "`separate_pull_requests` each release would call for another, without end"
        for column, number, name in ((103, 1, "b"), (131, 2, "c"))
    ]
    assert len(read(f"{{packages: {circle}}}").packages) == 3


def test_many_packages_cost_little() -> None:
    packages = ", ".join(f"{{path: p{index}}}" for index in range(200))
    with counting() as counted:
        assert len(release_config(read(f"{{packages: [{packages}]}}")).packages) == 200
    # No more are allowed. Any two of them are held against each other, by a few calls.
    assert counted.calls < 40 * 200**2


PIECES = st.lists(
    st.sampled_from(
        [
            "release:\n",
            "  kind: python\n",
            "  tag: '{component}'\n",
            "  tag: 'v{version}'\n",
            "  packages:\n",
            "    - path: .\n",
            "    - path: a\n",
            "      tag: '{version}'\n",
            "      depends_on: [a]\n",
            "  extra_files: [a, {file: b}]\n",
            "  prerelease: {branch: x, identifier: '1'}\n",
            "  sections: {chore: a}\n",
            "  hidden: [chore]\n",
            "  release_as: 1.0.0\n",
        ]
    ),
    max_size=10,
).map("".join)


@settings(max_examples=100, deadline=None)
@given(PIECES)
def test_whatever_stands_there_it_is_a_policy_or_problems_with_places(text: str) -> None:
    parsed = parse_policy(text)
    if isinstance(parsed, PolicyProblems):
        assert all(problem.line >= 1 and problem.column >= 1 for problem in parsed.problems)
    elif parsed.release is not None:
        config = release_config(parsed.release)
        for package in config.packages:
            assert package.version_of(package.tag_of(Version(1, 2, 3))) == Version(1, 2, 3)
