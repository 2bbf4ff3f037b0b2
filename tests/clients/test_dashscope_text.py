"""DashScope's texts: how they are asked for, and answers that have none."""

import pytest
from fakes import FakeUpstream, answer_json, make_env

from aigw.clients.callout import Callout, CalloutError
from aigw.clients.dashscope_text import GENERATE_PATH, DashScopeText, generated


async def test_a_model_is_asked():
    upstream = FakeUpstream(answer_json({"output": {"text": "Hi", "finish_reason": "length"}}))
    client = DashScopeText(Callout(make_env(upstream), "qwen.dns", 443, "dashscope", 1.0), "sk-1", "qwen-max")
    assert await client.generate([("system", "s"), ("user", "u")]) == ("Hi", "length")
    assert (upstream.last.path, upstream.last.headers["authorization"]) == (GENERATE_PATH, "Bearer sk-1")
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    assert upstream.json() == {"model": "qwen-max", "input": {"messages": messages}}


@pytest.mark.parametrize("finish", [None, "null", "", 5])
def test_it_does_not_say_how_it_ended(finish):
    assert generated({"output": {"text": "Hi", "finish_reason": finish}}) == ("Hi", "")


@pytest.mark.parametrize(
    "body", [{}, [], None, "x", {"output": None}, {"output": {"text": ""}}, {"output": {"text": 5}}]
)
def test_an_answer_without_a_text(body):
    with pytest.raises(CalloutError, match="no text"):
        generated(body)
