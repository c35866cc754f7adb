/* print_extension.c - values of extension types as the type they stand for: UUIDs, and what DuckDB
 * exports as bytes of its own ("arrow.opaque" of the Arrow canonical extensions, vendor DuckDB).
 * Bytes that are no value of the type print as the bytes they are. */
#include "arrow/arrow_internal.h"

#include "base/text.h"

#include <stdlib.h>

#define BIGNUM_BYTES_MAX 4096 /* decimal digits cost the square of it */

static bool print_uuid(const uint8_t *bytes, size_t size, pyr_text *text) {
    for (size_t i = 0; size == 16 && i < size; ++i) {
        pyr_text_printf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
    }
    return size == 16;
}

/* Microseconds in the upper 40 bits; below them the offset in seconds, counted down from the
 * greatest, so that the value sorts. */
static bool print_time_tz(const uint8_t *bytes, size_t size, pyr_text *text) {
    enum { OFFSET_MAX = 16 * 3600 - 1 };
    uint64_t value = 0;
    if (size != sizeof(value)) {
        return false;
    }
    memcpy(&value, bytes, sizeof(value));
    int32_t offset = OFFSET_MAX - (int32_t)(value & 0xFFFFFF);
    uint64_t micros = value >> 24;
    unsigned seconds = (unsigned)(micros / 1000000);
    unsigned fraction = (unsigned)(micros % 1000000);
    if (offset < -OFFSET_MAX || micros > UINT64_C(86400000000)) {
        return false;
    }
    pyr_text_printf(text, "%02u:%02u:%02u", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (fraction != 0) {
        int digits = 6;
        for (; fraction % 10 == 0; fraction /= 10) {
            --digits;
        }
        pyr_text_printf(text, ".%0*u", digits, fraction);
    }
    unsigned away = (unsigned)abs(offset);
    pyr_text_printf(text, "%c%02u", offset < 0 ? '-' : '+', away / 3600);
    if (away % 3600 != 0) {
        pyr_text_printf(text, ":%02u", away / 60 % 60);
    }
    if (away % 60 != 0) {
        pyr_text_printf(text, ":%02u", away % 60);
    }
    return true;
}

/* The first byte counts the bits at the front of the second that are not the value's. */
static bool print_bit(const uint8_t *bytes, size_t size, pyr_text *text) {
    if (size < 2 || bytes[0] > 7) {
        return false;
    }
    for (size_t i = bytes[0]; i < (size - 1) * 8; ++i) {
        pyr_text_add_char(text, (bytes[1 + i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0');
    }
    return true;
}

/* Consumes an unsigned number, most significant byte first. */
static bool print_magnitude(uint8_t *bytes, size_t size, pyr_text *text) {
    char *digits = malloc(size * 3 + 2); /* 256 < 10^3 */
    if (digits == NULL) {
        text->failed = true;
        return true;
    }
    size_t count = 0;
    size_t first = 0;
    do {
        unsigned rest = 0;
        for (size_t i = first; i < size; ++i) {
            unsigned value = rest << 8 | bytes[i];
            bytes[i] = (uint8_t)(value / 10);
            rest = value % 10;
        }
        digits[count++] = (char)('0' + rest);
        while (first < size && bytes[first] == 0) {
            ++first;
        }
    } while (first < size);
    while (count > 0) {
        pyr_text_add_char(text, digits[--count]);
    }
    free(digits);
    return true;
}

/* 128 bits, least significant byte first. */
static bool print_uhugeint(const uint8_t *bytes, size_t size, pyr_text *text) {
    uint8_t turned[16];
    for (size_t i = 0; size == 16 && i < size; ++i) {
        turned[i] = bytes[size - 1 - i];
    }
    return size == 16 && print_magnitude(turned, size, text);
}

/* Three bytes with the sign in the first bit (set: not negative) and the length in the others, then
 * the magnitude; all of them inverted where the number is negative. */
static bool print_bignum(const uint8_t *bytes, size_t size, pyr_text *text) {
    if (size < 4 || size > BIGNUM_BYTES_MAX) {
        return false;
    }
    bool negative = (bytes[0] & 0x80) == 0;
    uint8_t *magnitude = malloc(size - 3);
    if (magnitude == NULL) {
        text->failed = true;
        return true;
    }
    for (size_t i = 3; i < size; ++i) {
        magnitude[i - 3] = negative ? (uint8_t)~bytes[i] : bytes[i];
    }
    pyr_text_add(text, negative ? "-" : "");
    bool printed = print_magnitude(magnitude, size - 3, text);
    free(magnitude);
    return printed;
}

bool pyr_print_extension(const pyr_array *array, int64_t index, bool *number, pyr_text *text) {
    static const struct {
        const char *type;
        bool (*print)(const uint8_t *bytes, size_t size, pyr_text *text);
        bool number;
    } opaque[] = {{"\"time_tz\"", print_time_tz, false},
                  {"\"bit\"", print_bit, false},
                  {"\"uhugeint\"", print_uhugeint, true},
                  {"\"bignum\"", print_bignum, true}};
    const pyr_field *field = array->field;
    *number = false;
    const char *name = pyr_metadata_find(field->metadata, "ARROW:extension:name", NULL);
    if (name == NULL) {
        return false;
    }
    size_t size;
    const uint8_t *bytes = pyr_array_bytes(array, index, &size);
    if (strcmp(name, "arrow.uuid") == 0) {
        return print_uuid(bytes, size, text);
    }
    const char *metadata = pyr_metadata_find(field->metadata, "ARROW:extension:metadata", NULL);
    if (strcmp(name, "arrow.opaque") != 0 || metadata == NULL ||
        strstr(metadata, "\"DuckDB\"") == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(opaque) / sizeof(opaque[0]); ++i) {
        if (strstr(metadata, opaque[i].type) != NULL) {
            *number = opaque[i].number;
            return opaque[i].print(bytes, size, text);
        }
    }
    return false;
}
