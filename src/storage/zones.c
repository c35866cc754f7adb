/* zones.c - zone maps: min, max and null count of a column of one record batch. */
#include "storage/storage_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_BYTES ((size_t)32)

/* ---- Computing. ---- */

/* One loop a type; without nulls it vectorizes. T is read from the buffer, V is what bounds keep.
 */
#define BOUNDS(name, T, V, member)                                                          \
    static void name(const pyr_array *array, bool nulls, pyr_zone *out) {                   \
        const T *values = (const T *)(const void *)array->buffers[1]->data + array->offset; \
        bool any = false;                                                                   \
        T low = 0;                                                                          \
        T high = 0;                                                                         \
        int64_t first = 0;                                                                  \
        while (first < array->length && nulls && pyr_array_is_null(array, first)) {         \
            ++first;                                                                        \
        }                                                                                   \
        if (first < array->length) {                                                        \
            any = true;                                                                     \
            low = high = values[first];                                                     \
        }                                                                                   \
        if (!nulls) {                                                                       \
            for (int64_t i = first; i < array->length; ++i) {                               \
                low = values[i] < low ? values[i] : low;                                    \
                high = values[i] > high ? values[i] : high;                                 \
            }                                                                               \
        } else {                                                                            \
            for (int64_t i = first; i < array->length; ++i) {                               \
                if (!pyr_array_is_null(array, i)) {                                         \
                    low = values[i] < low ? values[i] : low;                                \
                    high = values[i] > high ? values[i] : high;                             \
                }                                                                           \
            }                                                                               \
        }                                                                                   \
        out->has_bounds = any;                                                              \
        out->exact = true;                                                                  \
        out->min.member = (V)low;                                                           \
        out->max.member = (V)high;                                                          \
    }

BOUNDS(bounds_int8, int8_t, int64_t, i64)
BOUNDS(bounds_int16, int16_t, int64_t, i64)
BOUNDS(bounds_int32, int32_t, int64_t, i64)
BOUNDS(bounds_int64, int64_t, int64_t, i64)
BOUNDS(bounds_uint8, uint8_t, uint64_t, u64)
BOUNDS(bounds_uint16, uint16_t, uint64_t, u64)
BOUNDS(bounds_uint32, uint32_t, uint64_t, u64)
BOUNDS(bounds_uint64, uint64_t, uint64_t, u64)

static void bounds_float(const pyr_array *array, pyr_zone *out) {
    bool any = false;
    double low = 0;
    double high = 0;
    for (int64_t i = 0; i < array->length; ++i) {
        if (pyr_array_is_null(array, i)) {
            continue;
        }
        double value = pyr_array_double(array, i);
        if (isnan(value)) {
            out->has_nan = true;
            continue;
        }
        low = !any || value < low ? value : low;
        high = !any || value > high ? value : high;
        any = true;
    }
    out->has_bounds = any;
    out->exact = true;
    out->min.f64 = low;
    out->max.f64 = high;
}

static void bounds_bool(const pyr_array *array, pyr_zone *out) {
    int64_t low = 1;
    int64_t high = 0;
    for (int64_t i = 0; i < array->length && low >= high; ++i) {
        if (!pyr_array_is_null(array, i)) {
            int64_t value = pyr_array_int64(array, i);
            low = value < low ? value : low;
            high = value > high ? value : high;
            out->has_bounds = true;
            if (low == 0 && high == 1) {
                break;
            }
        }
    }
    out->exact = true;
    out->min.i64 = low;
    out->max.i64 = high;
}

static int compare_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* A prefix is below all that begins with it, so it serves as the min; as the max its last byte that
 * is not 0xFF is raised by one. */
static void bounds_bytes(const pyr_array *array, pyr_zone *out) {
    const uint8_t *low = NULL;
    const uint8_t *high = NULL;
    size_t low_size = 0;
    size_t high_size = 0;
    for (int64_t i = 0; i < array->length; ++i) {
        if (pyr_array_is_null(array, i)) {
            continue;
        }
        size_t size;
        const uint8_t *bytes = pyr_array_bytes(array, i, &size);
        bytes = bytes != NULL ? bytes : (const uint8_t *)"";
        if (low == NULL || compare_bytes(bytes, size, low, low_size) < 0) {
            low = bytes;
            low_size = size;
        }
        if (high == NULL || compare_bytes(bytes, size, high, high_size) > 0) {
            high = bytes;
            high_size = size;
        }
    }
    if (low == NULL) {
        return;
    }
    out->exact = low_size <= PREFIX_BYTES && high_size <= PREFIX_BYTES;
    out->min.str.size_bytes = (uint8_t)(low_size < PREFIX_BYTES ? low_size : PREFIX_BYTES);
    memcpy(out->min.str.bytes, low, out->min.str.size_bytes);
    size_t kept = high_size < PREFIX_BYTES ? high_size : PREFIX_BYTES;
    memcpy(out->max.str.bytes, high, kept);
    if (high_size > PREFIX_BYTES) {
        while (kept > 0 && out->max.str.bytes[kept - 1] == 0xFF) {
            --kept;
        }
        if (kept == 0) {
            return; /* nothing is above it */
        }
        ++out->max.str.bytes[kept - 1];
    }
    out->max.str.size_bytes = (uint8_t)kept;
    out->has_bounds = true;
}

void pyr_zone_compute(pyr_array *array, pyr_zone *out) {
    memset(out, 0, sizeof(*out));
    out->known = true;
    out->null_count = pyr_array_null_count(array);
    bool nulls = out->null_count > 0;
    if (array->length == 0 || out->null_count == array->length) {
        out->exact = true;
        return;
    }
    switch (array->field->type) {
    case PYR_TYPE_BOOL:
        bounds_bool(array, out);
        break;
    case PYR_TYPE_INT8:
        bounds_int8(array, nulls, out);
        break;
    case PYR_TYPE_INT16:
        bounds_int16(array, nulls, out);
        break;
    case PYR_TYPE_INT32:
    case PYR_TYPE_DATE32:
    case PYR_TYPE_TIME32:
        bounds_int32(array, nulls, out);
        break;
    case PYR_TYPE_INT64:
    case PYR_TYPE_DATE64:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
        bounds_int64(array, nulls, out);
        break;
    case PYR_TYPE_UINT8:
        bounds_uint8(array, nulls, out);
        break;
    case PYR_TYPE_UINT16:
        bounds_uint16(array, nulls, out);
        break;
    case PYR_TYPE_UINT32:
        bounds_uint32(array, nulls, out);
        break;
    case PYR_TYPE_UINT64:
        bounds_uint64(array, nulls, out);
        break;
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
        bounds_float(array, out);
        break;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_BINARY_VIEW:
    case PYR_TYPE_FIXED_SIZE_BINARY:
        bounds_bytes(array, out);
        break;
    default:
        break;
    }
}

/* ---- As text. ---- */

static bool is_bytes(pyr_type_id type) {
    return (type >= PYR_TYPE_UTF8 && type <= PYR_TYPE_FIXED_SIZE_BINARY);
}

static void print_hex(const uint8_t *bytes, size_t size, pyr_text *out) {
    for (size_t i = 0; i < size; ++i) {
        pyr_text_printf(out, "%02x", bytes[i]);
    }
}

void pyr_zone_print(const pyr_zone *zone, const pyr_field *field, pyr_text *out) {
    pyr_text_printf(out, ";%" PRId64, zone->null_count);
    if (!zone->has_bounds && !zone->has_nan) {
        return;
    }
    pyr_text_printf(out, ",%c%s%s,", is_bytes(field->type) ? 's' : 'v', zone->exact ? "e" : "",
                    zone->has_nan ? "n" : "");
    if (!zone->has_bounds) {
        pyr_text_add(out, ",");
    } else if (is_bytes(field->type)) {
        print_hex(zone->min.str.bytes, zone->min.str.size_bytes, out);
        pyr_text_add(out, ",");
        print_hex(zone->max.str.bytes, zone->max.str.size_bytes, out);
    } else {
        pyr_text_printf(out, "%016" PRIx64 ",%016" PRIx64, zone->min.u64, zone->max.u64);
    }
    if (zone->has_bounds) {
        pyr_text_add(out, ",b");
    }
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_u64(const char *text, size_t length, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < length; ++i) {
        int digit = hex_digit(text[i]);
        if (digit < 0) {
            return false;
        }
        *out = *out << 4 | (uint64_t)digit;
    }
    return length == 16;
}

static bool parse_bytes(const char *text, size_t length, uint8_t *size, uint8_t *bytes) {
    if (length % 2 != 0 || length / 2 > PREFIX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < length; i += 2) {
        int high = hex_digit(text[i]);
        int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    *size = (uint8_t)(length / 2);
    return true;
}

/* The piece of [*text, end) up to the next separator; *text moves behind it. */
static size_t next_piece(const char **text, const char *end, char separator, const char **piece) {
    *piece = *text;
    const char *stop = memchr(*text, separator, (size_t)(end - *text));
    *text = stop != NULL ? stop + 1 : end;
    return (size_t)((stop != NULL ? stop : end) - *piece);
}

static bool parse_column(const char *text, const char *end, pyr_zone *out) {
    const char *pieces[5];
    size_t lengths[5];
    size_t count = 0;
    while (count < 5 && text < end) {
        lengths[count] = next_piece(&text, end, ',', &pieces[count]);
        ++count;
    }
    if (count == 0 || lengths[0] == 0 || lengths[0] > 18) {
        return false;
    }
    for (size_t i = 0; i < lengths[0]; ++i) {
        if (pieces[0][i] < '0' || pieces[0][i] > '9') {
            return false;
        }
        out->null_count = out->null_count * 10 + (pieces[0][i] - '0');
    }
    out->known = true;
    if (count < 4) {
        return count == 1;
    }
    out->exact = memchr(pieces[1], 'e', lengths[1]) != NULL;
    out->has_nan = memchr(pieces[1], 'n', lengths[1]) != NULL;
    if (count < 5) {
        return true;
    }
    out->has_bounds = true;
    if (lengths[1] > 0 && pieces[1][0] == 's') {
        return parse_bytes(pieces[2], lengths[2], &out->min.str.size_bytes, out->min.str.bytes) &&
               parse_bytes(pieces[3], lengths[3], &out->max.str.size_bytes, out->max.str.bytes);
    }
    return parse_u64(pieces[2], lengths[2], &out->min.u64) &&
           parse_u64(pieces[3], lengths[3], &out->max.u64);
}

bool pyr_zone_parse(const char *text, size_t length, int32_t column, pyr_zone *out) {
    memset(out, 0, sizeof(*out));
    const char *end = text + length;
    const char *piece;
    if (next_piece(&text, end, ';', &piece) != 1 || *piece != '1') {
        return false; /* another version: nothing is known */
    }
    for (int32_t i = 0; text < end; ++i) {
        size_t size = next_piece(&text, end, ';', &piece);
        if (i == column) {
            if (parse_column(piece, piece + size, out)) {
                return true;
            }
            break;
        }
    }
    memset(out, 0, sizeof(*out));
    return false;
}
