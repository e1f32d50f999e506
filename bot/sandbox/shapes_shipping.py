"""Reviews, releases, deployments and tags as GitHub's REST answers and payloads show them."""

from bot.sandbox.model import Deployment, DeploymentStatus, Json, Release, Repository, Review
from bot.sandbox.objects import parse_tag
from bot.sandbox.shapes import maybe_stamp, node_id, stamp, unsigned
from bot.sandbox.shapes_pulls import PullShapes


def review(shapes: PullShapes, item: Review) -> Json:
    pull = item.pull
    url = f"{shapes.repository_url(pull.repository)}/pulls/{pull.number}"
    page = f"{shapes.base}/{pull.repository.full_name}/pull/{pull.number}"
    page += f"#pullrequestreview-{item.id}"
    return {
        "id": item.id,
        "node_id": node_id("PRR", item.id),
        "user": shapes.user(item.author),
        "body": item.body,
        "state": item.state,
        "html_url": page,
        "pull_request_url": url,
        "author_association": shapes.association(pull.repository, item.author),
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "submitted_at": stamp(item.submitted_at),
        "commit_id": item.sha,
    }


def deployment(shapes: PullShapes, item: Deployment) -> Json:
    repository = shapes.repository_url(item.repository)
    url = f"{repository}/deployments/{item.id}"
    moved = item.statuses[-1].created_at if item.statuses else item.created_at
    return {
        "url": url,
        "id": item.id,
        "node_id": node_id("DE", item.id),
        "sha": item.sha,
        "ref": item.ref,
        "task": item.task,
        "payload": item.payload,
        "original_environment": item.environment,
        "environment": item.environment,
        "description": item.description,
        "creator": shapes.account(item.creator),
        "created_at": stamp(item.created_at),
        "updated_at": stamp(moved),
        "statuses_url": f"{url}/statuses",
        "repository_url": repository,
        "transient_environment": item.transient,
        "production_environment": item.production,
        "performed_via_github_app": None if item.app is None else shapes.app(item.app),
    }


def deployment_status(shapes: PullShapes, item: Deployment, status: DeploymentStatus) -> Json:
    repository = shapes.repository_url(item.repository)
    url = f"{repository}/deployments/{item.id}"
    return {
        "url": f"{url}/statuses/{status.id}",
        "id": status.id,
        "node_id": node_id("DES", status.id),
        "state": status.state,
        "creator": shapes.account(status.creator),
        "description": status.description,
        "environment": status.environment,
        "target_url": status.log_url,
        "created_at": stamp(status.created_at),
        "updated_at": stamp(status.created_at),
        "deployment_url": url,
        "repository_url": repository,
        "environment_url": status.environment_url,
        "log_url": status.log_url,
        "performed_via_github_app": None if status.app is None else shapes.app(status.app),
    }


def release(shapes: PullShapes, item: Release) -> Json:
    repository = shapes.repository_url(item.repository)
    url = f"{repository}/releases/{item.id}"
    web = f"{shapes.base}/{item.repository.full_name}/releases"
    uploads = f"{shapes.base}/uploads/repos/{item.repository.full_name}/releases/{item.id}"
    drafted = item.published_at is None
    return {
        "url": url,
        "html_url": f"{web}/tag/{'untagged-' + str(item.id) if drafted else item.tag_name}",
        "assets_url": f"{url}/assets",
        "upload_url": f"{uploads}/assets{{?name,label}}",
        "tarball_url": None if drafted else f"{repository}/tarball/{item.tag_name}",
        "zipball_url": None if drafted else f"{repository}/zipball/{item.tag_name}",
        "id": item.id,
        "node_id": node_id("RE", item.id),
        "tag_name": item.tag_name,
        "target_commitish": item.target,
        "name": item.name,
        "body": item.body,
        "draft": item.draft,
        "prerelease": item.prerelease,
        "immutable": False,
        "created_at": stamp(item.created_at),
        "published_at": maybe_stamp(item.published_at),
        "updated_at": stamp(item.published_at or item.created_at),
        "author": shapes.account(item.author),
        "assets": [],
    }


def tag_object(shapes: PullShapes, repository: Repository, oid: str, content: bytes) -> Json:
    """An annotated tag of the Git database endpoints."""
    url = f"{shapes.repository_url(repository)}/git"
    found = parse_tag(content)
    return {
        "node_id": node_id("TA", oid),
        "tag": found.name,
        "sha": oid,
        "url": f"{url}/tags/{oid}",
        "message": found.message,
        "tagger": shapes.git_person(found.tagger),
        "object": {
            "type": found.kind,
            "sha": found.target,
            "url": f"{url}/{found.kind}s/{found.target}",
        },
        "verification": unsigned(),
    }
