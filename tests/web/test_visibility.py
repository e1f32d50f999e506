"""Whoever may not see a repository cannot find out that it is there."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from served_pages import PASSING, evaluation

from bot.adapters.postgres.repositories import PostgresRepositories
from bot.adapters.postgres.store import PostgresStore
from bot.ports import Store
from bot.ports.environments import KnownRepository
from bot.web.pages.pulls import PULLS_SHOWN
from bot.web.viewer import PublicOnly, Repository


def without_names(answer: httpx.Response, *names: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers, with names and what is made of them taken out."""
    body = re.sub(r'data-etag="[^"]*"', "", answer.text.replace("W/&#34;", ""))
    for name in names:
        body = body.replace(name, "NAME")
    headers = {key: value for key, value in answer.headers.items() if key not in ("etag", "date")}
    headers.pop("content-length")
    return answer.status_code, body, headers


async def test_private_pull_request_answers_like_an_unknown_one(
    public: httpx.AsyncClient, store: Store
) -> None:
    await store.save_evaluation(evaluation("octo/secret", 1, "fix: hush", private=True))
    await store.save_evaluation(evaluation("octo/closed", 1, private=True, state="merged"))
    unknown = await public.get("/repos/octo/absent/pulls/1")
    assert unknown.status_code == 404
    for name in ("octo/secret", "octo/closed"):
        private = await public.get(f"/repos/{name}/pulls/1")
        assert without_names(private, name) == without_names(unknown, "octo/absent")


async def test_private_repository_answers_like_an_unknown_one(
    public: httpx.AsyncClient, store: Store
) -> None:
    await store.save_evaluation(evaluation("octo/secret", 1, "fix: hush", private=True))
    private = await public.get("/repos/octo/secret")
    unknown = await public.get("/repos/octo/absent")
    assert without_names(private, "octo/secret") == without_names(unknown, "octo/absent")
    # The name is shown as it was asked for, not as the repository spells it.
    assert "octo/SECRET" in (await public.get("/repos/octo/SECRET")).text


async def test_dashboard_of_a_stranger_is_the_same_with_and_without_private_repositories(
    public: httpx.AsyncClient, store: Store
) -> None:
    await store.save_evaluation(evaluation("octo/shop", 12))
    before = await public.get("/")
    await store.save_evaluation(evaluation("octo/secret", 1, "fix: hush", private=True))
    after = await public.get("/")
    assert "Add search" in before.text
    assert before.headers["etag"] == after.headers["etag"]
    assert before.text == after.text


@pytest.mark.usefixtures("story")
async def test_deliveries_and_jobs_are_hidden_from_strangers(public: httpx.AsyncClient) -> None:
    for path in ("/", "/repos/octo/shop"):
        page = (await public.get(path)).text
        assert "72d3162e" not in page
        assert "jobs retry" not in page
        assert "Recent deliveries" not in page
        assert "signed in" in page


async def test_repository_made_private_takes_its_older_evaluations_along(
    public: httpx.AsyncClient, store: Store
) -> None:
    await store.save_evaluation(evaluation("octo/shop", 11, "feat: old", PASSING))
    assert "feat: old" in (await public.get("/repos/octo/shop/pulls/11")).text
    newer = evaluation("octo/shop", 12, "feat: new", private=True, age=timedelta(minutes=1))
    await store.save_evaluation(newer)
    for path in ("/", "/repos/octo/shop", "/repos/octo/shop/pulls/11"):
        page = (await public.get(path)).text
        assert "feat: old" not in page
        assert "feat: new" not in page


async def test_private_rows_do_not_push_out_public_ones(
    public: httpx.AsyncClient, store: Store
) -> None:
    await store.save_evaluation(evaluation("octo/shop", 12, "Add search"))
    for number in range(1, PULLS_SHOWN + 2):
        hidden = evaluation("octo/secret", number, private=True, age=timedelta(seconds=number / 10))
        await store.save_evaluation(hidden)
    page = (await public.get("/")).text
    assert "Add search" in page
    assert "Only the" not in page


@pytest.mark.usefixtures("story")
async def test_everything_is_for_whoever_sits_at_the_machine(site: httpx.AsyncClient) -> None:
    assert "octo/secret" in (await site.get("/")).text
    assert (await site.get("/repos/octo/secret/pulls/1")).status_code == 200
    for headers in (
        {"Host": "rebound.example"},
        {"Host": "rebound.example:8000"},
        {"Host": ""},
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-Host": "lockgate.example"},
        {"Forwarded": "for=203.0.113.9"},
        {"X-Real-IP": "203.0.113.9"},
    ):
        page = (await site.get("/", headers=headers)).text
        assert "octo/secret" not in page, headers
        assert "72d3162e" not in page, headers
        hidden = await site.get("/repos/octo/secret/pulls/1", headers=headers)
        assert hidden.status_code == 404, headers


async def test_public_only_picks_by_repository() -> None:
    repositories = [Repository(1, private=False), Repository(2, private=True)]
    assert await PublicOnly().readable(None, repositories) == {1}  # type: ignore[arg-type]


async def test_an_evaluation_that_was_read_before_it_was_made_private_does_not_show_it(
    public: httpx.AsyncClient, store: PostgresStore
) -> None:
    repositories = PostgresRepositories(store.pool)
    shown = "/repos/octo/shop/pulls/12"
    await store.save_evaluation(evaluation("octo/shop", 12))
    assert (await public.get(shown)).status_code == 200
    repo = evaluation("octo/shop", 12).repo
    asked_at = datetime.now(UTC)
    await repositories.hide_repository(repo.id)
    await store.save_evaluation(evaluation("octo/shop", 12, age=timedelta(seconds=-60)))
    assert (await public.get(shown)).status_code == 404
    # GitHub's answer to a question that was asked before, and to one asked after.
    await repositories.note_repository(KnownRepository(repo, private=False), asked_at)
    assert (await public.get(shown)).status_code == 404
    await repositories.note_repository(KnownRepository(repo, private=False), datetime.now(UTC))
    assert (await public.get(shown)).status_code == 200


async def test_an_evaluation_tells_later_that_it_is_public(
    public: httpx.AsyncClient, store: PostgresStore
) -> None:
    """Where no event did: the App may not be subscribed to it."""
    await store.save_evaluation(evaluation("octo/shop", 12, private=True, age=timedelta(hours=1)))
    await store.save_evaluation(evaluation("octo/shop", 13))
    assert (await public.get("/repos/octo/shop/pulls/12")).status_code == 200
