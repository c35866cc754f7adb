/* row_codec_text.c - decoding of text and bytes, with offsets and as views; see row_codec_decode.c.
 *
 * The lengths of a row's values stand before their bytes: one pass reads lengths and finds the size
 * of the result, a second one copies. */
#include "base/cursor.h"
#include "storage/row_codec_internal.h"

/* ---- Text and bytes. ---- */

/* Reads the row's lengths into sizes (one a place, 0 for nulls) and leaves the cursor at the bytes,
 * all of which are there. */
static inline bool read_sizes(row_cursor *cursor, const row_places *places, int64_t row,
                              int64_t *sizes, int64_t *total) {
    int64_t start = places_start(places, row), end = places_start(places, row + 1);
    uint64_t sum = 0;
    for (int64_t i = start; i < end; ++i) {
        uint64_t size = 0;
        if (places_valid(places, i) &&
            (!cursor_varint(cursor, &size) || size > cursor_left(cursor))) {
            return false;
        }
        sizes[i - start] = (int64_t)size;
        /* No overflow: each is at most a row, and each took a byte of it. */
        sum += size;
        if (sum > cursor_left(cursor)) {
            return false;
        }
    }
    *total = (int64_t)sum;
    return true;
}

static bool is_large(pyr_type_id type) {
    return type == PYR_TYPE_LARGE_UTF8 || type == PYR_TYPE_LARGE_BINARY;
}

/* The most places of one row: what sizes need. */
static int64_t places_most(const row_decoding *d, const row_places *places) {
    int64_t most = 1;
    for (int64_t row = 0; places->starts != NULL && row < d->rows; ++row) {
        int64_t count = places->starts[row + 1] - places->starts[row];
        most = count > most ? count : most;
    }
    return most;
}

static pyr_status row_sizes(row_decoding *d, const row_places *places, int64_t **out) {
    *out = pyr_arena_array(&d->scratch, (size_t)places_most(d, places), sizeof(**out));
    return *out != NULL ? PYR_OK : pyr_arena_error(&d->scratch, d->error);
}

/* Offsets of all places; the cursors stand at the bytes after it. */
static pyr_status read_offsets(row_decoding *d, const row_places *places, bool large, uint8_t *to,
                               int64_t *total) {
    int64_t *sizes;
    int64_t offset = 0;
    PYR_TRY(row_sizes(d, places, &sizes));
    size_t width = large ? 8 : 4;
    for (int64_t row = 0; row < d->rows; ++row) {
        int64_t row_total;
        if (!read_sizes(&d->cursors[row], places, row, sizes, &row_total)) {
            return pyr_row_corrupt(d, row, "the row ends within a text");
        }
        if (row_total > (large ? INT64_MAX : INT32_MAX) - offset) {
            return pyr_row_limit(d, "32-bit offsets do not suffice");
        }
        int64_t start = places_start(places, row), end = places_start(places, row + 1);
        for (int64_t i = start; i < end; ++i) {
            memcpy(to + (size_t)i * width, &offset, width); /* little-endian: the low bytes */
            offset += sizes[i - start];
        }
    }
    memcpy(to + (size_t)places->count * width, &offset, width);
    *total = offset;
    return PYR_OK;
}

static int64_t load_offset(const uint8_t *offsets, int64_t index, bool large) {
    return large ? (int64_t)pyr_load_u64(offsets + (size_t)index * 8)
                 : (int64_t)pyr_load_u32(offsets + (size_t)index * 4);
}

static void copy_bytes(const row_decoding *d, const row_places *places, bool large,
                       const uint8_t *offsets, uint8_t *to) {
    for (int64_t row = 0; row < d->rows; ++row) {
        int64_t start = load_offset(offsets, places_start(places, row), large);
        size_t size = (size_t)(load_offset(offsets, places_start(places, row + 1), large) - start);
        if (size > 0) {
            memcpy(to + start, d->cursors[row].next, size);
            d->cursors[row].next += size;
        }
    }
}

/* All bytes at once; then no value may begin inside a character. */
static pyr_status check_text(const row_decoding *d, const row_places *places, bool large,
                             const uint8_t *offsets, const pyr_buffer *bytes) {
    bool valid = pyr_utf8_valid(bytes->data, bytes->size_bytes);
    for (int64_t i = 0; valid && i < places->count; ++i) {
        int64_t offset = load_offset(offsets, i, large);
        valid = (size_t)offset == bytes->size_bytes || (bytes->data[offset] & 0xC0) != 0x80;
    }
    return valid
               ? PYR_OK
               : pyr_error_set(d->error, PYR_ERROR_CORRUPT,
                               "stored rows: column \"%s\": a text is not valid UTF-8", d->column);
}

pyr_status pyr_row_read_bytes(row_decoding *d, pyr_field *field, const row_places *places,
                              pyr_array **out) {
    pyr_buffer *buffers[3] = {NULL, NULL, NULL};
    bool large = is_large(field->type);
    int64_t total = 0;
    uint8_t *offsets = NULL;
    pyr_status status = pyr_row_buffer(d, places->count + 1, large ? 8 : 4, false, &buffers[1]);
    if (status == PYR_OK) {
        offsets = pyr_buffer_mutable(buffers[1]);
        status = read_offsets(d, places, large, offsets, &total);
    }
    if (status == PYR_OK) {
        status = pyr_row_buffer(d, total, 1, false, &buffers[2]);
    }
    if (status == PYR_OK) {
        copy_bytes(d, places, large, offsets, pyr_buffer_mutable(buffers[2]));
        if (field->type == PYR_TYPE_UTF8 || field->type == PYR_TYPE_LARGE_UTF8) {
            status = check_text(d, places, large, offsets, buffers[2]);
        }
    }
    return pyr_row_finish_flat(d, field, places, buffers, 3, status, out);
}

/* ---- Views: "Columnar Format", "Variable-size Binary View Layout". ---- */

#define VIEW_BYTES 16
#define VIEW_INLINE_MAX 12

typedef struct view_sink {
    uint8_t *views;
    uint8_t *far; /* what does not fit into views */
    int64_t used; /* of far */
    bool text;
} view_sink;

static bool put_view(view_sink *sink, int64_t place, const uint8_t *bytes, int64_t size) {
    uint8_t *view = sink->views + (size_t)place * VIEW_BYTES;
    int32_t length = (int32_t)size;
    if (sink->text && !pyr_utf8_valid(bytes, (size_t)size)) {
        return false;
    }
    memcpy(view, &length, sizeof(length));
    if (size <= VIEW_INLINE_MAX) {
        memcpy(view + 4, bytes, (size_t)size);
        return true;
    }
    int32_t far[2] = {0, (int32_t)sink->used};
    memcpy(view + 4, bytes, 4);
    memcpy(view + 8, far, sizeof(far));
    memcpy(sink->far + sink->used, bytes, (size_t)size);
    sink->used += size;
    return true;
}

/* Twice over the lengths: how many bytes do not fit into the views, then the bytes. */
static pyr_status measure_views(row_decoding *d, const row_places *places, int64_t *sizes,
                                int64_t *far) {
    *far = 0;
    for (int64_t row = 0; row < d->rows; ++row) {
        row_cursor cursor = d->cursors[row];
        int64_t total;
        if (!read_sizes(&cursor, places, row, sizes, &total)) {
            return pyr_row_corrupt(d, row, "the row ends within a text");
        }
        int64_t count = places_start(places, row + 1) - places_start(places, row);
        for (int64_t i = 0; i < count; ++i) {
            *far += sizes[i] > VIEW_INLINE_MAX ? sizes[i] : 0;
        }
        if (*far > INT32_MAX) {
            return pyr_row_limit(d, "32-bit offsets do not suffice");
        }
    }
    return PYR_OK;
}

static pyr_status copy_views(row_decoding *d, const row_places *places, int64_t *sizes,
                             view_sink *sink) {
    for (int64_t row = 0; row < d->rows; ++row) {
        row_cursor *cursor = &d->cursors[row];
        int64_t total;
        if (!read_sizes(cursor, places, row, sizes, &total)) {
            return pyr_row_corrupt(d, row, "the row ends within a text");
        }
        int64_t start = places_start(places, row), end = places_start(places, row + 1);
        for (int64_t i = start; i < end; ++i) {
            if (!put_view(sink, i, cursor->next, sizes[i - start])) {
                return pyr_row_corrupt(d, row, "a text is not valid UTF-8");
            }
            cursor->next += sizes[i - start];
        }
    }
    return PYR_OK;
}

pyr_status pyr_row_read_views(row_decoding *d, pyr_field *field, const row_places *places,
                              pyr_array **out) {
    pyr_buffer *buffers[3] = {NULL, NULL, NULL};
    int64_t *sizes = NULL;
    int64_t far = 0;
    pyr_status status = row_sizes(d, places, &sizes);
    if (status == PYR_OK) {
        status = measure_views(d, places, sizes, &far);
    }
    if (status == PYR_OK) {
        status = pyr_row_buffer(d, places->count, VIEW_BYTES, true, &buffers[1]);
    }
    if (status == PYR_OK) {
        status = pyr_row_buffer(d, far, 1, false, &buffers[2]);
    }
    if (status == PYR_OK) {
        view_sink sink = {pyr_buffer_mutable(buffers[1]), pyr_buffer_mutable(buffers[2]), 0,
                          field->type == PYR_TYPE_UTF8_VIEW};
        status = copy_views(d, places, sizes, &sink);
    }
    return pyr_row_finish_flat(d, field, places, buffers, 3, status, out);
}
