"""The old text completions of the built-in models."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types import Completion

PATH = "/v1/completions"


async def test_echo_answers_each_prompt(models) -> None:
    body = {"model": "echo", "prompt": ["one", "two words"], "n": 2}
    completion = Completion.model_validate((await models().ask(PATH, body)).json)
    assert [choice.text for choice in completion.choices] == ["one", "one", "two words", "two words"]
    assert [choice.index for choice in completion.choices] == [0, 1, 2, 3]
    assert completion.usage
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (3, 6)
    assert completion.id.startswith("cmpl-")


@pytest.mark.parametrize("options", [None, {"include_usage": True}])
async def test_mock_streams(models, options: Any) -> None:
    body = {"model": "mock", "prompt": "go on", "max_tokens": 5, "stream": True, "stream_options": options}
    answered = await models(tokens=9).ask(PATH, body)
    choices = [event["choices"][0] for event in answered.events[:6]]
    assert "".join(choice["text"] for choice in choices) == "Lorem ipsum dolor sit amet"
    assert [choice["finish_reason"] for choice in choices] == [None] * 5 + ["length"]
    rest = [(event["choices"], event["usage"]) for event in answered.events[6:]]
    assert rest == ([([], {"prompt_tokens": 2, "completion_tokens": 5, "total_tokens": 7})] if options else [])


@pytest.mark.parametrize("prompt", [[1, 2], [[1]], 7, []])
async def test_a_prompt_that_is_no_text_is_refused(models, prompt: Any) -> None:
    answered = await models().ask(PATH, {"model": "mock", "prompt": prompt})
    assert answered.status == 400
    assert answered.json["error"]["param"].startswith("prompt")
