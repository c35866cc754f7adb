/* call_internal.h - the I/O thread's side of a call. Nothing here blocks. */
#ifndef PYR_FLIGHT_CALL_INTERNAL_H
#define PYR_FLIGHT_CALL_INTERNAL_H

#include "base/text.h"
#include "flight/call.h"

#include <pthread.h>

typedef struct pyr_queued {
    pyr_outgoing *outgoing;
    struct pyr_queued *next;
} pyr_queued;

typedef struct pyr_received {
    pyr_buffer *message;
    struct pyr_received *next;
} pyr_received;

/* Reference-counted: the stream holds one, the call's thread one. */
struct pyr_call {
    atomic_size_t references;
    char path[128];
    int64_t deadline_ns;
    size_t message_bytes_max;
    pyr_budget *budget;          /* retained, may be NULL */
    struct pyr_http2_loop *loop; /* whose thread owns the stream */

    /* I/O thread only. */
    struct pyr_http2_connection *connection;        /* NULL once the stream is closed */
    struct pyr_call *stream_previous, *stream_next; /* the connection's open streams */
    int32_t stream_id;
    bool is_grpc;   /* the request's content-type said so */
    bool trailed;   /* trailers were submitted */
    bool responded; /* response headers were submitted */
    bool refused;   /* answered without a handler, or failed: its input is dropped */
    pyr_error refusal;
    size_t header_bytes; /* of the request, as SETTINGS_MAX_HEADER_LIST_SIZE counts them */
    uint8_t prefix[5];   /* of the message being received */
    size_t prefix_filled;
    pyr_buffer *partial; /* being filled; its reference is single */
    size_t partial_start;
    size_t partial_filled;
    size_t partial_bytes;
    size_t front_sent; /* bytes of the front of `out` that were handed to frames */

    pthread_mutex_t lock; /* guards the rest; a leaf but for on_cancel */
    pthread_cond_t changed;
    pyr_received *in_first, *in_last;
    size_t in_bytes;
    size_t in_unconsumed; /* received, but not yet given back to the flow-control window */
    bool in_closed;
    pyr_queued *out_first, *out_last;
    size_t out_bytes;
    bool finished;
    pyr_error status; /* code PYR_OK: fine */
    char *ledger;     /* NULL: none; set before finished */
    bool cancelled;
    bool ready_queued; /* in the loop's list of calls to look at */
    struct pyr_call *ready_next;
    void (*cancel)(void *context);
    void *cancel_context;
};

/* budget (retained, NULL: no limit): of received messages, shared by all calls. */
PYR_MUST_CHECK pyr_status pyr_call_create(struct pyr_http2_loop *loop, size_t message_bytes_max,
                                          pyr_budget *budget, pyr_call **out, pyr_error *error);
void pyr_call_retain(pyr_call *call);
void pyr_call_release(pyr_call *call);

/* Bytes of DATA frames. PYR_ERROR_LIMIT: a message above the limit; PYR_ERROR_MEMORY: above the
 * budget; PYR_ERROR_NOT_SUPPORTED: a compressed one. *consume: bytes to give back to the
 * flow-control window now. */
PYR_MUST_CHECK pyr_status pyr_call_feed(pyr_call *call, const uint8_t *bytes, size_t size_bytes,
                                        size_t *consume, pyr_error *error);
/* The client's END_STREAM. false: it came inside a message; the handler never sees such an end. */
PYR_MUST_CHECK bool pyr_call_close_input(pyr_call *call);
/* The client went away: wakes the handler, calls on_cancel. */
void pyr_call_cancel(pyr_call *call);
/* The handler's outcome is replaced: what still waits is dropped. For a source that cannot be read.
 */
void pyr_call_fail(pyr_call *call, const pyr_error *error);
/* Bytes the handler has taken meanwhile, to give back to the window. */
size_t pyr_call_take_consumed(pyr_call *call);
/* At the stream's end: all bytes that were not given back yet. */
size_t pyr_call_take_unconsumed(pyr_call *call);
/* Bytes that wait to be sent; *finished: nothing will follow them. */
size_t pyr_call_output(pyr_call *call, bool *finished);
/* Pops the front message after its last byte was handed on. */
void pyr_call_pop(pyr_call *call);

/* Asks the loop to look at the call (http2_loop.c). Any thread. */
void pyr_http2_loop_notify(struct pyr_http2_loop *loop, pyr_call *call);

#endif
