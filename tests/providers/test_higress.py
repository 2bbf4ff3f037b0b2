"""What Higress does in another way replaces what we do: a difference whose name nobody calls any more is none."""

import pytest

from aigw.dialects.dashscope_higress import HigressStream
from aigw.providers.higress import HigressAnswers, HigressEdits, HigressProvider


@pytest.mark.parametrize("kind", [HigressProvider, HigressEdits, HigressAnswers, HigressStream])
def test_each_difference_replaces_something(kind):
    ours = kind.__base__
    names = [name for name in vars(kind) if not name.startswith("__")]
    assert names
    for name in names:
        assert hasattr(ours, name), f"{ours.__name__} has no {name}"
        assert getattr(ours, name) is not getattr(kind, name), name
