/* rows.h - how statements put rows into tables: the texts given to the engines for it, rows in
 * memory that a query can read, and the one writer through which every row goes.
 *
 * Everything here belongs to one execution and its thread.
 */
#ifndef PYR_SESSION_ROWS_H
#define PYR_SESSION_ROWS_H

#include "catalog/keyed.h"
#include "session/session_internal.h"

/* ---- kept_batches.c: batches that are kept. ---- */

typedef struct pyr_kept_batches {
    pyr_batch **items; /* retained */
    size_t count, capacity;
} pyr_kept_batches; /* zeroed: empty */
PYR_MUST_CHECK pyr_status pyr_kept_batches_add(pyr_kept_batches *list, pyr_batch *batch,
                                               pyr_error *error);
void pyr_kept_batches_clear(pyr_kept_batches *list); /* keeps its memory */
void pyr_kept_batches_deinit(pyr_kept_batches *list);

/* ---- made_text.c: a query made of the user's own pieces and ours. ---- */

/* Remembers where the user's pieces went, for carets; a ? in them becomes the $n it is in the
 * statement, so that pieces may stand in any order and in several texts. */
typedef struct pyr_made_piece {
    size_t from, length, origin; /* places in the text, and in the statement */
} pyr_made_piece;
typedef struct pyr_made_text {
    pyr_text text;
    pyr_span statement;
    bool has_questions;
    size_t counted_to; /* ?s before this place of the statement: questions */
    int32_t questions;
    pyr_made_piece *pieces;
    size_t count, capacity;
} pyr_made_text;
void pyr_made_init(pyr_made_text *made, const pyr_span *statement);
void pyr_made_deinit(pyr_made_text *made);
void pyr_made_add(pyr_made_text *made, const char *text);
void pyr_made_add_name(pyr_made_text *made, const char *name); /* quoted where it must be */
/* A piece of the statement; anything else is taken as text of ours. */
void pyr_made_add_span(pyr_made_text *made, const pyr_span *span);
/* "WITH ..." and a line break, where the statement has it. */
void pyr_made_add_with(pyr_made_text *made, const pyr_parsed *parsed);
/* The text in the arena, which an engine may borrow. */
PYR_MUST_CHECK pyr_status pyr_made_finish(pyr_made_text *made, pyr_arena *arena, pyr_span *out,
                                          pyr_error *error);
/* Takes an error's place in the text to the statement's, -1 where it is in none of its pieces. */
void pyr_made_move_position(const pyr_made_text *made, pyr_error *error);
/* Runs it, or binds it only, with errors' places moved. */
PYR_MUST_CHECK pyr_status pyr_made_run(pyr_execution *execution, pyr_made_text *made,
                                       pyr_batch *params, pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_made_bind(pyr_execution *execution, pyr_made_text *made,
                                        pyr_batch *params, pyr_bound *out, pyr_error *error);
/* What one does with a query's rows: batch is dense, and borrowed. */
typedef pyr_status (*pyr_take_batch)(void *context, pyr_batch *batch, pyr_error *error);
/* Runs what was bound, of width columns (pyr_check_width); take is called for each batch. bound is
 * moved. */
PYR_MUST_CHECK pyr_status pyr_bound_each(pyr_execution *execution, pyr_bound *bound, int32_t width,
                                         pyr_take_batch take, void *context, pyr_error *error);
/* Binds and runs it. */
PYR_MUST_CHECK pyr_status pyr_made_each(pyr_execution *execution, pyr_made_text *made,
                                        pyr_batch *params, int32_t width, pyr_take_batch take,
                                        void *context, pyr_error *error);
/* 42601 where a query has other than width columns. Brackets keep an expression of the user's one;
 * (*) in them is still many. schema NULL: it depends on parameters, and is not looked at. */
PYR_MUST_CHECK pyr_status pyr_check_width(const pyr_schema *schema, int32_t width,
                                          pyr_error *error);
/* The columns from first on as pyr_batch_cast wants them named, with room for one more; in the
 * arena. */
PYR_MUST_CHECK pyr_status pyr_columns_from(pyr_arena *arena, int32_t first, int32_t count,
                                           int32_t **out, pyr_error *error);
/* The types of parameters that two texts of one statement found: *into gets what it has not.
 * Either may be NULL. */
PYR_MUST_CHECK pyr_status pyr_parameters_merge(pyr_schema **into, const pyr_schema *with,
                                               pyr_error *error);

/* ---- staged_rows.c: rows in memory as a table of the execution's snapshot. ---- */

typedef struct pyr_staged {
    pyr_execution *execution;
    pyr_schema *schema; /* as given, all nullable: what is NOT NULL is not looked at yet */
    pyr_segment_writer *writer;
    pyr_segment *segment;
    pyr_snapshot *before; /* what the execution saw; NULL: not shown */
} pyr_staged;
#define PYR_STAGED_TABLE "pyr_scan('" PYR_SYSTEM_SCHEMA "', 'staged_rows')"
/* schema: of the rows. The caller destroys it after a failure too. */
PYR_MUST_CHECK pyr_status pyr_staged_init(pyr_staged *staged, pyr_execution *execution,
                                          const pyr_schema *schema, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_staged_add(pyr_staged *staged, pyr_batch *batch, pyr_error *error);
/* From now on a text of this execution may read PYR_STAGED_TABLE, until deinit; rows are all that
 * were added. What was bound keeps it. One at a time. */
PYR_MUST_CHECK pyr_status pyr_staged_show(pyr_staged *staged, pyr_error *error);
void pyr_staged_deinit(pyr_staged *staged); /* zeroed: nothing */

/* ---- write.c ---- */

/* What OR REPLACE and IF NOT EXISTS of a CREATE say. */
pyr_create_mode pyr_create_mode_of(const pyr_parsed *parsed);

/* Every batch of stream, cast to schema, into appender, and commits it. columns_map[i]: the source
 * column of table column i, -1 for NULL. */
PYR_MUST_CHECK pyr_status pyr_append_stream(pyr_execution *execution, pyr_stream *stream,
                                            pyr_schema *schema, const int32_t *columns_map,
                                            pyr_appender *appender, int64_t *rows,
                                            pyr_error *error);

/* ---- clone.c ---- */

PYR_MUST_CHECK pyr_status pyr_run_clone(pyr_execution *execution, const pyr_parsed *parsed,
                                        pyr_result *out, pyr_error *error);
/* The table whose segments CREATE TABLE AS may share, because its query is all of it; borrowed,
 * NULL: it is to be run. */
PYR_MUST_CHECK pyr_status pyr_find_shared(pyr_execution *execution, const pyr_parsed *parsed,
                                          const pyr_table_option *options, pyr_table **out,
                                          pyr_error *error);
/* A new table with the rows of source by reference. */
PYR_MUST_CHECK pyr_status pyr_share_rows(pyr_execution *execution,
                                         const pyr_table_definition *definition,
                                         pyr_create_mode mode, const pyr_table *source,
                                         int64_t *rows, pyr_error *error);

/* ---- constraints.c ---- */

/* What CREATE TABLE demands, looked at by an engine: defaults must be expressions of their column's
 * type, checks conditions over the table. *out NULL where nothing is demanded. */
PYR_MUST_CHECK pyr_status pyr_constraints_of(pyr_execution *execution, const pyr_parsed *parsed,
                                             pyr_schema *schema, pyr_constraints **out,
                                             pyr_error *error);
/* 0A000 where an expression that stays with a table has a subquery or a parameter. */
PYR_MUST_CHECK pyr_status pyr_constraint_check_tokens(const pyr_span *span, const char *where,
                                                      pyr_error *error);
/* Whether an expression of CREATE TABLE calls the table by its name: t.a. */
bool pyr_constraint_names_table(const pyr_parsed *parsed, const pyr_span *span);
/* The DEFAULT of a column as text, NULL where it has none. */
const char *pyr_table_default(const pyr_table *table, int32_t column);
/* CAST((default) AS type), "CAST(NULL AS type)" without one. */
void pyr_default_print(const pyr_table *table, int32_t column, pyr_text *out);
/* The rows of the staged table that break a CHECK are an error: PYR_ERROR_CONSTRAINT 23514. */
PYR_MUST_CHECK pyr_status pyr_checks_run(pyr_execution *execution, const pyr_table *table,
                                         pyr_error *error);

/* ---- generated.c: columns computed from others of their row. ---- */

/* Gives the generated columns of CREATE TABLE their types where they have none. 42P17 where they
 * depend on each other in a circle. */
PYR_MUST_CHECK pyr_status pyr_generated_resolve(pyr_execution *execution, const pyr_parsed *parsed,
                                                pyr_error *error);
bool pyr_table_has_generated(const pyr_table *table);
/* What a column is generated by, NULL where it is not. */
const char *pyr_table_generated(const pyr_table *table, int32_t column);
/* PYR_ERROR_SQL 428C9: nobody gives a value to a generated column. offset: of its name, or -1. */
pyr_status pyr_generated_given(const pyr_table *table, int32_t column, int32_t offset,
                               pyr_error *error);
/* Batches of the table's schema with the generated columns computed, whatever they held. out: is
 * added to, also before a failure. */
PYR_MUST_CHECK pyr_status pyr_generated_compute(pyr_execution *execution, const pyr_table *table,
                                                pyr_batch *const *batches, size_t count,
                                                pyr_kept_batches *out, pyr_error *error);

/* ---- insert.c, values.c: what an INSERT puts where. ---- */

/* The columns of the rows that its source is made to give, in order: first those that the statement
 * gives, then the others that have a default. What is left is NULL. */
typedef struct pyr_insert_places {
    int32_t given, count;
    int32_t *columns; /* count: places in the table */
    int32_t *map;     /* of each column of the table: its place, -1 for none */
} pyr_insert_places;
/* Whether the statement gives values for a column of the table. */
bool pyr_insert_gives(const pyr_insert_places *places, int32_t column);
/* A plain VALUES list with every value cast to its column's type and every DEFAULT written out.
 * start: of the list in source, behind a WITH. *out: in the arena; NULL where source is anything
 * else, or a row has another number of places. */
typedef struct pyr_values_text pyr_values_text;
PYR_MUST_CHECK pyr_status pyr_values_cast(pyr_arena *arena, const pyr_span *source, size_t start,
                                          const pyr_table *table, const pyr_insert_places *places,
                                          pyr_values_text **out, pyr_error *error);
/* Whether the values of each column are constants of one kind, or parameters of one type: their
 * common type, which an engine gives the list, then loses nothing of them. true for what is no list
 * of several rows. params: of the parameters, NULL allowed. */
PYR_MUST_CHECK pyr_status pyr_values_alike(pyr_arena *arena, const pyr_span *source, size_t start,
                                           const pyr_insert_places *places,
                                           const pyr_schema *params, bool *out, pyr_error *error);
const pyr_span *pyr_values_span(const pyr_values_text *values);
/* The place in the source that a position in the new text came from. */
size_t pyr_values_position(const pyr_values_text *values, size_t position);
/* Appends what source gives to the statement's table: INSERT, COPY FROM. */
PYR_MUST_CHECK pyr_status pyr_insert_from(pyr_execution *execution, const pyr_parsed *parsed,
                                          const pyr_span *source, pyr_batch *params,
                                          pyr_result *out, pyr_error *error);

/* ---- row_writer.c: the one way of rows into a table. ---- */

/* Checks rows against the table's constraints, then appends them, or writes them by their keys. */
typedef struct pyr_row_writer pyr_row_writer;
typedef struct pyr_row_writer_options {
    pyr_change *change; /* NULL: each commit is a transaction */
    /* Of a table with keys: */
    pyr_keyed_mode mode;
    int32_t conflict_key;
    bool anew; /* of model_registry: paths were set, so that files are read anew */
    bool hold; /* nothing is written before the flush: rows are still to be deleted */
} pyr_row_writer_options;
PYR_MUST_CHECK pyr_status pyr_row_writer_create(pyr_execution *execution, pyr_table *table,
                                                const pyr_row_writer_options *options,
                                                pyr_row_writer **out, pyr_error *error);
void pyr_row_writer_destroy(pyr_row_writer *writer); /* NULL allowed; drops what is not committed */
/* The rows that are in the table then, in batches of its schema, are given there too; before the
 * first batch. */
typedef struct pyr_returning pyr_returning;
void pyr_row_writer_set_returning(pyr_row_writer *writer, pyr_returning *returning);
/* A batch of the table's schema. Its rows may wait until more have come. */
PYR_MUST_CHECK pyr_status pyr_row_writer_batch(pyr_row_writer *writer, pyr_batch *batch,
                                               pyr_error *error);
/* Nothing waits any more: every row was checked. */
PYR_MUST_CHECK pyr_status pyr_row_writer_flush(pyr_row_writer *writer, pyr_error *error);
/* Flushes, and commits. *rows (NULL allowed): that this writer wrote. */
PYR_MUST_CHECK pyr_status pyr_row_writer_commit(pyr_row_writer *writer, int64_t *rows,
                                                pyr_error *error);

/* ---- on_conflict.c, upsert.c: ON CONFLICT and its kin. ---- */

/* How an INSERT's rows are written: 42P10 where the conflict it names is none of the table's.
 * *update: by pyr_conflict_update, since a mode does not say it. */
PYR_MUST_CHECK pyr_status pyr_conflict_mode(const pyr_parsed *parsed, const pyr_table *table,
                                            const pyr_insert_places *places,
                                            pyr_row_writer_options *options, bool *update,
                                            pyr_error *error);
/* ON CONFLICT DO UPDATE of rows of the table's schema (NULL: none; it is looked at all the same),
 * as if one came after the other. change: all is written there. *affected: rows that were inserted
 * or updated. returning NULL allowed. */
PYR_MUST_CHECK pyr_status pyr_conflict_update(pyr_execution *execution, const pyr_parsed *parsed,
                                              pyr_table *table, int32_t key,
                                              const pyr_insert_places *places, pyr_batch *params,
                                              pyr_change *change, pyr_batch *rows,
                                              pyr_returning *returning, int64_t *affected,
                                              pyr_error *error);

/* ---- changed_rows.c: rows of a table by what PYR_ROWID_COLUMN says of them. ---- */

typedef struct pyr_segment_rows {
    uint64_t number;
    pyr_row_bitmap_builder *builder;
} pyr_segment_rows;
typedef struct pyr_changed_rows {
    const pyr_table *table; /* borrowed, as change */
    pyr_change *change;
    pyr_segment_rows *segments; /* of a table without keys: bitmaps until the end */
    size_t count, capacity;
    int64_t taken;   /* each row as often as it came */
    int64_t deleted; /* of a table with keys: at once */
} pyr_changed_rows;
void pyr_changed_rows_init(pyr_changed_rows *self, const pyr_table *table, pyr_change *change);
PYR_MUST_CHECK pyr_status pyr_changed_rows_take(pyr_changed_rows *self, pyr_array *rowids,
                                                pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_changed_rows_take_all(pyr_changed_rows *self, pyr_error *error);
/* What was taken becomes the change's; *rows: how many rows that are. */
PYR_MUST_CHECK pyr_status pyr_changed_rows_delete(pyr_changed_rows *self, int64_t *rows,
                                                  pyr_error *error);
void pyr_changed_rows_deinit(pyr_changed_rows *self); /* zeroed: nothing */

/* Looks the columns of SET up: 42703, 42701. */
PYR_MUST_CHECK pyr_status pyr_check_assignments(const pyr_assignments *assignments,
                                                const pyr_table *table, pyr_error *error);
/* NULL: the column is not set. */
const pyr_assignment *pyr_assignment_of(const pyr_assignments *assignments, const char *column);
/* CAST((value) AS type of the column), or the column's default. */
void pyr_made_add_assigned(pyr_made_text *made, const pyr_assignment *assignment,
                           const pyr_table *table, int32_t column);

/* ---- returning.c ---- */

#define PYR_MERGE_ACTION_COLUMN "merge_action"
/* A pyr_returning collects the rows that a statement wrote or deleted and makes its RETURNING of
 * them. Binds the list: *out NULL where the statement has none. params are borrowed. */
PYR_MUST_CHECK pyr_status pyr_returning_create(pyr_execution *execution, const pyr_parsed *parsed,
                                               pyr_table *table, pyr_batch *params,
                                               pyr_returning **out, pyr_error *error);
void pyr_returning_destroy(pyr_returning *returning); /* NULL allowed */
/* The columns it will have, retained, NULL where parameters decide; its parameters are merged into
 * *parameters. returning NULL: nothing. */
PYR_MUST_CHECK pyr_status pyr_returning_describe(pyr_returning *returning, pyr_schema **schema,
                                                 pyr_schema **parameters, pyr_error *error);
/* The schema of the rows it takes: the table's, and for MERGE a VARCHAR behind, "INSERT", "UPDATE"
 * or "DELETE". */
pyr_schema *pyr_returning_rows(const pyr_returning *returning);
/* returning NULL: nothing. */
PYR_MUST_CHECK pyr_status pyr_returning_batch(pyr_returning *returning, pyr_batch *batch,
                                              pyr_error *error);
/* Evaluates the list over all rows, before the statement commits. */
PYR_MUST_CHECK pyr_status pyr_returning_evaluate(pyr_returning *returning, pyr_error *error);
/* What was evaluated becomes the statement's result. returning NULL: nothing. */
PYR_MUST_CHECK pyr_status pyr_returning_give(pyr_returning *returning, pyr_result *out,
                                             pyr_error *error);

#endif
