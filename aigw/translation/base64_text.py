"""Base64 texts and data URLs. Google's clients write the URL-safe alphabet, all others read only the standard one."""

from __future__ import annotations

_STANDARD = str.maketrans("-_", "+/")


def standard(data: str) -> str:
    """Returns the text in the standard alphabet, with its padding."""
    if "-" in data or "_" in data:
        data = data.translate(_STANDARD)
    return data + "=" * (-len(data) % 4)


def of_data_url(url: str) -> tuple[str, str] | None:
    """Returns the media type and the base64 in a data URL, None if it is another URL."""
    if not url.startswith("data:"):
        return None
    head, comma, data = url[5:].partition(",")
    type, _, coding = head.rpartition(";")
    return (type.partition(";")[0], standard(data)) if comma and coding == "base64" else None
