"""Which files a release changes, and what becomes of them: pure, so that whoever reads files asks
what to read, and is then told what to write."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core.catalog import UPDATERS
from bot.core.release.documents.toml_text import read_toml
from bot.core.release.documents.value import Unreadable
from bot.core.release.kinds import ExtraFile, Kind, PackageFiles
from bot.core.release.model import FileChange, FileNote
from bot.core.release.spelling import says
from bot.core.release.updaters.by_path import BY_PATH
from bot.core.release.updaters.by_regex import BY_REGEX
from bot.core.release.updaters.marker import MARKER, has_marker
from bot.core.release.updaters.pyproject import PYPROJECT
from bot.core.release.updaters.updater import Hints, NoVersion, UpdateError, Updater
from bot.core.release.version import Version


@dataclass(frozen=True, slots=True)
class _KindFiles:
    """``manifests``: one of them has to be there and say the version. ``beside``: where they are
    there. ``shared``: lock files that a workspace has in the repository's root alone."""

    manifests: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


KINDS: Mapping[Kind, _KindFiles] = {
    Kind.SIMPLE: _KindFiles(beside=("version.txt", "VERSION")),
    Kind.NODE: _KindFiles(
        ("package.json",),
        ("package-lock.json", "npm-shrinkwrap.json"),
        ("package-lock.json", "npm-shrinkwrap.json"),
    ),
    Kind.PYTHON: _KindFiles(("pyproject.toml", "setup.cfg"), ("uv.lock",), ("uv.lock",)),
    Kind.RUST: _KindFiles(("Cargo.toml",), ("Cargo.lock",), ("Cargo.lock",)),
    Kind.GO: _KindFiles(beside=("go.mod",)),
    Kind.GENERIC: _KindFiles(),
}
"""From the package's folder. Python's sources are found by the project's name."""

_SOURCES = ("__init__.py", "__version__.py", "_version.py", "version.py", "__about__.py")
_BY_NAME = tuple(one for one in UPDATERS if one not in (MARKER, BY_PATH, BY_REGEX))


@dataclass(frozen=True, slots=True)
class PackageRelease:
    """A package that is released. ``former`` is None for its first release."""

    files: PackageFiles
    version: Version
    former: Version | None = None


@dataclass(frozen=True, slots=True)
class UpdatedFiles:
    """What a release makes of files. With a problem nothing may be released: the version would be
    one thing by the tag and another by a manifest."""

    changes: tuple[FileChange, ...] = ()
    problems: tuple[UpdateError, ...] = ()
    notes: tuple[FileNote, ...] = ()


def paths_to_read(files: PackageFiles, known: Mapping[str, str | None]) -> tuple[str, ...]:
    """The files that must still be read. Ask again with what was read, None for what is not there,
    until nothing is left: a manifest names further files."""
    kind = KINDS[files.kind]
    wanted = [_in(files.folder, name) for name in (*kind.manifests, *kind.beside)]
    wanted += kind.shared if files.folder else ()
    wanted += [extra.path for extra in files.extra]
    if files.kind is Kind.PYTHON and all(_in(files.folder, one) in known for one in kind.manifests):
        wanted += _python_sources(files, known)
    return tuple(dict.fromkeys(path for path in wanted if path not in known))


def update_files(
    releases: Iterable[PackageRelease], texts: Mapping[str, str | None]
) -> UpdatedFiles:
    """Set the versions of what is released together. ``texts`` are the files that
    ``paths_to_read`` asked for; KeyError for one that is missing there."""
    run = _Run(texts)
    for release in releases:
        run.release(release)
    changes = tuple(
        FileChange(path, texts[path], after)
        for path, after in run.texts.items()
        if after is not None and after != texts[path]
    )
    return UpdatedFiles(changes, tuple(run.problems), tuple(dict.fromkeys(run.notes)))


class _Run:
    def __init__(self, texts: Mapping[str, str | None]) -> None:
        self.texts = dict(texts)
        self.problems: list[UpdateError] = []
        self.notes: list[FileNote] = []

    def release(self, release: PackageRelease) -> None:
        files = release.files
        kind = KINDS[files.kind]
        hints = _hints(files, self.texts, release.former)
        self._manifests([_in(files.folder, name) for name in kind.manifests], release, hints)
        for name in kind.beside:
            path = _in(files.folder, name)
            self._update(updater_of(path), path, release, hints)
        if files.folder:
            self._shared(release, hints)
        if files.kind is Kind.PYTHON:
            self._python(release, hints)
        for extra in files.extra:
            self._extra(extra, release, hints)

    def _manifests(self, paths: Sequence[str], release: PackageRelease, hints: Hints) -> None:
        """One of them has to say the version; the others may."""
        silent: list[UpdateError] = []
        for path in paths:
            if self.texts[path] is None:
                continue
            error = self._update(updater_of(path), path, release, hints, optional=True)
            if error is None:
                paths = ()
            else:
                silent.append(error)
        if paths:
            kind = release.files.kind.value
            self.problems.append(
                silent[0]
                if silent
                else UpdateError(
                    paths[0],
                    f"there is no such file, and the kind is `{kind}`",
                    "add it, or set another `kind` in `release`",
                )
            )

    def _shared(self, release: PackageRelease, hints: Hints) -> None:
        """Of the lock files in the root, the entry of the package."""
        kind = release.files.kind
        if kind is not Kind.NODE and not hints.name:
            return  # by the name alone it is known
        hints = replace(hints, folder=release.files.folder)
        for path in KINDS[kind].shared:
            self._update(updater_of(path), path, release, hints)

    def _python(self, release: PackageRelease, hints: Hints) -> None:
        told = _hatch_source(release.files, self.texts)
        if told and self.texts[told] is None:
            self.problems.append(
                UpdateError(
                    told,
                    "there is no such file, and `[tool.hatch.version]` names it",
                    "add it, or mend `path` there",
                )
            )
        for path in _python_sources(release.files, self.texts):
            self._update(updater_of(path), path, release, hints, optional=path != told)

    def _extra(self, extra: ExtraFile, release: PackageRelease, hints: Hints) -> None:
        text = self.texts[extra.path]
        if text is None:
            self.problems.append(
                UpdateError(
                    extra.path,
                    "there is no such file, and `release.extra_files` lists it",
                    "add it, or take it from the list",
                )
            )
            return
        updater = _updater_of_extra(extra, text)
        if updater is None:
            self.problems.append(
                UpdateError(
                    extra.path,
                    "no line of it is marked, and where its version stands is not known",
                    "mark the line with `x-lockgate-version`, or give `path` or `regex` in "
                    "`release.extra_files`",
                )
            )
            return
        hints = replace(hints, at=extra.at, pattern=extra.pattern)
        self._update(updater, extra.path, release, hints)

    def _update(
        self,
        updater: Updater,
        path: str,
        release: PackageRelease,
        hints: Hints,
        *,
        optional: bool = False,
    ) -> UpdateError | None:
        """The error, where a file says no version and may do so."""
        text = self.texts[path]
        if text is None:
            return None
        try:
            updated = updater.updated(text, release.version, path, hints)
        except NoVersion as error:
            if optional:
                return error
            self.problems.append(error)
            return None
        except UpdateError as error:
            self.problems.append(error)
            return None
        self.texts[path] = updated.text
        if updated.note:
            self.notes.append(FileNote(path, updated.note, updated.remedy))
        if release.former is not None:
            expected = (release.former, release.version)
            self.notes += [
                FileNote(
                    path,
                    f"it said `{stood}`, and what is released is {release.former}",
                    f"this release makes it {release.version}: see that nothing else sets it",
                )
                for stood in updated.stood
                if not any(says(stood, version) for version in expected)
            ]
        return None


def updater_of(path: str) -> Updater:
    """The updater that knows a file by its name. Raises KeyError if none does."""
    for updater in _BY_NAME:
        if updater.matches(path):
            return updater
    raise KeyError(path)


def _updater_of_extra(extra: ExtraFile, text: str) -> Updater | None:
    if extra.pattern:
        return BY_REGEX
    if extra.at:
        return BY_PATH
    if has_marker(text):
        return MARKER
    return next((one for one in _BY_NAME if one.matches(extra.path)), None)


def _hints(files: PackageFiles, texts: Mapping[str, str | None], former: Version | None) -> Hints:
    """What the manifest says of the package; nothing where it cannot be read, which its updater
    reports."""
    match files.kind:
        case Kind.RUST:
            manifest = _toml(texts[_in(files.folder, "Cargo.toml")])
            return Hints(
                name=_text(manifest, "package", "name"),
                manifest=_text(manifest, "workspace", "package", "version"),
                former=former,
            )
        case Kind.PYTHON:
            return Hints(name=_python_name(files, texts), former=former)
        case _:
            return Hints(former=former)


def _python_name(files: PackageFiles, texts: Mapping[str, str | None]) -> str:
    manifest = _toml(texts[_in(files.folder, "pyproject.toml")])
    return _text(manifest, "project", "name") or _text(manifest, "tool", "poetry", "name")


def _python_sources(files: PackageFiles, texts: Mapping[str, str | None]) -> tuple[str, ...]:
    """Where the project's ``__version__`` may stand: in its package's folder, and where hatch is
    told to read it."""
    module = re.sub(r"[-_.]+", "_", _python_name(files, texts)).lower()
    found = []
    if re.fullmatch(r"[a-z][a-z0-9_]*", module):
        found = [f"{top}{module}/{name}" for top in ("src/", "") for name in _SOURCES]
    told = _hatch_source(files, texts)
    found = [_in(files.folder, path) for path in found]
    return tuple(dict.fromkeys([*found, *([told] if told else [])]))


def _hatch_source(files: PackageFiles, texts: Mapping[str, str | None]) -> str:
    """https://hatch.pypa.io/latest/plugins/version-source/regex/"""
    manifest = _toml(texts[_in(files.folder, "pyproject.toml")])
    told = _text(manifest, "tool", "hatch", "version", "path")
    return _in(files.folder, told) if re.fullmatch(r"(?:[\w-]+/)*[\w-]+\.py", told) else ""


def _toml(text: str | None) -> object:
    if text is None or len(text) > PYPROJECT.max_characters:
        return {}
    try:
        return read_toml(text)
    except Unreadable:
        return {}


def _text(document: object, *keys: str) -> str:
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document if isinstance(document, str) else ""


def _in(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
