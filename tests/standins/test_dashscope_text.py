"""DashScope's API for texts, as its SDK asks it, answered by models of this gateway."""

import asyncio
import json
from functools import partial

import dashscope
import pytest
from multidict import CIMultiDict
from standins_world import standins_world

from aigw.clients.dashscope_text import GENERATE_PATH
from aigw.core.asking import AskError
from aigw.core.model import Request
from aigw.standins.dashscope import DashScopeStandin
from aigw.standins.dashscope_text import TextGeneration

TURNS = [{"role": "system", "content": "s"}, {"role": "user", "content": "Hi there"}]


def standin(answer, asked):
    async def ask(question):
        asked.append(question)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return DashScopeStandin(None, TextGeneration(ask, lambda: "id-1"), lambda: "id-1")


async def post(answer, body, asked=None, **headers):
    named = CIMultiDict(
        {"content-type": "application/json", **{name.replace("_", "-"): headers[name] for name in headers}}
    )
    request = Request("POST", GENERATE_PATH, "", named, json.dumps(body).encode())
    return await standin(answer, [] if asked is None else asked)(request)


async def test_a_model_of_the_gateway_is_asked():
    asked = []
    found = await post(
        "Hello", {"model": "qwen-max", "input": {"messages": TURNS}, "parameters": {"max_tokens": 9}}, asked
    )
    assert [tuple(each[:2]) for each in asked[0].turns] == [("system", "s"), ("user", "Hi there")]
    assert (asked[0].model, asked[0].route, asked[0].max_tokens) == ("qwen-max", "", 9)
    assert json.loads(found.body) == {
        "output": {"text": "Hello", "finish_reason": "stop"},
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        "request_id": "id-1",
    }


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"input": {"messages": TURNS}}, "Hi there"),
        ({"input": {"prompt": "Hi"}}, "Hi"),
        ({"input": {"messages": [*TURNS, {"role": "assistant", "content": "x"}]}}, "Hi there"),
        ({"input": {"messages": TURNS[:1]}}, "s"),
    ],
)
async def test_where_there_is_no_such_model_echo_answers(body, text):
    found = await post(AskError("none", absent=True), {"model": "qwen-max", **body})
    assert json.loads(found.body)["output"]["text"] == text


async def test_a_model_that_fails_is_no_echo():
    found = await post(AskError("llm: status 500"), {"input": {"messages": TURNS}})
    assert (found.status, json.loads(found.body)["message"]) == (500, "llm: status 500")


@pytest.mark.parametrize("body", [{}, {"input": {}}, {"input": {"messages": []}}, {"input": "x"}])
async def test_no_question(body):
    found = await post("Hello", body)
    assert (found.status, json.loads(found.body)["code"]) == (400, "InvalidParameter")


async def test_messages_and_streams():
    body = {"input": {"messages": TURNS}, "parameters": {"result_format": "message"}}
    plain = json.loads((await post("Hello", body)).body)
    assert plain["output"]["choices"][0]["message"] == {"role": "assistant", "content": "Hello"}
    stream = await post("Hello", body, x_dashscope_sse="enable")
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.body.count(b"data:") == 2


async def test_the_sdk_is_answered(tmp_path):
    async with standins_world(tmp_path, real_models=True) as it:
        call = partial(dashscope.Generation.call, base_address=f"{it.url}/api/v1", api_key="k")
        for model in ("echo", "qwen-max"):
            answer = await asyncio.to_thread(call, model, messages=TURNS, result_format="message")
            assert answer.output.choices[0].message.content == "Hi there"
        pieces = await asyncio.to_thread(lambda: list(call("echo", prompt="Hi", stream=True)))
        assert pieces[-1].output.text == "Hi"
