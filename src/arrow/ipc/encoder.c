/* encoder.c - batches of one schema to messages; see dictionaries_write.c for the dictionaries. */
#include "arrow/ipc/encoder_internal.h"
#include "arrow/ipc/ipc_internal.h"

#include "base/crc32c.h"
#include <assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pyr_ipc_message_deinit(pyr_ipc_message *message) {
    pyr_buffer_release(message->metadata);
    for (size_t i = 0; i < message->spans_count; ++i) {
        pyr_buffer_release(message->spans[i].buffer);
    }
    free(message->spans);
    memset(message, 0, sizeof *message);
}

pyr_status pyr_ipc_encoder_create(pyr_schema *schema, const pyr_ipc_write_options *options,
                                  pyr_ipc_encoder **out, pyr_error *error) {
    *out = NULL;
    pyr_ipc_encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL) {
        return pyr_error_memory(error, sizeof *encoder);
    }
    encoder->schema = pyr_schema_retain(schema);
    if (options != NULL) {
        encoder->options = *options;
    }
    if (encoder->options.alignment == 0) {
        encoder->options.alignment = 64;
    }
    pyr_status status = PYR_OK;
    if (encoder->options.alignment != 8 && encoder->options.alignment != 64) {
        status = pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                               "Arrow IPC: alignment %d, it must be 8 or 64",
                               encoder->options.alignment);
    }
    if (status == PYR_OK) {
        status = pyr_ipc_sent_create(encoder, error);
    }
    if (status != PYR_OK) {
        pyr_ipc_encoder_destroy(encoder);
        return status;
    }
    *out = encoder;
    return PYR_OK;
}

void pyr_ipc_encoder_destroy(pyr_ipc_encoder *encoder) {
    if (encoder == NULL) {
        return;
    }
    pyr_ipc_sent_destroy(encoder);
    pyr_ipc_codec_deinit(&encoder->codec);
    pyr_schema_release(encoder->schema);
    free(encoder);
}

static pyr_status schema_message(const pyr_schema *schema, int64_t feature, pyr_buffer **out,
                                 pyr_error *error) {
    pyr_fbb builder;
    pyr_fbb_init(&builder);
    pyr_fbb_ref root;
    *out = NULL;
    pyr_status status = pyr_ipc_schema_write(&builder, schema, feature, &root, error);
    if (status == PYR_OK) {
        status = pyr_ipc_message_write(&builder, PYR_IPC_SCHEMA, root, 0, 0, out, error);
    }
    pyr_fbb_deinit(&builder);
    return status;
}

pyr_status pyr_ipc_encode_schema(pyr_ipc_encoder *encoder, pyr_ipc_message *out, pyr_error *error) {
    memset(out, 0, sizeof *out);
    int64_t feature =
        encoder->options.compression == PYR_IPC_UNCOMPRESSED ? 0 : PYR_FBS_FEATURE_COMPRESSED_BODY;
    PYR_TRY(schema_message(encoder->schema, feature, &out->metadata, error));
    out->type = PYR_IPC_SCHEMA;
    return PYR_OK;
}

pyr_ipc_body pyr_ipc_encoder_body(pyr_ipc_encoder *encoder, pyr_query_ledger *ledger) {
    pyr_ipc_body body = {.compression = encoder->options.compression,
                         .level = encoder->options.compression_level,
                         .alignment = (size_t)encoder->options.alignment,
                         .ledger = ledger,
                         .codec = &encoder->codec};
    return body;
}

/* metadata and one more pair: the CRC of what body will send. */
static pyr_status add_crc(const pyr_ipc_body *body, const pyr_metadata *metadata,
                          pyr_metadata **out, pyr_error *error) {
    uint32_t crc = 0;
    for (size_t i = 0; i < body->spans_count; ++i) {
        crc = pyr_crc32c(crc, body->spans[i].data, body->spans[i].size_bytes);
    }
    char digits[9];
    snprintf(digits, sizeof digits, "%08x", crc);
    pyr_metadata *copy;
    PYR_TRY(pyr_metadata_create(&copy, error));
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < pyr_metadata_count(metadata); ++i) {
        const char *key;
        const char *value;
        size_t key_length;
        size_t value_length;
        pyr_metadata_get(metadata, i, &key, &key_length, &value, &value_length);
        /* A batch that was read and is written again brings the CRC of its old body. */
        if (key_length != strlen(body->crc_key) || memcmp(key, body->crc_key, key_length) != 0) {
            status = pyr_metadata_add(copy, key, key_length, value, value_length, error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_metadata_add(copy, body->crc_key, strlen(body->crc_key), digits, 8, error);
    }
    if (status != PYR_OK) {
        pyr_metadata_release(copy);
        return status;
    }
    *out = copy;
    return PYR_OK;
}

pyr_status pyr_ipc_encoder_finish(pyr_ipc_body *body, pyr_ipc_message_type type, int64_t rows,
                                  const pyr_ipc_dictionary_header *dictionary,
                                  const pyr_metadata *metadata, pyr_ipc_message *out,
                                  pyr_error *error) {
    PYR_TRY(pyr_ipc_body_end(body, error));
    pyr_metadata *with_crc = NULL;
    if (body->crc_key != NULL) {
        PYR_TRY(add_crc(body, metadata, &with_crc, error));
        metadata = with_crc;
    }
    pyr_fbb builder;
    pyr_fbb_init(&builder);
    pyr_fbb_ref metadata_ref = pyr_ipc_metadata_write(&builder, metadata);
    pyr_metadata_release(with_crc);
    pyr_fbb_ref header = pyr_ipc_body_write(body, &builder, rows);
    if (dictionary != NULL) {
        pyr_fbb_table_begin(&builder);
        pyr_fbb_add_i64(&builder, PYR_FBS_DICTIONARY_ID, dictionary->id);
        pyr_fbb_add_ref(&builder, PYR_FBS_DICTIONARY_DATA, header);
        pyr_fbb_add_bool(&builder, PYR_FBS_DICTIONARY_IS_DELTA, dictionary->is_delta);
        header = pyr_fbb_table_end(&builder);
    }
    pyr_status status = pyr_ipc_message_write(&builder, type, header, body->size_bytes,
                                              metadata_ref, &out->metadata, error);
    pyr_fbb_deinit(&builder);
    if (status != PYR_OK) {
        return status;
    }
    out->type = type;
    out->rows = rows;
    out->body_bytes = body->size_bytes;
    out->spans = body->spans;
    out->spans_count = body->spans_count;
    body->spans = NULL;
    body->spans_count = 0;
    return PYR_OK;
}

pyr_status pyr_ipc_encode_batch(pyr_ipc_encoder *encoder, pyr_batch *batch, pyr_metadata *metadata,
                                pyr_query_ledger *ledger, pyr_ipc_message *out, pyr_error *error) {
    return pyr_ipc_encode_batch_with(encoder, batch, metadata, NULL, ledger, out, error);
}

pyr_status pyr_ipc_encode_batch_with(pyr_ipc_encoder *encoder, pyr_batch *batch,
                                     pyr_metadata *metadata, const pyr_ipc_extras *extras,
                                     pyr_query_ledger *ledger, pyr_ipc_message *out,
                                     pyr_error *error) {
    assert(batch->selection == NULL);
    assert(batch->columns_count == encoder->schema->fields_count);
    memset(out, 0, sizeof *out);
    pyr_ipc_body body = pyr_ipc_encoder_body(encoder, ledger);
    body.crc_key = encoder->options.crc_key;
    pyr_status status = PYR_OK;
    for (int32_t i = 0; i < batch->columns_count && status == PYR_OK; ++i) {
        status = pyr_ipc_body_add(&body, batch->columns[i], error);
        if (status != PYR_OK) {
            status =
                pyr_error_context(error, status, "column \"%s\"", encoder->schema->fields[i]->name);
        }
    }
    for (size_t i = 0; extras != NULL && i < extras->count && status == PYR_OK; ++i) {
        status = pyr_ipc_body_extra(&body, extras->buffers[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_ipc_encoder_finish(&body, PYR_IPC_RECORD_BATCH, batch->rows, NULL, metadata,
                                        out, error);
    }
    pyr_ipc_body_deinit(&body);
    pyr_ipc_sent_forget_batch(encoder);
    return status;
}

pyr_status pyr_ipc_schema_serialize(pyr_schema *schema, pyr_buffer **out, pyr_error *error) {
    pyr_buffer *metadata;
    pyr_buffer *framed;
    *out = NULL;
    PYR_TRY(schema_message(schema, 0, &metadata, error));
    pyr_status status = pyr_buffer_create_raw(PYR_IPC_CONTINUATION_BYTES + metadata->size_bytes,
                                              NULL, &framed, error);
    if (status == PYR_OK) {
        uint8_t *to = pyr_buffer_mutable(framed);
        uint32_t prefix[2] = {UINT32_MAX, (uint32_t)metadata->size_bytes};
        memcpy(to, prefix, sizeof prefix);
        memcpy(to + sizeof prefix, metadata->data, metadata->size_bytes);
        *out = framed;
    }
    pyr_buffer_release(metadata);
    return status;
}

pyr_status pyr_ipc_schema_deserialize(pyr_buffer *bytes, pyr_schema **out, pyr_error *error) {
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    size_t prefix;
    int32_t size_bytes;
    *out = NULL;
    if (!pyr_ipc_prefix_read(bytes->data, bytes->size_bytes, &prefix, &size_bytes) ||
        size_bytes <= 0 || (size_t)size_bytes > bytes->size_bytes - prefix) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%zu bytes are not an Arrow schema message",
                             bytes->size_bytes);
    }
    pyr_ipc_head head;
    PYR_TRY(pyr_ipc_head_read(bytes->data + prefix, (size_t)size_bytes, &limits, &head, error));
    if (head.type != PYR_IPC_SCHEMA) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "an Arrow message, but not a schema");
    }
    pyr_ipc_schema schema;
    PYR_TRY(pyr_ipc_schema_read(head.header, &limits, &schema, error));
    *out = pyr_schema_retain(schema.schema);
    pyr_ipc_schema_deinit(&schema);
    return PYR_OK;
}
