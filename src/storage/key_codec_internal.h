/* key_codec_internal.h - how a key column is written; shared by key_codec.c and
 * key_codec_decode.c. */
#ifndef PYR_STORAGE_KEY_CODEC_INTERNAL_H
#define PYR_STORAGE_KEY_CODEC_INTERNAL_H

#include "storage/key_codec.h"

#define KEY_VALUE 0x01 /* before a value, where nulls are possible; below KEY_NULL: nulls last */
#define KEY_NULL 0x02

/* Inside text: a zero byte is followed by 0xFF, the end is two zeros. So the end is below every
 * continuation, and the next column never takes part in the comparison of two different texts. */
#define KEY_ESCAPE 0xFF
#define KEY_END 0x00

typedef enum key_form {
    KEY_FORM_NULL,     /* type null: nothing but nulls */
    KEY_FORM_BOOL,     /* a byte */
    KEY_FORM_UNSIGNED, /* big-endian */
    KEY_FORM_SIGNED,   /* big-endian two's complement, sign bit inverted */
    KEY_FORM_FLOAT,    /* IEEE 754 made to sort as an unsigned number */
    KEY_FORM_BYTES,    /* escaped and ended */
    KEY_FORM_FIXED,    /* as they are */
    KEY_FORM_TIME_TZ,  /* DuckDB's 64 bits, by instant, then by offset */
    KEY_FORMS_COUNT
} key_form;

#define KEY_WIDTH_MAX 32 /* of numbers, in bytes */

typedef struct key_column {
    pyr_field *field; /* retained; what decoding gives */
    key_form form;
    size_t width; /* bytes, of all forms but BYTES */
} key_column;

struct pyr_key_codec {
    atomic_size_t references;
    pyr_key_nulls nulls;
    int32_t count;
    key_column columns[];
};

/* The canonical NaN of a float of width bytes, as its bits. */
static inline uint64_t key_nan(size_t width) {
    return width == 2 ? 0x7E00 : width == 4 ? 0x7FC00000 : UINT64_C(0x7FF8000000000000);
}
/* The bits of infinity: above them (without the sign) are NaNs. */
static inline uint64_t key_infinity(size_t width) {
    return width == 2 ? 0x7C00 : width == 4 ? 0x7F800000 : UINT64_C(0x7FF0000000000000);
}
static inline uint64_t key_sign(size_t width) {
    return UINT64_C(1) << (width * 8 - 1);
}
static inline uint64_t key_mask(size_t width) {
    return width == 8 ? UINT64_MAX : (UINT64_C(1) << (width * 8)) - 1;
}

/* TIME WITH TIME ZONE as DuckDB keeps it: microseconds above 24 bits of 57,599 minus the offset in
 * seconds. Adding the offset part, as time, to the time gives the instant's order. */
#define KEY_TIME_TZ_BITS 24
static inline uint64_t key_time_tz_shift(uint64_t value) {
    uint64_t offset = value & ((UINT64_C(1) << KEY_TIME_TZ_BITS) - 1);
    return (offset * 1000000) << KEY_TIME_TZ_BITS;
}

#endif
