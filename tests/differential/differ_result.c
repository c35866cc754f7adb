/* differ_result.c - see differ.h. */
#include "differ.h"

#include "arrow/builder.h"
#include "sql/statement.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void row_free(differ_row *row) {
    free(row->text);
    free(row->floats);
}

void differ_result_deinit(differ_result *result) {
    for (size_t i = 0; i < result->count; ++i) {
        row_free(&result->rows[i]);
    }
    free(result->rows);
    free(result->schema);
    memset(result, 0, sizeof(*result));
}

/* ---- Reading. ---- */

static bool is_float(const pyr_field *field) {
    return field->type == PYR_TYPE_FLOAT32 || field->type == PYR_TYPE_FLOAT64;
}

static void read_row(const pyr_batch *batch, int64_t index, size_t floats, differ_row *row) {
    pyr_text all;
    pyr_text value;
    pyr_text_init(&all);
    pyr_text_init(&value);
    row->floats = calloc(floats + 1, sizeof(double));
    size_t at = 0;
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        pyr_text_clear(&value);
        pyr_array_print_value(batch->columns[i], index, &value);
        const char *text = pyr_text_get(&value);
        char *end = NULL;
        if (is_float(batch->columns[i]->field)) {
            double number = strtod(text, &end);
            row->floats[at++] = *end == '\0' ? number : 0;
            text = *end == '\0' ? "~" : text;
        }
        pyr_text_add(&all, i > 0 ? "|" : "");
        pyr_text_add(&all, text);
    }
    row->text = pyr_text_move(&all);
    pyr_text_deinit(&all);
    pyr_text_deinit(&value);
}

static void read_schema(const pyr_schema *schema, differ_result *result) {
    pyr_text text;
    pyr_text_init(&text);
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        pyr_text_printf(&text, "%s%s ", i > 0 ? ", " : "", schema->fields[i]->name);
        pyr_sql_type_print(schema->fields[i], &text);
        result->floats += is_float(schema->fields[i]) ? 1 : 0;
    }
    result->schema = pyr_text_move(&text);
    pyr_text_deinit(&text);
}

pyr_status differ_result_read(differ_result *result, pyr_stream *stream, pyr_error *error) {
    read_schema(stream->schema, result);
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        for (int64_t i = 0; i < pyr_batch_selected(batch); ++i) {
            int32_t row = (int32_t)i;
            if (batch->selection != NULL) {
                memcpy(&row, batch->selection->rows->data + (size_t)i * sizeof(row), sizeof(row));
            }
            if (result->count == result->capacity) {
                result->capacity = result->capacity == 0 ? 64 : result->capacity * 2;
                result->rows = realloc(result->rows, result->capacity * sizeof(differ_row));
            }
            read_row(batch, row, result->floats, &result->rows[result->count++]);
        }
        pyr_batch_release(batch);
    }
}

/* ---- Comparing. ---- */

/* Floats by value, NaN last, so that rows whose floats differ in last digits stand alike. */
static int compare_float(double a, double b) {
    if (isnan(a) || isnan(b)) {
        return (isnan(a) ? 1 : 0) - (isnan(b) ? 1 : 0);
    }
    return (a > b) - (a < b);
}

static size_t compared_floats; /* of the rows being sorted: qsort has no context */

static int compare_rows(const void *a, const void *b) {
    const differ_row *left = a;
    const differ_row *right = b;
    int order = strcmp(left->text, right->text);
    for (size_t i = 0; order == 0 && i < compared_floats; ++i) {
        order = compare_float(left->floats[i], right->floats[i]);
    }
    return order;
}

static void sort(differ_result *result) {
    compared_floats = result->floats;
    if (result->count > 1) {
        qsort(result->rows, result->count, sizeof(differ_row), compare_rows);
    }
}

static bool same_float(double a, double b) {
    if (isnan(a) || isnan(b) || isinf(a) || isinf(b)) {
        return (isnan(a) && isnan(b)) || a == b;
    }
    double size = fmax(fabs(a), fabs(b));
    return fabs(a - b) <= 1e-6 * size + 1e-9;
}

static bool same_row(const differ_row *a, const differ_row *b, size_t floats) {
    bool same = strcmp(a->text, b->text) == 0;
    for (size_t i = 0; same && i < floats; ++i) {
        same = same_float(a->floats[i], b->floats[i]);
    }
    return same;
}

static void print_row(const differ_row *row, size_t floats, pyr_text *out) {
    pyr_text_printf(out, "%.600s", row->text);
    for (size_t i = 0; i < floats; ++i) {
        pyr_text_printf(out, " ~%.17g", row->floats[i]);
    }
    pyr_text_add_char(out, '\n');
}

static bool same_errors(const pyr_error *a, const pyr_error *b, pyr_text *difference) {
    if (a->code == PYR_OK && b->code == PYR_OK) {
        return true;
    }
    if (strcmp(a->sqlstate, b->sqlstate) != 0) {
        pyr_text_printf(
            difference, "  first: %s %s\n  other: %s %s\n", a->code == PYR_OK ? "ran" : a->sqlstate,
            a->code == PYR_OK ? "" : a->message, b->code == PYR_OK ? "ran" : b->sqlstate,
            b->code == PYR_OK ? "" : b->message);
        return false;
    }
    return true;
}

bool differ_result_same(differ_result *a, differ_result *b, bool ordered, pyr_text *difference) {
    if (a->error.code != PYR_OK || b->error.code != PYR_OK) {
        return same_errors(&a->error, &b->error, difference);
    }
    if (strcmp(a->schema, b->schema) != 0) {
        pyr_text_printf(difference, "  first: %s\n  other: %s\n", a->schema, b->schema);
        return false;
    }
    if (!ordered) {
        sort(a);
        sort(b);
    }
    size_t rows = a->count < b->count ? a->count : b->count;
    size_t at = 0;
    while (at < rows && same_row(&a->rows[at], &b->rows[at], a->floats)) {
        ++at;
    }
    if (at == rows && a->count == b->count) {
        return true;
    }
    pyr_text_printf(difference, "  %zu and %zu rows (%s); row %zu\n", a->count, b->count, a->schema,
                    at);
    if (at < a->count) {
        pyr_text_add(difference, "  first: ");
        print_row(&a->rows[at], a->floats, difference);
    }
    if (at < b->count) {
        pyr_text_add(difference, "  other: ");
        print_row(&b->rows[at], b->floats, difference);
    }
    return false;
}
