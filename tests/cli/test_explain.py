"""What ``lockgate explain`` says of what names no pull request."""

from click.testing import CliRunner

from bot.cli.main import main


def test_what_names_no_pull_request_is_a_fault_of_usage() -> None:
    ended = CliRunner().invoke(main, ["explain", "not a pull request"])
    assert ended.exit_code == 2
    assert "not a pull request" in ended.output
