/* bandwidth_bench.c - the rate at which the threads together read memory: what a scan that does
 * nothing else would reach.
 *
 *     bandwidth_bench BYTES THREADS ROUNDS
 *
 * Prints one JSON line: the best round's rate, and the median's.
 */
#include "base/clock.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { THREADS_MAX = 64, ROUNDS_MAX = 101, LANES = 32 };

typedef struct part {
    const uint64_t *words;
    size_t count;
    uint64_t sum;
} part;

/* Enough independent sums that the loop waits for memory alone. */
static void *add_up(void *argument) {
    part *self = argument;
    uint64_t sums[LANES] = {0};
    for (size_t i = 0; i + LANES <= self->count; i += LANES) {
        for (size_t lane = 0; lane < LANES; ++lane) {
            sums[lane] += self->words[i + lane];
        }
    }
    for (size_t lane = 0; lane < LANES; ++lane) {
        self->sum += sums[lane];
    }
    return NULL;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Gigabytes a second, or 0 where a thread could not be started. */
static double round_rate(const uint64_t *words, size_t count, size_t threads, uint64_t *sum) {
    pthread_t started[THREADS_MAX];
    part parts[THREADS_MAX];
    size_t each = count / threads;
    size_t running = 0;
    int64_t start = pyr_clock_monotonic_ns();
    for (; running < threads; ++running) {
        parts[running] = (part){words + running * each, each, 0};
        if (pthread_create(&started[running], NULL, add_up, &parts[running]) != 0) {
            break;
        }
    }
    for (size_t i = 0; i < running; ++i) {
        pthread_join(started[i], NULL);
        *sum += parts[i].sum;
    }
    double ns = (double)(pyr_clock_monotonic_ns() - start);
    return running == threads ? (double)(each * threads * 8) / ns : 0;
}

int main(int argc, char **argv) {
    size_t bytes = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
    size_t threads = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    size_t rounds = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (bytes < 1 << 20 || threads < 1 || threads > THREADS_MAX || rounds < 1 ||
        rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bandwidth_bench BYTES THREADS ROUNDS\n");
        return 2;
    }
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("bandwidth_bench: mmap");
        return 1;
    }
    madvise(memory, bytes, MADV_HUGEPAGE);
    memset(memory, 1, bytes); /* pages of its own, not the one page of zeros */
    double rates[ROUNDS_MAX];
    uint64_t sum = 0;
    for (size_t i = 0; i < rounds; ++i) {
        rates[i] = round_rate(memory, bytes / 8, threads, &sum);
    }
    qsort(rates, rounds, sizeof(rates[0]), compare_doubles);
    printf("{\"best_gbs\": %.3f, \"median_gbs\": %.3f, \"sum\": %llu}\n", rates[rounds - 1],
           rates[rounds / 2], (unsigned long long)sum);
    munmap(memory, bytes);
    return 0;
}
