"""``LOCKGATE_PG_BIN`` names a folder that is there."""

from pathlib import Path

import pytest

from bot.settings import SettingsError, load_settings


def test_unset_means_wherever_the_programs_are(tmp_path: Path) -> None:
    assert load_settings({"LOCKGATE_HOME": str(tmp_path)}).pg_bin is None


def test_a_folder_is_taken(tmp_path: Path) -> None:
    environ = {"LOCKGATE_HOME": str(tmp_path), "LOCKGATE_PG_BIN": str(tmp_path)}
    assert load_settings(environ).pg_bin == tmp_path


def test_a_folder_that_is_not_there_is_a_problem_with_its_name(tmp_path: Path) -> None:
    environ = {"LOCKGATE_HOME": str(tmp_path), "LOCKGATE_PG_BIN": str(tmp_path / "no")}
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    folder = tmp_path / "no"
    problem = f"LOCKGATE_PG_BIN: there is no folder {folder}. Name one that is there, or unset it."
    assert caught.value.problems == [problem]
