"""ai-json-resp: answers with JSON, which it asks a model for until it fits.

With `fidelity: safe` (safe.py), it works in every API, and tells the model at once what is wanted. With `fidelity:
higress` (higress.py), it asks as Higress does, and answers with its errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aigw.clients.callout import Callout
from aigw.core.env import Env
from aigw.core.json_path import JsonPath
from aigw.core.plugin import About, Difference, Place, Plugin
from aigw.plugins.ai_json_resp.config import Config, check
from aigw.plugins.ai_json_resp.higress import HigressJsonResponse
from aigw.plugins.ai_json_resp.model_calls import Model, RouteModel, ServiceModel
from aigw.plugins.ai_json_resp.safe import SafeJsonResponse


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    if env.fidelity == "higress":
        yield HigressJsonResponse(config, _callout(config, env), env)
        return
    model: Model = RouteModel(config, env.models)
    if config.route is None:
        model = ServiceModel(config, _callout(config, env))
    yield SafeJsonResponse(config, model, env)


def _callout(config: Config, env: Env) -> Callout:
    service = f"{config.service_name}.dns" if config.service_name else ""
    return Callout(env, service, config.port, config.address[0], config.seconds)


def asks(config: Config) -> Mapping[JsonPath, str]:
    return {("route",): config.route or ""}


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 150),
    recipe="ai-json-resp",
    check=check,
    asks=asks,
    differences=(
        Difference("whose requests", "those of all APIs that ask for a text", "all with a body"),
        Difference("who is asked", "the service, or a `route`", "the service"),
        Difference("the first question", "says which JSON is wanted", "is the client's own"),
        Difference("what is wrong", "is told the model as the user", "is told the model as the system"),
        Difference("an answer with JSON in it", "is the first that there is, also an array",
                   "is all from the first { to the last }"),
        Difference("a client that asks for a stream", "gets one of its API, whose text is the JSON",
                   "is told 1007: the service answers with a stream"),
        Difference("a schema that is nested more than 6 deep", "is used", "is only told the model"),
        Difference("an error", "is 502, in the format of the client's API", "is 500 with `Code` and `Msg`"),
        Difference("the headers of the client", "do not go to the service", "do"),
        Difference("X-HIGRESS-AI-JSON-RESP: true", "means nothing", "lets a request pass"),
    ),
)  # fmt: skip
