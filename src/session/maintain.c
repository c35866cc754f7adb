/* maintain.c - CHECKPOINT and VACUUM: fewer, larger and better segments, now; and BACKUP. */
#include "catalog/backup.h"
#include "catalog/compact.h"
#include "session/session_internal.h"

static pyr_status check_outside(const pyr_execution *execution, const char *what,
                                pyr_error *error) {
    return execution->change != NULL
               ? pyr_error_set_sql(
                     error, PYR_ERROR_SQL, "25001", 0,
                     "%s cannot run inside of a transaction: COMMIT or ROLLBACK first", what)
               : PYR_OK;
}

static pyr_status compact_one(pyr_execution *execution, const pyr_table *table,
                              pyr_compact_goal goal, pyr_error *error) {
    pyr_compaction compaction = {
        .goal = goal, .ledger = &execution->ledger, .cancel = &execution->cancel};
    return pyr_compact_table(execution->connection->db->catalog, table->id, &compaction, error);
}

static pyr_status compact_all(pyr_execution *execution, pyr_compact_goal goal, pyr_error *error) {
    const pyr_snapshot *snapshot = execution->snapshot;
    for (size_t i = 0; i < pyr_snapshot_tables(snapshot); ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        if (table->id != 0) {
            PYR_TRY(compact_one(execution, table, goal, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_run_maintain(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                            pyr_error *error) {
    bool vacuum = parsed->kind == PYR_PARSED_VACUUM;
    const char *what = vacuum ? "VACUUM" : "CHECKPOINT";
    pyr_compact_goal goal = vacuum ? PYR_COMPACT_DELETED : PYR_COMPACT_ALL;
    PYR_TRY(pyr_check_writable(execution, what, error));
    PYR_TRY(check_outside(execution, what, error));
    if (parsed->table.name != NULL) {
        pyr_table *table = NULL;
        PYR_TRY(pyr_resolve_table(execution, &parsed->table, &table, error));
        PYR_TRY(compact_one(execution, table, goal, error));
    } else {
        PYR_TRY(compact_all(execution, goal, error));
    }
    return pyr_result_message(out, error, "%s", what);
}

pyr_status pyr_run_backup(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                          pyr_error *error) {
    pyr_connection *connection = execution->connection;
    pyr_backup_counts counts;
    PYR_TRY(check_outside(execution, "BACKUP", error));
    PYR_TRY(pyr_file_access_check(&connection->files, parsed->path, error));
    PYR_TRY(pyr_catalog_backup(connection->db->catalog, parsed->path, &execution->ledger, &counts,
                               error));
    return pyr_result_message(out, error, "BACKUP (%lld segment files, %lld of them new)",
                              (long long)counts.files, (long long)counts.new_files);
}
