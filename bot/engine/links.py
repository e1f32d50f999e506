"""Where the bot's own pages stand."""

from dataclasses import dataclass

from bot.core.model import PullRef, RepoRef


@dataclass(frozen=True, slots=True)
class Links:
    """``base`` is ``LOCKGATE_PUBLIC_URL`` without a slash at its end."""

    base: str

    def repository(self, repo: RepoRef) -> str:
        return f"{self.base}/repos/{repo.full_name}"

    def pull(self, ref: PullRef) -> str:
        return f"{self.repository(ref.repo)}/pulls/{ref.number}"

    def environment(self, repo: RepoRef, name: str) -> str:
        return f"{self.repository(repo)}/environments/{name}"

    def migrations(self, repo: RepoRef) -> str:
        return f"{self.repository(repo)}/migrations"

    def objectives(self, repo: RepoRef) -> str:
        return f"{self.repository(repo)}/slo"

    def objective(self, repo: RepoRef, name: str) -> str:
        return f"{self.objectives(repo)}/{name}"

    def operation(self, operation_id: int) -> str:
        return f"{self.base}/operations/{operation_id}"
