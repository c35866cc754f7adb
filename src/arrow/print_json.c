/* print_json.c - values as JSON; see builder.h. */
#include "arrow/arrow_internal.h"
#include "arrow/builder.h"

#include "base/text.h"

#include <math.h>

/* RFC 4648, "Base 64 Encoding", with padding. */
static void add_base64(pyr_text *text, const uint8_t *bytes, size_t size_bytes) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size_bytes; i += 3) {
        size_t left = size_bytes - i;
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes[i + 2] : 0;
        char letters[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
                           left > 1 ? alphabet[group >> 6 & 63] : '=',
                           left > 2 ? alphabet[group & 63] : '='};
        pyr_text_append(text, letters, sizeof(letters));
    }
}

static void print_list(const pyr_array *array, int64_t index, pyr_text *text) {
    int64_t start, length;
    pyr_array_list_range(array, index, &start, &length);
    pyr_text_add_char(text, '[');
    for (int64_t i = 0; i < length; ++i) {
        pyr_text_add(text, i > 0 ? "," : "");
        pyr_array_print_json(array->children[0], start + i, text);
    }
    pyr_text_add_char(text, ']');
}

static void print_map(const pyr_array *array, int64_t index, pyr_text *text) {
    int64_t start, length;
    pyr_array_list_range(array, index, &start, &length);
    const pyr_array *entries = array->children[0];
    pyr_text_add_char(text, '[');
    for (int64_t i = start; i < start + length; ++i) {
        pyr_text_add(text, i > start ? ",{\"key\":" : "{\"key\":");
        pyr_array_print_json(entries->children[0], entries->offset + i, text);
        pyr_text_add(text, ",\"value\":");
        pyr_array_print_json(entries->children[1], entries->offset + i, text);
        pyr_text_add_char(text, '}');
    }
    pyr_text_add_char(text, ']');
}

static void print_struct(const pyr_array *array, int64_t index, pyr_text *text) {
    pyr_text_add_char(text, '{');
    for (int32_t i = 0; i < array->children_count; ++i) {
        const char *name = array->field->children[i]->name;
        pyr_text_add(text, i > 0 ? "," : "");
        pyr_text_add_json(text, name, strlen(name));
        pyr_text_add_char(text, ':');
        pyr_array_print_json(array->children[i], array->offset + index, text);
    }
    pyr_text_add_char(text, '}');
}

/* Dates, times, intervals: their text has no character that JSON escapes. */
static void print_quoted(const pyr_array *array, int64_t index, pyr_text *text) {
    pyr_text_add_char(text, '"');
    pyr_print_scalar(array, index, true, text);
    pyr_text_add_char(text, '"');
}

static void print_bytes(const pyr_array *array, int64_t index, pyr_text *text) {
    size_t size;
    const uint8_t *bytes = pyr_array_bytes(array, index, &size);
    if (pyr_type_is_utf8(array->field->type)) {
        pyr_text_add_json(text, (const char *)bytes, size);
        return;
    }
    bool number = false;
    pyr_text value;
    pyr_text_init(&value);
    bool extension = pyr_print_extension(array, index, &number, &value);
    number = number && extension;
    pyr_text_add(text, number ? "" : "\"");
    if (extension) {
        pyr_text_append(text, pyr_text_get(&value), value.length); /* nothing that JSON escapes */
        text->failed |= value.failed;
    } else {
        add_base64(text, bytes, size);
    }
    pyr_text_add(text, number ? "" : "\"");
    pyr_text_deinit(&value);
}

static void print_leaf(const pyr_array *array, int64_t index, pyr_text *text) {
    pyr_type_id type = array->field->type;
    if (pyr_type_is_utf8(type) || pyr_type_is_binary(type) || type == PYR_TYPE_FIXED_SIZE_BINARY) {
        print_bytes(array, index, text);
    } else if (type >= PYR_TYPE_DATE32 && type <= PYR_TYPE_INTERVAL_MONTH_DAY_NANO) {
        print_quoted(array, index, text);
    } else if (type >= PYR_TYPE_FLOAT16 && type <= PYR_TYPE_FLOAT64 &&
               !isfinite(pyr_array_double(array, index))) {
        pyr_text_add(text, "null");
    } else {
        pyr_print_scalar(array, index, true, text);
    }
}

void pyr_array_print_json(const pyr_array *array, int64_t index, pyr_text *text) {
    if (!pyr_print_resolve(&array, &index, NULL)) {
        pyr_text_add(text, "null");
        return;
    }
    switch (array->field->type) {
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
    case PYR_TYPE_FIXED_SIZE_LIST:
        print_list(array, index, text);
        break;
    case PYR_TYPE_MAP:
        print_map(array, index, text);
        break;
    case PYR_TYPE_STRUCT:
        print_struct(array, index, text);
        break;
    default:
        print_leaf(array, index, text);
        break;
    }
}
