"""The models `echo` and `mock`, which need no network. They answer as OpenAI's API does."""

from aigw.upstream.builtin.mock import Mock
from aigw.upstream.builtin.settings import Fault, MockSettings
from aigw.upstream.builtin.upstream import BuiltinUpstream

__all__ = ["BuiltinUpstream", "Fault", "Mock", "MockSettings"]
