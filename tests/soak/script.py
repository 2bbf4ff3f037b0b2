"""What each request of a soak is, what the clouds do about it, and what its client must get. A case follows from its
name and the seed alone, so that the clients and the clouds need not speak to each other: the name stands in all texts.

Rule: every text of a case names it and no other, so that whatever one client gets of another's is noticed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from random import Random
from typing import Any

NAME = re.compile(r"\b[cp]\d{6}\b")
BLUEBIRD = "Project Bluebird"
"""What `guard.rules` of the recipe denies."""
POPULAR = 12
"""How many questions are asked again and again."""
LIMITED = "192.0.2.1"
"""The address of all who are limited: each of their calls uses up twice the limit of a minute."""

KINDS = {
    "answered": 38, "popular": 16, "template": 5, "masked": 6, "denied": 5, "denied answer": 4, "limited": 4,
    "left": 11, "fault": 8, "wrong body": 3,
}  # fmt: skip
LEAVING = ("in the body", "waiting", "at the head", "in the stream")
FAULTS = (
    "500", "502", "503", "429", "400", "reset", "cut", "unended", "error event", "web page", "not json", "empty", "slow"
)  # fmt: skip
REWRITINGS = {"good": 60, "not http": 10, "fails": 10, "cut": 10, "framing": 5, "slow": 5}
"""What the model does that ai-transformer asks. `framing`: it writes headers that are not its own."""
PASSAGES = {"found": 80, "none": 10, "no vector": 5, "no search": 5}
WRONG = (
    b"", b"{", b"[]", b'"text"', b'{"model":"gpt-4"}', b'{"model":"gpt-4","messages":"no"}', b"\xff\xfe",
    b'{"model":5,"messages":[5]}', b'{"template":"nobody","properties":{"a":"b"}}', b"[" * 5000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """`detail` says how, where a kind has several: which fault, which wrong body, how the client leaves; `at` is the
    part of an answer, between 0 and 1, where it happens."""

    name: str
    kind: str
    detail: str
    at: float
    streamed: bool
    wants_usage: bool
    words: int
    input: int
    rewriting: str
    passages: str

    @property
    def address(self) -> str:
        number = int(self.name[1:])
        first = 10 if self.name.startswith("c") else 11
        return LIMITED if self.kind == "limited" else f"{first}.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    @property
    def usage(self) -> dict[str, int]:
        output = 200 if self.kind == "limited" else self.words
        return {"prompt_tokens": self.input, "completion_tokens": output, "total_tokens": self.input + output}

    @property
    def passage(self) -> str:
        return f"What is known of {self.name}."

    @property
    def mail(self) -> str:
        return f"jane.{self.name}@example.com"

    def answer(self) -> str:
        """What the model says."""
        words = [f"{self.name}-{number}" for number in range(self.words)]
        if self.kind == "masked":
            words.insert(self.words // 2, self.mail)
        if self.kind == "denied answer":
            words.insert(self.words // 2, BLUEBIRD)
        return " ".join(words)

    def expected(self) -> str:
        """What the client reads of it."""
        return self.answer().replace(self.mail, "[email]")

    def body(self) -> bytes:
        """What the client sends."""
        if self.kind == "wrong body":
            return WRONG[int(self.detail)]
        more: dict[str, Any] = {"stream": True} if self.streamed else {}
        if self.streamed and self.wants_usage:
            more["stream_options"] = {"include_usage": True}
        if self.kind == "template":
            values = {"program": f"sort for {self.name}", "language": "Python"}
            return json.dumps({"template": "developer-chat", "properties": values, **more}).encode()
        question = {"denied": f"What is {BLUEBIRD}?", "masked": f"Write to {self.mail}!"}.get(self.kind, "Why?")
        messages = [{"role": "user", "content": f"This is about {self.name}. {question}"}]
        return json.dumps({"model": "gpt-4", "messages": messages, **more}).encode()


class Script:
    def __init__(self, seed: int) -> None:
        self._seed = seed

    def request(self, number: int) -> Case:
        """The case of a request. Of a popular question some clients want a stream."""
        case = self.case(f"c{number:06}")
        if case.kind != "popular":
            return case
        return replace(self.case(f"p{int(case.at * POPULAR):06}"), streamed=case.streamed)

    def case(self, name: str) -> Case:
        random = Random(f"{self._seed} {name}")
        kind = "popular" if name.startswith("p") else _pick(random, KINDS)
        streamed = random.random() < 0.5
        detail = ""
        if kind == "left":
            detail = random.choice(LEAVING)
            streamed = detail in ("at the head", "in the stream") or (detail == "in the body" and streamed)
        elif kind == "fault":
            detail = random.choice(FAULTS)
            streamed = detail in ("unended", "error event") or (streamed and detail not in ("not json", "empty"))
        elif kind == "wrong body":
            detail, streamed = str(random.randrange(len(WRONG))), False
        return Case(
            name,
            kind,
            detail,
            at=random.random(),
            streamed=streamed,
            wants_usage=random.random() < 0.5,
            words=random.randint(3, 60),
            input=random.randint(5, 30),
            rewriting="good" if kind == "popular" else _pick(random, REWRITINGS),
            passages="found" if kind == "popular" else _pick(random, PASSAGES),
        )


def _pick(random: Random, weights: dict[str, int]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]
