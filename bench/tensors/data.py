"""Models and arrays for the tensors bench, made once below build/bench-data/tensors and found again.

Models have the tensors of a decoder of 32 layers, nine a layer and three beside them; their size is that
of a value times the width. A sparse one is a header and a hole; a real one has normally drawn values.
"""
import json
import pathlib
import struct

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "build" / "bench-data" / "tensors"
LAYERS = 32
BITS = {"F16": 16, "F32": 32, "BF16": 16}


def layout(dtype, size_bytes):
    """Names and shapes of about size_bytes together, in the order of the file."""
    values = size_bytes * 8 // BITS[dtype]
    # A layer has 4 w^2 of attention, 3 * (8/3) w^2 behind it, 2 w of norms; the ends have 2 * 8 w^2.
    width = max(64, int((values / (12 * LAYERS + 16)) ** 0.5) // 8 * 8)
    inner = width * 8 // 3
    tensors = [("model.embed_tokens.weight", (width * 8, width))]
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        tensors += [(at + f"self_attn.{name}_proj.weight", (width, width)) for name in "qkvo"]
        tensors += [(at + f"mlp.{name}_proj.weight", (inner, width)) for name in ("gate", "up")]
        tensors += [(at + "mlp.down_proj.weight", (width, inner))]
        tensors += [(at + f"{name}_layernorm.weight", (width,)) for name in ("input", "post_attention")]
    return tensors + [("model.norm.weight", (width,)), ("lm_head.weight", (width * 8, width))]


def header(dtype, tensors):
    entries, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        begin, end = end, end + int(np.prod(shape)) * BITS[dtype] // 8
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 64)
    return struct.pack("<Q", len(text)) + text, end


def model(name, dtype, size_bytes, real=False):
    """The path of a model's file. One that is there is taken when its size is right."""
    path = DATA / f"{name}.safetensors"
    head, body = header(dtype, layout(dtype, size_bytes))
    if path.exists() and path.stat().st_size == len(head) + body:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(5)
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        file.write(head)
        while real and file.tell() < len(head) + body:
            count = min(1 << 24, (len(head) + body - file.tell()) * 8 // BITS[dtype])
            values = random.standard_normal(count, dtype=np.float32) * np.float32(0.02)
            if dtype == "BF16":
                values = (values.view(np.uint32) >> 16).astype(np.uint16)
            elif dtype == "F16":
                values = values.astype(np.float16)
            file.write(values.tobytes())
        file.truncate(len(head) + body)
    part.rename(path)
    return path


def array(size_bytes):
    """A Zarr v3 array of float32 in blosc-zstd with byte shuffle, whole chunks of 4 MiB: a field that is
    smooth in space with noise below its second digit, as measured ones are."""
    import zarr
    count = max(1, round(size_bytes / (4 << 20)))
    across = max(1, round((2 * count) ** (1 / 3)))
    chunks = (64, 128, 128)
    shape = (64 * max(1, round(count / across**2)), 128 * across, 128 * across)
    path = DATA / f"field-{'-'.join(map(str, shape))}.zarr"
    if (path / "done").exists():
        return path
    blosc = zarr.codecs.BloscCodec(typesize=4, cname="zstd", clevel=5, shuffle="shuffle")
    made = zarr.create_array(store=str(path), shape=shape, chunks=chunks, dtype="float32", overwrite=True,
                             compressors=[blosc])
    random = np.random.default_rng(6)
    y = np.linspace(0, 20, shape[1], dtype=np.float32)[:, None]
    x = np.linspace(0, 30, shape[2], dtype=np.float32)[None, :]
    for begin in range(0, shape[0], chunks[0]):
        z = np.arange(begin, begin + chunks[0], dtype=np.float32)[:, None, None] / 40
        field = 15 + 10 * np.sin(z + y) * np.cos(x - z) + random.standard_normal(
            (len(z), shape[1], shape[2]), dtype=np.float32) * np.float32(0.02)
        made[begin:begin + len(z)] = np.round(field, 2)
    (path / "done").touch()
    return path
