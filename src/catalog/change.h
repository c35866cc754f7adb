/* change.h - what a transaction wants to be different: tables created and dropped, segments
 * appended, rows deleted. It is made against a snapshot, seen by its own transaction alone, and
 * committed as a whole: conflicts are looked for against what is current then.
 *
 * Commits that come together are written together: one of the waiting threads applies all of them,
 * one after the other, to the current snapshot and writes them to the LSM in one batch, with one
 * sync.
 *
 * A change belongs to one thread at a time.
 */
#ifndef PYR_CATALOG_CHANGE_H
#define PYR_CATALOG_CHANGE_H

#include "catalog/catalog.h"

typedef struct pyr_change pyr_change;

/* base is retained: what the transaction sees beside its own doings. */
PYR_MUST_CHECK pyr_status pyr_change_create(pyr_catalog *catalog, pyr_snapshot *base,
                                            pyr_change **out, pyr_error *error);
/* Without commit the segments appended are removed. NULL allowed. */
void pyr_change_destroy(pyr_change *change);

/* table is retained; it has no rows yet. *created false where it is there already in what the
 * transaction sees and mode is IF_NOT_EXISTS; 42P07. What others create meanwhile is looked for at
 * the commit. */
PYR_MUST_CHECK pyr_status pyr_change_create_table(pyr_change *change, pyr_table *table,
                                                  pyr_create_mode mode, bool *created,
                                                  pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_change_drop_table(pyr_change *change, const pyr_table *table,
                                                pyr_error *error);
/* table, as the transaction sees it, gets the definition of altered (an unused id; its rows do not
 * count), whose columns have ids (segment.h). exact: it holds for the rows there are now only.
 * 40001 at the commit where the table was altered meanwhile, or (exact) rows were appended; and for
 * whoever appends to a table that was altered. 42P07 where its new name is taken. */
PYR_MUST_CHECK pyr_status pyr_change_alter_table(pyr_change *change, const pyr_table *table,
                                                 pyr_table *altered, bool exact, pyr_error *error);
/* created, a table of this change, has the rows of replaced as the transaction sees it: 40001 at
 * the commit where that is another one, or has changed. */
PYR_MUST_CHECK pyr_status pyr_change_succeed(pyr_change *change, const pyr_table *created,
                                             const pyr_table *replaced, pyr_error *error);
/* segment has its number and is retained. */
PYR_MUST_CHECK pyr_status pyr_change_append(pyr_change *change, const pyr_table *table,
                                            pyr_segment *segment, pyr_error *error);
/* A batch, dense and of the table's schema, retained, that is made a hot segment at the commit
 * only: with the rows of those who commit at the same time. Nothing but the commit may follow (that
 * one may fail, and more may come before the next): what the change sees has not got it. ledger
 * (borrowed until the change ends, NULL allowed) counts this change's share of the copies. */
PYR_MUST_CHECK pyr_status pyr_change_append_rows(pyr_change *change, const pyr_table *table,
                                                 pyr_batch *batch, pyr_query_ledger *ledger,
                                                 pyr_error *error);
/* Rows of a segment of a table that the transaction sees. rows is retained; it names none that the
 * transaction deleted before. */
PYR_MUST_CHECK pyr_status pyr_change_delete(pyr_change *change, const pyr_table *table,
                                            uint64_t segment_number, pyr_row_bitmap *rows,
                                            pyr_error *error);
/* object is retained; mode as above. What it is made of is not looked at. */
PYR_MUST_CHECK pyr_status pyr_change_put_entry(pyr_change *change, pyr_entry *object,
                                               pyr_create_mode mode, bool *created,
                                               pyr_error *error);
/* An object that the transaction sees. */
PYR_MUST_CHECK pyr_status pyr_change_drop_entry(pyr_change *change, pyr_entry *object,
                                                pyr_error *error);
struct pyr_replacement;
/* segments, which have their numbers and are retained, take the place of those that replacement
 * names. Where these are no more at the commit, or rows were deleted that cannot be followed:
 * 40001. */
PYR_MUST_CHECK pyr_status pyr_change_replace(pyr_change *change, const pyr_table *table,
                                             struct pyr_replacement *replacement,
                                             pyr_segment *const *segments, pyr_error *error);
bool pyr_change_is_empty(const pyr_change *change);

/* What the transaction sees: base and its own changes. Retained for the caller. With changes it has
 * a version that no other snapshot has. */
PYR_MUST_CHECK pyr_status pyr_change_snapshot(pyr_change *change, pyr_snapshot **out,
                                              pyr_error *error);

/* All of it, or nothing. sync: on disk when it returns. 40001 where another transaction has deleted
 * a row that this one deletes; 42P01 where a table was dropped, 42P07 where one was created
 * meanwhile, 3F000 where its schema is gone, 2BP01 where something is left in a schema. The change
 * is empty afterwards, and its base what was committed. */
PYR_MUST_CHECK pyr_status pyr_change_commit(pyr_change *change, bool sync, pyr_error *error);
/* The same for what nobody waits for: it goes with another commit's write where one comes within 2
 * ms, so that it costs nobody a sync of its own. */
PYR_MUST_CHECK pyr_status pyr_change_commit_patiently(pyr_change *change, bool sync,
                                                      pyr_error *error);

#endif
