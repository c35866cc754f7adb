/* on_conflict.c - INSERT into a table with keys where the key is there: which of the catalog's
 * modes ON CONFLICT, OR REPLACE and OR IGNORE mean, or that it is upsert.c's to do. */
#include "session/rows.h"
#include "sql/lexer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- What is asked for. ---- */

static size_t keys_count(const pyr_table *table) {
    return (table->constraints->primary_key != NULL) + table->constraints->uniques_count;
}

static pyr_status conflict_error(const pyr_parsed *parsed, const char *message, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P10", (int32_t)parsed->conflict.offset, "%s",
                             message);
}

/* The key that ON CONFLICT (a, b) names. */
static pyr_status find_key(const pyr_parsed *parsed, const pyr_table *table, int32_t *key,
                           pyr_error *error) {
    const pyr_conflict *conflict = &parsed->conflict;
    *key = PYR_KEYED_ANY_KEY;
    int32_t *columns = calloc(conflict->columns_count + 1, sizeof(*columns));
    if (columns == NULL) {
        return pyr_error_memory(error, conflict->columns_count * sizeof(*columns));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < conflict->columns_count; ++i) {
        columns[i] = pyr_schema_find(table->schema, conflict->columns[i], true);
        if (columns[i] < 0) {
            status = pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", (int32_t)conflict->offset,
                                       "table \"%s\" has no column \"%s\"", table->name,
                                       conflict->columns[i]);
        }
    }
    if (status == PYR_OK) {
        *key = pyr_keyed_key_of(table, columns, (int32_t)conflict->columns_count);
    }
    free(columns);
    if (status == PYR_OK && *key == PYR_KEYED_ANY_KEY) {
        status = conflict_error(parsed,
                                "ON CONFLICT: the columns named are not those of a PRIMARY KEY or "
                                "UNIQUE constraint",
                                error);
    }
    return status;
}

/* The one key of a table; a table with several must be told which one is meant. */
static pyr_status only_key(const pyr_parsed *parsed, const pyr_table *table, int32_t *key,
                           pyr_error *error) {
    *key = table->constraints->primary_key != NULL ? PYR_KEYED_PRIMARY_KEY : 0;
    return keys_count(table) == 1
               ? PYR_OK
               : conflict_error(parsed,
                                "a conflict target has to be given where the table has several "
                                "UNIQUE and PRIMARY KEY constraints: ON CONFLICT (columns) DO ...",
                                error);
}

static bool is_key_column(const pyr_table *table, int32_t key, int32_t column) {
    int32_t count = 0;
    const int32_t *columns = pyr_keyed_columns(table, key, &count);
    for (int32_t i = 0; i < count; ++i) {
        if (columns[i] == column) {
            return true;
        }
    }
    return false;
}

/* excluded.c, with the column's own name. */
static bool is_excluded(const pyr_span *value, const char *column) {
    pyr_lexer lexer = pyr_lexer_over(value->text, value->length);
    pyr_token table = pyr_lexer_next(&lexer);
    pyr_token dot = pyr_lexer_next(&lexer);
    pyr_token name = pyr_lexer_next(&lexer);
    pyr_token end = pyr_lexer_next(&lexer);
    return pyr_token_is_word(&table, "EXCLUDED") && pyr_token_is_char(&dot, '.') &&
           name.kind == PYR_TOKEN_WORD && name.length == strlen(column) &&
           strncasecmp(name.text, column, name.length) == 0 && end.kind == PYR_TOKEN_END;
}

/* Whether every column outside of the key is set to what was to be inserted: then the new row takes
 * the place of the old one, and nobody need read that. */
static bool replaces_whole_rows(const pyr_parsed *parsed, const pyr_table *table, int32_t key) {
    if (parsed->where.text != NULL) {
        return false;
    }
    for (int32_t i = 0; i < table->schema->fields_count; ++i) {
        const char *column = table->schema->fields[i]->name;
        const pyr_assignment *assignment = pyr_assignment_of(&parsed->assignments, column);
        bool excluded = assignment != NULL && is_excluded(&assignment->value, column);
        if (assignment == NULL ? !is_key_column(table, key, i) : !excluded) {
            return false;
        }
    }
    return true;
}

/* INSERT OR REPLACE of some columns: the others stay as they are. */
static bool gives_all_columns(const pyr_table *table, const pyr_insert_places *places) {
    for (int32_t i = 0; i < table->schema->fields_count; ++i) {
        if (!pyr_insert_gives(places, i) && pyr_table_generated(table, i) == NULL) {
            return false;
        }
    }
    return true;
}

pyr_status pyr_conflict_mode(const pyr_parsed *parsed, const pyr_table *table,
                             const pyr_insert_places *places, pyr_row_writer_options *options,
                             bool *update, pyr_error *error) {
    const pyr_conflict *conflict = &parsed->conflict;
    *update = false;
    options->mode = PYR_KEYED_INSERT;
    options->conflict_key = PYR_KEYED_ANY_KEY;
    if (conflict->action == PYR_CONFLICT_ERROR) {
        return PYR_OK;
    }
    if (!pyr_table_is_keyed(table)) {
        return conflict_error(parsed,
                              "ON CONFLICT, OR REPLACE and OR IGNORE need a table with a PRIMARY "
                              "KEY or UNIQUE constraint",
                              error);
    }
    if (conflict->condition.text != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)conflict->condition.offset,
                                 "ON CONFLICT (columns) WHERE is not supported by this version");
    }
    if (conflict->columns_count > 0) {
        PYR_TRY(find_key(parsed, table, &options->conflict_key, error));
    }
    if (conflict->action == PYR_CONFLICT_NOTHING) {
        options->mode = PYR_KEYED_IGNORE;
        return PYR_OK;
    }
    if (conflict->columns_count == 0) {
        PYR_TRY(only_key(parsed, table, &options->conflict_key, error));
    }
    if (parsed->alias != NULL && strcasecmp(parsed->alias, "excluded") == 0) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42712", (int32_t)parsed->table.offset,
                                 "\"excluded\" is the row to be inserted, and no alias of the "
                                 "table");
    }
    PYR_TRY(pyr_check_assignments(&parsed->assignments, table, error));
    bool whole = conflict->action == PYR_CONFLICT_REPLACE
                     ? gives_all_columns(table, places)
                     : replaces_whole_rows(parsed, table, options->conflict_key);
    options->mode = whole ? PYR_KEYED_REPLACE : PYR_KEYED_INSERT;
    *update = !whole;
    return PYR_OK;
}
