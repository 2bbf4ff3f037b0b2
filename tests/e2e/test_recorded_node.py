"""What OpenAI's npm SDK asks is recorded, and replayed to it."""

from stage.answers import answers
from stage.gateway import BUILTIN
from stage.taped import CLOSED, without_misses

SCENARIOS = ["chat", "stream", "usage", "tools", "embeddings", "models", "error"]
OURS = ("own", "requestID", "request_id")
"""Ids of the request that the gateway gives."""


async def test_sessions_with_the_built_in_models(taped, play):
    running = await taped("record", config=BUILTIN)
    before = [_theirs(await play(running, scenario)) for scenario in SCENARIOS]
    await taped.written(running)
    running = await taped("replay", config=BUILTIN, strict=True)
    assert [_theirs(await play(running, scenario)) for scenario in SCENARIOS] == before
    assert without_misses(running.recordings.report) > len(SCENARIOS)


def _theirs(seen):
    return {name: value for name, value in seen.items() if name not in OURS}


async def test_a_form_with_a_file(provider, taped, play):
    """Its boundary is another one each time."""
    upstream = await provider(answers(b'{"id":"file-1"}'))
    running = await taped("record", upstream.url)
    before = await play(running, "upload")
    ((_, recording),) = await taped.written(running)
    assert [part.size for part in recording.request.form if part.filename] == [3_000_000]
    running = await taped("replay", CLOSED)
    assert await play(running, "upload") == before
    assert without_misses(running.recordings.report) == len(upstream.requests) == 1
