import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.path import plain


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("//v1///chat/completions", "/v1/chat/completions"),
        ("/x/../v1/./chat/completions", "/v1/chat/completions"),
        ("/x/%2e%2E/%761/chat%2Fcompletions", "/v1/chat/completions"),
        ("/x\\..\\v1", "/v1"),
        ("/../../v1", "/v1"),
        ("/v1//", "/v1/"),
        ("/v1/x/..", "/v1/"),
        ("//", "/"),
        ("/a b/%zz/.well-known", "/a b/%zz/.well-known"),
    ],
)
def test_plain(path, expected):
    assert plain(path) == expected


@given(st.lists(st.sampled_from(["v1", "..", ".", "", "%2e", "a", "\\", ".x"])).map("/".join))
def test_nothing_odd_is_left(path):
    found = plain(f"/{path}")
    assert found.startswith("/")
    assert not {"..", "."} & set(found.split("/"))
    assert "//" not in found
