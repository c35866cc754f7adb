/* segment_test.c - reading segments: by reference from the mapping, zones, CRCs, damaged and
 * foreign files, a file that is cut while it is mapped. */
#include "support_storage.h"

#include "arrow/cdata.h"
#include "base/file.h"
#include "storage/storage_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* a: numbers with nulls, b: strings, c: numbers. */
static pyr_batch *sample(int64_t rows) {
    pyr_array *columns[] = {numbers(1000, rows, 7), long_strings(rows, 20), numbers(-5, rows, 0)};
    return rows_batch_of(columns, 3);
}

static pyr_segment *write_sample(const char *path, int64_t rows) {
    pyr_batch *batch = sample(rows);
    pyr_segment *segment = write_segment(path, &batch, 1, PYR_IPC_UNCOMPRESSED, NULL);
    pyr_batch_release(batch);
    return segment;
}

/* As the catalog opens it again. */
static pyr_segment *open_as(const pyr_segment *segment) {
    pyr_segment *again;
    check_ok(pyr_segment_create(pyr_segment_get_info(segment), true, &again, error));
    return again;
}

/* ---- By reference. ---- */

/* Where the process has mapped the file whose name ends so, by the kernel's own list. */
static bool find_mapping(const char *name, uintptr_t *start, uintptr_t *end) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1024];
    bool found = false;
    assert_non_null(maps);
    while (!found && fgets(line, sizeof(line), maps) != NULL) {
        found = strstr(line, name) != NULL && sscanf(line, "%lx-%lx", start, end) == 2;
    }
    fclose(maps);
    return found;
}

static void assert_lies_in(const void *pointer, uintptr_t start, uintptr_t end) {
    assert_true((uintptr_t)pointer >= start && (uintptr_t)pointer < end);
}

static void sliced_projected_and_exported_columns_point_into_the_mapping(void **state) {
    fixture *f = *state;
    pyr_segment *written = write_sample(below(f->folder, "pointers.arrow"), 5000);
    pyr_segment *segment = open_as(written);
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_batch *batch;
    pyr_batch *slice;
    pyr_batch *projected;
    check_ok(pyr_segment_batch(segment, 0, NULL, 0, &ledger, NULL, &batch, error));
    check_ok(pyr_batch_slice(batch, 1000, 2000, &slice, error));
    const int32_t wanted[] = {2, 1};
    check_ok(pyr_batch_project(slice, wanted, 2, NULL, &projected, error));
    struct ArrowArray exported;
    check_ok(pyr_batch_export(projected, &exported, error));
    uintptr_t start;
    uintptr_t end;
    assert_true(find_mapping("pointers.arrow", &start, &end));
    pyr_batch_release(batch);
    pyr_batch_release(slice);
    pyr_batch_release(projected);
    pyr_segment_release(segment);
    pyr_segment_release(written);

    assert_int_equal(exported.n_children, 2);
    assert_int_equal(exported.length, 2000);
    const struct ArrowArray *values = exported.children[0];
    const struct ArrowArray *texts = exported.children[1];
    assert_lies_in(values->buffers[1], start, end);
    assert_lies_in(texts->buffers[1], start, end);
    assert_lies_in(texts->buffers[2], start, end);
    assert_int_equal(((const int64_t *)values->buffers[1])[values->offset], -5 + 1000);
    const int32_t *offsets = (const int32_t *)texts->buffers[1] + texts->offset;
    assert_memory_equal((const char *)texts->buffers[2] + offsets[1], "00001001", 8);
    for (int i = 0; i < PYR_COPY_REASONS_COUNT; ++i) {
        assert_int_equal(ledger.copied[i], 0);
    }
    assert_true(ledger.bytes_mapped > 0 && ledger.bytes_decoded == 0);
    exported.release(&exported);
    assert_false(find_mapping("pointers.arrow", &start, &end)); /* nothing else held it */
}

static void buffers_of_a_segment_are_aligned_to_64_bytes(void **state) {
    fixture *f = *state;
    pyr_segment *written = write_sample(below(f->folder, "aligned.arrow"), 4321);
    pyr_segment *segment = open_as(written);
    pyr_batch *batch = read_batch(segment, 0);
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        for (int32_t j = 0; j < batch->columns[i]->buffers_count; ++j) {
            const pyr_buffer *buffer = batch->columns[i]->buffers[j];
            assert_true(buffer == NULL || ((uintptr_t)buffer->data & 63) == 0);
        }
    }
    pyr_batch_release(batch);
    pyr_segment_release(segment);
    pyr_segment_release(written);
}

static void the_ledger_counts_the_mapping_once_and_scanned_columns_only(void **state) {
    fixture *f = *state;
    pyr_segment *written = write_sample(below(f->folder, "ledger.arrow"), 1000);
    pyr_segment *segment = open_as(written);
    int64_t rows;
    check_ok(pyr_segment_batch_rows(segment, 0, &rows, error)); /* maps it, with no ledger */
    assert_int_equal(rows, 1000);
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    const int32_t wanted[] = {2};
    for (int i = 0; i < 2; ++i) {
        pyr_batch *batch;
        check_ok(pyr_segment_batch(segment, 0, wanted, 1, &ledger, NULL, &batch, error));
        pyr_batch_release(batch);
    }
    assert_int_equal(ledger.bytes_mapped, pyr_segment_get_info(segment)->size_bytes);
    assert_int_equal(ledger.bytes_scanned, 2 * 8000);
    assert_int_equal(ledger.bytes_referenced, 2 * 8000);
    pyr_segment_release(segment);
    pyr_segment_release(written);
}

static void columns_are_read_once_and_shared(void **state) {
    fixture *f = *state;
    pyr_segment *written = write_sample(below(f->folder, "shared_columns.arrow"), 2000);
    pyr_segment *segment = open_as(written);
    static const int32_t wanted[][2] = {{2, 1}, {1, 2}, {0, 1}}; /* the last: not all yet */
    pyr_batch *batches[3];
    for (int i = 0; i < 3; ++i) {
        check_ok(pyr_segment_batch(segment, 0, wanted[i], 2, NULL, NULL, &batches[i], error));
        assert_int_equal(batches[i]->rows, 2000);
    }
    assert_ptr_equal(batches[0]->columns[0], batches[1]->columns[1]);
    assert_ptr_equal(batches[0]->columns[1], batches[1]->columns[0]);
    assert_string_equal(batches[1]->schema->fields[0]->name, "b");
    assert_string_equal(batches[1]->schema->fields[1]->name, "c");
    pyr_segment_release(segment);
    pyr_segment_release(written);
    assert_int_equal(pyr_array_int64(batches[1]->columns[1], 1999), 1994);
    for (int i = 0; i < 3; ++i) {
        pyr_batch_release(batches[i]);
    }
}

static void no_columns_have_the_batchs_rows(void **state) {
    fixture *f = *state;
    pyr_segment *segment = write_sample(below(f->folder, "rows.arrow"), 2000);
    static const int32_t none[1];
    pyr_batch *batch = NULL;
    check_ok(pyr_segment_batch(segment, 0, none, 0, NULL, NULL, &batch, error));
    assert_int_equal(batch->rows, 2000);
    assert_int_equal(batch->columns_count, 0);
    pyr_batch_release(batch);
    pyr_segment_release(segment);
}

static void what_was_decompressed_is_no_segments_to_keep(void **state) {
    fixture *f = *state;
    pyr_budget *budget = pyr_budget_create(1 << 20);
    assert_non_null(budget);
    pyr_batch *batch = sample(2000);
    pyr_segment *segment =
        write_segment(below(f->folder, "lz4.arrow"), &batch, 1, PYR_IPC_LZ4_FRAME, NULL);
    pyr_batch_release(batch);
    static const int32_t wanted[] = {1, 2};
    check_ok(pyr_segment_batch(segment, 0, wanted, 2, NULL, budget, &batch, error));
    assert_true(pyr_budget_used(budget) > 0);
    pyr_batch_release(batch);
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_segment_release(segment);
    pyr_budget_release(budget);
}

static void a_batch_outlives_its_segment_and_its_files_name(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "outlived.arrow");
    pyr_segment *segment = write_sample(path, 100);
    pyr_batch *batch = read_batch(segment, 0);
    pyr_segment_remove_on_release(segment);
    assert_true(file_exists(path));
    pyr_segment_release(pyr_segment_retain(segment));
    assert_true(file_exists(path));
    pyr_segment_release(segment);
    assert_false(file_exists(path));
    assert_int_equal(pyr_array_int64(batch->columns[2], 99), 94);
    check_ok(pyr_batch_check_mappings(batch, error));
    pyr_batch_release(batch);
}

/* Of this process. */
static int open_descriptors_to(const char *what) {
    int found = 0;
    for (int fd = 0; fd < 1024; ++fd) {
        char link[32];
        char target[256];
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, target, sizeof(target) - 1);
        target[length > 0 ? length : 0] = '\0';
        found += strstr(target, what) != NULL;
    }
    return found;
}

static void memory_segments_are_mapped_memfds_that_nobody_can_cut(void **state) {
    (void)state;
    pyr_segment *segment = write_sample(NULL, 1000);
    pyr_segment *other = write_sample(NULL, 1);
    const char *name = pyr_segment_get_info(segment)->path;
    assert_int_equal(strncmp(name, "memory:", 7), 0);
    assert_string_not_equal(name, pyr_segment_get_info(other)->path);
    pyr_segment_release(other); /* its mapping has the same name */
    pyr_batch *batch = read_batch(segment, 0);
    uintptr_t start;
    uintptr_t end;
    assert_true(find_mapping("memfd:pyralog-segment", &start, &end));
    assert_lies_in(batch->columns[0]->buffers[1]->data, start, end);
    assert_int_equal(open_descriptors_to("memfd:pyralog-segment"), 0); /* nothing to cut it by */
    check_ok(pyr_segment_verify(segment, error));
    pyr_segment_release(segment);
    assert_int_equal(pyr_array_int64(batch->columns[2], 999), 994);
    pyr_batch_release(batch);
}

/* ---- Zones. ---- */

static void zones_are_found_in_the_segment_that_was_written(void **state) {
    fixture *f = *state;
    pyr_segment *written = write_sample(below(f->folder, "zones.arrow"), 700);
    pyr_segment *segment = open_as(written);
    pyr_zone zone;
    check_ok(pyr_segment_zone(segment, 0, 0, &zone, error));
    assert_true(zone.known && zone.has_bounds && zone.exact && zone.null_count == 100);
    assert_true(zone.min.i64 == 1000 && zone.max.i64 == 1698); /* row 699 is null */
    check_ok(pyr_segment_zone(segment, 0, 1, &zone, error));
    assert_true(zone.has_bounds && zone.exact && zone.min.str.size_bytes == 20);
    check_ok(pyr_segment_zone(segment, 0, 2, &zone, error));
    assert_true(zone.min.i64 == -5 && zone.max.i64 == 694);
    assert_int_equal(pyr_segment_zone(segment, 0, 3, &zone, &f->error), PYR_ERROR_CORRUPT);
    assert_int_equal(pyr_segment_zone(segment, 1, 0, &zone, &f->error), PYR_ERROR_CORRUPT);
    assert_false(zone.known);
    pyr_segment_release(segment);
    pyr_segment_release(written);
}

static void join(pyr_zone *into, const pyr_field *field, pyr_zone other, int64_t rows) {
    pyr_zone_join(into, field, &other, rows);
}

static void zones_of_batches_are_joined_to_the_segments(void **state) {
    fixture *f = *state;
    pyr_segment *written = write_sample(below(f->folder, "joined.arrow"), 700);
    pyr_segment *segment = open_as(written);
    const pyr_zone *kept;
    const int64_t *rows;
    pyr_zone zone;
    check_ok(pyr_segment_kept_zones(segment, 2, &kept, error));
    check_ok(pyr_segment_kept_rows(segment, &rows, error));
    assert_true(kept[0].min.i64 == -5 && kept[0].max.i64 == 694 && rows[0] == 700);
    check_ok(pyr_segment_zones(segment, 0, &zone, error));
    assert_true(zone.known && zone.has_bounds && zone.exact && zone.null_count == 100);
    assert_true(zone.min.i64 == 1000 && zone.max.i64 == 1698);
    check_ok(pyr_segment_zones(segment, 1, &zone, error)); /* of texts nothing but the nulls */
    assert_true(zone.known && !zone.has_bounds && !zone.exact);
    assert_int_equal(pyr_segment_zones(segment, 3, &zone, &f->error), PYR_ERROR_CORRUPT);
    assert_int_equal(pyr_segment_kept_zones(segment, 3, &kept, &f->error), PYR_ERROR_CORRUPT);
    pyr_segment_release(segment);
    pyr_segment_release(written);

    pyr_field signed_field = {.type = PYR_TYPE_INT32};
    pyr_field unsigned_field = {.type = PYR_TYPE_UINT64};
    const pyr_zone some = {.known = true,
                           .has_bounds = true,
                           .exact = true,
                           .null_count = 2,
                           .min = {.i64 = -4},
                           .max = {.i64 = 9}};
    const pyr_zone nulls = {.known = true, .null_count = 5};
    const pyr_zone silent = {.known = true, .null_count = 5}; /* of more rows: there are values */
    pyr_zone_of_none(&zone);
    assert_true(zone.known && zone.exact && !zone.has_bounds && zone.null_count == 0);
    join(&zone, &signed_field, nulls, 5);
    assert_true(zone.known && zone.exact && !zone.has_bounds && zone.null_count == 5);
    join(&zone, &signed_field, some, 100);
    join(&zone, &signed_field, nulls, 5);
    assert_true(zone.known && zone.exact && zone.null_count == 12);
    assert_true(zone.has_bounds && zone.min.i64 == -4 && zone.max.i64 == 9);
    join(&zone, &signed_field, silent, 6);
    assert_false(zone.known);
    pyr_zone_of_none(&zone);
    join(&zone, &unsigned_field, some, 100); /* -4 is the greatest but three there */
    join(&zone, &unsigned_field,
         (pyr_zone){.known = true, .has_bounds = true, .min = {.u64 = 1}, .max = {.u64 = 2}}, 3);
    assert_true(zone.min.u64 == 1 && zone.max.u64 == 9 && !zone.exact);
    join(&zone, &unsigned_field, (pyr_zone){.known = false}, 3);
    assert_false(zone.known);
}

/* An Arrow file whose one batch has this custom_metadata. */
static void write_with_metadata(const char *path, pyr_batch *batch, const char *zones,
                                const char *crc) {
    int fd;
    pyr_ipc_writer *writer;
    pyr_metadata *metadata;
    check_ok(pyr_metadata_create(&metadata, error));
    check_ok(pyr_metadata_add(metadata, PYR_SEGMENT_ZONES_KEY, strlen(PYR_SEGMENT_ZONES_KEY), zones,
                              strlen(zones), error));
    check_ok(pyr_metadata_add(metadata, PYR_SEGMENT_CRC_KEY, strlen(PYR_SEGMENT_CRC_KEY), crc,
                              strlen(crc), error));
    check_ok(pyr_file_create(path, false, &fd, error));
    check_ok(
        pyr_ipc_writer_create(fd, path, batch->schema, PYR_IPC_FILE, NULL, NULL, &writer, error));
    check_ok(pyr_ipc_writer_batch(writer, batch, metadata, error));
    check_ok(pyr_ipc_writer_finish(writer, NULL, error));
    pyr_ipc_writer_destroy(writer);
    pyr_metadata_release(metadata);
    check_ok(pyr_file_close(fd, path, error));
}

static void zones_and_crcs_of_a_foreign_file_neither_crash_nor_mislead(void **state) {
    fixture *f = *state;
    static const char *const zones[] = {"",
                                        "1",
                                        ";;;;;;;",
                                        "1;0,v,00000000000000ff,00000000000000ff,b;0,v,1,2,b",
                                        "1;999999999999999999;0,s,ff",
                                        "1;0,ve,0000000000000000,0000000000000001,b;0;0"};
    static const char *const crcs[] = {"",         "0",        "zzzzzzzz",         "00000000",
                                       "0x000000", "-0000001", "0000000000000000", " 1234567"};
    const char *path = below(f->folder, "hostile.arrow");
    pyr_batch *batch = sample(10);
    for (size_t i = 0; i < 6 * 8; ++i) {
        write_with_metadata(path, batch, zones[i % 6], crcs[i / 6]);
        pyr_segment *segment = open_foreign(path);
        for (int32_t column = 0; column < 3; ++column) {
            pyr_zone zone;
            check_ok(pyr_segment_zone(segment, 0, column, &zone, error));
            assert_false(zone.known); /* also the last, which is well-formed and wrong */
        }
        pyr_batch *read = read_batch(segment, 0);
        assert_true(pyr_array_equal(read->columns[0], batch->columns[0]));
        pyr_batch_release(read);
        assert_int_equal(pyr_segment_verify(segment, &f->error), PYR_ERROR_CORRUPT);
        assert_message_has(&f->error, "segment hostile.arrow: batch 0");
        pyr_segment_release(segment);
    }
    pyr_batch_release(batch);
}

static void verify_finds_a_zone_that_is_not_its_columns(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "zone.arrow");
    pyr_segment *written = write_sample(path, 700);
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    /* The min of column a, 1000 = 0x3e8, becomes 0x3e9. */
    uint8_t *place = memmem(bytes, size, "00000000000003e8", 16);
    assert_non_null(place);
    place[15] = '9';
    write_file(path, bytes, size);
    pyr_segment *segment = open_as(written);
    assert_int_equal(pyr_segment_verify(segment, &f->error), PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, "segment zone.arrow: batch 0: the zone map of column \"a\"");
    free(bytes);
    pyr_segment_release(segment);
    pyr_segment_release(written);
}

/* ---- CRCs. ---- */

/* Two messages, one large of booleans and one small. */
static pyr_segment *write_two_messages(const char *path) {
    pyr_field *field;
    pyr_builder *builder;
    pyr_batch *batches[2];
    check_ok(pyr_field_create("", PYR_TYPE_BOOL, &field, error));
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    const int64_t rows[] = {PYR_SEGMENT_BATCH_ROWS, 300};
    for (int i = 0; i < 2; ++i) {
        pyr_array *array;
        for (int64_t row = 0; row < rows[i]; ++row) {
            check_ok(pyr_builder_int64(builder, row % 3 == 0, error));
        }
        check_ok(pyr_builder_finish(builder, &array, error));
        batches[i] = batch_of_one(array);
    }
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    pyr_segment *segment = write_segment(path, batches, 2, PYR_IPC_UNCOMPRESSED, NULL);
    pyr_batch_release(batches[0]);
    pyr_batch_release(batches[1]);
    return segment;
}

static void body_of(const char *path, size_t index, int64_t *start, int64_t *size) {
    pyr_buffer *bytes;
    pyr_ipc_file *file;
    size_t length;
    uint8_t *data = read_file(path, &length);
    int64_t head;
    check_ok(pyr_buffer_wrap(data, length, data, free, &bytes, error));
    check_ok(pyr_ipc_file_open(bytes, "f", NULL, &file, error));
    pyr_ipc_file_block(file, index, start, &head, size);
    *start += head;
    pyr_ipc_file_release(file);
    pyr_buffer_release(bytes);
}

static void flip(int fd, int64_t position, unsigned bit) {
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, position), 1);
    byte ^= (uint8_t)(1u << bit);
    assert_int_equal(pwrite(fd, &byte, 1, position), 1);
}

static void one_flipped_bit_in_any_body_byte_is_found_and_named(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "flipped.arrow");
    pyr_segment *written = write_two_messages(path);
    check_ok(pyr_segment_verify(written, error));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    for (size_t batch = 0; batch < 2; ++batch) {
        int64_t start;
        int64_t size;
        body_of(path, batch, &start, &size);
        assert_true(size > 0 && start % 64 == 0);
        char named[64];
        (void)snprintf(named, sizeof(named), "segment flipped.arrow: batch %zu: CRC-32C", batch);
        /* Every byte of the small body, padding included; some of the large one. */
        for (int64_t i = 0; i < size; i += batch == 0 ? 1021 : 1) {
            flip(fd, start + i, (unsigned)i % 8);
            pyr_segment *segment = open_as(written);
            assert_int_equal(pyr_segment_verify(segment, &f->error), PYR_ERROR_CORRUPT);
            assert_message_has(&f->error, named);
            pyr_segment_release(segment);
            flip(fd, start + i, (unsigned)i % 8);
        }
    }
    check_ok(pyr_segment_verify(written, error));
    close(fd);
    pyr_segment_release(written);
}

static void
a_crc_that_is_missing_or_garbled_is_damage_where_the_catalog_knows_the_segment(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "crc.arrow");
    pyr_segment *written = write_sample(path, 700);
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    uint8_t *place = memmem(bytes, size, PYR_SEGMENT_CRC_KEY, strlen(PYR_SEGMENT_CRC_KEY));
    assert_non_null(place);
    place[0] = 'q';
    write_file(path, bytes, size);
    pyr_segment *segment = open_as(written);
    assert_int_equal(pyr_segment_verify(segment, &f->error), PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, "segment crc.arrow: batch 0: its CRC-32C is missing");
    pyr_segment_release(segment);
    segment = open_foreign(path);
    check_ok(pyr_segment_verify(segment, error));
    pyr_segment_release(segment);
    free(bytes);
    pyr_segment_release(written);
}

/* Every byte of the file, heads and footer too. */
static void no_flipped_bit_crashes_a_reader(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "any.arrow");
    pyr_segment *written = write_sample(path, 30);
    int64_t size = pyr_segment_get_info(written)->size_bytes;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    for (int64_t i = 0; i < size; ++i) {
        flip(fd, i, (unsigned)i % 8);
        pyr_segment *segment = open_as(written);
        pyr_batch *batch = NULL;
        pyr_zone zone;
        if (pyr_segment_batch(segment, 0, NULL, 0, NULL, NULL, &batch, &f->error) == PYR_OK) {
            check_ok(pyr_batch_validate(batch, PYR_VALIDATE_STRUCTURE, error));
            pyr_batch_release(batch);
        } else {
            assert_null(batch);
            assert_message_has(&f->error, "segment any.arrow");
        }
        if (pyr_segment_verify(segment, &f->error) != PYR_OK) {
            assert_message_has(&f->error, "segment any.arrow");
        }
        if (pyr_segment_zone(segment, 0, 1, &zone, &f->error) != PYR_OK) {
            assert_false(zone.known);
        }
        pyr_segment_release(segment);
        flip(fd, i, (unsigned)i % 8);
    }
    close(fd);
    pyr_segment_release(written);
}

static void a_flipped_offset_is_corrupt_before_anybody_follows_it(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "offsets.arrow");
    pyr_segment *written = write_sample(path, 30);
    pyr_batch *batch = read_batch(written, 0);
    int64_t start;
    int64_t size;
    body_of(path, 0, &start, &size);
    uintptr_t low;
    uintptr_t high;
    assert_true(find_mapping("offsets.arrow", &low, &high));
    int64_t place = (int64_t)((uintptr_t)batch->columns[1]->buffers[1]->data - low);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    flip(fd, place + 4 * 10 + 2, 7); /* offset 10 */
    close(fd);
    pyr_batch_release(batch);
    pyr_segment *segment = open_as(written);
    const int32_t numbers_only[] = {0, 2};
    check_ok(pyr_segment_batch(segment, 0, numbers_only, 2, NULL, NULL, &batch, error));
    pyr_batch_release(batch);
    const int32_t texts[] = {1};
    for (int i = 0; i < 2; ++i) { /* a failure is not remembered as well */
        assert_int_equal(pyr_segment_batch(segment, 0, texts, 1, NULL, NULL, &batch, &f->error),
                         PYR_ERROR_CORRUPT);
        assert_null(batch);
        assert_message_has(&f->error, "segment offsets.arrow: batch 0: column \"b\"");
    }
    pyr_segment_release(segment);
    pyr_segment_release(written);
}

/* ---- Files that are none. ---- */

static void expect_refused(fixture *f, const char *path, pyr_status wanted) {
    const char *name = strrchr(path, '/') + 1;
    for (int i = 0; i < 2; ++i) {
        pyr_segment *segment = i == 0 ? open_foreign(path) : open_trusted(path);
        pyr_schema *schema;
        size_t count;
        pyr_status status = pyr_segment_schema(segment, NULL, &schema, &f->error);
        if (status != wanted) {
            fail_msg("%s: status %d: %s", name, (int)status, f->error.message);
        }
        assert_null(schema);
        assert_int_equal(strncmp(f->error.message, "segment ", 8), 0);
        assert_message_has(&f->error, name);
        assert_int_equal(pyr_segment_batches(segment, NULL, &count, &f->error), wanted);
        assert_int_equal(pyr_segment_verify(segment, &f->error), wanted);
        pyr_segment_release(segment);
    }
}

static void empty_missing_and_odd_files_are_refused_by_name(void **state) {
    fixture *f = *state;
    write_file(below(f->folder, "empty.arrow"), "", 0);
    expect_refused(f, below(f->folder, "empty.arrow"), PYR_ERROR_CORRUPT);
    expect_refused(f, below(f->folder, "missing.arrow"), PYR_ERROR_NOT_FOUND);
    assert_int_equal(mkdir(below(f->folder, "folder.arrow"), 0777), 0);
    expect_refused(f, below(f->folder, "folder.arrow"), PYR_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mkfifo(below(f->folder, "pipe.arrow"), 0666), 0);
    expect_refused(f, below(f->folder, "pipe.arrow"), PYR_ERROR_INVALID_ARGUMENT);
    write_file(below(f->folder, "text.arrow"), "a, b\n1, 2\n3, 4\n5, 6\n", 20);
    expect_refused(f, below(f->folder, "text.arrow"), PYR_ERROR_CORRUPT);
}

static void a_file_cut_anywhere_is_refused_by_name(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "cut.arrow");
    pyr_segment_release(write_sample(path, 20));
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    for (size_t length = 1; length < size; length += 13) {
        write_file(path, bytes, length);
        expect_refused(f, path, PYR_ERROR_CORRUPT);
    }
    free(bytes);
}

static void a_file_that_is_not_the_catalogs_is_refused(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "other.arrow");
    pyr_segment *written = write_sample(path, 700);
    (void)unlink(path);
    pyr_segment *other = write_sample(path, 800);
    pyr_segment *segment = open_as(written);
    pyr_batch *batch;
    assert_int_equal(pyr_segment_batch(segment, 0, NULL, 0, NULL, NULL, &batch, &f->error),
                     PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, "segment other.arrow: ");
    assert_message_has(&f->error, "the catalog says");
    const int32_t columns[] = {3};
    assert_int_equal(pyr_segment_batch(other, 0, columns, 1, NULL, NULL, &batch, &f->error),
                     PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, "segment other.arrow: column 3");
    pyr_segment_release(segment);
    pyr_segment_release(other);
    pyr_segment_release(written);
}

static void a_file_cut_while_it_is_mapped_is_an_io_error_and_the_process_lives(void **state) {
    fixture *f = *state;
    restore_sigbus_handler();
    const char *path = below(f->folder, "vanishing.arrow");
    pyr_segment *written = write_two_messages(path);
    for (int i = 0; i < 5; ++i) {
        pyr_segment *segment = open_as(written);
        pyr_batch *batch = read_batch(segment, 0);
        size_t size;
        uint8_t *bytes = read_file(path, &size);
        assert_int_equal(truncate(path, i % 2 == 0 ? 0 : 4096), 0);
        pyr_batch *second = NULL;
        int64_t rows;
        pyr_zone zone;
        pyr_status status = PYR_OK;
        switch (i) {
        case 0:
        case 1:
            status = pyr_segment_batch(segment, 1, NULL, 0, NULL, NULL, &second, &f->error);
            assert_null(second);
            break;
        case 2:
            status = pyr_segment_batch_rows(segment, 1, &rows, &f->error);
            break;
        case 3:
            status = pyr_segment_zone(segment, 1, 0, &zone, &f->error);
            break;
        default:
            status = pyr_segment_verify(segment, &f->error);
            break;
        }
        assert_int_equal(status, PYR_ERROR_IO);
        assert_string_equal(f->error.sqlstate, "58030");
        assert_int_equal(strncmp(f->error.message, "segment vanishing.arrow", 23), 0);
        /* Who holds a batch sees zeros, and learns it from the check. */
        (void)pyr_array_int64(batch->columns[0], PYR_SEGMENT_BATCH_ROWS - 1);
        assert_int_equal(pyr_batch_check_mappings(batch, &f->error), PYR_ERROR_IO);
        pyr_batch_release(batch);
        pyr_segment_release(segment);
        write_file(path, bytes, size);
        free(bytes);
    }
    check_ok(pyr_segment_verify(written, error)); /* it was never mapped while it was cut */
    pyr_segment_release(written);
}

/* Every third row, so that they must be gathered. */
static pyr_batch *select_some(pyr_batch *batch) {
    int32_t rows[100];
    pyr_buffer *buffer;
    pyr_selection *selection;
    pyr_batch *selected;
    for (int i = 0; i < 100; ++i) {
        rows[i] = i * 3;
    }
    check_ok(pyr_buffer_create(sizeof(rows), NULL, &buffer, error));
    memcpy(pyr_buffer_mutable(buffer), rows, sizeof(rows));
    check_ok(pyr_selection_create(buffer, 100, &selection, error));
    check_ok(pyr_batch_select(batch, selection, &selected, error));
    pyr_selection_release(selection);
    pyr_buffer_release(buffer);
    return selected;
}

/* By reference, joined with others, gathered. */
static void rows_of_a_file_that_is_cut_are_not_appended_as_zeros(void **state) {
    fixture *f = *state;
    restore_sigbus_handler();
    const char *path = below(f->folder, "copy.arrow");
    for (int way = 0; way < 3; ++way) {
        char source_path[512];
        (void)snprintf(source_path, sizeof(source_path), "%s/source%d.arrow", f->folder, way);
        pyr_segment *source = write_two_messages(source_path);
        pyr_batch *batch = read_batch(source, way == 0 ? 0 : 1);
        pyr_batch *given = way == 2 ? select_some(batch) : pyr_batch_retain(batch);
        pyr_segment_writer *writer;
        pyr_segment *copy = NULL;
        check_ok(pyr_segment_writer_create(path, batch->schema, PYR_IPC_UNCOMPRESSED, NULL, &writer,
                                           error));
        assert_int_equal(truncate(source_path, 0), 0);
        pyr_status status = PYR_OK;
        for (int i = 0; i < 2 && status == PYR_OK; ++i) {
            status = pyr_segment_writer_append(writer, given, &f->error);
        }
        if (status == PYR_OK) {
            status = pyr_segment_writer_finish(writer, false, &copy, &f->error);
        }
        assert_int_equal(status, PYR_ERROR_IO);
        pyr_segment_writer_destroy(writer);
        assert_false(file_exists(path));
        pyr_batch_release(given);
        pyr_batch_release(batch);
        pyr_segment_release(source);
    }
}

/* ---- Foreign files. ---- */

static pyr_batch *dictionary_batch(void) {
    const char *const values[] = {"red", "green", "blue"};
    pyr_array *dictionary = strings(PYR_TYPE_UTF8, values, 3);
    pyr_array *indices = numbers(0, 3, 0);
    pyr_array *array;
    pyr_field *field;
    check_ok(
        pyr_field_create_dictionary("", PYR_TYPE_INT64, false, dictionary->field, &field, error));
    check_ok(
        pyr_array_create(field, 3, 0, 0, indices->buffers, 2, NULL, 0, dictionary, &array, error));
    pyr_field_release(field);
    pyr_array_release(indices);
    pyr_array_release(dictionary);
    return batch_of_one(array);
}

static void write_foreign(const char *path, pyr_batch *batch, pyr_ipc_compression compression) {
    int fd;
    pyr_ipc_writer *writer;
    pyr_ipc_write_options options = {.compression = compression, .alignment = 8};
    check_ok(pyr_file_create(path, false, &fd, error));
    check_ok(pyr_ipc_writer_create(fd, path, batch->schema, PYR_IPC_FILE, &options, NULL, &writer,
                                   error));
    check_ok(pyr_ipc_writer_batch(writer, batch, NULL, error));
    check_ok(pyr_ipc_writer_batch(writer, batch, NULL, error));
    check_ok(pyr_ipc_writer_finish(writer, NULL, error));
    pyr_ipc_writer_destroy(writer);
    check_ok(pyr_file_close(fd, path, error));
}

static void foreign_files_open_compressed_ones_and_dictionaries_too(void **state) {
    fixture *f = *state;
    static const pyr_ipc_compression compressions[] = {PYR_IPC_UNCOMPRESSED, PYR_IPC_LZ4_FRAME,
                                                       PYR_IPC_ZSTD};
    const char *path = below(f->folder, "foreign.arrow");
    for (int i = 0; i < 6; ++i) {
        pyr_batch *batch = i < 3 ? sample(5000) : dictionary_batch();
        write_foreign(path, batch, compressions[i % 3]);
        pyr_segment *segment = open_foreign(path);
        size_t count;
        check_ok(pyr_segment_batches(segment, NULL, &count, error));
        assert_int_equal(count, 2);
        pyr_query_ledger ledger;
        pyr_ledger_init(&ledger);
        pyr_batch *read;
        check_ok(pyr_segment_batch(segment, 1, NULL, 0, &ledger, NULL, &read, error));
        assert_true(pyr_batch_equal(read, batch));
        assert_true(i >= 3 || (ledger.bytes_decoded > 0) == (i > 0));
        pyr_zone zone;
        check_ok(pyr_segment_zone(segment, 0, 0, &zone, error));
        assert_false(zone.known);
        check_ok(pyr_segment_verify(segment, error));
        pyr_batch_release(read);
        pyr_batch_release(batch);
        pyr_segment_release(segment);
    }
}

static void a_foreign_file_that_counts_its_nulls_wrong_is_corrupt(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "nulls.arrow");
    pyr_array *array = numbers(0, 100, 10);
    atomic_store(&array->null_count, 99);
    pyr_batch *batch = batch_of_one(array);
    write_foreign(path, batch, PYR_IPC_UNCOMPRESSED);
    pyr_segment *segment = open_foreign(path);
    pyr_batch *read;
    assert_int_equal(pyr_segment_batch(segment, 0, NULL, 0, NULL, NULL, &read, &f->error),
                     PYR_ERROR_CORRUPT);
    pyr_segment_release(segment);
    pyr_batch_release(batch);
}

/* Every file of the conformance corpus, as `FROM 'x.arrow'` opens it. */
static int read_tree(fixture *f, const char *path) {
    int files = 0;
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char child[1024];
        (void)snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        const char *dot = strrchr(entry->d_name, '.');
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (dot == NULL || strcmp(dot, ".arrow_file") != 0) {
            files += read_tree(f, child); /* nothing where it is no folder */
            continue;
        }
        pyr_segment *segment = open_foreign(child);
        size_t count;
        check_ok(pyr_segment_batches(segment, NULL, &count, error));
        for (size_t i = 0; i < count; ++i) {
            pyr_batch *batch = read_batch(segment, i);
            check_ok(pyr_batch_validate(batch, PYR_VALIDATE_FULL, error));
            pyr_batch_release(batch);
        }
        check_ok(pyr_segment_verify(segment, error));
        pyr_segment_release(segment);
        ++files;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return files;
}

static void every_file_of_the_conformance_corpus_opens(void **state) {
    fixture *f = *state;
    const char *corpora = getenv("PYRALOG_CORPORA");
    int files = corpora != NULL ? read_tree(f, below(corpora, "arrow-ipc/golden")) : 0;
    if (files == 0) {
        print_message("skipped: PYRALOG_CORPORA has no arrow-ipc/golden\n");
        skip();
    }
    assert_true(files > 20);
}

static void one_flipped_bit_in_a_dictionary_is_found_and_named(void **state) {
    fixture *f = *state;
    const char *path = below(f->folder, "colours.arrow");
    pyr_batch *batch = dictionary_batch();
    pyr_segment *written = write_segment(path, &batch, 1, PYR_IPC_UNCOMPRESSED, NULL);
    check_ok(pyr_segment_verify(written, error));
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    uint8_t *place = memmem(bytes, size, "redgreenblue", 12);
    assert_non_null(place);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    flip(fd, place - bytes, 1); /* still UTF-8 */
    close(fd);
    pyr_segment *segment = open_as(written);
    assert_int_equal(pyr_segment_verify(segment, &f->error), PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, "segment colours.arrow: dictionary 0: CRC-32C");
    free(bytes);
    pyr_segment_release(segment);
    pyr_segment_release(written);
    pyr_batch_release(batch);
}

/* ---- Threads. ---- */

typedef struct reader {
    pthread_t thread;
    pyr_segment *segment;
    int64_t sum;
} reader;

static void *read_all(void *argument) {
    reader *self = argument;
    static const int32_t orders[][2] = {{1, 2}, {2, 1}};
    for (int i = 0; i < 20; ++i) {
        pyr_batch *batch = NULL;
        int way = i % 3; /* the third: all columns */
        if (pyr_segment_batch(self->segment, 0, way < 2 ? orders[way] : NULL, way < 2 ? 2 : 0, NULL,
                              NULL, &batch, NULL) != PYR_OK) {
            return NULL;
        }
        size_t size;
        (void)pyr_array_bytes(batch->columns[way == 0 ? 0 : 1], i, &size);
        self->sum += pyr_array_int64(batch->columns[way == 1   ? 0
                                                    : way == 0 ? 1
                                                               : 2],
                                     i) +
                     (int64_t)size;
        pyr_batch_release(batch);
    }
    return NULL;
}

static void threads_may_open_and_read_one_segment_at_once(void **state) {
    fixture *f = *state;
    pyr_segment *written = write_sample(below(f->folder, "shared.arrow"), 2000);
    pyr_segment *segment = open_as(written);
    reader readers[4];
    for (int i = 0; i < 4; ++i) {
        readers[i] = (reader){.segment = segment};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
    }
    for (int i = 0; i < 4; ++i) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].sum, 20 * 20 + 20 * -5 + 190);
    }
    pyr_segment_release(segment);
    pyr_segment_release(written);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    note_sigbus_handler();
    const struct CMUnitTest tests[] = {
        TEST(sliced_projected_and_exported_columns_point_into_the_mapping),
        TEST(buffers_of_a_segment_are_aligned_to_64_bytes),
        TEST(the_ledger_counts_the_mapping_once_and_scanned_columns_only),
        TEST(columns_are_read_once_and_shared),
        TEST(no_columns_have_the_batchs_rows),
        TEST(what_was_decompressed_is_no_segments_to_keep),
        TEST(a_batch_outlives_its_segment_and_its_files_name),
        TEST(memory_segments_are_mapped_memfds_that_nobody_can_cut),
        TEST(zones_are_found_in_the_segment_that_was_written),
        TEST(zones_of_batches_are_joined_to_the_segments),
        TEST(zones_and_crcs_of_a_foreign_file_neither_crash_nor_mislead),
        TEST(verify_finds_a_zone_that_is_not_its_columns),
        TEST(one_flipped_bit_in_any_body_byte_is_found_and_named),
        TEST(a_crc_that_is_missing_or_garbled_is_damage_where_the_catalog_knows_the_segment),
        TEST(no_flipped_bit_crashes_a_reader),
        TEST(a_flipped_offset_is_corrupt_before_anybody_follows_it),
        TEST(empty_missing_and_odd_files_are_refused_by_name),
        TEST(a_file_cut_anywhere_is_refused_by_name),
        TEST(a_file_that_is_not_the_catalogs_is_refused),
        TEST(a_file_cut_while_it_is_mapped_is_an_io_error_and_the_process_lives),
        TEST(rows_of_a_file_that_is_cut_are_not_appended_as_zeros),
        TEST(foreign_files_open_compressed_ones_and_dictionaries_too),
        TEST(a_foreign_file_that_counts_its_nulls_wrong_is_corrupt),
        TEST(every_file_of_the_conformance_corpus_opens),
        TEST(one_flipped_bit_in_a_dictionary_is_found_and_named),
        TEST(threads_may_open_and_read_one_segment_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
