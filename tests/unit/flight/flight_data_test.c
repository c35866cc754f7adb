/* FlightData parsed from hostile bytes, and produced by reference. */
#include "flight/flight_data.h"

#include "arrow/builder.h"
#include "flight/flight.pb-c.h"
#include "flight/grpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static pyr_status parse(const void *bytes, size_t size, pyr_flight_data *out, pyr_error *error) {
    /* On the heap and exactly as long: ASan sees a read behind it. */
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    pyr_flight_data parsed;
    pyr_status status = pyr_flight_data_parse(copy, size, &parsed, error);
    const pyr_bytes *parts[] = {&parsed.descriptor, &parsed.header, &parsed.app_metadata,
                                &parsed.body};
    for (size_t i = 0; i < 4; ++i) {
        if (parts[i]->data != NULL) {
            assert_true(parts[i]->data >= copy);
            assert_true(parts[i]->data + parts[i]->size_bytes <= copy + size);
        } else {
            assert_int_equal(parts[i]->size_bytes, 0);
        }
    }
    if (out != NULL) {
        *out = parsed; /* sizes only: the bytes go */
    }
    free(copy);
    return status;
}

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

static void every_field_is_a_view_into_the_message(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x0A, 1,   'd',  0x12, 2, 'h', 'h', 0x1A,
                                    1,    'm', 0xC2, 0x3E, 3, 'b', 'b', 'b'};
    pyr_flight_data data;
    assert_int_equal(pyr_flight_data_parse(bytes, sizeof(bytes), &data, NULL), PYR_OK);
    assert_ptr_equal(data.descriptor.data, bytes + 2);
    assert_int_equal(data.descriptor.size_bytes, 1);
    assert_ptr_equal(data.header.data, bytes + 5);
    assert_int_equal(data.header.size_bytes, 2);
    assert_ptr_equal(data.app_metadata.data, bytes + 9);
    assert_ptr_equal(data.body.data, bytes + 13);
    assert_int_equal(data.body.size_bytes, 3);
}

static void an_empty_message_has_no_fields(void **state) {
    (void)state;
    pyr_flight_data data;
    assert_int_equal(pyr_flight_data_parse(NULL, 0, &data, NULL), PYR_OK);
    assert_null(data.header.data);
    assert_null(data.body.data);
}

static void the_last_of_a_repeated_field_counts(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x12, 3,    'o', 'l', 'd',  0x12, 1, 'n',
                                    0xC2, 0x3E, 1,   'x', 0xC2, 0x3E, 0};
    pyr_flight_data data;
    assert_int_equal(pyr_flight_data_parse(bytes, sizeof(bytes), &data, NULL), PYR_OK);
    assert_ptr_equal(data.header.data, bytes + 7);
    assert_int_equal(data.header.size_bytes, 1);
    assert_non_null(data.body.data);
    assert_int_equal(data.body.size_bytes, 0);
}

static void unknown_fields_of_every_wire_type_are_skipped(void **state) {
    (void)state;
    pyr_flight_data data;
    /* 4: varint, 5: fixed64, 6: bytes, 7: fixed32, and field 1000 with the wrong wire type. */
    assert_int_equal(parse(BYTES(0x20, 0x96, 0x01, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 0x32, 2, 9, 9,
                                 0x3D, 1, 2, 3, 4, 0xC0, 0x3E, 7, 0x12, 1, 'h'),
                           &data, NULL),
                     PYR_OK);
    assert_int_equal(data.header.size_bytes, 1);
    assert_null(data.body.data);
}

static void malformed_bytes_are_refused_with_their_place(void **state) {
    (void)state;
    pyr_error error;
    /* A length one past the end; the largest length; a length that wraps when it is added. */
    assert_int_equal(parse(BYTES(0x12, 2, 'h'), NULL, &error), PYR_ERROR_CORRUPT);
    assert_string_equal(error.message, "FlightData: the field at byte 0 of 3 is malformed");
    assert_int_equal(parse(BYTES(0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 'h'), NULL, NULL),
                     PYR_ERROR_CORRUPT);
    assert_int_equal(
        parse(BYTES(0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01), NULL, NULL),
        PYR_ERROR_CORRUPT);
    /* Overlong varints: eleven bytes, and ten with bits beyond 64. */
    assert_int_equal(
        parse(BYTES(0x20, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01), NULL,
              NULL),
        PYR_ERROR_CORRUPT);
    assert_int_equal(
        parse(BYTES(0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02), NULL, NULL),
        PYR_ERROR_CORRUPT);
    /* Groups, reserved wire types, field number 0, a tag alone, fixed values cut short. */
    assert_int_equal(parse(BYTES(0x0B, 0x0C), NULL, NULL), PYR_ERROR_CORRUPT);
    assert_int_equal(parse(BYTES(0x0C), NULL, NULL), PYR_ERROR_CORRUPT);
    assert_int_equal(parse(BYTES(0x0E), NULL, NULL), PYR_ERROR_CORRUPT);
    assert_int_equal(parse(BYTES(0x0F), NULL, NULL), PYR_ERROR_CORRUPT);
    assert_int_equal(parse(BYTES(0x02, 0x00), NULL, NULL), PYR_ERROR_CORRUPT);
    assert_int_equal(parse(BYTES(0x12), NULL, NULL), PYR_ERROR_CORRUPT);
    assert_int_equal(parse(BYTES(0x12, 0x80), NULL, NULL), PYR_ERROR_CORRUPT);
    assert_int_equal(parse(BYTES(0x29, 1, 2, 3, 4, 5, 6, 7), NULL, NULL), PYR_ERROR_CORRUPT);
    assert_int_equal(parse(BYTES(0x3D, 1, 2, 3), NULL, NULL), PYR_ERROR_CORRUPT);
    pyr_flight_data data;
    assert_int_equal(parse(BYTES(0x12, 1, 'h', 0x12), &data, &error), PYR_ERROR_CORRUPT);
    assert_string_equal(error.message, "FlightData: the field at byte 3 of 4 is malformed");
    assert_null(data.header.data); /* nothing leaves a failed parse */
}

static void field_numbers_beyond_32_bits_are_not_mistaken_for_ours(void **state) {
    (void)state;
    pyr_flight_data data;
    /* Tag 2^32 * 8 + 0x12 as a varint: truncated to 32 bits it would be the header. */
    pyr_status status =
        parse(BYTES(0x92, 0x80, 0x80, 0x80, 0x80, 0x08, 1, 'x', 0x1A, 0), &data, NULL);
    assert_true(status == PYR_ERROR_CORRUPT || data.header.data == NULL);
}

static void every_cut_of_a_message_is_refused_or_a_shorter_message(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x0A, 1,   'd',  0x12, 2, 'h', 'h', 0x1A,
                                    1,    'm', 0xC2, 0x3E, 3, 'b', 'b', 'b'};
    for (size_t size = 0; size < sizeof(bytes); ++size) {
        bool border = size == 0 || size == 3 || size == 7 || size == 10;
        assert_int_equal(parse(bytes, size, NULL, NULL), border ? PYR_OK : PYR_ERROR_CORRUPT);
    }
}

/* ---- Producing. ---- */

static pyr_batch *numbers(int64_t rows) {
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    pyr_array *column = NULL;
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_field_create("n", PYR_TYPE_INT64, &field, NULL), PYR_OK);
    assert_int_equal(pyr_schema_create(&field, 1, NULL, &schema, NULL), PYR_OK);
    assert_int_equal(pyr_builder_create(field, NULL, &builder, NULL), PYR_OK);
    for (int64_t i = 0; i < rows; ++i) {
        assert_int_equal(pyr_builder_int64(builder, i, NULL), PYR_OK);
    }
    assert_int_equal(pyr_builder_finish(builder, &column, NULL), PYR_OK);
    assert_int_equal(pyr_batch_create(schema, rows, &column, 1, NULL, &batch, NULL), PYR_OK);
    pyr_builder_destroy(builder);
    pyr_array_release(column);
    pyr_schema_release(schema);
    pyr_field_release(field);
    return batch;
}

/* The bytes that go to the socket. */
static uint8_t *join(const pyr_outgoing *outgoing) {
    uint8_t *bytes = malloc(outgoing->size_bytes);
    assert_non_null(bytes);
    size_t at = outgoing->head->size_bytes;
    memcpy(bytes, outgoing->head->data, at);
    for (size_t i = 0; i < outgoing->spans_count; ++i) {
        const pyr_ipc_span *span = &outgoing->spans[i];
        memcpy(bytes + at, span->data, span->size_bytes);
        at += span->size_bytes;
    }
    assert_int_equal(at, outgoing->size_bytes);
    return bytes;
}

static void check_prefix(const uint8_t *bytes, size_t size) {
    size_t length =
        (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
    assert_int_equal(bytes[0], 0);
    assert_int_equal(length, size - PYR_GRPC_PREFIX_BYTES);
}

static void a_wrapped_batch_is_its_own_buffers_and_parses_back(void **state) {
    (void)state;
    pyr_batch *batch = numbers(1000);
    pyr_ipc_encoder *encoder = NULL;
    pyr_ipc_write_options options = {.allow_replacement = true, .alignment = 64};
    assert_int_equal(pyr_ipc_encoder_create(batch->schema, &options, &encoder, NULL), PYR_OK);
    pyr_ipc_message message;
    pyr_outgoing *outgoing = NULL;

    assert_int_equal(pyr_ipc_encode_schema(encoder, &message, NULL), PYR_OK);
    assert_int_equal(pyr_flight_data_wrap(&message, &outgoing, NULL), PYR_OK);
    pyr_ipc_message_deinit(&message);
    uint8_t *bytes = join(outgoing);
    check_prefix(bytes, outgoing->size_bytes);
    pyr_flight_data data;
    assert_int_equal(pyr_flight_data_parse(bytes + 5, outgoing->size_bytes - 5, &data, NULL),
                     PYR_OK);
    assert_int_equal(data.header.size_bytes % 8, 0);
    assert_null(data.body.data); /* a schema message has none */
    free(bytes);
    pyr_outgoing_destroy(outgoing);

    assert_int_equal(pyr_ipc_encode_batch(encoder, batch, NULL, NULL, &message, NULL), PYR_OK);
    assert_int_equal(pyr_flight_data_wrap(&message, &outgoing, NULL), PYR_OK);
    assert_int_equal(message.spans_count, 0); /* taken over */
    pyr_ipc_message_deinit(&message);
    bool by_reference = false;
    for (size_t i = 0; i < outgoing->spans_count; ++i) {
        by_reference |= outgoing->spans[i].data == batch->columns[0]->buffers[1]->data;
    }
    assert_true(by_reference);
    bytes = join(outgoing);
    check_prefix(bytes, outgoing->size_bytes);
    assert_int_equal(pyr_flight_data_parse(bytes + 5, outgoing->size_bytes - 5, &data, NULL),
                     PYR_OK);
    assert_int_equal(data.body.size_bytes, outgoing->body_bytes);
    assert_int_equal(data.body.size_bytes % 64, 0);
    free(bytes);
    pyr_outgoing_destroy(outgoing);

    pyr_ipc_encoder_destroy(encoder);
    pyr_batch_release(batch);
}

static void an_empty_batch_still_has_a_body_field(void **state) {
    (void)state;
    pyr_batch *batch = numbers(0);
    pyr_ipc_encoder *encoder = NULL;
    pyr_ipc_write_options options = {.alignment = 64};
    assert_int_equal(pyr_ipc_encoder_create(batch->schema, &options, &encoder, NULL), PYR_OK);
    pyr_ipc_message message;
    pyr_outgoing *outgoing = NULL;
    assert_int_equal(pyr_ipc_encode_batch(encoder, batch, NULL, NULL, &message, NULL), PYR_OK);
    assert_int_equal(pyr_flight_data_wrap(&message, &outgoing, NULL), PYR_OK);
    pyr_ipc_message_deinit(&message);
    uint8_t *bytes = join(outgoing);
    pyr_flight_data data;
    assert_int_equal(pyr_flight_data_parse(bytes + 5, outgoing->size_bytes - 5, &data, NULL),
                     PYR_OK);
    assert_non_null(data.body.data);
    free(bytes);
    pyr_outgoing_destroy(outgoing);
    pyr_ipc_encoder_destroy(encoder);
    pyr_batch_release(batch);
}

static void a_message_above_two_gibibytes_is_refused(void **state) {
    (void)state;
    pyr_buffer *metadata = NULL;
    assert_int_equal(pyr_buffer_create(64, NULL, &metadata, NULL), PYR_OK);
    pyr_ipc_message message = {
        .type = PYR_IPC_RECORD_BATCH, .metadata = metadata, .body_bytes = (int64_t)INT32_MAX - 70};
    pyr_outgoing *outgoing = NULL;
    pyr_error error;
    assert_int_equal(pyr_flight_data_wrap(&message, &outgoing, &error), PYR_ERROR_LIMIT);
    assert_null(outgoing);
    assert_int_equal(pyr_outgoing_bytes("", (size_t)INT32_MAX + 1, &outgoing, &error),
                     PYR_ERROR_LIMIT);
    assert_null(outgoing);
    pyr_ipc_message_deinit(&message);
}

static void serialized_messages_get_the_prefix(void **state) {
    (void)state;
    pyr_outgoing *outgoing = NULL;
    assert_int_equal(pyr_outgoing_bytes("abc", 3, &outgoing, NULL), PYR_OK);
    assert_int_equal(outgoing->size_bytes, 8);
    assert_memory_equal(outgoing->head->data, "\0\0\0\0\3abc", 8);
    pyr_outgoing_destroy(outgoing);
    assert_int_equal(pyr_outgoing_bytes(NULL, 0, &outgoing, NULL), PYR_OK);
    assert_int_equal(outgoing->size_bytes, 5);
    pyr_outgoing_destroy(outgoing);
    pyr_outgoing_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_a_view_into_the_message),
        cmocka_unit_test(an_empty_message_has_no_fields),
        cmocka_unit_test(the_last_of_a_repeated_field_counts),
        cmocka_unit_test(unknown_fields_of_every_wire_type_are_skipped),
        cmocka_unit_test(malformed_bytes_are_refused_with_their_place),
        cmocka_unit_test(field_numbers_beyond_32_bits_are_not_mistaken_for_ours),
        cmocka_unit_test(every_cut_of_a_message_is_refused_or_a_shorter_message),
        cmocka_unit_test(a_wrapped_batch_is_its_own_buffers_and_parses_back),
        cmocka_unit_test(an_empty_batch_still_has_a_body_field),
        cmocka_unit_test(a_message_above_two_gibibytes_is_refused),
        cmocka_unit_test(serialized_messages_get_the_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
