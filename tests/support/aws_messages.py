"""Messages of AWS's binary event stream, as Amazon Bedrock sends them."""

import struct
from zlib import crc32

_PRELUDE, _CRC = 12, 4
"""The bytes of the two lengths with their checksum, and those of a checksum."""
_TEXT = 7
"""The type of a header that is text."""


def encode_message(payload, **headers):
    """Returns a message. The names of headers begin with a colon, which is added: `event_type` is `:event-type`."""
    head = b"".join([_header(name, value) for name, value in headers.items()])
    size = _PRELUDE + len(head) + len(payload) + _CRC
    lengths = struct.pack(">II", size, len(head))
    message = lengths + crc32(lengths).to_bytes(4, "big") + head + payload
    return message + crc32(message).to_bytes(4, "big")


def _header(name, value):
    key, text = f":{name.replace('_', '-')}".encode(), value.encode()
    return bytes([len(key)]) + key + bytes([_TEXT]) + len(text).to_bytes(2, "big") + text
