"""Every key of the policy's `release` changes what is released: the plan, the files, the pull
requests or the GitHub release. The App and the command line are asked the same."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from clones import Clone

from bot.adapters.localgit import LocalGit
from bot.cli.main import main
from bot.core.policy import Policy, parse_policy
from bot.core.policy.release import ReleasePolicy, release_config
from bot.core.policy.schema import policy_schema
from bot.core.release.files import paths_to_read
from bot.core.release.model import ReleasePlan
from bot.core.release.plan import plan_releases
from bot.engine.release_lines import release_branches
from bot.engine.release_plans import updated_files

sys.path.append(str(Path(__file__).parents[1] / "policy"))
from policy_keys import keys

FILES = {
    "package.json": '{"version": "0.3.0"}\n',
    "setup.json": '{"info": {"version": "0.3.0"}}\n',
    "notes.txt": "shop==0.3.0 and shop@0.3.0\n",
    "README.md": "shop 0.3.0 <!-- x-lockgate-version -->\n",
    "version.txt": "0.3.0\n",
    "a/package.json": '{"version": "1.0.0"}\n',
    "a/setup.json": '{"info": {"version": "1.0.0"}}\n',
    "a/notes.txt": "a==1.0.0 and a@1.0.0\n",
    "a/version.txt": "1.0.0\n",
    "a/README.md": "a 1.0.0 <!-- x-lockgate-version -->\n",
}
ALL = {"plan", "cli", "files"}
"""Whatever changes the plan changes the changelogs, and what the command line says."""
FILE = {"files"}
GITHUB = {"release"}
A, B = "{path: a}", "{path: b}"

# By key: the section without it, the section with it, and where that is seen.
TABLE = {
    "release.kind": ("", "kind: node", FILE),
    "release.packages": ("", f"packages: [{A}]", ALL | {"pulls", "release"}),
    "release.packages[].path": (f"packages: [{A}]", f"packages: [{B}]", None),
    "release.packages[].name": (f"packages: [{A}]", "packages: [{path: a, name: '@x/z'}]", None),
    "release.packages[].component": (
        f"packages: [{A}]",
        "packages: [{path: a, component: z}]",
        None,
    ),
    "release.packages[].tag": (f"packages: [{A}]", "packages: [{path: a, tag: 'a{version}'}]", ALL),
    "release.packages[].kind": (f"packages: [{A}]", "packages: [{path: a, kind: node}]", FILE),
    "release.packages[].extra_files": (
        f"packages: [{A}]",
        "packages: [{path: a, extra_files: [README.md]}]",
        FILE,
    ),
    "release.packages[].extra_files[].file": (
        "packages: [{path: a, extra_files: [{file: notes.txt, regex: 'a==(.*) '}]}]",
        "packages: [{path: a, extra_files: [{file: /notes.txt, regex: 'shop==(.*) '}]}]",
        FILE,
    ),
    "release.packages[].extra_files[].path": (
        "packages: [{path: a, extra_files: [{file: setup.json}]}]",
        "packages: [{path: a, extra_files: [{file: setup.json, path: info.version}]}]",
        FILE,
    ),
    "release.packages[].extra_files[].regex": (
        "packages: [{path: a, extra_files: [{file: notes.txt, regex: 'a==([0-9.]+)'}]}]",
        "packages: [{path: a, extra_files: [{file: notes.txt, regex: 'a@([0-9.]+)'}]}]",
        FILE,
    ),
    "release.packages[].exclude": (
        f"packages: [{A}]",
        "packages: [{path: a, exclude: [a/breaks]}]",
        ALL,
    ),
    "release.packages[].depends_on": (
        f"packages: [{A}, {B}]",
        f"packages: [{A}, {{path: b, depends_on: [a]}}]",
        ALL,
    ),
    "release.packages[].release_as": (
        f"packages: [{A}]",
        "packages: [{path: a, release_as: 7.0.0}]",
        ALL,
    ),
    "release.packages[].draft": (f"packages: [{A}]", "packages: [{path: a, draft: true}]", GITHUB),
    "release.packages[].latest": (
        f"packages: [{A}]",
        "packages: [{path: a, latest: false}]",
        GITHUB,
    ),
    "release.separate_pull_requests": (
        f"packages: [{A}, {{path: b, depends_on: [a]}}]",
        f"packages: [{A}, {{path: b, depends_on: [a]}}], separate_pull_requests: true",
        ALL | {"pulls"},
    ),
    "release.tag": ("", "tag: 'r{version}'", ALL),
    "release.prerelease": ("", "prerelease: {branch: main}", ALL),
    "release.prerelease.branch": ("prerelease: {branch: next}", "prerelease: {branch: main}", ALL),
    "release.prerelease.identifier": (
        "prerelease: {branch: main}",
        "prerelease: {branch: main, identifier: beta}",
        ALL,
    ),
    "release.sections": ("", "sections: {docs: Words}", ALL),
    "release.hidden": ("", "hidden: [odd]", ALL),
    "release.other": ("", "other: hide", ALL),
    "release.bump_before_1_0": ("", "bump_before_1_0: patch", ALL),
    "release.bump_dependents": (
        f"packages: [{A}, {{path: b, depends_on: [a]}}]",
        f"packages: [{A}, {{path: b, depends_on: [a]}}], bump_dependents: minor",
        ALL,
    ),
    "release.extra_files": ("", "extra_files: [README.md]", FILE),
    "release.extra_files[].file": (
        "extra_files: [{file: setup.json, path: info.version}]",
        "extra_files: [{file: a/setup.json, path: info.version}]",
        FILE,
    ),
    "release.extra_files[].path": (
        "extra_files: [{file: setup.json}]",
        "extra_files: [{file: setup.json, path: info.version}]",
        FILE,
    ),
    "release.extra_files[].regex": (
        "extra_files: [{file: notes.txt, regex: 'shop==([0-9.]+)'}]",
        "extra_files: [{file: notes.txt, regex: 'shop@([0-9.]+)'}]",
        FILE,
    ),
    "release.release_as": ("", "release_as: 7.0.0", ALL),
    "release.draft": ("", "draft: true", GITHUB),
    "release.latest": ("", "latest: legacy", GITHUB),
    "release.changelog": ("", "changelog: {path: docs/log.md}", FILE),
    "release.changelog.path": ("", "changelog: {path: NEWS.md}", FILE),
    "release.changelog.header": ("", "changelog: {header: '# News'}", {"files", "whole"}),
}
EVERYWHERE = ALL | {"release"}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Each package is at 1.0.0, the whole at 0.3.0; what came since is of `a` alone."""
    made = Clone(tmp_path_factory.mktemp("keys"))
    made.commit("feat: all", ["a/a", "b/b", "c"])
    for tag in ("v0.3.0", "a-v1.0.0", "b-v1.0.0"):
        made.tag(tag)
    made.commit("feat!: move", ["a/breaks"])
    made.commit("fix: mend", ["a/mends"])
    made.commit("docs: explain", ["a/docs"])
    made.commit("odd: what is no known type", ["a/odd"])
    made.commit("chore: tidy", ["b/tidy"])
    return made.write()


def outcome(clone: Clone, section: str) -> Mapping[str, object]:
    """What a policy leads to, part by part."""
    text = f"release: {{{section}}}\n"
    parsed = parse_policy(text)
    assert isinstance(parsed, Policy), parsed
    policy = parsed.release
    assert policy is not None
    git = LocalGit(clone.path)
    config = release_config(policy, branch="main")
    commits = list(git.fetch_commits(None, "HEAD", paths=True))
    histories = {package.name: commits for package in config.packages}
    plans = plan_releases(config, git.fetch_tags(), histories)
    found = [plan for plan in plans.values() if isinstance(plan, ReleasePlan)]
    clone.policy(text)
    said = invoke(clone, "release", "plan", "--format", "json")
    return {
        "plan": {(plan.tag, plan.reason, plan.changelog) for plan in found},
        "cli": {
            (one["package"], one["next"], one["reason"], one["changelog"])
            for one in map(json.loads, said.splitlines())
        },
        "files": changed(policy, found),
        "pulls": release_branches(policy, "main"),
        "release": {
            (one.called, policy.draft_of(one), policy.latest_of(one)) for one in policy.whole
        },
        "whole": invoke(clone, "changelog", "--all").partition("## ")[0]
        if len(policy.whole) == 1
        else "",
    }


def changed(policy: ReleasePolicy, plans: list[ReleasePlan]) -> object:
    texts: dict[str, str | None] = {}
    packages = [policy.package(plan.package) for plan in plans]
    wanted = {policy.changelog_of(package) for package in packages}
    while wanted:
        texts |= {path: FILES.get(path) for path in wanted}
        wanted = {one for p in packages for one in paths_to_read(policy.files_of(p), texts)}
    updated = updated_files(policy, release_config(policy, branch="main"), plans, texts)
    return updated.changes, [str(problem) for problem in updated.problems]


def invoke(clone: Clone, *arguments: str) -> str:
    done = CliRunner().invoke(main, [*arguments, "--repo", str(clone.path)])
    assert done.exit_code in (0, 3), done.stderr
    return done.stdout


@pytest.mark.parametrize("key", TABLE)
def test_a_key_changes_what_is_released(clone: Clone, key: str) -> None:
    without, with_it, seen = TABLE[key]
    before, after = outcome(clone, without), outcome(clone, with_it)
    found = {part for part in before if before[part] != after[part]}
    # Of packages that differ everything does, and of one that is named otherwise.
    assert found == (seen if seen is not None else found | EVERYWHERE), (before, after)


def test_every_key_is_in_the_table() -> None:
    schema = policy_schema()
    found = {key for key, _ in keys(schema, schema) if key.startswith("release.")}
    assert found == TABLE.keys()
