/* Every Arrow type through DuckDB: what it reads of a column is what stands there, in all rows of
 * all batches, or the column is refused by name. */
#include "support_duckdb.h"
#include "support_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2500, BATCHES = 3 };

/* What a column of these arrays prints, line by line. */
static char *print_arrays(pyr_array *const *arrays, size_t count) {
    pyr_text text;
    pyr_text_init(&text);
    for (size_t i = 0; i < count; ++i) {
        for (int64_t row = 0; row < arrays[i]->length; ++row) {
            pyr_array_print_value(arrays[i], row, &text);
            pyr_text_add_char(&text, '\n');
        }
    }
    char *result = pyr_text_move(&text);
    assert_non_null(result);
    return result;
}

static void assert_lines_equal(const char *what, const char *got, const char *wanted) {
    for (int line = 1; *got != '\0' || *wanted != '\0'; ++line) {
        size_t got_length = strcspn(got, "\n");
        size_t wanted_length = strcspn(wanted, "\n");
        if (got_length != wanted_length || memcmp(got, wanted, got_length) != 0) {
            fail_msg("%s, row %d: %.*s, wanted %.*s", what, line, (int)got_length, got,
                     (int)wanted_length, wanted);
        }
        got += got_length + (got[got_length] != '\0');
        wanted += wanted_length + (wanted[wanted_length] != '\0');
    }
}

/* Table "x" of one column "x": these arrays, which stay the caller's. */
static void store(duck *d, pyr_array *const *arrays, size_t count) {
    static const char *const names[] = {"x"};
    for (size_t i = 0; i < count; ++i) {
        pyr_array *column = pyr_array_retain(arrays[i]);
        duck_append(d, "x", duck_batch(names, &column, 1));
    }
}

static void check_column(duck *d, const char *name, pyr_array *const *arrays, size_t count) {
    store(d, arrays, count);
    char *wanted = print_arrays(arrays, count);
    char *got = duck_ask(d, "SELECT x FROM x");
    assert_lines_equal(name, got, wanted);
    free(got);
    /* The same through operators that keep rows: a sort of all of them. */
    got = duck_ask(d, "SELECT x FROM (SELECT x, row_number() OVER () AS n FROM x) ORDER BY n");
    assert_lines_equal(name, got, wanted);
    free(got);
    free(wanted);
}

/* Types whose values DuckDB has not, as a whole. */
static bool is_refused(int kind) {
    return kind == PYR_TYPE_DECIMAL256;
}

/* Types that DuckDB reads as another one, which prints otherwise. */
static bool prints_otherwise(int kind) {
    return kind == PYR_TYPE_DURATION || kind == PYR_TYPE_INTERVAL_MONTH_DAY_NANO ||
           kind == PYR_TYPE_INTERVAL_DAY_TIME || kind == PYR_TYPE_INTERVAL_YEAR_MONTH ||
           kind == PYR_TYPE_MAP; /* the samples' keys stand twice, which DuckDB refuses */
}

/* What makes an array of that many rows. */
static void check_field(pyr_field *field, const char *name, bool nulls, bool refused) {
    void *state = NULL;
    assert_int_equal(duck_setup(&state), 0);
    duck *d = state;
    pyr_array *arrays[BATCHES];
    for (unsigned i = 0; i < BATCHES; ++i) {
        pyr_array *whole = sample_of_field(field, ROWS + 7, i + 1, nulls);
        arrays[i] = slice_of(whole, 7, i == 1 ? 1 : ROWS);
        pyr_array_release(whole);
    }
    if (refused) {
        store(d, arrays, BATCHES);
        duck_fails(d, "SELECT x FROM x", "0A000");
        assert_non_null(strstr(d->error.message, "column \"x\""));
        assert_non_null(strstr(d->error.message, name));
    } else {
        check_column(d, name, arrays, BATCHES);
    }
    for (int i = 0; i < BATCHES; ++i) {
        pyr_array_release(arrays[i]);
    }
    duck_teardown(&state);
}

static void every_type_reads_as_it_stands(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_field *field =
            kind == SAMPLE_NESTED ? sample_nested_without_map("x") : sample_field(kind, "x");
        for (int nulls = 0; !prints_otherwise(kind) && nulls < 2; ++nulls) {
            check_field(field, sample_name(kind), nulls != 0, is_refused(kind));
        }
        pyr_field_release(field);
    }
}

static void times_of_every_unit_read_as_they_stand(void **state) {
    (void)state;
    static const struct {
        pyr_type_id type;
        pyr_time_unit unit;
        const char *timezone;
    } times[] = {
        {PYR_TYPE_TIME32, PYR_UNIT_SECOND, NULL},
        {PYR_TYPE_TIME64, PYR_UNIT_NANOSECOND, NULL},
        {PYR_TYPE_TIMESTAMP, PYR_UNIT_SECOND, NULL},
        {PYR_TYPE_TIMESTAMP, PYR_UNIT_MILLISECOND, NULL},
        {PYR_TYPE_TIMESTAMP, PYR_UNIT_NANOSECOND, NULL},
        {PYR_TYPE_TIMESTAMP, PYR_UNIT_SECOND, "UTC"},
        {PYR_TYPE_TIMESTAMP, PYR_UNIT_MILLISECOND, "Europe/Berlin"},
        {PYR_TYPE_TIMESTAMP, PYR_UNIT_MICROSECOND, "+02:00"},
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); ++i) {
        pyr_field *field = NULL;
        check_ok(pyr_field_create_time("x", times[i].type, times[i].unit, times[i].timezone, &field,
                                       error));
        check_field(field, pyr_type_name(times[i].type), true, false);
        pyr_field_release(field);
    }
}

/* A table "x" of one value of a type of time. */
static void store_value(duck *d, const char *table, pyr_field *field, int64_t value) {
    static const char *const names[] = {"x"};
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    check_ok(pyr_builder_int64(builder, value, error));
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    duck_append(d, table, duck_batch(names, &array, 1));
    pyr_field_release(field);
}

static void nanoseconds_are_kept_or_refused(void **state) {
    duck *d = *state;
    static const struct {
        const char *table;
        pyr_type_id type;
        const char *timezone;
        int64_t value;
        const char *text; /* NULL: refused */
    } cases[] = {
        {"a", PYR_TYPE_TIMESTAMP, "UTC", 1000000001000, "1970-01-01 00:16:40.000001+00\n"},
        {"b", PYR_TYPE_TIMESTAMP, "UTC", 1000000001001, NULL},
        {"c", PYR_TYPE_TIMESTAMP, NULL, 1000000001001, "1970-01-01 00:16:40.000001001\n"},
        {"e", PYR_TYPE_DURATION, NULL, -90000000000, "-00:01:30\n"},
        {"f", PYR_TYPE_DURATION, NULL, -90000000001, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_field *field = NULL;
        check_ok(pyr_field_create_time("x", cases[i].type, PYR_UNIT_NANOSECOND, cases[i].timezone,
                                       &field, error));
        store_value(d, cases[i].table, field, cases[i].value);
        char sql[64];
        snprintf(sql, sizeof(sql), "SELECT x FROM %s", cases[i].table);
        if (cases[i].text != NULL) {
            duck_equals(d, sql, cases[i].text);
        } else {
            duck_fails(d, sql, "0A000");
            assert_non_null(strstr(d->error.message, "column \"x\""));
            assert_non_null(strstr(d->error.message, "nanoseconds"));
        }
    }
}

static void durations_and_intervals_are_intervals(void **state) {
    duck *d = *state;
    static const pyr_time_unit units[] = {PYR_UNIT_SECOND, PYR_UNIT_MILLISECOND,
                                          PYR_UNIT_MICROSECOND};
    static const int64_t values[] = {93784, 93784005, 93784005006};
    static const char *const texts[] = {"26:03:04\n", "26:03:04.005\n", "26:03:04.005006\n"};
    for (int i = 0; i < 3; ++i) {
        char sql[64];
        char name[2] = {(char)('a' + i), '\0'};
        pyr_field *field = NULL;
        check_ok(pyr_field_create_time("x", PYR_TYPE_DURATION, units[i], NULL, &field, error));
        store_value(d, name, field, values[i]);
        snprintf(sql, sizeof(sql), "SELECT x FROM %s", name);
        duck_equals(d, sql, texts[i]);
    }
    pyr_field *field = NULL;
    check_ok(pyr_field_create("x", PYR_TYPE_INTERVAL_YEAR_MONTH, &field, error));
    store_value(d, "m", field, -14);
    duck_equals(d, "SELECT x, typeof(x) FROM m", "-1 year -2 months|INTERVAL\n");
}

static void a_date_before_1970_is_its_day(void **state) {
    duck *d = *state;
    pyr_field *field = NULL;
    check_ok(pyr_field_create("x", PYR_TYPE_DATE64, &field, error));
    store_value(d, "x", field, -86400001);
    duck_equals(d, "SELECT x FROM x", "1969-12-30\n");
}

static void an_interval_beyond_arrow_is_an_error(void **state) {
    duck *d = *state;
    duck_equals(d, "SELECT to_hours(2562047)", "2562047:00:00\n");
    static const char *const queries[] = {"SELECT to_hours(2562048)", "SELECT [to_hours(-2562048)]",
                                          "SELECT {'a': [1], 'b': MAP {'k': to_hours(9999999)}}",
                                          "SELECT array_value(to_days(1), to_hours(9999999))"};
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); ++i) {
        duck_fails(d, queries[i], "22015");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, duck_setup, duck_teardown)
        cmocka_unit_test(every_type_reads_as_it_stands),
        cmocka_unit_test(times_of_every_unit_read_as_they_stand),
        TEST(nanoseconds_are_kept_or_refused),
        TEST(durations_and_intervals_are_intervals),
        TEST(a_date_before_1970_is_its_day),
        TEST(an_interval_beyond_arrow_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
