"""In which dialect a request is."""

import pytest

from aigw.dialects import apis
from aigw.dialects.table import ANTHROPIC_GENERIC, DIALECTS, GENERIC, dialect_for, dialect_of

ANTHROPIC = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize("api", DIALECTS)
@pytest.mark.parametrize("headers", [{}, ANTHROPIC])
def test_an_api_has_its_dialect_whoever_asks(api, headers):
    assert dialect_for(api, headers) is dialect_of(api) is DIALECTS[api]


@pytest.mark.parametrize("api", ["", apis.MODELS])
def test_what_has_none_is_answered_as_its_client_reads_it(api):
    assert dialect_for(api, {}) is dialect_of(api) is GENERIC
    assert dialect_for(api, ANTHROPIC) is ANTHROPIC_GENERIC


def test_names_are_unique():
    """They tell dialects apart in logs."""
    dialects = {id(each): each.name for each in (*DIALECTS.values(), GENERIC, ANTHROPIC_GENERIC)}
    assert len(set(dialects.values())) == len(dialects)
