"""BACKUP TO: a folder of links that is a database by itself."""
import os
import subprocess


def rows(run, db, sql="SELECT count(*), sum(a) FROM t"):
    return run(db, "-c", sql, "--format", "csv").out.splitlines()[1]


def fill(run, db):
    run(db, "-c", "CREATE TABLE t (a BIGINT, b VARCHAR);"
        "INSERT INTO t SELECT range, 'text of row ' || range FROM range(200000);"
        "INSERT INTO t VALUES (-1, 'hot'); DELETE FROM t WHERE a = 5;"
        "CREATE TABLE k (id INTEGER PRIMARY KEY, v VARCHAR); INSERT INTO k VALUES (1, 'one');"
        "CREATE VIEW v AS SELECT max(a) AS m FROM t;"
        "CREATE TABLE gone (x INTEGER) WITH (storage_mode = 'memory_only'); INSERT INTO gone VALUES (1)")


def test_a_backup_is_a_database_of_its_moment(run, duckdb, tmp_path):
    db, copy = tmp_path / "db", tmp_path / "copy"
    fill(run, db)
    out = run(db, "-c", f"BACKUP TO '{copy}'").out
    run(db, "-c", "DELETE FROM t; INSERT INTO k VALUES (2, 'two'); DROP VIEW v; VACUUM; DROP TABLE t")
    assert rows(run, copy) == "200000,19999899994"
    assert rows(run, copy, "SELECT count(*), max(v) FROM k") == "1,one"
    assert rows(run, copy, "SELECT m FROM v") == "199999"
    assert rows(run, copy, "SELECT count(*) FROM gone") == "0"
    assert "all well" in run("verify", copy).out
    run(copy, "-c", "INSERT INTO t VALUES (1, 'more')")
    assert rows(run, copy).startswith("200001,")
    assert "BACKUP" in out or out == ""


def test_the_next_backup_takes_only_what_is_new(run, duckdb, tmp_path):
    db, copy = tmp_path / "db", tmp_path / "copy"
    fill(run, db)
    run(db, "-c", f"BACKUP TO '{copy}'")
    segment, = copy.glob("segments/**/*.arrow")
    inode = segment.stat().st_ino
    assert inode in {f.stat().st_ino for f in db.glob("segments/**/*.arrow")}  # a link
    run(db, "-c", "INSERT INTO t SELECT range, 'again ' || range FROM range(100000);"
        f"BACKUP TO '{copy}'")
    assert segment.stat().st_ino == inode and len(list(copy.glob("segments/**/*.arrow"))) == 2
    assert rows(run, copy).startswith("300000,")
    run(db, "-c", f"CHECKPOINT; BACKUP TO '{copy}'")  # other segments: the old ones go
    assert len(list(copy.glob("segments/**/*.arrow"))) == 1
    assert rows(run, copy).startswith("300000,")
    assert "all well" in run("verify", copy).out


def test_a_backup_across_file_systems_is_a_copy(run, duckdb, tmp_path):
    db, copy = tmp_path / "db", f"/dev/shm/pyralog-backup-{os.getpid()}"
    fill(run, db)
    try:
        run(db, "-c", f"BACKUP TO '{copy}'")
        assert rows(run, copy) == "200000,19999899994"
        assert "all well" in run("verify", copy).out
        run(db, "-c", f"BACKUP TO '{copy}'")  # nothing is new
        other = tmp_path / "other"
        fill(run, other)
        run(other, "-c", "UPDATE t SET b = b || '!'; CHECKPOINT")
    finally:
        subprocess.run(["rm", "-rf", copy], check=True)


def test_a_folder_with_other_things_is_left_alone(run, tmp_path):
    db, other = tmp_path / "db", tmp_path / "other"
    run(db, "-c", "CREATE TABLE t (a INTEGER)")
    other.mkdir()
    (other / "mine").write_text("mine")
    outcome = run(db, "-c", f"BACKUP TO '{other}'", code=1)
    assert "not a backup" in outcome.err and os.listdir(other) == ["mine"]
    assert "not a backup" in run(db, "-c", f"BACKUP TO '{db}'", code=1).err
    run("-c", f"BACKUP TO '{tmp_path / 'x'}'", code=1)
    outcome = run(db, "-c", f"BEGIN; BACKUP TO '{tmp_path / 'x'}'", code=1)
    assert outcome.err.startswith("error: 25001: ")


def test_another_databases_backup_is_not_mixed_in(run, duckdb, tmp_path):
    one, two, copy = tmp_path / "one", tmp_path / "two", tmp_path / "copy"
    fill(run, one)
    run(two, "-c", "CREATE TABLE t AS SELECT range + 7 AS a FROM range(300000)")
    run(one, "-c", f"BACKUP TO '{copy}'")
    assert "of another database" in run(two, "-c", f"BACKUP TO '{copy}'", code=1).err
    assert rows(run, copy) == "200000,19999899994"


def test_another_databases_backup_is_refused_whatever_its_files_are_called(run, duckdb, tmp_path):
    one, two, moved, copy = (tmp_path / name for name in ("one", "two", "moved", "copy"))
    run(one, "-c", "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)")
    run(two, "-c", "CREATE TABLE u (a INTEGER); INSERT INTO u VALUES (2)")
    run(one, "-c", f"BACKUP TO '{copy}'")
    outcome = run(two, "-c", f"BACKUP TO '{copy}'", code=1)
    assert f"a backup of another database ({one})" in outcome.err
    assert rows(run, copy, "SELECT * FROM t") == "1"
    one.rename(moved)  # the same database all the same
    run(moved, "-c", f"INSERT INTO t VALUES (3); BACKUP TO '{copy}'")
    assert rows(run, copy, "SELECT sum(a) FROM t") == "4"
    (copy / "BACKUP").write_text(str(moved))  # as programs before this one wrote it
    run(moved, "-c", f"INSERT INTO t VALUES (5); BACKUP TO '{copy}'")
    assert rows(run, copy, "SELECT sum(a) FROM t") == "9"
    assert "all well" in run("verify", copy).out


def test_a_backup_has_altered_tables(run, duckdb, tmp_path):
    db, copy = tmp_path / "db", tmp_path / "copy"
    fill(run, db)
    run(db, "-c", f"BACKUP TO '{copy}'; ALTER TABLE t ADD COLUMN c INTEGER DEFAULT 7;"
        "ALTER TABLE t DROP COLUMN b; INSERT INTO t VALUES (-2, 8); ALTER TABLE t RENAME TO u;"
        f"BACKUP TO '{copy}'")
    sql = "SELECT count(*), sum(a), sum(c) FROM u"
    assert rows(run, copy, sql) == rows(run, db, sql) == "200001,19999899992,1400008"
    run(db, "-c", "ALTER TABLE u ALTER c TYPE VARCHAR; DELETE FROM u WHERE a > 9")
    assert rows(run, copy, sql) == "200001,19999899992,1400008"
    run(db, "-c", f"BACKUP TO '{copy}'")
    assert rows(run, copy, "SELECT count(*), max(c || '!') FROM u") == "11,8!"
    assert "all well" in run("verify", copy).out


def test_a_backup_that_somebody_wrote_in_is_no_backup_any_more(run, duckdb, tmp_path):
    db, copy = tmp_path / "db", tmp_path / "copy"
    fill(run, db)
    run(db, "-c", f"BACKUP TO '{copy}'")
    rows(run, copy)  # to look at it is nothing
    run(db, "-c", f"BACKUP TO '{copy}'")
    run(copy, "-c", "INSERT INTO t VALUES (1, 'mine')")
    assert "not a backup" in run(db, "-c", f"BACKUP TO '{copy}'", code=1).err
    assert rows(run, copy).startswith("200001,")


def test_a_backup_that_is_open_is_left_alone(run, duckdb, tmp_path):
    db, copy = tmp_path / "db", tmp_path / "copy"
    fill(run, db)
    run(db, "-c", f"BACKUP TO '{copy}'")
    for options in ([], ["--readonly"]):
        with subprocess.Popen([os.environ["PYRALOG_PROGRAM"], copy, *options, "--format", "csv"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as reader:
            reader.stdin.write("SELECT 1 AS one;\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == "one\n"
            outcome = run(db, "-c", f"BACKUP TO '{copy}'", code=1)
            assert "55006" in outcome.err or "open" in outcome.err
            reader.stdin.close()
            assert reader.wait(60) == 0
    run(db, "-c", f"BACKUP TO '{copy}'")
