"""The chart, the badge and the reports: what they say, and that nothing from outside acts."""

from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from test_budget import DAY, NOW, slo, steady

from bot.core.slo.budget import burn_down, evaluate_series, failed
from bot.core.slo.chart import NARROW, Mark, render_badge, render_chart
from bot.core.slo.model import BudgetState, State
from bot.core.slo.report import render_html, render_markdown

HOSTILE = '<script>alert("x")</script> @team | [a](javascript:b) \u202e\0'


def text_of(svg: str) -> str:
    return " ".join(filter(None, map(str.strip, ElementTree.fromstring(svg).itertext())))


def test_the_chart_says_in_words_what_it_shows() -> None:
    line = burn_down(slo(), steady(bad=5), NOW)
    svg = render_chart("API", line, [Mark(NOW - DAY, "1a2b3c"), Mark(NOW - DAY, "0f9e8d", True)])
    assert (
        "50 % of the error budget is left on 2026-11-22 12:00, of 100 % on 2026-10-23 12:00. "
        "Marked: 1 promotion and 1 rollback."
    ) in text_of(svg)
    assert "rollback 0f9e8d, 2026-11-21 12:00" in text_of(svg)
    assert 'role="img"' in svg
    assert "prefers-color-scheme" in svg


def test_marks_outside_the_window_are_left_out() -> None:
    line = burn_down(slo(), steady(bad=5), NOW)
    svg = render_chart("API", line, [Mark(NOW - 31 * DAY, "old"), Mark(NOW + DAY, "new")])
    assert "old" not in svg
    assert "new" not in svg


def test_an_overspent_budget_stays_within_the_picture() -> None:
    line = burn_down(slo(), steady(recent_bad=10_000, days=1), NOW)
    svg = render_chart("API", line)
    (points,) = [
        one.attrib["points"]
        for one in ElementTree.fromstring(svg).iter()
        if one.tag.endswith("polyline")
    ]
    heights = [float(point.split(",")[1]) for point in points.split()]
    assert 0 <= min(heights) <= max(heights) <= 240
    assert "−4066.7 %" in text_of(svg)


def lines_of(svg: str) -> list[list[str]]:
    return [
        one.attrib["points"].split()
        for one in ElementTree.fromstring(svg).iter()
        if one.tag.endswith("polyline")
    ]


def test_nothing_is_drawn_where_nobody_knows() -> None:
    line = [(NOW + hour * DAY / 24, Fraction(1, 2)) for hour in (0, 1, 2, 9, 20, 21)]
    assert [len(piece) for piece in lines_of(render_chart("API", line, gap=DAY / 8))] == [3, 2, 2]
    assert [len(piece) for piece in lines_of(render_chart("API", line))] == [6]


def test_one_point_alone_is_a_chart() -> None:
    svg = render_chart("API", [(NOW, Fraction(1, 3))])
    assert "33.3 % of the error budget is left on 2026-11-22 12:00." in text_of(svg)
    (points,) = lines_of(svg)
    assert points == ["628.0,145.3"] * 2


def test_a_narrow_chart_stays_within_its_width() -> None:
    line = burn_down(slo(), steady(bad=5), NOW)
    svg = render_chart("API", line, [Mark(NOW - DAY, "1a2b3c")], width=NARROW)
    assert f'viewBox="0 0 {NARROW} 240"' in svg
    (points,) = lines_of(svg)
    assert max(float(point.split(",")[0]) for point in points) <= NARROW


def test_no_data_is_said() -> None:
    assert "nothing was counted in the window" in text_of(render_chart("API", []))


@pytest.mark.parametrize(
    ("state", "value"),
    [
        (evaluate_series(slo(), steady(bad=5), NOW), "49.9 % left"),
        (evaluate_series(slo(), steady(total=0), NOW), "no data"),
        (failed(slo(), "422", NOW), "unknown"),
    ],
)
def test_a_badge(state: BudgetState, value: str) -> None:
    state = replace(state, budget_remaining=state.budget_remaining and Fraction("0.4999"))
    assert text_of(render_badge(state, "API")).endswith(value)


def test_what_comes_from_outside_is_shown_and_does_nothing() -> None:
    named = slo(display_name=HOSTILE)
    state = replace(failed(named, HOSTILE, NOW), state=State.ERROR)
    line = burn_down(named, steady(bad=5), NOW)
    chart = render_chart(HOSTILE, line, [Mark(NOW - DAY, HOSTILE)])
    for svg in (chart, render_badge(state, HOSTILE)):
        tags = {one.tag.rpartition("}")[2] for one in ElementTree.fromstring(svg).iter()}
        assert "script" not in tags
        assert "\u202e" not in svg
    page = render_html([(named, state)], {named.name: chart})
    assert "<script" not in page
    table = render_markdown([(named, state)])
    assert "<script" not in table
    assert "@team" not in table
    (row,) = [line for line in table.split("\n") if "alert" in line]
    assert row.count("|") == 7


def test_the_report_has_the_worst_first() -> None:
    good, bad, unknown = (slo(name=name) for name in ("good", "bad", "unknown"))
    told = [
        (good, evaluate_series(good, steady(), NOW)),
        (bad, evaluate_series(bad, steady(bad=11), NOW)),
        (unknown, failed(unknown, "its source answered 422", NOW)),
    ]
    rows = [row for row in render_markdown(told).split("\n") if "99.9 % over 30d" in row]
    assert [row.split("|")[1].split(":")[0].strip() for row in rows] == ["unknown", "bad", "good"]
    assert "−10 %" in rows[1]
    assert "exhausted: all of it is spent: promote nothing but what mends it" in rows[1]
    assert "error: its source answered 422" in rows[0]
