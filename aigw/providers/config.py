"""The configuration of one provider: Higress's keys of ai-proxy, and their defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from aigw.upstream.builtin import MockSettings

Milliseconds = Annotated[int, Meta(ge=0, description="milliseconds")]
Port = Annotated[int, Meta(ge=0, le=65535, description="0 is none")]


class ContextFile(Struct, frozen=True, rename="camel"):
    """A text that becomes a system message. Fetched once by GET and kept until the configuration is read again."""

    file_url: Annotated[str, Meta(description="the URL of the file")]
    service_name: Annotated[str, Meta(description="the service that serves it, as in `services:`")]
    service_port: Port = 0


class CustomSetting(Struct, frozen=True, rename="camel"):
    """A request parameter that is set for every request."""

    name: str
    value: Any = None
    mode: Literal["auto", "raw"] = "auto"
    overwrite: bool = True


class Failover(Struct, frozen=True, rename="camel"):
    """Takes an API token out of use after failures in a row, until a probe succeeds or a time has passed."""

    enabled: bool = False
    failure_threshold: Annotated[int, Meta(ge=0)] = 3
    success_threshold: Annotated[int, Meta(ge=0)] = 1
    health_check_interval: Milliseconds = 5000
    health_check_timeout: Milliseconds = 5000
    health_check_model: str = ""
    cooldown_duration: Milliseconds = 0
    failover_on_status: tuple[str, ...] = ("4.*", "5.*")

    def __post_init__(self) -> None:
        """A threshold, interval or timeout of 0 is the default, as in Higress."""
        for field in structs.fields(self):
            if getattr(self, field.name) == 0 and field.default and type(field.default) is int:
                structs.force_setattr(self, field.name, field.default)


class RetryOnFailure(Struct, frozen=True, rename="camel"):
    """Repeats a call that failed with another API token of the same provider."""

    enabled: bool = False
    max_retries: Annotated[int, Meta(ge=0)] = 1
    retry_timeout: Milliseconds = 30000
    retry_on_status: tuple[str, ...] = ("4.*", "5.*")


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
    context: ContextFile | None = None
    custom_settings: list[CustomSetting] = []
    failover: Failover = Failover()
    retry_on_failure: RetryOnFailure = RetryOnFailure()
    reasoning_content_mode: Annotated[
        str, Meta(description="passthrough, ignore or concat; anything else is passthrough")
    ] = "passthrough"
    base_path: str = ""
    base_path_handling: Literal["removePrefix", "prepend"] = "removePrefix"
    provider_domain: str = ""
    provider_base_path: str = ""
    capabilities: Annotated[dict[str, str], Meta(description="API name -> path, merged over the provider's own")] = {}
    merge_consecutive_messages: bool = False
    context_cleanup_commands: list[str] = []
    promote_thinking_on_empty: bool = False
    hiclaw_mode: Annotated[bool, Meta(description="mergeConsecutiveMessages and promoteThinkingOnEmpty")] = False
    disable_stream_usage_stats: bool = False
    log_upstream_error_response_body: bool = False
    response_json_schema: dict[str, Any] | None = None
    openai_custom_url: str = ""
    azure_service_url: str = ""
    moonshot_file_id: str = ""
    qwen_enable_search: bool = False
    qwen_file_ids: list[str] = []
    qwen_enable_compatible: bool = True
    qwen_domain: str = ""
    ollama_server_host: str = ""
    ollama_server_port: Port = 0
    claude_version: str = ""
    api_version: str = ""
    claude_code_mode: bool = False
    gemini_safety_setting: dict[str, str] = {}
    gemini_thinking_budget: int = 0
    generic_host: str = ""
    cloudflare_account_id: str = ""
    minimax_api_type: str = ""
    minimax_group_id: str = ""
    hunyuan_auth_id: str = ""
    hunyuan_auth_key: str = ""
    vllm_server_host: str = ""
    vllm_custom_url: str = ""
    doubao_domain: str = ""
    zhipu_domain: str = ""
    zhipu_code_plan_mode: bool = False
    mock: Annotated[MockSettings | None, Meta(description="builtin only: how the model `mock` behaves")] = None

    def __repr__(self) -> str:
        return f"ProviderConfig(type={self.type!r}, id={self.id!r})"
