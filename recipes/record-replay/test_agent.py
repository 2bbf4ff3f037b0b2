"""The agent's test, without a network, a key or a model: the fixture `aigw` answers from what was recorded.

pytest test_agent.py
"""

import agent
import pytest


@pytest.mark.aigw(recordings="recordings")
def test_what_arrived_broken_is_paid_back(aigw):
    answer, results = agent.run(agent.QUESTION)
    assert results["refund"] == {"refunded": 39, "left": 0}
    assert answer
    assert aigw.report.hits == 3
