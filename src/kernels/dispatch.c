/* dispatch.c - the table of kernels that this CPU runs best (cpu.h): filled once, by the families'
 * files from the oracle to the widest ISA, and never changed after. */
#include "kernels/kernels_internal.h"

#include "base/cpu.h"

#include <pthread.h>
#include <string.h>

size_t pyr_physical_bytes(pyr_physical physical) {
    static const uint8_t bytes[PYR_PHYSICALS_COUNT] = {
        [PYR_PHYSICAL_I8] = 1,
        [PYR_PHYSICAL_I16] = 2,
        [PYR_PHYSICAL_I32] = 4,
        [PYR_PHYSICAL_I64] = 8,
        [PYR_PHYSICAL_U8] = 1,
        [PYR_PHYSICAL_U16] = 2,
        [PYR_PHYSICAL_U32] = 4,
        [PYR_PHYSICAL_U64] = 8,
        [PYR_PHYSICAL_I128] = 16,
        [PYR_PHYSICAL_F32] = 4,
        [PYR_PHYSICAL_F64] = 8,
        [PYR_PHYSICAL_STRING] = sizeof(pyr_string),
        [PYR_PHYSICAL_INTERVAL] = sizeof(pyr_interval),
    };
    return bytes[physical];
}

#define ISAS_MAX 3
static struct {
    pyr_kernels tables[ISAS_MAX]; /* narrowest first */
    size_t count;
} isas;
static pthread_once_t isas_once = PTHREAD_ONCE_INIT;

/* A table that begins as the one before it. */
static pyr_kernels *isa_add(const char *name) {
    pyr_kernels *table = &isas.tables[isas.count];
    if (isas.count > 0) {
        *table = isas.tables[isas.count - 1];
    }
    table->isa = name;
    ++isas.count;
    return table;
}
static void isas_fill(void) {
    pyr_kernels *table = isa_add("scalar");
    pyr_compare_scalar(table);
    pyr_mask_scalar(table);
    pyr_arithmetic_scalar(table);
    pyr_aggregate_scalar(table);
    pyr_hash_scalar(table);
    pyr_move_scalar(table);
    pyr_floats_scalar(table);
    pyr_text_scalar(table);
#ifdef PYR_KERNELS_X86
    const pyr_cpu *cpu = pyr_cpu_features();
    if (!cpu->avx2 || !cpu->bmi2) {
        return;
    }
    table = isa_add("avx2");
    pyr_compare_avx2(table);
    pyr_mask_avx2(table);
    pyr_aggregate_avx2(table);
    pyr_text_avx2(table);
    pyr_arithmetic_avx2(table);
    pyr_move_avx2(table);
    pyr_floats_avx2(table);
    if (!cpu->avx512) {
        return;
    }
    table = isa_add("avx512");
    pyr_compare_avx512(table);
    pyr_mask_avx512(table);
    pyr_aggregate_avx512(table);
    pyr_text_avx512(table);
    pyr_arithmetic_avx512(table);
    pyr_hash_avx512(table);
    pyr_move_avx512(table);
    pyr_floats_avx512(table);
#endif
}

const pyr_kernels *pyr_kernels_get(void) {
    (void)pthread_once(&isas_once, isas_fill);
    return &isas.tables[isas.count - 1];
}
const pyr_kernels *pyr_kernels_of(const char *isa) {
    (void)pthread_once(&isas_once, isas_fill);
    for (size_t i = 0; i < isas.count; ++i) {
        if (strcmp(isas.tables[i].isa, isa) == 0) {
            return &isas.tables[i];
        }
    }
    return NULL;
}
