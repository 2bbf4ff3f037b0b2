"""The rules by which requests are translated for one provider: those of its row, with what its configuration adds."""

from __future__ import annotations

from msgspec.structs import replace

from aigw.providers.config import ProviderConfig
from aigw.providers.provider import Provider
from aigw.translation.converse import cache_points
from aigw.translation.rules import Rules


def rules_of(config: ProviderConfig, row: Provider) -> Rules:
    """Raises ValueError for a configuration that the plugin's `check` would refuse."""
    cached = bool(config.prompt_cache_retention)
    return replace(
        row.rules,
        maker=row.type,
        safety=config.vertex_safety_setting or config.gemini_safety_setting,
        thinking_budget=config.gemini_thinking_budget,
        version=config.api_version or row.rules.version,
        extra_fields=config.bedrock_additional_fields,
        cache_points=cache_points.positions_of(config.bedrock_prompt_cache_point_positions) if cached else (),
        cache_lifetime=cache_points.lifetime_of(config.prompt_cache_retention),
    )
