/* Bytes from outside that are broken: an error or a sound result, never a crash, hang or leak. */
#include "unit/arrow/support_ipc.h"
#include "unit/arrow/support_ipc_tables.h"

#include "base/cursor.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pyr_ipc_limits small_limits(void) {
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    limits.decoded_bytes_max = 64 << 20;
    limits.rows_max = 1 << 16;
    return limits;
}

static void use_table(ipc_table *table) {
    for (size_t i = 0; i < table->batches_count; ++i) {
        ipc_use(table->batches[i]);
    }
    ipc_table_deinit(table);
}

/* Messages by hand, as Flight hands them over. */
static void feed_decoder(pyr_buffer *bytes) {
    pyr_error error;
    pyr_ipc_decoder *decoder;
    pyr_ipc_limits limits = small_limits();
    ipc_must(pyr_ipc_decoder_create(&limits, PYR_VALIDATE_FULL, NULL, NULL, &decoder, &error),
             &error);
    size_t position = 0;
    pyr_status status = PYR_OK;
    while (status == PYR_OK && bytes->size_bytes - position > 8) {
        uint32_t length = pyr_load_u32(bytes->data + position + 4);
        position += 8;
        if (length == 0 || length > bytes->size_bytes - position) {
            break;
        }
        pyr_buffer *metadata = ipc_exact_copy(bytes->data + position, length);
        position += length;
        pyr_ipc_message_type type;
        int64_t body_bytes;
        status = pyr_ipc_message_peek(metadata->data, length, &limits, &type, &body_bytes, &error);
        pyr_buffer *body = NULL;
        if (status == PYR_OK && (uint64_t)body_bytes <= bytes->size_bytes - position) {
            /* Misaligned on purpose in every second message. */
            body = ipc_exact_copy(bytes->data + position, (size_t)body_bytes);
            position += (size_t)body_bytes;
            pyr_batch *batch;
            status = pyr_ipc_decode(decoder, metadata, body, &batch, &error);
            if (status == PYR_OK && batch != NULL) {
                ipc_use(batch);
                pyr_batch_release(batch);
            }
        } else {
            status = PYR_ERROR_CORRUPT;
        }
        pyr_buffer_release(body);
        pyr_buffer_release(metadata);
    }
    pyr_ipc_decoder_destroy(decoder);
}

static bool try_everything(const uint8_t *data, size_t size_bytes) {
    pyr_error error;
    pyr_ipc_limits limits = small_limits();
    ipc_table table;
    pyr_buffer *bytes = ipc_exact_copy(data, size_bytes);
    bool accepted = false;
    if (ipc_read_file(bytes, &limits, &table, &error) == PYR_OK) {
        accepted = true;
        use_table(&table);
    } else {
        assert_true(error.message[0] != '\0');
    }
    if (ipc_read_stream(bytes, &limits, &table, &error) == PYR_OK) {
        accepted = true;
        use_table(&table);
    } else {
        assert_true(error.message[0] != '\0');
    }
    feed_decoder(bytes);
    pyr_buffer_release(bytes);
    return accepted;
}

static int try_folder(const char *folder, int *accepted) {
    int count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char path[4096];
        char *data;
        size_t size_bytes;
        pyr_error error;
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ipc_must(pyr_file_read_all(path, 1 << 24, &data, &size_bytes, &error), &error);
        *accepted += try_everything((const uint8_t *)data, size_bytes);
        free(data);
        ++count;
    }
    closedir(directory);
    return count;
}

static void inputs_that_once_broke_a_reader_do_not_break_this_one(void **state) {
    (void)state;
    const char *corpora = ipc_corpora();
    if (corpora == NULL) {
        skip();
    }
    char path[4096];
    int accepted = 0;
    snprintf(path, sizeof path, "%s/arrow-ipc/fuzz/arrow-ipc-file", corpora);
    int files = try_folder(path, &accepted);
    snprintf(path, sizeof path, "%s/arrow-ipc/fuzz/arrow-ipc-stream", corpora);
    int streams = try_folder(path, &accepted);
    printf("%d files, %d streams, %d accepted as sound\n", files, streams, accepted);
    assert_true(files > 30 && streams > 30);
    assert_true(accepted < (files + streams) / 2);
}

/* ---- A small valid file, cut and flipped ---- */

/* Five rows of a string, a view, a list and a dictionary column. */
static pyr_buffer *small_table(pyr_ipc_framing framing, pyr_ipc_compression compression) {
    enum { ROWS = 5 };
    pyr_error error;
    pyr_field *fields[4] = {ipc_field("name", PYR_TYPE_UTF8), ipc_field("view", PYR_TYPE_UTF8_VIEW),
                            ipc_list_field("list", PYR_TYPE_LIST, PYR_TYPE_INT32),
                            ipc_dictionary_field("code")};
    pyr_array *columns[4] = {ipc_strings(fields[0], 0, ROWS, true),
                             ipc_strings(fields[1], 0, ROWS, true), ipc_lists(fields[2], ROWS),
                             ipc_codes(fields[3], ROWS, 0, 4)};
    pyr_batch *batch = ipc_batch(fields, columns, 4);
    pyr_buffer *bytes;
    pyr_ipc_write_options options = {.compression = compression, .allow_replacement = true};
    ipc_must(ipc_write(batch->schema, &batch, 1, framing, &options, NULL, &bytes, &error), &error);
    pyr_batch_release(batch);
    return bytes;
}

static const struct {
    pyr_ipc_framing framing;
    pyr_ipc_compression compression;
} kinds[] = {{PYR_IPC_FILE, PYR_IPC_UNCOMPRESSED},
             {PYR_IPC_FILE, PYR_IPC_LZ4_FRAME},
             {PYR_IPC_STREAM, PYR_IPC_UNCOMPRESSED},
             {PYR_IPC_STREAM, PYR_IPC_ZSTD}};

static void a_cut_file_is_refused_at_every_length(void **state) {
    (void)state;
    pyr_error error;
    pyr_ipc_limits limits = small_limits();
    for (size_t k = 0; k < 2; ++k) {
        pyr_buffer *bytes = small_table(kinds[k].framing, kinds[k].compression);
        for (size_t length = 0; length < bytes->size_bytes; ++length) {
            ipc_table table;
            pyr_buffer *cut = ipc_exact_copy(bytes->data, length);
            assert_int_equal(ipc_read_file(cut, &limits, &table, &error), PYR_ERROR_CORRUPT);
            assert_non_null(strstr(error.message, "test.arrow"));
            pyr_buffer_release(cut);
        }
        pyr_buffer_release(bytes);
    }
}

static void a_cut_stream_ends_or_is_refused_at_every_length(void **state) {
    (void)state;
    pyr_error error;
    pyr_ipc_limits limits = small_limits();
    for (size_t k = 2; k < 4; ++k) {
        pyr_buffer *bytes = small_table(kinds[k].framing, kinds[k].compression);
        int whole = 0;
        for (size_t length = 0; length < bytes->size_bytes; ++length) {
            ipc_table table;
            pyr_buffer *cut = ipc_exact_copy(bytes->data, length);
            if (ipc_read_stream(cut, &limits, &table, &error) == PYR_OK) {
                ++whole;
                use_table(&table);
            } else {
                assert_int_equal(error.code, PYR_ERROR_CORRUPT);
            }
            pyr_buffer_release(cut);
        }
        /* Only at the three borders of messages (the fourth is the end). */
        assert_int_equal(whole, 3);
        pyr_buffer_release(bytes);
    }
}

static void no_flipped_byte_breaks_a_reader(void **state) {
    (void)state;
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; ++k) {
        pyr_buffer *bytes = small_table(kinds[k].framing, kinds[k].compression);
        uint8_t *copy = malloc(bytes->size_bytes);
        assert_non_null(copy);
        memcpy(copy, bytes->data, bytes->size_bytes);
        int accepted = 0;
        for (size_t i = 0; i < bytes->size_bytes; ++i) {
            for (size_t m = 0; m < sizeof masks; ++m) {
                copy[i] ^= masks[m];
                accepted += try_everything(copy, bytes->size_bytes);
                copy[i] ^= masks[m];
            }
        }
        assert_true(accepted > 0); /* padding, and values that are as good as others */
        free(copy);
        pyr_buffer_release(bytes);
    }
}

static void limits_are_kept(void **state) {
    (void)state;
    pyr_error error;
    ipc_table table;
    pyr_buffer *bytes = small_table(PYR_IPC_FILE, PYR_IPC_LZ4_FRAME);
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    limits.rows_max = 4;
    assert_int_equal(ipc_read_file(bytes, &limits, &table, &error), PYR_ERROR_LIMIT);
    limits = pyr_ipc_limits_default();
    limits.metadata_bytes_max = 100;
    assert_int_equal(ipc_read_file(bytes, &limits, &table, &error), PYR_ERROR_LIMIT);
    limits = pyr_ipc_limits_default();
    limits.body_bytes_max = 64;
    assert_int_equal(ipc_read_file(bytes, &limits, &table, &error), PYR_ERROR_LIMIT);
    limits = pyr_ipc_limits_default();
    limits.decoded_bytes_max = 30;
    assert_int_equal(ipc_read_file(bytes, &limits, &table, &error), PYR_ERROR_LIMIT);
    limits = pyr_ipc_limits_default();
    limits.depth_max = 1;
    assert_int_equal(ipc_read_file(bytes, &limits, &table, &error), PYR_ERROR_LIMIT);
    limits.depth_max = 2;
    ipc_must(ipc_read_file(bytes, &limits, &table, &error), &error);
    ipc_table_deinit(&table);
    pyr_buffer_release(bytes);
}

/* A message that announces more than arrives: an error, and no memory taken for the promise. */
static void a_descriptor_that_ends_early_is_an_error(void **state) {
    (void)state;
    pyr_error error;
    pyr_buffer *bytes = small_table(PYR_IPC_STREAM, PYR_IPC_UNCOMPRESSED);
    for (size_t length = 0; length < bytes->size_bytes; length += 40) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], bytes->data, length), length);
        close(ends[1]);
        pyr_stream *stream;
        pyr_status status = pyr_ipc_stream_open_fd(ends[0], "pipe", NULL, PYR_VALIDATE_FULL, NULL,
                                                   NULL, &stream, &error);
        pyr_batch *batch = NULL;
        while (status == PYR_OK) {
            status = pyr_stream_next(stream, &batch, &error);
            if (batch == NULL) {
                pyr_stream_destroy(stream);
                break;
            }
            pyr_batch_release(batch);
        }
        if (status != PYR_OK) {
            assert_int_equal(status, PYR_ERROR_CORRUPT);
            assert_non_null(strstr(error.message, "pipe"));
        }
        close(ends[0]);
    }
    pyr_buffer_release(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_that_once_broke_a_reader_do_not_break_this_one),
        cmocka_unit_test(a_cut_file_is_refused_at_every_length),
        cmocka_unit_test(a_cut_stream_ends_or_is_refused_at_every_length),
        cmocka_unit_test(no_flipped_byte_breaks_a_reader),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_descriptor_that_ends_early_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
