"""Safetensors files and Zarr stores made byte by byte, from their specifications alone."""
import itertools
import json
import struct
import zipfile


def safetensors(path, tensors, metadata=None):
    """tensors: (name, dtype, shape, bytes), in the order of their bytes."""
    header, body = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


class Store(dict):
    """A Zarr store: keys to bytes."""

    def put(self, key, document):
        self[key] = document if isinstance(document, bytes) else json.dumps(document).encode()

    def folder(self, path):
        for key, data in self.items():
            (path / key).parent.mkdir(parents=True, exist_ok=True)
            (path / key).write_bytes(data)
        return path

    def zip(self, path):
        with zipfile.ZipFile(path, "w") as out:
            for key, data in self.items():
                out.writestr(key, data)
        return path

    def chunks(self, prefix, separator, shape, chunk, form, value):
        for place in itertools.product(*[range(-(-s // c)) for s, c in zip(shape, chunk)]):
            cells = itertools.product(*[range(c) for c in chunk])
            at = [tuple(p * c + o for p, c, o in zip(place, chunk, cell)) for cell in cells]
            inside = [all(a < s for a, s in zip(cell, shape)) for cell in at]
            self[prefix + separator.join(map(str, place))] = b"".join(
                struct.pack(form, value(*cell) if keep else 0) for cell, keep in zip(at, inside))

    def v2(self, name, shape, chunk, dtype, form, value, dimensions, **attributes):
        self.put(f"{name}/.zarray", {
            "zarr_format": 2, "shape": shape, "chunks": chunk, "dtype": dtype, "compressor": None,
            "fill_value": None, "order": "C", "filters": None})
        self.put(f"{name}/.zattrs", {"_ARRAY_DIMENSIONS": dimensions, **attributes})
        self.chunks(f"{name}/", ".", shape, chunk, form, value)

    def v3(self, name, shape, chunk, data_type, form, value, dimensions):
        self.put(f"{name}/zarr.json", {
            "zarr_format": 3, "node_type": "array", "shape": shape, "data_type": data_type,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0, "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
            "dimension_names": dimensions})
        self.chunks(f"{name}/c/", "/", shape, chunk, form, value)


TIMES, LATS, LONS = 64, 4, 3


def weather():
    """A group of 64 chunks of temp, one a day: temp = 100 day + 10 row + column."""
    store = Store()
    store.put(".zgroup", {"zarr_format": 2})
    store.put(".zattrs", {"title": "made by hand"})
    store.v2("time", [TIMES], [TIMES], "<i8", "<q", lambda t: t, ["time"],
             units="days since 2000-01-01")
    store.v2("lat", [LATS], [LATS], "<f8", "<d", lambda y: 10.0 * y, ["lat"])
    store.v2("lon", [LONS], [LONS], "<i4", "<i", lambda x: 100 + x, ["lon"])
    store.v2("temp", [TIMES, LATS, LONS], [1, LATS, LONS], "<f4", "<f",
             lambda t, y, x: 100 * t + 10 * y + x, ["time", "lat", "lon"], scale_factor=0.5)
    return store


def grid():
    """A v3 array of its own, 5 x 4 in chunks of 2 x 3."""
    store = Store()
    store.put("zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {}})
    store.v3("a", [5, 4], [2, 3], "int32", "<i", lambda i, j: 10 * i + j, ["i", "j"])
    return store
