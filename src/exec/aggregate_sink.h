/* aggregate_sink.h - how groups are kept: shared by aggregate.c (the sink), aggregate_direct.c,
 * aggregate_hash.c and aggregate_source.c.
 *
 * A grouping is one set of keys (ROLLUP has several), in one of three forms:
 *  - NONE: no keys, one state.
 *  - DIRECT: keys that zone maps bound to a small range: the group is a sum of the keys' distances
 *    from their minima, an array a worker, added up when workers combine.
 *  - HASH: a table a worker; what outgrows the cache goes to shared partitions, each under its
 * lock, so a group is in memory once however many workers met it.
 */
#ifndef PYR_EXEC_AGGREGATE_SINK_H
#define PYR_EXEC_AGGREGATE_SINK_H

#include "exec/aggregate_internal.h"

#include "exec/spill.h"

#include <pthread.h>

#define PYR_PARTITION_BITS 8
#define PYR_PARTITIONS (1 << PYR_PARTITION_BITS)

typedef enum pyr_grouping_kind {
    PYR_GROUPING_NONE,
    PYR_GROUPING_DIRECT,
    PYR_GROUPING_HASH
} pyr_grouping_kind;

typedef struct pyr_direct_key {
    int64_t min;
    int64_t values; /* of the key, a place for NULL included */
    int64_t factor; /* of its distance in the group's number */
    bool nullable;  /* place 0 is NULL's */
} pyr_direct_key;

/* Groups by number: a row of states each, and whether it was met: a byte each, or where there are
 * no states (DISTINCT) a bit. */
typedef struct pyr_direct_groups {
    uint8_t *states; /* NULL: not made */
    uint8_t *met;
    double *lanes; /* where sums are fused: the other sums of each group, array after array */
    size_t bytes;
} pyr_direct_groups;
static inline bool pyr_direct_met(const pyr_direct_groups *groups, bool bits, int64_t group) {
    return bits ? pyr_bit_get(groups->met, group) : groups->met[group] != 0;
}

typedef struct pyr_partition {
    pthread_mutex_t lock; /* a leaf */
    pyr_group_table table;
    pyr_arena arena; /* what states point to */
} pyr_partition;

/* Fetches the lines that come behind a row just put to its block. Rows go to hundreds of places at
 * once, more than the CPU follows by itself: each new line would else be waited for. */
static inline void pyr_radix_fetch_ahead(const void *at) {
    __builtin_prefetch((const void *)((uintptr_t)at + 192), 1); /* it may lie beyond the block */
}

/* aggregate_radix*.c, aggregate_ranges.c: how rows lie that are put apart before they are grouped.
 */
#define PYR_RADIX_COLUMNS_MAX 16
#define PYR_RADIX_BLOCK_ROWS 1024
/* Rows of one partition: columns of PYR_RADIX_BLOCK_ROWS values after this head; or, of a key and
 * one argument, records. */
typedef struct pyr_radix_block {
    struct pyr_radix_block *next;
    int64_t count;
} pyr_radix_block;
/* A key's string in a block, one behind the other: its hash, its length, and its bytes up to a
 * multiple of 8, or where they are. One place a row is written to instead of three. */
typedef struct pyr_radix_text {
    uint64_t hash;
    uint64_t length; /* PYR_RADIX_COPIED: the bytes follow */
} pyr_radix_text;
#define PYR_RADIX_COPIED (UINT64_C(1) << 63)
/* Of texts that are copied: those that outlive their chunk, and those that do not. */
#define PYR_RADIX_SHORT_BYTES_MAX 128
#define PYR_RADIX_TEXT_BYTES_MAX 512
#define PYR_RADIX_TEXTS_BYTES (PYR_RADIX_BLOCK_ROWS * 48) /* then a block is full, too */
static inline uint32_t pyr_partition_of(uint64_t hash) {
    return (uint32_t)(hash >> (64 - PYR_PARTITION_BITS));
}
static inline size_t pyr_radix_align(size_t bytes) {
    return (bytes + 63) & ~(size_t)63;
}
typedef struct pyr_radix_layout {
    bool possible;
    size_t bytes_max;                       /* of a worker: then it groups what it has */
    size_t words_at, texts_at, block_bytes; /* words: of ranges, groups' numbers */
    int32_t columns_count;                  /* arguments */
    pyr_physical physicals[PYR_RADIX_COLUMNS_MAX];
    size_t columns_at[PYR_RADIX_COLUMNS_MAX];
    size_t record_bytes; /* key and argument side by side, from words_at on; 0: there are columns */
} pyr_radix_layout;
typedef struct pyr_radix_rows {
    pyr_radix_block **blocks; /* of each partition, the one written to first; NULL: none yet */
    /* Rows in each of those, PYR_RADIX_BLOCK_ROWS where there is none, and bytes of their texts:
     * side by side so that they stay in the cache; into the blocks' own counts they go before
     * anybody else looks. */
    uint32_t counts[PYR_PARTITIONS];
    uint32_t texts_bytes[PYR_PARTITIONS];
    void *slabs;
    size_t slab_used, bytes;
} pyr_radix_rows;

/* aggregate_ranges.c: a part of the array of DIRECT. */
typedef struct pyr_range {
    pthread_mutex_t lock; /* a leaf */
    pyr_arena arena;      /* what states point to */
    bool cleared;         /* its states are zeroes, or more */
} pyr_range;

typedef struct pyr_grouping {
    struct pyr_aggregate_sink *sink;
    pyr_grouping_kind kind;
    int32_t keys_count;
    int32_t *keys; /* indices into the node's keys */
    pyr_sql_type *types;
    pyr_group_keys encoding;  /* HASH */
    pyr_direct_key *direct;   /* DIRECT */
    int64_t groups;           /* DIRECT: how many there may be */
    bool bits;                /* DIRECT: of whether one was met */
    int32_t fused_lanes;      /* DIRECT: a sum is added up as keys are read; 0: no */
    int32_t ranges_count;     /* DIRECT, where rows are put apart by ranges of groups first */
    int range_shift;          /* of a group's number: the range */
    pyr_range *ranges;        /* else NULL */
    bool range_sums;          /* of ranges: pyr_fused_possible */
    pthread_mutex_t lock;     /* of what follows; taken before a partition's */
    pyr_direct_groups all;    /* DIRECT */
    bool may_end;             /* DIRECT, bits: a row that is not read could not fail, either */
    _Atomic bool all_met;     /* the same: no row can bring a group that was not met */
    uint8_t *state;           /* NONE */
    pyr_arena arena;          /* NONE, DIRECT */
    int32_t partitions_count; /* HASH: 1 or PYR_PARTITIONS, once a worker has flushed; else 0 */
    pyr_partition *partitions;
    pyr_radix_layout radix;
    pyr_radix_block **radix_blocks; /* of all workers */
    void *radix_slabs;
    _Atomic uint32_t radix_groups; /* of the largest partition that is whole: others are like it */
    _Atomic bool spilling;         /* HASH: rows of new groups go to spilled, which is there then */
    pyr_spill_parts *spilled;
    bool coded;             /* HASH: of one text, which its segment may have numbered */
    _Atomic bool coded_met; /* it had */
    int64_t chosen_max;     /* HASH: so many groups are wanted; -1: all */
    pyr_group_table chosen;
    _Atomic bool chosen_all; /* so many are: chosen does not change any more */
} pyr_grouping;

typedef struct pyr_aggregate_sink {
    pyr_sink sink;
    pyr_exec *exec;
    const pyr_node *node;
    int32_t keys_count;
    pyr_bound_expr **keys;
    pyr_bound_expr *columns; /* DISTINCT's keys */
    int32_t functions_count;
    pyr_aggregate_function *functions;
    size_t *offsets; /* of each function's state in a row of states */
    size_t state_bytes;
    int32_t expressions_count; /* keys, then arguments, then filters */
    pyr_bound_expr **expressions;
    int32_t *arguments; /* of each function: its first argument's expression */
    int32_t *filters;   /* -1: none */
    int32_t groupings_count;
    pyr_grouping *groupings;
} pyr_aggregate_sink;

/* One worker's part of a grouping. */
typedef struct pyr_grouping_state {
    pyr_grouping *grouping;
    pyr_group_table table;    /* HASH */
    int64_t rows_since_flush; /* HASH */
    pyr_direct_groups direct;
    int64_t words_met; /* DIRECT, bits: so many words, from the first on, have no bit left */
    uint8_t *state;    /* NONE */
    pyr_arena arena;
    pyr_vector *keys;
    pyr_radix_rows radix;
    bool apart;                        /* HASH: rows are put apart by now */
    struct pyr_text_memo *memo;        /* HASH: of one text as key; NULL: not made */
    struct pyr_code_groups *coded;     /* HASH: the same, where segments number it */
    pyr_key_room *room;                /* HASH: shared by the worker's groupings */
    uint32_t *groups;                  /* PYR_VECTOR_ROWS */
    struct pyr_spill_room *spill_room; /* HASH: once rows are spilled */
} pyr_grouping_state;

/* Adds a chunk's rows to their groups; vectors: the sink's expressions. */
PYR_MUST_CHECK pyr_status pyr_aggregate_update(const pyr_aggregate_sink *sink,
                                               const pyr_vector *vectors, const pyr_chunk *chunk,
                                               const uint16_t *rows, uint8_t *states, size_t stride,
                                               const uint32_t *groups, pyr_arena *arena,
                                               pyr_error *error);
/* Rows of states into others; see pyr_aggregate_function.combine. */
PYR_MUST_CHECK pyr_status pyr_aggregate_combine(const pyr_aggregate_sink *sink, uint8_t *into,
                                                size_t stride, const uint32_t *groups,
                                                uint8_t *from, size_t from_stride, int32_t count,
                                                pyr_arena *arena, pyr_error *error);
/* What states own besides their arena. */
void pyr_aggregate_destroy_states(const pyr_aggregate_sink *sink, uint8_t *states, size_t stride,
                                  int64_t count);

/* How many groups of one key a finished sink has, one for NULL not counted; -1: that takes more
 * than counting. */
int64_t pyr_aggregate_sink_count(const pyr_sink *sink);

/* aggregate_direct.c. bounds decide whether a grouping is DIRECT. */
PYR_MUST_CHECK pyr_status pyr_direct_init(pyr_grouping *grouping, bool *is_direct,
                                          pyr_error *error);
void pyr_direct_deinit(pyr_grouping *grouping);
PYR_MUST_CHECK pyr_status pyr_direct_consume(pyr_grouping_state *state, const pyr_vector *vectors,
                                             const pyr_chunk *chunk, const uint16_t *rows,
                                             pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_direct_combine(pyr_grouping_state *state, pyr_error *error);
void pyr_direct_state_deinit(pyr_grouping_state *state);

/* Whether so many bytes are a small enough share of the memory limit: what is direct cannot be
 * spilled. */
bool pyr_direct_fits(const pyr_aggregate_sink *sink, size_t bytes);
/* The array; cleared: of zeroes. */
PYR_MUST_CHECK pyr_status pyr_direct_make(const pyr_grouping *grouping, bool cleared,
                                          pyr_direct_groups *out, pyr_error *error);

/* aggregate_fused.c: where a DIRECT grouping has one SUM of doubles, and one key. How many sums a
 * group has; 0: not such a grouping. */
int32_t pyr_fused_lanes(const pyr_grouping *grouping);
/* Whether all that is added up is one double a group. Such sums begin so that they tell by
 * themselves whether a row came: then they are what they are elsewhere, and met says so, too. */
bool pyr_fused_possible(const pyr_aggregate_sink *sink);
void pyr_sums_begin(double *sums, int64_t count);
void pyr_sums_end(double *sums, uint8_t *met, int64_t count);
/* All sums, as they begin. */
enum { PYR_FUSED_LANES = 4 };
/* sums[i % PYR_FUSED_LANES][number of row i] += its value; numbers of 1 or 2 bytes. */
void pyr_fused_add_numbers(const void *numbers, int32_t width_bytes, const double *values,
                           const uint16_t *rows, int32_t count,
                           double *const sums[PYR_FUSED_LANES]);
void pyr_fused_begin(const pyr_grouping *grouping, const pyr_direct_groups *of);
/* Some rows of the vectors; false: they have to go the usual way. */
bool pyr_fused_consume(pyr_grouping_state *state, const pyr_vector *vectors, const uint16_t *rows,
                       int32_t count);
/* A worker's sums as they are elsewhere: one a group, and 0 of those that it did not meet. */
void pyr_fused_end(const pyr_grouping *grouping, const pyr_direct_groups *of);

/* Bytes that say which of so many groups were met. */
size_t pyr_direct_met_bytes(const pyr_grouping *grouping, int64_t groups);
/* The bit of each group. */
static inline void pyr_bits_mark(uint64_t *bits, const uint32_t *groups, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        bits[groups[i] >> 6] |= UINT64_C(1) << (groups[i] & 63);
    }
}
/* A key of 4 or 8 bytes, none of them NULL: the common case, which has loops of its own. */
static inline bool pyr_key_is_plain(const pyr_vector *key) {
    return !key->constant && key->validity == NULL &&
           (key->physical == PYR_PHYSICAL_I64 || key->physical == PYR_PHYSICAL_I32);
}

/* aggregate_ranges.c. Whether the groups of a DIRECT grouping are to be made range by range. */
bool pyr_ranges_init(pyr_grouping *grouping);
void pyr_ranges_deinit(pyr_grouping *grouping);
/* Whether a chunk's rows go by its keys, before groups' numbers are made; and those rows. */
bool pyr_ranges_takes_keys(const pyr_grouping *grouping, const pyr_vector *vectors);
PYR_MUST_CHECK pyr_status pyr_ranges_consume_keys(pyr_grouping_state *state,
                                                  const pyr_vector *vectors, const uint16_t *rows,
                                                  int32_t count, pyr_error *error);
/* state->groups: of each row. */
PYR_MUST_CHECK pyr_status pyr_ranges_consume(pyr_grouping_state *state, const pyr_vector *vectors,
                                             const uint16_t *rows, int32_t count, pyr_error *error);
/* All workers have combined. */
PYR_MUST_CHECK pyr_status pyr_ranges_finish(pyr_grouping *grouping, pyr_error *error);

/* aggregate_hash.c */
PYR_MUST_CHECK pyr_status pyr_hash_init(pyr_grouping *grouping, pyr_error *error);
void pyr_hash_deinit(pyr_grouping *grouping);
PYR_MUST_CHECK pyr_status pyr_hash_state_init(pyr_grouping_state *state, pyr_error *error);
void pyr_hash_state_deinit(pyr_grouping_state *state);
PYR_MUST_CHECK pyr_status pyr_hash_consume(pyr_grouping_state *state, const pyr_vector *vectors,
                                           const pyr_chunk *chunk, const uint16_t *rows,
                                           pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_hash_combine(pyr_grouping_state *state, pyr_error *error);

/* aggregate_memo.c: groups of a worker's table by the bytes of short texts. */
#define PYR_MEMO_TEXT_BYTES_MAX 15
typedef struct pyr_text_memo pyr_text_memo;
PYR_MUST_CHECK pyr_status pyr_text_memo_create(pyr_text_memo **out, pyr_error *error);
void pyr_text_memo_destroy(pyr_text_memo *memo); /* NULL allowed */
void pyr_text_memo_clear(pyr_text_memo *memo);   /* the same: groups are others now */
/* Whether most rows are found, as far as is known. NULL allowed. */
bool pyr_text_memo_pays(const pyr_text_memo *memo);
/* groups[i]: of row rows[i] (NULL: i) of a vector with offsets and without NULL, and any number
 * where it is not known: as many as are returned, whose i are in missing. */
int32_t pyr_text_memo_find(pyr_text_memo *memo, const pyr_vector *vector, const uint16_t *rows,
                           int32_t count, uint32_t *groups, uint16_t *missing);
/* Rows and their groups; how many texts are short enough, and copied. */
int32_t pyr_text_memo_add(pyr_text_memo *memo, const pyr_vector *vector, const uint16_t *rows,
                          int32_t count, const uint32_t *groups);

/* aggregate_hash.c, for aggregate_codes.c. Groups of rows (of the vector state->keys[0], a text) in
 * the worker's table; and that rows were added, of which new_groups were made. */
PYR_MUST_CHECK pyr_status pyr_hash_find_texts(pyr_grouping_state *state, const uint16_t *rows,
                                              int32_t count, uint32_t *groups, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_hash_added(pyr_grouping_state *state, int64_t rows,
                                         uint32_t new_groups, pyr_error *error);

/* aggregate_codes.c: HASH of one text as key, where segments number it. */
typedef struct pyr_code_groups pyr_code_groups;
void pyr_code_groups_destroy(pyr_code_groups *self); /* NULL allowed */
/* Whether the aggregates can be added up by numbers first. */
bool pyr_codes_possible(const pyr_aggregate_sink *sink);
/* Adds a chunk's rows, where its text has codes that are worth it. false: it did not, and nothing
 * went wrong; before the rows go another way what was added up so far must be ended. */
bool pyr_codes_take(pyr_grouping_state *state, const pyr_vector *vectors, const pyr_chunk *chunk,
                    const uint16_t *rows, pyr_status *status, pyr_error *error);
/* What was added up goes to the worker's table. Leaves state->keys. */
PYR_MUST_CHECK pyr_status pyr_codes_end(pyr_grouping_state *state, pyr_error *error);

/* All groups of the first partition, the only one so far, to where they belong of many. */
PYR_MUST_CHECK pyr_status pyr_hash_split(pyr_grouping *grouping, pyr_error *error);

/* aggregate_chosen.c: HASH where any so many groups do. */
void pyr_chosen_init(pyr_grouping *grouping);
/* Leaves the keys of groups that are chosen, their rows (PYR_VECTOR_ROWS of room) and mask; or says
 * that all are. */
PYR_MUST_CHECK pyr_status pyr_chosen_rows(pyr_grouping_state *state, const uint16_t *rows,
                                          pyr_key_batch *keys, uint16_t *kept, uint64_t *mask,
                                          bool *all, pyr_error *error);

/* aggregate_spill.c: HASH beyond the memory limit. Workers add no group any more then: rows of
 * groups that are not in their table go to files, put apart by hash as partitions are. At the end
 * each part is a unit: its partitions, with its rows added to them; what does not fit then goes to
 * files again, by further bits of the hash, and is grouped after the unit's groups were given out.
 */
/* Whether so many more groups of a worker are too many, or it has been decided before. */
bool pyr_hash_spills(pyr_grouping *grouping, uint32_t more_groups);
PYR_MUST_CHECK pyr_status pyr_hash_begin_spill(pyr_grouping *grouping, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_hash_spill_rows(pyr_grouping_state *state, const pyr_vector *vectors,
                                              const pyr_chunk *chunk, const uint16_t *rows,
                                              const pyr_key_batch *keys, pyr_error *error);
/* All workers have combined. */
PYR_MUST_CHECK pyr_status pyr_hash_spill_finish(pyr_grouping *grouping, pyr_error *error);

/* One worker of the source: a unit's tables, one after the other. */
typedef struct pyr_spilled_groups pyr_spilled_groups;
PYR_MUST_CHECK pyr_status pyr_spilled_groups_create(pyr_grouping *grouping, int unit,
                                                    pyr_spilled_groups **out, pyr_error *error);
void pyr_spilled_groups_destroy(pyr_spilled_groups *groups); /* NULL allowed */
/* Valid until the next call; NULL: the end. */
PYR_MUST_CHECK pyr_status pyr_spilled_groups_next(pyr_spilled_groups *groups, pyr_partition **out,
                                                  pyr_error *error);

/* aggregate_radix.c. Whether a grouping's rows can be put apart. */
bool pyr_radix_init(pyr_grouping *grouping);
void pyr_radix_deinit(pyr_grouping *grouping);
void pyr_radix_state_deinit(pyr_grouping_state *state);
/* Lays the arguments' columns out from `at` on, after what a block begins with; false: they cannot
 * be put apart. */
bool pyr_radix_add_columns(pyr_grouping *grouping, size_t at);
/* Bytes of all of a row's arguments. */
static inline size_t pyr_radix_columns_bytes(const pyr_radix_layout *layout) {
    size_t bytes = 0;
    for (int32_t i = 0; i < layout->columns_count; ++i) {
        bytes += pyr_physical_bytes(layout->physicals[i]);
    }
    return bytes;
}
/* Rows of a key of key_bytes and but one argument, of 4 or 8 bytes, the common case, become
 * records: one place a row is written to instead of two, which takes two thirds of the time. */
void pyr_radix_pair_up(pyr_radix_layout *layout, size_t key_bytes);
/* A block's records as columns again: rooms for PYR_RADIX_BLOCK_ROWS keys and arguments. */
void pyr_radix_take_apart(const pyr_radix_layout *layout, const pyr_radix_block *block, void *keys,
                          void *arguments);
/* The worker's blocks are there; a new one for a partition; all given back. */
PYR_MUST_CHECK pyr_status pyr_radix_begin(pyr_grouping_state *state, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_radix_next_block(pyr_grouping_state *state, uint32_t partition,
                                               pyr_error *error);
void pyr_radix_release(pyr_grouping_state *state);
/* The blocks know their rows: before anybody else looks at them. */
void pyr_radix_settle(pyr_grouping_state *state);

/* aggregate_radix_put.c. *taken false: this chunk has to be grouped at once. */
PYR_MUST_CHECK pyr_status pyr_radix_put(pyr_grouping_state *state, const pyr_vector *vectors,
                                        const uint16_t *rows, const pyr_key_batch *keys,
                                        bool *taken, pyr_error *error);
/* Rows first, first + 1, ... of a column into blocks[0], blocks[1], ...: at that place of the
 * column which begins `at` bytes on. rows NULL: all. */
void pyr_radix_scatter(const pyr_vector *vector, const uint16_t *rows, int32_t first, int32_t count,
                       uint8_t *const *blocks, const uint16_t *places, size_t at);

/* aggregate_radix_sums.c: where a group has one SUM of doubles, and its key is one word. */
bool pyr_radix_sums_possible(const pyr_grouping *grouping);
/* All rows of a partition that are left; it has about `likely` groups (0: nobody knows). */
PYR_MUST_CHECK pyr_status pyr_radix_group_sums(const pyr_grouping *grouping, pyr_partition *into,
                                               const pyr_radix_block *first, uint64_t likely,
                                               pyr_error *error);

/* Groups what one worker has put apart. */
PYR_MUST_CHECK pyr_status pyr_radix_group_own(pyr_grouping_state *state, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_radix_combine(pyr_grouping_state *state, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_radix_finish(pyr_grouping *grouping, pyr_error *error);

#endif
