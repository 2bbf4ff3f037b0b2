"""Which reader reads a source."""

import pytest

from aigw.rag.readers.kinds import kind_of, reader_of


@pytest.mark.parametrize(
    ("name", "kind"), [("a/README.md", "markdown"), ("A.MD", "markdown"), ("notes", "text"), ("x.txt", "text")]
)
def test_the_name_says_the_kind(name, kind):
    assert kind_of(name) == kind
    assert callable(reader_of(kind))
