"""A delivery's body as far as it is looked at: most of it never is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import msgspec

_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PART = msgspec.json.Decoder()


def read_payload(content: bytes) -> Mapping[str, Any]:
    """The JSON object that a body holds.

    Raises:
        ValueError: it holds none; the text says why and may be shown.
    """
    try:
        content.decode()  # the decoder passes over the inside of what it does not read
        return _Parts(_PARTS.decode(content))
    except msgspec.ValidationError:
        raise ValueError("The body is JSON but not an object.") from None
    except (ValueError, RecursionError):
        return _read_unusual(content)


class _Parts(Mapping[str, Any]):
    """Each part is decoded when it is asked for. To decode all of them took a third of the time
    in which a delivery is acknowledged."""

    def __init__(self, parts: dict[str, msgspec.Raw]) -> None:
        self._parts = parts
        self._decoded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """None also for a part that no value can be made of, such as a number of 400 digits."""
        if name not in self._decoded:
            try:
                self._decoded[name] = _PART.decode(self._parts[name])
            except (msgspec.DecodeError, RecursionError):
                self._decoded[name] = None
        return self._decoded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


def _read_unusual(content: bytes) -> dict[str, Any]:
    """What the strict decoder refuses may still be JSON: half a surrogate pair, deep nesting."""
    try:
        payload = json.loads(content.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ValueError("The body is not JSON that can be read.") from None
    if not isinstance(payload, dict):
        raise ValueError("The body is JSON but not an object.")  # noqa: TRY004
    return payload


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
