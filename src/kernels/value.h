/* value.h - how values lie in the spans that kernels work on. */
#ifndef PYR_KERNELS_VALUE_H
#define PYR_KERNELS_VALUE_H

#include <stddef.h>
#include <stdint.h>

typedef enum pyr_physical {
    PYR_PHYSICAL_BIT, /* a bitmap, lowest bit first */
    PYR_PHYSICAL_I8,
    PYR_PHYSICAL_I16,
    PYR_PHYSICAL_I32,
    PYR_PHYSICAL_I64,
    PYR_PHYSICAL_U8,
    PYR_PHYSICAL_U16,
    PYR_PHYSICAL_U32,
    PYR_PHYSICAL_U64,
    PYR_PHYSICAL_I128,
    PYR_PHYSICAL_F32,
    PYR_PHYSICAL_F64,
    PYR_PHYSICAL_STRING,   /* pyr_string, or Arrow's offsets and bytes */
    PYR_PHYSICAL_INTERVAL, /* pyr_interval */
    PYR_PHYSICALS_COUNT
} pyr_physical;

__extension__ typedef __int128 pyr_i128;
__extension__ typedef unsigned __int128 pyr_u128;
/* As Arrow's month_day_nano lies in memory. */
typedef struct pyr_interval {
    int32_t months, days;
    int64_t nanos;
} pyr_interval;
/* Bytes of a value somewhere else. */
typedef struct pyr_string {
    const uint8_t *bytes;
    uint64_t length;
} pyr_string;

/* BIT: 0; STRING: sizeof(pyr_string) */
size_t pyr_physical_bytes(pyr_physical physical);

#endif
