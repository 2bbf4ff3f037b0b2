"""Readers and writers of translation, alone."""

from aigw.dialects.sse import Event, json_event
from aigw.translation.chat.read_stream import ChatReader
from aigw.translation.frame import Frame
from aigw.translation.hub import Conversation
from aigw.translation.notes import Notes
from aigw.translation.rules import Rules


def frame(*, rules=None, **conversation):
    given = Conversation(**{"model": "m", "messages": (), **conversation})
    return Frame(conversation=given, rules=rules or Rules(), notes=Notes(), id="1", created=7, size=40)


def chat_reader(**how):
    return ChatReader(frame(**how))


def read(reader, *bodies):
    """The events of a reader for these payloads of events."""
    events = [Event(f"data: {body}\n\n".encode()) if isinstance(body, str) else json_event(body) for body in bodies]
    return [event for each in events for event in reader.feed(each)]


def write(writer, *events):
    """The bodies of the events that a writer makes."""
    return [chunk.json() for event in events for chunk in writer.write(event)]
