/* entry_internal.h - objects and sequences for the files of this folder. */
#ifndef PYR_CATALOG_ENTRY_INTERNAL_H
#define PYR_CATALOG_ENTRY_INTERNAL_H

#include "catalog/change_internal.h"
#include "catalog/entry.h"

/* Everything is copied. sequence is retained; NULL where it is none. */
PYR_MUST_CHECK pyr_status pyr_entry_create(uint64_t id, pyr_entry_kind kind,
                                           const char *schema_name, const char *name,
                                           const char *detail, const char *definition,
                                           pyr_sequence *sequence, pyr_entry **out,
                                           pyr_error *error);

/* ---- Sequences (sequence.c). ---- */

/* Where the sequences of a catalog write their blocks; outlives it. */
typedef struct pyr_sequence_store pyr_sequence_store;
PYR_MUST_CHECK pyr_status pyr_sequence_store_create(pyr_catalog *catalog, pyr_sequence_store **out,
                                                    pyr_error *error);
/* The catalog goes: nothing is written any more. NULL allowed. */
void pyr_sequence_store_close(pyr_sequence_store *store);
/* A sequence that has given nothing yet. Until it is in a commit it writes nothing. */
PYR_MUST_CHECK pyr_status pyr_sequence_create(pyr_sequence_store *store, uint64_t id,
                                              const pyr_sequence_definition *definition,
                                              pyr_sequence **out, pyr_error *error);
/* As the database has it, state included. */
PYR_MUST_CHECK pyr_status pyr_sequence_load(pyr_sequence_store *store, uint64_t id,
                                            const pyr_sequence_definition *definition,
                                            pyr_sequence **out, pyr_error *error);
/* Into the batch of the commit that makes it known; from then on it writes. */
PYR_MUST_CHECK pyr_status pyr_sequence_record(pyr_sequence *sequence, pyr_lsm_batch *batch,
                                              pyr_error *error);
/* Gives back what is left of the block: at a clean close. */
void pyr_sequence_settle(pyr_sequence *sequence);
PYR_MUST_CHECK pyr_status pyr_sequence_delete(pyr_lsm_batch *batch, uint64_t id, pyr_error *error);

/* ---- Records (entry_records.c). ---- */

PYR_MUST_CHECK pyr_status pyr_record_put_entry(pyr_lsm_batch *batch, const pyr_entry *object,
                                               pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_record_delete_entry(pyr_lsm_batch *batch, const pyr_entry *object,
                                                  pyr_error *error);
/* Makes the LSM's objects those of the set, whatever stands there. */
PYR_MUST_CHECK pyr_status pyr_records_put_entries(pyr_lsm_batch *batch, pyr_lsm *lsm,
                                                  const pyr_entries *objects, pyr_error *error);
/* old: objects are taken over from it where they are the same; NULL allowed. */
PYR_MUST_CHECK pyr_status pyr_records_load_entries(pyr_lsm *lsm, pyr_sequence_store *store,
                                                   const pyr_entries *old, pyr_entries **out,
                                                   pyr_error *error);

/* ---- Changes (entry_change.c). ---- */

/* Of the change, before its tables and behind them. */
PYR_MUST_CHECK pyr_status pyr_change_drop_entries(const pyr_change *change,
                                                  pyr_working_tables *work, pyr_lsm_batch *batch,
                                                  pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_change_put_entries(const pyr_change *change, pyr_working_tables *work,
                                                 pyr_lsm_batch *batch, pyr_error *error);
/* Every table and object the change makes has a schema, no table has the name of a view, and what
 * was in a schema that it drops is gone. */
PYR_MUST_CHECK pyr_status pyr_change_check_entries(const pyr_change *change,
                                                   const pyr_working_tables *work,
                                                   pyr_error *error);
void pyr_change_clear_entries(pyr_change *change);

#endif
