"""What a connection writes for a response: whole, piece by piece, and where there is no body."""

import pytest
from http_peer import Peer
from multidict import CIMultiDict

from aigw.server.http1.request import HttpRequest
from aigw.server.http1.response import PlainResponse, StreamedResponse, encode_head

DATE = {"Date": "now"}


def asking(method="GET", version="1.1", **headers):
    return HttpRequest(Peer(), method, "/", version, CIMultiDict(headers))


def plain(status, body, http=None, **headers):
    http = http or asking()
    PlainResponse(status, DATE | headers, body).send(http)
    return http.peer.written


def test_plain():
    assert plain(200, b"hi", X="1") == b"HTTP/1.1 200 OK\r\nDate: now\r\nX: 1\r\nContent-Length: 2\r\n\r\nhi"
    assert plain(200, b"") == b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"
    assert plain(599, b"").startswith(b"HTTP/1.1 599 \r\n")


def test_it_has_a_date():
    http = asking()
    PlainResponse(200).send(http)
    assert b"\r\nDate: " in http.peer.written and b" GMT\r\n" in http.peer.written


@pytest.mark.parametrize("status", [204, 304])
def test_without_a_body(status):
    assert b"Content-Length" not in plain(status, b"")


def test_a_204_names_no_length():
    http = asking()
    assert b"length" not in plain(204, b"", http, **{"content-length": "5"}).lower()
    StreamedResponse(http, 204, headers := CIMultiDict({"content-length": "5"}))
    assert "content-length" not in headers


def test_a_length_that_is_no_number_does_not_stand_beside_chunks():
    StreamedResponse(asking(), 200, headers := CIMultiDict({"content-length": "5, 5"}))
    assert "content-length" not in headers


def test_head_has_the_length_and_no_body():
    assert plain(200, b"hi", asking("HEAD")).endswith(b"Content-Length: 2\r\n\r\n")


def test_whether_the_connection_stays():
    http = asking(version="1.0")
    assert b"Connection: keep-alive\r\n" in plain(200, b"", http)
    http = asking()
    http.peer.keeps = False
    assert b"Connection: close\r\n" in plain(200, b"", http)
    http = asking()
    plain(200, b"", http, Connection="close")
    assert not http.peer.keeps


def test_who_waits_for_leave_to_send_a_body_and_gets_an_answer_is_given_up():
    http = asking(Expect="100-continue")
    assert b"Connection: close" in plain(400, b"", http)
    http = asking(Expect="100-Continue")
    http.let_body_come()
    assert http.peer.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b"Connection" not in plain(400, b"", http)


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b"])
def test_a_header_with_a_line_break_is_refused(value):
    with pytest.raises(ValueError, match="line break") as caught:
        encode_head(200, CIMultiDict({"x": value}))
    assert value not in str(caught.value)
    with pytest.raises(ValueError, match="line break"):
        encode_head(200, CIMultiDict({value: "x"}))


async def streamed(http, pieces, status=200, **headers):
    response = StreamedResponse(http, status, CIMultiDict(DATE | headers))
    for piece in pieces:
        await response.write(piece)
    await response.end()
    return http.peer.written


async def test_in_chunks():
    written = await streamed(asking(), [b"abc", b"", b"x" * 17])
    head = b"HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert written == head + b"3\r\nabc\r\n11\r\n" + b"x" * 17 + b"\r\n0\r\n\r\n"
    assert await streamed(asking(), []) == head + b"0\r\n\r\n"


async def test_http_1_0_reads_until_the_end_of_the_connection():
    http = asking(version="1.0")
    written = await streamed(http, [b"abc", b"d"])
    assert written == b"HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\nabcd"
    assert not http.peer.keeps


async def test_of_an_announced_length_no_more_is_written():
    """A client would take the rest for the next answer."""
    http = asking()
    headers = {"Content-Length": "4"}
    assert (await streamed(http, [b"abc", b"def"], **headers)).endswith(b"Content-Length: 4\r\n\r\nabcd")
    assert http.peer.keeps


async def test_if_less_came_the_connection_does_not_stay():
    http = asking()
    await streamed(http, [b"abc"], **{"Content-Length": "4"})
    assert not http.peer.keeps


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_pieces_of_what_has_no_body(method, status):
    http = asking(method)
    written = await streamed(http, [b"abc"], status, ETag="x")
    assert written.endswith(b"Date: now\r\nETag: x\r\n\r\n")
    assert http.peer.keeps


async def test_a_client_that_left():
    http = asking()
    response = StreamedResponse(http, 200, CIMultiDict())
    http.peer.gone = True
    with pytest.raises(ConnectionError):
        await response.write(b"x")
    with pytest.raises(ConnectionError):
        await response.end()
    assert (http.peer.written, response.begun) == (b"", False)
