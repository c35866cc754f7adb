/* format_csv.c - CSV (RFC 4180) and TSV with a header.
 *
 * NULL is an empty field, an empty string is "". A field is quoted where it holds the delimiter, a
 * quote or a line break, or begins or ends with a space that a reader might trim. Lines end with
 * LF.
 */
#include "arrow/builder.h"
#include "cli/format_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct csv_formatter {
    pyr_formatter base;
    char delimiter;
    pyr_text cell;
} csv_formatter;

static bool needs_quotes(const char *text, size_t length, char delimiter) {
    if (length == 0 || text[0] == ' ' || text[length - 1] == ' ') {
        return true;
    }
    for (size_t i = 0; i < length; ++i) {
        if (text[i] == delimiter || text[i] == '"' || text[i] == '\n' || text[i] == '\r') {
            return true;
        }
    }
    return false;
}

static void add_field(pyr_text *out, const char *text, size_t length, char delimiter) {
    if (!needs_quotes(text, length, delimiter)) {
        pyr_text_append(out, text, length);
        return;
    }
    pyr_text_add_char(out, '"');
    for (const char *rest = text; length > 0;) {
        const char *quote = memchr(rest, '"', length);
        size_t part = quote != NULL ? (size_t)(quote - rest) + 1 : length;
        pyr_text_append(out, rest, part);
        if (quote != NULL) {
            pyr_text_add_char(out, '"');
        }
        rest += part;
        length -= part;
    }
    pyr_text_add_char(out, '"');
}

/* Dictionaries, unions and run-end encoded arrays may be null by the value behind them. */
static bool is_null(const pyr_array *array, int64_t index) {
    for (;;) {
        if (pyr_array_is_null(array, index)) {
            return true;
        }
        int32_t child;
        switch (array->field->type) {
        case PYR_TYPE_DICTIONARY:
            index = pyr_array_dictionary_index(array, index);
            array = array->dictionary;
            break;
        case PYR_TYPE_RUN_END_ENCODED:
            index = pyr_array_run_index(array, index);
            array = array->children[1];
            break;
        case PYR_TYPE_SPARSE_UNION:
        case PYR_TYPE_DENSE_UNION:
            pyr_array_union_slot(array, index, &child, &index);
            array = array->children[child];
            break;
        default:
            return false;
        }
    }
}

static pyr_status csv_begin(pyr_formatter *base, pyr_error *error) {
    csv_formatter *self = (csv_formatter *)base;
    pyr_text *out = &base->output->buffer;
    for (int32_t i = 0; i < base->schema->fields_count; ++i) {
        const char *name = base->schema->fields[i]->name;
        if (i > 0) {
            pyr_text_add_char(out, self->delimiter);
        }
        add_field(out, name, strlen(name), self->delimiter);
    }
    pyr_text_add_char(out, '\n');
    return pyr_text_check(out, error);
}

static void csv_row(pyr_formatter *base, const pyr_batch *batch, int64_t row) {
    csv_formatter *self = (csv_formatter *)base;
    pyr_text *out = &base->output->buffer;
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        if (i > 0) {
            pyr_text_add_char(out, self->delimiter);
        }
        if (is_null(batch->columns[i], row)) {
            continue;
        }
        pyr_text_clear(&self->cell);
        pyr_array_print_value(batch->columns[i], row, &self->cell);
        out->failed = out->failed || self->cell.failed;
        add_field(out, pyr_text_get(&self->cell), self->cell.length, self->delimiter);
    }
    pyr_text_add_char(out, '\n');
}

static void csv_destroy(pyr_formatter *base) {
    csv_formatter *self = (csv_formatter *)base;
    pyr_text_deinit(&self->cell);
    free(self);
}

static const pyr_formatter_ops csv_ops = {
    .begin = csv_begin, .row = csv_row, .destroy = csv_destroy};

pyr_formatter *pyr_format_csv_create(const pyr_format *format) {
    csv_formatter *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->base.ops = &csv_ops;
    self->delimiter = format->kind == PYR_FORMAT_TSV ? '\t' : ',';
    pyr_text_init(&self->cell);
    return &self->base;
}
