"""What leads from a merged pull request to production: reviews, tags, releases, deployments,
required checks, teams, and the events that hosts send."""

from collections.abc import Sequence
from typing import Final

from bot.sandbox import shapes_shipping as shown
from bot.sandbox.errors import custom_invalid, invalid
from bot.sandbox.git import run_git
from bot.sandbox.model import (
    Account,
    App,
    Deployment,
    DeploymentStatus,
    Json,
    Pull,
    Release,
    Repository,
    RequiredChecks,
    Review,
    Team,
)
from bot.sandbox.world import World

DEPLOYMENT_STATES: Final = (
    "error", "failure", "inactive", "in_progress", "queued", "pending", "success",
)  # fmt: skip
REVIEW_STATES: Final = ("APPROVED", "CHANGES_REQUESTED", "COMMENTED")
_DESCRIPTION_CHARACTERS: Final = 140


class Shipping(World):
    # reviews

    def review(
        self, pull: Pull, state: str, *, by: Account, body: str = "", sha: str = ""
    ) -> Review:
        """``state`` is one of REVIEW_STATES. Raises ApiError for one's own pull request."""
        if by is pull.author and state != "COMMENTED":
            raise custom_invalid(
                "PullRequestReview", "Can not approve or refuse your own pull request"
            )
        review = Review(
            self.next_id("review"), pull, by, state, body, sha or pull.head_sha, self.now()
        )
        pull.reviews.append(review)
        self._review_event("submitted", review, by)
        return review

    def dismiss_review(self, review: Review, *, by: Account | None = None) -> None:
        review.state = "DISMISSED"
        self._review_event("dismissed", review, by or self._owner_of(review.pull.repository.owner))

    def _review_event(self, action: str, review: Review, by: Account) -> None:
        repository = review.pull.repository
        self.emit(
            "pull_request_review",
            repository,
            lambda: {
                "action": action,
                "review": shown.review(self.shapes, review)
                | {"state": review.state.lower(), "updated_at": None},
                "pull_request": self.shapes.pull(review.pull),
                "repository": self.shapes.repository(repository),
                "sender": self.shapes.account(by),
            },
        )

    # tags and releases

    def tag(
        self,
        repository: Repository,
        name: str,
        target: str = "",
        *,
        message: str = "",
        by: Account | None = None,
    ) -> str:
        """Put a tag on a commit, the default branch's tip unless told; with a message it is an
        annotated one. A tag that is there is moved. Returns the id that the ref holds."""
        who = by or self._owner_of(repository.owner)
        store, ref = repository.git.store, f"refs/tags/{name}"
        oid = repository.git.resolve(target or repository.default_branch)
        if oid is None:
            raise custom_invalid("Tag", f"{target} names no commit")
        if message:
            person = self.signature(who)
            tagger = f"{person.name} <{person.email}> {person.seconds} +0000"
            text = f"object {oid}\ntype commit\ntag {name}\ntagger {tagger}\n\n{message}\n"
            oid = store.write_object("tag", text.encode())
        before = repository.git.refs.get(ref)
        run_git("update-ref", ref, oid, cwd=repository.git.path)
        repository.git.refs[ref] = oid
        self._refs_moved(repository, {ref: before}, who)
        return oid

    def create_release(
        self,
        repository: Repository,
        tag_name: str,
        *,
        target: str = "",
        name: str | None = None,
        body: str | None = None,
        draft: bool = False,
        prerelease: bool = False,
        by: Account | None = None,
    ) -> Release:
        """The tag is made if there is none yet, unless the release is a draft."""
        if any(known.tag_name == tag_name for known in repository.releases.values()):
            raise invalid("Release", "tag_name", "already_exists")
        author, now = by or self._owner_of(repository.owner), self.now()
        release = Release(
            id=self.next_id("release"),
            repository=repository,
            tag_name=tag_name,
            target=target or repository.default_branch,
            name=name,
            body=body,
            draft=True,
            prerelease=prerelease,
            author=author,
            created_at=now,
            published_at=None,
        )
        repository.releases[release.id] = release
        if not draft:
            self.publish_release(release, by=author)
        return release

    def publish_release(self, release: Release, *, by: Account | None = None) -> None:
        repository, author = release.repository, by or release.author
        if f"refs/tags/{release.tag_name}" not in repository.git.refs:
            self.tag(repository, release.tag_name, release.target, by=author)
        release.draft, release.published_at = False, self.now()
        kind = "prereleased" if release.prerelease else "released"
        for action in ("created", "published", kind):
            self._release_event(action, release, author)

    def edit_release(self, release: Release, *, body: str, by: Account | None = None) -> None:
        before, release.body = release.body, body
        changes = {"changes": {"body": {"from": before or ""}}}
        self._release_event("edited", release, by or release.author, **changes)

    def _release_event(self, action: str, release: Release, by: Account, **more: object) -> None:
        self.emit(
            "release",
            release.repository,
            lambda: {
                "action": action,
                **more,
                "release": shown.release(self.shapes, release),
                "repository": self.shapes.repository(release.repository),
                "sender": self.shapes.account(by),
            },
        )

    def release_of(self, repository: Repository, tag_name: str) -> Release | None:
        return next((r for r in repository.releases.values() if r.tag_name == tag_name), None)

    # deployments

    def create_deployment(
        self,
        repository: Repository,
        ref: str,
        *,
        environment: str = "production",
        task: str = "deploy",
        payload: Json | str = "",
        description: str | None = None,
        transient: bool = False,
        production: bool | None = None,
        by: Account | None = None,
        app: App | None = None,
    ) -> Deployment:
        """Of a branch, a tag or a SHA. Raises ApiError when it names no commit."""
        sha = repository.git.resolve(ref)
        if sha is None:
            raise custom_invalid("Deployment", f"No ref found for: {ref}")
        creator = app.bot if app else by or self._owner_of(repository.owner)
        deployment = Deployment(
            id=self.next_id("deployment"),
            repository=repository,
            sha=sha,
            ref=ref,
            task=task,
            environment=environment,
            payload=payload,
            description=description,
            creator=creator,
            app=app,
            transient=transient,
            production=environment == "production" if production is None else production,
            created_at=self.now(),
        )
        repository.deployments[deployment.id] = deployment
        self.emit(
            "deployment",
            repository,
            lambda: {
                "action": "created",
                "deployment": shown.deployment(self.shapes, deployment),
                "workflow": None,
                "workflow_run": None,
                "repository": self.shapes.repository(repository),
                "sender": self.shapes.account(creator),
            },
        )
        return deployment

    def set_deployment_status(
        self,
        deployment: Deployment,
        state: str,
        *,
        description: str = "",
        environment: str = "",
        environment_url: str = "",
        log_url: str = "",
        auto_inactive: bool = True,
        by: Account | None = None,
        app: App | None = None,
    ) -> DeploymentStatus:
        """A success makes the environment's earlier deployments inactive, but transient ones.
        https://docs.github.com/rest/deployments/deployments#inactive-deployments"""
        if state not in DEPLOYMENT_STATES:
            raise invalid("DeploymentStatus", "state", "invalid")
        if len(description) > _DESCRIPTION_CHARACTERS:
            raise custom_invalid(
                "DeploymentStatus", "description is too long (maximum is 140 characters)"
            )
        status = DeploymentStatus(
            id=self.next_id("deployment_status"),
            state=state,
            creator=app.bot if app else by or deployment.creator,
            app=app,
            description=description,
            environment=environment or deployment.environment,
            environment_url=environment_url,
            log_url=log_url,
            created_at=self.now(),
        )
        deployment.statuses.append(status)
        self._deployment_status_event(deployment, status)
        if state == "success" and auto_inactive:
            for earlier in list(deployment.repository.deployments.values()):
                if earlier.id < deployment.id and _replaced(earlier, status.environment):
                    self.set_deployment_status(earlier, "inactive", by=status.creator, app=app)
        return status

    def _deployment_status_event(self, deployment: Deployment, status: DeploymentStatus) -> None:
        repository = deployment.repository
        self.emit(
            "deployment_status",
            repository,
            lambda: {
                "action": "created",
                "deployment_status": shown.deployment_status(self.shapes, deployment, status),
                "deployment": shown.deployment(self.shapes, deployment),
                "repository": self.shapes.repository(repository),
                "sender": self.shapes.account(status.creator),
            },
        )

    def dispatch(
        self,
        repository: Repository,
        event_type: str,
        client_payload: Json | None = None,
        *,
        by: Account | None = None,
    ) -> None:
        """Send ``repository_dispatch``, as Vercel does with ``vercel.deployment.ready``."""
        sender = by or self._owner_of(repository.owner)
        self.emit(
            "repository_dispatch",
            repository,
            lambda: {
                "action": event_type,
                "branch": repository.default_branch,
                "client_payload": client_payload,
                "repository": self.shapes.repository(repository),
                "sender": self.shapes.account(sender),
            },
        )

    # what a branch asks for, and who is in a team

    def require_checks(
        self,
        repository: Repository,
        *checks: str | tuple[str, int | None],
        branch: str = "main",
        classic: bool = False,
    ) -> RequiredChecks:
        """By a ruleset, or by classic protection, which a later call replaces. A check is its name,
        or its name with the id of the App that must make it."""
        pairs = [(check, None) if isinstance(check, str) else check for check in checks]
        required = RequiredChecks(self.next_id("ruleset"), branch, pairs)
        if classic:
            repository.protections[branch] = required
        else:
            repository.rules.append(required)
        return required

    def team(
        self, organization: Account, slug: str, *members: Account, pending: Sequence[Account] = ()
    ) -> Team:
        """The team of that slug, made on first use, with these members added."""
        key = (organization.id, slug)
        team = self.teams.get(key)
        if team is None:
            team = self.teams[key] = Team(self.next_id("team"), organization, slug)
        team.members |= {account.id: "active" for account in members}
        team.members |= {account.id: "pending" for account in pending}
        return team


def _replaced(deployment: Deployment, environment: str) -> bool:
    return (
        deployment.environment == environment
        and not deployment.transient
        and deployment.state == "success"
    )
