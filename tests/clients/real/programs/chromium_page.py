"""Opens chat_page.html in Chromium, from an origin of its own: `chromium_page.py URL CHROMIUM PROMPT`. Prints what the page
tells when it is done."""

import json
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote

PAGE = Path(__file__).with_name("chat_page.html").read_bytes()
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


class Site(BaseHTTPRequestHandler):
    result = b""

    def do_GET(self) -> None:
        self._send(PAGE if self.path == "/" else b"")

    def do_POST(self) -> None:
        Site.result = self.rfile.read(int(self.headers["content-length"]))
        self._send(b"")

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def _profile() -> tempfile.TemporaryDirectory[str]:
    """Its files may be written to for a moment when the browser has ended: its children end later."""
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


def main(url: str, chromium: str, prompt: str) -> None:
    with HTTPServer(("127.0.0.1", 0), Site) as site, _profile() as profile:
        page = f"http://localhost:{site.server_port}/#{quote(json.dumps([url, prompt]))}"
        browser = subprocess.Popen(
            [chromium, *FLAGS, f"--user-data-dir={profile}", page],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not Site.result:
                site.handle_request()
        finally:
            browser.terminate()
            browser.wait()
    print(Site.result.decode())


main(*sys.argv[1:])
