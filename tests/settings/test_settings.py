"""The environment's names: what each accepts, and what is said of what it does not."""

import base64
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from bot.settings import (
    CREDENTIALS_FILE,
    VARIABLES,
    Secret,
    Settings,
    SettingsError,
    load_settings,
    write_credentials,
)

SECRET = "a-webhook-secret-of-some-length"


def _key(key, *, password: bytes | None = None, fmt=PrivateFormat.TraditionalOpenSSL) -> str:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, fmt, encryption).decode()


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = _key(RSA)
PKCS8 = _key(RSA, fmt=PrivateFormat.PKCS8)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def settings(home: Path, **environ: str) -> Settings:
    return load_settings({"LOCKGATE_HOME": str(home), **environ})


def app(**environ: str) -> dict[str, str]:
    told = {"GITHUB_APP_ID": "7", "GITHUB_PRIVATE_KEY": PEM, "GITHUB_WEBHOOK_SECRET": SECRET}
    return {name: value for name, value in {**told, **environ}.items() if value}


def problems(home: Path, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(home, **environ)
    return caught.value.problems


def test_nothing_set_is_enough_for_a_machine_of_ones_own(home: Path) -> None:
    found = settings(home)
    assert found.github_app is None
    assert not found.database_url
    assert (found.host, found.port, found.public_url) == (
        "127.0.0.1",
        8000,
        "http://127.0.0.1:8000",
    )
    assert found.github_api_url == "https://api.github.com"
    assert found.retention == timedelta(days=7)
    assert found.warnings == ()


def test_the_home_defaults_to_the_users() -> None:
    assert load_settings({}).home == Path("~/.lockgate").expanduser()


def test_empty_counts_as_unset(home: Path) -> None:
    blank = {v.name: "  " for v in VARIABLES if v.name != "LOCKGATE_HOME"}
    assert settings(home, **blank) == settings(home)


@pytest.mark.parametrize(
    "written",
    [
        PEM,
        PKCS8,
        PEM.replace("\n", "\\n"),
        PEM.replace("\n", "\r\n"),
        f'"{PEM}"',
        base64.b64encode(PEM.encode()).decode(),
        base64.encodebytes(PEM.encode()).decode(),
        base64.b64encode(PEM.replace("\n", "\\n").encode()).decode(),
        f"\n  {PEM}  \n",
    ],
    ids=["pem", "pkcs8", "escaped", "crlf", "quoted", "base64", "base64-lines", "both", "blank"],
)
def test_a_private_key_in_every_way_of_writing_it(home: Path, written: str) -> None:
    found = settings(home, **app(GITHUB_PRIVATE_KEY=written)).github_app
    assert found is not None
    expected = PKCS8 if written == PKCS8 else PEM
    assert found.private_key.reveal() == expected
    assert found.app_id == 7


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("nonsense", "no private key"),
        (base64.b64encode(b"nonsense").decode(), "no private key"),
        (PEM[:300], "damaged"),
        (_key(RSA, password=b"x"), "encrypted"),
        (_key(ec.generate_private_key(ec.SECP256R1())), "no RSA key"),
    ],
)
def test_a_key_that_is_none_is_refused_without_being_shown(
    home: Path, written: str, said: str
) -> None:
    (problem,) = problems(home, **app(GITHUB_PRIVATE_KEY=written))
    assert problem.startswith("GITHUB_PRIVATE_KEY: ")
    assert said in problem
    assert written[:20] not in problem


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PORT": "http"}, "PORT: it is not a whole number from 0 to 65535"),
        ({"PORT": "65536"}, "PORT:"),
        ({"PORT": "-1"}, "PORT:"),
        ({"PORT": "٣"}, "PORT:"),
        ({"PORT": "9" * 5000}, "PORT:"),
        ({"LOCKGATE_RETENTION_DAYS": "0"}, "LOCKGATE_RETENTION_DAYS:"),
        ({"LOCKGATE_CONCURRENCY": "1.5"}, "LOCKGATE_CONCURRENCY:"),
        ({"LOCKGATE_CONCURRENCY": "101"}, "LOCKGATE_CONCURRENCY:"),
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, "DATABASE_URL: it is no PostgreSQL"),
        ({"GITHUB_API_URL": "api.github.com"}, "GITHUB_API_URL: it is no web address"),
        ({"GITHUB_API_URL": "http://ghe.example/api/v3"}, "GITHUB_API_URL: it is not https"),
        ({"GITHUB_API_URL": "https://github.com"}, "https://api.github.com"),
        ({"GITHUB_API_URL": "https://u:hunter2@h"}, "GITHUB_API_URL: it must hold no user"),
        ({"GITHUB_API_URL": "https://h:port"}, "GITHUB_API_URL: it is no web address"),
        ({"GITHUB_TOKEN": "hunter2 hunter2"}, "GITHUB_TOKEN: it holds what no token holds"),
        ({"VERCEL_TOKEN": "hunter2 hunter2"}, "VERCEL_TOKEN: it holds what no token holds"),
        ({"VERCEL_TOKEN": "hunter2\u200b"}, "VERCEL_TOKEN: it holds what no token holds"),
        ({"VERCEL_TOKEN": "hunter2\nhunter2"}, "VERCEL_TOKEN: it holds what no token holds"),
        ({"VERCEL_API_URL": "api.vercel.com"}, "VERCEL_API_URL: it is no web address"),
        ({"VERCEL_API_URL": "http://vercel.example"}, "VERCEL_API_URL: it is not https"),
        ({"VERCEL_API_URL": "https://vercel.com"}, "https://api.vercel.com"),
        ({"VERCEL_TEAM_ID": "team/x"}, "VERCEL_TEAM_ID: it is no team's id or slug"),
        ({"VERCEL_TEAM_ID": "Our Team"}, "VERCEL_TEAM_ID: it is no team's id or slug"),
        ({"LOCKGATE_PUBLIC_URL": "ftp://h"}, "LOCKGATE_PUBLIC_URL: it is no web address"),
        ({"LOCKGATE_PUBLIC_URL": "https://h/?a=b"}, "LOCKGATE_PUBLIC_URL: it must hold no"),
        (app(GITHUB_APP_ID=""), "GITHUB_APP_ID: it is not set"),
        (app(GITHUB_APP_ID="Iv23abc"), "GITHUB_APP_ID: it is not a number"),
        (app(GITHUB_APP_ID="0"), "GITHUB_APP_ID: it is not a number"),
        (app(GITHUB_PRIVATE_KEY=""), "GITHUB_PRIVATE_KEY: neither"),
        (app(GITHUB_WEBHOOK_SECRET=""), "GITHUB_WEBHOOK_SECRET: it is not set"),
        (app(GITHUB_PRIVATE_KEY_FILE="/nowhere/key.pem"), "both are set"),
        (
            app(GITHUB_PRIVATE_KEY="", GITHUB_PRIVATE_KEY_FILE="/nowhere/key.pem"),
            "GITHUB_PRIVATE_KEY_FILE: /nowhere/key.pem cannot be read (FileNotFoundError)",
        ),
    ],
)
def test_what_cannot_be_used_is_named(home: Path, environ: dict[str, str], said: str) -> None:
    (problem,) = problems(home, **environ)
    assert said in problem
    assert "hunter2" not in problem


def test_all_problems_come_together(home: Path) -> None:
    found = problems(
        home,
        PORT="x",
        GITHUB_APP_ID="x",
        DATABASE_URL="x",
        GITHUB_API_URL="x",
        LOCKGATE_PUBLIC_URL="x",
        LOCKGATE_RETENTION_DAYS="x",
    )
    assert {problem.split(":")[0] for problem in found} == {
        "PORT",
        "GITHUB_APP_ID",
        "GITHUB_PRIVATE_KEY",
        "GITHUB_WEBHOOK_SECRET",
        "DATABASE_URL",
        "GITHUB_API_URL",
        "LOCKGATE_PUBLIC_URL",
        "LOCKGATE_RETENTION_DAYS",
    }


def test_a_secret_alone_asks_for_the_rest(home: Path) -> None:
    found = problems(home, GITHUB_WEBHOOK_SECRET_PREVIOUS=SECRET)
    assert [problem.split(":")[0] for problem in found] == [
        "GITHUB_APP_ID",
        "GITHUB_WEBHOOK_SECRET",
        "GITHUB_PRIVATE_KEY",
    ]


def test_the_current_secret_stands_before_the_previous(home: Path) -> None:
    found = settings(home, **app(GITHUB_WEBHOOK_SECRET_PREVIOUS="p" * 20)).github_app
    assert found is not None
    assert [secret.reveal() for secret in found.webhook_secrets] == [SECRET, "p" * 20]


def test_a_short_secret_is_a_warning(home: Path) -> None:
    found = settings(home, **app(GITHUB_WEBHOOK_SECRET="hunter2"))
    assert [w.split(":")[0] for w in found.warnings] == ["GITHUB_WEBHOOK_SECRET"]
    assert "hunter2" not in "".join(found.warnings)


@pytest.mark.parametrize(
    ("mode", "warned", "refused"),
    [(0o600, False, False), (0o400, False, False), (0o644, True, False), (0o660, False, True)],
)
def test_the_permissions_of_a_key_file(
    home: Path, tmp_path: Path, mode: int, warned: bool, refused: bool
) -> None:
    file = tmp_path / "key.pem"
    file.write_text(PEM)
    file.chmod(mode)
    environ = app(GITHUB_PRIVATE_KEY="", GITHUB_PRIVATE_KEY_FILE=str(file))
    if refused:
        assert problems(home, **environ) == [
            f"GITHUB_PRIVATE_KEY_FILE: others can write to {file}. Run: chmod 600 {file}"
        ]
        return
    found = settings(home, **environ)
    assert found.github_app is not None
    assert found.github_app.private_key.reveal() == PEM
    assert bool(found.warnings) is warned


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://localhost:9"),
        ("::", "http://localhost:9"),
        ("::1", "http://[::1]:9"),
        ("10.0.0.1", "http://10.0.0.1:9"),
    ],
)
def test_the_public_url_that_nobody_told(home: Path, host: str, url: str) -> None:
    assert settings(home, HOST=host, PORT="9").public_url == url


def test_addresses_lose_their_last_slash(home: Path) -> None:
    found = settings(
        home,
        GITHUB_API_URL="https://ghe.example/api/v3/",
        LOCKGATE_PUBLIC_URL="https://bot.example/lockgate/",
    )
    assert found.github_api_url == "https://ghe.example/api/v3"
    assert found.public_url == "https://bot.example/lockgate"


def test_whose_token_a_terminal_types_with(home: Path) -> None:
    assert not settings(home).github_token
    found = settings(home, GITHUB_TOKEN=" hunter2hunter2\n")
    assert found.github_token.reveal() == "hunter2hunter2"
    assert found.github_app is None, "it is enough by itself"
    assert "hunter2" not in repr(found)


def test_where_vercel_is_and_who_asks_there(home: Path) -> None:
    none = settings(home)
    assert not none.vercel_token
    assert (none.vercel_api_url, none.vercel_team) == ("https://api.vercel.com", "")
    found = settings(
        home,
        VERCEL_TOKEN="hunter2hunter2",
        VERCEL_API_URL="http://127.0.0.1:8002/",
        VERCEL_TEAM_ID="team_a1-b",
    )
    assert found.vercel_token.reveal() == "hunter2hunter2"
    assert (found.vercel_api_url, found.vercel_team) == ("http://127.0.0.1:8002", "team_a1-b")
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("secret", "warned"), [("hunter2", True), ("hunter2hunter2hunter2", False)]
)
def test_what_vercel_signs_with(home: Path, secret: str, warned: bool) -> None:
    found = settings(home, VERCEL_WEBHOOK_SECRET=secret)
    assert found.vercel_webhook_secret.reveal() == secret
    assert [w.split(":")[0] for w in found.warnings] == ["VERCEL_WEBHOOK_SECRET"] * warned
    assert "hunter2" not in repr(found) + "".join(found.warnings)
    assert not settings(home).vercel_webhook_secret


def test_what_setup_writes_is_read_back_and_the_environment_wins(home: Path) -> None:
    file = home / CREDENTIALS_FILE
    write_credentials(file, {**app(), "GITHUB_API_URL": "https://ghe.example/api/v3"})
    assert file.stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o077 == 0
    assert [path.name for path in home.iterdir()] == [CREDENTIALS_FILE]
    found = settings(home)
    assert found.github_app is not None
    assert found.github_app.private_key.reveal() == PEM
    assert found.github_api_url == "https://ghe.example/api/v3"
    changed = settings(home, GITHUB_APP_ID="8").github_app
    assert changed is not None
    assert changed.app_id == 8


def test_a_key_in_the_environment_replaces_the_kept_one(home: Path, tmp_path: Path) -> None:
    other = _key(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    file = tmp_path / "key.pem"
    file.write_text(other)
    file.chmod(0o600)
    write_credentials(home / CREDENTIALS_FILE, app())
    found = settings(home, GITHUB_PRIVATE_KEY_FILE=str(file)).github_app
    assert found is not None
    assert found.private_key.reveal() == other


def test_a_credentials_file_that_others_can_read_is_refused(home: Path) -> None:
    file = home / CREDENTIALS_FILE
    write_credentials(file, app())
    file.chmod(0o640)
    assert problems(home) == [f"{file}: others can read it. Run: chmod 600 {file}"]


@pytest.mark.parametrize("line", ["nonsense", "PATH=/bin", "=x"])
def test_a_strange_line_in_the_credentials_file_is_named(home: Path, line: str) -> None:
    home.mkdir()
    file = home / CREDENTIALS_FILE
    file.write_text(f"# a comment\n\nPORT=9\n{line}\n")
    file.chmod(0o600)
    (problem,) = problems(home)
    assert problem.startswith(f"{file}, line 4: ")


def test_secrets_do_not_show_themselves(home: Path) -> None:
    found = settings(home, **app(DATABASE_URL="postgresql://u:hunter2@h/d"))
    for text in (repr(found), str(found), f"{found.database_url}", f"{found.github_app}"):
        assert "hunter2" not in text
        assert SECRET not in text
        assert "PRIVATE KEY" not in text
    assert repr(Secret("hunter2")) == "Secret()"


@pytest.mark.parametrize("told", ["https://metrics.internal", "a/b", "UPPER", "host name", "-x"])
def test_probe_host_that_is_none_is_refused(tmp_path: Path, told: str) -> None:
    with pytest.raises(SettingsError, match="LOCKGATE_PROBE_HOSTS: it holds something else"):
        load_settings({"LOCKGATE_HOME": str(tmp_path), "LOCKGATE_PROBE_HOSTS": told})


def test_probe_hosts_are_none_unless_told(tmp_path: Path) -> None:
    home = {"LOCKGATE_HOME": str(tmp_path)}
    assert load_settings(home).probe_hosts == frozenset()
    told = load_settings({**home, "LOCKGATE_PROBE_HOSTS": " metrics.internal, 10.0.0.7,::1,"})
    assert told.probe_hosts == {"metrics.internal", "10.0.0.7", "::1"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LOCKGATE_PUBLIC_ULR", "LOCKGATE_PUBLIC_URL"),
        ("LOCKGATE_OPERATOR", "LOCKGATE_OPERATORS"),
        ("LOCKGATE_RETENTION_DAY", "LOCKGATE_RETENTION_DAYS"),
        ("LOCKGATE_AUDITKEY", "LOCKGATE_AUDIT_KEY"),
        ("LOCKGATE_NO_SKIPS", ""),
        ("LOCKGATE_VERSION", ""),
        ("LOCKGATE_DB_PRODUCTIN", ""),
        ("GITHUB_APPID", ""),
    ],
)
def test_a_name_that_is_nearly_one_of_ours_is_pointed_out(
    home: Path, name: str, meant: str
) -> None:
    url = "postgresql://somewhere/x"
    said = f"{name}: nothing reads it. Did you mean {meant}?"
    assert settings(home, **{name: url}).warnings == ((said,) if meant else ())
    assert settings(home, **{name: " "}).warnings == ()
