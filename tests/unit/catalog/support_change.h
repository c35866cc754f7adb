/* support_change.h - steps of changes by tables' names, for the tests of src/catalog. Each function
 * fails the test when something goes wrong. */
#ifndef TESTS_CATALOG_SUPPORT_CHANGE_H
#define TESTS_CATALOG_SUPPORT_CHANGE_H

#include "support_catalog.h"

#include "catalog/change.h"

/* Based on what is current. */
pyr_change *begin(pyr_catalog *catalog);
void change_create(pyr_catalog *catalog, pyr_change *change, const char *name,
                   pyr_create_mode mode);
void change_append(pyr_catalog *catalog, pyr_change *change, const char *name, int64_t first,
                   int64_t rows);
void change_drop(pyr_change *change, const char *name);
/* Rows [from, to) of the segment with this index in what the change sees. */
void change_delete(pyr_change *change, const char *name, size_t index, int64_t from, int64_t to);
/* Commits and destroys. */
void end_well(pyr_change *change);
/* The commit fails so; destroys. */
void end_badly(pyr_change *change, pyr_status status, const char *sqlstate);
/* A change of its own. */
void delete_rows(pyr_catalog *catalog, const char *name, size_t index, int64_t from, int64_t to);

/* The values of a in the rows that are not deleted, read from the segments, ascending, as text:
 * runs "0-9 20 22-23", "none" where there is no row, "no table". Checks the table's own count of
 * rows, too. Static. */
const char *values_in(const pyr_snapshot *snapshot, const char *name);
const char *values_seen(pyr_change *change, const char *name);
const char *values_now(pyr_catalog *catalog, const char *name);

#endif
