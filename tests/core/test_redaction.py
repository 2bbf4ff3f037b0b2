"""What is hidden: by name, by look, and wherever a secret turns up again."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.large_json import SEARCHED
from aigw.core.pace import LARGE
from aigw.core.redaction import MAX_LEARNED, Redaction, hidden_in, may_escape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer ***"),
        ('{"api_key": "abcdef"}', '{"api_key": "***"}'),
        ('{\\"password\\":\\"hunter2\\"}', '{\\"password\\":\\"***\\"}'),
        ("https://user:pw@host/x?a=1&api_key=zz&b=2", "https://***@host/x?a=1&api_key=***&b=2"),
        ("my key is sk-proj-abcdefgh, keep it", "my key is ***, keep it"),
        ("AKIAABCDEFGHIJKLMNOP and AIzaSyA1234567890abcdef", "*** and ***"),
        ("pplx-0123456789abcdef nvapi-0123456789abcdef tvly-0123456789", "*** *** ***"),
        ("npm_0123456789abcdef r8_0123456789abcdef csk-0123456789abcdef", "*** *** ***"),
        ("Zhipu 0123456789abcdef0123456789abcdef.AbCdEfGhIjKl1234", "Zhipu ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/==\n-----END RSA PRIVATE KEY-----", "***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEow+/==\n-----END RSA PRIVATE KEY-----", "***"),
        (r"{\"k\": \"-----BEGIN PRIVATE KEY-----\\nMII\/\\r\\n-----END PRIVATE KEY-----\\n\"}", r"{\"k\": \"***\"}"),
        ("jwt eyJhbGciOiJI.eyJzdWIiOiI.sig", "jwt ***"),
        ("tokens_left 12, a basic idea, author: me", "tokens_left 12, a basic idea, author: me"),
    ],
)
def test_looks(text, expected):
    assert Redaction(()).text(text, 200) == expected


def test_json_is_hidden_by_its_keys():
    shown = Redaction(()).json(("plugins",), {"apiTokens": ["a"], "max_tokens": 5, "pin": {"secret": 12}}, 200)
    assert json.loads(shown) == {"apiTokens": ["***"], "max_tokens": 5, "pin": {"secret": "***"}}
    assert Redaction(()).json(("password",), "short", 200) == '"***"'


def test_a_secret_is_hidden_where_it_turns_up_again():
    redaction = Redaction({"from the config"})
    redaction.learn_headers(CIMultiDict({"authorization": "Basic cGFzc3dvcmQ=", "cookie": "a=cookie-value; b=2"}))
    redaction.learn_query("x=1&key=qu%2Fery-secret")
    redaction.learn_json({"deep": [{"password": 'say "friend"'}], "plain": "plain words"})
    seen = 'from the config, cGFzc3dvcmQ=, cookie-value, qu%2Fery-secret qu/ery-secret say "friend" plain words'
    assert redaction.text(seen, 500) == "***, ***, ***, *** *** *** plain words"
    assert redaction.json((), ['say "friend"'], 100) == '["***"]'


def test_short_words_are_hidden_in_their_place_only():
    redaction = Redaction(())
    redaction.learn_json({"secret": "test"})
    assert redaction.text("a test", 100) == "a test"


@given(
    st.text(max_size=5000), st.text(min_size=8, max_size=40).filter(lambda s: not s.isdecimal()), st.text(max_size=5000)
)
def test_no_window_shows_a_known_secret(before, secret, after):
    redaction = Redaction({secret})
    old, new = redaction.pair(before + secret + after, before + "else" + secret, 200)
    assert secret not in redaction.text(before + secret + after, 200)
    assert secret not in old.removeprefix("...") and secret not in new.removeprefix("...")


def test_long_texts_are_shown_where_they_differ():
    same = "word " * 20_000
    old, new = Redaction(()).pair(same + "old end", same + "new end", 200)
    assert (old, new) == ("..." + "word " * 4 + "old end", "..." + "word " * 4 + "new end")
    old, new = Redaction(()).pair(same, "x" + same, 200)
    assert len(old) == 203 and new.startswith("xword") and new.endswith("...")


@pytest.mark.parametrize("unit", ["?", "&a", "://", "eyJa-", "-token", "bearer ", "sk-", "a:", "token:"])
def test_no_text_is_slow(unit):
    started = time.process_time()
    Redaction({"known-secret"}).text(unit * (1 << 20), 200)
    assert time.process_time() - started < 1


@given(st.integers(0, 9000), st.integers(500, 5000), st.integers(0, 400))
def test_nothing_is_shown_of_a_long_secret(before, length, after):
    secret = "".join(f"{number:04x}" for number in range(length // 4))
    redaction = Redaction(())
    redaction.learn_json({"password": secret})
    text = "." * before + secret + "-" * after
    other = "." * before + "else" + secret
    for shown in (redaction.text(text, 200), *redaction.pair(text, other, 200)):
        assert not set(shown) - set("*.-else")


def test_what_is_no_text_is_no_trouble():
    redaction = Redaction(())
    redaction.learn_headers(CIMultiDict({"x-api-key": "caf\udce9-secret"}))
    assert redaction.text("x caf\udce9-secret \udce9", 100) == "x *** ?"


def test_so_many_secrets_that_nothing_is_shown():
    redaction = Redaction({"of the configuration"})
    redaction.learn_json({f"{number}_token": f"value-{number}" for number in range(100, MAX_LEARNED + 99)})
    assert redaction.text("value-100 and more", 100) == "*** and more"
    redaction.learn_json({f"{number}_token": f"value-{number}" for number in range(30_000)})
    assert redaction.text("value-100 and more", 100) == "***"
    assert redaction.json((), {"a": "b", "n": 5}, 100) == '{"***": 5}'


def test_many_secrets_are_not_slow():
    body = {f"{number}_token": f"value-{number}" for number in range(30_000)}
    started = time.process_time()
    redaction = Redaction(())
    redaction.learn_json(body)
    for _ in range(400):
        redaction.text("x" * 10_000, 200)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "written",
    [
        "abc/def+ghi&jkl=",
        "abc\\/def+ghi&jkl=",
        "abc/def+ghi&amp;jkl=",
        "abc/def\\u002Bghi\\u0026jkl=",
        "abc%2Fdef%2Bghi%26jkl%3D",
    ],
)
def test_a_secret_is_found_in_each_way_of_writing_it(written):
    assert Redaction(["abc/def+ghi&jkl="]).text(f"not {written} !", 200) == "not *** !"


@pytest.mark.parametrize("before", [0, SEARCHED - 3, SEARCHED, SEARCHED + LARGE])
def test_a_secret_in_a_large_answer_is_found_wherever_it_is(before):
    around = b"." * before, b"." * LARGE
    assert hidden_in(b"sk-secret".join(around), [b"sk-secret"]) == b"***".join(around)
    assert may_escape(rb"\u0041".join(around)) and not may_escape(rb"\u00e9".join(around))
