"""A scripted model: it does what lines of its prompt that begin with `stage:` say, and nothing by chance.

- `stage: call` calls the first tool, `stage: call NAME {...}` that one with these arguments; each such line is one call.
- `stage: say TEXT` says that, or what a JSON string says; without any of these lines it greets.
- `stage: think` thinks before it answers.
- `stage: fail with KIND` refuses (KINDS), `stage: fail late with KIND` in the middle of the answer.
- `stage: break off` closes the connection in the middle of the answer, `stage: break off once` the first time only.

Once tools have answered, it quotes what they said."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS = ("key", "rate", "context", "overloaded", "broken")
"""A wrong key (401), too many requests (429), a prompt that is too long (400), no capacity (503, 529), a bug (500)."""
AUTO, NONE, ANY = "auto", "none", "any"
"""Whether a tool is called; another word is the name of the one that must be."""
GREETING = "Hello from"
QUOTE = "The tool said:"
THOUGHT = "I think about what was asked."


@dataclass(frozen=True, slots=True)
class Tool:
    """`free`: its input is text, not JSON."""

    name: str
    schema: Mapping[str, Any]
    free: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks the model, whatever its dialect. `results` are what tools said since the model's last turn."""

    prompt: str
    results: Sequence[str] = ()
    tools: Sequence[Tool] = ()
    choice: str = AUTO
    schema: Mapping[str, Any] | None = None
    """Of an answer that must be JSON; {} for any object."""
    turns: int = 0
    """How many turns of the model there were before."""


@dataclass(frozen=True, slots=True)
class Call:
    tool: Tool
    arguments: Any
    """An object, or the text of a free tool."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the model is going to do."""

    text: str = ""
    calls: Sequence[Call] = ()
    thought: str = ""
    fails: str = ""
    late: bool = False
    breaks: bool = False
    once: bool = False
    said: Sequence[str] = field(default=())
    """The lines that were obeyed."""


class UnknownLineError(ValueError):
    """A line that begins with `stage:` says nothing that the model knows: the test is wrong."""


def decide(asked: Asked, name: str) -> Plan:
    """Raises UnknownLineError."""
    if asked.results:
        return Plan(text=f"{QUOTE} {' | '.join(asked.results)}")
    lines = [line.strip() for line in re.findall(r"stage: ([^\n]+)", asked.prompt)]
    thought = THOUGHT if "think" in lines else ""
    calls = []
    for line in lines:
        if found := re.match(r"fail (late )?with (\w+)", line):
            if found[2] not in KINDS:
                raise UnknownLineError(line)
            text = f"{GREETING} {name}." if found[1] else ""
            return Plan(text=text, fails=found[2], late=bool(found[1]), said=lines)
        if line.startswith("break off"):
            once = line.startswith("break off once")
            return Plan(text=f"{GREETING} {name}, until", breaks=True, once=once, said=lines)
        if line.startswith("say "):
            return Plan(text=_said(line.removeprefix("say ")), thought=thought, said=lines)
        if line.startswith("call") and asked.choice != NONE:
            calls += _calls(line.removeprefix("call").strip(), asked.tools)
        elif line != "think" and not line.startswith("call"):
            raise UnknownLineError(line)
    if not calls and asked.choice not in (AUTO, NONE):
        calls = _calls("" if asked.choice == ANY else asked.choice, asked.tools)
    if calls:
        return Plan(calls=calls, thought=thought, said=lines)
    text = f"{GREETING} {name}." if asked.schema is None else json.dumps(sample(asked.schema or {"type": "object"}))
    return Plan(text=text, thought=thought, said=lines)


def _said(line: str) -> str:
    """A text of several lines is written as JSON."""
    return str(json.JSONDecoder().raw_decode(line)[0]) if line.startswith('"') else line


def _calls(line: str, tools: Sequence[Tool]) -> list[Call]:
    """The call of a line, none where there is no such tool: as a model that does not see it."""
    name, _, arguments = line.partition(" ")
    for tool in tools:
        if name in ("", tool.name) or tool.name.endswith((f"__{name}", f".{name}")):
            return [Call(tool, _arguments(arguments, tool))]
    return []


def _arguments(given: str, tool: Tool) -> Any:
    """A text for a tool that takes objects is what all of its required fields say."""
    if not given:
        return "a free text" if tool.free else sample(tool.schema)
    value, _ = json.JSONDecoder().raw_decode(given)
    wrapped = isinstance(value, str) and not tool.free
    return dict.fromkeys(tool.schema.get("required") or (), value) if wrapped else value


def sample(schema: Mapping[str, Any]) -> Any:
    """A value that fits a JSON Schema of the kind that tools have."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return sample(schema[several][0])
    kind = schema.get("type", "object")
    kind = str(kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: sample(properties.get(name, {"type": "string"})) for name in schema.get("required") or ()}
    if kind == "array":
        return [sample(schema.get("items") or {"type": "string"})]
    values: dict[str, Any] = {"integer": int(schema.get("minimum", 1)), "number": 1.5, "boolean": True, "null": None}
    return values.get(kind, "Paris")


def pieces(text: str, size: int = 7) -> list[str]:
    """A text as a stream brings it; never empty."""
    return [text[at : at + size] for at in range(0, len(text), size)] or [""]


def tokens(value: Any) -> int:
    """About how many tokens a text, or the JSON of a value, has."""
    text = value if isinstance(value, str) else json.dumps(value)
    return max(1, len(text) // 4)
