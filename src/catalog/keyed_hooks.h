/* keyed_hooks.h - where the catalog hands over to keyed tables. */
#ifndef PYR_CATALOG_KEYED_HOOKS_H
#define PYR_CATALOG_KEYED_HOOKS_H

#include "catalog/catalog.h"
#include "storage/lsm.h"
#include "storage/row_cache.h"

struct pyr_table_change;
typedef struct pyr_keyed pyr_keyed;
typedef struct pyr_keyed_writes pyr_keyed_writes;

/* ---- Tables (keyed.c). ---- */

/* *out NULL for a table without keys. from: the version before's, or NULL. A key's type without an
 * order, or a column that cannot be stored by rows: NOT_SUPPORTED. */
PYR_MUST_CHECK pyr_status pyr_keyed_create(const pyr_table *table, const pyr_keyed *from,
                                           pyr_keyed **out, pyr_error *error);
void pyr_keyed_destroy(pyr_keyed *keyed); /* NULL allowed */
/* Sets the table's rows and size_bytes. */
void pyr_keyed_add_up(pyr_table *table);
/* What a keyed table cannot be: 0A000. */
PYR_MUST_CHECK pyr_status pyr_keyed_check_new(const pyr_catalog *catalog,
                                              const pyr_table_definition *definition,
                                              pyr_error *error);
void pyr_keyed_writes_release(pyr_keyed_writes *writes); /* NULL allowed */

/* ---- Commits (keyed_commit.c). ---- */

/* Changes that one group commits, in their order. */
typedef struct pyr_keyed_group {
    size_t count, capacity;
    struct keyed_group_item *items;
} pyr_keyed_group;
void pyr_keyed_group_deinit(pyr_keyed_group *group);
/* Forgets what came after: it was rolled back. */
void pyr_keyed_group_truncate(pyr_keyed_group *group, size_t count);

/* The next version of table with what own writes. base: the table as the change's base has it, NULL
 * where it is new. batch NULL: for the transaction's own view, table is base's or new; else
 * conflicts are looked for and records written, and the new version's rows wait for
 * pyr_keyed_publish. group: the commits before in this batch; this one is added. */
PYR_MUST_CHECK pyr_status pyr_keyed_apply(const struct pyr_table_change *own,
                                          const pyr_table *table, const pyr_table *base,
                                          pyr_keyed_group *group, pyr_lsm_batch *batch,
                                          pyr_table **out, pyr_error *error);
/* After the write of group, or (NULL) when tables were loaded: their rows are those of now, and
 * what is read of them is kept in cache (NULL: nowhere). view: not taken yet. */
void pyr_keyed_publish(const pyr_snapshot *snapshot, const pyr_keyed_group *group,
                       pyr_row_cache *cache, pyr_lsm *lsm, pyr_lsm_view *view);
/* Whether publishing is needed. */
bool pyr_keyed_any(const pyr_snapshot *snapshot);

/* ---- Verifying (keyed_verify.c). ---- */

/* PYR_ERROR_CORRUPT where the rows of a committed version do not fit together. */
PYR_MUST_CHECK pyr_status pyr_keyed_verify(pyr_table *table, pyr_error *error);

/* ---- Records (keyed_records.c). ---- */

PYR_MUST_CHECK pyr_status pyr_keyed_put_count(pyr_lsm_batch *batch, const pyr_table *table,
                                              pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_keyed_delete_count(pyr_lsm_batch *batch, uint64_t table_id,
                                                 pyr_error *error);
/* Into a table that was just loaded. PYR_ERROR_CORRUPT where it is damaged or missing. */
PYR_MUST_CHECK pyr_status pyr_keyed_load_count(pyr_lsm *lsm, pyr_table *table, pyr_error *error);
/* The highest hidden row number of all tables; 0: none. */
PYR_MUST_CHECK pyr_status pyr_keyed_last_number(const pyr_snapshot *snapshot, uint64_t *out,
                                                pyr_error *error);
/* Rows of a table that nobody will read who comes later. */
PYR_MUST_CHECK pyr_status pyr_keyed_drop_rows(pyr_lsm *lsm, uint64_t table_id, pyr_error *error);
/* Those of tables that are not there: after a crash between a drop and the above. */
PYR_MUST_CHECK pyr_status pyr_keyed_clean(pyr_lsm *lsm, const pyr_snapshot *snapshot,
                                          pyr_error *error);

#endif
