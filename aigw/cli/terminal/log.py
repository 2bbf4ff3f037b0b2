"""The log on stderr. A thread writes it, so that a terminal or a parent that does not read cannot stop the gateway.

Rule: values in a message are made plain and redacted, so that nobody outside can forge a line of this log. Only aigw's
own texts and tracebacks have several lines; all but the first are indented."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Iterable

from aigw.cli.terminal.output import UNLIMITED, folded
from aigw.core.plain import plain_lines
from aigw.core.redaction import shown

MAX_WAITING = 10_000
"""How many lines may wait to be written. Further lines are lost."""

MOST_AT_ONCE = 20
"""How many lines are written at once. Together they have fewer than 4096 bytes, which a pipe takes as a whole, so that
the lines of several workers do not mix."""

GATHER_SECONDS = 0.02
"""How long the thread waits for more lines. Waking it for each single line costs 20 µs more."""

MAX_HELD = 20
"""How many lines, the last ones, are kept while a program draws on the terminal."""

LAST_WORDS_SECONDS = 1.0


class LogThread(logging.Handler):
    """Hands lines to the thread that writes them. With `shares_terminal`, lines wait until the log is closed where
    another program draws on the terminal when they come: they would stand in the middle of its screen."""

    def __init__(self, *, as_json: bool = False, shares_terminal: bool = False) -> None:
        super().__init__()
        self._shares_terminal = shares_terminal
        self._held: deque[str] = deque(maxlen=MAX_HELD)
        self._dropped = 0
        text = _PlainFormatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
        self.setFormatter(_JsonFormatter() if as_json else text)
        self._on_terminal = _is_terminal()
        self._folds = self._on_terminal and not as_json
        self._lines = deque[str]()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            self.write(folded(text, self.width()) if self._folds else text)
        except Exception:  # noqa: BLE001 - a message that cannot be formatted must not fail what it tells about
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Says in the log that a message failed. Nothing else may write to stderr, which can block."""
        self.write(f"{record.levelname} a message of {record.pathname}:{record.lineno} cannot be formatted")

    def write(self, line: str) -> None:
        """Takes a line without its line end. Never blocks, never raises."""
        if len(self._lines) < MAX_WAITING:
            self._lines.append(line)
            if not self._wake.is_set():
                self._wake.set()

    def last(self, line: str) -> None:
        """Takes the last line. On a terminal, Ctrl-C has left the cursor behind a ^C."""
        self.write(f"\n{line}" if self._on_terminal else line)

    def width(self) -> int:
        """Returns how many cells a line may have: as many as the terminal has now, or any number."""
        if not self._on_terminal:
            return UNLIMITED
        try:
            return os.get_terminal_size(sys.stderr.fileno()).columns or UNLIMITED
        except (OSError, ValueError):
            return UNLIMITED

    def close(self) -> None:
        """Writes what is left, unless nobody reads it."""
        self._closing.set()
        self._wake.set()
        self._thread.join(LAST_WORDS_SECONDS)
        super().close()

    def _write(self) -> None:
        closing = False
        while not closing:
            self._wake.wait()
            self._closing.wait(GATHER_SECONDS)
            self._wake.clear()
            closing = self._closing.is_set()  # asked before the lines are read: those before the end are written
            while lines := self._next():
                if self._shares_terminal and _is_drawn_on():
                    self._dropped += max(len(self._held) + len(lines) - MAX_HELD, 0)
                    self._held.extend(lines)
                else:
                    _print(lines)
        if self._dropped:
            _print([f"{self._dropped} more lines came before these"])
        _print(self._held)

    def _next(self) -> list[str]:
        return [self._lines.popleft() for _ in range(min(len(self._lines), MOST_AT_ONCE))]


def _print(lines: Iterable[str]) -> None:
    if sys.stderr is None:  # the parent closed it
        return
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()


def _is_drawn_on() -> bool:
    """Whether a program has the terminal of stderr in a mode in which it gets each key at once, as editors and agents
    do. On Windows, nobody can tell."""
    if sys.platform != "win32":
        import termios

        try:
            return not termios.tcgetattr(sys.stderr.fileno())[3] & termios.ICANON
        except (OSError, ValueError, AttributeError, termios.error):
            return False
    return False


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # closed
        return False


class _PlainFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        record = logging.makeLogRecord(record.__dict__)  # other handlers get the record as it is
        if isinstance(record.args, tuple):
            record.args = tuple(each if isinstance(each, int | float) else shown(str(each)) for each in record.args)
        return plain_lines(super().format(record)).replace("\n", "\n  ")


class _JsonFormatter(_PlainFormatter):
    """One JSON object a record: `at` in seconds since 1970, `level`, `message`."""

    def format(self, record: logging.LogRecord) -> str:
        message = super().format(record)
        line = {"at": record.created, "level": record.levelname.lower(), "message": message}
        return json.dumps(line)  # which is ASCII
