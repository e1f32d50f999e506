"""What several commands need of the environment, and how they say that something is missing."""

from collections.abc import Mapping

from bot.cli.errors import CommandError
from bot.settings import Settings, SettingsError, read_settings


def settings_or_exit(
    *, app_needed: bool = True, overrides: Mapping[str, str] | None = None
) -> Settings:
    """The settings.

    Raises:
        CommandError: something in the environment cannot be used, all of it named; or there is
            no GitHub App and the command needs one.
    """
    try:
        settings = read_settings(overrides)
    except SettingsError as error:
        raise CommandError(
            "the configuration cannot be used:\n"
            + "\n".join(f"  {problem}" for problem in error.problems),
            "mend the environment; docs/reference/environment.md lists every name",
        ) from error
    if app_needed and settings.github_app is None:
        raise CommandError(
            "no GitHub App is configured",
            "run `lockgate setup` to create one, or set GITHUB_APP_ID, GITHUB_PRIVATE_KEY and "
            "GITHUB_WEBHOOK_SECRET",
        )
    return settings
