/* print.c - values as text, as DuckDB 1.5 casts them to VARCHAR; see builder.h.
 *
 * Inside of lists, structs and maps a value's text stands in quotes only where it would be misread
 * otherwise: when it is empty, is the word NULL, begins or ends with white space, or has one of
 * "'(),:=[]{}. In quotes, quotes and backslashes get a backslash. */
#include "arrow/arrow_internal.h"
#include "arrow/builder.h"

#include "base/text.h"

#include <strings.h>

static void print_array(const pyr_array *array, int64_t index, bool nested, pyr_text *text);

/* ---- Quoting. ---- */

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool needs_quotes(const char *bytes, size_t length) {
    if (length == 0 || is_space(bytes[0]) || is_space(bytes[length - 1]) ||
        (length == 4 && strncasecmp(bytes, "null", 4) == 0)) {
        return true;
    }
    for (size_t i = 0; i < length; ++i) {
        if (bytes[i] != '\0' && strchr("\"'(),:=[]{}", bytes[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void add_quoted(pyr_text *text, const char *bytes, size_t length) {
    pyr_text_add_char(text, '\'');
    size_t done = 0;
    for (size_t i = 0; i < length; ++i) {
        if (bytes[i] == '\'' || bytes[i] == '\\') {
            pyr_text_append(text, bytes + done, i - done);
            pyr_text_add_char(text, '\\');
            done = i;
        }
    }
    pyr_text_append(text, bytes + done, length - done);
    pyr_text_add_char(text, '\'');
}

static void add_nested(pyr_text *text, const char *bytes, size_t length) {
    if (needs_quotes(bytes, length)) {
        add_quoted(text, bytes, length);
    } else {
        pyr_text_append(text, bytes, length);
    }
}

/* ---- Leaves. ---- */

/* Printable ASCII as it is, but quotes and the backslash; the rest as \xHH. */
static void add_blob(pyr_text *text, const uint8_t *bytes, size_t size_bytes) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < size_bytes; ++i) {
        uint8_t b = bytes[i];
        if (b >= 0x20 && b < 0x7f && b != '\\' && b != '\'' && b != '"') {
            pyr_text_add_char(text, (char)b);
        } else {
            char escape[4] = {'\\', 'x', hex[b >> 4], hex[b & 15]};
            pyr_text_append(text, escape, sizeof(escape));
        }
    }
}

static void print_leaf(const pyr_array *array, int64_t index, pyr_text *text) {
    pyr_type_id type = array->field->type;
    size_t size;
    if (pyr_type_is_utf8(type)) {
        const uint8_t *bytes = pyr_array_bytes(array, index, &size);
        pyr_text_append(text, (const char *)bytes, size);
    } else if (pyr_type_is_binary(type) || type == PYR_TYPE_FIXED_SIZE_BINARY) {
        bool number;
        if (!pyr_print_extension(array, index, &number, text)) {
            const uint8_t *bytes = pyr_array_bytes(array, index, &size);
            add_blob(text, bytes, size);
        }
    } else {
        pyr_print_scalar(array, index, false, text);
    }
}

static void print_nested_leaf(const pyr_array *array, int64_t index, pyr_text *text) {
    pyr_text leaf;
    pyr_text_init(&leaf);
    print_leaf(array, index, &leaf);
    text->failed |= leaf.failed;
    add_nested(text, pyr_text_get(&leaf), leaf.length);
    pyr_text_deinit(&leaf);
}

static bool is_json(const pyr_field *field) {
    const char *name = pyr_metadata_find(field->metadata, "ARROW:extension:name", NULL);
    return name != NULL && strcmp(name, "arrow.json") == 0;
}

/* ---- Nesting. ---- */

static void print_list(const pyr_array *array, int64_t index, pyr_text *text) {
    int64_t start, length;
    pyr_array_list_range(array, index, &start, &length);
    pyr_text_add_char(text, '[');
    for (int64_t i = 0; i < length; ++i) {
        pyr_text_add(text, i > 0 ? ", " : "");
        print_array(array->children[0], start + i, true, text);
    }
    pyr_text_add_char(text, ']');
}

static void print_map(const pyr_array *array, int64_t index, pyr_text *text) {
    int64_t start, length;
    pyr_array_list_range(array, index, &start, &length);
    const pyr_array *entries = array->children[0];
    pyr_text_add_char(text, '{');
    for (int64_t i = start; i < start + length; ++i) {
        pyr_text_add(text, i > start ? ", " : "");
        print_array(entries->children[0], entries->offset + i, true, text);
        pyr_text_add_char(text, '=');
        print_array(entries->children[1], entries->offset + i, true, text);
    }
    pyr_text_add_char(text, '}');
}

/* A struct whose first field has no name came from row(...): "(1, a)". */
static void print_struct(const pyr_array *array, int64_t index, pyr_text *text) {
    const pyr_field *field = array->field;
    bool is_row = field->children_count > 0 && field->children[0]->name[0] == '\0';
    pyr_text_add_char(text, is_row ? '(' : '{');
    for (int32_t i = 0; i < field->children_count; ++i) {
        const char *name = field->children[i]->name;
        pyr_text_add(text, i > 0 ? ", " : "");
        if (!is_row) {
            add_quoted(text, name, strlen(name));
            pyr_text_add(text, ": ");
        }
        print_array(array->children[i], array->offset + index, true, text);
    }
    pyr_text_add_char(text, is_row ? ')' : '}');
}

static void print_array(const pyr_array *array, int64_t index, bool nested, pyr_text *text) {
    bool in_union = false;
    if (!pyr_print_resolve(&array, &index, &in_union)) {
        pyr_text_add(text, "NULL");
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
        /* DuckDB quotes no member of a union, and no JSON. */
        if (nested && !in_union && !is_json(array->field)) {
            print_nested_leaf(array, index, text);
        } else {
            print_leaf(array, index, text);
        }
        break;
    }
}

void pyr_array_print_value(const pyr_array *array, int64_t index, pyr_text *text) {
    print_array(array, index, false, text);
}
