"""What the real histories are made of, told at the end of a run that went through them."""

import pytest

ROW = "history"
"""The property of a test's report that holds a row: the history's name, and numbers by name."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = [
        dict(row)
        for report in terminalreporter.getreports("passed")
        for name, row in report.user_properties
        if name == ROW
    ]
    if not rows:
        return
    terminalreporter.section("shares of each kind in real histories")
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    for row in ({name: name for name in widths}, *rows):
        cells = (f"{row[name]:>{width}}" for name, width in widths.items())
        terminalreporter.write_line("  ".join(cells))
