"""YAML that people read."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from aigw.config.source import read_stream
from aigw.resources.text import yaml_of


def test_texts_of_several_lines_are_blocks_and_nothing_is_an_alias():
    shared = {"a": 1}
    assert yaml_of({"x": "one\ntwo\n", "y": [shared, shared]}) == "x: |\n  one\n  two\ny:\n  - a: 1\n  - a: 1\n"


@given(
    st.recursive(
        st.text() | st.integers() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_what_is_written_is_read_again(value):
    text = yaml_of({"value": value})
    assert yaml.safe_load(text) == {"value": value}
    ((source,), report) = read_stream(text.encode(), "")
    assert not report.errors
    assert source.values == {"value": value}
