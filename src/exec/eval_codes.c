/* eval_codes.c - predicates of one text column that its segment numbered (arrow/codes.h): computed
 * for one row of each number, and looked up for the others. Regular expressions, functions and long
 * lists, that is: a comparison, or a search for a piece, reads the texts as quickly.
 *
 * What a number gives is kept as long as chunks of its batch come. Only selected rows are computed,
 * so a text fails where one of its rows would.
 */
#include "exec/eval_internal.h"

#include <stdlib.h>

enum { ROWS_MIN = 256 }; /* fewer are computed as they are */

typedef enum known { KNOWN_FALSE, KNOWN_TRUE, KNOWN_NULL, UNKNOWN, ASKED } known;

struct pyr_eval_codes {
    int32_t column;   /* of the chunk */
    pyr_codes *codes; /* retained: what `gives` is of; NULL: none yet */
    uint8_t *gives;   /* of each number: known */
    int32_t capacity;
    int32_t left;      /* UNKNOWN ones */
    int32_t counts[3]; /* of the others */
    pyr_eval_subset asked;
};

/* The one column of an expression, a text; ONLY_NONE, or ONLY_MANY: several, or of another type. */
enum { ONLY_NONE = -1, ONLY_MANY = -2 };
static int32_t only_column(const pyr_bound_expr *e) {
    if (e->kind == PYR_BOUND_COLUMN) {
        return pyr_sql_type_physical(e->type) == PYR_PHYSICAL_STRING ? e->column : ONLY_MANY;
    }
    int32_t only = ONLY_NONE;
    for (int32_t i = 0; i < e->arguments_count; ++i) {
        int32_t column = only_column(e->arguments[i]);
        if (column == ONLY_MANY || (only >= 0 && column >= 0 && column != only)) {
            return ONLY_MANY;
        }
        only = column >= 0 ? column : only;
    }
    return only;
}

/* What costs a row little more than to look up what its number gives. */
static bool is_quick(pyr_op op) {
    return (op >= PYR_OP_EQUAL && op <= PYR_OP_IS_NOT_NULL) || op == PYR_OP_NOT ||
           op == PYR_OP_LIKE || (op >= PYR_OP_STARTS_WITH && op <= PYR_OP_CONTAINS) ||
           op == PYR_OP_STRLEN;
}
static bool is_worth_it(const pyr_bound_expr *e) {
    bool worth = e->kind == PYR_BOUND_CASE || (e->kind == PYR_BOUND_OPERATION && !is_quick(e->op));
    for (int32_t i = 0; i < e->arguments_count && !worth; ++i) {
        worth = is_worth_it(e->arguments[i]);
    }
    return worth;
}

static void destroy(void *what) {
    struct pyr_eval_codes *self = what;
    pyr_codes_release(self->codes);
    free(self->gives);
}

pyr_status pyr_eval_choose_codes(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    if (node->physical != PYR_PHYSICAL_BIT || node->expression->kind == PYR_BOUND_COLUMN) {
        return PYR_OK;
    }
    int32_t column = only_column(node->expression);
    if (column < 0 || !is_worth_it(node->expression)) {
        return PYR_OK;
    }
    struct pyr_eval_codes *self = pyr_arena_alloc(&eval->arena, sizeof(*self));
    if (self == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    self->column = column;
    PYR_TRY(pyr_eval_cleanup_add(eval, destroy, self, error));
    node->codes = self;
    return PYR_OK;
}

static const pyr_vector *column_of(const pyr_eval *eval, const struct pyr_eval_codes *self) {
    return &eval->chunk->columns[self->column];
}

bool pyr_eval_codes_possible(const pyr_eval *eval, const pyr_eval_node *node,
                             const pyr_eval_rows *rows) {
    if (node->codes == NULL || eval->by_codes || rows->selected < ROWS_MIN) {
        return false;
    }
    const pyr_array *array = column_of(eval, node->codes)->array;
    return array != NULL && array->codes != NULL;
}

static pyr_status open(struct pyr_eval_codes *self, pyr_codes *codes, pyr_error *error) {
    if (self->codes == codes) {
        return PYR_OK;
    }
    pyr_codes_release(self->codes);
    self->codes = NULL;
    if (codes->count > self->capacity) {
        free(self->gives);
        self->gives = malloc((size_t)codes->count);
        self->capacity = self->gives != NULL ? codes->count : 0;
        if (self->gives == NULL) {
            return pyr_error_memory(error, (size_t)codes->count);
        }
    }
    memset(self->gives, UNKNOWN, (size_t)codes->count);
    self->codes = pyr_codes_retain(codes);
    self->left = codes->count;
    memset(self->counts, 0, sizeof(self->counts));
    return PYR_OK;
}

/* ---- Loops over numbers. ---- */

#define ROW(k) (list != NULL ? list[k] : (k))
#define LOOPS(NAME, TYPE)                                                                 \
    /* The first selected row of each number that is not known, in mask. */               \
    static void ask_##NAME(const TYPE *numbers, const uint16_t *list, int32_t count,      \
                           uint8_t *gives, uint64_t *mask) {                              \
        for (int32_t k = 0; k < count; ++k) {                                             \
            int32_t row = ROW(k);                                                         \
            if (__builtin_expect(gives[numbers[row]] == UNKNOWN, 0)) {                    \
                gives[numbers[row]] = ASKED;                                              \
                mask[row >> 6] |= UINT64_C(1) << (row & 63);                              \
            }                                                                             \
        }                                                                                 \
    }                                                                                     \
    /* Bits of rows that give `wanted`, of 64 rows at most from `numbers` on. */          \
    static uint64_t word_##NAME(const TYPE *numbers, int32_t count, const uint8_t *gives, \
                                uint8_t wanted) {                                         \
        uint64_t word = 0;                                                                \
        for (int32_t i = 0; i < count; ++i) {                                             \
            word |= (uint64_t)(gives[numbers[i]] == wanted) << i;                         \
        }                                                                                 \
        return word;                                                                      \
    }
LOOPS(u8, uint8_t)
LOOPS(u16, uint16_t)

static void ask(struct pyr_eval_codes *self, const uint8_t *numbers, const uint16_t *list,
                int32_t count, uint64_t *mask) {
    if (self->codes->width_bytes == 1) {
        ask_u8(numbers, list, count, self->gives, mask);
    } else {
        ask_u16((const uint16_t *)(const void *)numbers, list, count, self->gives, mask);
    }
}

/* Words of all rows, selected or not: bits of numbers that give `wanted`. */
static void look_up(const struct pyr_eval_codes *self, const uint8_t *numbers, int32_t rows,
                    known wanted, uint64_t *words) {
    for (int32_t first = 0; first < rows; first += 64) {
        int32_t count = rows - first < 64 ? rows - first : 64;
        words[first >> 6] = self->codes->width_bytes == 1
                                ? word_u8(numbers + first, count, self->gives, (uint8_t)wanted)
                                : word_u16((const uint16_t *)(const void *)numbers + first, count,
                                           self->gives, (uint8_t)wanted);
    }
}

/* ---- A run. ---- */

static void note(struct pyr_eval_codes *self, const uint8_t *numbers, const pyr_eval_node *node,
                 const uint16_t *list, int32_t count) {
    const uint64_t *bits = node->out.data;
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = ROW(k);
        int32_t at = node->out.constant ? 0 : row;
        uint32_t number = self->codes->width_bytes == 1
                              ? numbers[row]
                              : ((const uint16_t *)(const void *)numbers)[row];
        known given = pyr_vector_is_null(&node->out, row)       ? KNOWN_NULL
                      : ((bits[at >> 6] >> (at & 63)) & 1) != 0 ? KNOWN_TRUE
                                                                : KNOWN_FALSE;
        self->gives[number] = (uint8_t)given;
        ++self->counts[given];
        --self->left;
    }
}

/* Makes what the numbers of rows give known. */
static pyr_status compute(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                          const uint8_t *numbers, pyr_error *error) {
    struct pyr_eval_codes *self = node->codes;
    uint64_t *mask = self->asked.mask;
    memset(mask, 0, (size_t)pyr_words(rows->rows) * 8);
    const uint16_t *list = pyr_eval_rows_list(eval, rows);
    ask(self, numbers, list, rows->selected, mask);
    pyr_eval_subset_make(eval, &self->asked, rows, mask);
    if (self->asked.rows.selected == 0) {
        return PYR_OK;
    }
    eval->by_codes = true;
    pyr_status status = node->run(eval, node, &self->asked.rows, error);
    eval->by_codes = false;
    if (status != PYR_OK) {
        pyr_codes_release(self->codes);
        self->codes = NULL; /* it waits for what it asked for */
        return status;
    }
    list = pyr_eval_rows_list(eval, &self->asked.rows);
    note(self, numbers, node, list, self->asked.rows.selected);
    return PYR_OK;
}

pyr_status pyr_eval_codes_run(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                              pyr_error *error) {
    struct pyr_eval_codes *self = node->codes;
    const pyr_vector *column = column_of(eval, self);
    PYR_TRY(open(self, column->array->codes, error));
    const uint8_t *numbers = self->codes->numbers->data +
                             (column->array->offset + column->array_row) * self->codes->width_bytes;
    if (self->left > 0) {
        PYR_TRY(compute(eval, node, rows, numbers, error));
    }
    uint64_t *words = node->buffer.data;
    size_t bytes = (size_t)pyr_words(rows->rows) * 8;
    if (self->counts[KNOWN_TRUE] == 0) {
        memset(words, 0, bytes);
    } else {
        look_up(self, numbers, rows->rows, KNOWN_TRUE, words);
    }
    uint64_t *validity = NULL;
    if (self->counts[KNOWN_NULL] > 0) {
        validity = node->buffer.validity;
        look_up(self, numbers, rows->rows, KNOWN_NULL, validity);
        for (int32_t i = 0; i < pyr_words(rows->rows); ++i) {
            validity[i] = ~validity[i];
        }
    }
    pyr_eval_set_out(node, false, validity);
    return PYR_OK;
}
