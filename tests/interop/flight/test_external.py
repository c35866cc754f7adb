"""External tables over the network: read without a path right, made only with one."""
import pyarrow as pa
import pyarrow.flight as fl
import pyarrow.parquet as pq
import pytest

from conftest import numbers, put, shell

pytestmark = pytest.mark.usefixtures("duckdb")


@pytest.fixture
def database(tmp_path):
    """p and a over files of a folder that no session may read by itself."""
    folder = tmp_path / "secret"
    folder.mkdir()
    table = numbers(3)
    pq.write_table(table, folder / "f.parquet")
    with pa.ipc.new_file(str(folder / "f.arrow"), table.schema) as writer:
        writer.write_table(table)
    (folder / "other.csv").write_text("n\n1\n")
    shell(tmp_path / "db", "-c", f"CREATE EXTERNAL TABLE p STORED AS PARQUET LOCATION '{folder}/*.parquet'",
          "-c", f"CREATE EXTERNAL TABLE a STORED AS ARROW LOCATION '{folder}/f.arrow'")
    return tmp_path / "db"


def refused(server, sql):
    with pytest.raises(fl.FlightError) as caught:
        server.query(sql)
    assert "42501" in str(caught.value), caught.value


def test_registered_tables_are_read_without_a_path_right(database, serve):
    server = serve(database)
    for name in ("p", "a"):
        assert server.query(f"SELECT n FROM {name} ORDER BY n")["n"].to_pylist() == [0, 1, 2]
    assert server.query("SELECT count(*) AS c FROM p JOIN a USING (n)")["c"].to_pylist() == [3]
    folder = database.parent / "secret"
    refused(server, f"SELECT * FROM read_parquet('{folder}/f.parquet')")
    refused(server, f"SELECT * FROM p, read_csv('{folder}/other.csv')")
    refused(server, f"SELECT * FROM p, '{folder}/f.arrow'")


def test_a_changed_file_is_read_there_too(database, serve):
    server = serve(database)
    pq.write_table(numbers(5), database.parent / "secret" / "f.parquet")
    pq.write_table(numbers(2), database.parent / "secret" / "g.parquet")
    assert server.query("SELECT count(*) AS c FROM p")["c"].to_pylist() == [7]
    states = server.query("SELECT state FROM pyralog.external_files WHERE \"table\" = 'p'")["state"].to_pylist()
    assert states == ["changed", "new"]


def test_descriptors_and_listing_know_them(database, serve):
    client = serve(database).connect()
    listed = {info.descriptor.path[0].decode(): info for info in client.list_flights()}
    assert set(listed) == {"p", "a"}
    for name in ("p", "a"):
        info = client.get_flight_info(fl.FlightDescriptor.for_path(name))
        assert info.schema.names == numbers(1).schema.names
        assert client.do_get(info.endpoints[0].ticket).read_all()["n"].to_pylist() == [0, 1, 2]


def test_making_one_needs_the_path_right(database, serve):
    folder = database.parent / "secret"
    create = f"CREATE EXTERNAL TABLE q STORED AS PARQUET LOCATION '{folder}/f.parquet'"
    refused(serve(database), create)
    refused(serve(":memory:"), create)
    allowed = serve(":memory:", "--allow-path", folder)
    allowed.query(create)
    assert allowed.query("SELECT count(*) AS c FROM q")["c"].to_pylist() == [3]


def test_a_link_out_of_the_folder_is_refused(tmp_path, serve):
    (tmp_path / "open").mkdir()
    pq.write_table(numbers(1), tmp_path / "secret.parquet")
    (tmp_path / "open" / "link.parquet").symlink_to(tmp_path / "secret.parquet")
    server = serve(":memory:", "--allow-path", tmp_path / "open")
    for location in ("open", "open/*.parquet", "open/link.parquet", "open/../secret.parquet"):
        refused(server, f"CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{tmp_path}/{location}'")


def test_put_into_one_is_refused(database, serve):
    with pytest.raises(pa.ArrowException) as caught:
        put(serve(database).connect(), "p", numbers(1))
    assert "42809" in str(caught.value)


def test_a_name_that_looks_like_a_pattern_is_that_file_alone(database, serve):
    folder = database.parent / "secret"
    for suffix, options in (("csv", "(FORMAT csv)"), ("parquet", "(FORMAT parquet)")):
        for n, name in enumerate(("w1", "w[1]", "w[1]?*")):
            shell(":memory:", "-c", f"COPY (SELECT {n} AS n) TO '{folder}/{name}.{suffix}' {options}")
        shell(database, "-c", f"CREATE EXTERNAL TABLE w_{suffix} STORED AS {suffix} LOCATION '{folder}/w*.{suffix}'")
    server = serve(database)
    for suffix in ("csv", "parquet"):
        assert server.query(f"SELECT n FROM w_{suffix} ORDER BY n")["n"].to_pylist() == [0, 1, 2]


def test_a_lent_file_is_read_through_its_table_alone(database, serve):
    folder = database.parent / "secret"
    (folder / "people.csv").write_text("name,salary\nada,12345\n")
    (folder / "people.json").write_text('{"name": "ada", "salary": 12345}\n')
    shell(database, *[part for suffix in ("csv", "json") for part in (
        "-c", f"CREATE EXTERNAL TABLE people_{suffix} (name VARCHAR) STORED AS {suffix} "
              f"LOCATION '{folder}/people.{suffix}'")],
        "-c", f"CREATE VIEW peek AS SELECT * FROM system.main.read_csv('{folder}/people.csv'), people_csv",
        "-c", f"CREATE VIEW named AS SELECT * FROM '{folder}/people.csv', people_csv",
        "-c", f"CREATE MACRO read_csv_auto(f) AS TABLE SELECT * FROM system.main.read_csv(f)")
    server = serve(database)
    assert server.query("SELECT name FROM people_csv NATURAL JOIN people_json")["name"].to_pylist() == ["ada"]
    csv, parquet, json = (f"{folder}/{name}" for name in ("people.csv", "f.parquet", "people.json"))
    functions = [f"{function}('{csv}')" for function in (
        "read_csv", "read_csv_auto", "main.read_csv", "system.main.read_csv_auto", '"read_csv"', "read_text",
        "read_blob", "sniff_csv", "READ_CSV /* */ ")]
    functions += [f"{function}('{parquet}')" for function in (
        "read_parquet", "parquet_scan", "parquet_metadata", "parquet_schema", "parquet_kv_metadata",
        "parquet_file_metadata")]
    functions += [f"{function}('{json}')" for function in (
        "read_json", "read_json_auto", "read_json_objects", "read_ndjson", "read_ndjson_objects")]
    names = [f"'{csv}'", f'"{csv}"', f"'{parquet}'", f"'{json}'", f"query_table('{csv}')",
             f"query_table('{str(csv)[:-3]}' || 'csv')", f"(DESCRIBE '{csv}')", f"(SUMMARIZE '{csv}')"]
    for read in functions + names:
        refused(server, f"SELECT * FROM people_csv, people_json, p, {read}")
        refused(server, f"SELECT 'people_csv', 'people_json', 'p' FROM {read}")
    refused(server, "SELECT * FROM peek")
    refused(server, "SELECT * FROM named")
    refused(server, f"PIVOT '{csv}' ON salary USING count(name || 'people_csv')")


def test_a_session_reads_other_files_beside_a_table_of_its_folders(database, serve):
    folder = database.parent / "secret"
    server = serve(database, "--allow-path", folder)
    assert server.query(f"SELECT f.n AS n FROM p, '{folder}/other.csv' AS f WHERE p.n = f.n")["n"].to_pylist() == [1]


@pytest.fixture
def lake(tmp_path):
    """A folder for a session's tables, and one beside it with a file that is not for it."""
    for name in ("open/sub/deep", "secret/deep"):
        (tmp_path / name).mkdir(parents=True)
    for name, text in (("open/sub/f.csv", "n\n1\n"), ("open/sub/deep/f.csv", "n\n2\n"), ("secret/f.csv", "n\n99\n"),
                       ("secret/deep/f.csv", "n\n98\n")):
        (tmp_path / name).write_text(text)
    return tmp_path


def locations(folder):
    return {"pattern": f"{folder}/open/sub/*.csv", "folder": f"{folder}/open/sub", "file": f"{folder}/open/sub/f.csv",
            "deep": f"{folder}/open/*/deep/f.csv", "climbing": f"{folder}/open/sub/../sub/*.csv"}


def test_what_comes_to_a_location_by_a_link_is_not_read(lake, serve):
    db, sub = lake / "db", lake / "open" / "sub"
    server = serve(db, "--allow-path", lake / "open")
    for name, location in locations(lake).items():
        server.query(f"CREATE EXTERNAL TABLE {name} STORED AS CSV LOCATION '{location}'")
    (sub / "g.csv").write_text("n\n3\n")
    (sub / "inside.csv").symlink_to(sub / "deep" / "f.csv")
    assert sorted(server.query("SELECT n FROM pattern")["n"].to_pylist()) == [1, 2, 3]
    (sub / "out.csv").symlink_to(lake / "secret" / "f.csv")
    (lake / "open" / "other").symlink_to(lake / "secret")
    for name in ("pattern", "folder", "deep", "climbing"):
        refused(server, f"SELECT n FROM {name}")
        refused(server, f"ALTER EXTERNAL TABLE {name} REFRESH")
    assert server.query("SELECT n FROM file")["n"].to_pylist() == [1]
    server.stop()
    # Who may read it takes it in for all.
    shell(db, "-c", "ALTER EXTERNAL TABLE pattern REFRESH")
    server = serve(db)
    assert sorted(server.query("SELECT n FROM pattern")["n"].to_pylist()) == [1, 2, 3, 99]
    refused(server, "SELECT n FROM folder")


def test_a_folder_that_becomes_a_link_is_not_followed(lake, serve):
    server = serve(":memory:", "--allow-path", lake / "open")
    for name, location in locations(lake).items():
        server.query(f"CREATE EXTERNAL TABLE {name} STORED AS CSV LOCATION '{location}'")
    server.query(f"CREATE EXTERNAL TABLE later (n INT) STORED AS CSV LOCATION '{lake}/open/later//x/*.csv'")
    (lake / "open" / "sub").rename(lake / "moved")
    (lake / "open" / "sub").symlink_to(lake / "secret")
    (lake / "open" / "later").mkdir()
    (lake / "open" / "later" / "x").symlink_to(lake / "secret")
    for name in (*locations(lake), "later"):
        refused(server, f"SELECT n FROM {name}")
    (lake / "open" / "later" / "x").unlink()
    (lake / "open" / "later" / "x").mkdir()
    (lake / "open" / "later" / "x" / "f.csv").write_text("n\n7\n")
    assert server.query("SELECT n FROM later")["n"].to_pylist() == [7]
