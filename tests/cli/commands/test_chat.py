"""`aigw chat` on a terminal, as a user types."""

import os
import pty
import select
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SLOW = "plugins: {ai-proxy: {provider: {type: builtin, mock: {tokens: 5000, tokensPerSecond: 20}}}}\n"
SECONDS = 60


class Terminal:
    def __init__(self, start, folder, *words):
        self._outer, inner = pty.openpty()
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "dumb", "COLUMNS": "80"}
        env |= {"TMPDIR": str(folder), "XDG_RUNTIME_DIR": str(folder), "OLLAMA_HOST": "127.0.0.1:9"}
        # setsid -c makes the terminal the one whose keys it gets
        command = ["setsid", "-c", sys.executable, "-m", "aigw", "chat", *words]
        self.process = start(command, cwd=folder, env=env, stdin=inner, stdout=inner, stderr=inner)
        os.close(inner)
        self._seen = b""

    def until(self, text):
        """What is shown until this comes, with it."""
        end = time.monotonic() + SECONDS
        while text.encode() not in self._seen:
            assert select.select([self._outer], [], [], end - time.monotonic())[0], self._seen
            self._seen += os.read(self._outer, 4096)
        shown, found, self._seen = self._seen.partition(text.encode())
        return (shown + found).decode().replace("\r\n", "\n")

    def type(self, text):
        """Types this at the next prompt, and returns what is shown until the prompt that follows."""
        os.write(self._outer, text.encode())
        return self.until(">>> ")

    def rests(self):
        """Until it waits for a key: Python hears of a Ctrl-C only then, not while readline shows the key before it."""
        state = Path(f"/proc/{self.process.pid}/stat")
        while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "S":
            pass

    def left(self, text):
        os.write(self._outer, text.encode())
        return self.process.wait(SECONDS)


@pytest.fixture
def chat(child, tmp_path):
    return lambda *words: Terminal(child, tmp_path, *words)


def test_a_conversation(chat, tmp_path):
    (tmp_path / "aigw.yaml").write_text(SLOW)
    terminal = chat("-s", "Be brief.", "-m", "echo")
    assert terminal.until(">>> ") == "echo through a gateway of its own; /help for help\n>>> "
    assert "hello there\nhello there\n" in terminal.type("hello there\n")
    assert "... b\x1b[31m" not in terminal.type('"""a\n... b\n"""\n')
    assert "\n* echo\n  mock\n" in terminal.type("/model\n")
    assert "There is no /x; /help lists what there is.\n" in terminal.type("/x\n")
    assert "/usr/bin?\n" in terminal.type("/usr/bin?\n")
    assert "/clear          forget what was said\n" in terminal.type("/help\n")
    assert "That is how it shall answer" in terminal.type("/system As a pirate.\n")
    assert "What was said is forgotten.\n" in terminal.type("/clear\n")
    assert "does not exist" in terminal.type("/model nix\n") + terminal.type("hi\n")
    terminal.type("/model mock\n")
    os.write(terminal._outer, b"a long story\n")
    terminal.until("Lorem")
    assert "(stopped)\n" in terminal.type("\x03")
    os.write(terminal._outer, b"half a que")
    terminal.until("half a que")  # the line is being edited: a key that comes before that may be lost
    terminal.rests()
    assert "Ctrl-D or /bye leaves.\n" in terminal.type("\x03")
    terminal.type("/model echo\n")
    assert "\nagain\n" in terminal.type("again\n")
    assert terminal.left("\x04") == 0


def test_without_a_terminal(commands, tmp_path):
    done = commands.run("chat", cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "aigw chat: it needs a terminal; `aigw ask` answers what comes through a pipe\n"
