/* keyed_split.c - a range of row keys cut into parts for as many threads.
 *
 * Keys are cut at points between the first and the last, evenly by their bytes; where the LSM knows
 * how much lies on disk between the points, parts are made of about as many bytes each. Nothing is
 * read but two keys: the parts are a guess that costs microseconds, and any guess is right.
 */
#include "catalog/keyed_internal.h"

#include <stdlib.h>
#include <string.h>

#define POINTS_A_PART 16
#define POINTS_MAX 1024
#define POINT_BYTES 8
#define PART_ROWS_MIN 16384

typedef struct end_key {
    pyr_text key;
    bool found;
} end_key;

static pyr_status take_end(void *context, const char *key, size_t key_size, const char *value,
                           size_t value_size, bool *more, pyr_error *error) {
    end_key *self = context;
    (void)value;
    (void)value_size;
    pyr_text_append(&self->key, key, key_size);
    self->found = true;
    *more = false;
    return pyr_text_check(&self->key, error);
}

static uint64_t number_at(const pyr_text *key, size_t at) {
    uint64_t number = 0;
    for (size_t i = at; i < at + POINT_BYTES; ++i) {
        number = number << 8 | (i < key->length ? (uint8_t)key->data[i] : 0);
    }
    return number;
}

typedef struct splitting {
    pyr_text first, last;  /* LSM keys */
    size_t common;         /* bytes that all keys begin with */
    size_t points;         /* between parts of the keys' space, ends not counted */
    uint8_t *keys;         /* of the points, each of common + POINT_BYTES */
    pyr_lsm_bytes *bounds; /* points + 2: first, the points, last */
    uint64_t *sizes;       /* points + 1 */
} splitting;

static void splitting_deinit(splitting *self) {
    pyr_text_deinit(&self->first);
    pyr_text_deinit(&self->last);
    free(self->keys);
    free(self->bounds);
    free(self->sizes);
}

static pyr_status find_ends(splitting *self, pyr_lsm_view *view, pyr_lsm_bytes lower,
                            pyr_lsm_bytes upper, bool *found, pyr_error *error) {
    end_key first = {.found = false};
    end_key last = {.found = false};
    pyr_text_init(&first.key);
    pyr_text_init(&last.key);
    pyr_status status = pyr_lsm_view_range(view, lower, upper, take_end, &first, error);
    if (status == PYR_OK) {
        status = pyr_lsm_view_last(view, lower, upper, take_end, &last, error);
    }
    self->first = first.key;
    self->last = last.key;
    *found = first.found && last.found;
    return status;
}

static size_t common_bytes(const pyr_text *a, const pyr_text *b) {
    size_t size = 0;
    while (size < a->length && size < b->length && a->data[size] == b->data[size]) {
        ++size;
    }
    return size;
}

/* Ascending, above the first key: a step is at least 1. */
static pyr_status make_points(splitting *self, size_t parts, pyr_error *error) {
    size_t wanted = parts * POINTS_A_PART < POINTS_MAX ? parts * POINTS_A_PART : POINTS_MAX;
    self->common = common_bytes(&self->first, &self->last);
    uint64_t low = number_at(&self->first, self->common);
    uint64_t high = number_at(&self->last, self->common);
    uint64_t step = high > low ? (high - low) / (wanted + 1) : 0;
    self->points = step > 0 ? wanted : 0;
    size_t width = self->common + POINT_BYTES;
    self->keys = calloc(self->points + 1, width);
    self->bounds = calloc(self->points + 2, sizeof(*self->bounds));
    self->sizes = calloc(self->points + 1, sizeof(*self->sizes));
    if (self->keys == NULL || self->bounds == NULL || self->sizes == NULL) {
        return pyr_error_memory(error, (self->points + 2) * (width + sizeof(*self->bounds)));
    }
    self->bounds[0] = (pyr_lsm_bytes){self->first.data, self->first.length};
    for (size_t i = 0; i < self->points; ++i) {
        uint8_t *key = self->keys + i * width;
        uint64_t number = low + (i + 1) * step;
        memcpy(key, self->first.data, self->common);
        for (int byte = 0; byte < POINT_BYTES; ++byte) {
            key[self->common + (size_t)byte] = (uint8_t)(number >> (56 - 8 * byte));
        }
        self->bounds[i + 1] = (pyr_lsm_bytes){key, width};
    }
    self->bounds[self->points + 1] = (pyr_lsm_bytes){self->last.data, self->last.length};
    return PYR_OK;
}

/* The next range up to the LSM key at point (the last: up to the whole's end). */
static pyr_status add_range(pyr_keyed_range *out, const pyr_text *lower,
                            const pyr_keyed_range *whole, const pyr_lsm_bytes *end,
                            size_t prefix_size, pyr_error *error) {
    pyr_keyed_range_init(out);
    pyr_text_append(&out->lower, pyr_text_get(lower), lower->length);
    if (end != NULL) {
        pyr_text_append(&out->upper, (const char *)end->data + prefix_size,
                        end->size - prefix_size);
        out->bounded = true;
    } else if (whole->bounded) {
        pyr_text_append(&out->upper, pyr_text_get(&whole->upper), whole->upper.length);
        out->bounded = true;
    }
    out->empty = whole->empty;
    PYR_TRY(pyr_text_check(&out->lower, error));
    return pyr_text_check(&out->upper, error);
}

static pyr_status cut(const splitting *self, const pyr_keyed_range *whole, size_t parts,
                      size_t prefix_size, pyr_keyed_range *out, size_t *count, pyr_error *error) {
    uint64_t total = 0;
    for (size_t i = 0; i <= self->points; ++i) {
        self->sizes[i] += 1; /* what is not on disk yet is spread evenly */
        total += self->sizes[i];
    }
    uint64_t share = total / parts + 1;
    uint64_t gathered = 0;
    const pyr_text *lower = &whole->lower;
    *count = 0;
    for (size_t i = 0; i < self->points && *count + 1 < parts; ++i) {
        gathered += self->sizes[i];
        if (gathered >= share) {
            PYR_TRY(add_range(&out[(*count)++], lower, whole, &self->bounds[i + 1], prefix_size,
                              error));
            lower = &out[*count - 1].upper;
            gathered = 0;
        }
    }
    return add_range(&out[(*count)++], lower, whole, NULL, prefix_size, error);
}

/* LSM keys of a range's ends. */
static pyr_status lsm_bounds(const pyr_table *table, const pyr_keyed_range *range, pyr_text *lower,
                             pyr_text *upper, pyr_error *error) {
    keyed_prefix prefix = pyr_keyed_row_prefix(table->id);
    keyed_prefix after = pyr_keyed_prefix_end(prefix);
    const keyed_prefix *end = range->bounded ? &prefix : &after;
    pyr_text_append(lower, (const char *)prefix.bytes, prefix.size);
    pyr_text_append(lower, pyr_text_get(&range->lower), range->lower.length);
    pyr_text_append(upper, (const char *)end->bytes, end->size);
    if (range->bounded) {
        pyr_text_append(upper, pyr_text_get(&range->upper), range->upper.length);
    }
    PYR_TRY(pyr_text_check(lower, error));
    return pyr_text_check(upper, error);
}

static pyr_status split(const pyr_table *table, pyr_lsm_view *view, const pyr_keyed_range *range,
                        size_t parts, pyr_keyed_range *out, size_t *count, pyr_error *error) {
    splitting self = {.points = 0};
    pyr_text lower;
    pyr_text upper;
    bool found = false;
    pyr_text_init(&lower);
    pyr_text_init(&upper);
    pyr_text_init(&self.first);
    pyr_text_init(&self.last);
    pyr_status status = lsm_bounds(table, range, &lower, &upper, error);
    if (status == PYR_OK && view != NULL && parts > 1 && !range->empty) {
        status = find_ends(&self, view, (pyr_lsm_bytes){lower.data, lower.length},
                           (pyr_lsm_bytes){upper.data, upper.length}, &found, error);
    }
    if (status == PYR_OK && found) {
        status = make_points(&self, parts, error);
    }
    if (status == PYR_OK && self.points > 0) {
        status = pyr_lsm_view_sizes(view, self.bounds, self.points + 2, self.sizes, error);
    }
    if (status == PYR_OK) {
        size_t prefix_size = pyr_keyed_row_prefix(table->id).size;
        status = self.points > 0
                     ? cut(&self, range, parts, prefix_size, out, count, error)
                     : add_range(&out[(*count)++], &range->lower, range, NULL, prefix_size, error);
    }
    splitting_deinit(&self);
    pyr_text_deinit(&lower);
    pyr_text_deinit(&upper);
    return status;
}

pyr_status pyr_keyed_split(const pyr_table *table, const pyr_keyed_range *range, size_t parts,
                           pyr_keyed_range **out, size_t *count, pyr_error *error) {
    pyr_keyed_range all;
    pyr_keyed_range_init(&all);
    size_t useful = (size_t)(table->keyed->rows_count / PART_ROWS_MIN) + 1;
    parts = parts < useful ? parts : useful;
    parts = parts > 0 ? parts : 1;
    *count = 0;
    *out = calloc(parts, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, parts * sizeof(**out));
    }
    pyr_lsm_view *view = pyr_keyed_rows_view(table->keyed->rows);
    pyr_status status = split(table, view, range != NULL ? range : &all, parts, *out, count, error);
    pyr_lsm_view_release(view);
    if (status != PYR_OK) {
        pyr_keyed_ranges_free(*out, *count);
        *out = NULL;
        *count = 0;
    }
    return status;
}
