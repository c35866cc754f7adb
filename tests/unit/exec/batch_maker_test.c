/* batch_maker_test.c - which rows go on by reference, and which are gathered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arrow/builder.h"
#include "exec/vector.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 100 };

/* A BLOB column of rows of this size, each filled with its number. */
static pyr_array *blobs(size_t size_bytes) {
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    uint8_t *bytes = malloc(size_bytes);
    assert_non_null(bytes);
    assert_int_equal(pyr_field_create("x", PYR_TYPE_BINARY, &field, NULL), PYR_OK);
    assert_int_equal(pyr_builder_create(field, NULL, &builder, NULL), PYR_OK);
    for (int i = 0; i < ROWS; ++i) {
        memset(bytes, i, size_bytes);
        assert_int_equal(pyr_builder_bytes(builder, bytes, size_bytes, NULL), PYR_OK);
    }
    assert_int_equal(pyr_builder_finish(builder, &array, NULL), PYR_OK);
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    free(bytes);
    return array;
}

typedef struct fixture {
    pyr_array *array;
    pyr_schema *schema;
    pyr_query_ledger ledger;
    pyr_batch_maker *maker;
    pyr_batch *batches[8];
    int batches_count;
} fixture;

static void begin(fixture *f, size_t row_bytes) {
    memset(f, 0, sizeof(*f));
    pyr_ledger_init(&f->ledger);
    f->array = blobs(row_bytes);
    assert_int_equal(pyr_schema_create(&f->array->field, 1, NULL, &f->schema, NULL), PYR_OK);
    assert_int_equal(pyr_batch_maker_create(f->schema, 8 * PYR_VECTOR_ROWS, PYR_COPY_RESULT,
                                            &f->ledger, NULL, &f->maker, NULL),
                     PYR_OK);
}

static void end(fixture *f) {
    for (int i = 0; i < f->batches_count; ++i) {
        pyr_batch_release(f->batches[i]);
    }
    pyr_batch_maker_destroy(f->maker);
    pyr_schema_release(f->schema);
    pyr_array_release(f->array);
}

static void keep(fixture *f, pyr_batch *batch) {
    if (batch != NULL) {
        f->batches[f->batches_count++] = batch;
    }
}

/* Gives the maker the rows of mask (two words) of the array. */
static void add(fixture *f, uint64_t low, uint64_t high) {
    uint64_t mask[PYR_VECTOR_WORDS] = {low, high};
    uint64_t room[2 * PYR_VECTOR_WORDS];
    pyr_vector column;
    pyr_batch *batch = NULL;
    pyr_vector_of_array(f->array, 0, ROWS, room, &column);
    pyr_chunk chunk = {.rows = ROWS,
                       .selected = __builtin_popcountll(low) + __builtin_popcountll(high),
                       .mask = mask,
                       .columns_count = 1,
                       .columns = &column};
    assert_int_equal(pyr_batch_maker_add(f->maker, &chunk, &batch, NULL), PYR_OK);
    keep(f, batch);
}

static void finish(fixture *f) {
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_batch_maker_finish(f->maker, &batch, NULL), PYR_OK);
    keep(f, batch);
}

static bool is_view(const fixture *f, int batch) {
    return f->batches[batch]->columns[0]->buffers[2] == f->array->buffers[2];
}

static uint8_t value(const fixture *f, int batch, int64_t row) {
    size_t size = 0;
    return pyr_array_bytes(f->batches[batch]->columns[0], row, &size)[0];
}

static void one_heavy_row_is_a_view(void **state) {
    fixture f;
    (void)state;
    begin(&f, 5000);
    add(&f, UINT64_C(1) << 42, 0);
    finish(&f);
    assert_int_equal(f.batches_count, 1);
    assert_int_equal(f.batches[0]->rows, 1);
    assert_int_equal(value(&f, 0, 0), 42);
    assert_true(is_view(&f, 0));
    assert_int_equal(f.ledger.copied[PYR_COPY_RESULT], 0);
    end(&f);
}

static void one_run_of_heavy_rows_is_a_view_and_light_ones_are_gathered(void **state) {
    (void)state;
    static const size_t sizes[] = {5000, 100};
    for (size_t i = 0; i < 2; ++i) {
        fixture f;
        begin(&f, sizes[i]);
        add(&f, UINT64_C(0xf0) << 56, 0x3); /* rows 60 to 65 */
        finish(&f);
        assert_int_equal(f.batches_count, 1);
        assert_int_equal(f.batches[0]->rows, 6);
        assert_int_equal(value(&f, 0, 0), 60);
        assert_int_equal(value(&f, 0, 5), 65);
        assert_int_equal(is_view(&f, 0), i == 0);
        assert_int_equal(f.ledger.copied[PYR_COPY_RESULT] > 0, i == 1);
        end(&f);
    }
}

static void heavy_rows_apart_are_gathered(void **state) {
    fixture f;
    (void)state;
    begin(&f, 5000);
    add(&f, 0x5, 0);
    finish(&f);
    assert_int_equal(f.batches_count, 1);
    assert_int_equal(value(&f, 0, 1), 2);
    assert_false(is_view(&f, 0));
    assert_true(f.ledger.copied[PYR_COPY_RESULT] >= 2 * 5000);
    end(&f);
}

/* Gathered rows, a run, another run that does not follow it, gathered rows: their order stays. */
static void runs_and_gathered_rows_come_in_order(void **state) {
    fixture f;
    (void)state;
    begin(&f, 5000);
    add(&f, 0x5, 0);
    add(&f, 0x30, 0);
    add(&f, 0xc0, 0); /* goes on where the one before ends */
    add(&f, UINT64_C(1) << 20, 0);
    add(&f, UINT64_C(0x5) << 30, 0);
    finish(&f);
    assert_int_equal(f.batches_count, 4);
    assert_int_equal(f.batches[0]->rows, 2);
    assert_int_equal(value(&f, 0, 1), 2);
    assert_int_equal(f.batches[1]->rows, 4);
    assert_int_equal(value(&f, 1, 0), 4);
    assert_int_equal(value(&f, 1, 3), 7);
    assert_int_equal(value(&f, 2, 0), 20);
    assert_int_equal(value(&f, 3, 1), 32);
    assert_false(is_view(&f, 0));
    assert_true(is_view(&f, 1));
    assert_true(is_view(&f, 2));
    assert_false(is_view(&f, 3));
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_heavy_row_is_a_view),
        cmocka_unit_test(one_run_of_heavy_rows_is_a_view_and_light_ones_are_gathered),
        cmocka_unit_test(heavy_rows_apart_are_gathered),
        cmocka_unit_test(runs_and_gathered_rows_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
