"""What Anthropic's Messages API refuses, in its words."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from stage.vendors.signatures import signature
from stage.vendors.vendor import RefusedError, fits

NEW = re.compile(r"opus-4-[789]|(opus|sonnet|haiku|fable)-5")
"""Models that take no sampling settings, no thinking budget and no beginning of their answer, but the role system."""


class CacheControl(Struct, forbid_unknown_fields=True):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class Block(Struct, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    cache_control: CacheControl | None = None


class Text(Block, tag="text"):
    text: str
    citations: list[Any] | None = None


class Base64(Struct, forbid_unknown_fields=True, tag_field="type", tag="base64"):
    media_type: Literal["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"]
    data: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]+=*$")]


class Url(Struct, forbid_unknown_fields=True, tag_field="type", tag="url"):
    url: Annotated[str, Meta(pattern="^https://")]


class PlainText(Struct, forbid_unknown_fields=True, tag_field="type", tag="text"):
    media_type: Literal["text/plain"]
    data: str


class Image(Block, tag="image"):
    source: Base64 | Url


class Document(Block, tag="document"):
    source: Base64 | Url | PlainText
    title: str | None = None
    context: str | None = None
    citations: dict[str, bool] | None = None


class Thinking(Struct, forbid_unknown_fields=True, tag_field="type", tag="thinking"):
    thinking: str
    signature: str


class Redacted(Struct, forbid_unknown_fields=True, tag_field="type", tag="redacted_thinking"):
    data: str


class ToolUse(Block, tag="tool_use"):
    id: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]+$")]
    name: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,128}$")]
    input: dict[str, Any]
    caller: dict[str, Any] | None = None


class ToolResult(Block, tag="tool_result"):
    tool_use_id: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]+$")]
    content: str | list[Text | Image | Document] | None = None
    is_error: bool | None = None


Blocks = list[Text | Image | Document | Thinking | Redacted | ToolUse | ToolResult]


class Message(Struct, forbid_unknown_fields=True):
    role: Literal["user", "assistant", "system"]
    content: str | Blocks


class Schema(Struct):
    type: Literal["object"]


class Tool(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: Schema
    description: str | None = None
    type: Literal["custom"] | None = None
    strict: bool | None = None
    cache_control: CacheControl | None = None
    defer_loading: bool | None = None
    eager_input_streaming: bool | None = None
    input_examples: list[Any] | None = None


class Choice(Struct, forbid_unknown_fields=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Think(Struct, forbid_unknown_fields=True):
    type: Literal["enabled", "adaptive", "disabled", "between_tools"]
    budget_tokens: Annotated[int, Meta(ge=1024)] | None = None
    display: Literal["summarized", "omitted"] | None = None


class Metadata(Struct, forbid_unknown_fields=True):
    user_id: Annotated[str, Meta(max_length=512)] | None = None


class Format(Struct, forbid_unknown_fields=True):
    schema: dict[str, Any]
    type: Literal["json_schema"]


class Output(Struct, forbid_unknown_fields=True):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: Format | None = None


class Counted(Struct, forbid_unknown_fields=True, kw_only=True):
    """What count_tokens takes."""

    model: str
    messages: Annotated[list[Message], Meta(min_length=1)]
    system: str | list[Text] | None = None
    tools: list[Tool] | None = None
    tool_choice: Choice | None = None
    thinking: Think | None = None
    output_config: Output | None = None
    context_management: dict[str, Any] | None = None
    cache_control: CacheControl | None = None


class Request(Counted, forbid_unknown_fields=True, kw_only=True):
    max_tokens: Annotated[int, Meta(ge=1)]
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None
    stop_sequences: list[Annotated[str, Meta(min_length=1)]] | None = None
    stream: bool | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None


def check(body: Any, betas: str) -> None:
    """Raises RefusedError for a request of messages. `betas` is what `anthropic-beta` names."""
    asked = fits(body, Request)
    if asked.context_management is not None and "context-management" not in betas:
        raise RefusedError("context_management: Extra inputs are not permitted")
    check_turns(asked)
    _check_settings(asked)


def check_turns(asked: Counted) -> None:
    """Raises RefusedError for what is said in an order, or with ids, that the vendor does not take."""
    joined = _joined(asked)
    if joined[0][0] != "user":
        raise RefusedError("messages: first message must use the user role")
    ids: set[str] = set()
    waiting: set[str] = set()
    for at, (role, blocks) in enumerate(joined):
        _check_blocks(role, blocks, at)
        _check_results(blocks, waiting, at)
        waiting = {block.id for block in blocks if isinstance(block, ToolUse)}
        if len(waiting) != sum(isinstance(block, ToolUse) for block in blocks) or waiting & ids:
            raise RefusedError(f"messages.{at}.content: `tool_use` ids must be unique")
        ids |= waiting
    if waiting:
        raise RefusedError(_unanswered(len(joined) - 1, waiting))
    if _marked(asked) > 4:
        raise RefusedError(f"A maximum of 4 blocks with cache_control may be provided. Found {_marked(asked)}.")


def _joined(asked: Counted) -> list[tuple[str, Blocks]]:
    """Neighbours of one role are one message; what the system says in between is in none."""
    joined: list[tuple[str, Blocks]] = []
    for at, message in enumerate(asked.messages):
        content = [Text(text=message.content)] if isinstance(message.content, str) else message.content
        if message.role == "system":
            _check_system(asked, at, content)
            continue
        if not content and at < len(asked.messages) - 1:
            raise RefusedError(f"messages.{at}: all messages must have non-empty content")
        if joined and joined[-1][0] == message.role:
            joined[-1][1].extend(content)
        else:
            joined.append((message.role, list(content)))
    return joined or [("", [])]


def _check_system(asked: Counted, at: int, content: Blocks) -> None:
    if not NEW.search(asked.model):
        raise RefusedError(f'messages.{at}.role: Input should be "user" or "assistant"')
    if not all(isinstance(block, Text) for block in content):
        raise RefusedError(f"messages.{at}: a system message has text only")
    after = asked.messages[at + 1 :]
    if after and after[0].role != "assistant":
        raise RefusedError(f"messages.{at}: a system message must stand before an assistant message or at the end")


def _check_blocks(role: str, blocks: Blocks, at: int) -> None:
    own = (ToolUse, Thinking, Redacted) if role == "user" else (ToolResult, Image, Document)
    for number, block in enumerate(blocks):
        place = f"messages.{at}.content.{number}"
        if isinstance(block, own):
            raise RefusedError(f"{place}: a block of this type does not belong to the role {role}")
        if isinstance(block, Text) and not block.text.strip():
            raise RefusedError(f"{place}: text content blocks must be non-empty and contain non-whitespace text")
        if isinstance(block, Thinking) and block.signature != signature(block.thinking):
            raise RefusedError(f"{place}: Invalid `signature` in `thinking` block")
        inner = block.content if isinstance(block, ToolResult) and isinstance(block.content, list) else []
        if any(isinstance(part, Text) and not part.text for part in inner):
            raise RefusedError(f"{place}.content: text content blocks must be non-empty")


def _check_results(blocks: Blocks, waiting: set[str], at: int) -> None:
    results = [block.tool_use_id for block in blocks if isinstance(block, ToolResult)]
    if strange := set(results) - waiting:
        raise RefusedError(
            f"messages.{at}.content: unexpected `tool_use_id` found in `tool_result` blocks: {', '.join(sorted(strange))}. "
            "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
        )
    if waiting - set(results):
        raise RefusedError(_unanswered(at - 1, waiting - set(results)))
    if len(results) != len(set(results)):
        raise RefusedError(f"messages.{at}.content: each tool_use must have a single result")
    if not all(isinstance(block, ToolResult) for block in blocks[: len(results)]):
        raise RefusedError(f"messages.{at}.content: `tool_result` blocks must come before any other block")


def _unanswered(at: int, ids: set[str]) -> str:
    return (
        f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(sorted(ids))}. "
        "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def _marked(asked: Counted) -> int:
    """How many blocks have cache_control."""
    blocks: list[Any] = [*(asked.tools or ()), *(asked.system if isinstance(asked.system, list) else ())]
    for message in asked.messages:
        blocks += message.content if isinstance(message.content, list) else []
    return sum(getattr(block, "cache_control", None) is not None for block in blocks)


def _check_settings(asked: Request) -> None:
    new, thinks = NEW.search(asked.model), asked.thinking and asked.thinking.type in ("enabled", "adaptive")
    sampling = [n for n in ("temperature", "top_p", "top_k") if getattr(asked, n) is not None]
    if new and sampling:
        raise RefusedError(f"{sampling[0]} is not supported by this model")
    if asked.temperature is not None and asked.top_p is not None:
        raise RefusedError("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    if new and asked.messages[-1].role == "assistant":
        raise RefusedError("This model does not support assistant message prefill.")
    last = asked.messages[-1].content if asked.messages[-1].role == "assistant" else ""
    end = last if isinstance(last, str) else getattr(last[-1], "text", "") if last else ""
    if end != end.rstrip():
        raise RefusedError("messages: final assistant content cannot end with trailing whitespace")
    names = [tool.name for tool in asked.tools or ()]
    if len(names) != len(set(names)):
        raise RefusedError("tools: Tool names must be unique.")
    if asked.tool_choice and asked.tool_choice.type in ("any", "tool"):
        if not names:
            raise RefusedError("tool_choice: tools are needed for this choice")
        if thinks:
            raise RefusedError("Thinking may not be enabled when tool_choice forces tool use.")
    if thinks and asked.temperature not in (None, 1):
        raise RefusedError("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.")
    if asked.thinking and asked.thinking.type == "enabled":
        _check_budget(asked, bool(new))
        _check_thought(asked)


def _check_budget(asked: Request, new: bool) -> None:
    if new:
        raise RefusedError('"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive".')
    budget = asked.thinking.budget_tokens if asked.thinking else None
    if budget is None:
        raise RefusedError("thinking.enabled.budget_tokens: Field required")
    if budget >= asked.max_tokens:
        raise RefusedError("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_thought(asked: Request) -> None:
    own = [message.content for message in asked.messages if message.role == "assistant"]
    blocks = own[-1] if own and isinstance(own[-1], list) else []
    if any(isinstance(block, ToolUse) for block in blocks) and not isinstance(blocks[0], Thinking | Redacted):
        at = max(i for i, message in enumerate(asked.messages) if message.role == "assistant")
        raise RefusedError(
            f"messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When "
            "`thinking` is enabled, a final `assistant` message must start with a thinking block."
        )
