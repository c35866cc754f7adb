"""Results and tables across Arrow's PyCapsule interface: who gets the very same bytes."""
import ctypes
import gc
import pathlib
import subprocess
import sys

import pyralog
import pytest
from conftest import mapped_file, mappings_of
from pyralog import _capsule
from pyralog._library import RELEASE_STREAM, library_path

ROWS = 10000


@pytest.fixture
def pa():
    return pytest.importorskip("pyarrow")


@pytest.fixture
def stored(tmp_path, pa):
    """A database on disk, whose table lies in one mapped file."""
    with pyralog.connect(tmp_path / "db") as connection:
        table = pa.table({"a": pa.array(range(ROWS), pa.int64()), "b": pa.array([i / 2 for i in range(ROWS)]),
                          "s": pa.array([f"text {i}" for i in range(ROWS)])})
        assert connection.ingest("t", table) == ROWS
        connection.execute("CHECKPOINT")  # few rows wait in the LSM first
        yield connection


def column_address(table, name, buffer=1):
    (chunk,) = table.column(name).chunks
    return chunk.buffers()[buffer].address


# ---- Out. ----


def test_pyarrow_gets_the_mapped_file_itself(stored):
    table = stored.execute("SELECT * FROM t").arrow()
    assert table.num_rows == ROWS and table.column("a").to_pylist() == list(range(ROWS))
    for name, buffer in (("a", 1), ("b", 1), ("s", 1), ("s", 2)):
        assert mapped_file(column_address(table, name, buffer)).endswith(".arrow")
    assert stored.ledger()["bytes_copied"] == 0
    # And so does everybody who asks again.
    again = stored.execute("SELECT s, a FROM t").fetch_record_batch_reader().read_all()
    assert column_address(again, "a") == column_address(table, "a")


def test_polars_gets_the_same_bytes(stored):
    polars = pytest.importorskip("polars")
    pytest.importorskip("numpy")
    expected = column_address(stored.execute("SELECT a, b FROM t").arrow(), "a")
    frame = stored.execute("SELECT a, b FROM t").pl()
    assert frame.shape == (ROWS, 2)
    assert frame["a"].to_numpy(allow_copy=False).ctypes.data == expected
    direct = polars.DataFrame(stored.execute("SELECT a FROM t"))
    assert direct["a"].to_numpy(allow_copy=False).ctypes.data == expected
    assert frame["b"].sum() == sum(range(ROWS)) / 2


def test_pandas_gets_the_same_bytes_where_it_keeps_arrow(stored):
    pandas = pytest.importorskip("pandas")
    expected = column_address(stored.execute("SELECT a FROM t").arrow(), "a")
    frame = stored.execute("SELECT a, s FROM t").arrow().to_pandas(types_mapper=pandas.ArrowDtype)
    assert frame["a"].array.__arrow_array__().chunk(0).buffers()[1].address == expected
    plain = stored.execute("SELECT a, b, s FROM t").df()
    assert list(plain.columns) == ["a", "b", "s"] and plain["a"].sum() == sum(range(ROWS))
    assert list(plain["s"][:2]) == ["text 0", "text 1"]


def test_duckdb_reads_a_result(stored):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as other:
        result = stored.execute("SELECT a, s FROM t")
        rows = other.sql("SELECT COUNT(*), SUM(a), MIN(s) FROM result").fetchall()
        assert rows == [(ROWS, sum(range(ROWS)), "text 0")] and result is not None
        other.register("seen", stored.execute("SELECT a FROM t"))
        assert other.sql("SELECT MAX(a) FROM seen").fetchall() == [(ROWS - 1,)]


def test_a_result_outlives_its_connection_and_the_file_stays_mapped_for_it(tmp_path, pa):
    connection = pyralog.connect(tmp_path / "db")
    connection.ingest("t", pa.table({"a": pa.array(range(ROWS), pa.int64())}))
    connection.execute("CHECKPOINT")
    table = connection.execute("SELECT a FROM t").arrow()
    rows = connection.execute("SELECT a FROM t WHERE a < 3")
    reader = connection.execute("SELECT a FROM t").fetch_record_batch_reader()
    path = mapped_file(column_address(table, "a"))
    assert mappings_of(path) > 0
    connection.close()
    del connection
    assert rows.fetchall() == [(0,), (1,), (2,)]
    assert reader.read_all().equals(table)
    assert table.column("a").to_pylist() == list(range(ROWS))
    assert mappings_of(path) > 0
    del rows, reader, table
    gc.collect()
    assert mappings_of(path) == 0


def test_a_schema_is_told_before_the_batches_are_taken(stored, pa):
    result = stored.execute("SELECT a, s FROM t")
    assert pa.schema(result) == pa.schema(result) == pa.schema([("a", pa.int64()), ("s", pa.string())])
    assert result.arrow().num_rows == ROWS


def test_a_requested_schema_is_a_wish(stored, pa):
    wish = pa.schema([("a", pa.int32())]).__arrow_c_schema__()
    capsule = stored.execute("SELECT a FROM t").__arrow_c_stream__(requested_schema=wish)
    assert pa.RecordBatchReader._import_from_c_capsule(capsule).schema == pa.schema([("a", pa.int64())])


def test_a_result_is_taken_once(stored):
    result = stored.execute("SELECT a FROM t")
    result.arrow()
    for use in (result.arrow, result.fetchone, result.__arrow_c_schema__):
        with pytest.raises(pyralog.InterfaceError):
            use()
    fetched = stored.execute("SELECT a FROM t")
    fetched.fetchone()
    with pytest.raises(pyralog.ProgrammingError):
        fetched.arrow()


def test_an_error_on_the_way_reaches_the_consumer(conn, pa):
    values = list(range(1_000_000)) + [2**63 - 1]
    conn.ingest("t", pa.table({"a": pa.array(values, pa.int64())}))
    result = conn.execute("SELECT a + 1 FROM t")
    with pytest.raises(pa.ArrowInvalid, match="22003"):
        result.arrow()
    result = conn.execute("SELECT a + 1 FROM t")
    with pytest.raises(pyralog.DataError) as caught:
        result.fetchall()
    assert caught.value.sqlstate == "22003"


# ---- Releases are counted, not guessed at. ----


def counted(result, counts):
    """Counts the releases of a result's stream."""
    stream = result._stream.c
    original = RELEASE_STREAM(ctypes.cast(stream.release, ctypes.c_void_p).value)

    def release(pointer):
        counts.append(1)
        original(pointer)

    result.kept = RELEASE_STREAM(release)
    stream.release = result.kept
    return result.kept


def test_a_stream_is_released_once_whoever_has_it(stored, pa):
    def fetch(result):
        assert len(result.fetchall()) == ROWS

    def nothing(result):
        pass

    def close(result):
        result.close()
        result.close()

    def drop_capsule(result):
        capsule = result.__arrow_c_stream__()
        assert counts == []
        del capsule

    def hold_capsule(result):
        capsule = result.__arrow_c_stream__()
        gc.collect()
        pa.RecordBatchReader._import_from_c_capsule(capsule).read_all()

    for use in (fetch, nothing, close, drop_capsule, hold_capsule, lambda r: r.arrow(),
                lambda r: stored.ingest("u", r)):
        counts = []
        result = stored.execute("SELECT a FROM t")
        kept = counted(result, counts)
        use(result)
        del result
        gc.collect()
        assert counts == [1], use
        del kept


def test_capsules_that_were_taken_are_not_kept(stored):
    gc.collect()
    before = len(_capsule._held)
    for _ in range(100):
        stored.execute("SELECT a FROM t LIMIT 1").arrow()
    assert len(_capsule._held) <= before + 2


# ---- In. ----


DATA = {"a": [1, 2, None], "s": ["x", None, "longer than twelve bytes"]}


def pandas_frame(pa):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({"a": pandas.array(DATA["a"], "Int64"), "s": DATA["s"]})


@pytest.mark.parametrize("make", [
    pytest.param(lambda pa: pa.table(DATA), id="pyarrow.Table"),
    pytest.param(lambda pa: pa.record_batch(DATA), id="pyarrow.RecordBatch"),
    pytest.param(lambda pa: pa.table(DATA).to_reader(), id="pyarrow.RecordBatchReader"),
    pytest.param(lambda pa: pa.RecordBatchReader.from_batches(
        pa.table(DATA).schema, (batch for batch in pa.table(DATA).to_batches(max_chunksize=1))), id="generator"),
    pytest.param(lambda pa: pytest.importorskip("polars").DataFrame(DATA), id="polars.DataFrame"),
    pytest.param(pandas_frame, id="pandas.DataFrame"),
    pytest.param(lambda pa: pytest.importorskip("duckdb").connect().from_arrow(pa.table(DATA)), id="duckdb"),
])
def test_ingest_takes_whatever_knows_arrow(conn, pa, make):
    assert conn.ingest("t", make(pa), replace=True) == 3
    rows = conn.execute("SELECT a, s FROM t").fetchall()
    assert rows == [(1, "x"), (2, None), (None, "longer than twelve bytes")]


def test_ingest_appends_creates_replaces_and_minds_keys(conn, pa):
    table = pa.table({"a": [1, 2]})
    with pytest.raises(pyralog.ProgrammingError):
        conn.ingest("t", table, create=False)
    assert conn.ingest("t", table) == 2 and conn.ingest("t", table) == 2
    assert conn.execute("SELECT COUNT(*) FROM t").fetchone() == (4,)
    conn.ingest("t", table, replace=True)
    assert conn.execute("SELECT COUNT(*) FROM t").fetchone() == (2,)
    conn.execute("CREATE TABLE k (a BIGINT PRIMARY KEY, b VARCHAR)")
    rows = pa.table({"a": [1, 2], "b": ["x", "y"]})
    conn.ingest("k", rows)
    with pytest.raises(pyralog.IntegrityError):
        conn.ingest("k", rows)
    newer = pa.table({"a": [2, 3], "b": ["new", "new"]})
    conn.ingest("k", newer, on_conflict="ignore")
    assert conn.execute("SELECT * FROM k ORDER BY a").fetchall() == [(1, "x"), (2, "y"), (3, "new")]
    conn.ingest("k", newer, on_conflict="replace")
    assert conn.execute("SELECT b FROM k WHERE a = 2").fetchone() == ("new",)


def test_ingest_refuses_what_is_no_table(conn, pa):
    for data in ([1, 2], {"a": [1]}, None, "t"):
        with pytest.raises(TypeError):
            conn.ingest("t", data)
    with pytest.raises(pyralog.Error):
        conn.ingest("t", pa.array([1, 2]))  # a column is no table


def test_a_stream_that_fails_says_why_and_leaves_nothing(conn, pa):
    def batches():
        yield pa.record_batch({"a": [1]})
        raise RuntimeError("the source is gone")

    reader = pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches())
    with pytest.raises(pyralog.Error, match="the source is gone"):
        conn.ingest("t", reader)
    with pytest.raises(pyralog.ProgrammingError):
        conn.execute("SELECT * FROM t")


def test_a_source_that_asks_its_own_connection_is_refused_not_waited_for(conn, pa):
    def batches(connection):
        (value,) = connection.execute("SELECT 7").fetchone()
        yield pa.record_batch({"a": [value]})

    schema = pa.schema([("a", pa.int64())])
    with pytest.raises(pyralog.Error, match="duplicate"):
        conn.ingest("t", pa.RecordBatchReader.from_batches(schema, batches(conn)))
    assert conn.ingest("t", pa.RecordBatchReader.from_batches(schema, batches(conn.duplicate()))) == 1
    assert conn.execute("SELECT a FROM t").fetchall() == [(7,)]

    def noticing():
        yield pa.record_batch({"a": [len(conn.notices())]})

    with pytest.raises(pyralog.Error, match="duplicate"):
        conn.ingest("t", pa.RecordBatchReader.from_batches(schema, noticing()))


def test_a_big_ingest_arrives_whole(conn, pa):
    count = 2_000_000
    reader = pa.RecordBatchReader.from_batches(
        pa.schema([("a", pa.int64())]),
        (pa.record_batch({"a": pa.array(range(i, i + 100_000), pa.int64())}) for i in range(0, count, 100_000)))
    assert conn.ingest("t", reader) == count
    assert conn.execute("SELECT COUNT(*), SUM(a), MIN(a), MAX(a) FROM t").fetchone() == (
        count, count * (count - 1) // 2, 0, count - 1)
    assert conn.execute("SELECT a FROM t").arrow().num_rows == count


def test_a_result_is_ingested_into_another_database(stored, pa):
    with pyralog.connect() as other:
        assert other.ingest("copy", stored.execute("SELECT * FROM t")) == ROWS
        assert other.execute("SELECT SUM(a) FROM copy").fetchone() == (sum(range(ROWS)),)


# ---- The package itself. ----

ALONE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pyarrow", "numpy", "pandas", "polars", "duckdb"):
            raise ImportError(name + " is not to be needed")
sys.meta_path.insert(0, Refuse())
import pyralog
conn = pyralog.connect()
conn.execute("CREATE TABLE t (a BIGINT, b VARCHAR)")
conn.executemany("INSERT INTO t VALUES (?, ?)", [(1, "x"), (2, None)])
print(conn.execute("SELECT a, b FROM t WHERE a >= ? ORDER BY a", [1]).fetchall())
kept = conn.execute("SELECT a FROM t").__arrow_c_stream__()  # never taken, freed at the end
"""


def run(code, **environment):
    """environment: what is set beside this process's, or with None taken away."""
    import os

    wanted = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=wanted)


def test_rows_need_no_other_package():
    done = run(ALONE, PYTHONPATH=str(pathlib.Path(pyralog.__file__).parent.parent))
    assert (done.stdout, done.returncode) == ("[(1, 'x'), (2, None)]\n", 0), done.stderr


def test_the_package_installs_from_its_folder(tmp_path):
    pytest.importorskip("setuptools", minversion="70.1", reason="nothing is downloaded: this setuptools must build")
    import shutil

    source = pathlib.Path(pyralog.__file__).parent.parent
    copy = shutil.copytree(source, tmp_path / "source", ignore=shutil.ignore_patterns("tests", "build", "*.egg-info"))
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps",
           "--disable-pip-version-check", "--target", str(target), str(copy)]
    installed = subprocess.run(pip, capture_output=True, text=True, timeout=300)
    assert installed.returncode == 0, installed.stderr
    assert (target / "pyralog" / "py.typed").is_file()
    # As after `make install`: the loader finds the library, and nobody says where it is.
    libraries = tmp_path / "lib"
    libraries.mkdir()
    (libraries / "libpyralog.so.0").symlink_to(pathlib.Path(library_path).resolve())
    done = run("import pyralog; print(pyralog.__file__)\n"
               "from pyralog._library import library_path; print(library_path)\n"
               "print(pyralog.connect().execute('SELECT 40 + $1', [2]).fetchall())",
               PYTHONPATH=str(target), LD_LIBRARY_PATH=str(libraries), PYRALOG_LIBRARY=None)
    assert done.stdout.splitlines() == [str(target / "pyralog" / "__init__.py"), "libpyralog.so.0",
                                        "[(42,)]"], done.stderr


def test_where_the_library_was_looked_for_is_said(tmp_path):
    import shutil

    shutil.copytree(pathlib.Path(pyralog.__file__).parent, tmp_path / "pyralog")
    done = run("import pyralog", PYTHONPATH=str(tmp_path), PYRALOG_LIBRARY=str(tmp_path / "nowhere.so"))
    assert "ImportError" in done.stderr and f"{tmp_path / 'nowhere.so'} (PYRALOG_LIBRARY)" in done.stderr
    (tmp_path / "pyralog" / "libpyralog.so").write_bytes(b"not a library")
    # No library of the system's is to be found: names without a folder are refused.
    done = run("import ctypes\n"
               "real = ctypes.CDLL\n"
               "def only_paths(path, *more, **options):\n"
               "    if '/' not in path: raise OSError('the loader has none')\n"
               "    return real(path, *more, **options)\n"
               "ctypes.CDLL = only_paths\n"
               "import pyralog", PYTHONPATH=str(tmp_path), PYRALOG_LIBRARY=None)
    assert done.returncode != 0 and "ImportError" in done.stderr
    assert f"{tmp_path / 'pyralog' / 'libpyralog.so'} (beside the package)" in done.stderr
    assert "libpyralog.so.0 (the system's loader): the loader has none" in done.stderr
