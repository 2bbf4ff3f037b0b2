"""The types of providers, one row each. Only this file and `chat_vendors` know their names.

Hosts, paths, required settings and their messages are those of Higress's ai-proxy. `own_paths`, and values with the
comment "ours", are not in Higress; they are from the documentation of the vendors."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aigw.dialects import apis
from aigw.dialects.apis import under
from aigw.providers import chat_vendors, model_rules
from aigw.providers.provider import (
    API_KEY,
    BEARER,
    TOKEN,
    X_API_KEY,
    X_GOOG_API_KEY,
    Conflict,
    Family,
    Header,
    NeedsQuery,
    Provider,
    Required,
    RequiredOneOf,
    Variant,
)

_STANDARD: Mapping[str, str] = {name: path for name, path in apis.PATHS.items() if name.startswith("openai/")}


_NOT_AT_AZURE = (apis.AUDIO_TRANSCRIPTION, apis.AUDIO_TRANSLATION, apis.REALTIME)
_FULL = under("/v1", *(_STANDARD.keys() - set(_NOT_AT_AZURE)))
_AZURE_RESOURCE = (
    apis.MODELS, apis.BATCHES, apis.RETRIEVE_BATCH, apis.CANCEL_BATCH, apis.FILES, apis.RETRIEVE_FILE,
    apis.RETRIEVE_FILE_CONTENT, apis.RESPONSES,
)  # fmt: skip
_BUILTIN = under("/v1", apis.CHAT, apis.COMPLETIONS, apis.EMBEDDINGS, apis.MODELS)

_IN_PROJECT = "/projects/{vertexProjectId}/locations/{vertexRegion}"
_GEMINI_AT_VERTEX = {
    api: f"/v1{_IN_PROJECT}/publishers/google/models/{{model}}:{verb}"
    for verb, api in apis.VERBS.items()
    if api in (apis.GENERATE_CONTENT, apis.STREAM_GENERATE_CONTENT, apis.GEMINI_COUNT_TOKENS)
}
_BESIDE_GEMINI = {
    api: f"/v1{_IN_PROJECT}/publishers/{call}"
    for api, call in {
        apis.EMBEDDINGS: "google/models/{model}:predict",
        apis.MESSAGES: "anthropic/models/{model}:rawPredict",
        apis.STREAM_MESSAGES: "anthropic/models/{model}:streamRawPredict",
        apis.COUNT_TOKENS: "anthropic/models/count-tokens:rawPredict",
    }.items()
}
_VERTEX = {**_GEMINI_AT_VERTEX, **_BESIDE_GEMINI}
"""Without a service account's key (the express mode), no project is named."""
_VERTEX_CHAT = {apis.CHAT: f"/v1beta1{_IN_PROJECT}/endpoints/openapi/chat/completions"}

_ROWS = (
    Provider(
        type="openai",
        host="api.openai.com",
        url_field="openaiCustomUrl",
        endpoint_suffixes=(
            "/completions",
            "/embeddings",
            "/audio/speech",
            "/audio/transcriptions",
            "/audio/translations",
            "/realtime",
            "/images/generations",
            "/images/variations",
            "/images/edits",
            "/models",
            "/responses",
            "/fine_tuning/jobs",
            "/fine_tuning/checkpoints",
            "/videos",
        ),
        paths={**_FULL, **under("/v1", *_NOT_AT_AZURE)},
        own_paths=under(
            "/v1",
            apis.MODERATIONS,
            apis.STORED_CHATS,
            apis.INPUT_TOKENS,
            apis.CONVERSATIONS,
            apis.CONVERSATION_ITEMS,
            apis.VECTOR_STORES,
            apis.UPLOADS,
            apis.CONTAINERS,
        ),
        rules=model_rules.OPENAI,
        stores_chats=True,
        unlisted="pass",
        client_tokens=("x-api-key", "x-authorization", "anthropic-api-key", "authorization"),
        keeps_client_auth=True,
        takes_response_schema=True,
        checks=(),
    ),
    Provider(
        type="azure",
        url_field="azureServiceUrl",
        deployments="/openai/deployments/",
        keeps_original_paths=True,
        versioned_base="/openai/v1",
        paths={
            **under("/openai/deployments/{model}", *(_FULL.keys() - set(_AZURE_RESOURCE))),
            **under("/openai", *_AZURE_RESOURCE),
        },
        own_paths=under("/openai/deployments/{model}", apis.AUDIO_TRANSCRIPTION, apis.AUDIO_TRANSLATION),
        unlisted="pass",
        auth=API_KEY,
        keeps_developer_role=True,
        stores_chats=True,
        checks=(
            Required("azureServiceUrl", "missing azureServiceUrl in provider config"),
            NeedsQuery("azureServiceUrl", "api-version", unless="/openai/v1"),
            TOKEN,
        ),
    ),
    Provider(
        type="qwen",
        rules=model_rules.QWEN,
        keeps_original_paths=True,
        host="dashscope.aliyuncs.com",
        host_field="qwenDomain",
        paths={
            **under(
                "/compatible-mode/v1",
                apis.CHAT,
                apis.EMBEDDINGS,
                apis.COMPLETIONS,
                apis.RESPONSES,
                apis.FILES,
                apis.RETRIEVE_FILE,
                apis.RETRIEVE_FILE_CONTENT,
                apis.BATCHES,
                apis.RETRIEVE_BATCH,
                apis.CONVERSATIONS,
            ),
            apis.RERANKS: "/compatible-api/v1/reranks",
            apis.MESSAGES: "/apps/anthropic/v1/messages",
        },
        own_paths=under("/compatible-mode/v1", apis.MODELS, apis.CANCEL_BATCH),
        without_model="leave",
        keeps_cache_lifetimes=False,
        preserves_thinking=("qwen3.6-plus*", "qwen3.6-max-preview", "kimi-k2.6"),
        reads_replies=True,
        checks=(
            Conflict("qwenFileIds", "context", "qwenFileIds and context cannot be configured at the same time"),
            TOKEN,
        ),
        variants=(
            Variant(
                "qwenEnableCompatible",
                False,
                {
                    "dialect": "qwen",
                    "rules": model_rules.QWEN_NATIVE,
                    "paths": {
                        apis.CHAT: "/api/v1/services/aigc/text-generation/generation",
                        apis.EMBEDDINGS: "/api/v1/services/embeddings/text-embedding/text-embedding",
                        apis.RERANKS: "/api/v1/services/rerank/text-rerank/text-rerank",
                        apis.MESSAGES: "/apps/anthropic/v1/messages",
                    },
                    "without_model": "write",
                },
            ),
        ),
    ),
    Provider(
        type="claude",
        host="api.anthropic.com",
        paths={
            apis.MESSAGES: "/v1/messages",
            apis.COUNT_TOKENS: "/v1/messages/count_tokens",
            apis.COMPLETE: "/v1/complete",
            apis.MODELS: "/v1/models",
        },
        own_paths={
            **under("/v1", apis.MESSAGE_BATCHES, apis.FILES, apis.RETRIEVE_FILE, apis.RETRIEVE_FILE_CONTENT),
            apis.MODELS: "/v1/models?limit=1000",  # it tells 20 at a time otherwise, and other clients ask once
            apis.RETRIEVE_MODEL: "/v1/models/{rest}",
        },
        unlisted="pass",
        auth=X_API_KEY,
        auths={apis.CHAT: BEARER},  # the vendor's OpenAI-compatible endpoint, if `capabilities` names it
        headers=(Header("anthropic-version", "2023-06-01", ("claudeVersion", "apiVersion")),),
        reads_replies=True,
        rules=model_rules.CLAUDE,
        variants=(
            Variant(
                "claudeCodeMode",
                True,
                {
                    "rules": model_rules.CLAUDE_CODE,
                    "auth": BEARER,
                    "query": "beta=true",
                    "headers": (
                        Header("anthropic-version", "2023-06-01", ("claudeVersion", "apiVersion")),
                        Header("user-agent", "claude-cli/2.1.2 (external, cli)"),
                        Header("x-app", "cli"),
                        Header(
                            "anthropic-beta",
                            "oauth-2025-04-20,interleaved-thinking-2025-05-14,claude-code-20250219",
                        ),
                    ),
                },
            ),
        ),
    ),
    Provider(
        type="gemini",
        host="generativelanguage.googleapis.com",
        paths={
            apis.GENERATE_CONTENT: "/{api_version}/models/{model}:generateContent",
            apis.STREAM_GENERATE_CONTENT: "/{api_version}/models/{model}:streamGenerateContent",
        },
        # Also the vendor's OpenAI-compatible endpoints, which take Bearer. That for chats loses signatures. That for
        # embeddings is kept for OpenAI's clients: it takes their request as it is, also base64, and tells the usage,
        # where batchEmbedContents has no base64 and tells none, so that nothing would be charged.
        own_paths={
            **{api: f"/{{api_version}}/models/{{model}}:{verb}" for verb, api in apis.VERBS.items()},
            **under("/v1beta/openai", apis.EMBEDDINGS, apis.MODELS, apis.IMAGE_GENERATION),
        },
        auth=X_GOOG_API_KEY,
        auths=dict.fromkeys((apis.CHAT, apis.EMBEDDINGS, apis.MODELS, apis.IMAGE_GENERATION), BEARER),
        reads_replies=True,
    ),
    Provider(
        type="deepseek",
        host="api.deepseek.com",
        paths={**under("/v1", apis.CHAT, apis.MODELS), apis.MESSAGES: "/anthropic/v1/messages"},
        keeps_cache_lifetimes=False,
        rules=model_rules.DEEPSEEK,
    ),
    Provider(
        type="moonshot",
        rules=model_rules.KIMI,
        host="api.moonshot.cn",
        paths=under("/v1", apis.CHAT, apis.MODELS, apis.FILES, apis.RETRIEVE_FILE, apis.RETRIEVE_FILE_CONTENT),
        usage_in_choice=True,
        reads_replies=True,
        ignores=("moonshotFileId",),
        checks=(
            Conflict("moonshotFileId", "context", "moonshotFileId and context cannot be configured at the same time"),
            TOKEN,
        ),
    ),
    Provider(
        type="ollama",
        rules=model_rules.OLLAMA,
        scheme="http",
        host_field="ollamaServerHost",
        port_field="ollamaServerPort",
        paths=under("/v1", apis.CHAT, apis.EMBEDDINGS, apis.MODELS),
        own_paths=under("/v1", apis.COMPLETIONS, apis.RESPONSES, apis.MESSAGES),
        unlisted="pass",
        auth=None,
        keeps_client_auth=True,
        keeps_cache_lifetimes=False,
        checks=(
            Required("ollamaServerHost", "missing ollamaServerHost in provider config"),
            Required("ollamaServerPort", "missing ollamaServerPort in provider config"),
        ),
    ),
    Provider(
        type="vllm",
        rules=model_rules.VLLM,
        scheme="http",
        host="vllm-service.cluster.local",
        host_field="vllmServerHost",
        default_port=8000,
        url_field="vllmCustomUrl",
        endpoint_suffixes=("/completions", "/rerank"),
        paths=under(
            "/v1",
            apis.CHAT,
            apis.COMPLETIONS,
            apis.MODELS,
            apis.EMBEDDINGS,
            apis.RERANK,
            apis.MESSAGES,
            apis.COUNT_TOKENS,
            apis.RESPONSES,
            apis.AUDIO_TRANSCRIPTION,
            apis.AUDIO_TRANSLATION,
        ),
        keeps_client_auth=True,
        keeps_cache_lifetimes=False,
        reads_replies=True,
        checks=(),
    ),
    Provider(
        type="generic",
        host_field="genericHost",
        unlisted="pass",
        keeps_client_auth=True,
        maps_models=False,
        stores_chats=True,
        without_model="leave",
        injects_usage=False,
        checks=(),
    ),
    Provider(
        type="vertex",
        dialect="vertex",
        host="{vertexRegion}-aiplatform.googleapis.com",
        own_paths=_VERTEX,
        families=(Family(("claude*",), (apis.MESSAGES, apis.COUNT_TOKENS), model_rules.CLAUDE_AT_VERTEX),),
        messages_version="vertex-2023-10-16",
        takes_account=True,
        path_values={"{vertexRegion}": "vertexRegion", "{vertexProjectId}": "vertexProjectId"},
        ignores=("vertexAuthServiceName",),
        checks=(
            Required("vertexProjectId", "missing vertexProjectId in provider config"),
            Required("vertexRegion", "missing vertexRegion in provider config"),
        ),
        variants=(
            Variant("vertexRegion", "global", {"host": "aiplatform.googleapis.com"}),
            Variant("vertexOpenAICompatible", True, {"paths": _VERTEX_CHAT, "own_paths": _BESIDE_GEMINI}),
            Variant(
                "vertexAuthKey",
                "",
                {
                    "host": "aiplatform.googleapis.com",
                    "own_paths": {api: path.replace(_IN_PROJECT, "") for api, path in _VERTEX.items()},
                    "auth": X_GOOG_API_KEY,
                    "checks": (
                        RequiredOneOf("vertexAuthKey", ("apiTokens",), "missing vertexAuthKey in provider config"),
                        Conflict("vertexOpenAICompatible", "apiTokens", "needs vertexAuthKey instead of apiTokens"),
                    ),
                },
            ),
        ),
    ),
    Provider(
        type="bedrock",
        host="bedrock-runtime.{awsRegion}.amazonaws.com",
        own_paths={apis.CONVERSE: "/model/{model}/converse", apis.CONVERSE_STREAM: "/model/{model}/converse-stream"},
        path_values={"{awsRegion}": "awsRegion"},
        signs="bedrock",
        rules=model_rules.BEDROCK,
        checks=(
            RequiredOneOf(
                "awsAccessKey", ("apiTokens",), "missing bedrock access authentication parameters", ("awsSecretKey",)
            ),
            Required("awsRegion", "missing bedrock region parameters"),
        ),
    ),
    Provider(type="builtin", dialect="builtin", paths=_BUILTIN, unlisted="pass", auth=None, checks=()),
    *chat_vendors.ROWS,
)

CATALOG: Mapping[str, Provider] = MappingProxyType({row.type: row for row in _ROWS})
