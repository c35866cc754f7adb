/* element.c - loads and stores of elements by type. The type is looked at once a block, so that the
 * loops over elements have none of it. */
#include "formats/codecs/element.h"

#include <math.h>
#include <string.h>

pyr_status pyr_element_parse(const char *type, pyr_element *out, pyr_error *error) {
    if (strlen(type) < 3 || strchr("<>|=", type[0]) == NULL || type[2] < '0' || type[2] > '9') {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "\"%.32s\" is no type of elements",
                             type);
    }
    char kind = type[1];
    int32_t bytes = type[3] == '\0' ? type[2] - '0' : 0;
    bool whole = kind == 'i' || kind == 'u';
    bool known = bytes == 4 || bytes == 8 || (whole && (bytes == 1 || bytes == 2));
    if (!known || !(whole || kind == 'f') || (bytes > 1 && type[0] == '|')) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "a filter over elements of type \"%.32s\"", type);
    }
    *out = (pyr_element){kind, bytes, bytes > 1 && type[0] == '>'};
    return PYR_OK;
}

static inline uint8_t order_u8(uint8_t value, bool big) {
    (void)big;
    return value;
}
static inline uint16_t order_u16(uint16_t value, bool big) {
    return big ? __builtin_bswap16(value) : value;
}
static inline uint32_t order_u32(uint32_t value, bool big) {
    return big ? __builtin_bswap32(value) : value;
}
static inline uint64_t order_u64(uint64_t value, bool big) {
    return big ? __builtin_bswap64(value) : value;
}

/* Bits of a width into whole numbers of 64 and back. */
#define DEFINE_WHOLE(bits)                                                                    \
    static void load_u##bits(const uint8_t *bytes, size_t count, bool big, uint64_t *out) {   \
        for (size_t i = 0; i < count; ++i) {                                                  \
            uint##bits##_t value;                                                             \
            memcpy(&value, bytes + i * sizeof value, sizeof value);                           \
            out[i] = order_u##bits(value, big);                                               \
        }                                                                                     \
    }                                                                                         \
    static void load_i##bits(const uint8_t *bytes, size_t count, bool big, uint64_t *out) {   \
        for (size_t i = 0; i < count; ++i) {                                                  \
            uint##bits##_t value;                                                             \
            memcpy(&value, bytes + i * sizeof value, sizeof value);                           \
            out[i] = (uint64_t)(int64_t)(int##bits##_t)order_u##bits(value, big);             \
        }                                                                                     \
    }                                                                                         \
    static void store_u##bits(const uint64_t *values, size_t count, bool big, uint8_t *out) { \
        for (size_t i = 0; i < count; ++i) {                                                  \
            uint##bits##_t value = order_u##bits((uint##bits##_t)values[i], big);             \
            memcpy(out + i * sizeof value, &value, sizeof value);                             \
        }                                                                                     \
    }

DEFINE_WHOLE(8)
DEFINE_WHOLE(16)
DEFINE_WHOLE(32)
DEFINE_WHOLE(64)

void pyr_element_load_bits(const pyr_element *type, const uint8_t *bytes, size_t count,
                           uint64_t *out) {
    bool is_signed = type->kind == 'i';
    switch (type->bytes) {
    case 1:
        (is_signed ? load_i8 : load_u8)(bytes, count, type->big_endian, out);
        break;
    case 2:
        (is_signed ? load_i16 : load_u16)(bytes, count, type->big_endian, out);
        break;
    case 4:
        (is_signed ? load_i32 : load_u32)(bytes, count, type->big_endian, out);
        break;
    default:
        (is_signed ? load_i64 : load_u64)(bytes, count, type->big_endian, out);
        break;
    }
}

void pyr_element_store_bits(const pyr_element *type, const uint64_t *values, size_t count,
                            uint8_t *out) {
    switch (type->bytes) {
    case 1:
        store_u8(values, count, type->big_endian, out);
        break;
    case 2:
        store_u16(values, count, type->big_endian, out);
        break;
    case 4:
        store_u32(values, count, type->big_endian, out);
        break;
    default:
        store_u64(values, count, type->big_endian, out);
        break;
    }
}

enum { BLOCK = 256 };

static double double_of(const pyr_element *type, uint64_t bits) {
    if (type->kind == 'i') {
        return (double)(int64_t)bits;
    }
    if (type->kind == 'u') {
        return (double)bits;
    }
    if (type->bytes == 4) {
        uint32_t low = (uint32_t)bits;
        float single;
        memcpy(&single, &low, sizeof single);
        return (double)single;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void pyr_element_load_doubles(const pyr_element *type, const uint8_t *bytes, size_t count,
                              double *out) {
    uint64_t bits[BLOCK];
    for (size_t done = 0; done < count; done += BLOCK) {
        size_t step = count - done < BLOCK ? count - done : BLOCK;
        pyr_element_load_bits(type, bytes + done * (size_t)type->bytes, step, bits);
        for (size_t i = 0; i < step; ++i) {
            out[done + i] = double_of(type, bits[i]);
        }
    }
}

/* 2^bits and its neighbours are doubles, 2^bits - 1 of 64 is not: hence below, not at most. */
static uint64_t whole_of(const pyr_element *type, double value) {
    int bits = type->bytes * 8;
    if (isnan(value)) {
        return 0;
    }
    if (type->kind == 'u') {
        return value <= 0                  ? 0
               : value >= ldexp(1.0, bits) ? UINT64_MAX >> (64 - bits)
                                           : (uint64_t)value;
    }
    double limit = ldexp(1.0, bits - 1);
    int64_t largest = INT64_MAX >> (64 - bits);
    return (uint64_t)(value >= limit ? largest : value < -limit ? -largest - 1 : (int64_t)value);
}

static uint64_t bits_of(const pyr_element *type, double value) {
    if (type->kind != 'f') {
        return whole_of(type, value);
    }
    uint64_t bits = 0;
    if (type->bytes == 4) {
        float single = (float)value;
        uint32_t low;
        memcpy(&low, &single, sizeof low);
        return low;
    }
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void pyr_element_store_doubles(const pyr_element *type, const double *values, size_t count,
                               uint8_t *out) {
    uint64_t bits[BLOCK];
    for (size_t done = 0; done < count; done += BLOCK) {
        size_t step = count - done < BLOCK ? count - done : BLOCK;
        for (size_t i = 0; i < step; ++i) {
            bits[i] = bits_of(type, values[done + i]);
        }
        pyr_element_store_bits(type, bits, step, out + done * (size_t)type->bytes);
    }
}
