/* errors.c - see errors.h. */
#include "cli/errors.h"

#include "cli/display.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_COLUMNS 100 /* where stderr is no terminal */

/* One line of SQL as displayed, with the column of the caret in it. */
typedef struct shown_line {
    pyr_text text;
    size_t caret; /* columns before it */
} shown_line;

/* Tabs become spaces so that both lines stay aligned on any terminal. */
static void show_range(const char *text, size_t length, pyr_text *out) {
    for (size_t i = 0; i < length;) {
        size_t part = strcspn(text + i, "\t");
        part = part > length - i ? length - i : part;
        pyr_display_escape(text + i, part, false, out);
        i += part;
        if (i < length) {
            pyr_text_add_char(out, ' ');
            ++i;
        }
    }
}

static const char *line_start(const char *text, size_t position) {
    size_t start = position;
    while (start > 0 && text[start - 1] != '\n') {
        --start;
    }
    return text + start;
}

/* The byte where `columns` columns of text are full. */
static size_t bytes_of_columns(const char *text, size_t length, size_t columns) {
    size_t bytes = 0;
    size_t used = 0;
    while (bytes < length) {
        int wide;
        size_t size = pyr_display_next(text + bytes, length - bytes, &wide);
        if (used + (size_t)wide > columns) {
            break;
        }
        bytes += size;
        used += (size_t)wide;
    }
    return bytes;
}

/* Prints a part of at most `columns` columns that holds the caret. */
static void print_cut(const shown_line *line, size_t columns, pyr_text *out) {
    const char *text = pyr_text_get(&line->text);
    size_t length = line->text.length;
    size_t all = pyr_display_columns(text, length);
    size_t window = all <= columns ? columns : columns - 6; /* dots on both sides */
    size_t skip = 0;                                        /* columns cut at the left */
    if (all > columns && line->caret > window / 2) {
        size_t most = all + 1 - window; /* the caret may stand after the last character */
        skip = line->caret - window / 2;
        skip = skip > most ? most : skip;
    }
    size_t from = bytes_of_columns(text, length, skip);
    /* A wide character across the cut stays. */
    size_t cut = pyr_display_columns(text, from);
    size_t to = from + bytes_of_columns(text + from, length - from, window);
    size_t lead = from > 0 ? 3 : 0;
    pyr_text_append(out, "...", lead);
    pyr_text_append(out, text + from, to - from);
    pyr_text_add(out, to < length ? "...\n" : "\n");
    for (size_t i = 0; i < lead + line->caret - cut; ++i) {
        pyr_text_add_char(out, ' ');
    }
    pyr_text_add(out, "^\n");
}

static void print_place(const pyr_sql_place *place, size_t position, size_t columns,
                        pyr_text *out) {
    const char *start = line_start(place->text, position);
    size_t offset = (size_t)(start - place->text);
    const char *end = memchr(start, '\n', place->length - offset);
    size_t length = end != NULL ? (size_t)(end - start) : place->length - offset;
    if (length > 0 && start[length - 1] == '\r') {
        --length;
    }
    size_t within = position - offset;
    within = within > length ? length : within;
    shown_line line;
    pyr_text_init(&line.text);
    show_range(start, within, &line.text);
    line.caret = pyr_display_columns(pyr_text_get(&line.text), line.text.length);
    show_range(start + within, length - within, &line.text);
    print_cut(&line, columns < 20 ? 20 : columns, out);
    pyr_text_deinit(&line.text);
}

void pyr_error_print(const pyr_error *error, const pyr_sql_place *place, size_t columns,
                     pyr_text *out) {
    pyr_text_printf(out, "error: %s: ", error->sqlstate);
    pyr_display_escape(error->message, strlen(error->message), false, out);
    pyr_text_add_char(out, '\n');
    if (place == NULL || place->text == NULL || error->position < 0) {
        return;
    }
    pyr_sql_place sql = *place;
    size_t position;
    if (__builtin_add_overflow(sql.statement_offset, (size_t)error->position, &position) ||
        position > sql.length) {
        position = sql.length;
    }
    /* "At the end of the input": after its last character, not on an empty line below. */
    while (position == sql.length && position > 0 && sql.text[position - 1] == '\n') {
        sql.length = --position;
    }
    print_place(&sql, position, columns, out);
}

static void write_stderr(const pyr_text *text) {
    const char *data = pyr_text_get(text);
    for (size_t left = text->length; left > 0;) {
        ssize_t written = write(STDERR_FILENO, data, left);
        if (written <= 0) {
            return;
        }
        data += written;
        left -= (size_t)written;
    }
}

/* A line that the terminal breaks would leave the caret under the wrong place. */
static size_t columns_of_stderr(void) {
    struct winsize size;
    if (isatty(STDERR_FILENO) == 1 && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 &&
        size.ws_col > 1) {
        return (size_t)size.ws_col - 1;
    }
    return LINE_COLUMNS;
}

void pyr_error_report(const pyr_error *error, const pyr_sql_place *place) {
    pyr_text out;
    pyr_text_init(&out);
    pyr_error_print(error, place, columns_of_stderr(), &out);
    write_stderr(&out);
    pyr_text_deinit(&out);
}

int pyr_usage_error(const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    pyr_error error;
    pyr_error_clear(&error);
    pyr_error_set(&error, PYR_ERROR_INVALID_ARGUMENT, "%s", message);
    pyr_error_report(&error, NULL);
    return PYR_EXIT_USAGE;
}
