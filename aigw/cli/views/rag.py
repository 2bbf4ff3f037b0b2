"""Shows collections, passages and what was found, for `aigw rag`.

Rule: what documents say is made plain before it is printed, and what looks like a secret is hidden; JSON, for programs,
has all of it. On a terminal the words of the question are marked."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aigw.cli.terminal.columns import fitted
from aigw.cli.terminal.figures import counted
from aigw.cli.terminal.output import folded, say_sentence, say_text, width
from aigw.core.plain import plain, plain_rows
from aigw.core.redaction import value_without_secrets, without_secrets
from aigw.core.retrieval import CJK_LETTER, CollectionInfo, Hit, Passage, Source, Stats

if TYPE_CHECKING:
    from aigw.cli.sources.rag_explain import Explained
    from aigw.cli.sources.rag_ingest import Done
    from aigw.cli.sources.rag_rebuild import Rebuilt
    from aigw.rag.evaluation import Evaluation
    from aigw.rag.ingest import Report

_MOST_FINDINGS = 20
"""How many sources with findings are listed for people."""
_WORD = re.compile(rf"{CJK_LETTER}{{2}}|(?:(?!{CJK_LETTER})\w){{3,}}")
_BOLD, _MARK, _END = "\x1b[1m", "\x1b[1;33m", "\x1b[0m"


def plain_report(done: Done) -> dict[str, Any]:
    report = done.report
    return {
        "collection": done.collection,
        "embedder": report.embedder,
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "gone": report.gone,
        "passages": report.passages,
        "failed": [{"source": source, "reason": reason} for source, reason in report.failed],
        "left_out": dict(done.left_out),
        "findings": [{"source": source, "rules": dict(rules)} for source, rules in report.findings],
        "masked": report.masked,
        "seconds": round(done.seconds, 3),
    }


def print_report(done: Done) -> None:
    report = done.report
    counts = ((report.added, "added"), (report.changed, "changed"), (report.unchanged, "unchanged"),
              (report.removed, "removed"), (len(report.failed), "could not be read"))  # fmt: skip
    told = ", ".join(f"{number:,} {what}" for number, what in counts if number) or "nothing to do"
    say_text(f"{done.collection}: {told}.")
    if report.gone:
        say_sentence(f"No longer there: {counted(report.gone, 'source')}; --prune removes what is kept of it.")
    if done.left_out:
        say_text(f"Left out: {', '.join(f'{number:,} {why}' for why, number in sorted(done.left_out.items()))}.")
    if report.passages:
        rate = report.passages / max(done.seconds, 0.001)
        say_text(f"{of_passages(report.passages)} by {report.embedder} in {done.seconds:.1f} s ({rate:.0f} a second).")
    _print_findings(report)


def _print_findings(report: Report) -> None:
    if not report.findings:
        return
    done = "masked where the rule says so" if report.masked else "kept as it is; `guard: {ingest: mask}` masks it"
    say_sentence(f"The screen found something in {counted(len(report.findings), 'source')}, {done}:")
    rows = [
        (source, ", ".join(f"{number:,} {rule}" for rule, number in rules.items()))
        for source, rules in report.findings[:_MOST_FINDINGS]
    ]
    for line in fitted(rows, width()):
        say_text(line)
    if len(report.findings) > _MOST_FINDINGS:
        say_text(f"... and {len(report.findings) - _MOST_FINDINGS:,} more, which --json lists")


def of_passages(number: int) -> str:
    return f"{number:,} passage{'s' * (number != 1)}"


def plain_passage(passage: Passage) -> dict[str, Any]:
    return {
        "id": passage.id,
        "source": passage.source,
        "title": passage.title,
        "lines": list(passage.lines) if passage.lines else None,
        "page": passage.page,
        "text": passage.text,
    } | ({"fields": dict(passage.fields)} if passage.fields else {})


def plain_hit(hit: Hit) -> dict[str, Any]:
    return {"score": round(hit.score, 6), "distance": round(hit.distance, 6), **plain_passage(hit.passage)}


def print_hits(hits: Sequence[Hit], question: str) -> None:
    """The best first: its score and where it is from, then its text."""
    if not hits:
        say_text("Nothing was found.")
    for number, hit in enumerate(hits, start=1):
        head = f"{number}. {where(hit.passage)}  score {hit.score:.3f}, distance {hit.distance:.3f}"
        _say(head if not sys.stdout.isatty() else f"{_BOLD}{plain(head)}{_END}", styled=sys.stdout.isatty())
        _text(hit.passage.text, question)


def where(passage: Passage) -> str:
    """Says where a passage is from: `docs/install.md:3-9 Guide > Install`."""
    lines = f":{passage.lines[0]}-{passage.lines[1]}" if passage.lines else ""
    page = f" page {passage.page}" if passage.page else ""
    source = f"{passage.source}{lines}{page}" if passage.source else passage.id
    return plain(f"{source}  {passage.title}" if passage.title else source)


def _text(text: str, question: str = "") -> None:
    words = {word.lower() for word in _WORD.findall(question)}
    for line in plain_rows(without_secrets(text)):
        shown = f"   {line}".rstrip()
        if sys.stdout.isatty():
            shown = folded(shown, width(), indent="   ")
        if words and sys.stdout.isatty():
            shown = _WORD.sub(
                lambda found: f"{_MARK}{found[0]}{_END}" if found[0].lower() in words else found[0], shown
            )
        _say(shown, styled=sys.stdout.isatty())


def _say(line: str, *, styled: bool) -> None:
    """A line that may have styles of ours; all else in it is plain already."""
    import typer

    if styled:
        typer.echo(line)
    else:
        say_text(line)


def print_passages(passages: Sequence[Passage]) -> None:
    for passage in passages:
        say_text(f"{passage.id}  {where(passage)}")
        _text(passage.text)


def plain_source(source: Source) -> dict[str, Any]:
    return {
        "source": source.name,
        "title": source.title,
        "passages": source.passages,
        "bytes": source.size,
        "at": source.at,
    }


def print_sources(sources: Sequence[Source]) -> None:
    if not sources:
        say_text("It has no sources.")
        return
    rows = [(f"{each.passages:,}", _size(each.size), _day(each.at), each.name) for each in sources]
    for line in fitted([("passages", "size", "ingested", "source"), *rows], width()):
        say_text(line)


def plain_collection(info: CollectionInfo, stats: Stats) -> dict[str, Any]:
    return {
        "collection": info.name,
        "embedder": info.embedder,
        "dimension": info.dimension,
        "metric": info.metric,
        "passages": stats.passages,
        "sources": stats.sources,
        "languages": dict(stats.languages),
        "partitions": dict(stats.partitions),
        "index": list(stats.kinds),
        "bytes": stats.bytes,
    }


def print_collections(found: Sequence[tuple[CollectionInfo, Stats]]) -> None:
    if not found:
        say_text("There is no collection; `aigw rag ingest PATH` makes one.")
        return
    rows = [
        (info.name, f"{stats.passages:,}", f"{stats.sources:,}", _size(stats.bytes), info.embedder or "-")
        for info, stats in found
    ]
    for line in fitted([("collection", "passages", "sources", "size", "embedder"), *rows], width()):
        say_text(line)


def print_stats(info: CollectionInfo, stats: Stats) -> None:
    kinds = ", ".join(f"{kind} ({list(stats.kinds).count(kind)})" for kind in dict.fromkeys(stats.kinds)) or "none yet"
    rows = [
        ("passages", f"{stats.passages:,} of {stats.sources:,} sources"),
        ("languages", ", ".join(f"{name} {number:,}" for name, number in stats.languages.items()) or "-"),
        ("embedder", info.embedder or "none: clients bring their own vectors"),
        ("vectors", f"{info.dimension} dimensions, {info.metric}"),
        ("index", kinds),
        ("on disk", _size(stats.bytes)),
    ]
    say_text(info.name)
    for line in fitted([(f"  {name}", value) for name, value in rows], width()):
        say_text(line)


def plain_explained(found: Explained) -> dict[str, Any]:
    return {
        "collection": found.collection,
        "embedder": found.embedder,
        "embedded": found.question,
        "passages": [plain_hit(hit) | {"used": hit.passage.id in found.used} for hit in found.hits],
        "request": found.prompt,
        "note": found.note,
    }


def print_explained(found: Explained) -> None:
    say_sentence(
        f"{found.embedder} embedded the question, and {found.collection} was searched for it and for its words."
    )
    rows = [
        ("*" if hit.passage.id in found.used else "", f"{hit.score:.3f}", f"{hit.distance:.3f}", where(hit.passage))
        for hit in found.hits
    ]
    for line in fitted([("", "score", "distance", "passage"), *rows], width()):
        say_text(line)
    if found.prompt is not None:
        say_text("The prompt (* the passages in it):")
        say_text(json.dumps(value_without_secrets(found.prompt), indent=2, ensure_ascii=False))
    if found.note:
        say_sentence(found.note)


def print_rebuilt(done: Rebuilt) -> None:
    say_text(f"{done.collection}: {of_passages(done.passages)} by {done.embedder or 'their clients'}.")


def print_evaluation(found: Evaluation, absent: Sequence[str]) -> None:
    """`absent` are expected sources that the collection does not have."""
    rows = [("", *found.figures()), ("all", *map(_figure, found.figures().values()))]
    rows += [(name, *map(_figure, part.figures().values())) for name, part in found.kinds().items()]
    for line in fitted(rows, width()):
        say_text(line)
    for each in found.outcomes:
        if each.rank is None:
            expected = ", ".join(
                f"{name}, which is not there" if name in absent else name for name in each.question.expected
            )
            say_text(f"missed: {each.question.text} (expected {expected})")


def _figure(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def _size(count: int) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000  # type: ignore[assignment]
    raise AssertionError


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
