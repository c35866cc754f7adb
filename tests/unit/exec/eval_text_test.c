#include "support_eval.h"

#include "exec/regexp.h"
#include "exec/time_text.h"

static const pyr_sql_type text_type = {PYR_SQL_VARCHAR, 0, 0};

static pyr_bound_expr *n(int64_t value) {
    return i64(T_I64, value);
}

static void parts_of_text_are_counted_in_characters(void **unused) {
    (void)unused;
    const struct {
        const char *text;
        int64_t offset, length;
        const char *want;
    } cases[] = {{"hello", 2, 3, "ell"},
                 {"hello", 0, 3, "he"},
                 {"hello", -3, 2, "ll"},
                 {"hello", 3, -2, "he"},
                 {"hello", -2, -2, "el"},
                 {"hello", -10, 7, "he"},
                 {"hello", 10, 3, ""},
                 {"hello", -1, 5, "o"},
                 {"\xc3\xa4\xc3\xb6\xc3\xbc", 2, 1, "\xc3\xb6"},
                 {"hello", 0, 0, ""},
                 {"hello", 6, -2, "lo"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        assert_string_equal(text_of(op(PYR_OP_SUBSTRING, text_type, str(cases[i].text),
                                       n(cases[i].offset), n(cases[i].length), NULL)),
                            cases[i].want);
    }
    assert_string_equal(text_of(op(PYR_OP_LEFT, text_type, str("hello"), n(-2), NULL)), "hel");
    assert_string_equal(text_of(op(PYR_OP_RIGHT, text_type, str("hello"), n(-2), NULL)), "llo");
    assert_string_equal(text_of(op(PYR_OP_TRIM, text_type, str("  a "), NULL)), "a");
    assert_string_equal(text_of(op(PYR_OP_LTRIM, text_type, str("xyax"), str("yx"), NULL)), "ax");
    assert_string_equal(
        text_of(op(PYR_OP_SPLIT_PART, text_type, str("a,b,c"), str(","), n(-1), NULL)), "c");
    assert_string_equal(
        text_of(op(PYR_OP_SPLIT_PART, text_type, str("a,b,c"), str(","), n(4), NULL)), "");
    pyr_value v;
    assert_true(constant_of(
        op(PYR_OP_POSITION, T_I64, str("\xc3\xa4\xc3\xb6"), str("\xc3\xb6"), NULL), &v));
    assert_int_equal(v.i64, 2);
}
static void made_texts_are_as_they_should(void **unused) {
    (void)unused;
    assert_string_equal(text_of(op(PYR_OP_UPPER, text_type,
                                   str("stra\xc3\x9f"
                                       "e"),
                                   NULL)),
                        "STRA\xe1\xba\x9e"
                        "E");
    assert_string_equal(text_of(op(PYR_OP_LOWER, text_type, str("\xc3\x84Q"), NULL)), "\xc3\xa4q");
    assert_string_equal(
        text_of(op(PYR_OP_REPLACE, text_type, str("aaa"), str("aa"), str("b"), NULL)), "ba");
    assert_string_equal(text_of(op(PYR_OP_REVERSE, text_type,
                                   str("xe\xcc\x81"
                                       "b"),
                                   NULL)),
                        "be\xcc\x81x");
    assert_string_equal(text_of(op(PYR_OP_REPEAT, text_type, str("ab"), n(3), NULL)), "ababab");
    assert_string_equal(text_of(op(PYR_OP_LPAD, text_type, str("abc"), n(6), str("xy"), NULL)),
                        "xyxabc");
    assert_string_equal(text_of(op(PYR_OP_RPAD, text_type, str("abc"), n(2), str(""), NULL)), "ab");
    assert_string_equal(
        text_of(op(PYR_OP_CONCAT_FN, text_type, str("a"), null_of(T_TEXT), str("b"), NULL)), "ab");
    assert_string_equal(text_of(op(PYR_OP_CONCAT_WS, text_type, str("-"), null_of(T_TEXT), str("b"),
                                   str("c"), NULL)),
                        "b-c");
    assert_string_equal(text_of(op(PYR_OP_CONCAT, text_type, str("a"), null_of(T_TEXT), NULL)),
                        "NULL");
    columns c;
    columns_init(&c, 1);
    pyr_error error = {0};
    assert_int_equal(
        run_fails(&c, op(PYR_OP_LPAD, text_type, str("a"), n(6), str(""), NULL), &error),
        PYR_ERROR_SQL);
    assert_string_equal(error.message, "Insufficient padding in LPAD.");
    assert_int_equal(
        run_fails(&c, op(PYR_OP_REPEAT, text_type, str("aaaa"), n(INT64_MAX), NULL), &error),
        PYR_ERROR_LIMIT);
}

/* Texts of a column outlive the blocks that they are in for one run, and the next run begins anew.
 */
static void computed_texts_stay_for_a_run(void **unused) {
    (void)unused;
    static int64_t x[2048];
    for (int64_t i = 0; i < 2048; ++i) {
        x[i] = i;
    }
    columns c;
    columns_init(&c, 2048);
    columns_add(&c, PYR_PHYSICAL_I64, x, NULL);
    pyr_bound_expr *e =
        op(PYR_OP_REPEAT, text_type, op(PYR_OP_CAST, text_type, col(0, T_I64), NULL), n(50), NULL);
    pyr_eval *eval = NULL;
    assert_int_equal(pyr_eval_create(&e, 1, NULL, NULL, &eval, NULL), PYR_OK);
    for (int round = 0; round < 3; ++round) {
        pyr_vector v;
        assert_int_equal(pyr_eval_run(eval, &c.chunk, &v, NULL), PYR_OK);
        assert_int_equal(pyr_vector_string(&v, 7).length, 50);
        assert_memory_equal(pyr_vector_string(&v, 1234).bytes, "12341234", 8);
        assert_memory_equal(pyr_vector_string(&v, 2047).bytes + 196, "2047", 4);
    }
    pyr_eval_destroy(eval);
}

/* ---- Regular expressions. ---- */

static void replacements_go_on_as_re2_does(void **unused) {
    (void)unused;
    const struct {
        const char *text, *pattern, *with, *options, *want;
    } cases[] = {
        {"abab", "b", "x", "", "axab"},
        {"abab", "b", "[\\0]", "g", "a[b]a[b]"},
        {"abc", "x*", "-", "g", "-a-b-c-"},
        {"baaac", "a*", "x", "g", "xbxcx"},
        {"\xc3\xa4"
         "b",
         "x*", "-", "g", "-\xc3\xa4-b-"},
        {"http://www.a.de/x", "^https?://(?:www\\.)?([^/]+)/.*$", "\\1", "", "a.de"},
        {"aXb", "x", "\\\\", "i", "a\\b"},
        {"a.c", ".", "-", "lg", "a-c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        assert_string_equal(
            text_of(op(PYR_OP_REGEXP_REPLACE, text_type, str(cases[i].text), str(cases[i].pattern),
                       str(cases[i].with), str(cases[i].options), NULL)),
            cases[i].want);
    }
    assert_string_equal(
        text_of(op(PYR_OP_REGEXP_EXTRACT, text_type, str("xaby"), str("(a)(c)?b"), n(1), NULL)),
        "a");
    assert_string_equal(
        text_of(op(PYR_OP_REGEXP_EXTRACT, text_type, str("xaby"), str("(a)(c)?b"), n(2), NULL)),
        "");
}
static bool matches(const char *pattern, const char *text, pyr_regexp_options options) {
    pyr_regexp *regexp = pyr_regexp_create((const uint8_t *)pattern, strlen(pattern), options);
    assert_non_null(regexp);
    int found = pyr_regexp_match(regexp, (pyr_string){(const uint8_t *)text, strlen(text)}, 0);
    pyr_regexp_destroy(regexp);
    assert_true(found >= 0);
    return found > 0;
}
static void patterns_mean_what_they_mean_to_re2(void **unused) {
    (void)unused;
    const pyr_regexp_options plain = {0}, full = {.full = true}, all = {.dot_all = true};
    assert_false(matches("a$", "a\n", plain));
    assert_true(matches("(?m)a$", "a\n", plain));
    assert_false(matches("a.b", "a\nb", plain));
    assert_true(matches("a.b", "a\nb", all));
    assert_false(matches("\\s", "\v", plain));
    assert_true(matches("[[:space:]]", "\v", plain));
    assert_true(matches("\\v", "\v", plain));
    assert_false(matches("\\v", "\n", plain));
    assert_true(matches("a|ab", "ab", full));
    assert_false(matches("ab", "ab\n", full));
    assert_true(matches("^.$", "\xc3\xbc", plain));
    assert_true(matches("\\W", "\xc3\xbc", plain));
    assert_true(matches("a{,3}", "a{,3}", plain));
    assert_true(matches("[]a]", "]", plain));
}
static void what_re2_has_not_is_refused(void **unused) {
    (void)unused;
    static const char *const patterns[] = {
        "(?=a)", "(?!a)", "(?<=a)",  "(a)\\1", "a*+",  "a++",   "a?+",   "a**",     "(?>a)", "\\K",
        "\\R",   "\\h",   "\\X",     "\\Z",    "\\G",  "(?#x)", "(?x)a", "(",       ")",     "[a",
        "*a",    "a|*",   "a{1001}", "\\C",    "\\pL", "[z-a]", "(a*)*", "(|a)+",   "\\",    "\\E",
        "(?R)",  "\\B",   "[[.a.]]", "\\1",    "\\g1", "(?|a)", "(?1)",  "a{2}{2}", "(?P>n)"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; ++i) {
        pyr_regexp *regexp = pyr_regexp_create((const uint8_t *)patterns[i], strlen(patterns[i]),
                                               (pyr_regexp_options){0});
        if (regexp != NULL) {
            fail_msg("%s was taken", patterns[i]);
        }
    }
}
static void a_hostile_pattern_ends(void **unused) {
    (void)unused;
    char text[4001];
    memset(text, 'a', 4000);
    text[4000] = '\0';
    const char *pattern = "^(?:a|a|a?a)+b";
    pyr_regexp *regexp =
        pyr_regexp_create((const uint8_t *)pattern, strlen(pattern), (pyr_regexp_options){0});
    assert_non_null(regexp);
    int found = pyr_regexp_match(regexp, (pyr_string){(const uint8_t *)text, 4000}, 0);
    assert_true(found == PYR_REGEXP_NONE || found == PYR_REGEXP_LIMIT);
    pyr_string invalid = {(const uint8_t *)"\xff\xfe", 2};
    assert_int_equal(pyr_regexp_match(regexp, invalid, 0), PYR_REGEXP_NO_UTF8);
    pyr_regexp_destroy(regexp);
}

/* ---- Casts. ---- */

static void numbers_are_read_as_duckdb_reads_them(void **unused) {
    (void)unused;
    const struct {
        const char *text;
        int scale;
        pyr_parsed parsed;
        int64_t value;
    } cases[] = {{" 12 ", 0, PYR_PARSED, 12},      {"1.5", 0, PYR_PARSED, 2},
                 {"-1.5", 0, PYR_PARSED, -2},      {"1_000", 0, PYR_PARSED, 1000},
                 {"1.25e2", 0, PYR_PARSED, 125},   {"15e-1", 0, PYR_PARSED, 2},
                 {"0e99999", 0, PYR_PARSED, 0},    {"1.005", 2, PYR_PARSED, 101},
                 {".5", 2, PYR_PARSED, 50},        {"1__0", 0, PYR_PARSED_FORMAT, 0},
                 {"1_", 0, PYR_PARSED_FORMAT, 0},  {".", 0, PYR_PARSED_FORMAT, 0},
                 {"", 0, PYR_PARSED_FORMAT, 0},    {"- 5", 0, PYR_PARSED_FORMAT, 0},
                 {"1e", 0, PYR_PARSED_FORMAT, 0},  {"0x1F", 0, PYR_PARSED_UNKNOWN, 0},
                 {"1e40", 0, PYR_PARSED_RANGE, 0}, {"12a", 0, PYR_PARSED_FORMAT, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        pyr_i128 value = 0;
        pyr_string s = {(const uint8_t *)cases[i].text, strlen(cases[i].text)};
        assert_int_equal(pyr_decimal_parse(s, cases[i].scale, &value), cases[i].parsed);
        if (cases[i].parsed == PYR_PARSED) {
            assert_true(value == cases[i].value);
        }
    }
    pyr_i128 value = 0;
    const char *least = "-170141183460469231731687303715884105728";
    assert_int_equal(
        pyr_decimal_parse((pyr_string){(const uint8_t *)least, strlen(least)}, 0, &value),
        PYR_PARSED);
    assert_int_equal(
        pyr_decimal_parse((pyr_string){(const uint8_t *)least + 1, strlen(least) - 1}, 0, &value),
        PYR_PARSED_RANGE);
}
static const char *cast_text(pyr_bound_expr *value) {
    return text_of(op(PYR_OP_CAST, text_type, value, NULL));
}
static void values_are_printed_as_duckdb_prints_them(void **unused) {
    (void)unused;
    pyr_bound_expr *interval = i64(T_INTERVAL, 0);
    interval->value.interval = (pyr_interval){14, -1, INT64_C(-7384500000000)};
    assert_string_equal(cast_text(interval), "1 year 2 months -1 day -02:03:04.5");
    assert_string_equal(cast_text(i64(T_DATE, 18628)), "2021-01-01");
    assert_string_equal(cast_text(i64(T_DATE, INT32_MAX)), "infinity");
    assert_string_equal(cast_text(i64(T_DATE, -719529)), "0002-12-31 (BC)");
    assert_string_equal(cast_text(i64(T_STAMP, -1500000)), "1969-12-31 23:59:58.5");
    assert_string_equal(cast_text(i64(T_TIME, 3600000001)), "01:00:00.000001");
    assert_string_equal(cast_text(i64(T_DECIMAL(3, 2), -50)), "-0.50");
    assert_string_equal(cast_text(i64(T_DECIMAL(2, 2), 50)), ".50");
    assert_string_equal(cast_text(i64(T_I64, INT64_MIN)), "-9223372036854775808");
    assert_string_equal(cast_text(f64(0.1)), "0.1");
    assert_string_equal(cast_text(f64(1e22)), "1e+22");
    assert_string_equal(cast_text(i64(T_BOOL, 1)), "true");
}
static void texts_that_are_no_values_say_so(void **unused) {
    (void)unused;
    columns c;
    pyr_value v;
    pyr_error error = {0};
    columns_init(&c, 1);
    assert_int_equal(run_fails(&c, op(PYR_OP_CAST, T_I32, str("abc"), NULL), &error),
                     PYR_ERROR_SQL);
    assert_string_equal(error.message, "Could not convert string 'abc' to INT32");
    assert_int_equal(run_fails(&c, op(PYR_OP_CAST, T_DATE, str("2020-02-30"), NULL), &error),
                     PYR_ERROR_SQL);
    assert_string_equal(error.message, "date field value out of range: \"2020-02-30\"");
    assert_string_equal(error.sqlstate, "22008");
    assert_false(constant_of(op(PYR_OP_TRY_CAST, T_DATE, str("2020-02-30"), NULL), &v));
    assert_true(constant_of(op(PYR_OP_CAST, T_DATE, str("2021-1-1"), NULL), &v));
    assert_int_equal(v.i64, 18628);
    assert_true(constant_of(op(PYR_OP_CAST, T_STAMP, str("2021-01-01T00:00:01.25Z"), NULL), &v));
    assert_int_equal(v.i64, INT64_C(18628) * 86400000000 + 1250000);
    /* Known to DuckDB, perhaps: not called NULL. */
    assert_int_equal(run_fails(&c, op(PYR_OP_TRY_CAST, T_DATE, str("2020-01-02x"), NULL), &error),
                     PYR_ERROR_NOT_SUPPORTED);
}
static void times_are_cast_among_each_other(void **unused) {
    (void)unused;
    const pyr_sql_type seconds = {PYR_SQL_TIMESTAMP_S, 0, 0};
    pyr_value v;
    assert_true(constant_of(op(PYR_OP_CAST, T_STAMP, i64(T_DATE, -1), NULL), &v));
    assert_int_equal(v.i64, -86400000000);
    assert_true(constant_of(op(PYR_OP_CAST, T_DATE, i64(T_STAMP, -1), NULL), &v));
    assert_int_equal(v.i64, -1);
    assert_true(constant_of(op(PYR_OP_CAST, seconds, i64(T_STAMP, 1500000), NULL), &v));
    assert_int_equal(v.i64, 2);
    assert_true(constant_of(op(PYR_OP_CAST, seconds, i64(T_STAMP, -1500000), NULL), &v));
    assert_int_equal(v.i64, -2);
    assert_true(constant_of(op(PYR_OP_CAST, T_DATE, i64(T_STAMP, INT64_MAX), NULL), &v));
    assert_int_equal(v.i64, INT32_MAX);
    columns c;
    pyr_error error = {0};
    columns_init(&c, 1);
    assert_int_equal(run_fails(&c, op(PYR_OP_CAST, T_STAMP, i64(T_DATE, 200000000), NULL), &error),
                     PYR_ERROR_SQL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_text_are_counted_in_characters),
        cmocka_unit_test(made_texts_are_as_they_should),
        cmocka_unit_test(computed_texts_stay_for_a_run),
        cmocka_unit_test(replacements_go_on_as_re2_does),
        cmocka_unit_test(patterns_mean_what_they_mean_to_re2),
        cmocka_unit_test(what_re2_has_not_is_refused),
        cmocka_unit_test(a_hostile_pattern_ends),
        cmocka_unit_test(numbers_are_read_as_duckdb_reads_them),
        cmocka_unit_test(values_are_printed_as_duckdb_prints_them),
        cmocka_unit_test(texts_that_are_no_values_say_so),
        cmocka_unit_test(times_are_cast_among_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, support_free);
}
