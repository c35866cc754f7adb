/* arrow_ipc_use.h - what the Arrow IPC fuzzers do with bytes that a reader has accepted: everything
 * that looks at values, and a round trip through the encoder. Included by one .c each.
 */
#ifndef PYR_FUZZ_ARROW_IPC_USE_H
#define PYR_FUZZ_ARROW_IPC_USE_H

#include "arrow/builder.h"
#include "arrow/ipc/ipc.h"
#include "base/text.h"
#include "fuzz.h"

#include <string.h>

static pyr_ipc_limits fuzz_limits(void) {
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    limits.decoded_bytes_max = 16 << 20;
    limits.rows_max = 10000;
    return limits;
}

/* Values that one element may stand for, at most: list views may name the same child from every row
 * and level, so a small input can print as an endless text. That is the format's, not a fault. */
static double expanded(const pyr_array *array) {
    double sum = 1;
    if (array->dictionary != NULL) {
        return expanded(array->dictionary);
    }
    for (int32_t i = 0; i < array->children_count; ++i) {
        double child = expanded(array->children[i]);
        bool many = array->field->type >= PYR_TYPE_LIST && array->field->type <= PYR_TYPE_MAP &&
                    array->field->type != PYR_TYPE_STRUCT;
        sum += child * (many ? (double)array->children[i]->length : 1);
    }
    return sum;
}

static void use_column(pyr_array *column, int64_t rows) {
    pyr_text text;
    pyr_text_init(&text);
    for (int64_t i = 0; i < rows && i < 50; ++i) {
        pyr_text_clear(&text);
        pyr_array_print_value(column, i, &text);
        pyr_text_clear(&text);
        pyr_array_print_json(column, i, &text);
    }
    pyr_text_deinit(&text);
    MUST(pyr_array_size_bytes(column) >= 0);
    if (rows > 0) {
        int32_t indices[4] = {0, (int32_t)(rows - 1), -1, (int32_t)(rows / 2)};
        pyr_array *taken;
        pyr_error error;
        if (pyr_array_take(column, indices, 4, PYR_COPY_GATHER, NULL, NULL, &taken, &error) ==
            PYR_OK) {
            MUST(pyr_array_validate(taken, PYR_VALIDATE_FULL, &error) == PYR_OK);
            pyr_array_release(taken);
        }
    }
}

/* The body of a message in one buffer. */
static pyr_buffer *gather_body(const pyr_ipc_message *message) {
    pyr_buffer *body;
    pyr_error error;
    MUST(pyr_buffer_create_raw((size_t)message->body_bytes, NULL, &body, &error) == PYR_OK);
    size_t position = 0;
    for (size_t i = 0; i < message->spans_count; ++i) {
        memcpy(pyr_buffer_mutable(body) + position, message->spans[i].data,
               message->spans[i].size_bytes);
        position += message->spans[i].size_bytes;
    }
    MUST(position == (size_t)message->body_bytes && position % 64 == 0);
    return body;
}

static pyr_batch *pass_on(pyr_ipc_decoder *decoder, pyr_ipc_message *message) {
    pyr_batch *batch;
    pyr_error error;
    pyr_buffer *body = gather_body(message);
    if (pyr_ipc_decode(decoder, message->metadata, body, &batch, &error) != PYR_OK) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
    pyr_buffer_release(body);
    pyr_ipc_message_deinit(message);
    return batch;
}

/* What was accepted is encoded and decoded to the same. */
static void round_trip(pyr_batch *batch, pyr_ipc_compression compression) {
    pyr_error error;
    pyr_ipc_encoder *encoder;
    pyr_ipc_decoder *decoder;
    pyr_ipc_message message;
    pyr_ipc_write_options options = {.compression = compression, .allow_replacement = true};
    MUST(pyr_ipc_encoder_create(batch->schema, &options, &encoder, &error) == PYR_OK);
    MUST(pyr_ipc_decoder_create(NULL, PYR_VALIDATE_FULL, NULL, NULL, &decoder, &error) == PYR_OK);
    MUST(pyr_ipc_encode_schema(encoder, &message, &error) == PYR_OK);
    MUST(pass_on(decoder, &message) == NULL);
    for (;;) {
        MUST(pyr_ipc_encode_dictionary(encoder, batch, &message, &error) == PYR_OK);
        if (message.type == 0) {
            break;
        }
        MUST(pass_on(decoder, &message) == NULL);
    }
    MUST(pyr_ipc_encode_batch(encoder, batch, batch->metadata, NULL, &message, &error) == PYR_OK);
    pyr_batch *again = pass_on(decoder, &message);
    MUST(again != NULL && pyr_batch_equal(batch, again));
    pyr_batch_release(again);
    pyr_ipc_encoder_destroy(encoder);
    pyr_ipc_decoder_destroy(decoder);
}

static void use_batch(pyr_batch *batch) {
    pyr_error error;
    double cost = 0;
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        cost += expanded(batch->columns[i]) * (double)batch->rows;
    }
    if (cost > 1e6) {
        return;
    }
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        use_column(batch->columns[i], batch->rows);
    }
    round_trip(batch, PYR_IPC_UNCOMPRESSED);
    pyr_batch *slice;
    int64_t skipped = batch->rows / 3;
    MUST(pyr_batch_slice(batch, skipped, batch->rows - skipped, &slice, &error) == PYR_OK);
    round_trip(slice, PYR_IPC_LZ4_FRAME);
    pyr_batch_release(slice);
}

#endif
