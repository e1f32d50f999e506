"""The GraphQL fields of reviews, releases and annotated tags."""

from typing import Any

from bot.sandbox.graphql_nodes import GitNode, Info, connect, field, viewer_of
from bot.sandbox.model import Json, Pull, Release, Repository, Review
from bot.sandbox.objects import TagObject, parse_tag
from bot.sandbox.shapes import maybe_stamp, node_id, stamp


def _tag(node: GitNode) -> TagObject:
    return parse_tag(node.content)


field("Tag", "name")(lambda n, _: _tag(n).name)
field("Tag", "message")(lambda n, _: _tag(n).message)
field("Tag", "tagger")(lambda n, _: _tag(n).tagger)
field("Tag", "target")(lambda n, _: GitNode(n.repository, _tag(n).target, _tag(n).kind))


@field("Repository", "release")
def _release(
    repository: Repository,
    info: Info,
    tagName: str,  # noqa: N803
) -> Release | None:
    viewer = viewer_of(info)
    viewer.need("contents:read")
    found = viewer.sandbox.release_of(repository, tagName)
    return None if found is None or found.draft else found


@field("Repository", "releases")
def _releases(repository: Repository, info: Info, **args: Any) -> Json:
    """Drafts are shown to those who may write only."""
    viewer = viewer_of(info)
    viewer.need("contents:read")
    writes = viewer.principal.may("contents:write")
    found = [release for release in repository.releases.values() if writes or not release.draft]
    order = args.get("orderBy")
    if order:
        key = "name" if order["field"] == "NAME" else "id"
        reverse = order["direction"] == "DESC"
        found.sort(key=lambda release: getattr(release, key) or "", reverse=reverse)
    return connect("releases", found, args)


field("Release", "id")(lambda r, _: node_id("RE", r.id))
field("Release", "databaseId")(lambda r, _: r.id)
field("Release", "description")(lambda r, _: r.body)
field("Release", "isDraft")(lambda r, _: r.draft)
field("Release", "isPrerelease")(lambda r, _: r.prerelease)
field("Release", "createdAt")(lambda r, _: stamp(r.created_at))
field("Release", "publishedAt")(lambda r, _: maybe_stamp(r.published_at))


@field("Release", "tagCommit")
def _tag_commit(release: Release, _: Any) -> GitNode | None:
    oid = release.repository.git.resolve(f"refs/tags/{release.tag_name}")
    return GitNode(release.repository, oid, "commit") if oid else None


@field("PullRequest", "reviews")
def _reviews(pull: Pull, info: Info, **args: Any) -> Json:
    states = args.get("states")
    found = [
        review
        for review in pull.reviews
        if (not states or review.state in states)
        and args.get("author") in (None, review.author and review.author.login)
    ]
    return connect("reviews", found, args)


field("PullRequestReview", "id")(lambda r, _: node_id("PRR", r.id))
field("PullRequestReview", "databaseId")(lambda r, _: r.id)
field("PullRequestReview", "fullDatabaseId")(lambda r, _: str(r.id))
field("PullRequestReview", "submittedAt")(lambda r, _: stamp(r.submitted_at))
field("PullRequestReview", "pullRequest")(lambda r, _: r.pull)
field("PullRequestReview", "commit")(lambda r, _: GitNode(r.pull.repository, r.sha, "commit"))
field("PullRequestReview", "authorAssociation")(
    lambda r, info: viewer_of(info).sandbox.shapes.association(r.pull.repository, r.author)
)


@field("PullRequestReview", "authorCanPushToRepository")
def _can_push(review: Review, info: Info) -> bool:
    if review.author is None:
        return False
    role = viewer_of(info).sandbox.role_of(review.pull.repository, review.author)
    return role.base in ("write", "maintain", "admin")
