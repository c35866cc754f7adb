/* values.c - values of tensors as floats and doubles.
 *
 * F4, F6 and F8: "OCP Microscaling Formats (MX) Specification" and "OCP 8-bit Floating Point
 * Specification"; the FNUZ kinds have no infinity and no -0.0, whose bits are their only NaN.
 */
#include "base/cursor.h"
#include "formats/tensor/tensor_internal.h"
#include "kernels/kernels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- One small float. ---- */

typedef enum specials {
    SPECIALS_NONE, /* every code is a number */
    SPECIALS_IEEE, /* the largest exponent is infinity and NaN */
    SPECIALS_FN,   /* all bits but the sign set: NaN */
    SPECIALS_FNUZ  /* the sign alone: NaN */
} specials;
typedef struct minifloat {
    int fraction_bits, bits, bias;
    specials specials;
} minifloat;

static minifloat minifloat_of(pyr_tensor_type type) {
    switch (type) {
    case PYR_TENSOR_F4:
        return (minifloat){1, 4, 1, SPECIALS_NONE};
    case PYR_TENSOR_F6_E2M3:
        return (minifloat){3, 6, 1, SPECIALS_NONE};
    case PYR_TENSOR_F6_E3M2:
        return (minifloat){2, 6, 3, SPECIALS_NONE};
    case PYR_TENSOR_F8_E5M2:
        return (minifloat){2, 8, 15, SPECIALS_IEEE};
    case PYR_TENSOR_F8_E4M3:
        return (minifloat){3, 8, 7, SPECIALS_FN};
    case PYR_TENSOR_F8_E4M3FNUZ:
        return (minifloat){3, 8, 8, SPECIALS_FNUZ};
    default:
        assert(type == PYR_TENSOR_F8_E5M2FNUZ);
        return (minifloat){2, 8, 16, SPECIALS_FNUZ};
    }
}
float pyr_tensor_minifloat(pyr_tensor_type type, uint8_t code) {
    if (type == PYR_TENSOR_F8_E8M0) {
        return code == 0xff ? NAN : ldexpf(1.0F, code - 127);
    }
    minifloat kind = minifloat_of(type);
    int sign_bit = 1 << (kind.bits - 1), one = 1 << kind.fraction_bits;
    int size = code & (sign_bit - 1), exponent = size >> kind.fraction_bits;
    int fraction = size & (one - 1);
    float sign = (code & sign_bit) != 0 ? -1.0F : 1.0F;
    if (kind.specials == SPECIALS_IEEE && size >= sign_bit - one) {
        return fraction == 0 ? sign * INFINITY : NAN;
    }
    if ((kind.specials == SPECIALS_FN && size == sign_bit - 1) ||
        (kind.specials == SPECIALS_FNUZ && code == sign_bit)) {
        return NAN;
    }
    if (exponent == 0) {
        return sign * ldexpf((float)fraction, 1 - kind.bias - kind.fraction_bits);
    }
    return sign * ldexpf((float)(one + fraction), exponent - kind.bias - kind.fraction_bits);
}

/* ---- Many. ---- */

/* The code of value i, of 4, 6 or 8 bits. */
static uint8_t code_at(const uint8_t *data, int bits, int64_t i) {
    if (bits == 8) {
        return data[i];
    }
    if (bits == 4) {
        return (uint8_t)((data[i / 2] >> ((i % 2) * 4)) & 0xf);
    }
    /* Four values in three bytes; the product of i and bits would overflow. */
    const uint8_t *three = data + ((i / 4) * 3);
    uint32_t word = three[0] | ((uint32_t)three[1] << 8) | ((uint32_t)three[2] << 16);
    return (uint8_t)((word >> ((i % 4) * 6)) & 0x3f);
}
static void small_floats(const pyr_tensor_view *view, int64_t first, int64_t count, float *out) {
    int bits = pyr_tensor_type_bits(view->type);
    float of_code[256];
    /* A table costs as much as its codes; for less it is not made. */
    bool table = count > (1 << bits);
    for (int code = 0; table && code < (1 << bits); ++code) {
        of_code[code] = pyr_tensor_minifloat(view->type, (uint8_t)code);
    }
    for (int64_t i = 0; i < count; ++i) {
        uint8_t code = code_at(view->data, bits, first + i);
        out[i] = table ? of_code[code] : pyr_tensor_minifloat(view->type, code);
    }
}

void pyr_tensor_floats(const pyr_tensor_view *view, int64_t first, int64_t count, float *out) {
    assert(first >= 0 && count >= 0 && count <= view->count - first);
    if (count == 0) {
        return;
    }
    switch (view->type) {
    case PYR_TENSOR_F32:
        memcpy(out, view->data + (first * 4), (size_t)count * 4);
        return;
    case PYR_TENSOR_F16:
        pyr_kernels_get()->widen_f16(view->data + (first * 2), count, out);
        return;
    case PYR_TENSOR_BF16:
        pyr_kernels_get()->widen_bf16(view->data + (first * 2), count, out);
        return;
    default:
        small_floats(view, first, count, out);
    }
}

const uint8_t *pyr_tensor_at(const pyr_tensor_view *view, int64_t scalar) {
    int64_t bits = view->type == PYR_TENSOR_C64 ? 32 : pyr_tensor_type_bits(view->type);
    assert(scalar % 8 == 0);
    return view->data == NULL ? NULL : view->data + ((scalar / 8) * bits);
}

#define DOUBLES(WIDTH, LOAD)                                         \
    for (int64_t i = 0; i < count; ++i) {                            \
        out[i] = (double)LOAD(view->data + ((first + i) * (WIDTH))); \
    }                                                                \
    return;
#define LOAD_I8(p) ((int8_t) * (p))
#define LOAD_U8(p) (*(p))
#define LOAD_BOOL(p) (*(p) != 0)
#define LOAD_I16(p) ((int16_t)pyr_load_u16(p))
#define LOAD_I32(p) ((int32_t)pyr_load_u32(p))
#define LOAD_I64(p) ((int64_t)pyr_load_u64(p))
static float load_f32(const uint8_t *p) {
    float value = 0;
    memcpy(&value, p, sizeof value);
    return value;
}
void pyr_tensor_doubles(const pyr_tensor_view *view, int64_t first, int64_t count, double *out) {
    assert(first >= 0 && count >= 0 && count <= pyr_tensor_scalars(view) - first);
    switch (view->type) {
    case PYR_TENSOR_BOOL:
        DOUBLES(1, LOAD_BOOL)
    case PYR_TENSOR_U8:
        DOUBLES(1, LOAD_U8)
    case PYR_TENSOR_I8:
        DOUBLES(1, LOAD_I8)
    case PYR_TENSOR_I16:
        DOUBLES(2, LOAD_I16)
    case PYR_TENSOR_U16:
        DOUBLES(2, pyr_load_u16)
    case PYR_TENSOR_I32:
        DOUBLES(4, LOAD_I32)
    case PYR_TENSOR_U32:
        DOUBLES(4, pyr_load_u32)
    case PYR_TENSOR_C64:
        DOUBLES(4, load_f32)
    case PYR_TENSOR_I64:
        DOUBLES(8, LOAD_I64)
    case PYR_TENSOR_U64:
        DOUBLES(8, pyr_load_u64)
    case PYR_TENSOR_F64:
        if (count > 0) {
            memcpy(out, view->data + (first * 8), (size_t)count * 8);
        }
        return;
    default:
        break;
    }
    /* Many more than a small float has codes, or small_floats would make no table. */
    float floats[PYR_TENSOR_BLOCK];
    for (int64_t i = 0; i < count; i += PYR_TENSOR_BLOCK) {
        int64_t some = count - i < PYR_TENSOR_BLOCK ? count - i : PYR_TENSOR_BLOCK;
        pyr_tensor_floats(view, first + i, some, floats);
        for (int64_t j = 0; j < some; ++j) {
            out[i + j] = (double)floats[j];
        }
    }
}

/* ---- Ranges. ---- */

pyr_tensor_ranges pyr_tensor_cut(const pyr_tensor_view *view) {
    pyr_tensor_ranges ranges = {.scalars = pyr_tensor_scalars(view)};
    int64_t bits = view->type == PYR_TENSOR_C64 ? 32 : pyr_tensor_type_bits(view->type);
    int64_t least = ((int64_t)8 << 20) / bits;
    int64_t blocks = ranges.scalars / PYR_TENSOR_RANGES / PYR_TENSOR_BLOCK + 1;
    int64_t each = blocks * PYR_TENSOR_BLOCK;
    ranges.each = each > least ? each : (least / PYR_TENSOR_BLOCK) * PYR_TENSOR_BLOCK;
    ranges.count = (size_t)(ranges.scalars / ranges.each + (ranges.scalars % ranges.each != 0));
    return ranges;
}
pyr_status pyr_tensor_for_ranges(const pyr_tensor_ranges *ranges, pyr_thread_pool *pool,
                                 pyr_status (*body)(void *context, size_t index, pyr_error *error),
                                 void *context, pyr_error *error) {
    if (pool != NULL && ranges->count > 1) {
        return pyr_thread_pool_for_each(pool, ranges->count, body, context, error);
    }
    for (size_t i = 0; i < ranges->count; ++i) {
        PYR_TRY(body(context, i, error));
    }
    return PYR_OK;
}
