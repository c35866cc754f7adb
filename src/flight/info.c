/* info.c - what is there: Handshake, ListFlights, GetFlightInfo, GetSchema, ListActions. */
#include "arrow/ipc/ipc.h"
#include "base/clock.h"
#include "base/text.h"
#include "flight/service.h"
#include "session/ledger_json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* "Use the connection you have": an address of ours may be unreachable for the client (NAT). */
#define REUSE_CONNECTION "arrow-flight-reuse-connection://?"

pyr_status pyr_service_request(pyr_call *call, pyr_buffer **out, pyr_error *error) {
    PYR_TRY(pyr_call_receive(call, out, error));
    if (*out == NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "the call has no request message");
    }
    return PYR_OK;
}

pyr_status pyr_service_reply(pyr_call *call, const ProtobufCMessage *message, pyr_error *error) {
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (bytes == NULL) {
        return pyr_error_memory(error, size);
    }
    protobuf_c_message_pack(message, bytes);
    pyr_outgoing *outgoing = NULL;
    pyr_status status = pyr_outgoing_bytes(bytes, size, &outgoing, error);
    free(bytes);
    return status == PYR_OK ? pyr_call_send(call, outgoing, error) : status;
}

pyr_status pyr_service_statement(const char *what, const void *bytes, size_t size_bytes,
                                 pyr_span *out, pyr_error *error) {
    size_t position = 0;
    pyr_span more;
    bool complete;
    bool open;
    if (size_bytes > 0 && memchr(bytes, '\0', size_bytes) != NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "%s is not SQL text: it has a zero byte", what);
    }
    const char *text = size_bytes > 0 ? bytes : "";
    if (!pyr_sql_split(text, size_bytes, &position, out, &complete, &open)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", 0, "%s holds no statement", what);
    }
    /* With a second one, the first one's outcome would be hidden. */
    if (pyr_sql_split(text, size_bytes, &position, &more, &complete, &open)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", (int32_t)more.offset,
                                 "%s holds more than one statement", what);
    }
    return PYR_OK;
}

void pyr_service_report(pyr_call *call, const pyr_query_ledger *ledger) {
    pyr_ledger_report report;
    pyr_text json;
    pyr_text_init(&json);
    pyr_ledger_report_fill(ledger, &report);
    pyr_ledger_report_json(&report, &json);
    if (pyr_text_check(&json, NULL) == PYR_OK) {
        pyr_call_set_ledger(call, pyr_text_get(&json));
    }
    pyr_text_deinit(&json);
}

/* How long a client may take for its part. */
#define HANDSHAKE_NS_MAX (INT64_C(10) * 1000000000)

pyr_status pyr_service_handshake(pyr_service *service, pyr_call *call, pyr_error *error) {
    (void)service;
    /* Go's client reads before it writes, if it writes: the answer waits for nothing. The end does:
     * a gRPC client whose write meets an ended stream asks for the status and, with the answer
     * unread, never gets it. Nobody logs in yet. */
    Pyr__Flight__HandshakeResponse response = PYR__FLIGHT__HANDSHAKE_RESPONSE__INIT;
    PYR_TRY(pyr_service_reply(call, &response.base, error));
    pyr_call_limit_deadline(call, pyr_clock_monotonic_ns() + HANDSHAKE_NS_MAX);
    pyr_status status = PYR_OK;
    pyr_buffer *message = NULL;
    do {
        pyr_buffer_release(message);
        status = pyr_call_receive(call, &message, error);
    } while (status == PYR_OK && message != NULL);
    return status == PYR_ERROR_TIMEOUT ? PYR_OK : status;
}

pyr_status pyr_service_list_actions(pyr_service *service, pyr_call *call, pyr_error *error) {
    (void)service;
    (void)call;
    (void)error;
    return PYR_OK; /* there are none yet: an empty stream */
}

pyr_status pyr_service_path_sql(char *const *path, size_t count, char **out, pyr_error *error) {
    *out = NULL;
    if (count == 0 || count > 2) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "a path is [table] or [schema, table], this one has %zu parts", count);
    }
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "SELECT * FROM ");
    for (size_t i = 0; i < count; ++i) {
        pyr_text_add(&text, i > 0 ? "." : "");
        pyr_sql_quote_name(path[i], &text);
    }
    pyr_status status = pyr_text_check(&text, error);
    *out = status == PYR_OK ? pyr_text_move(&text) : NULL;
    pyr_text_deinit(&text);
    return status;
}

pyr_status pyr_service_update_schema(pyr_schema **out, pyr_error *error) {
    *out = NULL;
    pyr_field *field = NULL;
    PYR_TRY(pyr_field_create("rows_changed", PYR_TYPE_INT64, &field, error));
    pyr_status status = pyr_schema_create(&field, 1, NULL, out, error);
    pyr_field_release(field);
    return status;
}

/* ---- FlightInfo. ---- */

typedef struct info_parts {
    const char *sql;
    pyr_schema *schema; /* NULL: not known */
    const Pyr__Flight__FlightDescriptor *descriptor;
    int64_t rows, size_bytes; /* -1: not known */
} info_parts;

static pyr_status send_info(pyr_call *call, const info_parts *parts, pyr_error *error) {
    Pyr__Flight__Ticket ticket = PYR__FLIGHT__TICKET__INIT;
    Pyr__Flight__Location location = PYR__FLIGHT__LOCATION__INIT;
    Pyr__Flight__FlightEndpoint endpoint = PYR__FLIGHT__FLIGHT_ENDPOINT__INIT;
    Pyr__Flight__FlightInfo info = PYR__FLIGHT__FLIGHT_INFO__INIT;
    Pyr__Flight__Location *locations[1] = {&location};
    Pyr__Flight__FlightEndpoint *endpoints[1] = {&endpoint};
    pyr_buffer *schema = NULL;
    if (parts->schema != NULL) {
        PYR_TRY(pyr_ipc_schema_serialize(parts->schema, &schema, error));
        info.schema.data = (uint8_t *)schema->data;
        info.schema.len = schema->size_bytes;
    }
    ticket.ticket.data = (uint8_t *)parts->sql;
    ticket.ticket.len = strlen(parts->sql);
    location.uri = (char *)REUSE_CONNECTION;
    endpoint.ticket = &ticket;
    endpoint.n_location = 1;
    endpoint.location = locations;
    info.n_endpoint = 1;
    info.endpoint = endpoints;
    info.flight_descriptor = (Pyr__Flight__FlightDescriptor *)parts->descriptor;
    info.total_records = parts->rows;
    info.total_bytes = parts->size_bytes;
    info.ordered = 1;
    pyr_status status = pyr_service_reply(call, &info.base, error);
    pyr_buffer_release(schema);
    return status;
}

/* The statement a descriptor stands for; the caller frees it. */
static pyr_status descriptor_sql(const Pyr__Flight__FlightDescriptor *descriptor, char **out,
                                 pyr_error *error) {
    *out = NULL;
    if (descriptor->type == PYR__FLIGHT__FLIGHT_DESCRIPTOR__DESCRIPTOR_TYPE__PATH) {
        return pyr_service_path_sql(descriptor->path, descriptor->n_path, out, error);
    }
    if (descriptor->type != PYR__FLIGHT__FLIGHT_DESCRIPTOR__DESCRIPTOR_TYPE__CMD) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "the descriptor names neither a path nor a command");
    }
    pyr_span statement = {0};
    PYR_TRY(pyr_service_statement("the command", descriptor->cmd.data, descriptor->cmd.len,
                                  &statement, error));
    assert(statement.text != NULL);
    *out = strndup(statement.text, statement.length);
    return *out != NULL ? PYR_OK : pyr_error_memory(error, statement.length);
}

static pyr_status receive_descriptor(pyr_call *call, Pyr__Flight__FlightDescriptor **out,
                                     pyr_error *error) {
    *out = NULL;
    pyr_buffer *request = NULL;
    PYR_TRY(pyr_service_request(call, &request, error));
    *out = pyr__flight__flight_descriptor__unpack(NULL, request->size_bytes, request->data);
    pyr_buffer_release(request);
    return *out != NULL ? PYR_OK
                        : pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                        "the request is not a FlightDescriptor");
}

static pyr_status describe(pyr_service *service, const char *sql, pyr_schema **out,
                           pyr_error *error) {
    pyr_schema *parameters = NULL;
    bool is_update = false;
    assert(sql != NULL);
    PYR_TRY(pyr_session_describe(service->connection, sql, strlen(sql), out, &is_update,
                                 &parameters, error));
    pyr_schema_release(parameters);
    return is_update ? pyr_service_update_schema(out, error) : PYR_OK;
}

pyr_status pyr_service_get_flight_info(pyr_service *service, pyr_call *call, pyr_error *error) {
    Pyr__Flight__FlightDescriptor *descriptor = NULL;
    PYR_TRY(receive_descriptor(call, &descriptor, error));
    info_parts parts = {.descriptor = descriptor, .rows = -1, .size_bytes = -1};
    char *sql = NULL;
    pyr_status status = descriptor_sql(descriptor, &sql, error);
    if (status == PYR_OK) {
        parts.sql = sql;
        status = describe(service, sql, &parts.schema, error);
    }
    if (status == PYR_OK) {
        status = send_info(call, &parts, error);
    }
    pyr_schema_release(parts.schema);
    free(sql);
    pyr__flight__flight_descriptor__free_unpacked(descriptor, NULL);
    return status;
}

pyr_status pyr_service_get_schema(pyr_service *service, pyr_call *call, pyr_error *error) {
    Pyr__Flight__FlightDescriptor *descriptor = NULL;
    PYR_TRY(receive_descriptor(call, &descriptor, error));
    char *sql = NULL;
    pyr_schema *schema = NULL;
    pyr_buffer *bytes = NULL;
    pyr_status status = descriptor_sql(descriptor, &sql, error);
    if (status == PYR_OK) {
        status = describe(service, sql, &schema, error);
    }
    if (status == PYR_OK && schema == NULL) {
        status = pyr_error_set_sql(error, PYR_ERROR_SQL, "42P18", -1,
                                   "the result's types depend on parameters");
    }
    if (status == PYR_OK) {
        status = pyr_ipc_schema_serialize(schema, &bytes, error);
    }
    if (status == PYR_OK) {
        Pyr__Flight__SchemaResult result = PYR__FLIGHT__SCHEMA_RESULT__INIT;
        result.schema.data = (uint8_t *)bytes->data;
        result.schema.len = bytes->size_bytes;
        status = pyr_service_reply(call, &result.base, error);
    }
    pyr_buffer_release(bytes);
    pyr_schema_release(schema);
    free(sql);
    pyr__flight__flight_descriptor__free_unpacked(descriptor, NULL);
    return status;
}

/* ---- ListFlights: the tables. ---- */

static pyr_status send_table(void *context, const char *schema_name, const char *name,
                             pyr_schema *schema, int64_t rows, int64_t size_bytes,
                             pyr_error *error) {
    char *path[2] = {(char *)schema_name, (char *)name};
    bool is_main = strcmp(schema_name, "main") == 0;
    Pyr__Flight__FlightDescriptor descriptor = PYR__FLIGHT__FLIGHT_DESCRIPTOR__INIT;
    descriptor.type = PYR__FLIGHT__FLIGHT_DESCRIPTOR__DESCRIPTOR_TYPE__PATH;
    descriptor.path = is_main ? path + 1 : path;
    descriptor.n_path = is_main ? 1 : 2;
    char *sql = NULL;
    PYR_TRY(pyr_service_path_sql(descriptor.path, descriptor.n_path, &sql, error));
    info_parts parts = {sql, schema, &descriptor, rows, size_bytes};
    pyr_status status = send_info(context, &parts, error);
    free(sql);
    return status;
}

pyr_status pyr_service_list_flights(pyr_service *service, pyr_call *call, pyr_error *error) {
    pyr_buffer *request = NULL;
    PYR_TRY(pyr_service_request(call, &request, error));
    pyr_buffer_release(request); /* criteria: everything is listed */
    return pyr_session_tables(service->connection, send_table, call, error);
}
