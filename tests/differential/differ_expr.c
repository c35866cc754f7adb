/* differ_expr.c - expressions of a class of types over a scope's columns. Where nothing is risked,
 * numbers stay small enough for every operator, so that no result depends on which of two
 * conditions is looked at first. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

uint64_t differ_next(differ_random *random) {
    uint64_t value = random->state += 0x9E3779B97F4A7C15u;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

/* ---- Scopes. ---- */

void differ_scope_add(differ_scope *scope, const char *name, differ_class kind) {
    if (scope->count < DIFFER_COLUMNS_MAX) {
        differ_column *column = &scope->columns[scope->count++];
        snprintf(column->name, sizeof(column->name), "%s", name);
        column->kind = kind;
    }
}

void differ_scope_add_table(differ_scope *scope, const char *alias) {
    static const differ_column columns[] = {{"k", DIFFER_INT},
                                            {"b", DIFFER_BOOL},
                                            {"i8", DIFFER_INT},
                                            {"i16", DIFFER_INT},
                                            {"i32", DIFFER_INT},
                                            {"i64", DIFFER_INT},
                                            {"u8", DIFFER_UINT},
                                            {"u16", DIFFER_UINT},
                                            {"u32", DIFFER_UINT},
                                            {"u64", DIFFER_UINT},
                                            {"h", DIFFER_INT},
                                            {"d4", DIFFER_DECIMAL},
                                            {"d9", DIFFER_DECIMAL},
                                            {"d18", DIFFER_DECIMAL},
                                            {"d38", DIFFER_DECIMAL},
                                            {"f", DIFFER_FLOAT},
                                            {"g", DIFFER_FLOAT},
                                            {"s", DIFFER_TEXT},
                                            {"z", DIFFER_TEXT},
                                            {"bl", DIFFER_BLOB},
                                            {"dt", DIFFER_DATE},
                                            {"tm", DIFFER_TIME},
                                            {"ts", DIFFER_TIMESTAMP},
                                            {"tss", DIFFER_OTHER_TIMESTAMP},
                                            {"tms", DIFFER_OTHER_TIMESTAMP},
                                            {"tns", DIFFER_OTHER_TIMESTAMP},
                                            {"tz", DIFFER_TIMESTAMPTZ},
                                            {"iv", DIFFER_INTERVAL}};
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); ++i) {
        char name[48];
        snprintf(name, sizeof(name), "%s%s%s", alias, alias[0] != '\0' ? "." : "", columns[i].name);
        differ_scope_add(scope, name, columns[i].kind);
    }
}

const differ_column *differ_scope_pick(differ_maker *maker, const differ_scope *scope,
                                       differ_class kind) {
    unsigned start = scope->count > 0 ? differ_below(&maker->random, scope->count) : 0;
    for (unsigned i = 0; i < scope->count; ++i) {
        const differ_column *column = &scope->columns[(start + i) % scope->count];
        if (column->kind == kind) {
            return column;
        }
    }
    return NULL;
}

differ_class differ_any_class(differ_maker *maker) {
    static const differ_class often[] = {DIFFER_INT,  DIFFER_INT,  DIFFER_INT,      DIFFER_UINT,
                                         DIFFER_TEXT, DIFFER_TEXT, DIFFER_DECIMAL,  DIFFER_FLOAT,
                                         DIFFER_DATE, DIFFER_BOOL, DIFFER_TIMESTAMP};
    return differ_below(&maker->random, 5) == 0
               ? (differ_class)differ_below(&maker->random, DIFFER_CLASSES)
               : DIFFER_PICK(&maker->random, often);
}

/* ---- Literals and columns. ---- */

static const char *literal(differ_maker *maker, differ_class kind) {
    static const char *const ints[] = {"0", "1", "-1", "2", "3", "7", "10", "100", "-5"};
    static const char *const wide[] = {"127",
                                       "-128",
                                       "32768",
                                       "2147483647",
                                       "-2147483648",
                                       "9223372036854775807",
                                       "9223372036854775808",
                                       "-170141183460469231731687303715884105727"};
    static const char *const uints[] = {"0", "1", "2", "5", "9", "200"};
    static const char *const decimals[] = {"0.0", "1.5", "-0.5", ".25", "10.00", "3.125", "0.001"};
    static const char *const floats[] = {"0e0", "1e0", "-2.5e0", "1e2", "0.5::DOUBLE", "2::FLOAT"};
    static const char *const texts[] = {"''",  "'a'", "'b'",   "'abc'", "'v5'",      "'same'",
                                        "' '", "'%'", "'a%b'", "'zzz'", "'\xC3\xA9'"};
    static const char *const dates[] = {"DATE '2020-02-29'", "DATE '2021-12-31'",
                                        "DATE '1970-01-01'", "'2022-03-05'::DATE"};
    static const char *const times[] = {"TIMESTAMP '2020-02-29 12:34:56'", "TIMESTAMP '2021-01-01'",
                                        "TIMESTAMP '2022-06-30 23:59:59.999999'"};
    static const char *const intervals[] = {"INTERVAL 1 DAY", "INTERVAL '3 months'",
                                            "INTERVAL '-2 hours'", "INTERVAL 90 MINUTE"};
    differ_random *random = &maker->random;
    switch (kind) {
    case DIFFER_BOOL:
        return differ_below(random, 2) == 0 ? "TRUE" : "FALSE";
    case DIFFER_INT:
        return maker->risky && differ_below(random, 3) == 0 ? DIFFER_PICK(random, wide)
                                                            : DIFFER_PICK(random, ints);
    case DIFFER_UINT:
        return DIFFER_PICK(random, uints);
    case DIFFER_DECIMAL:
        return DIFFER_PICK(random, decimals);
    case DIFFER_FLOAT:
        return DIFFER_PICK(random, floats);
    case DIFFER_TEXT:
        return DIFFER_PICK(random, texts);
    case DIFFER_BLOB:
        return "'b7'::BLOB";
    case DIFFER_DATE:
        return DIFFER_PICK(random, dates);
    case DIFFER_TIME:
        return "TIME '12:00:00'";
    case DIFFER_TIMESTAMP:
        return DIFFER_PICK(random, times);
    case DIFFER_OTHER_TIMESTAMP:
        return "TIMESTAMP_S '2019-06-01 01:02:03'";
    case DIFFER_TIMESTAMPTZ:
        return "TIMESTAMPTZ '2021-04-01 00:00:00+00'";
    default:
        return DIFFER_PICK(random, intervals);
    }
}

void differ_add_leaf(differ_maker *maker, pyr_text *sql, const differ_scope *scope,
                     differ_class kind) {
    const differ_column *column = differ_scope_pick(maker, scope, kind);
    if (column == NULL || differ_below(&maker->random, 6) == 0) {
        /* DuckDB folds a function of NULL before it has given a DECIMAL its digits, and || of it to
         * an INTEGER. */
        bool null =
            kind != DIFFER_DECIMAL && differ_below(&maker->random, 25) == 0 && kind != DIFFER_TEXT;
        pyr_text_add(sql, null ? "NULL" : literal(maker, kind));
    } else {
        pyr_text_add(sql, column->name);
    }
}

/* ---- Patterns: '$' and a letter stand for an expression of a class, in lower case for a simple
 * one. ---- */

static const char *const bools[] = {"$I = $I",
                                    "$I <> $I",
                                    "$I < $I",
                                    "$I <= $I",
                                    "$I > $I",
                                    "$I >= $I",
                                    "$U < $I",
                                    "$D < $D",
                                    "$D = $I",
                                    "$F >= $F",
                                    "$F < $I",
                                    "$F = $D",
                                    "$T = $T",
                                    "$T < $T",
                                    "$T >= $T",
                                    "$Y = $Y",
                                    "$Y < $Y",
                                    "$Y >= $Z",
                                    "$Z < $Z",
                                    "$Z = $Z",
                                    "$i BETWEEN $i AND $i",
                                    "$D NOT BETWEEN $d AND $d",
                                    "$Y BETWEEN $y AND $y",
                                    "$T BETWEEN $t AND $t",
                                    "$I IN (1, 2, 3, 7)",
                                    "$I NOT IN (0, -1, 5)",
                                    "$I IN (1, NULL)",
                                    "$T IN ('a', 'same', 'v5')",
                                    "$T NOT IN ('a', '')",
                                    "$Y IN (DATE '2020-02-29', $y)",
                                    "$I IN ($i, $i)",
                                    "$I IS NULL",
                                    "$T IS NOT NULL",
                                    "$F IS NULL",
                                    "$Z IS NOT NULL",
                                    "$I IS DISTINCT FROM $I",
                                    "$T IS NOT DISTINCT FROM $T",
                                    "$T LIKE 'a%'",
                                    "$T LIKE '%a%'",
                                    "$T LIKE '%5'",
                                    "$T LIKE '_'",
                                    "$T NOT LIKE '%v_'",
                                    "$T ILIKE 'B%'",
                                    "$T ILIKE '%\xC3\x89%'",
                                    "$T LIKE 'a!%b' ESCAPE '!'",
                                    "$T LIKE 'q%long%bytes'",
                                    "$t LIKE $t",
                                    "starts_with($T, 'v')",
                                    "$T ^@ 'a'",
                                    "contains($T, $t)",
                                    "ends_with($T, '5')",
                                    "regexp_matches($T, '^[a-c]+$')",
                                    "regexp_matches($T, 'V\\d', 'i')",
                                    "$T SIMILAR TO '(a|b)%?'",
                                    "regexp_full_match($T, 'v[0-9]+')",
                                    "($B) AND ($B)",
                                    "($B) OR ($B)",
                                    "NOT ($B)",
                                    "($B) IS TRUE",
                                    "($B) IS NOT FALSE",
                                    "$I::BOOLEAN",
                                    "($B) = ($B)",
                                    "CASE WHEN $B THEN $B ELSE $B END",
                                    "coalesce($B, $B)",
                                    "$X = $X",
                                    "$X < $X",
                                    "$M < $M",
                                    "$V = $V",
                                    "$V < $V",
                                    "$L = $L",
                                    "$W >= $W",
                                    "TRUE",
                                    "NULL",
                                    "$O < $O",
                                    "$b",
                                    "(($B) AND ($B)) OR (($B) AND ($B))"};
static const char *const ints[] = {"$i + $i",
                                   "$i - $i",
                                   "$i * $i",
                                   "$I + 1",
                                   "$I - 1",
                                   "$I * 2",
                                   "$I // $i",
                                   "$I % $i",
                                   "-$i",
                                   "-(-$i)",
                                   "abs($I)",
                                   "sign($F)",
                                   "sign($I)",
                                   "$i & $i",
                                   "$i | $i",
                                   "xor($i, $i)",
                                   "($U)::INTEGER << 2",
                                   "$i >> 1",
                                   "strlen($T)",
                                   "length($T)",
                                   "ascii($T)",
                                   "strpos($T, $t)",
                                   "instr($T, 'a')",
                                   "position('b' IN $T)",
                                   "year($Y)",
                                   "month($Y)",
                                   "day($Z)",
                                   "quarter($Y)",
                                   "week($Y)",
                                   "dayofweek($Y)",
                                   "isodow($Z)",
                                   "dayofyear($Z)",
                                   "hour($Z)",
                                   "minute($Z)",
                                   "second($Z)",
                                   "millisecond($Z)",
                                   "microsecond($Z)",
                                   "decade($Y)",
                                   "century($Y)",
                                   "extract(year FROM $Z)",
                                   "extract(dow FROM $Y)",
                                   "date_part('month', $Z)",
                                   "date_diff('day', $Y, $Y)",
                                   "date_diff('month', $Y, $Y)",
                                   "datediff('hour', $Z, $Z)",
                                   "date_diff('year', $Z, $Z)",
                                   "date_diff('week', $Y, $Y)",
                                   "CASE WHEN $B THEN $I ELSE $I END",
                                   "CASE $i WHEN 1 THEN $I WHEN 2 THEN $I END",
                                   "coalesce($I, $I)",
                                   "coalesce($i, $i, 0)",
                                   "nullif($I, $i)",
                                   "greatest($I, $I)",
                                   "least($I, $I, $i)",
                                   "if($B, $I, $I)",
                                   "ifnull($I, 0)",
                                   "nullif(TRY_CAST($T AS INTEGER), 77)",
                                   "($B)::INTEGER",
                                   "$d::INTEGER",
                                   "$d::BIGINT",
                                   "nullif(TRY_CAST($F AS INTEGER), 77)",
                                   "round($F)::BIGINT",
                                   "$I::BIGINT",
                                   "$I::HUGEINT",
                                   "nullif(TRY_CAST($I AS TINYINT), 77)",
                                   "nullif(TRY_CAST($I AS SMALLINT), 77)",
                                   "$U::BIGINT",
                                   "mod($I, 7)",
                                   "$Y - $Y",
                                   "$I + $d::INTEGER",
                                   "nullif(TRY_CAST($D AS TINYINT), 77)",
                                   "$I % 10"};
static const char *const uints[] = {"$u + $u",
                                    "$u * 2",
                                    "$u // 3",
                                    "$u % 7",
                                    "$u & $u",
                                    "abs($u)::UINTEGER",
                                    "coalesce($u, $u)",
                                    "greatest($u, $u)",
                                    "$u::UBIGINT",
                                    "TRY_CAST($I AS UTINYINT)",
                                    "TRY_CAST($F AS UBIGINT)",
                                    "CASE WHEN $B THEN $u END",
                                    "TRY_CAST($T AS USMALLINT)"};
static const char *const decimals[] = {"$d + $d",
                                       "$d - $d",
                                       "$d * 2",
                                       "$d * 1.5",
                                       "$D + $i",
                                       "-$d",
                                       "abs($D)",
                                       "round($D, 1)",
                                       "round($D)",
                                       "floor($D)",
                                       "ceil($D)",
                                       "TRY_CAST($D AS DECIMAL(12, 1))",
                                       "$i::DECIMAL(18, 2)",
                                       "TRY_CAST($F AS DECIMAL(18, 3))",
                                       "coalesce(TRY_CAST($T AS DECIMAL(9, 2)), 0.5)",
                                       "CASE WHEN $B THEN $D ELSE $D END",
                                       "coalesce($D, $d)",
                                       "nullif($D, 99.5)",
                                       "greatest($D, $d)",
                                       "least($D, $i)",
                                       "$D % 3"};
static const char *const floats[] = {"$F + $f",
                                     "$F - $f",
                                     "$f * $f",
                                     "$I / $I",
                                     "$D / $D",
                                     "$f / $f",
                                     "$U / $I",
                                     "sqrt(abs($F))",
                                     "sqrt(abs($I))",
                                     "pow($f, 2)",
                                     "$i ^ 2",
                                     "exp($f / 100)",
                                     "ln(abs($F) + 1)",
                                     "log10(abs($f) + 1)",
                                     "log2(abs($f) + 1)",
                                     "floor($F)",
                                     "ceil($F)",
                                     "round($F)",
                                     "round($F, 1)",
                                     "abs($F)",
                                     "-$f",
                                     "pi()",
                                     "$I::DOUBLE",
                                     "$D::DOUBLE",
                                     "$F::FLOAT",
                                     "$F::DOUBLE",
                                     "TRY_CAST($T AS DOUBLE)",
                                     "coalesce($F, 0)",
                                     "CASE WHEN $B THEN $F ELSE $I END",
                                     "greatest($F, $f)",
                                     "nullif($F, 0)",
                                     "$F + $i",
                                     "$F * $d",
                                     "$I / 4"};
static const char *const texts[] = {"lower($T)",
                                    "upper($T)",
                                    "substr($T, 2)",
                                    "substr($T, 1, 2)",
                                    "substring($T, 1 + ($u % 9)::INTEGER, ($u % 5)::INTEGER)",
                                    "left($T, 2)",
                                    "right($T, 3)",
                                    "left($T, -1)",
                                    "trim($T)",
                                    "ltrim($T)",
                                    "rtrim($T)",
                                    "trim($T, 'ab')",
                                    "replace($T, 'a', 'xy')",
                                    "replace($T, $t, '')",
                                    "reverse($T)",
                                    "repeat($t, 2)",
                                    "lpad($T, 5, 'x')",
                                    "rpad($T, 4, '-')",
                                    "split_part($T, ' ', 1)",
                                    "split_part($T, 'a', -1)",
                                    "chr(65)",
                                    "concat($T, $t, $i)",
                                    "concat_ws('-', $T, $i, $T)",
                                    "$T || $t",
                                    "$t || coalesce($i, 7)::VARCHAR",
                                    "regexp_replace($T, '[aeiou]', '*')",
                                    "regexp_replace($T, '(.)(.)', '\\2\\1', 'g')",
                                    "regexp_extract($T, '[0-9]+')",
                                    "regexp_extract($T, '(v)([0-9])', 2)",
                                    "$I::VARCHAR",
                                    "$D::VARCHAR",
                                    "($B)::VARCHAR",
                                    "$Y::VARCHAR",
                                    "$Z::VARCHAR",
                                    "$M::VARCHAR",
                                    "$O::VARCHAR",
                                    "$f::VARCHAR",
                                    "$U::VARCHAR",
                                    "CASE WHEN $B THEN $T ELSE $t END",
                                    "CASE $t WHEN 'a' THEN 'first' WHEN 'b' THEN $T END",
                                    "coalesce($T, 'none')",
                                    "nullif($T, '')",
                                    "greatest($T, $t)",
                                    "least($T, $t)",
                                    "if($B, $T, NULL)",
                                    "$L::VARCHAR",
                                    "$V::VARCHAR"};
static const char *const dates[] = {"$y + 1",
                                    "$y - 30",
                                    "$y + ($u % 1000)::INTEGER",
                                    "$Z::DATE",
                                    "date_trunc('month', $y)::DATE",
                                    "date_trunc('year', $Y)::DATE",
                                    "make_date(2020, 1 + ($u % 12)::INTEGER, 1)",
                                    "coalesce($Y, $y)",
                                    "CASE WHEN $B THEN $Y ELSE $y END",
                                    "greatest($Y, $y)",
                                    "nullif($Y, $y)",
                                    "TRY_CAST($T AS DATE)"};
static const char *const timestamps[] = {"$z + INTERVAL 1 DAY",
                                         "$z - INTERVAL '2 hours'",
                                         "$z + $V",
                                         "$y + INTERVAL 1 MONTH",
                                         "$Y::TIMESTAMP",
                                         "date_trunc('day', $Z)",
                                         "date_trunc('hour', $Z)",
                                         "date_trunc('minute', $Z)",
                                         "date_trunc('month', $Z)",
                                         "date_trunc('week', $z)",
                                         "date_trunc('quarter', $z)",
                                         "coalesce($Z, $z)",
                                         "CASE WHEN $B THEN $Z ELSE $z END",
                                         "least($Z, $z)",
                                         "$O::TIMESTAMP",
                                         "TRY_CAST($T AS TIMESTAMP)",
                                         "date_trunc('second', $z)"};
static const char *const times[] = {"$Z::TIME", "coalesce($m, $m)", "CASE WHEN $B THEN $m END"};
static const char *const others[] = {"$Z::TIMESTAMP_S", "$Z::TIMESTAMP_MS", "coalesce($o, $o)",
                                     "date_trunc('day', $o)"};
static const char *const intervals[] = {"$z - $z", "$v + $v", "coalesce($v, $v)", "$v * 2"};
static const char *const zoned[] = {"coalesce($w, $w)", "CASE WHEN $B THEN $w ELSE $w END",
                                    "greatest($w, $w)"};
static const char *const blobs[] = {"coalesce($l, $l)", "CASE WHEN $B THEN $l END", "$T::BLOB"};

typedef struct patterns {
    char letter;
    const char *const *list;
    unsigned count;
} patterns;
#define PATTERNS(letter, list) \
    { letter, list, (unsigned)(sizeof(list) / sizeof((list)[0])) }
static const patterns classes[DIFFER_CLASSES] = {
    PATTERNS('B', bools),      PATTERNS('I', ints),   PATTERNS('U', uints),
    PATTERNS('D', decimals),   PATTERNS('F', floats), PATTERNS('T', texts),
    PATTERNS('L', blobs),      PATTERNS('Y', dates),  PATTERNS('M', times),
    PATTERNS('Z', timestamps), PATTERNS('O', others), PATTERNS('W', zoned),
    PATTERNS('V', intervals)};

static differ_class class_of(differ_maker *maker, char letter) {
    for (unsigned i = 0; i < DIFFER_CLASSES; ++i) {
        if (classes[i].letter == letter) {
            return (differ_class)i;
        }
    }
    return differ_any_class(maker); /* 'X' */
}

/* Both letters of "$X = $X" are the same class. */
static void add_pattern(differ_maker *maker, pyr_text *sql, const differ_scope *scope,
                        const char *pattern, int depth) {
    differ_class any = differ_any_class(maker);
    for (const char *at = pattern; *at != '\0'; ++at) {
        if (*at != '$' || at[1] < 'A' || at[1] > 'z') {
            pyr_text_add_char(sql, *at);
            continue;
        }
        ++at;
        bool leaf = *at >= 'a';
        char letter = leaf ? (char)(*at - 'a' + 'A') : *at;
        differ_class kind = letter == 'X' ? any : class_of(maker, letter);
        if (leaf) {
            differ_add_leaf(maker, sql, scope, kind);
        } else {
            differ_add_expr(maker, sql, scope, kind, depth - 1);
        }
    }
}

void differ_add_expr(differ_maker *maker, pyr_text *sql, const differ_scope *scope,
                     differ_class kind, int depth) {
    if (depth <= 0 || differ_below(&maker->random, 5) == 0) {
        differ_add_leaf(maker, sql, scope, kind);
        return;
    }
    const patterns *of = &classes[kind];
    pyr_text_add_char(sql, '(');
    add_pattern(maker, sql, scope, of->list[differ_below(&maker->random, of->count)], depth);
    pyr_text_add_char(sql, ')');
}
