/* zones.c - zone maps: min, max and null count of a column of one record batch. */
#include "storage/storage_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_BYTES ((size_t)32)

/* How bounds are kept: which member of min and max counts. */
typedef enum zone_kind { NO_BOUNDS, SIGNED, UNSIGNED, FLOATS, BYTES } zone_kind;

static zone_kind kind_of(pyr_type_id type) {
    switch (type) {
    case PYR_TYPE_BOOL:
    case PYR_TYPE_INT8:
    case PYR_TYPE_INT16:
    case PYR_TYPE_INT32:
    case PYR_TYPE_INT64:
    case PYR_TYPE_DATE32:
    case PYR_TYPE_DATE64:
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
        return SIGNED;
    case PYR_TYPE_UINT8:
    case PYR_TYPE_UINT16:
    case PYR_TYPE_UINT32:
    case PYR_TYPE_UINT64:
        return UNSIGNED;
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
        return FLOATS;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_BINARY_VIEW:
    case PYR_TYPE_FIXED_SIZE_BINARY:
        return BYTES;
    default:
        return NO_BOUNDS;
    }
}

/* The nulls of these stand in their values, children or dictionary, where no bitmap counts them. */
static bool hides_nulls(const pyr_array *array) {
    switch (array->field->type) {
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
    case PYR_TYPE_RUN_END_ENCODED:
        return true;
    case PYR_TYPE_DICTIONARY:
        return hides_nulls(array->dictionary) || pyr_array_null_count(array->dictionary) > 0;
    default:
        return false;
    }
}

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
        out->exact = any;                                                                   \
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

/* Of floats without nulls: NaN is in no comparison, so that it moves no bound. */
#define FLOAT_BOUNDS(name, T)                                                               \
    static void name(const pyr_array *array, double *low, double *high, bool *has_nan) {    \
        const T *values = (const T *)(const void *)array->buffers[1]->data + array->offset; \
        T least = (T)INFINITY;                                                              \
        T most = (T)-INFINITY;                                                              \
        bool nan = false;                                                                   \
        for (int64_t i = 0; i < array->length; ++i) {                                       \
            least = values[i] < least ? values[i] : least;                                  \
            most = values[i] > most ? values[i] : most;                                     \
            nan |= isnan(values[i]);                                                        \
        }                                                                                   \
        *low = (double)least;                                                               \
        *high = (double)most;                                                               \
        *has_nan = nan;                                                                     \
    }

FLOAT_BOUNDS(dense_bounds_float32, float)
FLOAT_BOUNDS(dense_bounds_float64, double)

static void bounds_float(const pyr_array *array, bool nulls, pyr_zone *out) {
    double low = INFINITY;
    double high = -INFINITY;
    if (!nulls && array->length > 0) {
        (array->field->type == PYR_TYPE_FLOAT32 ? dense_bounds_float32 : dense_bounds_float64)(
            array, &low, &high, &out->has_nan);
    }
    for (int64_t i = 0; nulls && i < array->length; ++i) {
        if (!pyr_array_is_null(array, i)) {
            double value = pyr_array_double(array, i);
            low = value < low ? value : low;
            high = value > high ? value : high;
            out->has_nan |= isnan(value);
        }
    }
    out->has_bounds = low <= high;
    out->exact = out->has_bounds;
    out->min.f64 = out->has_bounds ? low : 0;
    out->max.f64 = out->has_bounds ? high : 0;
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
    out->exact = out->has_bounds;
    out->min.i64 = low;
    out->max.i64 = high;
}

static int compare_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* The first eight bytes as a number, zeros where there are none: what it orders is ordered so, and
 * only where two are equal the bytes must be looked at. */
static uint64_t leading_bytes(const uint8_t *bytes, size_t size) {
    uint64_t word = 0;
    if (size >= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        return word;
    }
    for (size_t i = 0; i < size; ++i) {
        word |= (uint64_t)bytes[i] << (56 - 8 * i);
    }
    return word;
}

/* A prefix is below all that begins with it, so it serves as the min; as the max its last byte that
 * is not 0xFF is raised by one. */
static void bounds_bytes(const pyr_array *array, bool nulls, pyr_zone *out) {
    const uint8_t *low = NULL;
    const uint8_t *high = NULL;
    size_t low_size = 0;
    size_t high_size = 0;
    uint64_t low_word = 0;
    uint64_t high_word = 0;
    for (int64_t i = 0; i < array->length; ++i) {
        if (nulls && pyr_array_is_null(array, i)) {
            continue;
        }
        size_t size;
        const uint8_t *bytes = pyr_array_bytes(array, i, &size);
        bytes = bytes != NULL ? bytes : (const uint8_t *)"";
        uint64_t word = leading_bytes(bytes, size);
        if (low == NULL || (word <= low_word && compare_bytes(bytes, size, low, low_size) < 0)) {
            low = bytes;
            low_size = size;
            low_word = word;
        }
        if (high == NULL ||
            (word >= high_word && compare_bytes(bytes, size, high, high_size) > 0)) {
            high = bytes;
            high_size = size;
            high_word = word;
        }
    }
    if (low == NULL) {
        return;
    }
    out->min.str.size_bytes = (uint8_t)(low_size < PREFIX_BYTES ? low_size : PREFIX_BYTES);
    memcpy(out->min.str.bytes, low, out->min.str.size_bytes);
    size_t kept = high_size < PREFIX_BYTES ? high_size : PREFIX_BYTES;
    memcpy(out->max.str.bytes, high, kept);
    if (high_size > PREFIX_BYTES) {
        while (kept > 0 && out->max.str.bytes[kept - 1] == 0xFF) {
            --kept;
        }
        if (kept == 0) {
            memset(&out->min, 0, sizeof(out->min));
            memset(&out->max, 0, sizeof(out->max));
            return; /* nothing is above it */
        }
        ++out->max.str.bytes[kept - 1];
    }
    /* What was cut off is no part of the bound. */
    memset(out->max.str.bytes + kept, 0, PREFIX_BYTES - kept);
    out->max.str.size_bytes = (uint8_t)kept;
    out->has_bounds = true;
    out->exact = low_size <= PREFIX_BYTES && high_size <= PREFIX_BYTES;
}

void pyr_zone_compute(pyr_array *array, pyr_zone *out) {
    memset(out, 0, sizeof(*out));
    if (hides_nulls(array)) {
        return;
    }
    out->known = true;
    out->null_count = pyr_array_null_count(array);
    bool nulls = out->null_count > 0;
    if (out->null_count == array->length) {
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
        bounds_float(array, nulls, out);
        break;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_BINARY_VIEW:
    case PYR_TYPE_FIXED_SIZE_BINARY:
        bounds_bytes(array, nulls, out);
        break;
    default:
        break;
    }
}

/* ---- Of many batches. ---- */

void pyr_zone_of_none(pyr_zone *out) {
    memset(out, 0, sizeof(*out));
    out->known = true;
    out->exact = true;
}

void pyr_zone_join(pyr_zone *into, const pyr_field *field, const pyr_zone *other, int64_t rows) {
    zone_kind kind = kind_of(field->type);
    bool integers = kind == SIGNED || kind == UNSIGNED;
    bool is_first = !into->has_bounds;
    into->known = into->known && other->known &&
                  (!integers || other->has_bounds || other->null_count >= rows);
    into->exact =
        into->exact && (other->has_bounds ? integers && other->exact : other->null_count >= rows);
    into->null_count += other->null_count;
    into->has_nan = into->has_nan || other->has_nan;
    if (!integers || !other->has_bounds) {
        return;
    }
    into->has_bounds = true;
    if (is_first ||
        (kind == SIGNED ? other->min.i64 < into->min.i64 : other->min.u64 < into->min.u64)) {
        into->min.u64 = other->min.u64;
    }
    if (is_first ||
        (kind == SIGNED ? other->max.i64 > into->max.i64 : other->max.u64 > into->max.u64)) {
        into->max.u64 = other->max.u64;
    }
}

/* ---- As text. ---- */

enum { ZONE_BYTES = sizeof(((pyr_zone *)NULL)->min.str.bytes) };

/* By hand: each small INSERT prints zones, and a printf a byte was a tenth of what it cost us. */
static void print_hex(const uint8_t *bytes, size_t size, pyr_text *out) {
    static const char digits[] = "0123456789abcdef";
    char text[2 * ZONE_BYTES];
    assert(size <= ZONE_BYTES);
    for (size_t i = 0; i < size; ++i) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    pyr_text_append(out, text, 2 * size);
}

static void print_number(uint64_t value, pyr_text *out) {
    uint8_t bytes[8];
    for (int i = 0; i < 8; ++i) {
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    }
    print_hex(bytes, sizeof(bytes), out);
}

void pyr_zone_print(const pyr_zone *zone, const pyr_field *field, pyr_text *out) {
    bool bytes = kind_of(field->type) == BYTES;
    pyr_text_add_char(out, ';');
    if (!zone->known) {
        return;
    }
    pyr_text_printf(out, "%" PRId64, zone->null_count);
    if (!zone->has_bounds && !zone->has_nan) {
        return;
    }
    pyr_text_add(out, bytes ? ",s" : ",v");
    pyr_text_add(out, zone->exact ? "e" : "");
    pyr_text_add(out, zone->has_nan ? "n," : ",");
    if (!zone->has_bounds) {
        pyr_text_add(out, ",");
    } else if (bytes) {
        print_hex(zone->min.str.bytes, zone->min.str.size_bytes, out);
        pyr_text_add(out, ",");
        print_hex(zone->max.str.bytes, zone->max.str.size_bytes, out);
    } else {
        print_number(zone->min.u64, out);
        pyr_text_add_char(out, ',');
        print_number(zone->max.u64, out);
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

/* The piece of [*text, end) up to the next separator. *text moves behind that, and is NULL after
 * the last piece. */
static size_t next_piece(const char **text, const char *end, char separator, const char **piece) {
    *piece = *text;
    const char *stop = memchr(*text, separator, (size_t)(end - *text));
    *text = stop != NULL ? stop + 1 : NULL;
    return (size_t)((stop != NULL ? stop : end) - *piece);
}

static bool parse_count(const char *text, size_t length, int64_t *out) {
    if (length == 0 || length > 18) {
        return false;
    }
    for (size_t i = 0; i < length; ++i) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

/* v or s as the column's type has it, then e, then n. */
static bool parse_flags(const char *text, size_t length, zone_kind kind, pyr_zone *out) {
    size_t i = 1;
    if (kind == NO_BOUNDS || length == 0 || text[0] != (kind == BYTES ? 's' : 'v')) {
        return false;
    }
    out->exact = i < length && text[i] == 'e';
    i += out->exact;
    out->has_nan = i < length && text[i] == 'n';
    i += out->has_nan;
    return i == length && (!out->has_nan || kind == FLOATS);
}

static bool in_order(const pyr_zone *zone, zone_kind kind) {
    switch (kind) {
    case SIGNED:
        return zone->min.i64 <= zone->max.i64;
    case UNSIGNED:
        return zone->min.u64 <= zone->max.u64;
    case FLOATS:
        return zone->min.f64 <= zone->max.f64; /* false where one is NaN */
    default:
        return compare_bytes(zone->min.str.bytes, zone->min.str.size_bytes, zone->max.str.bytes,
                             zone->max.str.size_bytes) <= 0;
    }
}

static bool parse_bounds(const char *const *pieces, const size_t *lengths, zone_kind kind,
                         pyr_zone *out) {
    out->has_bounds = true;
    bool read =
        kind == BYTES
            ? parse_bytes(pieces[0], lengths[0], &out->min.str.size_bytes, out->min.str.bytes) &&
                  parse_bytes(pieces[1], lengths[1], &out->max.str.size_bytes, out->max.str.bytes)
            : parse_u64(pieces[0], lengths[0], &out->min.u64) &&
                  parse_u64(pieces[1], lengths[1], &out->max.u64);
    return read && in_order(out, kind);
}

enum { NULLS, FLAGS, MIN, MAX, BOUNDED, PIECES };

static bool parse_column(const char *text, const char *end, zone_kind kind, pyr_zone *out) {
    const char *pieces[PIECES] = {0};
    size_t lengths[PIECES] = {0};
    size_t count = 0;
    while (text != NULL) {
        if (count == PIECES) {
            return false;
        }
        lengths[count] = next_piece(&text, end, ',', &pieces[count]);
        ++count;
    }
    if (!parse_count(pieces[NULLS], lengths[NULLS], &out->null_count)) {
        return false;
    }
    out->known = true;
    if (count == 1) {
        return true;
    }
    if (count < BOUNDED || !parse_flags(pieces[FLAGS], lengths[FLAGS], kind, out)) {
        return false;
    }
    if (count == BOUNDED) {
        return out->has_nan && !out->exact && lengths[MIN] == 0 && lengths[MAX] == 0;
    }
    return lengths[BOUNDED] == 1 && pieces[BOUNDED][0] == 'b' &&
           parse_bounds(pieces + MIN, lengths + MIN, kind, out);
}

bool pyr_zone_parse(const char *text, size_t length, int32_t column, const pyr_field *field,
                    pyr_zone *out) {
    memset(out, 0, sizeof(*out));
    const char *end = text + length;
    const char *piece;
    if (next_piece(&text, end, ';', &piece) != 1 || *piece != '1') {
        return false; /* another version: nothing is known */
    }
    for (int32_t i = 0; text != NULL; ++i) {
        size_t size = next_piece(&text, end, ';', &piece);
        if (i == column) {
            if (parse_column(piece, piece + size, kind_of(field->type), out)) {
                return true;
            }
            break;
        }
    }
    memset(out, 0, sizeof(*out));
    return false;
}

static bool same_bounds(const pyr_zone *a, const pyr_zone *b, zone_kind kind) {
    if (kind == BYTES) {
        return compare_bytes(a->min.str.bytes, a->min.str.size_bytes, b->min.str.bytes,
                             b->min.str.size_bytes) == 0 &&
               compare_bytes(a->max.str.bytes, a->max.str.size_bytes, b->max.str.bytes,
                             b->max.str.size_bytes) == 0;
    }
    return a->min.u64 == b->min.u64 && a->max.u64 == b->max.u64;
}

bool pyr_zone_holds(const pyr_zone *zone, pyr_array *array) {
    pyr_zone found;
    pyr_zone_compute(array, &found);
    if (!zone->known || !found.known) {
        return true;
    }
    if (zone->null_count != found.null_count || zone->has_nan != found.has_nan) {
        return false;
    }
    return !zone->has_bounds ||
           (found.has_bounds && same_bounds(zone, &found, kind_of(array->field->type)));
}
