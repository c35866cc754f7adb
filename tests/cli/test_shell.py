"""The shell on a pseudo terminal."""
import os
import re

import pytest

PROMPT = r"pyralog> "
MORE = r"    \.\.\.> "


def plain(text):
    """Without escape sequences and carriage returns."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)


def ask(shell, sql):
    """One statement; what the shell printed before it prompts again."""
    shell.line(sql)
    shell.expect(r"\n")
    before, _ = shell.expect(PROMPT)
    return plain(before)


def test_a_statement_may_take_several_lines(terminal):
    shell = terminal()
    shell.expect(PROMPT)
    shell.line("SELECT 'a;")
    shell.expect(MORE)
    shell.line("b' AS x, -- a comment;")
    shell.expect(MORE)
    shell.line("2 AS y;")
    before, _ = shell.expect(PROMPT)
    assert "│ a;\\nb   │       2 │" in plain(before)
    assert "1 row" in plain(before)
    shell.line(".quit")
    assert shell.leave() == 0


def test_results_on_a_terminal_have_types_a_footer_and_an_elided_middle(terminal):
    shell = terminal(columns=60)
    shell.expect(PROMPT)
    assert "CREATE TABLE" in ask(shell, "CREATE TABLE t (a BIGINT);")
    rows = ",".join(f"({i})" for i in range(100))
    shell.line(f"INSERT INTO t VALUES {rows};")
    shell.expect("INSERT 100")
    shell.expect(PROMPT)
    text = ask(shell, "SELECT * FROM t;")
    assert "│ BIGINT │" in text
    assert "│     19 │" in text and "│     20 │" not in text and "│     80 │" in text
    assert "100 rows (40 shown)" in text
    assert "error: 42P01" in ask(shell, "SELECT * FROM nowhere;")
    assert "│      1 │" in ask(shell, "SELECT a FROM t LIMIT 3;")


def test_history_comes_back_and_is_kept(terminal, tmp_path):
    shell = terminal()
    shell.expect(PROMPT)
    ask(shell, "SELECT 41 AS n;")
    shell.line("SELECT 42")
    shell.expect(MORE)
    shell.line("AS m;")
    shell.expect(PROMPT)
    shell.send("\x1b[A\r")  # up: the two lines are one statement again
    before, _ = shell.expect(r"1 row")
    assert "SELECT 42 AS m;" in plain(before)
    shell.expect(PROMPT)
    shell.send("\x04")
    assert shell.leave() == 0
    assert (tmp_path / ".pyralog_history").stat().st_mode & 0o077 == 0
    shell = terminal()
    shell.expect(PROMPT)
    shell.send("\x1b[A\x1b[A\r")
    before, _ = shell.expect(r"1 row")
    assert "│      41 │" in plain(before)


def test_a_statement_with_comments_comes_back_as_one(terminal, tmp_path):
    shell = terminal()
    shell.expect(PROMPT)
    shell.line("SELECT '--' AS a, -- the first; of two")
    shell.expect(MORE)
    shell.line("2 AS \"b--c\" -- the second")
    shell.expect(MORE)
    shell.line(";")
    shell.expect("1 row")
    shell.expect(PROMPT)
    shell.line("SELECT 'over")
    shell.expect(MORE)
    shell.line("lines' AS d;")
    shell.expect("1 row")
    shell.expect(PROMPT)
    shell.send("\x1b[A\x1b[A\x1b[A\r")
    shell.expect("1 row")
    lines = (tmp_path / ".pyralog_history").read_text().replace("\\040", " ").splitlines()
    one = "SELECT '--' AS a, /* the first; of two */ 2 AS \"b--c\" /* the second */ ;"
    assert lines[1:] == [one, "SELECT 'over", "lines' AS d;", one]


def test_history_is_kept_at_once_and_by_shells_side_by_side(terminal, tmp_path):
    (tmp_path / ".pyralog_history").write_text("_HiStOrY_V2_\nSELECT\\040'from\\040before'\\040AS\\040a;\n")
    shells = [terminal(), terminal()]
    for number, shell in enumerate(shells):
        shell.expect(PROMPT)
        ask(shell, f"SELECT 'é\\ shell {number}' AS a;")
    shells[0].kill()  # no leave-taking
    shells[0].pid = None
    shells[1].send("\x04")
    assert shells[1].leave() == 0
    shell = terminal()
    for ups, text in ((1, "é\\ shell 1"), (2, "é\\ shell 0"), (4, "from before")):
        shell.expect(PROMPT)
        shell.send("\x1b[A" * ups + "\r")  # what runs becomes the newest, unless it is
        shell.expect("│ " + re.escape(text))


def test_tab_completes_keywords_tables_columns_and_commands(terminal):
    shell = terminal()
    shell.expect(PROMPT)
    ask(shell, "CREATE TABLE flights (origin VARCHAR, distance BIGINT);")
    # Not what is drawn while typing counts but what runs.
    shell.send("sel\tdista\tFROM fli\t;\r")
    before, _ = shell.expect("0 rows")
    assert "│ distance │" in plain(before)
    shell.expect(PROMPT)
    shell.send("sel\tflights.or\tfr\tFLI\t;\r")
    before, _ = shell.expect("0 rows")
    assert "│ origin  │" in plain(before)
    shell.expect(PROMPT)
    shell.send("SELECT flights.\t")
    shell.expect(r"distance +origin")
    shell.expect(PROMPT)  # the line again, below the list
    shell.send("\x15.mo\tnd\t\r")
    shell.expect(r"\n")
    shell.expect(PROMPT)
    assert ask(shell, "SELECT 1 AS a;") == '{"a":1}\n'


def test_tab_completes_paths_between_quotes_and_after_read(terminal, tmp_path):
    (tmp_path / "data dir").mkdir()
    (tmp_path / "data dir" / "flights.sql").write_text("SELECT 'the script' AS a;\n")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "one.sql").write_text("SELECT 'script one' AS a;\n")
    shell = terminal()
    shell.expect(PROMPT)
    shell.line(f".read {tmp_path}/scr\to\t")
    shell.expect("script one")
    shell.expect(PROMPT)
    shell.line(f"SELECT '{tmp_path}/da\tfl\t AS path;")
    shell.expect(re.escape(f"{tmp_path}/data dir/flights.sql") + " ")
    shell.expect("1 row")


def test_a_plan_on_a_terminal_is_plain_lines(terminal):
    shell = terminal(columns=40)
    shell.expect(PROMPT)
    ask(shell, "CREATE TABLE a_table_with_a_rather_long_name (a BIGINT);")
    text = ask(shell, "EXPLAIN SELECT a FROM a_table_with_a_rather_long_name LIMIT 3;")
    assert "│" not in text and "…" not in text
    assert "a_table_with_a_rather_long_name" in text.split("LIMIT 3\n", 1)[1]


def test_the_caret_fits_the_terminal(terminal):
    shell = terminal(columns=50)
    shell.expect(PROMPT)
    text = ask(shell, "SELECT 1 AS a, 2 AS b, 3 AS c, 4 AS d, 5 AS e, nowhere.x AS f, 7 AS g, 8 AS h;")
    line, caret = text.split("error: ")[1].splitlines()[1:3]
    assert len(line) < 50 and line.startswith("...") and line.endswith("...")
    assert line[len(caret) - 1:].startswith("nowhere")


@pytest.fixture
def one_processor():
    """Here and in the program: who waits for an output runs as soon as it is written."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


def test_where_the_prompt_is_seen_keys_are_read(one_processor, terminal):
    shell = terminal()
    for _ in range(200):
        shell.expect(PROMPT + "$")
        assert shell.reads_keys()  # else Ctrl-D would be lost and the shell never end
        shell.line(".timer off")
        shell.expect("timer: off")
    shell.expect(PROMPT)
    shell.send("\x04")
    assert shell.leave() == 0


def test_ctrl_c_forgets_the_line(terminal):
    shell = terminal()
    shell.expect(PROMPT)
    shell.line("SELECT 'never")
    shell.expect(MORE)
    shell.send("more")
    shell.interrupt()
    shell.expect(r"\^C")
    shell.expect(PROMPT)
    assert "│       5 │" in ask(shell, "SELECT 5 AS a;")


def test_ctrl_c_cancels_the_statement_and_the_shell_lives(terminal, duckdb):
    shell = terminal()
    shell.expect(PROMPT)
    for _ in range(2):
        shell.line("SELECT count(*) FROM range(100000000000);")
        shell.expect(r"\d+%|0:0\d")  # progress is drawn: it runs
        shell.interrupt()
        before, _ = shell.expect(PROMPT)
        assert "error: 57014: " in plain(before)
        assert "│       6 │" in ask(shell, "SELECT 6 AS a;")
    shell.send("\x04")
    assert shell.leave() == 0


def test_ctrl_c_cancels_a_statement_given_by_c(terminal, duckdb):
    program = terminal("-c", "SELECT count(*) FROM range(100000000000)", "-c", "SELECT 1")
    program.expect(r"\d+%|0:0\d")
    program.interrupt()
    program.expect("error: 57014: ")
    assert program.leave() == 1
    assert "row" not in program.seen


def test_dot_commands(terminal, tmp_path):
    shell = terminal()
    shell.expect(PROMPT)
    ask(shell, 'CREATE TABLE "my table" (a BIGINT);')
    assert '"my table"' in ask(shell, ".tables")
    assert 'CREATE TABLE "my table"' in ask(shell, ".schema")
    ask(shell, ".mode csv")
    assert ask(shell, "SELECT 1 AS a;") == "a\n1\n"
    assert "timer: on" in ask(shell, ".timer on")
    assert "time: " in ask(shell, "SELECT 1 AS a;")
    assert "ledger: on" in ask(shell, ".ledger on")
    assert '"bytes_mapped":' in ask(shell, "SELECT 1 AS a;")
    assert "did you mean .mode?" in ask(shell, ".mod csv")
    ask(shell, f".output {tmp_path / 'x.json'}")
    ask(shell, ".ledger off")
    ask(shell, "SELECT 1 AS a;")
    ask(shell, ".output")
    assert (tmp_path / "x.json").read_text() == "a\n1\n"  # .mode was given, so it decides
    assert ".output" in ask(shell, ".help")
