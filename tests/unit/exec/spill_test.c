#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exec/spill.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **unused) {
    (void)unused;
    snprintf(folder, sizeof folder, "/tmp/spill_test-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}
static int remove_folder(void **unused) {
    (void)unused;
    return rmdir(folder); /* which wants it empty */
}

static int files_in_folder(void) {
    int count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

static pyr_schema *schema_of_numbers(void) {
    pyr_field *field = NULL;
    pyr_schema *schema = NULL;
    assert_int_equal(pyr_field_create("x", PYR_TYPE_INT64, &field, NULL), PYR_OK);
    assert_int_equal(pyr_schema_create(&field, 1, NULL, &schema, NULL), PYR_OK);
    pyr_field_release(field);
    return schema;
}

static uint64_t hash_of(int64_t value) {
    return (uint64_t)value * UINT64_C(0x9e3779b97f4a7c15);
}

/* 100 chunks of numbers, every third row left out. Returns how many were added. */
static int64_t add_numbers(pyr_spill_parts *parts) {
    int64_t values[PYR_VECTOR_ROWS];
    uint16_t rows[PYR_VECTOR_ROWS];
    uint64_t hashes[PYR_VECTOR_ROWS];
    int64_t added = 0;
    for (int64_t chunk = 0; chunk < 100; ++chunk) {
        int32_t count = 0;
        for (int32_t i = 0; i < PYR_VECTOR_ROWS; ++i) {
            values[i] = chunk * PYR_VECTOR_ROWS + i;
            if (i % 3 != 0) {
                rows[count] = (uint16_t)i;
                hashes[count++] = hash_of(values[i]);
            }
        }
        pyr_vector vector = {.physical = PYR_PHYSICAL_I64, .data = values};
        assert_int_equal(
            pyr_spill_parts_add(parts, &vector, PYR_VECTOR_ROWS, rows, hashes, count, NULL),
            PYR_OK);
        added += count;
    }
    return added;
}

static int64_t read_part(pyr_spill *spill, int part, int shift, uint8_t *seen) {
    int64_t count = 0;
    assert_int_equal(pyr_spill_open(spill, NULL), PYR_OK);
    for (;;) {
        pyr_batch *batch = NULL;
        assert_int_equal(pyr_spill_next(spill, &batch, NULL), PYR_OK);
        if (batch == NULL) {
            return count;
        }
        const int64_t *values = (const int64_t *)(const void *)batch->columns[0]->buffers[1]->data;
        for (int64_t i = 0; i < batch->rows; ++i) {
            int64_t value = values[batch->columns[0]->offset + i];
            assert_int_equal((hash_of(value) << shift) >> (64 - PYR_SPILL_BITS), part);
            assert_false(pyr_bit_get(seen, value));
            pyr_bit_set(seen, value);
            ++count;
        }
        pyr_batch_release(batch);
    }
}

/* Each row is in the file of its hash's bits, once; the folder never shows a file; what is added is
 * no memory any more. */
static void rows_are_put_apart_by_their_hashes(void **unused) {
    (void)unused;
    pyr_budget *budget = pyr_budget_create(4 << 20);
    pyr_node_metrics metrics = {0};
    pyr_exec exec = {.budget = budget, .temp_folder = folder, .metrics = &metrics, .workers = 1};
    pyr_schema *schema = schema_of_numbers();
    assert_true(pyr_spill_possible(&exec));
    assert_false(pyr_spill_wanted(&exec, 2 << 20, 0.6));
    assert_true(pyr_spill_wanted(&exec, 3 << 20, 0.6));
    for (int shift = 0; shift <= 8; shift += 4) {
        pyr_spill_parts *parts = NULL;
        uint8_t *seen = calloc(100 * PYR_VECTOR_ROWS / 8, 1);
        int64_t found = 0;
        assert_int_equal(pyr_spill_parts_create(&exec, 0, schema, shift, &parts, NULL), PYR_OK);
        int64_t added = add_numbers(parts);
        assert_int_equal(pyr_spill_parts_finish(parts, NULL), PYR_OK);
        assert_int_equal(pyr_budget_used(budget), 0);
        for (int i = 0; i < PYR_SPILL_PARTS; ++i) {
            pyr_spill *spill = pyr_spill_parts_take(parts, i);
            assert_non_null(spill);
            found += read_part(spill, i, shift, seen);
            pyr_spill_destroy(spill);
            assert_null(pyr_spill_parts_take(parts, i));
        }
        assert_int_equal(found, added);
        assert_int_equal(files_in_folder(), 0);
        pyr_spill_parts_destroy(parts);
        free(seen);
    }
    assert_true(metrics.spilled_bytes > 3 * 100 * (PYR_VECTOR_ROWS / 3 * 2) * 8);
    pyr_schema_release(schema);
    pyr_budget_release(budget);
}

static void memory_in_a_file_is_zero_and_keeps_what_is_written(void **unused) {
    (void)unused;
    pyr_exec exec = {.temp_folder = folder};
    void *memory = NULL;
    size_t bytes = 100000;
    assert_int_equal(pyr_spill_map(&exec, -1, bytes, &memory, NULL), PYR_OK);
    for (size_t i = 0; i < bytes; ++i) {
        assert_int_equal(((uint8_t *)memory)[i], 0);
    }
    memset(memory, 7, bytes);
    assert_int_equal(((uint8_t *)memory)[bytes - 1], 7);
    assert_int_equal(files_in_folder(), 0);
    pyr_spill_unmap(memory, bytes);
}

static void a_disk_without_room_is_an_error(void **unused) {
    (void)unused;
    pyr_exec exec = {.temp_folder = folder};
    pyr_error error = {0};
    void *memory = NULL;
    assert_int_equal(pyr_spill_map(&exec, -1, (size_t)1 << 60, &memory, &error), PYR_ERROR_IO);
    assert_null(memory);
    assert_non_null(strstr(error.message, "spilled rows"));
    assert_int_equal(files_in_folder(), 0);
}

static void without_folder_or_limit_nothing_is_spilled(void **unused) {
    (void)unused;
    pyr_budget *limited = pyr_budget_create(1);
    pyr_budget *unlimited = pyr_budget_create(0);
    pyr_exec no_folder = {.budget = limited};
    pyr_exec no_limit = {.budget = unlimited, .temp_folder = folder};
    pyr_exec no_budget = {.temp_folder = folder};
    assert_false(pyr_spill_wanted(&no_folder, 100, 0.5));
    assert_false(pyr_spill_wanted(&no_limit, 100, 0.5));
    assert_false(pyr_spill_wanted(&no_budget, 100, 0.5));
    pyr_budget_release(limited);
    pyr_budget_release(unlimited);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_put_apart_by_their_hashes),
        cmocka_unit_test(memory_in_a_file_is_zero_and_keeps_what_is_written),
        cmocka_unit_test(a_disk_without_room_is_an_error),
        cmocka_unit_test(without_folder_or_limit_nothing_is_spilled),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
