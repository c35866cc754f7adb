/* Reading is by view: what a mapped file's batches point at, and what is not touched. */
#include "unit/arrow/support_ipc.h"
#include "unit/arrow/support_ipc_tables.h"

#include "arrow/cdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROWS = 20000 };

static pyr_buffer *wide_table(void) {
    pyr_error error;
    pyr_field *fields[5] = {ipc_field("id", PYR_TYPE_INT64), ipc_field("name", PYR_TYPE_UTF8),
                            ipc_list_field("list", PYR_TYPE_LARGE_LIST, PYR_TYPE_INT32),
                            ipc_dictionary_field("code"), ipc_field("view", PYR_TYPE_UTF8_VIEW)};
    pyr_array *columns[5] = {ipc_numbers(fields[0], 0, ROWS, true),
                             ipc_strings(fields[1], 0, ROWS, true), ipc_lists(fields[2], ROWS),
                             ipc_codes(fields[3], ROWS, 0, 100),
                             ipc_strings(fields[4], 0, ROWS, true)};
    pyr_batch *batch = ipc_batch(fields, columns, 5);
    pyr_buffer *bytes;
    ipc_must(ipc_write(batch->schema, &batch, 1, PYR_IPC_FILE, NULL, NULL, &bytes, &error), &error);
    pyr_batch_release(batch);
    return bytes;
}

static pyr_ipc_file *open_file(pyr_buffer *bytes) {
    pyr_error error;
    pyr_ipc_file *file;
    ipc_must(pyr_ipc_file_open(bytes, "wide.arrow", NULL, &file, &error), &error);
    return file;
}

static int64_t copied(const pyr_query_ledger *ledger) {
    int64_t sum = 0;
    for (int i = 0; i < PYR_COPY_REASONS_COUNT; ++i) {
        sum += ledger->copied[i];
    }
    return sum;
}

/* Returns how many pointers were looked at. */
static int assert_inside(const struct ArrowArray *array, const pyr_buffer *mapping) {
    int seen = 0;
    for (int64_t i = 0; i < array->n_buffers; ++i) {
        const uint8_t *data = array->buffers[i];
        if (data == NULL) {
            continue;
        }
        assert_true(data >= mapping->data && data < mapping->data + mapping->size_bytes);
        ++seen;
    }
    for (int64_t i = 0; i < array->n_children; ++i) {
        seen += assert_inside(array->children[i], mapping);
    }
    return array->dictionary == NULL ? seen : seen + assert_inside(array->dictionary, mapping);
}

static void a_batch_sliced_projected_and_exported_points_into_the_mapping(void **state) {
    (void)state;
    pyr_error error;
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_buffer *bytes = wide_table();
    pyr_ipc_file *file = open_file(bytes);
    static const int32_t wanted[] = {3, 0, 2, 1};
    static const int32_t kept[] = {2, 1, 3, 0};
    pyr_batch *batch, *slice, *projected;
    ipc_must(
        pyr_ipc_file_batch(file, 0, wanted, 4, PYR_VALIDATE_FULL, &ledger, NULL, &batch, &error),
        &error);
    ipc_must(pyr_batch_slice(batch, 777, 5000, &slice, &error), &error);
    ipc_must(pyr_batch_project(slice, kept, 4, NULL, &projected, &error), &error);
    struct ArrowArray exported;
    ipc_must(pyr_batch_export(projected, &exported, &error), &error);
    assert_int_equal(exported.length, 5000);
    assert_int_equal(exported.n_children, 4);
    /* list: offsets, items; id: validity, data; name: validity, offsets, bytes; code: indices,
     * and its dictionary's offsets and bytes. */
    assert_int_equal(assert_inside(&exported, bytes), 10);
    assert_int_equal(copied(&ledger), 0);
    const int64_t *ids = exported.children[1]->buffers[1];
    assert_int_equal(ids[exported.children[1]->offset], 777);
    exported.release(&exported);
    pyr_batch_release(projected);
    pyr_batch_release(slice);
    pyr_batch_release(batch);
    pyr_ipc_file_release(file);
    pyr_buffer_release(bytes);
}

static void columns_are_aligned_to_64_bytes_in_the_file(void **state) {
    (void)state;
    pyr_error error;
    pyr_buffer *bytes = wide_table();
    pyr_ipc_file *file = open_file(bytes);
    pyr_batch *batch;
    ipc_must(pyr_ipc_file_batch(file, 0, NULL, 0, PYR_VALIDATE_FULL, NULL, NULL, &batch, &error),
             &error);
    for (int32_t c = 0; c < batch->columns_count; ++c) {
        const pyr_array *column = batch->columns[c];
        for (int32_t i = 0; i < column->buffers_count; ++i) {
            const pyr_buffer *buffer = column->buffers[i];
            assert_true(buffer == NULL || (uintptr_t)buffer->data % 64 == 0);
        }
    }
    pyr_batch_release(batch);
    pyr_ipc_file_release(file);
    pyr_buffer_release(bytes);
}

/* The body of the batch in memory whose pages fault when they are touched, but for column `id`. */
static void columns_that_are_not_wanted_are_not_touched(void **state) {
    (void)state;
    pyr_error error;
    pyr_buffer *bytes = wide_table();
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t mapped = (bytes->size_bytes + page - 1) / page * page;
    uint8_t *memory =
        mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    memcpy(memory, bytes->data, bytes->size_bytes);
    pyr_buffer *view;
    ipc_must(pyr_buffer_wrap(memory, bytes->size_bytes, NULL, NULL, &view, &error), &error);
    pyr_ipc_file *file = open_file(view);
    int64_t offset, metadata_bytes, body_bytes;
    pyr_ipc_file_block(file, 0, &offset, &metadata_bytes, &body_bytes);
    /* id comes first: its bitmap and numbers end before this, the other columns follow. */
    size_t first = (size_t)(offset + metadata_bytes) + ROWS / 8 + 64 + ROWS * 8 + 64;
    size_t last = (size_t)(offset + metadata_bytes + body_bytes);
    first = (first + page - 1) / page * page;
    last = last / page * page;
    assert_true(last > first + 10 * page);
    assert_int_equal(mprotect(memory + first, last - first, PROT_NONE), 0);
    int64_t rows;
    pyr_metadata *metadata;
    ipc_must(pyr_ipc_file_batch_head(file, 0, &rows, &metadata, &error), &error);
    assert_int_equal(rows, ROWS);
    assert_null(metadata);
    pyr_batch *batch;
    int32_t wanted = 0;
    ipc_must(pyr_ipc_file_batch(file, 0, &wanted, 1, PYR_VALIDATE_FULL, NULL, NULL, &batch, &error),
             &error);
    assert_int_equal(pyr_array_int64(batch->columns[0], ROWS - 1), ROWS - 1);
    assert_string_equal(batch->schema->fields[0]->name, "id");
    pyr_batch_release(batch);
    pyr_ipc_file_release(file);
    pyr_buffer_release(view);
    munmap(memory, mapped);
    pyr_buffer_release(bytes);
}

static void misaligned_bytes_are_copied_and_counted(void **state) {
    (void)state;
    pyr_error error;
    pyr_buffer *bytes = wide_table();
    pyr_buffer *room;
    ipc_must(pyr_buffer_create(bytes->size_bytes + 64, NULL, &room, &error), &error);
    static const struct {
        size_t shift;
        bool copies;
    } cases[] = {{0, false}, {8, false}, {4, true}, {1, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        pyr_query_ledger ledger;
        pyr_ledger_init(&ledger);
        pyr_buffer *shifted;
        pyr_batch *batch, *original;
        memmove((uint8_t *)(uintptr_t)room->data + cases[i].shift, bytes->data, bytes->size_bytes);
        ipc_must(pyr_buffer_slice(room, cases[i].shift, bytes->size_bytes, &shifted, &error),
                 &error);
        pyr_ipc_file *file = open_file(shifted), *aligned = open_file(bytes);
        ipc_must(
            pyr_ipc_file_batch(file, 0, NULL, 0, PYR_VALIDATE_FULL, &ledger, NULL, &batch, &error),
            &error);
        ipc_must(pyr_ipc_file_batch(aligned, 0, NULL, 0, PYR_VALIDATE_FULL, NULL, NULL, &original,
                                    &error),
                 &error);
        assert_true(pyr_batch_equal(batch, original));
        assert_int_equal(ledger.copied[PYR_COPY_ALIGN] > 0, cases[i].copies);
        assert_int_equal(copied(&ledger), ledger.copied[PYR_COPY_ALIGN]);
        pyr_batch_release(batch);
        pyr_batch_release(original);
        pyr_ipc_file_release(file);
        pyr_ipc_file_release(aligned);
        pyr_buffer_release(shifted);
    }
    pyr_buffer_release(room);
    pyr_buffer_release(bytes);
}

static void *read_in_thread(void *argument) {
    pyr_ipc_file *file = argument;
    for (int i = 0; i < 50; ++i) {
        pyr_error error;
        pyr_batch *batch;
        int32_t wanted = 3;
        if (pyr_ipc_file_batch(file, 0, &wanted, 1, PYR_VALIDATE_FULL, NULL, NULL, &batch,
                               &error) != PYR_OK) {
            return file;
        }
        pyr_batch_release(batch);
    }
    return NULL;
}

static void threads_share_a_file_and_its_dictionaries(void **state) {
    (void)state;
    pyr_buffer *bytes = wide_table();
    pyr_ipc_file *file = open_file(bytes);
    pthread_t threads[4];
    for (int i = 0; i < 4; ++i) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_in_thread, file), 0);
    }
    for (int i = 0; i < 4; ++i) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    pyr_ipc_file_release(file);
    pyr_buffer_release(bytes);
}

static void a_batch_outlives_its_file(void **state) {
    (void)state;
    pyr_error error;
    pyr_buffer *bytes = wide_table();
    pyr_ipc_file *file = open_file(bytes);
    pyr_batch *batch;
    ipc_must(
        pyr_ipc_file_batch(file, 0, NULL, 0, PYR_VALIDATE_STRUCTURE, NULL, NULL, &batch, &error),
        &error);
    pyr_ipc_file_release(file);
    pyr_buffer_release(bytes);
    ipc_must(pyr_batch_validate(batch, PYR_VALIDATE_FULL, &error), &error);
    pyr_batch_release(batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_sliced_projected_and_exported_points_into_the_mapping),
        cmocka_unit_test(columns_are_aligned_to_64_bytes_in_the_file),
        cmocka_unit_test(columns_that_are_not_wanted_are_not_touched),
        cmocka_unit_test(misaligned_bytes_are_copied_and_counted),
        cmocka_unit_test(threads_share_a_file_and_its_dictionaries),
        cmocka_unit_test(a_batch_outlives_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
