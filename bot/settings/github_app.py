"""How the GitHub App's id, key and secrets are read."""

import base64
from collections.abc import Mapping
from pathlib import Path

from bot.settings.credentials import unquoted
from bot.settings.model import AppCredentials, Secret
from bot.settings.values import SHORT_SECRET


def read_app(
    values: Mapping[str, str], problems: list[str], warnings: list[str]
) -> AppCredentials | None:
    names = (
        "GITHUB_APP_ID",
        "GITHUB_PRIVATE_KEY",
        "GITHUB_PRIVATE_KEY_FILE",
        "GITHUB_WEBHOOK_SECRET",
        "GITHUB_WEBHOOK_SECRET_PREVIOUS",
    )
    if not any(name in values for name in names):
        return None
    app_id = values.get("GITHUB_APP_ID", "")
    if not app_id:
        problems.append(
            "GITHUB_APP_ID: it is not set. It stands on the App's settings page as “App ID”."
        )
    elif not (app_id.isascii() and app_id.isdigit() and int(app_id) > 0):
        problems.append(
            "GITHUB_APP_ID: it is not a number. Use the “App ID”, not the client id or the name."
        )
        app_id = ""
    secrets = tuple(
        Secret(values[name])
        for name in ("GITHUB_WEBHOOK_SECRET", "GITHUB_WEBHOOK_SECRET_PREVIOUS")
        if name in values
    )
    if "GITHUB_WEBHOOK_SECRET" not in values:
        problems.append(
            "GITHUB_WEBHOOK_SECRET: it is not set. Use the secret that the App's settings hold; "
            "without one anybody could send events."
        )
    elif any(len(secret.reveal()) < SHORT_SECRET for secret in secrets):
        warnings.append(
            f"GITHUB_WEBHOOK_SECRET: it is shorter than {SHORT_SECRET} characters and could be "
            "guessed. Make a longer one: openssl rand -hex 32"
        )
    key = _private_key(values, problems, warnings)
    if not (app_id and key and "GITHUB_WEBHOOK_SECRET" in values):
        return None
    return AppCredentials(int(app_id), Secret(key), secrets)


def _private_key(values: Mapping[str, str], problems: list[str], warnings: list[str]) -> str:
    """The key as PEM, or empty after noting why there is none."""
    inline, file = values.get("GITHUB_PRIVATE_KEY"), values.get("GITHUB_PRIVATE_KEY_FILE")
    if inline and file:
        problems.append(
            "GITHUB_PRIVATE_KEY and GITHUB_PRIVATE_KEY_FILE: both are set. Unset one of them."
        )
        return ""
    if inline:
        return _pem(inline, "GITHUB_PRIVATE_KEY", problems)
    if not file:
        problems.append(
            "GITHUB_PRIVATE_KEY: neither it nor GITHUB_PRIVATE_KEY_FILE is set. Generate a key on "
            "the App's settings page and point GITHUB_PRIVATE_KEY_FILE at it."
        )
        return ""
    path = Path(file).expanduser()
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(
            f"GITHUB_PRIVATE_KEY_FILE: {path} cannot be read ({type(error).__name__}). "
            "Name a readable file with the App's private key."
        )
        return ""
    if mode & 0o022:
        # Whoever can change the key can put the App out of action.
        problems.append(
            f"GITHUB_PRIVATE_KEY_FILE: others can write to {path}. Run: chmod 600 {path}"
        )
    elif mode & 0o044:
        # No error: secrets that a container platform mounts are readable within the container.
        warnings.append(
            f"GITHUB_PRIVATE_KEY_FILE: others can read {path}. "
            f"Unless this is a container's mounted secret, run: chmod 600 {path}"
        )
    return _pem(text, "GITHUB_PRIVATE_KEY_FILE", problems)


def _pem(text: str, name: str, problems: list[str]) -> str:
    """PEM from PEM, PEM with escaped line ends, or base64 of either."""
    text = unquoted(text)
    if "-----BEGIN" not in text:
        try:
            text = base64.b64decode("".join(text.split()), validate=True).decode("ascii").strip()
        except ValueError:
            text = ""
    text = text.replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n")
    if "-----BEGIN" not in text:
        problems.append(
            f"{name}: it is no private key. Give the .pem file that GitHub offered for download, "
            "as it is or in base64."
        )
        return ""
    problem = _key_problem(text)
    if problem:
        problems.append(f"{name}: {problem}")
        return ""
    return text.strip() + "\n"


def _key_problem(pem: str) -> str:
    # Imported here: it takes a while, and commands without an App do without it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        return "it is encrypted. Give it without a passphrase, as GitHub offers it."
    except (ValueError, UnsupportedAlgorithm):
        return "it is damaged or no private key. Copy the whole .pem file, first to last line."
    if not isinstance(key, RSAPrivateKey):
        return "it is no RSA key, so it is not a GitHub App's. Generate one on the App's page."
    return ""
