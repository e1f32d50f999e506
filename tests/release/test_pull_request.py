"""The release pull request as people see it, and what is read from it again.
``UPDATE_EXPECTED=1 pytest tests/release`` writes the expected texts anew."""

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_kit import CONFIG, commit, history, pull, sha, tag

from bot.adapters.github.payloads import pull_body
from bot.core.release.config import Package
from bot.core.release.model import FileChange, FileNote, ReleasePlan, Steering
from bot.core.release.notes import length
from bot.core.release.plan import plan_release, plan_releases
from bot.core.release.pull_request import (
    BODY_LIMIT,
    ReleasePull,
    branch_name,
    changes_digest,
    parse_pull,
    render_body,
    render_title,
)
from bot.core.release.version import Version
from bot.core.render.release import render_held_check, render_notes_check

sys.path.append(str(Path(__file__).parents[1] / "render"))
from hostile import texts
from rendered import render

EXPECTED = Path(__file__).parent / "expected"
HEAD = sha(4)
FILES = (
    FileChange("CHANGELOG.md", None, "x"),
    FileChange("package.json", "a", "b"),
    FileChange("odd`|name.txt", "a", "b"),
)
NOTES = (
    FileNote("package.json", "it said `1.3.0`, and what is released is 1.4.0", "see who sets it"),
    FileNote("a`|b.lock", "it holds no *version* <!-- of its own", "run `npm install`, and @you"),
    FileNote("go.mod", "of a Go module the tag says the version: there is nothing to set"),
    FileNote("package.json", "what is said of a file that is changed is not said twice"),
)
STORY = history(
    "fix: mend the button (#2)",
    commit(2, "feat(api): take orders (#3)", pull=pull(3, author="bob")),
    "chore: tidy up",
    "docs: explain",
)
MONO = replace(
    CONFIG,
    packages=(
        Package("@acme/api", "api", tag="api-v{version}"),
        Package("web", "web", tag="web-v{version}", depends_on=("@acme/api",)),
    ),
)


def one(steering: Steering | None = None) -> ReleasePlan:
    found = plan_release(CONFIG, "", [tag("v1.4.0", 0)], STORY, steering or Steering())
    assert isinstance(found, ReleasePlan)
    return found


def several() -> list[ReleasePlan]:
    story = history(commit(1, "feat: take orders", paths=("api/a",)))
    tags = [tag("api-v1.0.0", 0), tag("web-v2.0.0", 0)]
    plans = plan_releases(MONO, tags, {"@acme/api": story, "web": story}).values()
    return [found for found in plans if isinstance(found, ReleasePlan)]


CASES = {
    "pull_request": render_body([one()], HEAD, files=FILES),
    "pull_request_in_production": render_body(
        [one(Steering(notes=("Read the guide first.",)))],
        HEAD,
        files=FILES[:1],
        production=[
            "`production` runs 0f3a2c1: #2 is live there.",
            "`eu` runs v1.4.0.",
        ],
        words="Please wait for **Monday**.\n\n- [ ] told support\n",
    ),
    "pull_request_with_notes": render_body([one()], HEAD, files=FILES, notes=NOTES),
    "pull_request_held": render_body(
        [one()],
        HEAD,
        problems=['package.json: it has no `version`; add `"version": "1.4.0"` at the top.'],
        notes=NOTES,
    ),
    "pull_request_of_packages": render_body(several(), HEAD),
}


@pytest.mark.parametrize("name", CASES)
def test_a_body(name: str) -> None:
    path = EXPECTED / f"{name}.md"
    if os.environ.get("UPDATE_EXPECTED") == "1":
        path.write_text(CASES[name], encoding="utf-8")
    assert CASES[name] == path.read_text(encoding="utf-8")


CHECKS = {
    "check_held": render_held_check(
        ["api-v1.1.0", "web-v2.0.1"], ["api/package.json: it has no `version`; add one."]
    ),
    "check_with_notes": render_notes_check(["v1.5.0"], NOTES[:2], details_url="https://bot.test/"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_check(name: str) -> None:
    check, path = CHECKS[name], EXPECTED / f"{name}.md"
    shown = f"{check.name}: {check.conclusion}\n# {check.title}\n\n{check.summary}\n"
    if os.environ.get("UPDATE_EXPECTED") == "1":
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["x" * 5_000, "|`*[a](b)<!--\n" * 400])
def test_notes_of_any_length_leave_the_body_readable(text: str) -> None:
    notes = [FileNote(f"{number}/{text[:50]}", text, text) for number in range(300)]
    body = render_body([one()], HEAD, files=FILES, notes=notes)
    assert length(body) <= BODY_LIMIT
    assert "- and 250 more" in body
    assert "take orders" in body
    assert parse_pull(CONFIG, "", body).versions == {"": Version(1, 5, 0)}
    assert len(render_notes_check(["v1.5.0"], notes).summary.encode()) <= 65_535


def test_a_title() -> None:
    assert render_title([one()]) == "chore(release): v1.5.0"
    assert render_title(several()) == "chore(release): api-v1.1.0 and web-v2.0.1"
    assert render_title([replace(one(), tag=f"p{n}-v1.0.0") for n in range(30)]) == (
        "chore(release): 30 packages"
    )


@pytest.mark.parametrize(
    ("name", "branch"),
    [
        ("main", "main"),
        ("release/1.x", "release+1.x"),
        ("@acme/api", "@acme+api"),
        ("a+b", "a%2Bb"),
        ("a..b", "a%2E.b"),
        (".a.", "%2Ea%2E"),
        ("a.lock", "a%2Elock"),
        ("a~b^c:d?e*f[g\\h i", "a%7Eb%5Ec%3Ad%3Fe%2Af%5Bg%5Ch%20i"),
        ("ü", "%C3%BC"),
    ],
)
def test_a_branch(name: str, branch: str) -> None:
    assert branch_name(name) == f"lockgate/release/{branch}"


@given(st.text(min_size=1, max_size=12), st.text("ab./+%~", min_size=1, max_size=6))
def test_branches_are_names_and_are_told_apart(one_name: str, other: str) -> None:
    # https://git-scm.com/docs/git-check-ref-format
    bad = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|/$|//|/\.|\.lock(/|$)|\.$")
    for name in (one_name, other):
        if not any("\ud800" <= char <= "\udfff" for char in name):
            assert not bad.search(branch_name(name))
            assert branch_name(name).count("/") == 2
            assert (branch_name(name) == branch_name(other)) is (name == other)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("words", ["", "Words.\n\n- **of** theirs <!-- x -->"])
def test_what_is_written_is_read_again(words: str, line_end: str) -> None:
    body = render_body([one()], HEAD, files=FILES, words=words).replace("\n", line_end)
    read = parse_pull(CONFIG, "whatever", body)
    assert (read.words, read.head, read.versions) == (words, HEAD, {"": Version(1, 5, 0)})
    assert read.digest == changes_digest([one()])
    both = parse_pull(MONO, "", render_body(several(), HEAD, words=words))
    assert (both.words, both.head) == (words, HEAD)
    assert both.versions == {"@acme/api": Version(1, 1, 0), "web": Version(2, 0, 1)}


def test_the_same_changes_have_the_same_digest() -> None:
    hidden, shown = (
        plan_release(CONFIG, "", [tag("v1.4.0", 0)], [commit(5, message), *STORY])
        for message in ("docs: more", "fix: more")
    )
    assert isinstance(hidden, ReleasePlan)
    assert isinstance(shown, ReleasePlan)
    assert changes_digest([one()]) == changes_digest([replace(one(), next=Version(9, 0, 0))])
    assert changes_digest([one()]) == changes_digest([hidden]), "nothing that a release shows"
    assert changes_digest([one()]) != changes_digest([shown])
    assert changes_digest([one()]) != changes_digest([replace(one(), package="x")])


def test_words_of_people_survive() -> None:
    body = render_body([one()], HEAD, files=FILES)
    edited = f"Not before Monday.\r\n\r\n{body}".replace("take orders", "something else")
    again = render_body([one()], sha(9), words=parse_pull(CONFIG, "", edited).words)
    assert again.startswith("Not before Monday.\n\n<!-- lockgate:release ")
    assert "something else" not in again
    thrice = render_body([one()], sha(9), words=parse_pull(CONFIG, "", again).words)
    assert thrice == again


@pytest.mark.parametrize(
    ("title", "versions"),
    [
        ("chore(release): v1.5.0", {"": Version(1, 5, 0)}),
        ("chore(release): v1.5.0-rc.1", {"": Version(1, 5, 0, ("rc", "1"))}),
        ("something else", {}),
        ("", {}),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        "mine alone",
        "x <!-- lockgate:release {} -->",
    ],
)
def test_without_a_marker_the_title_tells(
    title: str, versions: dict[str, Version], body: str
) -> None:
    assert parse_pull(CONFIG, title, body) == ReleasePull(body, None, versions)


def test_the_title_of_several() -> None:
    read = parse_pull(MONO, render_title(several()), "")
    assert read.versions == {"@acme/api": Version(1, 1, 0), "web": Version(2, 0, 1)}


@pytest.mark.parametrize(
    "said",
    [
        "{}",
        '{"head": 1, "versions": 2}',
        '{"head": 1, "versions": {}, "changes": [1]}',
        '{"head": "x", "versions": {"": 5}}',
        '{"head": "x", "versions": {"": "1"}}',
        "{[}",
        '{"a":' * 3_000 + "}" * 3_000,
    ],
)
def test_a_marker_that_somebody_changed(said: str) -> None:
    body = f"words\n<!-- lockgate:release {said} -->\nrest"
    read = parse_pull(CONFIG, "chore(release): v1.5.0", body)
    assert (read.words, read.head, read.versions) == ("words", None, {"": Version(1, 5, 0)})


def test_a_hostile_package_ends_no_comment() -> None:
    plan = replace(one(), package="--> <b>@acme</b>")
    body = render_body([plan], HEAD)
    assert parse_pull(CONFIG, "", body).versions == {plan.package: Version(1, 5, 0)}
    assert body.index("-->") > body.index("1.5.0")


@settings(max_examples=60, deadline=None)
@given(texts, texts, texts)
def test_hostile_words_show_and_do_nothing(path: str, name: str, live: str) -> None:
    plan = replace(one(), contributors=(name,), reason=live)
    body = render_body([plan], HEAD, files=[FileChange(path, "", "")], production=[live])
    folded = "<details>\n<summary>1 file changed</summary>"
    ours = (folded, "</details>", "<sub>", "</sub>")
    seen = render(body)
    assert [html.strip() for html in seen.html if "lockgate:release" not in html] == list(ours)
    assert all(link.startswith("https://github.com/acme/shop/") for link in seen.links)
    assert not any(re.search(r"@\w", render(line).text) for line in body.splitlines())
    assert parse_pull(CONFIG, "", body).words == ""


def long_plan(count: int) -> ReleasePlan:
    said = (f"fix(s{n % 9}): mend the thing of number {n} 🎉 (#{n})" for n in range(count))
    found = plan_release(CONFIG, "", [tag("v1.4.0", 0)], history(*said))
    assert isinstance(found, ReleasePlan)
    return found


@pytest.mark.parametrize("words", ["", "w" * 30_000, "w" * 64_000, "w" * 64_700, "🎉" * 40_000])
def test_it_is_never_longer_than_github_takes(words: str) -> None:
    plan = replace(long_plan(2_000), contributors=tuple(f"somebody-{n}" for n in range(5_000)))
    files = [FileChange(f"packages/p{n}/package.json", "", "") for n in range(5_000)]
    body = render_body([plan], HEAD, files=files, production=["x" * 5_000] * 3, words=words)
    assert length(body) <= BODY_LIMIT
    read = parse_pull(CONFIG, "", body)
    assert read.head == HEAD
    assert pull_body(title=None, body=body)["body"] == body, "it is sent as it is"
    if length(words) <= 64_700:
        assert read.words == words
    else:
        assert length(read.words) > 64_700
    if not words:
        assert length(body) > BODY_LIMIT - 2_000
        assert re.search(r"\n… and \d+ more entries\.\n", body)
        assert "- and 4900 more\n" in body


def test_several_packages_share_the_room() -> None:
    small, large = one(), long_plan(2_000)
    plans = [replace(small, package=f"p{n}") for n in range(20)] + [replace(large, package="big")]
    body = render_body(plans, HEAD)
    assert length(body) <= BODY_LIMIT
    assert length(body) > BODY_LIMIT - 2_000
    assert body.count("take orders") == 2 * 20
