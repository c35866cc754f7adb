/* support_keyed.h - tables with keys, their rows as text, for the tests of src/catalog. Each
 * function fails the test when something goes wrong, unless it gives a status. */
#ifndef TESTS_CATALOG_SUPPORT_KEYED_H
#define TESTS_CATALOG_SUPPORT_KEYED_H

#include "support_change.h"

#include "catalog/keyed.h"

/* a BIGINT, b VARCHAR, c BIGINT. keys: "a", "ba" (that order): the primary key; behind a slash
 * UNIQUE keys: "a/b", "/a/bc". */
void create_keyed(pyr_catalog *catalog, const char *name, const char *keys);
pyr_table *new_keyed(pyr_catalog *catalog, const char *name, const char *keys);
/* Rows "1,x,10 2,y,20", "-" for null. The caller releases it. */
pyr_batch *keyed_batch(const char *rows);

/* Into what the change sees of the table. */
pyr_status try_write(pyr_change *change, const char *name, const char *rows, pyr_keyed_mode mode,
                     int32_t conflict_key, pyr_error *fault);
void change_write(pyr_change *change, const char *name, const char *rows, pyr_keyed_mode mode);
/* Rows whose primary key (of one column a) is so: "1 2 3". Gives how many there were. */
int64_t change_remove(pyr_change *change, const char *name, const char *keys);
/* A change of its own. */
void write_now(pyr_catalog *catalog, const char *name, const char *rows, pyr_keyed_mode mode);
void remove_now(pyr_catalog *catalog, const char *name, const char *keys);

/* All rows in the order of a scan in batches of batch_rows, in the form of keyed_batch; "no table".
 * Checks the table's own count of rows. Static. */
const char *keyed_rows(const pyr_snapshot *snapshot, const char *name, int64_t batch_rows);
const char *keyed_seen(pyr_change *change, const char *name);
const char *keyed_current(pyr_catalog *catalog, const char *name);
/* A batch's selected rows. Static. */
const char *batch_text(const pyr_batch *batch);

#endif
