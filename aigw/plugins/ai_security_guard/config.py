"""The configuration of ai-security-guard: Higress's keys in both forms, and ours.

The form of June 2024 has `domain`, `ak` and `sk`, today's `serviceHost`, `accessKey` and `secretKey`. Without a
service, the screen of this machine checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr

from aigw.core.plugin import Problem
from aigw.plugins.ai_security_guard.consumers import ByConsumer, Entry, entries_of

MatchType = Literal["", "exact", "prefix", "regexp"]
Bar = Annotated[str, Meta(description="deny from this level on: max, high, medium, low, or S4 to S1")]
_GRADES = {"max": 4, "s4": 4, "high": 3, "s3": 3, "medium": 2, "s2": 2, "low": 1, "s1": 1, "none": 0, "s0": 0}
RiskAction = Annotated[Literal["", "block", "mask"], Meta(description="block, or mask what is sensitive")]
_Milliseconds = Annotated[
    int, Meta(ge=0, description="how long a call may take, in milliseconds; default: 2000, June 2024: 500")
]
TIMEOUT, ORIGINAL_TIMEOUT = 2000, 500
_Unchecked = Annotated[str, Meta(description="not used: no image in an answer is checked")]
_Name = Annotated[str, Meta(description="the consumer, as x-mse-consumer names him")]
_Service = Annotated[str, Meta(description="a service of Content Security; empty: that for all")]
_Match = Annotated[
    MatchType, Meta(description="how `name` is compared; missing: exactly, where Higress ignores the entry")
]

Action = Literal["TextModerationPlus", "MultiModalGuard", "MultiModalGuardForBase64"]


class ForConsumer(Struct, frozen=True, rename="camel", kw_only=True):
    """What is different for some consumers."""

    name: _Name = ""
    match_type: _Match = ""


class RequestService(ForConsumer, frozen=True, rename="camel", kw_only=True):
    """Which service checks the requests of some consumers."""

    request_check_service: _Service = ""
    request_image_check_service: _Service = ""


class ResponseService(ForConsumer, frozen=True, rename="camel", kw_only=True):
    """Which service checks the answers for some consumers."""

    response_check_service: _Service = ""
    response_image_check_service: _Unchecked = ""


class Bars(Struct, frozen=True, rename="camel", kw_only=True):
    """From which level on a text is denied, by the kind of risk."""

    risk_level_bar: Bar = ""
    content_moderation_level_bar: Bar = ""
    prompt_attack_level_bar: Bar = ""
    sensitive_data_level_bar: Bar = ""
    malicious_url_level_bar: Bar = ""
    model_hallucination_level_bar: Bar = ""
    custom_label_level_bar: Bar = ""


class ConsumerBars(Bars, frozen=True, rename="camel", kw_only=True):
    """Other bars for some consumers."""

    name: _Name = ""
    match_type: _Match = ""


class Config(Bars, frozen=True, rename="camel", kw_only=True):
    """Checks requests and answers for what must not pass. It takes both forms of Higress's configuration.

    Unless `services:` maps the service, the screen of this machine checks (`guard:`, `aigw guard rules`). It is a
    screen, not a defence."""

    service_name: Annotated[str, Meta(description="the name of the service in `services:`")] = ""
    service_port: Annotated[int, Meta(ge=0, le=65535, description="the port; 443 is called with https, 0 is 443")] = 0
    service_host: Annotated[str, Meta(description="the host, for the header Host of its requests")] = ""
    access_key: Annotated[str, Meta(description="the id of the key")] = ""
    secret_key: Annotated[str, Meta(description="the secret of the key")] = ""
    security_token: Annotated[str, Meta(description="the token of a temporary key")] = ""
    service_source: Annotated[str, Meta(description="June 2024: not used")] = ""
    domain: Annotated[str, Meta(description="June 2024: the host of the service")] = ""
    ak: Annotated[str, Meta(description="June 2024: the id of the key")] = ""
    sk: Annotated[str, Meta(description="June 2024: the secret of the key")] = ""
    action: Annotated[Action, Meta(description="which API of the service is called")] = "TextModerationPlus"
    check_request: Annotated[bool, Meta(description="check what clients send")] = False
    check_response: Annotated[bool, Meta(description="check what models answer")] = False
    check_request_image: Annotated[
        bool, Meta(description="check images in requests; the screen of this machine sees none")
    ] = False
    request_check_service: Annotated[str, Meta(description="default: llm_query_moderation")] = ""
    response_check_service: Annotated[str, Meta(description="default: llm_response_moderation")] = ""
    request_image_check_service: Annotated[str, Meta(description="default: img_query_security_check")] = ""
    response_image_check_service: _Unchecked = ""
    request_content_json_path: Annotated[
        str, Meta(description="the gjson path of the text in a request. safe: without it, all texts that a model reads")
    ] = ""
    response_content_json_path: Annotated[
        str, Meta(description="higress: the gjson path of the text in an answer; safe checks all texts")
    ] = ""
    response_stream_content_json_path: Annotated[
        str, Meta(description="higress: the gjson path of the text in an event; safe checks all texts")
    ] = ""
    deny_code: Annotated[int, Meta(ge=200, le=599, description="the status of a denial")] = 200
    deny_message: Annotated[str, Meta(description="what a client is told")] = ""
    protocol: Annotated[
        Literal["openai", "original"], Meta(description="openai: an answer in the client's format; original: bare JSON")
    ] = "openai"
    deny_format: Annotated[
        Literal["legacy", "structured"],
        Meta(
            description="legacy: the text of a denial is JSON; structured: it is denyMessage, with the JSON beside it"
        ),
    ] = field(default="legacy", name="openAIDenyResponseFormat")
    risk_action: RiskAction = ""
    content_moderation_action: RiskAction = ""
    prompt_attack_action: RiskAction = ""
    sensitive_data_action: RiskAction = ""
    malicious_url_action: RiskAction = ""
    model_hallucination_action: RiskAction = ""
    custom_label_action: RiskAction = ""
    timeout: _Milliseconds = 0
    buffer_limit: Annotated[
        int,
        Meta(
            ge=0,
            description="how many characters of a stream are checked together; default: 1000, by the screen of this "
            "machine 32",
        ),
    ] = 0
    buffer_flush_time_interval: Annotated[
        int, Meta(description="not used: how much of a stream is checked together does not depend on the time")
    ] = 0
    consumer_request_check_service: list[RequestService] | RequestService = []
    consumer_response_check_service: list[ResponseService] | ResponseService = []
    consumer_risk_level: list[ConsumerBars] | ConsumerBars = []
    api_type: Annotated[
        Literal["text_generation", "image_generation", "mcp", "embedding"],
        Meta(
            description="higress: what the requests are, with MultiModalGuard; safe sees it by itself. Of mcp nothing "
            "is checked"
        ),
    ] = "text_generation"
    provider_type: Annotated[
        Literal["", "openai", "qwen"], Meta(description="higress: whose format requests for images have")
    ] = ""
    fail_closed: Annotated[
        bool, Meta(description="safe: refuse what cannot be checked, instead of letting it pass")
    ] = False
    log_words: Annotated[
        bool, Meta(description="safe: log the words that were found, as Higress does (safecheck_riskWords)")
    ] = False
    scope: Annotated[
        Literal["", "all", "new"],
        Meta(
            description="safe: which texts of a request are checked: all, or only those that no answer has followed "
            "yet; default: all, by a service elsewhere new"
        ),
    ] = ""
    overlap: Annotated[
        int,
        Meta(ge=0, le=4096, description="safe: how many characters of a stream are held back, to be checked again"),
    ] = 100

    def __post_init__(self) -> None:
        if not self.timeout:
            force_setattr(self, "timeout", ORIGINAL_TIMEOUT if self.original else TIMEOUT)

    @property
    def original(self) -> bool:
        """Whether this is the form of June 2024."""
        return bool(self.domain or self.ak or self.sk) and not self.service_host

    @property
    def local(self) -> bool:
        """Whether no service is named at all: the screen of this machine is meant."""
        return not (self.service_name or self.service_host or self.domain)

    @property
    def multi(self) -> bool:
        return self.action != "TextModerationPlus"

    def __repr__(self) -> str:
        return f"Config({self.service_name!r}, {self.action!r})"


def grade(level: str) -> int:
    """Returns how high a level or a bar is, from 0 to 4; -1 if it is none. Capitals do not matter."""
    return _GRADES.get(level.lower(), -1)


def check(config: Config) -> list[Problem]:
    problems = []
    if not config.original and not config.local:
        if not (config.service_name and config.service_host):
            missing = "serviceHost" if config.service_name else "serviceName"
            message = f"invalid service config: {missing} is missing; or name no service, and this machine checks"
            problems.append(Problem((), message))
        elif not (config.access_key and config.secret_key):
            missing = "secretKey" if config.access_key else "accessKey"
            problems.append(Problem((), f"invalid AK/SK config: {missing} is missing"))
    if not config.original and not (config.check_request or config.check_response or config.check_request_image):
        message = "checks nothing: add checkRequest: true, checkResponse: true"
        problems.append(Problem((), message, note=True))
    for key, given, why in (
        ("responseImageCheckService", config.response_image_check_service, "no image in an answer is checked"),
        ("bufferFlushTimeInterval", config.buffer_flush_time_interval, "`bufferLimit` alone cuts a stream"),
    ):
        if given:
            problems.append(Problem((key,), f"has no effect: {why}", note=True))
    if config.api_type == "mcp":
        problems.append(Problem(("apiType",), "mcp: neither requests nor answers of MCP are checked here", note=True))
    problems += [Problem((key,), message) for key, message in _wrong_bars(config, lowest=1)]
    problems += _unreadable("consumerRequestCheckService", config.consumer_request_check_service)
    problems += _unreadable("consumerResponseCheckService", config.consumer_response_check_service)
    problems += _unreadable("consumerRiskLevel", config.consumer_risk_level)
    for index, bars in enumerate(entries_of(config.consumer_risk_level)):
        wrong = _wrong_bars(bars, lowest=0)
        problems += [Problem(("consumerRiskLevel", index, key), message) for key, message in wrong]
    return problems


def _wrong_bars(bars: Bars, *, lowest: int) -> Iterator[tuple[str, str]]:
    """Yields the key of each bar that is no level, or that is lower than `lowest`, with what Higress says to it. Only
    `riskLevelBar` may always be so low that every text reaches it."""
    for name, key in zip(Bars.__struct_fields__, Bars.__struct_encode_fields__, strict=True):
        bar = getattr(bars, name)
        if bar and grade(bar) < (0 if name == "risk_level_bar" else lowest):
            levels = "S4, S3, S2, S1" if name == "sensitive_data_level_bar" else "max, high, medium, low"
            yield key, f"invalid {key}, value must be one of [{levels}]"


def _unreadable(key: str, entries: Sequence[Entry] | Entry) -> list[Problem]:
    """The consumers' names that are no regular expressions, or stand for nobody."""
    problems = []
    for index, entry in enumerate(entries_of(entries)):
        if not entry.name and entry.match_type != "regexp":
            message = "has no name, so that it is for nobody"
            problems.append(Problem((key, index), message, note=True))
        try:
            ByConsumer([entry])
        except ValueError as error:
            problems.append(Problem((key, index, "name"), str(error)))
    return problems
