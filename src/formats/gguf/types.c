/* types.c - see types.h. Sizes of blocks: ggml's own table (Q8_1 is not in it: it is for sums in
 * memory, in no file, and its size has changed).
 */
#include "formats/gguf/types.h"

#include <assert.h>

#define NATIVE(name, type, bytes) \
    { name, 1, bytes, PYR_TENSOR_##type }
#define BLOCKS(name, values, bytes) \
    { name, values, bytes, PYR_TENSOR_TYPES }

const gguf_type *gguf_type_of(uint32_t number) {
    static const gguf_type types[] = {
        [0] = NATIVE("F32", F32, 4),       [1] = NATIVE("F16", F16, 2),
        [2] = BLOCKS("Q4_0", 32, 18),      [3] = BLOCKS("Q4_1", 32, 20),
        [6] = BLOCKS("Q5_0", 32, 22),      [7] = BLOCKS("Q5_1", 32, 24),
        [8] = BLOCKS("Q8_0", 32, 34),      [10] = BLOCKS("Q2_K", 256, 84),
        [11] = BLOCKS("Q3_K", 256, 110),   [12] = BLOCKS("Q4_K", 256, 144),
        [13] = BLOCKS("Q5_K", 256, 176),   [14] = BLOCKS("Q6_K", 256, 210),
        [15] = BLOCKS("Q8_K", 256, 292),   [16] = BLOCKS("IQ2_XXS", 256, 66),
        [17] = BLOCKS("IQ2_XS", 256, 74),  [18] = BLOCKS("IQ3_XXS", 256, 98),
        [19] = BLOCKS("IQ1_S", 256, 50),   [20] = BLOCKS("IQ4_NL", 32, 18),
        [21] = BLOCKS("IQ3_S", 256, 110),  [22] = BLOCKS("IQ2_S", 256, 82),
        [23] = BLOCKS("IQ4_XS", 256, 136), [24] = NATIVE("I8", I8, 1),
        [25] = NATIVE("I16", I16, 2),      [26] = NATIVE("I32", I32, 4),
        [27] = NATIVE("I64", I64, 8),      [28] = NATIVE("F64", F64, 8),
        [29] = BLOCKS("IQ1_M", 256, 56),   [30] = NATIVE("BF16", BF16, 2),
        [34] = BLOCKS("TQ1_0", 256, 54),   [35] = BLOCKS("TQ2_0", 256, 66),
        [39] = BLOCKS("MXFP4", 32, 17),    [40] = BLOCKS("NVFP4", 64, 36),
        [41] = BLOCKS("Q1_0", 128, 18),
    };
    bool known = number < sizeof types / sizeof *types && types[number].name != NULL;
    return known ? &types[number] : NULL;
}

static const struct kind_facts {
    const char *name, *array;
    size_t size_bytes;
} kinds[GGUF_KINDS] = {
    [GGUF_UINT8] = {"uint8", "array of uint8", 1},
    [GGUF_INT8] = {"int8", "array of int8", 1},
    [GGUF_UINT16] = {"uint16", "array of uint16", 2},
    [GGUF_INT16] = {"int16", "array of int16", 2},
    [GGUF_UINT32] = {"uint32", "array of uint32", 4},
    [GGUF_INT32] = {"int32", "array of int32", 4},
    [GGUF_FLOAT32] = {"float32", "array of float32", 4},
    [GGUF_BOOL] = {"bool", "array of bool", 1},
    [GGUF_STRING] = {"string", "array of string", 0},
    [GGUF_ARRAY] = {"array", "array of array", 0},
    [GGUF_UINT64] = {"uint64", "array of uint64", 8},
    [GGUF_INT64] = {"int64", "array of int64", 8},
    [GGUF_FLOAT64] = {"float64", "array of float64", 8},
};
size_t gguf_kind_bytes(gguf_kind kind) {
    assert(kind < GGUF_KINDS);
    return kinds[kind].size_bytes;
}
const char *gguf_kind_name(gguf_kind kind) {
    assert(kind < GGUF_KINDS);
    return kinds[kind].name;
}
const char *gguf_array_name(gguf_kind item) {
    assert(item < GGUF_KINDS);
    return kinds[item].array;
}
