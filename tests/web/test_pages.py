"""The pages over HTTP, on a real store."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import httpx
from served_pages import HOSTILE, PASSING, FixedClock, build, delivery, evaluation, serve

from bot.adapters.postgres.store import open_store
from bot.core.decision import Decision, Finding, GateResult, Verdict
from bot.core.work.pulls import ReconcilePullRequest
from bot.ports import Store
from bot.web.pages.gates import FACTS_SHOWN, SUBJECTS_SHOWN
from bot.web.pages.operations import ROWS_SHOWN
from bot.web.pages.pages import _coded
from bot.web.pages.pulls import PULLS_SHOWN
from bot.web.viewer import PublicOnly


class Document(HTMLParser):
    """What a browser would make of a page, as far as these tests ask."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def read(answer: httpx.Response, status: int = 200) -> Document:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Document(answer.text)


async def test_dashboard_says_per_pull_request_what_holds_it_and_what_to_do(
    site: httpx.AsyncClient, store: Store
) -> None:
    await store.save_evaluation(evaluation())
    await store.save_evaluation(evaluation(number=11, title="feat: add", decision=PASSING))
    page = read(await site.get("/")).text
    assert "1 of 2 open pull requests is held." in page
    assert "fail #12 Add search" in page
    assert "fail commits the title “Add search” has no type" in page
    assert "To do: give the title a type, e.g. feat: add search" in page
    assert "wait checks 11 of 12 green, e2e has run for 3 min" in page
    assert "pass #11 feat: add" in page
    assert page.index("#12 Add search") < page.index("#11 feat: add")


async def test_empty_dashboard_says_how_to_get_the_first_entry(site: httpx.AsyncClient) -> None:
    page = read(await site.get("/")).text
    assert "No pull request has been evaluated yet." in page
    for command in ("lockgate setup", "lockgate doctor", "lockgate demo"):
        assert command in page
    assert "No job waits, runs or has given up." in page
    assert "No delivery has arrived." in page


async def test_a_dead_job_comes_first_with_the_command_that_retries_it(
    site: httpx.AsyncClient, story: int
) -> None:
    page = read(await site.get("/")).text
    assert "Work is stuck: 1 job gave up and will not run again unless retried." in page
    assert page.count(f"lockgate jobs retry {story}") == 2
    assert "gave up read deliveries 72d3162e-cc78-11e3-81ab-4c9367dc0958" in page


async def test_deliveries_show_their_outcome(site: httpx.AsyncClient, store: Store) -> None:
    await store.add_deliveries(
        [
            delivery("a1", "star", routed=False),
            delivery("b2"),
            delivery("c3", "push", action=""),
            delivery("d4"),
        ]
    )
    await store.finish_delivery("b2", "routed", [])
    await store.finish_delivery("c3", "the payload names no repository", [])
    page = read(await site.get("/")).text
    assert "star.edited octo/shop stored, nothing to do" in page
    assert "pull_request.edited octo/shop routed" in page
    assert "push octo/shop the payload names no repository" in page
    assert "pull_request.edited octo/shop waiting for a worker" in page


async def test_waiting_jobs_name_their_work(site: httpx.AsyncClient, store: Store) -> None:
    await store.enqueue(ReconcilePullRequest(1, 7, "octo", "shop", 12), delay=timedelta(hours=1))
    page = read(await site.get("/")).text
    assert "waiting check pull request octo/shop#12" in page
    assert "due in 1 h" in page
    assert "nothing overdue 1 waiting, 0 running" in page


async def test_repository_page_is_about_that_repository_only(
    site: httpx.AsyncClient, store: Store
) -> None:
    await store.save_evaluation(evaluation("octo/shop", 12))
    await store.save_evaluation(evaluation("octo/api", 3, "Other"))
    await store.add_deliveries([delivery("a1"), delivery("b2", "push", repository="octo/api")])
    await store.enqueue(ReconcilePullRequest(1, 7, "octo", "shop", 12))
    await store.enqueue(ReconcilePullRequest(1, 8, "octo", "api", 3))
    page = read(await site.get("/repos/Octo/Shop")).text
    assert "octo/shop" in page
    assert "#12 Add search" in page
    assert "check pull request octo/shop#12" in page
    assert "octo/api" not in page


async def test_details_show_the_whole_decision(site: httpx.AsyncClient, store: Store) -> None:
    await store.save_evaluation(evaluation())
    document = read(await site.get("/repos/octo/shop/pulls/12"))
    page = document.text
    assert "fail Held by 2 of 2 gates. Next: give the title a type" in page
    assert "Found the title “Add search” has no type" in page
    assert "To do give the title a type, e.g. feat: add search" in page
    assert "Rule applied This repository squashes with the pull request's title" in page
    assert "Message title Add search Problem it has no type type-empty" in page
    assert "Line to paste feat: add search Copy" in page
    assert "it ends with a dot subject-full-stop Line to paste nobody can know it" in page
    assert "merge settings squash yes rebase no checked title, commits" in page
    assert "commits 1 sha 3f2c1aa kind conventional" in page
    links = [attrs["href"] for tag, attrs in document.tags if tag == "a"]
    assert f"https://github.example/octo/shop/commit/{12:040x}" in links
    assert "https://github.example/octo/shop/pull/12" in links
    times = [attrs for tag, attrs in document.tags if tag == "time" and "data-relative" in attrs]
    assert [bool(time["datetime"] and time["title"]) for time in times] == [True]
    assert "3 min ago" in page


async def test_findings_and_evidence_are_bounded_and_say_so(
    site: httpx.AsyncClient, store: Store
) -> None:
    many = Decision(
        (
            GateResult(
                "commits",
                Verdict.FAIL,
                "all bad",
                findings=tuple(
                    Finding(f"commit {n:07x}", "type-empty", "it has no type")
                    for n in range(SUBJECTS_SHOWN + 1)
                ),
                evidence={f"fact {n}": n for n in range(FACTS_SHOWN + 5)},
            ),
        )
    )
    await store.save_evaluation(evaluation(decision=many))
    page = read(await site.get("/repos/octo/shop/pulls/12")).text
    assert page.count("it has no type") == SUBJECTS_SHOWN
    assert "1 more message has problems as well" in page
    assert f"The first {FACTS_SHOWN} lines are shown, 5 are not." in page


async def test_unreadable_result_is_never_a_pass(site: httpx.AsyncClient, store: Store) -> None:
    await store.save_evaluation(evaluation(verdict="pass", result={"from": "another release"}))
    page = read(await site.get("/repos/octo/shop/pulls/12")).text
    assert "could not be read The stored evaluation cannot be read, so nothing is known." in page
    assert "lockgate explain octo/shop#12" in page
    assert "could not be read #12 Add search" in read(await site.get("/")).text


async def test_unknown_pull_request_says_how_to_get_one(site: httpx.AsyncClient) -> None:
    page = read(await site.get("/repos/octo/shop/pulls/99"), 404).text
    assert "octo/shop#99 is not known" in page
    assert "lockgate explain octo/shop#99" in page


async def test_addresses_that_cannot_be_are_not_found(site: httpx.AsyncClient) -> None:
    for path in (
        "/nowhere",
        "/repos/octo/shop/pulls/0",
        "/repos/octo/shop/pulls/99999999999999999999",
        "/repos/octo/shop/pulls/12%00",
        "/repos/octo/%00/pulls/12",
        "/repos/octo/%F0%9F%90%99",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
    ):
        assert "Nothing at this address" in read(await site.get(path), 404).text, path


async def test_pages_are_only_read(site: httpx.AsyncClient) -> None:
    for path in ("/", "/repos/octo/shop", "/repos/octo/shop/pulls/12"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await site.request(method, path)
            assert "This address is only read" in read(answer, 405).text
            assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_hostile_texts_are_shown_and_do_nothing(site: httpx.AsyncClient, story: int) -> None:
    for path in ("/", "/repos/octo/api", "/repos/octo/api/pulls/4"):
        answer = await site.get(path)
        document = read(answer)
        assert "<script>alert(1)</script> \\u202eevil @everyone | `x`" in document.text
        assert f"({len(HOSTILE):,} characters)" in document.text
        assert "\u202e" not in answer.text
        assert len(answer.text) < 60_000
        assert [tag for tag, _ in document.tags].count("script") == 1


async def test_suggestion_is_copied_as_it_is(site: httpx.AsyncClient, store: Store) -> None:
    line = "feat: \"quotes\" & <b> and \u202e as 'found'"
    decision = Decision(
        (
            GateResult(
                "commits",
                Verdict.FAIL,
                "bad",
                findings=(Finding("title", "rule", "problem", "quote", line),),
            ),
        )
    )
    await store.save_evaluation(evaluation(decision=decision))
    document = read(await site.get("/repos/octo/shop/pulls/12"))
    copied = [attrs["data-copy"] for tag, attrs in document.tags if tag == "button"]
    assert line in copied


async def test_every_answer_carries_the_security_headers(site: httpx.AsyncClient) -> None:
    for method, path, status in (
        ("GET", "/", 200),
        ("GET", "/repos/octo/shop", 200),
        ("GET", "/repos/octo/shop/pulls/1", 404),
        ("GET", "/nowhere", 404),
        ("POST", "/", 405),
        ("GET", "/static/live.js", 200),
        ("GET", "/healthz", 200),
        ("GET", "/fault", 500),
    ):
        answer = await site.request(method, path)
        assert answer.status_code == status
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        if not path.startswith("/static/"):
            assert answer.headers["cache-control"] == "no-store"


async def test_a_fault_shows_no_traceback(site: httpx.AsyncClient) -> None:
    answer = await site.get("/fault")
    assert "This page has a fault" in read(answer, 500).text
    assert "nobody foresaw this" not in answer.text


async def test_static_files_are_kept_only_by_the_name_of_a_release(
    site: httpx.AsyncClient,
) -> None:
    document = read(await site.get("/"))
    addresses = [
        address
        for _, attrs in document.tags
        if (address := attrs.get("href") or attrs.get("src") or "").startswith("/static/")
    ]
    assert len(addresses) == 3
    for address in addresses:
        answer = await site.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        unversioned = await site.get(address.partition("?")[0])
        assert unversioned.headers["cache-control"] == "no-cache"


async def test_page_is_sent_again_only_when_something_changed(
    site: httpx.AsyncClient, store: Store, clock: FixedClock
) -> None:
    await store.save_evaluation(evaluation())
    for path in ("/", "/repos/octo/shop", "/repos/octo/shop/pulls/12"):
        await store.save_evaluation(evaluation(age=timedelta(minutes=2)))
        held = {"If-None-Match": (await site.get(path)).headers["etag"]}
        clock.at += timedelta(minutes=1)
        same = await site.get(path, headers=held)
        assert (same.status_code, same.content) == (304, b"")
        await store.save_evaluation(evaluation(title=f"feat: {path}", age=timedelta(minutes=1)))
        changed = await site.get(path, headers=held)
        assert changed.status_code == 200
        assert changed.headers["etag"] != held["If-None-Match"]


async def test_rows_are_bounded_and_the_page_says_so(site: httpx.AsyncClient, store: Store) -> None:
    for number in range(1, PULLS_SHOWN + 2):
        await store.save_evaluation(evaluation(number=number, age=timedelta(minutes=number)))
    await store.add_deliveries(
        [delivery(f"g{number:02}", routed=False) for number in range(ROWS_SHOWN + 1)]
    )
    for number in range(1, ROWS_SHOWN + 2):
        await store.enqueue(ReconcilePullRequest(1, 7, "octo", "shop", number))
    document = read(await site.get("/"))
    rows = [attrs.get("id") or "" for tag, attrs in document.tags if tag in ("li", "tr")]
    assert sum(row.startswith("pull-") for row in rows) == PULLS_SHOWN
    assert f"Only the {PULLS_SHOWN} that were evaluated last are shown." in document.text
    assert sum(row.startswith("delivery-") for row in rows) == ROWS_SHOWN
    assert f"Only the last {ROWS_SHOWN} are shown." in document.text
    assert sum(row.startswith("job-") for row in rows) == ROWS_SHOWN
    assert f"At most {ROWS_SHOWN} of each kind are shown" in document.text


async def test_without_a_store_the_page_says_so(database_url: str, clock: FixedClock) -> None:
    async with open_store(database_url) as closed:
        app = build(closed, PublicOnly(), clock)
    async with serve(app) as url, httpx.AsyncClient(base_url=url) as client:
        answer = await client.get("/")
    assert "The database cannot be reached" in read(answer, 503).text
    assert answer.headers["retry-after"] == "5"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_what_stands_in_backticks_is_code_and_nothing_else_is_markup() -> None:
    assert str(_coded("`main` & <b>x</b> `<i>` ` `")) == (
        "<code>main</code> &amp; &lt;b&gt;x&lt;/b&gt; <code>&lt;i&gt;</code> <code> </code>"
    )
