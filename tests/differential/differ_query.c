/* differ_query.c - statements: what they read, filter, group, order and put together. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

static unsigned roll(differ_maker *maker, unsigned sides) {
    return differ_below(&maker->random, sides);
}

static void add(pyr_text *sql, const char *text) {
    pyr_text_add(sql, text);
}

/* ---- FROM. ---- */

/* Mostly the one with all kinds of rows. The wide ones are not joined with each other. */
static const char *pick_table(differ_maker *maker) {
    static const char *const often[] = {"t", "t", "t", "t", "m", "m", "e", "w", "p"};
    return maker->risky ? "x" : DIFFER_PICK(&maker->random, often);
}

static void add_select(differ_maker *maker, pyr_text *sql, differ_scope *out, int depth);

static void add_condition(differ_maker *maker, pyr_text *sql, const differ_scope *scope) {
    differ_add_expr(maker, sql, scope, DIFFER_BOOL, 2);
}

static void add_join(differ_maker *maker, pyr_text *sql, differ_scope *scope, int number) {
    static const char *const kinds[] = {" JOIN ",       " JOIN ",       " LEFT JOIN ",
                                        " RIGHT JOIN ", " FULL JOIN ",  " SEMI JOIN ",
                                        " ANTI JOIN ",  " INNER JOIN ", " LEFT OUTER JOIN "};
    static const char *const tables[] = {"m", "m", "p", "t", "e", "w"};
    static const char *const keys[] = {"k", "k", "k", "i32", "i16", "z", "dt", "i64"};
    const char *kind = DIFFER_PICK(&maker->random, kinds);
    const char *table = DIFFER_PICK(&maker->random, tables);
    const char *key = DIFFER_PICK(&maker->random, keys);
    /* Keys that many rows share make many rows: of small tables only. */
    bool many = strcmp(table, "m") != 0 && strcmp(table, "e") != 0;
    const char *inner = many && strcmp(key, "i64") != 0 ? "k" : key;
    char alias[16];
    snprintf(alias, sizeof(alias), "j%d", number);
    bool hides = strstr(kind, "SEMI") != NULL || strstr(kind, "ANTI") != NULL;
    differ_scope all = *scope;
    differ_scope_add_table(&all, alias);
    pyr_text_printf(sql, "%s%s %s ON ", kind, table, alias);
    if (strcmp(inner, "k") == 0 && roll(maker, 3) == 0) {
        const differ_column *column = differ_scope_pick(maker, scope, DIFFER_INT);
        pyr_text_printf(sql, "%s = %s.k", column != NULL ? column->name : "1", alias);
    } else {
        pyr_text_printf(sql, "a.%s = %s.%s", inner, alias, inner);
    }
    if (roll(maker, 4) == 0) {
        add(sql, " AND ");
        add_condition(maker, sql, roll(maker, 2) == 0 ? &all : scope);
    }
    if (!hides) {
        *scope = all;
    }
}

static void add_from(differ_maker *maker, pyr_text *sql, differ_scope *scope, int depth) {
    unsigned kind = roll(maker, 10);
    add(sql, " FROM ");
    if (kind == 0 && depth > 0) { /* a query */
        differ_scope inner = {.count = 0};
        bool was = maker->inner;
        maker->inner = true;
        add(sql, "(");
        add_select(maker, sql, &inner, depth - 1);
        add(sql, ") q");
        maker->inner = was;
        *scope = inner;
        return;
    }
    pyr_text_printf(sql, "%s a", pick_table(maker));
    differ_scope_add_table(scope, "a");
    for (int i = 0; !maker->risky && i < 2 && roll(maker, 3) == 0; ++i) {
        add_join(maker, sql, scope, i);
    }
}

/* ---- WHERE. ---- */

static void add_subquery_condition(differ_maker *maker, pyr_text *sql, const differ_scope *scope) {
    static const char *const forms[] = {
        "IN (SELECT n.k FROM m n)",
        "NOT IN (SELECT n.k FROM m n)",
        "IN (SELECT n.i16 FROM m n WHERE n.b)",
        "NOT IN (SELECT n.i16 FROM m n)",
        "> (SELECT min(n.i32) FROM m n)",
        "= (SELECT max(n.k) FROM t n)",
        "< (SELECT sum(n.i8) FROM m n WHERE n.k < 0)",
    };
    static const char *const exists[] = {
        "EXISTS (SELECT 1 FROM m n WHERE n.k = ", "NOT EXISTS (SELECT * FROM m n WHERE n.k = ",
        "EXISTS (SELECT 1 FROM t n WHERE n.b AND n.k = ",
        "(SELECT count(*) FROM p n WHERE n.i8 > 0 AND n.k = ",
        "(SELECT max(n.i32) FROM p n WHERE n.k = "};
    const differ_column *column = differ_scope_pick(maker, scope, DIFFER_INT);
    const char *name = column != NULL ? column->name : "1";
    if (roll(maker, 2) == 0) {
        pyr_text_printf(sql, "%s %s", name, DIFFER_PICK(&maker->random, forms));
        return;
    }
    const char *form = DIFFER_PICK(&maker->random, exists);
    pyr_text_printf(sql, "%s%s)%s", form, name, form[0] == '(' ? " > 0" : "");
}

static void add_where(differ_maker *maker, pyr_text *sql, const differ_scope *scope) {
    if (maker->risky || roll(maker, 5) < 2) {
        return;
    }
    add(sql, " WHERE ");
    for (unsigned i = 0; i == 0 || (i < 4 && roll(maker, 2) == 0); ++i) {
        add(sql, i > 0 ? " AND " : "");
        if (roll(maker, 10) == 0) {
            add_subquery_condition(maker, sql, scope);
        } else {
            add_condition(maker, sql, scope);
        }
    }
}

/* ---- SELECT. ---- */

static void name_item(differ_maker *maker, pyr_text *sql, differ_scope *out, differ_class kind) {
    char name[32];
    snprintf(name, sizeof(name), "c%d", maker->names++);
    pyr_text_printf(sql, " AS %s", name);
    differ_scope_add(out, name, kind);
}

static void add_items(differ_maker *maker, pyr_text *sql, const differ_scope *scope,
                      differ_scope *out) {
    unsigned count = 1 + roll(maker, 4);
    for (unsigned i = 0; i < count; ++i) {
        differ_class kind = differ_any_class(maker);
        add(sql, i > 0 ? ", " : "");
        differ_add_expr(maker, sql, scope, kind, roll(maker, 3) == 0 ? 3 : 2);
        name_item(maker, sql, out, kind);
    }
}

typedef struct aggregate {
    const char *pattern; /* '$' and a class' letter; '@' the unique column */
    differ_class kind;
    bool inexact;
} aggregate;
static const aggregate aggregates[] = {
    {"count(*)", DIFFER_INT, false},
    {"count($I)", DIFFER_INT, false},
    {"count($T)", DIFFER_INT, false},
    {"count(DISTINCT $I)", DIFFER_INT, false},
    {"count(DISTINCT $T)", DIFFER_INT, false},
    {"count(DISTINCT $Y)", DIFFER_INT, false},
    {"count(DISTINCT $F)", DIFFER_INT, false},
    {"count(DISTINCT $D)", DIFFER_INT, false},
    {"sum($I)", DIFFER_INT, false},
    {"sum($I)", DIFFER_INT, false},
    {"sum($U)", DIFFER_INT, false},
    {"sum($B)", DIFFER_INT, false},
    {"sum($D)", DIFFER_DECIMAL, false},
    {"sum(DISTINCT $I)", DIFFER_INT, false},
    {"sum(DISTINCT $D)", DIFFER_DECIMAL, false},
    {"avg(DISTINCT $D)", DIFFER_FLOAT, true},
    {"var_pop(DISTINCT $i)", DIFFER_FLOAT, true},
    {"bit_xor(DISTINCT $u)", DIFFER_UINT, false},
    {"median(DISTINCT $I)", DIFFER_FLOAT, true},
    {"sum($F)", DIFFER_FLOAT, true},
    {"fsum($f)", DIFFER_FLOAT, true},
    {"avg($I)", DIFFER_FLOAT, true},
    {"avg($D)", DIFFER_FLOAT, true},
    {"avg($F)", DIFFER_FLOAT, true},
    {"avg(DISTINCT $I)", DIFFER_FLOAT, true},
    {"min($I)", DIFFER_INT, false},
    {"max($I)", DIFFER_INT, false},
    {"min($T)", DIFFER_TEXT, false},
    {"max($T)", DIFFER_TEXT, false},
    {"min($Y)", DIFFER_DATE, false},
    {"max($Z)", DIFFER_TIMESTAMP, false},
    {"min($D)", DIFFER_DECIMAL, false},
    {"max($F)", DIFFER_FLOAT, false},
    {"min($F)", DIFFER_FLOAT, false},
    {"max($B)", DIFFER_BOOL, false},
    {"min($U)", DIFFER_UINT, false},
    {"max($O)", DIFFER_OTHER_TIMESTAMP, false},
    {"min($V)", DIFFER_INTERVAL, false},
    {"max($L)", DIFFER_BLOB, false},
    {"max($M)", DIFFER_TIME, false},
    {"min($W)", DIFFER_TIMESTAMPTZ, false},
    {"stddev($i)", DIFFER_FLOAT, true},
    {"stddev_pop($F)", DIFFER_FLOAT, true},
    {"var_samp($d)", DIFFER_FLOAT, true},
    {"var_pop($i)", DIFFER_FLOAT, true},
    {"corr($i, $f)", DIFFER_FLOAT, true},
    {"covar_pop($f, $i)", DIFFER_FLOAT, true},
    {"covar_samp($i, $d)", DIFFER_FLOAT, true},
    {"median($I)", DIFFER_FLOAT, true},
    {"median($F)", DIFFER_FLOAT, true},
    {"quantile_cont($I, 0.25)", DIFFER_FLOAT, true},
    {"quantile_cont($F, 0.9)", DIFFER_FLOAT, true},
    {"quantile_disc($I, 0.5)", DIFFER_INT, false},
    {"quantile_disc($D, 0.75)", DIFFER_DECIMAL, false},
    {"quantile_disc($Y, 0.1)", DIFFER_DATE, false},
    {"quantile_disc($T, 0.33)", DIFFER_TEXT, false},
    {"quantile_disc($F, 0.25)", DIFFER_FLOAT, true},
    {"quantile_disc($U, 0.6::DOUBLE)", DIFFER_UINT, false},
    {"quantile_cont($D, 0.4)", DIFFER_DECIMAL, false},
    {"quantile_cont($Z, 0.2)", DIFFER_TIMESTAMP, false},
    {"median($D)", DIFFER_DECIMAL, false},
    {"median($Y)", DIFFER_TIMESTAMP, false},
    {"median($T)", DIFFER_TEXT, false},
    {"median($B)", DIFFER_BOOL, false},
    {"median($O)", DIFFER_OTHER_TIMESTAMP, false},
    {"median($M)", DIFFER_TIME, false},
    {"arg_min($I, @)", DIFFER_INT, false},
    {"arg_max($T, @)", DIFFER_TEXT, false},
    {"max_by($Y, @)", DIFFER_DATE, false},
    {"bool_and($B)", DIFFER_BOOL, false},
    {"bool_or($B)", DIFFER_BOOL, false},
    {"bit_and($i)", DIFFER_INT, false},
    {"bit_or($i)", DIFFER_INT, false},
    {"bit_xor($u)", DIFFER_UINT, false},
    {"string_agg(CASE WHEN $B THEN 'x' END, '-')", DIFFER_TEXT, false},
    {"string_agg('ab')", DIFFER_TEXT, false},
};

/* The column whose values differ from row to row, where there is one. */
static const char *unique_column(const differ_scope *scope) {
    bool joined = scope->count > 28;
    return !joined && scope->count == 28 ? "a.k" : NULL;
}

static void add_aggregate(differ_maker *maker, pyr_text *sql, const differ_scope *scope,
                          differ_class *kind) {
    static const char letters[] = "BIUDFTLYMZOWV";
    const char *unique = unique_column(scope);
    const aggregate *of;
    do {
        of = &DIFFER_PICK(&maker->random, aggregates);
        /* What becomes of compensation beyond infinity depends on the order. */
    } while ((of->inexact && maker->inner) ||
             (unique == NULL && strchr(of->pattern, '@') != NULL) ||
             (maker->risky && of->pattern[0] == 'f'));
    maker->inexact = maker->inexact || of->inexact;
    *kind = of->kind;
    for (const char *at = of->pattern; *at != '\0'; ++at) {
        if (*at == '@') {
            add(sql, unique);
        } else if (*at == '$') {
            ++at;
            bool leaf = *at >= 'a';
            const char *letter = strchr(letters, leaf ? *at - 'a' + 'A' : *at);
            if (leaf || letter == NULL) {
                differ_add_leaf(maker, sql, scope,
                                letter != NULL ? (differ_class)(letter - letters) : DIFFER_INT);
            } else {
                differ_add_expr(maker, sql, scope, (differ_class)(letter - letters),
                                (int)roll(maker, 3));
            }
        } else {
            pyr_text_add_char(sql, *at);
        }
    }
    if (roll(maker, 10) == 0) {
        add(sql, " FILTER (WHERE ");
        differ_add_expr(maker, sql, scope, DIFFER_BOOL, 1);
        add(sql, ")");
    }
}

enum { KEYS_MAX = 4 };
typedef struct keys {
    pyr_text texts[KEYS_MAX];
    differ_class kinds[KEYS_MAX];
    unsigned count;
} keys;

static void make_keys(differ_maker *maker, const differ_scope *scope, keys *of) {
    static const unsigned counts[] = {0, 1, 1, 1, 1, 2, 2, 2, 3, 4};
    of->count = DIFFER_PICK(&maker->random, counts);
    for (unsigned i = 0; i < of->count; ++i) {
        of->kinds[i] = differ_any_class(maker);
        pyr_text_init(&of->texts[i]);
        const differ_column *column = differ_scope_pick(maker, scope, of->kinds[i]);
        if (column != NULL && roll(maker, 3) > 0) {
            pyr_text_add(&of->texts[i], column->name);
        } else {
            pyr_text_add_char(&of->texts[i], '(');
            differ_add_expr(maker, &of->texts[i], scope, of->kinds[i], 2);
            pyr_text_add(&of->texts[i], column != NULL ? ")" : ")");
        }
    }
}

static void add_keys(pyr_text *sql, const keys *of, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; ++i) {
        add(sql, i > from ? ", " : "");
        add(sql, pyr_text_get(&of->texts[i]));
    }
}

static void add_group_by(differ_maker *maker, pyr_text *sql, const keys *of) {
    unsigned form = of->count > 0 && roll(maker, 8) == 0 ? 1 + roll(maker, 3) : 0;
    if (of->count == 0) {
        return;
    }
    add(sql, form == 1   ? " GROUP BY ROLLUP ("
             : form == 2 ? " GROUP BY CUBE ("
             : form == 3 ? " GROUP BY GROUPING SETS ("
                         : " GROUP BY ");
    if (form == 3) {
        add(sql, "(");
        add_keys(sql, of, 0, of->count);
        add(sql, "), (");
        add_keys(sql, of, 0, 1);
        add(sql, "), ()");
    } else {
        add_keys(sql, of, 0, of->count);
    }
    add(sql, form > 0 ? ")" : "");
}

static void add_having(differ_maker *maker, pyr_text *sql, const differ_scope *scope) {
    static const char *const forms[] = {"count(*) > 1",   "count(*) BETWEEN 2 AND 50",
                                        "sum(a.i8) > 0",  "max(a.i32) IS NOT NULL",
                                        "min(a.s) < 'b'", "count(DISTINCT a.u8) > 2"};
    if (scope->count >= 28 && roll(maker, 4) == 0) {
        pyr_text_printf(sql, " HAVING %s", DIFFER_PICK(&maker->random, forms));
    }
}

static void add_grouped(differ_maker *maker, pyr_text *sql, differ_scope *out, int depth) {
    differ_scope scope = {.count = 0};
    pyr_text from;
    keys of;
    pyr_text_init(&from);
    add_from(maker, &from, &scope, depth);
    add_where(maker, &from, &scope);
    make_keys(maker, &scope, &of);
    add(sql, "SELECT ");
    for (unsigned i = 0; i < of.count; ++i) {
        add(sql, pyr_text_get(&of.texts[i]));
        name_item(maker, sql, out, of.kinds[i]);
        add(sql, ", ");
    }
    unsigned count = 1 + roll(maker, 5);
    for (unsigned i = 0; i < count; ++i) {
        differ_class kind = DIFFER_INT;
        add(sql, i > 0 ? ", " : "");
        add_aggregate(maker, sql, &scope, &kind);
        name_item(maker, sql, out, kind);
    }
    if (of.count > 0 && roll(maker, 6) == 0) {
        add(sql, ", grouping(");
        add_keys(sql, &of, roll(maker, of.count), of.count);
        add(sql, ")");
        name_item(maker, sql, out, DIFFER_INT);
    }
    add(sql, pyr_text_get(&from));
    add_group_by(maker, sql, &of);
    add_having(maker, sql, &scope);
    for (unsigned i = 0; i < of.count; ++i) {
        pyr_text_deinit(&of.texts[i]);
    }
    pyr_text_deinit(&from);
}

/* Where the order is not whole, only what is the same for any of its orders. */
static void add_range(differ_maker *maker, pyr_text *sql) {
    static const char *const functions[] = {"sum(a.i16)", "count(*)",   "max(a.s)",
                                            "min(a.i64)", "count(a.b)", "sum(a.d9)"};
    static const char *const ranges[] = {
        "ORDER BY a.k RANGE BETWEEN 3 PRECEDING AND 2 FOLLOWING",
        "ORDER BY a.k DESC RANGE BETWEEN 10 PRECEDING AND CURRENT ROW",
        "ORDER BY a.i32 RANGE BETWEEN 100 PRECEDING AND 1000 FOLLOWING",
        "ORDER BY a.i16 DESC NULLS FIRST RANGE BETWEEN CURRENT ROW AND 5 FOLLOWING",
        "ORDER BY a.i8 NULLS FIRST RANGE BETWEEN UNBOUNDED PRECEDING AND 1000 FOLLOWING",
        "ORDER BY a.dt RANGE BETWEEN INTERVAL 1 MONTH PRECEDING AND INTERVAL 3 DAY FOLLOWING",
        "ORDER BY a.dt DESC RANGE BETWEEN 7 PRECEDING AND UNBOUNDED FOLLOWING",
        "ORDER BY a.d9 RANGE BETWEEN 1.5 PRECEDING AND 20 FOLLOWING",
        "ORDER BY a.s RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
        "ORDER BY a.b, a.u8 GROUPS BETWEEN CURRENT ROW AND CURRENT ROW"};
    static const char *const partitions[] = {"", "PARTITION BY a.i8 ", "PARTITION BY a.b "};
    pyr_text_printf(sql, ", %s OVER (%s%s)", DIFFER_PICK(&maker->random, functions),
                    DIFFER_PICK(&maker->random, partitions), DIFFER_PICK(&maker->random, ranges));
}

/* The order within a window is that of the unique column. */
static void add_rows(differ_maker *maker, pyr_text *sql) {
    static const char *const functions[] = {
        "row_number()",       "rank()",           "dense_rank()",      "lag(a.i32)",
        "lead(a.s)",          "lag(a.k, 2)",      "sum(a.i16)",        "count(a.s)",
        "max(a.dt)",          "min(a.i64)",       "count(*)",          "sum(a.d9)",
        "first_value(a.i32)", "last_value(a.s)",  "nth_value(a.b, 3)", "ntile(7)",
        "percent_rank()",     "cume_dist()",      "max(a.s)",          "bool_or(a.b)",
        "any_value(a.i16)",   "arg_max(a.s, a.k)"};
    static const char *const partitions[] = {"", "PARTITION BY a.i8 ", "PARTITION BY a.s ",
                                             "PARTITION BY a.b, a.u8 ", "PARTITION BY a.i16 % 5 "};
    static const char *const orders[] = {"ORDER BY a.k", "ORDER BY a.k DESC",
                                         "ORDER BY a.i32 DESC NULLS LAST, a.k",
                                         "ORDER BY a.s, a.k"};
    static const char *const frames[] = {"",
                                         "",
                                         "",
                                         " ROWS 2 PRECEDING",
                                         " ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING",
                                         " ROWS BETWEEN 1 FOLLOWING AND 100 FOLLOWING",
                                         " ROWS BETWEEN 40 PRECEDING AND 3 PRECEDING",
                                         " ROWS BETWEEN UNBOUNDED PRECEDING AND 4 FOLLOWING",
                                         " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
                                         " ROWS BETWEEN 3000 PRECEDING AND 2500 FOLLOWING",
                                         " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"};
    pyr_text_printf(sql, ", %s OVER (%s%s%s)", DIFFER_PICK(&maker->random, functions),
                    DIFFER_PICK(&maker->random, partitions), DIFFER_PICK(&maker->random, orders),
                    DIFFER_PICK(&maker->random, frames));
}

static void add_windowed(differ_maker *maker, pyr_text *sql, differ_scope *out) {
    differ_scope scope = {.count = 0};
    differ_scope_add_table(&scope, "a");
    add(sql, "SELECT a.k AS k0");
    differ_scope_add(out, "k0", DIFFER_INT);
    for (unsigned i = 0; i == 0 || (i < 3 && roll(maker, 2) == 0); ++i) {
        if (roll(maker, 3) == 0) {
            add_range(maker, sql);
        } else {
            add_rows(maker, sql);
        }
        name_item(maker, sql, out, DIFFER_INTERVAL); /* of a type that nobody looks for */
    }
    out->count = 1;
    pyr_text_printf(sql, " FROM %s a", pick_table(maker));
    add_where(maker, sql, &scope);
}

/* By name the right side's columns stand in another order. */
static void add_union(differ_maker *maker, pyr_text *sql, differ_scope *out) {
    static const char *const operators[] = {
        " UNION ALL ", " UNION ALL ",  " UNION ",         " EXCEPT ",        " INTERSECT ",
        " EXCEPT ",    " EXCEPT ALL ", " INTERSECT ALL ", " UNION BY NAME ", " UNION ALL BY NAME "};
    differ_class kinds[3];
    unsigned count = 1 + roll(maker, 3);
    unsigned parts = 2 + roll(maker, 2);
    for (unsigned i = 0; i < count; ++i) {
        kinds[i] = differ_any_class(maker);
    }
    for (unsigned part = 0; part < parts; ++part) {
        differ_scope scope = {.count = 0};
        const char *between = part > 0 ? DIFFER_PICK(&maker->random, operators) : "";
        unsigned moved = strstr(between, "NAME") != NULL ? 1 : 0;
        differ_scope_add_table(&scope, "a");
        pyr_text_printf(sql, "%sSELECT ", between);
        for (unsigned i = 0; i < count; ++i) {
            unsigned item = (i + moved) % count;
            add(sql, i > 0 ? ", " : "");
            differ_add_expr(maker, sql, &scope, kinds[item], 1);
            if (part == 0) {
                name_item(maker, sql, out, kinds[item]);
            } else if (moved > 0) {
                pyr_text_printf(sql, " AS %s", out->columns[item].name);
            }
        }
        pyr_text_printf(sql, " FROM %s a", pick_table(maker));
        add_where(maker, sql, &scope);
    }
}

/* The first rows by what need not be in the result: the unique column makes the order whole. */
static void add_top(differ_maker *maker, pyr_text *sql, differ_scope *out) {
    static const char *const firsts[] = {
        "",       "a.s, ",         "a.i32 DESC, ",    "a.g NULLS FIRST, ", "a.dt DESC NULLS LAST, ",
        "a.d9, ", "a.i8 + a.u8, ", "a.b, a.z DESC, ", "lower(a.s), ",      "a.ts, "};
    differ_scope scope = {.count = 0};
    differ_scope_add_table(&scope, "a");
    add(sql, "SELECT ");
    if (roll(maker, 4) == 0) {
        add(sql, "*");
        *out = scope;
    } else {
        add_items(maker, sql, &scope, out);
    }
    pyr_text_printf(sql, " FROM %s a", pick_table(maker));
    add_where(maker, sql, &scope);
    pyr_text_printf(sql, " ORDER BY %sa.k%s LIMIT %u", DIFFER_PICK(&maker->random, firsts),
                    roll(maker, 2) == 0 ? " DESC" : "",
                    roll(maker, 3) == 0 ? 3000 : roll(maker, 40));
    if (roll(maker, 3) == 0) {
        pyr_text_printf(sql, " OFFSET %u", roll(maker, 30));
    }
}

/* Joins written in other ways, of tables whose columns' names are not alike. */
static void add_other_join(differ_maker *maker, pyr_text *sql, differ_scope *out) {
    static const char *const froms[] = {
        "t a, m c WHERE a.k = c.k",
        "m a, p b, t c WHERE a.k = b.k AND b.k = c.k",
        "t a JOIN m c ON a.k = c.k AND a.i8 < c.i16",
        "m a JOIN m c ON a.k < c.k",
        "m a CROSS JOIN m c",
        "m a, m c WHERE a.i8 = c.i8 OR a.k = c.k",
        "t a LEFT JOIN p c ON a.k = c.k WHERE c.k IS NULL",
        "p a FULL JOIN t c ON a.k = c.k AND a.b",
        "t a JOIN (SELECT i8 AS k, count(*) AS i32, min(s) AS s, max(d9) AS d9 FROM t GROUP BY i8) "
        "c ON "
        "a.i8 = c.k",
        "w a JOIN t c ON a.i32 = c.i32 AND a.u8 = c.u8",
        "t a JOIN t c ON a.dt = c.dt AND a.s = c.s",
        "w a JOIN m c ON a.k = c.k WHERE a.k > (SELECT min(k) FROM m)",
        "t a JOIN p c ON a.k = c.k JOIN m b ON b.k = c.k WHERE b.i8 IS NOT NULL"};
    differ_scope scope = {.count = 0};
    differ_scope_add(&scope, "a.k", DIFFER_INT);
    differ_scope_add(&scope, "c.k", DIFFER_INT);
    differ_scope_add(&scope, "a.s", DIFFER_TEXT);
    differ_scope_add(&scope, "c.s", DIFFER_TEXT);
    differ_scope_add(&scope, "a.i32", DIFFER_INT);
    differ_scope_add(&scope, "c.i32", DIFFER_INT);
    differ_scope_add(&scope, "a.d9", DIFFER_DECIMAL);
    differ_scope_add(&scope, "c.d9", DIFFER_DECIMAL);
    add(sql, "SELECT ");
    if (roll(maker, 3) == 0) {
        differ_class kind = DIFFER_INT;
        add_aggregate(maker, sql, &scope, &kind);
        name_item(maker, sql, out, kind);
        add(sql, ", ");
        add_aggregate(maker, sql, &scope, &kind);
        name_item(maker, sql, out, kind);
    } else {
        add_items(maker, sql, &scope, out);
    }
    pyr_text_printf(sql, " FROM %s", DIFFER_PICK(&maker->random, froms));
}

/* A value of a subquery beside columns. */
static void add_scalars(differ_maker *maker, pyr_text *sql, differ_scope *out) {
    static const char *const values[] = {
        "(SELECT max(n.i32) FROM m n)",
        "(SELECT count(*) FROM t n WHERE n.k = a.k)",
        "(SELECT sum(n.i16) FROM p n WHERE n.i8 = a.i8)",
        "(SELECT n.i32 FROM m n WHERE n.k = a.k)",
        "(SELECT min(n.k) FROM m n WHERE n.i8 > a.i8)",
        "(SELECT avg(n.i8) IS NULL FROM e n WHERE n.k = a.k)::INTEGER",
        "(SELECT count(n.s) FROM m n WHERE n.k = a.k AND n.i16 > 0)"};
    differ_scope scope = {.count = 0};
    differ_scope_add_table(&scope, "a");
    add(sql, "SELECT ");
    add_items(maker, sql, &scope, out);
    pyr_text_printf(sql, ", %s", DIFFER_PICK(&maker->random, values));
    name_item(maker, sql, out, DIFFER_INT);
    pyr_text_printf(sql, " FROM %s a", pick_table(maker));
    add_where(maker, sql, &scope);
}

static void add_select(differ_maker *maker, pyr_text *sql, differ_scope *out, int depth) {
    unsigned kind = roll(maker, 22);
    if (kind == 20 && !maker->risky) {
        add_other_join(maker, sql, out);
        return;
    }
    if (kind == 21 && !maker->risky) {
        add_scalars(maker, sql, out);
        return;
    }
    if (kind < 8) {
        add_grouped(maker, sql, out, depth);
    } else if (kind == 8 && !maker->risky) {
        add_windowed(maker, sql, out);
    } else if (kind == 9 && !maker->risky) {
        add_union(maker, sql, out);
    } else {
        differ_scope scope = {.count = 0};
        pyr_text from;
        pyr_text_init(&from);
        add_from(maker, &from, &scope, depth);
        add(sql, roll(maker, 6) == 0 ? "SELECT DISTINCT " : "SELECT ");
        add_items(maker, sql, &scope, out);
        add_where(maker, &from, &scope);
        add(sql, pyr_text_get(&from));
        pyr_text_deinit(&from);
    }
}

/* ---- Whole statements. ---- */

/* By every column: one order only, whatever rows are the same. */
static void add_order(differ_maker *maker, pyr_text *sql, unsigned columns) {
    static const char *const directions[] = {
        "", " ASC", " DESC", " DESC", " NULLS FIRST", " DESC NULLS LAST", "", " ASC NULLS LAST"};
    unsigned first = roll(maker, columns);
    add(sql, " ORDER BY ");
    for (unsigned i = 0; i < columns; ++i) {
        pyr_text_printf(sql, "%s%u%s", i > 0 ? ", " : "", (first + i) % columns + 1,
                        DIFFER_PICK(&maker->random, directions));
    }
}

static void add_limit(differ_maker *maker, pyr_text *sql) {
    static const int counts[] = {0, 1, 5, 10, 10, 100, 2048, 3000};
    unsigned kind = roll(maker, 4);
    if (kind > 0) {
        pyr_text_printf(sql, " LIMIT %d", DIFFER_PICK(&maker->random, counts));
    }
    if (kind > 1) {
        pyr_text_printf(sql, " OFFSET %d", DIFFER_PICK(&maker->random, counts));
    }
}

static void add_with(differ_maker *maker, pyr_text *sql) {
    differ_scope inner = {.count = 0};
    maker->inner = true;
    add(sql, "WITH q AS (");
    add_select(maker, sql, &inner, 1);
    add(sql, ") ");
    switch (roll(maker, 3)) {
    case 0:
        pyr_text_printf(sql, "SELECT count(*) AS n, count(%s) AS c, min(%s) AS l FROM q",
                        inner.columns[0].name, inner.columns[0].name);
        break;
    case 1:
        pyr_text_printf(sql, "SELECT %s, count(*) AS n FROM q GROUP BY 1", inner.columns[0].name);
        break;
    default:
        pyr_text_printf(sql, "SELECT * FROM q UNION ALL SELECT * FROM q");
    }
}

void differ_make(uint64_t seed, uint64_t number, differ_statement *out) {
    differ_maker maker = {.random = {seed * 1000003u + number}};
    differ_scope columns = {.count = 0};
    (void)differ_next(&maker.random);
    maker.risky = roll(&maker, 8) == 0;
    pyr_text_init(&out->sql);
    out->ordered = false;
    unsigned kind = roll(&maker, 12);
    if (kind == 0) {
        add_with(&maker, &out->sql);
        return;
    }
    if (kind == 1 && !maker.risky) { /* any rows, so many */
        static const int counts[] = {0, 1, 10, 2049, 100000};
        add(&out->sql, "SELECT count(*) AS n FROM (");
        add_select(&maker, &out->sql, &columns, 1);
        pyr_text_printf(&out->sql, " LIMIT %d OFFSET %d) q", DIFFER_PICK(&maker.random, counts),
                        DIFFER_PICK(&maker.random, counts));
        return;
    }
    if (kind == 2 && !maker.risky) {
        add_top(&maker, &out->sql, &columns);
        out->ordered = true;
        return;
    }
    add_select(&maker, &out->sql, &columns, 1);
    unsigned order = roll(&maker, 3);
    if (order < 2 && !maker.inexact && strstr(pyr_text_get(&out->sql), " OVER ") == NULL) {
        add_order(&maker, &out->sql, columns.count);
        out->ordered = true;
        if (order == 0 && !maker.risky) {
            add_limit(&maker, &out->sql);
        }
    }
}
