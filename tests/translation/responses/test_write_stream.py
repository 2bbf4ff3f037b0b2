"""An answer as clients of OpenAI's Responses API read it."""

from translating import frame, write

from aigw.core.tokens import Tokens
from aigw.dialects.openai_responses_whole import pieces, whole
from aigw.translation.events import (
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Counted,
    Ended,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.hub import Tool
from aigw.translation.responses.write_stream import ResponsesStreamWriter

END = (Finished("stop"), Ended())
CALL = (CallStart(0, "c1", "f"), CallDelta(0, '{"a":'), CallDelta(0, "1}"), CallEnd(0))


def events(*given, **conversation):
    return write(ResponsesStreamWriter(frame(**conversation)), Started("c", "m1"), *given)


def output(*given, **conversation):
    return events(*given, *END, **conversation)[-1]["response"]["output"]


def kinds(written):
    return [body["type"].removeprefix("response.") for body in written]


def test_the_whole_order():
    """Wei-Shaw/sub2api#2926, codex-acp#266: added before deltas, with an empty summary; done before completed."""
    written = events(ThinkingDelta("hm"), ThinkingState("S"), TextDelta("a"), TextDelta("b"), *CALL, *END)
    assert kinds(written) == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    assert [body["sequence_number"] for body in written] == list(range(len(written)))
    assert (written[2]["item"]["summary"], written[9]["part"]["text"]) == ([], "")
    assert {body["response"]["id"] for body in written if "response" in body} == {"resp_1"}
    assert [body["output_index"] for body in written if body["type"].endswith("item.done")] == [0, 1, 2]
    done = [body["item"] for body in written if body["type"].endswith("item.done")]
    assert done == written[-1]["response"]["output"]
    assert done[1]["content"] == [{"type": "output_text", "text": "ab", "annotations": [], "logprobs": []}]
    assert (done[2]["call_id"], done[2]["arguments"], done[2]["status"]) == ("c1", '{"a":1}', "completed")


def test_the_events_are_those_of_the_whole_response():
    written = events(TextDelta("a"), TextDelta("no", refusal=True), ThinkingDelta("x"), *CALL, *END)
    response = written[-1]["response"]
    assert whole(written) == response
    assert kinds(pieces(response)) == [
        kind for kind, before in zip(kinds(written), ["", *kinds(written)], strict=False)
        if not (kind.endswith(".delta") and kind == before)
    ]  # fmt: skip


def test_two_calls_whose_pieces_come_in_turns():
    """can1357/oh-my-pi#2620: the pieces are told apart by their item."""
    written = events(
        CallStart(0, "a", "f"), CallStart(1, "b", "g"), CallDelta(0, "{"), CallDelta(1, "["), CallDelta(0, "}"),
        CallDelta(1, "]"), CallEnd(1), CallEnd(0), *END,
    )  # fmt: skip
    pieces = [(body["item_id"], body["delta"]) for body in written if body["type"].endswith(".delta")]
    assert pieces == [("fc_1_0", "{"), ("fc_1_1", "["), ("fc_1_0", "}"), ("fc_1_1", "]")]
    assert [item["arguments"] for item in written[-1]["response"]["output"]] == ["{}", "[]"]


def test_a_call_has_the_form_of_its_declaration():
    """antirez/ds4#745, envoyproxy/ai-gateway#2317: a custom tool, a namespace, a search for tools."""
    tools = (Tool("exec", custom=True, namespace="functions"), Tool("tool_search", kind="tool_search"), Tool("shell", kind="shell"),
             Tool("apply_patch", kind="apply_patch"), Tool("local_shell", kind="local_shell"))  # fmt: skip
    given = [
        CallStart(0, "a", "exec", custom=True, namespace="functions"), CallDelta(0, "ls"), CallEnd(0),
        CallStart(1, "b", "tool_search"), CallDelta(1, '{"query":"x"}'), CallEnd(1),
        CallStart(2, "c", "shell"), CallDelta(2, '{"commands":["ls"]}'), CallEnd(2),
        CallStart(3, "d", "apply_patch"), CallDelta(3, '{"type":"delete_file","path":"x"}'), CallEnd(3),
        CallStart(4, "e", "local_shell"), CallDelta(4, "no JSON"), CallEnd(4),
    ]  # fmt: skip
    exec, search, shell, patch, local = output(*given, tools=tools)
    assert (exec["type"], exec["namespace"], exec["name"], exec["input"]) == (
        "custom_tool_call",
        "functions",
        "exec",
        "ls",
    )
    assert (search["type"], search["execution"], search["arguments"]) == ("tool_search_call", "client", {"query": "x"})
    assert (shell["type"], shell["action"]["commands"]) == ("shell_call", ["ls"])
    assert (patch["type"], patch["operation"]) == ("apply_patch_call", {"type": "delete_file", "path": "x"})
    assert (local["type"], local["action"]) == ("local_shell_call", {"command": [], "env": {}, "type": "exec"})


def test_state_is_for_clients_that_include_it():
    thought = [ThinkingDelta("x"), ThinkingState("S")]
    hidden = [ThinkingState("S", redacted=True), TextDelta("a")]
    assert output(*thought)[0]["encrypted_content"] == "S"
    assert output(*hidden)[0] == {"id": "rs_1_0", "type": "reasoning", "summary": [], "encrypted_content": "S"}
    assert "encrypted_content" not in output(*thought, wants_state=False)[0]
    assert [item["type"] for item in output(*hidden, wants_state=False)] == ["message"]


def test_an_answer_that_was_cut():
    written = events(TextDelta("a"), Finished("length"), Ended())
    response = written[-1]["response"]
    assert (written[-1]["type"], response["status"]) == ("response.incomplete", "incomplete")
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"


def test_usage_is_complete_or_absent():
    """farion1231/cc-switch#3514, openai/codex#37141: half of it makes Codex repeat the request."""

    def usage(tokens):
        return events(TextDelta("a"), Counted(tokens), *END)[-1]["response"]["usage"]

    assert usage(Tokens(input=3, cache_read=2, output=4, source="reported")) == {
        "input_tokens": 5, "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
        "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 9,
    }  # fmt: skip
    assert usage(Tokens(output=4, source="reported")) is None
    assert usage(Tokens(input=4, source="reported")) is None


def test_citations():
    written = events(TextDelta("ab"), Citation("https://x", "X"), *END)
    cited = {"type": "url_citation", "url": "https://x", "title": "X", "start_index": 0, "end_index": 2}
    assert [body["annotation"] for body in written if "annotation" in body] == [cited]
    assert written[-1]["response"]["output"][0]["content"][0]["annotations"] == [cited]
    assert written[3]["part"]["annotations"] == []


def test_the_answer_repeats_what_was_asked_for():
    response = events(*END, repeated={"metadata": {"a": "b"}, "temperature": None})[-1]["response"]
    assert (response["metadata"], response["temperature"], response["store"]) == ({"a": "b"}, None, False)
