"""Types by their names, and what is said of one that is none."""

import pytest

from aigw.providers.catalog import CATALOG
from aigw.providers.lookup import lookup


@pytest.mark.parametrize("type_", CATALOG)
def test_each_row_is_found(type_: str) -> None:
    assert lookup(type_) is CATALOG[type_]


def test_types_that_cannot_be_used() -> None:
    with pytest.raises(ValueError, match=r"^unknown provider type: opneai; did you mean 'openai'\?$"):
        lookup("opneai")
    with pytest.raises(ValueError, match=r"^missing type in provider config$"):
        lookup("")
    with pytest.raises(ValueError, match=r"^this version does not speak kling yet$"):
        lookup("kling")


@pytest.mark.parametrize(
    ("name", "type_"), [("anthropic", "claude"), ("DashScope", "qwen"), ("openai-compatible", "openai")]
)
def test_another_name_of_a_provider(name: str, type_: str) -> None:
    with pytest.raises(ValueError, match=rf"^unknown provider type: {name}; did you mean '{type_}'\?$"):
        lookup(name)
