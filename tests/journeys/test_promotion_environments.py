"""Production behind staging and approvals, an approved pull request that goes live as it is, and a
team's own workflow in Vercel's place."""

from dataclasses import dataclass, field

import pytest
from production import DOMAIN, POLICY, Production

from bot.core.operations.machine import State
from bot.sandbox.http import Exchange

pytestmark = pytest.mark.slow

STAGING_FIRST = """\
environments:
  staging:
    vercel: {project: stage, domain: stage.example.com}
    requires: [source, deployment]
  production:
    vercel: {project: shop, domain: shop.example.com}
    requires: [source, deployment, order, approvals]
    approvals: {count: 1}
    after: staging
"""
BY_WORKFLOW = f"""\
environments:
  production:
    workflow: {{environment: live, domain: {DOMAIN}}}
    requires: [source, checks, deployment, freeze, lock]
"""


@dataclass
class Workflow:
    """What a team's workflow does with the deployments that the bot creates: it carries out each as
    soon as it was answered, and reports it. ``asked`` is each with its kind and commit."""

    production: Production
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        if exchange.method != "POST" or not exchange.path.endswith("/deployments"):
            return
        deployment = self.production.repository.deployments[exchange.response["id"]]
        if deployment.task != "deploy":
            return  # only announces an operation
        self.asked.append((deployment.payload["lockgate"], deployment.sha))
        github, vercel = self.production.github, self.production.vercel
        github.set_deployment_status(deployment, "in_progress")
        builds = self.production.project.deployments
        build = next(one for one in builds if one.sha == deployment.sha)
        vercel.promote(self.production.project, build)
        github.set_deployment_status(deployment, "success")


async def test_a_build_goes_to_staging_and_past_reviewers_first(production: Production):
    github, repository = production.github, production.repository
    stage = production.vercel.create_project("stage", domain="stage.example.com", auto_assign=False)
    production.vercel.attach(github, repository, stage)  # and the shop's is built by hand
    await production.change_policy(STAGING_FIRST)
    bob = github.user("bob")
    github.set_role(repository, bob, "maintain")
    pull = production.merged("feat: add search")
    sha = pull.merge_commit_sha
    production.vercel.build(production.project, sha)
    await production.journey.rest()

    said = await production.say(pull, "/promote production")
    assert f"promote `{sha[:7]}` to `staging` first" in said
    assert "0 of 1 approval" in said
    assert production.live is None

    said = await production.say(pull, "/promote staging")
    assert "Live:" in said
    assert production.vercel.live(stage).sha == sha
    assert production.live is None, "staging is another project"

    said = await production.say(pull, "/promote production")
    assert "ask for 1 more approving review" in said
    assert "first" not in said, "the order is kept by now"
    assert production.live is None

    github.review(pull, "APPROVED", by=bob)
    said = await production.say(pull, "/promote production")
    assert "Live:" in said, said
    assert await production.served() == sha
    said = await production.say(pull, "/status")
    assert [said.count(name) > 0 for name in ("staging", "production", "stage.example.com")]
    await production.nothing_left()
    live = await production.journey.bot.operations.fetch_live(repository.id)
    assert {name: entry.build.sha for name, entry in live.items()} == {
        "staging": sha,
        "production": sha,
    }


async def test_an_approved_pull_request_goes_live_before_it_is_merged(production: Production):
    github, repository = production.github, production.repository
    await production.change_policy(f"{POLICY}    source: approved\n")
    bob = github.user("bob")
    github.set_role(repository, bob, "maintain")
    pull = production.opened("feat: add search")
    head = pull.head_sha
    github.create_check(repository, production.ci, head, "test", conclusion="success")
    production.vercel.build(production.project, head)
    await production.journey.rest()

    said = await production.say(pull, "/promote")
    assert "refused" in said
    assert "approv" in said
    assert production.live is None

    github.review(pull, "APPROVED", by=bob)
    assert "Live:" in await production.say(pull, "/promote")
    assert await production.served() == head
    assert pull.merge_commit_sha is None
    await production.nothing_left()
    newest = await production.newest()
    assert (newest.state, newest.plan.build.sha) == (State.SUCCEEDED, head)
    (entry, *_) = await production.journey.bot.audit.fetch_entries(kind="promotion")
    assert (entry.entry.build_sha, entry.entry.pull_number) == (head, pull.number)


async def test_a_workflow_moves_production_in_vercels_place(production: Production):
    workflow = Workflow(production)
    production.journey.requests.on_exchange = workflow
    await production.change_policy(BY_WORKFLOW)
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: sort by price")

    said = await production.say(bad, "/rollback")
    assert "Rolled back" in said
    assert await production.served() == good.merge_commit_sha
    kept, taken = good.merge_commit_sha, bad.merge_commit_sha
    assert workflow.asked == [("promote", kept), ("promote", taken), ("rollback", kept)]
    assert production.switches() == [], "nobody asked Vercel"

    said = await production.say(bad, "/status")
    assert kept[:7] in said
    assert "rollback" in said.lower()
    assert taken[:7] not in said.split("rollback")[0]
    await production.nothing_left()
    ledger = await production.ledger()
    assert [entry.build.sha for entry in ledger] == [kept, taken, kept]
    assert all(entry.verified_at for entry in ledger)
