"""Finds the API to which a path belongs, and the path of the same API at a provider.

The names are Higress's, which are also the keys of `capabilities` in a configuration; OWN_PATHS has those that Higress
does not know. An API is recognized by the end of its path, so the path may have any prefix. `paths.read` finds the API
of a path in any spelling; `detect` knows only what Higress knows."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote

CHAT = "openai/v1/chatcompletions"
COMPLETIONS = "openai/v1/completions"
EMBEDDINGS = "openai/v1/embeddings"
MODELS = "openai/v1/models"
RESPONSES = "openai/v1/responses"
AUDIO_SPEECH = "openai/v1/audiospeech"
AUDIO_TRANSCRIPTION = "openai/v1/audiotranscription"
AUDIO_TRANSLATION = "openai/v1/audiotranslation"
REALTIME = "openai/v1/realtime"
IMAGE_GENERATION = "openai/v1/imagegeneration"
IMAGE_EDIT = "openai/v1/imageedit"
IMAGE_VARIATION = "openai/v1/imagevariation"
FILES = "openai/v1/files"
RETRIEVE_FILE = "openai/v1/retrievefile"
RETRIEVE_FILE_CONTENT = "openai/v1/retrievefilecontent"
BATCHES = "openai/v1/batches"
RETRIEVE_BATCH = "openai/v1/retrievebatch"
CANCEL_BATCH = "openai/v1/cancelbatch"
VIDEOS = "openai/v1/videos"
RETRIEVE_VIDEO = "openai/v1/retrievevideo"
RETRIEVE_VIDEO_CONTENT = "openai/v1/retrievevideocontent"
VIDEO_REMIX = "openai/v1/videoremix"
FINE_TUNING_JOBS = "openai/v1/fine-tuningjobs"
MESSAGES = "anthropic/v1/messages"
COUNT_TOKENS = "anthropic/v1/messages/count_tokens"
COMPLETE = "anthropic/v1/complete"
RERANK = "cohere/v1/rerank"
RERANKS = "qwen/v1/rerank"
CONVERSATIONS = "qwen/v1/conversations"
GENERATE_CONTENT = "gemini/v1beta/generatecontent"
STREAM_GENERATE_CONTENT = "gemini/v1beta/streamgeneratecontent"
GEMINI_COUNT_TOKENS = "gemini/v1beta/counttokens"
EMBED_CONTENT = "gemini/v1beta/embedcontent"
BATCH_EMBED_CONTENTS = "gemini/v1beta/batchembedcontents"
GEMINI_MODELS = "gemini/v1beta/models"
RETRIEVE_MODEL = "openai/v1/retrievemodel"
RETRIEVE_RESPONSE = "openai/v1/retrieveresponse"
COMPACT_RESPONSE = "openai/v1/compactresponse"
INPUT_TOKENS = "openai/v1/responses/input_tokens"
STORED_CHATS = "openai/v1/storedchatcompletions"
MODERATIONS = "openai/v1/moderations"
FILL_IN = "mistral/v1/fim/completions"
VECTOR_STORES = "openai/v1/vectorstores"
UPLOADS = "openai/v1/uploads"
CONTAINERS = "openai/v1/containers"
CONVERSATION_ITEMS = "openai/v1/conversationitems"
MESSAGE_BATCHES = "anthropic/v1/messages/batches"
STREAM_MESSAGES = "vertex/streamrawpredict"
"""The Messages API where its streams have a path of their own, which no client uses here."""
CONVERSE = "bedrock/converse"
CONVERSE_STREAM = "bedrock/conversestream"
"""The APIs of Bedrock. They are used for providers only, not by clients."""

FINE_TUNING: Mapping[str, str] = {
    FINE_TUNING_JOBS: "/v1/fine_tuning/jobs",
    "openai/v1/retrievefine-tuningjob": "/v1/fine_tuning/jobs/{fine_tuning_job_id}",
    "openai/v1/fine-tuningjobsevents": "/v1/fine_tuning/jobs/{fine_tuning_job_id}/events",
    "openai/v1/fine-tuningjobcheckpoints": "/v1/fine_tuning/jobs/{fine_tuning_job_id}/checkpoints",
    "openai/v1/cancelfine-tuningjob": "/v1/fine_tuning/jobs/{fine_tuning_job_id}/cancel",
    "openai/v1/resumefine-tuningjob": "/v1/fine_tuning/jobs/{fine_tuning_job_id}/resume",
    "openai/v1/pausefine-tuningjob": "/v1/fine_tuning/jobs/{fine_tuning_job_id}/pause",
    "openai/v1/fine-tuningjobcheckpointpermissions": (
        "/v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions"
    ),
    "openai/v1/deletefine-tuningjobcheckpointpermission": (
        "/v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions/{permission_id}"
    ),
}

PATHS: Mapping[str, str] = {
    CHAT: "/v1/chat/completions",
    COMPLETIONS: "/v1/completions",
    EMBEDDINGS: "/v1/embeddings",
    MODELS: "/v1/models",
    RESPONSES: "/v1/responses",
    AUDIO_SPEECH: "/v1/audio/speech",
    AUDIO_TRANSCRIPTION: "/v1/audio/transcriptions",
    AUDIO_TRANSLATION: "/v1/audio/translations",
    REALTIME: "/v1/realtime",
    IMAGE_GENERATION: "/v1/images/generations",
    IMAGE_EDIT: "/v1/images/edits",
    IMAGE_VARIATION: "/v1/images/variations",
    FILES: "/v1/files",
    RETRIEVE_FILE: "/v1/files/{file_id}",
    RETRIEVE_FILE_CONTENT: "/v1/files/{file_id}/content",
    BATCHES: "/v1/batches",
    RETRIEVE_BATCH: "/v1/batches/{batch_id}",
    CANCEL_BATCH: "/v1/batches/{batch_id}/cancel",
    VIDEOS: "/v1/videos",
    RETRIEVE_VIDEO: "/v1/videos/{video_id}",
    RETRIEVE_VIDEO_CONTENT: "/v1/videos/{video_id}/content",
    VIDEO_REMIX: "/v1/videos/{video_id}/remix",
    **FINE_TUNING,
    MESSAGES: "/v1/messages",
    COUNT_TOKENS: "/v1/messages/count_tokens",
    COMPLETE: "/v1/complete",
    RERANK: "/v1/rerank",
    RERANKS: "/v1/reranks",
    CONVERSATIONS: "/v1/conversations",
}
"""The path of each API for clients, without a prefix. `{x}` is one non-empty segment."""

OWN_PATHS: Mapping[str, str] = {
    RETRIEVE_MODEL: "/v1/models/{rest}",
    COMPACT_RESPONSE: "/v1/responses/compact",
    INPUT_TOKENS: "/v1/responses/input_tokens",
    RETRIEVE_RESPONSE: "/v1/responses/{rest}",
    STORED_CHATS: "/v1/chat/completions/{rest}",
    MODERATIONS: "/v1/moderations",
    FILL_IN: "/v1/fim/completions",
    VECTOR_STORES: "/v1/vector_stores/{rest}",
    UPLOADS: "/v1/uploads/{rest}",
    CONTAINERS: "/v1/containers/{rest}",
    CONVERSATION_ITEMS: "/v1/conversations/{rest}",
    MESSAGE_BATCHES: "/v1/messages/batches/{rest}",
}
"""The paths of APIs that Higress does not know. `{rest}` is all that follows, also nothing."""

VERBS: Mapping[str, str] = {
    "generateContent": GENERATE_CONTENT,
    "streamGenerateContent": STREAM_GENERATE_CONTENT,
    "countTokens": GEMINI_COUNT_TOKENS,
    "embedContent": EMBED_CONTENT,
    "batchEmbedContents": BATCH_EMBED_CONTENTS,
}
"""The verbs that follow the model in a path of Gemini's API, each with its API."""

NAMES: frozenset[str] = frozenset(PATHS) | {
    GENERATE_CONTENT,
    STREAM_GENERATE_CONTENT,
    "qwen/v1/services/aigc",
    "qwen/v1/tasks",
    "kling/v1/image2video",
    "kling/v1/retrieveimagevideo",
    "vertex/raw",
}
"""All names that `capabilities` may have. Higress ignores any other name."""

MODEL_IN_BODY = frozenset(
    (CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, IMAGE_GENERATION, IMAGE_EDIT, IMAGE_VARIATION, AUDIO_SPEECH, VIDEOS,
     VIDEO_REMIX, FINE_TUNING_JOBS, MESSAGES, COUNT_TOKENS, COMPLETE, RERANK, RERANKS, MODERATIONS, COMPACT_RESPONSE,
     INPUT_TOKENS, FILL_IN)
)  # fmt: skip
"""The APIs whose JSON body has the model, which is then mapped. Requests to edit images or make videos may be forms
instead."""

VECTORS = frozenset((EMBEDDINGS, EMBED_CONTENT, BATCH_EMBED_CONTENTS))
"""The APIs that answer vectors, which are of use only beside others of the same model."""

COUNTING = frozenset((COUNT_TOKENS, GEMINI_COUNT_TOKENS, INPUT_TOKENS))
"""The APIs that only count the tokens of a prompt."""

MODEL_IN_FORM = frozenset((AUDIO_TRANSCRIPTION, AUDIO_TRANSLATION, IMAGE_EDIT, IMAGE_VARIATION, VIDEOS))
"""The APIs whose requests may be forms, with the model in a field."""

MODEL_IN_PATH = frozenset((*VERBS.values(), CONVERSE, CONVERSE_STREAM))
"""The APIs whose path has the model."""

OPAQUE = frozenset((AUDIO_SPEECH, AUDIO_TRANSCRIPTION, AUDIO_TRANSLATION, RETRIEVE_VIDEO_CONTENT, REALTIME))
"""The APIs whose answers may be other than JSON: sounds, pictures, plain text."""

LISTS = frozenset((MODELS, GEMINI_MODELS, RETRIEVE_MODEL))
"""The APIs that tell what models there are."""

DEPLOYMENTS = "/openai/deployments/"
DEPLOYED = frozenset(
    (CHAT, COMPLETIONS, EMBEDDINGS, AUDIO_SPEECH, AUDIO_TRANSCRIPTION, AUDIO_TRANSLATION, IMAGE_GENERATION, IMAGE_EDIT)
)
"""The APIs of an Azure deployment, whose path has the model as well: /openai/deployments/{model}/chat/completions."""

STATEFUL = frozenset(
    (RESPONSES, FILES, RETRIEVE_FILE, RETRIEVE_FILE_CONTENT, BATCHES, RETRIEVE_BATCH, CANCEL_BATCH, *FINE_TUNING,
     RETRIEVE_RESPONSE, COMPACT_RESPONSE, INPUT_TOKENS, STORED_CHATS, VECTOR_STORES, UPLOADS, CONTAINERS,
     CONVERSATION_ITEMS, MESSAGE_BATCHES)
)  # fmt: skip
"""The APIs that refer to data which the provider keeps for an account, so that a consumer must always use the same
token. Higress does not have the pause of a job and the permissions of a checkpoint here, but they belong to the account
of the job as well."""

FREE = frozenset(
    (MODELS, FILES, RETRIEVE_FILE, RETRIEVE_FILE_CONTENT, RETRIEVE_BATCH, CANCEL_BATCH, RETRIEVE_VIDEO,
     RETRIEVE_VIDEO_CONTENT, COUNT_TOKENS, GEMINI_COUNT_TOKENS, INPUT_TOKENS, GEMINI_MODELS, RETRIEVE_MODEL,
     RETRIEVE_RESPONSE, STORED_CHATS, MODERATIONS, UPLOADS, CONVERSATION_ITEMS)
)  # fmt: skip
"""The APIs that cost nothing at any provider."""

METERED = (MODEL_IN_BODY | {AUDIO_TRANSCRIPTION, AUDIO_TRANSLATION, EMBED_CONTENT, BATCH_EMBED_CONTENTS}) - FREE
"""The APIs without a dialect of their own whose answers may contain usage."""

INCLUDE_USAGE = frozenset((CHAT, COMPLETIONS))
"""The APIs that have `stream_options.include_usage`."""

_Segments = tuple[str, ...]
_FIXED = {path: name for name, path in PATHS.items() if "{" not in path}
_SHAPES: dict[tuple[str, int], list[tuple[_Segments, str]]] = {}
for _name, _path in PATHS.items():
    if "{" in _path:
        _segments = tuple(_path.split("/")[2:])
        _SHAPES.setdefault((_segments[0], len(_segments)), []).append((_segments, _name))
_LONGEST = max(length for _, length in _SHAPES) + 1
"""The number of segments of the longest path, including v1. Only this many at the end of a path are compared."""


def detect(path: str) -> str | None:
    """Returns the API to which a path without query belongs in Higress, None if it belongs to none."""
    found = _find(path)
    return found[0] if found and found[0] in NAMES else None


def is_content(api: str, path: str) -> bool:
    """Whether an answer is what a client has stored, which may be anything, also a web page or an error in JSON."""
    return api != RETRIEVE_VIDEO_CONTENT and path.endswith(("/content", "/results"))


def title(api: str) -> str:
    """The API as a message names it: the Chat Completions API."""
    verb = next((verb for verb, name in VERBS.items() if name == api), "")
    path = PATHS.get(api) or OWN_PATHS.get(api) or "/v1/models"
    words = [word.replace("_", " ").title() for word in path.split("/")[2:] if not word.startswith("{")]
    return f"the {verb or ' '.join(words)} API"


def under(base: str, *apis: str) -> dict[str, str]:
    """Returns the paths of these APIs, with `base` in place of /v1."""
    return {api: base + (PATHS.get(api) or OWN_PATHS[api]).removeprefix("/v1") for api in apis}


def path_for(body: Mapping[str, object]) -> str:
    """Returns the path to which a JSON body probably belongs, by the field with its prompt; "" if it is not known."""
    fields = {"messages": CHAT, "prompt": COMPLETIONS, "input": EMBEDDINGS}
    return next((PATHS[api] for field, api in fields.items() if field in body), "")


def fill(template: str, original_path: str, api: str = "") -> str:
    """Returns the provider's path for a request. A placeholder such as `{file_id}` is replaced by the value in the
    client's path. A placeholder that the client's path does not have (azure's `{model}`) is kept."""
    if "{rest}" in template:
        start = OWN_PATHS[api].partition("{rest}")[0]
        return template.replace("{rest}", original_path.partition(start)[2]).rstrip("/")
    if "{" in template:
        if api in (CONVERSE, CONVERSE_STREAM):
            return template.replace("{model}", quote(converse_model(original_path), safe="", errors="surrogatepass"))
        found = _find(original_path)
        for name, value in found[1].items() if found else ():
            template = template.replace(name, value)
    return template


def model_of(path: str) -> str:
    """Returns the model in a path of Gemini's API or of an Azure deployment, still escaped. "" if there is none."""
    if "/models/" in path and (found := _find_gemini(path)):
        return found[1]["{model}"]
    return _deployment(path)[1] if DEPLOYMENTS in path else ""


def converse_path(api: str, model: str) -> str:
    """Returns the path of one of Bedrock's APIs. `model` is not escaped."""
    return (
        f"/model/{quote(model, safe='', errors='surrogatepass')}/{'converse' if api == CONVERSE else 'converse-stream'}"
    )


def converse_model(path: str) -> str:
    """Returns the model in such a path, "" if there is none."""
    before, _, action = path.rpartition("/")
    start, _, model = before.rpartition("/")
    return unquote(model) if start == "/model" and action in ("converse", "converse-stream") else ""


def with_model(path: str, model: str) -> str:
    """Returns such a path with another model. `model` is not escaped."""
    if DEPLOYMENTS in path:
        before, _, rest = _deployment(path)
        return f"{before}{DEPLOYMENTS}{quote(model, safe='')}/{rest}"
    before, models, rest = path.rpartition("/models/")
    _, colon, verb = rest.partition(":")
    return f"{before}{models}{quote(model, safe='')}{colon}{verb}"


def _deployment(path: str) -> tuple[str, str, str]:
    """Splits a path into what stands before a deployment, its name, and what follows it."""
    before, _, after = path.partition(DEPLOYMENTS)
    model, _, rest = after.partition("/")
    return before, model, rest


def _find(path: str) -> tuple[str, dict[str, str]] | None:
    start = path.rfind("/v1/")
    if start >= 0:
        name = _FIXED.get(path[start:])
        if name is not None:
            return name, {}
        segments = path.rsplit("/", _LONGEST)
        for index in range(len(segments) - 2, 0, -1):
            if segments[index] == "v1" and (found := _find_shape(segments[index + 1 :])):
                return found
    return _find_gemini(path) if ":" in path else None


def _find_gemini(path: str) -> tuple[str, dict[str, str]] | None:
    """Recognizes /{api_version}/models/{model}:generateContent after any prefix."""
    before, _, rest = path.rpartition("/models/")
    _, slash, version = before.rpartition("/")
    model, _, action = rest.partition(":")
    for verb, name in VERBS.items():
        if action.startswith(verb) and model and slash and version:
            return name, {"{api_version}": version, "{model}": model}
    return None


def _find_shape(segments: list[str]) -> tuple[str, dict[str, str]] | None:
    for shape, name in _SHAPES.get((segments[0], len(segments)), ()):
        values: dict[str, str] = {}
        for expected, given in zip(shape, segments, strict=True):
            if expected.startswith("{") and given:
                values[expected] = given
            elif expected != given:
                break
        else:
            return name, values
    return None
