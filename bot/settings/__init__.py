"""The environment, read once into one frozen value. No other module reads the environment."""

from bot.settings.credentials import CREDENTIALS_FILE, require_room, write_credentials
from bot.settings.load import load_settings, read_settings
from bot.settings.model import (
    DEFAULT_API_URL,
    DEFAULT_VERCEL_API_URL,
    AppCredentials,
    NumbersSource,
    OAuthCredentials,
    Secret,
    Settings,
    SettingsError,
)
from bot.settings.values import is_token
from bot.settings.variables import VARIABLES, Variable

__all__ = [
    "CREDENTIALS_FILE",
    "DEFAULT_API_URL",
    "DEFAULT_VERCEL_API_URL",
    "VARIABLES",
    "AppCredentials",
    "NumbersSource",
    "OAuthCredentials",
    "Secret",
    "Settings",
    "SettingsError",
    "Variable",
    "is_token",
    "load_settings",
    "read_settings",
    "require_room",
    "write_credentials",
]
