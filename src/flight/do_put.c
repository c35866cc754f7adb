/* do_put.c - DoPut: record batches appended to a table, each message acknowledged once it is
 * durable.
 *
 * Messages that have arrived together are committed together: one sync serves them all.
 */
#include "arrow/ipc/ipc.h"
#include "base/ledger.h"
#include "base/text.h"
#include "flight/service.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What may be uncommitted while more keeps coming. */
#define COMMIT_BYTES ((size_t)256 << 20)

typedef struct put {
    pyr_service *service;
    pyr_call *call;
    char *table; /* quoted parts, divided by '.' */
    pyr_ipc_decoder *decoder;
    pyr_ingest_writer *writer;
    pyr_query_ledger ledger; /* the decoder's, moved to the writer's after each message */
    int64_t *pending; /* rows of the stream up to each message that is not acknowledged yet */
    size_t pending_count, pending_capacity;
    size_t pending_bytes;
    int64_t rows;
} put;

static pyr_status read_descriptor(put *self, const pyr_bytes *bytes, pyr_error *error) {
    Pyr__Flight__FlightDescriptor *descriptor =
        bytes->data == NULL
            ? NULL
            : pyr__flight__flight_descriptor__unpack(NULL, bytes->size_bytes, bytes->data);
    if (descriptor == NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "the first message of DoPut has no FlightDescriptor");
    }
    pyr_status status = PYR_OK;
    if (descriptor->type != PYR__FLIGHT__FLIGHT_DESCRIPTOR__DESCRIPTOR_TYPE__PATH ||
        descriptor->n_path == 0 || descriptor->n_path > 2) {
        status = pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                               "DoPut takes a path: [table] or [schema, table]");
    }
    pyr_text text;
    pyr_text_init(&text);
    for (size_t i = 0; status == PYR_OK && i < descriptor->n_path; ++i) {
        pyr_text_add(&text, i > 0 ? "." : "");
        pyr_sql_quote_name(descriptor->path[i], &text);
    }
    if (status == PYR_OK) {
        status = pyr_text_check(&text, error);
        self->table = status == PYR_OK ? pyr_text_move(&text) : NULL;
    }
    pyr_text_deinit(&text);
    pyr__flight__flight_descriptor__free_unpacked(descriptor, NULL);
    return status;
}

static pyr_status acknowledge(put *self, pyr_error *error) {
    if (self->pending_count == 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_ingest_commit(self->writer, NULL, error));
    for (size_t i = 0; i < self->pending_count; ++i) {
        char text[48];
        int size = snprintf(text, sizeof(text), "{\"rows\":%" PRId64 "}", self->pending[i]);
        Pyr__Flight__PutResult result = PYR__FLIGHT__PUT_RESULT__INIT;
        result.app_metadata.data = (uint8_t *)text;
        result.app_metadata.len = (size_t)size;
        PYR_TRY(pyr_service_reply(self->call, &result.base, error));
    }
    self->pending_count = 0;
    self->pending_bytes = 0;
    return PYR_OK;
}

static pyr_status note_pending(put *self, size_t size_bytes, pyr_error *error) {
    if (self->pending_count == self->pending_capacity) {
        size_t capacity = self->pending_capacity > 0 ? self->pending_capacity * 2 : 16;
        int64_t *grown = realloc(self->pending, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        self->pending = grown;
        self->pending_capacity = capacity;
    }
    self->pending[self->pending_count++] = self->rows;
    self->pending_bytes += size_bytes;
    return PYR_OK;
}

/* A view of part of the received message. */
static pyr_status slice(pyr_buffer *message, const pyr_bytes *part, pyr_buffer **out,
                        pyr_error *error) {
    *out = NULL;
    if (part->data == NULL) {
        return PYR_OK;
    }
    return pyr_buffer_slice(message, (size_t)(part->data - message->data), part->size_bytes, out,
                            error);
}

static pyr_status decode(put *self, pyr_buffer *message, const pyr_flight_data *data,
                         pyr_batch **out, pyr_error *error) {
    *out = NULL;
    pyr_buffer *header = NULL;
    pyr_buffer *body = NULL;
    pyr_status status = slice(message, &data->header, &header, error);
    if (status == PYR_OK) {
        status = slice(message, &data->body, &body, error);
    }
    if (status == PYR_OK) {
        status = pyr_ipc_decode(self->decoder, header, body, out, error);
    }
    pyr_buffer_release(header);
    pyr_buffer_release(body);
    return status;
}

static pyr_status open_table(put *self, pyr_error *error) {
    PYR_TRY(pyr_ingest_open(self->service->connection, self->table,
                            pyr_ipc_decoder_schema(self->decoder), true, false, &self->writer,
                            error));
    return PYR_OK;
}

/* What the decoder did with a message's bytes belongs to the writer's statement. */
static void move_ledger(put *self, size_t body_bytes) {
    pyr_query_ledger *to = pyr_ingest_ledger(self->writer);
    for (int i = 0; i < PYR_COPY_REASONS_COUNT; ++i) {
        pyr_ledger_add_copy(to, (pyr_copy_reason)i, atomic_exchange(&self->ledger.copied[i], 0));
    }
    pyr_ledger_add_decoded(to, atomic_exchange(&self->ledger.bytes_decoded, 0));
    pyr_ledger_add_copy(to, PYR_COPY_RECEIVE, (int64_t)body_bytes);
}

static pyr_status take_message(put *self, pyr_buffer *message, pyr_error *error) {
    pyr_flight_data data;
    PYR_TRY(pyr_flight_data_parse(message->data, message->size_bytes, &data, error));
    if (self->table == NULL) {
        PYR_TRY(read_descriptor(self, &data.descriptor, error));
    }
    if (data.header.data == NULL || data.header.size_bytes == 0) {
        return PYR_OK; /* metadata alone */
    }
    pyr_batch *batch = NULL;
    PYR_TRY(decode(self, message, &data, &batch, error));
    if (self->writer == NULL && pyr_ipc_decoder_schema(self->decoder) != NULL) {
        pyr_status opened = open_table(self, error);
        if (opened != PYR_OK) {
            pyr_batch_release(batch);
            return opened;
        }
    }
    if (self->writer != NULL) {
        move_ledger(self, data.body.size_bytes);
    }
    if (batch == NULL) {
        return PYR_OK;
    }
    self->rows += batch->rows;
    pyr_status status = pyr_ingest_batch(self->writer, batch, error);
    pyr_batch_release(batch);
    return status == PYR_OK ? note_pending(self, data.body.size_bytes, error) : status;
}

static pyr_status take_all(put *self, pyr_error *error) {
    for (;;) {
        if (self->pending_bytes >= COMMIT_BYTES || !pyr_call_has_message(self->call)) {
            PYR_TRY(acknowledge(self, error));
        }
        pyr_buffer *message = NULL;
        PYR_TRY(pyr_call_receive(self->call, &message, error));
        if (message == NULL) {
            break;
        }
        pyr_status status = take_message(self, message, error);
        pyr_buffer_release(message);
        PYR_TRY(status);
    }
    if (self->writer == NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "DoPut ended before a schema came");
    }
    PYR_TRY(acknowledge(self, error));
    /* A stream without batches still creates its table. */
    return pyr_ingest_commit(self->writer, NULL, error);
}

pyr_status pyr_service_do_put(pyr_service *service, pyr_call *call, pyr_error *error) {
    put self = {.service = service, .call = call};
    pyr_ledger_init(&self.ledger);
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    pyr_status status = pyr_ipc_decoder_create(&limits, PYR_VALIDATE_FULL, &self.ledger,
                                               service->budget, &self.decoder, error);
    if (status == PYR_OK) {
        status = take_all(&self, error);
    }
    if (self.writer != NULL) {
        pyr_service_report(call, pyr_ingest_ledger(self.writer));
    }
    pyr_ingest_close(self.writer);
    pyr_ipc_decoder_destroy(self.decoder);
    free(self.pending);
    free(self.table);
    return status;
}
