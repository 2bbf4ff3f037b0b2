"""A request that has been here is noticed, by its `Via`."""

import pytest

from aigw.core.errors import GatewayError
from aigw.core.hops import MOST, arrive, passed


def test_each_gateway_adds_itself():
    arrive("", "a")
    assert passed.get() == "1.1 aigw-a"
    arrive("1.0 squid, 1.1 aigw-b", "a")
    assert passed.get() == "1.0 squid, 1.1 aigw-b, 1.1 aigw-a"


def test_one_without_an_id_marks_nothing():
    arrive("1.1 aigw-b", "")
    assert passed.get() == ""


@pytest.mark.parametrize(
    "via", ["1.1 aigw-a", "1.1 aigw-a, 1.1 aigw-b", ",".join(f"1.1 aigw-{n}" for n in range(MOST))]
)
def test_who_was_here_goes_no_further(via):
    with pytest.raises(GatewayError) as caught:
        arrive(via, "a")
    assert (caught.value.status, caught.value.code) == (508, "upstream_loop")
    assert caught.value.headers["x-should-retry"] == "false"
