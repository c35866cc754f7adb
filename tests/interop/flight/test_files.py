"""Files over the network: nothing outside --allow-path, everything inside."""
import os

import pyarrow as pa
import pyarrow.flight as fl
import pyarrow.parquet as pq
import pytest

from conftest import Server, numbers, put

pytestmark = pytest.mark.usefixtures("duckdb")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """allowed/ and secret/ with the same files; ways out of allowed/."""
    tmp_path = tmp_path_factory.mktemp("files")
    for name in ["allowed", "allowed/deep", "secret", "allowed-not"]:
        folder = tmp_path / name
        folder.mkdir()
        table = numbers(3)
        pq.write_table(table, folder / "f.parquet")
        (folder / "f.csv").write_text("n\n0\n1\n2\n")
        (folder / "f.json").write_text('{"n":0}\n{"n":1}\n{"n":2}\n')
        with pa.ipc.new_file(str(folder / "f.arrow"), table.schema) as writer:
            writer.write_table(table)
    (tmp_path / "allowed" / "link").symlink_to(tmp_path / "secret")
    for kind in ["csv", "parquet", "arrow", "json"]:
        (tmp_path / "allowed" / f"link.{kind}").symlink_to(tmp_path / "secret" / f"f.{kind}")
    return tmp_path


READ = ["SELECT * FROM read_csv('{0}/f.csv')", "SELECT * FROM read_csv_auto('{0}/f.csv')",
        "SELECT * FROM read_parquet('{0}/f.parquet')", "SELECT * FROM parquet_scan('{0}/f.parquet')",
        "SELECT * FROM read_json('{0}/f.json')", "SELECT * FROM read_json_auto('{0}/f.json')",
        "SELECT * FROM read_arrow('{0}/f.arrow')", "SELECT * FROM '{0}/f.csv'",
        "SELECT * FROM '{0}/f.parquet'", "SELECT * FROM '{0}/f.arrow'", "SELECT * FROM '{0}/f.json'",
        "SELECT * FROM '{0}/f*.csv'", "SELECT * FROM read_parquet(['{0}/f.parquet'])"]
OTHER = ["SELECT * FROM read_text('{0}/f.csv')", "SELECT * FROM read_blob('{0}/f.csv')",
         "SELECT * FROM glob('{0}/*')", "SELECT * FROM sniff_csv('{0}/f.csv')",
         "SELECT * FROM parquet_metadata('{0}/f.parquet')",
         "SELECT * FROM parquet_schema('{0}/f.parquet')", "SELECT * FROM read_ndjson('{0}/f.json')",
         "SELECT * FROM read_json_objects('{0}/f.json')"]
WRITE = ["COPY (SELECT 1 AS a) TO '{0}/new.csv'", "COPY (SELECT 1 AS a) TO '{0}/new.parquet'",
         "COPY (SELECT 1 AS a) TO '{0}/new.arrow' (FORMAT arrow)",
         "COPY (SELECT 1 AS a) TO '{0}/new.json'"]
# Inside expressions, subqueries, statements that write, and EXPLAIN ANALYZE, which runs.
HIDDEN = ["SELECT (SELECT count(*) FROM read_csv('{0}/f.csv'))",
          "WITH x AS (SELECT * FROM '{0}/f.parquet') SELECT * FROM x",
          "SELECT * FROM (SELECT * FROM read_text('{0}/f.csv'))",
          "CREATE TABLE stolen AS SELECT * FROM '{0}/f.csv'",
          "INSERT INTO t SELECT * FROM read_csv('{0}/f.csv')",
          "COPY t FROM '{0}/f.csv'", "EXPLAIN ANALYZE SELECT * FROM read_csv('{0}/f.csv')",
          "DESCRIBE SELECT * FROM '{0}/f.parquet'"]


def get(client, sql):
    return client.do_get(fl.Ticket(sql)).read_all()


def listing(folder):
    return {os.path.relpath(os.path.join(d, f), folder): os.path.getsize(os.path.join(d, f))
            for d, _, fs in os.walk(folder) for f in fs}


def refuses(client, tree, sql):
    before = listing(tree)
    with pytest.raises(pa.ArrowException) as caught:
        get(client, sql)
    text = str(caught.value)
    # Refused by right or because there is no such thing here; never by what the file holds.
    assert any(state in text for state in ["42501", "0A000", "42601", "42883", "42P01"]), text
    assert "n\\n0" not in text
    assert listing(tree) == before
    # Asking what a statement would give opens the file too.
    with pytest.raises(pa.ArrowException):
        client.get_flight_info(fl.FlightDescriptor.for_command(sql))
        raise pa.ArrowException("described without looking")
    assert listing(tree) == before


@pytest.fixture(scope="module")
def shut():
    server = Server(":memory:")
    put(server.connect(), "t", numbers(1))
    yield server.clients[0]
    server.stop()


@pytest.fixture(scope="module")
def served(tree):
    server = Server(":memory:", "--allow-path", tree / "allowed")
    put(server.connect(), "t", numbers(1))
    yield server.clients[0]
    server.stop()


@pytest.mark.parametrize("sql", READ + OTHER + WRITE + HIDDEN)
def test_without_allow_path_no_file_is_touched(shut, tree, sql):
    refuses(shut, tree, sql.format(tree / "secret"))


@pytest.mark.parametrize("sql", READ + OTHER + WRITE + HIDDEN)
@pytest.mark.parametrize("way", ["secret", "allowed/../secret", "allowed/link", "allowed-not",
                                 "allowed/deep/../../secret"])
def test_no_way_leads_out_of_the_allowed_folder(served, tree, sql, way):
    refuses(served, tree, sql.format(tree / way))


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow", "json"])
def test_a_link_to_a_file_outside_is_refused(served, tree, kind):
    refuses(served, tree, f"SELECT * FROM '{tree}/allowed/link.{kind}'")
    refuses(served, tree, f"COPY (SELECT 1 AS a) TO '{tree}/allowed/link.{kind}'")


@pytest.mark.parametrize("sql", READ)
@pytest.mark.parametrize("way", ["allowed", "allowed/deep", "secret/../allowed"])
def test_inside_the_allowed_folder_files_are_read(served, tree, sql, way):
    assert get(served, sql.format(tree / way))["n"].to_pylist() == [0, 1, 2]


@pytest.mark.parametrize("sql", WRITE)
def test_inside_the_allowed_folder_files_are_written(served, tree, sql):
    get(served, sql.format(tree / "allowed"))
    [new] = [f for f in os.listdir(tree / "allowed") if f.startswith("new.")]
    assert get(served, f"SELECT * FROM '{tree}/allowed/{new}'")["a"].to_pylist() == [1]
    (tree / "allowed" / new).unlink()


def test_copy_from_inside_appends(served, tree):
    put(served, "filled", numbers(1))
    get(served, f"COPY filled FROM '{tree}/allowed/f.csv'")
    assert get(served, "SELECT * FROM filled")["n"].to_pylist() == [0, 0, 1, 2]


@pytest.mark.parametrize("sql", [
    "INSTALL httpfs", "LOAD httpfs", "LOAD '/tmp/x.duckdb_extension'",
    "ATTACH '{0}/new.db' AS other", "ATTACH ':memory:' AS other", "DETACH memory", "USE memory",
    "EXPORT DATABASE '{0}/out'", "IMPORT DATABASE '{0}/out'",
    "SET enable_external_access = true", "SET allowed_directories = ['/']",
    "SET lock_configuration = false", "PRAGMA enable_profiling",
    "SET temp_directory = '{0}'", "SET home_directory = '{0}'", "SET log_query_path = '{0}/log'",
    "SET profiling_output = '{0}/profile'", "PRAGMA database_list; SELECT 1",
    "CREATE SECRET s (TYPE s3)", "SELECT getenv('HOME')", "CHECKPOINT '{0}/x'",
    "SELECT * FROM duckdb_secrets()", "SELECT * FROM read_duckdb('{0}/x.db')",
    "SELECT * FROM sqlite_scan('{0}/x.db', 't')", "SELECT * FROM 'http://127.0.0.1:1/x.csv'",
    "SELECT * FROM read_csv('/dev/stdin')", "SELECT * FROM read_text('/proc/self/environ')",
    "COPY (SELECT 1) TO '/dev/stdout'", "CALL enable_logging()",
])
def test_neither_extensions_nor_configuration_nor_the_process_are_in_reach(served, tree, sql):
    before = listing(tree)
    if sql.startswith("SELECT * FROM duckdb_secrets"):
        assert len(get(served, sql)) == 0
        return
    with pytest.raises(pa.ArrowException):
        get(served, sql.format(tree / "allowed"))
    assert listing(tree) == before
    assert len(get(served, "SELECT 1 AS a")) == 1


@pytest.mark.parametrize("name", ["enable_external_access", "lock_configuration",
                                  "allow_unsigned_extensions", "autoload_known_extensions"])
def test_duckdbs_locks_are_shut(shut, name):
    value = get(shut, f"SELECT current_setting('{name}') AS v")["v"].to_pylist()[0]
    assert str(value).lower() == ("true" if name == "lock_configuration" else "false")
