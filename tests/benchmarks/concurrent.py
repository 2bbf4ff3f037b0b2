"""Many streams at once: every event of every stream arrives, in order, and no other stream's."""

from __future__ import annotations

import asyncio

from tests.benchmarks import traffic


def dechunked(body: bytes) -> bytes:
    """The payload of a chunked body; what stands behind its last chunk is left out."""
    out, at = b"", 0
    while (end := body.find(b"\r\n", at)) >= 0 and (size := int(body[at:end], 16)):
        out += body[end + 2 : end + 2 + size]
        at = end + 2 + size + 2
    return out


async def _stream(port: int, number: int) -> str:
    """What is wrong with one stream, "" for nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(traffic.request("slow", port, number))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            return head.split(b"\r\n", 1)[0].decode()
        body = dechunked(await reader.readuntil(b"\r\n0\r\n\r\n"))
    except (OSError, asyncio.IncompleteReadError) as error:
        return f"broke off: {error}"
    finally:
        writer.close()
    expected = b"".join(traffic.seen_by_client(f"{number:0{traffic.USER_DIGITS}}".encode()))
    return "" if body == expected else f"its {len(body)} bytes are not the {len(expected)} that were sent"


async def _all(port: int, streams: int) -> list[str]:
    async with asyncio.timeout(120):
        found = await asyncio.gather(*(_stream(port, number) for number in range(streams)))
    return [f"stream {number}: {wrong}" for number, wrong in enumerate(found) if wrong]


def check(port: int, streams: int) -> list[str]:
    """What is wrong with the streams that are not whole."""
    return asyncio.run(_all(port, streams))
