"""What is read without the models is what they make of it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.policy import Policy, parse_policy
from bot.core.policy.release import ReleasePolicy, release_config
from bot.core.policy.release_alone import read_release_alone
from bot.core.policy.release_plain import SECTIONS, read_plainly, release_section
from bot.core.release.config import ReleaseConfig

PLAIN = [
    "release: {}\n",
    "version: 1\nrelease:\n  kind: node\n  changelog: {path: NEWS.md, header: '# News'}\n",
    "release: {kind: python, prerelease: {branch: next, identifier: beta}}\n",
    "release: {kind: node, prerelease: {branch: next, identifier: canary}}\n",
    "release: {prerelease: {branch: next}, sections: {}, hidden: []}\n",
    "release: {tag: '{component}{name}r{version}', release_as: 2.0.0-rc.1}\n",
    "release: {sections: {feat: 'New – für alle', chore: Rest}, other: hide}\n",
    "release: {bump_before_1_0: patch, bump_dependents: none, draft: true, latest: legacy}\n",
    "release: {hidden: [a], latest: false, extra_files: [a, {file: b}, {file: c, regex: (d)}]}\n",
    "release: {extra_files: [{file: a.json, path: info.version}]}\n",
    "commits: {}\nenvironments: {}\nmigrations: {}\nrelease: {}\n",
    "release: {packages: [], release_as: 2.0.0, separate_pull_requests: false}\n",
    "release: {packages: [{path: a}, {path: b, depends_on: [a]}]}\n",
    "release: {packages: [{path: a, depends_on: [b]}, {path: b, depends_on: [a]}]}\n",
    "release: {packages: [{path: .}, {path: a/b, exclude: [/a/b/c]}, {path: a/b/d}]}\n",
    "release: {tag: '{name}/{version}', packages: [{path: a, name: '@x/y'}, {path: b, name: y}]}\n",
    "release: {packages: [{path: a, component: c, tag: '{component}{version}'}, {path: b}]}\n",
    "release: {separate_pull_requests: true, packages: [{path: a}, {path: b, depends_on: [a]}]}\n",
    "release: {packages: [{path: a, release_as: 3.0.0, draft: true, latest: legacy, kind: go}]}\n",
    "release: {kind: node, packages: [{path: a}], prerelease: {branch: b, identifier: canary}}\n",
    "release: {packages: [{path: a, extra_files: [b, {file: /c.json, path: d}]}]}\n",
    "release: {packages: [{path: a}], changelog: {path: /NEWS.md}, extra_files: []}\n",
]
BY_MODELS = [
    "release: {release_as: null}\n",
    "release: {sections: {größe: Size}}\n",
    "release: {packages: [{path: a, name: null}]}\n",
    "release: {tag: 'v{version}', packages: [{path: .}, {path: a}]}\n",
]
NEITHER = [
    "",
    "version: 1\n",
    "version: 2\nrelease: {}\n",
    "version: true\nrelease: {}\n",
    "version: '1'\nrelease: {}\n",
    "release:\n",
    "release: {}\nrelease: {}\n",
    "release: {kind: nod}\n",
    "release: {kind: 1}\n",
    "release: {tag: v}\n",
    "release: {draft: 1}\n",
    "release: {sections: {-a: b}}\n",
    "release: {separate_pull_requests: true}\n",
    "release: {prerelease: {identifier: beta}}\n",
    "release: {kind: python, prerelease: {branch: next, identifier: canary}}\n",
    "release: {sections: {a: b}, hidden: [a]}\n",
    "release: {changelog: {header: ''}}\n",
    'release: {changelog: {header: "\\uD800"}}\n',
    "release: {packages: [{path: a}, {path: a, name: b}]}\n",
    "release: {packages: [{path: a}, {path: b/a}]}\n",
    "release: {packages: [{path: ., tag: '{component}-{version}'}]}\n",
    "release: {packages: [{path: a, name: '@x/c'}, {path: b, name: '@y/c'}]}\n",
    "release: {packages: [{path: a, depends_on: [b]}]}\n",
    "release: {packages: [{path: a, depends_on: [a]}]}\n",
    "release: {packages: [{name: a}]}\n",
    "release: {packages: [a]}\n",
    "release: {packages: {path: a}}\n",
    'release: {packages: [{path: a, name: "b\\n"}]}\n',
    "release: {packages: [{path: a, component: '@x/y'}]}\n",
    "release: {packages: [{path: a}], release_as: 2.0.0}\n",
    "release: {packages: [{path: a}], extra_files: [b]}\n",
    "release: {packages: [{path: a}], tag: 'v{version}'}\n",
    "release: {packages: [{path: a}, {path: b}], changelog: {path: /NEWS.md}}\n",
    "release: {packages: [{path: a, kind: python}], prerelease: {branch: b, identifier: canary}}\n",
    "release: {separate_pull_requests: true, packages: []}\n",
    "release: {extra_files: [{file: a.txt, path: info.version}]}\n",
    "release: {extra_files: [{file: a.json, path: a, regex: (b)}]}\n",
    "release: {extra_files: [{path: a}]}\n",
    "release: {}\nreleases: {}\n",
    "release: [\n",
    "- release\n",
]


def plainly(text: str) -> tuple[ReleaseConfig, str] | None:
    section = release_section(text)
    return read_plainly(section) if section else None


def alone(text: str) -> ReleasePolicy | None:
    section = release_section(text)
    return read_release_alone(section) if section else None


def wholly(text: str) -> ReleasePolicy | None:
    policy = parse_policy(text)
    return policy.release if isinstance(policy, Policy) else None


def agree(text: str) -> bool:
    """Whether the text is read plainly. Then the models must make the same of it."""
    if (plain := plainly(text)) is None:
        return False
    config, branch = plain
    policy = wholly(text)
    assert policy is not None, text
    assert release_config(policy) == config
    assert branch == (policy.prerelease.branch if policy.prerelease else "")
    return True


@pytest.mark.parametrize("text", PLAIN)
def test_a_section_as_most_have_it_needs_no_models(text: str) -> None:
    assert agree(text)
    assert alone(text) == wholly(text)


@pytest.mark.parametrize("text", BY_MODELS)
def test_others_need_the_models_of_the_section_alone(text: str) -> None:
    assert plainly(text) is None
    assert alone(text) == wholly(text) is not None


@pytest.mark.parametrize("text", NEITHER)
def test_a_fault_is_left_to_the_whole_reader(text: str) -> None:
    assert plainly(text) is None
    assert alone(text) is None


def test_a_fault_of_another_section_is_no_fault_of_the_releases() -> None:
    faulty = "release: {tag: 'r{version}'}\ncommits: {nonsense: 1}\n"
    assert wholly(faulty) is None
    assert plainly(faulty) == plainly("release: {tag: 'r{version}'}\n") is not None


def test_every_section_of_a_policy_is_known() -> None:
    assert Policy.model_fields.keys() == SECTIONS


TEXTS = st.sampled_from(
    [
        *("", "a", "A b", " a", "a ", "a\n", "-a", "a-", "3d", "\x00", "\x1c", "\x85", "\u2003"),
        *("é", "\u200b", "𝕏", "a" * 51, "a" * 101, "a" * 501),
        *("v{version}", "{component}-v{version}", "v{name}", "${version}", "a..b{version}"),
        *("next", "refs/heads/x", "feature/x", "x.lock"),
        *("rc", "beta", "canary", "0", "01", "rc.1", "1.2.3", "1.2.3-rc.1", "v1.2.3", "1.2"),
        *("node", "python", "show", "hide", "minor", "patch", "none", "major", "legacy", "feat"),
        *("a.json", "/a.toml", "../a", "a/.git/b", "a//b", "a.b[0]", "$", "(a)", "(", "(a)(b)"),
    ]
)
SCALARS = TEXTS | st.sampled_from([None, True, False, 0, 1, 1.5])
FILES = SCALARS | st.dictionaries(st.sampled_from(["file", "path", "regex", "x"]), TEXTS)
VALUES = {
    "hidden": st.lists(SCALARS, max_size=3),
    "extra_files": st.lists(FILES, max_size=2),
    "prerelease": st.dictionaries(st.sampled_from(["branch", "identifier"]), TEXTS),
    "sections": st.dictionaries(TEXTS, TEXTS, max_size=3),
    "changelog": st.dictionaries(st.sampled_from(["path", "header"]), TEXTS),
}


PATHS = st.sampled_from(["a", "b", "c", "a/b", "b/c", ".", "a/"])
PACKAGE = {
    "name": st.sampled_from(["d", "@x/e", "e", "-a", "a\n"]),
    "component": st.sampled_from(["f", "g", "@x/a"]),
    "tag": st.sampled_from(["w{version}", "{component}-{version}", "{name}{version}", "v"]),
    "exclude": st.lists(st.sampled_from(["a/b", "/b", "../a"]), max_size=2),
    "depends_on": st.lists(st.sampled_from(["a", "b", "d"]), max_size=1),
    "kind": st.sampled_from(["node", "python"]),
    "release_as": st.just("2.0.0"),
}
PACKAGES = st.lists(
    st.fixed_dictionaries({"path": PATHS}, optional=PACKAGE), min_size=1, max_size=3
)
BESIDE = st.sampled_from(
    [
        *({}, {}, {"tag": "{name}@{version}"}, {"tag": "v{version}"}, {"release_as": "2.0.0"}),
        *({"changelog": {"path": "/a"}}, {"prerelease": {"branch": "a", "identifier": "canary"}}),
    ]
)


def said_of(key: str) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.just(key), VALUES.get(key, SCALARS) | SCALARS)


SECTION = st.lists(
    st.sampled_from([*ReleasePolicy.model_fields, "x"]).flatmap(said_of), max_size=3
).map(dict)


@settings(max_examples=300, deadline=None)
@given(SECTION)
def test_what_is_read_plainly_is_what_the_models_read(section: dict[str, Any]) -> None:
    agree(f"release: {json.dumps(section)}\n")


@settings(max_examples=300, deadline=None)
@given(PACKAGES, BESIDE, st.booleans())
def test_packages_that_are_read_plainly_are_what_the_models_read(
    packages: list[dict[str, Any]], beside: dict[str, Any], separate: bool
) -> None:
    said = {**beside, "packages": packages, "separate_pull_requests": separate}
    agree(f"release: {json.dumps(said)}\n")
