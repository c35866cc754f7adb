/* What the encoder and the writers send: views, dictionaries, deltas, replacements, metadata. */
#include "unit/arrow/support_ipc.h"
#include "unit/arrow/support_ipc_tables.h"

#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static pyr_batch *batch_of(pyr_field *field, pyr_array *column) {
    return ipc_batch(&field, &column, 1);
}

static pyr_ipc_encoder *make_encoder(pyr_schema *schema, bool allow_replacement) {
    pyr_error error;
    pyr_ipc_encoder *encoder;
    pyr_ipc_write_options options = {.allow_replacement = allow_replacement};
    ipc_must(pyr_ipc_encoder_create(schema, &options, &encoder, &error), &error);
    return encoder;
}

/* Encodes one column, rows [offset, + length), and gives what was copied for it. */
static int64_t bytes_copied(pyr_batch *batch, int64_t offset, int64_t length, int64_t *body) {
    pyr_error error;
    pyr_query_ledger ledger;
    pyr_ipc_message message;
    pyr_batch *slice;
    pyr_ledger_init(&ledger);
    ipc_must(pyr_batch_slice(batch, offset, length, &slice, &error), &error);
    pyr_ipc_encoder *encoder = make_encoder(batch->schema, true);
    ipc_must(pyr_ipc_encode_batch(encoder, slice, NULL, &ledger, &message, &error), &error);
    assert_int_equal(message.body_bytes % 64, 0);
    int64_t sum = 0;
    for (size_t i = 0; i < message.spans_count; ++i) {
        sum += (int64_t)message.spans[i].size_bytes;
    }
    assert_int_equal(sum, message.body_bytes);
    *body = sum;
    pyr_ipc_message_deinit(&message);
    pyr_ipc_encoder_destroy(encoder);
    pyr_batch_release(slice);
    return ledger.copied[PYR_COPY_ALIGN];
}

static void slices_are_sent_as_views_where_the_layout_allows(void **state) {
    (void)state;
    int64_t body;
    pyr_field *field = ipc_field("n", PYR_TYPE_INT64);
    pyr_batch *batch = batch_of(field, ipc_numbers(field, 0, 10000, true));
    assert_int_equal(bytes_copied(batch, 0, 10000, &body), 0);
    assert_int_equal(bytes_copied(batch, 800, 800, &body), 0);
    assert_int_equal(body, 128 + 6400); /* the bitmap of 100 bytes, padded; the numbers */
    assert_int_equal(bytes_copied(batch, 801, 800, &body), 100); /* only the bitmap */
    pyr_batch_release(batch);

    field = ipc_field("s", PYR_TYPE_UTF8);
    batch = batch_of(field, ipc_strings(field, 0, 10000, false));
    assert_int_equal(bytes_copied(batch, 0, 5000, &body), 0);
    assert_int_equal(bytes_copied(batch, 8, 5000, &body), 0);     /* few bytes in front */
    assert_int_equal(bytes_copied(batch, 5000, 100, &body), 404); /* only the offsets */
    assert_true(body < 6000);                                     /* not the 5000 values in front */
    pyr_batch_release(batch);

    field = ipc_field("v", PYR_TYPE_UTF8_VIEW);
    batch = batch_of(field, ipc_strings(field, 0, 10000, false));
    assert_int_equal(bytes_copied(batch, 5000, 100, &body), 0);
    pyr_batch_release(batch);

    field = ipc_list_field("l", PYR_TYPE_LIST, PYR_TYPE_INT32);
    batch = batch_of(field, ipc_lists(field, 10000));
    assert_int_equal(bytes_copied(batch, 0, 100, &body), 0);
    assert_int_equal(bytes_copied(batch, 5000, 100, &body), 404);
    assert_true(body < 3000);
    pyr_batch_release(batch);

    field = ipc_list_field("lv", PYR_TYPE_LIST_VIEW, PYR_TYPE_INT32);
    batch = batch_of(field, ipc_lists(field, 10000));
    assert_int_equal(bytes_copied(batch, 0, 100, &body), 0);
    assert_int_equal(bytes_copied(batch, 5000, 100, &body), 400);
    assert_true(body < 3000);
    pyr_batch_release(batch);
}

static void the_spans_of_a_column_are_its_buffers(void **state) {
    (void)state;
    pyr_error error;
    pyr_field *field = ipc_field("n", PYR_TYPE_INT32);
    pyr_batch *batch = batch_of(field, ipc_numbers(field, 0, 1000, false));
    const pyr_buffer *data = batch->columns[0]->buffers[1];
    pyr_ipc_encoder *encoder = make_encoder(batch->schema, true);
    pyr_ipc_message message;
    ipc_must(pyr_ipc_encode_batch(encoder, batch, NULL, NULL, &message, &error), &error);
    assert_int_equal(message.type, PYR_IPC_RECORD_BATCH);
    assert_int_equal(message.rows, 1000);
    assert_int_equal(message.metadata->size_bytes % 8, 0);
    assert_ptr_equal(message.spans[0].data, data->data);
    assert_int_equal(message.spans[0].size_bytes, 4000);
    assert_null(message.spans[1].buffer);
    pyr_ipc_message_deinit(&message);
    pyr_ipc_encoder_destroy(encoder);
    pyr_batch_release(batch);
}

/* ---- Dictionaries ---- */

/* Messages a batch needs in front of it; body sizes tell deltas from whole ones. */
static int dictionaries_sent(pyr_ipc_encoder *encoder, pyr_batch *batch, int64_t *rows) {
    pyr_error error;
    pyr_ipc_message message;
    int count = 0;
    *rows = 0;
    for (;;) {
        ipc_must(pyr_ipc_encode_dictionary(encoder, batch, &message, &error), &error);
        if (message.type == 0) {
            break;
        }
        assert_int_equal(message.type, PYR_IPC_DICTIONARY_BATCH);
        *rows += message.rows;
        ++count;
        pyr_ipc_message_deinit(&message);
    }
    ipc_must(pyr_ipc_encode_batch(encoder, batch, NULL, NULL, &message, &error), &error);
    pyr_ipc_message_deinit(&message);
    return count;
}

static pyr_batch *coded(pyr_schema *schema, int64_t first_value, int64_t values_count) {
    pyr_error error;
    pyr_batch *batch;
    pyr_array *column = ipc_codes(schema->fields[0], 50, first_value, values_count);
    ipc_must(pyr_batch_create(schema, 50, &column, 1, NULL, &batch, &error), &error);
    pyr_array_release(column);
    return batch;
}

static pyr_schema *coded_schema(void) {
    pyr_error error;
    pyr_schema *schema;
    pyr_field *field = ipc_dictionary_field("code");
    ipc_must(pyr_schema_create(&field, 1, NULL, &schema, &error), &error);
    pyr_field_release(field);
    return schema;
}

static void dictionaries_are_sent_once_as_deltas_or_anew(void **state) {
    (void)state;
    pyr_schema *schema = coded_schema();
    /* The same values; grown by 5; the same as before; others; fewer. */
    pyr_batch *batches[] = {coded(schema, 0, 10), coded(schema, 0, 10), coded(schema, 0, 15),
                            coded(schema, 0, 15), coded(schema, 7, 10), coded(schema, 7, 4)};
    static const struct {
        int messages;
        int64_t rows;
    } expected[] = {{1, 10}, {0, 0}, {1, 5}, {0, 0}, {1, 10}, {1, 4}};
    pyr_ipc_encoder *encoder = make_encoder(schema, true);
    for (size_t i = 0; i < 6; ++i) {
        int64_t rows;
        assert_int_equal(dictionaries_sent(encoder, batches[i], &rows), expected[i].messages);
        assert_int_equal(rows, expected[i].rows);
    }
    pyr_ipc_encoder_destroy(encoder);

    pyr_error error;
    pyr_buffer *bytes;
    ipc_table table;
    ipc_must(ipc_write(schema, batches, 6, PYR_IPC_STREAM, NULL, NULL, &bytes, &error), &error);
    ipc_must(ipc_read_stream(bytes, NULL, &table, &error), &error);
    ipc_assert_equal("stream with deltas and replacements", schema, batches, 6, &table);
    assert_int_equal(table.batches[3]->columns[0]->dictionary->length, 15);
    assert_ptr_equal(table.batches[2]->columns[0]->dictionary,
                     table.batches[3]->columns[0]->dictionary);
    ipc_table_deinit(&table);
    pyr_buffer_release(bytes);
    for (size_t i = 0; i < 6; ++i) {
        pyr_batch_release(batches[i]);
    }
    pyr_schema_release(schema);
}

static void a_file_takes_deltas_and_refuses_replacements(void **state) {
    (void)state;
    pyr_error error;
    pyr_buffer *bytes;
    ipc_table table;
    pyr_schema *schema = coded_schema();
    pyr_batch *batches[] = {coded(schema, 0, 10), coded(schema, 0, 15), coded(schema, 5, 15)};
    ipc_must(ipc_write(schema, batches, 2, PYR_IPC_FILE, NULL, NULL, &bytes, &error), &error);
    ipc_must(ipc_read_file(bytes, NULL, &table, &error), &error);
    ipc_assert_equal("file with a delta", schema, batches, 2, &table);
    ipc_table_deinit(&table);
    pyr_buffer_release(bytes);
    assert_int_equal(ipc_write(schema, batches, 3, PYR_IPC_FILE, NULL, NULL, &bytes, &error),
                     PYR_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(error.message, "\"code\""));
    for (size_t i = 0; i < 3; ++i) {
        pyr_batch_release(batches[i]);
    }
    pyr_schema_release(schema);
}

/* A dictionary of lists whose items are dictionary-encoded: replacing the inner one changes what
 * the outer one's indices mean. */
static pyr_batch *nested_codes(pyr_schema *schema, int64_t first_value) {
    pyr_error error;
    pyr_field *outer = schema->fields[0];
    pyr_field *list = outer->dictionary;
    pyr_array *items = ipc_codes(list->children[0], 6, first_value, 3);
    pyr_buffer *buffers[2] = {NULL, NULL};
    pyr_array *lists, *column;
    pyr_batch *batch;
    ipc_must(pyr_buffer_create(16, NULL, &buffers[1], &error), &error);
    for (int32_t i = 0; i < 4; ++i) {
        ((int32_t *)(void *)pyr_buffer_mutable(buffers[1]))[i] = 2 * i;
    }
    ipc_must(pyr_array_create(list, 3, 0, 0, buffers, 2, &items, 1, NULL, &lists, &error), &error);
    pyr_buffer_release(buffers[1]);
    ipc_must(pyr_buffer_create(9, NULL, &buffers[1], &error), &error);
    for (int i = 0; i < 9; ++i) {
        pyr_buffer_mutable(buffers[1])[i] = (uint8_t)(i % 3);
    }
    ipc_must(pyr_array_create(outer, 9, 0, 0, buffers, 2, NULL, 0, lists, &column, &error), &error);
    pyr_buffer_release(buffers[1]);
    ipc_must(pyr_batch_create(schema, 9, &column, 1, NULL, &batch, &error), &error);
    pyr_array_release(items);
    pyr_array_release(lists);
    pyr_array_release(column);
    return batch;
}

static void dictionaries_within_dictionaries_are_replaced_together(void **state) {
    (void)state;
    pyr_error error;
    pyr_field *item = ipc_dictionary_field("item");
    pyr_field *list, *outer;
    pyr_schema *schema;
    pyr_buffer *bytes;
    ipc_table table;
    ipc_must(pyr_field_create_nested("", PYR_TYPE_LIST, 0, &item, 1, &list, &error), &error);
    ipc_must(pyr_field_create_dictionary("outer", PYR_TYPE_INT8, false, list, &outer, &error),
             &error);
    ipc_must(pyr_schema_create(&outer, 1, NULL, &schema, &error), &error);
    pyr_batch *batches[] = {nested_codes(schema, 0), nested_codes(schema, 0),
                            nested_codes(schema, 20), nested_codes(schema, 0)};
    ipc_must(ipc_write(schema, batches, 4, PYR_IPC_STREAM, NULL, NULL, &bytes, &error), &error);
    ipc_must(ipc_read_stream(bytes, NULL, &table, &error), &error);
    ipc_assert_equal("nested dictionaries", schema, batches, 4, &table);
    assert_ptr_equal(table.batches[0]->columns[0]->dictionary,
                     table.batches[1]->columns[0]->dictionary);
    ipc_table_deinit(&table);
    pyr_buffer_release(bytes);
    ipc_must(ipc_write(schema, batches, 2, PYR_IPC_FILE, NULL, NULL, &bytes, &error), &error);
    ipc_must(ipc_read_file(bytes, NULL, &table, &error), &error);
    ipc_assert_equal("nested dictionaries in a file", schema, batches, 2, &table);
    ipc_table_deinit(&table);
    pyr_buffer_release(bytes);
    for (size_t i = 0; i < 4; ++i) {
        pyr_batch_release(batches[i]);
    }
    pyr_schema_release(schema);
    pyr_field_release(outer);
    pyr_field_release(list);
    pyr_field_release(item);
}

/* ---- Metadata, framing, descriptors ---- */

static pyr_metadata *make_metadata(const char *key, const char *value) {
    pyr_error error;
    pyr_metadata *metadata;
    ipc_must(pyr_metadata_create(&metadata, &error), &error);
    ipc_must(pyr_metadata_add(metadata, key, strlen(key), value, strlen(value), &error), &error);
    return metadata;
}

static void metadata_stands_on_schema_field_message_and_footer(void **state) {
    (void)state;
    pyr_error error;
    pyr_field *plain = ipc_field("n", PYR_TYPE_INT64);
    pyr_metadata *of_field = make_metadata("ARROW:extension:name", "x");
    pyr_metadata *of_schema = make_metadata("schema", "1");
    pyr_metadata *of_batch = make_metadata("zone", "0..9");
    pyr_metadata *of_footer = make_metadata("footer", "\xe2\x82\xac");
    pyr_field *field;
    pyr_schema *schema;
    pyr_batch *batch;
    ipc_must(pyr_field_with(plain, NULL, false, of_field, &field, &error), &error);
    ipc_must(pyr_schema_create(&field, 1, of_schema, &schema, &error), &error);
    pyr_array *column = ipc_numbers(field, 0, 10, false);
    ipc_must(pyr_batch_create(schema, 10, &column, 1, NULL, &batch, &error), &error);

    int fd = memfd_create("metadata", MFD_CLOEXEC);
    pyr_ipc_writer *writer;
    ipc_must(
        pyr_ipc_writer_create(fd, "metadata", schema, PYR_IPC_FILE, NULL, NULL, &writer, &error),
        &error);
    ipc_must(pyr_ipc_writer_batch(writer, batch, of_batch, &error), &error);
    ipc_must(pyr_ipc_writer_finish(writer, of_footer, &error), &error);
    char bytes[8192];
    ssize_t size = pread(fd, bytes, sizeof bytes, 0);
    assert_int_equal(size, pyr_ipc_writer_bytes(writer));
    assert_true(pyr_ipc_file_detect((const uint8_t *)bytes, (size_t)size));
    pyr_ipc_writer_destroy(writer);
    close(fd);

    pyr_buffer *buffer = ipc_exact_copy((const uint8_t *)bytes, (size_t)size);
    pyr_ipc_file *file;
    ipc_must(pyr_ipc_file_open(buffer, "metadata", NULL, &file, &error), &error);
    assert_true(pyr_schema_equal(pyr_ipc_file_schema(file), schema));
    assert_true(pyr_metadata_equal(pyr_ipc_file_metadata(file), of_footer));
    pyr_metadata *head;
    int64_t rows;
    ipc_must(pyr_ipc_file_batch_head(file, 0, &rows, &head, &error), &error);
    assert_int_equal(rows, 10);
    assert_true(pyr_metadata_equal(head, of_batch));
    pyr_metadata_release(head);
    pyr_batch *read;
    ipc_must(pyr_ipc_file_batch(file, 0, NULL, 0, PYR_VALIDATE_FULL, NULL, NULL, &read, &error),
             &error);
    assert_true(pyr_metadata_equal(read->metadata, of_batch));
    pyr_batch_release(read);
    assert_int_equal(
        pyr_ipc_file_batch(file, 1, NULL, 0, PYR_VALIDATE_FULL, NULL, NULL, &read, &error),
        PYR_ERROR_INVALID_ARGUMENT);
    assert_null(read);
    pyr_ipc_file_release(file);
    pyr_buffer_release(buffer);
    pyr_batch_release(batch);
    pyr_array_release(column);
    pyr_schema_release(schema);
    pyr_field_release(field);
    pyr_field_release(plain);
    pyr_metadata_release(of_field);
    pyr_metadata_release(of_schema);
    pyr_metadata_release(of_batch);
    pyr_metadata_release(of_footer);
}

static void a_batch_carries_the_crc_of_its_own_body(void **state) {
    (void)state;
    pyr_error error;
    pyr_field *field = ipc_field("s", PYR_TYPE_UTF8);
    pyr_batch *batch = batch_of(field, ipc_strings(field, 0, 100, true));
    pyr_metadata *stale = make_metadata("crc", "00000000");
    pyr_ipc_write_options options = {.crc_key = "crc"};
    pyr_ipc_encoder *encoder;
    pyr_ipc_message message;
    ipc_must(pyr_ipc_encoder_create(batch->schema, &options, &encoder, &error), &error);
    ipc_must(pyr_ipc_encode_schema(encoder, &message, &error), &error);
    pyr_ipc_decoder *decoder;
    ipc_must(pyr_ipc_decoder_create(NULL, PYR_VALIDATE_FULL, NULL, NULL, &decoder, &error), &error);
    pyr_batch *read;
    ipc_must(pyr_ipc_decode(decoder, message.metadata, NULL, &read, &error), &error);
    pyr_ipc_message_deinit(&message);
    ipc_must(pyr_ipc_encode_batch(encoder, batch, stale, NULL, &message, &error), &error);
    pyr_buffer *body;
    ipc_must(pyr_buffer_create((size_t)message.body_bytes, NULL, &body, &error), &error);
    size_t position = 0;
    for (size_t i = 0; i < message.spans_count; ++i) {
        memcpy(pyr_buffer_mutable(body) + position, message.spans[i].data,
               message.spans[i].size_bytes);
        position += message.spans[i].size_bytes;
    }
    char expected[9];
    snprintf(expected, sizeof expected, "%08x", pyr_crc32c(0, body->data, body->size_bytes));
    ipc_must(pyr_ipc_decode(decoder, message.metadata, body, &read, &error), &error);
    assert_true(pyr_array_equal(read->columns[0], batch->columns[0]));
    assert_int_equal(pyr_metadata_count(read->metadata), 1);
    assert_string_equal(pyr_metadata_find(read->metadata, "crc", NULL), expected);
    pyr_batch_release(read);
    pyr_buffer_release(body);
    pyr_ipc_message_deinit(&message);
    pyr_ipc_decoder_destroy(decoder);
    pyr_ipc_encoder_destroy(encoder);
    pyr_metadata_release(stale);
    pyr_batch_release(batch);
}

static void a_schema_survives_serialization(void **state) {
    (void)state;
    pyr_error error;
    pyr_schema *schema = coded_schema(), *again;
    pyr_buffer *bytes;
    ipc_must(pyr_ipc_schema_serialize(schema, &bytes, &error), &error);
    assert_int_equal(bytes->size_bytes % 8, 0);
    ipc_must(pyr_ipc_schema_deserialize(bytes, &again, &error), &error);
    assert_true(pyr_schema_equal(schema, again));
    pyr_schema_release(again);
    pyr_buffer_release(bytes);
    pyr_schema_release(schema);
}

/* More than is gathered at once, from a descriptor that gives what it likes. */
static void large_streams_pass_through_a_descriptor(void **state) {
    (void)state;
    enum { ROWS = 700000, BATCHES = 5 };
    pyr_error error;
    pyr_query_ledger written, received;
    pyr_ledger_init(&written);
    pyr_ledger_init(&received);
    pyr_field *field = ipc_field("n", PYR_TYPE_INT64);
    pyr_batch *batch = batch_of(field, ipc_numbers(field, 5, ROWS, false));
    int fd = memfd_create("stream", MFD_CLOEXEC);
    pyr_ipc_writer *writer;
    ipc_must(pyr_ipc_writer_create(fd, "stream", batch->schema, PYR_IPC_STREAM, NULL, &written,
                                   &writer, &error),
             &error);
    int writes = 0;
    for (int i = 0; i < BATCHES; ++i) {
        off_t before = lseek(fd, 0, SEEK_CUR);
        ipc_must(pyr_ipc_writer_batch(writer, batch, NULL, &error), &error);
        off_t after = lseek(fd, 0, SEEK_CUR);
        assert_int_equal(after % (2 << 20), 0); /* whole folios of the page cache */
        writes += after > before;
    }
    assert_in_range(writes, 1, BATCHES - 1);
    ipc_must(pyr_ipc_writer_finish(writer, NULL, &error), &error);
    assert_int_equal(pyr_ipc_writer_batch(writer, batch, NULL, &error), PYR_ERROR_IO);
    pyr_ipc_writer_destroy(writer);
    for (int i = 0; i < PYR_COPY_REASONS_COUNT; ++i) {
        assert_int_equal(written.copied[i], 0);
    }
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    pyr_stream *stream;
    ipc_must(pyr_ipc_stream_open_fd(fd, "stream", NULL, PYR_VALIDATE_FULL, &received, NULL, &stream,
                                    &error),
             &error);
    int count = 0;
    pyr_batch *read;
    for (;; ++count) {
        ipc_must(pyr_stream_next(stream, &read, &error), &error);
        if (read == NULL) {
            break;
        }
        assert_true(pyr_batch_equal(batch, read));
        pyr_batch_release(read);
    }
    assert_int_equal(count, BATCHES);
    assert_true(received.copied[PYR_COPY_RECEIVE] >= (int64_t)ROWS * BATCHES * 8);
    pyr_stream_destroy(stream);
    close(fd);
    pyr_batch_release(batch);
}

static void a_failed_write_is_an_error_that_names_the_path(void **state) {
    (void)state;
    pyr_error error;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[1]); /* the reading end refuses writes */
    pyr_field *field = ipc_field("n", PYR_TYPE_INT64);
    pyr_batch *batch = batch_of(field, ipc_numbers(field, 0, 10, false));
    pyr_ipc_writer *writer;
    ipc_must(pyr_ipc_writer_create(ends[0], "out.arrow", batch->schema, PYR_IPC_FILE, NULL, NULL,
                                   &writer, &error),
             &error);
    ipc_must(pyr_ipc_writer_batch(writer, batch, NULL, &error), &error);
    assert_int_equal(pyr_ipc_writer_finish(writer, NULL, &error), PYR_ERROR_IO);
    assert_non_null(strstr(error.message, "out.arrow"));
    pyr_ipc_writer_destroy(writer);
    close(ends[0]);
    pyr_batch_release(batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_sent_as_views_where_the_layout_allows),
        cmocka_unit_test(the_spans_of_a_column_are_its_buffers),
        cmocka_unit_test(dictionaries_are_sent_once_as_deltas_or_anew),
        cmocka_unit_test(a_file_takes_deltas_and_refuses_replacements),
        cmocka_unit_test(dictionaries_within_dictionaries_are_replaced_together),
        cmocka_unit_test(metadata_stands_on_schema_field_message_and_footer),
        cmocka_unit_test(a_batch_carries_the_crc_of_its_own_body),
        cmocka_unit_test(a_schema_survives_serialization),
        cmocka_unit_test(large_streams_pass_through_a_descriptor),
        cmocka_unit_test(a_failed_write_is_an_error_that_names_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
