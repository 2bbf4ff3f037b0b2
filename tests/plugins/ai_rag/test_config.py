"""The forms of the configuration, and what is missing in one."""

from typing import Any

import pytest
from retrieval_world import LOCAL, ORIGINAL, TODAY
from world import configured

from aigw.core.errors import ConfigError


def problems(config: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        configured({"ai-rag": config})
    return "\n".join(caught.value.findings)


@pytest.mark.parametrize("config", [{}, LOCAL, TODAY, ORIGINAL, {"dashvector": {"collection": "docs"}}])
def test_forms(config):
    configured({"ai-rag": config})


@pytest.mark.parametrize(
    ("part", "key"),
    [(part, key) for part, keys in TODAY.items() for key in keys],
)
def test_todays_form_wants_all_its_keys(part, key):
    less = {**TODAY, part: {name: value for name, value in TODAY[part].items() if name != key}}
    assert f"{part}.{key} not found in plugin config!" in problems(less)


def test_a_template_must_not_lose_the_question():
    assert "{{question}}" in problems({"template": "no"})
    assert "{{documents}}" in problems({"template": "{{question}}", "position": "question"})


def test_no_passage_can_be_so_similar():
    assert "minScore: must be at most 1, got 5" in problems({"minScore": 5})
