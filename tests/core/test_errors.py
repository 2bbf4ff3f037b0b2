"""What a failed call to an upstream becomes for the client."""

import pytest

from aigw.core.errors import FailedAnswerError, GatewayError, UpstreamError, UpstreamFault


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


@pytest.mark.parametrize("sign", ["\n", "\x1b", "\x9b", "\u202e", "\ud83d"])
def test_the_fields_of_an_error_are_plain(sign):
    """They may quote what a client or a provider wrote."""
    error = GatewayError(400, f"a{sign}b", kind=f"a{sign}b", code=f"a{sign}b", param=f"a{sign}b")
    assert {error.message, error.kind, error.code, error.param} == {"a\ufffdb"}


def test_the_fields_of_an_error_may_be_missing():
    error = GatewayError(400, "wrong")
    assert (error.code, error.param) == (None, None)


@pytest.mark.parametrize("sign", ["\n", "\x1b", "\u202e"])
def test_what_else_was_tried_is_a_line_of_its_own(sign):
    error = FailedAnswerError(502, f"a{sign}b", others=f"c{sign}d")
    assert str(error) == f"a{sign}b\nc{sign}d"
    assert error.answer().message == "a\ufffdb\nc\ufffdd"


def test_details_are_lines_of_their_own():
    error = GatewayError(404, "a\nb", details=["c\x1b", "  key sk-abcdefgh12345678"])
    assert error.message == "a\ufffdb\nc\ufffd\n  key ***"
