/* support_ipc.c - see support_ipc.h. */
#include "unit/arrow/support_ipc.h"

#include "arrow/builder.h"
#include "base/mapping.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void ipc_must(pyr_status status, const pyr_error *error) {
    if (status != PYR_OK) {
        fail_msg("%s: %s", pyr_status_name(status), error->message);
    }
}

void ipc_table_deinit(ipc_table *table) {
    for (size_t i = 0; i < table->batches_count; ++i) {
        pyr_batch_release(table->batches[i]);
    }
    free(table->batches);
    pyr_schema_release(table->schema);
    memset(table, 0, sizeof *table);
}

static void push(ipc_table *table, pyr_batch *batch) {
    table->batches = realloc(table->batches, (table->batches_count + 1) * sizeof *table->batches);
    assert_non_null(table->batches);
    table->batches[table->batches_count++] = batch;
}

pyr_status ipc_read_file(pyr_buffer *bytes, const pyr_ipc_limits *limits, ipc_table *out,
                         pyr_error *error) {
    memset(out, 0, sizeof *out);
    pyr_ipc_file *file;
    PYR_TRY(pyr_ipc_file_open(bytes, "test.arrow", limits, &file, error));
    out->schema = pyr_schema_retain(pyr_ipc_file_schema(file));
    pyr_status status = PYR_OK;
    for (size_t i = 0; i < pyr_ipc_file_batches(file) && status == PYR_OK; ++i) {
        pyr_batch *batch;
        status = pyr_ipc_file_batch(file, i, NULL, 0, PYR_VALIDATE_FULL, NULL, NULL, &batch, error);
        if (status == PYR_OK) {
            push(out, batch);
        }
    }
    pyr_ipc_file_release(file);
    if (status != PYR_OK) {
        ipc_table_deinit(out);
    }
    return status;
}

pyr_status ipc_read_stream(pyr_buffer *bytes, const pyr_ipc_limits *limits, ipc_table *out,
                           pyr_error *error) {
    memset(out, 0, sizeof *out);
    pyr_stream *stream;
    PYR_TRY(pyr_ipc_stream_open(bytes, "test.arrows", limits, PYR_VALIDATE_FULL, NULL, NULL,
                                &stream, error));
    out->schema = pyr_schema_retain(stream->schema);
    pyr_status status;
    pyr_batch *batch;
    while ((status = pyr_stream_next(stream, &batch, error)) == PYR_OK && batch != NULL) {
        push(out, batch);
    }
    pyr_stream_destroy(stream);
    if (status != PYR_OK) {
        ipc_table_deinit(out);
    }
    return status;
}

pyr_status ipc_write(pyr_schema *schema, pyr_batch *const *batches, size_t count,
                     pyr_ipc_framing framing, const pyr_ipc_write_options *options,
                     pyr_query_ledger *ledger, pyr_buffer **out, pyr_error *error) {
    *out = NULL;
    int fd = memfd_create("ipc_test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    pyr_ipc_writer *writer = NULL;
    pyr_status status =
        pyr_ipc_writer_create(fd, "memory file", schema, framing, options, ledger, &writer, error);
    for (size_t i = 0; i < count && status == PYR_OK; ++i) {
        status = pyr_ipc_writer_batch(writer, batches[i], batches[i]->metadata, error);
    }
    if (status == PYR_OK) {
        status = pyr_ipc_writer_finish(writer, NULL, error);
    }
    if (status == PYR_OK) {
        struct stat info;
        assert_int_equal(fstat(fd, &info), 0);
        assert_int_equal(info.st_size, pyr_ipc_writer_bytes(writer));
        status = pyr_mapping_open_fd(fd, "memory file", out, error);
    }
    pyr_ipc_writer_destroy(writer);
    close(fd);
    return status;
}

pyr_buffer *ipc_exact_copy(const uint8_t *data, size_t size_bytes) {
    pyr_error error;
    pyr_buffer *buffer;
    uint8_t *copy = malloc(size_bytes + (size_bytes == 0));
    assert_non_null(copy);
    if (size_bytes > 0) {
        memcpy(copy, data, size_bytes);
    }
    ipc_must(pyr_buffer_wrap(copy, size_bytes, copy, free, &buffer, &error), &error);
    return buffer;
}

void ipc_assert_equal(const char *what, pyr_schema *schema, pyr_batch *const *batches, size_t count,
                      const ipc_table *table) {
    if (!pyr_schema_equal(schema, table->schema)) {
        fail_msg("%s: schemas differ", what);
    }
    if (count != table->batches_count) {
        fail_msg("%s: %zu batches, expected %zu", what, table->batches_count, count);
    }
    for (size_t i = 0; i < count; ++i) {
        for (int32_t c = 0; c < batches[i]->columns_count; ++c) {
            if (!pyr_array_equal(batches[i]->columns[c], table->batches[i]->columns[c])) {
                fail_msg("%s: batch %zu column \"%s\" differs", what, i, schema->fields[c]->name);
            }
        }
        if (!pyr_batch_equal(batches[i], table->batches[i])) {
            fail_msg("%s: batch %zu differs", what, i);
        }
    }
}

static void use_column(pyr_array *column, int64_t rows) {
    pyr_error error;
    pyr_text text;
    pyr_text_init(&text);
    int64_t shown = rows < 200 ? rows : 200;
    for (int64_t i = 0; i < shown; ++i) {
        pyr_text_clear(&text);
        pyr_array_print_value(column, i, &text);
        pyr_array_print_json(column, i, &text);
    }
    pyr_text_deinit(&text);
    assert_true(pyr_array_equal(column, column));
    assert_true(pyr_array_size_bytes(column) >= 0);
    int32_t indices[4] = {0, (int32_t)(rows - 1), -1, (int32_t)(rows / 2)};
    pyr_array *taken;
    if (rows > 0 && rows < INT32_MAX) {
        pyr_status status =
            pyr_array_take(column, indices, 4, PYR_COPY_GATHER, NULL, NULL, &taken, &error);
        if (status == PYR_OK) {
            ipc_must(pyr_array_validate(taken, PYR_VALIDATE_FULL, &error), &error);
            pyr_array_release(taken);
        }
    }
}

static void rewrite(pyr_batch *batch, pyr_ipc_framing framing, pyr_ipc_compression compression) {
    pyr_error error;
    pyr_buffer *bytes;
    ipc_table table;
    pyr_ipc_write_options options = {.compression = compression, .allow_replacement = true};
    pyr_status status =
        ipc_write(batch->schema, &batch, 1, framing, &options, NULL, &bytes, &error);
    ipc_must(status, &error);
    status = framing == PYR_IPC_FILE ? ipc_read_file(bytes, NULL, &table, &error)
                                     : ipc_read_stream(bytes, NULL, &table, &error);
    ipc_must(status, &error);
    ipc_assert_equal("rewritten", batch->schema, &batch, 1, &table);
    ipc_table_deinit(&table);
    pyr_buffer_release(bytes);
}

void ipc_use(pyr_batch *batch) {
    pyr_error error;
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        use_column(batch->columns[i], batch->rows);
    }
    pyr_batch *slice;
    int64_t skip = batch->rows / 3;
    ipc_must(pyr_batch_slice(batch, skip, batch->rows - skip, &slice, &error), &error);
    rewrite(batch, PYR_IPC_FILE, PYR_IPC_UNCOMPRESSED);
    rewrite(slice, PYR_IPC_STREAM, PYR_IPC_LZ4_FRAME);
    pyr_batch_release(slice);
}

const char *ipc_corpora(void) {
    const char *folder = getenv("PYRALOG_CORPORA");
    char path[4096];
    struct stat info;
    if (folder == NULL) {
        fprintf(stderr, "SKIPPED: PYRALOG_CORPORA is not set: no conformance data\n");
        return NULL;
    }
    snprintf(path, sizeof path, "%s/arrow-ipc", folder);
    if (stat(path, &info) != 0) {
        fprintf(stderr, "SKIPPED: %s is not there: no conformance data\n", path);
        return NULL;
    }
    return folder;
}
