"""A request of one wire format for a provider that speaks another, and its answer back again. No I/O.

A request is read into a conversation of no format (`hub.py`) and written anew; an answer is read into events
(`events.py`), which `ordered.py` brings into order. Each format has a folder with at most four files, and each file
knows that format alone. What is the same for all formats stands beside the folders, once.

Nothing is lost silently: a field without a counterpart is noted (`notes.py`), and what would make the answer wrong is
refused.

State travels with the client. The signature or encrypted reasoning that a provider wants back is in the field that the
client echoes, in an envelope that names its maker (`envelope.py`). Only clients that echo no such field have it kept
here (`kept_thoughts.py`).

The same history is written with the same bytes in each turn, so that a provider's cache of prompts hits. So ids and
names that have to be replaced (`ids.py`, `names.py`) depend on nothing but the conversation.

What interrupted clients send is mended (`history.py`). An answer ends with calls if and only if it has calls, whatever
the provider says, and an answer that failed never looks complete.

Pieces of text are nearly all events of most answers, so each reader and writer has a short way for them: 3 to 5 µs an
event instead of 5 to 15."""
