"""Whether two engines gave the same result: whole numbers, texts and times exactly, doubles within a
tolerance, rows in any order; of a statement with LIMIT a result may differ in rows that tie."""
import decimal
import math
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TOLERANCE = 1e-9
ROWS_OF_PYTHON = 20_000


def plain(column):
    """A column as int64, float64 or text, whatever each engine calls the type."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return pc.cast(pc.cast(column, pa.timestamp("s"), safe=False), pa.int64())
    if pa.types.is_date(kind):
        return pc.cast(pc.cast(column, pa.date32()), pa.int32()).cast(pa.int64())
    if pa.types.is_decimal(kind):
        return pc.cast(column, pa.float64()) if kind.scale else whole(column)
    if pa.types.is_floating(kind):
        return pc.cast(column, pa.float64())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return whole(column)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pc.cast(column, pa.binary())
    return pc.cast(pc.cast(column, pa.string()), pa.binary())


def whole(column):
    try:
        return pc.cast(column, pa.int64())
    except pa.ArrowInvalid:
        return pc.cast(column, pa.decimal128(38, 0))


def close(a, b):
    if isinstance(a, (float, decimal.Decimal)) or isinstance(b, (float, decimal.Decimal)):
        if a is None or b is None:
            return a is b
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE) or (a != a and b != b)
    return a == b


def unsorted(table, keys):
    return pa.table([plain(table.column(key)) for key in keys], names=[f"c{key}" for key in keys])


def sorted_table(table):
    columns = [plain(column) for column in table.columns]
    made = pa.table(columns, names=[f"c{i}" for i in range(len(columns))])
    keys = [(name, "ascending") for name, column in zip(made.column_names, columns)
            if not pa.types.is_floating(column.type)]
    keys += [(name, "ascending") for name, column in zip(made.column_names, columns)
             if pa.types.is_floating(column.type)]
    return made.sort_by(keys) if made.num_rows > 1 else made


def same_rows(mine, theirs):
    for left, right in zip(mine.columns, theirs.columns):
        if mine.num_rows > ROWS_OF_PYTHON and left.null_count == right.null_count == 0:
            if pa.types.is_floating(left.type) or pa.types.is_floating(right.type):
                if not np.allclose(left.to_numpy(), right.to_numpy(), rtol=TOLERANCE, atol=TOLERANCE):
                    return False
            elif not left.cast(right.type).equals(right):
                return False
        elif not all(close(a, b) for a, b in zip(left.to_pylist(), right.to_pylist())):
            return False
    return True


def ordered_columns(sql, names):
    """The result's columns that the statement orders by, or none that is known."""
    match = re.search(r"ORDER BY (.*?)(?: LIMIT| OFFSET|$)", sql, re.S | re.I)
    if not match:
        return []
    found = []
    lowered = [name.lower() for name in names]
    for word in match.group(1).split(","):
        word = re.sub(r"\s+(ASC|DESC)\s*$", "", word.strip(), flags=re.I).lower()
        word = "count_star()" if word == "count(*)" and "count_star()" in lowered else word
        if word in lowered:
            found.append(lowered.index(word))
    return found


def within_cut(sql, mine, keys):
    """The rows that a LIMIT surely keeps: those whose keys are not the last row's (nor, after an OFFSET,
    the first's), where rows that tie are chosen freely."""
    rows = list(zip(*(plain(column).to_pylist() for column in mine.columns)))
    of = lambda row: tuple(row[key] for key in keys)
    cut = {of(rows[-1])} | ({of(rows[0])} if "OFFSET" in sql.upper() else set()) if rows else set()
    kept = [place for place, row in enumerate(rows) if of(row) not in cut]
    return sorted_table(mine.take(pa.array(kept, pa.int64())))


def compare(sql, mine, theirs):
    """"same"; "ties": but for rows that tie at a LIMIT; "same count": where what the statement orders by is
    not in the result, so that no more can be said; else a phrase about the difference."""
    if mine.num_columns != theirs.num_columns:
        return f"{mine.num_columns} columns, {theirs.num_columns} columns"
    if mine.num_rows != theirs.num_rows:
        return f"{mine.num_rows} rows, {theirs.num_rows} rows"
    left, right = sorted_table(mine), sorted_table(theirs)
    keys = ordered_columns(sql, mine.column_names)
    same = same_rows(left, right)
    if keys and not same_rows(unsorted(mine, keys), unsorted(theirs, keys)):
        return "ordered differently" if same else "differs"
    if same:
        return "same"
    if " LIMIT " not in sql.upper():
        return "differs"
    if not keys:
        return "same count"
    return "ties" if same_rows(within_cut(sql, mine, keys), within_cut(sql, theirs, keys)) else "differs"


FINE = ("same", "ties", "same count")
