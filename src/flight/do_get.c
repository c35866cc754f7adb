/* do_get.c - DoGet: a statement's rows as FlightData whose bodies are the engine's buffers
 * themselves. */
#include "arrow/builder.h"
#include "arrow/ipc/ipc.h"
#include "base/ledger.h"
#include "flight/service.h"

/* A message is at most this large where rows can be divided: plain Go clients take 4 MiB. */
#define MESSAGE_BYTES_MAX (((int64_t)4 << 20) - (64 << 10))
/* What larger batches are divided into. */
#define MESSAGE_BYTES_AIM ((int64_t)3 << 20)
#define VECTOR_ROWS 2048

typedef struct sender {
    pyr_call *call;
    pyr_ipc_encoder *encoder;
    pyr_query_ledger *ledger;
} sender;

static pyr_status send_message(sender *self, pyr_ipc_message *message, pyr_error *error) {
    pyr_outgoing *outgoing = NULL;
    int64_t body_bytes = message->body_bytes;
    pyr_status status = pyr_flight_data_wrap(message, &outgoing, error);
    pyr_ipc_message_deinit(message);
    if (status == PYR_OK) {
        status = pyr_call_send(self->call, outgoing, error);
    }
    if (status == PYR_OK) {
        pyr_ledger_add_sent(self->ledger, body_bytes);
    }
    return status;
}

static pyr_status send_schema(sender *self, pyr_error *error) {
    pyr_ipc_message message;
    PYR_TRY(pyr_ipc_encode_schema(self->encoder, &message, error));
    return send_message(self, &message, error);
}

static pyr_status send_piece(sender *self, pyr_batch *batch, pyr_error *error) {
    pyr_ipc_message message;
    for (;;) {
        PYR_TRY(pyr_ipc_encode_dictionary(self->encoder, batch, &message, error));
        if (message.type == 0) {
            break;
        }
        PYR_TRY(send_message(self, &message, error));
    }
    PYR_TRY(pyr_ipc_encode_batch(self->encoder, batch, NULL, self->ledger, &message, error));
    return send_message(self, &message, error);
}

/* Large batches go out in slices, by view; whole vectors, so that bitmaps begin at a byte. */
static pyr_status send_batch(sender *self, pyr_batch *batch, pyr_error *error) {
    int64_t size = pyr_batch_size_bytes(batch);
    int64_t pieces = (size + MESSAGE_BYTES_AIM - 1) / MESSAGE_BYTES_AIM;
    int64_t rows = size > MESSAGE_BYTES_MAX ? batch->rows / pieces + 1 : batch->rows;
    rows = (rows + VECTOR_ROWS - 1) / VECTOR_ROWS * VECTOR_ROWS;
    if (batch->rows <= rows) {
        return send_piece(self, batch, error);
    }
    pyr_status status = PYR_OK;
    for (int64_t offset = 0; status == PYR_OK && offset < batch->rows; offset += rows) {
        pyr_batch *piece = NULL;
        int64_t left = batch->rows - offset;
        PYR_TRY(pyr_batch_slice(batch, offset, left < rows ? left : rows, &piece, error));
        status = send_piece(self, piece, error);
        pyr_batch_release(piece);
    }
    return status;
}

static pyr_status send_stream(sender *self, pyr_stream *stream, pyr_error *error) {
    PYR_TRY(send_schema(self, error));
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        pyr_batch *dense = NULL;
        pyr_status status = pyr_batch_dense(batch, self->ledger, NULL, &dense, error);
        if (status == PYR_OK && dense->rows > 0) {
            status = pyr_batch_check_mappings(dense, error);
        }
        if (status == PYR_OK && dense->rows > 0) {
            status = send_batch(self, dense, error);
        }
        pyr_batch_release(dense);
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
}

/* One row: rows_changed. */
static pyr_status update_stream(int64_t rows_changed, pyr_stream **out, pyr_error *error) {
    pyr_schema *schema = NULL;
    pyr_builder *builder = NULL;
    pyr_array *column = NULL;
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_service_update_schema(&schema, error));
    pyr_status status = pyr_builder_create(schema->fields[0], NULL, &builder, error);
    if (status == PYR_OK) {
        status = pyr_builder_int64(builder, rows_changed, error);
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, &column, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, 1, &column, 1, NULL, &batch, error);
    }
    if (status == PYR_OK) {
        status = pyr_stream_from_batches(schema, &batch, 1, out, error);
    }
    pyr_batch_release(batch);
    pyr_array_release(column);
    pyr_builder_destroy(builder);
    pyr_schema_release(schema);
    return status;
}

static void abandon(void *context) {
    pyr_session_abandon(context);
}

static pyr_status send_result(pyr_call *call, pyr_result *result, pyr_error *error) {
    pyr_stream *changed = NULL;
    pyr_stream *stream = result->stream;
    if (!result->has_rows) {
        PYR_TRY(update_stream(result->rows_changed, &changed, error));
        stream = changed;
    }
    sender self = {.call = call, .ledger = pyr_result_ledger(result)};
    pyr_ipc_write_options options = {
        .allow_replacement = true, .alignment = 64, .ledger = self.ledger};
    pyr_status status = pyr_ipc_encoder_create(stream->schema, &options, &self.encoder, error);
    if (status == PYR_OK) {
        status = send_stream(&self, stream, error);
    }
    pyr_ipc_encoder_destroy(self.encoder);
    pyr_stream_destroy(changed);
    return status;
}

static pyr_status run_ticket(pyr_service *service, pyr_call *call,
                             const ProtobufCBinaryData *ticket, pyr_error *error) {
    pyr_span statement;
    PYR_TRY(pyr_service_statement("the ticket", ticket->data, ticket->len, &statement, error));
    pyr_result result = {0};
    pyr_call_on_cancel(call, abandon, service->connection);
    pyr_status status = pyr_session_run(service->connection, statement.text, statement.length, NULL,
                                        service->deadline_ns, &result, error);
    if (status != PYR_OK && error->position >= 0) {
        error->position += (int32_t)statement.offset;
    }
    if (status == PYR_OK) {
        status = send_result(call, &result, error);
        pyr_service_report(call, pyr_result_ledger(&result));
    }
    pyr_call_on_cancel(call, NULL, NULL);
    pyr_result_deinit(&result);
    return status;
}

pyr_status pyr_service_do_get(pyr_service *service, pyr_call *call, pyr_error *error) {
    pyr_buffer *request = NULL;
    PYR_TRY(pyr_service_request(call, &request, error));
    Pyr__Flight__Ticket *ticket =
        pyr__flight__ticket__unpack(NULL, request->size_bytes, request->data);
    pyr_buffer_release(request);
    if (ticket == NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "the request is not a Ticket");
    }
    pyr_status status = run_ticket(service, call, &ticket->ticket, error);
    pyr__flight__ticket__free_unpacked(ticket, NULL);
    return status;
}
