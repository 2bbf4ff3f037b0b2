"""Whatever a provider sends as an answer of Gemini's API: it is read or is a failure, and nothing raises."""

import json

from hypothesis import given
from hypothesis import strategies as st
from translating import frame

from aigw.core.tokens import Tokens
from aigw.dialects.sse import json_event
from aigw.translation.events import Counted, Failed
from aigw.translation.gemini.read_stream import GeminiReader
from aigw.translation.gemini.write_stream import ContentWriter
from aigw.translation.ids import FreshIds
from aigw.translation.names import Names
from aigw.translation.ordered import Ordered

VALUES = st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "STOP", "MALFORMED_FUNCTION_CALL", "S"])
FIELDS = st.sampled_from(
    ["candidates", "content", "parts", "text", "thought", "thoughtSignature", "functionCall", "name", "id", "args",
     "finishReason", "index", "usageMetadata", "promptTokenCount", "promptFeedback", "blockReason", "inlineData",
     "groundingMetadata", "groundingChunks", "web", "uri", "error", "code", "message", "status"]
)  # fmt: skip
ANY = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4), max_leaves=25
)
PARTS = st.lists(st.dictionaries(FIELDS, ANY, max_size=3), max_size=3)
CANDIDATES = st.lists(
    st.fixed_dictionaries({"content": st.fixed_dictionaries({"parts": PARTS})}, optional={"finishReason": VALUES, "index": VALUES}),
    max_size=2,
)  # fmt: skip
BODIES = ANY | st.fixed_dictionaries({"candidates": CANDIDATES}, optional={"usageMetadata": ANY, "promptFeedback": ANY})


@given(st.lists(BODIES, max_size=4))
def test_any_events(bodies):
    asked = frame()
    reader, writer = GeminiReader(asked), ContentWriter(asked)
    ordered = Ordered(FreshIds(()), Names(asked.conversation))
    found = [event for body in bodies for event in reader.feed(json_event(body))]
    ready = [event for event in ordered.take([*found, *reader.end()]) if not isinstance(event, Failed)]
    written = [chunk for event in ready for chunk in writer.write(event)]
    assert all(json.loads(chunk.data) for chunk in written)
    assert all(isinstance(event.tokens, Tokens) for event in found if isinstance(event, Counted))
