"""Which fault strikes: decided by the seed, by the share of each, and by their order."""

from collections import Counter

import pytest

from aigw.upstream.builtin.mock import Mock
from aigw.upstream.builtin.settings import Fault, MockSettings


def drawn(count, *faults, seed=0):
    mock = Mock(MockSettings(seed=seed, faults=faults))
    return [mock.draw() for _ in range(count)]


NEVER, HALF, ALWAYS = (Fault("status", probability) for probability in (0.0, 0.5, 1.0))


def test_a_seed_says_which_requests_a_fault_strikes():
    assert drawn(50, HALF, seed=1) == drawn(50, HALF, seed=1) != drawn(50, HALF, seed=2)


@pytest.mark.parametrize(("fault", "least", "most"), [(NEVER, 0, 0), (HALF, 400, 600), (ALWAYS, 1000, 1000)])
def test_its_share(fault, least, most):
    assert least <= 1000 - drawn(1000, fault).count(None) <= most


def test_of_several_that_strike_the_first_one_counts():
    first, second = Fault("stall", 0.5), Fault("disconnect", 0.5)
    found = Counter(drawn(1000, first, second))
    assert 400 < found[first] < 600
    assert 150 < found[second] < 350
    assert 150 < found[None] < 350
