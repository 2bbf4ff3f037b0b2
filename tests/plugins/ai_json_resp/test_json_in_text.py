"""JSON in what a model says."""

import json
import time

import pytest
from any_json import anything
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_json_resp.json_in_text import MOST, NoJsonError, find


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (" [1]\n", [1]),
        ('Here it is:\n```json\n{"a": 1}\n```\nDone.', {"a": 1}),
        ("```\n[1]```", [1]),
        ('So {"a": {"b": "}"}} it is {x}', {"a": {"b": "}"}}),
        ('A set {x} and {"a": 1}', {"a": 1}),
        ('{"a": 1', None),
        ("42", None),
        ('{"a": NaN}', None),
        ("nothing", None),
        ("", None),
        ("[" * 100_000, None),
        ("x" * (MOST + 1), None),
    ],
)
def test_what_is_found(text, value):
    if value is not None:
        assert find(text).value == json.loads(find(text).text) == value
    else:
        with pytest.raises(NoJsonError):
            find(text)


def test_it_says_what_is_wrong():
    with pytest.raises(NoJsonError, match="no JSON object or array: Expecting ',' delimiter"):
        find('{"a": 1 "b"}')


@given(st.dictionaries(st.text(), anything), st.text(alphabet="abc .\n"), st.text(alphabet="abc .\n"))
def test_json_is_found_between_words(value, before, after):
    assert find(f"{before}{json.dumps(value)}{after}").value == value


@pytest.mark.parametrize("text", ["```\n" * 250_000, "```" + " " * 900_000, "{" * 900_000, '{"a":' * 200_000])
def test_it_takes_linear_time(text):
    start = time.perf_counter()
    with pytest.raises(NoJsonError):
        find(text)
    assert time.perf_counter() - start < 5
