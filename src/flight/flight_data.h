/* flight_data.h - FlightData by hand: parsed and produced by reference (Flight.proto, "FlightData":
 * 1 flight_descriptor, 2 data_header, 3 app_metadata, 1000 data_body).
 */
#ifndef PYR_FLIGHT_FLIGHT_DATA_H
#define PYR_FLIGHT_FLIGHT_DATA_H

#include "arrow/ipc/ipc.h"

typedef struct pyr_bytes {
    const uint8_t *data; /* NULL: not there */
    size_t size_bytes;
} pyr_bytes;

/* Views into the message. */
typedef struct pyr_flight_data {
    pyr_bytes descriptor;
    pyr_bytes header;
    pyr_bytes app_metadata;
    pyr_bytes body;
} pyr_flight_data;

/* Unknown fields are skipped, a field that stands twice counts the last time (protobuf's rules).
 * PYR_ERROR_CORRUPT where lengths pass the end, tags are malformed or groups are used. */
PYR_MUST_CHECK pyr_status pyr_flight_data_parse(const uint8_t *bytes, size_t size_bytes,
                                                pyr_flight_data *out, pyr_error *error);

/* One gRPC message on its way out: the bytes in front, then spans of shared buffers. */
typedef struct pyr_outgoing {
    pyr_buffer *head; /* gRPC prefix, protobuf tags, data_header */
    size_t spans_count;
    pyr_ipc_span *spans; /* the body, by reference */
    int64_t body_bytes;
    size_t size_bytes; /* head and spans together */
} pyr_outgoing;

/* Wraps an IPC message (whose spans it takes over) as FlightData with the gRPC prefix in front.
 * header is padded to 8 bytes already (ipc.h). PYR_ERROR_LIMIT beyond 2 GiB. */
PYR_MUST_CHECK pyr_status pyr_flight_data_wrap(pyr_ipc_message *message, pyr_outgoing **out,
                                               pyr_error *error);
/* Any serialized protobuf message with the gRPC prefix in front; bytes are copied. */
PYR_MUST_CHECK pyr_status pyr_outgoing_bytes(const void *bytes, size_t size_bytes,
                                             pyr_outgoing **out, pyr_error *error);
void pyr_outgoing_destroy(pyr_outgoing *outgoing); /* NULL allowed */

#endif
