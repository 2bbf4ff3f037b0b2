"""The name of a counter and its four labels.

Rule: labels come from clients. So they are cleaned, shortened, and bounded in number before they are kept."""

from __future__ import annotations

from collections.abc import Iterable

from aigw.core.plain import plain

MAX_SERIES = 10_000
"""Above this number a new series has the model and consumer "other", because clients choose both names."""

MAX_LABEL = 200
"""How many characters a label has at most."""

OTHER = "other"

Labels = tuple[str, ...]
"""Route, cluster, model and consumer; () for a counter of the whole gateway."""

Series = tuple[str, Labels]
Counts = dict[Series, int]


def bounded(labels: Labels, *, full: bool) -> Labels:
    """The labels, made plain and shortened."""
    clean = tuple([plain(label[:MAX_LABEL]) for label in labels])
    return (*clean[:2], *[OTHER for _ in clean[2:]]) if full else clean


def merge(total: Counts, more: Iterable[tuple[Series, int]], max_series: int) -> None:
    """Adds `more` to `total`."""
    for (name, labels), value in more:
        series = (name, labels)
        if series not in total:
            series = (name, bounded(labels, full=len(total) >= max_series))
        total[series] = total.get(series, 0) + value
