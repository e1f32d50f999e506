"""Conditional requests: what GitHub answered before, to be asked for again by its ETag.

A 304 costs nothing of the primary limit. Each installation has a cache of its own: an answer that
one installation may see is never given to another, and never keyed by the address alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cachetools import LRUCache

_INSTALLATIONS = 256
_BYTES_EACH = 2 * 1024 * 1024
_LARGEST_ANSWER = 256 * 1024


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer as it came, undecoded, so that no reader can change what the next one gets."""

    etag: str
    body: bytes
    headers: Mapping[str, str]


class ConditionalCache:
    """At most 256 installations at 2 MiB each are remembered, the last used ones."""

    def __init__(self) -> None:
        self._by_installation: LRUCache[int, LRUCache[tuple[str, str], CachedAnswer]] = LRUCache(
            _INSTALLATIONS
        )

    def get(self, installation: int, url: str, accept: str) -> CachedAnswer | None:
        answers = self._by_installation.get(installation)
        return None if answers is None else answers.get((url, accept))

    def put(
        self, installation: int, url: str, accept: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Remember an answer, if it has an ETag and is not too large to be worth it."""
        etag = headers.get("etag")
        private = "no-store" in headers.get("cache-control", "")
        if not etag or private or len(body) > _LARGEST_ANSWER:
            return
        answers = self._by_installation.get(installation)
        if answers is None:
            answers = LRUCache(_BYTES_EACH, getsizeof=lambda answer: len(answer.body) + 1024)
            self._by_installation[installation] = answers
        kept = {name: headers[name] for name in ("content-type", "link") if name in headers}
        answers[url, accept] = CachedAnswer(etag, body, kept)

    def forget(self, installation: int) -> None:
        """Drop all that an installation was told: it lost access, or its permissions changed."""
        self._by_installation.pop(installation, None)
