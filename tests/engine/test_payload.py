import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.payload import read_payload

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), VALUES))
def test_it_reads_as_the_standard_library_does(value: dict[str, Any]) -> None:
    content = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        expected = json.loads(content.decode())
    except UnicodeDecodeError:
        with pytest.raises(ValueError, match="not JSON that can be read"):
            read_payload(content)
        return
    assert dict(read_payload(content)) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"a": tru}',
        b'{"a": [1,]}',
        b'{"a": 01}',
        b'{"a": "\x01"}',
        b'{"a": "\\q"}',
        b'{"a": "\xff"}',
        b'{"a": NaN}',
        b"{} {}",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^The body is not JSON that can be read\.$"):
        read_payload(content)


@pytest.mark.parametrize("content", [b"[]", b"1", b"null", b'"text"'])
def test_what_is_no_object_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^The body is JSON but not an object\.$"):
        read_payload(content)


def test_half_a_surrogate_pair_is_json() -> None:
    assert read_payload(b'{"a": "\\ud800"}')["a"] == "\ud800"


def test_a_part_that_no_value_can_be_made_of_is_nothing() -> None:
    payload = read_payload(b'{"a": ' + b"9" * 5000 + b', "b": 1e999, "c": 1}')
    assert dict(payload) == {"a": None, "b": None, "c": 1}
    assert payload.get("d") is None
