/* aggregate_internal.h - aggregation: keys from columns, states of aggregates, where groups live.
 *
 * States begin as zeroes, lie in a group's row, and are changed by one thread at a time. Memory
 * that a state points to is in the arena given to its calls, or its own (destroy).
 */
#ifndef PYR_EXEC_AGGREGATE_INTERNAL_H
#define PYR_EXEC_AGGREGATE_INTERNAL_H

#include "exec/exec_internal.h"
#include "exec/group_table.h"

/* ---- aggregate_functions.c ---- */

typedef struct pyr_aggregate_function pyr_aggregate_function;

/* Some rows' values for one aggregate. */
typedef struct pyr_aggregate_input {
    const pyr_vector *arguments; /* of the aggregate, or NULL for COUNT(*) */
    const uint16_t *rows;        /* count of them; NULL: rows 0 to count - 1 */
    const uint64_t *mask;        /* the same rows, for who takes all of them at once; NULL: the
                                    first count */
    int32_t count;
    int32_t span; /* rows that the vectors have */
    /* Row i's state is states + groups[i] * stride; groups NULL: all rows go to states. */
    uint8_t *states;
    size_t stride;
    const uint32_t *groups;
    pyr_arena *arena; /* for strings that are kept */
} pyr_aggregate_input;

struct pyr_aggregate_function {
    size_t state_bytes; /* a multiple of 8 */
    pyr_status (*update)(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                         pyr_error *error);
    /* count states, `stride` bytes apart each, added to those that groups says. from may be taken
     * apart; arena: of into. */
    pyr_status (*combine)(const pyr_aggregate_function *self, uint8_t *into, size_t stride,
                          const uint32_t *groups, uint8_t *from, size_t from_stride, int32_t count,
                          pyr_arena *arena, pyr_error *error);
    /* count results into data (as a vector has them) and validity (all bits set before). */
    pyr_status (*finalize)(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                           int32_t count, void *data, uint64_t *validity, pyr_error *error);
    void (*destroy)(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                    int64_t count); /* NULL: nothing */
    const pyr_aggregate *aggregate; /* of the plan */
    pyr_physical physical;          /* of argument 0 */
    pyr_physical result;
    bool by_mask; /* without groups, update looks at the mask alone: of numbers that are no constant
                   */
    bool exact_width; /* sums of integers up to 32 bits: kept in 64 */
    bool uncounted;   /* the argument is never NULL and a group has a row: no state says whether
                         there was a value */
    pyr_budget *budget;
};
/* never_null: no argument can be NULL, and each state has a row. PYR_ERROR_NOT_SUPPORTED for what
 * has no states: DISTINCT is the plan's to take apart. */
PYR_MUST_CHECK pyr_status pyr_aggregate_function_of(const pyr_aggregate *aggregate, bool never_null,
                                                    pyr_budget *budget, pyr_aggregate_function *out,
                                                    pyr_error *error);

/* Whether its states are the sums alone, doubles. */
bool pyr_aggregate_is_plain_sum(const pyr_aggregate_function *function);

/* ---- group_key.c: columns to keys, and back. ---- */

typedef struct pyr_group_keys {
    int32_t count;
    const pyr_sql_type *types;
    pyr_key_layout layout;
    /* Where each key is: byte `at` of the words (its NULL bit: bit `null_bit` of them, -1: never
     * NULL), or in the string: by itself, or one of several encoded after each other. */
    struct pyr_group_key {
        pyr_physical physical;
        bool in_words;
        bool plain; /* the one key in the string, and that is its text */
        int32_t at;
        int32_t null_bit;
    } * keys;
    int32_t strings_count; /* keys in the string */
} pyr_group_keys;
PYR_MUST_CHECK pyr_status pyr_group_keys_init(pyr_group_keys *keys, const pyr_sql_type *types,
                                              const bool *never_null, int32_t count,
                                              pyr_error *error);
void pyr_group_keys_deinit(pyr_group_keys *keys);

/* One worker's room for the keys of a chunk. */
typedef struct pyr_key_room {
    uint64_t words[2 * PYR_VECTOR_ROWS];
    uint64_t hashes[PYR_VECTOR_ROWS];
    pyr_string strings[PYR_VECTOR_ROWS];
    pyr_arena encoded; /* several keys in one string */
} pyr_key_room;
/* Keys of the rows (NULL: all) of vectors. The batch lies in room and in the vectors. */
PYR_MUST_CHECK pyr_status pyr_group_keys_encode(const pyr_group_keys *keys,
                                                const pyr_vector *vectors, const uint16_t *rows,
                                                int32_t count, pyr_key_room *room,
                                                pyr_key_batch *out, pyr_error *error);
/* Key `index` of groups [first, first + count) as a vector's values; bits of validity that are NULL
 * are cleared. Strings point into the table. */
void pyr_group_keys_decode(const pyr_group_keys *keys, int32_t index, const pyr_group_table *table,
                           uint32_t first, int32_t count, void *data, uint64_t *validity);

/* ---- column_bounds.c ---- */

/* The output column of a node of `kind` below node that an expression is, through filters,
 * projections, sorts and limits; -1: none. *found: that node. */
int32_t pyr_node_column(const pyr_node *node, const pyr_bound_expr *expression, pyr_node_kind kind,
                        const pyr_node **found);
/* Of a scan. */
int32_t pyr_scan_column(const pyr_node *node, const pyr_bound_expr *expression,
                        const pyr_node **scan);
/* What zone maps prove of an integer-like expression over node's columns: bounds of its values that
 * are not NULL, and whether it can be NULL. false: nothing. */
bool pyr_expression_bounds(const pyr_node *node, const pyr_bound_expr *expression, int64_t *min,
                           int64_t *max, bool *nullable);

/* Whether NOT NULL or zone maps prove that an expression over node's columns is never NULL. */
bool pyr_expression_never_null(const pyr_node *node, const pyr_bound_expr *expression);

#endif
