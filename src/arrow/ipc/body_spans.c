/* body_spans.c - the growing lists of a message body: nodes, buffers, and the spans that make up
 * its bytes. Everything is by reference; padding comes from one static block of zeros.
 */
#include "arrow/ipc/ipc_internal.h"

#include "base/checked.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t zeros[64] __attribute__((aligned(64)));
static const uint8_t plain_mark[8] = {255, 255, 255, 255, 255, 255, 255, 255}; /* length -1 */

void pyr_ipc_body_deinit(pyr_ipc_body *body) {
    for (size_t i = 0; i < body->spans_count; ++i) {
        pyr_buffer_release(body->spans[i].buffer);
    }
    free(body->spans);
    free(body->nodes);
    free(body->buffers);
    free(body->variadic);
    body->spans = NULL;
    body->nodes = body->buffers = body->variadic = NULL;
    body->spans_count = 0;
}

static pyr_status push_pair(int64_t **items, size_t *count, size_t *capacity, int64_t first,
                            int64_t second, pyr_error *error) {
    if (!pyr_ipc_grow((void **)items, capacity, *count + 1, 2 * sizeof **items)) {
        return pyr_error_memory(error, (*count + 1) * 16);
    }
    (*items)[2 * *count] = first;
    (*items)[2 * *count + 1] = second;
    ++*count;
    return PYR_OK;
}

pyr_status pyr_ipc_body_node(pyr_ipc_body *body, int64_t length, int64_t null_count,
                             pyr_error *error) {
    return push_pair(&body->nodes, &body->nodes_count, &body->nodes_capacity, length, null_count,
                     error);
}

pyr_status pyr_ipc_body_variadic(pyr_ipc_body *body, int64_t count, pyr_error *error) {
    if (!pyr_ipc_grow((void **)&body->variadic, &body->variadic_capacity, body->variadic_count + 1,
                      sizeof *body->variadic)) {
        return pyr_error_memory(error, (body->variadic_count + 1) * 8);
    }
    body->variadic[body->variadic_count++] = count;
    return PYR_OK;
}

static pyr_status push_span(pyr_ipc_body *body, pyr_buffer *buffer, const uint8_t *data,
                            size_t size_bytes, pyr_error *error) {
    if (!pyr_ipc_grow((void **)&body->spans, &body->spans_capacity, body->spans_count + 1,
                      sizeof *body->spans)) {
        return pyr_error_memory(error, (body->spans_count + 1) * sizeof *body->spans);
    }
    pyr_ipc_span span = {pyr_buffer_retain(buffer), data, size_bytes};
    body->spans[body->spans_count++] = span;
    body->size_bytes += (int64_t)size_bytes;
    return PYR_OK;
}

static pyr_status pad(pyr_ipc_body *body, size_t alignment, pyr_error *error) {
    size_t over = (size_t)body->size_bytes & (alignment - 1);
    return over == 0 ? PYR_OK : push_span(body, NULL, zeros, alignment - over, error);
}

/* One buffer of the message made of up to two spans; padded. */
static pyr_status push_buffer(pyr_ipc_body *body, pyr_buffer *first, const uint8_t *first_data,
                              size_t first_bytes, pyr_buffer *second, const uint8_t *second_data,
                              size_t second_bytes, pyr_error *error) {
    PYR_TRY(push_pair(&body->buffers, &body->buffers_count, &body->buffers_capacity,
                      body->size_bytes, (int64_t)(first_bytes + second_bytes), error));
    if (first_bytes > 0) {
        PYR_TRY(push_span(body, first, first_data, first_bytes, error));
    }
    if (second_bytes > 0) {
        PYR_TRY(push_span(body, second, second_data, second_bytes, error));
    }
    return pad(body, body->alignment, error);
}

static pyr_status push_compressed(pyr_ipc_body *body, pyr_buffer *buffer, const uint8_t *data,
                                  size_t size_bytes, pyr_error *error) {
    pyr_buffer *compressed;
    PYR_TRY(pyr_ipc_compress(body->codec, body->compression, body->level, data, size_bytes,
                             &compressed, error));
    if (compressed == NULL) {
        pyr_buffer *mark;
        PYR_TRY(pyr_buffer_wrap(plain_mark, sizeof plain_mark, NULL, NULL, &mark, error));
        pyr_status status =
            push_buffer(body, mark, mark->data, mark->size_bytes, buffer, data, size_bytes, error);
        pyr_buffer_release(mark);
        return status;
    }
    pyr_ledger_add_encoded(body->ledger, (int64_t)compressed->size_bytes);
    pyr_status status = push_buffer(body, compressed, compressed->data, compressed->size_bytes,
                                    NULL, NULL, 0, error);
    pyr_buffer_release(compressed);
    return status;
}

pyr_status pyr_ipc_body_buffer(pyr_ipc_body *body, pyr_buffer *buffer, int64_t offset,
                               int64_t size_bytes, pyr_error *error) {
    if (buffer == NULL || size_bytes == 0) {
        return push_buffer(body, NULL, NULL, 0, NULL, NULL, 0, error);
    }
    assert(offset >= 0 && size_bytes > 0 &&
           (uint64_t)offset + (uint64_t)size_bytes <= buffer->size_bytes);
    const uint8_t *data = buffer->data + offset;
    if (body->compression != PYR_IPC_UNCOMPRESSED) {
        return push_compressed(body, buffer, data, (size_t)size_bytes, error);
    }
    return push_buffer(body, buffer, data, (size_t)size_bytes, NULL, NULL, 0, error);
}

pyr_status pyr_ipc_body_zeros(pyr_ipc_body *body, int64_t size_bytes, pyr_error *error) {
    pyr_buffer *buffer;
    PYR_TRY(pyr_buffer_wrap(zeros, (size_t)size_bytes, NULL, NULL, &buffer, error));
    pyr_status status = pyr_ipc_body_buffer(body, buffer, 0, size_bytes, error);
    pyr_buffer_release(buffer);
    return status;
}

pyr_status pyr_ipc_body_extra(pyr_ipc_body *body, pyr_buffer *buffer, pyr_error *error) {
    PYR_TRY(pyr_ipc_body_end(body, error));
    PYR_TRY(push_span(body, buffer, buffer->data, buffer->size_bytes, error));
    return pyr_ipc_body_end(body, error);
}

pyr_status pyr_ipc_body_end(pyr_ipc_body *body, pyr_error *error) {
    return pad(body, 64, error);
}

static pyr_fbb_ref write_compression(const pyr_ipc_body *body, pyr_fbb *builder) {
    if (body->compression == PYR_IPC_UNCOMPRESSED) {
        return 0;
    }
    pyr_fbb_table_begin(builder);
    pyr_fbb_add_u8(builder, 0, body->compression == PYR_IPC_ZSTD);
    pyr_fbb_add_u8(builder, 1, 0);
    return pyr_fbb_table_end(builder);
}

pyr_fbb_ref pyr_ipc_body_write(const pyr_ipc_body *body, pyr_fbb *builder, int64_t rows) {
    pyr_fbb_ref compression = write_compression(body, builder);
    pyr_fbb_ref variadic = body->variadic_count == 0 ? 0
                                                     : pyr_fbb_vector(builder, body->variadic,
                                                                      body->variadic_count, 8, 8);
    pyr_fbb_ref buffers = pyr_fbb_vector(builder, body->buffers, body->buffers_count, 16, 8);
    pyr_fbb_ref nodes = pyr_fbb_vector(builder, body->nodes, body->nodes_count, 16, 8);
    pyr_fbb_table_begin(builder);
    pyr_fbb_add_i64(builder, PYR_FBS_BATCH_LENGTH, rows);
    pyr_fbb_add_ref(builder, PYR_FBS_BATCH_NODES, nodes);
    pyr_fbb_add_ref(builder, PYR_FBS_BATCH_BUFFERS, buffers);
    pyr_fbb_add_ref(builder, PYR_FBS_BATCH_COMPRESSION, compression);
    pyr_fbb_add_ref(builder, PYR_FBS_BATCH_VARIADIC, variadic);
    return pyr_fbb_table_end(builder);
}
