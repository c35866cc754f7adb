/* DELETE, UPDATE and TRUNCATE: which texts they give, and what may not pass for one of them. */
#include "unit/sql/support_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static pyr_parsed *parse_ok(parsed_text *text, const char *sql, pyr_parsed_kind kind) {
    *text = parse_sql(sql);
    if (text->status != PYR_OK) {
        fail_msg("%s: %s at %d: %s", sql, text->error.sqlstate, (int)text->error.position,
                 text->error.message);
    }
    if (text->parsed->kind != kind) {
        fail_msg("%s: kind %d", sql, (int)text->parsed->kind);
    }
    return text->parsed;
}

static bool same(const char *is, const char *expected) {
    return is == NULL || expected == NULL ? is == expected : strcmp(is, expected) == 0;
}

/* The span is this text and stands where it says. */
static bool span_is(const char *sql, const pyr_span *span, const char *expected) {
    if (span->text == NULL || expected == NULL) {
        return span->text == NULL && expected == NULL;
    }
    return span->length == strlen(expected) && memcmp(span->text, expected, span->length) == 0 &&
           span->text == sql + span->offset;
}

static void delete_is_taken_apart(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        const char *schema_name, *table, *alias, *from, *where;
        bool returning;
    } deletes[] = {
        {"DELETE FROM t", NULL, "t", NULL, NULL, NULL, false},
        {"delete from s.\"T x\" as a where a.b = 1 ;", "s", "T x", "a", NULL, "a.b = 1", false},
        {"DELETE FROM t a USING u, v AS w WHERE a.x = u.x", NULL, "t", "a", "u, v AS w",
         "a.x = u.x", false},
        {"DELETE FROM t USING u JOIN v USING (k) WHERE true RETURNING *", NULL, "t", NULL,
         "u JOIN v USING (k)", "true", true},
        {"DELETE FROM t RETURNING a, b", NULL, "t", NULL, NULL, NULL, true},
        {"DELETE FROM t RETURNING * EXCLUDE (a), b AS where, t.from x, y: 1,", NULL, "t", NULL,
         NULL, NULL, true},
        {"DELETE FROM t USING (SELECT a FROM u WHERE b RETURNING) q -- c\n WHERE x", NULL, "t",
         NULL, "(SELECT a FROM u WHERE b RETURNING) q", "x", false},
        {"DELETE FROM t USING u LEFT JOIN v ON u.a IS NOT DISTINCT FROM v.a, LATERAL (FROM w)",
         NULL, "t", NULL, "u LEFT JOIN v ON u.a IS NOT DISTINCT FROM v.a, LATERAL (FROM w)", NULL,
         false},
        {"DELETE FROM t USING 'x.parquet' p, q: r, VALUES (1) v(a) WHERE p", NULL, "t", NULL,
         "'x.parquet' p, q: r, VALUES (1) v(a)", "p", false},
        {"DELETE FROM t USING u PIVOT (sum(a) FOR b IN (1)) p", NULL, "t", NULL,
         "u PIVOT (sum(a) FOR b IN (1)) p", NULL, false},
        {"DELETE FROM t AS set WHERE set.a", NULL, "t", "set", NULL, "set.a", false}};
    for (size_t i = 0; i < COUNT(deletes); ++i) {
        parsed_text text;
        const char *sql = deletes[i].sql;
        const pyr_parsed *parsed = parse_ok(&text, sql, PYR_PARSED_DELETE);
        if (!same(parsed->table.schema_name, deletes[i].schema_name) ||
            !same(parsed->table.name, deletes[i].table) || !same(parsed->alias, deletes[i].alias) ||
            !span_is(sql, &parsed->from, deletes[i].from) ||
            !span_is(sql, &parsed->where, deletes[i].where) ||
            (parsed->returning.text != NULL) != deletes[i].returning ||
            parsed->assignments.count != 0) {
            fail_msg("%s", sql);
        }
        parsed_free(&text);
    }
}

static void update_is_taken_apart(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        const char *alias, *from, *where;
        bool returning;
        const char *assignments[6]; /* column, value, ... */
    } updates[] = {
        {"UPDATE t SET a = 1", NULL, NULL, NULL, false, {"a", "1"}},
        {"update t x set \"A b\"=-1, set = x.set || ','where x",
         "x",
         NULL,
         "x",
         false,
         {"\"A b\"", "-1", "set", "x.set || ','"}},
        {"UPDATE t SET a = DEFAULT, b = 2, WHERE c",
         NULL,
         NULL,
         "c",
         false,
         {"a", "DEFAULT", "b", "2"}},
        {"UPDATE t AS a SET b = u.c FROM u WHERE u.d = a.d RETURNING a.*",
         "a",
         "u",
         "u.d = a.d",
         true,
         {"b", "u.c"}},
        {"UPDATE t SET a = b IS DISTINCT FROM c FROM u",
         NULL,
         "u",
         NULL,
         false,
         {"a", "b IS DISTINCT FROM c"}},
        {"UPDATE t SET a = s.distinct FROM u", NULL, "u", NULL, false, {"a", "s.distinct"}},
        {"UPDATE t SET a = (SELECT x FROM u WHERE y), b = [1, {'k': 2}], c = EXTRACT(year FROM d)",
         NULL,
         NULL,
         NULL,
         false,
         {"a", "(SELECT x FROM u WHERE y)", "b", "[1, {'k': 2}]", "c", "EXTRACT(year FROM d)"}},
        {"UPDATE t SET a = CASE WHEN b THEN c ELSE CASE d WHEN 1 THEN 2 END END, e = 1",
         NULL,
         NULL,
         NULL,
         false,
         {"a", "CASE WHEN b THEN c ELSE CASE d WHEN 1 THEN 2 END END", "e", "1"}}};
    for (size_t i = 0; i < COUNT(updates); ++i) {
        parsed_text text;
        const char *sql = updates[i].sql;
        const pyr_parsed *parsed = parse_ok(&text, sql, PYR_PARSED_UPDATE);
        size_t count = 0;
        while (count < 3 && updates[i].assignments[2 * count] != NULL) {
            ++count;
        }
        if (!same(parsed->table.name, "t") || !same(parsed->alias, updates[i].alias) ||
            !span_is(sql, &parsed->from, updates[i].from) ||
            !span_is(sql, &parsed->where, updates[i].where) ||
            (parsed->returning.text != NULL) != updates[i].returning ||
            parsed->assignments.count != count) {
            fail_msg("%s", sql);
        }
        for (size_t j = 0; j < count; ++j) {
            const pyr_assignment *assignment = &parsed->assignments.items[j];
            const char *column = updates[i].assignments[2 * j]; /* as written */
            const char *value = updates[i].assignments[2 * j + 1];
            bool quoted = column[0] == '"';
            if (strncmp(sql + assignment->offset, column, strlen(column)) != 0 ||
                strncmp(assignment->column, column + quoted, strlen(assignment->column)) != 0 ||
                strlen(assignment->column) != strlen(column) - (quoted ? 2 : 0) ||
                !span_is(sql, &assignment->value, value) ||
                assignment->is_default != (strcmp(value, "DEFAULT") == 0)) {
                fail_msg("%s: assignment %d", sql, (int)j);
            }
        }
        parsed_free(&text);
    }
}

/* Each is one condition to the last byte, though words in it begin clauses elsewhere. */
static void conditions_are_found_whole(void **state) {
    (void)state;
    static const char *const conditions[] = {
        "a = ' WHERE RETURNING, ) '' FROM '",
        "a = E'\\' RETURNING '",
        "a = $$ ) RETURNING $$ or b = $x$ $$ ; $x$",
        "\"RETURNING\" = \"a \"\" LIMIT\"",
        "a /* RETURNING /* ) */ ORDER BY */ = -- LIMIT 1\n b",
        "t.limit = s.t.case and t . end",
        "a IS DISTINCT FROM b and c is not distinct from (SELECT d FROM e LIMIT 1)",
        "substring(a FROM 2 FOR 3) = trim(BOTH ' ' FROM b)",
        "EXISTS (FROM u WHERE x IN (SELECT y FROM z WHERE w UNION SELECT 1) GROUP BY ALL)",
        "a = ANY (SELECT 1) AND a <> ALL ([1]) OR NOT b IN (1, 2) AND ARRAY[1][1:2] = c",
        "a BETWEEN SYMMETRIC 1 AND CASE WHEN b THEN (CASE WHEN c THEN 1 END) ELSE 2 END",
        "a::TIMESTAMP WITH TIME ZONE > b AT TIME ZONE 'UTC'",
        "count(*) FILTER (WHERE a) OVER (ORDER BY b) > mode() WITHIN GROUP (ORDER BY c)",
        "list_filter(l, lambda x: x > 1) = [y FOR y IN l IF y] AND {end: 1}.end = 1",
        "CAST(a AS INT) COLLATE nocase LIKE 'x' ESCAPE '!' AND b NOTNULL",
        "values > 1 AND offset_ = \"offset\"",
        "((((((((a))))))))"};
    for (size_t i = 0; i < COUNT(conditions); ++i) {
        char sql[512];
        parsed_text text;
        snprintf(sql, sizeof(sql), "DELETE FROM t USING u WHERE %s /* x */ RETURNING a",
                 conditions[i]);
        const pyr_parsed *parsed = parse_ok(&text, sql, PYR_PARSED_DELETE);
        if (!span_is(sql, &parsed->where, conditions[i]) || parsed->returning.text == NULL) {
            fail_msg("%s", sql);
        }
        parsed_free(&text);
        snprintf(sql, sizeof(sql), "UPDATE t SET b = 1, a = %s\n, c = 2 FROM u WHERE d",
                 conditions[i]);
        parsed = parse_ok(&text, sql, PYR_PARSED_UPDATE);
        if (parsed->assignments.count != 3 ||
            !span_is(sql, &parsed->assignments.items[1].value, conditions[i]) ||
            !span_is(sql, &parsed->from, "u") || !span_is(sql, &parsed->where, "d")) {
            fail_msg("%s", sql);
        }
        parsed_free(&text);
    }
}

static void truncate_names_its_table(void **state) {
    (void)state;
    static const char *const truncates[] = {"TRUNCATE s.t", "truncate table s.\"t\";",
                                            "TRUNCATE TABLE s.t AS a"};
    for (size_t i = 0; i < COUNT(truncates); ++i) {
        parsed_text text;
        const pyr_parsed *parsed = parse_ok(&text, truncates[i], PYR_PARSED_TRUNCATE);
        assert_string_equal(parsed->table.schema_name, "s");
        assert_string_equal(parsed->table.name, "t");
        assert_null(parsed->where.text);
        parsed_free(&text);
    }
}

static void changes_stand_inside_explain_and_prepare(void **state) {
    (void)state;
    parsed_text text;
    pyr_parsed *parsed =
        parse_ok(&text, "EXPLAIN ANALYZE DELETE FROM t WHERE a = ?", PYR_PARSED_EXPLAIN);
    assert_int_equal(parsed->inner->kind, PYR_PARSED_DELETE);
    assert_span(parsed->inner->where, "a = ?");
    assert_int_equal(parsed->inner->where.offset, strlen("EXPLAIN ANALYZE DELETE FROM t WHERE "));
    parsed_free(&text);
    parsed = parse_ok(&text, "PREPARE p AS UPDATE t SET a = $2, b = $3 WHERE c = $1",
                      PYR_PARSED_PREPARE);
    assert_int_equal(parsed->inner->kind, PYR_PARSED_UPDATE);
    assert_int_equal(parsed->inner->parameters_count, 3);
    assert_int_equal(parsed->inner->assignments.count, 2);
    parsed_free(&text);
    parsed = parse_ok(&text, "EXPLAIN TRUNCATE t", PYR_PARSED_EXPLAIN);
    assert_int_equal(parsed->inner->kind, PYR_PARSED_TRUNCATE);
    parsed_free(&text);
    parsed = parse_ok(&text, "UPDATE t SET a = ?, b = ? FROM f(?) WHERE c = ?", PYR_PARSED_UPDATE);
    assert_int_equal(parsed->parameters_count, 4);
    parsed_free(&text);
}

/* What stands before the verb is kept as text; a query with WITH stays one. */
static void with_stands_before_changes(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        pyr_parsed_kind kind;
        const char *with;
    } statements[] = {
        {"WITH x AS (SELECT 1) DELETE FROM t", PYR_PARSED_DELETE, "WITH x AS (SELECT 1)"},
        {"with recursive x (a) as materialized (select f(1)), y as (from x) update t set a = 1",
         PYR_PARSED_UPDATE, "with recursive x (a) as materialized (select f(1)), y as (from x)"},
        {"WITH x(a) USING KEY (a) AS (SELECT 1) INSERT INTO t FROM x", PYR_PARSED_INSERT,
         "WITH x(a) USING KEY (a) AS (SELECT 1)"},
        {"WITH x AS (SELECT 1) MERGE INTO t USING x ON a WHEN MATCHED THEN DELETE",
         PYR_PARSED_MERGE, "WITH x AS (SELECT 1)"},
        {"WITH x AS (SELECT 1) SELECT f(a) delete FROM x", PYR_PARSED_QUERY, NULL},
        {"WITH x AS (SELECT 1) (SELECT 1)", PYR_PARSED_QUERY, NULL},
        {"WITH delete AS (SELECT 1) FROM delete", PYR_PARSED_QUERY, NULL},
        {"WITH", PYR_PARSED_QUERY, NULL}};
    for (size_t i = 0; i < COUNT(statements); ++i) {
        parsed_text text;
        const pyr_parsed *parsed = parse_ok(&text, statements[i].sql, statements[i].kind);
        if (!span_is(statements[i].sql, &parsed->with, statements[i].with)) {
            fail_msg("%s", statements[i].sql);
        }
        parsed_free(&text);
    }
}

static void several_columns_are_set_at_once(void **state) {
    (void)state;
    parsed_text text;
    const char *sql = "UPDATE t SET (a, b) = (1, f(2, 3)), (c, d) = (SELECT 4) + 1, e = 5";
    const pyr_parsed *parsed = parse_ok(&text, sql, PYR_PARSED_UPDATE);
    static const char *const values[] = {"1", "f(2, 3)", "(SELECT 4) + 1", "(SELECT 4) + 1", "5"};
    assert_int_equal(parsed->assignments.count, COUNT(values));
    for (size_t i = 0; i < COUNT(values); ++i) {
        assert_true(span_is(sql, &parsed->assignments.items[i].value, values[i]));
        assert_int_equal(parsed->assignments.items[i].column[0], 'a' + i);
    }
    parsed_free(&text);
}

static void merge_is_taken_apart(void **state) {
    (void)state;
    parsed_text text;
    const char *sql =
        "MERGE INTO s.t AS a USING (SELECT 1 AS x) b ON a.x = b.x OR a.y "
        "WHEN MATCHED AND CASE WHEN b.x THEN 1 END THEN UPDATE SET x = b.x, y = DEFAULT "
        "WHEN MATCHED THEN DELETE "
        "WHEN NOT MATCHED BY SOURCE THEN DO NOTHING "
        "WHEN NOT MATCHED AND b.x > 1 THEN INSERT (x, y) VALUES (b.x, DEFAULT) "
        "WHEN NOT MATCHED BY TARGET THEN ERROR 'no ' || b.x RETURNING merge_action, *";
    const pyr_parsed *parsed = parse_ok(&text, sql, PYR_PARSED_MERGE);
    const pyr_merge *merge = &parsed->merge;
    assert_string_equal(parsed->alias, "a");
    assert_true(span_is(sql, &merge->source, "(SELECT 1 AS x) b"));
    assert_true(span_is(sql, &merge->on, "a.x = b.x OR a.y"));
    assert_int_equal(merge->clauses_count, 5);
    const pyr_merge_clause *clauses = merge->clauses;
    assert_true(span_is(sql, &clauses[0].condition, "CASE WHEN b.x THEN 1 END"));
    assert_int_equal(clauses[0].act, PYR_MERGE_UPDATE);
    assert_int_equal(clauses[0].values.count, 2);
    assert_true(clauses[0].values.items[1].is_default);
    assert_int_equal(clauses[1].act, PYR_MERGE_DELETE);
    assert_null(clauses[1].condition.text);
    assert_int_equal(clauses[2].when, PYR_MERGE_NOT_MATCHED_BY_SOURCE);
    assert_int_equal(clauses[2].act, PYR_MERGE_NOTHING);
    assert_int_equal(clauses[3].act, PYR_MERGE_INSERT);
    assert_string_equal(clauses[3].values.items[1].column, "y");
    assert_int_equal(clauses[4].when, PYR_MERGE_NOT_MATCHED);
    assert_true(span_is(sql, &clauses[4].message, "'no ' || b.x"));
    assert_true(span_is(sql, &parsed->returning, "merge_action, *"));
    parsed_free(&text);

    parsed = parse_ok(&text,
                      "MERGE INTO t USING u USING (a, b) WHEN MATCHED THEN UPDATE BY NAME "
                      "WHEN NOT MATCHED THEN INSERT",
                      PYR_PARSED_MERGE);
    assert_int_equal(parsed->merge.columns_count, 2);
    assert_int_equal(parsed->merge.clauses[0].from, PYR_MERGE_VALUES_BY_NAME);
    assert_int_equal(parsed->merge.clauses[1].from, PYR_MERGE_VALUES_BY_PLACE);
    parsed_free(&text);
}

static void conflicts_are_taken_apart(void **state) {
    (void)state;
    parsed_text text;
    const char *sql = "INSERT INTO t AS x VALUES (1) ON CONFLICT (a, b) WHERE c > 0 DO UPDATE SET "
                      "a = excluded.a, b = DEFAULT WHERE x.a < 3 RETURNING a";
    const pyr_parsed *parsed = parse_ok(&text, sql, PYR_PARSED_INSERT);
    assert_string_equal(parsed->alias, "x");
    assert_int_equal(parsed->conflict.action, PYR_CONFLICT_UPDATE);
    assert_int_equal(parsed->conflict.columns_count, 2);
    assert_true(span_is(sql, &parsed->conflict.condition, "c > 0"));
    assert_int_equal(parsed->assignments.count, 2);
    assert_true(span_is(sql, &parsed->where, "x.a < 3"));
    assert_true(span_is(sql, &parsed->returning, "a"));
    parsed_free(&text);
}

static void wrong_changes_are_refused_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *sql; /* the error is where ^ stands, which is taken out */
        const char *sqlstate;
        const char *message; /* contained */
    } wrong[] = {
        {"DELETE ^t", "42601", "FROM"},
        {"DELETE FROM ^", "42601", "end of input"},
        {"DELETE FROM ^'t'", "42601", "a name"},
        {"DELETE FROM a.b^.c", "0A000", "three parts"},
        {"DELETE FROM t WHERE^", "42601", "end of input: expected a condition"},
        {"DELETE FROM t WHERE ^RETURNING a", "42601", "a condition"},
        {"DELETE FROM t WHERE a RETURNING^", "42601", "columns"},
        {"DELETE FROM t USING ^WHERE a", "42601", "a table"},
        {"DELETE FROM t USING ^, u", "42601", "a table"},
        {"DELETE FROM t a ^(b) WHERE b", "42601", "the statement's end"},
        {"DELETE FROM t ^set WHERE a", "42601", "\"set\""},
        {"DELETE FROM t ^LIMIT 1", "42601", "LIMIT"},
        /* Without this every row would be deleted. */
        {"DELETE FROM t RETURNING * ^WHERE a", "42601", "\"WHERE\""},
        {"DELETE FROM t RETURNING ^WHERE a", "42601", "columns"},
        {"DELETE FROM t RETURNING ^, a", "42601", "columns"},
        {"DELETE FROM t RETURNING (a^", "42601", "closing bracket"},
        {"UPDATE t SET a = 1 RETURNING b ^FROM u", "42601", "\"FROM\""},
        {"UPDATE t SET a = 1 RETURNING b ^RETURNING c", "42601", "\"RETURNING\""},
        {"UPDATE t SET ^(a, b) = (1, 2, 3)", "42601", "2 columns are set, but 3 values"},
        {"UPDATE t SET (^) = (1)", "42601", "a name"},
        {"MERGE INTO t USING u ON a^", "42601", "WHEN"},
        {"MERGE INTO t USING u^, v ON a", "42601", "ON"},
        {"MERGE INTO t USING u ON a ^LIMIT 1 WHEN MATCHED THEN DELETE", "42601", "WHEN"},
        {"MERGE INTO t USING u ON a ^WHEN MATCHED THEN INSERT", "42601", "INSERT"},
        {"MERGE INTO t USING u ON a ^WHEN NOT MATCHED THEN DELETE", "42601",
         "cannot be combined with UPDATE or DELETE"},
        {"MERGE INTO t USING u ON a WHEN MATCHED THEN DELETE ^WHEN MATCHED THEN DELETE", "42601",
         "one unconditional WHEN MATCHED"},
        {"INSERT OR IGNORE INTO t VALUES (1) ^ON CONFLICT DO NOTHING", "42601", "OR IGNORE"},
        /* What a query would go on with. */
        {"DELETE FROM t WHERE a ^LIMIT 1", "42601", "\"LIMIT\""},
        {"DELETE FROM t WHERE a ^ORDER BY b", "42601", "\"ORDER\""},
        {"DELETE FROM t WHERE a ^GROUP BY ALL", "42601", "\"GROUP\""},
        {"DELETE FROM t WHERE false ^UNION SELECT 1", "42601", "\"UNION\""},
        {"DELETE FROM t WHERE false^) UNION (SELECT 1", "42601", "\")\""},
        {"DELETE FROM t WHERE a ^WHERE b", "42601", "\"WHERE\""},
        {"DELETE FROM t WHERE a^, b", "42601", "\",\""},
        {"DELETE FROM t WHERE a ^USING SAMPLE 1", "42601", "\"USING\""},
        {"DELETE FROM t WHERE ^SELECT true", "42601", "a condition"},
        {"DELETE FROM t WHERE ^FROM u", "42601", "a condition"},
        {"DELETE FROM t WHERE ^VALUES (true)", "42601", "a condition"},
        {"DELETE FROM t WHERE ^TABLE u", "42601", "a condition"},
        {"DELETE FROM t WHERE ^WITH x AS (SELECT true) FROM x", "42601", "a condition"},
        {"DELETE FROM t WHERE WITH time ^AS (SELECT true) FROM time", "42601", "\"AS\""},
        {"DELETE FROM t USING u ^USING SAMPLE 1", "42601", "\"USING\""},
        {"DELETE FROM t USING u ^QUALIFY true", "42601", "\"QUALIFY\""},
        {"DELETE FROM t USING within ^GROUP BY ALL", "42601", "\"GROUP\""},
        {"DELETE FROM t USING u ^UNION SELECT 1", "42601", "\"UNION\""},
        /* Brackets and CASE. */
        {"DELETE FROM t WHERE (a RETURNING b^", "42601", "closing bracket"},
        {"DELETE FROM t WHERE a^] = 1", "42601", "\"]\""},
        {"DELETE FROM t WHERE CASE WHEN a THEN b ^RETURNING c", "42601", "expected END"},
        {"DELETE FROM t WHERE a ^END", "42601", "\"END\""},
        {"DELETE FROM t WHERE a ^THEN", "42601", "\"THEN\""},
        {"DELETE FROM t WHERE (a = ^'b)", "42601", "unterminated quoted string"},
        {"UPDATE ^", "42601", "end of input"},
        {"UPDATE SET a ^= 1", "42601", "expected SET"},
        {"UPDATE t^", "42601", "expected SET"},
        {"UPDATE t ^WHERE a", "42601", "expected SET"},
        {"UPDATE t SET ^", "42601", "a name"},
        {"UPDATE t SET ^WHERE a", "42601", "a name"},
        {"UPDATE t SET a^", "42601", "\"=\""},
        {"UPDATE t SET a ^+= 1", "42601", "\"=\""},
        {"UPDATE t SET t^.a = 1", "42601", "\"=\""},
        {"UPDATE t SET set ^a = 1", "42601", "\"=\""},
        {"UPDATE t SET a = ^", "42601", "a value"},
        {"UPDATE t SET a = ^, b = 1", "42601", "a value"},
        {"UPDATE t SET a = ^WHERE b", "42601", "a value"},
        {"UPDATE t SET a = ^SELECT 1", "42601", "a value"},
        {"UPDATE t SET a = 1, ^, b = 2", "42601", "a name"},
        {"UPDATE t SET a = DEFAULT ^+ 1", "42601", "\"+\""},
        {"UPDATE t SET a = 1 + ^DEFAULT", "42601", "\"DEFAULT\""},
        {"UPDATE t SET a = 1 ^AS x", "42601", "\"AS\""},
        {"UPDATE t SET a = x^: 1", "42601", "\":\""},
        {"UPDATE t SET a = CASE WHEN b THEN c^, d = 1", "42601", "expected END"},
        {"UPDATE t SET a = 1 FROM ^WHERE b", "42601", "a table"},
        {"UPDATE t SET a = 1 FROM u ^FROM v", "42601", "\"FROM\""},
        {"UPDATE t SET a = 1 ^ORDER BY b", "42601", "\"ORDER\""},
        {"UPDATE t SET a = 1 WHERE ^", "42601", "a condition"},
        {"UPDATE ^OR REPLACE t SET a = 1", "42601", "\"OR\""},
        {"TRUNCATE ^", "42601", "a name"},
        {"TRUNCATE t^, u", "42601", "\",\""},
        {"TRUNCATE t ^WHERE a", "42601", "\"WHERE\""},
        {"EXPLAIN DELETE FROM t WHERE a ^LIMIT 1", "42601", "\"LIMIT\""}};
    for (size_t i = 0; i < COUNT(wrong); ++i) {
        char sql[256];
        const char *caret = strchr(wrong[i].sql, '^');
        snprintf(sql, sizeof(sql), "%.*s%s", (int)(caret - wrong[i].sql), wrong[i].sql, caret + 1);
        parsed_text text = parse_sql(sql);
        if (text.status == PYR_OK) {
            fail_msg("%s: accepted", sql);
        }
        assert_null(text.parsed);
        if (strcmp(text.error.sqlstate, wrong[i].sqlstate) != 0 ||
            text.error.position != caret - wrong[i].sql ||
            strstr(text.error.message, wrong[i].message) == NULL) {
            fail_msg("%s: %s at %d: %s", sql, text.error.sqlstate, (int)text.error.position,
                     text.error.message);
        }
        parsed_free(&text);
    }
}

/* No recursion: depth costs nothing. */
static void deep_nesting_is_read(void **state) {
    (void)state;
    enum { DEPTH = 200000 };
    char *sql = malloc(2 * DEPTH + 64);
    assert_non_null(sql);
    size_t length = (size_t)sprintf(sql, "DELETE FROM t WHERE ");
    size_t start = length;
    memset(sql + length, '(', DEPTH);
    length += DEPTH;
    sql[length++] = 'a';
    memset(sql + length, ')', DEPTH);
    length += DEPTH;
    strcpy(sql + length, " RETURNING a");
    parsed_text text;
    const pyr_parsed *parsed = parse_ok(&text, sql, PYR_PARSED_DELETE);
    assert_int_equal(parsed->where.offset, start);
    assert_int_equal(parsed->where.length, 2 * DEPTH + 1);
    parsed_free(&text);
    sql[length - 1] = ' ';
    text = parse_sql(sql);
    assert_int_equal(text.status, PYR_ERROR_SQL);
    assert_string_equal(text.error.sqlstate, "42601");
    parsed_free(&text);
    free(sql);
}

static void assignments_are_bounded(void **state) {
    (void)state;
    enum { MOST = 10000 };
    char *sql = malloc((size_t)MOST * 8 + 64);
    assert_non_null(sql);
    size_t length = (size_t)sprintf(sql, "UPDATE t SET a=0");
    for (size_t i = 1; i < MOST; ++i) {
        length += (size_t)sprintf(sql + length, ",b=%d", (int)(i % 10));
    }
    parsed_text text;
    const pyr_parsed *parsed = parse_ok(&text, sql, PYR_PARSED_UPDATE);
    assert_int_equal(parsed->assignments.count, MOST);
    assert_string_equal(parsed->assignments.items[0].column, "a");
    assert_span(parsed->assignments.items[MOST - 1].value, "9");
    parsed_free(&text);
    strcpy(sql + length, ",c=1");
    text = parse_sql(sql);
    assert_int_equal(text.status, PYR_ERROR_LIMIT);
    assert_string_equal(text.error.sqlstate, "54011");
    assert_int_equal(text.error.position, length + 1);
    parsed_free(&text);
    free(sql);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delete_is_taken_apart),
        cmocka_unit_test(update_is_taken_apart),
        cmocka_unit_test(conditions_are_found_whole),
        cmocka_unit_test(truncate_names_its_table),
        cmocka_unit_test(changes_stand_inside_explain_and_prepare),
        cmocka_unit_test(with_stands_before_changes),
        cmocka_unit_test(several_columns_are_set_at_once),
        cmocka_unit_test(merge_is_taken_apart),
        cmocka_unit_test(conflicts_are_taken_apart),
        cmocka_unit_test(wrong_changes_are_refused_with_their_place),
        cmocka_unit_test(deep_nesting_is_read),
        cmocka_unit_test(assignments_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
