"""The pure parts: the cache, the limits, what is sent, the documents, the addresses."""

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import graphql
import httpx
import pytest

from bot.adapters.github import client as client_module
from bot.adapters.github.cache import ConditionalCache
from bot.adapters.github.client import graphql_url
from bot.adapters.github.faults import graphql_status, message_of
from bot.adapters.github.operations import DOCUMENTS, OPERATIONS, Document
from bot.adapters.github.payloads import check_payloads, comment_body, fit
from bot.adapters.github.quota import Quota
from bot.core.checks import Annotation, CheckAction, CheckOutput, Conclusion, digest_of
from bot.core.decision import Location

SCHEMA = Path(__file__).parents[2] / "node_modules/@octokit/graphql-schema/schema.graphql"
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
URL = "https://api.github.com/repos/octo/shop"


def test_the_http_client_is_httpx_itself() -> None:
    assert client_module.httpx is httpx
    assert httpx.AsyncClient.__module__ == "httpx"
    assert find_spec("httpx2") is None or client_module.httpx.__name__ == "httpx"


# the cache


def test_a_cached_answer_is_given_back_to_whom_it_was_told() -> None:
    cache = ConditionalCache()
    headers = {"etag": '"a"', "link": "<x>", "content-type": "application/json", "date": "today"}
    cache.put(1, URL, "json", headers, b"{}")
    found = cache.get(1, URL, "json")
    assert found is not None
    assert (found.etag, found.body) == ('"a"', b"{}")
    assert found.headers == {"link": "<x>", "content-type": "application/json"}
    assert cache.get(2, URL, "json") is None, "another installation"
    assert cache.get(1, URL, "raw") is None, "another media type"
    assert cache.get(1, URL + "?page=2", "json") is None, "another page"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        ({"etag": '"a"', "cache-control": "private, no-store"}, b"{}"),
        ({"etag": '"a"'}, b"x" * 300_000),
    ],
)
def test_what_is_not_kept(headers: dict[str, str], body: bytes) -> None:
    cache = ConditionalCache()
    cache.put(1, URL, "json", headers, body)
    assert cache.get(1, URL, "json") is None


def test_the_cache_is_bounded_and_forgets() -> None:
    cache = ConditionalCache()
    for number in range(20):
        cache.put(1, f"{URL}/{number}", "json", {"etag": '"a"'}, b"x" * 200_000)
    kept = [number for number in range(20) if cache.get(1, f"{URL}/{number}", "json")]
    assert kept == list(range(10, 20)), "2 MiB hold ten of them"
    cache.put(2, URL, "json", {"etag": '"a"'}, b"")
    cache.forget(1)
    assert cache.get(1, f"{URL}/19", "json") is None
    assert cache.get(2, URL, "json") is not None


# limits


def _headers(remaining: int, resource: str, *, reset: datetime = NOW + timedelta(hours=1)):
    return {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int(reset.timestamp())),
        "x-ratelimit-resource": resource,
    }


def test_the_tightest_limit_is_told_per_installation() -> None:
    quota = Quota()
    quota.note(1, _headers(4000, "core"))
    quota.note(1, _headers(100, "graphql"))
    quota.note(2, _headers(4500, "core"))
    first, second = quota.tightest(1, NOW), quota.tightest(2, NOW)
    assert first is not None
    assert second is not None
    assert (first.remaining, second.remaining) == (100, 4500)
    assert quota.tightest(3, NOW) is None


def test_a_window_that_has_ended_limits_nothing() -> None:
    quota = Quota()
    quota.note(1, _headers(0, "core", reset=NOW - timedelta(seconds=1)))
    assert quota.tightest(1, NOW) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-ratelimit-limit", ""),
        ("x-ratelimit-limit", "many"),
        ("x-ratelimit-remaining", "1.5"),
        ("x-ratelimit-reset", ""),
        ("x-ratelimit-reset", "soon"),
        ("x-ratelimit-reset", "9" * 30),
    ],
)
def test_headers_that_are_no_numbers_are_passed_over(name: str, value: str) -> None:
    quota = Quota()
    quota.note(1, {**_headers(1, "core"), name: value})
    assert quota.tightest(1, NOW) is None


def test_a_pause_holds_for_its_installation_and_resource() -> None:
    quota = Quota()
    quota.pause(1, NOW + timedelta(seconds=60), resource="graphql")
    quota.pause(1, NOW + timedelta(seconds=10), resource="graphql")
    assert quota.wait(1, "graphql", NOW) == timedelta(seconds=60), "never made shorter"
    assert quota.wait(1, "core", NOW) == timedelta()
    assert quota.wait(2, "graphql", NOW) == timedelta()
    quota.pause(2, NOW + timedelta(seconds=30))
    assert quota.wait(2, "core", NOW) == timedelta(seconds=30), "a secondary limit is for all"
    assert quota.wait(2, "core", NOW + timedelta(seconds=30)) == timedelta()


# what is sent


def output(**changes) -> CheckOutput:
    plain = {
        "name": "lockgate/commits",
        "conclusion": Conclusion.FAILURE,
        "title": "1 of 1 messages needs a type",
        "summary": "summary",
        "text": "text",
    }
    return CheckOutput(**{**plain, **changes})


def notes(count: int) -> tuple[Annotation, ...]:
    return tuple(
        Annotation(Location(".github/lockgate.yml", n, 3), f"t{n}", "m")
        for n in range(1, count + 1)
    )


def test_a_check_in_one_request() -> None:
    (body,) = check_payloads(output(details_url="https://bot.example/x"))
    assert body == {
        "name": "lockgate/commits",
        "status": "completed",
        "conclusion": "failure",
        "external_id": digest_of(output(details_url="https://bot.example/x")),
        "details_url": "https://bot.example/x",
        "output": {
            "title": "1 of 1 messages needs a type",
            "summary": "summary",
            "text": "text",
        },
        "actions": [],
    }


@pytest.mark.parametrize(("count", "sizes"), [(50, [50]), (51, [50, 1]), (120, [50, 50, 20])])
def test_annotations_go_fifty_a_request_and_only_the_last_bears_the_digest(
    count: int, sizes: list[int]
) -> None:
    wanted = output(annotations=notes(count))
    bodies = check_payloads(wanted)
    assert [len(body["output"]["annotations"]) for body in bodies] == sizes
    lines = [note["start_line"] for body in bodies for note in body["output"]["annotations"]]
    assert lines == list(range(1, count + 1))
    assert [body["external_id"] == digest_of(wanted) for body in bodies] == [
        *[False] * (len(sizes) - 1),
        True,
    ]


def test_a_check_is_cut_to_githubs_limits() -> None:
    actions = tuple(CheckAction("i" * 30, "l" * 30, "d" * 50) for _ in range(4))
    long = "é" * 40 + "\n"
    (body,) = check_payloads(
        output(
            title="t" * 300,
            summary=long * 5000,
            text="x" * 100_000,
            actions=actions,
            annotations=(Annotation(Location("a", 1, 1), "t" * 300, "m" * 70_000),),
        )
    )
    shown = body["output"]
    assert len(shown["title"]) == 255
    assert len(shown["summary"].encode()) < 65_000
    assert shown["summary"].startswith(long)
    assert all(line in (long.strip(), "") for line in shown["summary"].split("\n")[:-2])
    assert len(shown["text"].encode()) < 65_000
    assert len(shown["annotations"][0]["title"]) == 255
    assert len(shown["annotations"][0]["message"].encode()) < 64 * 1024
    assert len(body["actions"]) == 3
    assert body["actions"][0] == {
        "identifier": "i" * 20,
        "label": "l" * 20,
        "description": "d" * 40,
    }


@pytest.mark.parametrize("text", ["", "short", "two\nlines\n", "é" * 20])
def test_what_fits_is_left_as_it_is(text: str) -> None:
    assert fit(text, 40) == text


def test_half_a_character_becomes_a_question_mark() -> None:
    assert fit("a\ud83d", 40) == "a?"
    assert comment_body("a\ud83d") == {"body": "a?"}


def test_a_comment_is_cut_below_githubs_limit() -> None:
    body = comment_body("<!-- lockgate:summary -->\n" + ("x" * 79 + "\n") * 1000)["body"]
    assert len(body) <= 65_536
    assert body.startswith("<!-- lockgate:summary -->\n")
    assert body.endswith("does not fit into GitHub's limit.")
    assert len(comment_body("x" * 70_000)["body"]) <= 65_536


# errors


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b"[" * 100_000, ""),
        (b"[]", ""),
        (b'{"message": null}', ""),
        (b'{"message": "Not Found"}', "Not Found"),
        (b'{"message": "a\\nb\\u202e"}', "a b "),
        (
            b'{"message": "Validation Failed", "errors": [{"resource": "X", "code": "missing"}]}',
            "Validation Failed; X missing",
        ),
        (
            b'{"message": "Validation Failed", "errors": ["too long"]}',
            "Validation Failed; too long",
        ),
    ],
)
def test_the_message_in_an_answer(answer: bytes, message: str) -> None:
    assert message_of(answer) == message


@pytest.mark.parametrize(
    "secret",
    [
        "ghs_16C7e42F292c6912E7710c838347Ae178B4a",
        "github_pat_11ABCDEFG0123456789_abcdefghijklmnop",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_a_message_shows_nothing_that_looks_like_a_credential(secret: str) -> None:
    assert secret not in message_of({"message": f"Bad credentials: {secret}"})


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({"data": {}}, None),
        ({"data": {}, "errors": [{"type": "NOT_FOUND"}]}, None),
        ({"data": None, "errors": [{"type": "NOT_FOUND"}]}, None),
        (
            {"errors": [{"message": "no such field", "extensions": {"code": "undefinedField"}}]},
            None,
        ),
        ({"data": {}, "errors": [{"type": "RATE_LIMITED"}]}, 429),
        ({"errors": [{"message": "You have exceeded a secondary rate limit"}]}, 429),
        ({"data": None, "errors": [{"message": "Something went wrong"}]}, 502),
        ({"message": "odd"}, 502),
        ([], 502),
        (None, 502),
    ],
)
def test_what_a_graphql_answer_is_as_a_status(payload: object, status: int | None) -> None:
    assert graphql_status(payload) == status


# addresses and documents


@pytest.mark.parametrize(
    ("api", "graphql_at"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://api.github.com/", "https://api.github.com/graphql"),
        ("https://ghe.example/api/v3", "https://ghe.example/api/graphql"),
        ("https://ghe.example/api/v3/", "https://ghe.example/api/graphql"),
        ("https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql"),
    ],
)
def test_where_graphql_is_spoken(api: str, graphql_at: str) -> None:
    assert graphql_url(api) == graphql_at


@pytest.fixture(scope="module")
def schema() -> graphql.GraphQLSchema:
    if not SCHEMA.exists():
        pytest.skip(f"{SCHEMA.relative_to(SCHEMA.parents[3])} is not there: run npm install")
    return graphql.build_schema(SCHEMA.read_text("utf-8"), assume_valid=True)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_document_is_valid_against_githubs_schema(
    document: Document, schema: graphql.GraphQLSchema
) -> None:
    assert graphql.validate(schema, graphql.parse(document.text)) == []


def test_every_document_in_the_folder_is_declared() -> None:
    folder = Path(client_module.__file__).parent / "queries"
    assert {document.name for document in DOCUMENTS} == {file.stem for file in folder.iterdir()}


def test_no_write_that_adds_something_counts_as_repeatable() -> None:
    adding = {
        operation.id
        for operation in OPERATIONS
        if operation.method == "POST" and operation.repeatable
    }
    # A token replaces another; the same reaction of the same account is one. Of objects that no ref
    # is on nobody sees two. The second of two refs, pull requests or merges is refused as needless.
    assert adding == {
        "apps/create-installation-access-token",
        "git/create-commit",
        "git/create-ref",
        "git/create-tree",
        "pulls/create",
        "reactions/create-for-issue-comment",
        "repos/merge",
    }


def test_what_writes_by_graphql_names_what_it_writes_over() -> None:
    """Documents are sent again after a lost answer."""
    writing = [document for document in DOCUMENTS if "mutation" in document.text]
    assert [document.name for document in writing] == ["move_branch"]


def test_labels_are_neither_read_nor_written() -> None:
    """What is kept in labels anybody takes away."""
    asked = [one.path for one in OPERATIONS] + [one.text for one in DOCUMENTS]
    assert [text for text in asked if "label" in text.lower()] == []
