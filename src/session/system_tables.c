/* system_tables.c - schema "pyralog": what the program knows of itself, as tables.
 *
 * A statement that names one gets a snapshot with that table in it, made then: a segment in memory
 * like any other, so that both engines read it as they read every table.
 */
#include "arrow/builder.h"
#include "session/external.h"
#include "session/ledger_json.h"
#include "session/model_registry.h"
#include "session/query_log.h"
#include "sql/lexer.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define COLUMNS_MAX 32

typedef struct rows {
    pyr_schema *schema;
    pyr_builder *columns[COLUMNS_MAX];
    int32_t next; /* column of the next value */
    int64_t count;
} rows;

typedef struct column {
    const char *name;
    const char *type; /* SQL */
} column;

typedef struct system_table {
    const char *name;
    pyr_status (*schema)(pyr_execution *execution, pyr_schema **out, pyr_error *error);
    pyr_status (*fill)(pyr_execution *execution, rows *to, pyr_error *error);
} system_table;

/* ---- Schemas. ---- */

static pyr_status make_schema(pyr_execution *execution, const column *columns, int32_t count,
                              pyr_schema **out, pyr_error *error) {
    pyr_field *fields[COLUMNS_MAX] = {NULL};
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < count; ++i) {
        char *normalized = NULL;
        status = pyr_sql_type_parse(columns[i].type, strlen(columns[i].type), columns[i].name,
                                    &execution->arena, &fields[i], &normalized, error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, count, NULL, out, error);
    }
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    return status;
}

/* ---- Rows. ---- */

static void rows_deinit(rows *self) {
    for (int32_t i = 0; i < COLUMNS_MAX; ++i) {
        pyr_builder_destroy(self->columns[i]);
    }
    pyr_schema_release(self->schema);
}

static pyr_builder *next_column(rows *self) {
    pyr_builder *builder = self->columns[self->next];
    self->next = (self->next + 1) % self->schema->fields_count;
    self->count += self->next == 0;
    return builder;
}

static pyr_status add_text(rows *to, const char *text, pyr_error *error) {
    pyr_builder *builder = next_column(to);
    return text != NULL ? pyr_builder_string(builder, text, error)
                        : pyr_builder_null(builder, error);
}

static pyr_status add_number(rows *to, int64_t value, pyr_error *error) {
    return pyr_builder_int64(next_column(to), value, error);
}

/* ---- pyralog.queries ---- */

static pyr_status queries_schema(pyr_execution *execution, pyr_schema **out, pyr_error *error) {
    column columns[COLUMNS_MAX] = {{"query_id", "VARCHAR"},
                                   {"user", "VARCHAR"},
                                   {"sql", "VARCHAR"},
                                   {"state", "VARCHAR"},
                                   {"started_at", "TIMESTAMP WITH TIME ZONE"},
                                   {"engine", "VARCHAR"},
                                   {"rows", "BIGINT"},
                                   {"elapsed_ms", "DOUBLE"}};
    int32_t count = 8;
    for (size_t i = 0; i < PYR_LEDGER_KEYS; ++i) {
        if (i == PYR_LEDGER_KEYS_BEFORE_COPIES) {
            columns[count++] = (column){"copies", "STRUCT(reason VARCHAR, bytes BIGINT)[]"};
        }
        columns[count++] = (column){pyr_ledger_key_name(i), "BIGINT"};
    }
    return make_schema(execution, columns, count, out, error);
}

static pyr_status add_copies(rows *to, const pyr_ledger_report *report, pyr_error *error) {
    pyr_builder *list = next_column(to);
    pyr_builder *entry = pyr_builder_child(list, 0);
    for (int32_t i = 0; i < report->copies_count; ++i) {
        PYR_TRY(pyr_builder_string(pyr_builder_child(entry, 0), report->copies[i].reason, error));
        PYR_TRY(pyr_builder_int64(pyr_builder_child(entry, 1), report->copies[i].bytes, error));
        PYR_TRY(pyr_builder_close(entry, error));
    }
    return pyr_builder_close(list, error);
}

typedef struct queries_context {
    rows *to;
    const char *own_user; /* of local sessions */
} queries_context;

static pyr_status add_query(void *context, const pyr_query_log_entry *entry, pyr_error *error) {
    queries_context *self = context;
    rows *to = self->to;
    const pyr_ledger_report *report = &entry->report;
    char id[24];
    snprintf(id, sizeof(id), "%" PRIu64, entry->id);
    PYR_TRY(add_text(to, id, error));
    PYR_TRY(add_text(to, entry->user != NULL ? entry->user : self->own_user, error));
    PYR_TRY(add_text(to, entry->sql, error));
    PYR_TRY(add_text(to, entry->state, error));
    PYR_TRY(add_number(to, entry->started_us, error));
    PYR_TRY(add_text(to, report->engine[0] != '\0' ? report->engine : NULL, error));
    PYR_TRY(add_number(to, report->rows, error));
    PYR_TRY(pyr_builder_double(next_column(to), report->elapsed_ms, error));
    for (size_t i = 0; i < PYR_LEDGER_KEYS; ++i) {
        if (i == PYR_LEDGER_KEYS_BEFORE_COPIES) {
            PYR_TRY(add_copies(to, report, error));
        }
        PYR_TRY(add_number(to, pyr_ledger_key_value(report, i), error));
    }
    return PYR_OK;
}

/* Looked up here and not for each connection: the name service may be slow. */
static pyr_status fill_queries(pyr_execution *execution, rows *to, pyr_error *error) {
    char buffer[4096];
    char number[24];
    struct passwd entry;
    struct passwd *found = NULL;
    snprintf(number, sizeof(number), "%u", (unsigned)geteuid());
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof(buffer), &found) != 0) {
        found = NULL;
    }
    queries_context context = {to, found != NULL ? found->pw_name : number};
    return pyr_query_log_visit(execution->connection->db->queries, add_query, &context, error);
}

/* ---- pyralog.segments ---- */

static pyr_status segments_schema(pyr_execution *execution, pyr_schema **out, pyr_error *error) {
    static const column columns[] = {{"table", "VARCHAR"},  {"file", "VARCHAR"},
                                     {"rows", "BIGINT"},    {"bytes", "BIGINT"},
                                     {"batches", "BIGINT"}, {"state", "VARCHAR"}};
    return make_schema(execution, columns, 6, out, error);
}

static pyr_status fill_segments(pyr_execution *execution, rows *to, pyr_error *error) {
    const pyr_snapshot *snapshot = execution->snapshot;
    for (size_t i = 0; i < pyr_snapshot_tables(snapshot); ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        if (strcasecmp(table->schema_name, PYR_SYSTEM_SCHEMA) == 0) {
            continue;
        }
        for (size_t j = 0; j < table->segments_count; ++j) {
            const pyr_segment_info *info = pyr_segment_get_info(table->segments[j]);
            PYR_TRY(add_text(to, table->name, error));
            PYR_TRY(add_text(to, info->path, error));
            PYR_TRY(add_number(to, info->rows, error));
            PYR_TRY(add_number(to, info->size_bytes, error));
            PYR_TRY(add_number(to, info->batches, error));
            PYR_TRY(add_text(to, info->hot ? "hot" : "sealed", error));
        }
    }
    return PYR_OK;
}

/* ---- pyralog.external_files ---- */

static pyr_status external_files_schema(pyr_execution *execution, pyr_schema **out,
                                        pyr_error *error) {
    static const column columns[] = {
        {"table", "VARCHAR"}, {"location", "VARCHAR"},  {"format", "VARCHAR"},
        {"metadata", "JSON"}, {"size_bytes", "BIGINT"}, {"mtime", "TIMESTAMP WITH TIME ZONE"},
        {"etag", "VARCHAR"},  {"blake3", "VARCHAR"},    {"state", "VARCHAR"}};
    return make_schema(execution, columns, 9, out, error);
}

static pyr_status add_hash(rows *to, const pyr_external_file *file, pyr_error *error) {
    char text[2 * PYR_BLAKE3_OUT_BYTES + 1];
    for (size_t i = 0; file != NULL && i < PYR_BLAKE3_OUT_BYTES; ++i) {
        snprintf(text + 2 * i, 3, "%02x", file->blake3[i]);
    }
    return add_text(to, file != NULL && file->hashed ? text : NULL, error);
}

typedef struct external_rows {
    rows *to;
    const pyr_table *table;
} external_rows;

/* As it was registered; a new one as it is. The state is by size, time and inode: to hash terabytes
 * again is for `verify`. */
static pyr_status add_external_file(void *context, pyr_external_state state,
                                    const pyr_external_file *file, const pyr_stored_object *now,
                                    pyr_error *error) {
    static const char *const states[] = {[PYR_EXTERNAL_OK] = "ok",
                                         [PYR_EXTERNAL_CHANGED] = "changed",
                                         [PYR_EXTERNAL_MISSING] = "missing",
                                         [PYR_EXTERNAL_NEW] = "new"};
    const external_rows *self = context;
    const pyr_external *external = self->table->external;
    const pyr_stored_object *object = file != NULL ? &file->object : now;
    PYR_TRY(add_text(self->to, self->table->name, error));
    PYR_TRY(add_text(self->to, object->path, error));
    PYR_TRY(add_text(self->to, pyr_external_format_name(external->format), error));
    PYR_TRY(add_text(self->to, external->metadata, error));
    PYR_TRY(add_number(self->to, object->size_bytes, error));
    PYR_TRY(add_number(self->to, object->mtime_ns / 1000, error));
    PYR_TRY(add_text(self->to, object->etag, error));
    PYR_TRY(add_hash(self->to, file, error));
    return add_text(self->to, states[state], error);
}

/* A location that cannot be listed has no file that is there. */
static pyr_status fill_external_files(pyr_execution *execution, rows *to, pyr_error *error) {
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < pyr_snapshot_tables(execution->snapshot); ++i) {
        external_rows self = {.to = to, .table = pyr_snapshot_table(execution->snapshot, i)};
        const pyr_object_store *store = NULL;
        const pyr_external *external = self.table->external;
        if (external == NULL) {
            continue;
        }
        pyr_object_list now;
        if (pyr_external_list(external, &execution->connection->files, &store, &now, NULL) !=
            PYR_OK) {
            memset(&now, 0, sizeof(now));
        }
        status = pyr_external_compare(external, &now, add_external_file, &self, error);
        pyr_object_list_deinit(&now);
    }
    return status;
}

/* ---- pyralog.settings ---- */

static pyr_status settings_schema(pyr_execution *execution, pyr_schema **out, pyr_error *error) {
    static const column columns[] = {
        {"name", "VARCHAR"}, {"value", "VARCHAR"}, {"description", "VARCHAR"}};
    return make_schema(execution, columns, 3, out, error);
}

static pyr_status fill_settings(pyr_execution *execution, rows *to, pyr_error *error) {
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < pyr_settings_count(); ++i) {
        pyr_text value;
        pyr_text_init(&value);
        pyr_settings_print(&execution->settings, i, &value);
        status = pyr_text_check(&value, error);
        if (status == PYR_OK) {
            status = add_text(to, pyr_settings_name(i), error);
        }
        if (status == PYR_OK) {
            status = add_text(to, pyr_text_get(&value), error);
        }
        if (status == PYR_OK) {
            status = add_text(to, pyr_settings_description(i), error);
        }
        pyr_text_deinit(&value);
    }
    return status;
}

/* ---- pyralog.versions ---- */

static pyr_status versions_schema(pyr_execution *execution, pyr_schema **out, pyr_error *error) {
    static const column columns[] = {{"version", "BIGINT"},
                                     {"committed_at", "TIMESTAMP WITH TIME ZONE"}};
    return make_schema(execution, columns, 2, out, error);
}

static pyr_status fill_versions(pyr_execution *execution, rows *to, pyr_error *error) {
    pyr_kept_version versions[PYR_VERSIONS_MAX];
    size_t count = pyr_catalog_versions(execution->connection->db->catalog, versions);
    for (size_t i = 0; i < count; ++i) {
        PYR_TRY(add_number(to, (int64_t)versions[i].version, error));
        PYR_TRY(add_number(to, versions[i].committed_us, error));
    }
    return PYR_OK;
}

/* ---- Making a table. ---- */

static const system_table tables[] = {
    {"queries", queries_schema, fill_queries},
    {"segments", segments_schema, fill_segments},
    {"external_files", external_files_schema, fill_external_files},
    {"settings", settings_schema, fill_settings},
    {"versions", versions_schema, fill_versions}};

/* The values so far as a sealed segment in memory. */
static pyr_status seal(rows *from, pyr_segment **out, pyr_error *error) {
    pyr_array *columns[COLUMNS_MAX] = {NULL};
    int32_t count = from->schema->fields_count;
    pyr_batch *batch = NULL;
    pyr_segment_writer *writer = NULL;
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < count; ++i) {
        status = pyr_builder_finish(from->columns[i], &columns[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(from->schema, from->count, columns, count, NULL, &batch, error);
    }
    if (status == PYR_OK) {
        status = pyr_segment_writer_create(NULL, from->schema, PYR_IPC_UNCOMPRESSED, NULL, &writer,
                                           error);
    }
    if (status == PYR_OK && from->count > 0) {
        status = pyr_segment_writer_append(writer, batch, error);
    }
    if (status == PYR_OK) {
        status = pyr_segment_writer_finish(writer, false, out, error);
    }
    pyr_segment_writer_destroy(writer);
    pyr_batch_release(batch);
    for (int32_t i = 0; i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    return status;
}

static pyr_status make_table(pyr_execution *execution, const system_table *definition,
                             pyr_table **out, pyr_error *error) {
    rows self = {0};
    pyr_segment *segment = NULL;
    PYR_TRY(definition->schema(execution, &self.schema, error));
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < self.schema->fields_count; ++i) {
        status =
            pyr_builder_create(self.schema->fields[i], execution->budget, &self.columns[i], error);
    }
    if (status == PYR_OK) {
        status = definition->fill(execution, &self, error);
    }
    if (status == PYR_OK) {
        status = seal(&self, &segment, error);
    }
    if (status == PYR_OK) {
        status = pyr_table_over_segment(PYR_SYSTEM_SCHEMA, definition->name, self.schema, segment,
                                        out, error);
    }
    pyr_segment_release(segment);
    rows_deinit(&self);
    return status;
}

pyr_status pyr_system_table_need(pyr_execution *execution, const char *name, pyr_error *error) {
    const system_table *definition = NULL;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); ++i) {
        definition = strcasecmp(tables[i].name, name) == 0 ? &tables[i] : definition;
    }
    if (definition == NULL ||
        pyr_snapshot_find(execution->snapshot, PYR_SYSTEM_SCHEMA, name) != NULL) {
        return PYR_OK;
    }
    pyr_table *table = NULL;
    pyr_snapshot *with = NULL;
    PYR_TRY(make_table(execution, definition, &table, error));
    pyr_status status = pyr_snapshot_with(execution->snapshot, table, &with, error);
    pyr_table_release(table);
    if (status == PYR_OK) {
        pyr_snapshot_release(execution->snapshot);
        execution->snapshot = with;
    }
    return status;
}

/* Names with quotes inside are none of ours. */
static void bare_name(const pyr_token *token, char *out, size_t size_bytes) {
    bool quoted = token->kind == PYR_TOKEN_QUOTED_NAME;
    snprintf(out, size_bytes, "%.*s", (int)(token->length - 2 * quoted), token->text + quoted);
}

pyr_status pyr_system_tables_need(pyr_execution *execution, const char *sql, size_t length,
                                  pyr_error *error) {
    PYR_TRY(pyr_registry_need_text(execution, sql, length, error));
    pyr_lexer lexer = pyr_lexer_over(sql, length);
    pyr_token schema = pyr_lexer_next(&lexer);
    while (schema.kind != PYR_TOKEN_END) {
        pyr_token next = pyr_lexer_next(&lexer);
        char name[64] = "";
        if (pyr_token_is_identifier(&schema) && pyr_token_is_char(&next, '.')) {
            bare_name(&schema, name, sizeof(name));
            next = pyr_lexer_next(&lexer);
        }
        if (strcasecmp(name, PYR_SYSTEM_SCHEMA) == 0 && pyr_token_is_identifier(&next)) {
            bare_name(&next, name, sizeof(name));
            PYR_TRY(pyr_system_table_need(execution, name, error));
        }
        schema = next;
    }
    return PYR_OK;
}
