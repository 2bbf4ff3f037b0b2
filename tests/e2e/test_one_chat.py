"""Which files one streamed chat runs through: the list that aigw/README.md gives to its readers is the truth."""

import json
import re
import sys
from pathlib import Path

from stage.answers import DONE, PATH, chunk, streams, text_events
from stage.gateway import proxied, until

import aigw

ROOT = Path(aigw.__file__).parent
MOST = 40
"""Files that a reader opens to follow one chat."""
BEHIND = {
    "stores": "a reader needs the protocol, core/stores.py, which is the seam of everything that is kept",
    "upstream": "a reader needs the protocol, core/upstream.py, and the switch",
    "books/books.py": "it adds up old rows when nobody asks anything",
    "books/usage_blocks.py": "the same",
    "server/warm_up.py": "it looks now and then whether nobody asks anything",
    "server/http1": "a reader knows what a request and a response are",
}
SMALL = {
    "books/access_log.py": "makes a line",
    "books/metrics.py": "adds to a counter",
    "core/aside.py": "sees that nothing is large",
    "core/env.py": "makes an id",
    "core/hops.py": "notes which gateways a request has passed",
    "core/headers.py": "names the headers of a connection",
    "core/large_json.py": "sees that nothing is large, too",
    "core/layers.py": "calls taps and rewriters",
    "core/pace.py": "sees that this is no job on something large",
    "core/plain.py": "makes texts plain",
    "core/redaction.py": "finds keys in texts",
    "core/tokens.py": "is what a call used",
    "dialects/apis.py": "names an API",
    "dialects/failures.py": "finds failures",
    "dialects/model_field.py": "reads and writes the model",
    "dialects/openai_chat_bursts.py": "sees which events only go on",
    "dialects/openai_chat_whole.py": "writes the event that tells usage",
    "dialects/openai_chat_writer.py": "writes the usage",
    "higress/values.py": "says what is true",
    "metering/estimate.py": "says that nothing has to be estimated",
    "pricing/prices.py": "finds the price",
    "providers/endpoint.py": "has the path of an API",
    "providers/answer_form.py": "sees that it is a stream",
    "providers/missing_api.py": "sees that the API is there",
    "providers/request_path.py": "writes the path",
    "providers/provider.py": "is the row of the catalog",
    "server/accept.py": "lets a connection in",
    "server/bodies.py": "reads a body",
    "server/gateway.py": "calls the edge of the configuration in force",
    "server/guard.py": "checks Host and Origin",
    "server/intake.py": "lets the body be read",
    "server/listen.py": "makes what answers a connection",
    "server/route_index.py": "finds the routes that a path may have",
    "translation/chat/foreign_signatures.py": "sees that no other provider has signed anything",
    "translation/translation.py": "sees that the provider takes the tools as they are",
}


TEXT = (ROOT / "README.md").read_text(encoding="utf-8").partition("## The life of a request")[2].partition("\n## ")[0]
LISTED = re.findall(r"`([a-z_/]+\.py)`", TEXT.partition("\n1. ")[2])


class Followed:
    """Notes the files of aigw whose functions this thread calls."""

    def __init__(self):
        self.files = set()

    def __enter__(self):
        sys.setprofile(self._note)
        return self

    def __exit__(self, *exc):
        sys.setprofile(None)

    def _note(self, frame, event, argument):
        code = frame.f_code
        if event == "call" and Path(code.co_filename).is_relative_to(ROOT):
            self.files.add(Path(code.co_filename).relative_to(ROOT).as_posix())


async def ask(running, question):
    """A client without code of aigw, so that only the gateway's is noted."""
    body = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": question}]}
    answer = await running.request("POST", PATH, json.dumps(body).encode(), content_type="application/json")
    assert b"data: [DONE]" in answer.body
    return answer.headers["x-aigw-cache"].partition(";")[0]


async def test_the_files_of_one_streamed_chat(provider, gateway, tmp_path):
    answer = streams(*text_events("Hi")[:-1], chunk(usage={"prompt_tokens": 3, "completion_tokens": 1}), DONE)
    upstream = await provider(answer, answer)
    config = proxied(upstream.url)
    config["plugins"] |= {"ai-statistics": {}, "ai-cache": {"cache": {"type": "redis", "serviceName": "redis.static"}}}
    running = await gateway(config, keeps=True, folder=tmp_path)

    assert await ask(running, "What is built only when it is needed?") == "miss"
    await until(lambda: len(running.rows) == 1)
    with Followed() as followed:
        assert await ask(running, "Which way does a request go?") == "miss"
        await until(lambda: len(running.rows) == 2)
    ran = {name for name in followed.files if not name.startswith(tuple(BEHIND))} | {"upstream/switch.py"}
    assert set(LISTED) - ran == set(), "listed, but not on the way"
    assert ran - set(LISTED) == set(SMALL), "on the way, but neither listed nor small"
    assert len(LISTED) == len(set(LISTED)) <= MOST
