"""The message of the commit that a merge makes, by the repository's settings.

https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges
"""

from collections.abc import Sequence

from bot.sandbox.model import Pull
from bot.sandbox.objects import CommitObject, Signature


def merge_message(pull: Pull, title: str | None, message: str | None) -> str:
    settings = pull.repository.settings
    if title is None:
        if settings.merge_commit_title == "PR_TITLE":
            title = f"{pull.title} (#{pull.number})"
        else:
            owner = pull.head_owner.login if pull.head_owner else "unknown"
            title = f"Merge pull request #{pull.number} from {owner}/{pull.head_ref}"
    if message is None:
        message = {"PR_TITLE": pull.title, "PR_BODY": pull.body or ""}.get(
            settings.merge_commit_message, ""
        )
    return _joined(title, message)


def squash_message(
    pull: Pull,
    commits: Sequence[CommitObject],
    author: Signature,
    title: str | None,
    message: str | None,
) -> str:
    settings = pull.repository.settings
    single = len(commits) == 1
    if title is None:
        by_commit = single and settings.squash_merge_commit_title == "COMMIT_OR_PR_TITLE"
        subject = _split(commits[0])[0] if by_commit else pull.title
        title = f"{subject} (#{pull.number})"
    if message is None:
        match settings.squash_merge_commit_message:
            case "PR_BODY":
                message = pull.body or ""
            case "COMMIT_MESSAGES" if single:
                message = _split(commits[0])[1]
            case "COMMIT_MESSAGES":
                message = "\n\n".join(_listed(commit) for commit in commits)
            case _:
                message = ""
    others = {
        f"Co-authored-by: {commit.author.name} <{commit.author.email}>": None
        for commit in commits
        if commit.author.email != author.email
    }
    if others:
        separator = "---------\n\n" if message else ""
        message = f"{message}\n\n{separator}" + "\n".join(others)
    return _joined(title, message.strip("\n"))


def _split(commit: CommitObject) -> tuple[str, str]:
    subject, _, body = commit.message.strip("\n").partition("\n")
    return subject, body.strip("\n")


def _listed(commit: CommitObject) -> str:
    subject, body = _split(commit)
    return f"* {subject}\n\n{body}" if body else f"* {subject}"


def _joined(title: str, message: str) -> str:
    return f"{title}\n\n{message}\n" if message else f"{title}\n"
