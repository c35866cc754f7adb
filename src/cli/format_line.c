/* format_line.c - one "name = value" a line, an empty line between rows: for wide rows and long
 * texts, whose line breaks are kept. */
#include "arrow/builder.h"
#include "cli/display.h"
#include "cli/format_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct line_formatter {
    pyr_formatter base;
    char **names; /* as displayed, at the right of the widest */
    pyr_text cell;
} line_formatter;

static pyr_status line_begin(pyr_formatter *base, pyr_error *error) {
    line_formatter *self = (line_formatter *)base;
    size_t count = (size_t)base->schema->fields_count;
    size_t widest = 0;
    self->names = calloc(count + 1, sizeof(*self->names));
    if (self->names == NULL) {
        return pyr_error_memory(error, count * sizeof(*self->names));
    }
    /* Twice: the widest name is known only after all were displayed. */
    for (int pass = 0; pass < 2; ++pass) {
        for (size_t i = 0; i < count; ++i) {
            const char *name = base->schema->fields[i]->name;
            pyr_text shown;
            pyr_text_init(&shown);
            pyr_display_escape(name, strlen(name), false, &shown);
            size_t columns = pyr_display_columns(pyr_text_get(&shown), shown.length);
            if (pass == 0) {
                widest = columns > widest ? columns : widest;
                pyr_text_deinit(&shown);
                continue;
            }
            pyr_text padded;
            pyr_text_init(&padded);
            pyr_display_fit(pyr_text_get(&shown), shown.length, widest, true, &padded);
            pyr_text_deinit(&shown);
            self->names[i] = pyr_text_move(&padded);
            if (self->names[i] == NULL) {
                return pyr_error_memory(error, widest);
            }
        }
    }
    return PYR_OK;
}

static void line_row(pyr_formatter *base, const pyr_batch *batch, int64_t row) {
    line_formatter *self = (line_formatter *)base;
    pyr_text *out = &base->output->buffer;
    if (base->rows > 0) {
        pyr_text_add_char(out, '\n');
    }
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        pyr_text_clear(&self->cell);
        pyr_array_print_value(batch->columns[i], row, &self->cell);
        out->failed = out->failed || self->cell.failed;
        pyr_text_add(out, self->names[i]);
        pyr_text_add(out, " = ");
        pyr_display_escape(pyr_text_get(&self->cell), self->cell.length, true, out);
        pyr_text_add_char(out, '\n');
    }
}

static void line_destroy(pyr_formatter *base) {
    line_formatter *self = (line_formatter *)base;
    for (size_t i = 0; self->names != NULL && self->names[i] != NULL; ++i) {
        free(self->names[i]);
    }
    free(self->names);
    pyr_text_deinit(&self->cell);
    free(self);
}

static const pyr_formatter_ops line_ops = {
    .begin = line_begin, .row = line_row, .destroy = line_destroy};

pyr_formatter *pyr_format_line_create(const pyr_format *format) {
    (void)format;
    line_formatter *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->base.ops = &line_ops;
    pyr_text_init(&self->cell);
    return &self->base;
}
