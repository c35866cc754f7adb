/* aggregate_fused.c - one SUM of doubles by one whole-number key, added up as the keys are read.
 *
 * The usual way makes group numbers of a vector of keys, notes which were met, and adds a vector of
 * values: three passes, of which memory waits for two. Here both columns come at once.
 *
 * Sums begin at -0.0, which no sum of values is: 0.0 is added to each, so that those of -0.0 alone
 * become 0.0, too. What is -0.0 at the end has met no row here.
 */
#include "exec/aggregate_sink.h"

#include <string.h>

static bool is_fast_key(pyr_physical physical) {
    return physical == PYR_PHYSICAL_I64 || physical == PYR_PHYSICAL_I32;
}

/* Rows of one group that follow each other closely wait for each other's sum: of few groups there
 * are several arrays, and rows take turns. */
enum { LANES = PYR_FUSED_LANES, AHEAD = 32 };
static const int64_t FAR_BYTES = 512 << 10;
/* Of all arrays: beside them the columns stream through the cache. */
static const int64_t LANES_BYTES_MAX = 8 << 10;

bool pyr_fused_possible(const pyr_aggregate_sink *sink) {
    return sink->functions_count == 1 && sink->filters[0] < 0 &&
           pyr_aggregate_is_plain_sum(&sink->functions[0]) &&
           sink->functions[0].physical == PYR_PHYSICAL_F64;
}

void pyr_sums_begin(double *sums, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        sums[i] = -0.0;
    }
}

void pyr_sums_end(double *sums, uint8_t *met, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        uint64_t bits;
        memcpy(&bits, &sums[i], sizeof(bits));
        met[i] |= bits != UINT64_C(1) << 63; /* it may be set by rows that came another way */
        sums[i] += 0.0;                      /* -0.0 becomes 0.0 */
    }
}

int32_t pyr_fused_lanes(const pyr_grouping *grouping) {
    bool possible = grouping->keys_count == 1 && grouping->ranges == NULL &&
                    pyr_fused_possible(grouping->sink) &&
                    is_fast_key(pyr_sql_type_physical(grouping->types[0]));
    if (!possible) {
        return 0;
    }
    return grouping->groups * LANES * (int64_t)sizeof(double) <= LANES_BYTES_MAX ? LANES : 1;
}

void pyr_fused_begin(const pyr_grouping *grouping, const pyr_direct_groups *of) {
    pyr_sums_begin((double *)(void *)of->states, grouping->groups);
    pyr_sums_begin(of->lanes, grouping->groups * (grouping->fused_lanes - 1));
}

void pyr_fused_end(const pyr_grouping *grouping, const pyr_direct_groups *of) {
    double *sums = (double *)(void *)of->states;
    int64_t groups = grouping->groups;
    for (int32_t lane = 1; lane < grouping->fused_lanes; ++lane) {
        for (int64_t i = 0; i < groups; ++i) {
            sums[i] += of->lanes[(lane - 1) * groups + i];
        }
    }
    pyr_sums_end(sums, of->met, groups);
}

/* The keys, from the array whose first sum is of key 0 as it were. */
typedef struct span {
    const void *keys;
    const double *values;
    const uint16_t *rows; /* NULL: all */
    int32_t count;
    uint64_t base;
    bool far; /* sums are seldom in the innermost caches */
} span;

#define SUM_OF(sums, row) ((sums)[(uint64_t)(int64_t)keys[row] - base] += values[row] + 0.0)
#define ADD(NAME, TYPE)                                                               \
    static void add_##NAME(const span *of, double *const sums[LANES]) {               \
        double *a = sums[0], *b = sums[1], *c = sums[2], *d = sums[3];                \
        const TYPE *keys = of->keys;                                                  \
        const double *values = of->values;                                            \
        const uint16_t *rows = of->rows;                                              \
        uint64_t base = of->base;                                                     \
        int32_t i = 0;                                                                \
        if (of->far && rows == NULL) {                                                \
            for (; i + AHEAD < of->count; ++i) {                                      \
                __builtin_prefetch(&a[(uint64_t)(int64_t)keys[i + AHEAD] - base], 1); \
                SUM_OF(a, i);                                                         \
            }                                                                         \
        }                                                                             \
        for (; rows == NULL && i + LANES <= of->count; i += LANES) {                  \
            SUM_OF(a, i);                                                             \
            SUM_OF(b, i + 1);                                                         \
            SUM_OF(c, i + 2);                                                         \
            SUM_OF(d, i + 3);                                                         \
        }                                                                             \
        for (; rows != NULL && i + LANES <= of->count; i += LANES) {                  \
            SUM_OF(a, rows[i]);                                                       \
            SUM_OF(b, rows[i + 1]);                                                   \
            SUM_OF(c, rows[i + 2]);                                                   \
            SUM_OF(d, rows[i + 3]);                                                   \
        }                                                                             \
        for (; i < of->count; ++i) {                                                  \
            int32_t row = rows != NULL ? rows[i] : i;                                 \
            SUM_OF(a, row);                                                           \
        }                                                                             \
    }
ADD(i32, int32_t)
ADD(i64, int64_t)
ADD(u8, uint8_t)
ADD(u16, uint16_t)

void pyr_fused_add_numbers(const void *numbers, int32_t width_bytes, const double *values,
                           const uint16_t *rows, int32_t count, double *const sums[LANES]) {
    span of = {.keys = numbers, .values = values, .rows = rows, .count = count};
    if (width_bytes == 1) {
        add_u8(&of, sums);
    } else {
        add_u16(&of, sums);
    }
}

bool pyr_fused_consume(pyr_grouping_state *state, const pyr_vector *vectors, const uint16_t *rows,
                       int32_t count) {
    const pyr_grouping *grouping = state->grouping;
    const pyr_vector *key = &vectors[grouping->keys[0]];
    const pyr_vector *value = &vectors[grouping->sink->arguments[0]];
    double *sums[LANES];
    if (key->constant || key->validity != NULL || value->constant || value->validity != NULL) {
        return false;
    }
    for (int32_t lane = 0; lane < LANES; ++lane) {
        sums[lane] = lane == 0 || grouping->fused_lanes == 1
                         ? (double *)(void *)state->direct.states
                         : state->direct.lanes + (lane - 1) * grouping->groups;
    }
    uint64_t base = (uint64_t)grouping->direct[0].min - (grouping->direct[0].nullable ? 1 : 0);
    span of = {key->data, value->data, rows,
               count,     base,        grouping->groups * (int64_t)sizeof(double) > FAR_BYTES};
    if (key->physical == PYR_PHYSICAL_I64) {
        add_i64(&of, sums);
    } else {
        add_i32(&of, sums);
    }
    return true;
}
