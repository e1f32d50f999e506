"""The pages that the bot's own pages, comments and releases link to."""

import httpx
import pytest

from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Repository
from bot.sandbox.server import Sandbox

HOSTILE = "feat: <script>alert(1)</script>"
CODE = "def search():\n    return '<b>'\n"


@pytest.fixture
def tip(github: Sandbox, shop: Repository) -> str:
    github.tag(shop, "v1.0.0")
    (oid,) = github.push(
        shop, "main", CommitSpec(f"{HOSTILE}\n\nThe body & all", {"src/search.py": CODE})
    )
    notes = "### Features\n\n- search"
    github.create_release(shop, "v1.1.0", name="v1.1.0 of the shop", body=notes)
    return oid


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("commit/{tip}", ("The body &amp; all", "1 file changed", "src/search.py", "added +2 −0")),
        ("commit/{short}", ("<code>{tip}</code>", "+def search():")),
        (
            "compare/v1.0.0...v1.1.0",
            ("1 commit that", "feat: &lt;script&gt;", "+    return &#39;&lt;b&gt;&#39;"),
        ),
        ("compare/v1.1.0...v1.0.0", ("0 commits that", "0 files changed")),
        ("releases/tag/v1.1.0", ("v1.1.0 of the shop", "<h3>Features</h3>", "{short}")),
        ("blob/HEAD/src/search.py#L2", ('<span id="L2">    return &#39;&lt;b&gt;&#39;',)),
        ("blob/{tip}/src/search.py", ("src/search.py",)),
    ],
)
async def test_what_is_linked_is_there(
    github: Sandbox, tip: str, path: str, expected: tuple[str, ...]
) -> None:
    names = {"tip": tip, "short": tip[:7]}
    page = await opened(github, path.format_map(names))
    assert page.status_code == 200
    assert [words for words in expected if words.format_map(names) not in page.text] == []
    assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("commit/ffffffffff", "octo/shop has no commit ffffffffff."),
        ("commit/v1.0.0...", "octo/shop has no commit v1.0.0...."),
        ("compare/v1.0.0", "A comparison is of two commits: BASE...HEAD."),
        ("compare/v1.0.0...v9", "octo/shop has no commit v9."),
        ("releases/tag/v1.0.0", "octo/shop has no release v1.0.0."),
        ("blob/HEAD/src", "octo/shop has no file src at HEAD."),
        ("settings", "The sandbox has no such page."),
    ],
)
async def test_what_is_not_there_is_named(github: Sandbox, tip: str, path: str, said: str) -> None:
    page = await opened(github, path)
    assert page.status_code == 404
    assert said in page.text
    assert 'href="/"' in page.text


async def test_nobody_waits_for_the_checks_of_what_is_merged(
    github: Sandbox, shop: Repository
) -> None:
    pull = github.open_pull(shop, "feat: add search", "feat: add search")
    assert "No check has reported yet" in (await opened(github, "pull/1")).text
    github.merge(pull)
    page = (await opened(github, "pull/1")).text
    assert "No check has reported yet" not in page
    assert "It was merged before an App reported one" in page


async def opened(github: Sandbox, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=github.url, headers={"accept": "text/html"}) as browser:
        return await browser.get(f"/octo/shop/{path}")
