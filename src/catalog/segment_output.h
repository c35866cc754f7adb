/* segment_output.h - batches to sealed segments of one table: hot ones where they are small, else
 * files, or memfds of tables in memory. For appends and for compaction. One thread.
 */
#ifndef PYR_CATALOG_SEGMENT_OUTPUT_H
#define PYR_CATALOG_SEGMENT_OUTPUT_H

#include "catalog/catalog_internal.h"

typedef struct pyr_segment_output {
    pyr_catalog *catalog;
    pyr_table *table; /* borrowed */
    pyr_query_ledger *ledger;
    pyr_ipc_compression compression;
    bool sync;
    bool memory;
    bool folder_synced;    /* segments/, which holds the table's folder */
    bool failed;           /* rows are lost: nothing of it may be committed any more */
    int64_t hot_bytes_max; /* up to this a segment is hot; 0: none is */
    uint64_t number;       /* of the writer's segment */
    uint64_t place;        /* of all segments; 0: each at its number, behind all that are there */
    bool sorted;           /* what comes is: the segments say so */
    pyr_segment_writer *writer;
    pyr_batch **held; /* retained: rows that may become a hot segment, no writer is open then */
    size_t held_count, held_capacity;
    int64_t held_bytes;
    pyr_segment **sealed;
    size_t sealed_count;
} pyr_segment_output;

/* The table's options (compression, storage_mode) are honoured. sync: segments are on disk when
 * they are sealed. */
void pyr_segment_output_init(pyr_segment_output *self, pyr_catalog *catalog, pyr_table *table,
                             bool sync, pyr_query_ledger *ledger);
/* Sealed segments that are still there are removed. */
void pyr_segment_output_deinit(pyr_segment_output *self);
/* dense; of the table's schema. */
PYR_MUST_CHECK pyr_status pyr_segment_output_batch(pyr_segment_output *self, pyr_batch *dense,
                                                   pyr_error *error);
/* source, of a table of the same types, as a segment of this one: its file gets another name, its
 * bytes in memory are shared. What came before is sealed. */
PYR_MUST_CHECK pyr_status pyr_segment_output_link(pyr_segment_output *self, pyr_segment *source,
                                                  pyr_error *error);
/* What came so far, all of it, is in `held`. */
bool pyr_segment_output_holds_all(const pyr_segment_output *self);
/* Somebody else has it now. */
void pyr_segment_output_drop_held(pyr_segment_output *self);
/* What came so far is in `sealed`, with numbers. */
PYR_MUST_CHECK pyr_status pyr_segment_output_seal(pyr_segment_output *self, pyr_error *error);

#endif
