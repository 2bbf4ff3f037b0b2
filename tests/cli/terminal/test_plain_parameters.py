"""A plain value becomes what typer makes of it; what is wrong is left to typer."""

import os
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.cli.terminal.plain_parameters import plain_value


class Colour(Enum):
    RED = "red"


class Limits(NamedTuple):
    min: float | None = None
    max: float | None = None


PORT = Limits(0, 65535)


@pytest.mark.parametrize(
    ("annotation", "value", "limits", "found"),
    [
        (str, "a", Limits(), "a"),
        (bool, True, Limits(), True),
        (int, "7", PORT, 7),
        (int, 7, PORT, 7),
        (float, "0.5", Limits(0), 0.5),
        (Colour, "red", Limits(), Colour.RED),
        (Path, "none", Limits(), Path("none")),
        (Path, Path("a"), Limits(), Path("a")),
        (str, None, Limits(), None),
        (list[str], None, Limits(), []),
        (list[Path], ("a", "b"), Limits(), [Path("a"), Path("b")]),
    ],
)
def test_plain(annotation, value, limits, found):
    assert plain_value(annotation, value, limits) == found


@pytest.mark.parametrize(
    ("annotation", "value", "limits"),
    [
        (int, "x", PORT),
        (int, "-1", PORT),
        (int, "65536", PORT),
        (int, "1.5", PORT),
        (float, "nan", Limits(0)),
        (Colour, "RED", Limits()),
        (bool, "yes", Limits()),
        (list[int], ("1", "x"), PORT),
    ],
)
def test_left_to_typer(annotation, value, limits):
    with pytest.raises(ValueError):
        plain_value(annotation, value, limits)


@given(st.text())
def test_any_text(text):
    assert plain_value(str, text, Limits()) == text
    assert plain_value(list[str], [text], Limits()) == [text]


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_left_to_typer(tmp_path):
    file = tmp_path / "secret"
    file.touch(mode=0)
    with pytest.raises(ValueError):
        plain_value(Path, str(file), Limits())
