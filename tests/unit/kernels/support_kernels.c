#include "support_kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>

const int64_t support_lengths[] = {0,  1,  2,  7,   8,   15,  16,  17,  31,  32, 33,
                                   63, 64, 65, 100, 127, 128, 129, 200, 256, -1};

const pyr_kernels *const *support_isas(void) {
    static const pyr_kernels *isas[4];
    static const char *const names[] = {"scalar", "avx2", "avx512"};
    size_t count = 0;
    for (size_t i = 0; i < 3; ++i) {
        const pyr_kernels *isa = pyr_kernels_of(names[i]);
        if (isa != NULL) {
            isas[count++] = isa;
        }
    }
    isas[count] = NULL;
    return isas;
}

uint64_t support_random(uint64_t *state) {
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = *state;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

bool support_is_float(pyr_physical physical) {
    return physical == PYR_PHYSICAL_F32 || physical == PYR_PHYSICAL_F64;
}

static double odd_float(uint64_t random) {
    static const double odd[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1.0, -1.0, 1.5, FLT_MAX};
    return (random & 3) == 0 ? odd[(random >> 8) % 9] : (double)(int16_t)(random >> 16) / 16.0;
}
static void fill_one(pyr_physical physical, uint8_t *at, uint64_t *state) {
    uint64_t random = support_random(state);
    size_t width = pyr_physical_bytes(physical);
    if (physical == PYR_PHYSICAL_F32) {
        float v = (float)odd_float(random);
        memcpy(at, &v, 4);
    } else if (physical == PYR_PHYSICAL_F64) {
        double v = odd_float(random);
        memcpy(at, &v, 8);
    } else {
        /* Bytes of a random value, of an extreme, or of a small one. */
        pyr_u128 v = ((pyr_u128)support_random(state) << 64) + support_random(state);
        bool is_signed = physical <= PYR_PHYSICAL_I64 || physical == PYR_PHYSICAL_I128;
        pyr_u128 top = (pyr_u128)1 << (width * 8 - 1);
        switch (random & 7) {
        case 0:
            v = is_signed ? top : 0;
            break;
        case 1:
            v = is_signed ? top - 1 : ~(pyr_u128)0;
            break;
        case 2:
            v = 0;
            break;
        case 3:
            v = is_signed ? ~(pyr_u128)0 : 1;
            break;
        case 4:
        case 5:
            v = (random >> 8) & 7;
            break;
        default:
            break;
        }
        memcpy(at, &v, width);
    }
}
void support_fill(pyr_physical physical, void *values, int64_t n, uint64_t *state) {
    for (int64_t i = 0; i < n; ++i) {
        fill_one(physical, (uint8_t *)values + (size_t)i * pyr_physical_bytes(physical), state);
    }
}

void support_mask(uint64_t *mask, int64_t n, int kind, uint64_t *state) {
    bool few = support_random(state) % 2 == 0;
    for (int64_t i = 0; i < (n + 63) / 64; ++i) {
        uint64_t word = support_random(state);
        word = kind == 1 ? ~UINT64_C(0) : kind == 2 ? 0 : word;
        if (kind == 3) {
            word &= support_random(state) & support_random(state) & support_random(state);
            word &= few ? support_random(state) & support_random(state) & support_random(state)
                        : ~UINT64_C(0);
        }
        mask[i] = n - i * 64 < 64 ? word & ((UINT64_C(1) << (n & 63)) - 1) : word;
    }
}

pyr_i128 support_integer(pyr_physical physical, const void *values, int64_t i) {
    size_t width = pyr_physical_bytes(physical);
    pyr_u128 v = 0;
    memcpy(&v, (const uint8_t *)values + (size_t)i * width, width);
    bool is_signed = physical <= PYR_PHYSICAL_I64 || physical == PYR_PHYSICAL_I128;
    unsigned unused = (unsigned)(16 - width) * 8;
    return is_signed ? (pyr_i128)(v << unused) >> unused : (pyr_i128)v;
}
double support_float(pyr_physical physical, const void *values, int64_t i) {
    if (physical == PYR_PHYSICAL_F64) {
        return ((const double *)values)[i];
    }
    return (double)((const float *)values)[i];
}

int support_order(pyr_physical physical, const void *a, int64_t i, const void *b, int64_t j) {
    if (support_is_float(physical)) {
        double x = support_float(physical, a, i), y = support_float(physical, b, j);
        if (isnan(x) || isnan(y)) {
            return (isnan(x) ? 1 : 0) - (isnan(y) ? 1 : 0);
        }
        return (x > y) - (x < y);
    }
    pyr_i128 x = support_integer(physical, a, i), y = support_integer(physical, b, j);
    return (x > y) - (x < y);
}

void support_assert_tail(const uint64_t *mask, int64_t n) {
    if ((n & 63) != 0) {
        assert_true(mask[n >> 6] >> (n & 63) == 0);
    }
}
