/* compact_pick.c - which segments a step of compaction takes.
 *
 * Sizes fall into tiers, each eight times the one below. A run of 16 neighbours of a tier or below
 * is joined: so each row is written once more a tier, and a table of n rows has a few dozen
 * segments that are not full. From 16 MiB on a segment is left alone: reading it costs what its
 * rows cost.
 */
#include "catalog/compact_internal.h"

#include <string.h>

enum { TIERS = 4, RUN = 16, LOOKED_AT = 512 };
#define TIER_BYTES ((int64_t)8 << 10)   /* of the lowest: up to this */
#define FULL_BYTES ((int64_t)16 << 20)  /* not joined in the background from here on */
#define LARGE_BYTES ((int64_t)64 << 20) /* not joined by CHECKPOINT from here on */
#define SORT_BYTES ((int64_t)256 << 20) /* sorted at a time */

static int tier_of(const pyr_segment *segment) {
    int64_t size = pyr_segment_get_info(segment)->size_bytes;
    int tier = 0;
    for (int64_t limit = TIER_BYTES; size > limit && tier < TIERS; limit *= 8) {
        ++tier;
    }
    return size >= FULL_BYTES ? TIERS : tier;
}

/* The first run of enough neighbours that are of this tier or below; tiers: of the table's last
 * `count` segments. */
static pyr_compact_run find_run(const uint8_t *tiers, size_t count, int tier) {
    size_t start = 0;
    for (size_t i = 0; i < count; ++i) {
        if (tiers[i] > tier) {
            start = i + 1;
        } else if (i + 1 - start >= RUN && (i + 1 == count || tiers[i + 1] > tier)) {
            return (pyr_compact_run){start, i + 1 - start};
        }
    }
    return (pyr_compact_run){0, 0};
}

/* Asked after every commit: each segment is looked at once. */
static pyr_compact_run pick_tiers(const pyr_table *table) {
    /* What is small stands at the end, where rows are appended. */
    size_t count = table->segments_count < LOOKED_AT ? table->segments_count : LOOKED_AT;
    size_t from = table->segments_count - count;
    uint8_t tiers[LOOKED_AT];
    for (size_t i = 0; i < count; ++i) {
        tiers[i] = (uint8_t)tier_of(table->segments[from + i]);
    }
    pyr_compact_run run = {0, 0};
    for (int tier = 0; run.count == 0 && tier < TIERS; ++tier) {
        run = find_run(tiers, count, tier);
    }
    run.first += run.count > 0 ? from : 0;
    return run;
}

static bool has_many_deleted(const pyr_table *table, size_t index, pyr_compact_goal goal) {
    int64_t deleted = pyr_row_bitmap_cardinality(pyr_table_deleted(table, index));
    return goal == PYR_COMPACT_DELETED
               ? deleted > 0
               : deleted > pyr_segment_get_info(table->segments[index])->rows / 10;
}

static bool needs_rewrite(const pyr_table *table, size_t index, pyr_compact_goal goal,
                          bool sorting) {
    const pyr_segment_info *info = pyr_segment_get_info(table->segments[index]);
    return has_many_deleted(table, index, goal) || info->hot || (sorting && !info->sorted);
}

/* The run of small neighbours from index on: together they are one segment at most. */
static pyr_compact_run small_run(const pyr_table *table, size_t index, int64_t bytes_max) {
    int64_t bytes = 0;
    size_t end = index;
    while (end < table->segments_count) {
        int64_t size = pyr_segment_get_info(table->segments[end])->size_bytes;
        if (size >= LARGE_BYTES || bytes + size > bytes_max) {
            break;
        }
        bytes += size;
        ++end;
    }
    return (pyr_compact_run){index, end - index};
}

static pyr_compact_run pick_all(const pyr_table *table, pyr_compact_goal goal) {
    bool sorting = pyr_table_has_sort_key(table);
    int64_t bytes_max = sorting ? SORT_BYTES : PYR_SEGMENT_SIZE_BYTES;
    size_t index = 0;
    while (index < table->segments_count) {
        pyr_compact_run run = small_run(table, index, bytes_max);
        if (run.count > 1) {
            return run;
        }
        if (needs_rewrite(table, index, goal, sorting)) {
            return (pyr_compact_run){index, 1};
        }
        ++index;
    }
    return (pyr_compact_run){0, 0};
}

bool pyr_table_has_sort_key(const pyr_table *table) {
    const char *key = pyr_table_get_option(table, "sort_key");
    return key != NULL && key[strspn(key, " ")] != '\0';
}

pyr_compact_run pyr_compact_pick(const pyr_table *table, pyr_compact_goal goal) {
    return goal == PYR_COMPACT_TIERS ? pick_tiers(table) : pick_all(table, goal);
}

bool pyr_compact_is_due(const pyr_table *table, pyr_compact_goal goal) {
    return pyr_compact_pick(table, goal).count > 0;
}
