"""model-mapper's rules; the cases M* of tests/conformance say what Higress does with whole configurations."""

import pytest
from fakes import chat
from world import configured, world

HEADER = "x-higress-llm-model-final"
MAPPING = {"gpt-*": "short", "gpt-4*": "long", "keep": "", "*": "rest"}


async def mapped(request, fidelity="safe", **config):
    """What went upstream."""
    async with world({"model-mapper": config}, fidelity=fidelity) as it:
        await it.ask(request)
    return it.upstream


@pytest.mark.parametrize(
    ("fidelity", "asked", "model", "header"),
    [
        ("safe", "gpt-4o", "long", "long"),
        ("higress", "gpt-4o", "short", "short"),
        ("safe", "keep", "keep", "keep"),
        ("higress", "keep", "keep", ""),
        ("safe", "other", "rest", "rest"),
        ("safe", "rest", "rest", "rest"),
    ],
)
async def test_the_order_of_keys(fidelity, asked, model, header):
    upstream = await mapped(chat({"model": asked}), fidelity, modelMapping=MAPPING)
    assert (upstream.json()["model"], upstream.last.headers[HEADER]) == (model, header)


async def test_what_nothing_maps_keeps_its_bytes():
    upstream = await mapped(chat(b'{"model" : "m"}'), modelMapping={"x": "y"})
    assert (upstream.last.body, upstream.last.headers[HEADER]) == (b'{"model" : "m"}', "m")


async def test_a_missing_model_is_set_by_the_default_only():
    assert (await mapped(chat({}), modelMapping={"*": "d", "gpt*": "e"})).json() == {"model": "d"}
    assert (await mapped(chat({}), modelMapping={"gpt*": "e"})).json() == {}


async def test_a_model_is_the_clients_text_and_makes_no_second_header():
    upstream = await mapped(chat({"model": "a\r\nx-evil: 1"}), modelMapping={"x": "y"})
    assert upstream.last.headers[HEADER] == "a??x-evil: 1"


async def test_other_paths_are_left_alone():
    upstream = await mapped(chat({"model": "m"}, path="/v1/models"), modelMapping={"*": "d"})
    assert (upstream.json(), HEADER in upstream.last.headers) == ({"model": "m"}, False)


async def test_no_header_where_none_is_named():
    assert HEADER not in (await mapped(chat({"model": "m"}), modelToHeader="")).last.headers


def test_a_prefix_that_never_counts_in_higress_is_noted():
    (note,) = configured({"model-mapper": {"modelMapping": MAPPING}}).notes
    assert "plugins.model-mapper.modelMapping['gpt-4*']: is never used in Higress, where 'gpt-*'" in note
