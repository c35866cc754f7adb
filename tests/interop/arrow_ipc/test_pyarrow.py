"""Arrow IPC against pyarrow: what it writes we read and rewrite, what we write it reads equal.

PYRALOG_IPC_TOOL names the program built from ipc_tool.c.
"""
import datetime
import decimal
import os
import random
import subprocess

import pyarrow as pa
import pytest

TOOL = os.environ.get("PYRALOG_IPC_TOOL")
pytestmark = pytest.mark.skipif(not TOOL, reason="PYRALOG_IPC_TOOL is not set")

ROWS = 300


def with_nulls(values):
    return [None if i % 7 == 3 else v for i, v in enumerate(values)]


def primitive_columns():
    rng = random.Random(5)
    columns = {"null": pa.nulls(ROWS), "bool": pa.array(with_nulls([i % 3 == 0 for i in range(ROWS)]))}
    for bits in (8, 16, 32, 64):
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        values = [rng.randint(low, high) for _ in range(ROWS)]
        columns[f"int{bits}"] = pa.array(with_nulls(values), getattr(pa, f"int{bits}")())
        values = [rng.randint(0, 2**bits - 1) for _ in range(ROWS)]
        columns[f"uint{bits}"] = pa.array(values, getattr(pa, f"uint{bits}")())
    reals = [rng.uniform(-1e3, 1e3) for _ in range(ROWS)]
    columns["float16"] = pa.array(with_nulls(reals), pa.float32()).cast(pa.float16())
    columns["float32"] = pa.array(with_nulls(reals), pa.float32())
    columns["float64"] = pa.array(with_nulls(reals), pa.float64())
    for bits, precision in ((32, 9), (64, 18), (128, 38), (256, 76)):
        values = [decimal.Decimal(rng.randint(-10**8, 10**8)).scaleb(-2) for _ in range(ROWS)]
        columns[f"decimal{bits}"] = pa.array(
            with_nulls(values), getattr(pa, f"decimal{bits}")(precision, 2))
    return columns


def time_columns():
    numbers = with_nulls([i * 977 for i in range(ROWS)])
    columns = {"date32": pa.array(numbers, pa.int32()).cast(pa.date32()),
               "date64": pa.array(with_nulls([i * 86400000 for i in range(ROWS)]), pa.int64()).cast(pa.date64())}
    for unit in ("s", "ms", "us", "ns"):
        columns[f"timestamp_{unit}"] = pa.array(numbers, pa.timestamp(unit))
        columns[f"timestamp_{unit}_tz"] = pa.array(numbers, pa.timestamp(unit, "Europe/Paris"))
        columns[f"duration_{unit}"] = pa.array(numbers, pa.duration(unit))
        small = with_nulls([i % 80000 for i in range(ROWS)])
        time = pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)
        base = pa.int32() if unit in ("s", "ms") else pa.int64()
        columns[f"time_{unit}"] = pa.array(small, base).cast(time)
    columns["interval"] = pa.array(
        with_nulls([pa.MonthDayNano([i, -i, i * 1000]) for i in range(ROWS)]))
    return columns


def text_columns():
    values = with_nulls(["" if i % 5 == 0 else "é" * (i % 40) + str(i) for i in range(ROWS)])
    raw = [None if v is None else v.encode() + b"\xff\x00" for v in values]
    columns = {}
    for kind in ("string", "large_string", "string_view"):
        columns[kind] = pa.array(values, getattr(pa, kind)())
    for kind in ("binary", "large_binary", "binary_view"):
        columns[kind] = pa.array(raw, getattr(pa, kind)())
    columns["fixed_binary"] = pa.array(with_nulls([b"%09d" % i for i in range(ROWS)]), pa.binary(9))
    columns["no_strings"] = pa.array([None] * ROWS, pa.string())
    return columns


def nested_columns():
    lists = with_nulls([list(range(i % 5)) for i in range(ROWS)])
    texts = with_nulls([[f"item {k} of row {i}" for k in range(i % 4)] for i in range(ROWS)])
    columns = {
        "list": pa.array(lists, pa.list_(pa.int16())),
        "large_list": pa.array(texts, pa.large_list(pa.string())),
        "list_view": pa.array(lists, pa.list_view(pa.int64())),
        "large_list_view": pa.array(texts, pa.large_list_view(pa.string_view())),
        "fixed_list": pa.array(with_nulls([[i, None, -i] for i in range(ROWS)]), pa.list_(pa.int32(), 3)),
        "list_of_lists": pa.array([[r] if r else r for r in texts], pa.list_(pa.list_(pa.string()))),
        "struct": pa.array(
            with_nulls([{"a": i, "b": [str(i)] * (i % 3), "c": {"d": i % 2 == 0}} for i in range(ROWS)])),
        "map": pa.array(
            with_nulls([[(f"k{k}", i + k) for k in range(i % 4)] for i in range(ROWS)]),
            pa.map_(pa.string(), pa.int32())),
        "map_sorted": pa.array(
            [[(k, None) for k in range(i % 3)] for i in range(ROWS)],
            pa.map_(pa.int8(), pa.bool_(), keys_sorted=True)),
        "empty_struct": pa.array([{}] * ROWS, pa.struct([])),
    }
    codes = pa.array([i % 2 * 5 for i in range(ROWS)], pa.int8())
    columns["sparse_union"] = pa.UnionArray.from_sparse(
        codes, [pa.array(range(ROWS)), pa.array([str(i) for i in range(ROWS)])],
        ["n", "s"], [0, 5])
    columns["dense_union"] = pa.UnionArray.from_dense(
        codes, pa.array([i // 2 for i in range(ROWS)], pa.int32()),
        [pa.array(range(ROWS // 2)), pa.array([[str(i)] for i in range(ROWS // 2)])],
        ["n", "s"], [0, 5])
    return columns


def encoded_columns():
    words = pa.array(with_nulls([f"word {i % 11}" for i in range(ROWS)]))
    columns = {"dictionary": words.dictionary_encode()}
    for index in ("int8", "uint8", "int16", "uint32", "int64"):
        kind = pa.dictionary(getattr(pa, index)(), pa.large_string())
        columns[f"dictionary_{index}"] = words.cast(pa.large_string()).dictionary_encode().cast(kind)
    columns["dictionary_ordered"] = pa.DictionaryArray.from_arrays(
        pa.array([i % 3 for i in range(ROWS)], pa.int8()), pa.array([1.5, 2.5, 9.0]), ordered=True)
    inner = words.dictionary_encode()
    offsets = pa.array([min(i * 3, ROWS) for i in range(101)], pa.int32())
    lists = pa.ListArray.from_arrays(offsets, inner)
    columns["list_of_dictionary"] = pa.concat_arrays([lists, lists, lists])
    columns["struct_of_dictionary"] = pa.StructArray.from_arrays([inner, pa.array(range(ROWS))], ["d", "n"])
    columns["dictionary_of_lists"] = pa.DictionaryArray.from_arrays(
        pa.array([i % 100 for i in range(ROWS)], pa.int16()), lists)
    for index in (pa.int16(), pa.int32(), pa.int64()):
        ends = pa.array([10, 11, 150, ROWS], index)
        columns[f"run_end_{index}"] = pa.RunEndEncodedArray.from_arrays(
            ends, pa.array(["a", None, "b", "a longer one than twelve"]))
    return columns


GROUPS = {"primitive": primitive_columns, "time": time_columns, "text": text_columns,
          "nested": nested_columns, "encoded": encoded_columns}


def make_table(group):
    columns = GROUPS[group]()
    fields = [pa.field(name, column.type, metadata={"of": name}) for name, column in columns.items()]
    schema = pa.schema(fields, metadata={"group": group, "empty": ""})
    return pa.Table.from_batches([pa.record_batch(list(columns.values()), schema=schema)])


def run(*arguments, **kwargs):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, timeout=120, **kwargs)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def write(path, batches, schema, framing, **options):
    opener = pa.ipc.new_file if framing == "file" else pa.ipc.new_stream
    with opener(str(path), schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)


def read(path, framing, validate=True):
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source) if framing == "file" else pa.ipc.open_stream(source)
        table = reader.read_all()
    if validate:
        table.validate(full=True)
    return table


def same(got, expected):
    assert got.schema.equals(expected.schema, check_metadata=True)
    assert got.num_rows == expected.num_rows
    for name in expected.column_names:
        a, b = got[name], expected[name]
        # RunEndEncoded columns of several chunks are compared chunk by chunk by pyarrow too.
        assert a.equals(b) or a.to_pylist() == b.to_pylist(), name


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("framing", ["file", "stream"])
@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
def test_what_pyarrow_writes_survives_us(tmp_path, group, framing, codec):
    table = make_table(group)
    batches = table.to_batches() + table.slice(13, 100).to_batches()
    source, target = tmp_path / "in", tmp_path / "out"
    write(source, batches, table.schema, framing, compression=codec)
    for out_framing in ("file", "stream"):
        for out_codec in ("none", "lz4", "zstd"):
            run("rewrite", source, target, out_framing, out_codec)
            same(read(target, out_framing), pa.Table.from_batches(batches, table.schema))


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("offset,length", [(0, 10), (1, 299), (8, 100), (13, 31), (150, 150), (299, 1), (300, 0), (8, 0)])
def test_slices_we_write_are_read_equal(tmp_path, group, offset, length):
    table = make_table(group)
    source, target = tmp_path / "in", tmp_path / "out"
    write(source, table.to_batches(), table.schema, "file")
    run("slice", source, target, "stream", offset, length)
    got = read(target, "stream")
    same(got, table.slice(offset, length))


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("framing", ["file", "stream"])
def test_empty_batches_and_no_batches_at_all(tmp_path, group, framing):
    table = make_table(group)
    empty = [table.to_batches()[0].slice(0, 0)]
    source, target = tmp_path / "in", tmp_path / "out"
    for batches in ([], empty, empty + table.to_batches() + empty):
        for codec in (None, "lz4", "zstd"):
            write(source, batches, table.schema, framing, compression=codec)
            for out_codec in ("none", "lz4", "zstd"):
                run("rewrite", source, target, framing, out_codec)
                got = read(target, framing)
                same(got, pa.Table.from_batches(batches, table.schema))
    # Every row cut away is an empty batch, too.
    write(source, table.to_batches(), table.schema, framing)
    run("slice", source, target, framing, ROWS, 0)
    assert read(target, framing).num_rows == 0


@pytest.mark.parametrize("group", GROUPS)
def test_batches_of_many_sizes_come_in_order(tmp_path, group):
    table = make_table(group)
    batches = [b for start, length in ((0, 1), (1, 7), (8, 64), (72, 0), (72, 200), (272, 28))
               for b in table.slice(start, length).to_batches()]
    source, target = tmp_path / "in", tmp_path / "out"
    write(source, batches, table.schema, "stream")
    run("rewrite", source, target, "stream")
    with pa.ipc.open_stream(str(target)) as reader:
        assert [b.num_rows for b in reader] == [b.num_rows for b in batches]
    same(read(target, "stream"), table)


CORPORA = os.environ.get("PYRALOG_CORPORA", "")
BIG_ENDIAN = os.path.join(CORPORA, "arrow-ipc", "golden", "1.0.0-bigendian")


@pytest.mark.skipif(not os.path.isdir(BIG_ENDIAN), reason=f"no conformance data at {BIG_ENDIAN!r}")
def test_big_endian_files_are_read_as_pyarrow_reads_them(tmp_path):
    names = [n for n in sorted(os.listdir(BIG_ENDIAN)) if not n.endswith(".json.gz")]
    assert len(names) == 12
    for name in names:
        source, target = os.path.join(BIG_ENDIAN, name), tmp_path / "out"
        framing = "file" if name.endswith(".arrow_file") else "stream"
        run("rewrite", source, target, framing)
        # Its decimals have more digits than their type says, in pyarrow's eyes.
        got, expected = read(target, framing, validate=False), read(source, framing, validate=False)
        assert got.schema.equals(expected.schema, check_metadata=True), name
        for a, b in zip(got.columns, expected.columns, strict=True):
            assert a.equals(b) or a.to_pylist() == b.to_pylist(), name


def test_offsets_that_do_not_start_at_zero_are_read_by_all(tmp_path):
    """A slice near the start is sent with its offsets as they are (batch_write.c)."""
    table = pa.table({"s": [f"v{i}" for i in range(1000)], "b": [b"x" * (i % 5) for i in range(1000)]})
    source, target = tmp_path / "in", tmp_path / "out"
    write(source, table.to_batches(), table.schema, "file")
    run("slice", source, target, "stream", 8, 900)
    batch = next(iter(pa.ipc.open_stream(str(target))))
    first = int.from_bytes(batch.column(0).buffers()[1][:4], "little")
    assert first > 0
    same(read(target, "stream"), table.slice(8, 900))
    run("slice", source, target, "file", 8, 900)
    same(read(target, "file"), table.slice(8, 900))
    polars = pytest.importorskip("polars")
    read_by_polars = polars.read_ipc(str(target))
    assert read_by_polars.to_dict(as_series=False) == table.slice(8, 900).to_pydict()


def test_a_stream_through_standard_input(tmp_path):
    table = make_table("primitive")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=50)
    target = tmp_path / "out"
    run("rewrite", "-", target, "file", input=sink.getvalue().to_pybytes())
    same(read(target, "file"), table)


def dictionary_batches(words):
    """Batches whose dictionaries grow, stay, and change."""
    schema = pa.schema([pa.field("d", pa.dictionary(pa.int32(), pa.string()))])
    batches = []
    for values in words:
        column = pa.DictionaryArray.from_arrays(pa.array([i % len(values) for i in range(20)], pa.int32()), pa.array(values))
        batches.append(pa.record_batch([column], schema=schema))
    return schema, batches


GROWING = [["a", "b"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d", "e"]]


@pytest.mark.parametrize("deltas", [True, False])
def test_dictionaries_that_grow_and_change(tmp_path, deltas):
    schema, batches = dictionary_batches(GROWING + [["x"], ["x", "y"], ["y", "x", "z"]])
    source, target = tmp_path / "in", tmp_path / "out"
    write(source, batches, schema, "stream", emit_dictionary_deltas=deltas)
    run("rewrite", source, target, "stream")
    with pa.ipc.open_stream(str(target)) as reader:
        got = list(reader)
        stats = reader.stats
    assert [b.column(0).to_pylist() for b in got] == [b.column(0).to_pylist() for b in batches]
    # Two deltas and the first; x; y as a delta; y, x, z anew.
    assert (stats.num_dictionary_deltas, stats.num_replaced_dictionaries) == (3, 2)
    assert stats.num_dictionary_batches == 6


def test_a_file_with_growing_dictionaries(tmp_path):
    schema, batches = dictionary_batches(GROWING)
    source, target = tmp_path / "in", tmp_path / "out"
    write(source, batches, schema, "file", emit_dictionary_deltas=True)
    run("rewrite", source, target, "file")
    same(read(target, "file"), pa.Table.from_batches(batches, schema))


def test_extension_types_are_kept(tmp_path):
    column = pa.array([b"%016d" % i for i in range(10)], pa.binary(16))
    table = pa.table({"id": pa.ExtensionArray.from_storage(pa.uuid(), column)})
    source, target = tmp_path / "in", tmp_path / "out"
    write(source, table.to_batches(), table.schema, "file")
    run("rewrite", source, target, "file")
    got = read(target, "file")
    assert got.schema.field("id").type == pa.uuid()
    assert got.equals(table)


def test_batch_and_footer_metadata_are_kept(tmp_path):
    table = make_table("primitive")
    source, target = tmp_path / "in", tmp_path / "out"
    with pa.ipc.new_file(str(source), table.schema, metadata={"footer": "1"}) as writer:
        writer.write_batch(table.to_batches()[0], custom_metadata={"batch": "yes"})
    run("rewrite", source, target, "file")
    with pa.ipc.open_file(str(target)) as reader:
        batch, metadata = reader.get_batch_with_custom_metadata(0)
        assert dict(metadata) == {b"batch": b"yes"}
        assert dict(reader.metadata) == {b"footer": b"1"}


def test_old_framing_and_metadata_version(tmp_path):
    columns = nested_columns()
    table = pa.table({"n": pa.array(range(ROWS)), "sparse": columns["sparse_union"],
                      "dense": columns["dense_union"], "last": pa.array(range(ROWS))})
    batches = table.to_batches()
    source, target = tmp_path / "in", tmp_path / "out"
    for framing in ("file", "stream"):
        write(source, batches, batches[0].schema, framing, use_legacy_format=True,
              metadata_version=pa.ipc.MetadataVersion.V4)
        run("rewrite", source, target, framing)
        same(read(target, framing), pa.Table.from_batches(batches))


def test_alignment_of_what_we_write(tmp_path):
    table = make_table("primitive")
    source, target = tmp_path / "in", tmp_path / "out"
    write(source, table.to_batches(), table.schema, "file")
    run("rewrite", source, target, "file", "none", 64)
    with pa.memory_map(str(target)) as mapped:
        batch = pa.ipc.open_file(mapped).get_batch(0)
        for column in batch.columns:
            for buffer in column.buffers():
                assert buffer is None or buffer.address % 64 == 0


def test_print_shows_every_row(tmp_path):
    source = tmp_path / "in"
    day = datetime.date(2024, 1, 31)
    table = pa.table({"n": [1, None], "s": ["x", "y"], "d": [day, None], "l": [[1, 2], []]})
    write(source, table.to_batches(), table.schema, "stream")
    assert run("print", source).decode() == "1\tx\t2024-01-31\t[1, 2]\nNULL\ty\tNULL\t[]\n"
