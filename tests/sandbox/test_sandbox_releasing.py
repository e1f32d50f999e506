"""What a release needs: refs under rules and leases, merges, tags, and releases themselves."""

from typing import Any

import httpx
import pytest
from sandbox_kit import Listener, as_installation, as_user

from bot.sandbox.code import CommitSpec
from bot.sandbox.errors import ApiError
from bot.sandbox.git import run_git
from bot.sandbox.model import Repository
from bot.sandbox.objects import ZERO
from bot.sandbox.server import Sandbox
from bot.sandbox.shapes import node_id, object_id

AT = "/repos/octo/shop"
RULED = "Repository rule violations found\n\n{}\n\n"
UPDATE = """
mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }
"""


def tip(shop: Repository, branch: str = "main") -> str:
    found = shop.branch(branch)
    assert found is not None
    return found


async def said(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    message: str = answer.json()["message"]
    return message


async def move(api: httpx.AsyncClient, shop: Repository, *moves: dict[str, Any]) -> str:
    """The error's words, empty for none."""
    given = {"repositoryId": node_id("R", shop.id), "refUpdates": list(moves)}
    asked = {"query": UPDATE, "variables": {"input": given}}
    answer = (await api.post("/graphql", json=asked)).json()
    return "; ".join(error["message"] for error in answer.get("errors", ()))


# refs


async def test_a_commit_is_written_by_its_parts(github: Sandbox, shop: Repository) -> None:
    async with as_installation(github, shop) as api:
        entry = {"path": "v/x", "mode": "100755", "type": "blob", "content": "é\r\n"}
        base = shop.git.store.commit(tip(shop)).tree
        tree = (await api.post(f"{AT}/git/trees", json={"base_tree": base, "tree": [entry]})).json()
        wanted = {"message": "feat: x", "tree": tree["sha"], "parents": [tip(shop)]}
        made = (await api.post(f"{AT}/git/commits", json=wanted)).json()
        assert (made["author"]["name"], made["committer"]["name"]) == ("lockgate[bot]", "GitHub")
        named = wanted | {"author": {"name": "a", "email": "a@b.invalid"}}
        named_commit = (await api.post(f"{AT}/git/commits", json=named)).json()
        assert named_commit["committer"]["name"] == "a"
        ref = {"ref": "refs/heads/x", "sha": made["sha"]}
        assert (await api.post(f"{AT}/git/refs", json=ref)).status_code == 201
    shown = run_git("ls-tree", "-r", "x", cwd=shop.git.path).stdout.decode()
    assert "100755 blob" in shown
    assert run_git("show", "x:v/x", cwd=shop.git.path).stdout == "é\r\n".encode()
    run_git("fsck", "--strict", cwd=shop.git.path)


async def test_an_annotated_tag_by_its_parts(github: Sandbox, shop: Repository) -> None:
    named = {"tag": "web/v1.0.0", "message": "m", "object": tip(shop), "type": "commit"}
    async with as_installation(github, shop) as api:
        made = (await api.post(f"{AT}/git/tags", json=named)).json()
        assert made["object"] == made["object"] | {"type": "commit", "sha": tip(shop)}
        ref = {"ref": "refs/tags/web/v1.0.0", "sha": made["sha"]}
        assert (await api.post(f"{AT}/git/refs", json=ref)).status_code == 201
        found = (await api.get(f"{AT}/git/ref/tags/web/v1.0.0")).json()
        assert found["object"]["type"] == "tag"
        as_branch = ref | {"ref": "refs/heads/x"}
        again = await api.post(f"{AT}/git/refs", json=as_branch)
        assert await said(again, 422) == "Object does not exist"
        wrong = await api.post(f"{AT}/git/tags", json=named | {"type": "tree"})
        assert await said(wrong, 422) == "Object does not exist"
    assert shop.git.resolve("web/v1.0.0") == tip(shop)
    assert shop.git.reload() == {}


async def test_an_empty_repository_has_no_git_data_yet(github: Sandbox, shop: Repository) -> None:
    oid = tip(shop)
    github.delete_branch(shop, "main")
    async with as_installation(github, shop) as api:
        for path, body in (
            ("blobs", {"content": "x"}),
            ("trees", {"tree": []}),
            ("refs", {"ref": "refs/heads/x", "sha": oid}),
            ("tags", {}),
        ):
            answer = await api.post(f"{AT}/git/{path}", json=body)
            assert await said(answer, 409) == "Git Repository is empty."


async def test_a_lease_on_a_ref(github: Sandbox, shop: Repository) -> None:
    [one] = github.push(shop, "x", "one")
    [two] = github.push(shop, "y", "two")
    ref = {"name": "refs/heads/x", "afterOid": two}
    async with as_installation(github, shop) as api:
        assert "fast forward" in await move(api, shop, ref | {"beforeOid": one})
        forced = ref | {"force": True}
        assert "is not at" in await move(api, shop, forced | {"beforeOid": tip(shop)})
        assert "is not at" in await move(api, shop, forced | {"beforeOid": ZERO})
        assert "no commit" in await move(api, shop, forced | {"afterOid": "1" * 40})
        other = {"name": "refs/heads/z", "afterOid": two, "beforeOid": one}
        assert "is not at" in await move(api, shop, forced, other)
        assert tip(shop, "x") == one, "all of them or none"
        new = {"name": "refs/heads/z", "afterOid": two, "beforeOid": ZERO}
        assert await move(api, shop, forced | {"beforeOid": one}, new) == ""
        assert (tip(shop, "x"), tip(shop, "z")) == (two, two)
        assert await move(api, shop, new | {"afterOid": ZERO, "beforeOid": two}) == ""
    assert shop.branch("z") is None
    assert shop.git.reload() == {}


async def test_who_may_only_read_moves_no_ref(github: Sandbox, shop: Repository) -> None:
    ref = {"name": "refs/heads/main", "afterOid": tip(shop), "force": True}
    async with as_installation(github, shop, permissions={"contents": "read"}) as api:
        assert await move(api, shop, ref) == "Resource not accessible by integration"
    async with as_user(github, github.user("mallory")) as api:
        assert await move(api, shop, ref) == "Resource not accessible by integration"
    github.set_role(shop, github.user("mona"), "write")
    async with as_user(github, github.user("mona")) as api:
        assert await move(api, shop, ref) == ""


# rules


async def test_a_rule_holds_on_every_way_to_a_ref(github: Sandbox, shop: Repository) -> None:
    [one] = github.push(shop, "kept/x", "one")
    github.push(shop, "y", "two")
    github.protect(shop, "refs/heads/kept/*")
    created = "Cannot create ref due to creations being restricted."
    updated = "Cannot update this protected ref."
    async with as_installation(github, shop) as api:
        new = {"ref": "refs/heads/kept/new", "sha": one}
        assert await said(await api.post(f"{AT}/git/refs", json=new), 422) == RULED.format(created)
        at = f"{AT}/git/refs/heads/kept/x"
        forced = {"sha": tip(shop, "y"), "force": True}
        told = await said(await api.patch(at, json=forced), 422)
        assert told == RULED.format(f"{updated}\nCannot force-push to this branch")
        gone = await said(await api.delete(at), 422)
        assert gone == RULED.format("Cannot delete this protected ref.")
        merge = {"base": "kept/x", "head": "y"}
        assert await said(await api.post(f"{AT}/merges", json=merge), 422) == RULED.format(updated)
        put = {"message": "m", "content": "eA==", "branch": "kept/x"}
        assert await said(await api.put(f"{AT}/contents/z", json=put), 422) == RULED.format(updated)
        lease = {"name": "refs/heads/kept/x", "afterOid": tip(shop, "y"), "force": True}
        assert "Cannot update this protected ref." in await move(api, shop, lease)
        assert (await api.patch(at, json={"sha": one})).status_code == 200, "nothing is moved"
        kinds = {rule["type"] for rule in (await api.get(f"{AT}/rules/branches/kept/x")).json()}
        assert kinds == {"creation", "update", "deletion", "non_fast_forward"}
    assert tip(shop, "kept/x") == one
    with pytest.raises(ValueError, match="no such rule: merging"):
        github.protect(shop, "refs/heads/*", "merging")


async def test_who_is_on_the_bypass_list_passes(github: Sandbox, shop: Repository) -> None:
    github.set_role(shop, github.user("mona"), "admin")
    github.protect(shop, "refs/tags/v*", "creation", bypass=github.app)
    ref = {"ref": "refs/tags/v1.0.0", "sha": tip(shop)}
    async with as_user(github, github.user("mona")) as api:
        assert (await api.post(f"{AT}/git/refs", json=ref)).status_code == 422
        other = ref | {"ref": "refs/tags/other"}
        assert (await api.post(f"{AT}/git/refs", json=other)).status_code == 201
    async with as_installation(github, shop) as api:
        assert (await api.post(f"{AT}/git/refs", json=ref)).status_code == 201
        assert (await api.delete(f"{AT}/git/refs/tags/v1.0.0")).status_code == 204


# merges


async def test_a_branch_is_merged_into_another(github: Sandbox, shop: Repository) -> None:
    github.push(shop, "x", CommitSpec("feat: x", {"x": "x"}))
    [head] = github.push(shop, "main", CommitSpec("feat: y", {"y": "y"}))
    async with as_installation(github, shop) as api:
        wanted = {"base": "x", "head": head, "commit_message": "Merge main"}
        made = (await api.post(f"{AT}/merges", json=wanted)).json()
        assert made["sha"] == tip(shop, "x")
        assert [parent["sha"] for parent in made["parents"]][1] == head
        assert (await api.post(f"{AT}/merges", json=wanted)).status_code == 204
        github.push(shop, "x", CommitSpec("fix: x", {"a/b.txt": "one"}))
        github.push(shop, "main", CommitSpec("fix: y", {"a/b.txt": "two"}))
        conflict = await api.post(f"{AT}/merges", json={"base": "x", "head": "main"})
        assert await said(conflict, 409) == "Merge conflict"
        for gone in ({"base": "none", "head": "main"}, {"base": "x", "head": "none"}):
            assert (await api.post(f"{AT}/merges", json=gone)).status_code == 404
    run_git("fsck", "--strict", cwd=shop.git.path)


# releases


async def test_drafts_may_be_many_and_a_release_is_one(github: Sandbox, shop: Repository) -> None:
    async with as_installation(github, shop) as api:
        draft = {"tag_name": "web/v1.0.0", "draft": True, "name": "one"}
        made = [(await api.post(f"{AT}/releases", json=draft)).json() for _ in range(2)]
        assert made[0]["id"] != made[1]["id"]
        assert (await api.get(f"{AT}/releases/tags/web/v1.0.0")).status_code == 404
        out = await api.patch(f"{AT}/releases/{made[0]['id']}", json={"draft": False, "name": "x"})
        assert (out.json()["draft"], out.json()["name"]) == (False, "x")
        second = await api.patch(f"{AT}/releases/{made[1]['id']}", json={"draft": False})
        assert second.json()["errors"][0]["code"] == "already_exists"
        third = await api.post(f"{AT}/releases", json={"tag_name": "web/v1.0.0"})
        assert third.json()["errors"][0]["code"] == "already_exists"
        found = (await api.get(f"{AT}/releases/tags/web/v1.0.0")).json()
        assert found["id"] == made[0]["id"]
        assert (await api.delete(f"{AT}/releases/{found['id']}")).status_code == 204
        assert (await api.get(f"{AT}/releases/tags/web/v1.0.0")).status_code == 404
    assert shop.git.resolve("web/v1.0.0") == tip(shop), "the tag stays"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"body": "x" * 125_001}, "body"),
        ({"target_commitish": "none"}, "target_commitish"),
        ({"draft": True, "make_latest": "true"}, "make_latest"),
    ],
)
async def test_releases_that_are_refused(
    github: Sandbox, shop: Repository, body: dict[str, Any], field: str
) -> None:
    async with as_installation(github, shop) as api:
        answer = await api.post(f"{AT}/releases", json={"tag_name": "v1.0.0", **body})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert (shop.releases, "refs/tags/v1.0.0" in shop.git.refs) == ({}, False)


async def test_a_release_makes_no_tag_that_a_rule_forbids(
    github: Sandbox, shop: Repository
) -> None:
    github.protect(shop, "refs/tags/v*", "creation")
    async with as_installation(github, shop) as api:
        answer = await api.post(f"{AT}/releases", json={"tag_name": "v1.0.0"})
        assert answer.json()["errors"][0]["field"] == "pre_receive"
        draft = (
            await api.post(f"{AT}/releases", json={"tag_name": "v1.0.0", "draft": True})
        ).json()
        out = await api.patch(f"{AT}/releases/{draft['id']}", json={"draft": False})
        assert out.status_code == 422
        github.tag(shop, "v1.0.0")
        out = await api.patch(f"{AT}/releases/{draft['id']}", json={"draft": False})
        assert out.status_code == 200, "the tag is there by now"


async def test_the_latest_is_the_one_that_was_said_to_be(github: Sandbox, shop: Repository) -> None:
    async def latest(api: httpx.AsyncClient) -> str:
        shown = await api.get(f"{AT}/releases/latest")
        return str(shown.json().get("tag_name"))

    async with as_installation(github, shop) as api:
        assert await latest(api) == "None"
        for tag, more, shown in (
            ("v1.0.0", {}, "v1.0.0"),
            ("v2.0.0", {"make_latest": "legacy"}, "v2.0.0"),
            ("v1.0.1", {"make_latest": "false"}, "v2.0.0"),
            ("v1.0.2", {"make_latest": "legacy"}, "v2.0.0"),
            ("v3.0.0-rc.1", {"prerelease": True}, "v2.0.0"),
        ):
            made = await api.post(f"{AT}/releases", json={"tag_name": tag, **more})
            assert made.status_code == 201
            assert await latest(api) == shown
        wrong = await api.post(f"{AT}/releases", json={"tag_name": "v4", "make_latest": "yes"})
        assert wrong.status_code == 422
    with pytest.raises(ApiError):
        github.edit_release(next(iter(shop.releases.values())), body="x" * 125_001)


# commits and what is told of them


async def test_commits_by_their_node_ids(github: Sandbox, shop: Repository) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Commit { oid } } }"
    secret = github.create_repository("else/where", private=True)
    async with as_installation(github, shop) as api:
        listed = (await api.get(f"{AT}/commits")).json()
        ids = [item["node_id"] for item in listed]
        asked = {"query": query, "variables": {"ids": ids}}
        found = (await api.post("/graphql", json=asked)).json()["data"]["nodes"]
        assert found == [{"id": ids[0], "oid": tip(shop)}]
        for wrong in ("C_kwx", "nonsense", object_id(secret, "commit", tip(secret))):
            asked = {"query": query, "variables": {"ids": [wrong]}}
            [error] = (await api.post("/graphql", json=asked)).json()["errors"]
            assert error["type"] == "NOT_FOUND"
        asked = {"query": query, "variables": {"ids": ids * 101}}
        [error] = (await api.post("/graphql", json=asked)).json()["errors"]
        assert "more than 100" in error["message"]


async def test_the_files_of_a_commit_come_in_pages(github: Sandbox, shop: Repository) -> None:
    many = {f"n/{number:03}": "n" for number in range(310)}
    [oid] = github.push(shop, "main", CommitSpec("feat: many", many))
    async with as_installation(github, shop) as api:
        plain = await api.get(f"{AT}/commits/{oid}")
        assert (len(plain.json()["files"]), "link" in plain.headers) == (300, False)
        paged = await api.get(f"{AT}/commits/{oid}", params={"per_page": 100, "page": 4})
        assert len(paged.json()["files"]) == 10
        assert 'rel="next"' not in paged.headers["link"]


async def test_what_a_release_makes_github_tell(
    github: Sandbox, shop: Repository, hook: Listener
) -> None:
    [installation] = github.installations.values()
    installation.events += ["create", "delete"]
    github.push(shop, "x", "feat: x")
    pull = github.open_pull(shop, "feat: x", head="x")
    github.merge(pull, "squash")
    github.delete_branch(shop, "x")
    release = github.create_release(shop, "v1.0.0")
    github.delete_release(release)
    github.delete_tag(shop, "v1.0.0")
    await github.hooks.settled()
    told = [
        (item.name, item.payload.get("ref_type"), item.payload.get("ref"))
        for item in hook.received
        if not item.name.startswith("check_suite")
    ]
    assert told == [
        ("push", None, "refs/heads/x"),
        ("create", "branch", "x"),
        ("pull_request.opened", None, None),
        ("push", None, "refs/heads/main"),
        ("pull_request.closed", None, None),
        ("push", None, "refs/heads/x"),
        ("delete", "branch", "x"),
        ("push", None, "refs/tags/v1.0.0"),
        ("create", "tag", "v1.0.0"),
        ("release.created", None, None),
        ("release.published", None, None),
        ("release.released", None, None),
        ("release.deleted", None, None),
        ("push", None, "refs/tags/v1.0.0"),
        ("delete", "tag", "v1.0.0"),
    ]
