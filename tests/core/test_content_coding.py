"""A coded body that comes in pieces: however it is cut, what comes out is what went in, and never more than allowed."""

import gzip
import random
import zlib
from contextlib import suppress

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.content_coding import DECODERS, Decoding, codings_of, is_known
from aigw.core.pace import LARGE


def deflated(body):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


ENCODERS = {
    "gzip": gzip.compress,
    "deflate": deflated,
    "Deflate ": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
    "br, gzip": lambda body: gzip.compress(brotli.compress(body)),
    "identity": bytes,
}


@pytest.mark.parametrize("header", ENCODERS)
@given(bodies=st.lists(st.binary(max_size=200), min_size=1, max_size=3), cut=st.integers(1, 40))
def test_it_is_undone_however_it_is_cut(header, bodies, cut):
    several = header in ("gzip", "zstd")  # these may have several members
    body = b"".join(bodies)
    raw = b"".join(map(ENCODERS[header], bodies)) if several else ENCODERS[header](body)
    decoding = Decoding(header, 1000)
    assert b"".join(decoding.feed(raw[at : at + cut]) for at in range(0, len(raw), cut)) == body
    assert decoding.complete


@pytest.mark.parametrize("header", ENCODERS)
def test_a_large_one_comes_in_pieces(header):
    body = random.Random(1).randbytes(20_000) + bytes(1_000_000)
    several = 2 if header in ("gzip", "zstd") else 1
    decoding = Decoding(header, several * len(body))
    assert decoding.feed(ENCODERS[header](body) * several) == body * several
    assert decoding.complete


@pytest.mark.parametrize("header", [name for name in ENCODERS if name != "identity"])
def test_what_follows_its_end_is_none_of_it(header):
    for follows in (b"\xff", b"\xff" * 40_000):
        decoding = Decoding(header, 1000)
        with suppress(ValueError):
            decoding.feed(ENCODERS[header](b"some body") + follows)
            assert not decoding.complete


@pytest.mark.parametrize("name", DECODERS)
def test_no_piece_is_long(name):
    raw, decoder = ENCODERS[name.removeprefix("x-")](bytes(3 * LARGE)), DECODERS[name]()
    sizes = [len(decoder.feed(raw, LARGE))]
    while sizes[-1]:
        sizes.append(len(decoder.feed(b"", LARGE)))
    assert sum(sizes) == 3 * LARGE and max(sizes) <= 2 * LARGE


@pytest.mark.parametrize("header", [name for name in ENCODERS if name != "identity"])
def test_it_is_complete_only_at_its_end(header):
    raw = ENCODERS[header](b"some body, some body")
    for size in range(len(raw)):
        decoding = Decoding(header, 1000)
        decoding.feed(raw[:size])
        assert not decoding.complete


@pytest.mark.parametrize("header", [name for name in ENCODERS if name != "identity"])
def test_what_comes_out_is_bounded(header):
    with pytest.raises(ValueError, match="too large"):
        Decoding(header, 1000).feed(ENCODERS[header](b"\0" * 100_000))


def test_what_is_unknown_or_corrupt_is_an_error():
    with pytest.raises(ValueError, match="'x-new' is unknown"):
        Decoding("gzip, x-new", 10)
    for header in ("gzip", "br", "zstd"):
        with pytest.raises(ValueError, match=r"."):
            Decoding(header, 100).feed(b"<html>this is not coded at all</html>")


def test_they_are_undone_in_reverse():
    assert codings_of("br, identity, GZIP,") == ["gzip", "br"]
    assert codings_of("none") == codings_of("UTF-8") == []


@pytest.mark.parametrize(("header", "known"), [("gzip", True), ("br, zstd", True), ("", True), ("gzip, snappy", False)])
def test_what_is_known(header, known):
    assert is_known(header) == known
