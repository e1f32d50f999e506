"""The bytes that are hashed, seals, and checkpoints as notes."""

import base64
import json
from datetime import timedelta, timezone

import pytest
from audit_kit import KEY, NOW, entry
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from bot.core.audit.checkpoint import (
    AuditKey,
    Checkpoint,
    CheckpointError,
    parse_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from bot.core.audit.entry import (
    AuditEntry,
    content_key,
    decode_entry,
    encode_entry,
    record_json,
)
from bot.core.redaction import redact

OTHER = AuditKey(bytes(32))
ROOT = bytes(range(32))


def test_content_is_what_the_reference_says() -> None:
    east = NOW.astimezone(timezone(timedelta(hours=9)))
    assert encode_entry(7, east, entry(detail={"b": [1, 2.5, None], "a": "Å"})) == (
        '{"actor":"maria","at":"2026-11-22T12:00:00.000000+00:00",'
        '"build_sha":"' + "b" * 40 + '","detail":{"a":"\\u00c5","b":[1,2.5,null]},"id":7,'
        '"kind":"promotion","pull_number":12,"release_tag":"v1.4.0","repository":"Octo/Shop",'
        '"schema_hash":"sh1","subject":"production: operation 1","v":1}'
    )


def test_key_is_part_of_the_content_where_there_is_one() -> None:
    keyed = encode_entry(7, NOW, entry(key=content_key("command", 1, "/status", False)))
    bare = encode_entry(7, NOW, entry())
    assert json.loads(keyed).pop("key")
    assert json.loads(keyed) | json.loads(bare) == json.loads(keyed)
    assert "key" not in json.loads(bare)
    assert decode_entry(keyed).entry == entry(key=content_key("command", 1, "/status", False))
    assert record_json(decode_entry(keyed))["key"] == json.loads(keyed)["key"]


def test_other_words_give_another_key() -> None:
    said = [("a", "b"), ("ab",), ("a", "b", ""), ("a", 1), ("a", "1"), ("a", True), ("a", "true")]
    assert len({content_key(*words) for words in said}) == len(said)
    assert content_key("a", "\ud800") == content_key("a", "\ud800")


_texts = st.text(st.characters(), max_size=30) | st.just("\0\ud800")
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)


@given(_texts, st.dictionaries(_texts, _json, max_size=4))
def test_every_entry_can_be_encoded_and_read_again(text: str, detail: dict[str, object]) -> None:
    content = encode_entry(3, NOW, entry(actor=text, detail=detail))
    assert content.isascii()
    assert "\\u0000" not in content.replace("\\\\", "")
    record = decode_entry(content)
    assert (record.id, record.at) == (3, NOW)
    assert encode_entry(3, NOW, record.entry) == content


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_" + "a" * 36,
        "github_pat_" + "a" * 30,
        "v1." + "0a" * 20,
        "eyJhbGciOi.eyJpc3Mi.c2ln",
        "Authorization: Bearer abcdef123456",
        "postgres://u:hunter22@host/db",
        'password = "hunter22"',
        "API-KEY:abcdef123",
        "access_token=abcdef123",
        "sha256=" + "ab" * 32,
        "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_no_secret_gets_into_an_entry(secret: str) -> None:
    assert redact(secret) != secret
    for given_entry in (
        entry(subject=f"found Å {secret}"),
        entry(detail={"log": [{"line": f"it said {secret}"}]}),
        entry(detail={f"it said {secret}": 1}),
    ):
        content = encode_entry(1, NOW, given_entry)
        assert json.dumps(secret)[1:-1] not in content
        assert "[redacted]" in content
    assert "hunter2" not in encode_entry(1, NOW, entry(detail={"client_secret": "hunter2"}))


def test_long_texts_are_cut_and_deep_ones_ended() -> None:
    deep: list[object] = []
    for _ in range(100):
        deep = [deep]
    record = decode_entry(encode_entry(1, NOW, entry(subject="x" * 9000, detail={"deep": deep})))
    assert len(record.entry.subject) == 2000
    assert "…" in str(record.entry.detail)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"v":2}', '{"v":1}', "null"])
def test_what_is_no_entry_is_refused(content: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of json's own too)
        decode_entry(content)


def test_checkpoint_is_a_signed_note() -> None:
    note = sign_checkpoint(Checkpoint(5, ROOT), KEY)
    text, _, signed = note.partition("\n\n")
    assert text == f"lockgate/audit\n5\n{base64.b64encode(ROOT).decode()}"
    dash, name, encoded = signed.rstrip("\n").split(" ")
    assert (dash, name) == ("—", "lockgate/audit")
    raw = base64.b64decode(encoded)
    assert raw[:4].hex() == KEY.id
    Ed25519PublicKey.from_public_bytes(KEY.public).verify(raw[4:], f"{text}\n".encode())
    assert verify_checkpoint(note, [OTHER.public, KEY.public]) == Checkpoint(5, ROOT)
    assert KEY.verifier.startswith(f"lockgate/audit+{KEY.id}+")


def test_checkpoint_of_another_key_or_content_is_refused() -> None:
    note = sign_checkpoint(Checkpoint(5, ROOT), KEY)
    for spoilt in (note.replace("\n5\n", "\n6\n"), sign_checkpoint(Checkpoint(5, ROOT), OTHER)):
        with pytest.raises(CheckpointError, match="not signed by a key"):
            verify_checkpoint(spoilt, [KEY.public])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lockgate/audit\n5", "other\n5"),
        ("\n5\n", "\n05\n"),
        ("\n5\n", "\n-5\n"),
        ("\n5\n", "\n" + "9" * 5000 + "\n"),
        ("\n\n", "\n"),
        ("— lock", "- lock"),
        ("AAEC", "!!!!"),
        ("AAEC", ""),
    ],
)
def test_what_is_no_checkpoint_is_refused(old: str, new: str) -> None:
    note = sign_checkpoint(Checkpoint(5, ROOT), KEY)
    assert old in note
    with pytest.raises(CheckpointError):
        parse_checkpoint(note.replace(old, new, 1))


def test_key_does_not_show_itself() -> None:
    assert str(bytes(range(32)))[2:20] not in repr(KEY)
    with pytest.raises(ValueError, match="32 bytes"):
        AuditKey(b"short")


def test_seals_tell_apart_key_content_and_place() -> None:
    seals = {
        KEY.seal_entry(ROOT),
        OTHER.seal_entry(ROOT),
        KEY.seal_entry(bytes(32)),
        KEY.seal_place(0, 1, ROOT, b"s"),
        KEY.seal_place(1, 1, ROOT, b"s"),
        KEY.seal_place(0, 2, ROOT, b"s"),
        KEY.seal_place(0, 1, ROOT, b"t"),
        OTHER.seal_place(0, 1, ROOT, b"s"),
    }
    assert len(seals) == 8


def test_entry_is_the_ports_own() -> None:
    from bot.ports.operations import AuditEntry as AtThePort

    assert AtThePort is AuditEntry
