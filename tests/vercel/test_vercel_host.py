"""The bot's host against a whole Vercel: builds, promotions, rollbacks, jobs, domains."""

from datetime import UTC, datetime

import pytest
from vercel_kit import OTHER_SHA, REPO, SHA, Place, opened

from bot.adapters.vercel.reading import domains_of
from bot.core.hosting import BuildState, HostJobState, HostTarget
from bot.ports.host import HostGone, HostRefused, HostUnavailable


async def test_a_project_tells_whether_new_builds_go_live_by_themselves(place: Place) -> None:
    assert not (await place.host.fetch_project(REPO, place.target)).auto_assigns
    place.shop.auto_assign = True
    found = await place.host.fetch_project(REPO, place.target)
    assert (found.id, found.name, found.auto_assigns) == (place.shop.id, "shop", True)


async def test_builds_of_a_commit_are_found_newest_first_and_no_others(place: Place) -> None:
    preview = place.vercel.build(place.shop, SHA, target="preview", branch="search")
    place.vercel.build(place.shop, OTHER_SHA)
    production = place.vercel.build(place.shop, SHA)
    builds = await place.host.fetch_builds(REPO, place.target, SHA)
    assert [(each.id, each.production, each.sha) for each in builds] == [
        (production.id, True, SHA),
        (preview.id, False, SHA),
    ]
    assert builds[0].url == f"https://{production.url}"


async def test_all_pages_of_builds_are_read(place: Place) -> None:
    made = {place.vercel.build(place.shop, SHA).id for _ in range(230)}
    builds = await place.host.fetch_builds(REPO, place.target, SHA)
    assert {each.id for each in builds} == made
    assert place.asked("GET /v7/deployments") == 3


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("QUEUED", BuildState.QUEUED),
        ("INITIALIZING", BuildState.BUILDING),
        ("BUILDING", BuildState.BUILDING),
        ("READY", BuildState.READY),
        ("ERROR", BuildState.FAILED),
        ("CANCELED", BuildState.CANCELED),
        ("BLOCKED", BuildState.BLOCKED),
        ("DELETED", BuildState.DELETED),
    ],
)
async def test_every_state_of_a_build_is_known(place: Place, told: str, state: BuildState) -> None:
    made = place.vercel.build(place.shop, SHA)
    made.state = told  # type: ignore[assignment]
    assert (await place.host.fetch_builds(REPO, place.target, SHA))[0].state is state
    assert (await place.host.fetch_build(REPO, place.target, made.id)).state is state


async def test_a_state_that_is_new_to_us_is_not_taken_for_another(place: Place) -> None:
    made = place.vercel.build(place.shop, SHA)
    made.state = "HIBERNATING"  # type: ignore[assignment]
    with pytest.raises(HostUnavailable, match="HIBERNATING"):
        await place.host.fetch_build(REPO, place.target, made.id)


@pytest.mark.parametrize(
    ("state", "conclusion", "running", "failed"),
    [
        ("", "", False, False),
        ("registered", "", True, False),
        ("running", "", True, False),
        ("completed", "succeeded", False, False),
        ("completed", "skipped", False, False),
        ("completed", "failed", False, True),
        ("completed", "canceled", False, True),
    ],
)
async def test_the_hosts_own_checks_are_told(
    place: Place, state: str, conclusion: str, running: bool, failed: bool
) -> None:
    made = place.vercel.build(place.shop, SHA)
    made.checks_state, made.checks_conclusion = state, conclusion
    listed = (await place.host.fetch_builds(REPO, place.target, SHA))[0]
    single = await place.host.fetch_build(REPO, place.target, made.id)
    for each in (listed, single):
        assert (each.checks_running, each.checks_failed) == (running, failed)


async def test_only_what_was_live_is_a_candidate_for_a_rollback(place: Place) -> None:
    first, second = (place.vercel.build(place.shop, sha) for sha in (SHA, OTHER_SHA))
    await place.host.promote(REPO, place.target, first.id)
    assert not (await place.host.fetch_build(REPO, place.target, first.id)).rollback_candidate
    await place.host.promote(REPO, place.target, second.id)
    assert (await place.host.fetch_build(REPO, place.target, first.id)).rollback_candidate
    assert not (await place.host.fetch_build(REPO, place.target, second.id)).rollback_candidate
    assert (await place.host.fetch_builds(REPO, place.target, SHA))[0].rollback_candidate


async def test_a_build_from_a_tree_with_other_changes_has_no_commit(place: Place) -> None:
    made = place.vercel.build(place.shop, SHA)
    made.dirty = True
    assert (await place.host.fetch_builds(REPO, place.target, SHA)) == ()


async def test_a_build_of_another_project_is_not_ours(place: Place) -> None:
    other = place.vercel.create_project("blog")
    made = place.vercel.build(other, SHA)
    with pytest.raises(HostGone, match="not one of project shop"):
        await place.host.fetch_build(REPO, place.target, made.id)
    assert await place.host.fetch_builds(REPO, place.target, SHA) == ()


@pytest.mark.parametrize(
    "name", ["../../v1/user", "..", ".", "", "a/b", "dpl_1?teamId=x", "%2e%2e", "dpl 1", "-x"]
)
async def test_a_name_that_reads_as_a_path_reaches_nothing(place: Place, name: str) -> None:
    await place.host.fetch_project(REPO, place.target)
    place.seen.clear()
    for ask in (place.host.fetch_build, place.host.promote):
        with pytest.raises(HostGone):
            await ask(REPO, place.target, name)
    with pytest.raises(HostGone):
        await place.host.rollback(REPO, place.target, name, reason="x")
    with pytest.raises(HostGone):
        await place.host.fetch_project(REPO, HostTarget("vercel", name, "shop.example.com"))
    assert place.seen == []


async def test_a_promotion_is_followed_from_asked_to_served() -> None:
    async with opened(switch_seconds=None) as place:
        before = datetime.now(UTC)
        made = place.vercel.build(place.shop, SHA)
        assert await place.host.fetch_job(REPO, place.target) is None
        assert not (await place.host.promote(REPO, place.target, made.id)).queued
        states = []
        for _ in range(3):
            job = await place.host.fetch_job(REPO, place.target)
            assert job is not None
            assert (job.kind, job.to_deployment, job.from_deployment) == ("promote", made.id, "")
            assert abs((job.requested_at - before).total_seconds()) < 60
            states.append(job.state)
            if job.state is not HostJobState.SUCCEEDED:
                with pytest.raises(HostUnavailable, match="leads to no deployment"):
                    await place.host.fetch_serving(REPO, place.target)
            place.vercel.advance(place.shop)
        assert states == [HostJobState.PENDING, HostJobState.IN_PROGRESS, HostJobState.SUCCEEDED]
        assert await place.host.fetch_serving(REPO, place.target) == made.id
        assert await place.host.fetch_failed_aliases(REPO, place.target, "promote") == ()


async def test_a_job_takes_its_time() -> None:
    async with opened(switch_seconds=0.05) as place:
        made = place.vercel.build(place.shop, SHA)
        job = place.vercel.promote(place.shop, made)
        assert (job.state, place.vercel.live(place.shop)) == ("pending", None)
        await place.vercel.settled()
        assert (job.state, place.vercel.live(place.shop)) == ("succeeded", made)


async def test_a_rollback_leads_back_and_is_told_as_one(place: Place) -> None:
    first, second = (place.vercel.build(place.shop, sha) for sha in (SHA, OTHER_SHA))
    for each in (first, second):
        await place.host.promote(REPO, place.target, each.id)
    await place.host.rollback(REPO, place.target, first.id, reason="errors & more")
    assert "description=errors+%26+more" in place.seen[-1].query.replace("%20", "+")
    job = await place.host.fetch_job(REPO, place.target)
    assert job is not None
    assert (job.kind, job.to_deployment, job.from_deployment) == ("rollback", first.id, second.id)
    assert await place.host.fetch_serving(REPO, place.target) == first.id


async def test_what_waits_behind_a_rolling_release_is_told_as_queued(place: Place) -> None:
    made = place.vercel.build(place.shop, SHA)
    place.shop.rolling_release = True
    assert (await place.host.promote(REPO, place.target, made.id)).queued
    job = await place.host.fetch_job(REPO, place.target)
    assert job is not None
    assert job.state is HostJobState.PENDING
    place.vercel.complete_rolling_release(place.shop)
    assert await place.host.fetch_serving(REPO, place.target) == made.id


@pytest.mark.parametrize(
    ("end", "state"), [("failed", HostJobState.FAILED), ("skipped", HostJobState.SKIPPED)]
)
async def test_a_job_that_came_to_nothing_is_told(
    place: Place, end: str, state: HostJobState
) -> None:
    first, second = (place.vercel.build(place.shop, sha) for sha in (SHA, OTHER_SHA))
    await place.host.promote(REPO, place.target, first.id)
    place.vercel.plan_job(place.shop, end)  # type: ignore[arg-type]
    await place.host.promote(REPO, place.target, second.id)
    job = await place.host.fetch_job(REPO, place.target)
    assert job is not None
    assert job.state is state
    assert await place.host.fetch_serving(REPO, place.target) == first.id


@pytest.mark.parametrize("kind", ["promote", "rollback"])
async def test_domains_left_behind_are_named(place: Place, kind: str) -> None:
    first, second = (place.vercel.build(place.shop, sha) for sha in (SHA, OTHER_SHA))
    for each in (first, second):
        await place.host.promote(REPO, place.target, each.id)
    place.vercel.plan_job(place.shop, left_behind=["www.shop.example.com"])
    third = place.vercel.build(place.shop, "c" * 40)
    if kind == "promote":
        await place.host.promote(REPO, place.target, third.id)
    else:
        await place.host.rollback(REPO, place.target, first.id, reason="")
    failures = await place.host.fetch_failed_aliases(REPO, place.target, kind)
    assert [(each.alias, each.reason) for each in failures] == [("www.shop.example.com", "failed")]
    www = HostTarget("vercel", "shop", "www.shop.example.com")
    assert await place.host.fetch_serving(REPO, www) == second.id
    assert await place.host.fetch_serving(REPO, place.target) != second.id


async def test_domains_that_lead_elsewhere_are_found_and_led_one_by_one(place: Place) -> None:
    first, second = (place.vercel.build(place.shop, sha) for sha in (SHA, OTHER_SHA))
    both = (place.shop.domain, "www.shop.example.com")
    assert await place.host.fetch_elsewhere(REPO, place.target, first.id) == both
    await place.host.promote(REPO, place.target, first.id)
    assert await place.host.fetch_elsewhere(REPO, place.target, first.id) == ()
    place.vercel.plan_job(place.shop, left_behind=[place.shop.domain])
    await place.host.promote(REPO, place.target, second.id)
    assert await place.host.fetch_elsewhere(REPO, place.target, first.id) == both[1:]
    for _ in range(2):
        await place.host.lead(REPO, place.target, first.id, both[1])
        assert await place.host.fetch_elsewhere(REPO, place.target, first.id) == ()
    assert set(place.shop.domains.values()) == {first}
    with pytest.raises(HostRefused, match=r"lead the domain blog.example.com to dpl_"):
        await place.host.lead(REPO, place.target, first.id, "blog.example.com")


@pytest.mark.parametrize(
    ("other", "counts"),
    [
        ({}, True),
        ({"redirect": "shop.example.com"}, False),
        ({"gitBranch": "next"}, False),
        ({"customEnvironmentId": "env_1"}, False),
        ({"verified": False}, False),
    ],
)
def test_domains_that_lead_to_something_else_by_themselves_are_left_alone(
    other: dict[str, object], counts: bool
) -> None:
    domain = {"name": "a.example", "verified": True, "redirect": None, "gitBranch": None}
    assert domains_of({"domains": [domain | other]}) == (["a.example"] if counts else [])


async def test_a_job_that_calls_itself_done_proves_nothing_of_the_domain(place: Place) -> None:
    first, second = (place.vercel.build(place.shop, sha) for sha in (SHA, OTHER_SHA))
    await place.host.promote(REPO, place.target, first.id)
    place.vercel.plan_job(place.shop, left_behind=[place.shop.domain], silently=True)
    await place.host.promote(REPO, place.target, second.id)
    job = await place.host.fetch_job(REPO, place.target)
    assert job is not None
    assert job.state is HostJobState.SUCCEEDED
    assert await place.host.fetch_failed_aliases(REPO, place.target, "promote") == ()
    assert await place.host.fetch_serving(REPO, place.target) == first.id


async def test_somebody_elses_job_is_told_as_theirs(place: Place) -> None:
    ours, theirs = (place.vercel.build(place.shop, sha) for sha in (SHA, OTHER_SHA))
    await place.host.promote(REPO, place.target, ours.id)
    mine = await place.host.fetch_job(REPO, place.target)
    place.vercel.promote(place.shop, theirs)
    job = await place.host.fetch_job(REPO, place.target)
    assert mine is not None
    assert job is not None
    assert (mine.to_deployment, job.to_deployment) == (ours.id, theirs.id)
    assert job.requested_at > mine.requested_at


async def test_an_earlier_job_to_the_same_build_has_its_own_time(place: Place) -> None:
    first, second = (place.vercel.build(place.shop, sha) for sha in (SHA, OTHER_SHA))
    times = []
    for each in (first, second, first):
        await place.host.promote(REPO, place.target, each.id)
        job = await place.host.fetch_job(REPO, place.target)
        assert job is not None
        times.append(job.requested_at)
    assert times == sorted(set(times))


async def test_one_job_at_a_time_and_a_rollback_takes_a_promotions_place() -> None:
    async with opened() as place:
        first, second, third = (
            place.vercel.build(place.shop, sha) for sha in (SHA, OTHER_SHA, "c" * 40)
        )
        for each in (first, second):
            await place.host.promote(REPO, place.target, each.id)
        place.vercel.switch_seconds = None
        await place.host.promote(REPO, place.target, third.id)
        with pytest.raises(HostRefused) as refused:
            await place.host.promote(REPO, place.target, second.id)
        assert refused.value.busy
        assert "wait" in refused.value.remedy
        await place.host.rollback(REPO, place.target, first.id, reason="bad")
        place.vercel.advance(place.shop)
        place.vercel.advance(place.shop)
        assert await place.host.fetch_serving(REPO, place.target) == first.id


async def test_the_hobby_plan_goes_back_one_step_only(place: Place) -> None:
    builds = [place.vercel.build(place.shop, f"{n}" * 40) for n in range(3)]
    for each in builds:
        await place.host.promote(REPO, place.target, each.id)
    place.shop.team.plan = "hobby"
    with pytest.raises(HostRefused) as refused:
        await place.host.rollback(REPO, place.target, builds[0].id, reason="")
    assert "immediately previous" in refused.value.remedy
    assert not refused.value.busy
    await place.host.rollback(REPO, place.target, builds[1].id, reason="")
    assert await place.host.fetch_serving(REPO, place.target) == builds[1].id


async def test_a_preview_cannot_be_promoted(place: Place) -> None:
    made = place.vercel.build(place.shop, SHA, target="preview")
    with pytest.raises(HostRefused, match="422"):
        await place.host.promote(REPO, place.target, made.id)


async def test_a_deleted_build_is_gone(place: Place) -> None:
    made = place.vercel.build(place.shop, SHA)
    place.vercel.delete(made)
    with pytest.raises(HostGone, match="410"):
        await place.host.promote(REPO, place.target, made.id)
    assert (await place.host.fetch_build(REPO, place.target, made.id)).state is BuildState.DELETED


async def test_the_team_is_named_by_id_or_slug(place: Place) -> None:
    team = place.vercel.create_team("other")
    both = place.vercel.create_token(place.vercel.team, team).value
    place.vercel.create_project("elsewhere", team=team)
    target = HostTarget("vercel", "elsewhere", "elsewhere.example.com")
    for name in (team.id, "other"):
        host = place.connect(token=both, team=name)
        assert (await host.fetch_project(REPO, target)).name == "elsewhere"
    with pytest.raises(HostGone, match="VERCEL_TEAM_ID"):
        await place.connect(token=both, team="acme").fetch_project(REPO, target)
    with pytest.raises(HostRefused) as refused:
        await place.connect(team="other").fetch_project(REPO, target)
    assert "VERCEL_TEAM_ID" in refused.value.remedy


async def test_an_alias_that_leads_elsewhere_than_the_project_is_refused(place: Place) -> None:
    other = place.vercel.create_project("blog")
    place.vercel.point(other.domain, place.vercel.build(other, SHA))
    with pytest.raises(HostRefused, match="another project"):
        await place.host.fetch_serving(REPO, HostTarget("vercel", "shop", other.domain))


async def test_a_domain_that_contradicts_its_alias_verifies_nothing(place: Place) -> None:
    made = place.vercel.build(place.shop, SHA)
    await place.host.promote(REPO, place.target, made.id)
    site = f"//{place.shop.domain}/.well-known/lockgate.json"
    fault = place.vercel.faults.answer(f"GET {site}", 200)
    fault.body = {"deployment": "dpl_other"}
    with pytest.raises(HostUnavailable, match="says that it serves dpl_other"):
        await place.host.fetch_serving(REPO, place.target)
    fault = place.vercel.faults.answer(f"GET {site}", 200)
    fault.body = {"sha": OTHER_SHA}
    with pytest.raises(HostUnavailable, match="a91b77c"):
        await place.host.fetch_serving(REPO, place.target)
    fault = place.vercel.faults.answer(f"GET {site}", 200)
    fault.body = {"sha": SHA}
    assert await place.host.fetch_serving(REPO, place.target) == made.id


async def test_a_site_without_a_mark_is_proved_by_its_alias_and_its_answer(place: Place) -> None:
    made = place.vercel.build(place.shop, SHA)
    await place.host.promote(REPO, place.target, made.id)
    site = f"GET //{place.shop.domain}/*"
    place.vercel.faults.answer(site, 404)
    assert await place.host.fetch_serving(REPO, place.target) == made.id
    place.vercel.faults.answer(site, 503)
    with pytest.raises(HostUnavailable, match="answers 503"):
        await place.host.fetch_serving(REPO, place.target)
    place.vercel.faults.answer(site, 404, headers={"x-vercel-error": "DEPLOYMENT_NOT_FOUND"})
    with pytest.raises(HostUnavailable, match="DEPLOYMENT_NOT_FOUND"):
        await place.host.fetch_serving(REPO, place.target)
    place.vercel.faults.cut(site)
    with pytest.raises(HostUnavailable, match="did not answer"):
        await place.host.fetch_serving(REPO, place.target)
