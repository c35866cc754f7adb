/* cpu.h - what this CPU can do, found once. PYRALOG_FORCE_SCALAR=1 in the environment hides all. */
#ifndef PYR_BASE_CPU_H
#define PYR_BASE_CPU_H

#include <stdbool.h>

typedef struct pyr_cpu {
    bool sse42, avx2, bmi2, avx512; /* avx512: F, BW, DQ, VL together, and the OS saves them */
} pyr_cpu;

const pyr_cpu *pyr_cpu_features(void);

#endif
