"""The npm SDKs in front of each vendor, as test_every_client.py has the Python ones. A client talks to all of its vendors in
one process of Node.js."""

import asyncio
import json

import pytest
from stage.node import FOLDER
from stage.pairs import PAIRS
from stage.vendors.table import VENDORS

PATIENCE = 60.0


@pytest.fixture
async def converse(node, provider, gateway):
    """Starts the vendors of a client with their gateways, and gives what the client was told by each."""

    async def run(client, names):
        vendors = {name: VENDORS[name]() for name in names}
        urls = {}
        for name, vendor in vendors.items():
            upstream = await provider(vendor)
            urls[name] = (await gateway(vendor.config(upstream.url), alone=False)).url
        pipe = asyncio.subprocess.PIPE
        command = [node, str(FOLDER / "conversations.mjs"), client, json.dumps(urls)]
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        try:
            async with asyncio.timeout(PATIENCE):
                out, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, errors.decode()
        return vendors, json.loads(out)

    return run


@pytest.mark.parametrize("client", PAIRS)
async def test_conversations(client, converse):
    vendors, told = await converse(client, PAIRS[client])
    for name, vendor in vendors.items():
        assert vendor.refused == [], name
        check(client, vendor, told[name])


def check(client, vendor, told):
    greeting = f"Hello from {vendor.name}."
    tools = ["The tool said: sunny in Paris | sunny in Rome", "The tool said: sunny in Paris", greeting]
    whole = {name: told[name] for name in ("plain", "stream", "tools", "plain_tools")}
    assert whole == {
        "plain": {"said": [greeting]},
        "stream": {"said": [greeting]},
        "tools": {"said": tools},
        "plain_tools": {"said": tools},
    }, vendor.name
    assert told["key"]["status"] in (400, 401, 403), (vendor.name, told["key"])
    assert told["rate"]["status"] == 429, (vendor.name, told["rate"])
    assert told["too_long"]["said"] == [], (vendor.name, told["too_long"])
    if client == "anthropic":
        assert "prompt is too long" in told["too_long"]["message"], vendor.name
    for name, text in {"late": greeting, "broken": f"Hello from {vendor.name}, until"}.items():
        assert told[name].get("message"), (vendor.name, name, told[name])
        assert text.startswith(told[name]["before"]), (vendor.name, name)
