"""What the bytes of chat events tell before anybody decodes them. Most events of a stream do nothing but go on."""

from __future__ import annotations

_GOES_ON = (b'"finish_reason":null}]}\n\n', b'"finish_reason":null}],"usage":null}\n\n')
"""Most events of a stream with one choice end with one of these. They go on: usage could only stand in front."""
_USAGE = b'"usage":{"'


def only_goes_on(raw: bytes) -> bool:
    """Whether this is certainly a single event that only continues an answer, like most events that come alone. It
    takes a third of the time of `going_on`."""
    single = raw.endswith(_GOES_ON) and raw.count(b"\n") == 2 and raw.count(b'"finish_reason"') == 1
    return single and raw.find(_USAGE) < 0


def going_on(raw: bytes) -> int:
    """Returns where the leading events end that certainly do nothing but continue an answer, for events whose lines end
    with LF.

    A search of 5 KB takes 1 to 4 µs, unless it is for a single byte or ends at once."""
    number = end = 0
    for mark in _GOES_ON:
        if (last := raw.rfind(mark)) >= 0:
            number += raw.count(mark)
            end = max(end, last + len(mark))
    # otherwise one of the events has more lines, ends in another way, names its end twice, or has usage in front
    alike = 2 * number == raw.count(b"\n", 0, end) and number == raw.count(b'"finish_reason"', 0, end)
    return end if alike and raw.find(_USAGE, 0, end) < 0 else 0


def ends_in(raw: bytes) -> int:
    """Returns how many finish reasons are in the bytes."""
    named = raw.count(b'"finish_reason"')
    return named and named - raw.count(b'"finish_reason":null') - raw.count(b'"finish_reason": null')
