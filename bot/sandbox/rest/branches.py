"""Branches and what they ask for: rulesets and classic protection.

https://docs.github.com/rest/branches, https://docs.github.com/rest/repos/rules
"""

from bot.sandbox.errors import ApiError, not_found
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import Json, Repository, RequiredChecks
from bot.sandbox.rules import FORWARD, refuse_ruled, rules_on

routes = Routes()
_BRANCH = "/repos/{owner}/{repo}/branches/{branch}"


@routes.add("GET", "/repos/{owner}/{repo}/branches", "contents:read")
def list_branches(call: Call) -> Reply:
    heads = sorted(ref for ref in call.repository.git.refs if ref.startswith("refs/heads/"))
    return Reply([_listed(call, ref) for ref in call.page(heads)])


def _listed(call: Call, ref: str) -> Json:
    oid = call.repository.git.refs[ref]
    name = ref.removeprefix("refs/heads/")
    url = call.sandbox.shapes.repository_url(call.repository)
    return {
        "name": name,
        "commit": {"sha": oid, "url": f"{url}/commits/{oid}"},
        "protected": _protected(call.repository, name),
    }


def _protected(repository: Repository, branch: str) -> bool:
    ruled = any(rule.branch == branch for rule in repository.rules)
    return ruled or branch in repository.protections


@routes.add("GET", f"{_BRANCH}/protection/required_status_checks", "administration:read")
def get_status_checks_protection(call: Call) -> Reply:
    repository, branch = call.repository, call.params["branch"]
    if repository.branch(branch) is None:
        raise ApiError(404, "Branch not found")
    found = repository.protections.get(branch)
    if found is None:
        raise ApiError(404, "Branch not protected")
    url = f"{_url(call, branch)}/protection/required_status_checks"
    return Reply({"url": url, "strict": False, **_named(found), "contexts_url": f"{url}/contexts"})


@routes.add("GET", _BRANCH, "contents:read")
def get_branch(call: Call) -> Reply:
    repository, name = call.repository, call.params["branch"]
    oid = repository.branch(name)
    if oid is None:
        raise ApiError(404, "Branch not found")
    shapes, url = call.sandbox.shapes, _url(call, name)
    found = repository.protections.get(name)
    required: Json = {"enforcement_level": "off", "contexts": [], "checks": []}
    if found is not None:
        required = {"enforcement_level": "non_admins", **_named(found)}
    return Reply(
        {
            "name": name,
            "commit": shapes.commit(repository, repository.git.store.commit(oid)),
            "_links": {
                "self": url,
                "html": f"{shapes.base}/{repository.full_name}/tree/{name}",
            },
            "protected": _protected(repository, name),
            "protection": {
                "enabled": found is not None,
                "required_status_checks": required,
            },
            "protection_url": f"{url}/protection",
        }
    )


def _named(required: RequiredChecks) -> Json:
    return {
        "contexts": [name for name, _ in required.checks],
        "checks": [{"context": name, "app_id": app_id} for name, app_id in required.checks],
    }


def _url(call: Call, branch: str) -> str:
    return f"{call.sandbox.shapes.repository_url(call.repository)}/branches/{branch}"


@routes.add("GET", "/repos/{owner}/{repo}/rules/branches/{branch}", "metadata:read")
def list_branch_rules(call: Call) -> Reply:
    """Also of a branch that is not there yet: a ruleset names branches by pattern."""
    if not call.params["branch"]:
        raise not_found()
    repository, branch = call.repository, call.params["branch"]
    listed = [_rule(repository, rule) for rule in repository.rules if rule.branch == branch]
    listed += [
        _ruled_by(repository, known.id, kind)
        for known in rules_on(repository, f"refs/heads/{branch}")
        for kind in known.forbids
    ]
    return Reply(list(call.page(listed)))


@routes.add("POST", "/repos/{owner}/{repo}/merges", "contents:write")
def merge_branch(call: Call) -> Reply:
    repository, base, head = call.repository, call.text("base"), call.text("head")
    if repository.branch(base) is not None:
        refuse_ruled(repository, f"refs/heads/{base}", FORWARD, call.principal.ruled_as)
    made = call.sandbox.merge_branch(
        repository,
        base,
        head,
        message=call.text("commit_message") or None,
        by=call.principal.writes_as,
    )
    if made is None:
        return Reply(status=204)
    commit = repository.git.store.commit(made)
    return Reply(call.sandbox.shapes.commit(repository, commit), 201)


def _rule(repository: Repository, required: RequiredChecks) -> Json:
    checks = [
        {"context": name} | ({} if app_id is None else {"integration_id": app_id})
        for name, app_id in required.checks
    ]
    parameters = {
        "required_status_checks": checks,
        "strict_required_status_checks_policy": False,
        "do_not_enforce_on_create": False,
    }
    named = _ruled_by(repository, required.id, "required_status_checks")
    return named | {"parameters": parameters}


def _ruled_by(repository: Repository, ruleset: int, kind: str) -> Json:
    return {
        "type": kind,
        "ruleset_source_type": "Repository",
        "ruleset_source": repository.full_name,
        "ruleset_id": ruleset,
    }
