"""What real clients lean on: who may ask, conditional requests, pages, limits, refusals."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sandbox_kit import app_jwt, as_app, as_installation, as_user, client

from bot.sandbox.code import CommitSpec
from bot.sandbox.installing import new_key
from bot.sandbox.model import Pull, Repository
from bot.sandbox.server import Sandbox

SHOP = "/repos/octo/shop"


@pytest.fixture
def pull(github: Sandbox, shop: Repository) -> Pull:
    return github.open_pull(shop, "feat: x", "feat: x", head="x")


async def refused(answer: httpx.Response, status: int, message: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    body: dict[str, Any] = answer.json()
    assert body["status"] == str(status)
    assert body["documentation_url"].startswith("https://docs.github.com/")
    return body


# who asks


async def test_an_app_speaks_for_itself(github: Sandbox, shop: Repository) -> None:
    async with as_app(github) as api:
        assert (await api.get("/app")).json()["slug"] == "lockgate"
        found = (await api.get(f"{SHOP}/installation")).json()
        assert found["account"]["login"] == "octo"
        made = await api.post(f"/app/installations/{found['id']}/access_tokens")
    assert made.status_code == 201
    async with client(github, made.json()["token"]) as api:
        assert (await api.get(SHOP)).json()["id"] == shop.id
        await refused(await api.get("/app"), 401, "A JSON web token could not be decoded")


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"expires": 700}, 401, "too far in the future"),
        ({"expires": -5}, 401, "'exp'"),
        ({"issued": 120}, 401, "'iat'"),
        ({"iss": "nobody"}, 404, "Integration not found"),
    ],
)
async def test_a_jwt_out_of_bounds_is_refused(
    github: Sandbox, changes: dict[str, Any], status: int, said: str
) -> None:
    async with client(github, app_jwt(github.app, **changes)) as api:
        answer = await api.get("/app")
    assert answer.status_code == status
    assert said in answer.json()["message"]


async def test_a_jwt_of_another_key_is_refused(github: Sandbox) -> None:
    genuine = github.app.private_key
    github.app.private_key, _ = new_key()
    forged = app_jwt(github.app)
    github.app.private_key = genuine
    async with client(github, forged) as api:
        await refused(await api.get("/app"), 401, "A JSON web token could not be decoded")


async def test_credentials(github: Sandbox, shop: Repository) -> None:
    async with client(github, "ghs_wrong") as api:
        await refused(await api.get(SHOP), 401, "Bad credentials")
    async with client(github) as api:
        assert (await api.get(SHOP)).status_code == 200
        await refused(
            await api.post(f"{SHOP}/issues/1/comments", json={"body": "x"}),
            401,
            "Requires authentication",
        )
        api.headers["user-agent"] = ""
        assert (await api.get(SHOP)).status_code == 403


async def test_a_token_lasts_an_hour(github: Sandbox, shop: Repository) -> None:
    async with as_installation(github, shop) as api:
        assert (await api.get(SHOP)).status_code == 200
        later = github.now() + timedelta(hours=1)
        github.clock = lambda: later
        await refused(await api.get(SHOP), 401, "Bad credentials")


async def test_permissions_are_those_granted(github: Sandbox, shop: Repository, pull: Pull) -> None:
    async with as_installation(github, shop, permissions={"checks": "read"}) as api:
        run = {"name": "x", "head_sha": pull.head_sha}
        answer = await api.post(f"{SHOP}/check-runs", json=run)
        await refused(answer, 403, "Resource not accessible by integration")
        assert answer.headers["x-accepted-github-permissions"] == "checks=write"
        assert (await api.get(f"{SHOP}/commits/x/check-runs")).status_code == 200
        await refused(
            await api.get(f"{SHOP}/pulls/1"), 403, "Resource not accessible by integration"
        )
        assert (await api.get(SHOP)).status_code == 200
    async with as_app(github) as api:
        installation = github.installation_of(github.app, shop)
        assert installation is not None
        answer = await api.post(
            f"/app/installations/{installation.id}/access_tokens",
            json={"permissions": {"administration": "write"}},
        )
        assert answer.status_code == 422


async def test_a_fine_grained_token_may_no_more_than_it_says(
    github: Sandbox, shop: Repository, pull: Pull
) -> None:
    mona = github.user("mona")
    github.set_role(shop, mona, "admin")
    told = "Resource not accessible by personal access token"
    token = github.tokens.for_user(mona, permissions={"pull_requests": "write"}).value
    async with client(github, token) as api:
        written = await api.post(f"{SHOP}/issues/1/comments", json={"body": "x"})
        assert written.status_code == 201
        status = {"state": "success"}
        await refused(await api.post(f"{SHOP}/statuses/{pull.head_sha}", json=status), 403, told)
        assert (await api.get(f"{SHOP}/commits/x/check-runs")).status_code == 200
        shop.private = True
        await refused(await api.get(f"{SHOP}/commits/x/check-runs"), 403, told)
        assert (await api.get(SHOP)).status_code == 200


async def test_a_token_reaches_its_repositories_only(github: Sandbox, shop: Repository) -> None:
    other = github.create_repository("octo/other", private=True)
    foreign = github.create_repository("acme/secret", private=True)
    public = github.create_repository("acme/open")
    async with as_installation(github, shop, repository_ids=[shop.id]) as api:
        assert (await api.get("/installation/repositories")).json()["total_count"] == 1
        for hidden in (other, foreign):
            await refused(await api.get(f"/repos/{hidden.full_name}"), 404, "Not Found")
        assert (await api.get(f"/repos/{public.full_name}")).status_code == 200
        answer = await api.post("/repos/acme/open/issues/1/comments", json={"body": "x"})
        await refused(answer, 403, "Resource not accessible by integration")


async def test_a_suspended_installation(github: Sandbox, shop: Repository) -> None:
    installation = github.installation_of(github.app, shop)
    assert installation is not None
    async with as_installation(github, shop) as api:
        github.suspend(installation)
        await refused(await api.get(SHOP), 403, "This installation has been suspended")
        github.unsuspend(installation)
        assert (await api.get(SHOP)).status_code == 200
        github.uninstall(installation)
        await refused(await api.get(SHOP), 401, "Bad credentials")


@pytest.mark.parametrize(
    ("role", "base", "permission"),
    [
        ("admin", "", "admin"),
        ("maintain", "", "write"),
        ("write", "", "write"),
        ("triage", "", "read"),
        ("read", "", "read"),
        ("release-manager", "maintain", "write"),
    ],
)
async def test_roles_are_folded(
    github: Sandbox, shop: Repository, role: str, base: str, permission: str
) -> None:
    mona = github.user("mona")
    github.set_role(shop, mona, role, base)
    async with as_installation(github, shop) as api:
        found = (await api.get(f"{SHOP}/collaborators/mona/permission")).json()
    assert (found["permission"], found["role_name"]) == (permission, role)


async def test_people_do_what_their_role_allows(
    github: Sandbox, shop: Repository, pull: Pull
) -> None:
    github.set_role(shop, github.user("writer"), "write")
    status = f"{SHOP}/statuses/{pull.head_sha}"
    async with as_user(github, github.user("reader")) as api:
        assert (await api.post(f"{SHOP}/issues/1/comments", json={"body": "x"})).is_success
        assert (await api.post(status, json={"state": "success"})).status_code == 403
    async with as_user(github, github.user("writer")) as api:
        assert (await api.post(status, json={"state": "success"})).status_code == 201
        assert (await api.patch(SHOP, json={"archived": True})).status_code == 403
    shop.private = True
    async with as_user(github, github.user("reader")) as api:
        await refused(await api.get(SHOP), 404, "Not Found")


async def test_a_locked_conversation_is_for_people_who_may_write(
    github: Sandbox, shop: Repository, pull: Pull
) -> None:
    github.set_role(shop, github.user("writer"), "write")
    asked = github.comment(pull, "/promote", by=github.user("writer"))
    ours = github.comment(pull, "Live", app=github.app)
    pull.locked = True
    comments = f"{SHOP}/issues/{pull.number}/comments"
    async with as_user(github, github.user("writer")) as api:
        assert (await api.post(comments, json={"body": "x"})).is_success
    locked = "because issue is locked."
    async with as_user(github, github.user("reader")) as api:
        answer = await api.post(comments, json={"body": "x"})
        await refused(answer, 403, f"Unable to create comment {locked}")
    async with as_installation(github, shop) as api:
        answer = await api.post(comments, json={"body": "x"})
        await refused(answer, 403, f"Unable to create comment {locked}")
        answer = await api.patch(f"{SHOP}/issues/comments/{ours.id}", json={"body": "x"})
        await refused(answer, 403, f"Unable to update comment {locked}")
        reactions = f"{SHOP}/issues/comments/{asked.id}/reactions"
        answer = await api.post(reactions, json={"content": "eyes"})
        await refused(answer, 403, f"Unable to create reaction {locked}")


# how answers come


async def test_an_unchanged_answer_is_304_and_free(
    github: Sandbox, shop: Repository, pull: Pull
) -> None:
    async with as_installation(github, shop) as api:
        first = await api.get(f"{SHOP}/pulls/1")
        same = await api.get(f"{SHOP}/pulls/1", headers={"if-none-match": first.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == first.headers["etag"]
        assert same.headers["x-ratelimit-used"] == first.headers["x-ratelimit-used"] == "1"
        github.edit_pull(pull, title="feat: y")
        new = await api.get(f"{SHOP}/pulls/1", headers={"if-none-match": first.headers["etag"]})
        assert (new.status_code, new.json()["title"]) == (200, "feat: y")
        assert new.headers["x-ratelimit-used"] == "2"


async def test_pages_lead_on_to_each_other(github: Sandbox, shop: Repository) -> None:
    github.open_pulls(shop, [f"feat: {number}" for number in range(7)])
    seen: list[int] = []
    async with as_installation(github, shop) as api:
        url = f"{SHOP}/pulls?state=all&per_page=3&direction=asc"
        while url:
            answer = await api.get(url)
            seen += [item["number"] for item in answer.json()]
            links = answer.links
            url = links.get("next", {}).get("url", "")
        assert {"prev", "first"} <= set(links)
        assert f"/repositories/{shop.id}/pulls" in links["first"]["url"]
        most = await api.get(f"{SHOP}/pulls", params={"per_page": 1000})
        assert "link" not in most.headers
    assert seen == [1, 2, 3, 4, 5, 6, 7]


async def test_a_renamed_repository_leads_on(github: Sandbox, shop: Repository) -> None:
    github.rename(shop, "store")
    async with as_installation(github, shop) as api:
        answer = await api.get(f"{SHOP}/branches", params={"per_page": 1})
        assert answer.status_code == 301
        assert answer.json()["message"] == "Moved Permanently"
        there = answer.headers["location"]
        assert there == f"{github.url}/repositories/{shop.id}/branches?per_page=1"
        assert (await api.get(there)).json()[0]["name"] == "main"
        written = await api.post(f"{SHOP}/git/refs", json={})
        assert written.status_code == 307
        github.create_repository("octo/shop")
        assert (await api.get(SHOP)).json()["id"] != shop.id


async def test_the_limit_runs_out_and_comes_back(github: Sandbox, shop: Repository) -> None:
    installation = github.installation_of(github.app, shop)
    assert installation is not None
    key = f"installation ID {installation.id}"
    async with as_installation(github, shop) as api:
        github.limits.set_remaining(key, 1)
        last = await api.get(SHOP)
        assert last.headers["x-ratelimit-remaining"] == "0"
        assert last.headers["x-ratelimit-limit"] == "5000"
        over = await api.get(SHOP)
        await refused(over, 403, f"API rate limit exceeded for {key}.")
        assert over.headers["x-ratelimit-remaining"] == "0"
        assert (await api.get("/rate_limit")).json()["rate"]["remaining"] == 0
        assert (await api.post("/graphql", json={"query": "{rateLimit{used}}"})).json() == {
            "data": {"rateLimit": {"used": 1}}
        }
        github.limits.set_remaining(key, 0, "graphql")
        limited = await api.post("/graphql", json={"query": "{rateLimit{used}}"})
        assert limited.status_code == 200
        assert limited.json()["errors"][0]["type"] == "RATE_LIMITED"
        later = github.now() + timedelta(seconds=3601)
        github.clock = lambda: later
        async with as_installation(github, shop) as fresh:
            assert (await fresh.get(SHOP)).status_code == 200


@pytest.mark.parametrize("prefix", ["", "/api/v3"])
async def test_both_forms_of_the_address(github: Sandbox, shop: Repository, prefix: str) -> None:
    github.open_pulls(shop, ["a", "b"])
    graphql = "/api/graphql" if prefix else "/graphql"
    async with as_installation(github, shop) as api:
        answer = await api.get(f"{prefix}{SHOP}/pulls", params={"per_page": 1})
        assert answer.links["next"]["url"].startswith(f"{github.url}{prefix}/repositories/")
        assert len((await api.get(answer.links["next"]["url"])).json()) == 1
        asked = {"query": '{repository(owner:"octo",name:"shop"){databaseId}}'}
        found = (await api.post(graphql, json=asked)).json()
    assert found == {"data": {"repository": {"databaseId": shop.id}}}


async def test_refusals_have_githubs_bodies(github: Sandbox, shop: Repository, pull: Pull) -> None:
    async with as_installation(github, shop) as api:
        await refused(await api.get("/repos/octo/none"), 404, "Not Found")
        await refused(await api.get("/repos/octo/shop/nothing"), 404, "Not Found")
        await refused(await api.get(f"{SHOP}/pulls/99"), 404, "Not Found")
        broken = await api.post(f"{SHOP}/issues/1/comments", content=b"{")
        await refused(broken, 400, "Problems parsing JSON")
        listed = await api.post(f"{SHOP}/issues/1/comments", json=["x"])
        await refused(listed, 400, "Body should be a JSON object")
        long = await api.post(f"{SHOP}/issues/1/comments", json={"body": "x" * 65_537})
        body = await refused(long, 422, "Validation Failed")
        assert body["errors"][0]["message"].startswith("Body is too long")
        again = {"title": "feat: x", "head": "x", "base": "main"}
        body = await refused(await api.post(f"{SHOP}/pulls", json=again), 422, "Validation Failed")
        assert body["errors"][0]["message"] == "A pull request already exists for octo:x."
        nowhere = {"title": "feat: x", "head": "y", "base": "main"}
        body = await refused(
            await api.post(f"{SHOP}/pulls", json=nowhere), 422, "Validation Failed"
        )
        assert body["errors"] == [{"resource": "PullRequest", "code": "invalid", "field": "head"}]
        shop.archived = True
        await refused(
            await api.post(f"{SHOP}/issues/1/comments", json={"body": "x"}),
            403,
            "Repository was archived so is read-only.",
        )


# what is in them


async def test_deleted_things_are_null(github: Sandbox, shop: Repository) -> None:
    fork = github.fork(shop, github.user("fan"))
    github.open_pull(shop, "feat: x", "x", head="x", fork=fork, by=github.user("gone"))
    github.delete_repository(fork)
    github.delete_account(github.user("gone"))
    async with as_installation(github, shop) as api:
        found = (await api.get(f"{SHOP}/pulls/1")).json()
    assert (found["user"], found["body"], found["head"]["repo"]) == (None, None, None)
    assert found["base"]["repo"]["id"] == shop.id


async def test_the_commits_of_a_pull_request_end_at_250(github: Sandbox, shop: Repository) -> None:
    messages = [f"feat: {number}" for number in range(260)]
    github.open_pull(shop, "feat: much", *messages, head="much")
    async with as_installation(github, shop) as api:
        pages = [
            (await api.get(f"{SHOP}/pulls/1/commits", params={"per_page": 100, "page": n})).json()
            for n in (1, 2, 3, 4)
        ]
        assert [len(page) for page in pages] == [100, 100, 50, 0]
        assert pages[0][0]["commit"]["message"] == "feat: 0"
        compared = (await api.get(f"{SHOP}/compare/main...much")).json()
        assert compared["total_commits"] == compared["ahead_by"] == 260
        assert compared["commits"][-1]["commit"]["message"] == "feat: 259"
        assert len(compared["commits"]) == 250
        rest = await api.get(f"{SHOP}/compare/main...much", params={"per_page": 100, "page": 3})
        assert [c["commit"]["message"] for c in rest.json()["commits"]] == messages[200:]
        assert "files" not in rest.json()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"output": {"title": "t", "summary": "s" * 65_536}}, "Only 65535 characters"),
        ({"output": {"title": "t"}}, '"summary" wasn\'t supplied'),
        ({"actions": [{}] * 4}, "No more than 3 items"),
        ({"actions": [{"label": "l" * 21, "description": "d", "identifier": "i"}]}, "Only 20 "),
        ({"actions": [{"label": "l", "description": "d" * 41, "identifier": "i"}]}, "Only 40 "),
        ({"actions": [{"label": "l", "description": "d", "identifier": "i" * 21}]}, "Only 20 "),
        ({"output": {"title": "t", "summary": "s", "annotations": [{}] * 51}}, "No more than 50"),
        ({"conclusion": "stale"}, "not a possible value"),
        ({"status": "completed"}, '"conclusion" wasn\'t supplied'),
        ({"head_sha": "0" * 40}, "No commit found for SHA"),
    ],
)
async def test_a_check_has_its_limits(
    github: Sandbox, shop: Repository, pull: Pull, change: dict[str, Any], said: str
) -> None:
    run = {"name": "x", "head_sha": pull.head_sha} | change
    async with as_installation(github, shop) as api:
        answer = await api.post(f"{SHOP}/check-runs", json=run)
    assert answer.status_code == 422
    assert said in answer.json()["message"]


async def test_a_check_is_written_and_found(github: Sandbox, shop: Repository, pull: Pull) -> None:
    note = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure"}
    notes = [note | {"message": f"m{number}"} for number in range(50)]
    run = {"name": "x", "head_sha": pull.head_sha, "status": "in_progress", "external_id": "d1"}
    output = {"title": "t", "summary": "s", "annotations": notes}
    async with as_installation(github, shop) as api:
        old = (await api.post(f"{SHOP}/check-runs", json=run)).json()["id"]
        made = (await api.post(f"{SHOP}/check-runs", json=run | {"output": output})).json()["id"]
        done = {"conclusion": "failure", "output": output}
        changed = (await api.patch(f"{SHOP}/check-runs/{made}", json=done)).json()
        assert (changed["status"], changed["conclusion"]) == ("completed", "failure")
        assert changed["completed_at"] is not None
        assert changed["output"]["annotations_count"] == 100
        latest = (await api.get(f"{SHOP}/commits/x/check-runs", params={"check_name": "x"})).json()
        assert [item["id"] for item in latest["check_runs"]] == [made]
        every = (await api.get(f"{SHOP}/commits/x/check-runs", params={"filter": "all"})).json()
        assert [item["id"] for item in every["check_runs"]] == [made, old]
        none = {"app_id": github.app.id + 1}
        found = (await api.get(f"{SHOP}/commits/x/check-runs", params=none)).json()
        assert found["total_count"] == 0
    other = github.create_app("other")
    github.install(other, shop.owner)
    installation = github.installation_of(other, shop)
    assert installation is not None
    async with client(github, github.tokens.for_installation(installation).value) as api:
        answer = await api.patch(f"{SHOP}/check-runs/{made}", json=done)
        assert answer.status_code == 403
        assert "can only be modified by the GitHub App" in answer.json()["message"]


async def test_refs_move_forward_unless_forced(github: Sandbox, shop: Repository) -> None:
    [one] = github.push(shop, "x", "one")
    [two] = github.push(shop, "y", "two")
    async with as_installation(github, shop) as api:
        ref = f"{SHOP}/git/refs/heads/x"
        await refused(await api.patch(ref, json={"sha": two}), 422, "Update is not a fast forward")
        moved = await api.patch(ref, json={"sha": two, "force": True})
        assert moved.json()["object"]["sha"] == two == shop.branch("x")
        again = {"ref": "refs/heads/x", "sha": one}
        await refused(
            await api.post(f"{SHOP}/git/refs", json=again), 422, "Reference already exists"
        )


async def test_contents(github: Sandbox, shop: Repository) -> None:
    github.push(shop, "x", CommitSpec("big", {"big": "x" * 1_100_000, "bin": b"\0\1"}))
    async with as_installation(github, shop) as api:
        raw = {"accept": "application/vnd.github.raw+json"}
        path = f"{SHOP}/contents/README.md"
        assert (await api.get(path, headers=raw)).text == "# Shop\n"
        assert (await api.get(path)).json()["encoding"] == "base64"
        big = (await api.get(f"{SHOP}/contents/big", params={"ref": "x"})).json()
        assert (big["content"], big["encoding"], big["size"]) == ("", "none", 1_100_000)
        names = [item["name"] for item in (await api.get(f"{SHOP}/contents/")).json()]
        assert names == ["README.md", "a"]
        await refused(await api.get(f"{SHOP}/contents/none"), 404, "Not Found")
        unknown = await api.get(path, params={"ref": "gone"})
        await refused(unknown, 404, "No commit found for the ref gone")


async def test_merging_checks_the_head(github: Sandbox, shop: Repository, pull: Pull) -> None:
    github.set_role(shop, github.user("mona"), "write")
    async with as_user(github, github.user("mona")) as api:
        stale = await api.put(f"{SHOP}/pulls/1/merge", json={"sha": "0" * 40})
        assert stale.status_code == 409
        done = await api.put(f"{SHOP}/pulls/1/merge", json={"sha": pull.head_sha})
        assert done.json()["merged"] is True
        twice = await api.put(f"{SHOP}/pulls/1/merge", json={})
        await refused(twice, 405, "Pull Request is not mergeable")


async def test_a_request_id_on_every_answer(github: Sandbox) -> None:
    async with client(github) as api:
        ids = {(await api.get("/meta")).headers["x-github-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"[0-9A-F]+", value) for value in ids)
