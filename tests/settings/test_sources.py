"""``LOCKGATE_SOURCE_<NAME>``: where objectives may get numbers, and whose."""

from pathlib import Path

import pytest

from bot.settings import NumbersSource, Settings, SettingsError, load_settings

NAME = "LOCKGATE_SOURCE_METRICS"
FINE = {NAME: "https://metrics.example/prom/", f"{NAME}_REPOSITORIES": "Octo/Shop, 42,"}


def load(home: Path, **values: str) -> Settings:
    return load_settings({"LOCKGATE_HOME": str(home), **values})


def test_a_source_has_an_address_repositories_and_perhaps_a_credential(tmp_path: Path) -> None:
    more = {
        "LOCKGATE_SOURCE_EU_WEST": "http://prometheus:9090",
        "LOCKGATE_SOURCE_EU_WEST_REPOSITORIES": "7",
        "LOCKGATE_SOURCE_OFF": "",
    }
    sources = load(tmp_path, **FINE, **more).sources
    assert sources == {
        "metrics": NumbersSource("https://metrics.example/prom", frozenset({"octo/shop", "42"})),
        "eu-west": NumbersSource("http://prometheus:9090", frozenset({"7"})),
    }


@pytest.mark.parametrize(
    ("kind", "value", "header"),
    [("TOKEN", "s3cret", "Bearer s3cret"), ("LOGIN", "u:p:ä", "Basic dTpwOsOk")],
)
def test_a_credential_becomes_a_header_and_never_shows(
    tmp_path: Path, kind: str, value: str, header: str
) -> None:
    settings = load(tmp_path, **FINE, **{f"{NAME}_{kind}": value})
    assert settings.sources["metrics"].authorization.reveal() == header
    assert value not in repr(settings)
    assert header not in repr(settings)


def test_a_source_may_be_called_as_one_of_its_own_parts(tmp_path: Path) -> None:
    name = "LOCKGATE_SOURCE_TOKEN"
    given = {name: "https://a.example", f"{name}_REPOSITORIES": "1", f"{name}_TOKEN": "s3cret"}
    assert load(tmp_path, **given).sources["token"].authorization.reveal() == "Bearer s3cret"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({NAME: "metrics.example"}, f"{NAME}: it is no web address"),
        ({NAME: "https://u:s3cret@metrics.example"}, f"{NAME}: it must hold no user"),
        ({NAME: "https://metrics.example/?s3cret"}, f"{NAME}: it must hold no user"),
        ({NAME: "https://mätrics.example"}, f"{NAME}: it is not ASCII"),
        ({NAME: ""}, f"{NAME}_REPOSITORIES: there is no {NAME} that it could be for"),
        ({f"{NAME}_REPOSITORIES": ""}, f"{NAME}_REPOSITORIES: it is not set"),
        ({f"{NAME}_REPOSITORIES": ","}, f"{NAME}_REPOSITORIES: it is not set"),
        ({f"{NAME}_REPOSITORIES": "*"}, "something else than repositories"),
        ({f"{NAME}_REPOSITORIES": "octo/*"}, "something else than repositories"),
        ({f"{NAME}_REPOSITORIES": "octo"}, "something else than repositories"),
        ({f"{NAME}_TOKEN": "s3cret with blanks"}, f"{NAME}_TOKEN: it holds what no token holds"),
        ({f"{NAME}_LOGIN": "s3cret"}, f"{NAME}_LOGIN: it is no user and password"),
        ({f"{NAME}_LOGIN": ":s3cret"}, f"{NAME}_LOGIN: it is no user and password"),
        (
            {f"{NAME}_LOGIN": "u:s3cret", f"{NAME}_TOKEN": "t"},
            f"{NAME}_TOKEN and {NAME}_LOGIN: both are set",
        ),
        (
            {NAME: "http://metrics.example", f"{NAME}_TOKEN": "s3cret"},
            f"{NAME}: it is not https, so its credential could be read under way",
        ),
    ],
)
def test_what_is_wrong_is_said_by_its_name(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError) as wrong:
        load(tmp_path, **(FINE | changes))
    assert said in str(wrong.value)
    assert "s3cret" not in str(wrong.value)


def test_all_faults_of_all_sources_are_told_at_once(tmp_path: Path) -> None:
    faults = {"LOCKGATE_SOURCE_A": "a", "LOCKGATE_SOURCE_B_LOGIN": "b", f"{NAME}_TOKEN": "ä"}
    with pytest.raises(SettingsError) as wrong:
        load(tmp_path, **FINE, **faults)
    assert [problem.partition(":")[0] for problem in wrong.value.problems] == [
        "LOCKGATE_SOURCE_B_LOGIN",
        "LOCKGATE_SOURCE_A",
        "LOCKGATE_SOURCE_A_REPOSITORIES",
        f"{NAME}_TOKEN",
    ]
