"""How time passes in the contracts of stores whose clock the tests have."""

import pytest


@pytest.fixture
def elapse(clock):
    async def elapse(seconds):
        clock.now += seconds

    return elapse
