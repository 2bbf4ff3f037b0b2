"""A service that embeds by OpenAI's API, on loopback: texts with equal words have near vectors."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from small_embedder import SmallEmbedder

PATIENCE = 20.0


class EmbeddingService:
    """`rag` is the configuration that uses it. `asked` is set with the first request; each waits for `may`, which is
    set at the beginning."""

    def __init__(self, port: int) -> None:
        self.rag = {"embedder": "openai", "openai": {"url": f"http://127.0.0.1:{port}/v1"}}
        self.asked, self.may = threading.Event(), threading.Event()
        self.may.set()

    def answer(self, body: bytes) -> bytes:
        self.asked.set()
        self.may.wait(PATIENCE)
        vectors = asyncio.run(SmallEmbedder().embed(json.loads(body)["input"], "passage")).tolist()
        return json.dumps({"data": [{"index": n, "embedding": each} for n, each in enumerate(vectors)]}).encode()


@contextmanager
def embedding_service() -> Iterator[EmbeddingService]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = service.answer(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service = EmbeddingService(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield service
        finally:
            server.shutdown()
