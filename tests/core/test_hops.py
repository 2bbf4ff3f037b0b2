"""A request that has been here is noticed, by the marks in its headers."""

import pytest
from multidict import CIMultiDict

from aigw.core.errors import GatewayError
from aigw.core.headers import VIA_HEADER
from aigw.core.hops import KEEP_ALIVE, MOST, arrive, passed


def marked(*given, name):
    arrive(CIMultiDict(given), "a", name)
    return passed.get()


def test_each_gateway_adds_itself():
    assert marked(name=VIA_HEADER) == ("via", "1.1 aigw-a")
    assert marked(("Via", "1.0 squid, 1.1 aigw-b"), name=VIA_HEADER) == ("via", "1.0 squid, 1.1 aigw-b, 1.1 aigw-a")


def test_a_mark_of_the_connection():
    """What others wrote there, or in `Via`, is not written again."""
    assert marked(("Keep-Alive", "timeout=5"), name=KEEP_ALIVE) == ("keep-alive", 'via="1.1 aigw-a"')
    given = ("Via", "1.0 squid, 1.1 aigw-b"), ("Keep-Alive", 'timeout=5, via="1.1 aigw-c"')
    assert marked(*given, name=KEEP_ALIVE).value == 'via="1.1 aigw-b, 1.1 aigw-c, 1.1 aigw-a"'
    assert marked(*given, name=VIA_HEADER).value == "1.0 squid, 1.1 aigw-b, 1.1 aigw-c, 1.1 aigw-a"


@pytest.mark.parametrize("name", [VIA_HEADER, KEEP_ALIVE])
@pytest.mark.parametrize("written", ["{}", 'timeout=5, via="{}"'])
@pytest.mark.parametrize(
    "marks", ["1.1 aigw-a", "1.1 aigw-a, 1.1 aigw-b", ",".join(f"1.1 aigw-{n}" for n in range(MOST))]
)
def test_who_was_here_goes_no_further(name, written, marks):
    header = VIA_HEADER if written == "{}" else KEEP_ALIVE
    with pytest.raises(GatewayError) as caught:
        marked((header, written.format(marks)), name=name)
    assert (caught.value.status, caught.value.code) == (508, "upstream_loop")
    assert caught.value.headers["x-should-retry"] == "false"


def test_an_id_that_begins_as_another_one():
    marked(("Via", "1.1 aigw-ab"), name=VIA_HEADER)
