/* kernels_bench.c - the rate of each kernel of each ISA: over spans in memory, and over one that
 * stays in the cache, beside the rate at which this thread reads memory at all.
 *
 *     kernels_bench MEGABYTES ROUNDS [NAME]
 *
 * NAME: kernels whose name holds it alone. Calls are of 2048 rows, as the engine makes them. Prints
 * a JSON line a kernel and ISA: GB/s of what the kernel reads, of the thread's CPU time, the best
 * of the rounds (ISAs in turn).
 */
#include "kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 2048, WORDS = ROWS / 64, ISAS = 3 };

/* What all kernels read and write; `values` are ROWS * 8 bytes times spans. */
typedef struct spans {
    uint8_t *values, *floats, *text;
    uint8_t *weights; /* plain numbers, taken for floats of any kind */
    int32_t *offsets; /* of each span: ROWS + 1, from the span's own text */
    size_t count, text_bytes;
    uint64_t half[WORDS], sparse[WORDS];
    uint16_t rows[ROWS + 16];
    int64_t rows_count;
    uint64_t out[ROWS * 2 + 16], mask[WORDS];
    int64_t sink; /* so that no result is unused */
} spans;

static uint64_t next_random(uint64_t *state) {
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = (*state ^ (*state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* ---- Jobs: one call over span s; gives the bytes read. ---- */

typedef size_t job_run(const pyr_kernels *k, spans *s, size_t span);

static const void *values_of(const spans *s, size_t span, size_t width) {
    return s->values + span * ROWS * width;
}
#define COMPARE_JOB(NAME, PHYSICAL, TYPE, BASE, CONSTANT)                                   \
    static size_t NAME(const pyr_kernels *k, spans *s, size_t span) {                       \
        const TYPE constant = (CONSTANT);                                                   \
        k->compare_constant[PYR_COMPARE_LT][PHYSICAL](s->BASE + span * ROWS * sizeof(TYPE), \
                                                      &constant, ROWS, s->mask);            \
        return ROWS * sizeof(TYPE);                                                         \
    }
COMPARE_JOB(less_i8, PYR_PHYSICAL_I8, int8_t, values, 3)
COMPARE_JOB(less_i16, PYR_PHYSICAL_I16, int16_t, values, 300)
COMPARE_JOB(less_i32, PYR_PHYSICAL_I32, int32_t, values, 30000)
COMPARE_JOB(less_i64, PYR_PHYSICAL_I64, int64_t, values, 500000)
COMPARE_JOB(less_u64, PYR_PHYSICAL_U64, uint64_t, values, 500000)
COMPARE_JOB(less_f64, PYR_PHYSICAL_F64, double, floats, 0.5)
static size_t between_i32(const pyr_kernels *k, spans *s, size_t span) {
    const int32_t low = 1000, high = 300000;
    k->between_constant[PYR_PHYSICAL_I32](values_of(s, span, 4), &low, &high, ROWS, s->mask);
    return ROWS * 4;
}
static size_t less_columns_i64(const pyr_kernels *k, spans *s, size_t span) {
    const void *a = values_of(s, span, 8), *b = s->floats + span * ROWS * 8;
    k->compare[PYR_COMPARE_LT][PYR_PHYSICAL_I64](a, b, ROWS, s->mask);
    return (size_t)ROWS * 16;
}
static size_t equal_string(const pyr_kernels *k, spans *s, size_t span) {
    const pyr_string constant = {(const uint8_t *)"http://example.org/a", 20};
    k->equal_string(s->text, s->offsets + span * ROWS, ROWS, constant, s->mask);
    return ROWS * 4;
}
static size_t rows_of_half(const pyr_kernels *k, spans *s, size_t span) {
    (void)span;
    s->sink += k->mask_to_rows(s->half, ROWS, s->rows);
    return ROWS / 8;
}
static size_t rows_of_few(const pyr_kernels *k, spans *s, size_t span) {
    (void)span;
    uint16_t rows[ROWS + 16];
    s->sink += k->mask_to_rows(s->sparse, ROWS, rows);
    return ROWS / 8;
}
static size_t mask_count(const pyr_kernels *k, spans *s, size_t span) {
    (void)span;
    s->sink += k->mask_count(s->half, ROWS);
    return ROWS / 8;
}
#define SUM_JOB(NAME, PHYSICAL, WIDTH, MASK)                                                      \
    static size_t NAME(const pyr_kernels *k, spans *s, size_t span) {                             \
        bool overflow = false;                                                                    \
        s->sink +=                                                                                \
            (int64_t)k->sum_integers[PHYSICAL](values_of(s, span, WIDTH), MASK, ROWS, &overflow); \
        return (size_t)ROWS * (WIDTH);                                                            \
    }
SUM_JOB(sum_i16, PYR_PHYSICAL_I16, 2, NULL)
SUM_JOB(sum_i32_half, PYR_PHYSICAL_I32, 4, s->half)
SUM_JOB(sum_i64, PYR_PHYSICAL_I64, 8, NULL)
SUM_JOB(sum_i64_half, PYR_PHYSICAL_I64, 8, s->half)
static size_t sum_f64(const pyr_kernels *k, spans *s, size_t span) {
    s->sink += (int64_t)k->sum_floats[PYR_PHYSICAL_F64](s->floats + span * ROWS * 8, NULL, ROWS);
    return (size_t)ROWS * 8;
}
static size_t sum_f64_half(const pyr_kernels *k, spans *s, size_t span) {
    s->sink += (int64_t)k->sum_floats[PYR_PHYSICAL_F64](s->floats + span * ROWS * 8, s->half, ROWS);
    return (size_t)ROWS * 8;
}
#define EXTREME_JOB(NAME, EXTREME, PHYSICAL, WIDTH, BASE, MASK)                               \
    static size_t NAME(const pyr_kernels *k, spans *s, size_t span) {                         \
        s->sink += k->EXTREME[PHYSICAL](s->BASE + span * ROWS * (WIDTH), MASK, ROWS, s->out); \
        return (size_t)ROWS * (WIDTH);                                                        \
    }
EXTREME_JOB(minimum_i32, minimum, PYR_PHYSICAL_I32, 4, values, NULL)
EXTREME_JOB(maximum_i64_half, maximum, PYR_PHYSICAL_I64, 8, values, s->half)
EXTREME_JOB(maximum_f64, maximum, PYR_PHYSICAL_F64, 8, floats, NULL)
#define ARITHMETIC_JOB(NAME, OP, PHYSICAL, TYPE, BASE, CONSTANT)                              \
    static size_t NAME(const pyr_kernels *k, spans *s, size_t span) {                         \
        const TYPE constant = (CONSTANT);                                                     \
        s->sink += k->arithmetic_constant[OP][PHYSICAL](s->BASE + span * ROWS * sizeof(TYPE), \
                                                        &constant, ROWS, s->out);             \
        return ROWS * sizeof(TYPE);                                                           \
    }
ARITHMETIC_JOB(add_i16, PYR_ARITHMETIC_ADD, PYR_PHYSICAL_I16, int16_t, values, 3)
ARITHMETIC_JOB(add_i64, PYR_ARITHMETIC_ADD, PYR_PHYSICAL_I64, int64_t, values, 3)
ARITHMETIC_JOB(multiply_i32, PYR_ARITHMETIC_MULTIPLY, PYR_PHYSICAL_I32, int32_t, values, 3)
ARITHMETIC_JOB(multiply_i64, PYR_ARITHMETIC_MULTIPLY, PYR_PHYSICAL_I64, int64_t, values, 3)
ARITHMETIC_JOB(multiply_f64, PYR_ARITHMETIC_MULTIPLY, PYR_PHYSICAL_F64, double, floats, 3)
static size_t contains(const pyr_kernels *k, spans *s, size_t span) {
    const int32_t *offsets = s->offsets + span * ROWS;
    k->contains(s->text, (int64_t)s->text_bytes, offsets, ROWS, (const uint8_t *)"google", 6,
                s->mask);
    return (size_t)(offsets[ROWS] - offsets[0]);
}
static size_t find_in_rows(const pyr_kernels *k, spans *s, size_t span) {
    const int32_t *offsets = s->offsets + span * ROWS;
    for (size_t i = 0; i < ROWS; ++i) {
        s->sink += k->find(s->text + offsets[i], offsets[i + 1] - offsets[i],
                           (const uint8_t *)"google", 6);
    }
    return (size_t)(offsets[ROWS] - offsets[0]);
}
static size_t utf8_length_of_rows(const pyr_kernels *k, spans *s, size_t span) {
    const int32_t *offsets = s->offsets + span * ROWS;
    for (size_t i = 0; i < ROWS; ++i) {
        s->sink += k->utf8_length(s->text + offsets[i], offsets[i + 1] - offsets[i]);
    }
    return (size_t)(offsets[ROWS] - offsets[0]);
}
#define HASH_JOB(NAME, LOG2, WIDTH)                                   \
    static size_t NAME(const pyr_kernels *k, spans *s, size_t span) { \
        k->hash[LOG2](values_of(s, span, WIDTH), ROWS, s->out);       \
        return (size_t)ROWS * (WIDTH);                                \
    }
HASH_JOB(hash_4, 2, 4)
HASH_JOB(hash_8, 3, 8)
static size_t hash_combine(const pyr_kernels *k, spans *s, size_t span) {
    k->hash_combine(s->out, values_of(s, span, 8), ROWS);
    return (size_t)ROWS * 8;
}
static size_t hash_offsets(const pyr_kernels *k, spans *s, size_t span) {
    const int32_t *offsets = s->offsets + span * ROWS;
    k->hash_offsets(s->text, offsets, ROWS, s->out);
    return (size_t)(offsets[ROWS] - offsets[0]);
}
/* Strings of 0 to 15 bytes: the first bytes of each row. */
static size_t hash_short_strings(const pyr_kernels *k, spans *s, size_t span) {
    const int32_t *offsets = s->offsets + span * ROWS;
    static pyr_string strings[ROWS];
    const uint8_t *lengths = values_of(s, span, 8);
    for (size_t i = 0; i < ROWS; ++i) {
        strings[i] = (pyr_string){s->text + offsets[i], lengths[i * 8] & 15};
    }
    k->hash_strings(strings, ROWS, s->out);
    return ROWS * sizeof(pyr_string);
}
#define MOVE_JOBS(LOG2, WIDTH)                                                          \
    static size_t gather_##WIDTH(const pyr_kernels *k, spans *s, size_t span) {         \
        k->gather[LOG2](values_of(s, span, WIDTH), s->rows, s->rows_count, s->out);     \
        return (size_t)ROWS * (WIDTH);                                                  \
    }                                                                                   \
    static size_t compress_##WIDTH(const pyr_kernels *k, spans *s, size_t span) {       \
        s->sink += k->compress[LOG2](values_of(s, span, WIDTH), s->half, ROWS, s->out); \
        return (size_t)ROWS * (WIDTH);                                                  \
    }
MOVE_JOBS(1, 2)
MOVE_JOBS(2, 4)
MOVE_JOBS(3, 8)
static size_t strings_of_offsets(const pyr_kernels *k, spans *s, size_t span) {
    k->strings_of_offsets(s->text, s->offsets + span * ROWS, ROWS, (pyr_string *)(void *)s->out);
    return (size_t)ROWS * 4;
}
#define MOMENTS_JOB(NAME, KIND, WIDTH)                                             \
    static size_t NAME(const pyr_kernels *k, spans *s, size_t span) {              \
        pyr_moments moments;                                                       \
        k->moments[KIND](s->weights + span * ROWS * (WIDTH), ROWS, 0.0, &moments); \
        s->sink += moments.zero_count;                                             \
        return (size_t)ROWS * (WIDTH);                                             \
    }
MOMENTS_JOB(moments_bf16, PYR_FLOAT_BF16, 2)
MOMENTS_JOB(moments_f16, PYR_FLOAT_F16, 2)
MOMENTS_JOB(moments_f32, PYR_FLOAT_F32, 4)
MOMENTS_JOB(moments_f64, PYR_FLOAT_F64, 8)
static size_t widen_f16(const pyr_kernels *k, spans *s, size_t span) {
    k->widen_f16(s->weights + span * ROWS * 2, ROWS, (float *)(void *)s->out);
    return (size_t)ROWS * 2;
}
static size_t bits_align(const pyr_kernels *k, spans *s, size_t span) {
    k->bits_align(values_of(s, span, 1), 3, ROWS, s->mask);
    return ROWS / 8;
}

static const struct job {
    const char *name;
    job_run *run;
    size_t width; /* of a value, so that the narrow ones pass over as many bytes; 0: not values */
} jobs[] = {
    {"compare_constant i8", less_i8, 1},
    {"compare_constant i16", less_i16, 2},
    {"compare_constant i32", less_i32, 4},
    {"compare_constant i64", less_i64, 8},
    {"compare_constant u64", less_u64, 8},
    {"compare_constant f64", less_f64, 8},
    {"between_constant i32", between_i32, 4},
    {"compare i64", less_columns_i64, 8},
    {"equal_string (of offsets)", equal_string, 0},
    {"mask_to_rows 50%", rows_of_half, 0},
    {"mask_to_rows 1%", rows_of_few, 0},
    {"mask_count", mask_count, 0},
    {"sum i16", sum_i16, 2},
    {"sum i32, masked", sum_i32_half, 4},
    {"sum i64", sum_i64, 8},
    {"sum i64, masked", sum_i64_half, 8},
    {"sum f64", sum_f64, 8},
    {"sum f64, masked", sum_f64_half, 8},
    {"minimum i32", minimum_i32, 4},
    {"maximum i64, masked", maximum_i64_half, 8},
    {"maximum f64", maximum_f64, 8},
    {"add constant i16", add_i16, 2},
    {"add constant i64", add_i64, 8},
    {"multiply constant i32", multiply_i32, 4},
    {"multiply constant i64", multiply_i64, 8},
    {"multiply constant f64", multiply_f64, 8},
    {"contains", contains, 0},
    {"find, a row a call", find_in_rows, 0},
    {"utf8_length, a row a call", utf8_length_of_rows, 0},
    {"hash of 4 bytes", hash_4, 4},
    {"hash of 8 bytes", hash_8, 8},
    {"hash_combine", hash_combine, 0},
    {"hash_offsets", hash_offsets, 0},
    {"hash_strings to 15 bytes", hash_short_strings, 0},
    {"gather of 2 bytes 50%", gather_2, 2},
    {"gather of 4 bytes 50%", gather_4, 4},
    {"gather of 8 bytes 50%", gather_8, 8},
    {"compress of 2 bytes 50%", compress_2, 2},
    {"compress of 4 bytes 50%", compress_4, 4},
    {"compress of 8 bytes 50%", compress_8, 8},
    {"strings_of_offsets", strings_of_offsets, 0},
    {"bits_align", bits_align, 0},
    {"moments bf16", moments_bf16, 2},
    {"moments f16", moments_f16, 2},
    {"moments f32", moments_f32, 4},
    {"moments f64", moments_f64, 8},
    {"widen f16", widen_f16, 2},
};

/* ---- Data. ---- */

static bool fill_text(spans *s, uint64_t *state) {
    static const char *const hosts[] = {"http://example.org/", "https://www.shop.example/item?id=",
                                        "http://news.example.com/2013/07/",
                                        "http://maps.example.net/"};
    size_t room = s->count * ROWS * 64, at = 0;
    s->text = malloc(room);
    s->offsets = malloc((s->count * ROWS + 1) * sizeof(int32_t));
    if (s->text == NULL || s->offsets == NULL || room > INT32_MAX) {
        return false;
    }
    s->offsets[0] = 0;
    for (size_t i = 0; i < s->count * ROWS; ++i) {
        uint64_t random = next_random(state);
        at += (size_t)sprintf((char *)s->text + at, "%s%s%llx", hosts[random & 3],
                              random % 1000 == 7 ? "google" : "goods/",
                              (unsigned long long)next_random(state));
        at -= (random >> 32) % 16;
        s->offsets[i + 1] = (int32_t)at;
    }
    s->text_bytes = at;
    return true;
}
static bool make(spans *s, size_t bytes) {
    uint64_t state = 1;
    s->count = bytes / (ROWS * 8);
    s->values = malloc(s->count * ROWS * 8);
    s->floats = malloc(s->count * ROWS * 8);
    s->weights = malloc(s->count * ROWS * 8);
    if (s->values == NULL || s->floats == NULL || s->weights == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->count * ROWS; ++i) {
        uint64_t value = next_random(&state) % 1000000;
        double fraction = (double)value / 1e6;
        memcpy(s->values + i * 8, &value, 8);
        memcpy(s->floats + i * 8, &fraction, 8);
        uint64_t weight =
            (next_random(&state) & UINT64_C(0x83ff83ff83ff83ff)) | UINT64_C(0x3800380038003800);
        memcpy(s->weights + i * 8, &weight, 8);
    }
    for (size_t i = 0; i < WORDS; ++i) {
        s->half[i] = next_random(&state);
        s->sparse[i] = i % 2 == 0 ? UINT64_C(1) << (next_random(&state) & 63) : 0;
    }
    s->rows_count = pyr_kernels_get()->mask_to_rows(s->half, ROWS, s->rows);
    return fill_text(s, &state);
}

/* ---- Measuring. ---- */

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
/* GB/s of one pass over all spans, or of as many calls over the first one. */
static double rate(const pyr_kernels *k, const struct job *job, spans *s, bool cached) {
    double begin = cpu_seconds();
    size_t bytes = 0, calls = job->width == 0 ? s->count : s->count * 8 / job->width;
    calls = cached && calls > 2000 ? 2000 : calls;
    for (size_t i = 0; i < calls; ++i) {
        bytes += job->run(k, s, cached ? 0 : i);
    }
    return (double)bytes / 1e9 / (cpu_seconds() - begin);
}
/* The rate of the C library's search for a byte that is not there. */
static double memory_rate(const spans *s, int rounds) {
    double best = 0;
    for (int round = 0; round < rounds; ++round) {
        double begin = cpu_seconds();
        bool found = memchr(s->text, 0xEE, s->text_bytes) != NULL;
        double now = found ? 0 : (double)s->text_bytes / 1e9 / (cpu_seconds() - begin);
        best = now > best ? now : best;
    }
    return best;
}

int main(int argc, char **argv) {
    static const char *const names[ISAS] = {"scalar", "avx2", "avx512"};
    static spans s;
    size_t bytes = argc >= 3 ? strtoul(argv[1], NULL, 10) << 20 : 0;
    int rounds = argc >= 3 ? atoi(argv[2]) : 0;
    if (bytes == 0 || rounds < 1) {
        fprintf(stderr, "usage: kernels_bench MEGABYTES ROUNDS [NAME]\n");
        return 2;
    }
    if (!make(&s, bytes)) {
        fprintf(stderr, "kernels_bench: no memory for that many megabytes\n");
        return 1;
    }
    for (size_t j = 0; j < sizeof jobs / sizeof jobs[0]; ++j) {
        if (argc > 3 && strstr(jobs[j].name, argv[3]) == NULL) {
            continue;
        }
        double memory[ISAS] = {0}, cache[ISAS] = {0};
        for (int round = 0; round < rounds; ++round) {
            for (int i = 0; i < ISAS; ++i) {
                const pyr_kernels *k = pyr_kernels_of(names[i]);
                double of_memory = k == NULL ? 0 : rate(k, &jobs[j], &s, false);
                double of_cache = k == NULL ? 0 : rate(k, &jobs[j], &s, true);
                memory[i] = of_memory > memory[i] ? of_memory : memory[i];
                cache[i] = of_cache > cache[i] ? of_cache : cache[i];
            }
        }
        double limit = memory_rate(&s, rounds);
        for (int i = 0; i < ISAS && pyr_kernels_of(names[i]) != NULL; ++i) {
            printf("{\"name\": \"%s\", \"isa\": \"%s\", \"memory_gbs\": %.2f, \"cache_gbs\": %.2f, "
                   "\"limit_gbs\": %.2f}\n",
                   jobs[j].name, names[i], memory[i], cache[i], limit);
        }
        fflush(stdout);
    }
    free(s.values);
    free(s.floats);
    free(s.weights);
    free(s.text);
    free(s.offsets);
    return s.sink == INT64_MIN ? 3 : 0;
}
