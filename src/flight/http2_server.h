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
    size_t receive_bytes_max; /* of all messages that were received and are not done; 0: 1 GiB */
    int64_t greeting_ms;      /* for the client's preface and SETTINGS; 0: 10,000 */
    int64_t silence_ms;       /* a PING after so long without a byte; 0: 60,000 */
    int64_t ping_answer_ms;   /* closed when it is not answered for so long; 0: 20,000 */
    int64_t linger_ms;        /* a closed connection's last bytes may take so long; 0: 2,000 */
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
/* After a drain: waits until no call runs and every answer has reached its client, at most
 * timeout_ms; true: that is so. */
bool pyr_http2_server_wait_idle(pyr_http2_server *server, int64_t timeout_ms);
/* Open connections, running handlers and bytes of received messages, for tests and metrics. */
typedef struct pyr_http2_usage {
    size_t connections, calls, receive_bytes;
} pyr_http2_usage;
pyr_http2_usage pyr_http2_server_usage(pyr_http2_server *server);
/* Cancels what runs, waits for the handlers, frees. NULL allowed. */
void pyr_http2_server_stop(pyr_http2_server *server);

#endif
