"""Writes codecs.cases: chunks encoded by numcodecs and Python's own libraries, for the codec tests.

    pip install numcodecs==0.16.6 google-crc32c && python make_cases.py

A case is a line and bytes, so that the file can be looked at with less:

    NAME VARIANT ELEMENT AT_START PATTERN PLAIN BYTES
    then, where PATTERN is -1, PLAIN bytes that decoding gives; then BYTES that are decoded, a line's end

PATTERN 0 and 1 are made by formula here and in support_codecs.c: smooth data and noise.
"""
import bz2
import gzip
import lzma
import pathlib
import zlib

import numcodecs
import numpy as np
from numcodecs import blosc
from numcodecs.vlen import VLenBytes, VLenUTF8

LENGTHS = [0, 1, 3, 4, 16, 17, 255, 256, 1500]
SMOOTH, NOISE, GIVEN = 0, 1, -1
out = bytearray()


def pattern(kind, count):
    i = np.arange(count, dtype=np.uint32)
    with np.errstate(over="ignore"):
        h = i * np.uint32(2654435761)
        h ^= h >> np.uint32(15)
        h *= np.uint32(2246822519)
        h ^= h >> np.uint32(13)
    noise = (h >> np.uint32(24)).astype(np.uint8)
    if kind == NOISE:
        return noise.tobytes()
    smooth = np.where(i % 4 == 0, noise & 7, (i >> np.uint32(8)) & np.uint32(255)).astype(np.uint8)
    return smooth.tobytes()


def case(name, variant, element, at_start, kind, plain, encoded):
    size = len(plain)
    out.extend(f"{name} {variant} {element} {at_start} {kind} {size} {len(encoded)}\n".encode())
    if kind == GIVEN:
        out.extend(plain)
    out.extend(encoded)
    out.extend(b"\n")


def over_lengths(name, variant, encode, element=0, at_start=0, kind=SMOOTH, lengths=LENGTHS):
    for length in lengths:
        plain = pattern(kind, length)
        case(name, variant, element, at_start, kind, plain, bytes(encode(plain)))


def plain_codecs():
    over_lengths("gzip", "numcodecs", numcodecs.GZip(5).encode)
    over_lengths("gzip", "stored", lambda p: gzip.compress(p, 0), kind=NOISE, lengths=[0, 1, 300])
    over_lengths("gzip", "members", lambda p: gzip.compress(p[:100]) + gzip.compress(p[100:]),
                 lengths=[100, 101, 1000])
    over_lengths("gzip", "padded", lambda p: gzip.compress(p) + bytes(13), lengths=[0, 500])
    over_lengths("zlib", "numcodecs", numcodecs.Zlib(1).encode)
    over_lengths("zlib", "noise", numcodecs.Zlib(9).encode, kind=NOISE, lengths=[300])
    over_lengths("zstd", "numcodecs", numcodecs.Zstd(3).encode)
    over_lengths("zstd", "sum", numcodecs.Zstd(1, checksum=True).encode)
    over_lengths("zstd", "noise", numcodecs.Zstd(1).encode, kind=NOISE, lengths=[300])
    over_lengths("zstd", "frames", lambda p: numcodecs.Zstd().encode(p[:100]) + numcodecs.Zstd().encode(p[100:]),
                 lengths=[100, 101, 1000])
    over_lengths("lz4", "numcodecs", numcodecs.LZ4().encode, lengths=LENGTHS[1:])
    over_lengths("lz4", "noise", numcodecs.LZ4().encode, kind=NOISE, lengths=[1, 300])
    over_lengths("bz2", "numcodecs", numcodecs.BZ2(9).encode)
    over_lengths("bz2", "streams", lambda p: bz2.compress(p[:100]) + bz2.compress(p[100:]), lengths=[101, 1000])
    over_lengths("lzma", "xz", numcodecs.LZMA(preset=1).encode)
    over_lengths("lzma", "streams", lambda p: lzma.compress(p[:100], preset=0) + lzma.compress(p[100:], preset=0),
                 lengths=[101, 1000])
    over_lengths("lzma", "alone", numcodecs.LZMA(format=lzma.FORMAT_ALONE, preset=1).encode)
    over_lengths("lzma", "nosum", lambda p: lzma.compress(p, check=lzma.CHECK_NONE, preset=0), lengths=[1000])


def blosc_codecs():
    modes = {"none": blosc.NOSHUFFLE, "byte": blosc.SHUFFLE, "bit": blosc.BITSHUFFLE}
    for inner in ["blosclz", "lz4", "lz4hc", "zlib", "zstd"]:
        for mode, number in modes.items():
            for element in [1, 2, 4, 8, 24]:
                def encode(plain):
                    dtype = np.dtype(f"V{element}") if len(plain) % element == 0 and plain else np.dtype("u1")
                    return numcodecs.Blosc(inner, 5, number, blocksize=1024).encode(np.frombuffer(plain, dtype))
                lengths = LENGTHS if element == 4 else [element * 101, 1536]
                over_lengths("blosc", f"{inner}/{mode}/{element}", encode, lengths=lengths)
        # Several blocks of several streams, the last one short.
        split = numcodecs.Blosc(inner, 1, blosc.SHUFFLE, blocksize=1024)
        over_lengths("blosc", f"{inner}/split/2", lambda p: split.encode(np.frombuffer(p, "u2")), lengths=[9002])
    # Blocks long enough that bits are unshuffled in several pieces, and elements that are no eights.
    for element in [1, 2, 4, 8, 16]:
        def encode_bits(plain):
            return numcodecs.Blosc("zstd", 5, blosc.BITSHUFFLE).encode(np.frombuffer(plain, f"V{element}"))
        over_lengths("blosc", f"zstd/bits/{element}", encode_bits, lengths=[element * 5000, element * 2051])
    over_lengths("blosc", "lz4/noise/4", lambda p: numcodecs.Blosc("lz4").encode(np.frombuffer(p, "u4")),
                 kind=NOISE, lengths=[400])
    over_lengths("blosc", "zstd/large/8", lambda p: numcodecs.Blosc("zstd", 9).encode(np.frombuffer(p, "u8")),
                 lengths=[80000])


def checksums():
    for name, codec in {"crc32c": numcodecs.checksum32.CRC32C, "crc32": numcodecs.CRC32,
                        "adler32": numcodecs.Adler32}.items():
        for at_start, location in enumerate(["end", "start"]):
            over_lengths(name, location, codec(location=location).encode, at_start=at_start,
                         lengths=LENGTHS[1:])
    lengths = LENGTHS[1:] + [719, 720, 721, 722]
    over_lengths("fletcher32", "smooth", numcodecs.Fletcher32().encode, lengths=lengths)
    over_lengths("fletcher32", "noise", numcodecs.Fletcher32().encode, kind=NOISE, lengths=lengths)
    case("fletcher32", "ones", 0, 0, GIVEN, b"\xff" * 3001, numcodecs.Fletcher32().encode(b"\xff" * 3001))
    for element in [1, 2, 3, 4, 5, 8, 12, 16]:
        over_lengths("shuffle", "numcodecs", numcodecs.Shuffle(element).encode, element=element, kind=NOISE,
                     lengths=[element * n for n in [1, 7, 16, 33, 100]])


def filters():
    random = np.random.default_rng(7)
    for dtype in "|i1 |u1 <i2 >i2 <u2 >u2 <i4 >i4 <u4 >u4 <i8 >i8 <u8 >u8 <f4 >f4 <f8 >f8".split():
        plain = (random.standard_normal(270) * 1e3).astype("i8").astype(dtype)
        if np.dtype(dtype).kind == "f":
            plain = (plain / 7).astype(dtype)
        stored = numcodecs.Delta(dtype).encode(plain)
        # What numcodecs decodes, not what went in: sums of fractions are rounded on the way.
        plain = numcodecs.Delta(dtype).decode(stored)
        case("delta", f"{dtype}/{dtype}", 0, 0, GIVEN, plain.tobytes(), stored.tobytes())
    for dtype, astype in [("<i4", "|i1"), ("<u4", "|u1"), (">i8", "<i2"), ("<f8", "<i2"), ("<f4", "<f8"),
                          ("<f8", ">f4"), ("<u2", "<i8")]:
        stored = random.integers(0, 100, 270).astype(astype)
        plain = numcodecs.Delta(dtype, astype).decode(stored)
        case("delta", f"{dtype}/{astype}", 0, 0, GIVEN, plain.tobytes(), stored.tobytes())
    for dtype, astype, scale, offset in [("<f8", "|u1", 10.0, 1000.0), ("<f4", "<i2", 3.0, -2.5), ("<i4", "<i2", 0.5, 7.0),
                                         ("<i4", "<f8", 7.0, 0.25), (">f8", ">i4", 100.0, 1.0), ("<f4", "<f4", 3.0, 0.1),
                                         ("<f8", "<f4", 7.0, 0.3), ("<u8", "<u8", 4.0, 0.0), ("|u1", "<i4", 100.0, 99.0),
                                         ("|i1", "<i2", 3.0, 0.0), ("<i2", "|i1", 0.25, 3.0), ("<f8", "<i8", 1e-3, 1e9)]:
        kind = np.dtype(astype).kind
        stored = random.integers(0 if kind == "u" else -100, 100, 270).astype(astype)
        if kind == "f":
            stored = (stored / np.dtype(astype).type(3)).astype(astype)
        codec = numcodecs.FixedScaleOffset(offset, scale, dtype, astype)
        case("fixedscaleoffset", f"{dtype}/{astype}/{scale!r}/{offset!r}", 0, 0, GIVEN, codec.decode(stored).tobytes(),
             stored.tobytes())


def items():
    texts = [[], [""], ["a"], ["", "", ""], ["zwei", "", "Ω", "日本語"], [f"item {i}" * (i % 5) for i in range(200)]]
    for number, lines in enumerate(texts):
        for name, codec, values in [("vlen-utf8", VLenUTF8(), lines), ("vlen-bytes", VLenBytes(), [t.encode() for t in lines])]:
            array = np.empty(len(values), dtype=object)
            array[:] = values
            # Each item and a byte that UTF-8 never has.
            plain = b"".join(t.encode() + b"\xff" for t in lines)
            case(name, str(number), len(lines), 0, GIVEN, plain, bytes(codec.encode(array)))


plain_codecs()
blosc_codecs()
checksums()
filters()
items()
pathlib.Path(__file__).with_name("codecs.cases").write_bytes(out)
print(len(out), "bytes")
