"""CI's promise that nothing is skipped is kept by a plugin; this holds the plugin to it."""

import pytest

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "tests.no_skips", "-p", "no:cacheprovider")


@pytest.fixture(autouse=True)
def project_on_path(pytester: pytest.Pytester, pytestconfig: pytest.Config) -> None:
    pytester.syspathinsert(pytestconfig.rootpath)
    pytester.makeini("[pytest]\nmarkers =\n  long: may skip\n  optional: may skip too\n")


def test_a_skip_is_a_failure_that_names_its_reason(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_one(): pytest.skip("no Chromium")

        @pytest.mark.skipif(True, reason="no npm")
        def test_two(): pass

        def test_three(): pass
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1, skipped=2)
    result = pytester.runpytest_subprocess(*PLUGIN)
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == 1
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 2
    assert "skipped" not in outcomes
    result.stdout.fnmatch_lines_random(["*no Chromium*", "*no npm*"])
    assert result.ret != 0


def test_a_file_that_skips_itself_is_a_failure(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\npytest.importorskip('no_such_module_anywhere')\n")
    result = pytester.runpytest_subprocess(*PLUGIN)
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*no_such_module_anywhere*"])


def test_expected_failures_long_campaigns_and_what_is_optional_are_left_alone(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.long
        def test_long(): pytest.skip("no data")

        @pytest.mark.optional
        @pytest.mark.skipif(True, reason="no Prometheus")
        def test_optional(): pass

        @pytest.mark.xfail(strict=True)
        def test_known(): assert False
        """
    )
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(skipped=2, xfailed=1)
    assert result.ret == 0


def test_workers_of_xdist_obey_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\ndef test_one(): pytest.skip('no Chromium')\n")
    result = pytester.runpytest_subprocess(*PLUGIN, "-n", "1")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*no Chromium*"])
