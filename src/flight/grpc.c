/* grpc.c - see grpc.h. */
#include "flight/grpc.h"

#include <string.h>

pyr_grpc_code pyr_grpc_code_of(const pyr_error *error) {
    switch (error->code) {
    case PYR_OK:
        return PYR_GRPC_OK;
    case PYR_ERROR_INVALID_ARGUMENT:
    case PYR_ERROR_SQL:
    case PYR_ERROR_CONSTRAINT:
    case PYR_ERROR_NO_ROWS:
    case PYR_ERROR_MANY_ROWS:
        return PYR_GRPC_INVALID_ARGUMENT;
    case PYR_ERROR_NOT_FOUND:
        return PYR_GRPC_NOT_FOUND;
    case PYR_ERROR_ALREADY_EXISTS:
        return PYR_GRPC_ALREADY_EXISTS;
    case PYR_ERROR_MEMORY:
    case PYR_ERROR_DISK_FULL:
    case PYR_ERROR_LIMIT:
        return PYR_GRPC_RESOURCE_EXHAUSTED;
    case PYR_ERROR_CANCELLED:
        return PYR_GRPC_CANCELLED;
    case PYR_ERROR_TIMEOUT:
        return PYR_GRPC_DEADLINE_EXCEEDED;
    case PYR_ERROR_BUSY:
        return PYR_GRPC_UNAVAILABLE;
    case PYR_ERROR_NOT_SUPPORTED:
        return PYR_GRPC_UNIMPLEMENTED;
    case PYR_ERROR_PERMISSION:
        return PYR_GRPC_PERMISSION_DENIED;
    case PYR_ERROR_UNAUTHENTICATED:
        return PYR_GRPC_UNAUTHENTICATED;
    case PYR_ERROR_CONFLICT:
        return PYR_GRPC_ABORTED;
    case PYR_ERROR_CORRUPT:
    case PYR_ERROR_IO:
    case PYR_ERROR_INTERNAL:
        return PYR_GRPC_INTERNAL;
    }
    return PYR_GRPC_UNKNOWN;
}

void pyr_grpc_percent_encode(const char *text, pyr_text *out) {
    static const char digits[] = "0123456789ABCDEF";
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; ++c) {
        if (*c >= 0x20 && *c <= 0x7E && *c != '%') {
            pyr_text_add_char(out, (char)*c);
        } else {
            pyr_text_add_char(out, '%');
            pyr_text_add_char(out, digits[*c >> 4]);
            pyr_text_add_char(out, digits[*c & 15]);
        }
    }
}

void pyr_grpc_message_of(const pyr_error *error, pyr_text *out) {
    pyr_text plain;
    pyr_text_init(&plain);
    pyr_text_printf(&plain, "%s: %s", error->sqlstate, error->message);
    if (error->position >= 0) {
        pyr_text_printf(&plain, " (at byte %d)", (int)error->position);
    }
    pyr_grpc_percent_encode(pyr_text_get(&plain), out);
    pyr_text_deinit(&plain);
}

bool pyr_grpc_parse_timeout(const char *text, size_t length, int64_t *timeout_ns) {
    static const struct {
        char name;
        int64_t ns;
    } units[] = {{'H', INT64_C(3600000000000)}, {'M', INT64_C(60000000000)},
                 {'S', INT64_C(1000000000)},    {'m', INT64_C(1000000)},
                 {'u', INT64_C(1000)},          {'n', INT64_C(1)}};
    if (length < 2 || length > 9) {
        return false;
    }
    int64_t value = 0;
    for (size_t i = 0; i + 1 < length; ++i) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); ++i) {
        if (text[length - 1] == units[i].name) {
            /* 99999999 hours overflow: as good as no limit. */
            if (__builtin_mul_overflow(value, units[i].ns, timeout_ns)) {
                *timeout_ns = INT64_MAX;
            }
            return true;
        }
    }
    return false;
}

void pyr_grpc_prefix(uint8_t prefix[PYR_GRPC_PREFIX_BYTES], uint32_t size_bytes) {
    prefix[0] = 0;
    prefix[1] = (uint8_t)(size_bytes >> 24);
    prefix[2] = (uint8_t)(size_bytes >> 16);
    prefix[3] = (uint8_t)(size_bytes >> 8);
    prefix[4] = (uint8_t)size_bytes;
}
