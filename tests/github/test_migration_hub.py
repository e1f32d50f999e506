"""The folders of migrations and backfills, read whole at a commit."""

import pytest
from github_kit import GitHub

from bot.adapters.github.hub import GitHubHub
from bot.adapters.github.migration_hub import GitHubMigrationHub
from bot.core.model import Sha
from bot.ports import HubGone, HubRefused
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Repository

MINT = "POST /app/installations/{installation_id}/access_tokens"
GRAPHQL = "POST /graphql"
BLOB = "GET /repos/{owner}/{repo}/git/blobs/{file_sha}"
MIGRATIONS, BACKFILLS = "supabase/migrations", "supabase/backfills"
ADD = f"{MIGRATIONS}/20260101000000_add.expand.sql"
FILL = f"{BACKFILLS}/20260101000001_fill.sql"


@pytest.fixture
def migrations(hub: GitHubHub) -> GitHubMigrationHub:
    return GitHubMigrationHub(hub.access)


def pushed(github: GitHub, repository: Repository, files: dict[str, str | bytes]) -> Sha:
    return Sha(github.sandbox.push(repository, "main", CommitSpec("feat: change", files))[-1])


async def test_both_folders_are_one_request_and_remembered(
    github: GitHub, migrations: GitHubMigrationHub, shop: Repository
) -> None:
    files = {ADD: "ALTER TABLE a ADD b int;\n", FILL: "-- é\n", f"{MIGRATIONS}/README.md": "no\n"}
    at = pushed(github, shop, files)
    found = await migrations.fetch_folders(github.ref(shop), at, MIGRATIONS, BACKFILLS)
    assert found.migrations == {ADD: b"ALTER TABLE a ADD b int;\n"}
    assert found.backfills == {FILL: "-- é\n".encode()}
    assert github.seen.routes() == [MINT, GRAPHQL]
    await migrations.fetch_folders(github.ref(shop), at, MIGRATIONS, BACKFILLS)
    assert github.seen.routes() == [MINT, GRAPHQL]


async def test_folders_that_are_not_there_are_empty(
    github: GitHub, migrations: GitHubMigrationHub, shop: Repository
) -> None:
    at = pushed(github, shop, {"README.md": "# Shop\n"})
    found = await migrations.fetch_folders(github.ref(shop), at, MIGRATIONS, BACKFILLS)
    assert (found.migrations, found.backfills) == ({}, {})


async def test_bytes_that_are_no_text_come_as_they_are(
    github: GitHub, migrations: GitHubMigrationHub, shop: Repository
) -> None:
    odd = b"-- \xff\xfe latin\nSELECT 1;\n"
    at = pushed(github, shop, {ADD: odd})
    found = await migrations.fetch_folders(github.ref(shop), at, MIGRATIONS, BACKFILLS)
    assert found.migrations == {ADD: odd}
    assert BLOB in github.seen.routes()


async def test_a_file_that_is_too_large_is_an_error_and_not_left_out(
    github: GitHub, migrations: GitHubMigrationHub, shop: Repository
) -> None:
    at = pushed(github, shop, {ADD: "-- " + "x" * (2 * 1024 * 1024)})
    with pytest.raises(HubRefused, match="too large"):
        await migrations.fetch_folders(github.ref(shop), at, MIGRATIONS, BACKFILLS)


async def test_what_contains_a_commit(
    github: GitHub, migrations: GitHubMigrationHub, shop: Repository
) -> None:
    first = pushed(github, shop, {"a": "1"})
    second = pushed(github, shop, {"b": "1"})
    ref = github.ref(shop)
    assert await migrations.is_contained(ref, first, [first, second]) == [True, True]
    assert await migrations.is_contained(ref, second, [first]) == [False]
    assert await migrations.is_contained(ref, Sha("0" * 40), [first]) == [False]


async def test_a_repository_that_is_gone(
    github: GitHub, migrations: GitHubMigrationHub, shop: Repository
) -> None:
    at, ref = pushed(github, shop, {"a": "1"}), github.ref(shop)
    github.sandbox.delete_repository(shop)
    with pytest.raises(HubGone):
        await migrations.fetch_folders(ref, at, MIGRATIONS, BACKFILLS)
