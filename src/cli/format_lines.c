/* format_lines.c - the text of a plan for a person at a terminal: line by line as it is. A box
 * would cut long lines and leave out the middle. */
#include "arrow/builder.h"
#include "cli/display.h"
#include "cli/format_internal.h"

#include <stdlib.h>

typedef struct lines_formatter {
    pyr_formatter base;
    pyr_text cell;
} lines_formatter;

static void lines_row(pyr_formatter *base, const pyr_batch *batch, int64_t row) {
    lines_formatter *self = (lines_formatter *)base;
    pyr_text *out = &base->output->buffer;
    pyr_text_clear(&self->cell);
    pyr_array_print_value(batch->columns[batch->columns_count - 1], row, &self->cell);
    out->failed = out->failed || self->cell.failed;
    pyr_display_escape(pyr_text_get(&self->cell), self->cell.length, true, out);
    pyr_text_add_char(out, '\n');
}

static void lines_destroy(pyr_formatter *base) {
    lines_formatter *self = (lines_formatter *)base;
    pyr_text_deinit(&self->cell);
    free(self);
}

static const pyr_formatter_ops lines_ops = {.row = lines_row, .destroy = lines_destroy};

pyr_formatter *pyr_format_lines_create(const pyr_format *format) {
    (void)format;
    lines_formatter *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->base.ops = &lines_ops;
    pyr_text_init(&self->cell);
    return &self->base;
}
