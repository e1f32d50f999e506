"""Which database and which files ``lockgate emc`` works on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.core.migrations.files import Folder, read_folder
from bot.core.migrations.model import Version
from bot.core.migrations.versions import version_in
from bot.core.phrases import listed
from bot.core.render.escape import visible


@dataclass(frozen=True, slots=True)
class Place:
    """Which database, which files, and how to say it."""

    environment: str
    database: str
    folder: Path
    json: bool

    @property
    def url(self) -> str:
        """
        Raises:
            CommandError: neither or both are given, or the environment has no database here.
        """
        if bool(self.environment) == bool(self.database):
            raise CommandError(
                "which database?" if not self.database else "both name a database",
                "give one of --environment and --database",
            )
        if self.database:
            return self.database
        databases = settings_or_exit(app_needed=False).databases
        name = self.environment.lower()
        if name not in databases:
            variable = f"LOCKGATE_DB_{name.upper().replace('-', '_')}"
            known = f", or name {listed(sorted(databases))}" if databases else ""
            raise CommandError(
                f"environment {visible(self.environment)} has no database here",
                f"set {visible(variable)} to its URL{known}",
            )
        return databases[name].reveal()

    def read(self, applied: Sequence[Version]) -> Folder:
        return read_folder(
            self._files(self.folder / "migrations"), self._files(self.folder / "backfills"), applied
        )

    @property
    def versions(self) -> frozenset[Version]:
        """All that a file has."""
        names = ("migrations", "backfills")
        files = [path for name in names for path, _ in self._files(self.folder / name)]
        return frozenset(version_in(path) for path in files)

    def _files(self, folder: Path) -> list[tuple[str, bytes]]:
        try:
            if not folder.is_dir():
                return []
            return [(path.as_posix(), path.read_bytes()) for path in sorted(folder.glob("*.sql"))]
        except OSError as error:
            raise CommandError(
                f"{error.filename} cannot be read: {error.strerror}", "name another with --dir"
            ) from error
