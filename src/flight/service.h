/* service.h - the methods of the Flight service, one function each. They run on their call's own
 * thread, give their outcome back and never finish the call themselves. */
#ifndef PYR_FLIGHT_SERVICE_H
#define PYR_FLIGHT_SERVICE_H

#include "flight/call.h"
#include "flight/flight.pb-c.h"
#include "session/session.h"
#include "sql/statement.h"

/* What a method works with: a connection of its own to the database, for this call alone. */
typedef struct pyr_service {
    pyr_database *db;
    pyr_connection *connection;
    pyr_budget *budget;  /* of decoded batches, shared by all calls */
    int64_t deadline_ns; /* the call's, or the statement timeout's; 0: none */
} pyr_service;

PYR_MUST_CHECK pyr_status pyr_service_handshake(pyr_service *service, pyr_call *call,
                                                pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_service_list_flights(pyr_service *service, pyr_call *call,
                                                   pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_service_get_flight_info(pyr_service *service, pyr_call *call,
                                                      pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_service_get_schema(pyr_service *service, pyr_call *call,
                                                 pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_service_do_get(pyr_service *service, pyr_call *call,
                                             pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_service_do_put(pyr_service *service, pyr_call *call,
                                             pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_service_list_actions(pyr_service *service, pyr_call *call,
                                                   pyr_error *error);

/* Receives the one request of a unary or server-streaming method. PYR_ERROR_INVALID_ARGUMENT where
 * none came. */
PYR_MUST_CHECK pyr_status pyr_service_request(pyr_call *call, pyr_buffer **out, pyr_error *error);
/* Serializes and sends. */
PYR_MUST_CHECK pyr_status pyr_service_reply(pyr_call *call, const ProtobufCMessage *message,
                                            pyr_error *error);
/* The one statement that bytes from outside hold, a view into them. PYR_ERROR_SQL 42601 where there
 * is none or a second one, PYR_ERROR_INVALID_ARGUMENT where it is not text. what: for messages. */
PYR_MUST_CHECK pyr_status pyr_service_statement(const char *what, const void *bytes,
                                                size_t size_bytes, pyr_span *out, pyr_error *error);
/* The ledger so far, for the call's trailer. */
void pyr_service_report(pyr_call *call, const pyr_query_ledger *ledger);
/* SELECT * FROM "schema"."table" of a descriptor's path; the caller frees it. */
PYR_MUST_CHECK pyr_status pyr_service_path_sql(char *const *path, size_t count, char **out,
                                               pyr_error *error);
/* The one schema of statements that change rows: rows_changed BIGINT. */
PYR_MUST_CHECK pyr_status pyr_service_update_schema(pyr_schema **out, pyr_error *error);

#endif
