"""The page in a real browser, with made-up data (tests/support/page_server.py): live, by keyboard, for screen readers, on a
phone, in Chinese, with hostile texts and with 5,000 requests."""

import asyncio
import json
import os
import random
import time
from contextlib import AsyncExitStack
from pathlib import Path

import page_data
import pytest
from browser import REQUIRED, browsing, chromium, open_page
from page_server import PageWorld, serving_page
from serving import chat, serving, stopped
from stage.node import NoNodeError, found, install

AXE = Path(__file__).parent / "page"
VIEWS = (
    "requests", "requests/req-000012", "numbers/24h", "playground/chat", "playground/template", "playground/search", "playground/guard",
    "knowledge", "knowledge/docs", "recordings", "configuration", "start",
)  # fmt: skip


@pytest.fixture(scope="module")
def path():
    if (found := chromium()) is None:
        if os.environ.get(REQUIRED) == "1":
            raise RuntimeError("there is no Chromium")
        pytest.skip("there is no Chromium")
    return found


@pytest.fixture(scope="module")
def browser(path):
    with browsing(path) as address:
        yield address


@pytest.fixture
async def page(browser):
    async with open_page(browser) as page:
        await page.look()
        yield page


@pytest.fixture(scope="module")
def axe():
    for _, npm in found():
        try:
            install(AXE, npm)
        except NoNodeError as error:
            if os.environ.get("AIGW_REQUIRE_NODE") == "1":
                raise
            pytest.skip(str(error))
        return (AXE / "node_modules" / "axe-core" / "axe.min.js").read_text()
    pytest.skip("there is no npm")


def text(selector):
    return f"(document.querySelector({json.dumps(selector)})?.innerText ?? '')"


def count(selector):
    return f"document.querySelectorAll({json.dumps(selector)}).length"


LOADED = "document.querySelector('main h1') && ![...document.querySelectorAll('.loading')].some(each => each.checkVisibility())"
ROWS = count("tr[data-id]")


async def test_requests_appear_as_they_pass_and_after_a_break(page):
    """Without a request it says what to do; a broken connection is opened again, and nothing is missed."""
    async with serving_page(PageWorld(0)) as world:
        await page.open(world.url)
        assert "curl" in await page.until(text(".empty pre"))
        await world.watched()
        await world.passes(page_data.requests(1)[0])
        assert await page.until(f"{ROWS} === 1") and await page.run("document.querySelector('.empty') === null")
        world.hang_up()
        world.requests.append(page_data.requests(2)[1])  # passes while nobody listens
        await page.until(f"{ROWS} === 2")
        await world.watched()
        await world.passes({**page_data.requests(3)[2], "model": "the-newest"})
        assert "the-newest" in await page.until(f"{ROWS} === 3 && {text('tr[data-id]')}")
        assert await page.until(text('.live[data-state="live"]')) == "live"


async def test_many_tabs_and_the_way_back(page, browser):
    """A browser opens six connections to a host: pages that were left, and more tabs than that, must not take them all."""
    async with serving_page(PageWorld(3)) as world, AsyncExitStack() as stack:
        for _ in range(7):
            await page.open(world.url)
            await page.until(f"{ROWS} === 3 && {text('.live')} === 'live'")
        tabs = [await stack.enter_async_context(open_page(browser, page.context)) for _ in range(7)]
        await asyncio.gather(*(tab.open(world.url) for tab in tabs))
        await asyncio.gather(*(tab.until(f"{ROWS} === 3 && {text('.live')} === 'live'") for tab in tabs))
        await world.passes(*page_data.requests(4)[3:])
        for each in (page, *tabs):
            await each.until(f"{ROWS} === 4")
        assert world.readers == 1
        await page.open("about:blank")  # it led; another goes on
        await world.watched()
        await world.passes(*page_data.requests(5)[4:])
        for tab in tabs:
            await tab.until(f"{ROWS} === 5")


async def test_a_filter_stands_in_the_address(page):
    async with serving_page(PageWorld(30)) as world:
        await page.open(f"{world.url}/#/requests?status=failed")
        failed = sum(each["status"] >= 400 for each in world.requests)
        await page.until(f"{ROWS} === {failed}")
        await page.press("/")
        assert await page.run("document.activeElement.type") == "search"
        await page.type("429")
        await page.until(f"{ROWS} < {failed} && location.hash.includes('text=429')")
        assert await page.run("[...document.querySelectorAll('td.c-status')].every(each => each.innerText === '429')")
        await page.type(" nothing")
        await page.until("document.querySelector('.empty button')")
        await page.run("document.querySelector('.empty button').click()")
        await page.until(
            f"{ROWS} === 30 && location.hash === '#/requests' && document.querySelector('input').value === ''"
        )


async def test_one_request_shows_its_way_and_is_sent_again(page):
    async with serving_page(PageWorld(30)) as world:
        wanted = next(
            each
            for each in world.requests
            if each["status"] == 200 and each["cache"] != "hit" and each["guard"] != "denied"
        )
        await page.open(f"{world.url}/#/requests/{wanted['id']}")
        await page.until(count(".way > li"))
        shown = await page.run(text(".detail"))
        for said in (
            "ai-statistics",
            "changed the request",
            "look_up",
            "docs/keeping.md",
            "0.871",
            "Wait for the first byte",
        ):
            assert said in shown
        assert await page.run(text(".changes ins")) == " from the passages"
        assert await page.run("getComputedStyle(document.querySelector('.bar-stream')).width !== '0px'")
        await page.run(
            "[...document.querySelectorAll('.section')].find(each => each.innerText.includes('Raw answer')).open = true"
        )
        assert "data: [DONE]" in await page.until(
            "[...document.querySelectorAll('.section[open] pre')].map(each => each.innerText).find(each => each.includes('[DONE]'))"
        )
        await page.run("document.querySelector('.actions .primary').click()")
        await page.run(
            "document.querySelector('.again input').value = 'other'; document.querySelector('.again .fields .primary').click()"
        )
        await page.until(f"{count('.answer-column')} === 2 && {text('.answer-column:last-child')}.includes('9 tokens')")
        assert "while somebody looks." in await page.run(text(".answer-column:last-child"))
        assert world.asked == [{**json.loads(page_data.details(wanted)["request"]["body"]), "model": "other"}]


@pytest.mark.parametrize(("what", "said"), [("hit", "the same question was asked before"), ("denied", "blocked (403)")])
async def test_a_plugin_that_answers_itself(page, what, said):
    async with serving_page(PageWorld(60)) as world:
        wanted = next(each for each in world.requests if what in (each["cache"], each["guard"]))
        await page.open(f"{world.url}/#/requests/{wanted['id']}")
        assert said in await page.until(text(".way .itself"))


async def test_hostile_texts_are_texts(page):
    """Markup and control characters in every name, and a text of 1 MB: shown as they are, cut, and nothing runs."""
    async with serving_page(PageWorld(1)) as world:
        world.requests[0] = page_data.hostile(world.requests[0])
        world.text = page_data.HOSTILE + "x" * 1_000_000
        await page.open(f"{world.url}/#/requests/{world.requests[0]['id']}")
        await page.until(count(".long button"))
        assert await page.run("document.title") == "Requests · aigw"
        assert await page.run(f"{count('main script')} + {count('main img')}") == 0
        shown = await page.run(text(".turn.answer .said"))
        assert "<script>" in shown and "␛[31mred⟨U+202E⟩" in shown and len(shown) < 10_000
        await page.run("document.querySelector('.turn.answer > .long button').click()")
        assert await page.run("document.querySelector('.turn.answer .said').textContent.length") > 1_000_000
        assert "<img" in await page.run("document.querySelector('td.c-model').innerText")
        assert page.errors == []


async def test_what_a_request_cost_and_how_it_ended_is_not_cut(page):
    """A figure whose end is missing is another figure."""
    async with serving_page(PageWorld(3)) as world:
        for each, cost in zip(world.requests, (0.0000123, 0.00000123, 12345.6), strict=True):
            each |= {"status": 200, "outcome": "failed", "error": "upstream_reset", "cost": cost}
        await page.open(world.url)
        await page.until(f"{ROWS} === 3")
        cut = "[...document.querySelectorAll('tbody :is(.c-status, .c-cost)')].filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText)"
        for width in (1440, 1100, 768):
            await page.look(width=width)
            assert await page.run(cut) == [], width
        await page.look()
        await page.run("document.querySelector('tr[data-id]').click()")
        await page.until("document.querySelector('.split.open')")
        assert await page.run(cut) == []


async def test_five_thousand_requests_stay_smooth(page):
    """Few rows are in the document, what is looked at stays in its place, and an update takes less than a frame or two."""
    async with serving_page(PageWorld(5000)) as world:
        await page.open(world.url)
        await page.until(f"{ROWS} > 10")
        assert await page.run(ROWS) < 80
        await page.run("document.querySelector('.list').scrollTop = 90000")
        middle = "document.elementFromPoint(500, 500)?.closest('tr')?.dataset.id"
        before = await page.until(middle)
        await world.watched()
        await world.passes(
            *(page_data.summary(each, page_data.NOW, random.Random(each)) | {"id": f"new-{each}"} for each in range(20))
        )
        await page.until("document.querySelector('.list').scrollTop === 90000 + 20 * 34")
        assert await page.run(middle) == before
        took = await page.run(
            "(async () => { const list = document.querySelector('.list'); const times = [];"
            "for (let at = 0; at < 15; at++) { list.scrollTop = at * 10000; const begun = performance.now();"
            "await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame); times.push(performance.now() - begun); }"
            "return times.sort((a, b) => a - b)[7]; })()"
        )
        assert took < 500  # on a busy machine; otherwise a frame or two
        assert await page.run(ROWS) < 80


async def test_it_is_used_by_keyboard(page):
    async with serving_page(PageWorld(30)) as world:
        await page.open(world.url)
        await page.until(ROWS)
        await page.press("Tab")
        assert await page.run("document.activeElement.className") == "skip"
        for _ in range(2):
            await page.press("j")
        assert await page.run("document.activeElement.closest('tr').getAttribute('aria-rowindex')") == "3"
        await page.press("Enter", "\r")
        await page.until("location.hash.startsWith('#/requests/') && document.querySelector('.way')")
        first = await page.run("location.hash")
        await page.press("j")
        await page.until(f"location.hash !== {json.dumps(first)} && document.querySelector('.way')")
        await page.press("Tab")
        assert await page.run("document.activeElement.closest('.detail') !== null")  # not 27 rows later
        await page.press("Escape")
        await page.until("document.querySelector('.detail').hidden && document.activeElement.closest('tr')")


async def test_a_chat_streams(page):
    async with serving_page(PageWorld(1)) as world:
        await page.open(f"{world.url}/#/playground")
        await page.until("document.querySelector('.settings input')?.value")
        await page.run("document.querySelector('.compose textarea').focus()")
        await page.type("Hello <b>you</b>")
        await page.press("Enter", "\r")
        assert (
            await page.until(f"{text('.status')}.includes('9 out') && {text('.turn.assistant pre')}")
            == "Requests are kept while somebody looks."
        )
        assert await page.run(text(".turn.user pre")) == "Hello <b>you</b>"
        assert world.asked[0]["messages"] == [{"role": "user", "content": "Hello <b>you</b>"}]
        await page.type("And?")
        await page.press("Enter", "\r")
        await page.until(f"{count('.turn.assistant')} === 2 && {text('.status')}.includes('9 out')")
        assert [each["role"] for each in world.asked[1]["messages"]] == ["user", "assistant", "user"]
        await page.run("document.querySelector('.settings input').value = 'unknown'")
        await page.type("Again?")
        await page.press("Enter", "\r")
        assert await page.until(text(".talk .failure")) == "there is no such model"
        await page.until("document.querySelector('.compose textarea').value === 'Again?'")
        await page.run(
            "document.querySelector('.settings input').value = 'qwen-max'; document.querySelector('.compose .primary').click()"
        )
        await page.until(
            f"{count('.turn.assistant')} === 3 && {count('.turn.user')} === 3 && {count('.talk .failure')} === 0"
        )
        await page.run("document.querySelector('.settings input').value = 'locked'")
        await page.type("Let me in")
        await page.press("Enter", "\r")
        await page.until("document.activeElement.type === 'password' && document.activeElement.checkVisibility()")
        assert await page.run("document.querySelector('.compose textarea').value") == "Let me in"


async def test_what_a_guard_and_a_template_do(page):
    async with serving_page(PageWorld(1)) as world:
        await page.open(f"{world.url}/#/playground/guard")
        await page.until(count(".trial textarea"))
        await page.run(
            "document.querySelector('.trial textarea').value = 'Mail 🙂ann@example.com!'; document.querySelector('.trial .primary').click()"
        )
        assert await page.until(text("mark")) == "ann@example.com"
        await page.run("location.hash = '#/playground/template'")
        await page.until(f"{count('.trial textarea')} === 2")
        await page.run(
            "document.querySelectorAll('.trial textarea').forEach((each, at) => each.value = ['French', 'Hi'][at]); document.querySelector('.trial .primary').click()"
        )
        assert await page.until(text(".outcome pre")) == "Translate into French: Hi"


async def test_the_admin_key_is_asked_for_once(page):
    async with serving_page(PageWorld(3, admin_key="secret")) as world:
        await page.open(world.url)
        await page.until("document.activeElement.type === 'password'")
        await page.type("secret")
        await page.press("Enter", "\r")
        await page.until(f"{ROWS} === 3 && {count('dialog')} === 0")
        await page.run("location.hash = '#/numbers'")
        await page.until(count(".tiles"))


async def test_it_speaks_chinese(page):
    await page.look(language="zh-CN,zh")
    async with serving_page(PageWorld(30)) as world:
        await page.open(f"{world.url}/#/numbers")
        await page.until(count(".tiles"))
        assert await page.run("document.documentElement.lang") == "zh-CN"
        assert await page.run("document.querySelector('nav').innerText.split('\\n')") == [
            "请求",
            "统计",
            "试验台",
            "知识库",
            "录制",
            "配置",
            "开始",
        ]


SERIOUS = """axe.run(document, {resultTypes: ["violations"], elementRef: false}).then(found => found.violations
  .filter(each => ["serious", "critical"].includes(each.impact))
  .map(each => `${each.id}: ${each.nodes.slice(0, 3).map(node => node.target.join(" ") + " " + node.failureSummary).join("; ")}`))"""


@pytest.mark.parametrize(
    ("width", "dark", "language", "views"), [(1440, False, "en-US", VIEWS), (390, True, "zh-CN", VIEWS[:4])]
)
async def test_everybody_can_use_it(page, axe, width, dark, language, views):
    """axe-core finds nothing serious in any view, the document itself does not scroll, and the console is quiet."""
    await page.look(width=width, dark=dark, language=language)
    async with serving_page(PageWorld(30)) as world:
        await page.open(world.url)
        await page.until(LOADED)
        await page.run(f"{axe}; 0")
        found = {}
        for view in views:
            await page.run(f"location.hash = '#/{view}'")
            await page.until(f"{LOADED} && (document.title, new Promise(requestAnimationFrame))")
            if problems := await page.run(SERIOUS):
                found[view] = problems
            size = await page.run(
                "(({scrollWidth, scrollHeight}) => [scrollWidth, scrollHeight])(document.documentElement)"
            )
            assert size == [width, 900], view
        assert (found, page.errors) == ({}, [])


CONFIG = """
plugins:
  ai-prompt-decorator: {prepend: [{role: system, content: Be brief.}]}
  ai-proxy: {provider: {type: builtin}}
"""


async def test_the_page_of_a_gateway(page, tmp_path):
    """`aigw serve`: a stream appears, shows its way and is sent again, the playground asks the same gateway, every view is
    answered, and Ctrl-C ends it at once although the page is open."""
    (tmp_path / "aigw.yaml").write_text(CONFIG)
    with serving(tmp_path) as serve:
        process, url = await asyncio.to_thread(serve)
        await page.open(url)
        await page.until(text('.live[data-state="live"]'))
        assert (await asyncio.to_thread(chat, url, "Hello <b>you</b>", stream=True))[0] == 200
        await page.until(f"{ROWS} === 1")
        await page.run("document.querySelector('tr[data-id]').click()")
        await page.until(count(".way > li"))
        shown = await page.run(text(".detail"))
        for said in ("ai-prompt-decorator", "Be brief.", "builtin", "Hello <b>you</b>", "/v1/chat/completions"):
            assert said in shown
        await page.run(
            "document.querySelector('.again').open = true; document.querySelector('.again .fields .primary').click()"
        )
        last = text(".answer-column:last-child")
        await page.until(
            f"{count('.answer-column')} === 2 && {last}.includes(' ms') && {last}.includes('Hello <b>you</b>')"
        )
        await page.until(f"{ROWS} === 2")
        await page.run("location.hash = '#/playground'")
        await page.until("document.querySelector('.settings input')?.value")
        await page.run("document.querySelector('.compose textarea').focus()")
        await page.type("Good day")
        await page.press("Enter", "\r")
        assert await page.until(f"{text('.status a')} && {text('.turn.assistant pre')}") == "Good day"
        for view in VIEWS[2:]:
            if view != "knowledge/docs":
                await page.run(f"location.hash = '#/{view}'")
                await page.until(LOADED)
                await page.run("new Promise(requestAnimationFrame)")
                assert await page.run(text(".failure")) == "", view
        assert page.errors == []
        begun = time.monotonic()
        await asyncio.to_thread(stopped, process)
        assert time.monotonic() - begun < 8
        await page.until(text('.live[data-state="lost"]'))
