/* insert.c - INSERT, and the rows of COPY FROM: a query gives them, cast to the table's types, with
 * defaults for what it does not give. */
#include "arrow/cast.h"
#include "session/model_registry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONFLICTS_MAX 1000 /* tries of an INSERT that meets other writers' rows */

/* ---- Which column gets what. ---- */

static pyr_status find_names(const pyr_parsed *parsed, const pyr_table *table, char *const *names,
                             size_t count, pyr_insert_places *places, pyr_error *error) {
    for (size_t i = 0; i < count; ++i) {
        int32_t column = pyr_schema_find(table->schema, names[i], true);
        if (column < 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", (int32_t)parsed->table.offset,
                                     "table \"%s\" has no column \"%s\"", table->name, names[i]);
        }
        if (pyr_table_generated(table, column) != NULL) {
            return pyr_generated_given(table, column, (int32_t)parsed->table.offset, error);
        }
        if (places->map[column] >= 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", (int32_t)parsed->table.offset,
                                     "column \"%s\" is named twice", names[i]);
        }
        places->map[column] = places->given;
        places->columns[places->given++] = column;
    }
    return PYR_OK;
}

/* names NULL: all columns, by place. */
static pyr_status place_columns(pyr_arena *arena, const pyr_parsed *parsed, const pyr_table *table,
                                char *const *names, size_t count, pyr_insert_places *places,
                                pyr_error *error) {
    int32_t all = table->schema->fields_count;
    *places = (pyr_insert_places){
        .columns = pyr_arena_array(arena, (size_t)all + 1, sizeof(*places->columns)),
        .map = pyr_arena_array(arena, (size_t)all + 1, sizeof(*places->map))};
    if (places->columns == NULL || places->map == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (int32_t i = 0; i < all; ++i) {
        places->map[i] = -1;
        if (names == NULL && pyr_table_generated(table, i) == NULL) {
            places->map[i] = places->given;
            places->columns[places->given++] = i;
        }
    }
    if (names != NULL) {
        PYR_TRY(find_names(parsed, table, names, count, places, error));
    }
    places->count = places->given;
    for (int32_t i = 0; i < all; ++i) {
        if (places->map[i] < 0 && pyr_table_default(table, i) != NULL) {
            places->map[i] = places->count;
            places->columns[places->count++] = i;
        }
    }
    return PYR_OK;
}

bool pyr_insert_gives(const pyr_insert_places *places, int32_t column) {
    return places->map[column] >= 0 && places->map[column] < places->given;
}

/* ---- The source's text. ---- */

typedef struct insert {
    pyr_execution *execution;
    const pyr_parsed *parsed;
    pyr_table *table; /* borrowed: the execution's snapshot, and with it the table, lives on */
    pyr_batch *params;
    pyr_made_text made; /* the source as the statement has it, WITH included */
    pyr_span source;    /* of made, in the arena */
    size_t list_at;     /* where it begins in source: behind the WITH */
    pyr_insert_places places;
} insert;

static void insert_deinit(insert *self) {
    pyr_made_deinit(&self->made);
}

/* SELECT CAST(a AS T0) AS a, ..., CAST((default) AS Tn) AS z FROM (source) AS source(a, ...): lets
 * the engine do the casts that we do not. The source stands at *offset in the text. */
static pyr_status wrap_in_casts(const insert *self, pyr_span *out, size_t *offset,
                                pyr_error *error) {
    const pyr_table *table = self->table;
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "SELECT ");
    for (int32_t i = 0; i < self->places.count; ++i) {
        const pyr_field *field = table->schema->fields[self->places.columns[i]];
        pyr_text_add(&text, i > 0 ? ", " : "");
        if (i >= self->places.given) {
            pyr_default_print(table, self->places.columns[i], &text);
        } else {
            pyr_text_add(&text, "CAST(");
            pyr_sql_quote_name(field->name, &text);
            pyr_text_add(&text, " AS ");
            pyr_sql_type_print(field, &text);
            pyr_text_add_char(&text, ')');
        }
        pyr_text_add(&text, " AS ");
        pyr_sql_quote_name(field->name, &text);
    }
    pyr_text_add(&text, " FROM (");
    *offset = text.length;
    pyr_text_append(&text, self->source.text, self->source.length);
    pyr_text_add(&text, "\n) AS source(");
    for (int32_t i = 0; i < self->places.given; ++i) {
        pyr_text_add(&text, i > 0 ? ", " : "");
        pyr_sql_quote_name(table->schema->fields[self->places.columns[i]]->name, &text);
    }
    pyr_text_add_char(&text, ')');
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        pyr_arena *arena = &self->execution->arena;
        *out = (pyr_span){pyr_arena_strndup(arena, text.data, text.length), text.length, 0};
        status = out->text != NULL ? PYR_OK : pyr_arena_error(arena, error);
    }
    pyr_text_deinit(&text);
    return status;
}

/* A place in a text around the source as one in the source. */
static void move_position(pyr_error *error, size_t offset, size_t length) {
    if (error != NULL && error->position >= 0) {
        size_t position = (size_t)error->position;
        error->position =
            position >= offset && position <= offset + length ? (int32_t)(position - offset) : 0;
    }
}

/* *equal: none is needed. */
static bool casts_covered(const insert *self, const pyr_schema *from, bool *equal) {
    const pyr_schema *to = self->table->schema;
    *equal = true;
    for (int32_t i = 0; i < self->places.given; ++i) {
        const pyr_field *field = to->fields[self->places.columns[i]];
        if (!pyr_cast_is_covered(from->fields[i], field)) {
            return false;
        }
        *equal = *equal && pyr_field_type_equal(from->fields[i], field);
    }
    return true;
}

static pyr_status check_count(const insert *self, const pyr_schema *schema, pyr_error *error) {
    int32_t found = schema != NULL ? schema->fields_count : self->places.given;
    if (found == self->places.given) {
        return PYR_OK;
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", 0,
                             "table \"%s\": %d columns are to be filled, but %d values are given",
                             self->table->name, (int)self->places.given, (int)found);
}

/* Prepares the source as it stands: bound is the caller's to run or deinit, also after a failure.
 * *covered: our own casts bring its columns to the table's types, and nothing else is needed. */
static pyr_status bind_source(const insert *self, pyr_bound *bound, bool *covered,
                              pyr_error *error) {
    *covered = false;
    PYR_TRY(pyr_bound_prepare(self->execution, self->source.text, self->source.length, self->params,
                              bound, error));
    const pyr_schema *schema = bound->prepared->schema;
    PYR_TRY(check_count(self, schema, error));
    bool equal = false;
    *covered = schema != NULL && self->places.count == self->places.given &&
               casts_covered(self, schema, &equal);
    if (!*covered || equal) {
        return PYR_OK;
    }
    /* What the engine made of a list's values on the way to a common type is lost to our casts. */
    return pyr_values_alike(&self->execution->arena, &self->source, self->list_at, &self->places,
                            self->params != NULL ? self->params->schema : NULL, covered, error);
}

/* Uses the source with the engine's casts around its values or around all of it. */
typedef pyr_status (*use_text)(const insert *self, const pyr_span *text, void *context,
                               pyr_error *error);

static pyr_status use_values(const insert *self, use_text use, void *context, bool *done,
                             pyr_error *error) {
    pyr_values_text *values = NULL;
    PYR_TRY(pyr_values_cast(&self->execution->arena, &self->source, self->list_at, self->table,
                            &self->places, &values, error));
    *done = values != NULL;
    if (values == NULL) {
        return PYR_OK;
    }
    pyr_status status = use(self, pyr_values_span(values), context, error);
    if (status != PYR_OK && error != NULL && error->position >= 0) {
        error->position = (int32_t)pyr_values_position(values, (size_t)error->position);
    }
    return status;
}

static pyr_status use_wrapped(const insert *self, use_text use, void *context, pyr_error *error) {
    pyr_span wrapped;
    size_t offset = 0;
    PYR_TRY(wrap_in_casts(self, &wrapped, &offset, error));
    pyr_status status = use(self, &wrapped, context, error);
    if (status != PYR_OK) {
        move_position(error, offset, self->source.length);
    }
    return status;
}

/* bind_status, first: what binding the source as it stands gave. A list that does not bind so may
 * do so cast. */
static pyr_status use_cast(const insert *self, pyr_status bind_status, const pyr_error *first,
                           use_text use, void *context, pyr_error *error) {
    bool done = false;
    if (bind_status == PYR_OK || bind_status == PYR_ERROR_SQL ||
        bind_status == PYR_ERROR_NOT_SUPPORTED) {
        PYR_TRY(use_values(self, use, context, &done, error));
    }
    if (done) {
        return PYR_OK;
    }
    if (bind_status != PYR_OK) {
        if (error != NULL) {
            *error = *first;
        }
        return bind_status;
    }
    return use_wrapped(self, use, context, error);
}

static pyr_status run_text(const insert *self, const pyr_span *text, void *context,
                           pyr_error *error) {
    return pyr_run_query(self->execution, text, self->params, context, error);
}

static pyr_status run_source(const insert *self, pyr_result *out, pyr_error *error) {
    bool covered = false;
    pyr_bound bound = {0};
    pyr_error first;
    pyr_status bind_status = bind_source(self, &bound, &covered, &first);
    if (bind_status == PYR_OK && covered) {
        pyr_status status = pyr_bound_run(self->execution, &bound, out, error);
        pyr_bound_deinit(&bound);
        return status;
    }
    pyr_bound_deinit(&bound);
    return use_cast(self, bind_status, &first, run_text, out, error);
}

/* ---- Making the source. ---- */

/* INSERT ... DEFAULT VALUES: one row of every column's default. */
static pyr_status default_values(insert *self, pyr_error *error) {
    PYR_TRY(place_columns(&self->execution->arena, self->parsed, self->table, NULL, 0,
                          &self->places, error));
    pyr_made_add(&self->made, "SELECT ");
    for (int32_t i = 0; i < self->places.given; ++i) {
        int32_t column = self->places.columns[i];
        pyr_made_add(&self->made, i > 0 ? ", " : "");
        if (pyr_table_default(self->table, column) != NULL) {
            pyr_default_print(self->table, column, &self->made.text);
        } else {
            pyr_made_add(&self->made, "NULL");
        }
    }
    return pyr_made_finish(&self->made, &self->execution->arena, &self->source, error);
}

/* Copies of a source's names, which outlive it. */
static pyr_status copy_names(pyr_arena *arena, const pyr_schema *schema, char ***out,
                             pyr_error *error) {
    if (schema == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P18", 0,
                                 "INSERT BY NAME: the source's columns depend on parameters");
    }
    char **names = pyr_arena_array(arena, (size_t)schema->fields_count + 1, sizeof(*names));
    if (names == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        names[i] = pyr_arena_strdup(arena, schema->fields[i]->name);
        if (names[i] == NULL) {
            return pyr_arena_error(arena, error);
        }
    }
    *out = names;
    return PYR_OK;
}

/* The names of the source's columns are those of the table's. */
static pyr_status place_by_name(insert *self, pyr_error *error) {
    pyr_arena *arena = &self->execution->arena;
    pyr_bound bound;
    char **names = NULL;
    PYR_TRY(pyr_bound_prepare(self->execution, self->source.text, self->source.length, self->params,
                              &bound, error));
    const pyr_schema *schema = bound.prepared->schema;
    pyr_status status = copy_names(arena, schema, &names, error);
    if (status == PYR_OK) {
        status = place_columns(arena, self->parsed, self->table, names,
                               (size_t)schema->fields_count, &self->places, error);
    }
    pyr_bound_deinit(&bound);
    return status;
}

/* The WITH of the statement before the source; one that has a WITH itself is a query inside. */
static void add_source(insert *self, const pyr_span *source) {
    bool with = self->parsed->with.text != NULL;
    bool bare = !with || (source->text[0] != '(' && strncasecmp(source->text, "with", 4) != 0);
    if (!with && self->parsed->returning.text == NULL && self->parsed->assignments.count == 0) {
        self->made.has_questions = false; /* all of them are the source's, with its numbers */
    }
    pyr_made_add_with(&self->made, self->parsed);
    self->list_at = self->made.text.length;
    pyr_made_add(&self->made, bare ? "" : "SELECT * FROM (");
    pyr_made_add_span(&self->made, source);
    pyr_made_add(&self->made, bare ? "" : "\n)");
}

/* What is left to do after a failure is insert_deinit, and to move the error's place. */
static pyr_status insert_begin(insert *self, pyr_execution *execution, const pyr_parsed *parsed,
                               const pyr_span *source, pyr_batch *params, pyr_error *error) {
    memset(self, 0, sizeof(*self));
    self->execution = execution;
    self->parsed = parsed;
    self->params = params;
    pyr_made_init(&self->made, &parsed->text);
    bool looks = parsed->conflict.action != PYR_CONFLICT_ERROR &&
                 parsed->conflict.action != PYR_CONFLICT_NOTHING;
    if (!looks && pyr_registry_is_named(parsed->table.schema_name, parsed->table.name)) {
        PYR_TRY(pyr_registry_need(execution, false, error));
    }
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &self->table, error));
    if (parsed->default_values) {
        return default_values(self, error);
    }
    add_source(self, source);
    PYR_TRY(pyr_made_finish(&self->made, &execution->arena, &self->source, error));
    if (parsed->by_name) {
        pyr_status status = place_by_name(self, error);
        if (status != PYR_OK) {
            pyr_made_move_position(&self->made, error);
        }
        return status;
    }
    return place_columns(&execution->arena, parsed, self->table,
                         parsed->names_count > 0 ? parsed->names : NULL, parsed->names_count,
                         &self->places, error);
}

/* ---- Running. ---- */

/* Where the rows go: to the writer, or into one batch for ON CONFLICT DO UPDATE. */
typedef struct insert_target {
    pyr_row_writer_options options;
    bool update;
    pyr_row_writer *writer;
    pyr_returning *returning;
    pyr_own_change own; /* of an update */
    pyr_kept_batches kept;
} insert_target;

static void target_deinit(insert_target *target) {
    pyr_kept_batches_deinit(&target->kept);
    pyr_row_writer_destroy(target->writer);
    pyr_returning_destroy(target->returning);
    pyr_own_change_deinit(&target->own);
}

static pyr_status write_batch(const insert *self, pyr_batch *batch, insert_target *target,
                              pyr_error *error) {
    pyr_execution *execution = self->execution;
    pyr_batch *adapted = NULL;
    PYR_TRY(pyr_batch_cast(batch, self->table->schema, self->places.map, &execution->ledger,
                           execution->budget, &adapted, error));
    pyr_status status = target->update ? pyr_kept_batches_add(&target->kept, adapted, error)
                                       : pyr_row_writer_batch(target->writer, adapted, error);
    if (status == PYR_OK) {
        /* A source mapping that was cut while it was read must not become rows of ours. */
        status = pyr_batch_check_mappings(batch, error);
    }
    pyr_batch_release(adapted);
    return status;
}

static pyr_status write_stream(const insert *self, pyr_stream *stream, insert_target *target,
                               pyr_error *error) {
    for (;;) {
        PYR_TRY(pyr_cancel_flag_check(&self->execution->cancel, error));
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        pyr_status status = write_batch(self, batch, target, error);
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
}

static pyr_status open_target(const insert *self, insert_target *target, pyr_error *error) {
    pyr_execution *execution = self->execution;
    target->options.change = execution->change;
    PYR_TRY(pyr_returning_create(execution, self->parsed, self->table, self->params,
                                 &target->returning, error));
    PYR_TRY(pyr_conflict_mode(self->parsed, self->table, &self->places, &target->options,
                              &target->update, error));
    if (!target->update) {
        PYR_TRY(pyr_row_writer_create(execution, self->table, &target->options, &target->writer,
                                      error));
        pyr_row_writer_set_returning(target->writer, target->returning);
        return PYR_OK;
    }
    PYR_TRY(pyr_registry_ready(execution, self->table, error));
    PYR_TRY(pyr_own_change_begin(execution, &target->own, error));
    target->options.change = target->own.change;
    return PYR_OK;
}

static pyr_status commit_update(const insert *self, insert_target *target, int64_t *rows,
                                pyr_error *error) {
    pyr_execution *execution = self->execution;
    pyr_batch *all = NULL;
    pyr_status status = PYR_OK;
    if (target->kept.count > 0) {
        status = pyr_batch_concat(target->kept.items, target->kept.count, &execution->ledger,
                                  execution->budget, &all, error);
    }
    /* Many rows of parameters are all in VALUES: none is left for the queries of an update. */
    bool many = self->params != NULL && self->params->rows != 1;
    if (status == PYR_OK) {
        status =
            pyr_conflict_update(execution, self->parsed, self->table, target->options.conflict_key,
                                &self->places, many ? NULL : self->params, target->options.change,
                                all, target->returning, rows, error);
    }
    pyr_batch_release(all);
    PYR_TRY(status);
    PYR_TRY(pyr_returning_evaluate(target->returning, error));
    return pyr_own_change_commit(&target->own, self->table, error);
}

static pyr_status commit(const insert *self, insert_target *target, int64_t *rows,
                         pyr_error *error) {
    if (target->update) {
        return commit_update(self, target, rows, error);
    }
    PYR_TRY(pyr_row_writer_flush(target->writer, error));
    PYR_TRY(pyr_returning_evaluate(target->returning, error));
    return pyr_row_writer_commit(target->writer, rows, error);
}

static pyr_status insert_run(const insert *self, pyr_result *out, pyr_error *error) {
    pyr_result result = {0};
    insert_target target = {0};
    pyr_status status = open_target(self, &target, error);
    if (status == PYR_OK) {
        status = run_source(self, &result, error);
        if (status != PYR_OK) {
            pyr_made_move_position(&self->made, error);
        }
    }
    if (status == PYR_OK) {
        status = write_stream(self, result.stream, &target, error);
    }
    if (status == PYR_OK) {
        status = commit(self, &target, &out->rows_changed, error);
    }
    if (status == PYR_OK) {
        status = pyr_returning_give(target.returning, out, error);
    }
    target_deinit(&target);
    pyr_stream_destroy(result.stream);
    return status;
}

/* *again: a conflict is no reason to fail yet. Outside of a transaction nothing is lost by doing it
 * again over what is there by now: who upserts one row beside others would not understand it. But
 * what was read must be there a second time. */
static pyr_status insert_once(pyr_execution *execution, const pyr_parsed *parsed,
                              const pyr_span *source, pyr_batch *params, bool *again,
                              pyr_result *out, pyr_error *error) {
    insert self;
    pyr_status status = insert_begin(&self, execution, parsed, source, params, error);
    if (status == PYR_OK) {
        status = insert_run(&self, out, error);
    }
    *again = status == PYR_ERROR_CONFLICT && execution->change == NULL &&
             parsed->kind == PYR_PARSED_INSERT &&
             pyr_query_repeats(execution, self.source.text, self.source.length);
    insert_deinit(&self);
    return status;
}

pyr_status pyr_insert_from(pyr_execution *execution, const pyr_parsed *parsed,
                           const pyr_span *source, pyr_batch *params, pyr_result *out,
                           pyr_error *error) {
    bool again = false;
    pyr_status status = insert_once(execution, parsed, source, params, &again, out, error);
    for (int tries = 0; again && tries < CONFLICTS_MAX; ++tries) {
        PYR_TRY(pyr_cancel_flag_check(&execution->cancel, error));
        PYR_TRY(pyr_execution_refresh(execution, error));
        status = insert_once(execution, parsed, source, params, &again, out, error);
    }
    if (status == PYR_OK && !out->has_rows) {
        status = pyr_result_message(out, error, "%s %lld",
                                    parsed->kind == PYR_PARSED_INSERT ? "INSERT" : "COPY",
                                    (long long)out->rows_changed);
    }
    return status;
}

static pyr_status bind_text(const insert *self, const pyr_span *text, void *context,
                            pyr_error *error) {
    return pyr_bound_prepare(self->execution, text->text, text->length, self->params, context,
                             error);
}

static pyr_status check_source(const insert *self, pyr_schema **parameters, pyr_error *error) {
    bool covered = false;
    pyr_bound bound = {0};
    pyr_error first;
    pyr_status status = bind_source(self, &bound, &covered, &first);
    if (status != PYR_OK || self->places.count > self->places.given) {
        pyr_bound_deinit(&bound);
        status = use_cast(self, status, &first, bind_text, &bound, error);
    }
    if (status == PYR_OK) {
        assert(bound.prepared != NULL);
        status = pyr_parameters_merge(parameters, bound.prepared->parameters, error);
    } else {
        pyr_made_move_position(&self->made, error);
    }
    pyr_bound_deinit(&bound);
    return status;
}

pyr_status pyr_check_insert(pyr_execution *execution, const pyr_parsed *parsed, pyr_schema **schema,
                            pyr_schema **parameters, pyr_error *error) {
    *schema = NULL;
    *parameters = NULL;
    insert self;
    pyr_returning *returning = NULL;
    bool update = false;
    pyr_row_writer_options options = {0};
    PYR_TRY(pyr_check_writable(execution, "INSERT", error));
    pyr_status status = insert_begin(&self, execution, parsed, &parsed->query, NULL, error);
    if (status == PYR_OK) {
        status = pyr_returning_create(execution, parsed, self.table, NULL, &returning, error);
    }
    if (status == PYR_OK) {
        status = pyr_conflict_mode(parsed, self.table, &self.places, &options, &update, error);
    }
    if (status == PYR_OK) {
        status = check_source(&self, parameters, error);
    }
    if (status == PYR_OK) {
        status = pyr_returning_describe(returning, schema, parameters, error);
    }
    pyr_returning_destroy(returning);
    insert_deinit(&self);
    return status;
}

pyr_status pyr_run_insert(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                          pyr_result *out, pyr_error *error) {
    PYR_TRY(pyr_check_writable(execution, "INSERT", error));
    return pyr_insert_from(execution, parsed, &parsed->query, params, out, error);
}
