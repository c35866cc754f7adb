/* aggregate_memo.c - the groups of short texts that were met lately, found by the text's own bytes.
 *
 * A column of a few hundred statuses or cities is grouped row after row by the same texts. A text
 * of at most 15 bytes is two words with its length in the last byte: those are compared where a
 * table would be asked through a hash of the text, a slot, a row and the row's copy of the text.
 * One place a text, the last one that came to it; what is not found there is looked up in the
 * table.
 */
#include "exec/aggregate_sink.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLACES_BITS = 13,
    PLACES = 1 << PLACES_BITS,
    TRIAL_ROWS = 8 * PYR_VECTOR_ROWS, /* before it is decided whether it pays */
    TURNS = 4 /* a place that is taken is given to each so many-th that comes */
};

/* A text's bytes, zeros behind them, and in the last byte how many there are. */
typedef struct memo_key {
    uint64_t low, high;
} memo_key;

struct pyr_text_memo {
    int64_t rows, found; /* looked for so far */
    memo_key keys[PLACES];
    uint32_t groups[PLACES];
    uint32_t turn; /* of texts that came to a place that is taken */
};

pyr_status pyr_text_memo_create(pyr_text_memo **out, pyr_error *error) {
    pyr_text_memo *memo = calloc(1, sizeof(*memo));
    *out = memo;
    if (memo == NULL) {
        return pyr_error_memory(error, sizeof(*memo));
    }
    pyr_text_memo_clear(memo);
    return PYR_OK;
}

void pyr_text_memo_destroy(pyr_text_memo *memo) {
    free(memo);
}

void pyr_text_memo_clear(pyr_text_memo *memo) {
    if (memo != NULL) {
        memset(memo->keys, 0xff, sizeof(memo->keys)); /* of no text: none is so long */
    }
}

bool pyr_text_memo_pays(const pyr_text_memo *memo) {
    return memo == NULL || memo->rows < TRIAL_ROWS || memo->found * 3 > memo->rows * 2;
}

/* The bytes of a text of so many; of one that is too long (the last) none count. */
#define ONES UINT64_MAX
#define LOW(BYTES) (ONES >> (64 - 8 * (BYTES)))
static const memo_key text_masks[PYR_MEMO_TEXT_BYTES_MAX + 2] = {
    {0, 0},         {LOW(1), 0},    {LOW(2), 0},    {LOW(3), 0},    {LOW(4), 0},    {LOW(5), 0},
    {LOW(6), 0},    {LOW(7), 0},    {ONES, 0},      {ONES, LOW(1)}, {ONES, LOW(2)}, {ONES, LOW(3)},
    {ONES, LOW(4)}, {ONES, LOW(5)}, {ONES, LOW(6)}, {ONES, LOW(7)}, {0, 0},
};
enum { WORDS_BYTES = 16 };

static inline uint64_t length_of(const pyr_vector *vector, int32_t row) {
    uint64_t length = (uint32_t)(vector->offsets[row + 1] - vector->offsets[row]);
    return length <= PYR_MEMO_TEXT_BYTES_MAX ? length : PYR_MEMO_TEXT_BYTES_MAX + 1;
}

/* The row's text, of this length, as words: 16 bytes from its beginning can be read. */
static inline memo_key read_whole(const pyr_vector *vector, int32_t row, uint64_t length) {
    memo_key key;
    memcpy(&key, vector->bytes + vector->offsets[row], WORDS_BYTES);
    key.low &= text_masks[length].low;
    key.high = (key.high & text_masks[length].high) | (length << 56);
    return key;
}

/* The same at the end of what can be read. */
static memo_key read_last(const pyr_vector *vector, int32_t row, uint64_t length) {
    memo_key key = {0, 0};
    if (length > 0 && length <= PYR_MEMO_TEXT_BYTES_MAX) {
        memcpy(&key, vector->bytes + vector->offsets[row], length);
    }
    key.high |= length << 56;
    return key;
}

static inline bool can_read_whole(const pyr_vector *vector, int32_t row) {
    return vector->offsets[row] + (int64_t)WORDS_BYTES <= vector->bytes_readable;
}

static inline memo_key read_text(const pyr_vector *vector, int32_t row, bool whole) {
    uint64_t length = length_of(vector, row);
    return whole || can_read_whole(vector, row) ? read_whole(vector, row, length)
                                                : read_last(vector, row, length);
}

static inline uint32_t place_of(memo_key key) {
    /* Of a product the upper bits depend on all below. */
    uint64_t mixed =
        key.low * UINT64_C(0x9e3779b97f4a7c15) + key.high * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)(mixed >> (64 - PLACES_BITS));
}

/* Of the rows from `from` to `to`; missing_count of those before are missing. */
static inline __attribute__((always_inline)) int32_t
find(const pyr_text_memo *memo, const pyr_vector *vector, const uint16_t *rows, int32_t from,
     int32_t to, bool whole, uint32_t *groups, uint16_t *missing, int32_t missing_count) {
    for (int32_t i = from; i < to; ++i) {
        memo_key key = read_text(vector, rows != NULL ? rows[i] : i, whole);
        uint32_t place = place_of(key);
        memo_key known = memo->keys[place];
        groups[i] = memo->groups[place];
        missing[missing_count] = (uint16_t)i;
        missing_count += ((known.low ^ key.low) | (known.high ^ key.high)) != 0;
    }
    return missing_count;
}

/* How many of the rows, the first ones, can be read whole: texts begin one behind the other. */
static int32_t count_whole(const pyr_vector *vector, const uint16_t *rows, int32_t count) {
    while (count > 0 && !can_read_whole(vector, rows != NULL ? rows[count - 1] : count - 1)) {
        --count;
    }
    return count;
}

int32_t pyr_text_memo_find(pyr_text_memo *memo, const pyr_vector *vector, const uint16_t *rows,
                           int32_t count, uint32_t *groups, uint16_t *missing) {
    int32_t whole = count_whole(vector, rows, count);
    int32_t missing_count = rows != NULL
                                ? find(memo, vector, rows, 0, whole, true, groups, missing, 0)
                                : find(memo, vector, NULL, 0, whole, true, groups, missing, 0);
    missing_count = find(memo, vector, rows, whole, count, false, groups, missing, missing_count);
    memo->rows += count;
    memo->found += count - missing_count;
    return missing_count;
}

/* A text that most rows have must not go with the first of many that come once: until it is found
 * again a whole chunk misses it. */
static inline bool takes_place(pyr_text_memo *memo, uint32_t place) {
    return memo->keys[place].high == UINT64_MAX || ++memo->turn % TURNS == 0;
}

int32_t pyr_text_memo_add(pyr_text_memo *memo, const pyr_vector *vector, const uint16_t *rows,
                          int32_t count, const uint32_t *groups) {
    int32_t noted = 0;
    for (int32_t i = 0; i < count; ++i) {
        memo_key key = read_text(vector, rows[i], false);
        uint32_t place = place_of(key);
        if ((key.high >> 56) <= PYR_MEMO_TEXT_BYTES_MAX && takes_place(memo, place)) {
            memo->keys[place] = key;
            memo->groups[place] = groups[i];
            ++noted;
        }
    }
    return noted;
}
