"""``lockgate slo``: what it prints, and its exit codes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import main

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT = ("--at", "2026-11-22T12:00Z")
KEYS = [
    "name", "objective", "window", "good", "total", "ratio", "budget_remaining", "burn", "alerts",
    "state",
]  # fmt: skip


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, ["slo", *words], input=given)


def lines(name: str, bad: int, *, total: int = 1_000, hours: int = 48) -> str:
    """An hour each; ``bad`` of each fail."""
    return "".join(
        json.dumps(
            {
                "slo": name,
                "at": (NOW - timedelta(hours=back)).isoformat(),
                "good": total - bad,
                "total": total,
            }
        )
        + "\n"
        for back in range(hours)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The product's own objective of availability, alone."""
    for name in ("sources.yml", "api-availability.yml"):
        (tmp_path / name).write_text((ROOT / "slo" / name).read_text())
    return tmp_path


def test_valid_files_are_in_order() -> None:
    done = run("validate", str(ROOT / "slo"))
    assert (done.exit_code, done.output) == (0, "5 objectives in order\n")


def test_a_folder_that_cannot_be_read_is_no_fault_of_its_files() -> None:
    done = run("validate", "slo" * 100)
    assert done.exit_code == 2
    assert "slo cannot be read: File name too long\nhelp: name a folder" in done.stderr


def test_what_is_wrong_is_told_with_its_place(folder: Path) -> None:
    file = folder / "api-availability.yml"
    file.write_text(file.read_text().replace("target: 0.999", "target: 1"))
    done = run("validate", str(folder))
    assert done.exit_code == 1
    number = file.read_text().split("\n").index("    - target: 1") + 1
    assert f"{file.as_posix()}:{number}:15: `spec.objectives[0].target` must be" in done.output
    assert done.output.endswith("\n1 problem\n")
    report = json.loads(run("validate", str(folder), "--format", "json").output)
    assert (report["valid"], report["problems"][0]["line"]) == (False, number)


@pytest.mark.parametrize("command", ["list", "rules", "check --samples -", "report --samples -"])
def test_nothing_is_told_of_files_that_are_wrong(folder: Path, command: str) -> None:
    (folder / "wrong.yml").write_text("kind: SLO\n")
    done = run(*command.split(), str(folder), given="")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "error: the objectives are not in order" in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"\xff", "is not UTF-8 text: byte 1 does not fit"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "a.yml"
    if content is not None:
        file.write_bytes(content)
    done = run("validate", str(file))
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_folder_without_files(tmp_path: Path) -> None:
    assert "there is no .yml file" in run("validate", str(tmp_path)).stderr


def test_objectives_are_listed_for_an_environment() -> None:
    done = run("list", str(ROOT / "slo"), "--environment", "preview")
    assert done.output.split("\n")[:3] == [
        "api-latency-preview (preview): API latency (preview)",
        "  95 % of events good over 7d, rolling; 5 % may fail",
        "  page: burning above 3.36× over 1h and 5m",
    ]
    found = [
        json.loads(one)
        for one in run("list", str(ROOT / "slo"), "--format", "json").output.splitlines()
    ]
    assert len(found) == 5
    assert found[0]["alerts"][0] == {
        "severity": "page", "long": "1h", "short": "5m", "factor": 3.36,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "state", "code"),
    [(0, "ok", 0), (1, "exhausted", 1), (2, "exhausted", 1)],
)
def test_a_check_says_how_it_stands(folder: Path, bad: int, state: str, code: int) -> None:
    done = run(
        "check",
        "--samples",
        "-",
        *AT,
        "--format",
        "json",
        str(folder),
        given=lines("api-availability", bad),
    )
    assert done.exit_code == code
    found = json.loads(done.output)
    assert list(found) == KEYS
    assert (found["state"], found["total"]) == (state, 48_000)
    assert found["budget_remaining"] == 1 - bad


def test_a_check_names_what_fires_and_when_the_budget_is_back(folder: Path) -> None:
    done = run("check", "--samples", "-", *AT, str(folder), given=lines("api-availability", 12))
    assert done.exit_code == 1
    assert "api-availability: exhausted\n" in done.output
    assert "  98.8 % good over 7d, of 99.9 % that are to be\n" in done.output
    assert "  −1100 % of the budget is left\n" in done.output
    assert "  fires: page, burning 12× over 1h, and 12× over 5m\n" in done.output
    assert (
        "  budget returns about 2026-11-29 09:00 UTC, if nothing more goes wrong\n" in done.output
    )


@pytest.mark.parametrize(
    ("given", "state", "reason"),
    [
        ("", "no-data", "nothing was counted in the window"),
        (lines("another", 0), "no-data", "nothing was counted in the window"),
        (
            '{"slo": "api-availability", "at": "2026-11-22T12:00Z", "good": NaN, "total": null}\n',
            "no-data",
            "nothing was counted in the window",
        ),
        (
            '{"slo": "api-availability", "at": "2026-11-22T12:00Z", "good": 3, "total": -1}\n',
            "error",
            "at 2026-11-22 12:00:00 UTC less than nothing was counted",
        ),
        (
            lines("api-availability", 0, hours=1) * 2,
            "error",
            "2026-11-22 12:00:00 UTC stands there twice",
        ),
    ],
)
def test_what_is_not_known_is_not_in_budget(
    folder: Path, given: str, state: str, reason: str
) -> None:
    done = run("check", "--samples", "-", *AT, str(folder), given=given)
    assert done.exit_code == 4
    assert done.output.startswith(f"api-availability: {state}\n")
    assert reason in done.output


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{}\n", "standard input, line 1: it has no 'at'"),
        ("\n[]\n", "standard input, line 2: it is no reading"),
        ("nonsense\n", "standard input, line 1: it is no reading"),
        ('{"slo": "a", "at": "now", "good": 1, "total": 1}\n', "it is no reading"),
        ('{"slo": "a", "at": "2026-11-22T12:00Z", "good": "1", "total": 1}\n', "no reading"),
        ('{"slo": "a", "at": 5, "good": 1, "total": 1}\n', "it is no reading"),
        ('{"slo": "a", "at": "0001-01-01T00:00+01:00", "good": 1, "total": 1}\n', "no reading"),
    ],
)
def test_lines_that_are_no_readings(folder: Path, given: str, message: str) -> None:
    done = run("check", "--samples", "-", str(folder), given=given)
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-11-22T12:00", "0001-01-01T00:00+01:00", "9999-12-31T23:59Z"]
)
def test_a_time_needs_its_zone(folder: Path, time: str) -> None:
    done = run("check", "--samples", "-", "--at", time, str(folder), given="")
    assert done.exit_code == 2
    assert "is no time with its zone" in done.stderr


def test_an_earlier_time_is_told_without_what_came_after(folder: Path) -> None:
    given = lines("api-availability", 0) + json.dumps(
        {"slo": "api-availability", "at": "2026-11-23T12:00Z", "good": 0, "total": 10**6}
    )
    done = run("check", "--samples", "-", *AT, str(folder), given=given)
    assert done.exit_code == 0


def test_reports(folder: Path) -> None:
    given = lines("api-availability", 1)
    words = ("report", "--samples", "-", *AT, str(folder))
    assert "| API availability: 99.9 % over 7d | 99.9 % | 0 % |" in run(*words, given=given).output
    page = run(*words, "--format", "html", given=given).output
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") == 1
    named = ("--format", "svg", "--name", "api-availability")
    svg = ElementTree.fromstring(run(*words, *named, given=given).output)
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    badge = run(*words, "--format", "badge", *named[2:], given=given).output
    assert ElementTree.fromstring(badge).get("aria-label") == "API availability: 0 % left"
    for picture in ("svg", "badge"):
        assert run(*words, "--format", picture, given=given).exit_code == 2


def test_rules_are_of_what_prometheus_has() -> None:
    done = run("rules", str(ROOT / "slo"))
    assert done.exit_code == 0
    names = {group["name"] for group in json.loads(done.stdout)["groups"]}
    assert "slo-database-errors-alerts" in names
    assert not any("api-" in name for name in names)
    assert "left out: api-latency: its numbers come from a source of the type probe" in done.stderr
    dashboard = json.loads(run("rules", "--dashboard", str(ROOT / "slo")).stdout)
    assert dashboard["title"] == "Error budgets"


def test_rules_of_nothing_are_an_error(folder: Path) -> None:
    done = run("rules", str(folder))
    assert done.exit_code == 2
    assert "no objective has numbers that Prometheus could be asked for" in done.stderr
