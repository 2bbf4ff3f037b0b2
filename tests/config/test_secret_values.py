"""What of a configuration is hidden wherever it turns up."""

from aigw.config.load import load
from aigw.config.secret_values import secrets_in


def test_secrets_of_a_configuration():
    text = """
plugins:
  ai-proxy:
    provider: {type: openai, apiTokens: ["token-in-file"], customSettings: [{name: x, value: "${MY_API_KEY}"}]}
services: {"a.static": "http://${PLACE}:1"}
"""
    loaded = load(None, {"MY_API_KEY": "key-in-env", "PLACE": "localhost"}, text=text.encode())
    assert secrets_in(loaded) == {"token-in-file", "key-in-env"}
