/* grpc.h - what gRPC puts on top of HTTP/2: framing, status codes, timeouts (gRPC over HTTP/2,
 * "Requests" and "Responses"). Pure functions, no I/O.
 */
#ifndef PYR_FLIGHT_GRPC_H
#define PYR_FLIGHT_GRPC_H

#include "base/error.h"
#include "base/text.h"

/* A message is one byte "compressed", four bytes of length big-endian, and that many bytes. */
#define PYR_GRPC_PREFIX_BYTES 5

typedef enum pyr_grpc_code {
    PYR_GRPC_OK = 0,
    PYR_GRPC_CANCELLED = 1,
    PYR_GRPC_UNKNOWN = 2,
    PYR_GRPC_INVALID_ARGUMENT = 3,
    PYR_GRPC_DEADLINE_EXCEEDED = 4,
    PYR_GRPC_NOT_FOUND = 5,
    PYR_GRPC_ALREADY_EXISTS = 6,
    PYR_GRPC_PERMISSION_DENIED = 7,
    PYR_GRPC_RESOURCE_EXHAUSTED = 8,
    PYR_GRPC_FAILED_PRECONDITION = 9,
    PYR_GRPC_ABORTED = 10,
    PYR_GRPC_UNIMPLEMENTED = 12,
    PYR_GRPC_INTERNAL = 13,
    PYR_GRPC_UNAVAILABLE = 14,
    PYR_GRPC_UNAUTHENTICATED = 16
} pyr_grpc_code;

/* The one place where our errors become gRPC's. */
pyr_grpc_code pyr_grpc_code_of(const pyr_error *error);
/* "SQLSTATE: message (at byte N)" (interface.md, "The C API"), percent-encoded as grpc-message
 * wants it: bytes outside 0x20..0x7E and '%' become %XX. */
void pyr_grpc_message_of(const pyr_error *error, pyr_text *out);
void pyr_grpc_percent_encode(const char *text, pyr_text *out);
/* grpc-timeout: 1 to 8 digits and a unit of H M S m u n. false where it is not well-formed. */
bool pyr_grpc_parse_timeout(const char *text, size_t length, int64_t *timeout_ns);
void pyr_grpc_prefix(uint8_t prefix[PYR_GRPC_PREFIX_BYTES], uint32_t size_bytes);

#endif
