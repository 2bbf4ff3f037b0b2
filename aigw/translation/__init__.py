"""A request of one wire format for a provider that speaks another, and its answer back again. No I/O.

A request is read into a conversation of no format (`hub.py`) and written anew; an answer is read into events
(`events.py`), which `ordered.py` brings into order. Each format has a folder with at most four files, and each file
knows that format alone. What is the same for all formats stands beside the folders, once.

Nothing is lost silently: a field without a counterpart is noted (`notes.py`), and what would make the answer wrong is
refused. Two kinds of fields are left out without a word. Hints: how long a cache lasts, how closely an image is looked
at, when a tool is loaded. And what clients send back of earlier turns beside what was said and called: ids, states,
citations. `tests/translation/test_every_field.py` has their list, and walks the types of the vendors' SDKs for others;
`test_hub.py` does the same for each field of `hub.py` and each writer.

State travels with the client. The signature or encrypted reasoning that a provider wants back is in the field that the
client echoes, in an envelope that names its maker (`envelope.py`). Only clients that echo no such field have it kept
here (`kept_thoughts.py`).

The same history is written with the same bytes in each turn, so that a provider's cache of prompts hits. So ids and
names that have to be replaced (`ids.py`, `names.py`) depend on nothing but the conversation.

What interrupted clients send is mended (`history.py`). An answer ends with calls if and only if it has calls, whatever
the provider says, and an answer that failed never looks complete.

Pieces of text are nearly all events of most answers, so each reader and writer has a short way for them: 3 to 5 µs an
event instead of 5 to 15."""
