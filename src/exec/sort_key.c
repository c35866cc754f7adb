/* sort_key.c - see sort_key.h; and sorting them. */
#include "exec/sort_key.h"

#include <string.h>

static size_t fixed_bytes(pyr_physical physical) {
    return physical == PYR_PHYSICAL_BIT ? 1 : pyr_physical_bytes(physical);
}

bool pyr_sort_keys_long(const pyr_sort_column *columns, int32_t count) {
    size_t bytes = 0;
    for (int32_t i = 0; i < count; ++i) {
        if (columns[i].physical == PYR_PHYSICAL_STRING) {
            return true;
        }
        bytes += fixed_bytes(columns[i].physical) + (columns[i].never_null ? 0 : 1);
    }
    return bytes > 8;
}

uint32_t pyr_sort_keys_length(const pyr_sort_column *columns, int32_t count) {
    size_t bytes = 0;
    for (int32_t i = 0; i < count; ++i) {
        bytes += fixed_bytes(columns[i].physical) + (columns[i].never_null ? 0 : 1);
    }
    return (uint32_t)bytes;
}

/* ---- One value. ---- */

static uint8_t *put_big_endian(uint8_t *to, uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i) {
        to[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
    return to + width;
}

static uint64_t order_double(double value) {
    uint64_t bits;
    value = value == 0 ? 0 : value != value ? __builtin_nan("") : value;
    memcpy(&bits, &value, sizeof(bits));
    return (bits >> 63) != 0 ? ~bits : bits | (UINT64_C(1) << 63);
}

static uint64_t order_float(float value) {
    uint32_t bits;
    value = value == 0 ? 0 : value != value ? __builtin_nanf("") : value;
    memcpy(&bits, &value, sizeof(bits));
    return (bits >> 31) != 0 ? (uint32_t)~bits : bits | (UINT32_C(1) << 31);
}

static uint8_t *put_fixed(uint8_t *to, const pyr_vector *vector, int32_t row) {
    int32_t at = vector->constant ? 0 : row;
    const void *data = vector->data;
    pyr_i128 wide;
    switch (vector->physical) {
    case PYR_PHYSICAL_BIT:
        *to = (uint8_t)((((const uint64_t *)data)[at >> 6] >> (at & 63)) & 1);
        return to + 1;
    case PYR_PHYSICAL_I8:
        return put_big_endian(to, ((const uint8_t *)data)[at] ^ 0x80U, 1);
    case PYR_PHYSICAL_U8:
        return put_big_endian(to, ((const uint8_t *)data)[at], 1);
    case PYR_PHYSICAL_I16:
        return put_big_endian(to, ((const uint16_t *)data)[at] ^ 0x8000U, 2);
    case PYR_PHYSICAL_U16:
        return put_big_endian(to, ((const uint16_t *)data)[at], 2);
    case PYR_PHYSICAL_I32:
        return put_big_endian(to, ((const uint32_t *)data)[at] ^ 0x80000000U, 4);
    case PYR_PHYSICAL_U32:
        return put_big_endian(to, ((const uint32_t *)data)[at], 4);
    case PYR_PHYSICAL_I64:
        return put_big_endian(to, ((const uint64_t *)data)[at] ^ (UINT64_C(1) << 63), 8);
    case PYR_PHYSICAL_U64:
        return put_big_endian(to, ((const uint64_t *)data)[at], 8);
    case PYR_PHYSICAL_F32:
        return put_big_endian(to, order_float(((const float *)data)[at]), 4);
    case PYR_PHYSICAL_F64:
        return put_big_endian(to, order_double(((const double *)data)[at]), 8);
    default: /* I128 */
        memcpy(&wide, (const uint8_t *)data + (size_t)at * sizeof(wide), sizeof(wide));
        to = put_big_endian(to, (uint64_t)(wide >> 64) ^ (UINT64_C(1) << 63), 8);
        return put_big_endian(to, (uint64_t)wide, 8);
    }
}

static size_t string_bytes(pyr_string value) {
    size_t zeroes = 0;
    for (uint64_t i = 0; i < value.length; ++i) {
        zeroes += value.bytes[i] == 0;
    }
    return (size_t)value.length + zeroes + 2;
}

static uint8_t *put_string(uint8_t *to, pyr_string value) {
    for (uint64_t i = 0; i < value.length; ++i) {
        *to++ = value.bytes[i];
        if (value.bytes[i] == 0) {
            *to++ = 1;
        }
    }
    *to++ = 0;
    *to++ = 0;
    return to;
}

static uint8_t *put_value(uint8_t *to, const pyr_sort_column *column, const pyr_vector *vector,
                          int32_t row) {
    bool null = pyr_vector_is_null(vector, row);
    if (!column->never_null) {
        *to++ = null == column->nulls_first ? 0 : 1;
    }
    if (null) {
        if (column->physical == PYR_PHYSICAL_STRING) {
            return to;
        }
        memset(to, 0, fixed_bytes(column->physical));
        return to + fixed_bytes(column->physical);
    }
    uint8_t *begin = to;
    to = column->physical == PYR_PHYSICAL_STRING ? put_string(to, pyr_vector_string(vector, row))
                                                 : put_fixed(to, vector, row);
    for (uint8_t *at = begin; column->descending && at < to; ++at) {
        *at = (uint8_t) ~*at;
    }
    return to;
}

/* ---- Keys. ---- */

static size_t key_bytes(const pyr_sort_column *columns, int32_t count, const pyr_vector *vectors,
                        int32_t row) {
    size_t bytes = 0;
    for (int32_t i = 0; i < count; ++i) {
        bytes += columns[i].never_null ? 0 : 1;
        if (columns[i].physical != PYR_PHYSICAL_STRING) {
            bytes += fixed_bytes(columns[i].physical);
        } else if (!pyr_vector_is_null(&vectors[i], row)) {
            bytes += string_bytes(pyr_vector_string(&vectors[i], row));
        }
    }
    return bytes;
}

static uint64_t prefix_of(const uint8_t *bytes, size_t length) {
    uint64_t prefix = 0;
    for (size_t i = 0; i < 8; ++i) {
        prefix = (prefix << 8) | (i < length ? bytes[i] : 0);
    }
    return prefix;
}

pyr_status pyr_sort_keys_make(const pyr_sort_column *columns, int32_t columns_count,
                              const pyr_vector *vectors, const uint16_t *rows, int32_t count,
                              pyr_arena *arena, pyr_row_key *keys, pyr_error *error) {
    bool is_long = pyr_sort_keys_long(columns, columns_count);
    uint8_t room[8 + 16];
    for (int32_t i = 0; i < count; ++i) {
        int32_t row = rows != NULL ? rows[i] : i;
        uint8_t *to = room;
        size_t bytes = 0;
        if (is_long) {
            bytes = key_bytes(columns, columns_count, vectors, row);
            if (bytes > UINT32_MAX) {
                return pyr_error_set(error, PYR_ERROR_LIMIT, "a sort key of more than 4 GB");
            }
            to = pyr_arena_alloc(arena, bytes);
            if (to == NULL) {
                return pyr_arena_error(arena, error);
            }
        }
        uint8_t *begin = to;
        for (int32_t k = 0; k < columns_count; ++k) {
            to = put_value(to, &columns[k], &vectors[k], row);
        }
        keys[i].prefix = prefix_of(begin, (size_t)(to - begin));
        keys[i].bytes = is_long ? begin : NULL;
        keys[i].length = (uint32_t)(to - begin);
    }
    return PYR_OK;
}

/* Values as numbers of WIDTH bytes in the upper end of 64 bits. */
#define PREFIXES(TYPE, WIDTH, EXPRESSION)                                            \
    do {                                                                             \
        const TYPE *values = vector->data;                                           \
        uint64_t turn = column->descending ? ~UINT64_C(0) << (64 - 8 * (WIDTH)) : 0; \
        for (int32_t i = 0; i < span; ++i) {                                         \
            TYPE value = values[i];                                                  \
            prefixes[i] = ((uint64_t)(EXPRESSION) << (64 - 8 * (WIDTH))) ^ turn;     \
        }                                                                            \
    } while (0)

/* The first 8 bytes of a text; behind a zero byte, which keys write as two, nothing is promised. */
static uint64_t string_prefix(pyr_string value) {
    uint64_t prefix = 0;
    if (value.length >= 8) {
        const uint64_t ones = UINT64_C(0x0101010101010101);
        memcpy(&prefix, value.bytes, 8);
        if (((prefix - ones) & ~prefix & (ones << 7)) == 0) { /* no byte is zero */
            return __builtin_bswap64(prefix);
        }
        prefix = 0;
    }
    uint64_t count = value.length < 8 ? value.length : 8;
    for (uint64_t i = 0; i < count && value.bytes[i] != 0; ++i) {
        prefix |= (uint64_t)value.bytes[i] << (56 - 8 * i);
    }
    return prefix;
}

static bool string_prefixes(const pyr_sort_column *column, const pyr_vector *vector, int32_t span,
                            const uint64_t *mask, uint64_t *prefixes) {
    if (column->descending) {
        return false; /* what is not known lies above there */
    }
    memset(prefixes, 0, (size_t)span * sizeof(*prefixes));
    for (int32_t first = 0; first < span; first += 64) {
        uint64_t bits = span - first < 64 ? (UINT64_C(1) << (span - first)) - 1 : UINT64_MAX;
        bits &= mask != NULL ? mask[first >> 6] : UINT64_MAX;
        bits &= vector->validity != NULL ? vector->validity[first >> 6] : UINT64_MAX;
        for (; bits != 0; bits &= bits - 1) {
            int32_t row = first + __builtin_ctzll(bits);
            prefixes[row] = string_prefix(pyr_vector_string(vector, row));
        }
    }
    return true;
}

static bool value_prefixes(const pyr_sort_column *column, const pyr_vector *vector, int32_t span,
                           const uint64_t *mask, uint64_t *prefixes) {
    switch (vector->physical) {
    case PYR_PHYSICAL_STRING:
        return string_prefixes(column, vector, span, mask, prefixes);
    case PYR_PHYSICAL_I16:
        PREFIXES(uint16_t, 2, value ^ 0x8000U);
        return true;
    case PYR_PHYSICAL_U16:
        PREFIXES(uint16_t, 2, value);
        return true;
    case PYR_PHYSICAL_I32:
        PREFIXES(uint32_t, 4, value ^ 0x80000000U);
        return true;
    case PYR_PHYSICAL_U32:
        PREFIXES(uint32_t, 4, value);
        return true;
    case PYR_PHYSICAL_I64:
        PREFIXES(uint64_t, 8, value ^ (UINT64_C(1) << 63));
        return true;
    case PYR_PHYSICAL_U64:
        PREFIXES(uint64_t, 8, value);
        return true;
    case PYR_PHYSICAL_F32:
        PREFIXES(float, 4, order_float(value));
        return true;
    case PYR_PHYSICAL_F64:
        PREFIXES(double, 8, order_double(value));
        return true;
    default:
        return false;
    }
}

bool pyr_sort_first_prefixes(const pyr_sort_column *column, const pyr_vector *vector, int32_t span,
                             const uint64_t *mask, uint64_t *prefixes) {
    if (vector->constant || !value_prefixes(column, vector, span, mask, prefixes)) {
        return false;
    }
    if (column->never_null) {
        return true;
    }
    uint64_t value_byte = (uint64_t)(column->nulls_first ? 1 : 0) << 56;
    uint64_t null_byte = (uint64_t)(column->nulls_first ? 0 : 1) << 56;
    for (int32_t i = 0; i < span; ++i) {
        prefixes[i] = value_byte | (prefixes[i] >> 8);
        if (pyr_vector_is_null(vector, i)) {
            prefixes[i] = null_byte;
        }
    }
    return true;
}

int pyr_row_key_order(const pyr_row_key *a, const pyr_row_key *b) {
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    if (a->bytes == NULL || a->length <= 8 || b->length <= 8) {
        return (a->length > b->length) - (a->length < b->length);
    }
    uint32_t common = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->bytes + 8, b->bytes + 8, common - 8);
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* Bytes that the first columns of a long key take. */
static size_t begin_bytes(const pyr_sort_column *columns, int32_t count, const uint8_t *key) {
    const uint8_t *at = key;
    for (int32_t i = 0; i < count; ++i) {
        bool null = false;
        if (!columns[i].never_null) {
            null = *at++ == (columns[i].nulls_first ? 0 : 1);
        }
        if (columns[i].physical != PYR_PHYSICAL_STRING) {
            at += fixed_bytes(columns[i].physical);
        } else if (!null) {
            uint8_t zero = columns[i].descending ? 0xff : 0;
            while (at[0] != zero || at[1] != zero) {
                at += at[0] == zero ? 2 : 1; /* a zero of the text has a one behind it */
            }
            at += 2;
        }
    }
    return (size_t)(at - key);
}

bool pyr_row_keys_begin_equal(const pyr_sort_column *columns, int32_t columns_count,
                              const pyr_row_key *a, const pyr_row_key *b) {
    if (a->bytes != NULL) {
        size_t bytes = begin_bytes(columns, columns_count, a->bytes);
        return b->length >= bytes && memcmp(a->bytes, b->bytes, bytes) == 0;
    }
    uint32_t bytes = pyr_sort_keys_length(columns, columns_count);
    return bytes == 0 || ((a->prefix ^ b->prefix) >> (64 - 8 * bytes)) == 0;
}

/* ---- Sorting: quicksort to small ranges, bounded by heapsort, then insertion. ---- */

static bool less(const pyr_row_key *a, const pyr_row_key *b) {
    return pyr_row_key_order(a, b) < 0;
}

static void swap(pyr_row_key *a, pyr_row_key *b) {
    pyr_row_key t = *a;
    *a = *b;
    *b = t;
}

static void sift_down(pyr_row_key *keys, int64_t at, int64_t count) {
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && less(&keys[child], &keys[child + 1])) {
            ++child;
        }
        if (!less(&keys[at], &keys[child])) {
            return;
        }
        swap(&keys[at], &keys[child]);
        at = child;
    }
}

static void heap_sort(pyr_row_key *keys, int64_t count) {
    for (int64_t i = count / 2; i > 0; --i) {
        sift_down(keys, i - 1, count);
    }
    for (int64_t i = count - 1; i > 0; --i) {
        swap(&keys[0], &keys[i]);
        sift_down(keys, 0, i);
    }
}

static void insertion_sort(pyr_row_key *keys, int64_t count) {
    for (int64_t i = 1; i < count; ++i) {
        pyr_row_key key = keys[i];
        int64_t at = i;
        for (; at > 0 && less(&key, &keys[at - 1]); --at) {
            keys[at] = keys[at - 1];
        }
        keys[at] = key;
    }
}

/* The first `first` of them are in order then. */
static void quick_sort(pyr_row_key *keys, int64_t count, int64_t first, int depth) {
    while (count > 24) {
        if (depth-- == 0) {
            heap_sort(keys, count);
            return;
        }
        pyr_row_key *low = &keys[0];
        pyr_row_key *middle = &keys[count / 2];
        pyr_row_key *high = &keys[count - 1];
        if (less(middle, low)) {
            swap(low, middle);
        }
        if (less(high, middle)) {
            swap(middle, high);
            if (less(middle, low)) {
                swap(low, middle);
            }
        }
        pyr_row_key pivot = *middle;
        int64_t i = 0;
        int64_t j = count - 1;
        while (i <= j) {
            while (less(&keys[i], &pivot)) {
                ++i;
            }
            while (less(&pivot, &keys[j])) {
                --j;
            }
            if (i <= j) {
                swap(&keys[i++], &keys[j--]);
            }
        }
        /* The smaller part recursively: the stack stays shallow. */
        if (first <= i) {
            count = j + 1;
        } else if (j + 1 < count - i) {
            quick_sort(keys, j + 1, j + 1, depth);
            keys += i;
            count -= i;
            first -= i;
        } else {
            quick_sort(keys + i, count - i, first - i, depth);
            count = j + 1;
        }
    }
    insertion_sort(keys, count);
}

void pyr_row_keys_sort_first(pyr_row_key *keys, int64_t count, int64_t first) {
    int depth = 2;
    for (int64_t n = count; n > 1; n /= 2) {
        depth += 2;
    }
    quick_sort(keys, count, first, depth);
}

void pyr_row_keys_sort(pyr_row_key *keys, int64_t count) {
    pyr_row_keys_sort_first(keys, count, count);
}

void pyr_row_keys_merge(pyr_row_key *keys, int64_t half, int64_t count, pyr_row_key *room) {
    int64_t left = 0;
    int64_t right = half;
    for (int64_t i = 0; i < count; ++i) {
        bool take_left = left < half && (right == count || !less(&keys[right], &keys[left]));
        room[i] = take_left ? keys[left++] : keys[right++];
    }
    for (int64_t i = 0; i < count; ++i) {
        keys[i] = room[i];
    }
}
