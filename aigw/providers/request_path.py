"""The path and the query with which a request goes to a provider. higress.py has what Higress does in another way."""

from __future__ import annotations

from urllib.parse import unquote

from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.headers import without_credentials
from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects import dashscope_openai as qwen
from aigw.providers.call import Call
from aigw.providers.config import ProviderConfig
from aigw.providers.endpoint import Endpoint
from aigw.providers.provider import Provider


class RequestPath:
    generation_path = staticmethod(qwen.generation_path)

    def __init__(self, config: ProviderConfig, row: Provider, endpoint: Endpoint, env: Env) -> None:
        self._config = config
        self._row = row
        self._endpoint = endpoint
        self._base = config.base_path.rstrip("/")
        self._in_front = self._put_in_front(config.provider_base_path)
        self._query_of_all = self._own_query()
        self._own_paths = sorted((own for own in endpoint.paths.values() if "{" not in own), key=len, reverse=True)

    def write(self, source: Request, call: Call, *, bare: bool) -> tuple[str, str]:
        """Returns the path and the query for a call that was written for `source`. `bare`: without the base path of the
        configuration. Raises GatewayError for a model that would change the path."""
        config, base = self._config, "" if bare else self._base
        path = source.path if config.protocol == "openai" else source.given or source.path
        removes = bool(base) and config.base_path_handling == "removePrefix"
        if removes and self._is_below(path, base):
            path = path[len(base) :] or "/"
        if config.protocol == "openai":
            path = self._mapped(path, call, source)
        elif not removes:
            path = self._own(path, call)
        if base and config.base_path_handling == "prepend" and not self._is_below(path, base):
            path = base + path
        path, _, extra = path.partition("?")
        own = extra or self._query_of_all
        query = self._query(source, own) if source.query else ""
        if own:
            query = f"{own}&{query}" if query else own
        if self._in_front and not self._is_below(path, self._in_front):
            path = self._in_front + path
        return path, query

    def _put_in_front(self, base: str) -> str:
        """Returns what is put in front of each path that does not begin with it."""
        return base.rstrip("/")

    def _own_query(self) -> str:
        """Returns the query that every request gets."""
        return self._endpoint.query

    def _own(self, path: str, call: Call) -> str:
        """Returns the path for protocol original. Only what stands before the provider's own path is replaced: that is
        the gateway's."""
        if self._endpoint.path or (self._row.url_field and not self._row.deployments):
            return self._endpoint.path_of(call.api, path) or path
        return next((own for own in self._own_paths if path.endswith(own)), path)

    def _is_below(self, path: str, base: str) -> bool:
        return path == base or path.startswith(f"{base}/")

    def _query(self, source: Request, own: str) -> str:
        """Returns what the provider gets of the client's query: no key, and no parameter that the provider's own query
        has."""
        names = {pair.partition("=")[0] for pair in own.split("&")}
        if self._row.messages_version:
            names.add("beta")  # of Anthropic's SDKs; Google refuses a parameter that it does not know
        if apis.DEPLOYMENTS in source.path:
            names.add("api-version")
        pairs = without_credentials(source.query).split("&")
        return "&".join(pair for pair in pairs if unquote(pair.partition("=")[0]) not in names)

    def _mapped(self, path: str, call: Call, source: Request) -> str:
        if call.api == apis.CHAT and self._row.dialect == "qwen":
            return self.generation_path(call.model, source.parsed)
        try:
            mapped = self._path_of(call, path)
        except ValueError as error:
            raise GatewayError(400, str(error), code="invalid_model") from None
        return path if mapped is None else mapped

    def _path_of(self, call: Call, path: str) -> str | None:
        """Returns the provider's own path, None if the client's is to be used. Raises ValueError for a model that would
        change it."""
        api = call.api
        if api == apis.MESSAGES and call.streaming and apis.STREAM_MESSAGES in self._endpoint.paths:
            api = apis.STREAM_MESSAGES
        return self._endpoint.path_of(api, path, call.model)
