"""The configuration of ai-json-resp: Higress's keys, their defaults, and what is wrong with their values."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from aigw.clients.callout import TLS_PORT
from aigw.core.plugin import Problem
from aigw.plugins.ai_json_resp.schema import DEEPEST, JsonSchema, SchemaProblemError, depth_of

CONTENT = "choices.0.message.content"
TIMEOUT, RETRIES = 50_000, 3


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Answers with JSON: it asks a model by itself, and asks again until the answer is JSON that fits.

    The model is asked at a service that speaks OpenAI's API or, as only aigw has it, through a route of this gateway;
    the upstream of the request's own route is not used. The answer is the bare JSON. A client that asks for a stream
    gets one of its own API, whose text is the JSON, and with `asCompletion: true` each client an answer of its API.

    An answer that is no JSON, or does not fit the schema, goes back to the model with what is wrong about it. If no
    answer fits, or the model cannot be asked, the client gets an error of its API, which says not to try again, with
    one of Higress's codes: 1003 no JSON, 1004 empty, 1005 another shape, 1006 all tries are used up, 1007 no answer.

    Of a question through a route limits, budgets and the books know; calls of a service count for nobody."""

    service_name: Annotated[str, Meta(description="the service, without the `.dns` behind its name")] = ""
    service_domain: Annotated[str, Meta(description="its host, also for the header Host")] = ""
    service_url: Annotated[str, Meta(description="its URL, in place of `serviceDomain` and `servicePath`")] = ""
    service_path: Annotated[str, Meta(description="the path of its API; empty: that of the request")] = ""
    service_port: Annotated[int, Meta(ge=0, le=65535, description="its port; 0: 443")] = 0
    service_timeout: Annotated[int, Meta(ge=0, description="how long a call may take, in milliseconds; 0: 50000")] = (
        TIMEOUT
    )
    api_key: Annotated[str, Meta(description="its API key; empty: with `higress` that of the client, else none")] = ""
    route: Annotated[
        str | None,
        Meta(
            description="aigw: the name of a route of this gateway that is asked, on which this plugin is off; empty: "
            "any that matches"
        ),
    ] = None
    model: Annotated[str, Meta(description="aigw: the model that is asked; empty: the one that the client names")] = ""
    max_retry: Annotated[int, Meta(ge=0, description="how often the model is asked again; 0: 3")] = RETRIES
    content_path: Annotated[str, Meta(description="the gjson path of the text in an answer of the service")] = ""
    json_schema: Annotated[
        dict[str, Any] | str | None, Meta(description="the JSON Schema for the answer; missing: any object or array")
    ] = None
    enable_swagger: Annotated[bool, Meta(description="true: the schema is of draft 4, unless it says so itself")] = (
        False
    )
    enable_oas3: Annotated[bool, Meta(description="true: the schema is of draft 7, as it is by default")] = False
    enable_content_disposition: Annotated[
        bool, Meta(description="true: a browser saves the answer as response.json")
    ] = True
    as_completion: Annotated[
        bool, Meta(description="aigw: true: the JSON is the text of an answer in the format of the client's API")
    ] = False

    @property
    def address(self) -> tuple[str, str]:
        """Returns the host and the path of the service."""
        host, slash, path = self.service_url.removeprefix("http://").removeprefix("https://").partition("/")
        return self.service_domain or host, self.service_path or slash + path

    @property
    def port(self) -> int:
        return self.service_port or TLS_PORT

    @property
    def seconds(self) -> float:
        return (self.service_timeout or TIMEOUT) / 1000

    @property
    def tries(self) -> int:
        return 1 + (self.max_retry or RETRIES)

    @property
    def swagger(self) -> bool:
        return self.enable_swagger and not self.enable_oas3

    @property
    def schema(self) -> Any:
        """The schema, also if it is written as text. None if there is none. Raises ValueError."""
        given = self.json_schema
        value = msgspec.json.decode(given) if isinstance(given, str) else given
        if value is not None and not isinstance(value, dict):
            raise ValueError("is no object")
        return value


def check(config: Config) -> list[Problem]:
    problems = []
    if config.route is None and not config.address[0]:
        message = "service domain is empty: write serviceDomain or serviceUrl, or `route` for a route of this gateway"
        problems.append(Problem(("serviceDomain",), message, quirk=True))
    if isinstance(config.json_schema, str):
        message = "must be a mapping: of a text, Higress says 1001 to every request"
        problems.append(Problem(("jsonSchema",), message, quirk=True))
    if config.json_schema is None:
        message = "is missing; some versions of Higress then answer every request with 1002"
        problems.append(Problem(("jsonSchema",), message, note=True))
    return problems + _check_schema(config)


def _check_schema(config: Config) -> list[Problem]:
    try:
        schema = config.schema
        if schema is None:
            return []
        JsonSchema(schema, swagger=config.swagger)
    except SchemaProblemError as error:
        return [Problem(("jsonSchema", *error.path), f"is no valid JSON Schema: {error}", quirk=True)]
    except ValueError as error:
        return [Problem(("jsonSchema",), f"is no JSON: {error}", quirk=True)]
    if (depth := depth_of(schema)) > DEEPEST:
        message = f"is nested {depth} deep; with more than {DEEPEST}, Higress checks no answer with it"
        return [Problem(("jsonSchema",), message, note=True)]
    return []
