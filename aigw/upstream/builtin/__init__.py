"""Models that need no network: `echo` and `mock`, behind the same seam and on the same wire as OpenAI's."""

from aigw.upstream.builtin.mock import Mock
from aigw.upstream.builtin.settings import Fault, MockSettings
from aigw.upstream.builtin.upstream import BuiltinUpstream

__all__ = ["BuiltinUpstream", "Fault", "Mock", "MockSettings"]
