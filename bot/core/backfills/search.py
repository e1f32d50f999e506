"""The search for the one row that fails: by halves, within a batch that failed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Search:
    """Somewhere in the next ``suspect`` rows is the row; 0 where none is looked for.

    What passes of a half is committed and done; the other half has the row.
    """

    suspect: int = 0

    @property
    def limit(self) -> int:
        """Rows of the next batch; 0 for as many as usual."""
        return max(1, self.suspect // 2) if self.suspect else 0

    def failed(self, rows: int) -> "Search":
        """A batch of so many rows, two at least, failed."""
        return Search(rows)

    def passed(self, rows: int) -> "Search":
        """So many went well. Once all that was suspect has, somebody mended the row meanwhile."""
        return Search(max(self.suspect - rows, 0))
