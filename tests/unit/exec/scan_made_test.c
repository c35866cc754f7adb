/* scan_made_test.c - scans of segments whose batches another format makes: by the pool, some ahead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arrow/builder.h"
#include "exec/operator.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { BATCHES = 40, ROWS = 3 };

/* Batch i is ROWS times the number i; batch fail_at cannot be made. */
typedef struct numbers_source {
    pyr_segment_source source;
    _Atomic size_t *made; /* batches so far */
    size_t fail_at;
} numbers_source;

static void destroy(pyr_segment_source *source) {
    pyr_schema_release(source->schema);
    free(source);
}

static int64_t batch_rows(const pyr_segment_source *source, size_t index) {
    (void)source;
    (void)index;
    return ROWS;
}

static pyr_status batch(pyr_segment_source *source, size_t index, const int32_t *columns,
                        int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                        pyr_batch **out, pyr_error *error) {
    numbers_source *self = (numbers_source *)source;
    (void)columns;
    (void)columns_count;
    (void)ledger;
    if (index == self->fail_at) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "batch %zu is broken", index);
    }
    atomic_fetch_add(self->made, 1);
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    PYR_TRY(pyr_builder_create(source->schema->fields[0], budget, &builder, error));
    for (int i = 0; i < ROWS; ++i) {
        PYR_TRY(pyr_builder_int64(builder, (int64_t)index, error));
    }
    PYR_TRY(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    pyr_status status = pyr_batch_create(source->schema, ROWS, &array, 1, NULL, out, error);
    pyr_array_release(array);
    return status;
}

static const pyr_segment_source_ops ops = {destroy, batch, batch_rows, NULL};

static pyr_table *make_table(_Atomic size_t *made, size_t fail_at) {
    numbers_source *source = calloc(1, sizeof(*source));
    pyr_field *field = NULL;
    pyr_segment *segment = NULL;
    pyr_table *table = NULL;
    assert_non_null(source);
    atomic_init(made, 0);
    assert_int_equal(pyr_field_create("n", PYR_TYPE_INT64, &field, NULL), PYR_OK);
    assert_int_equal(pyr_schema_create(&field, 1, NULL, &source->source.schema, NULL), PYR_OK);
    pyr_field_release(field);
    source->source.ops = &ops;
    source->source.batches = BATCHES;
    source->made = made;
    source->fail_at = fail_at;
    assert_int_equal(pyr_segment_create_source(&source->source, "x", 0, &segment, NULL), PYR_OK);
    assert_int_equal(pyr_table_over_segment("", "x", source->source.schema, segment, &table, NULL),
                     PYR_OK);
    pyr_segment_release(segment);
    return table;
}

/* Reads up to most batches in a row, each held to its number; gives how many there were. */
static size_t read_batches(pyr_operator *scan, size_t most, pyr_status *status, pyr_error *error) {
    size_t count = 0;
    for (; count < most; ++count) {
        pyr_batch *next = NULL;
        *status = pyr_operator_next(scan, &next, error);
        if (next == NULL) {
            break;
        }
        assert_int_equal(next->rows, ROWS);
        assert_int_equal(pyr_array_int64(next->columns[0], ROWS - 1), (int64_t)count);
        pyr_batch_release(next);
    }
    return count;
}

typedef struct fixture {
    pyr_thread_pool *pool;
    pyr_table *table;
    pyr_operator *scan;
    _Atomic size_t made;
    pyr_error error;
} fixture;

static void begin(fixture *f, size_t fail_at, pyr_budget *budget) {
    assert_int_equal(pyr_thread_pool_create(2, 16, &f->pool, NULL), PYR_OK);
    f->table = make_table(&f->made, fail_at);
    pyr_exec_context context = {.budget = budget, .pool = f->pool};
    assert_int_equal(pyr_scan_create(f->table, NULL, 0, &context, &f->scan, NULL), PYR_OK);
}

static void end(fixture *f) {
    pyr_operator_destroy(f->scan);
    pyr_table_release(f->table);
    pyr_thread_pool_destroy(f->pool);
}

static void batches_come_in_order_each_made_once(void **state) {
    fixture f;
    pyr_status status = PYR_OK;
    (void)state;
    begin(&f, BATCHES, NULL);
    assert_int_equal(read_batches(f.scan, BATCHES + 1, &status, &f.error), BATCHES);
    assert_int_equal(status, PYR_OK);
    assert_int_equal(f.made, BATCHES);
    end(&f);
}

static void who_stops_early_has_few_made_for_nothing(void **state) {
    fixture f;
    pyr_status status = PYR_OK;
    (void)state;
    begin(&f, BATCHES, NULL);
    assert_int_equal(read_batches(f.scan, 1, &status, &f.error), 1);
    assert_int_equal(f.made, 1);
    end(&f);
}

/* As if they had been made one by one. */
static void batches_before_one_that_fails_are_given_out(void **state) {
    (void)state;
    for (size_t fail_at = 0; fail_at < BATCHES; ++fail_at) {
        fixture f;
        pyr_status status = PYR_OK;
        begin(&f, fail_at, NULL);
        assert_int_equal(read_batches(f.scan, BATCHES, &status, &f.error), fail_at);
        assert_int_equal(status, PYR_ERROR_CORRUPT);
        end(&f);
    }
}

/* Where much of the limit is taken, one at a time. */
static void a_memory_limit_keeps_it_from_reading_ahead(void **state) {
    fixture f;
    pyr_budget *budget = pyr_budget_create(1 << 20);
    pyr_status status = PYR_OK;
    (void)state;
    assert_non_null(budget);
    assert_true(pyr_budget_take(budget, 1 << 19));
    begin(&f, BATCHES, budget);
    assert_int_equal(read_batches(f.scan, 10, &status, &f.error), 10);
    assert_int_equal(f.made, 10);
    end(&f);
    pyr_budget_give(budget, 1 << 19);
    pyr_budget_release(budget);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_come_in_order_each_made_once),
        cmocka_unit_test(who_stops_early_has_few_made_for_nothing),
        cmocka_unit_test(batches_before_one_that_fails_are_given_out),
        cmocka_unit_test(a_memory_limit_keeps_it_from_reading_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
