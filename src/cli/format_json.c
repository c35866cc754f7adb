/* format_json.c - a JSON array of objects, one object a line; NDJSON is the same without the array.
 * Values as pyr_array_print_json makes them.
 */
#include "arrow/builder.h"
#include "cli/format_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct json_formatter {
    pyr_formatter base;
    bool array;
    /* "{\"name\":" or ",\"name\":" for each column, made once. */
    char **keys;
} json_formatter;

static pyr_status json_begin(pyr_formatter *base, pyr_error *error) {
    json_formatter *self = (json_formatter *)base;
    size_t count = (size_t)base->schema->fields_count;
    self->keys = calloc(count + 1, sizeof(*self->keys));
    if (self->keys == NULL) {
        return pyr_error_memory(error, count * sizeof(*self->keys));
    }
    for (size_t i = 0; i < count; ++i) {
        const char *name = base->schema->fields[i]->name;
        pyr_text key;
        pyr_text_init(&key);
        pyr_text_add_char(&key, i > 0 ? ',' : '{');
        pyr_text_add_json(&key, name, strlen(name));
        pyr_text_add_char(&key, ':');
        self->keys[i] = pyr_text_move(&key);
        if (self->keys[i] == NULL) {
            return pyr_error_memory(error, strlen(name));
        }
    }
    if (self->array) {
        pyr_text_add_char(&base->output->buffer, '[');
    }
    return PYR_OK;
}

static void json_row(pyr_formatter *base, const pyr_batch *batch, int64_t row) {
    json_formatter *self = (json_formatter *)base;
    pyr_text *out = &base->output->buffer;
    if (self->array && base->rows > 0) {
        pyr_text_add(out, ",\n");
    }
    if (batch->columns_count == 0) {
        pyr_text_add_char(out, '{');
    }
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        pyr_text_add(out, self->keys[i]);
        pyr_array_print_json(batch->columns[i], row, out);
    }
    pyr_text_add(out, self->array ? "}" : "}\n");
}

static pyr_status json_end(pyr_formatter *base, pyr_error *error) {
    json_formatter *self = (json_formatter *)base;
    if (self->array) {
        pyr_text_add(&base->output->buffer, "]\n");
    }
    return pyr_text_check(&base->output->buffer, error);
}

static void json_destroy(pyr_formatter *base) {
    json_formatter *self = (json_formatter *)base;
    for (size_t i = 0; self->keys != NULL && self->keys[i] != NULL; ++i) {
        free(self->keys[i]);
    }
    free(self->keys);
    free(self);
}

static const pyr_formatter_ops json_ops = {
    .begin = json_begin, .row = json_row, .end = json_end, .destroy = json_destroy};

pyr_formatter *pyr_format_json_create(const pyr_format *format) {
    json_formatter *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->base.ops = &json_ops;
    self->array = format->kind == PYR_FORMAT_JSON;
    return &self->base;
}
