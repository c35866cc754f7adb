/* format_box.c - a table drawn with box characters.
 *
 * Widths come from the rows themselves, so rows are held back (their batches retained, nothing is
 * copied) until widths are known:
 *  - Not on a terminal every row is printed. The first HELD_ROWS rows (or HELD_BYTES bytes) decide
 *    the widths; the rest streams with them, and a wider value widens its column from there on.
 *    Memory stays bounded whatever the result's size.
 *  - On a terminal the whole result is read first, of which the first rows and the last few batches
 *    are kept. More than rows_max rows are elided in the middle; columns are cut, then left out in
 *    the middle, to fit the terminal. A line of types and a footer with the counts are added.
 */
#include "arrow/builder.h"
#include "cli/display.h"
#include "cli/format_internal.h"
#include "sql/statement.h"

#include <stdlib.h>
#include <string.h>

#define HELD_ROWS 10000
#define HELD_BYTES ((int64_t)64 << 20)
/* Columns are not cut below these before others are left out: texts, and what a cut makes useless,
 * numbers and times (a timestamp with microseconds has 26). */
#define COLUMN_LEAST 12
#define NUMBER_LEAST 26

/* Selected rows [from, from + rows) of a batch, retained. */
typedef struct piece {
    pyr_batch *batch;
    int64_t from;
    int64_t rows;
} piece;

typedef struct pieces {
    piece *list;
    size_t count;
    size_t capacity;
    int64_t rows;
    int64_t bytes;
} pieces;

typedef struct box_column {
    char *name; /* as displayed */
    char *type; /* SQL's name; on a terminal only */
    size_t width;
    size_t natural; /* on a terminal: the width before it was cut */
    size_t values;  /* the widest value's */
    bool right;
    bool whole; /* a cut value says nothing */
    bool hidden;
} box_column;

typedef struct box_formatter {
    pyr_formatter base;
    box_column *columns;
    int32_t columns_count;
    int32_t elision; /* an ellipsis stands before this column; -1: none left out */
    bool streaming;  /* the top is printed, rows go out as they come */
    pieces head;     /* first rows: all of them when not on a terminal */
    pieces tail;     /* terminal: whole batches, at least the last rows_max / 2 rows */
    pyr_text value;  /* scratch: as printed by Arrow */
    pyr_text cell;   /* scratch: as displayed */
} box_formatter;

/* ---- Held rows. ---- */

static pyr_status pieces_add(pieces *self, pyr_batch *batch, int64_t from, int64_t rows,
                             pyr_error *error) {
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 16 : self->capacity * 2;
        piece *list = realloc(self->list, capacity * sizeof(*list));
        if (list == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*list));
        }
        self->list = list;
        self->capacity = capacity;
    }
    self->list[self->count++] = (piece){pyr_batch_retain(batch), from, rows};
    self->rows += rows;
    self->bytes += pyr_batch_size_bytes(batch);
    return PYR_OK;
}

/* Drops pieces from the front as long as at least keep rows remain. */
static void pieces_trim(pieces *self, int64_t keep) {
    size_t drop = 0;
    while (drop < self->count && self->rows - self->list[drop].rows >= keep) {
        self->rows -= self->list[drop].rows;
        pyr_batch_release(self->list[drop].batch);
        ++drop;
    }
    if (drop > 0) {
        memmove(self->list, self->list + drop, (self->count - drop) * sizeof(*self->list));
        self->count -= drop;
    }
}

static void pieces_deinit(pieces *self) {
    for (size_t i = 0; i < self->count; ++i) {
        pyr_batch_release(self->list[i].batch);
    }
    free(self->list);
    memset(self, 0, sizeof(*self));
}

static pyr_status pieces_check(const pieces *self, pyr_error *error) {
    for (size_t i = 0; i < self->count; ++i) {
        PYR_TRY(pyr_batch_check_mappings(self->list[i].batch, error));
    }
    return PYR_OK;
}

/* ---- Widths. ---- */

/* The cell as displayed, in self->cell. */
static void render(box_formatter *self, const pyr_array *array, int64_t row) {
    pyr_text_clear(&self->value);
    pyr_text_clear(&self->cell);
    pyr_array_print_value(array, row, &self->value);
    pyr_display_escape(pyr_text_get(&self->value), self->value.length, false, &self->cell);
    self->base.output->buffer.failed |= self->value.failed || self->cell.failed;
}

static void widen(box_formatter *self, const pieces *held, int64_t skip, int64_t limit) {
    for (size_t i = 0; i < held->count && limit > 0; ++i) {
        const piece *part = &held->list[i];
        for (int64_t k = 0; k < part->rows && limit > 0; ++k) {
            if (skip > 0) {
                --skip;
                continue;
            }
            --limit;
            int64_t row = pyr_formatter_selected_row(part->batch, part->from + k);
            for (int32_t c = 0; c < self->columns_count; ++c) {
                render(self, part->batch->columns[c], row);
                size_t columns = pyr_display_columns(pyr_text_get(&self->cell), self->cell.length);
                box_column *column = &self->columns[c];
                column->values = columns > column->values ? columns : column->values;
                column->width = columns > column->width ? columns : column->width;
            }
        }
    }
}

static size_t total_width(const box_formatter *self) {
    size_t total = 1 + (self->elision >= 0 ? 4 : 0);
    for (int32_t c = 0; c < self->columns_count; ++c) {
        total += self->columns[c].hidden ? 0 : self->columns[c].width + 3;
    }
    return total;
}

static size_t least_width(const box_column *column) {
    if (!column->whole || column->values < COLUMN_LEAST) {
        return COLUMN_LEAST;
    }
    return column->values < NUMBER_LEAST ? column->values : NUMBER_LEAST;
}

/* The width of the widest columns that may be cut, 0 where there are none. */
static size_t widest_to_cut(const box_formatter *self) {
    size_t most = 0;
    for (int32_t c = 0; c < self->columns_count; ++c) {
        const box_column *column = &self->columns[c];
        if (!column->hidden && column->width > most && column->width > least_width(column)) {
            most = column->width;
        }
    }
    return most;
}

/* The narrowest of the columns that were cut, NULL where there are none. */
static box_column *narrowest_cut(box_formatter *self) {
    box_column *found = NULL;
    for (int32_t c = 0; c < self->columns_count; ++c) {
        box_column *column = &self->columns[c];
        if (!column->hidden && column->width < column->natural &&
            (found == NULL || column->width < found->width)) {
            found = column;
        }
    }
    return found;
}

/* Cuts the widest columns down together, then leaves out columns in the middle; what room is left
 * after that goes to those that were cut. */
static void fit_terminal(box_formatter *self) {
    size_t width = self->base.format.width;
    int32_t count = self->columns_count;
    for (int32_t c = 0; c < count; ++c) {
        self->columns[c].natural = self->columns[c].width;
    }
    for (size_t most; total_width(self) > width && (most = widest_to_cut(self)) > 0;) {
        for (int32_t c = 0; c < count; ++c) {
            box_column *column = &self->columns[c];
            column->width -= column->width == most && most > least_width(column) ? 1 : 0;
        }
    }
    int32_t first = (count + 1) / 2;
    int32_t last = first; /* [first, last) is left out */
    while (total_width(self) > width && last - first < count - 2) {
        if (first > count - last) {
            self->columns[--first].hidden = true;
        } else {
            self->columns[last++].hidden = true;
        }
        self->elision = last;
    }
    for (box_column *cut; total_width(self) < width && (cut = narrowest_cut(self)) != NULL;) {
        cut->width += 1;
    }
}

/* ---- Drawing. ---- */

static void add_line(box_formatter *self, const char *left, const char *cross, const char *right) {
    pyr_text *out = &self->base.output->buffer;
    pyr_text_add(out, left);
    bool first = true;
    for (int32_t c = 0; c < self->columns_count; ++c) {
        size_t width = self->columns[c].hidden ? 0 : self->columns[c].width + 2;
        if (c == self->elision) {
            pyr_text_add(out, cross);
            pyr_text_add(out, "───");
        }
        if (width > 0) {
            pyr_text_add(out, first ? "" : cross);
            first = false;
        }
        for (; width > 0; --width) {
            pyr_text_add(out, "─");
        }
    }
    pyr_text_add(out, right);
    pyr_text_add_char(out, '\n');
}

static void add_cell(box_formatter *self, int32_t column, const char *text, size_t length,
                     bool dim) {
    pyr_text *out = &self->base.output->buffer;
    box_column *to = &self->columns[column];
    if (!self->base.format.terminal) {
        size_t columns = pyr_display_columns(text, length);
        to->width = columns > to->width ? columns : to->width;
    }
    pyr_text_add(out, " ");
    pyr_text_add(out, dim ? "\x1B[2m" : "");
    pyr_display_fit(text, length, to->width, to->right, out);
    pyr_text_add(out, dim ? "\x1B[0m" : "");
    pyr_text_add(out, " │");
}

static void add_elision(box_formatter *self, int32_t column) {
    if (column == self->elision) {
        pyr_text_add(&self->base.output->buffer, " … │");
    }
}

static void add_row(box_formatter *self, const pyr_batch *batch, int64_t row) {
    pyr_text *out = &self->base.output->buffer;
    pyr_text_add(out, "│");
    for (int32_t c = 0; c < self->columns_count; ++c) {
        add_elision(self, c);
        if (!self->columns[c].hidden) {
            render(self, batch->columns[c], row);
            add_cell(self, c, pyr_text_get(&self->cell), self->cell.length, false);
        }
    }
    pyr_text_add_char(out, '\n');
}

static void add_texts(box_formatter *self, bool types) {
    pyr_text_add(&self->base.output->buffer, "│");
    for (int32_t c = 0; c < self->columns_count; ++c) {
        add_elision(self, c);
        if (!self->columns[c].hidden) {
            const char *text = types ? self->columns[c].type : self->columns[c].name;
            add_cell(self, c, text, strlen(text), types);
        }
    }
    pyr_text_add_char(&self->base.output->buffer, '\n');
}

static void add_top(box_formatter *self) {
    add_line(self, "┌", "┬", "┐");
    add_texts(self, false);
    if (self->base.format.terminal) {
        add_texts(self, true);
    }
    add_line(self, "├", "┼", "┤");
}

/* Rows [skip, skip + limit) of what is held. */
static pyr_status add_rows(box_formatter *self, const pieces *held, int64_t skip, int64_t limit,
                           pyr_error *error) {
    for (size_t i = 0; i < held->count && limit > 0; ++i) {
        const piece *part = &held->list[i];
        if (skip >= part->rows) {
            skip -= part->rows;
            continue;
        }
        for (int64_t k = skip; k < part->rows && limit > 0; ++k, --limit) {
            add_row(self, part->batch, pyr_formatter_selected_row(part->batch, part->from + k));
            if (self->base.output->buffer.length >= PYR_OUTPUT_BUFFER_BYTES) {
                PYR_TRY(pyr_batch_check_mappings(part->batch, error));
                PYR_TRY(pyr_output_drain(self->base.output, error));
            }
        }
        skip = 0;
        PYR_TRY(pyr_batch_check_mappings(part->batch, error));
    }
    return pyr_text_check(&self->base.output->buffer, error);
}

static void add_dots(box_formatter *self) {
    pyr_text *out = &self->base.output->buffer;
    pyr_text_add(out, "│");
    for (int32_t c = 0; c < self->columns_count; ++c) {
        add_elision(self, c);
        if (!self->columns[c].hidden) {
            add_cell(self, c, "·", 2, false);
        }
    }
    pyr_text_add_char(out, '\n');
}

static void add_footer(box_formatter *self, int64_t shown) {
    pyr_text *out = &self->base.output->buffer;
    int32_t columns_shown = 0;
    for (int32_t c = 0; c < self->columns_count; ++c) {
        columns_shown += self->columns[c].hidden ? 0 : 1;
    }
    pyr_text_printf(out, "%lld row%s", (long long)self->base.rows, self->base.rows == 1 ? "" : "s");
    if (shown < self->base.rows) {
        pyr_text_printf(out, " (%lld shown)", (long long)shown);
    }
    if (columns_shown < self->columns_count) {
        pyr_text_printf(out, ", %d columns (%d shown)", (int)self->columns_count,
                        (int)columns_shown);
    }
    pyr_text_add_char(out, '\n');
}

/* ---- The formatter. ---- */

static char *displayed(const char *text) {
    pyr_text out;
    pyr_text_init(&out);
    pyr_display_escape(text, strlen(text), false, &out);
    return pyr_text_move(&out);
}

static char *type_name(const pyr_field *field) {
    pyr_text out;
    pyr_text_init(&out);
    pyr_sql_type_print(field, &out);
    char *raw = pyr_text_move(&out);
    char *result = raw != NULL ? displayed(raw) : NULL;
    free(raw);
    return result;
}

static bool is_time(pyr_type_id type) {
    return type >= PYR_TYPE_DATE32 && type <= PYR_TYPE_INTERVAL_MONTH_DAY_NANO;
}

static pyr_status box_begin(pyr_formatter *base, pyr_error *error) {
    box_formatter *self = (box_formatter *)base;
    size_t count = (size_t)base->schema->fields_count;
    self->elision = -1;
    self->columns = calloc(count + 1, sizeof(*self->columns));
    if (self->columns == NULL) {
        return pyr_error_memory(error, count * sizeof(*self->columns));
    }
    self->columns_count = base->schema->fields_count;
    for (size_t i = 0; i < count; ++i) {
        box_column *column = &self->columns[i];
        const pyr_field *field = base->schema->fields[i];
        column->name = displayed(field->name);
        column->type = type_name(field);
        if (column->name == NULL || column->type == NULL) {
            return pyr_error_memory(error, strlen(field->name));
        }
        column->right = pyr_format_is_number(field);
        column->whole = column->right || is_time(field->type);
        column->width = pyr_display_columns(column->name, strlen(column->name));
        size_t type = pyr_display_columns(column->type, strlen(column->type));
        if (base->format.terminal && type > column->width) {
            column->width = type;
        }
    }
    return PYR_OK;
}

/* What is held goes out; from now on rows follow at once. */
static pyr_status start_streaming(box_formatter *self, pyr_error *error) {
    widen(self, &self->head, 0, self->head.rows);
    PYR_TRY(pieces_check(&self->head, error));
    add_top(self);
    self->streaming = true;
    pyr_status status = add_rows(self, &self->head, 0, self->head.rows, error);
    pieces_deinit(&self->head);
    return status;
}

static pyr_status stream_batch(box_formatter *self, pyr_batch *batch, int64_t rows,
                               pyr_error *error) {
    if (self->streaming) {
        piece part = {batch, 0, rows};
        pieces one = {.list = &part, .count = 1, .rows = rows};
        PYR_TRY(add_rows(self, &one, 0, rows, error));
        return pyr_output_drain(self->base.output, error);
    }
    int64_t room = HELD_ROWS - self->head.rows;
    if (rows <= room && self->head.bytes < HELD_BYTES) {
        return pieces_add(&self->head, batch, 0, rows, error);
    }
    int64_t first = rows < room ? rows : room;
    PYR_TRY(pieces_add(&self->head, batch, 0, first, error));
    PYR_TRY(start_streaming(self, error));
    piece part = {batch, first, rows - first};
    pieces rest = {.list = &part, .count = 1, .rows = rows - first};
    return add_rows(self, &rest, 0, rows - first, error);
}

static pyr_status box_batch(pyr_formatter *base, pyr_batch *batch, pyr_error *error) {
    box_formatter *self = (box_formatter *)base;
    int64_t rows = pyr_batch_selected(batch);
    base->rows += rows;
    if (rows == 0) {
        return PYR_OK;
    }
    if (!base->format.terminal) {
        return stream_batch(self, batch, rows, error);
    }
    int64_t rows_max = base->format.rows_max > 0 ? base->format.rows_max : INT64_MAX;
    int64_t room = rows_max - self->head.rows;
    if (room > 0) {
        PYR_TRY(pieces_add(&self->head, batch, 0, rows < room ? rows : room, error));
    }
    if (rows_max != INT64_MAX) {
        PYR_TRY(pieces_add(&self->tail, batch, 0, rows, error));
        pieces_trim(&self->tail, rows_max / 2);
    }
    return PYR_OK;
}

static pyr_status finish_terminal(box_formatter *self, pyr_error *error) {
    int64_t rows_max = self->base.format.rows_max;
    bool elided = rows_max > 0 && self->base.rows > rows_max;
    int64_t after = elided ? rows_max / 2 : 0;
    int64_t before = elided ? rows_max - after : self->head.rows;
    int64_t skip = elided ? self->tail.rows - after : 0;
    widen(self, &self->head, 0, before);
    widen(self, &self->tail, skip, after);
    PYR_TRY(pieces_check(&self->head, error));
    PYR_TRY(pieces_check(&self->tail, error));
    fit_terminal(self);
    add_top(self);
    PYR_TRY(add_rows(self, &self->head, 0, before, error));
    if (elided) {
        for (int i = 0; i < 3; ++i) {
            add_dots(self);
        }
        PYR_TRY(add_rows(self, &self->tail, skip, after, error));
    }
    add_line(self, "└", "┴", "┘");
    add_footer(self, before + after);
    return pyr_text_check(&self->base.output->buffer, error);
}

static pyr_status box_end(pyr_formatter *base, pyr_error *error) {
    box_formatter *self = (box_formatter *)base;
    if (base->format.terminal) {
        return finish_terminal(self, error);
    }
    if (!self->streaming) {
        PYR_TRY(start_streaming(self, error));
    }
    add_line(self, "└", "┴", "┘");
    return pyr_text_check(&base->output->buffer, error);
}

static void box_destroy(pyr_formatter *base) {
    box_formatter *self = (box_formatter *)base;
    for (int32_t c = 0; self->columns != NULL && c < self->columns_count; ++c) {
        free(self->columns[c].name);
        free(self->columns[c].type);
    }
    free(self->columns);
    pieces_deinit(&self->head);
    pieces_deinit(&self->tail);
    pyr_text_deinit(&self->value);
    pyr_text_deinit(&self->cell);
    free(self);
}

static const pyr_formatter_ops box_ops = {
    .begin = box_begin, .batch = box_batch, .end = box_end, .destroy = box_destroy};

pyr_formatter *pyr_format_box_create(const pyr_format *format) {
    (void)format;
    box_formatter *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->base.ops = &box_ops;
    pyr_text_init(&self->value);
    pyr_text_init(&self->cell);
    return &self->base;
}
