"""ai-json-resp exactly as in Higress: the client's request goes to the service as it is, and again with what Higress
says about the answer, in messages of the system.

Where today's Higress refuses every request, because there is no schema, any JSON object is an answer, as Higress
documents it."""

from __future__ import annotations

from typing import Any

import msgspec
from multidict import CIMultiDict

from aigw.clients.callout import Callout, CalloutError, StatusError
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.headers import hop_by_hop
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.dialects.json_values import object_of
from aigw.higress.bodies import is_unseen
from aigw.higress.gjson import GjsonPath
from aigw.higress.json_response import (
    BAD_SCHEMA,
    MISMATCH,
    NO_DOMAIN,
    NO_SCHEMA,
    UNAVAILABLE,
    USED_UP,
    JsonResponseError,
    again,
    ask_for,
    content_in,
    last_answer,
    last_question,
    object_in,
)  # fmt: skip
from aigw.higress.values import truthy
from aigw.plugins.ai_json_resp.config import CONTENT, Config
from aigw.plugins.ai_json_resp.schema import DEEPEST, JsonSchema, SchemaProblemError, depth_of

OWN = "x-higress-ai-json-resp"
"""A request with this header is from the plugin itself, and passes."""
_NOT_SENT = ("host", "content-length", "accept-encoding", "expect", "content-type")


class HigressJsonResponse:
    def __init__(self, config: Config, callout: Callout, env: Env) -> None:
        self._config = config
        self._callout = callout
        self._content = GjsonPath(config.content_path or CONTENT)
        self._given = config.json_schema if isinstance(config.json_schema, dict) else None
        self._schema: JsonSchema | None = None
        self._wrong = self._prepare()

    def _prepare(self) -> JsonResponseError | None:
        """Returns the error that every request gets if the configuration is wrong, otherwise None."""
        config = self._config
        if not config.address[0]:
            return JsonResponseError(NO_DOMAIN, "service domain is empty")
        if config.json_schema is not None and self._given is None:
            return JsonResponseError(NO_SCHEMA, "Json Schema is not valid")
        if self._given is not None and depth_of(self._given) <= DEEPEST:
            try:
                self._schema = JsonSchema(self._given, swagger=config.swagger)
            except SchemaProblemError as error:
                return JsonResponseError(BAD_SCHEMA, f"Json Schema compile failed: {error}")
        return None

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        if self._wrong is not None:
            return _refused(exchange, self._wrong)
        if truthy(request.headers.get(OWN, "")):
            return await call_next(exchange)
        headers = self._headers(request.headers)
        request.headers.popall("authorization", None)
        request.seal()
        if not request.body or request.upload is not None or is_unseen(exchange.original.headers):
            return await call_next(exchange)
        path = self._config.address[1] or request.target
        try:
            return self._reply(exchange, await self._refined(path, headers, request.body))
        except JsonResponseError as error:
            return _refused(exchange, error)

    def _headers(self, given: CIMultiDict[str]) -> CIMultiDict[str]:
        headers = CIMultiDict(given)
        for name in (*hop_by_hop(headers), *_NOT_SENT):
            headers.popall(name, None)
        if self._config.api_key:
            headers["authorization"] = f"Bearer {self._config.api_key}"
        headers[OWN] = "true"
        return headers

    async def _refined(self, path: str, headers: CIMultiDict[str], body: bytes) -> str:
        """Returns the JSON. Raises JsonResponseError."""
        history: list[tuple[str, str]] = []
        asking, question = body, last_question(body)
        for left in reversed(range(self._config.tries)):
            answer = await self._post(path, headers, asking)
            content = content_in(answer, self._content)
            history += [(role, text) for role, text in (("user", question), ("system", last_answer(answer))) if text]
            try:
                return self._checked(content)
            except JsonResponseError as error:
                if not left:
                    raise JsonResponseError(USED_UP, f"retry count exceeds max retry count: {error}") from None
                history.append(("system", str(error)))
            question = ask_for(content, self._given)
            asking = again(body, [*history, ("user", question)])
        raise AssertionError("there is at least one try")

    async def _post(self, path: str, headers: CIMultiDict[str], body: bytes) -> Any:
        try:
            return await self._callout.post(path, headers, msgspec.Raw(body))
        except StatusError as error:
            said = error.said.decode("utf-8", "replace")
            raise JsonResponseError(UNAVAILABLE, f"response body does not contain the content: {said}") from None
        except CalloutError as error:
            raise JsonResponseError(UNAVAILABLE, f"service unavailable: {error}") from None

    def _checked(self, content: str) -> str:
        found = object_in(content)
        problem = self._schema.problem(object_of(found.encode("utf-8", "replace"))) if self._schema is not None else ""
        if problem:
            raise JsonResponseError(MISMATCH, f"response body does not match the Json Schema: {problem}")
        return found

    def _reply(self, exchange: Exchange, found: str) -> Reply:
        headers = {"content-type": "application/json"}
        if self._config.enable_content_disposition:
            headers["content-disposition"] = 'attachment; filename="response.json"'
        return exchange.reply(found.encode("utf-8", "replace"), headers=headers)


def _refused(exchange: Exchange, error: JsonResponseError) -> Reply:
    return exchange.reply(error.body, status=500, headers={"content-type": "text/plain"})
