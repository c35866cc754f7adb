/* kill_look.c - the tables of the kill test, and what is looked at when its writers have died. */
#include "kill_model.h"

void kill_make_tables(fault_db *db) {
    if (fault_has_table(db, "keyed")) {
        return;
    }
    fault_must(db,
               "CREATE TABLE IF NOT EXISTS plain (owner BIGINT, tx BIGINT, n BIGINT, v BIGINT)");
    fault_must(db, "CREATE TABLE IF NOT EXISTS pair (owner BIGINT, tx BIGINT, n BIGINT, v BIGINT) "
                   "WITH (sort_key = 'n')");
    fault_must(db, "CREATE TABLE keyed (owner BIGINT, k BIGINT, v BIGINT, u BIGINT UNIQUE, "
                   "PRIMARY KEY (owner, k))");
}

bool kill_look(kill_model *model, const char *path) {
    fault_db db;
    fault_must_open(&db, path, false);
    kill_make_tables(&db); /* the writers may have died before they were */
    bool well = kill_model_check(model, &db);
    well &= fault_verify(&db);
    fault_close(&db);
    fault_must_open(&db, path, true);
    well &= fault_files_are_named(&db);
    well &= kill_model_check(model, &db);
    fault_close(&db);
    return well;
}
