/* row_codec_nested.c - decoding of lists, structs and unions, and skipping; see row_codec_decode.c.
 *
 * A nested type turns the places of its parent into places of its children: which row they belong
 * to (starts) and which of them have a value (validity, read from the sequence's bitmap). A bitmap
 * has a bit for every value of a child, so no count in a row can be above 8 times the bytes that
 * are left of it. */
#include "base/checked.h"
#include "base/cursor.h"
#include "storage/row_codec_internal.h"

#include <stdlib.h>

static const char ENDS[] = "the row ends within a value";

/* ---- Places of children. ---- */

static pyr_status new_starts(row_decoding *d, int64_t **out) {
    *out = pyr_arena_array(&d->scratch, (size_t)d->rows + 1, sizeof(**out));
    return *out != NULL ? PYR_OK : pyr_arena_error(&d->scratch, d->error);
}

/* The bitmap of a sequence of count places, padding checked. */
static bool take_bits(row_cursor *cursor, int64_t count, const uint8_t **bits) {
    size_t size = (size_t)pyr_bits_size_bytes(count);
    if (cursor_left(cursor) < size) {
        return false;
    }
    *bits = cursor->next;
    cursor->next += size;
    return count % 8 == 0 || (*bits)[size - 1] >> (count % 8) == 0;
}

/* One row's bits to the places that the valid places of its parent have, `each` apiece. */
static void spread_bits(const row_places *parent, int64_t row, int64_t each, const uint8_t *from,
                        uint8_t *to) {
    int64_t start = places_start(parent, row), end = places_start(parent, row + 1);
    if (parent->validity == NULL) {
        pyr_bits_copy(from, 0, to, start * each, (end - start) * each);
        return;
    }
    int64_t at = 0;
    for (int64_t i = start; i < end; ++i) {
        if (places_valid(parent, i)) {
            pyr_bits_copy(from, at, to, i * each, each);
            at += each;
        }
    }
}

/* Reads the bitmaps of the children's sequences. Every place of the parent has `each` of the child,
 * only those of valid ones stand in the rows. child->validity is the caller's. */
static pyr_status read_bitmaps(row_decoding *d, const row_places *parent, int64_t each,
                               row_places *child) {
    *child = (row_places){.starts = parent->starts};
    if (!pyr_mul_i64(parent->count, each, &child->count)) {
        return pyr_row_limit(d, "the number of values overflows");
    }
    if (each != 1) {
        int64_t *starts;
        PYR_TRY(new_starts(d, &starts));
        for (int64_t row = 0; row <= d->rows; ++row) {
            starts[row] = places_start(parent, row) * each;
        }
        child->starts = starts;
    }
    PYR_TRY(pyr_row_buffer(d, pyr_bits_size_bytes(child->count), 1, true, &child->validity));
    uint8_t *to = pyr_buffer_mutable(child->validity);
    for (int64_t row = 0; row < d->rows; ++row) {
        const uint8_t *bits;
        if (!take_bits(&d->cursors[row], pyr_row_places_valid(parent, row) * each, &bits)) {
            return pyr_row_corrupt(d, row, ENDS);
        }
        spread_bits(parent, row, each, bits, to);
    }
    child->null_count = child->count - pyr_bits_count_set(to, 0, child->count);
    if (child->null_count == 0) {
        pyr_buffer_release(child->validity);
        child->validity = NULL;
    }
    return PYR_OK;
}

/* A child of `each` places for every one of the parent. */
static pyr_status read_child(row_decoding *d, pyr_field *field, const row_places *parent,
                             int64_t each, pyr_array **out) {
    row_places child;
    pyr_status status = read_bitmaps(d, parent, each, &child);
    if (status == PYR_OK) {
        status = pyr_row_read_values(d, field, &child, out);
    }
    pyr_buffer_release(child.validity);
    return status;
}

/* ---- Parts under construction. ---- */

typedef struct nested_parts {
    pyr_buffer *buffers[3];
    int32_t buffers_count;
    pyr_array **children; /* field->children_count of them */
    int64_t null_count;
} nested_parts;

static pyr_status finish_nested(row_decoding *d, pyr_field *field, int64_t count,
                                nested_parts *parts, pyr_status status, pyr_array **out) {
    *out = NULL;
    if (status == PYR_OK) {
        status = pyr_array_create(field, count, 0, parts->null_count, parts->buffers,
                                  parts->buffers_count, parts->children, field->children_count,
                                  NULL, out, d->error);
    }
    for (int32_t i = 0; i < parts->buffers_count; ++i) {
        pyr_buffer_release(parts->buffers[i]);
    }
    for (int32_t i = 0; i < field->children_count; ++i) {
        pyr_array_release(parts->children[i]);
    }
    return status;
}

/* Parts of the parent's nulls; unions take no validity. */
static pyr_status start_nested(row_decoding *d, const pyr_field *field, const row_places *places,
                               nested_parts *parts) {
    *parts = (nested_parts){0};
    parts->children =
        pyr_arena_array(&d->scratch, (size_t)field->children_count, sizeof(pyr_array *));
    if (parts->children == NULL) {
        return pyr_arena_error(&d->scratch, d->error);
    }
    parts->buffers_count = pyr_type_layout(field->type).buffers_count;
    if (pyr_row_form(field->type) != ROW_FORM_UNION) {
        parts->buffers[0] = pyr_buffer_retain(places->validity);
        parts->null_count = places->null_count;
    }
    return PYR_OK;
}

/* ---- Lists. ---- */

static bool is_large(pyr_type_id type) {
    return type == PYR_TYPE_LARGE_LIST || type == PYR_TYPE_LARGE_LIST_VIEW;
}

/* Where offsets and, for list views, sizes go. */
typedef struct list_sink {
    uint8_t *offsets;
    uint8_t *sizes; /* NULL where there are none */
    size_t width;
} list_sink;

/* One row's lengths; *total, the values so far of all rows, moves. */
static bool read_lengths(row_cursor *cursor, const row_places *places, int64_t row,
                         const list_sink *sink, int64_t *total) {
    int64_t end = places_start(places, row + 1), before = *total;
    for (int64_t i = places_start(places, row); i < end; ++i) {
        uint64_t length = 0;
        if (places_valid(places, i) && !cursor_varint(cursor, &length)) {
            return false;
        }
        memcpy(sink->offsets + (size_t)i * sink->width, total, sink->width);
        if (sink->sizes != NULL) {
            memcpy(sink->sizes + (size_t)i * sink->width, &length, sink->width);
        }
        /* Each value will take a bit of what is left. */
        size_t most = cursor_left(cursor);
        if (length > most * 8 || (uint64_t)(*total - before) + length > most * 8) {
            return false;
        }
        *total += (int64_t)length;
    }
    return true;
}

static pyr_status read_list_starts(row_decoding *d, pyr_field *field, const row_places *places,
                                   const list_sink *sink, row_places *items) {
    int64_t *starts;
    int64_t most = is_large(field->type) ? INT64_MAX / 16 : INT32_MAX;
    PYR_TRY(new_starts(d, &starts));
    for (int64_t row = 0; row < d->rows; ++row) {
        starts[row] = items->count;
        if (!read_lengths(&d->cursors[row], places, row, sink, &items->count)) {
            return pyr_row_corrupt(d, row, "the row ends within a list");
        }
        if (items->count > most) {
            return pyr_row_limit(d, "32-bit offsets do not suffice");
        }
    }
    starts[d->rows] = items->count;
    items->starts = starts;
    if (sink->sizes == NULL) {
        memcpy(sink->offsets + (size_t)places->count * sink->width, &items->count, sink->width);
    }
    return PYR_OK;
}

static pyr_status read_list_parts(row_decoding *d, pyr_field *field, const row_places *places,
                                  nested_parts *parts) {
    bool views = pyr_row_form(field->type) == ROW_FORM_LIST_VIEW;
    list_sink sink = {.width = is_large(field->type) ? 8 : 4};
    row_places items = {0};
    PYR_TRY(pyr_row_buffer(d, places->count + !views, sink.width, false, &parts->buffers[1]));
    sink.offsets = pyr_buffer_mutable(parts->buffers[1]);
    if (views) {
        PYR_TRY(pyr_row_buffer(d, places->count, sink.width, false, &parts->buffers[2]));
        sink.sizes = pyr_buffer_mutable(parts->buffers[2]);
    }
    PYR_TRY(read_list_starts(d, field, places, &sink, &items));
    PYR_TRY(read_child(d, field->children[0], &items, 1, &parts->children[0]));
    if (field->type == PYR_TYPE_MAP) {
        pyr_array *entries = parts->children[0];
        if (pyr_array_null_count(entries) > 0 || pyr_array_null_count(entries->children[0]) > 0) {
            return pyr_error_set(d->error, PYR_ERROR_CORRUPT,
                                 "stored rows: column \"%s\": a key of a map is null", d->column);
        }
    }
    return PYR_OK;
}

/* ---- Structs and lists of a fixed size. ---- */

static pyr_status read_fixed_parts(row_decoding *d, pyr_field *field, const row_places *places,
                                   nested_parts *parts) {
    int64_t each = field->type == PYR_TYPE_FIXED_SIZE_LIST ? field->list_size : 1;
    for (int32_t i = 0; i < field->children_count; ++i) {
        PYR_TRY(read_child(d, field->children[i], places, each, &parts->children[i]));
    }
    return PYR_OK;
}

/* ---- Unions: a null place, which no union has, becomes a null of the first child. ---- */

typedef struct union_reading {
    int16_t child_of[256]; /* by type code; -1: none */
    uint8_t *codes;
    const row_places *places;
} union_reading;

static pyr_status read_codes(row_decoding *d, const pyr_field *field, const union_reading *u) {
    for (int64_t row = 0; row < d->rows; ++row) {
        row_cursor *cursor = &d->cursors[row];
        int64_t end = places_start(u->places, row + 1);
        for (int64_t i = places_start(u->places, row); i < end; ++i) {
            if (!places_valid(u->places, i)) {
                if (field->children_count == 0) {
                    return pyr_row_corrupt(d, row, "null in a union without children");
                }
                u->codes[i] = (uint8_t)field->type_codes[0];
                continue;
            }
            if (cursor->next == cursor->end || u->child_of[*cursor->next] < 0) {
                return pyr_row_corrupt(d, row, "no child of the union has this type code");
            }
            u->codes[i] = *cursor->next++;
        }
    }
    return PYR_OK;
}

/* Every child of a sparse union has a place for each of the union's; the rows hold those of their
 * own code. */
static pyr_status read_sparse_child(row_decoding *d, pyr_field *field, const union_reading *u,
                                    int32_t child, pyr_array **out) {
    row_places own = {.count = u->places->count, .starts = u->places->starts};
    PYR_TRY(pyr_row_buffer(d, pyr_bits_size_bytes(own.count), 1, true, &own.validity));
    uint8_t *bits = pyr_buffer_mutable(own.validity);
    for (int64_t i = 0; i < own.count; ++i) {
        if (u->child_of[u->codes[i]] == child && places_valid(u->places, i)) {
            pyr_bit_set(bits, i);
        }
    }
    pyr_status status = read_child(d, field->children[child], &own, 1, out);
    pyr_buffer_release(own.validity);
    return status;
}

/* A child of a dense union has a place for each of its own code; *own gets them and offsets what
 * the union calls them. */
static pyr_status dense_places(row_decoding *d, const union_reading *u, int32_t child,
                               uint8_t *offsets, row_places *own) {
    int64_t *starts;
    int64_t nulls = 0;
    PYR_TRY(new_starts(d, &starts));
    for (int64_t row = 0; row < d->rows; ++row) {
        starts[row] = own->count;
        int64_t end = places_start(u->places, row + 1);
        for (int64_t i = places_start(u->places, row); i < end; ++i) {
            if (u->child_of[u->codes[i]] == child) {
                int32_t offset = (int32_t)own->count++;
                memcpy(offsets + (size_t)i * sizeof(offset), &offset, sizeof(offset));
                nulls += !places_valid(u->places, i);
            }
        }
    }
    starts[d->rows] = own->count;
    own->starts = starts;
    if (nulls == 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_row_buffer(d, pyr_bits_size_bytes(own->count), 1, true, &own->validity));
    uint8_t *bits = pyr_buffer_mutable(own->validity);
    int64_t at = 0;
    for (int64_t i = 0; i < u->places->count; ++i) {
        if (u->child_of[u->codes[i]] == child) {
            pyr_bit_put(bits, at++, places_valid(u->places, i));
        }
    }
    return PYR_OK;
}

static pyr_status read_dense_child(row_decoding *d, pyr_field *field, const union_reading *u,
                                   int32_t child, uint8_t *offsets, pyr_array **out) {
    row_places own = {0};
    pyr_status status = dense_places(d, u, child, offsets, &own);
    if (status == PYR_OK) {
        status = read_child(d, field->children[child], &own, 1, out);
    }
    pyr_buffer_release(own.validity);
    return status;
}

static void map_codes(const pyr_field *field, int16_t *child_of) {
    for (int32_t code = 0; code < 256; ++code) {
        child_of[code] = -1;
    }
    for (int32_t i = 0; i < field->children_count; ++i) {
        child_of[(uint8_t)field->type_codes[i]] = (int16_t)i;
    }
}

static pyr_status read_union_parts(row_decoding *d, pyr_field *field, const row_places *places,
                                   nested_parts *parts) {
    bool dense = field->type == PYR_TYPE_DENSE_UNION;
    union_reading u = {.places = places};
    uint8_t *offsets = NULL;
    map_codes(field, u.child_of);
    if (dense && places->count > INT32_MAX) {
        return pyr_row_limit(d, "32-bit offsets do not suffice");
    }
    PYR_TRY(pyr_row_buffer(d, places->count, 1, false, &parts->buffers[0]));
    u.codes = pyr_buffer_mutable(parts->buffers[0]);
    if (dense) {
        PYR_TRY(pyr_row_buffer(d, places->count, sizeof(int32_t), false, &parts->buffers[1]));
        offsets = pyr_buffer_mutable(parts->buffers[1]);
    }
    PYR_TRY(read_codes(d, field, &u));
    for (int32_t i = 0; i < field->children_count; ++i) {
        PYR_TRY(dense ? read_dense_child(d, field, &u, i, offsets, &parts->children[i])
                      : read_sparse_child(d, field, &u, i, &parts->children[i]));
    }
    return PYR_OK;
}

pyr_status pyr_row_read_nested(row_decoding *d, pyr_field *field, const row_places *places,
                               pyr_array **out) {
    nested_parts parts;
    PYR_TRY(start_nested(d, field, places, &parts));
    pyr_status status;
    switch (pyr_row_form(field->type)) {
    case ROW_FORM_LIST:
    case ROW_FORM_LIST_VIEW:
        status = read_list_parts(d, field, places, &parts);
        break;
    case ROW_FORM_UNION:
        status = read_union_parts(d, field, places, &parts);
        break;
    default:
        status = read_fixed_parts(d, field, places, &parts);
        break;
    }
    return finish_nested(d, field, places->count, &parts, status, out);
}

/* ---- Skipping, row by row. ---- */

static bool skip_values(row_cursor *cursor, const pyr_field *field, int64_t count);

static bool skip_bytes(row_cursor *cursor, uint64_t size) {
    if (size > cursor_left(cursor)) {
        return false;
    }
    cursor->next += size;
    return true;
}

static bool skip_sequence(row_cursor *cursor, const pyr_field *field, int64_t count) {
    const uint8_t *bits;
    return (uint64_t)count <= cursor_left(cursor) * 8 && take_bits(cursor, count, &bits) &&
           skip_values(cursor, field, pyr_bits_count_set(bits, 0, count));
}

/* The sum of count lengths, each and all at most `most` as left after them. */
static bool sum_lengths(row_cursor *cursor, int64_t count, size_t scale, uint64_t *sum) {
    *sum = 0;
    for (int64_t i = 0; i < count; ++i) {
        uint64_t length;
        if (!cursor_varint(cursor, &length) || length > cursor_left(cursor) * scale) {
            return false;
        }
        *sum += length;
        if (*sum > cursor_left(cursor) * scale) {
            return false;
        }
    }
    return true;
}

static bool skip_union(row_cursor *cursor, const pyr_field *field, int64_t count) {
    const uint8_t *codes = cursor->next;
    int64_t known = 0;
    if (!skip_bytes(cursor, (uint64_t)count)) {
        return false;
    }
    for (int32_t child = 0; child < field->children_count; ++child) {
        int64_t own = 0;
        for (int64_t i = 0; i < count; ++i) {
            own += codes[i] == (uint8_t)field->type_codes[child];
        }
        if (!skip_sequence(cursor, field->children[child], own)) {
            return false;
        }
        known += own;
    }
    return known == count;
}

static bool skip_children(row_cursor *cursor, const pyr_field *field, int64_t count) {
    for (int32_t i = 0; i < field->children_count; ++i) {
        if (!skip_sequence(cursor, field->children[i], count)) {
            return false;
        }
    }
    return true;
}

/* count values of a plain type. */
static bool skip_values(row_cursor *cursor, const pyr_field *field, int64_t count) {
    uint64_t sum;
    int64_t values;
    switch (pyr_row_form(field->type)) {
    case ROW_FORM_NULL:
        return count == 0;
    case ROW_FORM_BOOL:
        return skip_bytes(cursor, (uint64_t)count);
    case ROW_FORM_BYTES:
    case ROW_FORM_VIEWS:
        return sum_lengths(cursor, count, 1, &sum) && skip_bytes(cursor, sum);
    case ROW_FORM_LIST:
    case ROW_FORM_LIST_VIEW:
        return sum_lengths(cursor, count, 8, &sum) &&
               skip_sequence(cursor, field->children[0], (int64_t)sum);
    case ROW_FORM_FIXED_SIZE_LIST:
        return pyr_mul_i64(count, field->list_size, &values) &&
               skip_sequence(cursor, field->children[0], values);
    case ROW_FORM_STRUCT:
        return skip_children(cursor, field, count);
    case ROW_FORM_UNION:
        return skip_union(cursor, field, count);
    default:
        return pyr_mul_i64(count, pyr_type_bit_width(field) / 8, &values) &&
               skip_bytes(cursor, (uint64_t)values);
    }
}

bool pyr_row_skip_value(row_cursor *cursor, const pyr_field *field) {
    return skip_values(cursor, field, 1);
}
