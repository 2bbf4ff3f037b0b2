"""The configuration of one provider: Higress's keys of ai-proxy, and their defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from aigw.upstream.builtin import MockSettings

Milliseconds = Annotated[int, Meta(ge=0, description="milliseconds")]
Port = Annotated[int, Meta(ge=0, le=65535)]


class ContextFile(Struct, frozen=True, rename="camel"):
    """A text that becomes a system message. Fetched once by GET and kept until the configuration is read again."""

    file_url: Annotated[str, Meta(description="the URL of the file")]
    service_name: Annotated[str, Meta(description="the service that serves it, as in `services:`")]
    service_port: Annotated[Port, Meta(description="the port of that service; 0: that of the URL")] = 0


class CustomSetting(Struct, frozen=True, rename="camel"):
    """A request parameter that is set for every request."""

    name: Annotated[
        str, Meta(description="max_tokens, temperature, top_p or seed; with mode raw any path, as in a.b.0")
    ]
    value: Annotated[Any, Meta(description="what the parameter is set to")] = None
    mode: Annotated[
        Literal["auto", "raw"], Meta(description="auto knows four names and leaves out any other; raw takes every path")
    ] = "auto"
    overwrite: Annotated[bool, Meta(description="also where the request has a value of its own")] = True


class Failover(Struct, frozen=True, rename="camel"):
    """Takes an API token out of use after failures in a row, until a probe succeeds or a time has passed."""

    enabled: Annotated[bool, Meta(description="switches it on; needs healthCheckModel or cooldownDuration")] = False
    failure_threshold: Annotated[int, Meta(ge=0, description="failures in a row that take a token out of use")] = 3
    success_threshold: Annotated[int, Meta(ge=0, description="probes in a row that must succeed")] = 1
    health_check_interval: Annotated[Milliseconds, Meta(description="milliseconds between two probes")] = 5000
    health_check_timeout: Annotated[Milliseconds, Meta(description="milliseconds that a probe may take")] = 5000
    health_check_model: Annotated[str, Meta(description="the model that probes ask; without one nothing probes")] = ""
    cooldown_duration: Annotated[
        Milliseconds, Meta(description="milliseconds until a token is used again without a probe; 0: never")
    ] = 0
    failover_on_status: Annotated[
        tuple[str, ...], Meta(description="regular expressions for the statuses that count as failures")
    ] = ("4.*", "5.*")

    def __post_init__(self) -> None:
        """A threshold, interval or timeout of 0 is the default, as in Higress."""
        for field in structs.fields(self):
            if getattr(self, field.name) == 0 and field.default and type(field.default) is int:
                structs.force_setattr(self, field.name, field.default)


class RetryOnFailure(Struct, frozen=True, rename="camel"):
    """Repeats a call that failed with another API token of the same provider."""

    enabled: Annotated[bool, Meta(description="switches it on; needs two apiTokens or more")] = False
    max_retries: Annotated[int, Meta(ge=0, description="how many other tokens are tried")] = 1
    retry_timeout: Annotated[Milliseconds, Meta(description="milliseconds that a repeated call may take")] = 30000
    retry_on_status: Annotated[
        tuple[str, ...], Meta(description="regular expressions for the statuses that are worth another try")
    ] = ("4.*", "5.*")


class ProviderConfig(Struct, frozen=True, rename="camel", kw_only=True):
    """One provider. Keys that only one type reads are named after it."""

    type: Annotated[str, Meta(description="the kind of provider: openai, qwen, azure, ...")]
    id: Annotated[str, Meta(description="its name in `providers`")] = ""
    api_tokens: Annotated[list[str], Meta(description="one is taken at random for each request")] = []
    timeout: Annotated[Milliseconds, Meta(description="milliseconds for fetching the context file; not for calls")] = (
        120_000
    )
    first_byte_timeout: Annotated[
        Milliseconds, Meta(description="milliseconds until the first byte of a stream; 0 = none")
    ] = 0
    model_mapping: Annotated[
        dict[str, str], Meta(description="the model asked for -> the provider's; `*`, `p*`, `~regex`")
    ] = {}
    protocol: Annotated[str, Meta(description="openai, or original: body and path stay as they are")] = "openai"
    context: Annotated[ContextFile | None, Meta(description="a text that becomes a system message of every chat")] = (
        None
    )
    custom_settings: Annotated[list[CustomSetting], Meta(description="parameters that every request gets")] = []
    failover: Failover = Failover()
    retry_on_failure: RetryOnFailure = RetryOnFailure()
    reasoning_content_mode: Annotated[
        str, Meta(description="passthrough, ignore or concat; anything else is passthrough")
    ] = "passthrough"
    base_path: Annotated[str, Meta(description="a beginning of the client's path, or of the provider's")] = ""
    base_path_handling: Annotated[
        Literal["removePrefix", "prepend"], Meta(description="take basePath off the client's path, or put it in front")
    ] = "removePrefix"
    provider_domain: Annotated[str, Meta(description="the host that is asked instead of the provider's own")] = ""
    provider_base_path: Annotated[str, Meta(description="is put in front of the path that the provider gets")] = ""
    capabilities: Annotated[dict[str, str], Meta(description="API name -> path, merged over the provider's own")] = {}
    merge_consecutive_messages: Annotated[
        bool, Meta(description="join neighbouring messages of the same role, with a blank line between")
    ] = False
    context_cleanup_commands: Annotated[
        list[str], Meta(description="user messages that make the model forget what was said before them")
    ] = []
    promote_thinking_on_empty: Annotated[
        bool, Meta(description="where an answer has no content, make its reasoning the content")
    ] = False
    hiclaw_mode: Annotated[bool, Meta(description="mergeConsecutiveMessages and promoteThinkingOnEmpty")] = False
    disable_stream_usage_stats: Annotated[bool, Meta(description="do not ask the provider for a stream's usage")] = (
        False
    )
    log_upstream_error_response_body: Annotated[bool, Meta(description="log the bodies of a provider's errors")] = False
    response_json_schema: Annotated[
        dict[str, Any] | None, Meta(description="openai, longcat: becomes the response_format of every chat")
    ] = None
    openai_custom_url: Annotated[str, Meta(description="openai: another base URL, or the one endpoint to use")] = ""
    azure_service_url: Annotated[
        str, Meta(description="azure: the URL of the resource, deployment or endpoint, with ?api-version=")
    ] = ""
    moonshot_file_id: Annotated[str, Meta(description="moonshot: not used by this version")] = ""
    qwen_enable_search: Annotated[bool, Meta(description="qwen, native form only: let the model search the web")] = (
        False
    )
    qwen_file_ids: Annotated[list[str], Meta(description="qwen, native form only: files that qwen-long reads")] = []
    qwen_enable_compatible: Annotated[
        bool, Meta(description="qwen: use its OpenAI-compatible form; false: its native one")
    ] = True
    qwen_domain: Annotated[str, Meta(description="qwen: another host, such as dashscope-intl.aliyuncs.com")] = ""
    ollama_server_host: Annotated[str, Meta(description="ollama, required: its host")] = ""
    ollama_server_port: Annotated[Port, Meta(description="ollama, required: its port, 11434 as a rule")] = 0
    claude_version: Annotated[str, Meta(description="claude: the header anthropic-version; default 2023-06-01")] = ""
    api_version: Annotated[str, Meta(description="claude: the same as claudeVersion")] = ""
    claude_code_mode: Annotated[bool, Meta(description="claude: send requests as Claude Code does, with OAuth")] = False
    gemini_safety_setting: Annotated[dict[str, str], Meta(description="gemini: not used by this version")] = {}
    gemini_thinking_budget: Annotated[int, Meta(description="gemini: not used by this version")] = 0
    generic_host: Annotated[str, Meta(description="generic: the host; without it the route's own upstream")] = ""
    cloudflare_account_id: Annotated[str, Meta(description="cloudflare, required: the account, a part of the path")] = (
        ""
    )
    minimax_api_type: Annotated[str, Meta(description="minimax: v2, the only one that this version speaks")] = ""
    minimax_group_id: Annotated[str, Meta(description="minimax: not used by this version")] = ""
    hunyuan_auth_id: Annotated[str, Meta(description="hunyuan: not spoken by this version; set apiTokens")] = ""
    hunyuan_auth_key: Annotated[str, Meta(description="hunyuan: not spoken by this version; set apiTokens")] = ""
    vllm_server_host: Annotated[str, Meta(description="vllm: its host or host:port; the port is 8000")] = ""
    vllm_custom_url: Annotated[str, Meta(description="vllm: a base URL, or the one endpoint to use")] = ""
    doubao_domain: Annotated[str, Meta(description="doubao: another host")] = ""
    zhipu_domain: Annotated[str, Meta(description="zhipuai: another host, such as api.z.ai")] = ""
    zhipu_code_plan_mode: Annotated[bool, Meta(description="zhipuai: use the path of the coding plan")] = False
    mock: Annotated[MockSettings | None, Meta(description="builtin only: how the model `mock` behaves")] = None

    def __repr__(self) -> str:
        return f"ProviderConfig(type={self.type!r}, id={self.id!r})"
