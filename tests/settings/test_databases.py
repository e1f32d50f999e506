"""``LOCKGATE_DB_<NAME>``: the databases of environments."""

from pathlib import Path

import pytest

from bot.settings import SettingsError, load_settings


def test_each_is_of_the_environment_that_its_name_ends_with(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "LOCKGATE_HOME": str(tmp_path),
            "LOCKGATE_DB_PRODUCTION": "postgresql://u:p@h/a",
            "LOCKGATE_DB_EU_WEST_1": " dbname=b ",
            "LOCKGATE_DB_STAGING": "",
            "LOCKGATE_DB_": "postgresql://u:p@h/c",
            "LOCKGATE_DB_lower": "postgresql://u:p@h/d",
        }
    )
    revealed = {name: url.reveal() for name, url in settings.databases.items()}
    assert revealed == {"production": "postgresql://u:p@h/a", "eu-west-1": "dbname=b"}
    assert "u:p" not in repr(settings)


def test_they_may_stand_in_the_credentials_file(tmp_path: Path) -> None:
    file = tmp_path / "credentials.env"
    file.write_text("LOCKGATE_DB_PRODUCTION=postgresql://u:p@h/a\n")
    file.chmod(0o600)
    settings = load_settings({"LOCKGATE_HOME": str(tmp_path)})
    assert settings.databases["production"].reveal() == "postgresql://u:p@h/a"


def test_what_is_no_address_is_said_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LOCKGATE_DB_PRODUCTION: it is no PostgreSQL address"):
        load_settings({"LOCKGATE_HOME": str(tmp_path), "LOCKGATE_DB_PRODUCTION": "mysql:x"})
