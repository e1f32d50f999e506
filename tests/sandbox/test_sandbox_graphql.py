"""The GraphQL side: the same records, in GitHub's shapes, with its way of saying no."""

from typing import Any

import httpx
import pytest
from sandbox_kit import as_installation, as_user, client

from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Repository
from bot.sandbox.server import Sandbox

PULL = """
query($number: Int!, $after: String) {
  repository(owner: "octo", name: "shop") {
    squashMergeAllowed squashMergeCommitTitle
    defaultBranchRef { name target { oid } }
    object(expression: "main:a/b.txt") { ... on Blob { text byteSize isBinary isTruncated } }
    pullRequest(number: $number) {
      title body state isDraft merged isCrossRepository
      author { __typename login ... on User { databaseId } ... on Bot { databaseId } }
      headRefOid headRepository { nameWithOwner }
      baseRef { target { ... on Commit { file(path: "a/b.txt") { object { ... on Blob { text } } } } } }
      commits(first: 2, after: $after) {
        totalCount pageInfo { hasNextPage endCursor }
        nodes { commit { oid message author { email user { login } } parents(first: 1) { totalCount } } }
      }
      comments(last: 1) { totalCount nodes { databaseId body viewerDidAuthor author { login } } }
      head: commits(last: 1) { nodes { commit { checkSuites(first: 1, filterBy: {checkName: "x"}) {
        nodes { checkRuns(first: 5, filterBy: {checkType: LATEST}) {
          nodes { databaseId name status conclusion externalId title summary }
        } }
      } } } }
    }
  }
}
"""  # noqa: E501


async def ask(api: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = await api.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_a_pull_request_in_one_query(github: Sandbox, shop: Repository) -> None:
    dependabot = github.bot_user("dependabot[bot]")
    pull = github.open_pull(
        shop, "feat: x", "one", "two", "three", head="x", by=dependabot, draft=True
    )
    github.create_check(shop, github.app, pull.head_sha, "x", conclusion="failure")
    new = github.create_check(
        shop, github.app, pull.head_sha, "x", conclusion="success", external_id="d", title="t"
    )
    github.comment(pull, "hello", by=github.user("mona"))
    said = github.comment(pull, "I say", app=github.app)
    async with as_installation(github, shop) as api:
        found = (await ask(api, PULL, number=1))["data"]["repository"]
        page = found["pullRequest"]["commits"]["pageInfo"]
        rest = (await ask(api, PULL, number=1, after=page["endCursor"]))["data"]["repository"]
    assert found["squashMergeCommitTitle"] == "COMMIT_OR_PR_TITLE"
    assert found["object"] == {
        "text": "b\n", "byteSize": 2, "isBinary": False, "isTruncated": False
    }  # fmt: skip
    shown = found["pullRequest"]
    assert (shown["state"], shown["isDraft"], shown["body"]) == ("OPEN", True, "")
    assert shown["author"] == {
        "__typename": "Bot", "login": "dependabot", "databaseId": dependabot.id
    }  # fmt: skip
    assert shown["baseRef"]["target"]["file"]["object"]["text"] == "b\n"
    assert page["hasNextPage"] is True
    messages = [node["commit"]["message"] for node in shown["commits"]["nodes"]]
    messages += [n["commit"]["message"] for n in rest["pullRequest"]["commits"]["nodes"]]
    assert messages == ["one", "two", "three"]
    assert rest["pullRequest"]["commits"]["pageInfo"]["hasNextPage"] is False
    assert shown["comments"] == {
        "totalCount": 2,
        "nodes": [
            {"databaseId": said.id, "body": "I say", "viewerDidAuthor": True,
             "author": {"login": "lockgate"}}
        ],
    }  # fmt: skip
    [suite] = shown["head"]["nodes"][0]["commit"]["checkSuites"]["nodes"]
    assert suite["checkRuns"]["nodes"] == [
        {"databaseId": new.id, "name": "x", "status": "COMPLETED", "conclusion": "SUCCESS",
         "externalId": "d", "title": "t", "summary": None}
    ]  # fmt: skip


async def test_what_is_gone_is_null(github: Sandbox, shop: Repository) -> None:
    fork = github.fork(shop, github.user("fan"))
    pull = github.open_pull(shop, "feat: x", "x", head="x", fork=fork, by=github.user("gone"))
    github.delete_repository(fork)
    github.delete_account(github.user("gone"))
    async with as_installation(github, shop) as api:
        shown = (await ask(api, PULL, number=1))["data"]["repository"]["pullRequest"]
    assert (shown["author"], shown["headRepository"]) == (None, None)
    assert shown["isCrossRepository"] is True
    assert shown["headRefOid"] == pull.head_sha
    assert shown["commits"]["nodes"][0]["commit"]["author"]["user"] is None


@pytest.mark.parametrize(
    ("query", "kind", "message", "path"),
    [
        (
            '{repository(owner:"no",name:"where"){id}}',
            "NOT_FOUND",
            "Could not resolve to a Repository with the name 'no/where'.",
            ["repository"],
        ),
        (
            '{repository(owner:"octo",name:"shop"){pullRequest(number:9){id}}}',
            "NOT_FOUND",
            "Could not resolve to a PullRequest with the number of 9.",
            ["repository", "pullRequest"],
        ),
        (
            '{repository(owner:"octo",name:"shop"){pullRequests{totalCount}}}',
            "MISSING_PAGINATION_BOUNDARIES",
            (
                "You must provide a `first` or `last` value to properly paginate the "
                "`pullRequests` connection."
            ),
            ["repository", "pullRequests"],
        ),
        (
            '{repository(owner:"octo",name:"shop"){pullRequests(first:101){totalCount}}}',
            "EXCESSIVE_PAGINATION",
            (
                "Requesting 101 records on the `pullRequests` connection exceeds the `first` "
                "limit of 100 records."
            ),
            ["repository", "pullRequests"],
        ),
    ],
)
async def test_errors_come_with_their_type(
    github: Sandbox, shop: Repository, query: str, kind: str, message: str, path: list[str]
) -> None:
    async with as_installation(github, shop) as api:
        body = await ask(api, query)
    [error] = body["errors"]
    assert (error["type"], error["message"], error["path"]) == (kind, message, path)
    assert error["locations"][0]["line"] == 1
    assert "data" in body


async def test_errors_of_a_query_are_answered_200(github: Sandbox, shop: Repository) -> None:
    async with as_installation(github, shop) as api:
        for query in ("{", "{nothing}"):
            body = await ask(api, query)
            assert "data" not in body
            assert body["errors"][0]["message"]
        empty = await api.post("/graphql", json={})
        assert empty.status_code == 400
    async with client(github) as api:
        anonymous = await api.post("/graphql", json={"query": "{rateLimit{used}}"})
        assert anonymous.status_code == 401


async def test_permissions_count_here_too(github: Sandbox, shop: Repository) -> None:
    github.open_pull(shop, "feat: x")
    query = '{repository(owner:"octo",name:"shop"){pullRequest(number:1){id}}}'
    async with as_installation(github, shop, permissions={"contents": "read"}) as api:
        body = await ask(api, query)
    assert body["data"] == {"repository": {"pullRequest": None}}
    [error] = body["errors"]
    assert error["type"] == "FORBIDDEN"
    assert error["message"] == "Resource not accessible by integration"


async def test_a_private_repository_is_not_there_for_others(
    github: Sandbox, shop: Repository
) -> None:
    github.create_repository("acme/secret", private=True)
    query = '{repository(owner:"acme",name:"secret"){id}}'
    async with as_installation(github, shop) as api:
        assert (await ask(api, query))["data"] == {"repository": None}
    async with as_user(github, github.user("mona")) as api:
        assert (await ask(api, query))["data"] == {"repository": None}


async def test_renames_are_followed_unless_not(github: Sandbox, shop: Repository) -> None:
    github.rename(shop, "store")
    follow = '{repository(owner:"octo",name:"shop"){nameWithOwner}}'
    strict = '{repository(owner:"octo",name:"shop",followRenames:false){nameWithOwner}}'
    async with as_installation(github, shop) as api:
        assert (await ask(api, follow))["data"]["repository"]["nameWithOwner"] == "octo/store"
        assert (await ask(api, strict))["data"]["repository"] is None


async def test_binary_and_large_files(github: Sandbox, shop: Repository) -> None:
    files = {"bin": b"\0\1", "big": "x" * 600_000}
    github.push(shop, "main", CommitSpec("files", files))
    query = """{repository(owner:"octo",name:"shop"){
        bin: object(expression:"main:bin") { ... on Blob { text isBinary } }
        big: object(expression:"main:big") { ... on Blob { text isTruncated byteSize } }
        none: object(expression:"main:none") { oid }
        tree: object(expression:"HEAD:") { ... on Tree { entries { name mode type } } }
    }}"""
    async with as_installation(github, shop) as api:
        found = (await ask(api, query))["data"]["repository"]
    assert found["bin"] == {"text": None, "isBinary": True}
    assert found["big"]["isTruncated"] is True
    assert found["big"]["byteSize"] == 600_000
    assert found["none"] is None
    assert {"name": "a", "mode": 0o40000, "type": "tree"} in found["tree"]["entries"]


async def test_the_rollup_of_all_checks(github: Sandbox, shop: Repository) -> None:
    pull = github.open_pull(shop, "feat: x")
    query = """{repository(owner:"octo",name:"shop"){pullRequest(number:1){statusCheckRollup{
        state contexts(first:9){nodes{__typename ... on CheckRun{name conclusion}
        ... on StatusContext{context state creator{login}}}}}}}}"""
    async with as_installation(github, shop) as api:
        pulled = (await ask(api, query))["data"]["repository"]["pullRequest"]
        assert pulled["statusCheckRollup"] is None
        github.create_check(shop, github.app, pull.head_sha, "x", conclusion="success")
        github.set_status(shop, pull.head_sha, "ci", "pending", by=github.user("mona"))
        pulled = (await ask(api, query))["data"]["repository"]["pullRequest"]
    assert pulled["statusCheckRollup"] == {
        "state": "PENDING",
        "contexts": {
            "nodes": [
                {"__typename": "CheckRun", "name": "x", "conclusion": "SUCCESS"},
                {"__typename": "StatusContext", "context": "ci", "state": "PENDING",
                 "creator": {"login": "mona"}},
            ]
        },
    }  # fmt: skip
