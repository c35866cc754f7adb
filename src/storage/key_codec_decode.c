/* key_codec_decode.c - keys back to values; see key_codec.h. Keys come from the store, which a
 * damaged disk or another program may have written: every byte is checked. */
#include "base/cursor.h"
#include "storage/key_codec_internal.h"

#include <assert.h>
#include <string.h>

typedef struct key_reading {
    pyr_cursor bytes;
    pyr_text *scratch; /* of texts with zero bytes in them */
    const key_column *column;
    pyr_error *error;
} key_reading;

static pyr_status corrupt(const key_reading *r, const char *what) {
    return pyr_error_set(r->error, PYR_ERROR_CORRUPT, "stored key: column \"%s\": %s at byte %zu",
                         r->column->field->name, what, r->bytes.position);
}

/* Width bytes the other way round, the sign bit as it was. */
static pyr_status read_number(key_reading *r, bool is_signed, uint8_t *value) {
    size_t width = r->column->width;
    const uint8_t *bytes;
    assert(width > 0 && width <= KEY_WIDTH_MAX);
    if (!pyr_cursor_bytes(&r->bytes, width, &bytes)) {
        return corrupt(r, "ends within a value");
    }
    for (size_t i = 0; i < width; ++i) {
        value[width - 1 - i] = bytes[i];
    }
    value[width - 1] = is_signed ? value[width - 1] ^ 0x80 : value[width - 1];
    return PYR_OK;
}

static pyr_status read_float(key_reading *r, pyr_builder *builder) {
    size_t width = r->column->width;
    uint64_t bits = 0, sign = key_sign(width);
    PYR_TRY(read_number(r, false, (uint8_t *)&bits));
    bits = (bits & sign) != 0 ? bits & ~sign : ~bits & key_mask(width);
    bool nan = (bits & ~sign) > key_infinity(width);
    if (bits == sign || (nan && bits != key_nan(width))) {
        return corrupt(r, "a zero or NaN that is not the one of keys");
    }
    return pyr_builder_bytes(builder, &bits, width, r->error);
}

static pyr_status read_time_tz(key_reading *r, pyr_builder *builder) {
    uint64_t bits;
    PYR_TRY(read_number(r, false, (uint8_t *)&bits));
    /* The offset's bits are not changed by what was added above them. */
    bits -= key_time_tz_shift(bits);
    return pyr_builder_bytes(builder, &bits, sizeof(bits), r->error);
}

/* Where the text ends, and whether it has zero bytes in it. */
static bool find_end(const key_reading *r, size_t *size, bool *escaped) {
    const uint8_t *from = r->bytes.data + r->bytes.position;
    size_t left = pyr_cursor_left(&r->bytes);
    *size = 0;
    *escaped = false;
    for (;;) {
        const uint8_t *zero = *size < left ? memchr(from + *size, 0, left - *size) : NULL;
        if (zero == NULL || (size_t)(zero - from) + 2 > left) {
            return false;
        }
        *size = (size_t)(zero - from);
        if (zero[1] == KEY_END) {
            return true;
        }
        if (zero[1] != KEY_ESCAPE) {
            return false;
        }
        *size += 2;
        *escaped = true;
    }
}

static pyr_status read_bytes(key_reading *r, pyr_builder *builder) {
    size_t size;
    bool escaped;
    if (!find_end(r, &size, &escaped)) {
        return corrupt(r, "a text without its end");
    }
    const uint8_t *bytes = r->bytes.data + r->bytes.position;
    r->bytes.position += size + 2;
    if (escaped) {
        pyr_text_clear(r->scratch);
        for (size_t i = 0; i < size; ++i) {
            pyr_text_add_char(r->scratch, (char)bytes[i]);
            i += bytes[i] == 0; /* the escape behind it */
        }
        PYR_TRY(pyr_text_check(r->scratch, r->error));
        bytes = (const uint8_t *)r->scratch->data;
        size = r->scratch->length;
    }
    pyr_status status = pyr_builder_bytes(builder, bytes, size, r->error);
    /* The builder refuses text that is not UTF-8: in a stored key that is damage. */
    return status == PYR_ERROR_SQL ? corrupt(r, "a text that is not valid UTF-8") : status;
}

static pyr_status read_value(key_reading *r, pyr_builder *builder) {
    uint8_t value[KEY_WIDTH_MAX] = {0};
    const uint8_t *bytes;
    uint8_t byte;
    switch (r->column->form) {
    case KEY_FORM_NULL:
        return corrupt(r, "a value of type null");
    case KEY_FORM_BOOL:
        return pyr_cursor_u8(&r->bytes, &byte) && byte <= 1
                   ? pyr_builder_int64(builder, byte, r->error)
                   : corrupt(r, "no truth value");
    case KEY_FORM_UNSIGNED:
    case KEY_FORM_SIGNED:
        PYR_TRY(read_number(r, r->column->form == KEY_FORM_SIGNED, value));
        return pyr_builder_bytes(builder, value, r->column->width, r->error);
    case KEY_FORM_FLOAT:
        return read_float(r, builder);
    case KEY_FORM_BYTES:
        return read_bytes(r, builder);
    case KEY_FORM_TIME_TZ:
        return read_time_tz(r, builder);
    default:
        return pyr_cursor_bytes(&r->bytes, r->column->width, &bytes)
                   ? pyr_builder_bytes(builder, bytes, r->column->width, r->error)
                   : corrupt(r, "ends within a value");
    }
}

static pyr_status read_columns(const pyr_key_codec *codec, key_reading *r,
                               pyr_builder *const *builders) {
    for (int32_t i = 0; i < codec->count; ++i) {
        r->column = &codec->columns[i];
        uint8_t tag = KEY_VALUE;
        if (codec->nulls == PYR_KEY_NULLS_LAST &&
            (!pyr_cursor_u8(&r->bytes, &tag) || (tag != KEY_VALUE && tag != KEY_NULL))) {
            return corrupt(r, "neither a value nor null");
        }
        PYR_TRY(tag == KEY_NULL ? pyr_builder_null(builders[i], r->error)
                                : read_value(r, builders[i]));
    }
    return pyr_cursor_left(&r->bytes) == 0
               ? PYR_OK
               : pyr_error_set(r->error, PYR_ERROR_CORRUPT,
                               "stored key: %zu bytes follow the last column",
                               pyr_cursor_left(&r->bytes));
}

pyr_status pyr_key_decode(const pyr_key_codec *codec, const uint8_t *key, size_t size_bytes,
                          pyr_builder *const *builders, pyr_error *error) {
    pyr_text scratch;
    pyr_text_init(&scratch);
    key_reading r = {
        .bytes = pyr_cursor_over(key, size_bytes), .scratch = &scratch, .error = error};
    pyr_status status = read_columns(codec, &r, builders);
    pyr_text_deinit(&scratch);
    return status;
}
