"""The bytes of a file and its header of ``-- key: value`` lines, with where each value stands."""

import re
from dataclasses import dataclass, field

from bot.core.commands.near import nearest
from bot.core.migrations.model import Problem

MIGRATION_KEYS = ("lockgate", "requires", "requires-build", "requires-flag-off")
BACKFILL_KEYS = ("table", "key", "after", "batch", "target-ms", "pause-when", "needed")

Value = tuple[str, int, int]
"""A value with its line and column."""

_LONGEST_LINE = 1_000
_KEY = re.compile(r"--[ \t]*(?P<key>[A-Za-z][A-Za-z_-]*)[ \t]*:(?:[ \t]+(?P<value>.*))?")


@dataclass(slots=True)
class FileReader:
    """A file while it is read. What is wrong is gathered, so that it is all told at once."""

    path: str
    text: str = ""
    problems: list[Problem] = field(default_factory=list)
    values: dict[str, list[Value]] = field(default_factory=dict)
    meant: set[str] = field(default_factory=set)
    """Keys that were given, but mistyped."""
    header_lines: int = 0

    def fault(self, line: int, column: int, message: str, remedy: str = "") -> None:
        self.problems.append(Problem(self.path, line, column, message, remedy))

    def read(
        self, content: bytes, keys: tuple[str, ...], *, strict: bool, applied: bool = False
    ) -> bool:
        """Whether it is text at all. ``strict``: what looks like a key must be one of ``keys``;
        otherwise only near misses are faults, because comments may say anything. ``applied``: it
        never runs again, and a build of long ago cannot be mended, so that it is read as it is."""
        if applied:
            self.text = _anyhow(content).replace("\r\n", "\n")
        elif not self._decode(content):
            return False
        for number, line in enumerate(self.text.split("\n"), 1):
            if not line.startswith("--"):
                break
            self.header_lines = number
            match = _KEY.fullmatch(line)
            if match is None:
                continue
            key = match["key"]
            if key in keys and len(line) > _LONGEST_LINE:
                self.fault(number, 1, f"`{key}` has a line of {len(line):,} characters")
            elif key in keys:
                value = (match["value"] or "").strip()
                start = match.start("value") if match["value"] else match.end()
                self.values.setdefault(key, []).append((value, number, start + 1))
            elif not applied:
                self._fault_key(key, number, match.start("key") + 1, keys, strict=strict)
        return True

    def once(self, key: str) -> Value | None:
        found = self.values.get(key, [])
        for _, line, column in found[1:]:
            self.fault(line, column, f"`{key}` is given twice", "keep one of them")
        return found[0] if found else None

    def value(self, key: str, pattern: re.Pattern[str], remedy: str) -> str:
        """Empty where it is not given."""
        found = self.once(key)
        if found is None:
            return ""
        value, line, column = found
        if not pattern.fullmatch(value):
            self.fault(line, column, f"`{key}` has a value that is none", remedy)
        return value

    def number(self, key: str, largest: int, unit: str) -> int:
        """0 where it is not given."""
        found = self.once(key)
        if found is None:
            return 0
        value, line, column = found
        number = int(value) if re.fullmatch(r"[0-9]{1,9}", value) else 0
        if not 1 <= number <= largest:
            remedy = f"write {unit} from 1 to {largest}, in digits"
            self.fault(line, column, f"`{key}` is no number that it can be", remedy)
        return number

    def words(self, key: str, pattern: re.Pattern[str]) -> list[Value]:
        """What commas part."""
        found = self.once(key)
        if found is None:
            return []
        value, line, column = found
        words = [(word.strip(), line, column) for word in value.split(",")]
        if not all(pattern.fullmatch(word) for word, _, _ in words):
            self.fault(line, column, f"`{key}` is no list of words", "part words by commas")
        return words

    def _decode(self, content: bytes) -> bool:
        remedy = "save it as UTF-8 without a byte order mark"
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            self.fault(1, 1, "it is UTF-16", remedy)
            return False
        if content.startswith(b"\xef\xbb\xbf"):
            self.fault(1, 1, "it begins with a byte order mark", remedy)
            return False
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            before = content[: error.start].decode("utf-8")
            self._fault_at(before, f"the byte 0x{content[error.start]:02x} is no UTF-8", remedy)
            return False
        self.text = text.replace("\r\n", "\n")
        for char, name in (("\0", "a NUL character"), ("\r", "a carriage return without a line")):
            if char in self.text:
                before = self.text[: self.text.index(char)]
                self._fault_at(before, f"{name} stands in it", "take it out")
                return False
        return True

    def _fault_at(self, before: str, message: str, remedy: str) -> None:
        line = before.count("\n") + 1
        self.fault(line, len(before) - before.rfind("\n"), message, remedy)

    def _fault_key(
        self, key: str, line: int, column: int, keys: tuple[str, ...], *, strict: bool
    ) -> None:
        meant = key.lower().replace("_", "-")
        meant = meant if meant in keys else nearest(meant, keys)
        if meant:
            self.meant.add(meant)
            self.fault(line, column, f"`{key}` is no key", f"did you mean `{meant}`?")
        elif strict or key.lower().startswith(("requires", "lockgate")):
            remedy = f"the keys are {', '.join(keys)}; put remarks below the header"
            self.fault(line, column, f"`{key}` is no key", remedy)


def _anyhow(content: bytes) -> str:
    """The text, with a sign in place of what cannot be read."""
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = content.decode("utf-16" if wide else "utf-8-sig", "replace")
    return text.replace("\0", "\ufffd")
