"""Higress's counters in Prometheus's text form, version 0.0.4."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aigw.books.series import Labels, Series

PREFIX = "route_upstream_model_consumer_metric_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ALWAYS = (
    "input_token", "output_token", "total_token", "llm_service_duration", "llm_duration_count",
    "llm_first_token_duration", "llm_stream_duration_count", "llm_failure_count",
)  # fmt: skip
_HELP = {
    "input_token": "Tokens of the prompts.",
    "output_token": "Tokens of the answers.",
    "total_token": "Tokens of prompts and answers.",
    "llm_service_duration": "Milliseconds from requests to the ends of their answers.",
    "llm_duration_count": "Answers in llm_service_duration.",
    "llm_first_token_duration": "Milliseconds from requests to the first bytes of streamed answers.",
    "llm_stream_duration_count": "Answers in llm_first_token_duration.",
    "llm_failure_count": "Answers that were errors.",
    "failed_provider_count": "Failures of a provider, ai_cluster, for which another one was asked.",
    "token_ratelimit_count": "Requests refused by a token limit.",
}
_LABELS = ("ai_route", "ai_cluster", "ai_model", "ai_consumer")


def render(counts: Mapping[Series, int]) -> bytes:
    """A counter without a series is still declared."""
    by_name: dict[str, list[tuple[Labels, int]]] = {name: [] for name in _ALWAYS}
    for (name, labels), value in sorted(counts.items()):
        by_name.setdefault(name, []).append((labels, value))
    lines = []
    for name, series in by_name.items():
        full = re.sub(r"[^a-zA-Z0-9_:]", "_", name if series and not series[0][0] else PREFIX + name)
        lines += [f"# HELP {full} {_HELP.get(name, name)}", f"# TYPE {full} counter"]
        lines += [f"{full}{_label_text(labels)} {value}" for labels, value in series]
    return "\n".join([*lines, ""]).encode()


def _label_text(labels: Labels) -> str:
    pairs = [f'{name}="{_escaped(label)}"' for name, label in zip(_LABELS, labels, strict=False)]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
