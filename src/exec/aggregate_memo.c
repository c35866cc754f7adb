/* aggregate_memo.c - the groups of short texts that were met lately, found by the text's own bytes.
 *
 * A column of a few hundred statuses or cities is grouped row after row by the same texts. A text
 * of at most 16 bytes is two words and a length: those are compared where a table would be asked
 * through a hash of the text, a slot, a row and the row's copy of the text. One place a text, the
 * last one that came to it; what is not found there is looked up in the table.
 */
#include "exec/aggregate_sink.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLACES_BITS = 13,
    PLACES = 1 << PLACES_BITS,
    TRIAL_ROWS = 8 * PYR_VECTOR_ROWS /* before it is decided whether it pays */
};

typedef struct memo_place {
    uint64_t low, high; /* bytes, zeros behind them */
    uint32_t length;
    uint32_t group;
} memo_place;

struct pyr_text_memo {
    int64_t rows, found; /* looked for so far */
    memo_place places[PLACES];
};

pyr_status pyr_text_memo_create(pyr_text_memo **out, pyr_error *error) {
    pyr_text_memo *memo = malloc(sizeof(*memo));
    *out = memo;
    if (memo == NULL) {
        return pyr_error_memory(error, sizeof(*memo));
    }
    memo->rows = 0;
    memo->found = 0;
    pyr_text_memo_clear(memo);
    return PYR_OK;
}

void pyr_text_memo_destroy(pyr_text_memo *memo) {
    free(memo);
}

void pyr_text_memo_clear(pyr_text_memo *memo) {
    for (int i = 0; memo != NULL && i < PLACES; ++i) {
        memo->places[i].length = UINT32_MAX;
    }
}

bool pyr_text_memo_pays(const pyr_text_memo *memo) {
    return memo == NULL || memo->rows < TRIAL_ROWS || memo->found * 3 > memo->rows * 2;
}

/* The first `length` bytes of a word; 0 to 8. */
static inline uint64_t head_mask(uint32_t length) {
    return length >= 8 ? UINT64_MAX : (UINT64_C(1) << (length * 8)) - 1;
}

/* The row's text as words; length: UINT32_MAX where it has too many bytes. */
static inline memo_place read_text(const pyr_vector *vector, int32_t row) {
    int64_t from = vector->offsets[row];
    uint32_t length = (uint32_t)(vector->offsets[row + 1] - vector->offsets[row]);
    uint64_t words[2] = {0, 0};
    if (length > PYR_MEMO_TEXT_BYTES_MAX) {
        return (memo_place){0, 0, UINT32_MAX, 0};
    }
    if (from + PYR_MEMO_TEXT_BYTES_MAX <= vector->bytes_readable) {
        memcpy(words, vector->bytes + from, sizeof(words));
    } else if (length > 0) {
        memcpy(words, vector->bytes + from, length);
    }
    uint32_t rest = length > 8 ? length - 8 : 0;
    return (memo_place){words[0] & head_mask(length), words[1] & head_mask(rest), length, 0};
}

static inline uint32_t place_of(const memo_place *text) {
    /* Of a product the upper bits depend on all below. */
    uint64_t mixed = (text->low + text->length) * UINT64_C(0x9e3779b97f4a7c15) +
                     text->high * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)(mixed >> (64 - PLACES_BITS));
}

int32_t pyr_text_memo_find(pyr_text_memo *memo, const pyr_vector *vector, const uint16_t *rows,
                           int32_t count, uint32_t *groups, uint16_t *missing) {
    int32_t missing_count = 0;
    for (int32_t i = 0; i < count; ++i) {
        memo_place text = read_text(vector, rows != NULL ? rows[i] : i);
        const memo_place *place = &memo->places[place_of(&text)];
        bool same = ((place->low ^ text.low) | (place->high ^ text.high) |
                     (place->length ^ text.length)) == 0 &&
                    text.length != UINT32_MAX;
        groups[i] = place->group;
        missing[missing_count] = (uint16_t)i;
        missing_count += !same;
    }
    memo->rows += count;
    memo->found += count - missing_count;
    return missing_count;
}

int32_t pyr_text_memo_add(pyr_text_memo *memo, const pyr_vector *vector, const uint16_t *rows,
                          int32_t count, const uint32_t *groups) {
    int32_t noted = 0;
    for (int32_t i = 0; i < count; ++i) {
        memo_place text = read_text(vector, rows[i]);
        if (text.length != UINT32_MAX) {
            text.group = groups[i];
            memo->places[place_of(&text)] = text;
            ++noted;
        }
    }
    return noted;
}
