"""How much of a text that goes on is kept back."""

import pytest

from aigw.guard.open_end import open_end

BEGIN, END = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("", 0),
        ("short", 5),
        ("plain words " * 20, len("words ")),
        ("字" * 200, 0),
        ("w " * 100 + "x" * 300, 300),
        ("w " * 100 + "x" * 5000, 2000),
        ("7 words are " * 20, 64 + len("are ")),
        ("w " * 100 + "my password is: ", 64 + len("is: ")),
        ("字" * 100 + "密码是", 64),
        ("w " * 100 + f"{BEGIN}\nabc", len(f"{BEGIN}\nabc")),
        ("w " * 100 + f"{BEGIN}\nabc\n{END}\n" + "w " * 50, 2),
        (BEGIN + "a " * 20_000, 2),
    ],
)
def test_held(text, held):
    assert open_end(text) == held
