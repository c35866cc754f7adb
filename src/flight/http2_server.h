/* http2_server.h - a gRPC server's transport: nghttp2 sessions over epoll, one I/O thread a loop.
 *
 * A connection belongs to one loop; only that loop's thread touches its session. Each call runs its
 * handler on a thread of its own (a slow client parks a thread, never a loop), at most calls_max at
 * a time. Payload goes to the socket from the buffers it lies in.
 */
#ifndef PYR_FLIGHT_HTTP2_SERVER_H
#define PYR_FLIGHT_HTTP2_SERVER_H

#include "flight/call.h"

typedef struct pyr_http2_server pyr_http2_server;

typedef struct pyr_http2_options {
    const char *host;         /* an address, not a name to look up */
    uint16_t port;            /* 0: any free one */
    unsigned loops;           /* I/O threads; 0: one a core */
    size_t connections_max;   /* 0: 1,000; further ones are closed at once */
    size_t calls_max;         /* 0: 512; further ones are answered RESOURCE_EXHAUSTED */
    size_t message_bytes_max; /* 0: 64 MiB */
    /* Runs the call to pyr_call_finish. Called on the call's own thread. */
    void (*handle)(void *context, pyr_call *call);
    void *context;
} pyr_http2_options;

/* Listens and starts. PYR_ERROR_IO: the address cannot be had. */
PYR_MUST_CHECK pyr_status pyr_http2_server_start(const pyr_http2_options *options,
                                                 pyr_http2_server **out, pyr_error *error);
uint16_t pyr_http2_server_port(const pyr_http2_server *server);
/* No new connections or calls (GOAWAY); running calls go on. Any thread, not from a signal. */
void pyr_http2_server_drain(pyr_http2_server *server);
/* Waits until no call runs, at most timeout_ms; true: none does. */
bool pyr_http2_server_wait_idle(pyr_http2_server *server, int64_t timeout_ms);
/* Cancels what runs, waits for the handlers, frees. NULL allowed. */
void pyr_http2_server_stop(pyr_http2_server *server);

#endif
