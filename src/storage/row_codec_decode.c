/* row_codec_decode.c - many rows as one batch, column by column; see row_codec.h.
 *
 * Each row has a cursor. A column is read for all rows before the next one: its type is looked at
 * once, its buffers are made at their final size, and the loops stay tight. */
#include "base/checked.h"
#include "base/cursor.h"
#include "storage/row_codec_internal.h"

#include <stdlib.h>

struct pyr_row_decoder {
    pyr_row_layout *layout; /* retained */
    pyr_schema *schema;     /* retained */
    int32_t *slots;         /* schema->fields_count of them, ascending */
};

/* ---- What the readers share. ---- */

pyr_status pyr_row_corrupt(const row_decoding *d, int64_t row, const char *what) {
    return pyr_error_set(d->error, PYR_ERROR_CORRUPT, "stored row %lld: column \"%s\": %s",
                         (long long)row, d->column, what);
}

pyr_status pyr_row_limit(const row_decoding *d, const char *what) {
    return pyr_error_set(d->error, PYR_ERROR_LIMIT,
                         "%lld stored rows: column \"%s\": %s; decode fewer at once",
                         (long long)d->rows, d->column, what);
}

pyr_status pyr_row_buffer(const row_decoding *d, int64_t count, size_t width, bool zeroed,
                          pyr_buffer **out) {
    size_t size;
    *out = NULL;
    if (!pyr_mul_size((size_t)count, width, &size)) {
        return pyr_row_limit(d, "the size overflows");
    }
    PYR_TRY((zeroed ? pyr_buffer_create : pyr_buffer_create_raw)(size, d->budget, out, d->error));
    pyr_ledger_add_copy(d->ledger, PYR_COPY_DECODE_ROWS, (int64_t)size);
    return PYR_OK;
}

int64_t pyr_row_places_valid(const row_places *places, int64_t row) {
    int64_t start = places_start(places, row);
    int64_t count = places_start(places, row + 1) - start;
    return places->validity == NULL ? count
                                    : pyr_bits_count_set(places->validity->data, start, count);
}

bool pyr_row_long_varint(row_cursor *cursor, uint64_t *out) {
    pyr_cursor bytes = pyr_cursor_over(cursor->next, cursor_left(cursor));
    if (!pyr_cursor_varint(&bytes, out) ||
        (bytes.position > 1 && cursor->next[bytes.position - 1] == 0)) {
        return false;
    }
    cursor->next += bytes.position;
    return true;
}

pyr_status pyr_row_finish_flat(const row_decoding *d, pyr_field *field, const row_places *places,
                               pyr_buffer **buffers, int32_t count, pyr_status status,
                               pyr_array **out) {
    *out = NULL;
    if (status == PYR_OK) {
        buffers[0] = places->validity;
        status = pyr_array_create(field, places->count, 0, places->null_count, buffers, count, NULL,
                                  0, NULL, out, d->error);
    }
    for (int32_t i = 1; i < count; ++i) {
        pyr_buffer_release(buffers[i]);
    }
    return status;
}

/* ---- Fixed widths. ---- */

/* false at the first row that ends too early, which *row names. Inlined with a constant width for
 * the widths there are. */
static inline bool copy_fixed(const row_decoding *d, const row_places *places, size_t width,
                              uint8_t *to, int64_t *row) {
    if (places->starts == NULL && places->validity == NULL) {
        for (*row = 0; *row < d->rows; ++*row) {
            row_cursor *cursor = &d->cursors[*row];
            if (cursor_left(cursor) < width) {
                return false;
            }
            memcpy(to + (size_t)*row * width, cursor->next, width);
            cursor->next += width;
        }
        return true;
    }
    for (*row = 0; *row < d->rows; ++*row) {
        row_cursor *cursor = &d->cursors[*row];
        int64_t end = places_start(places, *row + 1);
        for (int64_t i = places_start(places, *row); i < end; ++i) {
            if (!places_valid(places, i)) {
                memset(to + (size_t)i * width, 0, width);
                continue;
            }
            if (cursor_left(cursor) < width) {
                return false;
            }
            memcpy(to + (size_t)i * width, cursor->next, width);
            cursor->next += width;
        }
    }
    return true;
}

static bool copy_width(const row_decoding *d, const row_places *places, size_t width, uint8_t *to,
                       int64_t *row) {
    switch (width) {
    case 1:
        return copy_fixed(d, places, 1, to, row);
    case 2:
        return copy_fixed(d, places, 2, to, row);
    case 4:
        return copy_fixed(d, places, 4, to, row);
    case 8:
        return copy_fixed(d, places, 8, to, row);
    case 16:
        return copy_fixed(d, places, 16, to, row);
    default:
        return copy_fixed(d, places, width, to, row);
    }
}

static pyr_status read_fixed(row_decoding *d, pyr_field *field, const row_places *places,
                             pyr_array **out) {
    pyr_buffer *buffers[2] = {NULL, NULL};
    size_t width = (size_t)pyr_type_bit_width(field) / 8;
    int64_t row = 0;
    pyr_status status = pyr_row_buffer(d, places->count, width, false, &buffers[1]);
    if (status == PYR_OK && width > 0 &&
        !copy_width(d, places, width, pyr_buffer_mutable(buffers[1]), &row)) {
        status = pyr_row_corrupt(d, row, "the row ends within a value");
    }
    return pyr_row_finish_flat(d, field, places, buffers, 2, status, out);
}

static pyr_status copy_bools(const row_decoding *d, const row_places *places, uint8_t *bits) {
    for (int64_t row = 0; row < d->rows; ++row) {
        row_cursor *cursor = &d->cursors[row];
        int64_t end = places_start(places, row + 1);
        for (int64_t i = places_start(places, row); i < end; ++i) {
            if (!places_valid(places, i)) {
                continue;
            }
            if (cursor->next == cursor->end || *cursor->next > 1) {
                return pyr_row_corrupt(d, row, "no truth value where one belongs");
            }
            if (*cursor->next++ == 1) {
                pyr_bit_set(bits, i);
            }
        }
    }
    return PYR_OK;
}

static pyr_status read_bools(row_decoding *d, pyr_field *field, const row_places *places,
                             pyr_array **out) {
    pyr_buffer *buffers[2] = {NULL, NULL};
    pyr_status status = pyr_row_buffer(d, pyr_bits_size_bytes(places->count), 1, true, &buffers[1]);
    if (status == PYR_OK) {
        status = copy_bools(d, places, pyr_buffer_mutable(buffers[1]));
    }
    return pyr_row_finish_flat(d, field, places, buffers, 2, status, out);
}

/* ---- One type's values. ---- */

static pyr_status read_nulls(row_decoding *d, pyr_field *field, const row_places *places,
                             pyr_array **out) {
    for (int64_t row = 0; places->null_count < places->count && row < d->rows; ++row) {
        if (pyr_row_places_valid(places, row) > 0) {
            return pyr_row_corrupt(d, row, "a value of type null");
        }
    }
    return pyr_array_create(field, places->count, 0, places->count, NULL, 0, NULL, 0, NULL, out,
                            d->error);
}

pyr_status pyr_row_read_values(row_decoding *d, pyr_field *field, const row_places *places,
                               pyr_array **out) {
    *out = NULL;
    switch (pyr_row_form(field->type)) {
    case ROW_FORM_NULL:
        return read_nulls(d, field, places, out);
    case ROW_FORM_BOOL:
        return read_bools(d, field, places, out);
    case ROW_FORM_FIXED:
        return read_fixed(d, field, places, out);
    case ROW_FORM_BYTES:
        return pyr_row_read_bytes(d, field, places, out);
    case ROW_FORM_VIEWS:
        return pyr_row_read_views(d, field, places, out);
    default:
        return pyr_row_read_nested(d, field, places, out);
    }
}

/* ---- Rows. ---- */

static pyr_status read_header(const pyr_row_layout *layout, const pyr_row_bytes *row, int64_t index,
                              row_cursor *cursor, pyr_error *error) {
    uint64_t slots;
    *cursor = (row_cursor){.next = row->data, .end = row->data + row->size_bytes};
    if (row->size_bytes == 0 || row->data[0] != ROW_VERSION) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "stored row %lld: version %d is not one that is known",
                             (long long)index, row->size_bytes > 0 ? row->data[0] : 0);
    }
    cursor->next += 1;
    if (!cursor_varint(cursor, &slots) || slots > (uint64_t)layout->count) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "stored row %lld: does not say how many of %d columns it has",
                             (long long)index, layout->count);
    }
    cursor->slots = (int32_t)slots;
    cursor->bits = cursor->next;
    size_t size = (size_t)pyr_bits_size_bytes(cursor->slots);
    if (cursor_left(cursor) < size ||
        (slots % 8 != 0 && cursor->bits[size - 1] >> (slots % 8) != 0)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "stored row %lld: no bitmap of %d columns",
                             (long long)index, cursor->slots);
    }
    cursor->next += size;
    return PYR_OK;
}

static bool slot_valid(const row_cursor *cursor, int32_t slot) {
    return slot < cursor->slots && pyr_bit_get(cursor->bits, slot);
}

static pyr_status slot_places(const row_decoding *d, int32_t slot, row_places *places) {
    *places = (row_places){.count = d->rows};
    for (int64_t row = 0; row < d->rows; ++row) {
        places->null_count += !slot_valid(&d->cursors[row], slot);
    }
    if (places->null_count == 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_row_buffer(d, pyr_bits_size_bytes(d->rows), 1, true, &places->validity));
    uint8_t *bits = pyr_buffer_mutable(places->validity);
    for (int64_t row = 0; row < d->rows; ++row) {
        if (slot_valid(&d->cursors[row], slot)) {
            pyr_bit_set(bits, row);
        }
    }
    return PYR_OK;
}

/* Puts the slot's value of older rows where the row is older than the slot. */
static pyr_status fill_missing(row_decoding *d, int32_t slot, pyr_array *missing,
                               pyr_array **column) {
    int32_t *indices = pyr_arena_array(&d->scratch, (size_t)d->rows, sizeof(*indices));
    if (indices == NULL) {
        return pyr_arena_error(&d->scratch, d->error);
    }
    bool any = false;
    for (int64_t row = 0; row < d->rows; ++row) {
        bool older = d->cursors[row].slots <= slot;
        indices[row] = (int32_t)(older ? d->rows : row);
        any |= older;
    }
    if (!any) {
        return PYR_OK;
    }
    pyr_array *both = NULL, *filled = NULL;
    pyr_array *parts[2] = {*column, missing};
    PYR_TRY(pyr_array_concat(parts, 2, d->ledger, d->budget, &both, d->error));
    pyr_status status = pyr_array_take(both, indices, d->rows, PYR_COPY_DECODE_ROWS, d->ledger,
                                       d->budget, &filled, d->error);
    pyr_array_release(both);
    if (status == PYR_OK) {
        pyr_array_release(*column);
        *column = filled;
    }
    return status;
}

static pyr_status read_slot(row_decoding *d, const layout_slot *slot, int32_t index,
                            pyr_field *field, pyr_array **out) {
    row_places places;
    pyr_status status = slot_places(d, index, &places);
    if (status == PYR_OK) {
        status = pyr_row_read_values(d, field, &places, out);
    }
    pyr_buffer_release(places.validity);
    if (status == PYR_OK && slot->missing != NULL) {
        status = fill_missing(d, index, slot->missing, out);
    }
    pyr_arena_reset(&d->scratch);
    return status;
}

/* The two forms that most columns have, without the way through nested ones. */
static inline bool skip_plain(row_cursor *cursor, row_form form, size_t width) {
    uint64_t size = width;
    if ((form == ROW_FORM_BYTES && !cursor_varint(cursor, &size)) || size > cursor_left(cursor)) {
        return false;
    }
    cursor->next += size;
    return true;
}

static pyr_status skip_slot(row_decoding *d, const pyr_field *field, int32_t index) {
    row_form form = pyr_row_form(field->type);
    bool plain = form == ROW_FORM_FIXED || form == ROW_FORM_BYTES;
    size_t width = (size_t)pyr_type_bit_width(field) / 8;
    for (int64_t row = 0; row < d->rows; ++row) {
        row_cursor *cursor = &d->cursors[row];
        if (slot_valid(cursor, index) &&
            !(plain ? skip_plain(cursor, form, width) : pyr_row_skip_value(cursor, field))) {
            return pyr_row_corrupt(d, row, "the row ends within a value");
        }
    }
    return PYR_OK;
}

static pyr_status read_columns(const pyr_row_decoder *decoder, row_decoding *d,
                               pyr_array **columns) {
    int32_t next = 0;
    for (int32_t slot = 0; next < decoder->schema->fields_count; ++slot) {
        const layout_slot *at = &decoder->layout->slots[slot];
        d->column = at->field->name;
        if (decoder->slots[next] == slot) {
            PYR_TRY(read_slot(d, at, slot, decoder->schema->fields[next], &columns[next]));
            ++next;
        } else {
            PYR_TRY(skip_slot(d, at->plain, slot));
        }
    }
    int32_t last = next > 0 ? decoder->slots[next - 1] : -1;
    for (int64_t row = 0; row < d->rows; ++row) {
        const row_cursor *cursor = &d->cursors[row];
        if (cursor->slots <= last + 1 && cursor->next != cursor->end) {
            return pyr_row_corrupt(d, row, "bytes follow the last value");
        }
    }
    return PYR_OK;
}

static pyr_status decode_rows(const pyr_row_decoder *decoder, row_decoding *d,
                              const pyr_row_bytes *rows, pyr_array **columns, pyr_batch **out) {
    for (int64_t i = 0; i < d->rows; ++i) {
        PYR_TRY(read_header(decoder->layout, &rows[i], i, &d->cursors[i], d->error));
    }
    PYR_TRY(read_columns(decoder, d, columns));
    return pyr_batch_create(decoder->schema, d->rows, columns, decoder->schema->fields_count, NULL,
                            out, d->error);
}

pyr_status pyr_row_decode(pyr_row_decoder *decoder, const pyr_row_bytes *rows, int64_t count,
                          pyr_query_ledger *ledger, pyr_budget *budget, pyr_batch **out,
                          pyr_error *error) {
    *out = NULL;
    row_decoding d = {
        .rows = count, .column = "", .ledger = ledger, .budget = budget, .error = error};
    if (count > INT32_MAX - 1) {
        return pyr_row_limit(&d, "too many");
    }
    int32_t fields = decoder->schema->fields_count;
    _Alignas(16) uint8_t few[1024]; /* what a look-up of some rows takes */
    _Alignas(16) uint8_t little[512];
    pyr_arena kept; /* for the whole call */
    pyr_arena_init_lent(&kept, budget, few, sizeof(few));
    pyr_arena_init_lent(&d.scratch, budget, little, sizeof(little));
    d.cursors = pyr_arena_array(&kept, (size_t)count, sizeof(*d.cursors));
    pyr_array **columns = pyr_arena_array(&kept, (size_t)fields, sizeof(pyr_array *));
    pyr_status status = d.cursors != NULL && columns != NULL
                            ? decode_rows(decoder, &d, rows, columns, out)
                            : pyr_arena_error(&kept, error);
    for (int32_t i = 0; columns != NULL && i < fields; ++i) {
        pyr_array_release(columns[i]);
    }
    pyr_arena_deinit(&d.scratch);
    pyr_arena_deinit(&kept);
    return status;
}

/* ---- Decoders. ---- */

static pyr_status choose_slots(pyr_row_decoder *decoder, const int32_t *slots, int32_t count,
                               pyr_field **fields, pyr_error *error) {
    for (int32_t i = 0; i < count; ++i) {
        int32_t slot = slots != NULL ? slots[i] : i;
        if (slot < 0 || slot >= decoder->layout->count ||
            (i > 0 && slot <= decoder->slots[i - 1])) {
            return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                 "row decoder: slot %d of %d, or not ascending", slot,
                                 decoder->layout->count);
        }
        decoder->slots[i] = slot;
        fields[i] = decoder->layout->slots[slot].plain;
    }
    return pyr_schema_create(fields, count, NULL, &decoder->schema, error);
}

pyr_status pyr_row_decoder_create(pyr_row_layout *layout, const int32_t *slots, int32_t count,
                                  pyr_row_decoder **out, pyr_error *error) {
    *out = NULL;
    pyr_row_decoder *decoder = calloc(1, sizeof(*decoder));
    if (decoder == NULL) {
        return pyr_error_memory(error, sizeof(*decoder));
    }
    decoder->layout = pyr_row_layout_retain(layout);
    decoder->slots = calloc((size_t)count + 1, sizeof(*decoder->slots));
    pyr_field **fields = calloc((size_t)count + 1, sizeof(pyr_field *));
    pyr_status status = decoder->slots != NULL && fields != NULL
                            ? choose_slots(decoder, slots, count, fields, error)
                            : pyr_error_memory(error, (size_t)count * sizeof(pyr_field *));
    free(fields);
    if (status != PYR_OK) {
        pyr_row_decoder_destroy(decoder);
        return status;
    }
    *out = decoder;
    return PYR_OK;
}

void pyr_row_decoder_destroy(pyr_row_decoder *decoder) {
    if (decoder != NULL) {
        pyr_row_layout_release(decoder->layout);
        pyr_schema_release(decoder->schema);
        free(decoder->slots);
        free(decoder);
    }
}

pyr_schema *pyr_row_decoder_schema(const pyr_row_decoder *decoder) {
    return decoder->schema;
}
