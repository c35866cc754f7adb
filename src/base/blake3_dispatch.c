/* blake3_dispatch.c - which of the ISA files this CPU can run (cpu.h). Tables are constant; an
 * ISA's narrower kernels take what the widest leaves over. */
#include "base/blake3_internal.h"

#include "base/cpu.h"

static const pyr_blake3_isa scalar = {.name = "scalar", .compress = pyr_blake3_compress_scalar};

#ifdef PYR_BLAKE3_X86
#define KERNEL_4 \
    { 4, pyr_blake3_hash_4_sse41 }
#define KERNEL_8 \
    { 8, pyr_blake3_hash_8_avx2 }
#define KERNEL_16 \
    { 16, pyr_blake3_hash_16_avx512 }

static const pyr_blake3_isa sse41 = {"sse41", pyr_blake3_compress_sse41, 1, {KERNEL_4}};
static const pyr_blake3_isa avx2 = {"avx2", pyr_blake3_compress_sse41, 2, {KERNEL_8, KERNEL_4}};
static const pyr_blake3_isa avx512 = {
    "avx512", pyr_blake3_compress_sse41, 3, {KERNEL_16, KERNEL_8, KERNEL_4}};

static const pyr_blake3_isa *const isas[] = {&scalar, &sse41, &avx2, &avx512};

size_t pyr_blake3_isas(const pyr_blake3_isa *const **out) {
    const pyr_cpu *cpu = pyr_cpu_features();
    *out = isas;
    if (!cpu->sse42) { /* no CPU has SSE4.2 without SSE4.1 */
        return 1;
    }
    if (!cpu->avx2) {
        return 2;
    }
    return cpu->avx512 ? 4 : 3;
}
#else
static const pyr_blake3_isa *const isas[] = {&scalar};

size_t pyr_blake3_isas(const pyr_blake3_isa *const **out) {
    *out = isas;
    return 1;
}
#endif

const pyr_blake3_isa *pyr_blake3_isa_best(void) {
    const pyr_blake3_isa *const *list;
    size_t count = pyr_blake3_isas(&list);
    return list[count - 1];
}
