"""Work on what may be promoted."""

from dataclasses import dataclass
from typing import ClassVar

from bot.core.work.repositories import RepoWork


@dataclass(frozen=True, slots=True)
class ReconcilePromotion(RepoWork):
    """Show on the trunk's head what promotion gates say, and wake the promotions that wait."""

    kind: ClassVar[str] = "reconcile_promotion"
    priority: ClassVar[int] = -5

    @property
    def key(self) -> str:
        return f"promotion:{self.repository_id}"


@dataclass(frozen=True, slots=True)
class RejudgePromotion(ReconcilePromotion):
    """The same where the policy changed: what is remembered of it does not count."""

    kind: ClassVar[str] = "rejudge_promotion"


@dataclass(frozen=True, slots=True)
class PromoteRelease(RepoWork):
    """A release was published: by policy it may be promoted. Those of one commit are promoted
    together, so its ``sha`` is looked up first, and work on that is done by one at a time."""

    kind: ClassVar[str] = "promote_release"
    tag: str
    actor_id: int
    actor_login: str
    sha: str = ""

    @property
    def key(self) -> str:
        return f"release:{self.repository_id}{f'@{self.sha}' if self.sha else f'/{self.tag}'}"
