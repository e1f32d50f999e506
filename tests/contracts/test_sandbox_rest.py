"""Every route of the sandbox, held to GitHub's own description of it."""

import base64

from openapi import Contract, needs_description, operations
from sandbox_kit import as_app, as_installation, as_user, client

from bot.sandbox.code import CommitSpec
from bot.sandbox.rest import ROUTES
from bot.sandbox.server import Sandbox

pytestmark = needs_description
ALL = dict.fromkeys(
    ("checks", "contents", "deployments", "issues", "pull_requests", "statuses", "administration"),
    "write",
) | {"members": "read"}


async def test_every_route_answers_as_described() -> None:
    contract = Contract()
    async with Sandbox(on_exchange=contract) as github:
        github.app.permissions = dict(ALL)
        shop = github.create_repository("octo/shop", files={"README.md": "# Shop\n", "a/b": "b"})
        mona = github.user("mona", name="Mona")
        github.set_role(shop, mona, "maintain")
        pull = github.open_pull(shop, "feat: search", "feat: one", "feat: two", by=mona, body="b")
        fork = github.fork(shop, github.user("fan"))
        gone = github.open_pull(shop, "fix: a", "fix: a", head="a", fork=fork, by=mona)
        github.delete_repository(fork)
        ghost = github.open_pull(shop, "fix: b", by=github.user("soon-gone"))
        github.delete_account(github.user("soon-gone"))
        installation = github.installation_of(github.app, shop)
        assert installation is not None
        token = github.tokens.for_installation(installation).value
        at = "/repos/octo/shop"
        async with client(github, token) as api:
            for number in (pull.number, gone.number, ghost.number):
                await api.get(f"{at}/pulls/{number}")
            await api.get(at)
            await api.patch(at, json={"allow_rebase_merge": False})
            await api.get(f"{at}/branches")
            await api.get(f"{at}/branches/main")
            await api.get(f"{at}/rules/branches/main")
            await api.get(f"{at}/collaborators")
            await api.get(f"{at}/collaborators/mona/permission")
            await api.get(f"{at}/commits", params={"sha": pull.head_sha})
            await api.get(f"{at}/commits/{pull.head_sha}")
            await api.get(f"{at}/compare/main...{pull.head_ref}")
            await api.get(f"{at}/compare/main...{pull.head_ref}", params={"page": 2, "per_page": 1})
            await _contents(api, at)
            await _git_data(api, at)
            await _checks(api, at, pull.head_sha)
            await _statuses(api, at, pull.head_sha)
            await _comments(api, at, pull.number)
            await _branches(github, api, at)
            await _reviews(api, at, pull.number)
            await _deployments(api, at, pull.head_sha)
            await _releases(github, api, at)
            github.push(shop, "later", CommitSpec("feat: later", {"x": "x"}), by=mona)
            later = {"title": "feat: later", "head": "later", "base": "main"}
            made = (await api.post(f"{at}/pulls", json=later)).json()["number"]
            await api.get(f"{at}/pulls", params={"state": "all", "head": "octo:later"})
            await api.patch(f"{at}/pulls/{made}", json={"title": "feat: latest", "state": "open"})
            await api.get(f"{at}/pulls/{made}/commits")
            await api.get(f"{at}/pulls/{made}/files")
            await api.get(f"{at}/pulls/{made}/merge")
            await api.put(f"{at}/pulls/{made}/merge", json={"merge_method": "squash"})
            await api.get(f"{at}/pulls/{made}/merge")
            await api.get(f"{at}/pulls/{made}")
            await api.get("/installation/repositories")
            await api.get("/users/mona")
            await api.get("/rate_limit")
            await api.get("/meta")
            await api.get("/repos/octo/none")
            await api.delete("/installation/token")
            await api.get(at)
        await _app(github, contract)
        user = github.tokens.for_user(mona, app=github.app).value
        async with client(github, user) as api:
            await api.get("/user")
            await api.get("/user/installations")
            await api.get(f"/user/installations/{installation.id}/repositories")
        async with as_user(github, mona) as api:
            await api.get(at)
        await _refusals(github, at)
    contract.check()
    assert contract.unused_waivers(webhooks=False) == set()
    seen = contract.exercised_by("test")
    routes = {f"{route.method} {route.template}" for route in ROUTES}
    # the sandbox names the folder's own address apart from that of a path in it
    routes = {name.replace("/contents/", "/contents/{path}") if name.endswith("/") else name
              for name in routes}  # fmt: skip
    assert routes - operations() == set()
    assert routes - seen == set()


async def _refusals(github: Sandbox, at) -> None:
    """What each operation may answer, though the description lists it for a few."""
    shop = github.find_repository("octo/shop")
    assert shop is not None
    async with as_installation(github, shop, permissions={"contents": "read"}) as api:
        assert (await api.post(f"{at}/check-runs", json={})).status_code == 403
    async with as_installation(github, shop) as api:
        runs, branches = f"{at}/check-runs", f"{at}/branches"
        assert (await api.get(f"{runs}/1")).status_code == 404
        assert (await api.post(runs, content=b"{")).status_code == 400
        assert (await api.post(runs, json={"head_sha": 1})).status_code == 422
        known = {"if-none-match": (await api.get(branches)).headers["etag"]}
        assert (await api.get(branches, headers=known)).status_code == 304
        github.rename(shop, "store")
        assert (await api.get(branches)).status_code == 301
        wanted = {"name": "ci", "head_sha": shop.branch("main")}
        assert (await api.post(runs, json=wanted)).status_code == 307


async def _branches(github: Sandbox, api, at) -> None:
    shop, mona = github.find_repository("octo/shop"), github.user("mona")
    assert shop is not None
    github.require_checks(shop, "build", ("test", github.app.id))
    github.require_checks(shop, "build", ("lint", github.app.id), classic=True)
    github.team(shop.owner, "sre", mona)
    github.protect(shop, "refs/heads/next", bypass=github.app)
    await api.get(f"{at}/rules/branches/next")
    await api.get(f"{at}/branches/main")
    await api.get(f"{at}/rules/branches/main")
    await api.get(f"{at}/branches/main/protection/required_status_checks")
    await api.get(f"{at}/branches/none/protection/required_status_checks")
    await api.get("/orgs/octo/teams/sre/memberships/mona")
    await api.get("/orgs/octo/teams/sre/memberships/nobody")


async def _reviews(api, at, number) -> None:
    reviews = f"{at}/pulls/{number}/reviews"
    said = {"event": "APPROVE", "body": "well done"}
    made = (await api.post(reviews, json=said)).json()["id"]
    await api.get(reviews)
    await api.get(f"{reviews}/{made}")
    await api.put(f"{reviews}/{made}/dismissals", json={"message": "out of date"})


async def _deployments(api, at, sha) -> None:
    wanted = {"ref": sha, "auto_merge": False, "required_contexts": [], "payload": {"key": "k"}}
    made = (await api.post(f"{at}/deployments", json=wanted)).json()["id"]
    await api.post(f"{at}/deployments", json=wanted | {"required_contexts": ["none"]})
    await api.get(f"{at}/deployments", params={"environment": "production", "task": "deploy"})
    one = f"{at}/deployments/{made}"
    await api.get(one)
    await api.post(f"{one}/statuses", json={"state": "success", "log_url": "https://x.example/"})
    await api.get(f"{one}/statuses")


async def _releases(github: Sandbox, api, at) -> None:
    shop = github.find_repository("octo/shop")
    assert shop is not None
    oid = github.tag(shop, "v1.0.0", message="the first")
    await api.get(f"{at}/git/tags/{oid}")
    releases = f"{at}/releases"
    await api.get(f"{releases}/latest")
    made = (await api.post(releases, json={"tag_name": "v1.0.0", "draft": True})).json()["id"]
    await api.patch(f"{releases}/{made}", json={"body": "notes", "draft": False})
    await api.get(releases)
    await api.get(f"{releases}/{made}")
    await api.get(f"{releases}/latest")
    await api.get(f"{releases}/tags/v1.0.0")
    await api.get(f"{releases}/tags/v2.0.0")
    await api.post(releases, json={"tag_name": "v1.0.0"})
    tried = {"tag_name": "web/v2.0.0", "prerelease": True, "make_latest": "legacy"}
    second = (await api.post(releases, json=tried)).json()["id"]
    await api.get(f"{releases}/tags/web/v2.0.0")
    await api.patch(f"{releases}/{second}", json={"prerelease": False, "make_latest": "true"})
    await api.delete(f"{releases}/{second}")
    github.protect(shop, "refs/tags/v*")
    await api.post(releases, json={"tag_name": "v3.0.0"})
    await api.post(f"{at}/git/refs", json={"ref": "refs/tags/v3.0.0", "sha": shop.branch("main")})
    dispatched = {"event_type": "vercel.deployment.ready", "client_payload": {"id": "dpl_1"}}
    await api.post(f"{at}/dispatches", json=dispatched)


async def _contents(api, at) -> None:
    await api.get(f"{at}/contents/")
    await api.get(f"{at}/contents/a")
    await api.get(f"{at}/contents/none")
    found = (await api.get(f"{at}/contents/a/b")).json()
    text = base64.b64encode(b"new").decode()
    changed = {"message": "docs: b", "content": text, "sha": found["sha"]}
    again = (await api.put(f"{at}/contents/a/b", json=changed)).json()
    await api.put(f"{at}/contents/c", json={"message": "docs: c", "content": text})
    gone = {"message": "docs: no b", "sha": again["content"]["sha"]}
    await api.request("DELETE", f"{at}/contents/a/b", json=gone)


async def _git_data(api, at) -> None:
    blob = (await api.post(f"{at}/git/blobs", json={"content": "x"})).json()["sha"]
    await api.get(f"{at}/git/blobs/{blob}")
    entry = {"path": "x", "mode": "100644", "type": "blob", "sha": blob}
    tree = (await api.post(f"{at}/git/trees", json={"tree": [entry]})).json()["sha"]
    await api.get(f"{at}/git/trees/{tree}", params={"recursive": "1"})
    tip = (await api.get(f"{at}/git/ref/heads/main")).json()["object"]["sha"]
    commit = {"message": "feat: x", "tree": tree, "parents": [tip]}
    made = (await api.post(f"{at}/git/commits", json=commit)).json()["sha"]
    await api.get(f"{at}/git/commits/{made}")
    await api.post(f"{at}/git/refs", json={"ref": "refs/heads/x", "sha": tip})
    await api.patch(f"{at}/git/refs/heads/x", json={"sha": made})
    await api.get(f"{at}/git/matching-refs/heads/x")
    await api.delete(f"{at}/git/refs/heads/x")
    named = {"tag": "v0.1.0", "message": "m", "object": tip, "type": "commit"}
    tag = (await api.post(f"{at}/git/tags", json=named)).json()["sha"]
    await api.get(f"{at}/git/tags/{tag}")
    await api.get(f"{at}/git/tags/{tip}")
    await api.post(f"{at}/git/refs", json={"ref": "refs/tags/web/v0.1.0", "sha": tag})
    await api.get(f"{at}/git/ref/tags/web/v0.1.0")
    merged = {"base": "main", "head": made, "commit_message": "Merge x"}
    for _ in range(2):
        await api.post(f"{at}/merges", json=merged)
    await api.post(f"{at}/merges", json={"base": "gone", "head": made})


async def _checks(api, at, sha) -> None:
    note = {
        "path": "README.md", "start_line": 1, "end_line": 1, "annotation_level": "warning",
        "message": "m",
    }  # fmt: skip
    output = {"title": "t", "summary": "s", "annotations": [note]}
    queued = {"name": "lockgate/commits", "head_sha": sha}
    run = (await api.post(f"{at}/check-runs", json=queued)).json()
    done = {"conclusion": "failure", "output": output}
    await api.patch(f"{at}/check-runs/{run['id']}", json=done)
    await api.get(f"{at}/check-runs/{run['id']}")
    await api.get(f"{at}/check-runs/{run['id']}/annotations")
    await api.get(f"{at}/commits/{sha}/check-runs", params={"check_name": "lockgate/commits"})
    await api.get(f"{at}/commits/{sha}/check-suites")
    suite = f"{at}/check-suites/{run['check_suite']['id']}"
    await api.post(f"{at}/check-suites", json={"head_sha": sha})
    await api.get(suite)
    await api.get(f"{suite}/check-runs")
    await api.post(f"{suite}/rerequest")
    await api.post(f"{at}/check-runs/{run['id']}/rerequest")


async def _statuses(api, at, sha) -> None:
    await api.get(f"{at}/commits/{sha}/status")
    await api.post(f"{at}/statuses/{sha}", json={"state": "success", "context": "ci"})
    await api.get(f"{at}/commits/{sha}/statuses")
    await api.get(f"{at}/commits/{sha}/status")


async def _comments(api, at, number) -> None:
    issue = f"{at}/issues/{number}"
    await api.get(issue)
    await api.patch(issue, json={"body": "new"})
    made = (await api.post(f"{issue}/comments", json={"body": "hello"})).json()["id"]
    comment = f"{at}/issues/comments/{made}"
    await api.get(comment)
    await api.patch(comment, json={"body": "hello there"})
    await api.get(f"{issue}/comments", params={"per_page": 100})
    await api.get(f"{at}/issues/comments")
    reaction = (await api.post(f"{comment}/reactions", json={"content": "eyes"})).json()["id"]
    await api.get(f"{comment}/reactions")
    await api.delete(f"{comment}/reactions/{reaction}")
    await api.post(f"{issue}/reactions", json={"content": "eyes"})
    await api.get(f"{issue}/reactions")
    await api.delete(comment)


async def _app(github: Sandbox, contract: Contract) -> None:
    shop = github.find_repository("octo/shop")
    assert shop is not None
    mona = github.user("mona")
    github.install(github.app, mona)
    [installation] = [i for i in github.installations.values() if i.account is shop.owner]
    # nothing listens there: the delivery is recorded as failed
    github.send_events_to("http://127.0.0.1:9/hook", "secret")
    github.comment(shop.pulls[1], "hello")
    await github.hooks.settled()
    manifest = {"name": "Gate", "hook_attributes": {"url": "https://gate.example/hook"},
                "default_permissions": {"checks": "write"}, "default_events": ["push"]}  # fmt: skip
    code = github.agree_to_manifest(manifest, owner=shop.owner)
    async with as_app(github) as api:
        await api.get("/app")
        await api.get("/app/hook/config")
        await api.patch("/app/hook/config", json={"secret": "new"})
        [delivery] = (await api.get("/app/hook/deliveries", params={"status": "failure"})).json()
        await api.get(f"/app/hook/deliveries/{delivery['id']}")
        await api.post(f"/app/hook/deliveries/{delivery['id']}/attempts")
        await api.get("/app/installations")
        await api.get(f"/app/installations/{installation.id}")
        narrowed = {"repositories": ["shop"], "permissions": {"checks": "read"}}
        tokens = f"/app/installations/{installation.id}/access_tokens"
        await api.post(tokens)
        await api.post(tokens, json=narrowed)
        await api.put(f"/app/installations/{installation.id}/suspended")
        await api.delete(f"/app/installations/{installation.id}/suspended")
        await api.get("/repos/octo/shop/installation")
        await api.get("/orgs/octo/installation")
        await api.get("/users/mona/installation")
        other = next(i for i in github.installations.values() if i.account is mona)
        await api.delete(f"/app/installations/{other.id}")
    async with client(github) as api:
        await api.post(f"/app-manifests/{code}/conversions")
    await github.hooks.settled()
