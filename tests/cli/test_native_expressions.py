"""Expressions by the native engine against DuckDB: every value, NULL and error message alike. What the
native engine refuses (0A000) is no fault; the tests bound how much of it there is."""
import itertools
import os
import random
import re
import subprocess

import pytest

from conftest import PROGRAM, environment

TABLE = """CREATE TABLE t AS SELECT i::INTEGER AS id,
 CASE WHEN i%11=0 THEN NULL ELSE ((i*7919)%251-125)::TINYINT END AS i1,
 CASE WHEN i%17=0 THEN NULL ELSE ((i*104729)%2000003-1000001)::INTEGER END AS i4,
 CASE WHEN i%19=0 THEN NULL ELSE ((i*1299709)%9000000007-4500000003)::BIGINT END AS i8,
 ((i*7919)%251)::UTINYINT AS u1, ((i*1299709)%9000000007)::UBIGINT AS u8,
 CASE WHEN i%7=0 THEN NULL
      ELSE (((i*1299709)%9000000007)::HUGEINT * 1000000007) - 5000000000000000000 END AS h,
 CASE WHEN i%9=0 THEN NULL WHEN i%101=0 THEN 'nan'::DOUBLE WHEN i%103=0 THEN 'inf'::DOUBLE
      ELSE (((i*7919)%20011)-10000)/16.0 END AS f8,
 CASE WHEN i%8=0 THEN NULL ELSE ((((i*7919)%2003)-1000)/8.0)::FLOAT END AS f4,
 CASE WHEN i%6=0 THEN NULL ELSE (((i*7919)%199999)-100000)::DECIMAL(15,2)/100 END::DECIMAL(9,2) AS d2,
 ((((i*7919)%199999)-100000)/1000.0)::DECIMAL(18,4) AS d4,
 i%3=0 AS b, CASE WHEN i%4=0 THEN NULL ELSE i%5<2 END AS bn,
 CASE WHEN i%12=0 THEN NULL WHEN i%97=0 THEN ''
      WHEN i%5=0 THEN 'http://www.exämple.com/päth/' || i
      WHEN i%5=1 THEN 'https://google.de/search?q=' || (i%50)
      WHEN i%5=2 THEN 'Übung macht ' || i ELSE 'abc' || (i%100) END AS s,
 CASE WHEN i%15=0 THEN NULL ELSE ('abc' || (i%10)) END AS s2,
 CASE WHEN i%14=0 THEN NULL WHEN i%500=1 THEN 'infinity'::DATE
      ELSE DATE '1890-01-01' + ((i*7919)%80000)::INTEGER END AS dt,
 CASE WHEN i%16=0 THEN NULL WHEN i%500=2 THEN '-infinity'::TIMESTAMP
      ELSE TIMESTAMP '1950-01-01 00:00:00' + to_microseconds((i*1299709777)%4000000000000007) END AS ts
 FROM range(300) r(i)"""


def answers(engine, setup, statements):
    script = "".join(f"{line};\n" for line in setup) + f"SET engine='{engine}';\n"
    for number, statement in enumerate(statements):
        script += f"{statement};\nSELECT 'MARK{number}' AS m;\n"
    done = subprocess.run([PROGRAM, ":memory:", "--keep-going", "--format", "tsv", "-f", "-"],
                          input=script.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment(), timeout=500)
    rest, found = done.stdout.decode("utf-8", "replace"), []
    for number in range(len(statements)):
        parts = rest.split(f"m\nMARK{number}\n", 1)
        assert len(parts) == 2, f"{engine} stopped at {statements[number]}: {rest[:1000]}"
        found.append(parts[0])
        rest = parts[1]
    return found


def meaning(text):
    """The error's line, or the rows without their header. DuckDB names a cast's column, too."""
    text = re.sub(r" when casting from source column \S+", "", text)
    error = re.search(r"^error:.*$", text, re.MULTILINE)
    return error.group(0) if error else text.split("\n", 1)[-1]


def compare(setup, statements, refused_max):
    native = answers("native", setup, statements)
    duckdb = answers("duckdb", setup, statements)
    refused, different = [], []
    for statement, ours, theirs in zip(statements, map(meaning, native), map(meaning, duckdb)):
        if "error: 0A000" in ours:
            refused.append((statement, ours))
        elif ours != theirs:
            different.append((statement, ours[:300], theirs[:300]))
    assert different == []
    assert len(refused) <= refused_max, refused


def of_rows(expressions):
    return [f"SELECT id, {e} FROM t ORDER BY id" for e in expressions]


NUMBERS = ["i1", "i4", "i8", "u1", "u8", "h", "f8", "f4", "d2", "d4"]


def test_arithmetic_and_comparisons(duckdb):
    constants = ["0", "7", "-1", "1.5", "1000000", "2.5::DOUBLE"]
    # A HUGEINT's remainder by a DECIMAL has another type in DuckDB than the native plan gives it.
    expressions = [f"{a} {o} {c}" for a in NUMBERS for c in constants
                   for o in ["+", "-", "*", "//", "%", "<", "=", ">="]
                   if not (a == "h" and o == "%" and "." in c)]
    for a, b in itertools.combinations(NUMBERS, 2):
        decimal_remainder = a == "h" and b.startswith("d")
        expressions += [f"{a} {o} {b}" for o in ["+", "*", "/", "<"]]
        expressions += [f"greatest({a},{b})", f"{a} IS DISTINCT FROM {b}",
                        f"CASE WHEN {a}>{b} THEN {a} ELSE {b} END"]
        expressions += [] if decimal_remainder else [f"{a} % {b}"]
    compare([TABLE], of_rows(expressions), 0)


def test_casts_of_numbers(duckdb):
    types = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
             "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL(9,2)", "DECIMAL(38,3)", "BOOLEAN", "VARCHAR"]
    compare([TABLE], of_rows([f"{how}({a} AS {to})" for a in NUMBERS for to in types
                              for how in ["CAST", "TRY_CAST"]]), 0)


def test_text(duckdb):
    expressions = []
    for s in ["s", "s2"]:
        expressions += [f(s) for f in map(lambda f: f.format, [
            "length({0})", "strlen({0})", "lower({0})", "upper({0})", "reverse({0})", "trim({0})",
            "ltrim({0},'ah')", "rtrim({0},'0123')", "left({0},3)", "left({0},-3)", "right({0},4)",
            "right({0},-4)", "substring({0},2,5)", "substring({0},-4)", "substring({0},id%7,id%5)",
            "replace({0},'a','ÄÄ')", "repeat({0},id%3)", "lpad({0},12,'xü')", "rpad({0},5,'-')",
            "position('m' in {0})", "strpos({0},'ä')", "{0} || s2", "ascii({0})",
            "starts_with({0},'http')", "contains({0},'google')", "ends_with({0},'9')",
            "concat({0},'-',id::VARCHAR)", "split_part({0},'/',3)", "{0} = 'abc5'", "{0} < 'b'",
            "{0} >= s2", "{0} IN ('abc1','abc2','')", "coalesce({0},'none')", "nullif({0},'')",
            "TRY_CAST({0} AS INTEGER)", "CAST({0} AS DOUBLE)", "{0} LIKE s2"])]
        for p in ["%google%", "http%", "%9", "abc1", "abc_", "%ä%", "%a%b%", "%", "", "__",
                  "%.%.com/%", "%macht_1%", "Ü%"]:
            expressions += [f"{s} LIKE '{p}'", f"{s} NOT LIKE '{p}'", f"{s} ILIKE '{p}'"]
    conditions = [e for e in expressions if "LIKE" in e or " = " in e or " IN (" in e]
    filters = [f"SELECT count(*), sum(id) FROM t WHERE {c}" for c in conditions]
    few = [f"SELECT count(*), sum(id) FROM t WHERE id%29=3 AND ({c}) AND i8 > 0" for c in conditions]
    compare([TABLE], of_rows(expressions) + filters + few, 0)


def test_dates(duckdb):
    parts = ["millennium", "century", "decade", "year", "quarter", "month", "week", "day", "dow",
             "isodow", "doy", "isoyear", "hour", "minute", "second", "millisecond", "microsecond",
             "epoch"]
    expressions = []
    for d in ["dt", "ts"]:
        expressions += [f"extract({p} FROM {d})" for p in parts]
        expressions += [f"date_trunc('{p}',{d})" for p in parts
                        if p not in ("dow", "isodow", "doy", "epoch")]
        expressions += [f"{d} {sign} INTERVAL {i}" for sign in "+-"
                        for i in ["1 MONTH", "13 MONTH", "5 DAY", "'90 minutes'", "1 YEAR"]]
        expressions += [f"{d}::{to}" for to in ["VARCHAR", "DATE", "TIMESTAMP", "TIMESTAMP_S",
                                                "TIMESTAMP_MS", "VARCHAR::DATE"]]
        expressions += [f"{d} < DATE '1970-01-01'", f"{d} = '1970-01-01'", f"{d} IS NULL"]
    expressions += ["dt + 5", "dt - id", "dt - DATE '2000-01-01'", "(ts - TIMESTAMP '2000-01-01')::VARCHAR"]
    expressions += [f"date_diff('{p}',dt,ts)" for p in parts
                    if p not in ("dow", "isodow", "doy", "epoch", "isoyear")]
    compare([TABLE], of_rows(expressions), 2)


def test_logic_keeps_errors_from_rows_left_out(duckdb):
    compare([TABLE], of_rows([
        "b AND bn", "b OR bn", "NOT bn", "bn AND (i4 > 0)", "bn OR (i4 > 0)", "bn = b",
        "(b AND bn) OR (i4 > 0 AND s LIKE '%a%')", "b IS NOT DISTINCT FROM bn", "bn IS TRUE",
        "bn IS NOT TRUE", "CASE WHEN i1 <> 0 THEN 100 // i1 ELSE -1 END", "coalesce(bn,b)",
        "CASE WHEN i1 > 0 THEN (i1+100)::TINYINT END", "(i1+100)::TINYINT",
        "CASE WHEN i1 < 20 AND i1 > -20 THEN (i1*6)::TINYINT ELSE 0 END", "(i1*6)::TINYINT"]), 0)


def random_pattern(rng, depth):
    def atom(depth):
        if rng.random() < 0.45:
            return rng.choice(["a", "b", "c", "é", ".", "\\d", "\\w", "\\s", "\\S", "\\W", "\\b", "^",
                               "$", "\\.", "x", "A", "1", "\\t", " ", "\\A", "\\z", "\\x61", "{", "]"])
        if rng.random() < 0.3 or depth <= 0:
            return rng.choice(["[ab]", "[^a]", "[a-c]", "[^a-cé]", "[[:alpha:]]", "[\\d.]", "[]a]",
                               "[a\\]]", "[-a]", "[é-ü]", "[^\\W]", "[a&&b]", "[[a]"])
        return rng.choice(["(%s)", "(?:%s)", "(?i:%s)", "(?s:%s)", "(?U:%s)", "(?m:%s)"]) % \
            random_pattern(rng, depth - 1)

    def piece():
        repeat = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}", "{1,}", "{,2}"]
        return atom(depth) + (rng.choice(repeat) if rng.random() < 0.3 else "")

    return "|".join("".join(piece() for _ in range(rng.choice([0, 1, 1, 2, 2, 3])))
                    for _ in range(rng.choice([1, 1, 1, 2, 3])))


@pytest.mark.parametrize("seed", [1, 2])
def test_regular_expressions_mean_what_they_mean_to_re2(duckdb, seed):
    rng = random.Random(seed)
    words = ["".join(rng.choice("abcabAéü12. _-x\n\t{}&") for _ in range(rng.choice([0, 1, 2, 3, 6])))
             for _ in range(150)]
    rows = ",".join(f"({i},'{w}')" for i, w in enumerate(words))
    statements = []
    for _ in range(250):
        pattern = rng.choice(["", "", "(?i)", "(?m)", "(?s)", "(?U)"]) + random_pattern(rng, 2)
        call = rng.choice(["regexp_matches(s,'{}')", "regexp_full_match(s,'{}')",
                           "regexp_extract(s,'{}')", "regexp_replace(s,'{}','<\\0>')",
                           "regexp_replace(s,'{}','<\\0>','g')"]).replace("{}", pattern, 1)
        statements.append(f"SELECT id, {call} FROM w ORDER BY id")
    for _ in range(100):  # the whole text becomes a part of it
        pattern = rng.choice(["^(a|{})(.*)$", "(.*?)({})$", "^{}(x)?()"]).replace("{}", random_pattern(rng, 1))
        statements.append(f"SELECT id, regexp_replace(s,'{pattern}','\\2') FROM w ORDER BY id")
        statements.append(f"SELECT id, regexp_replace(s,'{pattern}','\\1','g') FROM w ORDER BY id")
    compare(["CREATE TABLE w (id INTEGER, s VARCHAR)", f"INSERT INTO w VALUES {rows}"], statements,
            125)
