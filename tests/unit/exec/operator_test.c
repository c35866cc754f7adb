#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arrow/builder.h"
#include "exec/operator.h"

#include <stdlib.h>
#include <string.h>

static pyr_batch *numbers(int64_t first, int64_t rows) {
    pyr_field *fields[2] = {NULL, NULL};
    assert_int_equal(pyr_field_create("n", PYR_TYPE_INT64, &fields[0], NULL), PYR_OK);
    assert_int_equal(pyr_field_create("m", PYR_TYPE_INT64, &fields[1], NULL), PYR_OK);
    pyr_schema *schema = NULL;
    assert_int_equal(pyr_schema_create(fields, 2, NULL, &schema, NULL), PYR_OK);
    pyr_array *columns[2];
    for (int column = 0; column < 2; ++column) {
        pyr_builder *builder = NULL;
        assert_int_equal(pyr_builder_create(fields[column], NULL, &builder, NULL), PYR_OK);
        for (int64_t i = first; i < first + rows; ++i) {
            assert_int_equal(pyr_builder_int64(builder, column == 0 ? i : -i, NULL), PYR_OK);
        }
        assert_int_equal(pyr_builder_finish(builder, &columns[column], NULL), PYR_OK);
        pyr_builder_destroy(builder);
    }
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_batch_create(schema, rows, columns, 2, NULL, &batch, NULL), PYR_OK);
    for (int column = 0; column < 2; ++column) {
        pyr_array_release(columns[column]);
        pyr_field_release(fields[column]);
    }
    pyr_schema_release(schema);
    return batch;
}

/* Batches of the sizes given, counting through; notes what it was asked. */
typedef struct source {
    pyr_operator op;
    const int64_t *sizes;
    size_t count, next;
    int64_t first;
    int asked;   /* calls of next */
    int fail_at; /* the call of next that fails; 0: none */
    int *destroyed;
} source;

static pyr_status source_next(pyr_operator *op, pyr_batch **out, pyr_error *error) {
    source *self = (source *)op;
    if (++self->asked == self->fail_at) {
        return pyr_error_set(error, PYR_ERROR_IO, "broken");
    }
    if (self->next < self->count) {
        *out = numbers(self->first, self->sizes[self->next]);
        self->first += self->sizes[self->next++];
    }
    return PYR_OK;
}

static pyr_status source_skip(pyr_operator *op, int64_t rows, int64_t *skipped, pyr_error *error) {
    source *self = (source *)op;
    (void)error;
    if (self->next < self->count && self->sizes[self->next] <= rows) {
        *skipped = self->sizes[self->next];
        self->first += self->sizes[self->next++];
    }
    return PYR_OK;
}

static void source_destroy(pyr_operator *op) {
    ++*((source *)op)->destroyed;
    pyr_schema_release(op->schema);
}

static const pyr_operator_ops source_ops = {source_next, source_skip, source_destroy};

static void source_init(source *self, const int64_t *sizes, size_t count, int *destroyed) {
    pyr_batch *batch = numbers(0, 1);
    *self = (source){.op = {.ops = &source_ops, .schema = pyr_schema_retain(batch->schema)},
                     .sizes = sizes,
                     .count = count,
                     .destroyed = destroyed};
    pyr_batch_release(batch);
}

static const int64_t sizes[] = {3, 4, 1, 5};

static void limit_gives_its_range_and_asks_for_no_more(void **state) {
    (void)state;
    for (int64_t offset = 0; offset <= 15; ++offset) {
        for (int64_t limit = -1; limit <= 15; ++limit) {
            source from;
            int destroyed = 0;
            source_init(&from, sizes, 4, &destroyed);
            pyr_operator *op = NULL;
            assert_int_equal(pyr_limit_create(&from.op, offset, limit, &op, NULL), PYR_OK);
            int64_t expected = offset;
            int64_t end = limit < 0 || offset + limit > 13 ? 13 : offset + limit;
            for (;;) {
                pyr_batch *batch = NULL;
                assert_int_equal(pyr_operator_next(op, &batch, NULL), PYR_OK);
                if (batch == NULL) {
                    break;
                }
                assert_true(batch->rows > 0);
                for (int64_t i = 0; i < batch->rows; ++i) {
                    assert_int_equal(pyr_array_int64(batch->columns[0], i), expected++);
                }
                pyr_batch_release(batch);
            }
            assert_int_equal(expected, offset < end ? end : offset);
            if (limit == 0) {
                assert_int_equal(from.asked, 0);
            }
            pyr_operator_destroy(op);
            assert_int_equal(destroyed, 1);
        }
    }
}

static void skip_through_a_limit_stays_within_it(void **state) {
    (void)state;
    source from;
    int destroyed = 0;
    int64_t skipped = 0;
    source_init(&from, sizes, 4, &destroyed);
    pyr_operator *op = NULL;
    assert_int_equal(pyr_limit_create(&from.op, 3, 5, &op, NULL), PYR_OK);
    assert_int_equal(pyr_operator_skip(op, 4, &skipped, NULL), PYR_OK);
    assert_int_equal(skipped, 4); /* rows 3..6 */
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_operator_next(op, &batch, NULL), PYR_OK);
    assert_int_equal(batch->rows, 1);
    assert_int_equal(pyr_array_int64(batch->columns[0], 0), 7);
    pyr_batch_release(batch);
    assert_int_equal(pyr_operator_skip(op, 100, &skipped, NULL), PYR_OK);
    assert_int_equal(skipped, 0);
    assert_int_equal(pyr_operator_next(op, &batch, NULL), PYR_OK);
    assert_null(batch);
    pyr_operator_destroy(op);
}

static void project_shares_the_columns(void **state) {
    (void)state;
    pyr_batch *batch = numbers(5, 3);
    pyr_operator *rows = NULL;
    pyr_operator *op = NULL;
    assert_int_equal(pyr_rows_create(batch, &rows, NULL), PYR_OK);
    static const int32_t indices[] = {1, 0, 1};
    pyr_schema *schema = NULL;
    assert_int_equal(pyr_schema_project(batch->schema, indices, 3, &schema, NULL), PYR_OK);
    assert_int_equal(pyr_project_create(rows, indices, 3, schema, &op, NULL), PYR_OK);
    pyr_batch *out = NULL;
    assert_int_equal(pyr_operator_next(op, &out, NULL), PYR_OK);
    assert_ptr_equal(out->columns[0], batch->columns[1]);
    assert_ptr_equal(out->columns[1], batch->columns[0]);
    assert_ptr_equal(out->columns[2], batch->columns[1]);
    assert_ptr_equal(out->schema, schema);
    pyr_batch_release(out);
    assert_int_equal(pyr_operator_next(op, &out, NULL), PYR_OK);
    assert_null(out);
    pyr_operator_destroy(op);
    pyr_schema_release(schema);
    pyr_batch_release(batch);
}

static void errors_go_through_and_nothing_leaks(void **state) {
    (void)state;
    source from;
    int destroyed = 0;
    source_init(&from, sizes, 4, &destroyed);
    from.fail_at = 2;
    pyr_operator *op = NULL;
    pyr_exec_context context = {0};
    pyr_stream *stream = NULL;
    static const int32_t indices[] = {0};
    pyr_schema *schema = NULL;
    assert_int_equal(pyr_schema_project(from.op.schema, indices, 1, &schema, NULL), PYR_OK);
    assert_int_equal(pyr_limit_create(&from.op, 1, 9, &op, NULL), PYR_OK);
    assert_int_equal(pyr_project_create(op, indices, 1, schema, &op, NULL), PYR_OK);
    assert_int_equal(pyr_operator_stream(op, &context, &stream, NULL), PYR_OK);
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_stream_next(stream, &batch, NULL), PYR_OK);
    assert_int_equal(batch->rows, 2);
    pyr_batch_release(batch);
    pyr_error error;
    assert_int_equal(pyr_stream_next(stream, &batch, &error), PYR_ERROR_IO);
    assert_null(batch);
    pyr_stream_destroy(stream);
    assert_int_equal(destroyed, 1);
    pyr_schema_release(schema);
}

static void the_stream_looks_at_the_cancel_flag(void **state) {
    (void)state;
    source from;
    int destroyed = 0;
    source_init(&from, sizes, 4, &destroyed);
    pyr_cancel_flag flag;
    pyr_cancel_flag_init(&flag);
    pyr_exec_context context = {.cancel = &flag};
    pyr_stream *stream = NULL;
    assert_int_equal(pyr_operator_stream(&from.op, &context, &stream, NULL), PYR_OK);
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_stream_next(stream, &batch, NULL), PYR_OK);
    pyr_batch_release(batch);
    pyr_cancel_flag_raise(&flag);
    assert_int_equal(pyr_stream_next(stream, &batch, NULL), PYR_ERROR_CANCELLED);
    assert_null(batch);
    assert_int_equal(from.asked, 1);
    pyr_stream_destroy(stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_gives_its_range_and_asks_for_no_more),
        cmocka_unit_test(skip_through_a_limit_stays_within_it),
        cmocka_unit_test(project_shares_the_columns),
        cmocka_unit_test(errors_go_through_and_nothing_leaks),
        cmocka_unit_test(the_stream_looks_at_the_cancel_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
