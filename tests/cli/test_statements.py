"""Statements from -c, -f and stdin: what is printed where, and how the program leaves."""
import csv
import io
import json
import os
import re
import subprocess
import unicodedata

import pyarrow as pa
import pytest

from conftest import PROGRAM, environment

TABLE = "CREATE TABLE t (a BIGINT, b VARCHAR); INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, '');"
LEDGER_KEYS = {"engine", "rows", "elapsed_ms", "bytes_mapped", "bytes_scanned", "bytes_referenced",
               "bytes_copied", "bytes_decoded", "bytes_sent", "copies", "batches_skipped",
               "peak_memory_bytes"}


def test_box_is_the_default_and_prints_no_decoration_on_a_pipe(run):
    outcome = run("-c", TABLE + "SELECT * FROM t")
    assert outcome.out == ("┌───┬──────┐\n│ a │ b    │\n├───┼──────┤\n│ 1 │ x    │\n│ 2 │ NULL │\n"
                           "│ 3 │      │\n└───┴──────┘\n")
    assert outcome.err == ""


@pytest.mark.parametrize("name, text", [
    ("csv", 'a,b\n1,x\n2,\n3,""\n'),
    ("tsv", 'a\tb\n1\tx\n2\t\n3\t""\n'),
    ("json", '[{"a":1,"b":"x"},\n{"a":2,"b":null},\n{"a":3,"b":""}]\n'),
    ("ndjson", '{"a":1,"b":"x"}\n{"a":2,"b":null}\n{"a":3,"b":""}\n'),
    ("markdown", "| a | b |\n|---:|---|\n| 1 | x |\n| 2 | NULL |\n| 3 |  |\n"),
    ("line", "a = 1\nb = x\n\na = 2\nb = NULL\n\na = 3\nb = \n"),
])
def test_every_text_format(run, name, text):
    assert run("-c", TABLE + "SELECT * FROM t", "--format", name).out == text


TEXT_VALUES = [
    "'f47ac10b-58cc-4372-a567-0e02b2c3d479'::UUID", "TIMETZ '12:00:00.5-02:30:15'", "TIMETZ '23:59:59+00'",
    "'0010111'::BIT", "'1'::BIT", "1::UHUGEINT", "340282366920938463463374607431768211455::UHUGEINT",
    "0::BIGNUM", "(-123456789012345678901234567890123456789012345::BIGNUM)", "256::BIGNUM",
    "170141183460469231731687303715884105727", "1.50::DECIMAL(10,2)", "(-0.05)::DECIMAL(38,10)",
    "'nan'::DOUBLE", "'-inf'::FLOAT", "1e20", "1e-7", "0.1::FLOAT", "'\\x00\\xffa'::BLOB",
    "DATE '0044-03-15 (BC)'", "'infinity'::TIMESTAMP", "TIMESTAMP_NS '2024-01-01 00:00:00.123456789'",
    "INTERVAL '1 month 2 days 3.5 seconds'", "[1, NULL, 3]", "['a,b', NULL, '', 'null']",
    "{'x': NULL, 'y': 'q\"z'}", "MAP {'k': [1.5]}", "{'a': {'b': [{'c': DATE '2024-01-01'}]}}",
    "union_value(n := 3)", "[1, 2]::INT[2]", "'x'::ENUM('x', 'y')",
]


def test_values_print_as_duckdb_casts_them_to_text(run, duckdb):
    columns = ", ".join(f"{value} AS a{i}, CAST({value} AS VARCHAR) AS b{i}" for i, value in enumerate(TEXT_VALUES))
    (row,) = csv.DictReader(io.StringIO(run("--format", "csv", "-c", f"SELECT {columns}").out))
    for i, value in enumerate(TEXT_VALUES):
        assert row[f"a{i}"] == row[f"b{i}"], value


JSON_VALUES = [
    ("1.50::DECIMAL(10,2)", "1.50"), ("0.05::DECIMAL(3,2)", "0.05"), ("'nan'::DOUBLE", "null"),
    ("'-inf'::FLOAT", "null"), ("'\\x00\\xff'::BLOB", '"AP8="'), ("NULL", "null"), ("''", '""'),
    ("'f47ac10b-58cc-4372-a567-0e02b2c3d479'::UUID", '"f47ac10b-58cc-4372-a567-0e02b2c3d479"'),
    ("340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455"),
    ("[1.0::DECIMAL(2,1), NULL]", "[1.0,null]"), ("{'x': 'nan'::DOUBLE, 'b': 'a'::BLOB}", '{"x":null,"b":"YQ=="}'),
    ("MAP {1: 'x'}", '[{"key":1,"value":"x"}]'), ("DATE '2024-02-29'", '"2024-02-29"'), ("true", "true"),
    ("chr(1) || 'ü' || chr(10)", '"\\u0001ü\\n"'),
]


def test_values_in_json(run, duckdb):
    columns = ", ".join(f"{value} AS a{i}" for i, (value, _) in enumerate(JSON_VALUES))
    wanted = ",".join(f'"a{i}":{text}' for i, (_, text) in enumerate(JSON_VALUES))
    out = run("-c", f"SELECT {columns}", "--format", "ndjson").out
    assert out == "{" + wanted + "}\n"
    assert run("-c", f"SELECT {columns}", "--format", "json").out == f"[{out.strip()}]\n"
    json.loads(out)


def test_doubles_in_csv_read_back_as_the_same_doubles(run, tmp_path):
    values = [0.1, 1e300, 5e-324, -0.0, 123456789.123456789, 1e16, 3.0, 1 / 3, 2.0**70]
    sink = pa.BufferOutputStream()
    table = pa.table({"x": values})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    run("ingest", tmp_path / "db", "d", "-", input=sink.getvalue().to_pybytes(), text=False)
    out = run(tmp_path / "db", "-c", "SELECT x FROM d", "--format", "csv").out
    got = [float(row["x"]) for row in csv.DictReader(io.StringIO(out))]
    assert [g.hex() for g in got] == [v.hex() for v in values]


def test_c_and_f_run_in_the_order_given_and_stop_at_the_first_error(run, tmp_path):
    script = tmp_path / "s.sql"
    script.write_text("-- a comment\nINSERT INTO t VALUES (7, 'seven');\nSELECT b, c FROM t;\nSELECT 1")
    outcome = run("-c", TABLE, "-f", script, "-c", "SELECT 2", code=1)
    assert outcome.out == ""
    lines = outcome.err.splitlines()
    assert lines[0].startswith("error: 42703: ")
    assert lines[1] == "SELECT b, c FROM t;"
    assert lines[2] == "          ^"


def test_keep_going_runs_the_rest_and_still_exits_1(run):
    outcome = run("--keep-going", "--format", "csv", code=1, input="SELECT 1 AS a;\nSELEC;\nSELECT 2 AS b\n")
    assert outcome.out == "a\n1\nb\n2\n"
    assert outcome.err.startswith("error: 42601: ")


def test_stdin_stops_at_the_first_error(run):
    outcome = run("--format", "csv", code=1, input="SELECT 1 AS a;\nSELEC;\nSELECT 2 AS b\n")
    assert outcome.out == "a\n1\n"


def test_statements_on_stdin_run_as_they_arrive():
    process = subprocess.Popen([PROGRAM, "--format", "csv"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, env=environment())
    try:
        for i in range(3):
            process.stdin.write(f"SELECT {i}\nAS a;\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == b"a\n"
            assert process.stdout.readline() == f"{i}\n".encode()
        process.stdin.close()
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_a_large_insert_on_stdin_is_one_statement(run):
    values = ",\n".join(f"({i})" for i in range(20000))
    outcome = run("--format", "csv", input=f"CREATE TABLE n (i BIGINT);INSERT INTO n VALUES {values};"
                  "SELECT COUNT(*) AS c FROM n")
    assert outcome.out == "c\n20000\n"


def test_the_caret_points_at_the_place_in_the_right_line(run):
    outcome = run("-c", TABLE, "-c", "SELECT a\n  FROM nowhere", code=1)
    assert outcome.err.startswith("error: 42P01: ")
    assert outcome.err.endswith("\n  FROM nowhere\n       ^\n")
    outcome = run("-c", "INSERT INTO 表 VALUES (1); SELECT 1", code=1)
    assert outcome.err.splitlines()[1:] == ["INSERT INTO 表 VALUES (1); SELECT 1", "            ^"]


def test_timer_and_ledger_say_one_line_a_statement_on_stderr(run):
    outcome = run("-c", TABLE + "SELECT * FROM t", "--timer", "--ledger", "--format", "csv")
    lines = outcome.err.splitlines()
    assert len(lines) == 6
    for time_line, ledger_line in zip(lines[::2], lines[1::2]):
        assert time_line.startswith("time: ") and time_line.endswith(" ms")
        assert float(time_line.split()[1]) >= 0
        assert LEDGER_KEYS <= json.loads(ledger_line).keys()
    last = json.loads(lines[-1])
    assert last["rows"] == 3
    assert last["engine"] == "native"
    assert last["bytes_copied"] == 0
    assert last["bytes_encoded"] == len(outcome.out)
    assert json.loads(lines[3])["copies"]


def test_output_takes_its_format_from_the_suffix_and_keeps_the_last_result(run, tmp_path):
    for name in ("r.csv", "r.json", "r.arrow", "r.arrows", "r.txt"):
        run("-c", TABLE + "SELECT 'a longer line before' AS z; SELECT a FROM t LIMIT 1; CREATE TABLE u (a INT)",
            "--output", tmp_path / name)
    assert (tmp_path / "r.csv").read_text() == "a\n1\n"
    assert json.loads((tmp_path / "r.json").read_text()) == [{"a": 1}]
    assert pa.ipc.open_file(str(tmp_path / "r.arrow")).read_all().to_pydict() == {"a": [1]}
    with open(tmp_path / "r.arrows", "rb") as file:
        assert pa.ipc.open_stream(file).read_all().to_pydict() == {"a": [1]}
    assert "│ a │" in (tmp_path / "r.txt").read_text()
    run("-c", "SELECT 1 AS a", "--output", tmp_path / "x.csv", "--format", "json")
    assert json.loads((tmp_path / "x.csv").read_text()) == [{"a": 1}]
    assert "COPY" in run("-c", "SELECT 1", "--output", tmp_path / "x.parquet", code=2).err


@pytest.mark.parametrize("way", ["command", "file", "stdin"])
def test_arrow_on_stdout_is_one_stream_of_the_last_result(run, tmp_path, way):
    sql = TABLE + "SELECT 1 AS z; SELECT * FROM t; CREATE TABLE u (a INT);"
    script = tmp_path / "s.sql"
    script.write_text(sql)
    if way == "stdin":
        out = run("--format", "arrow", input=sql.encode(), text=False).out
    else:
        arguments = ("-c", sql) if way == "command" else ("-f", script)
        out = run("--format", "arrow", *arguments, text=False).out
    table = pa.ipc.open_stream(out).read_all()
    assert table.to_pydict() == {"a": [1, 2, 3], "b": ["x", None, ""]}


def test_parameters_bind_from_the_left_in_every_statement_that_names_them(run):
    outcome = run("--param", "7", "--param", "it's", "--format", "csv",
                  "-c", "SELECT $1 AS x; SELECT $2 AS y; SELECT 3 AS z; SELECT ? AS x")
    assert outcome.out == "x\n7\ny\nit's\nz\n3\nx\n7\n"
    assert "42P02" in run("--param", "7", "-c", "SELECT $2", code=1).err


def test_parameters_take_the_type_the_statement_needs(run, duckdb):
    outcome = run("--param", "2", "--param", "2024-02-29", "--format", "csv", "-c", TABLE +
                  "SELECT a, b FROM t WHERE a = $1; INSERT INTO t VALUES ($1, $2);"
                  "SELECT a FROM t WHERE a > $1 - 1 AND b = $2;"
                  "SELECT DATE '2024-02-28' + 1 = CAST($2 AS DATE) AS same FROM t WHERE a = $1 LIMIT 1")
    assert outcome.out == "a,b\n2,\na\n2\nsame\ntrue\n"


@pytest.mark.parametrize("value, sql, answer", [
    ("2", "SELECT a FROM t WHERE a BETWEEN $1 - 1 AND $1", "1\n2\n"),
    ("-2", "SELECT abs($1) AS x", "2\n"),
    ("1.50", "SELECT -$1 AS x", "-1.50\n"),
    ("1e3", "SELECT $1 + 1 AS x", "1001.0\n"),
    ("12345678901234567890", "SELECT $1 + 1 AS x", "12345678901234567891\n"),
    ("3", "SELECT count(*) AS n FROM range($1)", "3\n"),
    ("007", "SELECT $1 AS x", "007\n"),
    ("7", "SELECT typeof($1) AS x", "VARCHAR\n"),
    ("2024-02-28", "SELECT CAST($1 AS DATE) + 1 AS x", "2024-02-29\n"),
])
def test_parameters_that_can_only_be_numbers_are_numbers(run, duckdb, value, sql, answer):
    outcome = run("--param", value, "--format", "csv", "-c", TABLE + sql)
    assert outcome.out.split("\n", 1)[1] == answer


def test_statements_with_parameters_act_once(run, duckdb):
    outcome = run("--param", "7", "--param", "x", "--format", "csv", "-c", TABLE +
                  "PREPARE p AS INSERT INTO t VALUES ($1, 'p'); EXECUTE p($1); EXECUTE p($1 - 1); EXECUTE p(length($2));"
                  "INSERT INTO t SELECT abs($1) + a, $2 FROM t WHERE a = $1; CREATE TABLE u AS SELECT $1 + 1 AS n;"
                  "SELECT a, b FROM t WHERE a = 1 OR a > 5 ORDER BY a, b; SELECT n FROM u; EXPLAIN ANALYZE SELECT $1 + 1")
    assert outcome.out.startswith("a,b\n1,p\n1,x\n6,p\n7,p\n14,x\nn\n8\nplan\n")


def test_a_statement_that_no_parameter_fits_says_so_once_and_changes_nothing(run, duckdb):
    outcome = run("--param", "x", "--keep-going", "--format", "csv", code=1, input=TABLE +
                  "INSERT INTO t SELECT $1 - 1, 'y';\nINSERT INTO t SELECT 10 // (a - 1), $1 FROM t;\n"
                  "SELECT count(*) AS n FROM t;")
    assert [line for line in outcome.err.splitlines() if line.startswith("error: ")][0].startswith("error: 42804: ")
    outcome = run("--param", "2", "--format", "csv", input=TABLE +
                  "INSERT INTO t SELECT $1 - 1, 'y';SELECT count(*) AS n FROM t;")
    assert outcome.out == "n\n4\n"


@pytest.mark.parametrize("state, sql", [
    ("42601", "SELEC 1"), ("42P01", "SELECT * FROM nowhere"), ("42703", "SELECT nothing FROM t"),
    ("42883", "SELECT nothing(1)"), ("3F000", "CREATE TABLE nowhere.t (a INT)"),
    ("22003", "SELECT 9223372036854775807::BIGINT + 1"), ("23502", "INSERT INTO n VALUES (NULL)"),
    ("0A000", "ATTACH 'x.db'"), ("42P07", "CREATE TABLE t (a INT)"), ("42704", "SET nothing = 1"),
    ("26000", "EXECUTE nothing"), ("42P02", "SELECT $1"), ("57014", "SET statement_timeout = 1; SELECT count(*) FROM range(100000000000)"),
])
def test_errors_have_postgresqls_states_and_one_line(run, duckdb, state, sql):
    outcome = run("-c", TABLE + "CREATE TABLE n (a INT NOT NULL)", "-c", sql, code=1)
    lines = outcome.err.splitlines()
    assert lines[0].startswith(f"error: {state}: ")
    assert len(lines) in (1, 3)
    if len(lines) == 3:
        assert lines[1] in sql and re.fullmatch(r" *\^", lines[2])


@pytest.mark.parametrize("sql, line, under", [
    ("SELECT 1,\n\tx\nFROM t", " x", "x"),
    ("SELECT 'é東' AS a, nothing FROM t", "SELECT 'é東' AS a, nothing FROM t", "nothing"),
    ("SELECT 1;\r\nSELECT\r\n  nothing FROM t\r\n;", "  nothing FROM t", "nothing"),
    ("SELECT " + "1, " * 100 + "nothing FROM t", None, "nothing"),
    ("SELECT (1", "SELECT (1", None),
])
def test_the_caret_stands_under_the_place(run, duckdb, sql, line, under):
    outcome = run("-c", TABLE, "--format", "csv", "-c", sql, code=1)
    _, shown, caret = outcome.err.splitlines()
    assert shown == line if line is not None else len(shown) <= 100
    if under is not None:
        before = shown[:shown.index(under)]
        wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in before)
        assert caret == " " * wide + "^"


def test_nothing_of_progress_is_seen_on_a_pipe(run, duckdb):
    outcome = run("-c", "SET statement_timeout = 3", "-c", "SELECT count(*) FROM range(100000000000)", code=1)
    assert outcome.out == "" and outcome.err.startswith("error: 57014: ") and "\r" not in outcome.err


def test_explain_is_text_or_json_and_analyze_adds_the_ledger(run):
    def rows(sql):
        return [row["plan"] for row in csv.DictReader(io.StringIO(run("-c", TABLE + sql, "--format", "csv").out))]

    lines = rows("EXPLAIN SELECT a FROM t LIMIT 2")
    assert lines[0].startswith("engine: native (") and lines[1] == "LIMIT 2"
    assert "SCAN t: 1 segments, 3 rows, columns a" in lines[-1]
    lines = rows("EXPLAIN ANALYZE SELECT a FROM t LIMIT 2")
    said = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    assert LEDGER_KEYS - {"engine", "copies"} <= said.keys()
    assert said["rows"] == "2" and said["bytes_copied"] == "0"
    plan = "\n".join(rows("SET engine = 'native'; EXPLAIN ANALYZE SELECT a FROM t ORDER BY b, a LIMIT 2"))
    assert re.search(r"LIMIT 2 OFFSET 0 \[2 rows, .*SORT [^\n]* \[2 rows, .*SCAN t [^\n]* \[3 rows, ", plan, re.DOTALL)
    (text,) = rows("EXPLAIN (FORMAT JSON) SELECT a FROM t LIMIT 2")
    plan = json.loads(text)
    assert plan["engine"] == "native" and plan["plan"].startswith("LIMIT 2")
    (text,) = rows("EXPLAIN (ANALYZE, FORMAT JSON) SELECT a FROM t LIMIT 2")
    ledger = json.loads(text)["ledger"]
    assert LEDGER_KEYS <= ledger.keys() and ledger["rows"] == 2


def test_options_come_from_the_environment_and_the_command_line_wins(run, tmp_path):
    sql = ("-c", "SELECT 1 AS a")
    assert run(*sql, env={"PYRALOG_FORMAT": "csv"}, ).out == "a\n1\n"
    assert run(*sql, "--format", "ndjson", env={"PYRALOG_FORMAT": "csv"}).out == '{"a":1}\n'
    assert run(*sql, env={"PYRALOG_TIMER": "on"}).err.startswith("time: ")
    assert run(*sql, env={"PYRALOG_TIMER": "0"}).err == ""
    assert "neither true nor false" in run(*sql, env={"PYRALOG_TIMER": "maybe"}, code=2).err
    out = run("-c", "SHOW engine", "-c", "SHOW threads", "--format", "csv",
              env={"PYRALOG_SET": "engine=native,threads=3"}).out
    assert "native" in out and "3" in out
    assert run(*sql, env={"PYRALOG_OUTPUT": str(tmp_path / "x.csv")}).out == ""
    assert (tmp_path / "x.csv").read_text() == "a\n1\n"
    # What says what to do comes from nowhere else.
    assert run(input="SELECT 2 AS b;", env={"PYRALOG_COMMAND": "SELECT 1"}).out.startswith("┌")


def test_a_reader_may_run_beside_a_writer_but_no_second_writer(run, tmp_path):
    db = tmp_path / "db"
    run(db, "-c", TABLE)
    writer = subprocess.Popen([PROGRAM, db, "--format", "csv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=environment())
    try:
        writer.stdin.write(b"SELECT 1 AS a;\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == b"a\n"  # it has the database open
        assert run(db, "--readonly", "-c", "SELECT a FROM t LIMIT 1", "--format", "csv").out == "a\n1\n"
        outcome = run(db, "-c", "SELECT 1", code=1)
        assert str(writer.pid) in outcome.err and "--readonly" in outcome.err
    finally:
        writer.communicate(timeout=60)


def test_a_script_may_begin_with_its_interpreter_and_end_without_a_semicolon(run, tmp_path):
    script = tmp_path / "s"
    script.write_text("#!/usr/bin/env -S pyralog -f\n-- a comment; not a statement\n.mode csv\nSELECT ';' AS a; /* ; */ SELECT 2 AS b")
    assert run("-f", script).out == "a\n;\nb\n2\n"
    assert run(input=script.read_text()).out == "a\n;\nb\n2\n"
    assert run("-f", "-", input="SELECT 1 AS a;\n.mode csv\nSELECT 2 AS b").out.endswith("b\n2\n")
    outcome = run("-f", tmp_path / "nowhere", code=1)
    assert "nowhere" in outcome.err and outcome.err.count("\n") == 1
    assert run("-c", "").out == "" and run("-c", ";;").out == "" and run(input="").out == ""


def test_several_results_on_stdout_follow_each_other(run):
    out = run("-c", "SELECT 1 AS a; SELECT 2 AS b", "--format", "json").out
    assert out == '[{"a":1}]\n[{"b":2}]\n'


def test_settings_and_readonly(run, tmp_path):
    db = tmp_path / "db"
    run(db, "-c", TABLE)
    assert "native" in run(db, "--set", "engine=native", "-c", "SHOW engine", "--format", "csv").out
    assert "42704" in run("--set", "colour=blue", "-c", "SELECT 1", code=2).err
    outcome = run(db, "--readonly", "-c", "INSERT INTO t VALUES (9, 'n')", code=1)
    assert outcome.err.startswith("error: 25006: ")
    assert run(db, "--readonly", "-c", "SELECT a FROM t LIMIT 1", "--format", "csv").out == "a\n1\n"
    assert run(db, "-c", "SELECT a FROM t LIMIT 1", env={"PYRALOG_FORMAT": "csv"}).out == "a\n1\n"


def test_wrong_usage_exits_2_with_a_hint(run):
    assert "did you mean --format?" in run("--formt", "csv", code=2).err
    assert "not one of box, csv" in run("--format", "xml", code=2).err
    assert "needs a value" in run("-c", code=2).err
    assert 'did you mean "pyralog serve"?' in run("serv", "db", code=2).err
    assert "too few" in run("ingest", "db", code=2).err
    assert "--user is for a remote database" in run("--user", "me", "-c", "SELECT 1", code=2).err
    for outcome in (run("--nope", code=2), run("help", "nope", code=2)):
        assert outcome.err.startswith("error: 22023: ") and outcome.err.count("\n") == 1


def test_what_later_versions_bring_is_refused_by_name(run):
    for arguments in (["user", "list", "f"], ["grpc://127.0.0.1:1", "-c", "SELECT 1"]):
        outcome = run(*arguments, code=1)
        assert outcome.err.startswith("error: 0A000: ")


def test_help_and_version(run):
    assert run("version").out == run("--version").out
    assert run("version").out.startswith("pyralog 0.")
    everything = run("help").out
    for word in ("serve", "ingest", "inspect", "verify", "--keep-going", "--param"):
        assert word in everything
    assert "--allow-path" in run("help", "serve").out
    assert "--replace" in run("ingest", "--help").out


def test_a_reader_that_leaves_early_is_no_error(run):
    sql = "CREATE TABLE n (i VARCHAR); INSERT INTO n VALUES " + ",".join(["('%s')" % ("x" * 500)] * 4000)
    process = subprocess.Popen([PROGRAM, "--format", "csv"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    process.stdin.write((sql + "; SELECT * FROM n;").encode())
    process.stdin.close()
    assert process.stdout.readline() == b"i\n"
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_full_disk_is_an_error_that_names_it(run):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    with open("/dev/full", "wb") as full:
        completed = subprocess.run([PROGRAM, "-c", "SELECT 1"], stdout=full, stderr=subprocess.PIPE,
                                   env=environment(), timeout=60)
    assert completed.returncode == 1
    assert completed.stderr.startswith(b"error: 53100: stdout")


def test_dot_commands_in_a_script(run, tmp_path):
    inner = tmp_path / "inner.sql"
    inner.write_text("SELECT a FROM t LIMIT 1;\n")
    target = tmp_path / "out.csv"
    script = (TABLE + f"\n.tables\n.schema t\n.mode csv\n.read {inner}\n.output {target}\n"
              "SELECT a FROM t;\nSELECT 5 AS five;\n.output\n.timer on\nSELECT 6 AS six;\n.quit\nSELECT 7;\n")
    outcome = run(input=script)
    assert outcome.out == "t\nCREATE TABLE t (a BIGINT, b VARCHAR);\na\n1\nsix\n6\n"
    assert target.read_text() == "a\n1\n2\n3\nfive\n5\n"
    assert outcome.err.startswith("time: ")
    assert "did you mean .tables?" in run(input=".tabels\nSELECT 1;\n", code=1).err
    assert "42P01" in run(input=".schema nowhere\n", code=1).err
    loop = tmp_path / "loop.sql"
    loop.write_text(f".read {loop}\n")
    assert "54000" in run(input=f".read {loop}\n", code=1).err
