/* row_bitmap_kept.c - the rows that a set leaves: runs of them for scans, selection vectors. */
#include "storage/row_bitmap_internal.h"

#include <assert.h>

/* ---- Runs of rows in the set. ---- */

/* The first bit from `bit` on that is `value`; CONTAINER_ROWS where there is none. */
static uint32_t next_bit(const container *c, uint32_t bit, bool value) {
    uint64_t flip = value ? 0 : UINT64_MAX;
    for (int32_t word = (int32_t)(bit / 64); word < CONTAINER_WORDS; ++word) {
        uint64_t bits = container_word(c, word) ^ flip;
        if (word == (int32_t)(bit / 64)) {
            bits &= UINT64_MAX << (bit % 64);
        }
        if (bits != 0) {
            return (uint32_t)word * 64 + (uint32_t)__builtin_ctzll(bits);
        }
    }
    return CONTAINER_ROWS;
}

/* The run of the container that holds low or is the first behind it, cut at low. false where there
 * is none. *element (arrays and runs) is the first that may matter, and moves on. */
static bool container_run(const container *c, int32_t *element, uint32_t low, uint32_t *first,
                          uint32_t *end) {
    if (c->kind == CONTAINER_BITMAP) {
        *first = next_bit(c, low, true);
        *end = *first < CONTAINER_ROWS ? next_bit(c, *first, false) : 0;
        return *first < CONTAINER_ROWS;
    }
    int32_t at = *element;
    if (c->kind == CONTAINER_RUNS) {
        while (at < c->elements && run_last(c, at) < low) {
            ++at;
        }
        *element = at;
        if (at == c->elements) {
            return false;
        }
        *first = run_first(c, at) > low ? run_first(c, at) : low;
        *end = run_last(c, at) + 1;
        return true;
    }
    while (at < c->elements && container_u16(c, at) < low) {
        ++at;
    }
    *element = at;
    if (at == c->elements) {
        return false;
    }
    *first = container_u16(c, at);
    *end = *first + 1;
    while (++at < c->elements && container_u16(c, at) == *end) {
        *end += 1;
    }
    return true;
}

/* The next run of rows in the set from kept->position on, within one container. */
static bool next_deleted(pyr_row_bitmap_kept *kept, int64_t *first, int64_t *end) {
    const pyr_row_bitmap *bitmap = kept->bitmap;
    while (bitmap != NULL && kept->container < bitmap->count) {
        const container *c = &bitmap->containers[kept->container];
        if (c->first_row >= kept->end) {
            return false;
        }
        int64_t low = kept->position - c->first_row;
        uint32_t from = 0, to = 0;
        if (low < CONTAINER_ROWS &&
            container_run(c, &kept->element, low > 0 ? (uint32_t)low : 0, &from, &to)) {
            *first = c->first_row + from;
            *end = c->first_row + to;
            return true;
        }
        kept->container += 1;
        kept->element = 0;
    }
    return false;
}

/* ---- Runs of rows that are kept. ---- */

void pyr_row_bitmap_kept_init(pyr_row_bitmap_kept *kept, const pyr_row_bitmap *bitmap, int64_t from,
                              int64_t to) {
    assert(0 <= from && from <= to);
    *kept = (pyr_row_bitmap_kept){.bitmap = bitmap, .position = from, .end = to};
    if (bitmap == NULL) {
        return;
    }
    kept->container = pyr_row_bitmap_seek(bitmap, from);
    if (kept->container < bitmap->count) {
        const container *c = &bitmap->containers[kept->container];
        if (c->kind != CONTAINER_BITMAP && from > c->first_row) {
            kept->element = pyr_container_seek(c, (uint32_t)(from - c->first_row));
        }
    }
}

bool pyr_row_bitmap_kept_next(pyr_row_bitmap_kept *kept, int64_t *start, int64_t *length) {
    while (kept->position < kept->end) {
        int64_t first, end;
        if (!next_deleted(kept, &first, &end) || first > kept->end) {
            first = end = kept->end;
        }
        int64_t position = kept->position;
        kept->position = end;
        if (first > position) {
            *start = position;
            *length = first - position;
            return true;
        }
    }
    return false;
}

/* ---- Selection vectors. ---- */

static int32_t *put_range(int32_t *out, int32_t from, int32_t to) {
    for (int32_t row = from; row < to; ++row) {
        *out++ = row;
    }
    return out;
}

/* Rows [from, to) of a bitmap container, numbered from `number` on. */
static int32_t *put_clear_bits(const container *c, uint32_t from, uint32_t to, int32_t number,
                               int32_t *out) {
    int32_t shift = number - (int32_t)from;
    for (uint32_t base = from & ~UINT32_C(63); base < to; base += 64) {
        uint64_t clear = ~container_word(c, (int32_t)(base / 64));
        if (base < from) {
            clear &= UINT64_MAX << (from - base);
        }
        if (to - base < 64) {
            clear &= (UINT64_C(1) << (to - base)) - 1;
        }
        int32_t row = (int32_t)base + shift;
        if (clear == UINT64_MAX) {
            out = put_range(out, row, row + 64);
            continue;
        }
        for (; clear != 0; clear &= clear - 1) {
            *out++ = row + __builtin_ctzll(clear);
        }
    }
    return out;
}

int64_t pyr_row_bitmap_kept_rows(const pyr_row_bitmap *bitmap, int64_t from, int64_t to,
                                 int32_t *out) {
    assert(0 <= from && from <= to && to - from <= INT32_MAX);
    int32_t *next = out;
    int64_t place = bitmap != NULL ? pyr_row_bitmap_seek(bitmap, from) : 0;
    for (int64_t row = from; row < to;) {
        const container *c =
            bitmap != NULL && place < bitmap->count ? &bitmap->containers[place] : NULL;
        if (c == NULL || c->first_row >= to) {
            next = put_range(next, (int32_t)(row - from), (int32_t)(to - from));
            break;
        }
        if (row < c->first_row) {
            next = put_range(next, (int32_t)(row - from), (int32_t)(c->first_row - from));
            row = c->first_row;
        }
        int64_t end = c->first_row + CONTAINER_ROWS < to ? c->first_row + CONTAINER_ROWS : to;
        if (c->kind == CONTAINER_BITMAP) {
            next = put_clear_bits(c, (uint32_t)(row - c->first_row), (uint32_t)(end - c->first_row),
                                  (int32_t)(row - from), next);
        } else {
            pyr_row_bitmap_kept kept;
            int64_t start, length;
            pyr_row_bitmap_kept_init(&kept, bitmap, row, end);
            while (pyr_row_bitmap_kept_next(&kept, &start, &length)) {
                next = put_range(next, (int32_t)(start - from), (int32_t)(start + length - from));
            }
        }
        row = end;
        ++place;
    }
    return next - out;
}
