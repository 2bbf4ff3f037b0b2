"""What belongs to one connection and must not be passed on."""

import pytest
from multidict import CIMultiDict

from aigw.core.headers import HOP_BY_HOP, connection_names, hop_by_hop, without_credentials


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([("Accept", "*/*")], set()),
        ([("Keep-Alive", "5"), ("TE", "trailers"), ("Host", "h")], {"keep-alive", "te"}),
        ([("Connection", "close")], {"connection"}),
        ([("Connection", "X-Mine, close"), ("x-mine", "1")], {"connection", "x-mine"}),
        ([("Connection", "a"), ("Connection", "B"), ("a", "1"), ("b", "2"), ("c", "3")], {"connection", "a", "b"}),
        ([("Connection", " , ,")], {"connection"}),
    ],
)
def test_what_is_hop_by_hop(headers, found):
    assert set(hop_by_hop(CIMultiDict(headers))) == found


def test_names_of_a_connection_header_are_in_lower_case_and_add_to_the_others():
    assert connection_names("Upgrade, X-One ,x-two") == HOP_BY_HOP | {"x-one", "x-two"}


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", ""),
        ("a=1&b", "a=1&b"),
        ("key=sk&a=1", "a=1"),
        ("a=1&%6bEY=sk&X-Api-Key=sk&access_token=t", "a=1"),
        ("pageToken=x&max_tokens=5&keys=1", "pageToken=x&max_tokens=5&keys=1"),
    ],
)
def test_keys_leave_a_query(query, kept):
    assert without_credentials(query) == kept
