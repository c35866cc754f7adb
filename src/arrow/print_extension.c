/* print_extension.c - values of types that Arrow carries as bytes with a name, as DuckDB prints
 * them.
 *
 * arrow.uuid is 16 bytes big-endian ("Canonical Extension Types"). The others are DuckDB's own
 * under arrow.opaque, in the layout of its memory: UHUGEINT two little-endian words, TIMETZ
 * microseconds in the upper 40 bits and the offset from +15:59:59 in the lower 24, BIT a count of
 * unused bits at the start of what follows. Bytes that break those layouts print as bytes.
 */
#include "arrow/arrow_internal.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool add_uuid(pyr_text *text, const uint8_t *bytes, size_t size_bytes) {
    if (size_bytes != 16) {
        return false;
    }
    for (size_t i = 0; i < 16; ++i) {
        pyr_text_printf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                        (unsigned)bytes[i]);
    }
    return true;
}

static bool add_uhugeint(pyr_text *text, const uint8_t *bytes, size_t size_bytes) {
    if (size_bytes != 16) {
        return false;
    }
    unsigned __int128 value;
    memcpy(&value, bytes, sizeof(value));
    char digits[40];
    size_t start = sizeof(digits);
    do {
        digits[--start] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value != 0);
    pyr_text_append(text, digits + start, sizeof(digits) - start);
    return true;
}

static bool add_time_tz(pyr_text *text, const uint8_t *bytes, size_t size_bytes) {
    enum { OFFSET_MAX = 16 * 3600 - 1 };
    if (size_bytes != 8) {
        return false;
    }
    uint64_t bits;
    memcpy(&bits, bytes, sizeof(bits));
    uint64_t micros = bits >> 24;
    int32_t offset = OFFSET_MAX - (int32_t)(bits & 0xFFFFFF);
    if (micros > UINT64_C(86400000000) || offset < -OFFSET_MAX) {
        return false;
    }
    uint64_t seconds = micros / 1000000;
    pyr_text_printf(text, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
                    seconds / 60 % 60, seconds % 60);
    uint64_t fraction = micros % 1000000;
    if (fraction != 0) {
        int digits = 6;
        for (; fraction % 10 == 0; fraction /= 10) {
            --digits;
        }
        pyr_text_printf(text, ".%0*" PRIu64, digits, fraction);
    }
    int32_t away = offset < 0 ? -offset : offset;
    pyr_text_printf(text, "%c%02d", offset < 0 ? '-' : '+', (int)(away / 3600));
    if (away % 3600 != 0) {
        pyr_text_printf(text, ":%02d", (int)(away / 60 % 60));
    }
    if (away % 60 != 0) {
        pyr_text_printf(text, ":%02d", (int)(away % 60));
    }
    return true;
}

static bool add_bit(pyr_text *text, const uint8_t *bytes, size_t size_bytes) {
    if (size_bytes < 2 || bytes[0] > 7) {
        return false;
    }
    for (size_t i = 8 + (size_t)bytes[0]; i < size_bytes * 8; ++i) {
        pyr_text_add_char(text, (bytes[i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0');
    }
    return true;
}

/* The type's name in {"type_name":"bit","vendor_name":"DuckDB"}: text that DuckDB and we write. */
static bool is_opaque(const pyr_metadata *metadata, const char *type) {
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "\"%s\"", type);
    const char *details = pyr_metadata_find(metadata, "ARROW:extension:metadata", NULL);
    return details != NULL && strstr(details, "\"DuckDB\"") != NULL &&
           strstr(details, wanted) != NULL;
}

pyr_extension_kind pyr_extension_of(const pyr_field *field) {
    if (field->metadata == NULL) {
        return PYR_EXTENSION_NONE;
    }
    const char *name = pyr_metadata_find(field->metadata, "ARROW:extension:name", NULL);
    if (name == NULL) {
        return PYR_EXTENSION_NONE;
    }
    if (strcmp(name, "arrow.uuid") == 0) {
        return PYR_EXTENSION_UUID;
    }
    if (strcmp(name, "arrow.opaque") != 0) {
        return PYR_EXTENSION_NONE;
    }
    return is_opaque(field->metadata, "uhugeint")  ? PYR_EXTENSION_UHUGEINT
           : is_opaque(field->metadata, "time_tz") ? PYR_EXTENSION_TIME_TZ
           : is_opaque(field->metadata, "bit")     ? PYR_EXTENSION_BIT
                                                   : PYR_EXTENSION_NONE;
}

bool pyr_print_extension(pyr_extension_kind kind, const uint8_t *bytes, size_t size_bytes,
                         pyr_text *text) {
    switch (kind) {
    case PYR_EXTENSION_UUID:
        return add_uuid(text, bytes, size_bytes);
    case PYR_EXTENSION_UHUGEINT:
        return add_uhugeint(text, bytes, size_bytes);
    case PYR_EXTENSION_TIME_TZ:
        return add_time_tz(text, bytes, size_bytes);
    case PYR_EXTENSION_BIT:
        return add_bit(text, bytes, size_bytes);
    case PYR_EXTENSION_NONE:
        break;
    }
    return false;
}
