"""Ids of requests, by which they are told apart in logs and traces."""

import re

from aigw.core.env import new_id


def test_ids_are_32_hex_digits_and_differ():
    found = [new_id() for _ in range(1000)]
    assert len(set(found)) == 1000
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in found)
