/* external_prune.c - which files of an external table a statement cannot need, by the partition
 * values in their paths: found from the statement's text before a file is opened.
 *
 * Looked at is the condition of the table's one place (sql/table_place.h), unless there are outer
 * joins, of whose rows those without a partner would be others. Beside other tables a column counts
 * where the table or its alias stands before it. The condition is taken apart at the ANDs outside
 * of brackets; of the parts those are used that consist of partition columns, literals, parameters
 * and operators. They are evaluated by DuckDB over the distinct values, so that they mean here what
 * they mean in the query itself. The query keeps its whole condition: what is not understood here
 * costs time and never rows.
 */
#include "session/external.h"
#include "sql/table_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct conditions {
    pyr_execution *execution;
    const pyr_table *table;
    pyr_batch *params;
    pyr_token_list list;
    pyr_table_place place;
    pyr_text where; /* the parts that can be used, with AND between them */
} conditions;

/* ---- Parts. ---- */

static const char *partition_column(const conditions *self, const pyr_token *token) {
    const pyr_schema *schema = self->table->schema;
    int32_t first = schema->fields_count - self->table->external->partitions_count;
    for (int32_t i = first; i < schema->fields_count; ++i) {
        if (pyr_token_names(token, schema->fields[i]->name)) {
            return schema->fields[i]->name;
        }
    }
    return NULL;
}

static bool is_plain_word(const pyr_token *token) {
    static const char *const words[] = {
        "AND",      "OR",      "NOT",   "IN",       "BETWEEN",   "IS",      "NULL",
        "LIKE",     "TRUE",    "CAST",  "AS",       "INT",       "INTEGER", "BIGINT",
        "SMALLINT", "TINYINT", "FALSE", "DATE",     "TIMESTAMP", "TEXT",    "VARCHAR",
        "STRING",   "ILIKE",   "FROM",  "DISTINCT", "ESCAPE"};
    return PYR_TOKEN_IS_ONE_OF(token, words) && !pyr_token_is_char(token + 1, '.');
}

/* The table's name or alias before a point. */
static bool is_qualifier(const conditions *self, const pyr_token *token) {
    if (!pyr_token_is_char(&token[1], '.') || !pyr_token_is_identifier(token)) {
        return false;
    }
    return self->place.alias == NULL
               ? pyr_token_names(token, self->table->name)
               : token->length == self->place.alias->length &&
                     strncasecmp(token->text, self->place.alias->text, token->length) == 0;
}

static bool is_usable(const conditions *self, const pyr_token *token) {
    switch (token->kind) {
    case PYR_TOKEN_WORD:
    case PYR_TOKEN_QUOTED_NAME:
        return partition_column(self, token) != NULL || is_plain_word(token);
    case PYR_TOKEN_STRING:
    case PYR_TOKEN_INTEGER:
    case PYR_TOKEN_DECIMAL:
    case PYR_TOKEN_FLOAT:
        return true;
    case PYR_TOKEN_PARAMETER:
    case PYR_TOKEN_QUESTION:
        return self->params != NULL && !self->list.numbered;
    case PYR_TOKEN_OPERATOR:
        return memchr(token->text, '>', token->length) == NULL ||
               memchr(token->text, '-', token->length) == NULL;
    default:
        return pyr_token_is_char(token, '(') || pyr_token_is_char(token, ')') ||
               pyr_token_is_char(token, ',');
    }
}

/* The number of a ? in the statement. */
static int question_number(const conditions *self, const pyr_token *token) {
    int number = 0;
    for (const pyr_token *at = self->list.tokens; at <= token; ++at) {
        number += at->kind == PYR_TOKEN_QUESTION;
    }
    return number;
}

/* Whether all tokens can be used, and one is a column. */
static bool is_usable_part(const conditions *self, const pyr_token *from, const pyr_token *to) {
    bool has_column = false;
    for (const pyr_token *token = from; token < to; ++token) {
        bool qualified = is_qualifier(self, token) && token + 2 < to;
        token += qualified ? 2 : 0;
        bool column = partition_column(self, token) != NULL;
        /* A macro may be called as the column is. */
        if (!is_usable(self, token) || (qualified && !column) ||
            (column && ((self->place.joined && !qualified) || pyr_token_is_char(token + 1, '(')))) {
            return false;
        }
        has_column = has_column || column;
    }
    return has_column;
}

static void add_part(conditions *self, const pyr_token *from, const pyr_token *to) {
    if (!is_usable_part(self, from, to)) {
        return;
    }
    pyr_text_add(&self->where, self->where.length > 0 ? " AND (" : "(");
    for (const pyr_token *token = from; token < to; ++token) {
        if (token->kind == PYR_TOKEN_QUESTION) {
            pyr_text_printf(&self->where, "$%d", question_number(self, token));
        } else {
            pyr_text_append(&self->where, token->text, token->length);
        }
        pyr_text_add_char(&self->where, ' ');
    }
    pyr_text_add_char(&self->where, ')');
}

static void add_parts(conditions *self) {
    const pyr_token *from = self->place.from;
    const pyr_token *to = self->place.to;
    if (pyr_condition_is_whole(from, to)) {
        add_part(self, from, to);
        return;
    }
    while (from < to) {
        const pyr_token *end = pyr_condition_part_end(from, to);
        add_part(self, from, end);
        from = end < to ? end + 1 : to;
    }
}

/* ---- Distinct values. ---- */

typedef struct tuples {
    const conditions *of;
    const pyr_hive_path *paths;
    size_t *order; /* of paths, equal ones beside each other */
} tuples;

static const pyr_field *key_field(const conditions *self, int32_t key) {
    const pyr_schema *schema = self->table->schema;
    return schema->fields[schema->fields_count - self->table->external->partitions_count + key];
}

static const char *value_of(const conditions *self, const pyr_hive_path *path, int32_t key) {
    const pyr_hive_part *part = pyr_hive_path_find(path, key_field(self, key)->name);
    return part != NULL ? part->value : NULL;
}

static int compare_values(const char *a, const char *b) {
    if (a == NULL || b == NULL) {
        return (a != NULL) - (b != NULL);
    }
    return strcmp(a, b);
}

static int compare_tuples(const void *left, const void *right, void *context) {
    const tuples *self = context;
    const pyr_hive_path *a = &self->paths[*(const size_t *)left];
    const pyr_hive_path *b = &self->paths[*(const size_t *)right];
    int order = 0;
    for (int32_t i = 0; order == 0 && i < self->of->table->external->partitions_count; ++i) {
        order = compare_values(value_of(self->of, a, i), value_of(self->of, b, i));
    }
    return order;
}

/* (number, 'value', ...) of a path; DuckDB reads an empty value that is no text as NULL. */
static void add_tuple(const conditions *self, const pyr_hive_path *path, size_t number,
                      pyr_text *out) {
    pyr_text_printf(out, "%s(%zu", number > 0 ? ", " : "", number);
    for (int32_t i = 0; i < self->table->external->partitions_count; ++i) {
        const char *value = value_of(self, path, i);
        pyr_text_add(out, ", ");
        if (value == NULL || (value[0] == '\0' && key_field(self, i)->type != PYR_TYPE_UTF8)) {
            pyr_text_add(out, "CAST(NULL AS VARCHAR)");
        } else {
            pyr_sql_quote_string(value, out);
        }
    }
    pyr_text_add_char(out, ')');
}

/* groups[i]: the number of the tuple that path i has. */
static void add_values(const tuples *self, size_t count, size_t *groups, pyr_text *out) {
    size_t number = 0;
    for (size_t i = 0; i < count; ++i) {
        bool same =
            i > 0 && compare_tuples(&self->order[i - 1], &self->order[i], (void *)self) == 0;
        if (!same) {
            add_tuple(self->of, &self->paths[self->order[i]], number++, out);
        }
        groups[self->order[i]] = number - 1;
    }
}

static void add_query(const tuples *self, size_t count, size_t *groups, pyr_text *out) {
    const conditions *of = self->of;
    int32_t keys = of->table->external->partitions_count;
    pyr_text_add(out, "SELECT CAST(i AS BIGINT) FROM (SELECT i");
    for (int32_t i = 0; i < keys; ++i) {
        char column[16];
        snprintf(column, sizeof(column), "c%d", (int)i);
        pyr_text_add(out, ", ");
        pyr_external_add_cast(column, key_field(of, i), out);
        pyr_text_add(out, " AS ");
        pyr_sql_quote_name(key_field(of, i)->name, out);
    }
    pyr_text_add(out, " FROM (VALUES ");
    add_values(self, count, groups, out);
    pyr_text_add(out, ") AS v(i");
    for (int32_t i = 0; i < keys; ++i) {
        pyr_text_printf(out, ", c%d", (int)i);
    }
    pyr_text_add(out, ")) AS ");
    if (of->place.alias != NULL) {
        pyr_text_append(out, of->place.alias->text, of->place.alias->length);
    } else {
        pyr_sql_quote_name(of->table->name, out);
    }
    pyr_text_printf(out, " WHERE %s", pyr_text_get(&of->where));
}

/* ---- Evaluating. ---- */

static pyr_status read_numbers(pyr_stream *stream, bool *wanted, size_t count, pyr_error *error) {
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        for (int64_t i = 0; i < batch->rows; ++i) {
            int64_t number = pyr_array_int64(batch->columns[0], i);
            if (number >= 0 && (size_t)number < count) {
                wanted[number] = true;
            }
        }
        pyr_batch_release(batch);
    }
}

static pyr_status evaluate(conditions *self, const pyr_text *text, bool *wanted, size_t count,
                           pyr_error *error) {
    pyr_engine_session *duckdb = self->execution->worker.duckdb;
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    pyr_engine_query query;
    pyr_query_ledger ledger; /* it is none of the statement's own work */
    pyr_ledger_init(&ledger);
    pyr_execution_query(self->execution, pyr_text_get(text), text->length, self->params, &query);
    query.snapshot = NULL;
    query.ledger = &ledger;
    PYR_TRY(duckdb->engine->ops->prepare(duckdb, &query, &prepared, error));
    pyr_status status = duckdb->engine->ops->execute(prepared, &query, &stream, error);
    if (status == PYR_OK) {
        status = read_numbers(stream, wanted, count, error);
        pyr_stream_destroy(stream);
    }
    duckdb->engine->ops->prepared_destroy(prepared);
    return status;
}

static pyr_status keep_wanted(conditions *self, const pyr_hive_path *paths, size_t count,
                              bool *kept, pyr_error *error) {
    pyr_arena *arena = &self->execution->arena;
    size_t *groups = pyr_arena_array(arena, count, sizeof(*groups));
    bool *wanted = pyr_arena_array(arena, count, sizeof(*wanted));
    tuples values = {self, paths, pyr_arena_array(arena, count, sizeof(size_t))};
    if (groups == NULL || wanted == NULL || values.order == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (size_t i = 0; i < count; ++i) {
        values.order[i] = i;
    }
    qsort_r(values.order, count, sizeof(*values.order), compare_tuples, &values);
    pyr_text text;
    pyr_text_init(&text);
    add_query(&values, count, groups, &text);
    pyr_status status = pyr_text_check(&text, error);
    pyr_error ignored;
    /* What goes wrong with the condition or a value goes wrong in the query, too, and is said
     * there.
     */
    if (status == PYR_OK && evaluate(self, &text, wanted, count, &ignored) == PYR_OK) {
        for (size_t i = 0; i < count; ++i) {
            kept[i] = wanted[groups[i]];
        }
    }
    pyr_text_deinit(&text);
    return status == PYR_OK ? pyr_cancel_flag_check(&self->execution->cancel, error) : status;
}

pyr_status pyr_external_prune(pyr_execution *execution, const pyr_table *table, const char *sql,
                              size_t length, pyr_batch *params, const pyr_hive_path *paths,
                              size_t count, bool *kept, pyr_error *error) {
    conditions self = {.execution = execution, .table = table, .params = params};
    if (execution->worker.duckdb == NULL || count == 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_token_list_read(sql, length, &self.list, error));
    pyr_text_init(&self.where);
    if (pyr_sql_find_place(&self.list, table->name, false, &self.place) && !self.place.outer) {
        add_parts(&self);
    }
    pyr_status status = pyr_text_check(&self.where, error);
    if (status == PYR_OK && self.where.length > 0) {
        status = keep_wanted(&self, paths, count, kept, error);
    }
    pyr_text_deinit(&self.where);
    pyr_token_list_deinit(&self.list);
    return status;
}
