"""What a counter is called: its name and four labels.

Rule: labels come from clients, so that they are cleaned, cut, and bounded in number, before they are kept."""

from __future__ import annotations

from collections.abc import Iterable

MAX_SERIES = 10_000
"""Beyond it a new series has "other" as model and consumer, because clients choose both."""

MAX_LABEL = 200
"""Characters of a label; model names come from clients."""

OTHER = "other"

Labels = tuple[str, ...]
"""Route, cluster, model, consumer; or () for a counter of the whole gateway."""

Series = tuple[str, Labels]
Counts = dict[Series, int]


def bounded(labels: Labels, *, full: bool) -> Labels:
    """What UTF-8 cannot hold, such as half of a surrogate pair, becomes a `?`."""
    clean = tuple([label[:MAX_LABEL].encode("utf-8", "replace").decode() for label in labels])
    return (*clean[:2], *[OTHER for _ in clean[2:]]) if full else clean


def merge(total: Counts, more: Iterable[tuple[Series, int]], max_series: int) -> None:
    """Adds `more` to `total`."""
    for (name, labels), value in more:
        series = (name, labels)
        if series not in total:
            series = (name, bounded(labels, full=len(total) >= max_series))
        total[series] = total.get(series, 0) + value
