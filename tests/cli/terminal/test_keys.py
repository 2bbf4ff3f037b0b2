"""Keys as terminals send them."""

from aigw.cli.terminal.keys import parse


def test_keys_are_parsed():
    assert parse("s\x1b[A\x1bOB\x1b[5~q\x1b[1;5Cx模") == ["s", "up", "down", "page up", "q", "x", "模"]
