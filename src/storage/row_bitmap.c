/* row_bitmap.c - looking at sets of rows; see row_bitmap.h. */
#include "storage/row_bitmap_internal.h"

#include <assert.h>
#include <stdlib.h>

pyr_row_bitmap *pyr_row_bitmap_retain(pyr_row_bitmap *bitmap) {
    if (bitmap != NULL) {
        atomic_fetch_add_explicit(&bitmap->references, 1, memory_order_relaxed);
    }
    return bitmap;
}

void pyr_row_bitmap_release(pyr_row_bitmap *bitmap) {
    if (bitmap != NULL &&
        atomic_fetch_sub_explicit(&bitmap->references, 1, memory_order_acq_rel) == 1) {
        pyr_buffer_release(bitmap->bytes);
        free(bitmap);
    }
}

pyr_buffer *pyr_row_bitmap_serialize(const pyr_row_bitmap *bitmap) {
    return pyr_buffer_retain(bitmap->bytes);
}

int64_t pyr_row_bitmap_cardinality(const pyr_row_bitmap *bitmap) {
    return bitmap != NULL ? bitmap->cardinality : 0;
}

bool pyr_row_bitmap_equal(const pyr_row_bitmap *a, const pyr_row_bitmap *b) {
    if (pyr_row_bitmap_cardinality(a) == 0 || pyr_row_bitmap_cardinality(b) == 0) {
        return pyr_row_bitmap_cardinality(a) == pyr_row_bitmap_cardinality(b);
    }
    return a->bytes->size_bytes == b->bytes->size_bytes &&
           memcmp(a->bytes->data, b->bytes->data, a->bytes->size_bytes) == 0;
}

/* ---- Finding places. ---- */

int32_t pyr_container_seek(const container *c, uint32_t low) {
    int32_t from = 0, to = c->elements;
    while (from < to) {
        int32_t middle = from + (to - from) / 2;
        uint32_t end = c->kind == CONTAINER_RUNS ? run_last(c, middle) : container_u16(c, middle);
        if (end < low) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

int64_t pyr_row_bitmap_seek(const pyr_row_bitmap *bitmap, int64_t row) {
    int64_t from = 0, to = bitmap->count;
    while (from < to) {
        int64_t middle = from + (to - from) / 2;
        if (bitmap->containers[middle].first_row + CONTAINER_ROWS <= row) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static bool container_contains(const container *c, uint32_t low) {
    if (c->kind == CONTAINER_BITMAP) {
        return (container_word(c, (int32_t)(low / 64)) >> (low % 64) & 1) != 0;
    }
    int32_t element = pyr_container_seek(c, low);
    if (element == c->elements) {
        return false;
    }
    return c->kind == CONTAINER_RUNS ? run_first(c, element) <= low
                                     : container_u16(c, element) == low;
}

bool pyr_row_bitmap_contains(const pyr_row_bitmap *bitmap, int64_t row) {
    if (bitmap == NULL || row < 0) {
        return false;
    }
    int64_t place = pyr_row_bitmap_seek(bitmap, row);
    if (place == bitmap->count || bitmap->containers[place].first_row > row) {
        return false;
    }
    const container *c = &bitmap->containers[place];
    return container_contains(c, (uint32_t)(row - c->first_row));
}

/* ---- Counting. ---- */

/* Rows of the container below low, 0 .. CONTAINER_ROWS. */
static int64_t container_rank(const container *c, uint32_t low) {
    if (c->kind == CONTAINER_ARRAY) {
        return pyr_container_seek(c, low);
    }
    int64_t rank = 0;
    if (c->kind == CONTAINER_BITMAP) {
        for (int32_t word = 0; word < (int32_t)(low / 64); ++word) {
            rank += __builtin_popcountll(container_word(c, word));
        }
        if (low % 64 != 0) {
            uint64_t mask = (UINT64_C(1) << (low % 64)) - 1;
            rank += __builtin_popcountll(container_word(c, (int32_t)(low / 64)) & mask);
        }
        return rank;
    }
    for (int32_t run = 0; run < c->elements && run_first(c, run) < low; ++run) {
        uint32_t end = run_last(c, run) + 1;
        rank += (end < low ? end : low) - run_first(c, run);
    }
    return rank;
}

/* Rows of the set below row. */
static int64_t rank_of(const pyr_row_bitmap *bitmap, int64_t row) {
    if (row <= 0) {
        return 0;
    }
    int64_t place = pyr_row_bitmap_seek(bitmap, row);
    if (place == bitmap->count) {
        return bitmap->cardinality;
    }
    const container *c = &bitmap->containers[place];
    return row <= c->first_row ? c->before
                               : c->before + container_rank(c, (uint32_t)(row - c->first_row));
}

int64_t pyr_row_bitmap_count_range(const pyr_row_bitmap *bitmap, int64_t from, int64_t to) {
    assert(from <= to);
    return bitmap != NULL ? rank_of(bitmap, to) - rank_of(bitmap, from) : 0;
}

/* ---- Intersection. ---- */

static bool array_meets(const container *array, const container *other) {
    for (int32_t i = 0; i < array->elements; ++i) {
        if (container_contains(other, container_u16(array, i))) {
            return true;
        }
    }
    return false;
}

static bool runs_meet(const container *runs, const container *other) {
    for (int32_t i = 0; i < runs->elements; ++i) {
        if (container_rank(other, run_last(runs, i) + 1) >
            container_rank(other, run_first(runs, i))) {
            return true;
        }
    }
    return false;
}

static bool bitmaps_meet(const container *a, const container *b) {
    for (int32_t word = 0; word < CONTAINER_WORDS; ++word) {
        if ((container_word(a, word) & container_word(b, word)) != 0) {
            return true;
        }
    }
    return false;
}

/* Containers of the same rows. Runs against anything but an array go through words: asking for the
 * rank of every run would be quadratic. */
static bool containers_meet(const container *a, const container *b) {
    if (a->cardinality + b->cardinality > CONTAINER_ROWS) {
        return true;
    }
    if (a->kind == CONTAINER_ARRAY && (b->kind != CONTAINER_ARRAY || a->elements <= b->elements)) {
        return array_meets(a, b);
    }
    if (b->kind == CONTAINER_ARRAY) {
        return array_meets(b, a);
    }
    if (a->kind == CONTAINER_BITMAP && b->kind == CONTAINER_BITMAP) {
        return bitmaps_meet(a, b);
    }
    if (a->kind == CONTAINER_RUNS && a->elements <= 4) {
        return runs_meet(a, b);
    }
    if (b->kind == CONTAINER_RUNS && b->elements <= 4) {
        return runs_meet(b, a);
    }
    uint64_t left[CONTAINER_WORDS] = {0};
    uint64_t right[CONTAINER_WORDS] = {0};
    pyr_container_or_into(a, left);
    pyr_container_or_into(b, right);
    bool meet = false;
    for (int32_t word = 0; word < CONTAINER_WORDS && !meet; ++word) {
        meet = (left[word] & right[word]) != 0;
    }
    return meet;
}

bool pyr_row_bitmap_intersects(const pyr_row_bitmap *a, const pyr_row_bitmap *b) {
    if (a == NULL || b == NULL) {
        return false;
    }
    int64_t i = 0, k = 0;
    while (i < a->count && k < b->count) {
        int64_t left = a->containers[i].first_row, right = b->containers[k].first_row;
        if (left == right && containers_meet(&a->containers[i], &b->containers[k])) {
            return true;
        }
        i += left <= right;
        k += right <= left;
    }
    return false;
}
