/* format_markdown.c - a GitHub-flavoured Markdown table; not padded, so that it streams. */
#include "arrow/builder.h"
#include "cli/display.h"
#include "cli/format_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct markdown_formatter {
    pyr_formatter base;
    pyr_text cell;
} markdown_formatter;

/* A '|' would end the cell, a line break the row, and '\' would escape what follows. */
static void add_cell(pyr_text *out, const char *text, size_t length) {
    size_t plain = 0;
    for (size_t i = 0; i < length; ++i) {
        const char *with = text[i] == '|' ? "\\|" : text[i] == '\n' ? "<br>" : NULL;
        if (with != NULL) {
            pyr_display_escape(text + plain, i - plain, false, out);
            pyr_text_add(out, with);
            plain = i + 1;
        }
    }
    pyr_display_escape(text + plain, length - plain, false, out);
    pyr_text_add(out, " | ");
}

static void end_line(pyr_text *out) {
    out->data[out->length - 1] = '\n'; /* the space after the last '|' */
}

static pyr_status markdown_begin(pyr_formatter *base, pyr_error *error) {
    pyr_text *out = &base->output->buffer;
    pyr_text_add(out, "| ");
    for (int32_t i = 0; i < base->schema->fields_count; ++i) {
        const char *name = base->schema->fields[i]->name;
        add_cell(out, name, strlen(name));
    }
    PYR_TRY(pyr_text_check(out, error));
    end_line(out);
    pyr_text_add_char(out, '|');
    for (int32_t i = 0; i < base->schema->fields_count; ++i) {
        pyr_text_add(out, pyr_format_is_number(base->schema->fields[i]) ? "---:|" : "---|");
    }
    pyr_text_add_char(out, '\n');
    return pyr_text_check(out, error);
}

static void markdown_row(pyr_formatter *base, const pyr_batch *batch, int64_t row) {
    markdown_formatter *self = (markdown_formatter *)base;
    pyr_text *out = &base->output->buffer;
    pyr_text_add(out, "| ");
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        pyr_text_clear(&self->cell);
        pyr_array_print_value(batch->columns[i], row, &self->cell);
        out->failed = out->failed || self->cell.failed;
        add_cell(out, pyr_text_get(&self->cell), self->cell.length);
    }
    if (!out->failed) {
        end_line(out);
    }
}

static void markdown_destroy(pyr_formatter *base) {
    markdown_formatter *self = (markdown_formatter *)base;
    pyr_text_deinit(&self->cell);
    free(self);
}

static const pyr_formatter_ops markdown_ops = {
    .begin = markdown_begin, .row = markdown_row, .destroy = markdown_destroy};

pyr_formatter *pyr_format_markdown_create(const pyr_format *format) {
    (void)format;
    markdown_formatter *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->base.ops = &markdown_ops;
    pyr_text_init(&self->cell);
    return &self->base;
}
