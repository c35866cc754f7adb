/* spill.h - rows that do not fit into memory: Arrow IPC streams in files of exec->temp_folder.
 *
 * A file has no name: it is unlinked as soon as it is open, so that nothing is left behind whatever
 * happens. What was written is read back by mapping it: its pages are the page cache's, not the
 * query's budget.
 */
#ifndef PYR_EXEC_SPILL_H
#define PYR_EXEC_SPILL_H

#include "exec/exec_internal.h"

#include <pthread.h>

/* Whether there is a limit, and a folder to go to beyond it. */
bool pyr_spill_possible(const pyr_exec *exec);
/* Whether more bytes would bring the query above share (of 1) of its limit. No limit: false. */
bool pyr_spill_wanted(const pyr_exec *exec, size_t more_bytes, double share);

/* ---- One file. Written by one thread at a time, then read by one. ---- */

typedef struct pyr_spill pyr_spill;
/* node: whose metrics count the bytes. Nothing is opened before the first batch. */
PYR_MUST_CHECK pyr_status pyr_spill_create(pyr_exec *exec, int32_t node, pyr_schema *schema,
                                           pyr_spill **out, pyr_error *error);
void pyr_spill_destroy(pyr_spill *spill); /* NULL allowed */
/* batch is dense; it is on its way to the disk when this returns. */
PYR_MUST_CHECK pyr_status pyr_spill_add(pyr_spill *spill, pyr_batch *batch, pyr_error *error);
/* Writing has ended: maps the file. */
PYR_MUST_CHECK pyr_status pyr_spill_open(pyr_spill *spill, pyr_error *error);
/* The next batch, in the order they were added; *out NULL: the end. Batches keep the mapping. */
PYR_MUST_CHECK pyr_status pyr_spill_next(pyr_spill *spill, pyr_batch **out, pyr_error *error);
int64_t pyr_spill_rows(const pyr_spill *spill);

/* ---- Memory that lies in a file. ---- */

/* size_bytes > 0 of zeroes, which may be written; the file's room on disk is taken at once, so that
 * a full disk is an error here and no fault later. */
PYR_MUST_CHECK pyr_status pyr_spill_map(pyr_exec *exec, int32_t node, size_t size_bytes, void **out,
                                        pyr_error *error);
void pyr_spill_unmap(void *memory, size_t size_bytes); /* NULL allowed */

/* ---- Rows put apart by their hashes. Any number of threads may add. ---- */

#define PYR_SPILL_BITS 4
#define PYR_SPILL_PARTS (1 << PYR_SPILL_BITS)

typedef struct pyr_spill_part {
    pthread_mutex_t lock; /* of what follows; a leaf */
    pyr_batch_maker *maker;
    pyr_spill *spill;
} pyr_spill_part;
typedef struct pyr_spill_parts {
    pyr_exec *exec;
    int32_t node;
    int shift; /* of the hash, from its upper end: the bits behind it choose the part */
    pyr_schema *schema;
    pyr_spill_part parts[PYR_SPILL_PARTS];
} pyr_spill_parts;
/* shift < 64 - PYR_SPILL_BITS; schema is retained. */
PYR_MUST_CHECK pyr_status pyr_spill_parts_create(pyr_exec *exec, int32_t node, pyr_schema *schema,
                                                 int shift, pyr_spill_parts **out,
                                                 pyr_error *error);
void pyr_spill_parts_destroy(pyr_spill_parts *parts); /* NULL allowed */
/* Row rows[i] of vectors (the schema's columns) has hashes[i]. span: rows of the vectors. */
PYR_MUST_CHECK pyr_status pyr_spill_parts_add(pyr_spill_parts *parts, const pyr_vector *vectors,
                                              int32_t span, const uint16_t *rows,
                                              const uint64_t *hashes, int32_t count,
                                              pyr_error *error);
/* Everything that was added is in the files. */
PYR_MUST_CHECK pyr_status pyr_spill_parts_finish(pyr_spill_parts *parts, pyr_error *error);
/* The file of one part, the caller's then; NULL: no row came. */
pyr_spill *pyr_spill_parts_take(pyr_spill_parts *parts, int part);

#endif
