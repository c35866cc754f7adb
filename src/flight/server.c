/* server.c - the Flight server: a database behind the transport, one connection to it a call. */
#include "flight/server.h"

#include "base/clock.h"
#include "flight/http2_server.h"
#include "flight/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pyr_flight_server {
    pyr_database *db; /* kept open by `keeper` */
    pyr_connection *keeper;
    pyr_http2_server *http2;
    pyr_budget *budget; /* of what batches grow to when they are decoded */
    int64_t statement_timeout_ms;
    size_t folders_count;
    char **folders;
};

typedef struct method {
    const char *name;
    pyr_status (*run)(pyr_service *service, pyr_call *call, pyr_error *error);
} method;

/* A few megabytes of zstd may stand for gigabytes: what all DoPut calls together may decode to at a
 * time. */
#define DECODED_BYTES_MAX ((size_t)2 << 30)
#define SERVICE_PREFIX "/arrow.flight.protocol.FlightService/"

static const method methods[] = {
    {"Handshake", pyr_service_handshake},
    {"ListFlights", pyr_service_list_flights},
    {"GetFlightInfo", pyr_service_get_flight_info},
    {"GetSchema", pyr_service_get_schema},
    {"DoGet", pyr_service_do_get},
    {"DoPut", pyr_service_do_put},
    {"ListActions", pyr_service_list_actions},
};

static const method *find_method(const char *path) {
    size_t prefix = sizeof(SERVICE_PREFIX) - 1;
    if (strncmp(path, SERVICE_PREFIX, prefix) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); ++i) {
        if (strcmp(path + prefix, methods[i].name) == 0) {
            return &methods[i];
        }
    }
    return NULL;
}

static pyr_status run_method(pyr_flight_server *server, pyr_call *call, pyr_error *error) {
    const method *wanted = find_method(pyr_call_path(call));
    if (wanted == NULL) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "%s is not implemented",
                             pyr_call_path(call));
    }
    if (server->statement_timeout_ms > 0) {
        /* Of the call too: a client that does not read must not hold a statement for longer. */
        pyr_call_limit_deadline(call,
                                pyr_clock_monotonic_ns() + server->statement_timeout_ms * 1000000);
    }
    pyr_service service = {
        .db = server->db, .budget = server->budget, .deadline_ns = pyr_call_deadline_ns(call)};
    pyr_connect_options options = {.remote = true,
                                   .folders_count = server->folders_count,
                                   .folders = (const char *const *)server->folders};
    PYR_TRY(pyr_session_connect(server->db, &options, &service.connection, error));
    pyr_status status = wanted->run(&service, call, error);
    pyr_disconnect(service.connection);
    return status;
}

static void handle(void *context, pyr_call *call) {
    pyr_error error;
    pyr_status status = run_method(context, call, &error);
    pyr_call_finish(call, status == PYR_OK ? NULL : &error);
}

/* ---- Starting and stopping. ---- */

static bool is_loopback(const char *host) {
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static pyr_status copy_folders(pyr_flight_server *server, const pyr_flight_options *options,
                               pyr_error *error) {
    server->folders = calloc(options->folders_count + 1, sizeof(*server->folders));
    if (server->folders == NULL) {
        return pyr_error_memory(error, options->folders_count * sizeof(char *));
    }
    for (size_t i = 0; i < options->folders_count; ++i) {
        server->folders[i] = realpath(options->folders[i], NULL);
        if (server->folders[i] == NULL) {
            return pyr_error_set_errno(error, errno, "--allow-path", options->folders[i]);
        }
        ++server->folders_count;
    }
    return PYR_OK;
}

pyr_status pyr_flight_server_start(pyr_database *db, const pyr_flight_options *options,
                                   pyr_flight_server **out, pyr_error *error) {
    *out = NULL;
    const char *host = options->host != NULL ? options->host : "127.0.0.1";
    if (!is_loopback(host) && !options->insecure) {
        return pyr_error_set(error, PYR_ERROR_PERMISSION,
                             "%s is reachable from other machines, and this version has neither "
                             "TLS nor users: listen on 127.0.0.1, or say --insecure",
                             host);
    }
    pyr_flight_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return pyr_error_memory(error, sizeof(*server));
    }
    server->db = db;
    server->statement_timeout_ms = options->statement_timeout_ms;
    server->budget = pyr_budget_create(DECODED_BYTES_MAX);
    pyr_status status = server->budget != NULL ? pyr_connect(db, &server->keeper, error)
                                               : pyr_error_memory(error, sizeof(*server));
    if (status == PYR_OK) {
        status = copy_folders(server, options, error);
    }
    if (status == PYR_OK) {
        pyr_http2_options http2 = {.host = host,
                                   .port = options->port,
                                   .loops = options->io_threads,
                                   .connections_max = options->connections_max,
                                   .message_bytes_max = options->message_bytes_max,
                                   .handle = handle,
                                   .context = server};
        status = pyr_http2_server_start(&http2, &server->http2, error);
    }
    if (status != PYR_OK) {
        pyr_flight_server_stop(server);
        return status;
    }
    *out = server;
    return PYR_OK;
}

uint16_t pyr_flight_server_port(const pyr_flight_server *server) {
    return pyr_http2_server_port(server->http2);
}

bool pyr_flight_server_drain(pyr_flight_server *server, int64_t timeout_ms) {
    pyr_http2_server_drain(server->http2);
    return pyr_http2_server_wait_idle(server->http2, timeout_ms);
}

void pyr_flight_server_stop(pyr_flight_server *server) {
    if (server == NULL) {
        return;
    }
    pyr_http2_server_stop(server->http2);
    pyr_disconnect(server->keeper);
    pyr_budget_release(server->budget);
    for (size_t i = 0; i < server->folders_count; ++i) {
        free(server->folders[i]);
    }
    free(server->folders);
    free(server);
}
