"""`aigw top` in a real terminal (tmux), and what it says without one."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from rich.cells import cell_len

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_question import parse as parse_question
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens

ROOT = Path(__file__).parents[3]
TOP = [sys.executable, "-c", "import typer\nfrom aigw.cli.commands.top import top\ntyper.run(top)"]
CLEAN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


def row(n, model, **more):
    tokens = Tokens(input=100 * n, cache_read=10 * n, output=20 * n, source="reported")
    given = {
        "route": "llm",
        "model": model,
        "tokens": tokens,
        "cost": 0.001 * n,
        "first_token_ms": 5.0 * n,
        "total_ms": 50.0 * n,
    }
    return UsageRow(id=f"{n}", at=time.time() - 10, **given | more)


def fill(folder, rows):
    log = SqliteUsageLog(folder / "usage.sqlite", interval=0.01)
    for each in rows:
        log.append(each)
    log.close()


@pytest.fixture
def run(commands):
    def run(folder, *words, **env):
        done = commands.run("top", *words, cwd=folder, env=CLEAN | env)
        return done.returncode, done.stdout, done.stderr

    return run


def until(condition, seconds=20):
    """The first true value of `condition`, which other processes change."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        pause.wait(0.05)
    return value


# ------------------------------------------------------------------------------------------------ in a terminal


class Terminal:
    """A tmux server of its own, with one window that runs `aigw top` below a shell."""

    def __init__(self, folder, width, height, words):
        self.folder, self.width, self.height = folder, width, height
        self.socket = folder / "tmux"
        top = shlex.join([*TOP, *words])
        script = folder / "run.sh"
        script.write_text(
            f"echo a line from before\nstty -g >before\n(echo $BASHPID >pid; exec {top})\ncode=$?\n"
            "stty -g >after\necho exit=$code\nsleep 100\n"
        )
        env = {name: value for name, value in os.environ.items() if not name.startswith(("TMUX", "COLUMNS", "LINES"))}
        self.tmux(
            "-u",
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            str(width),
            "-y",
            str(height),
            f"bash {script}",
            env=env | CLEAN | {"TERM": "xterm-256color"},
        )

    def tmux(self, *words, env=None):
        command = ["tmux", "-S", self.socket, *words]
        return subprocess.run(command, cwd=self.folder, env=env, check=True, capture_output=True, text=True).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p").split("\n")[: self.height]

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def record(self):
        """Everything that is written to the terminal from now on, as a growing file."""
        file = self.folder / "written"
        self.tmux("pipe-pane", f"cat >{file}")
        until(file.exists)
        return file

    def find(self, text):
        return until(lambda: next((screen for screen in [self.screen()] if any(text in line for line in screen)), None))

    def left(self, code):
        """It ended with this code, and the terminal is as before."""
        screen = self.find("exit=")
        assert [line for line in screen if line] == ["a line from before", f"exit={code}"]
        assert (self.folder / "before").read_text() == (self.folder / "after").read_text()
        assert self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").split() == ["0", "1"]


@pytest.fixture
def terminal(tmp_path):
    if shutil.which("tmux") is None or shutil.which("bash") is None:
        pytest.skip("needs tmux and bash")
    opened = []

    def open_terminal(width, height, *words):
        opened.append(Terminal(tmp_path, width, height, words))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.tmux("kill-server")


def check_screen(screen, names, width):
    """One line for each row shown, in its place: nothing is wrapped and nothing is lost but what scrolling hides."""
    assert all(cell_len(line) <= width for line in screen)
    assert screen[0].startswith("aigw top  since 1h, by model")
    assert screen[1].startswith("tok/s ")
    header = screen[3].split()
    assert header[:4] == (["model", "requests", "in", "out"] if width > 100 else ["model", "req", "in", "out"])
    assert "first p50" in screen[3]
    assert any(line.startswith("first p50, p95: time to the first token") for line in screen)
    if width > 100:
        assert " ".join(header).endswith("cached tok/s first p50 first p95 $ total $/min errors cache hits")
    total = next(n for n, line in enumerate(screen) if line.startswith("total "))
    shown = screen[4:total]
    assert len(shown) == min(names, len(screen) - 7)
    assert all(line.startswith("provider-") for line in shown)
    assert "q quit" in screen[total + 1] + screen[total + 2]
    more = names - len(shown)
    assert (f"+{more} more" in "".join(screen)) == (more > 0)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
@pytest.mark.parametrize("names", [1, 30, 300])
def test_live(terminal, tmp_path, names, width, height):
    models = [f"provider-{n}/a-rather-long-name-of-a-model-{n}" for n in range(names)]
    fill(tmp_path / "state", [row(n % 40 + 1, model) for n, model in enumerate(models)])
    screen = terminal(width, height, "--state", "state")
    check_screen(screen.find("q quit"), names, width)

    log = SqliteUsageLog(tmp_path / "state" / "usage.sqlite", interval=0.01)
    for n in range(200):
        log.append(row(n % 40 + 1, models[n % names]))
        if n % 40 == 0:
            check_screen(screen.screen(), names, width)
    log.close()
    check_screen(screen.find(f" {names + 200} "), names, width)

    screen.press("q")
    screen.left(0)


def test_keys(terminal, tmp_path):
    fill(tmp_path / "state", [row(n + 1, f"m{n:02}", status=500 if n == 3 else 200) for n in range(30)])
    screen = terminal(80, 24, "--state", "state")
    assert screen.find("by requests ▼")[4].startswith("m00 ")
    screen.press("s")
    assert screen.find("by in ▼")[4].startswith("m29 ")
    screen.press("r")
    assert screen.find("by in ▲")[4].startswith("m00 ")
    screen.press("Left", "Left", "Left")
    assert screen.find("by errors ▲")[4].startswith("m00 ")
    screen.press("r")
    assert screen.find("by errors ▼")[4].startswith("m03 ")
    assert any("+13 more" in line for line in screen.screen())
    screen.press("Down", "Down")
    assert screen.find("+11 more")[4].startswith("m01 ")
    screen.press("End")
    assert screen.find("13 above")[20].startswith("m29 ")
    screen.press("Home")
    screen.find("+13 more")

    screen.press("p")
    screen.find("PAUSED")
    fill(tmp_path / "state", [row(99, "later", status=500) for _ in range(2)])
    assert "later" not in "".join(screen.screen())
    screen.press("p")
    assert screen.find("later")[4].startswith("later ")
    assert "PAUSED" not in "".join(screen.screen())
    screen.press("C-c")
    screen.left(0)


def test_it_draws_only_what_changed_and_never_clears(terminal, tmp_path):
    old = [msgspec.structs.replace(row(n + 1, f"m{n}"), at=time.time() - 2000) for n in range(5)]
    fill(tmp_path / "state", old)
    screen = terminal(80, 24, "--state", "state", "--since", "all")
    screen.find("q quit")
    file = screen.record()
    threading.Event().wait(1.5)  # what is asserted is that nothing happens meanwhile
    assert file.stat().st_size == 0
    fill(tmp_path / "state", [row(1, "fresh")])
    screen.find("fresh ")
    written = file.read_text()
    assert "fresh" in written
    assert not [code for code in ("\x1b[2J", "\x1b[J", "\x1b[0J", "\x1b[K", "\x1b[2K", "\n\n") if code in written]
    screen.press("q")
    screen.left(0)


def test_another_size_is_taken_up(terminal, tmp_path):
    fill(tmp_path / "state", [row(n % 40 + 1, f"provider-{n}") for n in range(40)])
    screen = terminal(200, 50, "--state", "state")
    check_screen(screen.find("q quit"), 40, 200)
    screen.tmux("resize-window", "-x", "80", "-y", "24")
    screen.width, screen.height = 80, 24
    check_screen(screen.find("+23 more"), 40, 80)
    screen.press("q")
    screen.left(0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(terminal, tmp_path, number):
    screen = terminal(80, 24, "--state", "state")
    screen.find("q quit")
    os.kill(int((tmp_path / "pid").read_text()), number)
    screen.left(128 + number)


def test_it_starts_before_there_is_anything_to_show(terminal, tmp_path):
    screen = terminal(80, 24, "--state", "state")
    screen.find("There is no usage in state yet: start `aigw serve`")
    fill(tmp_path / "state", [row(1, "first")])
    screen.find("first ")
    screen.press("q")
    screen.left(0)


def test_names_cannot_move_the_cursor(terminal, tmp_path):
    fill(tmp_path / "state", [row(1, "evil\x1b[2J\x1b[H\r\nname"), row(2, "模型" * 40)])
    screen = terminal(80, 24, "--state", "state").find("q quit")
    assert screen[0].startswith("aigw top")
    assert "evil" in "".join(screen[4:6])
    assert screen[6].startswith("total ")


# --------------------------------------------------------------------------------------------- without a terminal


def test_without_a_terminal_it_prints_once(run, tmp_path):
    fill(tmp_path / ".aigw", [row(n + 1, f"m{n:02}") for n in range(40)])
    code, out, err = run(tmp_path)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "aigw top  since 1h, by model  .aigw"
    assert [line.split()[0] for line in lines[4:44]] == [f"m{n:02}" for n in range(40)]
    assert lines[44].startswith("total ")
    assert "\x1b" not in out


def test_json(run, tmp_path):
    fill(tmp_path / "s", [row(1, "a"), row(2, "a"), row(3, "b", cost=None)])
    code, out, _ = run(tmp_path, "--json", "--state", "s", "--by", "consumer", "--by", "model")
    summary = json.loads(out)
    assert code == 0
    assert summary["by"] == ["consumer", "model"]
    assert [(line["key"], line["requests"], line["output"]) for line in summary["rows"]] == [
        ({"consumer": "", "model": "a"}, 2, 60),
        ({"consumer": "", "model": "b"}, 1, 60),
    ]
    assert (summary["rows"][1]["cost"], summary["total"]["cost"], summary["total"]["unpriced"]) == (None, 0.003, 1)


def test_nothing_yet(run, tmp_path):
    code, out, err = run(tmp_path, "--once")
    assert (code, err) == (0, "")
    assert "There is no usage in .aigw yet: start `aigw serve`" in out
    assert run(tmp_path, "--json")[0] == 0
    assert list(tmp_path.iterdir()) == [], "looking creates nothing"


def test_nothing_lately(run, tmp_path):
    fill(tmp_path / ".aigw", [msgspec.structs.replace(row(1, "a"), at=time.time() - 7200)])
    code, out, _ = run(tmp_path, "--once")
    assert code == 0
    assert "No requests since 1h; the last one arrived 20" in out
    assert "--since all" in out
    assert "\na " in run(tmp_path, "--once", "--since", "all")[1]


@pytest.mark.parametrize(
    ("text", "folder"),
    [("state_dir: kept/here\nlistn: 1\nx: ${NOT_SET}\n", "kept/here"), ("", ".aigw"), ("{", ".aigw")],
)
def test_the_state_folder_is_that_of_the_configuration(run, tmp_path, text, folder):
    (tmp_path / "aigw.yaml").write_text(text)
    fill(tmp_path / folder, [row(1, "a")])
    assert run(tmp_path)[1].startswith(f"aigw top  since 1h, by model  {folder}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--by", "user"], "choose from route, service, provider, model, consumer, session, day"),
        (["--since", "soon"], "'soon' is not a time; write 15m"),
        (["--url", "ftp://x"], "--url is the address of a gateway, such as http://127.0.0.1:4700"),
        (["--url", "127.0.0.1:1"], "http://127.0.0.1:1 does not answer"),
    ],
)
def test_mistakes(run, tmp_path, words, message):
    code, out, err = run(tmp_path, *words)
    assert (code, out) == (1 if "does not answer" in message else 2, "")
    assert message in err


def test_a_foreign_file(run, tmp_path):
    (tmp_path / ".aigw").mkdir()
    (tmp_path / ".aigw" / "usage.sqlite").write_bytes(b"not a database" * 100)
    code, _, err = run(tmp_path)
    assert code == 1
    assert ".aigw/usage.sqlite is no usage file" in err


# ------------------------------------------------------------------------------------------------ another machine


@contextmanager
def gateway(folder, *, key="", redirect=""):
    """The route that a gateway has: /-/usage."""
    log = SqliteUsageLog(folder / "usage.sqlite", interval=0.01)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            query = parse_qs(urlsplit(self.path).query)
            status, body = 200, b""
            if redirect:
                status = 302
            elif key and self.headers["authorization"] != f"Bearer {key}":
                status = 401
            else:
                try:
                    question = parse_question(
                        query.get("by", []), query["since"][0], query.get("until", [""])[0], now=time.time()
                    )
                    body = msgspec.json.encode(log.summarise(question))
                except ValueError as error:
                    status, body = 400, msgspec.json.encode({"error": {"message": str(error)}})
            self.send_response(status)
            self.send_header("location", redirect)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_url(run, tmp_path):
    fill(tmp_path / "state", [row(1, "a"), row(2, "b")])
    with gateway(tmp_path / "state", key="sk-right") as url:
        proxied = {"HTTP_PROXY": "http://127.0.0.1:1"}
        code, out, _ = run(tmp_path, "--url", url, "--key", "sk-right", "--by", "day", "--by", "model", **proxied)
        assert code == 0
        assert out.startswith(f"aigw top  since 1h, by day and model  {url}\n")
        assert [line.split()[1] for line in out.splitlines()[4:6]] == ["a", "b"]
        code, out, _ = run(tmp_path, "--url", url, "--json", AIGW_KEY="sk-right")
        assert json.loads(out)["total"]["requests"] == 2
        code, out, err = run(tmp_path, "--url", url, "--key", "sk-wrong")
        assert (code, out) == (1, "")
        assert err == f"aigw top: {url} refuses to show its usage (401); give a key with --key or AIGW_KEY\n"


def test_url_says_what_the_gateway_says(run, tmp_path):
    with gateway(tmp_path) as url:
        code, _, err = run(tmp_path, "--url", url, "--since", "soon")
    assert code == 1
    assert err.startswith(f"aigw top: {url}/-/usage answers 400: 'soon' is not a time; write 15m")


def test_a_key_follows_no_redirect(run, tmp_path):
    with gateway(tmp_path) as other, gateway(tmp_path, redirect=f"{other}/-/usage?since=1h") as url:
        code, _, err = run(tmp_path, "--url", url, "--key", "sk-secret")
    assert code == 1
    assert f"{url}/-/usage answers 302" in err


def test_a_gateway_that_stops_is_said_and_the_last_numbers_stay(terminal, tmp_path):
    fill(tmp_path / "state", [row(1, "kept-on-screen")])
    with gateway(tmp_path / "state") as url:
        screen = terminal(80, 24, "--url", url)
        screen.find("kept-on-screen")
    shown = screen.find("does not answer")
    assert any("kept-on-screen" in line for line in shown)
    screen.press("q")
    screen.left(0)
