"""Anthropic's Messages API at a cloud."""

import json

import pytest
from multidict import CIMultiDict

from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.dialects import anthropic_cloud, apis

ASK = {"model": "claude-x", "max_tokens": 9, "messages": [], "context_management": {"edits": []}, "stream": True}


def encoded(api=apis.MESSAGES, betas=(), **headers):
    sent = CIMultiDict([*headers.items(), *[("anthropic-beta", each) for each in betas]])
    body = anthropic_cloud.encode(Document(json.dumps(ASK).encode()), api, sent, "v-1")
    return json.loads(body), dict(sent)


def test_the_version_stands_in_the_body_and_the_model_in_the_path():
    body, headers = encoded(**{"Anthropic-Version": "2023-06-01", "x-more": "1"})
    assert body == {"max_tokens": 9, "messages": [], "stream": True, "anthropic_version": "v-1"}
    assert headers == {"x-more": "1"}


def test_it_keeps_no_conversations():
    with pytest.raises(GatewayError, match="send the whole conversation"):
        anthropic_cloud.encode(Document(b'{"thread":{"type":"create"}}'), apis.MESSAGES, CIMultiDict(), "v-1")


def test_to_count_tokens_the_model_stays():
    body, _ = encoded(apis.COUNT_TOKENS)
    assert (body["model"], body["anthropic_version"]) == ("claude-x", "v-1")


@pytest.mark.parametrize(
    ("betas", "sent"),
    [
        (["claude-code-20250219, interleaved-thinking-2025-05-14"], "interleaved-thinking-2025-05-14"),
        (["context-1m-2025-08-07", "web-search-2025-03-05,oauth-1"], "context-1m-2025-08-07,web-search-2025-03-05"),
        (["advanced-tool-use-2025-11-20,tool-search-tool-2025-10-19"], "tool-search-tool-2025-10-19"),
        (["claude-code-20250219", ""], None),
    ],
)
def test_only_what_is_known_there_is_named(betas, sent):
    assert encoded(betas=betas)[1].get("anthropic-beta") == sent


def test_edits_of_the_context_stay_if_they_are_named():
    body, _ = encoded(betas=["context-management-2025-06-27"])
    assert body["context_management"] == {"edits": []}
