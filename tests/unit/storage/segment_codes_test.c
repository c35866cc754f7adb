/* segment_codes_test.c - numbers beside texts: for which columns they are made, that they stand for
 * the texts, that other readers see nothing of them, and what is refused of a damaged file. */
#include "support_storage.h"

#include "base/crc32c.h"
#include "storage/storage_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Row i: text (i + i / distinct * 3) % distinct, or where null_every divides i a null. */
static pyr_array *repeating(int64_t rows, int64_t distinct, int64_t null_every) {
    char(*texts)[40] = calloc((size_t)distinct, sizeof(*texts));
    const char **values = calloc((size_t)rows, sizeof(*values));
    for (int64_t i = 0; i < distinct; ++i) {
        snprintf(texts[i], sizeof(texts[i]), "%.*s%lld", (int)(i % 12), "abcdefghijklmnop",
                 (long long)i);
    }
    for (int64_t i = 0; i < rows; ++i) {
        bool null = null_every > 0 && i % null_every == 0;
        values[i] = null ? NULL : texts[(i + i / distinct * 3) % distinct];
    }
    pyr_array *array = strings(PYR_TYPE_UTF8, values, rows);
    free(values);
    free(texts);
    return array;
}

static void assert_stand_for(const pyr_codes *codes, const pyr_array *array) {
    assert_int_equal(codes->rows, array->length);
    assert_true(pyr_segment_codes_hold(codes, array));
    for (int32_t number = 1; number < codes->count; ++number) {
        for (int32_t other = 0; other < number; ++other) { /* a text has but one number */
            int64_t a = pyr_codes_first(codes, (uint32_t)number);
            int64_t b = pyr_codes_first(codes, (uint32_t)other);
            size_t a_bytes = 0;
            size_t b_bytes = 0;
            const uint8_t *a_text =
                pyr_array_is_null(array, a) ? NULL : pyr_array_bytes(array, a, &a_bytes);
            const uint8_t *b_text =
                pyr_array_is_null(array, b) ? NULL : pyr_array_bytes(array, b, &b_bytes);
            assert_false((a_text == NULL) == (b_text == NULL) && a_bytes == b_bytes &&
                         (a_bytes == 0 || memcmp(a_text, b_text, a_bytes) == 0));
        }
    }
}

static void texts_that_repeat_are_numbered(void **state) {
    (void)state;
    static const struct {
        int64_t rows, distinct, null_every;
        int32_t width; /* 0: none */
    } cases[] = {
        {1024, 1, 0, 1},   {1024, 128, 0, 1},  {1024, 129, 0, 0},    {1023, 2, 0, 0},
        {5000, 255, 3, 1}, {5000, 256, 3, 2},  {5000, 257, 0, 2},    {20000, 1300, 0, 2},
        {20000, 1, 1, 1},  {9000, 9000, 0, 0}, {122880, 8192, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_array *array = repeating(cases[i].rows, cases[i].distinct, cases[i].null_every);
        pyr_codes *codes;
        check_ok(pyr_segment_number_texts(array, &codes, error));
        assert_int_equal(codes != NULL ? codes->width_bytes : 0, cases[i].width);
        if (codes != NULL) {
            assert_stand_for(codes, array);
        }
        pyr_codes_release(codes);
        pyr_array_release(array);
    }
    pyr_array *others = numbers(0, 5000, 0);
    pyr_codes *codes;
    check_ok(pyr_segment_number_texts(others, &codes, error));
    assert_null(codes);
    pyr_array_release(others);
}

/* a: numbers, b: few texts, c: many, d: few with nulls. */
static pyr_batch *sample(int64_t rows) {
    pyr_array *columns[] = {numbers(0, rows, 0), repeating(rows, 300, 0), long_strings(rows, 12),
                            repeating(rows, 9, 5)};
    return rows_batch_of(columns, 4);
}

static pyr_segment *write_sample(const char *path, int64_t rows, pyr_ipc_compression compression) {
    pyr_batch *batch = sample(rows);
    pyr_segment *segment = write_segment(path, &batch, 1, compression, NULL);
    pyr_batch_release(batch);
    return segment;
}

static void a_column_brings_its_codes_from_the_mapping(void **state) {
    const char *folder = *state;
    pyr_segment *segment = write_sample(below(folder, "coded.arrow"), 6000, PYR_IPC_UNCOMPRESSED);
    const int32_t wanted[] = {3, 2, 1};
    for (int round = 0; round < 2; ++round) { /* the second time from what is kept */
        pyr_batch *batch;
        check_ok(pyr_segment_batch(segment, 0, wanted, 3, NULL, NULL, &batch, error));
        assert_null(batch->columns[1]->codes);
        assert_stand_for(batch->columns[0]->codes, batch->columns[0]);
        assert_stand_for(batch->columns[2]->codes, batch->columns[2]);
        assert_int_equal(batch->columns[0]->codes->count, 10);
        assert_int_equal(batch->columns[0]->codes->width_bytes, 1);
        assert_int_equal(batch->columns[2]->codes->count, 300);
        assert_int_equal(batch->columns[2]->codes->width_bytes, 2);
        assert_ptr_equal(batch->columns[2]->codes->numbers->mapping,
                         batch->columns[2]->buffers[2]->mapping);
        assert_non_null(batch->columns[2]->codes->numbers->mapping);
        pyr_array *slice;
        check_ok(pyr_array_slice(batch->columns[2], 1000, 50, &slice, error));
        assert_ptr_equal(slice->codes, batch->columns[2]->codes);
        pyr_array_release(slice);
        pyr_batch_release(batch);
    }
    check_ok(pyr_segment_verify(segment, error));
    static const int32_t counts[] = {0, 300, 0, 10};
    for (int32_t i = 0; i < 4; ++i) { /* by the head alone */
        int32_t count = -1;
        check_ok(pyr_segment_numbered_texts(segment, 0, i, &count, error));
        assert_int_equal(count, counts[i]);
    }
    pyr_segment_release(segment);
}

static void other_readers_see_the_columns_alone(void **state) {
    const char *folder = *state;
    pyr_segment *segment = write_sample(below(folder, "plain.arrow"), 6000, PYR_IPC_UNCOMPRESSED);
    pyr_segment_release(segment);
    pyr_segment *foreign = open_foreign(below(folder, "plain.arrow"));
    pyr_batch *batch = read_batch(foreign, 0);
    pyr_batch *same = sample(6000);
    assert_true(pyr_batch_equal(batch, same));
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        assert_null(batch->columns[i]->codes); /* nor are they believed */
    }
    pyr_batch_release(batch);
    pyr_batch_release(same);
    pyr_segment_release(foreign);
}

static void compressed_texts_are_not_numbered(void **state) {
    const char *folder = *state;
    pyr_segment *segments[] = {write_sample(below(folder, "lz4.arrow"), 6000, PYR_IPC_LZ4_FRAME),
                               write_sample(NULL, 6000, PYR_IPC_UNCOMPRESSED)};
    for (int i = 0; i < 2; ++i) {
        const int32_t wanted[] = {1};
        pyr_batch *batch;
        check_ok(pyr_segment_batch(segments[i], 0, wanted, 1, NULL, NULL, &batch, error));
        assert_int_equal(batch->columns[0]->codes != NULL, i == 1);
        pyr_batch_release(batch);
        pyr_segment_release(segments[i]);
    }
}

/* ---- Damage. ---- */

static uint8_t *find(uint8_t *bytes, size_t size_bytes, const char *text) {
    uint8_t *at = memmem(bytes, size_bytes, text, strlen(text));
    assert_non_null(at);
    return at;
}

static pyr_status read_all(const char *path, pyr_error *error) {
    pyr_segment *segment = open_trusted(path);
    pyr_batch *batch = NULL;
    const int32_t wanted[] = {1, 3};
    pyr_status status = pyr_segment_batch(segment, 0, wanted, 2, NULL, NULL, &batch, error);
    pyr_batch_release(batch);
    pyr_segment_release(segment);
    return status;
}

static void what_does_not_number_rows_is_corrupt(void **state) {
    const char *folder = *state;
    const char *path = below(folder, "damaged.arrow");
    pyr_segment_release(write_sample(path, 6000, PYR_IPC_UNCOMPRESSED));
    size_t size_bytes;
    uint8_t *whole = read_file(path, &size_bytes);
    /* The key's value, as it is written of these columns. */
    const char *key = "1;1,2,300,19328;3,1,10,6080";
    static const char *const others[] = {
        "1;1,2,300,99999;3,1,10,6080", /* in front of the body */
        "1;1,2,300,00048;3,1,10,6080", /* not so many bytes */
        "1;1,2,301,19328;3,1,10,6080", /* a first too many */
        "1;1,1,300,19328;3,1,10,6080", /* not so many fit a byte */
        "1;1,3,300,19328;3,1,10,6080", "1;1,2,000,19328;3,1,10,6080",
        "1;1,2,200,19328;3,1,10,6080", /* numbers beyond */
        "1;1,2,300,19264;3,1,10,6080", /* others' numbers */
        "1;1,2,300,19328,3,1,10,6080", "2;1,2,300,19328;3,1,10,6080",
        "1;1,2,3 0,19328;3,1,10,6080", "1;1,2,300,-9648;3,1,10,6080",
        "1;1,2,300,19329;3,1,10,6080", /* not where such numbers may lie */
    };
    (void)find(whole, size_bytes, key);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); ++i) {
        uint8_t *bytes = malloc(size_bytes);
        memcpy(bytes, whole, size_bytes);
        assert_int_equal(strlen(others[i]), strlen(key));
        memcpy(find(bytes, size_bytes, key), others[i], strlen(key));
        write_file(path, bytes, size_bytes);
        pyr_error error;
        if (read_all(path, &error) != PYR_ERROR_CORRUPT) {
            fail_msg("%s was read", others[i]);
        }
        assert_message_has(&error, "damaged.arrow");
        pyr_segment *segment = open_trusted(path);
        assert_int_equal(pyr_segment_verify(segment, &error), PYR_ERROR_CORRUPT);
        pyr_segment_release(segment);
        free(bytes);
    }
    free(whole);
}

/* A number that stands for another text, and the CRC made right: nothing but verify can tell. */
static void verify_holds_numbers_against_texts(void **state) {
    const char *folder = *state;
    const char *path = below(folder, "swapped.arrow");
    pyr_segment_release(write_sample(path, 6000, PYR_IPC_UNCOMPRESSED));
    size_t size_bytes;
    uint8_t *bytes = read_file(path, &size_bytes);
    pyr_error wrong;
    pyr_ipc_file *file;
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    check_ok(pyr_ipc_file_open_path(path, &limits, &file, error));
    int64_t offset;
    int64_t metadata_bytes;
    int64_t body_bytes;
    pyr_ipc_file_block(file, 0, &offset, &metadata_bytes, &body_bytes);
    pyr_ipc_file_release(file);
    uint8_t *body = bytes + offset + metadata_bytes;
    char digits[9];
    snprintf(digits, sizeof(digits), "%08x", pyr_crc32c(0, body, (size_t)body_bytes));
    uint8_t *crc = find(bytes, size_bytes, digits);
    uint8_t *numbers = body + body_bytes - 6080;
    numbers[5999] = (uint8_t)((numbers[5999] + 1) % 10);
    snprintf(digits, sizeof(digits), "%08x", pyr_crc32c(0, body, (size_t)body_bytes));
    memcpy(crc, digits, 8);
    write_file(path, bytes, size_bytes);
    free(bytes);
    check_ok(read_all(path, error));
    pyr_segment *segment = open_trusted(path);
    assert_int_equal(pyr_segment_verify(segment, &wrong), PYR_ERROR_CORRUPT);
    assert_message_has(&wrong, "codes of column \"d\"");
    pyr_segment_release(segment);
}

/* The columns stand in front of their numbers: those alone are gone. */
static void numbers_of_a_file_that_is_cut_are_an_io_error(void **state) {
    const char *folder = *state;
    restore_sigbus_handler();
    const char *path = below(folder, "vanishing.arrow");
    pyr_segment_release(write_sample(path, 6000, PYR_IPC_UNCOMPRESSED));
    size_t size_bytes;
    uint8_t *bytes = read_file(path, &size_bytes);
    for (int way = 0; way < 2; ++way) {
        pyr_segment *segment = open_trusted(path);
        const int32_t wanted[] = {3};
        pyr_batch *batch = NULL;
        int64_t rows;
        pyr_error wrong;
        check_ok(pyr_segment_batch_rows(segment, 0, &rows, error)); /* it is mapped */
        assert_int_equal(truncate(path, (off_t)((size_bytes - 8192) & ~(size_t)4095)), 0);
        pyr_status status =
            way == 0 ? pyr_segment_batch(segment, 0, wanted, 1, NULL, NULL, &batch, &wrong)
                     : pyr_segment_verify(segment, &wrong);
        assert_int_equal(status, PYR_ERROR_IO);
        assert_message_has(&wrong, "vanishing.arrow");
        assert_null(batch);
        pyr_segment_release(segment);
        write_file(path, bytes, size_bytes);
    }
    free(bytes);
}

int main(void) {
    note_sigbus_handler();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_repeat_are_numbered),
        cmocka_unit_test_setup_teardown(a_column_brings_its_codes_from_the_mapping, folder_set_up,
                                        folder_tear_down),
        cmocka_unit_test_setup_teardown(other_readers_see_the_columns_alone, folder_set_up,
                                        folder_tear_down),
        cmocka_unit_test_setup_teardown(compressed_texts_are_not_numbered, folder_set_up,
                                        folder_tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_number_rows_is_corrupt, folder_set_up,
                                        folder_tear_down),
        cmocka_unit_test_setup_teardown(numbers_of_a_file_that_is_cut_are_an_io_error,
                                        folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(verify_holds_numbers_against_texts, folder_set_up,
                                        folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
