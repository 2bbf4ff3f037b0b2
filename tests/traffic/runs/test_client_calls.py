"""The calls of clients in a folder: attempts are one call, and what plugins asked for is none."""

import json

import pytest
from msgspec.structs import replace
from recorded_calls import chat_call, embeddings_call, said, user, written

from aigw.traffic.format.call import Sent
from aigw.traffic.format.folder import Folder, RecordingError
from aigw.traffic.runs.client_calls import read_calls, read_run

QUESTION = user("What is the capital of France?")
NAMED = (("x-aigw-session", "s"),)


def tried(exchange, attempt, question=QUESTION, **fields):
    return chat_call(question, exchange=exchange)._replace(attempt=attempt, **fields)


def test_calls_by_session(tmp_path):
    folder = written(tmp_path, (chat_call(QUESTION), said("Paris.")), (chat_call(user("Hi")), said("Hello.")))
    run = read_run(folder)
    assert [[call.name for call in calls] for calls in run.sessions] == [["001-01-chat.json"], ["002-01-chat.json"]]
    (call, _) = run.calls
    assert (call.outcome.status, call.outcome.answer.text, call.outcome.ms) == (200, ["Paris."], 200.0)
    assert (call.outcome.service, call.outcome.model, call.at) == ("openai", "gpt-4o", 1_790_000_000)


def test_several_attempts_are_one_call_with_the_last_answer(tmp_path):
    folder = written(
        tmp_path,
        (tried("a", 0), said("", status=429)),
        (tried("b", 0, user("Hi")), said("Hello.")),
        (tried("a", 1, service="qwen", model="qwen-max"), said("Paris.")),
    )
    run = read_run(folder)
    first = next(call for call in run.calls if call.name == "001-01-chat.json")
    assert len(run.calls) == 2
    assert (first.last, first.outcome.status, first.outcome.service) == ("001-02-chat.json", 200, "qwen")


def test_the_same_request_twice_is_two_calls(tmp_path):
    folder = written(tmp_path, *[(chat_call(QUESTION), said("Paris."))] * 2)
    assert len(read_run(folder).calls) == 2


def test_a_clock_that_was_set_back_meanwhile_does_not_change_the_order(tmp_path):
    early, late = 1_790_000_000.0, 1_790_000_060.0
    folder = written(
        tmp_path,
        (chat_call(QUESTION, headers=NAMED)._replace(at=late), said("Paris.")),
        (chat_call(QUESTION, headers=NAMED)._replace(at=early), said("Paris.")),
        (chat_call(user("Hi"))._replace(at=early), said("Hello.")),
    )
    assert [call.at for call in read_run(folder).calls] == [late, late, early]


def test_calls_of_plugins_are_counted_only(tmp_path):
    folder = written(
        tmp_path, (chat_call(QUESTION), said("Paris.")), (embeddings_call("x")._replace(dialect="", api=""), said("x"))
    )
    run = read_run(folder)
    assert (len(run.calls), run.others) == (1, 1)


def test_a_folder_without_calls_of_clients(tmp_path):
    folder = written(tmp_path, (embeddings_call("x")._replace(dialect="", api=""), said("x")))
    with pytest.raises(RecordingError, match="has only calls of plugins, but none of a client"):
        read_calls(folder)


def test_the_folders_of_tests_are_named(tmp_path):
    for name in ("test_a", "test_b"):
        written(tmp_path / name, (chat_call(QUESTION), said("Paris.")))
    with pytest.raises(RecordingError, match=r"its recordings are in 2 folders, as .*test_a; name one"):
        read_calls(Folder(tmp_path))


def test_what_the_client_sent(tmp_path):
    asked = Sent("POST", "/v1/messages", "beta=true", (("anthropic-version", "2023-06-01"), ("x-api-key", "sk-ant-1234567890")), b'{"model":"m"}')  # fmt: skip
    folder = written(tmp_path, (chat_call(QUESTION)._replace(client=asked), said("Paris.")))
    sent = read_run(folder).calls[0].sent_by_client(folder)
    assert (sent.method, sent.path, sent.query, json.loads(sent.body)) == (*asked[:3], {"model": "m"})
    assert sent.headers == (("anthropic-version", "2023-06-01"),)


def test_the_name_of_a_session_goes_along(tmp_path):
    named = [(chat_call(QUESTION, headers=((header, "mine"),)), said("Paris.")) for header in ("x-aigw-session", "session-id")]  # fmt: skip
    folder = written(tmp_path, *named)
    sent = [call.sent_by_client(folder).headers for call in read_run(folder).calls]
    assert [dict(headers).get("x-aigw-session") for headers in sent] == ["mine", None]


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_body_that_is_no_text(tmp_path, size):
    body = bytes(range(256)) * size
    call = chat_call(QUESTION)
    sent = call.sent._replace(body=body[: 256 * 40 if size > 10 else None])
    folder = written(tmp_path, (call._replace(sent=sent, client=sent), said("ok")))
    assert read_run(folder).calls[0].sent_by_client(folder).body == sent.body


def test_an_answer_without_texts_is_known_by_its_bytes(tmp_path):
    vectors = [json.dumps({"data": [{"embedding": [number]}]}).encode() for number in (1, 1, 2)]
    folder = written(tmp_path, *((embeddings_call("x"), said("", pieces=[(0.1, body)])) for body in vectors))
    digests = [call.outcome.digest for call in read_run(folder).calls]
    assert digests[0] == digests[1] != digests[2] != ""


def test_a_date_that_is_none(tmp_path):
    folder = written(tmp_path, (chat_call(QUESTION), said("Paris.")))
    recording = folder.read("001-01-chat.json")
    folder.write("001-01-chat.json", replace(recording, source=replace(recording.source, date="yesterday")), {})
    assert read_run(folder).calls[0].at == 0
