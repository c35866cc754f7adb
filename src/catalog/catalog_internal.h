/* catalog_internal.h - what the files of this folder share. */
#ifndef PYR_CATALOG_CATALOG_INTERNAL_H
#define PYR_CATALOG_CATALOG_INTERNAL_H

#include "base/text.h"
#include "catalog/catalog.h"
#include "catalog/keyed_hooks.h"
#include "storage/lsm.h"

#include <pthread.h>

/* What an append is at most to become a hot segment: in the LSM, in the commit's own batch, instead
 * of a file with a sync of its own. Writing the log twice this much costs less than a sync. */
#define PYR_HOT_BYTES_MAX (256 << 10)

/* Rows of keyed tables kept in memory, beside the LSM's blocks. */
#define ROW_CACHE_BYTES ((size_t)64 << 20)

struct pyr_snapshot {
    atomic_size_t references;
    uint64_t version;
    int64_t committed_us; /* since 1970-01-01 UTC */
    size_t tables_count;
    pyr_table **tables;   /* retained, by (schema, name) without case */
    pyr_entries *objects; /* retained; NULL: none */
};

/* Values of the counters' records. 0: it is not known, and written with the next commit. */
typedef struct pyr_counters {
    uint64_t table, row, segment;
} pyr_counters;

struct pyr_catalog {
    char *path; /* NULL in memory */
    bool readonly;
    bool is_backup; /* nothing was committed since BACKUP TO wrote it; under write_lock */
    int lock_fd;    /* holds the flock on LOCK; -1: none */
    int commit_fd;  /* COMMITS: the number of commits, for readers in other processes; -1: none */
    pyr_lsm *lsm;
    pyr_row_cache *rows; /* of keyed tables; NULL: none yet, or a reader's; under write_lock */
    struct pyr_sequence_store *sequences;
    pthread_mutex_t write_lock; /* one change at a time; held over LSM writes; guards doubtful */
    bool
        doubtful; /* an LSM write failed: it may have landed all the same, see pyr_catalog_commit */
    atomic_uint_fast64_t next_table; /* of objects, too */
    atomic_uint_fast64_t next_segment;
    atomic_uint_fast64_t next_row; /* the hidden key of tables that have UNIQUE keys alone */
    pyr_counters counters_written; /* as the LSM has them; under write_lock */
    atomic_int_fast64_t memory_limit_bytes; /* of rows that are in memory only; 0: none */
    atomic_int_fast64_t hot_bytes_max;      /* appends up to this are hot segments; 0: none is */
    pthread_mutex_t compact_lock;           /* held over a step of compaction; before write_lock */
    struct pyr_maintenance *maintenance;
    struct pyr_graveyard *graveyard; /* under write_lock */
    pthread_mutex_t commit_lock;     /* guards the queue of commits: commit.c; a leaf */
    struct pyr_commit *commit_first, *commit_last;
    size_t commit_waiting;          /* of them, without the patient ones */
    size_t commit_expected;         /* as many were on their way when the last group was done */
    int64_t commit_gather_until_ns; /* so long a smaller group waits for them */
    bool commit_leading;
    struct pyr_change *changes; /* open ones, under commit_lock */
    size_t moves_count, moves_capacity;
    struct pyr_replacement **moves; /* retained, oldest first; under write_lock */
    pthread_mutex_t snapshot_lock;  /* guards what follows; a leaf */
    pyr_snapshot *snapshot;
    struct pyr_history *history; /* the versions before */
    /* What COMMITS had when the snapshot was loaded; a writer's: what it has, under write_lock. */
    uint64_t seen_commits;
};

/* ---- Tables (table.c). ---- */

/* Everything is copied or retained; segments NULL for none. */
PYR_MUST_CHECK pyr_status pyr_table_create(uint64_t id, uint64_t version,
                                           const pyr_table_definition *definition,
                                           pyr_segment *const *segments, size_t segments_count,
                                           pyr_table **out, pyr_error *error);
/* The next version of a table, with more segments behind its own. */
PYR_MUST_CHECK pyr_status pyr_table_append(const pyr_table *table, pyr_segment *const *segments,
                                           size_t count, pyr_table **out, pyr_error *error);
/* The same version over these segments, with these rows deleted: a bitmap each, NULL for none. All
 * are retained. */
PYR_MUST_CHECK pyr_status pyr_table_with_segments(const pyr_table *table,
                                                  pyr_segment *const *segments,
                                                  pyr_row_bitmap *const *deleted, size_t count,
                                                  pyr_table **out, pyr_error *error);
/* The next version of a table, with another's definition. */
PYR_MUST_CHECK pyr_status pyr_table_redefine(const pyr_table *table, const pyr_table *altered,
                                             pyr_table **out, pyr_error *error);

/* ---- Records (records.c): what stands in the LSM; the README has the bytes. ---- */

/* All that changes of a table's own record when its rows do; in that already, and in the records of
 * segments: the highest counts. */
PYR_MUST_CHECK pyr_status pyr_record_put_version(pyr_lsm_batch *batch, const pyr_table *table,
                                                 pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_record_put_table(pyr_lsm_batch *batch, const pyr_table *table,
                                               pyr_error *error);
/* version: of the table, with the segment in it; 0 where it is put another way. */
PYR_MUST_CHECK pyr_status pyr_record_put_segment(pyr_lsm_batch *batch, uint64_t table_id,
                                                 uint64_t version, const pyr_segment *segment,
                                                 pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_record_put_deleted(pyr_lsm_batch *batch, uint64_t table_id,
                                                 uint64_t segment_number,
                                                 const pyr_row_bitmap *rows, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_record_put_counter(pyr_lsm_batch *batch, const char *name,
                                                 uint64_t value, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_record_get_counter(pyr_lsm *lsm, const char *name, uint64_t *out,
                                                 pyr_error *error);
/* The segment's records: its own, its bytes where it is hot, its deleted rows where it has some. */
PYR_MUST_CHECK pyr_status pyr_record_delete_segment(pyr_lsm_batch *batch, uint64_t table_id,
                                                    const pyr_segment *segment, bool has_deleted,
                                                    pyr_error *error);
/* Deletes the table's record and its segments'. */
PYR_MUST_CHECK pyr_status pyr_record_delete_table(pyr_lsm_batch *batch, const pyr_table *table,
                                                  pyr_error *error);
/* Makes the LSM's tables and segments those of snapshot, whatever stands there. */
PYR_MUST_CHECK pyr_status pyr_records_put_snapshot(pyr_lsm_batch *batch, pyr_lsm *lsm,
                                                   const pyr_snapshot *snapshot, pyr_error *error);
/* Reads all tables. old: a snapshot whose segments are taken over where they are the same; NULL
 * allowed. base: the database's folder, or NULL. */
PYR_MUST_CHECK pyr_status pyr_records_load(pyr_lsm *lsm, const char *base, const pyr_snapshot *old,
                                           pyr_table ***tables, size_t *count, pyr_error *error);

/* ---- Snapshots (snapshot.c). ---- */

/* As strcasecmp, of ASCII alone and whatever the locale: in a Turkish one I is not i. */
int pyr_name_compare(const char *a, const char *b);

/* Takes the array and the references in it, on failure too; sorts. */
PYR_MUST_CHECK pyr_status pyr_snapshot_create(uint64_t version, pyr_table **tables, size_t count,
                                              pyr_snapshot **out, pyr_error *error);
/* A copy of snapshot without `without` and with `with` (each may be NULL). */
PYR_MUST_CHECK pyr_status pyr_snapshot_change(const pyr_snapshot *snapshot,
                                              const pyr_table *without, pyr_table *with,
                                              pyr_snapshot **out, pyr_error *error);
pyr_table *pyr_snapshot_find_id(const pyr_snapshot *snapshot, uint64_t id);
/* By schema and name, for qsort over pointers to tables. */
int pyr_tables_compare(const void *left, const void *right);
/* Makes snapshot (taken over) the current one. retired_bytes: of segments that it has not and the
 * one before has. forget: no version before is kept. */
void pyr_catalog_publish(pyr_catalog *catalog, pyr_snapshot *snapshot, int64_t retired_bytes,
                         bool forget);
/* The current one, retained, whatever another process did. */
pyr_snapshot *pyr_catalog_current(pyr_catalog *catalog);

/* ---- Changes (catalog.c). ---- */

struct pyr_working_tables;
/* Under write_lock: writes batch durably, then makes work's tables, which it takes, the current
 * snapshot. */
PYR_MUST_CHECK pyr_status pyr_catalog_write(pyr_catalog *catalog, pyr_lsm_batch *batch, bool sync,
                                            const pyr_snapshot *current,
                                            struct pyr_working_tables *work, pyr_error *error);
/* Names, duplicate columns, reserved schemas. */
PYR_MUST_CHECK pyr_status pyr_catalog_check_table(const char *schema_name, const char *name,
                                                  const pyr_schema *schema, pyr_error *error);
/* 42602 where it is too long or not UTF-8. */
PYR_MUST_CHECK pyr_status pyr_catalog_check_name(const char *what, const char *name,
                                                 pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_catalog_check_writable(const pyr_catalog *catalog, pyr_error *error);

/* ---- The folder (folder.c). ---- */

/* Makes or checks the folder, takes the lock; sets lock_fd and commit_fd. What it makes is on disk
 * when it returns. */
PYR_MUST_CHECK pyr_status pyr_folder_open(pyr_catalog *catalog, pyr_error *error);
void pyr_folder_close(pyr_catalog *catalog);
/* What FORMAT says. PYR_ERROR_NOT_SUPPORTED where it is newer than PYR_CATALOG_FORMAT_VERSION,
 * PYR_ERROR_CORRUPT where it says nothing. */
PYR_MUST_CHECK pyr_status pyr_folder_check_format(const char *base, unsigned long *version,
                                                  pyr_error *error);
/* FORMAT says PYR_CATALOG_FORMAT_VERSION, in one step, and is on disk when it returns. */
PYR_MUST_CHECK pyr_status pyr_folder_write_format(const char *base, pyr_error *error);
/* Of a writer, before it writes its first record: FORMAT of an older database is raised. What it
 * has is what a database of today may have, so that there is nothing else to do. PYR_ERROR_BUSY
 * while another process reads it. */
PYR_MUST_CHECK pyr_status pyr_folder_upgrade(pyr_catalog *catalog, pyr_error *error);
/* Removes segment files that no table names, and what is left in tmp/. */
PYR_MUST_CHECK pyr_status pyr_folder_clean(pyr_catalog *catalog, const pyr_snapshot *snapshot,
                                           pyr_error *error);
/* In a folder that BACKUP TO wrote, and may bring up to date: gone with the first commit in it, so
 * that no backup takes away what somebody wrote there. */
#define PYR_FOLDER_BACKUP_MARK "BACKUP"
/* Before a commit. */
PYR_MUST_CHECK pyr_status pyr_folder_leave_backup(pyr_catalog *catalog, pyr_error *error);
/* LOCK of the database folder base, made where it is not there. PYR_ERROR_BUSY names its holder. */
PYR_MUST_CHECK pyr_status pyr_folder_lock(const char *base, int *fd, pyr_error *error);
void pyr_folder_unlock(int fd); /* -1: nothing */
/* Segment files of the database folder base alone. */
PYR_MUST_CHECK pyr_status pyr_folder_clean_segments(const char *base, const pyr_snapshot *snapshot,
                                                    pyr_error *error);
/* Nothing but what a crash at the very start leaves; true where there is no folder. */
bool pyr_folder_is_empty(const char *base);
/* Whether another process has the database open for reading. */
bool pyr_folder_has_readers(const pyr_catalog *catalog);
uint64_t pyr_folder_commits(const pyr_catalog *catalog);
void pyr_folder_count_commit(pyr_catalog *catalog);
/* DIR/segments/ID, or with a number DIR/segments/ID/NNNNNN.arrow; the caller frees it. */
char *pyr_folder_segment_path(const char *base, uint64_t table_id, uint64_t number);
char *pyr_hot_segment_name(uint64_t number); /* what a hot one is called; the caller frees it */
char *pyr_folder_table_path(const char *base, uint64_t table_id);

#endif
