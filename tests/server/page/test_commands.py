"""A request as a command: it sends the same again, and no shell reads anything in it."""

import os
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.server.page.commands import LONGEST, ShownRequest, curl, python

HEADERS = [
    ("Content-Type", "application/json"),
    ("Authorization", "***"),
    ("User-Agent", "x"),
    ("X-Team", "it's $HOME"),
]
ENVIRONMENT = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": "sk-1", "GEMINI_API_KEY": "g-1"}


def shown(body='{"a":1}', query="", method="POST", headers=HEADERS, whole=True):
    return ShownRequest(method, "http://h/v1/x", query, headers, body, whole)


def words(command):
    """What curl would get."""
    said = subprocess.run(
        ["bash", "-c", f"curl() {{ printf '%s\\0' \"$@\"; }}\n{command}"],
        capture_output=True,
        check=True,
        env=ENVIRONMENT,
    )
    return said.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def test_curl_gets_the_request_and_the_key_of_the_environment():
    assert words(curl(shown())) == [
        "-sS", "http://h/v1/x", "-H", "content-type: application/json", "-H", "authorization: Bearer sk-1",
        "-H", "x-team: it's $HOME", "--data-raw", '{"a":1}',
    ]  # fmt: skip


def test_a_key_in_the_query():
    assert words(curl(shown(query="alt=sse&key=***", headers=[])))[1] == "http://h/v1/x?alt=sse&key=g-1"


def test_another_method():
    assert words(curl(shown("", method="DELETE", headers=[])))[2:4] == ["-X", "DELETE"]


@pytest.mark.parametrize("body", ["x" * (LONGEST + 1), "no \x1b[31mtext"])
def test_a_body_that_is_too_long_or_no_text_is_a_file(body):
    assert words(curl(shown(body)))[-2:] == ["--data-binary", "@body"]
    assert "open('body', 'rb')" in python(shown(body))


def test_python_sends_the_same():
    program = python(shown(query="alt=sse&key=***")).partition("try:")[0]
    seen = "print(request.full_url, request.data, sorted(request.headers.items()), request.get_method())"
    said = subprocess.run(
        [sys.executable, "-c", program + seen], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert said.stdout == (
        "http://h/v1/x?alt=sse&key=g-1 b'{\"a\":1}' [('Authorization', 'Bearer sk-1'), "
        "('Content-type', 'application/json'), ('X-team', \"it's $HOME\")] POST\n"
    )


class Refusing(BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b"because")

    def log_message(self, *_):
        pass


def test_python_prints_also_what_a_refusal_says():
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        program = python(shown(headers=[])).replace("http://h", f"http://127.0.0.1:{server.server_port}")
        said = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=ENVIRONMENT
        )
        thread.join()
    assert said.stdout == "because"


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_whatever_a_client_sent_is_one_word_each(name, value, query, body):
    request = ShownRequest("POST", "http://h/" + value, query, [(name, value), ("x-key", value)], body, True)
    told = shlex.split(curl(request).replace(" \\\n  ", " "), comments=True)
    assert told[:2] == ["curl", "-sS"]
    assert told[2].startswith("http://h/")
    assert set(told[3::2]) <= {"-X", "-H", "--data-raw", "--data-binary"}
    compile(python(request), "request", "exec")
