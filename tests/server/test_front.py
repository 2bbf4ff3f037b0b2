"""The page at /: plain, escaped, and with nothing that a browser would run or fetch."""

import re

from aigw.server.front import FRONT_HEADERS, front_page


def test_it_names_the_address_the_models_and_three_clients():
    page = front_page("127.0.0.1:4700", ["echo", "mock"]).decode()
    assert "<code>http://127.0.0.1:4700/v1</code>" in page
    assert "<code>echo</code>, <code>mock</code>" in page
    assert page.count("<pre>") == 3
    assert '"model":"echo"' in page


def test_nothing_runs_and_nothing_is_fetched():
    page = front_page("h", []).decode()
    assert not re.search(r"<(script|style|link|img|iframe)|\son\w+=|src=|style=|href=\"(?!/)", page)
    assert "default-src 'none'" in FRONT_HEADERS["Content-Security-Policy"]


def test_names_are_escaped_and_not_endless():
    page = front_page('h"><script>', [f"<b>{n}" for n in range(80)]).decode()
    assert "<script" not in page and "<b>" not in page
    assert "and 30 more" in page
