"""What the gates of promotion say of the trunk stands on the release pull request too."""

from production import POLICY, Production
from test_release_pull import release_pulls

from bot.sandbox.code import CommitSpec


async def test_the_verdicts_of_the_trunk_stand_on_the_release_pull_request(
    production: Production,
) -> None:
    repository = production.repository
    policy = {".github/lockgate.yml": f"{POLICY}release: {{kind: go}}\n"}
    production.github.push(
        repository, "main", CommitSpec("chore: release", {**policy, "go.mod": "module shop\n"})
    )
    feature = production.merged("feat: add search")
    await production.journey.rest()
    (pull,) = release_pulls(repository)
    runs = [
        production.github.latest_checks(repository, sha, name="lockgate/promotion")
        for sha in (str(feature.merge_commit_sha), pull.head_sha)
    ]
    assert [len(found) for found in runs] == [1, 1]
    (trunk,), (release,) = runs
    assert (release.conclusion, release.title) == (trunk.conclusion, trunk.title)
