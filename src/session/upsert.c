/* upsert.c - ON CONFLICT DO UPDATE, where no mode of the catalog does it: see rows.h.
 *
 * It goes in rounds: the first row of each key, then the second ones, and so on. In a round, rows
 * whose key is new are inserted, and for the others a query over pairs (the row that is there, the
 * row that was to come) gives what the row is to be. Each round sees what the one before did, so a
 * statement does what its rows one after the other would, as long as the key they go by stays what
 * it is: a key that DO UPDATE sets is none that rows of the same round are looked up by, and meets
 * them (23505) when they are written. Of a round, updates are written before what is new.
 */
#include "arrow/cast.h"
#include "session/model_registry.h"
#include "storage/key_codec.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_KEY "__pyralog_row_key"

typedef struct upsert {
    pyr_execution *execution;
    const pyr_parsed *parsed;
    pyr_table *table; /* as the round sees it; retained */
    int32_t key;
    const pyr_insert_places *places;
    pyr_batch *params;
    pyr_change *change;
    pyr_returning *returning;
    bool looked_at; /* the query was bound */
    int64_t affected;
} upsert;

/* ---- Rounds. ---- */

/* A row's key; of rows with a null in it each is a key of its own. */
typedef struct key_of_row {
    const char *bytes; /* while they are encoded: NULL, and from counts */
    size_t from, size_bytes;
    int32_t row;
} key_of_row;

static int compare_keys(const void *a, const void *b) {
    const key_of_row *x = a;
    const key_of_row *y = b;
    size_t shorter = x->size_bytes < y->size_bytes ? x->size_bytes : y->size_bytes;
    int order = shorter > 0 ? memcmp(x->bytes, y->bytes, shorter) : 0;
    if (order == 0 && x->size_bytes != y->size_bytes) {
        order = x->size_bytes < y->size_bytes ? -1 : 1;
    }
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

static bool same_key(const key_of_row *a, const key_of_row *b) {
    return a->size_bytes == b->size_bytes && memcmp(a->bytes, b->bytes, a->size_bytes) == 0;
}

static pyr_status make_codec(const upsert *self, pyr_key_codec **out, pyr_error *error) {
    int32_t count = 0;
    const int32_t *columns = pyr_keyed_columns(self->table, self->key, &count);
    pyr_field **fields = calloc((size_t)count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*fields));
    }
    for (int32_t i = 0; i < count; ++i) {
        fields[i] = self->table->schema->fields[columns[i]]; /* borrowed */
    }
    pyr_status status = pyr_key_codec_create(fields, count, PYR_KEY_NULLS_LAST, out, error);
    free(fields);
    return status;
}

static bool has_null(const pyr_batch *batch, const int32_t *columns, int32_t count, int64_t row) {
    for (int32_t i = 0; i < count; ++i) {
        if (pyr_array_is_null(batch->columns[columns[i]], row)) {
            return true;
        }
    }
    return false;
}

static pyr_status encode_keys(const upsert *self, const pyr_batch *batch, pyr_text *bytes,
                              key_of_row *keys, size_t *count, pyr_error *error) {
    int32_t columns_count = 0;
    const int32_t *columns = pyr_keyed_columns(self->table, self->key, &columns_count);
    pyr_key_codec *codec = NULL;
    PYR_TRY(make_codec(self, &codec, error));
    pyr_status status = PYR_OK;
    for (int64_t row = 0; status == PYR_OK && row < batch->rows; ++row) {
        if (has_null(batch, columns, columns_count, row)) {
            continue;
        }
        key_of_row *key = &keys[(*count)++];
        *key = (key_of_row){.from = bytes->length, .row = (int32_t)row};
        status = pyr_key_encode(codec, batch, columns, columns_count, row, bytes, error);
        key->size_bytes = bytes->length - key->from;
    }
    if (status == PYR_OK) {
        status = pyr_text_check(bytes, error);
    }
    for (size_t i = 0; i < *count; ++i) {
        keys[i].bytes = pyr_text_get(bytes) + keys[i].from;
    }
    pyr_key_codec_release(codec);
    return status;
}

/* rounds[row]: how many rows before it have its key. */
static pyr_status number_rounds(const upsert *self, const pyr_batch *batch, int32_t *rounds,
                                int32_t *rounds_count, pyr_error *error) {
    pyr_text bytes;
    size_t count = 0;
    key_of_row *keys = calloc((size_t)batch->rows + 1, sizeof(*keys));
    if (keys == NULL) {
        return pyr_error_memory(error, (size_t)batch->rows * sizeof(*keys));
    }
    pyr_text_init(&bytes);
    pyr_status status = encode_keys(self, batch, &bytes, keys, &count, error);
    if (status == PYR_OK) {
        qsort(keys, count, sizeof(*keys), compare_keys);
    }
    *rounds_count = 1;
    for (size_t i = 1; status == PYR_OK && i < count; ++i) {
        if (same_key(&keys[i - 1], &keys[i])) {
            rounds[keys[i].row] = rounds[keys[i - 1].row] + 1;
            *rounds_count =
                rounds[keys[i].row] >= *rounds_count ? rounds[keys[i].row] + 1 : *rounds_count;
        }
    }
    pyr_text_deinit(&bytes);
    free(keys);
    return status;
}

/* The rows of a batch for which which[row] is wanted, dense; NULL where there are none. */
static pyr_status pick(const upsert *self, pyr_batch *batch, const int32_t *which, int32_t wanted,
                       pyr_batch **out, pyr_error *error) {
    pyr_execution *execution = self->execution;
    pyr_buffer *buffer = NULL;
    pyr_selection *selection = NULL;
    pyr_batch *selected = NULL;
    int64_t count = 0;
    *out = NULL;
    PYR_TRY(pyr_buffer_create((size_t)batch->rows * sizeof(int32_t), execution->budget, &buffer,
                              error));
    int32_t *rows = (int32_t *)(void *)buffer->data;
    for (int64_t i = 0; i < batch->rows; ++i) {
        if (which[i] == wanted) {
            rows[count++] = (int32_t)i;
        }
    }
    pyr_status status = PYR_OK;
    if (count > 0) {
        status = pyr_selection_create(buffer, count, &selection, error);
        if (status == PYR_OK) {
            status = pyr_batch_select(batch, selection, &selected, error);
        }
        if (status == PYR_OK) {
            status = pyr_batch_dense(selected, &execution->ledger, execution->budget, out, error);
        }
    }
    pyr_batch_release(selected);
    pyr_selection_release(selection);
    pyr_buffer_release(buffer);
    return status;
}

/* ---- The query for new values. ---- */

static void add_given(pyr_made_text *made, int32_t column) {
    pyr_text_printf(&made->text, "given%d", column);
}

/* SELECT row key, the columns as they are to be FROM (SELECT the row that is there, the row that
 * was to come as the struct "excluded" FROM both) AS t [WHERE]. */
static void make_query(const upsert *self, pyr_made_text *made) {
    const pyr_parsed *parsed = self->parsed;
    const pyr_schema *schema = self->table->schema;
    pyr_made_init(made, &parsed->text);
    pyr_made_add_with(made, parsed);
    pyr_made_add(made, "SELECT " ROW_KEY);
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        const char *column = schema->fields[i]->name;
        const pyr_assignment *assignment = pyr_assignment_of(&parsed->assignments, column);
        pyr_made_add(made, ", ");
        if (assignment != NULL) {
            pyr_made_add_assigned(made, assignment, self->table, i);
            continue;
        }
        /* OR REPLACE (a, b): those that the statement gives */
        bool replaced =
            parsed->conflict.action == PYR_CONFLICT_REPLACE && pyr_insert_gives(self->places, i);
        pyr_made_add(made, replaced ? "excluded." : "");
        pyr_made_add_name(made, column);
    }
    pyr_made_add(made, "\nFROM (SELECT " ROW_KEY);
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        pyr_made_add(made, ", ");
        pyr_text_printf(&made->text, "there%d AS ", i);
        pyr_made_add_name(made, schema->fields[i]->name);
    }
    pyr_made_add(made, ", struct_pack(");
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        pyr_made_add(made, i > 0 ? ", " : "");
        pyr_made_add_name(made, schema->fields[i]->name);
        pyr_made_add(made, " := ");
        add_given(made, i);
    }
    pyr_made_add(made, ") AS excluded FROM " PYR_STAGED_TABLE ") AS ");
    pyr_made_add_name(made, parsed->alias != NULL ? parsed->alias : self->table->name);
    if (parsed->where.text != NULL) {
        pyr_made_add(made, "\nWHERE (");
        pyr_made_add_span(made, &parsed->where);
        pyr_made_add(made, "\n)");
    }
}

/* there0, ..., the row key, given0, ...: of the rows that are there and those that were to come. */
static pyr_status pair_schema(const upsert *self, pyr_schema **out, pyr_error *error) {
    const pyr_schema *schema = self->table->schema;
    int32_t count = schema->fields_count;
    int32_t all = 2 * count + 1;
    pyr_field **fields = calloc((size_t)all, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, (size_t)all * sizeof(*fields));
    }
    pyr_field *row_key = NULL;
    pyr_status status = pyr_keyed_row_key_field(&row_key, error);
    for (int32_t i = 0; status == PYR_OK && i < all; ++i) {
        const pyr_field *from = i == count  ? row_key
                                : i < count ? schema->fields[i]
                                            : schema->fields[i - count - 1];
        char name[32];
        snprintf(name, sizeof(name), "%s%d", i < count ? "there" : "given",
                 (int)(i < count ? i : i - count - 1));
        status = pyr_field_with(from, i == count ? ROW_KEY : name, true, from->metadata, &fields[i],
                                error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, all, NULL, out, error);
    }
    for (int32_t i = 0; i < all; ++i) {
        pyr_field_release(fields[i]);
    }
    pyr_field_release(row_key);
    free(fields);
    return status;
}

static pyr_status pair_batch(pyr_schema *schema, const pyr_batch *there, const pyr_batch *given,
                             pyr_batch **out, pyr_error *error) {
    pyr_array **columns = calloc((size_t)schema->fields_count, sizeof(*columns));
    if (columns == NULL) {
        return pyr_error_memory(error, (size_t)schema->fields_count * sizeof(*columns));
    }
    memcpy(columns, there->columns, (size_t)there->columns_count * sizeof(*columns));
    memcpy(columns + there->columns_count, given->columns,
           (size_t)given->columns_count * sizeof(*columns));
    pyr_status status =
        pyr_batch_create(schema, given->rows, columns, schema->fields_count, NULL, out, error);
    free(columns);
    return status;
}

/* ---- Writing. ---- */

/* Those of a round that are there already: the rows that go are deleted as they come, those that
 * take their places written at the end. */
typedef struct updates {
    upsert *of;
    pyr_changed_rows gone;
    pyr_row_writer *writer;
    int32_t *map; /* the query's columns that are the table's */
} updates;

static pyr_status take_batch(void *context, pyr_batch *batch, pyr_error *error) {
    updates *self = context;
    upsert *of = self->of;
    pyr_execution *execution = of->execution;
    pyr_batch *values = NULL;
    PYR_TRY(pyr_changed_rows_take(&self->gone, batch->columns[0], error));
    PYR_TRY(pyr_batch_cast(batch, of->table->schema, self->map, &execution->ledger,
                           execution->budget, &values, error));
    of->affected += values->rows;
    pyr_status status = pyr_row_writer_batch(self->writer, values, error);
    pyr_batch_release(values);
    return status;
}

/* Stages the pairs and runs the query over them. */
static pyr_status run_query(updates *self, const pyr_batch *there, const pyr_batch *given,
                            pyr_error *error) {
    const upsert *of = self->of;
    pyr_made_text made;
    pyr_staged staged = {0};
    pyr_schema *schema = NULL;
    pyr_batch *pairs = NULL;
    make_query(of, &made);
    pyr_status status = pair_schema(of, &schema, error);
    if (status == PYR_OK && given != NULL) {
        status = pair_batch(schema, there, given, &pairs, error);
    }
    if (status == PYR_OK) {
        status = pyr_staged_init(&staged, of->execution, schema, error);
    }
    if (status == PYR_OK && pairs != NULL) {
        status = pyr_staged_add(&staged, pairs, error);
    }
    if (status == PYR_OK) {
        status = pyr_staged_show(&staged, error);
    }
    if (status == PYR_OK) {
        int32_t width = of->table->schema->fields_count + 1;
        status = pyr_made_each(of->execution, &made, of->params, width, take_batch, self, error);
    }
    pyr_batch_release(pairs);
    pyr_staged_deinit(&staged);
    pyr_schema_release(schema);
    pyr_made_deinit(&made);
    return status;
}

/* there: the rows that are there with their keys; given: those for them. Both NULL: none, and what
 * is wrong in the statement is found all the same. */
static pyr_status update_rows(upsert *self, const pyr_batch *there, const pyr_batch *given,
                              pyr_error *error) {
    const pyr_row_writer_options options = {
        .change = self->change,
        .conflict_key = PYR_KEYED_ANY_KEY,
        .anew = pyr_assignment_of(&self->parsed->assignments, "path") != NULL ||
                self->parsed->conflict.action == PYR_CONFLICT_REPLACE,
        .hold = true};
    updates round = {.of = self};
    pyr_execution *execution = self->execution;
    self->looked_at = true;
    PYR_TRY(pyr_columns_from(&execution->arena, 1, self->table->schema->fields_count, &round.map,
                             error));
    pyr_changed_rows_init(&round.gone, self->table, self->change);
    pyr_status status =
        pyr_row_writer_create(execution, self->table, &options, &round.writer, error);
    if (status == PYR_OK) {
        pyr_row_writer_set_returning(round.writer, self->returning);
        status = run_query(&round, there, given, error);
    }
    if (status == PYR_OK) {
        status = pyr_row_writer_flush(round.writer, error);
    }
    pyr_row_writer_destroy(round.writer);
    pyr_changed_rows_deinit(&round.gone);
    return status;
}

static pyr_status insert_rows(upsert *self, pyr_batch *rows, pyr_error *error) {
    const pyr_row_writer_options options = {.change = self->change,
                                            .conflict_key = PYR_KEYED_ANY_KEY};
    pyr_row_writer *writer = NULL;
    PYR_TRY(pyr_row_writer_create(self->execution, self->table, &options, &writer, error));
    pyr_row_writer_set_returning(writer, self->returning);
    pyr_status status = pyr_row_writer_batch(writer, rows, error);
    if (status == PYR_OK) {
        status = pyr_row_writer_flush(writer, error);
    }
    self->affected += rows->rows;
    pyr_row_writer_destroy(writer);
    return status;
}

/* ---- One round. ---- */

static pyr_status find_rows(const upsert *self, pyr_batch *batch, pyr_keyed_found *found,
                            pyr_error *error) {
    const pyr_table *table = self->table;
    pyr_arena *arena = &self->execution->arena;
    int32_t count = 0;
    const int32_t *key_columns = pyr_keyed_columns(table, self->key, &count);
    int32_t all = table->schema->fields_count + 1; /* the row key last */
    int32_t *columns = pyr_arena_array(arena, (size_t)all, sizeof(*columns));
    if (columns == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (int32_t i = 0; i < all; ++i) {
        columns[i] = i;
    }
    return pyr_keyed_find(table, self->key, batch, key_columns, columns, all,
                          &self->execution->ledger, self->execution->budget, found, error);
}

/* Keys of a batch differ, so each row that was found is there once, in the batch's order. */
static pyr_status run_round(upsert *self, pyr_batch *batch, pyr_error *error) {
    pyr_keyed_found found = {0};
    pyr_batch *fresh = NULL;
    pyr_batch *given = NULL;
    int32_t *is_there = calloc((size_t)batch->rows + 1, sizeof(*is_there));
    if (is_there == NULL) {
        return pyr_error_memory(error, (size_t)batch->rows * sizeof(*is_there));
    }
    pyr_status status = find_rows(self, batch, &found, error);
    assert(status != PYR_OK || found.places != NULL);
    for (int64_t i = 0; status == PYR_OK && i < batch->rows; ++i) {
        is_there[i] = found.places[i] >= 0;
    }
    if (status == PYR_OK) {
        status = pick(self, batch, is_there, 0, &fresh, error);
    }
    if (status == PYR_OK) {
        status = pick(self, batch, is_there, 1, &given, error);
    }
    if (status == PYR_OK && given != NULL) {
        status = update_rows(self, found.rows, given, error);
    }
    if (status == PYR_OK && fresh != NULL) {
        status = insert_rows(self, fresh, error);
    }
    pyr_batch_release(given);
    pyr_batch_release(fresh);
    pyr_keyed_found_deinit(&found);
    free(is_there);
    return status;
}

/* The table as it is now that a round has changed it. */
static pyr_status look_again(upsert *self, pyr_error *error) {
    pyr_snapshot *snapshot = NULL;
    PYR_TRY(pyr_change_snapshot(self->change, &snapshot, error));
    pyr_table *table = pyr_snapshot_find(snapshot, self->table->schema_name, self->table->name);
    pyr_status status = table != NULL
                            ? PYR_OK
                            : pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                                                "table \"%s\" does not exist", self->table->name);
    pyr_table *now = NULL;
    if (status == PYR_OK && pyr_registry_is_seen(self->table)) {
        status = pyr_registry_see(self->execution, snapshot, &now, error);
    } else if (status == PYR_OK) {
        now = pyr_table_retain(table);
    }
    if (status == PYR_OK) {
        pyr_table_release(self->table);
        self->table = now;
    }
    pyr_snapshot_release(snapshot);
    return status;
}

static pyr_status run_rounds(upsert *self, pyr_batch *batch, const int32_t *rounds, int32_t count,
                             pyr_error *error) {
    for (int32_t round = 0; round < count; ++round) {
        pyr_batch *part = NULL;
        PYR_TRY(pyr_cancel_flag_check(&self->execution->cancel, error));
        PYR_TRY(pick(self, batch, rounds, round, &part, error));
        pyr_status status = round > 0 ? look_again(self, error) : PYR_OK;
        if (status == PYR_OK && part != NULL) {
            status = run_round(self, part, error);
        }
        pyr_batch_release(part);
        PYR_TRY(status);
    }
    return PYR_OK;
}

/* excluded is the row that would have been inserted, its generated columns included. */
static pyr_status generate(const upsert *self, pyr_batch **rows, pyr_error *error) {
    pyr_execution *execution = self->execution;
    pyr_kept_batches computed = {0};
    pyr_batch *all = NULL;
    if ((*rows)->rows == 0 || !pyr_table_has_generated(self->table)) {
        return PYR_OK;
    }
    pyr_status status = pyr_generated_compute(execution, self->table, rows, 1, &computed, error);
    if (status == PYR_OK) {
        status = pyr_batch_concat(computed.items, computed.count, &execution->ledger,
                                  execution->budget, &all, error);
    }
    if (status == PYR_OK) {
        pyr_batch_release(*rows);
        *rows = all;
    }
    pyr_kept_batches_deinit(&computed);
    return status;
}

pyr_status pyr_conflict_update(pyr_execution *execution, const pyr_parsed *parsed, pyr_table *table,
                               int32_t key, const pyr_insert_places *places, pyr_batch *params,
                               pyr_change *change, pyr_batch *rows, pyr_returning *returning,
                               int64_t *affected, pyr_error *error) {
    upsert self = {.execution = execution,
                   .parsed = parsed,
                   .table = pyr_table_retain(table),
                   .key = key,
                   .places = places,
                   .params = params,
                   .change = change,
                   .returning = returning};
    pyr_batch *dense = NULL;
    int32_t rounds_count = 0;
    int32_t *rounds = NULL;
    pyr_status status = PYR_OK;
    if (rows != NULL) {
        status = pyr_batch_dense(rows, &execution->ledger, execution->budget, &dense, error);
    }
    if (status == PYR_OK && dense != NULL) {
        status = generate(&self, &dense, error);
    }
    if (status == PYR_OK && dense != NULL) {
        rounds = calloc((size_t)dense->rows + 1, sizeof(*rounds));
        status = rounds != NULL ? number_rounds(&self, dense, rounds, &rounds_count, error)
                                : pyr_error_memory(error, (size_t)dense->rows * sizeof(*rounds));
    }
    if (status == PYR_OK && dense != NULL) {
        status = run_rounds(&self, dense, rounds, rounds_count, error);
    }
    if (status == PYR_OK && !self.looked_at) {
        status = update_rows(&self, NULL, NULL, error);
    }
    free(rounds);
    pyr_batch_release(dense);
    pyr_table_release(self.table);
    *affected = self.affected;
    return status;
}
