"""aigw/server/screening.py: the screen of the configuration that is in force."""

import json

from fakes import FakeUpstream, make_env

from aigw.config.load import load
from aigw.server.screening import Screening

ENV = make_env(FakeUpstream())


def loaded(word):
    rules = [{"label": "project", "words": [word]}]
    return load(None, {}, text=json.dumps({"guard": {"rules": rules}, "plugins": {}}).encode())


def finds(screening, text):
    return bool(screening.screen().screen(text).findings)


async def test_what_was_prepared_is_in_force_when_it_is_taken():
    screening = Screening()
    screening.take(loaded("bluebird"), ENV)
    assert finds(screening, "bluebird")
    await screening.prepare(loaded("robin"))
    assert not finds(screening, "robin")
    screening.take(loaded("robin"), ENV)
    assert finds(screening, "robin")
    assert not finds(screening, "bluebird")


async def test_without_a_change_it_stays():
    screening = Screening()
    await screening.prepare(loaded("robin"))
    screening.take(loaded("robin"), ENV)
    before = screening.screen()
    await screening.prepare(loaded("robin"))
    screening.take(loaded("robin"), ENV)
    assert screening.screen() is before


def test_what_was_not_prepared_is_made_for_the_first_text():
    screening = Screening()
    screening.take(loaded("robin"), ENV)
    assert finds(screening, "robin")
