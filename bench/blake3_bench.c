/* blake3_bench.c - hashes SIZE bytes RUNS times with THREADS threads and prints one JSON line with
 * the best rates, by the clock on the wall and by this thread's CPU time; bench.py runs it beside a
 * peer.
 *
 *     blake3_bench SIZE THREADS RUNS
 */
#include "base/blake3.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t thread_cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static pyr_status run(const uint8_t *bytes, size_t size_bytes, unsigned threads, int runs,
                      pyr_error *error) {
    pyr_thread_pool *pool = NULL;
    double wall_gbs = 0;
    double cpu_gbs = 0;
    if (threads > 1) { /* the calling thread works too */
        PYR_TRY(pyr_thread_pool_create(threads - 1, 64, &pool, error));
    }
    pyr_status status = PYR_OK;
    for (int i = 0; status == PYR_OK && i < runs; ++i) {
        uint8_t out[PYR_BLAKE3_OUT_BYTES];
        int64_t wall_ns = pyr_clock_monotonic_ns();
        int64_t cpu_ns = thread_cpu_ns();
        status = pyr_blake3_hash_parallel(bytes, size_bytes, pool, NULL, out, error);
        double wall = (double)size_bytes / (double)(pyr_clock_monotonic_ns() - wall_ns);
        double cpu = (double)size_bytes / (double)(thread_cpu_ns() - cpu_ns);
        wall_gbs = wall > wall_gbs ? wall : wall_gbs;
        cpu_gbs = cpu > cpu_gbs ? cpu : cpu_gbs;
    }
    pyr_thread_pool_destroy(pool);
    if (status == PYR_OK) {
        printf("{\"wall_gbs\": %.3f, \"cpu_gbs\": %.3f}\n", wall_gbs, cpu_gbs);
    }
    return status;
}

int main(int argc, char **argv) {
    size_t size_bytes = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
    if (size_bytes == 0) {
        fprintf(stderr, "usage: blake3_bench SIZE THREADS RUNS\n");
        return 2;
    }
    uint8_t *bytes = malloc(size_bytes);
    pyr_error error;
    pyr_status status = bytes != NULL ? PYR_OK : pyr_error_memory(&error, size_bytes);
    if (status == PYR_OK) {
        for (size_t i = 0; i < size_bytes; ++i) {
            bytes[i] = (uint8_t)(i % 251);
        }
        status = run(bytes, size_bytes, (unsigned)atoi(argv[2]), atoi(argv[3]), &error);
    }
    if (status != PYR_OK) {
        fprintf(stderr, "blake3_bench: %s\n", error.message);
    }
    free(bytes);
    return status == PYR_OK ? 0 : 1;
}
