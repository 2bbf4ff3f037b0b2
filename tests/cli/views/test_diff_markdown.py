"""Markdown for a pull request: it fits a comment, and what others wrote is never markup."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.cli.views.diff_markdown import MOST, code, markdown
from aigw.traffic.format.recording import Folded, SentRequest, Source
from aigw.traffic.matching.miss import Difference
from aigw.traffic.runs.client_calls import ClientCall
from aigw.traffic.runs.outcome import Outcome
from aigw.traffic.runs.run_comparison import Compared, Comparison


def call(number=1):
    request = SentRequest(method="POST", path="/v1/chat/completions")
    return ClientCall(
        name=f"{number:03}-01-chat.json", last="", group=("", number), session="", at=0.0,
        source=Source(date=""), client=request, sent=request, outcome=Outcome(status=200),
    )  # fmt: skip


def answer(text):
    return Outcome(status=200, answer=Folded(text=[text], finish="stop"))


def comparison(*differences, old="Hi", new="Hi", calls=1):
    outcomes = [answer(old)] * calls, [answer(new)] * calls
    each = [
        Compared(call(number), call(number), *pair, False, differences, ["text"] if old != new else [])
        for number, pair in enumerate(zip(*outcomes, strict=True), 1)
    ]
    return Comparison(each, *outcomes)


def test_a_report():
    found = markdown(comparison(Difference("replace", "messages[0].content", '"a"', '"b"'), new="You"), "main", "pr")
    assert found.startswith(
        "### Recordings: `main` → `pr`\n\n1 call → 1: 1 with another request, 1 with another answer.\n"
    )
    assert '- `messages[0].content` `"a"` → `"b"` (`001-01-chat`)' in found
    assert "| `~` | `001-01-chat` | request, text | ? | ? | 0ms | text: `Hi` → `You` |" in found
    assert found.count("<details>") == found.count("</details>") == 2


def test_nothing_differs():
    found = markdown(comparison(), "main", "pr")
    assert "no difference" in found
    assert "<details>" not in found


@pytest.mark.parametrize(
    "hostile",
    ["`</details><script>", "a | b", "@octocat #1 <img src=x>", "x\n\n# title", "```\n| a | b |", "\x1b[31m", "`", "|"],
)
def test_what_others_wrote_stays_in_code(hostile):
    found = markdown(comparison(Difference("add", hostile, "", hostile), new=hostile), hostile, hostile)
    outside = re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", found)
    for mark in ("<script>", "<img", "@octocat", "# title", "\x1b"):
        assert mark not in outside
    rows = [line for line in found.splitlines() if line.startswith("| `~`")]
    assert [len(re.split(r"(?<!\\)\|", row)) for row in rows] == [9]


def test_a_large_difference_fits_a_comment():
    many = [Difference("replace", f"messages[{n}].content", "x" * 300, "y" * 300) for n in range(300)]
    found = markdown(comparison(*many, new="Y" * 500, calls=300), "a" * 5000, "b" * 5000)
    assert len(found) <= MOST
    assert re.search(r"… and \d+ more\n\n</details>", found)
    assert found.count("<details>") == found.count("</details>") == 2


@given(st.text(max_size=50))
def test_code_is_one_span(text):
    written = code(text).replace(r"\|", "|")
    fence = re.match("`+", written)[0]
    assert "\n" not in written
    assert written.endswith(fence)
    inside = written[len(fence) : -len(fence)]
    assert fence not in re.findall("`+", inside)
