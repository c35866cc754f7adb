/* row_bitmap_build.c - new sets of rows: from ranges in any order, from two sets.
 *
 * Everything becomes the words of one container at a time, in ascending order; emit picks the
 * container's form. 8 KiB a container is little beside what a container of rows costs to scan. */
#include "base/crc32c.h"
#include "base/text.h"
#include "storage/row_bitmap_internal.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Forms. ---- */

container_kind pyr_container_choose(int32_t cardinality, int32_t runs) {
    size_t array = (size_t)cardinality * sizeof(uint16_t);
    size_t flat = array <= CONTAINER_BITMAP_BYTES ? array : CONTAINER_BITMAP_BYTES;
    if ((size_t)runs * 2 * sizeof(uint16_t) < flat) {
        return CONTAINER_RUNS;
    }
    return cardinality <= ARRAY_ROWS_MAX ? CONTAINER_ARRAY : CONTAINER_BITMAP;
}

void pyr_container_measure(const uint64_t *words, int32_t *cardinality, int32_t *runs) {
    uint64_t carry = 0; /* the bit before the word */
    *cardinality = *runs = 0;
    for (int32_t i = 0; i < CONTAINER_WORDS; ++i) {
        uint64_t word = words[i];
        *cardinality += __builtin_popcountll(word);
        *runs += __builtin_popcountll(word & ~(word << 1 | carry)); /* where a run begins */
        carry = word >> 63;
    }
}

/* Sets bits [from, to), to > from. */
static void set_bits(uint64_t *words, uint32_t from, uint32_t to) {
    uint32_t first = from / 64, last = (to - 1) / 64;
    uint64_t head = UINT64_MAX << (from % 64);
    uint64_t tail = UINT64_MAX >> (63 - (to - 1) % 64);
    if (first == last) {
        words[first] |= head & tail;
        return;
    }
    words[first] |= head;
    for (uint32_t i = first + 1; i < last; ++i) {
        words[i] = UINT64_MAX;
    }
    words[last] |= tail;
}

void pyr_container_or_into(const container *c, uint64_t *words) {
    if (c->kind == CONTAINER_BITMAP) {
        for (int32_t i = 0; i < CONTAINER_WORDS; ++i) {
            words[i] |= container_word(c, i);
        }
        return;
    }
    for (int32_t i = 0; i < c->elements; ++i) {
        if (c->kind == CONTAINER_RUNS) {
            set_bits(words, run_first(c, i), run_last(c, i) + 1);
        } else {
            uint32_t value = container_u16(c, i);
            words[value / 64] |= UINT64_C(1) << (value % 64);
        }
    }
}

/* ---- Writing. ---- */

typedef struct emission {
    pyr_text entries, data;
    int64_t count, cardinality;
} emission;

static void emit_entry(emission *out, int64_t first_row, container_kind kind, int32_t cardinality,
                       int32_t runs) {
    uint32_t word = (uint32_t)(first_row / CONTAINER_ROWS) | (uint32_t)kind << 24;
    uint16_t rest[2] = {(uint16_t)(cardinality - 1),
                        kind == CONTAINER_RUNS ? (uint16_t)(runs - 1) : 0};
    pyr_text_append(&out->entries, (const char *)&word, sizeof(word));
    pyr_text_append(&out->entries, (const char *)rest, sizeof(rest));
    out->count += 1;
    out->cardinality += cardinality;
}

static void emit_words(emission *out, int64_t first_row, const uint64_t *words) {
    static const char zeros[8] = {0};
    int32_t cardinality, runs;
    pyr_container_measure(words, &cardinality, &runs);
    if (cardinality == 0) {
        return;
    }
    container_kind kind = pyr_container_choose(cardinality, runs);
    emit_entry(out, first_row, kind, cardinality, runs);
    if (kind == CONTAINER_BITMAP) {
        pyr_text_append(&out->data, (const char *)words, CONTAINER_BITMAP_BYTES);
        return;
    }
    uint16_t values[ARRAY_ROWS_MAX];
    int32_t used = 0;
    for (uint32_t i = 0; i < CONTAINER_WORDS; ++i) {
        for (uint64_t word = words[i]; word != 0; word &= word - 1) {
            uint32_t row = i * 64 + (uint32_t)__builtin_ctzll(word);
            if (kind == CONTAINER_ARRAY) {
                values[used++] = (uint16_t)row;
            } else if (used > 0 && (uint32_t)values[used - 2] + values[used - 1] + 1 == row) {
                values[used - 1] += 1;
            } else {
                values[used] = (uint16_t)row;
                values[used + 1] = 0;
                used += 2;
            }
        }
    }
    size_t size = (size_t)used * sizeof(*values);
    pyr_text_append(&out->data, (const char *)values, size);
    pyr_text_append(&out->data, zeros, (8 - size % 8) % 8);
}

static void emit_container(emission *out, const container *c) {
    emit_entry(out, c->first_row, c->kind, c->cardinality, c->elements);
    pyr_text_append(&out->data, (const char *)c->data,
                    pyr_container_size_bytes(c->kind, c->elements));
}

static void write_header(uint8_t *bytes, const emission *out, size_t size) {
    uint32_t count = (uint32_t)out->count;
    static const char magic[] = BITMAP_MAGIC;
    memcpy(bytes, magic, sizeof(magic) - 1);
    memcpy(bytes + 12, &count, sizeof(count));
    memcpy(bytes + 16, &out->cardinality, sizeof(out->cardinality));
    uint8_t *next = bytes + BITMAP_HEADER_BYTES;
    if (out->count > 0) {
        memcpy(next, out->entries.data, out->entries.length);
        memcpy(next + out->entries.length, out->data.data, out->data.length);
    }
    uint32_t crc = pyr_crc32c(0, bytes + BITMAP_CHECKED_AT, size - BITMAP_CHECKED_AT);
    memcpy(bytes + BITMAP_CRC_AT, &crc, sizeof(crc));
}

/* Makes the set and empties the emission, whatever happens. */
static pyr_status finish_emission(emission *out, pyr_budget *budget, pyr_row_bitmap **bitmap,
                                  pyr_error *error) {
    *bitmap = NULL;
    pyr_status status = pyr_text_check(&out->entries, error);
    if (status == PYR_OK) {
        status = pyr_text_check(&out->data, error);
    }
    pyr_buffer *bytes = NULL;
    size_t size = BITMAP_HEADER_BYTES + out->entries.length + out->data.length;
    if (status == PYR_OK) {
        status = pyr_buffer_create_raw(size, budget, &bytes, error);
    }
    if (status == PYR_OK) {
        write_header(pyr_buffer_mutable(bytes), out, size);
        status = pyr_row_bitmap_over(bytes, false, PYR_ROW_BITMAP_ROWS_MAX, bitmap, error);
    }
    pyr_buffer_release(bytes);
    pyr_text_deinit(&out->entries);
    pyr_text_deinit(&out->data);
    *out = (emission){0};
    return status;
}

/* ---- Union. ---- */

static void emit_union(emission *out, const pyr_row_bitmap *a, const pyr_row_bitmap *b) {
    int64_t i = 0, k = 0;
    while (i < a->count || k < b->count) {
        const container *left = i < a->count ? &a->containers[i] : NULL;
        const container *right = k < b->count ? &b->containers[k] : NULL;
        if (right == NULL || (left != NULL && left->first_row < right->first_row)) {
            emit_container(out, left);
            ++i;
        } else if (left == NULL || right->first_row < left->first_row) {
            emit_container(out, right);
            ++k;
        } else {
            uint64_t words[CONTAINER_WORDS] = {0};
            pyr_container_or_into(left, words);
            pyr_container_or_into(right, words);
            emit_words(out, left->first_row, words);
            ++i;
            ++k;
        }
    }
}

pyr_status pyr_row_bitmap_union(pyr_row_bitmap *a, pyr_row_bitmap *b, pyr_budget *budget,
                                pyr_row_bitmap **out, pyr_error *error) {
    *out = NULL;
    emission merged = {0};
    if (pyr_row_bitmap_cardinality(b) == 0 && a != NULL) {
        *out = pyr_row_bitmap_retain(a);
        return PYR_OK;
    }
    if (pyr_row_bitmap_cardinality(a) == 0 && b != NULL) {
        *out = pyr_row_bitmap_retain(b);
        return PYR_OK;
    }
    if (a != NULL && b != NULL) {
        emit_union(&merged, a, b);
    }
    return finish_emission(&merged, budget, out, error);
}

/* ---- The builder. ---- */

/* Ranges collected before they are sorted and joined into the set so far, at least. */
#define PENDING_MIN ((size_t)1 << 16)

typedef struct row_range {
    int64_t from, to;
} row_range;

struct pyr_row_bitmap_builder {
    pyr_budget *budget;    /* retained */
    pyr_row_bitmap *sofar; /* NULL: nothing yet */
    row_range *pending;
    size_t count, capacity;
    bool sorted;       /* pending is ascending by from */
    int64_t last_from; /* of the last one; 0 where there is none */
};

pyr_status pyr_row_bitmap_builder_create(pyr_budget *budget, pyr_row_bitmap_builder **out,
                                         pyr_error *error) {
    pyr_row_bitmap_builder *builder = calloc(1, sizeof(*builder));
    *out = builder;
    if (builder == NULL) {
        return pyr_error_memory(error, sizeof(*builder));
    }
    builder->budget = pyr_budget_retain(budget);
    builder->sorted = true;
    return PYR_OK;
}

void pyr_row_bitmap_builder_destroy(pyr_row_bitmap_builder *builder) {
    if (builder != NULL) {
        pyr_row_bitmap_release(builder->sofar);
        pyr_budget_release(builder->budget);
        free(builder->pending);
        free(builder);
    }
}

static int compare_ranges(const void *a, const void *b) {
    int64_t left = ((const row_range *)a)->from, right = ((const row_range *)b)->from;
    return (left > right) - (left < right);
}

/* Ranges ascending by from, which may overlap. */
static void emit_ranges(emission *out, const row_range *ranges, size_t count) {
    uint64_t words[CONTAINER_WORDS] = {0};
    int64_t base = -1; /* of the container in words */
    for (size_t i = 0; i < count; ++i) {
        /* A part of an overlapping range that an earlier container took is there already. */
        int64_t from = ranges[i].from > base ? ranges[i].from : base;
        while (from < ranges[i].to) {
            int64_t first = from & ~(int64_t)(CONTAINER_ROWS - 1);
            if (first != base) {
                if (base >= 0) {
                    emit_words(out, base, words);
                    memset(words, 0, sizeof(words));
                }
                base = first;
            }
            int64_t end =
                first + CONTAINER_ROWS < ranges[i].to ? first + CONTAINER_ROWS : ranges[i].to;
            set_bits(words, (uint32_t)(from - first), (uint32_t)(end - first));
            from = end;
        }
    }
    if (base >= 0) {
        emit_words(out, base, words);
    }
}

static pyr_status fold(pyr_row_bitmap_builder *builder, pyr_error *error) {
    if (!builder->sorted) {
        assert(builder->pending != NULL);
        qsort(builder->pending, builder->count, sizeof(row_range), compare_ranges);
    }
    emission added = {0};
    emit_ranges(&added, builder->pending, builder->count);
    builder->count = 0;
    builder->sorted = true;
    builder->last_from = 0;
    pyr_row_bitmap *fresh, *merged = NULL;
    PYR_TRY(finish_emission(&added, builder->budget, &fresh, error));
    pyr_status status =
        pyr_row_bitmap_union(builder->sofar, fresh, builder->budget, &merged, error);
    pyr_row_bitmap_release(fresh);
    if (status == PYR_OK) {
        pyr_row_bitmap_release(builder->sofar);
        builder->sofar = merged;
    }
    return status;
}

/* Room for one more range. Joining costs what the set so far costs, so as the set grows it is done
 * less often: all joins together stay proportional to the result. */
static pyr_status make_room(pyr_row_bitmap_builder *builder, pyr_error *error) {
    size_t sofar = builder->sofar != NULL ? builder->sofar->bytes->size_bytes : 0;
    size_t limit =
        sofar / sizeof(row_range) > PENDING_MIN ? sofar / sizeof(row_range) : PENDING_MIN;
    if (builder->count >= limit) {
        return fold(builder, error);
    }
    size_t capacity = builder->capacity == 0 ? 64 : builder->capacity * 2;
    row_range *pending = realloc(builder->pending, capacity * sizeof(*pending));
    if (pending == NULL) {
        return pyr_error_memory(error, capacity * sizeof(*pending));
    }
    builder->pending = pending;
    builder->capacity = capacity;
    return PYR_OK;
}

pyr_status pyr_row_bitmap_builder_range(pyr_row_bitmap_builder *builder, int64_t from, int64_t to,
                                        pyr_error *error) {
    if (from < 0 || to > PYR_ROW_BITMAP_ROWS_MAX) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "row bitmap: rows %lld to %lld are out of range", (long long)from,
                             (long long)to);
    }
    if (from >= to) {
        return PYR_OK;
    }
    row_range *last = builder->count > 0 ? &builder->pending[builder->count - 1] : NULL;
    if (last != NULL && from >= last->from && from <= last->to) {
        last->to = to > last->to ? to : last->to;
        return PYR_OK;
    }
    if (builder->count == builder->capacity) {
        PYR_TRY(make_room(builder, error));
    }
    assert(builder->pending != NULL && builder->count < builder->capacity);
    builder->sorted = builder->sorted && builder->last_from <= from;
    builder->last_from = from;
    builder->pending[builder->count++] = (row_range){from, to};
    return PYR_OK;
}

pyr_status pyr_row_bitmap_builder_rows(pyr_row_bitmap_builder *builder, const int64_t *rows,
                                       int64_t count, pyr_error *error) {
    for (int64_t i = 0; i < count; ++i) {
        if (rows[i] < 0 || rows[i] >= PYR_ROW_BITMAP_ROWS_MAX) {
            return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                 "row bitmap: row %lld is out of range", (long long)rows[i]);
        }
        PYR_TRY(pyr_row_bitmap_builder_range(builder, rows[i], rows[i] + 1, error));
    }
    return PYR_OK;
}

pyr_status pyr_row_bitmap_builder_finish(pyr_row_bitmap_builder *builder, pyr_row_bitmap **out,
                                         pyr_error *error) {
    *out = NULL;
    PYR_TRY(fold(builder, error));
    *out = builder->sofar;
    builder->sofar = NULL;
    return PYR_OK;
}
