"""What a provider says when it is asked for its models."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from answering import answering

from aigw.cli.sources.provider_lists import asked_for_models
from aigw.config.load import load


async def test_whoever_waits_for_an_answer_takes_no_thread_from_those_who_look_up_a_host():
    """However many providers are asked at once: each takes a thread that waits."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    with answering(b'{"data": []}', 200) as port:
        provider = {"type": "openai", "openaiCustomUrl": f"http://127.0.0.1:{port}/v1", "apiTokens": ["k"]}
        loaded = load(None, {}, text=f"plugins: {{ai-proxy: {{provider: {provider}}}}}".encode())
        (found,) = loaded.plugins["ai-proxy"].rules.possible("default", "")
        assert await asked_for_models(found.provider, loaded, {}) == (200, {"data": []})
