/* type.c - element types: names, widths, and the sizes of what is made of them. */
#include "formats/tensor/tensor.h"

#include "base/checked.h"

#include <assert.h>
#include <string.h>

static const struct type_facts {
    const char *name;
    int32_t bits;
    size_t length; /* of the name: every tensor of a file is asked for by it */
} types[PYR_TENSOR_TYPES] = {
    [PYR_TENSOR_BOOL] = {"BOOL", 8, 4},
    [PYR_TENSOR_F4] = {"F4", 4, 2},
    [PYR_TENSOR_F6_E2M3] = {"F6_E2M3", 6, 7},
    [PYR_TENSOR_F6_E3M2] = {"F6_E3M2", 6, 7},
    [PYR_TENSOR_U8] = {"U8", 8, 2},
    [PYR_TENSOR_I8] = {"I8", 8, 2},
    [PYR_TENSOR_F8_E5M2] = {"F8_E5M2", 8, 7},
    [PYR_TENSOR_F8_E4M3] = {"F8_E4M3", 8, 7},
    [PYR_TENSOR_F8_E8M0] = {"F8_E8M0", 8, 7},
    [PYR_TENSOR_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8, 11},
    [PYR_TENSOR_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8, 11},
    [PYR_TENSOR_I16] = {"I16", 16, 3},
    [PYR_TENSOR_U16] = {"U16", 16, 3},
    [PYR_TENSOR_F16] = {"F16", 16, 3},
    [PYR_TENSOR_BF16] = {"BF16", 16, 4},
    [PYR_TENSOR_I32] = {"I32", 32, 3},
    [PYR_TENSOR_U32] = {"U32", 32, 3},
    [PYR_TENSOR_F32] = {"F32", 32, 3},
    [PYR_TENSOR_C64] = {"C64", 64, 3},
    [PYR_TENSOR_F64] = {"F64", 64, 3},
    [PYR_TENSOR_I64] = {"I64", 64, 3},
    [PYR_TENSOR_U64] = {"U64", 64, 3},
};

const char *pyr_tensor_type_name(pyr_tensor_type type) {
    assert(type < PYR_TENSOR_TYPES);
    return types[type].name;
}
int32_t pyr_tensor_type_bits(pyr_tensor_type type) {
    assert(type < PYR_TENSOR_TYPES);
    return types[type].bits;
}
bool pyr_tensor_type_find(const char *name, size_t length, pyr_tensor_type *out) {
    for (int i = 0; i < PYR_TENSOR_TYPES; ++i) {
        if (types[i].length == length && memcmp(types[i].name, name, length) == 0) {
            *out = (pyr_tensor_type)i;
            return true;
        }
    }
    return false;
}

bool pyr_tensor_size(pyr_tensor_type type, int64_t count, int64_t *size_bytes) {
    /* Of eight values bits are bytes: no product of bits, which would overflow eight times sooner.
     */
    int64_t bits = pyr_tensor_type_bits(type), rest = (count % 8) * bits;
    int64_t whole = 0;
    return count >= 0 && rest % 8 == 0 && pyr_mul_i64(count / 8, bits, &whole) &&
           pyr_add_i64(whole, rest / 8, size_bytes);
}
bool pyr_tensor_count(const int64_t *shape, int32_t rank, int64_t *count) {
    *count = 1;
    for (int32_t i = 0; i < rank; ++i) {
        if (shape[i] < 0 || !pyr_mul_i64(*count, shape[i], count)) {
            return false;
        }
    }
    return true;
}

bool pyr_tensor_same_shape(const pyr_tensor_view *a, const pyr_tensor_view *b) {
    return a->rank == b->rank &&
           (a->rank == 0 || memcmp(a->shape, b->shape, (size_t)a->rank * sizeof(*a->shape)) == 0);
}
