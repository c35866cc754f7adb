/* slt_result.c - the rows of a result as the texts that a file compares with.
 *
 * duckdb: each value as DuckDB casts it to VARCHAR, but BOOLEAN as 1 and 0.
 * sqlite: as the query's type letters say: I a whole number, R three decimals, T text with '@' for
 * what does not print. Both: NULL, and (empty) for the empty string. */
#include "slt.h"

#include "arrow/builder.h"

#include <stdlib.h>
#include <string.h>

void slt_result_init(slt_result *result) {
    memset(result, 0, sizeof(*result));
    pyr_arena_init(&result->arena, NULL);
}

void slt_result_deinit(slt_result *result) {
    pyr_arena_deinit(&result->arena);
}

static slt_cell_kind kind_of_type(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_BOOL:
        return SLT_CELL_BOOL;
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
        return SLT_CELL_FLOAT;
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        return SLT_CELL_NUMBER;
    default:
        return pyr_type_is_integer(field->type) ? SLT_CELL_NUMBER : SLT_CELL_TEXT;
    }
}

static void make_kinds(slt_result *result, size_t columns_count) {
    result->columns_count = columns_count;
    result->kinds = pyr_arena_array(&result->arena, columns_count + 1, sizeof(slt_cell_kind));
    if (result->kinds == NULL) {
        slt_out_of_memory();
    }
}

void slt_result_count_column(slt_result *result) {
    make_kinds(result, 1);
    result->kinds[0] = SLT_CELL_NUMBER;
}

void slt_result_columns(slt_result *result, const pyr_schema *schema) {
    make_kinds(result, (size_t)schema->fields_count);
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        result->kinds[i] = kind_of_type(schema->fields[i]);
    }
}

/* Dictionaries and unions may be null by the value behind them. */
static bool is_null(const pyr_array *array, int64_t index) {
    for (;;) {
        if (array->field->type == PYR_TYPE_NULL || pyr_array_is_null(array, index)) {
            return true;
        }
        int32_t child;
        switch (array->field->type) {
        case PYR_TYPE_DICTIONARY:
            index = pyr_array_dictionary_index(array, index);
            array = array->dictionary;
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

/* ---- One value. ---- */

static char *sqlite_cell(pyr_arena *arena, slt_cell_kind kind, char type, const pyr_text *text) {
    const char *value = pyr_text_get(text);
    if (kind == SLT_CELL_BOOL) {
        value = strcmp(value, "true") == 0 ? "1" : "0";
    }
    if (type == 'I') {
        if (kind == SLT_CELL_FLOAT || strpbrk(value, ".eE") != NULL) {
            double number = strtod(value, NULL);
            /* Out of int64 (and NaN) it stays text, which equals no whole number. */
            return number > -9.2e18 && number < 9.2e18
                       ? slt_printf(arena, "%lld", (long long)number)
                       : slt_strndup(arena, value, text->length);
        }
        return slt_printf(arena, "%lld", strtoll(value, NULL, 10));
    }
    if (type == 'R') {
        return slt_printf(arena, "%.3f", strtod(value, NULL));
    }
    char *copy = slt_strndup(arena, value, strlen(value));
    for (char *c = copy; *c != '\0'; ++c) {
        *c = *c < ' ' || *c > '~' ? '@' : *c;
    }
    return copy[0] != '\0' ? copy : slt_printf(arena, "(empty)");
}

static char *duckdb_cell(pyr_arena *arena, slt_cell_kind kind, const pyr_text *text) {
    const char *value = pyr_text_get(text);
    if (kind == SLT_CELL_BOOL) {
        return slt_printf(arena, "%d", strcmp(value, "true") == 0);
    }
    if (text->length == 0) {
        return slt_printf(arena, "(empty)");
    }
    pyr_text out;
    pyr_text_init(&out);
    for (size_t i = 0; i < text->length; ++i) {
        pyr_text_append(&out, value[i] != '\0' ? value + i : "\\0", value[i] != '\0' ? 1 : 2);
    }
    if (out.failed) {
        slt_out_of_memory();
    }
    char *copy = slt_strndup(arena, pyr_text_get(&out), out.length);
    pyr_text_deinit(&out);
    return copy;
}

static void add_cell(slt_result *result, char *cell) {
    result->cells = slt_grow(&result->arena, result->cells, result->cells_count, sizeof(char *));
    result->cells[result->cells_count++] = cell;
}

void slt_result_add(slt_result *result, const pyr_batch *batch, slt_dialect dialect,
                    const char *types) {
    pyr_text text;
    pyr_text_init(&text);
    size_t types_count = strlen(types);
    for (int64_t i = 0; i < pyr_batch_selected(batch); ++i) {
        int32_t row = (int32_t)i;
        if (batch->selection != NULL) {
            memcpy(&row, batch->selection->rows->data + (size_t)i * sizeof(row), sizeof(row));
        }
        for (int32_t column = 0; column < batch->columns_count; ++column) {
            const pyr_array *array = batch->columns[column];
            slt_cell_kind kind = result->kinds[column];
            pyr_text_clear(&text);
            if (is_null(array, row)) {
                add_cell(result, slt_printf(&result->arena, "NULL"));
                continue;
            }
            pyr_array_print_value(array, row, &text);
            char type = (size_t)column < types_count ? types[column] : 'T';
            add_cell(result, dialect == SLT_SQLITE ? sqlite_cell(&result->arena, kind, type, &text)
                                                   : duckdb_cell(&result->arena, kind, &text));
        }
        ++result->rows_count;
    }
    if (text.failed) {
        slt_out_of_memory();
    }
    pyr_text_deinit(&text);
}

void slt_result_count(slt_result *result, int64_t count) {
    add_cell(result, slt_printf(&result->arena, "%lld", (long long)count));
    ++result->rows_count;
}
