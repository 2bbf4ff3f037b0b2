"""What a failed call to an upstream becomes for the client."""

import pytest

from aigw.core.errors import UpstreamError, UpstreamFault


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (UpstreamFault.CONNECT, 502, "upstream_connect"),
        (UpstreamFault.CONNECT_TIMEOUT, 504, "upstream_connect_timeout"),
        (UpstreamFault.RESET, 502, "upstream_reset"),
        (UpstreamFault.PROTOCOL, 502, "upstream_protocol"),
        (UpstreamFault.FIRST_BYTE_TIMEOUT, 504, "upstream_first_byte_timeout"),
        (UpstreamFault.IDLE_TIMEOUT, 504, "upstream_idle_timeout"),
    ],
)
def test_the_answer_of_a_fault(fault, status, code):
    answer = UpstreamError(fault, "http://up: gone").answer()
    assert (answer.status, answer.code, answer.kind, answer.message) == (
        status,
        code,
        "upstream_error",
        "http://up: gone",
    )


def test_every_fault_has_a_name_of_its_own():
    """Two with the same value would be one."""
    assert len({fault.code for fault in UpstreamFault}) == len(UpstreamFault.__members__) == 8
