import json

from fakes import chat

from aigw.core.tokens import Tokens
from aigw.dialects.usage import UsageReader
from aigw.dialects.watch import UsageWatch
from aigw.metering.estimate import estimate, estimate_answer
from aigw.metering.tokenizer import TokenCounter

COUNTER = TokenCounter()
MESSAGES = [{"role": "user", "content": "Count from one to five, please."}]
TEXT = "one, two, three"


def test_a_stream_that_told_nothing_is_counted():
    tokens = estimate(Tokens(), prompt=MESSAGES, text=TEXT, counter=COUNTER, model="gpt-4o")
    assert tokens == Tokens(
        input=COUNTER.count_chat(MESSAGES, "gpt-4o"), output=COUNTER.count(TEXT, "gpt-4o"), source="estimated"
    )
    assert tokens.input > 5
    assert tokens.output == 5


def test_a_prompt_that_is_text():
    assert estimate(Tokens(), prompt="hello world", text="", counter=COUNTER) == Tokens(
        input=2, output=0, source="estimated"
    )


def test_the_input_that_a_cut_anthropic_stream_reported_stands():
    reader = UsageReader()
    usage = {"input_tokens": 25, "cache_read_input_tokens": 100, "output_tokens": 1}
    reader.feed(json.dumps({"type": "message_start", "message": {"model": "c", "usage": usage}}).encode())
    assert estimate(reader.tokens, prompt=MESSAGES, text=TEXT, counter=COUNTER) == Tokens(
        input=25, cache_read=100, output=5, source="estimated"
    )


def test_a_report_of_more_than_came_through_stands():
    reported = Tokens(input=7, output=90, reasoning=80, source="reported")
    assert estimate(reported, prompt="x", text=TEXT, counter=COUNTER) == reported


def test_reasoning_is_a_part_of_the_output():
    assert estimate(Tokens(), prompt="x", text=TEXT, reasoning="hello world", counter=COUNTER) == Tokens(
        input=1, output=7, reasoning=2, source="estimated"
    )


def test_an_answer_is_counted_once_for_all_who_ask():
    class Counting(TokenCounter):
        calls = 0

        def count(self, text, model=""):
            self.calls += 1
            return super().count(text, model)

    counter, watch = Counting(), UsageWatch("openai")
    request = chat({"model": "m", "prompt": "one two three"})

    def piece(text):
        watch.feed(json.dumps({"choices": [{"delta": {"content": text}}]}).encode())
        return estimate_answer(request, watch, counter=counter, model="m")

    first = piece("Hello")
    calls = counter.calls
    assert estimate_answer(request, watch, counter=counter, model="m") is first
    assert counter.calls == calls
    assert piece(" there, my friend").output > first.output
