"""A scripted source of chunks, and an exchange for it."""

from multidict import CIMultiDict

from aigw.core.exchange import Exchange
from aigw.core.model import Chunk, Request, Route
from aigw.dialects import apis
from aigw.dialects.table import dialect_of


class Source:
    """A scripted source that counts how often it was closed."""

    def __init__(self, *batches, fail=None):
        self.batches = list(batches)
        self.fail = fail
        self.closed = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.batches:
            return [Chunk(raw, raw) for raw in self.batches.pop(0)]
        if self.fail:
            raise self.fail
        raise StopAsyncIteration

    async def aclose(self):
        self.closed += 1


def exchange(jobs=None):
    request = Request("POST", "/v1/chat/completions", "", CIMultiDict())
    return Exchange(
        id="x",
        request=request,
        route=Route("r"),
        api=apis.CHAT,
        dialect=dialect_of(apis.CHAT),
        client="",
        arrived=0.0,
        jobs=set() if jobs is None else jobs,
    )
