/* http2_internal.h - loops and connections, shared by http2_server.c, http2_connection.c and
 * http2_output.c. Everything of a connection is touched by its loop's thread only. */
#ifndef PYR_FLIGHT_HTTP2_INTERNAL_H
#define PYR_FLIGHT_HTTP2_INTERNAL_H

#include "flight/call_internal.h"
#include "flight/http2_server.h"

#include <nghttp2/nghttp2.h>

/* A piece of output, in order. */
typedef struct pyr_http2_piece {
    pyr_buffer *owner; /* retained; NULL: static bytes */
    const uint8_t *data;
    size_t size_bytes;
    int32_t stream_id; /* of DATA payload, else 0 */
} pyr_http2_piece;

typedef struct pyr_http2_output {
    pyr_http2_piece *pieces; /* a ring that grows */
    size_t capacity, head, count;
    size_t bytes;
    pyr_buffer *small; /* where frame headers and control frames are packed */
    size_t small_used;
} pyr_http2_output;

typedef struct pyr_http2_connection {
    struct pyr_http2_loop *loop;
    int fd;
    nghttp2_session *session;
    pyr_http2_output output;
    bool want_write; /* EPOLLOUT is asked for */
    bool closing;    /* the session is over; what waits goes out, then `lingering` */
    bool lingering;  /* all is sent and our side is shut down: reads until the client closes, for a
                        close with unread bytes would be a reset that overtakes the last answer */
    bool greeted;    /* the client's SETTINGS came */
    bool going_away;
    bool pinged;
    int64_t opened_ns;
    int64_t heard_ns; /* of the last bytes */
    int64_t close_ns; /* while closing: when patience ends */
    size_t streams;   /* open calls: the list below */
    pyr_call *calls;
    struct pyr_http2_connection *previous, *next; /* of the loop */
} pyr_http2_connection;

typedef struct pyr_http2_loop {
    pyr_http2_server *server;
    pthread_t thread;
    bool started;
    int epoll_fd;
    int wake_fd; /* eventfd */
    bool
        accepts_later; /* out of descriptors: the listening socket is looked at again by the tick */
    pyr_http2_connection *connections;
    pthread_mutex_t lock; /* guards ready; a leaf */
    pyr_call *ready_first, *ready_last;
} pyr_http2_loop;

struct pyr_http2_server {
    pyr_http2_options options;
    char *host;
    int listen_fd;
    uint16_t port;
    unsigned loops_count;
    pyr_http2_loop *loops;
    atomic_bool draining;
    atomic_bool stopping;
    atomic_size_t connections;
    pyr_budget *budget;   /* of received messages */
    pthread_mutex_t lock; /* guards calls; a leaf */
    pthread_cond_t idle;  /* a call or a connection ended */
    size_t calls;
};

/* ---- Output (http2_output.c). ---- */

void pyr_http2_output_deinit(pyr_http2_output *output);
/* Copies bytes (of control frames and frame headers: never column data). */
PYR_MUST_CHECK bool pyr_http2_output_copy(pyr_http2_output *output, const uint8_t *bytes,
                                          size_t size_bytes);
/* By reference: owner is retained. */
PYR_MUST_CHECK bool pyr_http2_output_share(pyr_http2_output *output, pyr_buffer *owner,
                                           const uint8_t *data, size_t size_bytes,
                                           int32_t stream_id);
typedef enum pyr_http2_flush {
    PYR_HTTP2_FLUSH_DONE,    /* empty */
    PYR_HTTP2_FLUSH_BLOCKED, /* the socket is full */
    PYR_HTTP2_FLUSH_FAULT,   /* the front piece cannot be read: pyr_http2_output_replace_fault */
    PYR_HTTP2_FLUSH_FAILED   /* the connection is gone */
} pyr_http2_flush;
pyr_http2_flush pyr_http2_output_flush(pyr_http2_output *output, int fd);
/* Every piece of the front piece's mapping becomes zeros of the same length, so that the frames
 * begun stay whole; the mapping counts as faulted. Gives the streams hit to visit, some perhaps
 * more than once. false: not a mapping of ours, or out of memory. */
PYR_MUST_CHECK bool pyr_http2_output_replace_fault(
    pyr_http2_output *output,
    void (*visit)(void *context, const pyr_mapping *mapping, int32_t stream_id), void *context);

/* ---- Connections (http2_connection.c). ---- */

PYR_MUST_CHECK pyr_http2_connection *pyr_http2_connection_open(pyr_http2_loop *loop, int fd);
void pyr_http2_connection_close(pyr_http2_connection *connection);
/* Reads what is there; while closing, to drop it. false: the connection was closed. */
bool pyr_http2_connection_read(pyr_http2_connection *connection);
/* Sends what can be sent. false: the connection was closed. */
bool pyr_http2_connection_write(pyr_http2_connection *connection);
/* A call of it has output, has ended or took input. */
void pyr_http2_connection_call_ready(pyr_http2_connection *connection, pyr_call *call);
void pyr_http2_connection_go_away(pyr_http2_connection *connection);
/* Once a tick. false: the connection was closed. */
bool pyr_http2_connection_tick(pyr_http2_connection *connection, int64_t now_ns);

/* ---- Calls (http2_server.c). ---- */

void pyr_http2_server_uncount_connection(pyr_http2_server *server);

/* Starts the handler's thread. PYR_ERROR_LIMIT above calls_max, PYR_ERROR_MEMORY. */
PYR_MUST_CHECK pyr_status pyr_http2_server_run_call(pyr_http2_server *server, pyr_call *call,
                                                    pyr_error *error);

#endif
