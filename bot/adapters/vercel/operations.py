"""The operations of Vercel's API that the bot uses: https://vercel.com/docs/rest-api"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Operation:
    """``task`` completes "could not …" in an error's text. A request that ``moves`` production is
    sent once and never again by itself: whether a lost one was done is read from the project."""

    method: str
    path: str
    task: str
    moves: bool = False

    @property
    def route(self) -> str:
        """The label of metrics and logs: no name of a project in it."""
        return f"{self.method} {self.path}"


GET_PROJECT: Final = Operation("GET", "/v9/projects/{idOrName}", "read the project")
LIST_DEPLOYMENTS: Final = Operation("GET", "/v7/deployments", "list the deployments")
GET_DEPLOYMENT: Final = Operation("GET", "/v13/deployments/{idOrUrl}", "read the deployment")
GET_ALIAS: Final = Operation("GET", "/v4/aliases/{idOrAlias}", "read the domain's alias")
PROMOTE: Final = Operation(
    "POST", "/v10/projects/{projectId}/promote/{deploymentId}", "promote", moves=True
)
ROLLBACK: Final = Operation(
    "POST", "/v1/projects/{projectId}/rollback/{deploymentId}", "roll back", moves=True
)
LIST_PROMOTE_ALIASES: Final = Operation(
    "GET", "/v1/projects/{projectId}/promote/aliases", "list the aliases that did not move"
)
# Not in the published description; Vercel's own command line asks this one.
LIST_ROLLBACK_ALIASES: Final = Operation(
    "GET", "/v9/projects/{projectId}/rollback/aliases", "list the aliases that did not move"
)
LIST_DOMAINS: Final = Operation(
    "GET", "/v9/projects/{idOrName}/domains", "list the project's domains"
)
ASSIGN_ALIAS: Final = Operation(
    "POST", "/v2/deployments/{id}/aliases", "lead the domain", moves=True
)

OPERATIONS: Final = (
    GET_PROJECT,
    LIST_DEPLOYMENTS,
    GET_DEPLOYMENT,
    GET_ALIAS,
    PROMOTE,
    ROLLBACK,
    LIST_PROMOTE_ALIASES,
    LIST_ROLLBACK_ALIASES,
    LIST_DOMAINS,
    ASSIGN_ALIAS,
)
