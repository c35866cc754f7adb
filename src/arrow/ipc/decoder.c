/* decoder.c - messages in order, batches out: what streams and Flight share. */
#include "arrow/ipc/ipc_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct pyr_ipc_decoder {
    pyr_ipc_limits limits;
    pyr_validation validation;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    pyr_ipc_schema schema;
    pyr_ipc_dictionaries *dictionaries;
};

pyr_status pyr_ipc_decoder_create(const pyr_ipc_limits *limits, pyr_validation validation,
                                  pyr_query_ledger *ledger, pyr_budget *budget,
                                  pyr_ipc_decoder **out, pyr_error *error) {
    *out = NULL;
    pyr_ipc_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL) {
        return pyr_error_memory(error, sizeof *decoder);
    }
    decoder->limits = limits != NULL ? *limits : pyr_ipc_limits_default();
    decoder->validation = validation;
    decoder->ledger = ledger;
    decoder->budget = budget != NULL ? pyr_budget_retain(budget) : NULL;
    *out = decoder;
    return PYR_OK;
}

void pyr_ipc_decoder_destroy(pyr_ipc_decoder *decoder) {
    if (decoder == NULL) {
        return;
    }
    pyr_ipc_dictionaries_destroy(decoder->dictionaries);
    pyr_ipc_schema_deinit(&decoder->schema);
    pyr_budget_release(decoder->budget);
    free(decoder);
}

pyr_schema *pyr_ipc_decoder_schema(const pyr_ipc_decoder *decoder) {
    return decoder->schema.schema;
}

static pyr_status take_schema(pyr_ipc_decoder *decoder, const pyr_ipc_head *head,
                              pyr_error *error) {
    if (decoder->schema.schema != NULL) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "Arrow stream: a second schema message");
    }
    PYR_TRY(pyr_ipc_schema_read(head->header, &decoder->limits, &decoder->schema, error));
    pyr_status status =
        pyr_ipc_dictionaries_create(&decoder->schema, true, &decoder->dictionaries, error);
    if (status != PYR_OK) {
        pyr_ipc_schema_deinit(&decoder->schema);
    }
    return status;
}

pyr_status pyr_ipc_decode(pyr_ipc_decoder *decoder, pyr_buffer *metadata, pyr_buffer *body,
                          pyr_batch **out, pyr_error *error) {
    assert(metadata != NULL);
    *out = NULL;
    pyr_ipc_head head;
    PYR_TRY(
        pyr_ipc_head_read(metadata->data, metadata->size_bytes, &decoder->limits, &head, error));
    if (head.type == PYR_IPC_SCHEMA) {
        return take_schema(decoder, &head, error);
    }
    if (decoder->schema.schema == NULL) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "Arrow stream: the first message is not a schema");
    }
    size_t body_bytes = body != NULL ? body->size_bytes : 0;
    if ((uint64_t)head.body_bytes > body_bytes) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "Arrow stream: a body of %zu bytes, the message announces %lld",
                             body_bytes, (long long)head.body_bytes);
    }
    pyr_ipc_source source = {metadata, 0, metadata->size_bytes, body, 0, body_bytes};
    if (head.type == PYR_IPC_DICTIONARY_BATCH) {
        return pyr_ipc_dictionaries_add(decoder->dictionaries, &decoder->limits, &source, error);
    }
    pyr_ipc_read read = {.limits = &decoder->limits,
                         .validation = decoder->validation,
                         .ledger = decoder->ledger,
                         .budget = decoder->budget,
                         .schema = &decoder->schema,
                         .dictionaries = decoder->dictionaries};
    return pyr_ipc_batch_read(&read, &head, &source, NULL, 0, out, error);
}
