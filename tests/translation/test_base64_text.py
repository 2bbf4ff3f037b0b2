import base64

from hypothesis import given
from hypothesis import strategies as st

from aigw.translation.base64_text import of_data_url, standard


@given(st.binary(max_size=50))
def test_either_alphabet_with_or_without_padding_becomes_the_standard_one(data):
    expected = base64.b64encode(data).decode()
    assert standard(base64.urlsafe_b64encode(data).decode().rstrip("=")) == expected
    assert standard(expected) == expected


def test_a_data_url_has_its_type_and_its_data():
    assert of_data_url("data:image/png;base64,_-8") == ("image/png", "/+8=")
    assert of_data_url("data:text/plain;charset=utf-8;base64,YQ==") == ("text/plain", "YQ==")
    assert of_data_url("https://example.com/a.png") is None
    assert of_data_url("data:text/plain,a") is None
