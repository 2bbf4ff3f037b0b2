"""Which recordings of a folder a request finds.

Each conversation of this run takes the part of a recorded one: the one with its name, or else the first one that no
other conversation has taken. From then on it gets the answers of that conversation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from aigw.traffic.format.folder import Entry
from aigw.traffic.matching.sessions import Conversation

Group = tuple[str, int]


class MatchedRecording(NamedTuple):
    """A recording for a call. `again` is true if all recordings of the request had been played before."""

    entry: Entry
    again: bool


class Index:
    """The recordings of a folder by their keys. It remembers what was played."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._by_key: dict[str, list[Entry]] = defaultdict(list)
        self._by_group: dict[Group, list[Entry]] = defaultdict(list)
        for entry in entries:
            self._by_key[entry.key].append(entry)
            self._by_group[entry.group].append(entry)
        self._taken: Counter[Group] = Counter()
        self._part: dict[int, Group] = {}
        self._played: Counter[tuple[int, str]] = Counter()

    @property
    def ambiguous(self) -> bool:
        """Whether a request has several recordings, so that it matters who asks."""
        return len(self._by_key) < sum(map(len, self._by_key.values()))

    @property
    def names(self) -> list[str]:
        return [entry.name for entries in self._by_group.values() for entry in entries]

    def only(self, key: str) -> Entry | None:
        """Returns the recording of a request where none has several."""
        entries = self._by_key.get(key)
        return entries[0] if entries else None

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def by_content(self, key: str, conversation: Conversation) -> MatchedRecording | None:
        """Returns the next recording of a request, None if there is none."""
        entries = self._by_key.get(key)
        if not entries:
            return None
        entries = self._of_part(entries, conversation)
        nth = self._played[conversation.number, key]
        self._played[conversation.number, key] += 1
        if nth < len(entries):
            return MatchedRecording(entries[nth], again=self._taken[entries[nth].group] > 1 and conversation.number > 0)
        # without turns a run may begin anew at any time; in a conversation the same request asks for news
        return MatchedRecording(entries[nth % len(entries) if not conversation.number else -1], again=True)

    def by_sequence(self, key: str, conversation: Conversation) -> MatchedRecording | None:
        """Returns the recording of the n-th call of a conversation. `key` chooses the conversation, and finds what the
        recorded one has no n-th call for."""
        part = self._part.get(conversation.number)
        if part is None:
            part = self._take(list(self._by_key.get(key, ())) or self._heads(), conversation)
        if part is None:
            return None
        entries = self._by_group[part]
        nth = conversation.calls - 1
        if nth < len(entries):
            return MatchedRecording(entries[nth], again=self._taken[part] > 1)
        return self._beyond(key, conversation)

    def _beyond(self, key: str, conversation: Conversation) -> MatchedRecording | None:
        """Returns the recording for a call that a conversation has beyond the recorded ones, found by its contents.
        None if there is none."""
        found = self.by_content(key, conversation)
        if found is None:
            return None
        group = found.entry.group
        self._taken[group] += 1
        return MatchedRecording(found.entry, again=self._taken[group] > 1)

    def _of_part(self, entries: list[Entry], conversation: Conversation) -> list[Entry]:
        part = self._part.get(conversation.number) or self._take(entries, conversation)
        return [entry for entry in entries if entry.group == part] or entries

    def _take(self, entries: Sequence[Entry], conversation: Conversation) -> Group | None:
        """Chooses the recorded conversation whose part this one takes, among those that have one of the entries."""
        if not entries:
            return None
        if not conversation.number:
            first = next((entry for entry in entries if not entry.session), None)
            return None if first is None else first.group
        named = [entry for entry in entries if conversation.name and entry.session_name == conversation.name]
        part = min((entry.group for entry in named or entries), key=lambda group: self._taken[group])
        self._taken[part] += 1
        self._part[conversation.number] = part
        return part

    def _heads(self) -> list[Entry]:
        return [entries[0] for entries in self._by_group.values() if entries[0].session]
