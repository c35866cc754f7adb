/* storage_row_codec_fuzz.c - rows of any layout: the input's first bytes choose the types, the rest
 * are rows with their lengths before them. What decodes is valid all the way down, is the same
 * column by column, and is the same again after being encoded. */
#include "base/cursor.h"
#include "fuzz.h"
#include "storage/row_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MAX = 4, CHILDREN_MAX = 3, DEPTH_MAX = 4, ROWS_MAX = 40 };
#define BUDGET_BYTES ((size_t)32 << 20)

/* ---- Types by their bytes: the id, then what parameters and children take. ---- */

static uint8_t next_byte(pyr_cursor *input) {
    uint8_t byte = 0;
    (void)pyr_cursor_u8(input, &byte);
    return byte;
}

static pyr_field *next_field(pyr_cursor *input, int depth);

static pyr_field *nested(pyr_cursor *input, pyr_type_id type, int depth) {
    pyr_error error;
    pyr_field *children[CHILDREN_MAX] = {0}, *field;
    static const int8_t codes[CHILDREN_MAX] = {9, 0, 127};
    bool is_union = type == PYR_TYPE_SPARSE_UNION || type == PYR_TYPE_DENSE_UNION;
    int32_t count = 1, parameter = 0;
    if (is_union || type == PYR_TYPE_STRUCT) {
        count = next_byte(input) % (CHILDREN_MAX + 1);
    } else if (type == PYR_TYPE_FIXED_SIZE_LIST) {
        parameter = next_byte(input) % 12;
    } else if (type == PYR_TYPE_MAP) {
        children[0] = next_field(input, depth + 1);
        children[1] = next_field(input, depth + 1);
        MUST(pyr_field_create_nested("entries", PYR_TYPE_STRUCT, 0, children, 2, &field, &error) ==
             PYR_OK);
        pyr_field_release(children[0]);
        pyr_field_release(children[1]);
        children[0] = field;
    }
    for (int32_t i = 0; i < count && type != PYR_TYPE_MAP; ++i) {
        children[i] = next_field(input, depth + 1);
    }
    MUST((is_union ? pyr_field_create_union("u", type, codes, children, count, &field, &error)
                   : pyr_field_create_nested("n", type, parameter, children, count, &field,
                                             &error)) == PYR_OK);
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(children[i]);
    }
    return field;
}

static pyr_field *next_field(pyr_cursor *input, int depth) {
    pyr_error error;
    pyr_field *field = NULL;
    pyr_type_id type = (pyr_type_id)(next_byte(input) % PYR_TYPE_DICTIONARY);
    if (depth >= DEPTH_MAX && type >= PYR_TYPE_LIST) {
        type = PYR_TYPE_UTF8;
    }
    switch (type) {
    case PYR_TYPE_FIXED_SIZE_BINARY:
        MUST(pyr_field_create_fixed_size_binary("b", next_byte(input) % 40, &field, &error) ==
             PYR_OK);
        return field;
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
        MUST(pyr_field_create_time("t", type,
                                   type == PYR_TYPE_TIME32 ? PYR_UNIT_SECOND : PYR_UNIT_NANOSECOND,
                                   NULL, &field, &error) == PYR_OK);
        return field;
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        MUST(pyr_field_create_decimal("d", type, 9, 2, &field, &error) == PYR_OK);
        return field;
    default:
        break;
    }
    if (type >= PYR_TYPE_LIST) {
        return nested(input, type, depth);
    }
    MUST(pyr_field_create("f", type, &field, &error) == PYR_OK);
    return field;
}

static pyr_row_layout *next_layout(pyr_cursor *input, int32_t *count) {
    pyr_error error;
    pyr_row_slot slots[SLOTS_MAX] = {{0}};
    pyr_row_layout *layout;
    *count = 1 + next_byte(input) % SLOTS_MAX;
    for (int32_t i = 0; i < *count; ++i) {
        slots[i].field = next_field(input, 0);
    }
    MUST(pyr_row_layout_create(slots, *count, &layout, &error) == PYR_OK);
    for (int32_t i = 0; i < *count; ++i) {
        pyr_field_release(slots[i].field);
    }
    return layout;
}

/* ---- Use. ---- */

/* NULL for an error, which must be one of those that are promised. */
static pyr_batch *decode(pyr_row_layout *layout, const int32_t *slots, int32_t count,
                         const pyr_row_bytes *rows, int64_t rows_count) {
    pyr_error error;
    pyr_row_decoder *decoder;
    pyr_batch *batch;
    pyr_budget *budget = pyr_budget_create(BUDGET_BYTES);
    MUST(budget != NULL);
    MUST(pyr_row_decoder_create(layout, slots, count, &decoder, &error) == PYR_OK);
    pyr_status status = pyr_row_decode(decoder, rows, rows_count, NULL, budget, &batch, &error);
    MUST((status == PYR_OK) == (batch != NULL));
    if (batch != NULL) {
        MUST(pyr_batch_validate(batch, PYR_VALIDATE_FULL, &error) == PYR_OK);
    } else {
        MUST(status == PYR_ERROR_CORRUPT || status == PYR_ERROR_MEMORY ||
             status == PYR_ERROR_LIMIT);
    }
    pyr_row_decoder_destroy(decoder);
    pyr_budget_release(budget);
    return batch;
}

static void check_alone(pyr_row_layout *layout, const pyr_row_bytes *rows, const pyr_batch *all) {
    for (int32_t i = 0; i < all->columns_count; ++i) {
        pyr_batch *one = decode(layout, &i, 1, rows, all->rows);
        MUST(one != NULL && pyr_array_equal(one->columns[0], all->columns[i]));
        pyr_batch_release(one);
    }
}

static void check_again(pyr_row_layout *layout, pyr_batch *batch) {
    pyr_error error;
    pyr_row_encoder *encoder;
    pyr_text text;
    pyr_row_bytes rows[ROWS_MAX];
    size_t ends[ROWS_MAX];
    pyr_text_init(&text);
    MUST(pyr_row_encoder_create(layout, batch, NULL, &encoder, &error) == PYR_OK);
    for (int64_t i = 0; i < batch->rows; ++i) {
        MUST(pyr_row_encode(encoder, i, &text, &error) == PYR_OK);
        ends[i] = text.length;
    }
    for (int64_t i = 0; i < batch->rows; ++i) {
        size_t start = i > 0 ? ends[i - 1] : 0;
        rows[i] = (pyr_row_bytes){(const uint8_t *)text.data + start, ends[i] - start};
    }
    pyr_batch *again = decode(layout, NULL, batch->columns_count, rows, batch->rows);
    MUST(again != NULL && pyr_batch_equal(batch, again));
    pyr_batch_release(again);
    pyr_row_encoder_destroy(encoder);
    pyr_text_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_cursor input = pyr_cursor_over(data, size);
    int32_t count;
    pyr_row_layout *layout = next_layout(&input, &count);
    pyr_row_bytes rows[ROWS_MAX];
    int64_t rows_count = 0;
    uint8_t length;
    while (rows_count < ROWS_MAX && pyr_cursor_u8(&input, &length)) {
        pyr_row_bytes *row = &rows[rows_count++];
        /* The last row, or one of length 255, takes all the rest. */
        row->size_bytes =
            length == 255 || length > pyr_cursor_left(&input) ? pyr_cursor_left(&input) : length;
        MUST(pyr_cursor_bytes(&input, row->size_bytes, &row->data));
    }
    pyr_batch *batch = decode(layout, NULL, count, rows, rows_count);
    if (batch != NULL) {
        check_alone(layout, rows, batch);
        check_again(layout, batch);
        pyr_batch_release(batch);
    }
    pyr_row_layout_release(layout);
    return 0;
}
