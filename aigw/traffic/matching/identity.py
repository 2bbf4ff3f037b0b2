"""Makes the canonical forms by which calls are compared: of a call that is made, and of one that was recorded.

The path is that of the client, because the provider's own depends on its base URL. The model is named beside the
provider where it stands in the provider's path and not in the body."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from aigw.traffic.format.building import request_of
from aigw.traffic.format.call import Begun
from aigw.traffic.format.recording import Recording, SentRequest
from aigw.traffic.matching.canonical import Canonical, canonical
from aigw.traffic.volatility.rules import Rules


def asked(begun: Begun, rules: Rules) -> Canonical:
    """Returns the canonical form of a call that is made."""
    path = begun.client.path if begun.client is not None and begun.dialect else begun.sent.path
    return _canonical(request_of(begun.sent, {}), path, begun.service, begun.model, rules)


def recorded(recording: Recording, rules: Rules) -> Canonical:
    """Returns the canonical form of a call that was recorded."""
    source, client = recording.source, recording.client
    path = client.path if client is not None else recording.request.path
    there = rules.elsewhere(source.folder, source.home)
    return _canonical(recording.request, path, source.service, source.model, there)


def _canonical(request: SentRequest, path: str, service: str, model: str, rules: Rules) -> Canonical:
    inside = request.json is not UNSET and model.encode() in bytes(request.json)
    named = service if inside or not model else f"{service}/{model}"
    return canonical(msgspec.structs.replace(request, path=path), named, rules)
