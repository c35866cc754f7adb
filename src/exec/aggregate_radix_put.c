/* aggregate_radix_put.c - rows to the blocks of their partitions.
 *
 * Short texts of keys are copied beside their rows: each would else be waited for a second time, at
 * random, when its partition is grouped. So are longer ones that do not outlive their chunk.
 *
 * Rows whose arguments may be NULL, or texts that do not outlive the chunk, are grouped the other
 * way, and so are those of very long such keys: both ways end in the same tables.
 */
#include "exec/aggregate_sink.h"

#include <string.h>

enum {
    BLOCK_ROWS = PYR_RADIX_BLOCK_ROWS,
    PART_ROWS = 512 /* whose places stay in the nearest cache from one column to the next */
};

static uint64_t longest(const pyr_key_batch *keys) {
    uint64_t length = 0;
    for (int32_t i = 0; i < keys->count; ++i) {
        length = keys->strings[i].length > length ? keys->strings[i].length : length;
    }
    return length;
}

/* Whether the arguments of this chunk can be kept as they are, and its keys' texts copied. */
static bool takes_chunk(const pyr_grouping *grouping, const pyr_vector *vectors,
                        const pyr_key_batch *keys) {
    const pyr_aggregate_sink *sink = grouping->sink;
    if (keys->strings != NULL && keys->brief_to > 0 && longest(keys) > PYR_RADIX_TEXT_BYTES_MAX) {
        return false;
    }
    for (int32_t i = 0; i < grouping->radix.columns_count; ++i) {
        const pyr_vector *vector = &vectors[sink->keys_count + i];
        if (vector->validity != NULL ||
            (vector->physical == PYR_PHYSICAL_STRING && !pyr_vector_is_mapped(vector))) {
            return false;
        }
    }
    return true;
}

/* ---- Columns. ---- */

#define SCATTER(TYPE)                                                                        \
    do {                                                                                     \
        const TYPE *values = vector->data;                                                   \
        for (int32_t i = 0; i < count; ++i) {                                                \
            int32_t row = vector->constant ? 0 : rows != NULL ? rows[first + i] : first + i; \
            TYPE *to = (TYPE *)(void *)(blocks[i] + at) + places[i];                         \
            pyr_radix_fetch_ahead(to);                                                       \
            *to = values[row];                                                               \
        }                                                                                    \
    } while (0)

typedef struct sixteen {
    uint64_t words[2];
} sixteen;

void pyr_radix_scatter(const pyr_vector *vector, const uint16_t *rows, int32_t first, int32_t count,
                       uint8_t *const *blocks, const uint16_t *places, size_t at) {
    switch (vector->physical) {
    case PYR_PHYSICAL_I8:
    case PYR_PHYSICAL_U8:
        SCATTER(uint8_t);
        break;
    case PYR_PHYSICAL_I16:
    case PYR_PHYSICAL_U16:
        SCATTER(uint16_t);
        break;
    case PYR_PHYSICAL_I32:
    case PYR_PHYSICAL_U32:
    case PYR_PHYSICAL_F32:
        SCATTER(uint32_t);
        break;
    case PYR_PHYSICAL_I64:
    case PYR_PHYSICAL_U64:
    case PYR_PHYSICAL_F64:
        SCATTER(uint64_t);
        break;
    case PYR_PHYSICAL_STRING:
        for (int32_t i = 0; i < count; ++i) {
            ((pyr_string *)(void *)(blocks[i] + at))[places[i]] =
                pyr_vector_string(vector, rows != NULL ? rows[first + i] : first + i);
        }
        break;
    default:
        SCATTER(sixteen);
        break;
    }
}

/* ---- Keys. ---- */

/* A text of sizeof(TYPE) to twice as many bytes, in two steps that may overlap. */
#define COPY_ENDS(TYPE)                                              \
    do {                                                             \
        TYPE ends[2];                                                \
        memcpy(&ends[0], from, sizeof(TYPE));                        \
        memcpy(&ends[1], from + bytes - sizeof(TYPE), sizeof(TYPE)); \
        memcpy(to, &ends[0], sizeof(TYPE));                          \
        memcpy(to + bytes - sizeof(TYPE), &ends[1], sizeof(TYPE));   \
    } while (0)

/* Of both sides no byte beyond the text is touched. Short ones cost less than a call of memcpy. */
static inline void copy_text(uint8_t *to, const uint8_t *from, size_t bytes) {
    if (bytes > 32) {
        memcpy(to, from, bytes);
    } else if (bytes >= 16) {
        COPY_ENDS(sixteen);
    } else if (bytes >= 8) {
        COPY_ENDS(uint64_t);
    } else {
        for (size_t i = 0; i < bytes; ++i) {
            to[i] = from[i];
        }
    }
}

/* Gives the bytes that it takes. A string of at most copied_max bytes is copied. */
static inline uint32_t put_text(uint8_t *to, pyr_string string, uint64_t hash,
                                uint64_t copied_max) {
    bool copied = string.length <= copied_max;
    pyr_radix_text text = {hash, string.length | (copied ? PYR_RADIX_COPIED : 0)};
    memcpy(to, &text, sizeof(text));
    if (copied) {
        copy_text(to + sizeof(text), string.bytes, (size_t)string.length);
        return (uint32_t)(sizeof(text) + ((string.length + 7) & ~(uint64_t)7));
    }
    memcpy(to + sizeof(text), &string.bytes, sizeof(string.bytes));
    return (uint32_t)(sizeof(text) + sizeof(string.bytes));
}

/* Blocks and places in them of keys [first, first + count); strings are put there, *texts_bytes
 * more of them. */
static pyr_status place_rows(pyr_grouping_state *state, const pyr_key_batch *keys, int32_t first,
                             int32_t count, uint8_t **blocks, uint16_t *places,
                             int64_t *texts_bytes, pyr_error *error) {
    pyr_radix_rows *to = &state->radix;
    size_t texts_at = state->grouping->radix.texts_at;
    uint64_t copied_max = keys->brief_to > 0 ? PYR_RADIX_TEXT_BYTES_MAX : PYR_RADIX_SHORT_BYTES_MAX;
    for (int32_t i = 0; i < count; ++i) {
        uint64_t hash = keys->hashes[first + i];
        uint32_t partition = pyr_partition_of(hash);
        if (to->counts[partition] == BLOCK_ROWS ||
            to->texts_bytes[partition] > PYR_RADIX_TEXTS_BYTES) {
            PYR_TRY(pyr_radix_next_block(state, partition, error));
        }
        blocks[i] = (uint8_t *)to->blocks[partition];
        places[i] = (uint16_t)to->counts[partition]++;
        if (keys->strings != NULL) {
            uint8_t *text = blocks[i] + texts_at + to->texts_bytes[partition];
            pyr_radix_fetch_ahead(text);
            uint32_t bytes = put_text(text, keys->strings[first + i], hash, copied_max);
            to->texts_bytes[partition] += bytes;
            *texts_bytes += bytes;
        }
    }
    return PYR_OK;
}

static void scatter_words(const pyr_grouping *grouping, const pyr_key_batch *keys, int32_t first,
                          int32_t count, uint8_t *const *blocks, const uint16_t *places) {
    size_t at = grouping->radix.words_at;
    int32_t words = grouping->encoding.layout.words;
    if (words == 1) {
        for (int32_t i = 0; i < count; ++i) {
            uint64_t *word = (uint64_t *)(void *)(blocks[i] + at) + places[i];
            pyr_radix_fetch_ahead(word);
            *word = keys->words[first + i];
        }
    } else if (words == 2) {
        const sixteen *pairs = (const sixteen *)(const void *)keys->words;
        for (int32_t i = 0; i < count; ++i) {
            sixteen *pair = (sixteen *)(void *)(blocks[i] + at) + places[i];
            pyr_radix_fetch_ahead(pair);
            *pair = pairs[first + i];
        }
    }
}

static pyr_status put_parts(pyr_grouping_state *state, const pyr_vector *arguments,
                            const uint16_t *rows, const pyr_key_batch *keys, int64_t *texts_bytes,
                            pyr_error *error) {
    const pyr_grouping *grouping = state->grouping;
    uint8_t *blocks[PART_ROWS];
    uint16_t places[PART_ROWS];
    for (int32_t first = 0; first < keys->count; first += PART_ROWS) {
        int32_t count = keys->count - first < PART_ROWS ? keys->count - first : PART_ROWS;
        PYR_TRY(place_rows(state, keys, first, count, blocks, places, texts_bytes, error));
        scatter_words(grouping, keys, first, count, blocks, places);
        for (int32_t i = 0; i < grouping->radix.columns_count; ++i) {
            pyr_radix_scatter(&arguments[i], rows, first, count, blocks, places,
                              grouping->radix.columns_at[i]);
        }
    }
    return PYR_OK;
}

/* The common case in one loop: records of a key of one word, and one argument of TYPE. */
#define PUT_RECORDS(TYPE)                                                                   \
    do {                                                                                    \
        const TYPE *values = argument->data;                                                \
        for (int32_t i = 0; i < keys->count; ++i) {                                         \
            uint32_t partition = pyr_partition_of(keys->hashes[i]);                         \
            if (to->counts[partition] == BLOCK_ROWS) {                                      \
                PYR_TRY(pyr_radix_next_block(state, partition, error));                     \
            }                                                                               \
            size_t at = to->counts[partition]++ * (sizeof(uint64_t) + sizeof(TYPE));        \
            uint8_t *record = (uint8_t *)to->blocks[partition] + words_at + at;             \
            pyr_radix_fetch_ahead(record);                                                  \
            memcpy(record, &keys->words[i], sizeof(uint64_t));                              \
            memcpy(record + sizeof(uint64_t), &values[(rows != NULL ? rows[i] : i) * step], \
                   sizeof(TYPE));                                                           \
        }                                                                                   \
    } while (0)

static pyr_status put_records(pyr_grouping_state *state, const pyr_vector *argument,
                              const uint16_t *rows, const pyr_key_batch *keys, pyr_error *error) {
    const pyr_radix_layout *layout = &state->grouping->radix;
    pyr_radix_rows *to = &state->radix;
    size_t words_at = layout->words_at;
    int32_t step = argument->constant ? 0 : 1;
    if (pyr_physical_bytes(argument->physical) == 8) {
        PUT_RECORDS(uint64_t);
    } else {
        PUT_RECORDS(uint32_t);
    }
    return PYR_OK;
}

pyr_status pyr_radix_put(pyr_grouping_state *state, const pyr_vector *vectors, const uint16_t *rows,
                         const pyr_key_batch *keys, bool *taken, pyr_error *error) {
    const pyr_grouping *grouping = state->grouping;
    const pyr_vector *arguments = vectors + grouping->sink->keys_count;
    *taken = takes_chunk(grouping, vectors, keys);
    if (!*taken) {
        return PYR_OK;
    }
    int64_t texts_bytes = 0;
    size_t row_bytes = (size_t)grouping->encoding.layout.words * sizeof(uint64_t) +
                       pyr_radix_columns_bytes(&grouping->radix);
    PYR_TRY(pyr_radix_begin(state, error));
    if (grouping->radix.record_bytes > 0) {
        PYR_TRY(put_records(state, arguments, rows, keys, error));
    } else {
        PYR_TRY(put_parts(state, arguments, rows, keys, &texts_bytes, error));
    }
    pyr_ledger_add_copy(grouping->sink->exec->ledger, PYR_COPY_GROUP_TABLE,
                        keys->count * (int64_t)row_bytes + texts_bytes);
    if (state->radix.bytes <= grouping->radix.bytes_max) {
        return PYR_OK;
    }
    uint32_t most = (uint32_t)(state->radix.bytes / grouping->radix.block_bytes) * BLOCK_ROWS;
    if (pyr_hash_spills(state->grouping, most)) {
        PYR_TRY(pyr_hash_begin_spill(state->grouping, error));
    }
    return pyr_radix_group_own(state, error);
}
