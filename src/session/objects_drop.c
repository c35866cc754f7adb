/* objects_drop.c - DROP of schemas, types, sequences, macros and views, and who depends on them:
 * told from the texts that are kept, by the names in them.
 */
#include "session/objects_internal.h"
#include "sql/lexer.h"

#include <string.h>
#include <strings.h>

bool pyr_token_mentions(const pyr_token *token, const char *name) {
    bool inside = token->kind == PYR_TOKEN_QUOTED_NAME || pyr_token_is_string(token);
    const char *at = token->text + (inside ? 1 : 0);
    size_t left = token->length >= 2 && inside ? token->length - 2 : token->length;
    const char *dot = inside ? memchr(at, '.', left) : NULL;
    if (dot != NULL) { /* 'schema.name' */
        left -= (size_t)(dot + 1 - at);
        at = dot + 1;
    }
    return left == strlen(name) && strncasecmp(at, name, left) == 0;
}

bool pyr_sql_mentions(const char *text, const char *name) {
    pyr_lexer lexer = pyr_lexer_over(text, strlen(text));
    pyr_token token = pyr_lexer_next(&lexer);
    while (token.kind != PYR_TOKEN_END && !pyr_token_mentions(&token, name)) {
        token = pyr_lexer_next(&lexer);
    }
    return token.kind != PYR_TOKEN_END;
}

/* Whether an expression that stays with a table needs object. What has its name but stands where no
 * type or macro can is a column. */
static bool expression_needs(const char *text, const pyr_entry *object) {
    if (object->kind == PYR_ENTRY_SEQUENCE) {
        return pyr_sql_mentions(text, object->name);
    }
    bool is_type = object->kind == PYR_ENTRY_TYPE;
    if (!is_type && object->kind != PYR_ENTRY_MACRO) {
        return false;
    }
    pyr_lexer lexer = pyr_lexer_over(text, strlen(text));
    pyr_token before = {.kind = PYR_TOKEN_END};
    pyr_token token = pyr_lexer_next(&lexer);
    while (token.kind != PYR_TOKEN_END) {
        pyr_token next = pyr_lexer_next(&lexer);
        bool casts = pyr_token_is_word(&before, "AS") ||
                     (before.length == 2 && memcmp(before.text, "::", 2) == 0);
        if (pyr_token_names(&token, object->name) &&
            (is_type ? casts : pyr_token_is_char(&next, '('))) {
            return true;
        }
        before = token;
        token = next;
    }
    return false;
}

static bool table_depends(const pyr_table *table, const pyr_entry *object) {
    const pyr_constraints *rules = table->constraints;
    /* Types are kept as the statement wrote them. */
    bool found = object->kind == PYR_ENTRY_TYPE && pyr_sql_mentions(table->sql_types, object->name);
    for (int32_t i = 0; !found && rules != NULL && i < rules->columns_count; ++i) {
        found = (rules->defaults[i] != NULL && expression_needs(rules->defaults[i], object)) ||
                (rules->generated[i] != NULL && expression_needs(rules->generated[i], object));
    }
    for (size_t i = 0; !found && rules != NULL && i < rules->checks_count; ++i) {
        found = expression_needs(rules->checks[i].expression, object);
    }
    return found;
}

static bool object_depends(const pyr_entry *other, const pyr_entry *object) {
    return other != object && other->kind == PYR_ENTRY_TYPE && object->kind == PYR_ENTRY_TYPE &&
           pyr_sql_mentions(other->definition, object->name);
}

static pyr_status depended_on(const pyr_entry *object, const char *by, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "2BP01", -1,
                             "%s \"%s\" cannot be dropped: \"%s\" depends on it, which CASCADE "
                             "drops, too",
                             pyr_entry_kind_name(object->kind), object->name, by);
}

pyr_status pyr_drop_comments(const pyr_snapshot *snapshot, pyr_change *change,
                             const char *schema_name, const char *name, pyr_error *error) {
    const pyr_entries *objects = pyr_snapshot_entries(snapshot);
    size_t first = 0;
    size_t count = pyr_entries_named(objects, name, &first);
    for (size_t i = first; i < first + count; ++i) {
        pyr_entry *object = pyr_entries_at(objects, i);
        if (object->kind == PYR_ENTRY_COMMENT &&
            strcasecmp(object->schema_name, schema_name) == 0) {
            PYR_TRY(pyr_change_drop_entry(change, object, error));
        }
    }
    return PYR_OK;
}

static pyr_status drop_dependents(const pyr_execution *execution, pyr_change *change,
                                  const pyr_entry *object, bool cascade, pyr_error *error) {
    const pyr_snapshot *snapshot = execution->snapshot;
    bool is_schema = object->kind == PYR_ENTRY_SCHEMA;
    for (size_t i = 0; i < pyr_snapshot_tables(snapshot); ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        bool inside = is_schema && strcasecmp(table->schema_name, object->name) == 0;
        if (!inside && !table_depends(table, object)) {
            continue;
        }
        PYR_TRY(cascade ? pyr_change_drop_table(change, table, error)
                        : depended_on(object, table->name, error));
    }
    const pyr_entries *objects = pyr_snapshot_entries(snapshot);
    for (size_t i = 0; i < pyr_entries_count(objects); ++i) {
        pyr_entry *other = pyr_entries_at(objects, i);
        bool inside =
            is_schema && other != object && strcasecmp(other->schema_name, object->name) == 0;
        bool is_comment = other->kind == PYR_ENTRY_COMMENT;
        if (!inside && !object_depends(other, object)) {
            continue;
        }
        PYR_TRY(cascade || is_comment ? pyr_change_drop_entry(change, other, error)
                                      : depended_on(object, other->name, error));
    }
    return PYR_OK;
}

static pyr_status drop(pyr_execution *execution, const pyr_parsed *parsed, pyr_entry *object,
                       pyr_error *error) {
    pyr_own_change own;
    PYR_TRY(pyr_own_change_begin(execution, &own, error));
    pyr_status status = drop_dependents(execution, own.change, object, parsed->cascade, error);
    if (status == PYR_OK && object->kind != PYR_ENTRY_SCHEMA) {
        status = pyr_drop_comments(execution->snapshot, own.change, object->schema_name,
                                   object->name, error);
    }
    if (status == PYR_OK) {
        status = pyr_change_drop_entry(own.change, object, error);
    }
    return pyr_own_change_end(&own, status, error);
}

pyr_status pyr_run_drop_object(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                               pyr_error *error) {
    const char *word = pyr_object_word(parsed->object_kind);
    PYR_TRY(pyr_check_writable(execution, "DROP", error));
    const char *schema = pyr_object_schema(parsed);
    if (parsed->object_kind == PYR_ENTRY_SCHEMA &&
        (strcasecmp(schema, "main") == 0 || strcasecmp(schema, PYR_SYSTEM_SCHEMA) == 0 ||
         strcasecmp(schema, "information_schema") == 0)) {
        return pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "42501",
                                 (int32_t)parsed->table.offset, "schema \"%s\" is the system's",
                                 schema);
    }
    if (parsed->object_kind == PYR_ENTRY_VIEW &&
        pyr_snapshot_find(execution->snapshot, schema, parsed->table.name) != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42809", (int32_t)parsed->table.offset,
                                 "\"%s\" is a table, not a view", parsed->table.name);
    }
    pyr_entry *object = pyr_object_find(execution, parsed);
    if (object == NULL) {
        return parsed->if_exists ? pyr_result_message(out, error, "DROP %s (not there)", word)
                                 : pyr_object_missing(parsed, error);
    }
    PYR_TRY(object->kind == PYR_ENTRY_INDEX ? pyr_drop_index(execution, object, error)
                                            : drop(execution, parsed, object, error));
    return pyr_result_message(out, error, "DROP %s", word);
}
