"""Which API a path belongs to, and the path of the same API at a provider.

Names are Higress's (`capabilities` in a configuration is keyed by them). An API is known by the end of its path, so any
prefix may stand before it. A path of none of them is passed on as it is."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

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
"""The path by which a client names each API, without the prefix that may stand before it. `{x}` is one non-empty
segment."""

NAMES: frozenset[str] = frozenset(PATHS) | {
    GENERATE_CONTENT,
    STREAM_GENERATE_CONTENT,
    "qwen/v1/services/aigc",
    "qwen/v1/tasks",
    "kling/v1/image2video",
    "kling/v1/retrieveimagevideo",
    "vertex/raw",
}
"""Every name that `capabilities` may hold. Higress drops any other silently."""

MODEL_IN_BODY = frozenset(
    (CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, IMAGE_GENERATION, IMAGE_EDIT, IMAGE_VARIATION, AUDIO_SPEECH, VIDEOS,
     VIDEO_REMIX, FINE_TUNING_JOBS, MESSAGES, COUNT_TOKENS, COMPLETE, RERANK, RERANKS)
)  # fmt: skip
"""APIs whose JSON body names the model, which is mapped. Images to edit and videos may come as forms instead."""

STATEFUL = frozenset(
    (RESPONSES, FILES, RETRIEVE_FILE, RETRIEVE_FILE_CONTENT, BATCHES, RETRIEVE_BATCH, CANCEL_BATCH, *FINE_TUNING)
)
"""APIs that refer to what an account keeps, so one consumer must stay with one token. Higress leaves out the
pause of a job and the permissions of a checkpoint, which belong to the account that owns the job all the same."""

FREE = frozenset(
    (MODELS, FILES, RETRIEVE_FILE, RETRIEVE_FILE_CONTENT, RETRIEVE_BATCH, CANCEL_BATCH, RETRIEVE_VIDEO,
     RETRIEVE_VIDEO_CONTENT, COUNT_TOKENS)
)  # fmt: skip
"""APIs that no provider bills."""

METERED = (MODEL_IN_BODY | {AUDIO_TRANSCRIPTION, AUDIO_TRANSLATION}) - FREE
"""APIs whose answers may tell what was used, as far as they have no dialect of their own."""

INCLUDE_USAGE = frozenset((CHAT, COMPLETIONS))
"""APIs that know `stream_options.include_usage` (4.5)."""

_Segments = tuple[str, ...]
_FIXED = {path: name for name, path in PATHS.items() if "{" not in path}
_SHAPES: dict[tuple[str, int], list[tuple[_Segments, str]]] = {}
for _name, _path in PATHS.items():
    if "{" in _path:
        _segments = tuple(_path.split("/")[2:])
        _SHAPES.setdefault((_segments[0], len(_segments)), []).append((_segments, _name))
_LONGEST = max(length for _, length in _SHAPES) + 1
"""Segments of the longest shape, v1 included: nothing before them can matter."""


def with_version(path: str) -> str:
    """The path with /v1 in front, for clients whose base URL lacks it: /chat/completions -> /v1/chat/completions."""
    if detect(path) is None and (path.startswith("/models/") or detect(f"/v1{path}") is not None):
        return f"/v1{path}"
    return path


def detect(path: str) -> str | None:
    """The API of a path without its query, None if it is none of them."""
    found = _find(path)
    return found[0] if found else None


def fill(template: str, original_path: str) -> str:
    """A provider's path for this request: `{file_id}` and the like become what the client's path holds in their place.
    A placeholder that the client's path does not name (azure's `{model}`) stays."""
    if "{" in template:
        found = _find(original_path)
        for name, value in found[1].items() if found else ():
            template = template.replace(name, value)
    return template


def model_of(path: str) -> str:
    """The model that a path of Gemini's names, escaped as it stands there; "" if it names none."""
    found = _find_gemini(path)
    return found[1]["{model}"] if found else ""


def with_model(path: str, model: str) -> str:
    """The same path of Gemini's for another model, which is not escaped."""
    before, models, rest = path.rpartition("/models/")
    _, colon, verb = rest.partition(":")
    return f"{before}{models}{quote(model, safe='')}{colon}{verb}"


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
    return _find_gemini(path) if "enerateContent" in path else None


def _find_gemini(path: str) -> tuple[str, dict[str, str]] | None:
    """/{api_version}/models/{model}:generateContent, behind any prefix."""
    before, _, rest = path.rpartition("/models/")
    _, slash, version = before.rpartition("/")
    model, _, action = rest.partition(":")
    for name, verb in ((GENERATE_CONTENT, "generateContent"), (STREAM_GENERATE_CONTENT, "streamGenerateContent")):
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
