/* external_mention.c - which external tables a statement may read: those that a word of it, or of
 * the views and macros it uses, may name. One too many is read for nothing; one too few is an
 * error.
 */
#include "engines/needed.h"
#include "session/external.h"
#include "sql/lexer.h"

#include <string.h>
#include <strings.h>

/* A name, or a string that may stand for one: FROM 't', query_table('main.t'). */
static bool token_names(const pyr_token *token, const char *name, size_t length) {
    bool word = token->kind == PYR_TOKEN_WORD;
    bool quoted = token->kind == PYR_TOKEN_QUOTED_NAME;
    if (!word && !quoted && !pyr_token_is_string(token)) {
        return false;
    }
    const char *text = word ? token->text : token->text + 1;
    size_t size = word ? token->length : token->length - 2;
    if (size < length || (size > length && word)) {
        return false;
    }
    if (quoted && strchr(name, '"') != NULL) {
        return true; /* its quotes are doubled there */
    }
    size -= !quoted && size > length && text[size - 1] == '"' ? 1 : 0;
    const char *end = text + size - length;
    return strncasecmp(end, name, length) == 0 &&
           (end == text || (!quoted && (end[-1] == '.' || end[-1] == '"')));
}

/* The external tables of a snapshot, in the arena. */
static pyr_status list_externals(pyr_execution *execution, const pyr_snapshot *snapshot,
                                 pyr_external_mention **out, size_t *count, pyr_error *error) {
    size_t tables = pyr_snapshot_tables(snapshot);
    *count = 0;
    for (size_t i = 0; i < tables; ++i) {
        *count += pyr_snapshot_table(snapshot, i)->external != NULL;
    }
    *out = pyr_arena_array(&execution->arena, *count + 1, sizeof(**out));
    if (*out == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    memset(*out, 0, (*count + 1) * sizeof(**out));
    pyr_external_mention *at = *out;
    for (size_t i = 0; i < tables; ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        if (table->external != NULL) {
            *at++ = (pyr_external_mention){.table = table, .name_length = strlen(table->name)};
        }
    }
    return PYR_OK;
}

/* One pass over a text for all tables. */
static void mark_mentioned(pyr_external_mention *mentions, size_t count, const char *sql,
                           size_t length, bool view) {
    pyr_lexer lexer = pyr_lexer_over(sql, length);
    pyr_token token = pyr_lexer_next(&lexer);
    for (; token.kind != PYR_TOKEN_END; token = pyr_lexer_next(&lexer)) {
        for (size_t i = 0; i < count; ++i) {
            bool *mark = view ? &mentions[i].in_views : &mentions[i].in_statement;
            *mark = *mark || token_names(&token, mentions[i].table->name, mentions[i].name_length);
        }
    }
}

/* Views and macros that the text names or that are being made, and those that they name. */
static pyr_status find_views(pyr_execution *execution, const char *sql, size_t length,
                             pyr_needed *out, pyr_error *error) {
    return pyr_entries_count(pyr_snapshot_entries(execution->snapshot)) > 0
               ? pyr_needed_find(execution->snapshot, NULL, sql, length, execution->define, out,
                                 error)
               : PYR_OK;
}

pyr_status pyr_external_mentions_find(pyr_execution *execution, const pyr_snapshot *snapshot,
                                      const char *sql, size_t length, pyr_external_mention **out,
                                      size_t *count, pyr_error *error) {
    pyr_needed views = {0};
    PYR_TRY(list_externals(execution, snapshot, out, count, error));
    if (*count == 0) {
        return PYR_OK;
    }
    PYR_TRY(find_views(execution, sql, length, &views, error));
    mark_mentioned(*out, *count, sql, length, false);
    for (size_t i = 0; i < views.objects_count; ++i) {
        const char *definition = views.objects[i]->definition;
        mark_mentioned(*out, *count, definition, strlen(definition), true);
        /* A type may be called as one of DuckDB's is, and a condition then mean something else. */
        for (size_t j = 0; j < *count && views.objects[i]->kind == PYR_ENTRY_TYPE; ++j) {
            (*out)[j].in_views = (*out)[j].in_views || (*out)[j].in_statement;
        }
    }
    pyr_needed_deinit(&views);
    return PYR_OK;
}
