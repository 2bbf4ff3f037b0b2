import os
import re

from aigw.server.run_name import VARIABLE, run_name


def test_the_users_own_name():
    assert run_name({VARIABLE: "ci-7"}) == "ci-7"


def test_else_it_is_this_process():
    name = run_name({VARIABLE: ""})
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ-{os.getpid()}", name)
