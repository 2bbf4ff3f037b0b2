"""Shows a trace on a terminal: the request, then every step with its times and its changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.cells import cell_len
from rich.text import Text

from aigw.cli.terminal.figures import count, duration
from aigw.core.plain import plain
from aigw.trace.record import Changed, HeaderChange, Step, TraceRecord, Was

SIGNS = {"add": ("+", "green"), "remove": ("-", "red"), "replace": ("~", "yellow")}
NARROWEST = 30
LEGEND = "* plugin  > upstream  + added  - removed  ~ changed  = what the client got"


def lines(record: TraceRecord, width: int) -> Iterator[Text]:
    """The lines of a trace. None is wider than `width` cells, which must be 30 at least."""
    width = max(width, NARROWEST)
    for line in _lines(record):
        yield from _wrapped(line, width)


def moment(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%m-%d %H:%M:%S.%f")[:-3]


class _Line:
    """A text that may be too wide for one line: then its further lines begin with `hang`."""

    def __init__(self, hang: str, *parts: tuple[str, str]) -> None:
        self.hang = hang
        self.text = Text()
        for text, style in parts:
            self.text.append(plain(text), style)


def _lines(record: TraceRecord) -> Iterator[_Line]:
    query = f"?{record.query}" if record.query else ""
    yield _Line("  ", (f"{record.method} {record.path}{query}", "bold"), ("  ", ""), *_status(record.status))
    yield _Line("  ", (f"  {moment(record.at)}  {record.id}", ""))
    facts = [f"route {record.route}", f"service {record.service}" if record.service else ""]
    facts += [f"host {record.host}" if record.host else "", f"consumer {record.consumer}" if record.consumer else ""]
    facts += [
        "an upload that is passed on once and cannot be sent again"
        if record.body_bytes is None
        else f"body {record.body_bytes:,} bytes"
    ]
    yield _Line("  ", ("  " + " · ".join(filter(None, facts)), ""))
    if record.asked or record.answered:
        yield _Line("  ", (f"  {_model(record)} · {_tokens(record)}", ""))
    if record.retrieved:
        passages = ", ".join(f"{each.id} ({each.score:.3f})" for each in record.retrieved)
        yield _Line("  ", (f"  passages {passages}", ""))
    times = [
        f"total {duration(record.total_ms)}",
        f"waiting for upstreams {duration(record.wait_ms)}",
    ]
    if record.first_ms is not None:
        times.append(f"first event {duration(record.first_ms)}")
    yield _Line("  ", ("  " + " · ".join(times), ""))
    for step in record.steps:
        yield from _step(step)
    if record.left_out:
        yield _Line("  ", (f"... {record.left_out} further steps are not in the trace", "yellow"))
    yield _Line("  ", ("= ", ""), *_status(record.status), (" " + _ending(record), ""))
    yield _Line("  ", (f"  {LEGEND}", "dim"))
    if record.absent:
        yield _Line("  ", (f"  not on this route: {', '.join(record.absent)}", "dim"))
    if record.cut:
        yield _Line("  ", ("  details were left out, because the trace was too large", "yellow"))


def _model(record: TraceRecord) -> str:
    other = f" for {record.asked}" if record.answered and record.asked not in ("", record.answered) else ""
    return f"model {record.answered or record.asked}{other}"


def _tokens(record: TraceRecord) -> str:
    if record.tokens.source == "absent":
        return "no tokens counted"
    spent = (record.tokens.prompt, record.tokens.output)
    read, written = ("?" if number is None else count(number, exact=True) for number in spent)
    return f"{read} tokens in, {written} out"


def _status(status: int) -> Iterator[tuple[str, str]]:
    yield str(status or "?"), "green" if 200 <= status < 400 else "red"


def _ending(record: TraceRecord) -> str:
    if record.error:
        return record.error.removeprefix(f"{record.status} ")
    kind = "a stream" if record.streaming else "an answer"
    ends = {"complete": "complete", "aborted": "not read to its end", "failed": "broke off"}
    return f"{kind}, {ends.get(record.outcome, 'not read')}"


def _step(step: Step) -> Iterator[_Line]:
    if step.kind == "upstream":
        parts = [("> ", ""), (step.name or "upstream", "bold"), (f"  {step.origin}  ", "")]
        if step.status:
            parts += [*_status(step.status), ("  ", "")]
        yield _Line("  ", *parts, (duration(step.in_ms), "cyan"))
    else:
        name = f"{step.name}, time {step.again}" if step.again else step.name
        why = "" if step.again else _why(step)
        times = duration(step.in_ms) if step.status else f"in {duration(step.in_ms)}, out {duration(step.out_ms)}"
        yield _Line("|     ", ("* ", ""), (name, "bold"), (f"  {times}", "cyan"), (f"  {why}" if why else "", "dim"))
        yield from _changed(step.changed)
        yield from _reply(step)
    if step.error:
        yield _Line("|   ", ("|   ", ""), (f"raised {step.error}", "red"))


def _why(step: Step) -> str:
    match step.why:
        case {"config": "route"}:
            return "the route's own configuration"
        case {"config": "rule", "index": index, "match": dict(match)}:
            names = "; ".join(f"{key}: {', '.join(map(str, values))}" for key, values in match.items())
            return f"_rules_[{index}] {names}"
        case {"config": config}:
            return f"{config} configuration"
    return ""


def _changed(changed: Changed) -> Iterator[_Line]:
    for name, was in (("method", changed.method), ("path", changed.path), ("query", changed.query)):
        if was is not None:
            yield from _change("replace", name, was)
    yield from _headers("header", changed.headers)
    for each in changed.body:
        was = Was(None if each.op == "add" else each.old, None if each.op == "remove" else each.new)
        yield from _change(each.op, f"body {each.path}".rstrip(), was)
    if changed.sizes and changed.hashes:
        (before, after), (old, new) = changed.sizes, changed.hashes
        yield from _change("replace", "body", Was(f"{before:,} bytes ({old})", f"{after:,} bytes ({new})"))
    if changed.more:
        yield _Line("|   ", ("|   ", ""), ("... and more changes of the request", "yellow"))


def _reply(step: Step) -> Iterator[_Line]:
    reply = step.reply
    if step.status:
        yield _Line("|   ", ("|   ", ""), ("answered itself ", "magenta"), *_status(step.status))
    if reply.status:
        yield from _change("replace", "answer status", Was(str(reply.status[0]), str(reply.status[1])))
    yield from _headers("answer header", reply.headers)
    if reply.replaced:
        yield _Line("|   ", ("|   ", ""), ("gave another answer", "magenta"))
    if reply.rewritten:
        yield _Line("|   ", ("|   ", ""), ("rewrites the answer's body", "magenta"))


def _headers(kind: str, headers: list[HeaderChange]) -> Iterator[_Line]:
    for each in headers:
        op = "add" if each.old is None else "remove" if each.new is None else "replace"
        yield from _change(op, f"{kind} {each.name}", Was(each.old, each.new))


def _change(op: str, name: str, was: Was) -> Iterator[_Line]:
    """A change as one line, or the old value above the new one if they are long."""
    sign, style = SIGNS.get(op, ("~", "yellow"))
    head = ("|   ", ""), (f"{sign} ", style), (f"{name}  ", "")
    texts = [text for text in (was.old, was.new) if text is not None]
    if len(texts) < 2:
        yield _Line("|     ", *head, *((text, style) for text in texts))
    elif sum(map(cell_len, texts)) + cell_len(name) <= 60:
        yield _Line("|     ", *head, (texts[0], "red"), (" -> ", ""), (texts[1], "green"))
    else:
        yield _Line("|     ", *head)
        yield _Line("|       ", ("|     - ", ""), (texts[0], "red"))
        yield _Line("|       ", ("|     + ", ""), (texts[1], "green"))


def _wrapped(line: _Line, width: int) -> Iterator[Text]:
    rest, before = line.text, ""
    while True:
        room = width - cell_len(before)
        if rest.cell_len <= room:
            yield Text.assemble(before, rest)
            return
        end = _break(rest.plain, room)
        shown, rest = rest[:end], rest[end:]
        shown.rstrip()
        yield Text.assemble(before, shown)
        before = line.hang


def _break(text: str, room: int) -> int:
    """How many characters go on a line of `room` cells: up to the last space in its second half, if there is one."""
    end = cells = 0
    for char in text:
        cells += cell_len(char)
        if cells > room:
            break
        end += 1
    space = text.rfind(" ", end // 2, end)
    return space + 1 if space > 0 else max(end, 1)
