"""The configuration of one provider: the keys of Higress's ai-proxy, and their defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field, structs

from aigw.upstream.builtin import MockSettings

Milliseconds = Annotated[int, Meta(ge=0, description="milliseconds")]
Port = Annotated[int, Meta(ge=0, le=65535)]
REASONING_MODES = ("passthrough", "ignore", "concat")
_UNSPOKEN = "a type that this version does not speak"


def _replace_nothing(config: Struct) -> None:
    """Replaces a number of 0 and an empty list by the default, as Higress does."""
    for each in structs.fields(config):
        if each.default and type(each.default) in (int, tuple) and not getattr(config, each.name):
            structs.force_setattr(config, each.name, each.default)


class ContextFile(Struct, frozen=True, rename="camel"):
    """A file whose text becomes a system message of every chat. It is fetched once, and again when the configuration is
    reloaded."""

    file_url: Annotated[str, Meta(description="the URL of the file", examples=["http://files.static/context.txt"])]
    service_name: Annotated[
        str, Meta(description="the name in `services:` of the service that has the file", examples=["files.static"])
    ]
    service_port: Annotated[Port, Meta(description="the port of this service; 0: the port in the URL")] = 0


class CustomSetting(Struct, frozen=True, rename="camel"):
    """A parameter that every request gets."""

    name: Annotated[
        str,
        Meta(
            description="max_tokens, temperature, top_p or seed; with mode raw any path, such as a.b.0",
            examples=["max_tokens"],
        ),
    ]
    value: Annotated[Any, Meta(description="the value of the parameter")] = None
    mode: Annotated[
        Literal["auto", "raw"], Meta(description="auto: only the four names have an effect; raw: any path")
    ] = "auto"
    overwrite: Annotated[bool, Meta(description="whether to replace a value that the request has already")] = True


class Failover(Struct, frozen=True, rename="camel"):
    """Stops using an API token after several failures in a row, until a probe succeeds or a time has passed."""

    enabled: Annotated[bool, Meta(description="switches it on; needs healthCheckModel or cooldownDuration")] = False
    failure_threshold: Annotated[
        int, Meta(ge=0, description="after so many failures in a row, a token is not used")
    ] = 3
    success_threshold: Annotated[
        int, Meta(ge=0, description="after so many successful probes in a row, it is used again")
    ] = 1
    health_check_interval: Annotated[Milliseconds, Meta(description="milliseconds between two probes; 0: 5000")] = 5000
    health_check_timeout: Annotated[Milliseconds, Meta(description="milliseconds that a probe may take; 0: 5000")] = (
        5000
    )
    health_check_model: Annotated[str, Meta(description="the model for probes; empty: no probes")] = ""
    cooldown_duration: Annotated[
        Milliseconds, Meta(description="milliseconds until a token is used again without a probe; 0: never")
    ] = 0
    failover_on_status: Annotated[
        tuple[str, ...], Meta(description="regular expressions for the statuses that count as failures")
    ] = ("4.*", "5.*")

    def __post_init__(self) -> None:
        _replace_nothing(self)


class RetryOnFailure(Struct, frozen=True, rename="camel"):
    """Tries a call that failed again, with another API token of the same provider."""

    enabled: Annotated[bool, Meta(description="switches it on; needs two apiTokens or more")] = False
    max_retries: Annotated[int, Meta(ge=0, description="how many other tokens to try; 0: 1")] = 1
    retry_timeout: Annotated[
        Milliseconds, Meta(description="milliseconds until such a call must begin its answer; 0: 30000")
    ] = 30000
    retry_on_status: Annotated[
        tuple[str, ...], Meta(description="regular expressions for the statuses after which to try again")
    ] = ("4.*", "5.*")

    def __post_init__(self) -> None:
        _replace_nothing(self)


class ProviderConfig(Struct, frozen=True, rename="camel", kw_only=True):
    """One provider. Keys that begin with a type, such as qwenDomain, have an effect only for this type."""

    type: Annotated[str, Meta(description="the kind of provider: openai, qwen, azure, ...", examples=["openai"])]
    id: Annotated[str, Meta(description="the name of the provider in `providers`")] = ""
    api_tokens: Annotated[
        list[str],
        Meta(
            description="the API keys of the provider; each request gets a random one",
            extra={"elsewhere": ("apikey", "apikeys", "key", "keys", "apitoken", "token", "tokens")},
        ),
    ] = []
    timeout: Annotated[
        Milliseconds, Meta(description="milliseconds to fetch the context file; not for calls; 0: 120000")
    ] = 120_000
    first_byte_timeout: Annotated[
        Milliseconds, Meta(description="milliseconds until the first byte of a stream; 0: no limit of its own")
    ] = 0
    model_mapping: Annotated[
        dict[str, str],
        Meta(
            description="model of the request -> model of the provider; `*`, `p*`, `~regex`",
            extra={"elsewhere": ("model", "models")},
        ),
    ] = {}
    protocol: Annotated[str, Meta(description="openai; or original: do not change body and path")] = "openai"
    context: Annotated[ContextFile | None, Meta(description="a text that becomes a system message of every chat")] = (
        None
    )
    custom_settings: Annotated[list[CustomSetting], Meta(description="parameters for every request")] = []
    failover: Failover = Failover()
    retry_on_failure: RetryOnFailure = RetryOnFailure()
    reasoning_content_mode: Annotated[
        str,
        Meta(
            description="native qwen: pass reasoning on (passthrough), drop it (ignore), or add it to the text (concat)"
        ),
    ] = "passthrough"
    base_path: Annotated[str, Meta(description="a prefix of the path, for basePathHandling")] = ""
    base_path_handling: Annotated[
        Literal["removePrefix", "prepend"],
        Meta(description="remove basePath from the client's path, or add it in front"),
    ] = "removePrefix"
    provider_domain: Annotated[
        str, Meta(description="the host to use instead of the provider's own; http:// in front: without TLS")
    ] = ""
    provider_base_path: Annotated[str, Meta(description="a prefix for the path that the provider gets")] = ""
    capabilities: Annotated[
        dict[str, str], Meta(description="API name -> path, in addition to the provider's own or replacing them")
    ] = {}
    merge_consecutive_messages: Annotated[
        bool, Meta(description="join neighbouring messages of the same role, with a blank line between")
    ] = False
    context_cleanup_commands: Annotated[
        list[str],
        Meta(description="after a user message with one of these texts, the model does not get what was said before"),
    ] = []
    promote_thinking_on_empty: Annotated[
        bool, Meta(description="if an answer has no content, use its reasoning as the content")
    ] = False
    hiclaw_mode: Annotated[bool, Meta(description="turns on mergeConsecutiveMessages and promoteThinkingOnEmpty")] = (
        False
    )
    disable_stream_usage_stats: Annotated[bool, Meta(description="do not ask the provider for a stream's usage")] = (
        False
    )
    log_upstream_error_response_body: Annotated[
        bool, Meta(description="log the bodies of the provider's error answers")
    ] = False
    response_json_schema: Annotated[
        dict[str, Any] | None, Meta(description="openai, longcat: becomes the response_format of every chat")
    ] = None
    openai_custom_url: Annotated[
        str,
        Meta(
            description="openai: another base URL, or one endpoint for all requests",
            extra={"elsewhere": ("baseurl", "apibase", "url", "endpoint", "openaibaseurl")},
        ),
    ] = ""
    azure_service_url: Annotated[
        str, Meta(description="azure: the URL of the resource, deployment or endpoint, with ?api-version=")
    ] = ""
    moonshot_file_id: Annotated[str, Meta(description="moonshot: not used by this version")] = ""
    qwen_enable_search: Annotated[bool, Meta(description="qwen, native form only: let the model search the web")] = (
        False
    )
    qwen_file_ids: Annotated[list[str], Meta(description="qwen, native form only: files that qwen-long reads")] = []
    qwen_enable_compatible: Annotated[
        bool, Meta(description="qwen: true: the OpenAI-compatible form; false: the native form")
    ] = True
    qwen_domain: Annotated[str, Meta(description="qwen: another host, such as dashscope-intl.aliyuncs.com")] = ""
    ollama_server_host: Annotated[str, Meta(description="ollama, required: the host")] = ""
    ollama_server_port: Annotated[Port, Meta(description="ollama, required: the port, usually 11434")] = 0
    claude_version: Annotated[str, Meta(description="claude: the header anthropic-version; default 2023-06-01")] = ""
    api_version: Annotated[
        str, Meta(description="claude: the same as claudeVersion; gemini: v1 or v1beta, the default")
    ] = ""
    claude_code_mode: Annotated[bool, Meta(description="claude: send requests as Claude Code does, with OAuth")] = False
    gemini_safety_setting: Annotated[
        dict[str, str], Meta(description="gemini: category -> threshold, for clients of other APIs")
    ] = {}
    gemini_thinking_budget: Annotated[
        int, Meta(description="gemini: tokens to think with, where a client of another API says nothing")
    ] = 0
    generic_host: Annotated[
        str, Meta(description="generic: the host; http:// in front: without TLS; empty: the route's own upstream")
    ] = ""
    cloudflare_account_id: Annotated[str, Meta(description="cloudflare, required: the account, a part of the path")] = (
        ""
    )
    minimax_api_type: Annotated[str, Meta(description="minimax: v2, the only one that this version supports")] = ""
    minimax_group_id: Annotated[str, Meta(description="minimax: not used by this version")] = ""
    hunyuan_auth_id: Annotated[str, Meta(description="hunyuan: not supported by this version; set apiTokens")] = ""
    hunyuan_auth_key: Annotated[str, Meta(description="hunyuan: not supported by this version; set apiTokens")] = ""
    vllm_server_host: Annotated[str, Meta(description="vllm: the host or host:port; without a port: 8000")] = ""
    vllm_custom_url: Annotated[str, Meta(description="vllm: a base URL, or one endpoint for all requests")] = ""
    vertex_auth_key: Annotated[
        str, Meta(description="vertex: the JSON of a service account's key; or, for the express mode, apiTokens")
    ] = ""
    vertex_region: Annotated[str, Meta(description="vertex, with vertexAuthKey: the region, or global")] = ""
    vertex_project_id: Annotated[str, Meta(description="vertex, with vertexAuthKey: the project")] = ""
    vertex_auth_service_name: Annotated[str, Meta(description="vertex: not used by this version")] = ""
    vertex_token_refresh_ahead: Annotated[
        int, Meta(ge=0, description="vertex: seconds before its end when a new access token is fetched; 0: 60")
    ] = 0
    vertex_openai_compatible: Annotated[
        bool, Meta(description="vertex, with vertexAuthKey: chat goes to Vertex's own API in OpenAI's format")
    ] = field(name="vertexOpenAICompatible", default=False)
    vertex_safety_setting: Annotated[
        dict[str, str], Meta(description="vertex: category -> threshold, as geminiSafetySetting")
    ] = {}
    vertex_gemini_safety_setting: Annotated[
        dict[str, str], Meta(description="vertex: the same as vertexSafetySetting, as Higress's documentation calls it")
    ] = {}
    aws_access_key: Annotated[str, Meta(description="bedrock: the access key; or an API key in apiTokens")] = ""
    aws_secret_key: Annotated[str, Meta(description="bedrock: the secret key, with which requests are signed")] = ""
    aws_session_token: Annotated[
        str, Meta(description="bedrock: the session token, which belongs to temporary access keys")
    ] = ""
    aws_region: Annotated[str, Meta(description="bedrock, required: the region, such as us-east-1")] = ""
    bedrock_additional_fields: Annotated[
        dict[str, Any], Meta(description="bedrock: settings of the model beside those that all models have")
    ] = {}
    prompt_cache_retention: Annotated[
        str, Meta(description="bedrock: caches prompts, with models that can: in_memory (five minutes), 24h (an hour)")
    ] = ""
    bedrock_prompt_cache_point_positions: Annotated[
        dict[str, bool],
        Meta(
            description="bedrock: position -> whether to cache up to it: systemPrompt, lastUserMessage, lastMessage; "
            "without this key: systemPrompt"
        ),
    ] = {}
    doubao_domain: Annotated[str, Meta(description="doubao: another host")] = ""
    zhipu_domain: Annotated[str, Meta(description="zhipuai: another host, such as api.z.ai")] = ""
    zhipu_code_plan_mode: Annotated[bool, Meta(description="zhipuai: use the path of the coding plan")] = False
    api_key_affinity: Annotated[
        dict[str, Any],
        Meta(description="not used by this version: a consumer gets any of apiTokens, but for APIs that keep data"),
    ] = {}
    auth_header_key: Annotated[str, Meta(description="not used: Higress does not read it either")] = ""
    bot_type: Annotated[str, Meta(description=f"dify: {_UNSPOKEN}")] = ""
    dify_api_url: Annotated[str, Meta(description=f"dify: {_UNSPOKEN}")] = ""
    input_variable: Annotated[str, Meta(description=f"dify: {_UNSPOKEN}")] = ""
    output_variable: Annotated[str, Meta(description=f"dify: {_UNSPOKEN}")] = ""
    kling_access_key: Annotated[str, Meta(description=f"kling: {_UNSPOKEN}")] = ""
    kling_secret_key: Annotated[str, Meta(description=f"kling: {_UNSPOKEN}")] = ""
    kling_token_refresh_ahead: Annotated[int, Meta(description=f"kling: {_UNSPOKEN}")] = 0
    target_lang: Annotated[str, Meta(description=f"deepl: {_UNSPOKEN}")] = ""
    triton_domain: Annotated[str, Meta(description=f"triton: {_UNSPOKEN}")] = ""
    triton_model_version: Annotated[str, Meta(description=f"triton: {_UNSPOKEN}")] = ""
    mock: Annotated[MockSettings | None, Meta(description="builtin only: how the model `mock` behaves")] = None

    def __post_init__(self) -> None:
        """Reads what is empty, and what is in capitals, as Higress does."""
        _replace_nothing(self)
        structs.force_setattr(self, "protocol", self.protocol or "openai")
        structs.force_setattr(self, "reasoning_content_mode", self.reasoning_content_mode.lower() or "passthrough")
        safety = self.vertex_safety_setting or self.vertex_gemini_safety_setting
        structs.force_setattr(self, "vertex_safety_setting", safety)
        commands = [command for command in self.context_cleanup_commands if command]
        structs.force_setattr(self, "context_cleanup_commands", commands)

    def __repr__(self) -> str:
        return f"ProviderConfig(type={self.type!r}, id={self.id!r})"
