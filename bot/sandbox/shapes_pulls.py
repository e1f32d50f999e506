"""Pull requests, comments, checks and statuses as GitHub's answers and payloads show them."""

import hashlib
from collections import Counter
from collections.abc import Sequence

from bot.sandbox.model import (
    Account,
    CheckRun,
    CheckSuite,
    Comment,
    Json,
    MergeGroup,
    Pull,
    Reaction,
    Repository,
    Status,
)
from bot.sandbox.shapes import Shapes, maybe_stamp, node_id, stamp

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


class PullShapes(Shapes):
    def association(self, repository: Repository, account: Account | None) -> str:
        if account is None:
            return "NONE"
        if account.id == repository.owner.id:
            return "OWNER"
        if account.id in repository.roles:
            return "MEMBER" if repository.owner.kind == "Organization" else "COLLABORATOR"
        merged = any(
            pull.author is account and pull.merged_at for pull in repository.pulls.values()
        )
        return "CONTRIBUTOR" if merged else "NONE"

    def pull(self, pull: Pull, *, detail: Json | None = None) -> Json:
        """As lists give it; with ``detail`` (see ``pull_detail``) as the single answer does."""
        repository = pull.repository
        url = f"{self.repository_url(repository)}/pulls/{pull.number}"
        issue = f"{self.repository_url(repository)}/issues/{pull.number}"
        web = f"{self.base}/{repository.full_name}/pull/{pull.number}"
        statuses = f"{self.repository_url(repository)}/statuses/{pull.head_sha}"
        return {
            "url": url,
            "id": pull.id,
            "node_id": node_id("PR", pull.id),
            "html_url": web,
            "diff_url": f"{web}.diff",
            "patch_url": f"{web}.patch",
            "issue_url": issue,
            "number": pull.number,
            "state": pull.state,
            "locked": pull.locked,
            "title": pull.title,
            "user": self.user(pull.author),
            "body": pull.body,
            "created_at": stamp(pull.created_at),
            "updated_at": stamp(pull.updated_at),
            "closed_at": maybe_stamp(pull.closed_at),
            "merged_at": maybe_stamp(pull.merged_at),
            "merge_commit_sha": pull.merge_commit_sha,
            "assignee": None,
            "assignees": [],
            "requested_reviewers": [],
            "requested_teams": [],
            "labels": [],
            "milestone": None,
            "draft": pull.draft,
            "commits_url": f"{url}/commits",
            "review_comments_url": f"{url}/comments",
            "review_comment_url": f"{self.repository_url(repository)}/pulls/comments{{/number}}",
            "comments_url": f"{issue}/comments",
            "statuses_url": statuses,
            "head": self._side(pull.head_owner, pull.head_repository, pull.head_ref, pull.head_sha),
            "base": self._side(repository.owner, repository, pull.base_ref, pull.base_sha),
            "_links": {
                "self": {"href": url},
                "html": {"href": web},
                "issue": {"href": issue},
                "comments": {"href": f"{issue}/comments"},
                "review_comments": {"href": f"{url}/comments"},
                "review_comment": {
                    "href": f"{self.repository_url(repository)}/pulls/comments{{/number}}"
                },
                "commits": {"href": f"{url}/commits"},
                "statuses": {"href": statuses},
            },
            "author_association": self.association(repository, pull.author),
            "auto_merge": None,
            "active_lock_reason": None,
            **(detail or {}),
        }

    def _side(
        self, owner: Account | None, repository: Repository | None, ref: str, sha: str
    ) -> Json:
        shown = None
        if repository is not None:
            settings = repository.settings
            shown = self.repository(repository) | {
                "allow_squash_merge": settings.allow_squash_merge,
                "allow_merge_commit": settings.allow_merge_commit,
                "allow_rebase_merge": settings.allow_rebase_merge,
                "allow_auto_merge": settings.allow_auto_merge,
                "allow_update_branch": settings.allow_update_branch,
                "delete_branch_on_merge": settings.delete_branch_on_merge,
                "use_squash_pr_title_as_default": settings.squash_merge_commit_title == "PR_TITLE",
                "squash_merge_commit_title": settings.squash_merge_commit_title,
                "squash_merge_commit_message": settings.squash_merge_commit_message,
                "merge_commit_title": settings.merge_commit_title,
                "merge_commit_message": settings.merge_commit_message,
            }
        return {
            "label": f"{owner.login if owner else 'unknown repository'}:{ref}",
            "ref": ref,
            "sha": sha,
            "user": self.user(owner),
            "repo": shown,
        }

    def pull_issue(self, pull: Pull) -> Json:
        """The pull request as the issue that it also is."""
        url = f"{self.repository_url(pull.repository)}/issues/{pull.number}"
        web = f"{self.base}/{pull.repository.full_name}/pull/{pull.number}"
        return {
            "url": url,
            "repository_url": self.repository_url(pull.repository),
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": web,
            "id": pull.id + 1,
            "node_id": node_id("PR", pull.id),
            "number": pull.number,
            "title": pull.title,
            "user": self.user(pull.author),
            "labels": [],
            "state": pull.state,
            "locked": pull.locked,
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "comments": len(pull.comment_ids),
            "created_at": stamp(pull.created_at),
            "updated_at": stamp(pull.updated_at),
            "closed_at": maybe_stamp(pull.closed_at),
            "author_association": self.association(pull.repository, pull.author),
            "active_lock_reason": None,
            "draft": pull.draft,
            "pull_request": {
                "url": f"{self.repository_url(pull.repository)}/pulls/{pull.number}",
                "html_url": web,
                "diff_url": f"{web}.diff",
                "patch_url": f"{web}.patch",
                "merged_at": maybe_stamp(pull.merged_at),
            },
            "body": pull.body,
            "reactions": self.reaction_rollup(f"{url}/reactions", pull.reactions),
            "timeline_url": f"{url}/timeline",
            "performed_via_github_app": None,
            "state_reason": None,
        }

    def comment(self, comment: Comment) -> Json:
        pull = comment.pull
        url = f"{self.repository_url(pull.repository)}/issues/comments/{comment.id}"
        web = f"{self.base}/{pull.repository.full_name}/pull/{pull.number}"
        return {
            "url": url,
            "html_url": f"{web}#issuecomment-{comment.id}",
            "issue_url": f"{self.repository_url(pull.repository)}/issues/{pull.number}",
            "id": comment.id,
            "node_id": node_id("IC", comment.id),
            "user": self.user(comment.author),
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": self.association(pull.repository, comment.author),
            "body": comment.body,
            "reactions": self.reaction_rollup(f"{url}/reactions", comment.reactions),
            "performed_via_github_app": None if comment.app is None else self.app(comment.app),
        }

    def reaction(self, reaction: Reaction) -> Json:
        return {
            "id": reaction.id,
            "node_id": node_id("REA", reaction.id),
            "user": self.account(reaction.author),
            "content": reaction.content,
            "created_at": stamp(reaction.created_at),
        }

    def reaction_rollup(self, url: str, reactions: Sequence[Reaction]) -> Json:
        counts = Counter(reaction.content for reaction in reactions)
        return {
            "url": url,
            "total_count": counts.total(),
            **{content: counts[content] for content in REACTIONS},
        }

    def pull_of_check(self, pull: Pull) -> Json:
        def side(repository: Repository, ref: str, sha: str) -> Json:
            return {
                "ref": ref,
                "sha": sha,
                "repo": {
                    "id": repository.id,
                    "url": self.repository_url(repository),
                    "name": repository.name,
                },
            }

        return {
            "url": f"{self.repository_url(pull.repository)}/pulls/{pull.number}",
            "id": pull.id,
            "number": pull.number,
            "head": side(pull.head_repository or pull.repository, pull.head_ref, pull.head_sha),
            "base": side(pull.repository, pull.base_ref, pull.base_sha),
        }

    def pulls_of_suite(self, suite: CheckSuite) -> list[Json]:
        """Empty for a head that stands in a fork."""
        return [
            self.pull_of_check(pull)
            for pull in suite.repository.pulls.values()
            if pull.head_sha == suite.head_sha and pull.closed_at is None and not pull.crosses
        ]

    def check_run(self, run: CheckRun, *, suite: Json | None = None) -> Json:
        repository = run.suite.repository
        url = f"{self.repository_url(repository)}/check-runs/{run.id}"
        return {
            "id": run.id,
            "name": run.name,
            "node_id": node_id("CR", run.id),
            "head_sha": run.suite.head_sha,
            "external_id": run.external_id,
            "url": url,
            "html_url": f"{self.base}/{repository.full_name}/runs/{run.id}",
            "details_url": run.details_url or run.suite.app.external_url,
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": maybe_stamp(run.started_at),
            "completed_at": maybe_stamp(run.completed_at),
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": run.text,
                "annotations_count": len(run.annotations),
                "annotations_url": f"{url}/annotations",
            },
            "check_suite": suite if suite is not None else {"id": run.suite.id},
            "app": self.app(run.suite.app),
            "pull_requests": self.pulls_of_suite(run.suite),
        }

    def suite_in_payload(self, suite: CheckSuite) -> Json:
        """The suite inside ``check_run`` events."""
        url = f"{self.repository_url(suite.repository)}/check-suites/{suite.id}"
        return {
            "id": suite.id,
            "node_id": node_id("CS", suite.id),
            "head_branch": suite.head_branch,
            "head_sha": suite.head_sha,
            "status": suite.status,
            "conclusion": suite.conclusion,
            "url": url,
            "before": suite.before,
            "after": suite.head_sha,
            "pull_requests": self.pulls_of_suite(suite),
            "app": self.app(suite.app),
            "created_at": stamp(suite.created_at),
            "updated_at": stamp(suite.updated_at),
        }

    def check_suite(self, suite: CheckSuite) -> Json:
        head = suite.repository.git.store.commit(suite.head_sha)
        return self.suite_in_payload(suite) | {
            "repository": self.minimal_repository(suite.repository),
            **self._suite_tail(suite),
            "head_commit": self.simple_commit(head),
        }

    def suite_event(self, suite: CheckSuite) -> Json:
        """The suite inside ``check_suite`` events."""
        head = suite.repository.git.store.commit(suite.head_sha)
        return self.suite_in_payload(suite) | {
            **self._suite_tail(suite),
            "head_commit": self.simple_commit(head),
        }

    def _suite_tail(self, suite: CheckSuite) -> Json:
        url = f"{self.repository_url(suite.repository)}/check-suites/{suite.id}"
        return {
            "latest_check_runs_count": len({run.name for run in suite.runs}),
            "check_runs_url": f"{url}/check-runs",
            "rerequestable": True,
            "runs_rerequestable": True,
        }

    def annotation(self, run: CheckRun, annotation: Json) -> Json:
        repository, sha = run.suite.repository, run.suite.head_sha
        return {
            "path": annotation["path"],
            "blob_href": f"{self.base}/{repository.full_name}/blob/{sha}/{annotation['path']}",
            "start_line": annotation["start_line"],
            "start_column": annotation.get("start_column"),
            "end_line": annotation["end_line"],
            "end_column": annotation.get("end_column"),
            "annotation_level": annotation["annotation_level"],
            "title": annotation.get("title"),
            "message": annotation["message"],
            "raw_details": annotation.get("raw_details"),
        }

    def status(self, repository: Repository, status: Status) -> Json:
        return {
            "url": f"{self.repository_url(repository)}/statuses/{status.sha}",
            "avatar_url": self.account(status.creator)["avatar_url"],
            "id": status.id,
            "node_id": node_id("SC", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.updated_at),
            "creator": self.account(status.creator),
        }

    def reference(self, repository: Repository, ref: str, oid: str, kind: str) -> Json:
        url = f"{self.repository_url(repository)}/git"
        return {
            "ref": ref,
            "node_id": node_id("REF", hashlib.sha256(ref.encode()).hexdigest()[:16]),
            "url": f"{url}/{ref}",
            "object": {"sha": oid, "type": kind, "url": f"{url}/{kind}s/{oid}"},
        }

    def merge_group(self, repository: Repository, group: MergeGroup) -> Json:
        return {
            "head_sha": group.head_sha,
            "head_ref": group.head_ref,
            "base_sha": group.base_sha,
            "base_ref": group.base_ref,
            "head_commit": self.simple_commit(repository.git.store.commit(group.head_sha)),
        }
