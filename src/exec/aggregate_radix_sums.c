/* aggregate_radix_sums.c - one SUM of doubles by a key of one word, of a partition's rows.
 *
 * A group table has slots that name rows that have keys and states: two places that wait for each
 * other, in two passes. Here a place is a key and its sum, so that a row waits for one; the groups
 * go into the table when all rows are added up.
 *
 * A sum begins at -0.0, which tells that its place is free: see aggregate_fused.c.
 */
#include "base/pages.h"
#include "exec/aggregate_sink.h"

#include <string.h>

enum {
    BLOCK_ROWS = PYR_RADIX_BLOCK_ROWS,
    FIRST_PLACES = 4 * BLOCK_ROWS,
    LIKELY_PLACES = 3,        /* of a group that is likely to come, at least */
    ROOMY_PLACES = 32 * 1024, /* up to here twice as many: few rows then meet another's place */
    PROBES_MAX = 512 /* of chosen keys, as group_table.h has it: then there are more places */
};

typedef struct sum_place {
    uint64_t key;
    double sum;
} sum_place;

typedef struct sum_places {
    const pyr_grouping *grouping;
    sum_place *items;
    size_t bytes; /* as taken */
    uint64_t mask, count;
    int shift;    /* of a key's hash: what is left is its place */
    bool crowded; /* a key's chain is longer than any honest one */
} sum_places;

bool pyr_radix_sums_possible(const pyr_grouping *grouping) {
    const pyr_key_layout layout = grouping->encoding.layout;
    return layout.words == 1 && !layout.has_string && pyr_fused_possible(grouping->sink) &&
           grouping->radix.record_bytes > 0 &&
           !atomic_load_explicit(&grouping->spilling, memory_order_acquire);
}

static void give_places(const sum_places *self) {
    pyr_budget *budget = self->grouping->sink->exec->budget;
    if (self->items != NULL) {
        pyr_pages_give(self->items, self->bytes);
        if (budget != NULL) {
            pyr_budget_give(budget, self->bytes);
        }
    }
}

/* count: a power of two; all free. */
static pyr_status take_places(sum_places *self, uint64_t count, pyr_error *error) {
    pyr_budget *budget = self->grouping->sink->exec->budget;
    size_t bytes = 0;
    sum_place *items = pyr_pages_take((size_t)count * sizeof(*items), &bytes);
    if (items == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*items));
    }
    if (budget != NULL && !pyr_budget_take(budget, bytes)) {
        pyr_pages_give(items, bytes);
        return pyr_error_set(error, PYR_ERROR_MEMORY, "sums of %llu groups pass the memory limit",
                             (unsigned long long)self->count);
    }
    self->items = items;
    self->bytes = bytes;
    self->mask = count - 1;
    self->shift = 64 - __builtin_ctzll(count);
    for (uint64_t i = 0; i < count; ++i) {
        items[i] = (sum_place){0, -0.0};
    }
    return PYR_OK;
}

static inline bool is_free(const sum_place *place) {
    uint64_t bits;
    memcpy(&bits, &place->sum, sizeof(bits));
    return bits == UINT64_C(1) << 63;
}

/* Keys of one partition have hashes (pyr_key_hash) that begin with the same bits. This one is known
 * to nobody else, and costs less than to keep those. */
static inline uint64_t place_of(const sum_places *self, uint64_t key) {
    return ((key ^ (key >> 32)) * UINT64_C(0x9e3779b97f4a7c15)) >> self->shift;
}

static inline sum_place *find(sum_places *self, uint64_t key) {
    uint64_t at = place_of(self, key);
    uint32_t probes = 0;
    while (self->items[at].key != key && !is_free(&self->items[at])) {
        at = (at + 1) & self->mask;
        ++probes;
    }
    self->crowded |= probes > PROBES_MAX;
    return &self->items[at];
}

/* The key of a free place is 0: one that is 0 itself finds it at once. */
static inline void add(sum_places *self, uint64_t key, double value) {
    sum_place *place = find(self, key);
    self->count += is_free(place);
    place->key = key;
    place->sum += value + 0.0;
}

static pyr_status grow(sum_places *self, pyr_error *error) {
    const sum_places old = *self;
    PYR_TRY(take_places(self, 2 * (old.mask + 1), error));
    for (uint64_t i = 0; i <= old.mask; ++i) {
        if (!is_free(&old.items[i])) {
            *find(self, old.items[i].key) = old.items[i];
        }
    }
    give_places(&old);
    return PYR_OK;
}

/* Blocks of a partition lie anywhere: the next one is fetched meanwhile. */
static pyr_status add_block(sum_places *self, const pyr_radix_block *block, pyr_error *error) {
    const pyr_radix_layout *layout = &self->grouping->radix;
    const uint8_t *record = (const uint8_t *)block + layout->words_at;
    uintptr_t next = block->next != NULL ? (uintptr_t)block->next - (uintptr_t)block : 0;
    PYR_TRY(pyr_cancel_flag_check(self->grouping->sink->exec->cancel, error));
    while (2 * (self->count + (uint64_t)block->count) > self->mask + 1) {
        PYR_TRY(grow(self, error));
    }
    self->crowded = false;
    for (int64_t i = 0; i < block->count; ++i, record += sizeof(uint64_t) + sizeof(double)) {
        uint64_t key;
        double value;
        __builtin_prefetch((const void *)((uintptr_t)record + next));
        memcpy(&key, record, sizeof(key));
        memcpy(&value, record + sizeof(key), sizeof(value));
        add(self, key, value);
    }
    return self->crowded ? grow(self, error) : PYR_OK;
}

/* Some groups into the table. */
static pyr_status put_groups(pyr_group_table *table, const uint64_t *words, const double *sums,
                             int32_t count, pyr_error *error) {
    uint64_t hashes[BLOCK_ROWS];
    uint32_t groups[BLOCK_ROWS];
    pyr_key_hash(table->layout, count, words, NULL, hashes);
    const pyr_key_batch keys = {.count = count, .words = words, .hashes = hashes};
    PYR_TRY(pyr_group_table_find(table, &keys, groups, error));
    for (int32_t i = 0; i < count; ++i) {
        uint8_t *state = pyr_group_row(table, groups[i]) + table->key_bytes;
        *(double *)(void *)state += sums[i]; /* a plain sum is its state, 0.0 at first */
    }
    return PYR_OK;
}

static pyr_status put_all(const sum_places *self, pyr_group_table *table, pyr_error *error) {
    uint64_t words[BLOCK_ROWS];
    double sums[BLOCK_ROWS];
    int32_t count = 0;
    PYR_TRY(pyr_group_table_reserve(table, (uint32_t)self->count, error));
    for (uint64_t i = 0; i <= self->mask; ++i) {
        words[count] = self->items[i].key;
        sums[count] = self->items[i].sum;
        count += !is_free(&self->items[i]);
        if (count == BLOCK_ROWS) {
            PYR_TRY(put_groups(table, words, sums, count, error));
            count = 0;
        }
    }
    return put_groups(table, words, sums, count, error);
}

pyr_status pyr_radix_group_sums(const pyr_grouping *grouping, pyr_partition *into,
                                const pyr_radix_block *first, uint64_t likely, pyr_error *error) {
    sum_places self = {.grouping = grouping};
    uint64_t places = FIRST_PLACES;
    while (places < LIKELY_PLACES * likely ||
           (places < ROOMY_PLACES && places < 2 * LIKELY_PLACES * likely)) {
        places *= 2;
    }
    pyr_status status = take_places(&self, places, error);
    for (const pyr_radix_block *block = first; block != NULL && status == PYR_OK;
         block = block->next) {
        status = add_block(&self, block, error);
    }
    if (status == PYR_OK) {
        status = put_all(&self, &into->table, error);
    }
    give_places(&self);
    return status;
}
