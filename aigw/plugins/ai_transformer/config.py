"""The configuration of ai-transformer: Higress's keys, and ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct, field, to_builtins

from aigw.core.env import Services
from aigw.core.json_path import JsonPath
from aigw.core.plugin import Problem
from aigw.plugins.ai_transformer import rules
from aigw.plugins.ai_transformer.rules import Rule

MIB = 1 << 20
_UNSEEN = ("apiKey", "timeout")


class Part(Struct, frozen=True, kw_only=True):
    """What is done to requests, or to answers."""

    enable: Annotated[
        bool | None, Meta(description="true: transform them; missing: if there are rules, as Higress has none")
    ] = None
    prompt: Annotated[str, Meta(description="what the model shall do with a message; empty: no model is asked")] = ""
    rules: Annotated[
        list[Rule],
        Meta(
            description="safe: what is done without a model, before the prompt: xmlToJson, jsonToXml, jsonToYaml, "
            "yamlToJson, {setHeader: {NAME: VALUE}}, {removeHeader: NAME}, {renameHeader: {NAME: NEW}}, "
            "{set: {PATH: VALUE}}, {remove: PATH}, {rename: {PATH: NEW}}"
        ),
    ] = []

    @property
    def prompted(self) -> bool:
        """Whether a model is asked, which is all that Higress knows."""
        return bool(self.enable and self.prompt)

    @property
    def ruled(self) -> bool:
        return bool(self.rules) and self.enable is not False


class Provider(Struct, frozen=True, rename="camel", kw_only=True):
    """The model: DashScope's qwen-max, or one of this gateway. If `services:` does not have DashScope, its stand-in
    answers."""

    service_name: Annotated[str, Meta(description="the name of the service without `.dns`")] = ""
    domain: Annotated[str, Meta(description="the host of the service")] = ""
    api_key: Annotated[str, Meta(description="the API key of the service")] = ""
    timeout: Annotated[int, Meta(ge=1, description="how long the model may take, in milliseconds")] = 50_000
    route: Annotated[
        str, Meta(description="safe: the route of this gateway that is asked instead, with any provider of ai-proxy")
    ] = ""
    model: Annotated[
        str, Meta(description="safe: the model; without serviceName, one of this gateway; default: qwen-max")
    ] = ""

    @property
    def own(self) -> bool:
        """Whether a model is asked through this gateway's own routes."""
        return bool(self.route or (self.model and not self.service_name))

    def __repr__(self) -> str:
        return f"Provider({self.service_name!r}, {self.route!r}, {self.model!r})"


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Lets a model rewrite requests and answers: their headers and their bodies, as a prompt says. Rules do it without
    a model.

    A message that cannot be transformed stays as it is; the header `x-aigw-transformer` of the answer says why."""

    request: Part = Part()
    response: Part = Part()
    provider: Provider = Provider()
    max_body: Annotated[int, Meta(ge=1, description="safe: messages with a longer body stay as they are; in bytes")] = (
        MIB
    )
    cache: Annotated[bool, Meta(description="safe: true: what a model made of a message is kept for equal ones")] = (
        False
    )
    cache_ttl: Annotated[int, Meta(ge=1, description="safe: for so many seconds")] = field(
        default=86_400, name="cacheTTL"
    )


def check(config: Config) -> list[Problem]:
    provider = config.provider
    problems = []
    for name, part in (("request", config.request), ("response", config.response)):
        problems += _check_part(name, part)
    if provider.route and provider.service_name:
        message = "has no effect beside route: the model is asked through the route"
        problems.append(Problem(("provider", "serviceName"), message, note=True))
    if config.cache and not (config.request.prompted or config.response.prompted):
        problems.append(Problem(("cache",), "has no effect: no model is asked", note=True))
    return problems


def identity(config: Config, services: Services) -> Any:
    """Who transforms, and how; with which key and how patiently does not matter."""
    values = to_builtins(config)
    return {**values, "provider": {name: value for name, value in values["provider"].items() if name not in _UNSEEN}}


def asks(config: Config) -> Mapping[JsonPath, str]:
    return {("provider", "route"): config.provider.route}


def _check_part(name: str, part: Part) -> list[Problem]:
    problems = [each._replace(path=(name, "rules", *each.path)) for each in rules.check(part.rules)]
    if part.prompt and part.enable is None:
        problems.append(Problem((name, "prompt"), "has no effect, as in Higress; write enable: true", note=True))
    if part.enable and not part.prompt and not part.rules:
        message = "has no effect, as in Higress: the prompt is empty, and there are no rules"
        problems.append(Problem((name, "enable"), message, note=True))
    return problems
