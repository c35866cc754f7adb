/* segment_writer_test.c - how batches are grouped into messages and issued as writes, and what is
 * left of a writer that fails. */
#include "support_storage.h"

#include "storage/storage_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct fixture {
    char *folder;
    pyr_error error;
} fixture;

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof(*f));
    f->folder = folder_create();
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    folder_remove(f->folder);
    free(f);
    return 0;
}

static size_t batches_of(pyr_segment *segment) {
    size_t count;
    check_ok(pyr_segment_batches(segment, NULL, &count, error));
    return count;
}

static int64_t rows_of(pyr_segment *segment, size_t index) {
    int64_t rows;
    check_ok(pyr_segment_batch_rows(segment, index, &rows, error));
    return rows;
}

/* ---- Grouping. ---- */

static void a_large_batch_is_sliced_by_reference(void **state) {
    fixture *f = *state;
    const int64_t rows = 3 * PYR_SEGMENT_BATCH_ROWS + 17;
    pyr_batch *batch = batch_of_one(numbers(0, rows, 0));
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_segment *segment =
        write_segment(below(f->folder, "large.arrow"), &batch, 1, PYR_IPC_UNCOMPRESSED, &ledger);
    assert_int_equal(batches_of(segment), 4);
    assert_int_equal(rows_of(segment, 0), PYR_SEGMENT_BATCH_ROWS);
    assert_int_equal(rows_of(segment, 3), 17);
    assert_int_equal(pyr_segment_get_info(segment)->rows, rows);
    for (int i = 0; i < PYR_COPY_REASONS_COUNT; ++i) {
        if (i != PYR_COPY_APPEND) {
            assert_int_equal(ledger.copied[i], 0);
        }
    }
    assert_true(ledger.copied[PYR_COPY_APPEND] >= rows * 8);
    pyr_batch *last = read_batch(segment, 3);
    assert_int_equal(pyr_array_int64(last->columns[0], 16), rows - 1);
    pyr_batch_release(last);
    pyr_batch_release(batch);
    pyr_segment_release(segment);
}

static void small_batches_are_joined_and_the_copy_is_counted(void **state) {
    fixture *f = *state;
    pyr_batch *batches[100];
    for (int i = 0; i < 100; ++i) {
        batches[i] = batch_of_one(numbers(i * 10, 10, 0));
    }
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_segment *segment =
        write_segment(below(f->folder, "small.arrow"), batches, 100, PYR_IPC_UNCOMPRESSED, &ledger);
    assert_int_equal(batches_of(segment), 1);
    assert_int_equal(rows_of(segment, 0), 1000);
    assert_int_equal(ledger.copied[PYR_COPY_CONCAT], 8000);
    pyr_batch *joined = read_batch(segment, 0);
    for (int64_t i = 0; i < 1000; ++i) {
        assert_int_equal(pyr_array_int64(joined->columns[0], i), i);
    }
    pyr_batch_release(joined);
    pyr_segment_release(segment);
    for (int i = 0; i < 100; ++i) {
        pyr_batch_release(batches[i]);
    }
}

static void a_message_of_wide_rows_is_about_four_megabytes(void **state) {
    fixture *f = *state;
    const size_t widths[] = {100, 1000, 2000};
    for (size_t i = 0; i < 3; ++i) {
        char name[32];
        (void)snprintf(name, sizeof(name), "wide%zu.arrow", i);
        const int64_t rows = (int64_t)(20u << 20) / (int64_t)widths[i];
        pyr_batch *batch = batch_of_one(long_strings(rows, widths[i]));
        pyr_segment *segment =
            write_segment(below(f->folder, name), &batch, 1, PYR_IPC_UNCOMPRESSED, NULL);
        int64_t first = rows_of(segment, 0);
        assert_int_equal(first % 2048, 0);
        assert_in_range((uint64_t)first * widths[i], PYR_SEGMENT_BATCH_BYTES / 3,
                        PYR_SEGMENT_BATCH_BYTES + PYR_SEGMENT_BATCH_BYTES / 3);
        pyr_segment_release(segment);
        pyr_batch_release(batch);
    }
}

/* A thousand of them would not fit 32-bit offsets. */
static void batches_of_huge_rows_are_not_joined(void **state) {
    fixture *f = *state;
    pyr_batch *batch = batch_of_one(long_strings(20, 2 << 20));
    pyr_batch *batches[] = {batch, batch, batch};
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_segment *segment =
        write_segment(below(f->folder, "huge.arrow"), batches, 3, PYR_IPC_UNCOMPRESSED, &ledger);
    assert_int_equal(batches_of(segment), 3);
    assert_int_equal(ledger.copied[PYR_COPY_CONCAT], 0);
    pyr_segment_release(segment);
    pyr_batch_release(batch);
}

static void selected_rows_alone_are_written(void **state) {
    fixture *f = *state;
    pyr_batch *batch = batch_of_one(numbers(0, 100, 0));
    pyr_builder *builder;
    pyr_field *field;
    pyr_array *mask;
    check_ok(pyr_field_create("", PYR_TYPE_BOOL, &field, error));
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    for (int i = 0; i < 100; ++i) {
        check_ok(pyr_builder_int64(builder, i % 2, error));
    }
    check_ok(pyr_builder_finish(builder, &mask, error));
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    pyr_batch *odd;
    check_ok(pyr_batch_filter(batch, mask, NULL, &odd, error));
    pyr_segment *segment =
        write_segment(below(f->folder, "odd.arrow"), &odd, 1, PYR_IPC_UNCOMPRESSED, NULL);
    assert_int_equal(rows_of(segment, 0), 50);
    pyr_batch *read = read_batch(segment, 0);
    assert_int_equal(pyr_array_int64(read->columns[0], 49), 99);
    pyr_batch_release(read);
    pyr_array_release(mask);
    pyr_batch_release(odd);
    pyr_batch_release(batch);
    pyr_segment_release(segment);
}

static void empty_batches_and_empty_segments_are_well(void **state) {
    fixture *f = *state;
    pyr_batch *batch = batch_of_one(numbers(0, 0, 0));
    pyr_segment *segment =
        write_segment(below(f->folder, "none.arrow"), &batch, 1, PYR_IPC_UNCOMPRESSED, NULL);
    assert_int_equal(batches_of(segment), 0);
    check_ok(pyr_segment_verify(segment, error));
    pyr_schema *schema;
    check_ok(pyr_segment_schema(segment, NULL, &schema, error));
    assert_string_equal(schema->fields[0]->name, "a");
    pyr_schema_release(schema);
    pyr_segment_release(segment);
    pyr_batch_release(batch);
}

static void compressed_segments_read_back_the_same_with_their_crcs_and_zones(void **state) {
    fixture *f = *state;
    pyr_array *columns[] = {numbers(0, 50000, 9), long_strings(50000, 30)};
    pyr_batch *batch = batch_of(columns, 2);
    const pyr_ipc_compression compressions[] = {PYR_IPC_LZ4_FRAME, PYR_IPC_ZSTD};
    for (int i = 0; i < 2; ++i) {
        pyr_segment *segment = write_segment(below(f->folder, i == 0 ? "lz4.arrow" : "zstd.arrow"),
                                             &batch, 1, compressions[i], NULL);
        assert_true(pyr_segment_get_info(segment)->size_bytes < 50000 * 38);
        check_ok(pyr_segment_verify(segment, error));
        pyr_batch *read = read_batch(segment, 0);
        pyr_batch *slice;
        check_ok(pyr_batch_slice(batch, 0, read->rows, &slice, error));
        assert_true(pyr_array_equal(read->columns[1], slice->columns[1]));
        pyr_zone zone;
        check_ok(pyr_segment_zone(segment, 0, 0, &zone, error));
        assert_true(zone.has_bounds && zone.min.i64 == 0);
        pyr_batch_release(slice);
        pyr_batch_release(read);
        pyr_segment_release(segment);
    }
    pyr_batch_release(batch);
}

/* ---- Writes, counted by the kernel. ---- */

static bool read_counters(int64_t *calls, int64_t *bytes) {
    FILE *file = fopen("/proc/thread-self/io", "r");
    char line[128];
    long long value;
    int found = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "wchar: %lld", &value) == 1) {
            *bytes = value;
            ++found;
        } else if (sscanf(line, "syscw: %lld", &value) == 1) {
            *calls = value;
            ++found;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found == 2;
}

static void data_goes_out_in_writes_of_about_sixteen_megabytes(void **state) {
    fixture *f = *state;
    int64_t calls = 0;
    int64_t bytes = 0;
    if (!read_counters(&calls, &bytes)) {
        print_message("/proc/thread-self/io is not there: skipped\n");
        skip();
    }
    /* 16 columns: some 60 spans a message. 64 MiB of values. */
    pyr_array *columns[16];
    for (int i = 0; i < 16; ++i) {
        columns[i] = numbers(i, 1 << 19, i % 2 == 0 ? 0 : 5);
    }
    pyr_batch *batch = batch_of(columns, 16);
    assert_true(read_counters(&calls, &bytes));
    int64_t calls_before = calls;
    int64_t bytes_before = bytes;
    pyr_segment *segment =
        write_segment(below(f->folder, "writes.arrow"), &batch, 1, PYR_IPC_UNCOMPRESSED, NULL);
    assert_true(read_counters(&calls, &bytes));
    int64_t size = pyr_segment_get_info(segment)->size_bytes;
    assert_true(size > (int64_t)64 << 20);
    /* cmocka and the harness write nothing meanwhile. */
    assert_int_equal(bytes - bytes_before, size);
    assert_in_range(calls - calls_before, 1, (uintmax_t)(size >> 24) + 1);
    pyr_segment_release(segment);
    pyr_batch_release(batch);
}

static void bodies_begin_at_multiples_of_64_in_the_file(void **state) {
    fixture *f = *state;
    pyr_array *columns[] = {numbers(0, 300000, 3), long_strings(300000, 11)};
    pyr_batch *batch = batch_of(columns, 2);
    const char *path = below(f->folder, "aligned.arrow");
    pyr_segment *segment = write_segment(path, &batch, 1, PYR_IPC_UNCOMPRESSED, NULL);
    size_t length;
    uint8_t *data = read_file(path, &length);
    pyr_buffer *bytes;
    pyr_ipc_file *file;
    check_ok(pyr_buffer_wrap(data, length, data, free, &bytes, error));
    check_ok(pyr_ipc_file_open(bytes, "aligned.arrow", NULL, &file, error));
    assert_int_equal(pyr_ipc_file_batches(file), batches_of(segment));
    assert_true(pyr_ipc_file_batches(file) > 2);
    for (size_t i = 0; i < pyr_ipc_file_batches(file); ++i) {
        int64_t offset;
        int64_t head;
        int64_t body;
        pyr_ipc_file_block(file, i, &offset, &head, &body);
        assert_int_equal((offset + head) % 64, 0);
        assert_int_equal(body % 64, 0);
    }
    pyr_ipc_file_release(file);
    pyr_buffer_release(bytes);
    pyr_segment_release(segment);
    pyr_batch_release(batch);
}

/* ---- What is left. ---- */

static void a_writer_that_is_not_finished_removes_its_file(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "aborted.arrow");
    pyr_batch *batch = batch_of_one(numbers(0, 200000, 0));
    pyr_segment_writer *writer;
    check_ok(
        pyr_segment_writer_create(path, batch->schema, PYR_IPC_UNCOMPRESSED, NULL, &writer, error));
    check_ok(pyr_segment_writer_append(writer, batch, error));
    assert_true(pyr_segment_writer_size(writer) > 100000 * 8);
    assert_true(file_exists(path));
    pyr_segment_writer_destroy(writer);
    assert_false(file_exists(path));
    pyr_batch_release(batch);
}

static void a_file_that_is_there_is_neither_overwritten_nor_removed(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "there.arrow");
    write_file(path, "precious", 8);
    pyr_batch *batch = batch_of_one(numbers(0, 10, 0));
    pyr_segment_writer *writer;
    assert_int_equal(pyr_segment_writer_create(path, batch->schema, PYR_IPC_UNCOMPRESSED, NULL,
                                               &writer, &f->error),
                     PYR_ERROR_ALREADY_EXISTS);
    assert_null(writer);
    assert_message_has(&f->error, "there.arrow");
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    assert_int_equal(size, 8);
    free(bytes);
    pyr_batch_release(batch);
}

static void a_finished_segment_is_synced_and_whole(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "synced.arrow");
    pyr_batch *batch = batch_of_one(numbers(0, 1000, 0));
    pyr_segment_writer *writer;
    pyr_segment *segment;
    check_ok(
        pyr_segment_writer_create(path, batch->schema, PYR_IPC_UNCOMPRESSED, NULL, &writer, error));
    check_ok(pyr_segment_writer_append(writer, batch, error));
    check_ok(pyr_segment_writer_finish(writer, true, &segment, error));
    pyr_segment_writer_destroy(writer);
    assert_true(file_exists(path));
    size_t size;
    free(read_file(path, &size));
    assert_int_equal(size, pyr_segment_get_info(segment)->size_bytes);
    check_ok(pyr_segment_verify(segment, error));
    pyr_segment_release(segment);
    pyr_batch_release(batch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_large_batch_is_sliced_by_reference),
        TEST(small_batches_are_joined_and_the_copy_is_counted),
        TEST(a_message_of_wide_rows_is_about_four_megabytes),
        TEST(batches_of_huge_rows_are_not_joined),
        TEST(selected_rows_alone_are_written),
        TEST(empty_batches_and_empty_segments_are_well),
        TEST(compressed_segments_read_back_the_same_with_their_crcs_and_zones),
        TEST(data_goes_out_in_writes_of_about_sixteen_megabytes),
        TEST(bodies_begin_at_multiples_of_64_in_the_file),
        TEST(a_writer_that_is_not_finished_removes_its_file),
        TEST(a_file_that_is_there_is_neither_overwritten_nor_removed),
        TEST(a_finished_segment_is_synced_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
