"""Each resource that is neither a plugin nor a route is said to be read, kept out or lost."""

import pytest

from aigw.resources.importing.other_kinds import fate_of
from aigw.resources.resource import Resource

RECORD = {"labels": {"higress.io/config-map-type": "ai-route"}}


@pytest.mark.parametrize(
    ("kind", "name", "metadata", "level"),
    [
        ("ConfigMap", "ai-route-chat", RECORD, "exact"),
        ("ConfigMap", "ai-route-gone", RECORD, "none"),
        ("ConfigMap", "domain-x", {"labels": {"higress.io/config-map-type": "domain"}}, "exact"),
        ("ConfigMap", "higress-config", {}, "none"),
        ("ConfigMap", "mine", {}, "unknown"),
        ("EnvoyFilter", "ai-route-chat.internal", {}, "exact"),
        ("EnvoyFilter", "mine", {}, "none"),
        ("HTTPRoute", "r", {}, "none"),
        ("Secret", "s", {}, "exact"),
        ("Deployment", "d", {}, "unknown"),
    ],
)
def test_what_becomes_of_it(kind, name, metadata, level):
    resource = Resource(kind, name, "higress-system", {"metadata": {"name": name, **metadata}})
    assert fate_of(resource, ["ai-route-chat.internal"]).level == level
