"""The rows of the catalog for vendors that have OpenAI's APIs and no other, each with a host, a key and paths of its
own."""

from __future__ import annotations

from aigw.dialects import apis
from aigw.dialects.apis import under
from aigw.providers import model_rules
from aigw.providers.provider import BARE, TOKEN, Move, Provider, Required, Unspoken, Variant

_CHAT_AND_EMBEDDINGS = (apis.CHAT, apis.EMBEDDINGS)

ROWS = (
    Provider(type="ai360", host="api.360.cn", paths=under("/v1", *_CHAT_AND_EMBEDDINGS), auth=BARE),
    Provider(type="baichuan", host="api.baichuan-ai.com", paths=under("/v1", *_CHAT_AND_EMBEDDINGS)),
    Provider(type="baidu", host="qianfan.baidubce.com", paths=under("/v2", *_CHAT_AND_EMBEDDINGS)),
    Provider(
        type="cloudflare",
        host="api.cloudflare.com",
        paths=under("/client/v4/accounts/{account_id}/ai/v1", apis.CHAT),
        path_values={"{account_id}": "cloudflareAccountId"},
        checks=(Required("cloudflareAccountId", "missing cloudflareAccountId in provider config"), TOKEN),
    ),
    Provider(
        type="cohere",
        host="api.cohere.com",
        # ours: the vendor's Compatibility API; Higress speaks /v1/chat. It rejects stream_options.
        paths={**under("/compatibility/v1", *_CHAT_AND_EMBEDDINGS), apis.RERANK: "/v1/rerank"},
        injects_usage=False,
        reads_replies=True,
        drops={apis.CHAT: ("stream_options",)},
    ),
    Provider(
        type="coze", host="api.coze.cn", unlisted="pass", maps_models=False, without_model="leave", injects_usage=False
    ),
    Provider(
        type="doubao",
        rules=model_rules.DOUBAO,
        host="ark.cn-beijing.volces.com",
        host_field="doubaoDomain",
        paths=under("/api/v3", apis.CHAT, apis.EMBEDDINGS, apis.IMAGE_GENERATION, apis.RESPONSES),
        drops={apis.RESPONSES: ("parallel_tool_calls", "tool_choice", "stream_options")},
        defaults={apis.IMAGE_GENERATION: {"watermark": False}},
    ),
    Provider(
        type="fireworks",
        rules=model_rules.WITH_TOP_K,
        host="api.fireworks.ai",
        paths=under("/v1", apis.CHAT, apis.COMPLETIONS, apis.MODELS),
        own_paths=under("/inference/v1", apis.CHAT, apis.COMPLETIONS, apis.MODELS, apis.EMBEDDINGS),
    ),
    Provider(type="galadriel", host="api.galadriel.com", paths=under("/v1", apis.CHAT, apis.MODELS)),
    Provider(type="github", host="models.inference.ai.azure.com", paths=under("", *_CHAT_AND_EMBEDDINGS), auth=BARE),
    Provider(
        type="grok",
        rules=model_rules.GROK,
        host="api.x.ai",
        paths=under("/v1", apis.CHAT),
        own_paths=under("/v1", apis.MODELS, apis.RESPONSES, apis.IMAGE_GENERATION),
    ),
    Provider(
        type="groq",
        rules=model_rules.GROQ,
        host="api.groq.com",
        paths=under("/openai/v1", apis.CHAT, apis.RESPONSES),
        own_paths=under("/openai/v1", apis.MODELS, apis.AUDIO_SPEECH, apis.AUDIO_TRANSCRIPTION, apis.AUDIO_TRANSLATION),
    ),
    Provider(
        type="hunyuan",
        host="api.hunyuan.cloud.tencent.com",
        paths=under("/v1", *_CHAT_AND_EMBEDDINGS),
        reads_replies=True,
        checks=(
            Unspoken(
                "hunyuanAuthId",
                None,
                "this version does not sign with hunyuanAuthId and hunyuanAuthKey; set apiTokens instead",
            ),
        ),
    ),
    Provider(
        type="longcat",
        host="api.longcat.chat",
        paths=under("/v1", *_CHAT_AND_EMBEDDINGS, apis.MODELS),
        takes_response_schema=True,
    ),
    Provider(
        type="minimax",
        host="api.minimax.chat",
        paths={apis.CHAT: "/v1/text/chatcompletion_v2"},
        ignores=("minimaxGroupId",),
        checks=(
            Unspoken(
                "minimaxApiType",
                "pro",
                "this version does not speak minimaxApiType 'pro'; leave it out or set 'v2'",
                in_original=False,
            ),
            TOKEN,
        ),
    ),
    Provider(
        type="mistral",
        rules=model_rules.MISTRAL,
        host="api.mistral.ai",
        paths=under("/v1", *_CHAT_AND_EMBEDDINGS),
        own_paths=under("/v1", apis.MODELS, apis.FILL_IN),
    ),
    Provider(
        type="openrouter",
        rules=model_rules.OPENROUTER,
        host="openrouter.ai",
        paths=under("/api/v1", apis.CHAT, apis.COMPLETIONS),
        own_paths=under("/api/v1", apis.MODELS, apis.EMBEDDINGS, apis.RESPONSES, apis.MESSAGES),
        moves={apis.CHAT: (Move("reasoning_max_tokens", "reasoning.max_tokens", drops=("reasoning_effort",)),)},
        keeps_reasoning=True,
    ),
    Provider(
        type="spark",
        host="spark-api-open.xf-yun.com",
        paths=under("/v1", apis.CHAT),
        reads_replies=True,
        checks=(),
    ),
    Provider(type="stepfun", host="api.stepfun.com", paths=under("/v1", apis.CHAT)),
    Provider(
        type="together-ai",
        rules=model_rules.WITH_TOP_K,
        host="api.together.xyz",
        paths=under("/v1", apis.CHAT),
        own_paths=under("/v1", apis.COMPLETIONS, apis.EMBEDDINGS, apis.MODELS, apis.IMAGE_GENERATION),
    ),
    Provider(type="yi", host="api.lingyiwanwu.com", paths=under("/v1", apis.CHAT)),
    Provider(
        type="zhipuai",
        rules=model_rules.GLM,
        host="open.bigmodel.cn",
        host_field="zhipuDomain",
        paths=under("/api/paas/v4", *_CHAT_AND_EMBEDDINGS),
        keeps_reasoning=True,
        switches_thinking=True,
        variants=(
            Variant(
                "zhipuCodePlanMode",
                True,
                {
                    "paths": {
                        apis.CHAT: "/api/coding/paas/v4/chat/completions",
                        apis.EMBEDDINGS: "/api/paas/v4/embeddings",
                    }
                },
            ),
        ),
    ),
)
