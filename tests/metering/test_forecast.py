"""What is set aside for a request before it is sent."""

import json
import threading

import pytest
from fakes import WordCounter, chat, make_exchange

from aigw.metering.forecast import COUNTED_BYTES, FIRST_OUTPUT, NOTHING, Forecast, Forecaster

HELLO = [{"role": "user", "content": "one two three"}]


class Loading(WordCounter):
    """A counter whose vocabulary is not there before it has counted."""

    def __init__(self):
        self.threads = []

    def ready(self, model=""):
        return bool(self.threads)

    def count(self, text, model=""):
        self.threads.append(threading.current_thread())
        return super().count(text)

    def count_turns(self, turns, model=""):
        assert self.ready(), "would load the vocabulary"
        return super().count_turns(turns)


def estimate(body, *, tokens=None, **more):
    return Forecaster(tokens or WordCounter()).forecast(exchange(chat(body, **more)))


exchange = make_exchange


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"messages": HELLO, "max_tokens": 7}, Forecast(3, 7)),
        ({"messages": HELLO, "max_completion_tokens": 7, "max_tokens": 9}, Forecast(3, 7)),
        ({"messages": HELLO, "max_tokens": 7, "n": 3}, Forecast(3, 21)),
        ({"messages": HELLO, "max_tokens": 10**30}, Forecast(3, 10_000_000)),
        ({"messages": HELLO, "max_tokens": "7", "n": True}, Forecast(3, FIRST_OUTPUT, bounded=False)),
        ({"model": "m"}, NOTHING),
        (b"{", NOTHING),
        (b'{"messages": 1e, "max_tokens": 1}', NOTHING),
    ],
)
def test_estimates(body, expected):
    assert estimate(body) == expected


def test_a_text_completion():
    assert estimate({"prompt": "one two"}, path="/v1/completions") == Forecast(2, FIRST_OUTPUT, bounded=False)


def test_a_response():
    assert estimate({"input": "one two", "max_output_tokens": 7}, path="/v1/responses") == Forecast(2, 7)


def test_embeddings_make_nothing():
    assert estimate({"input": "one two"}, path="/v1/embeddings") == Forecast(2, 0)


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("application/octet-stream", "/v1/chat/completions", Forecast(2000, FIRST_OUTPUT, bounded=False)),
        ("text/plain", "/v1/embeddings", Forecast(2000, 0, bounded=False)),
        ("multipart/form-data; boundary=x", "/v1/images/edits", Forecast(1000, FIRST_OUTPUT, bounded=False)),
        ("text/plain", "/v1/models", NOTHING),
    ],
)
def test_a_body_that_is_no_json_is_known_by_its_size(kind, path, expected):
    assert estimate(b"x" * 8000, path=path, headers={"content-type": kind}) == expected


def test_an_upload_of_unknown_size_is_a_medium():
    request = chat(b"", headers={"content-type": "application/octet-stream", "transfer-encoding": "chunked"})

    async def pieces():
        yield b""

    request.upload = pieces()
    assert Forecaster(WordCounter()).forecast(exchange(request)) == Forecast(1000, FIRST_OUTPUT, bounded=False)


def test_a_provider_that_ignores_the_limit_of_the_client_is_learned():
    forecaster, request = Forecaster(WordCounter()), chat({"messages": HELLO, "max_tokens": 1})
    forecaster.learn(forecaster.forecast(exchange(request)), 3 + 1)
    assert forecaster.forecast(exchange(request)) == Forecast(3, 1)
    forecaster.learn(forecaster.forecast(exchange(request)), 3 + 1000)
    assert forecaster.forecast(exchange(request)) == Forecast(3, 1000, beyond=999)
    forecaster.learn(forecaster.forecast(exchange(request)), 3 + 1000)
    assert forecaster.forecast(exchange(request)).output == 1000, "it goes on ignoring it"
    forecaster.learn(forecaster.forecast(exchange(request)), 3 + 1)
    assert forecaster.forecast(exchange(request)).output == 750


@pytest.mark.parametrize("limits", [{"max_tokens": 1}, {}])
def test_an_answer_that_outgrows_its_forecast_is_noticed_before_it_ends(limits):
    forecaster, request = Forecaster(WordCounter()), chat({"messages": HELLO, **limits})
    before = forecaster.forecast(exchange(request))
    forecaster.notice(before, before.output + 10)
    assert forecaster.forecast(exchange(request)).output == before.output + (0 if limits else 10)
    forecaster.notice(before, 5000)
    assert forecaster.forecast(exchange(request)).output == 5000


def test_the_vocabulary_is_loaded_beside_requests():
    counter, request = Loading(), chat({"messages": HELLO, "max_tokens": 1})
    forecaster = Forecaster(counter)
    assert forecaster.forecast(exchange(request)).input == len(request.body) // 4
    forecaster._loading.join(10)
    assert counter.threads == [forecaster._loading]
    assert forecaster.forecast(exchange(request)).input == 3


@pytest.mark.parametrize(("limit", "loads"), [(0, True), (10_000, True), (1_000_000, False)])
async def test_the_vocabulary_is_loaded_before_the_first_request_if_it_will_matter(limit, loads):
    counter = Loading()
    forecaster = Forecaster(counter)
    await forecaster.prepare(limit)
    if loads:
        forecaster._loading.join(10)
    assert counter.ready() == loads


def test_a_vocabulary_that_is_missing_is_said_once(caplog):
    class Missing(WordCounter):
        def ready(self, model=""):
            return False

        def count(self, text, model=""):
            raise ModuleNotFoundError("reinstall aigw")

    forecaster, request = Forecaster(Missing()), chat({"messages": HELLO, "max_tokens": 1})
    for _ in range(2):
        assert forecaster.forecast(exchange(request)).input == len(request.body) // 4
        forecaster._loading.join(10)
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == ["the vocabulary cannot be loaded"]


def test_a_long_prompt_is_not_counted():
    counter, long = Loading(), {"messages": [{"role": "user", "content": "x " * COUNTED_BYTES}], "max_tokens": 1}
    assert estimate(long, tokens=counter).input == len(json.dumps(long)) // 4
    assert counter.threads == []


def test_nothing_is_counted_that_does_not_matter_to_the_limit():
    request = chat({"messages": HELLO, "max_tokens": 1})
    size = len(request.body)
    assert Forecaster(WordCounter()).forecast(exchange(request), 100).input == 3
    assert Forecaster(WordCounter()).forecast(exchange(request), 1_000_000).input == size // 4


def test_an_image_is_not_its_base64():
    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    text = {"type": "text", "text": "x" * 400}
    body = {"messages": [{"role": "user", "content": [text, url]}], "max_tokens": 1}
    assert estimate(body).input == 100 + 1000


def test_it_learns_what_answers_take():
    forecaster, request = Forecaster(WordCounter()), chat({"messages": HELLO})
    for _ in range(20):
        forecaster.learn(forecaster.forecast(exchange(request)), 46)
    assert forecaster.forecast(exchange(request)).total == 46
    forecaster.learn(forecaster.forecast(exchange(request)), 500)
    assert forecaster.forecast(exchange(request)).total == 500
    forecaster.learn(forecaster.forecast(exchange(chat({"messages": HELLO, "max_tokens": 9000}))), 9000)
    forecaster.learn(forecaster.forecast(exchange(request)), 0)
    assert forecaster.forecast(exchange(request)).total == 500
