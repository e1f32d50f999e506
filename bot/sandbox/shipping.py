"""What leads from a merged pull request to production: reviews, deployments, required checks,
teams, and the events that hosts send. Tags and releases are in ``releasing``."""

from collections.abc import Sequence
from typing import Final

from bot.sandbox import shapes_shipping as shown
from bot.sandbox.errors import custom_invalid, invalid
from bot.sandbox.model import (
    Account,
    App,
    Deployment,
    DeploymentStatus,
    Json,
    Pull,
    Repository,
    RequiredChecks,
    Review,
    Team,
)
from bot.sandbox.releasing import Releasing

DEPLOYMENT_STATES: Final = (
    "error", "failure", "inactive", "in_progress", "queued", "pending", "success",
)  # fmt: skip
REVIEW_STATES: Final = ("APPROVED", "CHANGES_REQUESTED", "COMMENTED")
_DESCRIPTION_CHARACTERS: Final = 140


class Shipping(Releasing):
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
