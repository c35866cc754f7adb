/* tensor_bench.c - the statistics of a tensor beside the rate at which memory is read.
 *
 *     tensor_bench BYTES THREADS ROUNDS
 *
 * THREADS: of the pool; the caller works too, so all CPUs but one are enough.
 * Prints a JSON line a type: GB/s of pyr_tensor_stats_of over weights of that type, of reading the
 * same bytes by the same pool and doing nothing but adding them up, and their ratio; medians of
 * rounds that take turns.
 */
#include "base/clock.h"
#include "formats/tensor/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 101, LANES = 32, PIECE_BYTES = 1 << 20 };

typedef struct reading {
    const uint8_t *bytes;
    uint64_t sums[4096];
} reading;

static pyr_status read_piece(void *context, size_t index, pyr_error *error) {
    (void)error;
    reading *self = context;
    const uint8_t *at = self->bytes + index * PIECE_BYTES;
    uint64_t sums[LANES] = {0};
    for (size_t i = 0; i < PIECE_BYTES; i += sizeof sums) {
        uint64_t words[LANES];
        memcpy(words, at + i, sizeof words);
        for (size_t lane = 0; lane < LANES; ++lane) {
            sums[lane] += words[lane];
        }
    }
    for (size_t lane = 0; lane < LANES; ++lane) {
        self->sums[index % 4096] += sums[lane];
    }
    return PYR_OK;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

/* Weights of any type: around zero, of both signs, no NaN. Each 16 bits are a BF16 and an F16, two
 * a float of F32, four one of F64. */
static void fill(uint8_t *bytes, size_t size_bytes) {
    uint64_t state = 1;
    for (size_t i = 0; i < size_bytes; i += 8) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t mixed = state ^ (state >> 29);
        uint64_t weight = (mixed & UINT64_C(0x83ff83ff83ff83ff)) | UINT64_C(0x3800380038003800);
        memcpy(bytes + i, &weight, 8);
    }
}

static double rate(size_t size_bytes, int64_t start_ns) {
    return (double)size_bytes / (double)(pyr_clock_monotonic_ns() - start_ns);
}
static bool bench(pyr_tensor_type type, uint8_t *bytes, size_t size_bytes, pyr_thread_pool *pool,
                  size_t rounds) {
    int64_t count = (int64_t)size_bytes * 8 / pyr_tensor_type_bits(type);
    pyr_tensor_view view = {"weights", type, 1, &count, count, bytes, (int64_t)size_bytes};
    static reading read;
    double stats_rates[ROUNDS_MAX], read_rates[ROUNDS_MAX];
    pyr_tensor_stats stats = {0};
    read.bytes = bytes;
    for (size_t round = 0; round < rounds; ++round) {
        int64_t start = pyr_clock_monotonic_ns();
        if (pyr_tensor_stats_of(&view, pool, NULL, &stats, NULL) != PYR_OK) {
            return false;
        }
        stats_rates[round] = rate(size_bytes, start);
        start = pyr_clock_monotonic_ns();
        if (pyr_thread_pool_for_each(pool, size_bytes / PIECE_BYTES, read_piece, &read, NULL) !=
            PYR_OK) {
            return false;
        }
        read_rates[round] = rate(size_bytes, start);
    }
    double of_stats = median(stats_rates, rounds), of_reading = median(read_rates, rounds);
    printf("{\"type\": \"%s\", \"stats_gbs\": %.2f, \"read_gbs\": %.2f, \"ratio\": %.3f, "
           "\"mean\": %g, \"std\": %g}\n",
           pyr_tensor_type_name(type), of_stats, of_reading, of_stats / of_reading, stats.mean,
           stats.std);
    return true;
}

int main(int argc, char **argv) {
    static const pyr_tensor_type types[] = {PYR_TENSOR_F32, PYR_TENSOR_BF16, PYR_TENSOR_F16,
                                            PYR_TENSOR_F64, PYR_TENSOR_U8,   PYR_TENSOR_I32};
    size_t size_bytes = argc == 4 ? strtoull(argv[1], NULL, 10) / PIECE_BYTES * PIECE_BYTES : 0;
    unsigned threads = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    size_t rounds = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (size_bytes == 0 || threads == 0 || rounds == 0 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: tensor_bench BYTES THREADS ROUNDS\n");
        return 2;
    }
    pyr_thread_pool *pool;
    pyr_buffer *buffer;
    if (pyr_thread_pool_create(threads, 64, &pool, NULL) != PYR_OK ||
        pyr_buffer_create_raw(size_bytes, NULL, &buffer, NULL) != PYR_OK) {
        fprintf(stderr, "tensor_bench: no memory\n");
        return 1;
    }
    fill(pyr_buffer_mutable(buffer), size_bytes);
    bool done = true;
    for (size_t i = 0; i < sizeof types / sizeof *types && done; ++i) {
        done = bench(types[i], pyr_buffer_mutable(buffer), size_bytes, pool, rounds);
    }
    pyr_buffer_release(buffer);
    pyr_thread_pool_destroy(pool);
    return done ? 0 : 1;
}
