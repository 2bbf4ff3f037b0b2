"""How much of a text that goes on is kept back."""

import pytest

from aigw.guard.open_end import open_end

BEGIN, END = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("", 0),
        ("short", 5),
        ("plain words " * 20, 64 + len("words ")),
        ("字" * 200, 64),
        ("w " * 100 + "x" * 300, 364),
        ("w " * 100 + "x" * 5000, 2064),
        ("w " * 100 + f"{BEGIN}\nabc", len(f"{BEGIN}\nabc")),
        ("w " * 100 + f"{BEGIN}\nabc\n{END}\n" + "w " * 50, 66),
        (BEGIN + "a " * 20_000, 66),
    ],
)
def test_held(text, held):
    assert open_end(text) == held
