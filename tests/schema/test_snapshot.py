"""Digests, differences and the one spelling of what PostgreSQL spells in two ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.schema.difference import Change, Detail, Difference, differences, digest_differences
from bot.core.schema.snapshot import Snapshot, digest_of, move_on, root_of
from bot.core.schema.spelling import spell, spelled
from bot.core.schema.views import unqualified

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
RECORDS = st.dictionaries(st.text(max_size=4), JSON, max_size=4)
OBJECTS = st.dictionaries(st.text(max_size=4), RECORDS, max_size=4)


def test_a_digest_is_of_what_is_said_and_not_of_how() -> None:
    assert digest_of({"a": 1, "b": [True, "ü"]}) == digest_of({"b": [True, "ü"], "a": 1})
    # SHA-256 of {"a":1}: what was recorded once must be found again by any later version.
    assert digest_of({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert root_of({"x": "1"}) == "e09bf56612b4c25fccb847f595d01a5deceec8a9a7bf93bd6d69e4f062705a79"


@given(OBJECTS, OBJECTS)
def test_the_root_tells_two_schemas_apart(one: dict, two: dict) -> None:
    first, second = Snapshot(one), Snapshot(two)
    same = first.digests.root == second.digests.root
    assert same == (first.digests.objects == second.digests.objects)
    found = digest_differences(first.digests.objects, second.digests.objects)
    assert same == (not found)
    assert {each.name for each in found} == {
        name
        for name in one.keys() | two.keys()
        if first.digests.objects.get(name) != second.digests.objects.get(name)
    }


def test_names_cannot_be_made_to_look_like_two() -> None:
    assert root_of({"a": "1", "b": "2"}) != root_of({'a", "1"]\n["b': "2"})


def test_what_differs_is_told_object_by_object() -> None:
    before = Snapshot(
        {
            "table public.a": {"columns": {"x": {"type": "text"}, "y": {}}, "kind": "table"},
            "view public.b": {},
            "table public.same": {"kind": "table"},
        }
    )
    after = Snapshot(
        {
            "table public.a": {"columns": {"x": {"type": "integer"}, "z": {}}, "kind": "table"},
            "type public.c": {},
            "table public.same": {"kind": "table"},
        }
    )
    assert differences(before, after) == (
        Difference(
            Change.CHANGED,
            "table public.a",
            (
                Detail(("columns", "x", "type"), "text", "integer"),
                Detail(("columns", "y"), "{}", None),
                Detail(("columns", "z"), None, "{}"),
            ),
        ),
        Difference(Change.ADDED, "type public.c"),
        Difference(Change.REMOVED, "view public.b"),
    )


def test_long_values_are_cut_and_lines_joined() -> None:
    before, after = Snapshot({"f": {"body": "a\nb"}}), Snapshot({"f": {"body": "x" * 500}})
    (detail,) = differences(before, after)[0].details
    assert detail.before == "a b"
    assert detail.after == "x" * 119 + "…"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "s = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])",
            ("s = ANY (ARRAY[('a'::character varying)::text, "
            "('b'::character varying)::text])"),
        ),
        ("(ARRAY['a,]'::text, f(1, 2)])::public.mood[]",
         "ARRAY[('a,]'::text)::public.mood, (f(1, 2))::public.mood]"),
        ("(ARRAY['it''s'::text])::character varying(10)[]",
         "ARRAY[('it''s'::text)::character varying(10)]"),
        (r"(ARRAY[E'\'])::x[]'::text])::text[]", r"ARRAY[(E'\'])::x[]'::text)::text]"),
        ("""(ARRAY[a."])::", b])::"My Type"[]""",
         """ARRAY[(a."])::")::"My Type", (b)::"My Type"]"""),
        ("(ARRAY[x])::timestamp without time zone[]",
         "ARRAY[(x)::timestamp without time zone]"),
        ("(ARRAY[(ARRAY[x])::text[]])::text[]", "ARRAY[(ARRAY[(x)::text])::text]"),
        # Nothing to do: a literal, no cast, and what cannot be made out.
        ("'(ARRAY[x])::text[]'::text", "'(ARRAY[x])::text[]'::text"),
        ("ARRAY[1, 2]", "ARRAY[1, 2]"),
        ("(ARRAY[1, 2", "(ARRAY[1, 2"),
        ("(ARRAY[1, 2] || a)", "(ARRAY[1, 2] || a)"),
        ("(ARRAY['a", "(ARRAY['a"),
    ],
)  # fmt: skip
def test_casts_of_arrays_are_spelled_in_one_way(before: str, after: str) -> None:
    assert spell(before) == after
    assert spell(after) == after


def test_all_of_a_record_is_spelled_so_and_nulls_are_left_out() -> None:
    cast = "(ARRAY[x])::text[]"
    assert spelled({"a": cast, "b": None, "c": {"d": [cast, 1], "e": None}}) == {
        "a": "ARRAY[(x)::text]",
        "c": {"d": ["ARRAY[(x)::text]", 1]},
    }


@given(st.text(alphabet="(ARY[]):,'\"\\Etex \n", max_size=40).map(lambda text: f"(ARRAY[{text}"))
def test_any_text_is_spelled_somehow(text: str) -> None:
    assert spell(text).count("'") == text.count("'")


def test_a_text_made_to_take_long_is_left_as_it_is() -> None:
    text = "(ARRAY[" * 20_000
    assert spell(text) == text


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("SELECT recipes.id FROM public.recipes;", "SELECT id FROM public.recipes;"),
        ('SELECT "Ä r".id, "Ä r".n FROM recipes "Ä r";', 'SELECT id, n FROM recipes "Ä r";'),
        (
            "SELECT r.id FROM r WHERE r.a > 1 AND (EXISTS ( SELECT 1 FROM l WHERE l.r = r.id));",
            "SELECT id FROM r WHERE a > 1 AND (EXISTS ( SELECT 1 FROM l WHERE l.r = r.id));",
        ),
        (
            "SELECT z.a FROM ( SELECT t.a FROM t) z GROUP BY z.a HAVING max(z.b) > 1 ORDER BY z.a;",
            "SELECT a FROM ( SELECT t.a FROM t) z GROUP BY a HAVING max(b) > 1 ORDER BY a;",
        ),
        # More than one source, none, and what is no query.
        ("SELECT a.x FROM a JOIN b ON a.x = b.x;", "SELECT a.x FROM a JOIN b ON a.x = b.x;"),
        ("SELECT a.x FROM a, b;", "SELECT a.x FROM a, b;"),
        (
            "SELECT a.x FROM a UNION ALL SELECT b.x FROM b;",
            "SELECT a.x FROM a UNION ALL SELECT b.x FROM b;",
        ),
        ("SELECT 1;", "SELECT 1;"),
        ("not a query", "not a query"),
        ("", ""),
    ],
)
def test_columns_of_a_view_are_spelled_in_one_way(definition: str, expected: str) -> None:
    assert unqualified(definition) == expected


@pytest.mark.parametrize(
    ("meant", "before", "after", "moved"),
    [
        ({}, {}, {"a": "1"}, {"a": "1"}),
        ({"a": "1"}, {"a": "1"}, {"a": "2"}, {"a": "2"}),
        ({"a": "1"}, {"a": "1"}, {}, {}),
        ({"a": "1", "b": "1"}, {"a": "1", "b": "1"}, {"a": "2", "b": "1"}, {"a": "2", "b": "1"}),
        # Changed, added and dropped by hand before: none of it is meant.
        ({"a": "1"}, {"a": "9"}, {"a": "9", "b": "1"}, {"a": "1", "b": "1"}),
        ({"a": "1"}, {"a": "1", "b": "9"}, {"a": "2", "b": "9"}, {"a": "2"}),
        ({"a": "1", "b": "1"}, {"a": "1"}, {"a": "2"}, {"a": "2", "b": "1"}),
        # Neither by being changed once more.
        ({"a": "1"}, {"a": "9"}, {"a": "10"}, {"a": "1"}),
        ({"a": "1"}, {"a": "9"}, {}, {"a": "1"}),
    ],
)
def test_what_is_meant_moves_on_with_a_change_and_not_with_what_was_done_by_hand(
    meant: dict[str, str], before: dict[str, str], after: dict[str, str], moved: dict[str, str]
) -> None:
    assert move_on(meant, before, after) == moved
