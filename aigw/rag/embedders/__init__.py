"""Embedders turn texts into vectors. `EmbedderTable` gives them by name, `choose` picks one for a set of texts."""

from aigw.rag.embedders.choice import choose
from aigw.rag.embedders.table import EmbedderTable, LocalEmbedders

__all__ = ["EmbedderTable", "LocalEmbedders", "choose"]
