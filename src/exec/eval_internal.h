/* eval_internal.h - nodes of an evaluator, and how the files of its families share the work.
 *
 * Invariants:
 *  1. A node is a bound expression of one evaluator. Its function is chosen once, from tables by
 *     operation and physical type (pyr_eval_choose_* of the families), and fills node->out.
 *  2. node->out is right for the rows that it was computed for (`computed_for`); outside of them
 *     values and validity are anything, strings there may point anywhere: only rows that are
 *     selected and not NULL are looked at where a value is followed or may fail.
 *  3. Results that a node leaves in its buffers stay until it is computed for other rows. Who needs
 *     them longer (CASE) copies at once.
 */
#ifndef PYR_EXEC_EVAL_INTERNAL_H
#define PYR_EXEC_EVAL_INTERNAL_H

#include "exec/eval.h"

#include <string.h>

#define PYR_EVAL_INLINE static inline __attribute__((always_inline))

/* 128-bit values of Arrow's buffers are aligned to 8 bytes at least. */
typedef pyr_i128 pyr_i128_any __attribute__((aligned(8)));

/* Rows that an expression is wanted for. */
typedef struct pyr_eval_rows pyr_eval_rows;
struct pyr_eval_rows {
    int32_t rows;                /* of the vectors */
    int32_t selected;            /* so many of them */
    const uint64_t *mask;        /* NULL: all */
    const uint16_t *list;        /* NULL: not made */
    uint16_t *room;              /* for the list */
    uint64_t id;                 /* never used twice */
    const pyr_eval_rows *within; /* which these are a part of; NULL: none */
};
/* Masks and lists of a set of rows that a node makes. */
typedef struct pyr_eval_subset {
    pyr_eval_rows rows;
    uint64_t mask[PYR_VECTOR_WORDS];
    uint16_t room[PYR_VECTOR_ROWS + 16];
} pyr_eval_subset;

/* A loop over values. list NULL: rows 0 .. count - 1, else those. Gives -1, or where a value
 * failed: the position in the list; without a list just 0, which only says that there is some. */
typedef struct pyr_loop {
    const void *a, *b;
    void *out;
    const uint16_t *list;
    int32_t count;
    bool b_constant;
    const void *extra; /* what the node's choice put there */
} pyr_loop;
typedef int32_t pyr_loop_function(const pyr_loop *loop);

/* BODY makes r of x (and y), and may set bad. One loop for dense rows, one for a list. */
#define PYR_LOOP_1(NAME, IN, OUT, BODY)              \
    static int32_t NAME(const pyr_loop *l) {         \
        const IN *restrict from_a = l->a;            \
        OUT *restrict to = l->out;                   \
        if (l->list == NULL) {                       \
            unsigned any_bad = 0;                    \
            for (int32_t i = 0; i < l->count; ++i) { \
                IN x = from_a[i];                    \
                OUT r;                               \
                bool bad = false;                    \
                BODY;                                \
                to[i] = r;                           \
                any_bad |= bad;                      \
            }                                        \
            return any_bad != 0 ? 0 : -1;            \
        }                                            \
        for (int32_t k = 0; k < l->count; ++k) {     \
            int32_t i = l->list[k];                  \
            IN x = from_a[i];                        \
            OUT r;                                   \
            bool bad = false;                        \
            BODY;                                    \
            to[i] = r;                               \
            if (bad) {                               \
                return k;                            \
            }                                        \
        }                                            \
        return -1;                                   \
    }
#define PYR_LOOP_2_DENSE(IN_A, IN_B, OUT, BODY, STEP) \
    for (int32_t i = 0; i < l->count; ++i) {          \
        IN_A x = from_a[i];                           \
        IN_B y = from_b[i * (STEP)];                  \
        OUT r;                                        \
        bool bad = false;                             \
        BODY;                                         \
        to[i] = r;                                    \
        any_bad |= bad;                               \
    }
#define PYR_LOOP_2(NAME, IN_A, IN_B, OUT, BODY)            \
    static int32_t NAME(const pyr_loop *l) {               \
        const IN_A *restrict from_a = l->a;                \
        const IN_B *restrict from_b = l->b;                \
        OUT *restrict to = l->out;                         \
        if (l->list == NULL) {                             \
            unsigned any_bad = 0;                          \
            if (l->b_constant) {                           \
                PYR_LOOP_2_DENSE(IN_A, IN_B, OUT, BODY, 0) \
            } else {                                       \
                PYR_LOOP_2_DENSE(IN_A, IN_B, OUT, BODY, 1) \
            }                                              \
            return any_bad != 0 ? 0 : -1;                  \
        }                                                  \
        for (int32_t k = 0; k < l->count; ++k) {           \
            int32_t i = l->list[k];                        \
            IN_A x = from_a[i];                            \
            IN_B y = from_b[l->b_constant ? 0 : i];        \
            OUT r;                                         \
            bool bad = false;                              \
            BODY;                                          \
            to[i] = r;                                     \
            if (bad) {                                     \
                return k;                                  \
            }                                              \
        }                                                  \
        return -1;                                         \
    }

typedef struct pyr_eval_node pyr_eval_node;
typedef pyr_status pyr_eval_function(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                                     pyr_error *error);
/* What a failed row means: PYR_OK makes it NULL. */
typedef pyr_status pyr_eval_fail_function(const pyr_eval_node *node, int32_t row, pyr_error *error);

struct pyr_eval_node {
    const pyr_bound_expr *expression;
    pyr_eval_function *run;
    int32_t arguments_count;
    pyr_eval_node **arguments;
    pyr_physical physical;
    pyr_vector out;
    pyr_vector_buffer buffer; /* not of columns and constants */
    uint64_t computed_for;    /* rows' id; 0: nothing */
    /* of loops */
    pyr_loop_function *loop;
    pyr_eval_fail_function *fail;                  /* NULL: loop never fails */
    bool expensive;                                /* not dense where rows are left out */
    const void *extra;                             /* of the family that chose the function */
    pyr_arithmetic_kernel *dense, *dense_constant; /* instead of the loop without a list, or NULL */
    bool swapped;                                  /* arguments 0 and 1, against the expression */
    pyr_arithmetic_op arithmetic;
    pyr_compare_op compare;
    /* constants spread out: argument 0 of a loop */
    void *flat;
    bool flat_filled;
    pyr_eval_subset *subsets;     /* of CASE, COALESCE, AND, OR */
    struct pyr_eval_codes *codes; /* a predicate of one text column; NULL: not that */
};

/* Bytes of computed strings: blocks that stay for the next run. */
typedef struct pyr_text_block pyr_text_block;
struct pyr_text_block {
    pyr_text_block *next;
    size_t size;
    uint8_t bytes[];
};
typedef struct pyr_text_pool {
    pyr_text_block *first, *current;
    size_t used; /* of current */
} pyr_text_pool;

struct pyr_eval {
    pyr_arena arena;
    const pyr_kernels *kernels;
    const pyr_scalar *scalars;
    int32_t roots_count;
    pyr_eval_node **roots;
    int32_t nodes_count, nodes_capacity;
    pyr_eval_node **nodes;  /* but constants, for sharing */
    const pyr_chunk *chunk; /* while it runs */
    bool by_codes;          /* a predicate is computed for numbers: those in it are not */
    uint64_t ids;
    pyr_text_pool text;
    pyr_eval_subset all;       /* the rows of a run */
    pyr_eval_subset *narrowed; /* what a filter leaves, one a root */
    uint16_t picked[PYR_VECTOR_ROWS + 16];
    uint64_t words[PYR_VECTOR_WORDS]; /* for picking */
    void *gathered[2];                /* PYR_VECTOR_ROWS values of 16 bytes */
    uint8_t *scratch;                 /* bytes of a text that is being made */
    size_t scratch_bytes;
    /* What patterns and the like hold outside of the arena. */
    struct pyr_eval_cleanup *cleanups;
};
typedef struct pyr_eval_cleanup pyr_eval_cleanup;
struct pyr_eval_cleanup {
    pyr_eval_cleanup *next;
    void (*run)(void *what);
    void *what;
};

/* ---- eval.c ---- */

/* node->out for rows, computed unless it is there. No row: a constant NULL. */
PYR_MUST_CHECK pyr_status pyr_eval_node_run(pyr_eval *eval, pyr_eval_node *node,
                                            pyr_eval_rows *rows, pyr_error *error);
/* The rows of mask & within's, in subset. */
void pyr_eval_subset_make(pyr_eval *eval, pyr_eval_subset *subset, const pyr_eval_rows *within,
                          const uint64_t *mask);
/* The list of the rows; NULL where it is all of them. */
const uint16_t *pyr_eval_rows_list(pyr_eval *eval, pyr_eval_rows *rows);
/* The same of those that are valid, too (validity NULL: all are); *list NULL: rows 0 .. count - 1.
 * In eval->picked, or the rows' own list. Gives the count. */
int32_t pyr_eval_pick(pyr_eval *eval, pyr_eval_rows *rows, const uint64_t *validity,
                      const uint16_t **list);
/* Whether a is NULL for all rows. */
static inline bool pyr_vector_null(const pyr_vector *v) {
    return v->constant && v->validity != NULL && (v->validity[0] & 1) == 0;
}
/* node->out: a constant NULL. */
void pyr_eval_set_null(pyr_eval_node *node);
/* node->out over its buffer, with the validity given, which may be somebody else's. */
void pyr_eval_set_out(pyr_eval_node *node, bool constant, const uint64_t *validity);
/* The rows that are valid in all arguments (constants are not NULL): NULL, an argument's own words,
 * or node->buffer.validity. */
const uint64_t *pyr_eval_validity(pyr_eval *eval, pyr_eval_node *node, int32_t rows);
/* Runs all arguments. *done: one was a constant NULL, and node->out is. */
PYR_MUST_CHECK pyr_status pyr_eval_arguments(pyr_eval *eval, pyr_eval_node *node,
                                             pyr_eval_rows *rows, bool *done, pyr_error *error);
bool pyr_eval_all_constant(const pyr_eval_node *node);
/* Words of validity that may be written: node->buffer.validity, made from what is given. */
uint64_t *pyr_eval_own_validity(pyr_eval_node *node, const uint64_t *validity, int32_t rows);
/* v's values, spread over rows where it is constant. */
PYR_MUST_CHECK pyr_status pyr_eval_flat(pyr_eval *eval, pyr_eval_node *node, const pyr_vector *v,
                                        bool fixed, const void **out, pyr_error *error);
/* One or two arguments through node->loop. */
pyr_eval_function pyr_eval_run_loop;
/* As the loop left rows [start, ...) of the list: goes through failures. */
PYR_MUST_CHECK pyr_status pyr_eval_cleanup_add(pyr_eval *eval, void (*run)(void *), void *what,
                                               pyr_error *error);
uint8_t *pyr_eval_text(pyr_eval *eval, size_t size); /* NULL: out of memory */
/* With the expression's place. */
pyr_status pyr_eval_error(const pyr_eval_node *node, const char *sqlstate, pyr_error *error,
                          const char *format, ...) PYR_PRINTF(4, 5);
/* What an operation or its types are not covered by. */
pyr_status pyr_eval_not_supported(const pyr_eval_node *node, const char *what, pyr_error *error);
/* A value of a row that is not NULL, as DuckDB's messages have it. */
const char *pyr_eval_print(const pyr_vector *v, int32_t row, char room[64]);
/* With a NUL; room for 48. Gives the length. */
size_t pyr_eval_print_i128(pyr_i128 value, char *room);
const char *pyr_eval_physical_name(pyr_physical physical); /* "INT32" */

/* Row of v, which is not NULL there; a string's bytes go to arena. */
PYR_MUST_CHECK pyr_status pyr_eval_value(const pyr_vector *v, int32_t row, pyr_arena *arena,
                                         pyr_value *out, pyr_error *error);

/* The choice by kind and operation: sets node->run. Arguments are there. */
PYR_MUST_CHECK pyr_status pyr_eval_choose(pyr_eval *eval, pyr_eval_node *node, pyr_error *error);

/* 10 to the exponent, 0 .. 38. */
pyr_i128 pyr_power_of_ten(int32_t exponent);
void pyr_decimal_print(pyr_i128 value, int scale, char room[64]);
/* As messages have it: "INT32", "DECIMAL(4,2)". */
const char *pyr_eval_type_name(pyr_sql_type type, char room[24]);

/* ---- The families' choices. ---- */
PYR_MUST_CHECK pyr_status pyr_eval_choose_compare(pyr_eval *eval, pyr_eval_node *node,
                                                  pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_eval_choose_in(pyr_eval *eval, pyr_eval_node *node, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_eval_choose_logic(pyr_eval *eval, pyr_eval_node *node,
                                                pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_eval_choose_case(pyr_eval *eval, pyr_eval_node *node,
                                               pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_eval_choose_arithmetic(pyr_eval *eval, pyr_eval_node *node,
                                                     pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_eval_choose_math(pyr_eval *eval, pyr_eval_node *node,
                                               pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_eval_choose_cast(pyr_eval *eval, pyr_eval_node *node,
                                               pyr_error *error);
/* false: no such cast. To or from VARCHAR, and among times. */
bool pyr_eval_choose_cast_text(pyr_eval_node *node);
bool pyr_eval_choose_cast_time(pyr_eval_node *node);
PYR_MUST_CHECK pyr_status pyr_eval_choose_date(pyr_eval *eval, pyr_eval_node *node,
                                               pyr_error *error);
/* EXTRACT and DATE_TRUNC. */
PYR_MUST_CHECK pyr_status pyr_eval_choose_extract(pyr_eval *eval, pyr_eval_node *node,
                                                  pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_eval_choose_like(pyr_eval *eval, pyr_eval_node *node,
                                               pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_eval_choose_text(pyr_eval *eval, pyr_eval_node *node,
                                               pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_eval_choose_regexp(pyr_eval *eval, pyr_eval_node *node,
                                                 pyr_error *error);

/* eval_codes.c: predicates by the numbers that a segment has for texts. choose sets node->codes
 * where node is one; a run leaves in node->out what node->run would. */
PYR_MUST_CHECK pyr_status pyr_eval_choose_codes(pyr_eval *eval, pyr_eval_node *node,
                                                pyr_error *error);
bool pyr_eval_codes_possible(const pyr_eval *eval, const pyr_eval_node *node,
                             const pyr_eval_rows *rows);
PYR_MUST_CHECK pyr_status pyr_eval_codes_run(pyr_eval *eval, pyr_eval_node *node,
                                             pyr_eval_rows *rows, pyr_error *error);

/* eval_logic.c: the rows of rows where node is true, as a mask. */
PYR_MUST_CHECK pyr_status pyr_eval_true(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                                        uint64_t *mask, pyr_error *error);

/* eval_compare.c: what op gives for the rows that are valid in both, as words; the others' bits may
 * be anything. a is no constant; b may be one. */
void pyr_eval_compare(pyr_eval *eval, pyr_compare_op op, const pyr_vector *a, const pyr_vector *b,
                      pyr_eval_rows *rows, const uint64_t *validity, uint64_t *out);

/* eval_text_case.c: lower-cased as LOWER does, in the run's text, or in the evaluator's arena.
 * false: out of memory. */
bool pyr_eval_lower(pyr_eval *eval, pyr_string text, pyr_string *out);
bool pyr_eval_lower_kept(pyr_eval *eval, pyr_string *text);
/* Into out, which has room for pyr_text_case_bytes; gives the length. */
uint64_t pyr_text_case(pyr_string text, bool upper, uint8_t *out);
uint64_t pyr_text_case_bytes(pyr_string text);

static inline pyr_vector *pyr_eval_argument(const pyr_eval_node *node, int32_t index) {
    return &node->arguments[index]->out;
}
static inline int32_t pyr_words(int32_t rows) {
    return (rows + 63) >> 6;
}
/* A BIT vector's word, constants spread out. */
static inline uint64_t pyr_bits_word(const pyr_vector *v, int32_t word) {
    const uint64_t *data = v->data;
    return v->constant ? UINT64_C(0) - (data[0] & 1) : data[word];
}
static inline uint64_t pyr_valid_word(const pyr_vector *v, int32_t word) {
    if (v->validity == NULL) {
        return ~UINT64_C(0);
    }
    return v->constant ? UINT64_C(0) - (v->validity[0] & 1) : v->validity[word];
}

#endif
