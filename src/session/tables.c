/* tables.c - what the fronts ask about the database as a whole. */
#include "session/model_registry.h"

pyr_status pyr_session_tables(pyr_connection *connection,
                              pyr_status (*visit)(void *context, const char *schema_name,
                                                  const char *name, pyr_schema *schema,
                                                  int64_t rows, int64_t size_bytes,
                                                  pyr_error *error),
                              void *context, pyr_error *error) {
    pyr_snapshot *snapshot = NULL;
    PYR_TRY(pyr_catalog_snapshot(connection->db->catalog, &snapshot, error));
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < pyr_snapshot_tables(snapshot); ++i) {
        pyr_table *table = pyr_snapshot_table(snapshot, i);
        pyr_schema *schema =
            pyr_registry_is_stored(table) ? connection->db->registry.schema : table->schema;
        status = visit(context, table->schema_name, table->name, schema, table->rows,
                       table->size_bytes, error);
    }
    pyr_snapshot_release(snapshot);
    return status;
}

typedef struct verify_context {
    void (*report)(void *context, const char *table, const char *segment, const char *message);
    void *context;
} verify_context;

static void report_segment(void *context, const pyr_table *table, const pyr_segment_info *segment,
                           const pyr_error *error) {
    verify_context *self = context;
    self->report(self->context, table->name, segment->path, error != NULL ? error->message : NULL);
}

pyr_status pyr_session_verify(pyr_database *db,
                              void (*report)(void *context, const char *table, const char *segment,
                                             const char *message),
                              void *context, pyr_error *error) {
    verify_context self = {report, context};
    pyr_error ignored;
    pyr_status segments = pyr_catalog_verify(db->catalog, report_segment, &self, error);
    pyr_status externals =
        pyr_externals_verify(db, report, context, segments == PYR_OK ? error : &ignored);
    bool well = segments == PYR_OK && externals == PYR_OK;
    pyr_status models = pyr_models_verify(db, report, context, well ? error : &ignored);
    return segments != PYR_OK ? segments : externals != PYR_OK ? externals : models;
}
