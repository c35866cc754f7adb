/* graveyard.h - when the files of dropped and replaced segments go; see graveyard.c. */
#ifndef PYR_CATALOG_GRAVEYARD_H
#define PYR_CATALOG_GRAVEYARD_H

#include "catalog/catalog_internal.h"

typedef struct pyr_graveyard pyr_graveyard;

PYR_MUST_CHECK pyr_status pyr_graveyard_create(pyr_catalog *catalog, pyr_error *error);
void pyr_graveyard_destroy(pyr_catalog *catalog);
/* Their files go with their last reader in this process, and with those in others or a quarter of
 * an hour later. Under write_lock. */
void pyr_graveyard_bury(pyr_catalog *catalog, pyr_segment *const *segments, size_t count);

#endif
