"""Messages taken apart: the specification's examples, and what git, GitHub and bots write."""

import pytest

from bot.core.commits.message import Footer, Message, MessageKind
from bot.core.commits.parse import format_header, parse_message, print_message

SHA = "1d1e7191268e068fe9cb6aba524d1c619a9c727b"
OTHER_SHA = "8603361473f223f865ad545208780f6713a294ab"


# --- https://www.conventionalcommits.org/en/v1.0.0/#examples -------------------------------------


def test_description_and_breaking_change_footer() -> None:
    message = parse_message(
        "feat: allow provided config object to extend other configs\n\n"
        "BREAKING CHANGE: `extends` key in config file is now used for extending other config "
        "files"
    )
    assert (message.type, message.scope, message.breaking) == ("feat", None, True)
    assert message.description == "allow provided config object to extend other configs"
    assert message.body == ""
    assert message.breaking_notes == (
        "`extends` key in config file is now used for extending other config files",
    )


@pytest.mark.parametrize(
    ("header", "scope"),
    [
        ("feat!: send an email to the customer when a product is shipped", None),
        ("feat(api)!: send an email to the customer when a product is shipped", "api"),
    ],
)
def test_exclamation_mark(header: str, scope: str | None) -> None:
    message = parse_message(header)
    assert (message.type, message.scope, message.breaking) == ("feat", scope, True)
    assert message.exclamation
    assert message.footers == ()


def test_both_exclamation_mark_and_footer() -> None:
    message = parse_message(
        "feat!: drop support for Node 6\n\n"
        "BREAKING CHANGE: use JavaScript features not available in Node 6."
    )
    assert message.breaking
    assert message.breaking_notes == ("use JavaScript features not available in Node 6.",)


def test_no_body() -> None:
    message = parse_message("docs: correct spelling of CHANGELOG")
    assert message == Message(
        "docs: correct spelling of CHANGELOG",
        MessageKind.CONVENTIONAL,
        "docs",
        description="correct spelling of CHANGELOG",
    )


def test_scope() -> None:
    message = parse_message("feat(lang): add Polish language")
    assert (message.type, message.scope) == ("feat", "lang")


def test_several_paragraphs_and_footers() -> None:
    message = parse_message(
        "fix: prevent racing of requests\n\n"
        "Introduce a request id and a reference to latest request. Dismiss\n"
        "incoming responses other than from latest request.\n\n"
        "Remove timeouts which were used to mitigate the racing issue but are\n"
        "obsolete now.\n\n"
        "Reviewed-by: Z\n"
        "Refs: #123\n"
    )
    assert message.body.startswith("Introduce a request id")
    assert message.body.endswith("obsolete now.")
    assert message.footers == (Footer("Reviewed-by", "Z"), Footer("Refs", "#123"))


def test_revert_with_refs() -> None:
    message = parse_message(
        "revert: let us never again speak of the noodle incident\n\nRefs: 676104e, a215868"
    )
    assert message.kind is MessageKind.REVERT
    assert message.type == "revert"
    assert message.reverts == ("676104e", "a215868")


# --- the header ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "type_", "scope", "exclamation", "description", "number"),
    [
        ("feat: x", "feat", None, False, "x", None),
        ("FEAT: x", "FEAT", None, False, "x", None),
        ("feat(a b): x", "feat", "a b", False, "x", None),
        ("feat(a(b)): x", "feat", "a(b)", False, "x", None),
        ("feat(@org/pkg)!: x", "feat", "@org/pkg", True, "x", None),
        ("feat(): x", "feat", "", False, "x", None),
        ("build-deps: x", "build-deps", None, False, "x", None),
        ("füge: x", "füge", None, False, "x", None),
        ("feat:   x  ", "feat", None, False, "x", None),
        ("  feat: x", "feat", None, False, "x", None),
        ("feat:", "feat", None, False, "", None),
        ("feat!: ", "feat", None, True, "", None),
        ("feat: a: b (c): d", "feat", None, False, "a: b (c): d", None),
        ("feat: x (#123)", "feat", None, False, "x", 123),
        ("feat: x (#12) (#345)", "feat", None, False, "x (#12)", 345),
        ("feat: x (#12) y", "feat", None, False, "x (#12) y", None),
        ("feat: (#12)", "feat", None, False, "", 12),
    ],
)
def test_conventional_headers(
    header: str,
    type_: str,
    scope: str | None,
    exclamation: bool,
    description: str,
    number: int | None,
) -> None:
    message = parse_message(header)
    assert message.header == header
    assert message.kind is MessageKind.CONVENTIONAL
    assert (message.type, message.scope, message.exclamation) == (type_, scope, exclamation)
    assert (message.description, message.pull_number) == (description, number)


@pytest.mark.parametrize(
    "header",
    [
        "Add search",
        "feat:x",
        "feat : x",
        "feat (a): x",
        "feat(a: x",
        "feat)a(: x",
        "(a): x",
        ": x",
        "!: x",
        "feat!!: x",
        "feat(a)(b): x",
        "net/ipv4: x",
        "https://example.com",
        "",
        "   ",
        "1.2.3",
    ],
)
def test_other_headers(header: str) -> None:
    message = parse_message(header)
    assert message.kind is MessageKind.OTHER
    assert (message.type, message.scope, message.description) == (None, None, "")


@pytest.mark.parametrize(
    ("header", "number"),
    [
        ("Merge branch 'main' into search", None),
        ("Merge branch 'main' of github.com:octo/shop", None),
        ("Merge branch main", None),
        ("Merge branches 'a' and 'b'", None),
        ("Merge remote-tracking branch 'origin/main'", None),
        ("Merge tag 'v1.2.3' into main", None),
        ("Merge commit '1d1e719'", None),
        ("Merge pull request #12 from octo/search", 12),
        (f"Merge {SHA} into {OTHER_SHA}", None),
        ("Merge main into search", None),
        ('Merge "Add search" into stable', None),
        ("Merged in search (pull request #12)", 12),
        ("Merged PR 12: Add search", 12),
        ("Auto merge of #12 - octo:search, r=ada", 12),
        ("Rollup merge of #12 - octo:search, r=ada", 12),
        ("Merge #12", 12),
        ("Merge #12 #13", 12),
    ],
)
def test_merges(header: str, number: int | None) -> None:
    message = parse_message(f"{header}\n\nfeat: not the header")
    assert message.kind is MessageKind.MERGE
    assert message.type is None
    assert message.pull_number == number


@pytest.mark.parametrize(
    "header",
    ["Merge two loops", "Merge branch handling code", "Merged the loops", "merge: the loops"],
)
def test_people_merge_things_too(header: str) -> None:
    assert parse_message(header).kind is not MessageKind.MERGE


def test_two_parents_make_a_merge_of_what_is_nothing_else() -> None:
    assert parse_message("bring main up to date", parents=2).kind is MessageKind.MERGE
    assert parse_message("feat: add search", parents=2).kind is MessageKind.CONVENTIONAL
    assert parse_message("bring main up to date", parents=1).kind is MessageKind.OTHER


@pytest.mark.parametrize("word", ["fixup", "squash", "amend"])
def test_fixups(word: str) -> None:
    message = parse_message(f"{word}! feat: add search")
    assert message.kind is MessageKind.FIXUP
    assert message.type is None


@pytest.mark.parametrize("header", ["Initial commit", "initial commit.", "INITIAL COMMIT"])
def test_initial_commits(header: str) -> None:
    assert parse_message(header).kind is MessageKind.INITIAL


def test_initial_commit_of_something_is_no_initial_commit() -> None:
    assert parse_message("Initial commit of the parser").kind is MessageKind.OTHER


# --- reverts -------------------------------------------------------------------------------------


def test_revert_by_git() -> None:
    message = parse_message(f'Revert "feat: add search"\n\nThis reverts commit {SHA}.\n')
    assert message.kind is MessageKind.REVERT
    assert message.type is None
    assert message.reverts == (SHA,)
    assert message.reverted_header == "feat: add search"


def test_revert_of_a_merge_names_the_merge_alone() -> None:
    message = parse_message(
        "Revert \"Merge branch 'search'\"\n\n"
        f"This reverts commit {SHA}, reversing\nchanges made to {OTHER_SHA}.\n"
    )
    assert message.reverts == (SHA,)


def test_revert_by_githubs_button() -> None:
    message = parse_message('Revert "feat: add search (#1)" (#2)\n\nReverts octo/shop#1')
    assert message.kind is MessageKind.REVERT
    assert message.reverted_pulls == ("octo/shop#1",)
    assert message.reverts == ()
    assert message.pull_number == 2
    assert message.reverted_header == "feat: add search (#1)"


@pytest.mark.parametrize(
    "header", ['Revert "Revert "feat: x""', 'Reapply "feat: x"', f"Revert {SHA[:9]}"]
)
def test_other_wordings_of_reverts(header: str) -> None:
    assert parse_message(header).kind is MessageKind.REVERT


def test_reapplying_keeps_the_inner_header() -> None:
    assert parse_message('Revert "Revert "feat: x""').reverted_header == 'Revert "feat: x"'
    assert parse_message('feat: quote “x” and "y"').reverted_header is None


def test_people_revert_things_too() -> None:
    assert parse_message("Revert to the old parser").kind is MessageKind.OTHER


def test_several_commits_are_reverted_at_once() -> None:
    message = parse_message(f"revert: search\n\nThis reverts commits {SHA[:8]} and\n{OTHER_SHA}.")
    assert message.reverts == (SHA[:8], OTHER_SHA)


def test_words_that_look_like_ids_are_not_reverted() -> None:
    message = parse_message(
        f"revert: search\n\nRefs: #1234567, octo/shop@{SHA}, {SHA[:8]}, {SHA[:8]}"
    )
    assert message.reverts == (SHA[:8],)


# --- body and footers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "body", "footers"),
    [
        ("\nbody", "body", ()),
        ("\nbody\n\n\n", "body", ()),
        ("\n\n  indented\nbody\n", "  indented\nbody", ()),
        ("\nFixes #12", "", (Footer("Fixes", "12", " #"),)),
        ("\nFixes: #12", "", (Footer("Fixes", "#12"),)),
        ("\nrefs: a\nREFS: b", "", (Footer("refs", "a"), Footer("REFS", "b"))),
        ("\nRefs:", "", (Footer("Refs", ""),)),
        ("\nRefs: a\n  more\nand more", "", (Footer("Refs", "a\n  more\nand more"),)),
        ("\nRefs: a\n\nCloses #1", "", (Footer("Refs", "a"), Footer("Closes", "1", " #"))),
        ("\nRefs: a\n\nprose", "Refs: a\n\nprose", ()),
        ("\nNote: this is prose.\n\nMore of it.\n\nRefs: a", "Note: this is prose.\n\nMore of it.",
         (Footer("Refs", "a"),)),
        ("\nsee https://example.com", "see https://example.com", ()),
        ("\nhttps://example.com", "https://example.com", ()),
        ("\nbreaking change: x", "breaking change: x", ()),
        ("\nTwo words: x", "Two words: x", ()),
        ("\n- Refs: x", "- Refs: x", ()),
        ("\nbody\nSigned-off-by: A <a@b.c>", "body", (Footer("Signed-off-by", "A <a@b.c>"),)),
        ("\nbody\nCloses #1\nRefs: x", "body", (Footer("Closes", "1", " #"), Footer("Refs", "x"))),
        ("\nbody\nnote: it wraps here", "body\nnote: it wraps here", ()),
        ("\nSigned-off-by: A\n(cherry picked from commit 1d1e719)\nSigned-off-by: B", "",
         (Footer("Signed-off-by", "A"), Footer("cherry picked from commit", "1d1e719", "()"),
          Footer("Signed-off-by", "B"))),
        ("\nbody\n\n(cherry picked from commit 1d1e719)", "body",
         (Footer("cherry picked from commit", "1d1e719", "()"),)),
        ("\n* one\n\n* two\n\n-------\n\nCo-authored-by: A <a@b.c>", "* one\n\n* two\n\n-------",
         (Footer("Co-authored-by", "A <a@b.c>"),)),
    ],
)  # fmt: skip
def test_body_and_footers(rest: str, body: str, footers: tuple[Footer, ...]) -> None:
    message = parse_message(f"feat: x\n{rest}")
    assert message.body == body
    assert message.footers == footers
    assert not message.breaking


@pytest.mark.parametrize(
    ("rest", "body", "notes"),
    [
        ("\nBREAKING CHANGE: a", "", ("a",)),
        ("\nBREAKING-CHANGE: a", "", ("a",)),
        ("\nBREAKING CHANGE:\n\na\n\nb", "", ("a\n\nb",)),
        ("\nbody\nBREAKING CHANGE: a", "body", ("a",)),
        ("\nbody\n\nmore\nBREAKING CHANGE: a", "body\n\nmore", ("a",)),
        ("BREAKING CHANGE: a", "", ("a",)),
        ("\nBREAKING CHANGE: a\n\nb\nRefs: c", "", ("a\n\nb",)),
        ("\nRefs: c\nBREAKING CHANGE: a\nBREAKING CHANGE: b", "", ("a", "b")),
        ("\nBREAKING CHANGE #1 of the interface", "", ("1 of the interface",)),
    ],
)
def test_breaking_footers(rest: str, body: str, notes: tuple[str, ...]) -> None:
    message = parse_message(f"fix: x\n{rest}")
    assert message.breaking
    assert message.breaking_notes == notes
    assert message.body == body


@pytest.mark.parametrize(
    "rest",
    ["\nBREAKING CHANGE a", "\nBREAKING CHANGE:a", "\nBreaking change: a", "\nbreaking-change: a",
     "\nthis is a BREAKING CHANGE: a", "\nBREAKING CHANGES: a"],
)  # fmt: skip
def test_what_does_not_mark_a_breaking_change(rest: str) -> None:
    assert not parse_message(f"fix: x\n{rest}").breaking


def test_blank_lines_are_remembered() -> None:
    parted = parse_message("feat: x\n\nbody\n\nRefs: a")
    assert (parted.body_leading_blank, parted.footer_leading_blank) == (True, True)
    close = parse_message("feat: x\nbody\nCloses #1")
    assert (close.body_leading_blank, close.footer_leading_blank) == (False, False)
    assert parse_message("feat: x\nCloses #1").footer_leading_blank is False
    assert parse_message("feat: x\n\nCloses #1").footer_leading_blank is True
    assert parse_message("feat: x\n \nbody").body_leading_blank is True


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    text = end.join(["feat: x", "", "body", "more", "", "Refs: a", "Closes #1", ""])
    assert parse_message(text) == parse_message("feat: x\n\nbody\nmore\n\nRefs: a\nCloses #1\n")


def test_leading_blank_lines_are_passed_over() -> None:
    assert parse_message("\n \n\nfeat: x\n\nbody") == parse_message("feat: x\n\nbody")


# --- updates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "Bump lodash from 4.17.20 to 4.17.21",
        "build(deps): bump lodash from 4.17.20 to 4.17.21 in /web (#12)",
        "chore(deps-dev): bump the lint group across 1 directory with 9 updates",
        "Update rubocop requirement from ~> 1.0 to ~> 2.0",
        "fix(deps): update dependency lodash to v4.17.21",
        "chore(deps): update actions/checkout action to v4",
        "chore(deps): update all non-major dependencies",
        "chore(deps): lock file maintenance",
        "chore(deps): pin dependencies",
    ],
)
def test_dependency_updates(header: str) -> None:
    assert parse_message(header).is_update


@pytest.mark.parametrize("header", ["feat: bump the limit", "docs: update the tutorial", "Bump"])
def test_people_update_things_too(header: str) -> None:
    assert not parse_message(header).is_update


# --- printing ------------------------------------------------------------------------------------


def test_printing_gives_the_usual_layout() -> None:
    text = (
        "feat(api)!: add search (#12)\n\nFirst.\n\nSecond.\n\n"
        "BREAKING CHANGE: a\n\nb\nCloses #1\nRefs:\n(cherry picked from commit 1d1e719)"
    )
    assert print_message(parse_message(text + "\n\n")) == text


def test_formatting_a_header() -> None:
    header = format_header("feat", "api", "add search", exclamation=True, pull_number=12)
    assert header == "feat(api)!: add search (#12)"
    assert format_header("feat", None, "x") == "feat: x"
