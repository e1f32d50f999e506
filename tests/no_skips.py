"""A pytest plugin for CI (``-p tests.no_skips``): a skipped test is a failure there.

On a developer's machine a test that needs npm or Chromium is skipped with its reason; CI installs
both first, so a skip there means that a check has silently stopped. Tests marked ``long`` may
still skip, since their data are not part of the project, and those marked ``optional``, whose
programs take longer to install than they are worth at every commit, or whose rights a container
may not have.
"""

from collections.abc import Generator
from typing import Any

import pytest


def _forbid(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid}: nothing may be skipped here. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected_failure = hasattr(report, "wasxfail")
    may_skip = any(item.get_closest_marker(name) for name in ("long", "optional"))
    if report.skipped and not expected_failure and not may_skip:
        _forbid(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, Any]:
    report = yield
    if report.skipped:
        _forbid(report)
    return report
