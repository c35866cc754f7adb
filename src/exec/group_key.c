/* group_key.c - the keys of a row packed into words and at most one string.
 *
 * Fixed-width keys go to up to two words, side by side, as long as they fit, with a NULL bit for
 * each that may be NULL. The rest is one string: a key of text as it lies (no copy), or several
 * keys after each other, each with a byte that says whether it is NULL and, of text, its length.
 * Equal keys have equal bytes: -0.0 becomes 0.0 and every NaN the same, what lies under NULL zero.
 */
#include "exec/aggregate_internal.h"

#include <stdlib.h>
#include <string.h>

static size_t width_of(pyr_physical physical) {
    return physical == PYR_PHYSICAL_BIT ? 1 : pyr_physical_bytes(physical);
}

/* Packs what fits: the widest first, so that each lies at a multiple of its width. */
static void place_words(pyr_group_keys *keys, const bool *never_null) {
    int32_t nullable = 0;
    int32_t bytes = 0;
    for (int32_t i = 0; i < keys->count; ++i) {
        nullable += !never_null[i];
    }
    int32_t room = 16 - (nullable + 7) / 8;
    for (int32_t width = 8; width > 0; width /= 2) {
        for (int32_t i = 0; i < keys->count; ++i) {
            struct pyr_group_key *key = &keys->keys[i];
            if (key->physical != PYR_PHYSICAL_STRING && (int32_t)width_of(key->physical) == width &&
                bytes + width <= room) {
                key->in_words = true;
                key->at = bytes;
                bytes += width;
            }
        }
    }
    for (int32_t i = 0; i < keys->count; ++i) {
        keys->strings_count += !keys->keys[i].in_words;
    }
    keys->layout.has_string = keys->strings_count > 0;
    int32_t bit = bytes * 8;
    for (int32_t i = 0; i < keys->count; ++i) {
        struct pyr_group_key *key = &keys->keys[i];
        key->plain = keys->strings_count == 1 && key->physical == PYR_PHYSICAL_STRING;
        key->null_bit = !never_null[i] && (key->in_words || key->plain) ? bit++ : -1;
    }
    keys->layout.words = (bit + 63) / 64;
}

pyr_status pyr_group_keys_init(pyr_group_keys *keys, const pyr_sql_type *types,
                               const bool *never_null, int32_t count, pyr_error *error) {
    memset(keys, 0, sizeof(*keys));
    keys->count = count;
    keys->types = types;
    keys->keys = calloc((size_t)count + 1, sizeof(*keys->keys));
    if (keys->keys == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*keys->keys));
    }
    for (int32_t i = 0; i < count; ++i) {
        keys->keys[i].physical = pyr_sql_type_physical(types[i]);
    }
    place_words(keys, never_null);
    return PYR_OK;
}

void pyr_group_keys_deinit(pyr_group_keys *keys) {
    free(keys->keys);
    memset(keys, 0, sizeof(*keys));
}

/* ---- Words. ---- */

static uint64_t float_bits(float value) {
    uint32_t bits;
    value = value == 0.0f ? 0.0f : value != value ? __builtin_nanf("") : value;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}
static uint64_t double_bits(double value) {
    uint64_t bits;
    value = value == 0.0 ? 0.0 : value != value ? __builtin_nan("") : value;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

typedef struct word_target {
    uint64_t *words;
    size_t per_key, word;
    int shift;
} word_target;

#define ADD_VALUES(TYPE, EXPRESSION)                                                    \
    do {                                                                                \
        const TYPE *values = vector->data;                                              \
        if (vector->constant) {                                                         \
            TYPE value = values[0];                                                     \
            for (int32_t i = 0; i < count; ++i) {                                       \
                to->words[(size_t)i * to->per_key + to->word] |= (uint64_t)(EXPRESSION) \
                                                                 << to->shift;          \
            }                                                                           \
        } else if (rows == NULL) {                                                      \
            for (int32_t i = 0; i < count; ++i) {                                       \
                TYPE value = values[i];                                                 \
                to->words[(size_t)i * to->per_key + to->word] |= (uint64_t)(EXPRESSION) \
                                                                 << to->shift;          \
            }                                                                           \
        } else {                                                                        \
            for (int32_t i = 0; i < count; ++i) {                                       \
                TYPE value = values[rows[i]];                                           \
                to->words[(size_t)i * to->per_key + to->word] |= (uint64_t)(EXPRESSION) \
                                                                 << to->shift;          \
            }                                                                           \
        }                                                                               \
    } while (0)

static void add_bits(const pyr_vector *vector, const uint16_t *rows, int32_t count,
                     const word_target *to) {
    const uint64_t *bits = vector->data;
    for (int32_t i = 0; i < count; ++i) {
        int32_t row = vector->constant ? 0 : rows != NULL ? rows[i] : i;
        to->words[(size_t)i * to->per_key + to->word] |= ((bits[row >> 6] >> (row & 63)) & 1)
                                                         << to->shift;
    }
}

static void add_to_words(const pyr_vector *vector, const uint16_t *rows, int32_t count,
                         const word_target *to) {
    switch (vector->physical) {
    case PYR_PHYSICAL_BIT:
        add_bits(vector, rows, count, to);
        break;
    case PYR_PHYSICAL_I8:
    case PYR_PHYSICAL_U8:
        ADD_VALUES(uint8_t, value);
        break;
    case PYR_PHYSICAL_I16:
    case PYR_PHYSICAL_U16:
        ADD_VALUES(uint16_t, value);
        break;
    case PYR_PHYSICAL_I32:
    case PYR_PHYSICAL_U32:
        ADD_VALUES(uint32_t, value);
        break;
    case PYR_PHYSICAL_F32:
        ADD_VALUES(float, float_bits(value));
        break;
    case PYR_PHYSICAL_F64:
        ADD_VALUES(double, double_bits(value));
        break;
    default: /* 64 bits: wider ones are in the string */
        ADD_VALUES(uint64_t, value);
        break;
    }
}

/* Sets the NULL bit of rows that are NULL, and clears what lay there. */
static void mark_nulls(const struct pyr_group_key *key, const pyr_vector *vector,
                       const uint16_t *rows, int32_t count, uint64_t *words, size_t per_key) {
    size_t width = key->in_words ? width_of(key->physical) : 0;
    uint64_t value_mask = width == 8 ? UINT64_MAX : ((UINT64_C(1) << (width * 8)) - 1);
    for (int32_t i = 0; i < count; ++i) {
        if (pyr_vector_is_null(vector, rows != NULL ? rows[i] : i)) {
            uint64_t *own = words + (size_t)i * per_key;
            if (key->in_words) {
                own[key->at / 8] &= ~(value_mask << ((key->at % 8) * 8));
            }
            own[key->null_bit / 64] |= UINT64_C(1) << (key->null_bit % 64);
        }
    }
}

static void encode_words(const pyr_group_keys *keys, const pyr_vector *vectors,
                         const uint16_t *rows, int32_t count, pyr_key_room *room) {
    size_t per_key = (size_t)keys->layout.words;
    memset(room->words, 0, (size_t)count * per_key * sizeof(uint64_t));
    for (int32_t k = 0; k < keys->count; ++k) {
        const struct pyr_group_key *key = &keys->keys[k];
        if (key->in_words) {
            word_target to = {room->words, per_key, (size_t)(key->at / 8), (key->at % 8) * 8};
            add_to_words(&vectors[k], rows, count, &to);
        }
        if (key->null_bit >= 0 && vectors[k].validity != NULL) {
            mark_nulls(key, &vectors[k], rows, count, room->words, per_key);
        }
    }
}

/* A key that is a word as it lies in its column. */
static bool is_one_word(const pyr_group_keys *keys, const pyr_vector *vector) {
    const struct pyr_group_key *key = &keys->keys[0];
    return keys->count == 1 && key->in_words && key->null_bit < 0 &&
           (key->physical == PYR_PHYSICAL_I64 || key->physical == PYR_PHYSICAL_U64) &&
           !vector->constant;
}

/* The words, in the room or, of one column all of whose rows are asked for, in that itself. */
static const uint64_t *make_words(const pyr_group_keys *keys, const pyr_vector *vectors,
                                  const uint16_t *rows, int32_t count, pyr_key_room *room) {
    if (!is_one_word(keys, &vectors[0])) {
        encode_words(keys, vectors, rows, count, room);
        return room->words;
    }
    if (rows == NULL) {
        return vectors[0].data;
    }
    pyr_kernels_get()->gather[3](vectors[0].data, rows, count, room->words);
    return room->words;
}

/* ---- The string. ---- */

static void plain_strings(const pyr_vector *vector, const uint16_t *rows, int32_t count,
                          pyr_string *out) {
    if (rows == NULL && vector->offsets != NULL && vector->validity == NULL) {
        pyr_kernels_get()->strings_of_offsets(vector->bytes, vector->offsets, count, out);
        return;
    }
    for (int32_t i = 0; i < count; ++i) {
        int32_t row = rows != NULL ? rows[i] : i;
        out[i] = pyr_vector_is_null(vector, row) ? (pyr_string){NULL, 0}
                                                 : pyr_vector_string(vector, row);
    }
}

static size_t encoded_bytes(const pyr_group_keys *keys, const pyr_vector *vectors, int32_t row) {
    size_t bytes = 0;
    for (int32_t k = 0; k < keys->count; ++k) {
        if (keys->keys[k].in_words) {
            continue;
        }
        bytes += 1;
        if (pyr_vector_is_null(&vectors[k], row)) {
            continue;
        }
        bytes += keys->keys[k].physical == PYR_PHYSICAL_STRING
                     ? sizeof(uint64_t) + (size_t)pyr_vector_string(&vectors[k], row).length
                     : width_of(keys->keys[k].physical);
    }
    return bytes;
}

static uint8_t *encode_fixed(const pyr_vector *vector, int32_t row, uint8_t *to) {
    size_t width = width_of(vector->physical);
    int32_t at = vector->constant ? 0 : row;
    uint64_t bits;
    switch (vector->physical) {
    case PYR_PHYSICAL_BIT:
        *to = (uint8_t)((((const uint64_t *)vector->data)[at >> 6] >> (at & 63)) & 1);
        break;
    case PYR_PHYSICAL_F32:
        bits = float_bits(((const float *)vector->data)[at]);
        memcpy(to, &bits, sizeof(float));
        break;
    case PYR_PHYSICAL_F64:
        bits = double_bits(((const double *)vector->data)[at]);
        memcpy(to, &bits, sizeof(double));
        break;
    default:
        memcpy(to, (const uint8_t *)vector->data + (size_t)at * width, width);
        break;
    }
    return to + width;
}

static void encode_row(const pyr_group_keys *keys, const pyr_vector *vectors, int32_t row,
                       uint8_t *to) {
    for (int32_t k = 0; k < keys->count; ++k) {
        if (keys->keys[k].in_words) {
            continue;
        }
        bool null = pyr_vector_is_null(&vectors[k], row);
        *to++ = null;
        if (null) {
            continue;
        }
        if (keys->keys[k].physical != PYR_PHYSICAL_STRING) {
            to = encode_fixed(&vectors[k], row, to);
            continue;
        }
        pyr_string string = pyr_vector_string(&vectors[k], row);
        memcpy(to, &string.length, sizeof(uint64_t));
        to += sizeof(uint64_t);
        if (string.length > 0) {
            memcpy(to, string.bytes, (size_t)string.length);
        }
        to += string.length;
    }
}

static pyr_status encode_strings(const pyr_group_keys *keys, const pyr_vector *vectors,
                                 const uint16_t *rows, int32_t count, pyr_key_room *room,
                                 pyr_error *error) {
    size_t total = 0;
    for (int32_t i = 0; i < count; ++i) {
        room->strings[i].length = encoded_bytes(keys, vectors, rows != NULL ? rows[i] : i);
        total += room->strings[i].length;
    }
    pyr_arena_reset(&room->encoded);
    uint8_t *to = pyr_arena_alloc(&room->encoded, total);
    if (to == NULL) {
        return pyr_arena_error(&room->encoded, error);
    }
    for (int32_t i = 0; i < count; ++i) {
        room->strings[i].bytes = to;
        encode_row(keys, vectors, rows != NULL ? rows[i] : i, to);
        to += room->strings[i].length;
    }
    return PYR_OK;
}

pyr_status pyr_group_keys_encode(const pyr_group_keys *keys, const pyr_vector *vectors,
                                 const uint16_t *rows, int32_t count, pyr_key_room *room,
                                 pyr_key_batch *out, pyr_error *error) {
    bool outlive = false;
    int32_t plain = -1;
    for (int32_t k = 0; k < keys->count; ++k) {
        plain = keys->keys[k].plain ? k : plain;
    }
    const uint64_t *words = room->words;
    if (keys->layout.words > 0) {
        words = make_words(keys, vectors, rows, count, room);
    }
    if (plain >= 0) {
        plain_strings(&vectors[plain], rows, count, room->strings);
        outlive = pyr_vector_is_mapped(&vectors[plain]);
    } else if (keys->strings_count > 0) {
        PYR_TRY(encode_strings(keys, vectors, rows, count, room, error));
    }
    pyr_key_hash(keys->layout, count, words, room->strings, room->hashes);
    *out = (pyr_key_batch){count,        words, keys->layout.has_string ? room->strings : NULL,
                           room->hashes, 0,     outlive ? 0 : UINTPTR_MAX};
    return PYR_OK;
}

/* ---- Back to columns. ---- */

static void put_value(pyr_physical physical, const uint8_t *bytes, int32_t i, void *data) {
    if (physical == PYR_PHYSICAL_BIT) {
        uint64_t *bits = data;
        uint64_t bit = UINT64_C(1) << (i & 63);
        bits[i >> 6] = (*bytes & 1) != 0 ? bits[i >> 6] | bit : bits[i >> 6] & ~bit;
        return;
    }
    size_t width = width_of(physical);
    memcpy((uint8_t *)data + (size_t)i * width, bytes, width);
}

static void clear_valid(uint64_t *validity, int32_t i) {
    validity[i >> 6] &= ~(UINT64_C(1) << (i & 63));
}

static void decode_words(const struct pyr_group_key *key, const pyr_group_table *table,
                         uint32_t first, int32_t count, void *data) {
    for (int32_t i = 0; i < count; ++i) {
        put_value(key->physical, pyr_group_row(table, first + (uint32_t)i) + key->at, i, data);
    }
}

/* Where key `index` begins among those that are encoded after each other; NULL: it is NULL. */
static const uint8_t *seek_encoded(const pyr_group_keys *keys, int32_t index, const uint8_t *at) {
    for (int32_t k = 0; k < index; ++k) {
        if (keys->keys[k].in_words) {
            continue;
        }
        if (*at++ != 0) {
            continue;
        }
        uint64_t length = width_of(keys->keys[k].physical);
        if (keys->keys[k].physical == PYR_PHYSICAL_STRING) {
            memcpy(&length, at, sizeof(length));
            at += sizeof(length);
        }
        at += length;
    }
    return *at != 0 ? NULL : at + 1;
}

static void decode_string(const pyr_group_keys *keys, int32_t index, pyr_string whole, int32_t i,
                          void *data, uint64_t *validity) {
    pyr_string *strings = data;
    if (keys->keys[index].plain) {
        strings[i] = whole;
        return;
    }
    const uint8_t *at = seek_encoded(keys, index, whole.bytes);
    if (at == NULL) {
        clear_valid(validity, i);
        if (keys->keys[index].physical == PYR_PHYSICAL_STRING) {
            strings[i] = (pyr_string){NULL, 0};
        }
        return;
    }
    if (keys->keys[index].physical != PYR_PHYSICAL_STRING) {
        put_value(keys->keys[index].physical, at, i, data);
        return;
    }
    memcpy(&strings[i].length, at, sizeof(uint64_t));
    strings[i].bytes = at + sizeof(uint64_t);
}

void pyr_group_keys_decode(const pyr_group_keys *keys, int32_t index, const pyr_group_table *table,
                           uint32_t first, int32_t count, void *data, uint64_t *validity) {
    const struct pyr_group_key *key = &keys->keys[index];
    size_t string_at = (size_t)keys->layout.words * 8;
    if (key->in_words) {
        decode_words(key, table, first, count, data);
    }
    for (int32_t i = 0; i < count; ++i) {
        const uint8_t *row = pyr_group_row(table, first + (uint32_t)i);
        if (!key->in_words) {
            pyr_string whole;
            memcpy(&whole, row + string_at, sizeof(whole));
            decode_string(keys, index, whole, i, data, validity);
        }
        if (key->null_bit >= 0 && ((row[key->null_bit / 8] >> (key->null_bit % 8)) & 1) != 0) {
            clear_valid(validity, i);
        }
    }
}
