"""What every view of a request says of a field: its value, or what stands for "not said"."""

import pytest
from any_json import fields
from fakes import chat
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.dialect import Turn
from aigw.dialects.view import LARGEST, RequestView, natural, rows_of


class Asks(RequestView):
    PROMPTS = ("prompt", "messages")
    LIMITS = ("most", "max_tokens")

    @property
    def turns(self):
        return [
            Turn(role, (text,), results=role == "user" and text == "result") for role, text in self.get("turns") or ()
        ]


def view(body):
    return Asks(chat(body), "chat")


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ({"model": "m"}, "model", "m"),
        ({"model": 5}, "model", ""),
        (b"[]", "model", ""),
        (b"{", "model", ""),
        ({"stream": True}, "stream", True),
        ({"stream": "true"}, "stream", True),
        ({"stream": []}, "stream", False),
        ({"most": 5, "max_tokens": 9}, "max_tokens", 5),
        ({"most": None, "max_tokens": 9}, "max_tokens", 0),
        ({"max_tokens": 9}, "max_tokens", 9),
        ({"max_tokens": -9}, "max_tokens", 0),
        ({"max_tokens": 10**30}, "max_tokens", LARGEST),
        ({"turns": [["user", "a"], ["assistant", "b"]]}, "question", "a"),
        ({"turns": [["user", "a"], ["user", "result"]]}, "question", "a"),
        ({"turns": [["system", "a"]]}, "question", ""),
        ({"previous_response_id": "r"}, "unrepeatable", "previous_response_id"),
        ({"store": False}, "unrepeatable", ""),
        ({"stream": "yes"}, "unrepeatable", "stream"),
        ({"stream": None}, "unrepeatable", ""),
    ],
)
def test_a_field(body, name, value):
    assert getattr(view(body), name) == value


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize(
    ("body", "size", "media"),
    [
        ({"model": "m"}, 0, 0),
        (b"[]", 0, 0),
        (b'{"prompt": "four"}', 18, 0),
        ({"messages": [{"content": [{"text": "four"}, IMAGE]}, {"content": "two"}]}, 7, 1),
        ({"prompt": ["four", "data:text/plain;base64,AAAA"], "messages": "more"}, 8, 1),
    ],
)
def test_the_size_of_a_prompt_is_without_what_is_no_text(body, size, media):
    found = view(body)
    assert (found.size, found.media) == (size, media)


def test_it_says_what_stands_there_at_that_moment():
    request = chat({"model": "a"})
    found = Asks(request, "chat")
    assert found.model == "a"
    request.document.set("model", "b")
    assert found.model == "b"
    request.replace_body(b'{"model": "c"}')
    assert found.model == "c"


def test_what_cannot_change_an_answer_is_no_material():
    assert view({"model": "m", "stream": True, "user": "ann", "metadata": {}, "seed": 1}).material() == {
        "model": "m",
        "seed": 1,
    }
    with pytest.raises(ValueError):
        view(b"[]").material()


@given(st.integers() | st.booleans() | st.floats() | st.text() | st.none())
def test_a_number_of_tokens_is_natural(value):
    assert natural(value) == (min(value, LARGEST) if type(value) is int and value > 0 else 0)


@pytest.mark.parametrize(
    ("value", "rows"), [([{"a": 1}, 5, None, {}], [{"a": 1}, {}]), ({"a": 1}, []), ("x", []), (None, [])]
)
def test_rows(value, rows):
    assert rows_of(value) == rows


@given(
    fields(
        model=st.text(),
        stream=st.booleans(),
        max_tokens=st.integers(),
        prompt=st.text(),
        messages=st.lists(fields(content=st.text())),
    )
)
def test_any_json_has_a_view(body):
    found = view(body)
    assert isinstance(found.model + found.unrepeatable, str)
    assert 0 <= found.max_tokens <= LARGEST
    assert found.size >= 0
