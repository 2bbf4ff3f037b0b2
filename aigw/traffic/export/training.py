"""Recorded conversations for OpenAI's evals and for fine-tuning, one JSON object each.

Evals: `{"input": [messages], "ideal": "what the model said"}`. Fine-tuning (SFT):
`{"messages": [messages and the answer], "tools": [...]}`; of a conversation only its longest call is written, because
that has the others in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from aigw.traffic.export.messages import Conversation, LeftOutError, conversation
from aigw.traffic.format.folder import Entry, Folder
from aigw.traffic.format.recording import Recording
from aigw.traffic.matching.index import Group

Example = dict[str, Any]


class Written(NamedTuple):
    """The examples that were written. `left_out` counts by reason the calls that are none of the examples, `media` the
    images, sounds and files that are not in them."""

    examples: list[Example]
    left_out: Counter[str]
    media: int


def evals(calls: Iterable[tuple[Entry, Recording]], folder: Folder) -> Written:
    """Raises RecordingError."""
    found, left_out = _conversations(calls, folder)
    spoken = [each for _, each in found if not each.answer.get("tool_calls")]
    if len(spoken) < len(found):
        left_out["that end with calls of tools"] += len(found) - len(spoken)
    return _written(spoken, lambda each: {"input": each.messages, "ideal": each.answer["content"]}, left_out)


def sft(calls: Iterable[tuple[Entry, Recording]], folder: Folder) -> Written:
    """Raises RecordingError."""
    found, left_out = _conversations(calls, folder)
    sessions: dict[Group, list[Conversation]] = defaultdict(list)
    for entry, each in found:
        sessions[entry.group].append(each)
    longest = [
        each
        for together in sessions.values()
        for each in together
        if not any(_contains(later, each) for later in together)
    ]
    if len(longest) < len(found):
        left_out["that a longer one goes on from"] += len(found) - len(longest)
    return _written(longest, _example, left_out)


def _conversations(
    calls: Iterable[tuple[Entry, Recording]], folder: Folder
) -> tuple[list[tuple[Entry, Conversation]], Counter[str]]:
    found: list[tuple[Entry, Conversation]] = []
    left_out: Counter[str] = Counter()
    for entry, recording in calls:
        try:
            found.append((entry, conversation(recording, folder, entry.name)))
        except LeftOutError as reason:
            left_out[str(reason)] += 1
    return found, left_out


def _contains(later: Conversation, earlier: Conversation) -> bool:
    """Whether a conversation has another one in it, with the answer."""
    size = len(earlier.messages)
    return len(later.messages) > size and later.messages[:size] == earlier.messages


def _example(found: Conversation) -> Example:
    example: Example = {"messages": [*found.messages, found.answer]}
    return example | {"tools": found.tools} if found.tools else example


def _written(
    found: Sequence[Conversation], example: Callable[[Conversation], Example], left_out: Counter[str]
) -> Written:
    return Written([example(each) for each in found], left_out, sum(each.media for each in found))
