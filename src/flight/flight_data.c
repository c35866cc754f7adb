/* flight_data.c - see flight_data.h. */
#include "flight/flight_data.h"

#include "base/cursor.h"
#include "flight/grpc.h"

#include <stdlib.h>
#include <string.h>

#define FIELD_DESCRIPTOR 1
#define FIELD_HEADER 2
#define FIELD_APP_METADATA 3
#define FIELD_BODY 1000
#define WIRE_VARINT 0
#define WIRE_FIXED64 1
#define WIRE_BYTES 2
#define WIRE_FIXED32 5

static bool skip_field(pyr_cursor *cursor, uint64_t wire) {
    uint64_t ignored;
    switch (wire) {
    case WIRE_VARINT:
        return pyr_cursor_varint(cursor, &ignored);
    case WIRE_FIXED64:
        return pyr_cursor_skip(cursor, 8);
    case WIRE_FIXED32:
        return pyr_cursor_skip(cursor, 4);
    default:
        return false; /* groups are proto2 and obsolete */
    }
}

static bool read_field(pyr_cursor *cursor, pyr_flight_data *out) {
    uint64_t tag;
    uint64_t size;
    if (!pyr_cursor_varint(cursor, &tag) || tag >> 3 == 0) {
        return false;
    }
    if ((tag & 7) != WIRE_BYTES) {
        return skip_field(cursor, tag & 7);
    }
    pyr_bytes bytes;
    if (!pyr_cursor_varint(cursor, &size) || size > pyr_cursor_left(cursor) ||
        !pyr_cursor_bytes(cursor, (size_t)size, &bytes.data)) {
        return false;
    }
    bytes.size_bytes = (size_t)size;
    switch (tag >> 3) {
    case FIELD_DESCRIPTOR:
        out->descriptor = bytes;
        break;
    case FIELD_HEADER:
        out->header = bytes;
        break;
    case FIELD_APP_METADATA:
        out->app_metadata = bytes;
        break;
    case FIELD_BODY:
        out->body = bytes;
        break;
    default:
        break;
    }
    return true;
}

pyr_status pyr_flight_data_parse(const uint8_t *bytes, size_t size_bytes, pyr_flight_data *out,
                                 pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_cursor cursor = pyr_cursor_over(bytes, size_bytes);
    while (pyr_cursor_left(&cursor) > 0) {
        size_t at = cursor.position;
        if (!read_field(&cursor, out)) {
            memset(out, 0, sizeof(*out));
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "FlightData: the field at byte %zu of %zu is malformed", at,
                                 size_bytes);
        }
    }
    return PYR_OK;
}

static size_t put_varint(uint8_t *to, uint64_t value) {
    size_t size = 0;
    while (value >= 0x80) {
        to[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[size++] = (uint8_t)value;
    return size;
}

static pyr_status create(size_t head_bytes, pyr_outgoing **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        (void)pyr_error_memory(error, sizeof(**out));
        return PYR_ERROR_MEMORY;
    }
    pyr_status status = pyr_buffer_create_raw(head_bytes, NULL, &(*out)->head, error);
    if (status != PYR_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

pyr_status pyr_flight_data_wrap(pyr_ipc_message *message, pyr_outgoing **out, pyr_error *error) {
    *out = NULL;
    uint8_t before[16];
    uint8_t after[16];
    size_t header_bytes = message->metadata->size_bytes;
    size_t before_bytes = put_varint(before, FIELD_HEADER << 3 | WIRE_BYTES);
    before_bytes += put_varint(before + before_bytes, header_bytes);
    size_t after_bytes = put_varint(after, FIELD_BODY << 3 | WIRE_BYTES);
    after_bytes += put_varint(after + after_bytes, (uint64_t)message->body_bytes);
    /* The body field stands even when it is empty: some clients look for it in record batches. */
    if (message->type == PYR_IPC_SCHEMA) {
        after_bytes = 0;
    }
    size_t payload = before_bytes + header_bytes + after_bytes + (size_t)message->body_bytes;
    if (payload > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "a message of %zu bytes: gRPC carries at most 2 GiB", payload);
    }
    size_t head_bytes = PYR_GRPC_PREFIX_BYTES + before_bytes + header_bytes + after_bytes;
    PYR_TRY(create(head_bytes, out, error));
    uint8_t *to = pyr_buffer_mutable((*out)->head);
    pyr_grpc_prefix(to, (uint32_t)payload);
    to += PYR_GRPC_PREFIX_BYTES;
    memcpy(to, before, before_bytes);
    memcpy(to + before_bytes, message->metadata->data, header_bytes);
    memcpy(to + before_bytes + header_bytes, after, after_bytes);
    (*out)->spans = message->spans;
    (*out)->spans_count = message->spans_count;
    (*out)->body_bytes = message->body_bytes;
    (*out)->size_bytes = head_bytes + (size_t)message->body_bytes;
    message->spans = NULL;
    message->spans_count = 0;
    return PYR_OK;
}

pyr_status pyr_outgoing_bytes(const void *bytes, size_t size_bytes, pyr_outgoing **out,
                              pyr_error *error) {
    *out = NULL;
    if (size_bytes > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "a message of %zu bytes: gRPC carries at most 2 GiB", size_bytes);
    }
    PYR_TRY(create(PYR_GRPC_PREFIX_BYTES + size_bytes, out, error));
    uint8_t *to = pyr_buffer_mutable((*out)->head);
    pyr_grpc_prefix(to, (uint32_t)size_bytes);
    if (size_bytes > 0) {
        memcpy(to + PYR_GRPC_PREFIX_BYTES, bytes, size_bytes);
    }
    (*out)->size_bytes = PYR_GRPC_PREFIX_BYTES + size_bytes;
    return PYR_OK;
}

void pyr_outgoing_destroy(pyr_outgoing *outgoing) {
    if (outgoing == NULL) {
        return;
    }
    for (size_t i = 0; i < outgoing->spans_count; ++i) {
        pyr_buffer_release(outgoing->spans[i].buffer);
    }
    free(outgoing->spans);
    pyr_buffer_release(outgoing->head);
    free(outgoing);
}
