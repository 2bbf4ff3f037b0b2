"""The configuration of ai-rag: Higress's keys in both forms, and ours.

Today's form names a service by `serviceFQDN` and `serviceHost`, the form of June 2024 by `serviceName` and `domain`.
Without either, the collection is one of this machine."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct, field

from aigw.core.plugin import Problem
from aigw.core.retrieval import DEFAULT

_Port = Annotated[int, Meta(ge=0, le=65535, description="the port; 443 is called with https, 0 is 443")]
_Fqdn = Annotated[str, Meta(description="the name of the service in `services:`")]
_Host = Annotated[str, Meta(description="the host, for the header Host of its requests")]
_Name = Annotated[str, Meta(description="June 2024: the name of the service without `.dns`")]
_Domain = Annotated[str, Meta(description="June 2024: the host of the service")]
_Key = Annotated[str, Meta(description="the API key of the service")]
_Milliseconds = Annotated[int, Meta(ge=1, description="how long a call may take, in milliseconds")]


class Address(NamedTuple):
    service: str
    port: int
    host: str


class _ServiceConfig(Struct, frozen=True, rename="camel", kw_only=True):
    api_key: _Key = ""
    service_fqdn: _Fqdn = field(default="", name="serviceFQDN")
    service_host: _Host = ""
    service_name: _Name = ""
    domain: _Domain = ""
    service_port: _Port = field(default=0, name="servicePort")

    @property
    def original(self) -> bool:
        """Whether this is the form of June 2024."""
        return bool(self.service_name) and not self.service_fqdn

    @property
    def address(self) -> Address:
        """The address of the service. Without a name it is the stand-in."""
        port = self.service_port or 443
        if self.original:
            return Address(f"{self.service_name}.dns", port, self.domain)
        return Address(self.service_fqdn, port, self.service_host)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r})"


class DashScope(_ServiceConfig, frozen=True, rename="camel", kw_only=True):
    """The service that turns questions into vectors. If `services:` does not have it, a model on this machine does."""

    timeout: _Milliseconds = 50_000


class DashVector(_ServiceConfig, frozen=True, rename="camel", kw_only=True):
    """The collection with the passages. If `services:` does not have the service, the collection is one that `aigw rag
    ingest` made on this machine."""

    collection: Annotated[str, Meta(description="the name of the collection; default: default")] = ""
    topk: Annotated[
        Annotated[int, Meta(ge=1, le=1024)] | None, Meta(description="how many passages are searched; default: 3")
    ] = None
    threshold: Annotated[
        float | None,
        Meta(description="passages with a higher distance are left out: 0 is the same direction, 1 unrelated"),
    ] = None
    field_name: Annotated[str, Meta(description="the field with the text of a passage; default: raw")] = field(
        default="", name="field"
    )
    timeout: _Milliseconds = 500


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Puts passages that fit the question in front of it. It takes both forms of Higress's configuration.

    Unless `services:` maps DashVector, questions are searched by their words and by their meaning in a collection of
    this machine."""

    dashscope: DashScope = DashScope()
    dashvector: DashVector = DashVector()
    min_score: Annotated[
        float, Meta(le=1, description="safe: passages that are less similar (1 - distance) are left out")
    ] = 0.0
    position: Annotated[
        Literal["", "messages", "question"],
        Meta(
            description="safe: passages become `messages` of the user before the question, or are part of the "
            "`question`; default: messages, in the form of June 2024 question"
        ),
    ] = ""
    template: Annotated[
        str,
        Meta(
            description="safe: the text of the question, with {{question}} and, where the passages are part of it, "
            "{{documents}}; empty: a sentence before it, in Chinese or English as the question is"
        ),
    ] = ""
    max_context_tokens: Annotated[
        int, Meta(ge=0, description="safe: how many tokens all passages may have together; 0: any number")
    ] = 4000

    @property
    def collection(self) -> str:
        return self.dashvector.collection or DEFAULT

    @property
    def original(self) -> bool:
        return self.dashscope.original or self.dashvector.original


_TODAY = (("dashscope", "apiKey serviceFQDN servicePort serviceHost"),
          ("dashvector", "apiKey collection serviceFQDN servicePort serviceHost topk threshold field"))  # fmt: skip
_ORIGINAL = (("dashscope", "apiKey serviceName servicePort domain"),
             ("dashvector", "apiKey serviceName servicePort domain collection"))  # fmt: skip
_SERVICE = ("serviceFQDN", "serviceHost", "serviceName", "domain", "servicePort", "apiKey")


def check(config: Config) -> list[Problem]:
    problems = [] if _is_local(config) else _missing(config)
    if config.template and "{{question}}" not in config.template:
        problems.append(Problem(("template",), "has no {{question}}, so that the question would be lost"))
    if config.template and "{{documents}}" not in config.template and position_of(config) == "question":
        message = "has no {{documents}}, so that the passages would be lost; add it, or write position: messages"
        problems.append(Problem(("template",), message))
    return problems


def position_of(config: Config) -> str:
    return config.position or ("question" if config.original else "messages")


def _is_local(config: Config) -> bool:
    """Whether no service is named at all: a collection of this machine is meant."""
    return not any(_is_given(part, key) for part in (config.dashscope, config.dashvector) for key in _SERVICE)


def _missing(config: Config) -> list[Problem]:
    """Returns the problem that Higress reports, which names the first missing key, with the remedy."""
    parts: dict[str, _ServiceConfig] = {"dashscope": config.dashscope, "dashvector": config.dashvector}
    for name, keys in _ORIGINAL if config.original else _TODAY:
        for key in keys.split():
            if not _is_given(parts[name], key):
                message = f"{name}.{key} not found in plugin config! Add it, or name no service for a local collection"
                return [Problem((name,), message)]
    return []


def _is_given(part: _ServiceConfig, key: str) -> bool:
    attributes = dict(zip(part.__struct_encode_fields__, part.__struct_fields__, strict=True))
    value = getattr(part, attributes[key])
    return bool(value) or (value == 0.0 and key == "threshold")
