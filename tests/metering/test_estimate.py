import pytest
from fakes import answered, chat, make_exchange

from aigw.core.dialect import Turn
from aigw.core.tokens import Tokens
from aigw.dialects.sse import json_event
from aigw.dialects.usage import UsageReader
from aigw.metering.estimate import estimate, estimate_answer, needs_estimate
from aigw.metering.tokenizer import TokenCounter

COUNTER = TokenCounter()
TURNS = [Turn("user", ("Count from one to five, please.",))]
TEXT = "one, two, three"


def test_a_stream_that_told_nothing_is_counted():
    tokens = estimate(Tokens(), prompt=TURNS, text=TEXT, tokenizer=COUNTER, model="gpt-4o")
    assert tokens == Tokens(
        input=COUNTER.count_turns(TURNS, "gpt-4o"), output=COUNTER.count(TEXT, "gpt-4o"), source="estimated"
    )
    assert tokens.input > 5
    assert tokens.output == 5


def test_a_prompt_that_is_no_conversation():
    assert estimate(Tokens(), prompt=[Turn("", ("hello world",))], text="", tokenizer=COUNTER) == Tokens(
        input=2, output=0, source="estimated"
    )


def test_the_input_that_a_cut_anthropic_stream_reported_stands():
    reader = UsageReader()
    usage = {"input_tokens": 25, "cache_read_input_tokens": 100, "output_tokens": 1}
    reader.take({"type": "message_start", "message": {"model": "c", "usage": usage}})
    assert estimate(reader.tokens, prompt=TURNS, text=TEXT, tokenizer=COUNTER) == Tokens(
        input=25, cache_read=100, output=5, source="estimated"
    )


def test_a_report_of_more_than_came_through_stands():
    reported = Tokens(input=7, output=90, reasoning=80, source="reported")
    assert estimate(reported, prompt=[Turn("", ("x",))], text=TEXT, tokenizer=COUNTER) == reported


def test_reasoning_is_a_part_of_the_output():
    assert estimate(
        Tokens(), prompt=[Turn("", ("x",))], text=TEXT, reasoning="hello world", tokenizer=COUNTER
    ) == Tokens(input=1, output=7, reasoning=2, source="estimated")


def test_without_a_tokenizer_sizes_count():
    tokens = estimate(Tokens(), prompt=[], text="caf\xe9", reasoning="1234", size=9, unread=8, tokenizer=None)
    assert tokens == Tokens(input=3, output=5, reasoning=1, source="estimated")
    reported = Tokens(input=7, output=90, reasoning=80, source="reported")
    assert estimate(reported, prompt=[], text=TEXT, size=99, tokenizer=None) is reported


def test_an_answer_is_counted_once_for_all_who_ask():
    class Counting(TokenCounter):
        calls = 0

        def count(self, text, model=""):
            self.calls += 1
            return super().count(text, model)

    counter, exchange = (
        Counting(),
        make_exchange(chat({"model": "m", "prompt": "one two three"}, path="/v1/completions")),
    )
    answer = answered(exchange)

    def piece(text):
        answer.feed([json_event({"choices": [{"text": text}]})])
        return estimate_answer(exchange, answer, tokenizer=counter)

    first = piece("Hello")
    calls = counter.calls
    assert estimate_answer(exchange, answer, tokenizer=counter) is first
    assert counter.calls == calls
    assert piece(" there, my friend").output > first.output


@pytest.mark.parametrize(
    "told", [{"prompt_tokens": 7, "completion_tokens": None}, {"prompt_tokens": 7, "completion_tokens": -5}]
)
def test_half_a_report_is_not_the_whole(told):
    exchange = make_exchange(chat({"model": "m", "messages": [{"role": "user", "content": "Count!"}]}))
    body = {"choices": [{"message": {"content": TEXT}, "finish_reason": "stop"}], "usage": told}
    answer = answered(exchange, body, streaming=False)
    assert needs_estimate(exchange, answer)
    assert estimate_answer(exchange, answer, tokenizer=COUNTER) == Tokens(input=7, output=5, source="estimated")


def test_vectors_have_no_output_to_estimate():
    exchange = make_exchange(chat({"model": "m", "input": "x"}, path="/v1/embeddings"))
    answer = answered(exchange, {"data": [{"embedding": [0.5]}], "usage": {"prompt_tokens": 7}}, streaming=False)
    assert not needs_estimate(exchange, answer)
