/* message_read.c - the Message table (Message.fbs) and the framing in front of it. */
#include "arrow/ipc/ipc_internal.h"

#include "base/cursor.h"

#include <string.h>

pyr_ipc_limits pyr_ipc_limits_default(void) {
    pyr_ipc_limits limits = {
        .metadata_bytes_max = (size_t)256 << 20,
        .body_bytes_max = (int64_t)1 << 40,
        .decoded_bytes_max = (int64_t)4 << 30,
        .rows_max = (int64_t)1 << 40,
        .depth_max = PYR_TYPE_DEPTH_MAX,
    };
    return limits;
}

bool pyr_ipc_prefix_read(const uint8_t *data, size_t size_bytes, size_t *prefix_bytes,
                         int32_t *metadata_bytes) {
    /* "Encapsulated message format": before 0.15 the 0xFFFFFFFF in front was missing. */
    if (size_bytes < 4) {
        return false;
    }
    uint32_t first = pyr_load_u32(data);
    if (first != UINT32_MAX) {
        *prefix_bytes = 4;
        *metadata_bytes = (int32_t)first;
        return true;
    }
    if (size_bytes < 8) {
        return false;
    }
    *prefix_bytes = 8;
    *metadata_bytes = (int32_t)pyr_load_u32(data + 4);
    return true;
}

pyr_status pyr_ipc_head_read(const uint8_t *metadata, size_t size_bytes,
                             const pyr_ipc_limits *limits, pyr_ipc_head *out, pyr_error *error) {
    if (size_bytes > limits->metadata_bytes_max) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "Arrow message: %zu bytes of metadata, the limit is %zu", size_bytes,
                             limits->metadata_bytes_max);
    }
    out->input = pyr_fb_over(metadata, size_bytes);
    out->message = pyr_fb_root(&out->input);
    out->version = pyr_fb_i16(out->message, PYR_FBS_MESSAGE_VERSION, 0);
    uint8_t type = pyr_fb_u8(out->message, PYR_FBS_MESSAGE_HEADER_TAG, 0);
    out->header = pyr_fb_child(out->message, PYR_FBS_MESSAGE_HEADER);
    out->body_bytes = pyr_fb_i64(out->message, PYR_FBS_MESSAGE_BODY_LENGTH, 0);
    if (out->input.fault != NULL) {
        return pyr_ipc_fault(&out->input, "message", error);
    }
    PYR_TRY(pyr_ipc_check_version(out->version, error));
    if (type == 4 || type == 5) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "Arrow message: tensors are not supported, only record batches");
    }
    if (type < PYR_IPC_SCHEMA || type > PYR_IPC_RECORD_BATCH || pyr_fb_is_null(out->header)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "Arrow message: no header of a known type");
    }
    out->type = (pyr_ipc_message_type)type;
    if (out->body_bytes < 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "Arrow message: negative body length");
    }
    if (out->body_bytes > limits->body_bytes_max) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "Arrow message: a body of %lld bytes, the limit is %lld",
                             (long long)out->body_bytes, (long long)limits->body_bytes_max);
    }
    return PYR_OK;
}

pyr_status pyr_ipc_message_peek(const uint8_t *metadata, size_t size_bytes,
                                const pyr_ipc_limits *limits, pyr_ipc_message_type *type,
                                int64_t *body_bytes, pyr_error *error) {
    pyr_ipc_head head;
    *body_bytes = 0;
    PYR_TRY(pyr_ipc_head_read(metadata, size_bytes, limits, &head, error));
    *type = head.type;
    *body_bytes = head.body_bytes;
    return PYR_OK;
}

pyr_status pyr_ipc_batch_head_read(pyr_fb_table table, const pyr_ipc_limits *limits,
                                   pyr_ipc_batch_head *out, pyr_error *error) {
    memset(out, 0, sizeof *out);
    out->rows = pyr_fb_i64(table, PYR_FBS_BATCH_LENGTH, 0);
    out->nodes = pyr_fb_vector_of(table, PYR_FBS_BATCH_NODES, 16);
    out->buffers = pyr_fb_vector_of(table, PYR_FBS_BATCH_BUFFERS, 16);
    out->variadic = pyr_fb_vector_of(table, PYR_FBS_BATCH_VARIADIC, 8);
    pyr_fb_table compression = pyr_fb_child(table, PYR_FBS_BATCH_COMPRESSION);
    if (table.input->fault != NULL) {
        return pyr_ipc_fault(table.input, "record batch", error);
    }
    if (out->rows < 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "Arrow record batch: %lld rows",
                             (long long)out->rows);
    }
    if (out->rows > limits->rows_max) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "Arrow record batch: %lld rows, the limit is %lld",
                             (long long)out->rows, (long long)limits->rows_max);
    }
    if (!pyr_fb_is_null(compression)) {
        uint8_t codec = pyr_fb_u8(compression, 0, 0);
        uint8_t method = pyr_fb_u8(compression, 1, 0);
        if (codec > 1 || method != 0) {
            return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                 "Arrow record batch: compression codec %u, method %u", codec,
                                 method);
        }
        out->compression = codec == 0 ? PYR_IPC_LZ4_FRAME : PYR_IPC_ZSTD;
    }
    return PYR_OK;
}
