/* change_internal.h - a change's parts, shared by change.c (collects) and commit.c (applies). */
#ifndef PYR_CATALOG_CHANGE_INTERNAL_H
#define PYR_CATALOG_CHANGE_INTERNAL_H

#include "catalog/catalog_internal.h"
#include "catalog/change.h"
#include "catalog/replacement.h"

typedef struct pyr_deletion {
    uint64_t segment_number;
    pyr_row_bitmap *rows; /* retained */
} pyr_deletion;

typedef struct pyr_table_replacement {
    pyr_replacement *replacement; /* retained */
    pyr_segment **segments;       /* the new ones, retained */
} pyr_table_replacement;

/* What happens to one table, in this order: created, altered, appended to, segments replaced, rows
 * deleted, dropped. */
typedef struct pyr_table_change {
    uint64_t id;
    pyr_table *created; /* retained; NULL: it was there */
    pyr_create_mode mode;
    /* Created as another's successor, over the rows that one had then: 0: not so. */
    uint64_t replaced_id, replaced_version;
    pyr_table *altered;       /* retained; its definition is the new one, NULL: the old stays */
    pyr_schema *altered_from; /* retained; what it was made from */
    uint64_t altered_version; /* the rows it holds for are those of this version; 0: any */
    bool dropped;
    size_t appended_count, appended_capacity;
    pyr_segment **appended; /* retained */
    size_t replacements_count, replacements_capacity;
    pyr_table_replacement *replacements;
    size_t deletions_count, deletions_capacity;
    pyr_deletion *deletions;
    pyr_keyed_writes *keyed; /* retained; what is written to a keyed table, NULL: nothing */
    /* Few rows that are no segment yet: the commit joins them with others' (commit_rows.h). */
    size_t rows_count, rows_capacity;
    pyr_batch **rows; /* retained, dense */
    int64_t rows_bytes;
    pyr_query_ledger *rows_ledger; /* borrowed; NULL: nobody counts */
} pyr_table_change;

/* An object made, or one dropped. */
typedef struct pyr_entry_change {
    pyr_entry *put; /* retained; NULL: dropped is what goes */
    pyr_entry *dropped;
    pyr_create_mode mode;
} pyr_entry_change;

struct pyr_change {
    pyr_catalog *catalog;
    pyr_change *next, *previous; /* of the catalog's open ones, under its commit_lock */
    pyr_snapshot *base;          /* retained */
    size_t tables_count, tables_capacity;
    pyr_table_change *tables;
    size_t objects_count, objects_capacity;
    pyr_entry_change *objects;
    pyr_snapshot *view; /* base with the changes so far; NULL: not made yet */
    bool keep_files;    /* a commit failed that may be on disk all the same */
};

/* Room for one more item of width bytes. */
PYR_MUST_CHECK pyr_status pyr_change_grow(void **items, size_t count, size_t *capacity,
                                          size_t width, pyr_error *error);
/* The change of table id, begun when there is none. */
PYR_MUST_CHECK pyr_status pyr_change_of(pyr_change *change, uint64_t id, pyr_table_change **out,
                                        pyr_error *error);
/* After a step: what the transaction sees is to be made anew. */
void pyr_change_forget_view(pyr_change *change);
/* Forgets rows that are no segment yet. */
void pyr_table_change_drop_rows(pyr_table_change *change);
/* Forgets everything; remove_files: segments that nobody names go with their last reader. */
void pyr_change_clear(pyr_change *change, bool remove_files);

/* Tables being worked on: snapshots are immutable. */
typedef struct pyr_working_tables {
    size_t count, capacity;
    pyr_table **tables; /* retained */
    size_t gone_count, gone_capacity;
    pyr_table **gone; /* retained: dropped or replaced, their files go after the commit */
    size_t retired_count, retired_capacity;
    pyr_segment **retired; /* retained: others stand in their place, their files go, too */
    size_t moved_count, moved_capacity;
    pyr_replacement **moved;    /* retained: where their rows went */
    const pyr_catalog *catalog; /* whose moves are known; NULL: only those above */
    pyr_keyed_group *keyed;     /* borrowed; of the group of commits, NULL: nothing is recorded */
    pyr_entries *objects;       /* retained; NULL: none */
} pyr_working_tables;
PYR_MUST_CHECK pyr_status pyr_working_tables_init(pyr_working_tables *work,
                                                  const pyr_snapshot *from, pyr_error *error);
void pyr_working_tables_deinit(pyr_working_tables *work);
/* All of the change, or an error and work as it was. batch NULL: nothing is recorded. */
PYR_MUST_CHECK pyr_status pyr_change_apply(const pyr_change *change, pyr_working_tables *work,
                                           pyr_lsm_batch *batch, pyr_error *error);
/* The table that own of change appends rows to, borrowed from work; 42P01 and 40001 as at the
 * commit. */
PYR_MUST_CHECK pyr_status pyr_change_find_target(const pyr_change *change,
                                                 const pyr_table_change *own,
                                                 const pyr_working_tables *work, pyr_table **out,
                                                 pyr_error *error);
/* segment behind those of a table of work, and its record; an error leaves both as they were. */
PYR_MUST_CHECK pyr_status pyr_working_tables_append(pyr_working_tables *work, uint64_t table_id,
                                                    pyr_segment *segment, pyr_lsm_batch *batch,
                                                    pyr_error *error);

#endif
