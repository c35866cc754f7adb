/* external_prune.c - which files of an external table a statement cannot need, by the partition
 * values in their paths: found from the statement's text before a file is opened.
 *
 * Only a statement that names the table once, in a FROM of tables and inner joins followed by
 * WHERE, is looked at (of an outer join's rows those without a partner would be others). Beside
 * other tables a column counts where the table or its alias stands before it. Its condition is
 * taken apart at the ANDs outside of brackets; of the parts those are used that consist of
 * partition columns, literals, parameters and operators. They are evaluated by DuckDB over the
 * distinct values, so that they mean here what they mean in the query itself. The query keeps its
 * whole condition: what is not understood here costs time and never rows.
 */
#include "session/external.h"
#include "sql/lexer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct conditions {
    pyr_execution *execution;
    const pyr_table *table;
    const char *sql;
    pyr_batch *params;
    pyr_token *tokens; /* END behind the last */
    size_t count;
    const pyr_token *alias; /* what the table is called; NULL: its name */
    bool joined;            /* there are other tables: columns are qualified */
    pyr_text where;         /* the parts that can be used, with AND between them */
} conditions;

/* ---- Tokens. ---- */

/* Behind a point a word is a name, whatever it says: u.and is no AND. */
static void forget_keyword(pyr_token *token) {
    static const char *const words[] = {"AND",   "OR",   "NOT",  "BETWEEN", "CASE",  "END",
                                        "WHERE", "FROM", "JOIN", "USING",   "SELECT"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (pyr_token_is_word(token, words[i])) {
            token->kind = PYR_TOKEN_QUOTED_NAME;
        }
    }
}

static pyr_status read_tokens(conditions *self, size_t length, pyr_error *error) {
    pyr_lexer lexer = pyr_lexer_over(self->sql, length);
    size_t total = 1;
    while (pyr_lexer_next(&lexer).kind != PYR_TOKEN_END) {
        ++total;
    }
    self->tokens = pyr_arena_array(&self->execution->arena, total, sizeof(*self->tokens));
    if (self->tokens == NULL) {
        return pyr_arena_error(&self->execution->arena, error);
    }
    lexer = pyr_lexer_over(self->sql, length);
    for (size_t i = 0; i < total; ++i) {
        self->tokens[i] = pyr_lexer_next(&lexer);
        if (i > 0 && pyr_token_is_char(&self->tokens[i - 1], '.')) {
            forget_keyword(&self->tokens[i]);
        }
    }
    self->count = total - 1;
    return PYR_OK;
}

static bool is_string_of(const pyr_token *token, const char *name) {
    return pyr_token_is_string(token) && token->length == strlen(name) + 2 &&
           strncasecmp(token->text + 1, name, strlen(name)) == 0;
}

/* ---- The one FROM. ---- */

static int depth_change(const pyr_token *token) {
    static const char opening[] = "([{";
    static const char closing[] = ")]}";
    for (int i = 0; i < 3; ++i) {
        if (pyr_token_is_char(token, opening[i])) {
            return 1;
        }
        if (pyr_token_is_char(token, closing[i])) {
            return -1;
        }
    }
    return pyr_token_is_word(token, "CASE") ? 1 : pyr_token_is_word(token, "END") ? -1 : 0;
}

/* The place of the table's name, where it stands once; count where it does not, or where a string
 * or another thing of that name might mean it, too. */
static size_t find_name(const conditions *self) {
    size_t found = self->count;
    for (size_t i = 0; i < self->count; ++i) {
        if (is_string_of(&self->tokens[i], self->table->name)) {
            return self->count;
        }
        if (pyr_token_names(&self->tokens[i], self->table->name) &&
            !pyr_token_is_char(&self->tokens[i + 1], '.')) {
            if (found != self->count) {
                return self->count;
            }
            found = i;
        }
    }
    return found;
}

/* What a FROM may not have: joins that keep or choose rows by what the other side lacks. */
static bool joins_otherwise(const pyr_token *token) {
    static const char *const words[] = {"LEFT",  "RIGHT",      "FULL",        "OUTER",
                                        "ASOF",  "POSITIONAL", "ANTI",        "SEMI",
                                        "PIVOT", "UNPIVOT",    "TABLESAMPLE", "MATCH_RECOGNIZE"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (pyr_token_is_word(token, words[i])) {
            return true;
        }
    }
    return false;
}

/* Whether a FROM clause with inner joins alone leads to the table at place. */
static bool leads_from(conditions *self, size_t place) {
    const pyr_token *tokens = self->tokens;
    size_t at = place >= 2 && pyr_token_is_char(&tokens[place - 1], '.') ? place - 2 : place;
    if (at == 0 ||
        (!pyr_token_is_word(&tokens[at - 1], "FROM") &&
         !pyr_token_is_word(&tokens[at - 1], "JOIN") && !pyr_token_is_char(&tokens[at - 1], ','))) {
        return false;
    }
    int depth = 0;
    while (at-- > 0) {
        depth -= depth_change(&tokens[at]);
        if (depth < 0 || (depth == 0 && (joins_otherwise(&tokens[at]) ||
                                         pyr_token_is_word(&tokens[at], "SELECT")))) {
            return false;
        }
        if (depth == 0 && pyr_token_is_word(&tokens[at], "FROM")) {
            return true;
        }
        self->joined = true;
    }
    return false;
}

static bool ends_condition(const pyr_token *token);

/* Words that stand behind a table's name and are no alias. */
static bool goes_on(const pyr_token *token) {
    static const char *const words[] = {"WHERE", "ON",    "USING",  "JOIN",
                                        "INNER", "CROSS", "NATURAL"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (pyr_token_is_word(token, words[i])) {
            return true;
        }
    }
    return joins_otherwise(token) || ends_condition(token);
}

/* The place behind WHERE; 0 where there is none, or what stands before it is not understood. */
static size_t find_where(conditions *self) {
    size_t place = find_name(self);
    if (place == self->count || !leads_from(self, place)) {
        return 0;
    }
    const pyr_token *tokens = self->tokens;
    size_t at = place + 1;
    at += pyr_token_is_word(&tokens[at], "AS") ? 1 : 0;
    if (pyr_token_is_identifier(&tokens[at]) && !goes_on(&tokens[at])) {
        self->alias = &tokens[at++];
    }
    int depth = 0;
    for (; at < self->count && !(depth == 0 && pyr_token_is_word(&tokens[at], "WHERE")); ++at) {
        depth += depth_change(&tokens[at]);
        if (depth < 0 || (depth == 0 && (joins_otherwise(&tokens[at]) ||
                                         (ends_condition(&tokens[at]) &&
                                          !pyr_token_is_word(&tokens[at], "USING"))))) {
            return 0;
        }
        self->joined = true;
    }
    return at < self->count ? at + 1 : 0;
}

static bool ends_condition(const pyr_token *token) {
    static const char *const words[] = {"GROUP",  "HAVING", "ORDER", "LIMIT",     "OFFSET",
                                        "WINDOW", "UNION",  "FETCH", "INTERSECT", "QUALIFY",
                                        "EXCEPT", "USING",  "FOR"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (pyr_token_is_word(token, words[i])) {
            return true;
        }
    }
    return token->kind == PYR_TOKEN_END || token->kind == PYR_TOKEN_SEMICOLON;
}

/* The end of the condition that begins at first; *whole: it has an OR outside of brackets, or an
 * operator that may bind less than AND, and is one part. */
static size_t find_end(const conditions *self, size_t first, bool *whole) {
    int depth = 0;
    size_t at = first;
    *whole = false;
    for (; at < self->count; ++at) {
        const pyr_token *token = &self->tokens[at];
        int change = depth_change(token);
        if (depth + change < 0 || (depth == 0 && ends_condition(token))) {
            break;
        }
        depth += change;
        *whole = *whole || (depth == 0 && pyr_token_is_word(token, "OR")) ||
                 (token->kind == PYR_TOKEN_OPERATOR && memchr(token->text, '>', token->length) &&
                  memchr(token->text, '-', token->length));
    }
    return at;
}

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
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (pyr_token_is_word(token, words[i])) {
            return true;
        }
    }
    return false;
}

/* The table's name or alias before a point. */
static bool is_qualifier(const conditions *self, const pyr_token *token) {
    if (!pyr_token_is_char(&token[1], '.') || !pyr_token_is_identifier(token)) {
        return false;
    }
    return self->alias == NULL
               ? pyr_token_names(token, self->table->name)
               : token->length == self->alias->length &&
                     strncasecmp(token->text, self->alias->text, token->length) == 0;
}

static bool is_usable(const conditions *self, const pyr_token *token) {
    switch (token->kind) {
    case PYR_TOKEN_WORD:
    case PYR_TOKEN_QUOTED_NAME:
        return partition_column(self, token) != NULL ||
               (token->kind == PYR_TOKEN_WORD && is_plain_word(token) &&
                !pyr_token_is_char(&token[1], '.'));
    case PYR_TOKEN_STRING:
    case PYR_TOKEN_INTEGER:
    case PYR_TOKEN_DECIMAL:
    case PYR_TOKEN_FLOAT:
        return true;
    case PYR_TOKEN_PARAMETER:
    case PYR_TOKEN_QUESTION:
        return self->params != NULL;
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
    for (const pyr_token *at = self->tokens; at <= token; ++at) {
        number += at->kind == PYR_TOKEN_QUESTION;
    }
    return number;
}

/* Appends tokens [from, to) when all can be used. */
static void add_part(conditions *self, size_t from, size_t to) {
    bool has_column = false;
    for (size_t i = from; i < to; ++i) {
        if (is_qualifier(self, &self->tokens[i]) && i + 2 < to) {
            i += 2;
            if (partition_column(self, &self->tokens[i]) == NULL) {
                return;
            }
        } else if (!is_usable(self, &self->tokens[i]) ||
                   (self->joined && partition_column(self, &self->tokens[i]) != NULL)) {
            return;
        }
        has_column = has_column || partition_column(self, &self->tokens[i]) != NULL;
    }
    if (!has_column) {
        return;
    }
    pyr_text_add(&self->where, self->where.length > 0 ? " AND (" : "(");
    for (size_t i = from; i < to; ++i) {
        const pyr_token *token = &self->tokens[i];
        if (token->kind == PYR_TOKEN_QUESTION) {
            pyr_text_printf(&self->where, "$%d", question_number(self, token));
        } else {
            pyr_text_append(&self->where, token->text, token->length);
        }
        pyr_text_add_char(&self->where, ' ');
    }
    pyr_text_add_char(&self->where, ')');
}

/* a AND b BETWEEN 1 AND 2 AND c: three parts. */
static void add_parts(conditions *self, size_t first, size_t end) {
    int depth = 0;
    int between = 0;
    size_t from = first;
    for (size_t i = first; i < end; ++i) {
        const pyr_token *token = &self->tokens[i];
        depth += depth_change(token);
        if (depth > 0) {
            continue;
        }
        if (pyr_token_is_word(token, "BETWEEN")) {
            ++between;
        } else if (pyr_token_is_word(token, "AND") && between-- <= 0) {
            add_part(self, from, i);
            from = i + 1;
            between = 0;
        }
    }
    add_part(self, from, end);
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
    if (of->alias != NULL) {
        pyr_text_append(out, of->alias->text, of->alias->length);
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
    conditions self = {.execution = execution, .table = table, .sql = sql, .params = params};
    if (execution->worker.duckdb == NULL || count == 0) {
        return PYR_OK;
    }
    PYR_TRY(read_tokens(&self, length, error));
    size_t first = find_where(&self);
    if (first == 0) {
        return PYR_OK;
    }
    bool whole = false;
    size_t end = find_end(&self, first, &whole);
    pyr_text_init(&self.where);
    if (whole) {
        add_part(&self, first, end);
    } else {
        add_parts(&self, first, end);
    }
    pyr_status status = pyr_text_check(&self.where, error);
    if (status == PYR_OK && self.where.length > 0) {
        status = keep_wanted(&self, paths, count, kept, error);
    }
    pyr_text_deinit(&self.where);
    return status;
}
