#include "unit/sql/support_sql.h"

#include <string.h>

typedef struct type_case {
    const char *sql;
    const char *normalized; /* as DuckDB 1.5's typeof gives it */
    const char *arrow;
} type_case;

static const type_case cases[] = {
    {"BOOL", "BOOLEAN", "bool"},
    {"tinyint", "TINYINT", "int8"},
    {"INT2", "SMALLINT", "int16"},
    {"int", "INTEGER", "int32"},
    {"INT8", "BIGINT", "int64"},
    {"LONG", "BIGINT", "int64"},
    {"UBIGINT", "UBIGINT", "uint64"},
    {"REAL", "FLOAT", NULL},
    {"FLOAT(25)", "DOUBLE", NULL},
    {"DOUBLE PRECISION", "DOUBLE", NULL},
    {"DECIMAL", "DECIMAL(18,3)", "decimal128(18, 3)"},
    {"NUMERIC(5)", "DECIMAL(5,0)", "decimal128(5, 0)"},
    {"dec ( 38 , 38 )", "DECIMAL(38,38)", "decimal128(38, 38)"},
    {"STRING", "VARCHAR", "utf8"},
    {"VARCHAR(10)", "VARCHAR", "utf8"},
    {"CHARACTER VARYING(5)", "VARCHAR", "utf8"},
    {"\"text\"", "VARCHAR", "utf8"},
    {"JSON", "JSON", "utf8"},
    {"BYTEA", "BLOB", "binary"},
    {"UUID", "UUID", NULL},
    {"HUGEINT", "HUGEINT", "decimal128(38, 0)"},
    {"INT128[]", "HUGEINT[]", NULL},
    {"DECIMAL(38,0)", "DECIMAL(38,0)", "decimal128(38, 0)"},
    {"UHUGEINT", "UHUGEINT", NULL},
    {"BIT(3)", "BIT", NULL},
    {"DATE", "DATE", "date32"},
    {"TIME", "TIME", NULL},
    {"TIME WITH TIME ZONE", "TIME WITH TIME ZONE", NULL},
    {"TIME WITHOUT TIME ZONE", "TIME", NULL},
    {"DATETIME", "TIMESTAMP", NULL},
    {"TIMESTAMP(0)", "TIMESTAMP_S", NULL},
    {"TIMESTAMP(1)", "TIMESTAMP_MS", NULL},
    {"TIMESTAMP(3)", "TIMESTAMP_MS", NULL},
    {"TIMESTAMP(6)", "TIMESTAMP", NULL},
    {"TIMESTAMP(7)", "TIMESTAMP_NS", NULL},
    {"TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", NULL},
    {"timestamp with time zone", "TIMESTAMP WITH TIME ZONE", NULL},
    {"INTERVAL", "INTERVAL", NULL},
    {"INTERVAL YEAR TO MONTH", "INTERVAL", NULL},
    {"INTEGER ARRAY", "INTEGER[]", NULL},
    {"INTEGER ARRAY[3]", "INTEGER[3]", NULL},
    {"TEXT[][3]", "VARCHAR[][3]", NULL},
    {"DECIMAL(10,2)[]", "DECIMAL(10,2)[]", NULL},
    {"STRUCT(a INT, \"b c\" STRING[])", "STRUCT(a INTEGER, \"b c\" VARCHAR[])", NULL},
    {"ROW(a INT)", "STRUCT(a INTEGER)", NULL},
    {"MAP(INT, TEXT)", "MAP(INTEGER, VARCHAR)", NULL},
    {"MAP(INT, STRUCT(k UUID))[]", "MAP(INTEGER, STRUCT(k UUID))[]", NULL},
    {"UNION(a INTEGER, b VARCHAR)", "UNION(a INTEGER, b VARCHAR)", NULL}};

static pyr_status parse_type(const char *sql, pyr_arena *arena, pyr_field **field, char **sql_type,
                             pyr_error *error) {
    return pyr_sql_type_parse(sql, strlen(sql), "x", arena, field, sql_type, error);
}

static void types_have_duckdbs_names_and_come_back(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_arena arena;
        pyr_arena_init(&arena, NULL);
        pyr_field *field = NULL;
        pyr_field *again = NULL;
        char *sql_type = NULL;
        pyr_error error;
        if (parse_type(cases[i].sql, &arena, &field, &sql_type, &error) != PYR_OK) {
            fail_msg("%s: %s", cases[i].sql, error.message);
        }
        assert_string_equal(sql_type, cases[i].normalized);
        assert_string_equal(field->name, "x");
        if (cases[i].arrow != NULL) {
            pyr_text text;
            pyr_text_init(&text);
            pyr_field_type_print(field, &text);
            assert_string_equal(pyr_text_get(&text), cases[i].arrow);
            pyr_text_deinit(&text);
        }
        assert_int_equal(parse_type(sql_type, &arena, &again, NULL, &error), PYR_OK);
        assert_true(pyr_field_equal(field, again));
        pyr_field_release(again);
        pyr_field_release(field);
        pyr_arena_deinit(&arena);
    }
}

static void extension_types_carry_duckdbs_metadata(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        pyr_type_id storage;
        int32_t width;
        const char *name;
        const char *metadata;
    } extensions[] = {{"UHUGEINT", PYR_TYPE_FIXED_SIZE_BINARY, 16, "arrow.opaque",
                       "{\"type_name\":\"uhugeint\",\"vendor_name\":\"DuckDB\"}"},
                      {"TIMETZ", PYR_TYPE_FIXED_SIZE_BINARY, 8, "arrow.opaque",
                       "{\"type_name\":\"time_tz\",\"vendor_name\":\"DuckDB\"}"},
                      {"BIT", PYR_TYPE_BINARY, 0, "arrow.opaque",
                       "{\"type_name\":\"bit\",\"vendor_name\":\"DuckDB\"}"},
                      {"UUID", PYR_TYPE_FIXED_SIZE_BINARY, 16, "arrow.uuid", ""},
                      {"JSON", PYR_TYPE_UTF8, 0, "arrow.json", ""}};
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); ++i) {
        pyr_arena arena;
        pyr_arena_init(&arena, NULL);
        pyr_field *field = NULL;
        assert_int_equal(parse_type(extensions[i].sql, &arena, &field, NULL, NULL), PYR_OK);
        assert_int_equal(field->type, extensions[i].storage);
        assert_int_equal(field->byte_width, extensions[i].width);
        assert_string_equal(pyr_metadata_find(field->metadata, "ARROW:extension:name", NULL),
                            extensions[i].name);
        assert_string_equal(pyr_metadata_find(field->metadata, "ARROW:extension:metadata", NULL),
                            extensions[i].metadata);
        pyr_field_release(field);
        pyr_arena_deinit(&arena);
    }
}

static void children_are_called_as_duckdb_calls_them(void **state) {
    (void)state;
    pyr_arena arena;
    pyr_arena_init(&arena, NULL);
    pyr_field *field = NULL;
    assert_int_equal(parse_type("MAP(INT, UUID[])", &arena, &field, NULL, NULL), PYR_OK);
    const pyr_field *entries = field->children[0];
    assert_string_equal(entries->name, "entries");
    assert_false(entries->nullable);
    assert_string_equal(entries->children[0]->name, "key");
    assert_false(entries->children[0]->nullable);
    assert_string_equal(entries->children[1]->name, "value");
    assert_true(entries->children[1]->nullable);
    const pyr_field *element = entries->children[1]->children[0];
    assert_string_equal(element->name, "l");
    assert_string_equal(pyr_metadata_find(element->metadata, "ARROW:extension:name", NULL),
                        "arrow.uuid");
    /* The list around an extension is none. */
    assert_null(entries->children[1]->metadata);
    pyr_field_release(field);
    pyr_arena_deinit(&arena);
}

static void wrong_types_are_refused_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        const char *sqlstate;
        int32_t position;
    } wrong[] = {{"INTT", "42704", 0},
                 {"STRUCT(a INTT)", "42704", 9},
                 {"DECIMAL(39)", "22023", 0},
                 {"DECIMAL(0)", "22023", 0},
                 {"DECIMAL(5,6)", "22023", 0},
                 {"DECIMAL(99999999999999)", "22023", 0},
                 {"TIMESTAMP(10)", "22023", 0},
                 {"TIMESTAMP(3) WITH TIME ZONE", "22023", 0},
                 {"INT[0]", "22023", 4},
                 {"INT[100001]", "22023", 4},
                 {"INT[-1]", "42601", 4},
                 {"STRUCT()", "42601", 7},
                 {"STRUCT(a)", "42601", 8},
                 {"STRUCT(a INT, A INT)", "42701", 14},
                 {"MAP(INT)", "42601", 7},
                 {"INT(3)", "42601", 3},
                 {"INT UNSIGNED", "42601", 4},
                 {"ENUM('a')[]", "0A000", 9},
                 {"ENUM('a', 'a')", "42710", 10},
                 {"ENUM(1)", "42601", 5},
                 {"", "42601", 0}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        pyr_arena arena;
        pyr_arena_init(&arena, NULL);
        pyr_error error;
        pyr_field *field = (pyr_field *)&arena;
        char *sql_type = NULL;
        assert_int_not_equal(parse_type(wrong[i].sql, &arena, &field, &sql_type, &error), PYR_OK);
        assert_null(field);
        if (strcmp(error.sqlstate, wrong[i].sqlstate) != 0 || error.position != wrong[i].position) {
            fail_msg("%s: %s at %d: %s", wrong[i].sql, error.sqlstate, (int)error.position,
                     error.message);
        }
        pyr_arena_deinit(&arena);
    }
}

static void nesting_is_bounded(void **state) {
    (void)state;
    pyr_text text;
    pyr_text_init(&text);
    for (int i = 0; i < 100000; ++i) {
        pyr_text_add(&text, "STRUCT(a ");
    }
    pyr_arena arena;
    pyr_arena_init(&arena, NULL);
    pyr_field *field = NULL;
    pyr_error error;
    assert_int_equal(parse_type(text.data, &arena, &field, NULL, &error), PYR_ERROR_LIMIT);
    pyr_text_clear(&text);
    pyr_text_add(&text, "INT");
    for (int i = 0; i < 1000; ++i) {
        pyr_text_add(&text, "[]");
    }
    assert_int_equal(parse_type(text.data, &arena, &field, NULL, &error), PYR_ERROR_LIMIT);
    /* Lists around a struct around lists add up. */
    pyr_text_clear(&text);
    pyr_text_add(&text, "STRUCT(a STRUCT(a INT");
    for (int i = 0; i < 58; ++i) {
        pyr_text_add(&text, "[]");
    }
    pyr_text_add(&text, ")[][][][][])");
    assert_int_equal(parse_type(text.data, &arena, &field, NULL, &error), PYR_ERROR_LIMIT);
    pyr_text_deinit(&text);
    pyr_arena_deinit(&arena);
}

static void names_are_quoted_where_they_must_be(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"a", "a"},        {"a_1", "a_1"},         {"A", "\"A\""},           {"1a", "\"1a\""},
        {"", "\"\""},      {"a\"b", "\"a\"\"b\""}, {"select", "\"select\""}, {"x y", "\"x y\""},
        {"value", "value"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); ++i) {
        pyr_text text;
        pyr_text_init(&text);
        pyr_sql_quote_name(pairs[i][0], &text);
        assert_string_equal(pyr_text_get(&text), pairs[i][1]);
        pyr_text_clear(&text);
        pyr_sql_quote_string("it's", &text);
        assert_string_equal(pyr_text_get(&text), "'it''s'");
        pyr_text_deinit(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_duckdbs_names_and_come_back),
        cmocka_unit_test(extension_types_carry_duckdbs_metadata),
        cmocka_unit_test(children_are_called_as_duckdb_calls_them),
        cmocka_unit_test(wrong_types_are_refused_with_their_place),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(names_are_quoted_where_they_must_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
