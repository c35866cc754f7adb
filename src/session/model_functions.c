/* model_functions.c - model_hash('NAME'), model_pin('NAME') and model_unpin('NAME') in queries.
 *
 * They do something, once, so no engine is left to decide how often and when: they run before the
 * query is bound, and their results stand in its text as constants. A parameter that names the
 * model stays in the text, so that the numbers of the others hold.
 *
 * Once is once a statement for each function and name, however often it is called with that name
 * and however often the statement's query is bound: what it gave is kept in the execution.
 */
#include "session/model_registry.h"
#include "sql/lexer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct function {
    const char *name;
    /* Adds what it gives, plain text. */
    pyr_status (*run)(pyr_execution *execution, const char *model, pyr_text *out, pyr_error *error);
} function;

/* ---- What they do. ---- */

static pyr_status run_hash(pyr_execution *execution, const char *model, pyr_text *out,
                           pyr_error *error) {
    char hex[PYR_MODEL_HASH_CHARS + 1];
    PYR_TRY(pyr_registry_hash(execution, model, hex, error));
    pyr_text_add(out, hex);
    return PYR_OK;
}

static pyr_status run_pin(pyr_execution *execution, const char *model, pyr_text *out,
                          pyr_error *error) {
    char *path = NULL;
    pyr_model_pinned pinned;
    PYR_TRY(pyr_registry_find(execution, model, &path, error));
    pyr_status status = pyr_model_cache_pin(execution->connection->db->models, path,
                                            &execution->cancel, &pinned, error);
    free(path);
    PYR_TRY(status);
    pyr_text_printf(out, "%" PRId64 " bytes %s", pinned.size_bytes,
                    pinned.locked ? "locked in memory" : "brought into memory");
    return PYR_OK;
}

static pyr_status run_unpin(pyr_execution *execution, const char *model, pyr_text *out,
                            pyr_error *error) {
    pyr_models *models = NULL;
    const pyr_model *meant = NULL;
    PYR_TRY(pyr_registry_read(execution, &models, error));
    pyr_status status = pyr_models_resolve(models, model, &meant, error);
    if (status == PYR_OK) {
        bool was = pyr_model_cache_unpin(execution->connection->db->models, meant->path);
        pyr_text_add(out, was ? "unpinned" : "was not pinned");
    }
    pyr_models_destroy(models);
    return status;
}

static const function functions[] = {
    {"model_hash", run_hash}, {"model_pin", run_pin}, {"model_unpin", run_unpin}};

/* ---- Once. ---- */

/* In the execution's arena. */
typedef struct pyr_model_result {
    const function *called;
    const char *model, *value;
    struct pyr_model_result *next;
} pyr_model_result;

static pyr_status keep_result(pyr_execution *execution, const pyr_model_result *result,
                              pyr_error *error) {
    pyr_model_result *kept = pyr_arena_alloc(&execution->arena, sizeof(*kept));
    if (kept == NULL || result->model == NULL || result->value == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    *kept = *result;
    execution->model_results = kept;
    return PYR_OK;
}

/* *value: in the arena. */
static pyr_status run_once(pyr_execution *execution, const function *called, const char *model,
                           const char **value, pyr_error *error) {
    pyr_arena *arena = &execution->arena;
    pyr_text text;
    for (const pyr_model_result *r = execution->model_results; r != NULL; r = r->next) {
        if (r->called == called && strcmp(r->model, model) == 0) {
            *value = r->value;
            return PYR_OK;
        }
    }
    pyr_text_init(&text);
    pyr_status status = called->run(execution, model, &text, error);
    if (status == PYR_OK) {
        status = pyr_text_check(&text, error);
    }
    if (status == PYR_OK) {
        *value = pyr_arena_strdup(arena, pyr_text_get(&text));
        const pyr_model_result result = {called, pyr_arena_strdup(arena, model), *value,
                                         execution->model_results};
        status = keep_result(execution, &result, error);
    }
    pyr_text_deinit(&text);
    return status;
}

/* ---- Calls in a text. ---- */

typedef struct walk {
    pyr_execution *execution;
    pyr_batch *params;
    bool describes;
    const char *sql;
    size_t length, done; /* done: of the text, in out */
    pyr_lexer lexer;
    pyr_token before, token;
    size_t depth, questions; /* open brackets; ?s before the token */
    pyr_text out;
} walk;

static void advance(walk *self) {
    self->depth += pyr_token_is_char(&self->token, '(');
    self->depth -= pyr_token_is_char(&self->token, ')') && self->depth > 0;
    self->questions += self->token.kind == PYR_TOKEN_QUESTION;
    self->before = self->token;
    self->token = pyr_lexer_next(&self->lexer);
}

static const function *function_at(const walk *self) {
    for (size_t i = 0;
         self->token.kind == PYR_TOKEN_WORD && !pyr_token_is_char(&self->before, '.') &&
         i < sizeof(functions) / sizeof(functions[0]);
         ++i) {
        if (strlen(functions[i].name) == self->token.length &&
            strncasecmp(functions[i].name, self->token.text, self->token.length) == 0) {
            return &functions[i];
        }
    }
    return NULL;
}

static pyr_status bad_argument(const function *called, const pyr_token *at, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", (int32_t)at->offset,
                             "%s takes the name of one model, a text or a parameter: %s('llama')",
                             called->name, called->name);
}

/* The text that a string is, in the arena. */
static pyr_status string_of(const walk *self, const function *called, const char **out,
                            pyr_error *error) {
    size_t length = 0;
    bool valid = false;
    *out = pyr_token_unquote(&self->token, &self->execution->arena, &length, &valid);
    if (*out == NULL && valid) {
        return pyr_arena_error(&self->execution->arena, error);
    }
    return valid && strlen(*out) == length ? PYR_OK : bad_argument(called, &self->token, error);
}

/* The text that a parameter has; *out NULL: it is null, or there is none yet. */
static pyr_status parameter_of(const walk *self, const function *called, const char **out,
                               pyr_error *error) {
    const pyr_token *token = &self->token;
    size_t index = self->questions;
    size_t size = 0;
    *out = NULL;
    if (token->kind == PYR_TOKEN_PARAMETER) {
        char digits[16] = "";
        memcpy(digits, token->text + 1, token->length < 16 ? token->length - 1 : 14);
        index = (size_t)strtoul(digits, NULL, 10) - 1;
    }
    if (self->params == NULL || index >= (size_t)self->params->columns_count) {
        return PYR_OK;
    }
    const pyr_array *column = self->params->columns[index];
    if (pyr_array_is_null(column, 0)) {
        return PYR_OK;
    }
    if (column->field->type != PYR_TYPE_UTF8 && column->field->type != PYR_TYPE_LARGE_UTF8 &&
        column->field->type != PYR_TYPE_UTF8_VIEW) {
        return bad_argument(called, token, error);
    }
    const uint8_t *bytes = pyr_array_bytes(column, 0, &size);
    *out = pyr_arena_strndup(&self->execution->arena, (const char *)bytes, size);
    return *out != NULL ? PYR_OK : pyr_arena_error(&self->execution->arena, error);
}

/* Whether the call is a whole item of a select list, which would be named by its constant. */
static bool is_item(const pyr_token *before, const pyr_token *after, size_t depth) {
    bool first = pyr_token_is_word(before, "SELECT");
    bool later = depth == 0 && pyr_token_is_char(before, ',');
    bool last = after->kind == PYR_TOKEN_END || pyr_token_is_char(after, ',') ||
                pyr_token_is_word(after, "FROM") || (first && pyr_token_is_char(after, ')'));
    return (first || later) && last;
}

/* The call from its name's token to its closing bracket becomes what it gave. */
static void replace(walk *self, const pyr_token *name, const pyr_token *argument, const char *value,
                    bool item) {
    size_t end = self->before.offset + self->before.length;
    bool parameter = !pyr_token_is_string(argument);
    pyr_text_append(&self->out, self->sql + self->done, name->offset - self->done);
    if (parameter) {
        pyr_text_printf(&self->out, "CASE WHEN CAST(%.*s AS VARCHAR) IS NULL THEN NULL ELSE ",
                        (int)argument->length, argument->text);
    }
    if (value != NULL) {
        pyr_sql_quote_string(value, &self->out);
    } else {
        pyr_text_add(&self->out, "CAST(NULL AS VARCHAR)");
    }
    pyr_text_add(&self->out, parameter ? " END" : "");
    if (item) {
        char *written = pyr_arena_strndup(&self->execution->arena, self->sql + name->offset,
                                          end - name->offset);
        pyr_text_add(&self->out, " AS ");
        pyr_sql_quote_name(written != NULL ? written : "", &self->out);
    }
    self->done = end;
}

static pyr_status run_call(walk *self, const function *called, pyr_error *error) {
    pyr_token before = self->before;
    pyr_token name = self->token;
    size_t depth = self->depth;
    const char *model = NULL;
    const char *value = NULL;
    advance(self);
    if (!pyr_token_is_char(&self->token, '(')) {
        return PYR_OK;
    }
    advance(self);
    pyr_token argument = self->token;
    if (argument.kind == PYR_TOKEN_PARAMETER || argument.kind == PYR_TOKEN_QUESTION) {
        PYR_TRY(parameter_of(self, called, &model, error));
    } else if (pyr_token_is_string(&argument)) {
        PYR_TRY(string_of(self, called, &model, error));
    } else {
        return bad_argument(called, &argument, error);
    }
    advance(self);
    if (!pyr_token_is_char(&self->token, ')')) {
        return bad_argument(called, &argument, error);
    }
    advance(self);
    pyr_status status = PYR_OK;
    if (model != NULL && !self->describes) {
        status = run_once(self->execution, called, model, &value, error);
    }
    if (status == PYR_OK) {
        replace(self, &name, &argument, value, is_item(&before, &self->token, depth));
    } else if (error != NULL && error->position < 0) {
        error->position = (int32_t)argument.offset;
    }
    return status;
}

static bool may_call(const char *sql, size_t length) {
    static const char start[] = "model_";
    for (size_t i = 0; i + sizeof(start) < length; ++i) {
        if ((sql[i] | 0x20) == 'm' && strncasecmp(sql + i, start, sizeof(start) - 1) == 0) {
            return true;
        }
    }
    return false;
}

static pyr_status run_calls(walk *self, pyr_error *error) {
    self->token = pyr_lexer_next(&self->lexer);
    while (self->token.kind != PYR_TOKEN_END && self->token.kind != PYR_TOKEN_ERROR) {
        const function *called = function_at(self);
        if (called != NULL) {
            PYR_TRY(run_call(self, called, error));
        } else {
            advance(self);
        }
    }
    pyr_text_append(&self->out, self->sql + self->done, self->length - self->done);
    return pyr_text_check(&self->out, error);
}

pyr_status pyr_model_functions_run(pyr_execution *execution, pyr_batch *params, bool describes,
                                   const char **sql, size_t *length, pyr_error *error) {
    if (!may_call(*sql, *length)) {
        return PYR_OK;
    }
    walk self = {.execution = execution,
                 .params = params,
                 .describes = describes,
                 .sql = *sql,
                 .length = *length,
                 .lexer = pyr_lexer_over(*sql, *length),
                 .before = {.kind = PYR_TOKEN_END}};
    pyr_text_init(&self.out);
    pyr_status status = run_calls(&self, error);
    if (status == PYR_OK && self.done > 0) {
        *length = self.out.length;
        *sql = pyr_arena_strndup(&execution->arena, pyr_text_get(&self.out), self.out.length);
        status = *sql != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
    }
    pyr_text_deinit(&self.out);
    return status;
}
