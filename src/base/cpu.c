/* cpu.c - see cpu.h. The compiler's own detection also asks the OS whether it saves the registers.
 */
#include "base/cpu.h"

#include <pthread.h>
#include <stdlib.h>

static pyr_cpu features;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void detect(void) {
    const char *force = getenv("PYRALOG_FORCE_SCALAR");
    if (force != NULL && *force != '\0' && *force != '0') {
        return;
    }
#if defined(__x86_64__) && !defined(PYRALOG_FORCE_SCALAR)
    __builtin_cpu_init();
    features.sse42 = __builtin_cpu_supports("sse4.2");
    features.avx2 = __builtin_cpu_supports("avx2");
    features.bmi2 = __builtin_cpu_supports("bmi2");
    features.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
}

const pyr_cpu *pyr_cpu_features(void) {
    pthread_once(&once, detect);
    return &features;
}
