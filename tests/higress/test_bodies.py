"""Which answers Higress's plugins do not see."""

import pytest
from multidict import CIMultiDict

from aigw.higress.bodies import is_unseen


@pytest.mark.parametrize(
    ("headers", "unseen"),
    [
        ({}, False),
        ({"content-type": "application/json"}, False),
        ({"content-type": "text/event-stream", "content-encoding": ""}, False),
        ({"content-type": "application/json", "Content-Encoding": "gzip"}, True),
        ({"content-encoding": "identity"}, True),
        ({"content-type": "application/octet-stream"}, True),
        ({"content-type": "application/grpc+proto"}, True),
    ],
)
def test_unseen(headers, unseen):
    assert is_unseen(CIMultiDict(headers)) is unseen
