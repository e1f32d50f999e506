"""What is read without the models of the rest is what the whole reader makes of it."""

import pytest

from bot.core.policy import Policy, parse_policy
from bot.core.policy.release_alone import read_release_alone

TAKEN = [
    "release: {}\n",
    "version: 1\nrelease:\n  kind: node\n  changelog: {path: NEWS.md}\n",
    "release: {kind: python, prerelease: {branch: next, identifier: beta}}\n",
    "release: {packages: [{path: a}, {path: b, depends_on: [a]}]}\n",
    "release: {extra_files: [{file: a.json, path: info.version}]}\n",
]
LEFT = [
    "",
    "version: 1\n",
    "version: 2\nrelease: {}\n",
    "version: true\nrelease: {}\n",
    "version: '1'\nrelease: {}\n",
    "release:\n",
    "release: {}\nrelease: {}\n",
    "release: {kind: nod}\n",
    "release: {packages: [{path: a}, {path: a}]}\n",
    "release: {extra_files: [{file: a.txt, path: info.version}]}\n",
    "release: {}\nenvironments: {}\n",
    "release: {}\nreleases: {}\n",
    "release: [\n",
    "- release\n",
]


@pytest.mark.parametrize("text", TAKEN)
def test_a_file_without_a_fault_and_without_another_section(text: str) -> None:
    policy = parse_policy(text)
    assert isinstance(policy, Policy)
    assert read_release_alone(text) == policy.release is not None


@pytest.mark.parametrize("text", LEFT)
def test_anything_else_is_left_to_the_whole_reader(text: str) -> None:
    assert read_release_alone(text) is None
