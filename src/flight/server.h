/* server.h - a Flight server over a database. */
#ifndef PYR_FLIGHT_SERVER_H
#define PYR_FLIGHT_SERVER_H

#include "pyralog.h"

typedef struct pyr_flight_server pyr_flight_server;

typedef struct pyr_flight_options {
    const char *host;         /* an IP address; NULL: 127.0.0.1 */
    uint16_t port;            /* 0: any free one */
    bool insecure;            /* allows an address off loopback: there is no TLS and no login yet */
    unsigned io_threads;      /* 0: one a core */
    size_t connections_max;   /* 0: 1,000 */
    size_t message_bytes_max; /* of what clients send; 0: 64 MiB */
    int64_t statement_timeout_ms; /* 0: none */
    size_t folders_count;         /* --allow-path: sessions read and write files only below these */
    const char *const *folders;   /* made canonical and copied; NOT_FOUND where one is not there */
} pyr_flight_options;

/* Starts serving db, which is retained until stop. PYR_ERROR_PERMISSION for an address off loopback
 * without insecure, PYR_ERROR_BUSY where the port is taken. */
PYR_MUST_CHECK pyr_status pyr_flight_server_start(pyr_database *db,
                                                  const pyr_flight_options *options,
                                                  pyr_flight_server **out, pyr_error *error);
uint16_t pyr_flight_server_port(const pyr_flight_server *server);
/* No new connections and calls; true: within timeout_ms every call ended and its answer was taken.
 */
bool pyr_flight_server_drain(pyr_flight_server *server, int64_t timeout_ms);
/* Cancels what runs, closes, frees. NULL allowed. */
void pyr_flight_server_stop(pyr_flight_server *server);

#endif
