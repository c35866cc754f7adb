/* row_codec_encode.c - rows of a batch as bytes; see row_codec.h and ENCODINGS.md, "Rows".
 *
 * The columns come from an array that was found valid; nothing here is checked again. */
#include "storage/row_codec_internal.h"

#include <stdlib.h>

/* A slot's column; what single values need is looked up once. */
typedef struct bound_slot {
    const pyr_array *array; /* NULL: null in every row */
    row_form form;
    size_t width;          /* FIXED: bytes */
    const uint8_t *values; /* FIXED: of row 0 */
} bound_slot;

struct pyr_row_encoder {
    pyr_row_layout *layout; /* retained */
    pyr_batch *batch;       /* retained; holds the columns */
    pyr_arena scratch;      /* of one row, for nested values */
    bound_slot *slots;      /* layout->count of them */
};

/* Places of an array, all in range. */
typedef struct picks {
    const int64_t *rows; /* NULL: start, start + 1, ...; -1 is null */
    int64_t start;
    int64_t count;
} picks;

static int64_t pick(const picks *p, int64_t index) {
    return p->rows != NULL ? p->rows[index] : p->start + index;
}

/* ---- Output. After a failed allocation out->failed is set and writes do nothing. ---- */

static uint8_t *grow(pyr_text *out, size_t size_bytes) {
    size_t wanted;
    if (out->failed || __builtin_add_overflow(out->length, size_bytes + 1, &wanted)) {
        out->failed = true;
        return NULL;
    }
    size_t capacity = out->capacity < 128 ? 128 : out->capacity;
    while (capacity < wanted) {
        capacity = capacity > SIZE_MAX / 2 ? wanted : capacity * 2;
    }
    char *data = realloc(out->data, capacity);
    if (data == NULL) {
        out->failed = true;
        return NULL;
    }
    out->data = data;
    out->capacity = capacity;
    return (uint8_t *)data + out->length;
}

/* Room for size_bytes at the end, or NULL; `took` says how many were written. A byte more is kept
 * for the NUL that every pyr_text ends with. */
static inline uint8_t *room(pyr_text *out, size_t size_bytes) {
    return out->capacity - out->length > size_bytes && !out->failed
               ? (uint8_t *)out->data + out->length
               : grow(out, size_bytes);
}
static inline void took(pyr_text *out, size_t size_bytes) {
    out->length += size_bytes;
}

static void put(pyr_text *out, const void *bytes, size_t size_bytes) {
    uint8_t *to = room(out, size_bytes);
    if (to != NULL && size_bytes > 0) {
        memcpy(to, bytes, size_bytes);
        took(out, size_bytes);
    }
}

/* One value of the widths there are: a store each, where put calls memcpy. */
static inline void put_word(pyr_text *out, const uint8_t *value, size_t width) {
    uint8_t *to = width == 8 || width == 4 ? room(out, width) : NULL;
    if (to == NULL) {
        put(out, value, width);
        return;
    }
    if (width == 8) {
        memcpy(to, value, 8);
    } else {
        memcpy(to, value, 4);
    }
    took(out, width);
}

static void put_varint(pyr_text *out, uint64_t value) {
    uint8_t *to = room(out, VARINT_BYTES_MAX);
    if (to == NULL) {
        return;
    }
    size_t used = 0;
    for (; value >= 0x80; value >>= 7) {
        to[used++] = (uint8_t)(value | 0x80);
    }
    to[used++] = (uint8_t)value;
    took(out, used);
}

/* ---- Values without parts. ---- */

static void put_fixed(const pyr_array *array, size_t width, const picks *p, pyr_text *out) {
    if (width == 0 || p->count == 0) {
        return;
    }
    const uint8_t *data = array->buffers[1]->data + (size_t)array->offset * width;
    if (p->rows == NULL) {
        put(out, data + (size_t)p->start * width, (size_t)p->count * width);
        return;
    }
    for (int64_t i = 0; i < p->count; ++i) {
        put(out, data + (size_t)p->rows[i] * width, width);
    }
}

static void put_bools(const pyr_array *array, const picks *p, pyr_text *out) {
    for (int64_t i = 0; i < p->count; ++i) {
        uint8_t value = pyr_bit_get(array->buffers[1]->data, array->offset + pick(p, i));
        put(out, &value, 1);
    }
}

static void put_bytes(const pyr_array *array, const picks *p, pyr_text *out) {
    size_t size;
    for (int64_t i = 0; i < p->count; ++i) {
        (void)pyr_array_bytes(array, pick(p, i), &size);
        put_varint(out, size);
    }
    for (int64_t i = 0; i < p->count; ++i) {
        const uint8_t *bytes = pyr_array_bytes(array, pick(p, i), &size);
        put(out, bytes, size);
    }
}

/* ---- Values with parts. ---- */

static pyr_status put_sequence(pyr_row_encoder *encoder, const pyr_array *array, picks p,
                               pyr_text *out, pyr_error *error);

static pyr_status scratch_rows(pyr_row_encoder *encoder, int64_t count, int64_t **out,
                               pyr_error *error) {
    *out = pyr_arena_array(&encoder->scratch, (size_t)count, sizeof(**out));
    return *out != NULL ? PYR_OK : pyr_arena_error(&encoder->scratch, error);
}

/* The values of lists that are not null, after each other. Most often they follow each other in the
 * child too. */
static pyr_status put_items(pyr_row_encoder *encoder, const pyr_array *array, const picks *p,
                            pyr_text *out, pyr_error *error) {
    int64_t start, length, total = 0;
    bool follow = true;
    picks items = {0};
    for (int64_t i = 0; i < p->count; ++i) {
        pyr_array_list_range(array, pick(p, i), &start, &length);
        if (array->field->type != PYR_TYPE_FIXED_SIZE_LIST) {
            put_varint(out, (uint64_t)length);
        }
        if (length > 0) {
            items.start = total == 0 ? start : items.start;
            follow = follow && items.start + total == start;
            total += length;
        }
    }
    items.count = total;
    if (!follow) {
        int64_t *rows;
        PYR_TRY(scratch_rows(encoder, total, &rows, error));
        items.rows = rows;
        for (int64_t i = 0; i < p->count; ++i) {
            pyr_array_list_range(array, pick(p, i), &start, &length);
            for (int64_t k = 0; k < length; ++k) {
                *rows++ = start + k;
            }
        }
    }
    return put_sequence(encoder, array->children[0], items, out, error);
}

/* The children of a struct have the parent's offset before them. */
static pyr_status put_struct(pyr_row_encoder *encoder, const pyr_array *array, const picks *p,
                             pyr_text *out, pyr_error *error) {
    picks inside = {p->rows, p->start + array->offset, p->count};
    if (p->rows != NULL && array->offset != 0) {
        int64_t *rows;
        PYR_TRY(scratch_rows(encoder, p->count, &rows, error));
        for (int64_t i = 0; i < p->count; ++i) {
            rows[i] = p->rows[i] + array->offset;
        }
        inside.rows = rows;
    }
    for (int32_t i = 0; i < array->children_count; ++i) {
        PYR_TRY(put_sequence(encoder, array->children[i], inside, out, error));
    }
    return PYR_OK;
}

static pyr_status put_union(pyr_row_encoder *encoder, const pyr_array *array, const picks *p,
                            pyr_text *out, pyr_error *error) {
    int64_t *slots, *rows;
    int64_t counts[128] = {0};
    PYR_TRY(scratch_rows(encoder, p->count, &slots, error));
    PYR_TRY(scratch_rows(encoder, p->count, &rows, error));
    int32_t child;
    for (int64_t i = 0; i < p->count; ++i) {
        pyr_array_union_slot(array, pick(p, i), &child, &slots[i]);
        put(out, &array->field->type_codes[child], 1);
        counts[child] += 1;
    }
    for (int32_t c = 0; c < array->children_count; ++c) {
        picks inside = {rows, 0, 0};
        for (int64_t i = 0; counts[c] > 0 && i < p->count; ++i) {
            int64_t slot;
            pyr_array_union_slot(array, pick(p, i), &child, &slot);
            if (child == c) {
                rows[inside.count++] = slots[i];
            }
        }
        PYR_TRY(put_sequence(encoder, array->children[c], inside, out, error));
    }
    return PYR_OK;
}

/* Places of a plain array, none of them null. */
static pyr_status put_values(pyr_row_encoder *encoder, const pyr_array *array, const picks *p,
                             pyr_text *out, pyr_error *error) {
    switch (pyr_row_form(array->field->type)) {
    case ROW_FORM_BOOL:
        put_bools(array, p, out);
        return PYR_OK;
    case ROW_FORM_FIXED:
        put_fixed(array, (size_t)pyr_type_bit_width(array->field) / 8, p, out);
        return PYR_OK;
    case ROW_FORM_BYTES:
    case ROW_FORM_VIEWS:
        put_bytes(array, p, out);
        return PYR_OK;
    case ROW_FORM_LIST:
    case ROW_FORM_LIST_VIEW:
    case ROW_FORM_FIXED_SIZE_LIST:
        return put_items(encoder, array, p, out, error);
    case ROW_FORM_STRUCT:
        return put_struct(encoder, array, p, out, error);
    case ROW_FORM_UNION:
        return put_union(encoder, array, p, out, error);
    case ROW_FORM_NULL:
    case ROW_FORM_ENCODED:
        break; /* always null; followed by the caller */
    }
    return PYR_OK;
}

/* ---- Nulls, dictionaries and runs. ---- */

/* From a place of a dictionary or of runs to that of its values; -1 for null. */
static int64_t follow_place(const pyr_array *array, int64_t row) {
    if (row < 0 || array->field->type == PYR_TYPE_RUN_END_ENCODED) {
        return row < 0 ? -1 : pyr_array_run_index(array, row);
    }
    return pyr_array_is_null(array, row) ? -1 : pyr_array_dictionary_index(array, row);
}

static const pyr_array *follow_array(const pyr_array *array) {
    return array->field->type == PYR_TYPE_DICTIONARY ? array->dictionary : array->children[1];
}

static bool is_encoded(const pyr_array *array) {
    return pyr_row_form(array->field->type) == ROW_FORM_ENCODED;
}

static pyr_status follow_all(pyr_row_encoder *encoder, const pyr_array **array, picks *p,
                             pyr_error *error) {
    while (is_encoded(*array)) {
        int64_t *rows;
        PYR_TRY(scratch_rows(encoder, p->count, &rows, error));
        for (int64_t i = 0; i < p->count; ++i) {
            rows[i] = follow_place(*array, pick(p, i));
        }
        *p = (picks){rows, 0, p->count};
        *array = follow_array(*array);
    }
    return PYR_OK;
}

static pyr_status put_sequence(pyr_row_encoder *encoder, const pyr_array *array, picks p,
                               pyr_text *out, pyr_error *error) {
    if (p.count == 0) {
        return PYR_OK;
    }
    PYR_TRY(follow_all(encoder, &array, &p, error));
    size_t size = (size_t)pyr_bits_size_bytes(p.count);
    uint8_t *bits = room(out, size);
    if (bits == NULL) {
        return pyr_error_memory(error, size);
    }
    memset(bits, 0, size);
    took(out, size);
    int64_t valid = 0;
    for (int64_t i = 0; i < p.count; ++i) {
        int64_t row = pick(&p, i);
        if (row >= 0 && !pyr_array_is_null(array, row)) {
            pyr_bit_set(bits, i);
            ++valid;
        }
    }
    if (valid < p.count) {
        int64_t *rows;
        int64_t kept = 0;
        PYR_TRY(scratch_rows(encoder, valid, &rows, error));
        for (int64_t i = 0; i < p.count; ++i) {
            if (pyr_bit_get(bits, i)) {
                rows[kept++] = pick(&p, i);
            }
        }
        p = (picks){rows, 0, valid};
    }
    return put_values(encoder, array, &p, out, error);
}

/* ---- Rows. ---- */

/* A slot's value; *valid says whether there is one. */
static pyr_status put_slot(pyr_row_encoder *encoder, const bound_slot *slot, int64_t row,
                           pyr_text *out, bool *valid, pyr_error *error) {
    const pyr_array *array = slot->array;
    while (is_encoded(array) && row >= 0) {
        row = follow_place(array, row);
        array = follow_array(array);
    }
    *valid = row >= 0 && !pyr_array_is_null(array, row);
    if (!*valid) {
        return PYR_OK;
    }
    if (slot->form == ROW_FORM_FIXED) {
        put_word(out, slot->values + (size_t)row * slot->width, slot->width);
        return PYR_OK;
    }
    if (slot->form == ROW_FORM_BYTES) {
        size_t size;
        const uint8_t *bytes = pyr_array_bytes(array, row, &size);
        put_varint(out, size);
        put(out, bytes, size);
        return PYR_OK;
    }
    picks one = {NULL, row, 1};
    return put_values(encoder, array, &one, out, error);
}

static pyr_status put_row(pyr_row_encoder *encoder, int64_t row, pyr_text *out, pyr_error *error) {
    int32_t slots = encoder->layout->count;
    size_t bits_size = (size_t)pyr_bits_size_bytes(slots);
    uint8_t version = ROW_VERSION;
    put(out, &version, 1);
    put_varint(out, (uint64_t)slots);
    if (room(out, bits_size) == NULL) {
        return pyr_error_memory(error, bits_size);
    }
    size_t bits_at = out->length;
    took(out, bits_size);
    uint32_t bits = 0; /* of the byte that slot i is in */
    for (int32_t i = 0; i < slots; ++i) {
        bool valid = false;
        if (encoder->slots[i].array != NULL) {
            PYR_TRY(put_slot(encoder, &encoder->slots[i], row, out, &valid, error));
        }
        bits |= (uint32_t)valid << (i % 8);
        if (i % 8 == 7 || i == slots - 1) {
            out->data[bits_at + (size_t)i / 8] = (char)bits; /* data may have moved */
            bits = 0;
        }
    }
    return PYR_OK;
}

pyr_status pyr_row_encode(pyr_row_encoder *encoder, int64_t row, pyr_text *out, pyr_error *error) {
    size_t before = out->length;
    if (encoder->scratch.used_bytes > 0) {
        pyr_arena_reset(&encoder->scratch);
    }
    PYR_TRY(pyr_text_check(out, error));
    pyr_status status = put_row(encoder, row, out, error);
    if (status == PYR_OK) {
        status = pyr_text_check(out, error);
    }
    if (status == PYR_OK && out->length - before > ROW_BYTES_MAX) {
        status =
            pyr_error_set(error, PYR_ERROR_LIMIT, "a row of %zu bytes, at most %zu can be kept",
                          out->length - before, ROW_BYTES_MAX);
    }
    if (status != PYR_OK) {
        out->length = before;
    }
    if (out->data != NULL) {
        out->data[out->length] = '\0';
    }
    return status;
}

/* ---- Encoders. ---- */

static pyr_status bind(pyr_row_encoder *encoder, int32_t slot, int32_t column, pyr_error *error) {
    if (column < 0) {
        return PYR_OK;
    }
    const layout_slot *to = &encoder->layout->slots[slot];
    if (column >= encoder->batch->columns_count) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "column \"%s\": the batch has no column %d", to->field->name, column);
    }
    const pyr_array *array = encoder->batch->columns[column];
    pyr_field *plain = NULL;
    PYR_TRY(pyr_row_plain_field(array->field, &plain, error));
    bool fits = pyr_field_type_equal(plain, to->plain);
    pyr_field_release(plain);
    if (!fits) {
        pyr_text have, want;
        pyr_text_init(&have);
        pyr_text_init(&want);
        pyr_field_type_print(array->field, &have);
        pyr_field_type_print(to->field, &want);
        pyr_status status = pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                          "column \"%s\": is %s, the table has %s", to->field->name,
                                          pyr_text_get(&have), pyr_text_get(&want));
        pyr_text_deinit(&have);
        pyr_text_deinit(&want);
        return status;
    }
    bound_slot *bound = &encoder->slots[slot];
    bound->array = array;
    bound->form = pyr_row_form(array->field->type);
    if (bound->form == ROW_FORM_FIXED) {
        bound->width = (size_t)pyr_type_bit_width(array->field) / 8;
        const uint8_t *data = array->buffers[1] != NULL ? array->buffers[1]->data : NULL;
        bound->values = data != NULL ? data + (size_t)array->offset * bound->width
                                     : (const uint8_t *)""; /* no rows, or no bytes in them */
    }
    return PYR_OK;
}

static pyr_status bind_all(pyr_row_encoder *encoder, const int32_t *columns, pyr_error *error) {
    int32_t slots = encoder->layout->count;
    if (columns == NULL && encoder->batch->columns_count != slots) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "a batch of %d columns for %d slots", encoder->batch->columns_count,
                             slots);
    }
    for (int32_t i = 0; i < slots; ++i) {
        PYR_TRY(bind(encoder, i, columns != NULL ? columns[i] : i, error));
    }
    return PYR_OK;
}

pyr_status pyr_row_encoder_create(pyr_row_layout *layout, pyr_batch *batch, const int32_t *columns,
                                  pyr_row_encoder **out, pyr_error *error) {
    *out = NULL;
    pyr_row_encoder *encoder = calloc(1, sizeof(*encoder));
    if (encoder == NULL) {
        return pyr_error_memory(error, sizeof(*encoder));
    }
    encoder->layout = pyr_row_layout_retain(layout);
    encoder->batch = pyr_batch_retain(batch);
    pyr_arena_init(&encoder->scratch, NULL);
    size_t size = ((size_t)layout->count + 1) * sizeof(*encoder->slots);
    encoder->slots = calloc(1, size);
    pyr_status status =
        encoder->slots != NULL ? bind_all(encoder, columns, error) : pyr_error_memory(error, size);
    if (status != PYR_OK) {
        pyr_row_encoder_destroy(encoder);
        return status;
    }
    *out = encoder;
    return PYR_OK;
}

void pyr_row_encoder_destroy(pyr_row_encoder *encoder) {
    if (encoder != NULL) {
        pyr_arena_deinit(&encoder->scratch);
        pyr_batch_release(encoder->batch);
        pyr_row_layout_release(encoder->layout);
        free(encoder->slots);
        free(encoder);
    }
}
