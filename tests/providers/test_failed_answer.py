"""The errors for answers that failed: short, and without keys."""

import pytest
from fakes import chat, make_exchange

from aigw.core.answer import Failure
from aigw.core.reply import Fixed
from aigw.providers.failed_answer import MAX_SHOWN, failed, unusable, without_answer

KEY = "sk-abcdefghijklmnopqrstuvwx"


@pytest.fixture
def exchange():
    return make_exchange(chat({}, headers={"authorization": f"Bearer {KEY}"}))


def test_what_the_provider_reported_is_told(exchange):
    error = failed(exchange, Failure(429, f"too many for {KEY}" + "x" * 1000, "rate", "limit")).answer()
    assert (error.status, error.kind, error.code) == (429, "rate", "limit")
    assert error.message.startswith("too many for ") and len(error.message) <= MAX_SHOWN + 1
    assert KEY not in error.message


@pytest.mark.parametrize(("words", "told"), [("", "it ended"), ("busy", "it ended: busy")])
def test_what_was_said_before_the_end(exchange, words, told):
    assert str(without_answer(exchange, "it ended", words)) == told


@pytest.mark.parametrize(
    ("body", "headers", "said", "code"),
    [
        (b"<html>no</html>", {"content-type": "text/html"}, "(text/html): <html>no</html>", "upstream_failed"),
        (b'{"choices":[{"content":"x', {}, "(no content type): 25 bytes of JSON that is cut off", "upstream_cut_off"),
        (b' {"id":"x","a b":"secret"}', {}, "JSON with id", "upstream_failed"),
        (b"[]", {}, "JSON without names", "upstream_failed"),
        (b"\xef\xbb\xbf[1] and more", {}, "15 bytes that begin as JSON", "upstream_failed"),
        (b"data: some text", {}, "15 bytes of events", "upstream_cut_off"),
        (b"", {}, "an empty body", "upstream_cut_off"),
        (b"x", {"content-encoding": "gzip"}, "a coded body", "upstream_failed"),
    ],
)
def test_a_body_that_is_no_answer(exchange, body, headers, said, code):
    error = unusable(exchange, exchange.reply(Fixed(), headers=headers), body).answer()
    assert error.message.endswith(said)
    assert (error.status, error.code) == (502, code)
