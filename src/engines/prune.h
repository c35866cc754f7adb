/* prune.h - which batches of a table a query cannot need, by their zone maps, and which row
 * keys of a keyed one, by its primary key.
 *
 * Skipping is invisible: a batch is skipped only where no row of it can meet one of the conditions
 * (sql/conjuncts.h), whatever type the engine compares in. Zones of what we did not write ourselves
 * are unknown, and so nothing of it is skipped.
 */
#ifndef PYR_ENGINES_PRUNE_H
#define PYR_ENGINES_PRUNE_H

#include "catalog/keyed.h"
#include "engines/engine.h"
#include "sql/token_list.h"

typedef struct pyr_prune pyr_prune; /* immutable: any number of threads */

/* What sql, the tokens of a query, asks of table. dialect NULL: as by default. params: one row,
 * NULL where they are not known. *out NULL: nothing can be skipped. PYR_ERROR_MEMORY. */
PYR_MUST_CHECK pyr_status pyr_prune_create(const pyr_token_list *sql, const pyr_batch *params,
                                           const pyr_dialect *dialect, const pyr_table *table,
                                           pyr_prune **out, pyr_error *error);
void pyr_prune_destroy(pyr_prune *prune); /* NULL allowed */
/* *skip: no row of the batch is needed. Maps the segment when it is not yet. */
PYR_MUST_CHECK pyr_status pyr_prune_batch(const pyr_prune *prune, pyr_segment *segment,
                                          size_t batch, bool *skip, pyr_error *error);

/* The ranges of row keys that hold every row of table that the query may need: apart from each
 * other, in key order, none empty; to be freed with pyr_keyed_ranges_free. *out NULL: all keys may
 * be needed; not NULL with *count 0: none is. The rest as for pyr_prune_create. */
PYR_MUST_CHECK pyr_status pyr_prune_keys(const pyr_token_list *sql, const pyr_batch *params,
                                         const pyr_dialect *dialect, const pyr_table *table,
                                         pyr_keyed_range **out, size_t *count, pyr_error *error);

#endif
