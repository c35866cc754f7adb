/* duckdb_skip.c - batches that a statement does not need: DuckDB hands its table functions no
 * filters, so what can be skipped is found in the statement's text (../prune.h).
 *
 * A table, or one that a function of ours reads, is taken only where the text names it once and no
 * view, macro or type that the statement uses can mean it, too, or change what the text means.
 */
#include "engines/duckdb/duckdb_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Beyond that it would cost more than it is likely to save. */
#define TEXT_BYTES_MAX ((size_t)1 << 20)

static bool hides_tables(const pyr_duckdb_run *run) {
    static const char *const functions[] = {"query", "query_table", "pyr_scan", "pyr_scan_rows"};
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); ++i) {
        if (pyr_token_list_mentions(&run->definitions_tokens, functions[i])) {
            return true;
        }
    }
    return false;
}

pyr_status pyr_duckdb_skip_note(pyr_duckdb_run *run, const pyr_needed *needed,
                                const pyr_engine_query *query, pyr_error *error) {
    bool types = false;
    for (size_t i = 0; i < needed->objects_count; ++i) {
        const pyr_entry *object = needed->objects[i];
        types = types || object->kind == PYR_ENTRY_TYPE;
        if (object->definition != NULL) {
            pyr_text_add(&run->definitions, object->definition);
            pyr_text_add_char(&run->definitions, '\n');
        }
    }
    PYR_TRY(pyr_text_check(&run->definitions, error));
    /* A type may be called as one of DuckDB's is. */
    if (query->all_batches || types || query->length > TEXT_BYTES_MAX) {
        return PYR_OK;
    }
    PYR_TRY(pyr_token_list_read(pyr_text_get(&run->definitions), run->definitions.length,
                                &run->definitions_tokens, error));
    if (hides_tables(run)) {
        return PYR_OK;
    }
    run->sql = strndup(query->sql, query->length);
    if (run->sql == NULL) {
        return pyr_error_memory(error, query->length);
    }
    memset(&run->dialect, 0, sizeof(run->dialect));
    if (query->dialect != NULL) {
        run->dialect = *query->dialect;
    }
    return pyr_token_list_read(run->sql, strlen(run->sql), &run->sql_tokens, error);
}

/* Whether the statement's text alone says what is needed of the table. One that a function made is
 * called as the function: where a path stands for a call of one, in the text or in a view, the one
 * place that names it may be another table's. */
static bool is_plain(const pyr_duckdb_run *run, const pyr_table *table) {
    return run->sql != NULL && !(run->files_by_name && table->schema_name[0] == '\0') &&
           !pyr_token_list_mentions(&run->definitions_tokens, table->name);
}

pyr_status pyr_duckdb_skip_find(const pyr_duckdb_run *run, const pyr_table *table, pyr_prune **out,
                                pyr_error *error) {
    *out = NULL;
    if (!is_plain(run, table) || table->segments_count == 0) {
        return PYR_OK;
    }
    return pyr_prune_create(&run->sql_tokens, run->params, &run->dialect, table, out, error);
}

pyr_status pyr_duckdb_skip_keys(const pyr_duckdb_run *run, const pyr_table *table,
                                pyr_keyed_range **out, size_t *count, pyr_error *error) {
    *out = NULL;
    *count = 0;
    if (!is_plain(run, table)) {
        return PYR_OK;
    }
    return pyr_prune_keys(&run->sql_tokens, run->params, &run->dialect, table, out, count, error);
}

static pyr_status explain_keys(const pyr_duckdb_run *run, const pyr_table *table, pyr_text *out,
                               pyr_error *error) {
    pyr_keyed_range *ranges = NULL;
    size_t count = 0;
    PYR_TRY(pyr_duckdb_skip_keys(run, table, &ranges, &count, error));
    if (ranges != NULL) {
        pyr_sql_quote_name(table->name, out);
        pyr_text_printf(out, ": key ranges %zu\n", count);
    }
    pyr_keyed_ranges_free(ranges, count);
    return PYR_OK;
}

static pyr_status count_batches(const pyr_prune *prune, const pyr_table *table, size_t *needed,
                                size_t *total, pyr_error *error) {
    *needed = 0;
    *total = 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches = 0;
        PYR_TRY(pyr_segment_batches(table->segments[i], NULL, &batches, error));
        for (size_t j = 0; j < batches; ++j) {
            bool skip = false;
            PYR_TRY(pyr_prune_batch(prune, table->segments[i], j, &skip, error));
            *needed += !skip;
        }
        *total += batches;
    }
    return PYR_OK;
}

/* Another table of its name may be the one that is meant. */
static bool is_only_one(const pyr_snapshot *snapshot, size_t index) {
    const char *name = pyr_snapshot_table(snapshot, index)->name;
    for (size_t i = 0; i < pyr_snapshot_tables(snapshot); ++i) {
        if (i != index && strcasecmp(pyr_snapshot_table(snapshot, i)->name, name) == 0) {
            return false;
        }
    }
    return true;
}

pyr_status pyr_duckdb_skip_explain(const pyr_duckdb_run *run, const pyr_snapshot *snapshot,
                                   pyr_text *out, pyr_error *error) {
    for (size_t i = 0; snapshot != NULL && i < pyr_snapshot_tables(snapshot); ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        pyr_prune *prune = NULL;
        if (run->sql == NULL || !pyr_token_list_mentions(&run->sql_tokens, table->name) ||
            !is_only_one(snapshot, i)) {
            continue;
        }
        PYR_TRY(explain_keys(run, table, out, error));
        PYR_TRY(pyr_duckdb_skip_find(run, table, &prune, error));
        if (prune == NULL) {
            continue;
        }
        size_t needed = 0;
        size_t total = 0;
        pyr_status status = count_batches(prune, table, &needed, &total, error);
        pyr_prune_destroy(prune);
        PYR_TRY(status);
        pyr_sql_quote_name(table->name, out);
        pyr_text_printf(out, ": batches %zu/%zu\n", needed, total);
    }
    return PYR_OK;
}
