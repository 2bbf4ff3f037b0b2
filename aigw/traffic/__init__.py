"""Recordings of what left the gateway and what came back. The folders, the lowest first:

    volatility   what may vary from run to run: our rules, the user's rules, and proposals of rules
    format       makes a recording of a call, without its secrets; reads and writes a folder of recordings
    matching     the canonical form of a request, its key, conversations; explains a miss
    writing      takes a call from the one door to its file, by a process of its own
    replay       answers calls from recordings; faults; what became of the calls of a run
    runs         sends a run again, tries it with another configuration, or compares two runs
    export       writes recordings in the formats of others

`recordings.py` puts them together for a running gateway.

A request is compared by value, as the provider got it: the order of keys does not matter, everything else does, unless
a rule of `volatility` declares it volatile. Volatile values are replaced in the key only, never in what is sent.

A request that was recorded several times gets its answers in order. Each conversation counts for itself: it takes the
part of one recorded conversation and keeps it. When all answers are used up, they begin anew, or are a miss with
`--strict`.

A call whose client left before the end of the answer is never replayed as a whole answer. What cannot be recorded (an
answer of more than 128 MiB, a recording of more than 64 MiB, an unknown content coding) is reported. Two gateways that
record into one folder give their files different names. While calls are recorded or replayed, ai-cache begins empty,
because the recordings would not contain what it answers."""
