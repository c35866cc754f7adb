/* call.h - one gRPC call: a pair of bounded queues between an I/O thread, which moves bytes, and
 * the call's own thread, which runs the handler.
 *
 * The handler's side blocks: receive waits for a message, send waits while the client is slow. Both
 * end with PYR_ERROR_CANCELLED when the client goes away and PYR_ERROR_TIMEOUT at its deadline. The
 * I/O side (call_internal.h) never blocks.
 */
#ifndef PYR_FLIGHT_CALL_H
#define PYR_FLIGHT_CALL_H

#include "flight/flight_data.h"

typedef struct pyr_call pyr_call;

/* "/arrow.flight.protocol.FlightService/DoGet". Valid as long as the call. */
const char *pyr_call_path(const pyr_call *call);
/* Monotonic; 0: none. */
int64_t pyr_call_deadline_ns(const pyr_call *call);
/* An earlier one than the client's. The handler's thread. */
void pyr_call_limit_deadline(pyr_call *call, int64_t deadline_ns);

/* The next message, without its gRPC prefix, its end at a multiple of 64 bytes in memory (a
 * FlightData body, which stands last, is then aligned for its arrays). *out NULL: the client's side
 * is closed. The caller releases it. */
PYR_MUST_CHECK pyr_status pyr_call_receive(pyr_call *call, pyr_buffer **out, pyr_error *error);
/* Whether receive would return at once. */
bool pyr_call_has_message(pyr_call *call);
/* Whether the client has gone away, or the call was failed from outside. */
bool pyr_call_is_over(pyr_call *call);
/* Takes outgoing, on failure too. Waits while more than PYR_CALL_QUEUE_BYTES wait for the client.
 */
PYR_MUST_CHECK pyr_status pyr_call_send(pyr_call *call, pyr_outgoing *outgoing, pyr_error *error);
/* One line of JSON for the trailer `pyralog-ledger`; copied. Before finish. */
void pyr_call_set_ledger(pyr_call *call, const char *json);
/* The end: error NULL for OK. What was sent before still goes out. Once. */
void pyr_call_finish(pyr_call *call, const pyr_error *error);
/* cancel(context) is called from an I/O thread when the client goes away or the call is failed from
 * outside; at once when that has happened already. NULL: nobody is to be told any more (waits for a
 * call of the old one under way). cancel must not use the call. */
void pyr_call_on_cancel(pyr_call *call, void (*cancel)(void *context), void *context);

#define PYR_CALL_QUEUE_BYTES ((size_t)8 << 20)

#endif
