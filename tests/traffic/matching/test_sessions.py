"""aigw/traffic/matching/sessions.py: which conversation a call belongs to."""

from recorded_calls import assistant, chat_call, embeddings_call, user

from aigw.traffic.format.recording import Call, Folded
from aigw.traffic.matching.sessions import MAX_ALIKE, Conversations

HI, MORE = user("hi"), user("more")


def numbers(*calls):
    conversations = Conversations()
    return [conversations.of(call).number for call in calls]


def test_a_request_goes_on_where_another_ended():
    first, second = chat_call(HI), chat_call(HI, assistant("yo"), MORE)
    assert numbers(first, second, chat_call(user("something else"))) == [1, 1, 2]


def test_the_calls_of_one_request_are_together():
    first = chat_call(HI, exchange="one")
    assert numbers(first, embeddings_call("x")._replace(exchange="one"), chat_call(HI)) == [1, 1, 2]


def test_calls_without_turns_are_together():
    assert numbers(embeddings_call("x"), chat_call(HI), embeddings_call("y")) == [0, 1, 0]


def test_a_name_decides():
    named = (("X-AIGW-Session", "a"),)
    other = (("x-claude-code-session-id", "b"),)
    assert numbers(chat_call(HI, headers=named), chat_call(HI, headers=other), chat_call(MORE, headers=named)) == [
        1,
        2,
        1,
    ]


def test_two_that_begin_alike_are_told_apart_by_their_answers():
    conversations = Conversations()
    one, other = chat_call(HI), chat_call(HI)
    assert [conversations.of(each).number for each in (one, other)] == [1, 2]
    conversations.answered(other, Folded(text=["I am", "the other"]))
    conversations.answered(one, Folded(text=["I am one"]))
    assert conversations.of(chat_call(HI, assistant("I am\nthe other"), MORE)).number == 2
    assert conversations.of(chat_call(HI, assistant("I am one"), MORE)).number == 1


def test_two_that_begin_alike_are_told_apart_by_their_calls_of_tools():
    conversations = Conversations()
    one, other = chat_call(HI), chat_call(HI)
    assert [conversations.of(each).number for each in (one, other)] == [1, 2]
    conversations.answered(one, Folded(calls=[Call(name="weather", arguments='{"city":"Rome"}')]))
    conversations.answered(other, Folded(calls=[Call(name="weather", arguments='{"city":"Oslo"}')]))
    assert [conversations.of(called(city)).number for city in ("Oslo", "Rome")] == [2, 1]


def called(city, id="call_1"):
    function = {"name": "weather", "arguments": f'{{"city": "{city}"}}'}
    turn = {"role": "assistant", "tool_calls": [{"id": id, "type": "function", "function": function}]}
    return chat_call(HI, turn, {"role": "tool", "tool_call_id": id, "content": "sunny"})


def test_two_that_are_answered_alike_are_told_apart_by_the_ids_of_calls():
    conversations = Conversations()
    for id in ("call_a", "call_b", "call_c"):
        conversations.of(first := chat_call(HI))
        conversations.answered(first, Folded(calls=[Call(name="weather", arguments='{"city":"Rome"}', id=id)]))
    assert [conversations.of(called("Rome", f"call_{id}")).number for id in "acb"] == [1, 3, 2]


def test_two_that_are_answered_alike_in_words_go_on_apart():
    conversations = Conversations()
    for _ in range(2):
        conversations.of(first := chat_call(HI))
        conversations.answered(first, Folded(text=["yo"]))
    later = [conversations.of(chat_call(HI, assistant("yo"), MORE)) for _ in range(2)]
    assert [each.number for each in later] == [2, 1]


def test_two_that_begin_alike_are_told_apart_by_their_instructions():
    def system(text):
        return {"role": "system", "content": text}

    calls = [chat_call(system(text), HI) for text in ("be kind", "be short")]
    later = [chat_call(system(text), HI, assistant("yo"), MORE) for text in ("be kind", "be short")]
    assert numbers(*calls, *later) == [1, 2, 1, 2]


def test_the_time_in_the_instructions_begins_no_conversation():
    calls = [chat_call({"role": "system", "content": f"It is {n} o'clock"}, HI, *more) for n, more in
             ((1, ()), (2, (assistant("yo"), MORE)))]  # fmt: skip
    assert numbers(*calls) == [1, 1]


def test_of_several_equal_ones_the_latest_goes_on():
    first, again, later = chat_call(HI), chat_call(HI), chat_call(HI, assistant("yo"), MORE)
    assert numbers(first, again, later) == [1, 2, 2]


def test_of_requests_that_are_the_same_only_the_last_ones_are_remembered():
    """Otherwise a load test would fill the memory, and take ever longer."""
    conversations = Conversations()
    asked = [chat_call(HI) for _ in range(MAX_ALIKE + 1)]
    for number, call in enumerate(asked):
        conversations.of(call)
        conversations.answered(call, Folded(text=[f"{number}"]))
    last = chat_call(HI, assistant(f"{MAX_ALIKE}"), MORE)
    assert conversations.of(last).number == MAX_ALIKE + 1
    assert conversations.of(chat_call(HI, assistant("0"), MORE)).number not in (1, MAX_ALIKE + 1)
