"""The models of a running Ollama, or nothing at once."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from aigw.cli.sources.completed_names import has_ollama
from aigw.cli.sources.ollama_models import installed


@pytest.fixture
def ollama():
    """Gives the environment of an Ollama that answers this."""
    servers = []

    def start(body):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return {"OLLAMA_HOST": f"127.0.0.1:{servers[-1].server_port}"}

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_its_models(ollama):
    assert installed(ollama(json.dumps({"data": [{"id": "llama3.2:1b"}, {"id": "qwen3"}]}).encode())) == [
        "llama3.2:1b",
        "qwen3",
    ]


@pytest.mark.parametrize("body", [b"", b"text", b"[]", b"{}", b'{"data": [1]}', b'{"data": 1}'])
def test_any_other_answer(ollama, body):
    assert installed(ollama(body)) == []


@pytest.mark.parametrize("address", ["127.0.0.1:9", "http://[", "no host", "127.0.0.1:99999"])
def test_nobody_answers(address):
    assert installed({"OLLAMA_HOST": address}) == []


@pytest.mark.parametrize(
    ("values", "has"),
    [
        ({}, True),
        ({"plugins": {"ai-proxy": {"provider": {"type": "ollama"}}}}, True),
        ({"plugins": {"ai-proxy": {"providers": [{"type": "qwen"}]}}}, False),
    ],
)
def test_who_may_have_one(values, has):
    assert has_ollama(values) == has
