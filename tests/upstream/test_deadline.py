"""The reusable timer, on a loop's clock that the test turns."""

from math import inf

from aigw.upstream.deadline import Deadline


class Handle:
    def __init__(self, when, callback):
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


class Clock:
    """What Deadline needs of an event loop."""

    def __init__(self):
        self.now = 0.0
        self.handles = []

    def time(self):
        return self.now

    def call_at(self, when, callback):
        self.handles.append(Handle(when, callback))
        return self.handles[-1]

    def turn_to(self, now):
        while due := [h for h in self.handles if not h.cancelled and h.when <= now]:
            handle = min(due, key=lambda h: h.when)
            self.handles.remove(handle)
            self.now = max(self.now, handle.when)
            handle.callback()
        self.now = now


def made():
    clock, fired = Clock(), []
    return clock, fired, Deadline(clock, lambda: fired.append(clock.now))


def test_expires_once():
    clock, fired, deadline = made()
    deadline.arm(5)
    clock.turn_to(4.9)
    assert fired == []
    clock.turn_to(100)
    assert fired == [5]


def test_moving_it_later_sets_no_timer():
    clock, fired, deadline = made()
    deadline.arm(5)
    for now in range(1, 5):
        clock.turn_to(now)
        deadline.arm(5)
    assert len(clock.handles) == 1
    clock.turn_to(100)
    assert fired == [9]


def test_moving_it_earlier_counts():
    clock, fired, deadline = made()
    deadline.arm(900)
    deadline.arm(5)
    clock.turn_to(1000)
    assert fired == [5]


def test_disarmed_it_does_nothing_and_leaves_no_timer():
    clock, fired, deadline = made()
    deadline.arm(5)
    deadline.disarm()
    clock.turn_to(100)
    assert (fired, clock.handles) == ([], [])
    deadline.arm(5)
    clock.turn_to(inf)
    assert fired == [105]


def test_closed_it_stays_silent():
    clock, fired, deadline = made()
    deadline.arm(5)
    deadline.close()
    deadline.arm(1)
    clock.turn_to(100)
    assert fired == []
    assert all(handle.cancelled for handle in clock.handles)


def test_what_is_left():
    clock = Clock()
    deadline = Deadline(clock, lambda: None)
    assert deadline.left == inf
    deadline.arm(5.0)
    clock.turn_to(2.0)
    assert deadline.left == 3.0
