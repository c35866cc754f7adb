/* catalog.h - names -> tables -> segments, kept in the database's LSM; snapshots of them.
 *
 * Invariants:
 *  1. A snapshot and everything reached from it is immutable and lives until released; the files of
 *     a dropped table are removed when the last snapshot that names them goes.
 *  2. A change is one atomic LSM write, then one new snapshot: readers see all of it or nothing.
 *  3. Only segments named by the catalog exist: files nobody names are removed when a writer opens
 *     the database.
 * Names are compared without case (ASCII and beyond are kept as written). The default schema is
 * "main". Thread-safe; lock order: the catalog's write lock, then its snapshot lock.
 */
#ifndef PYR_CATALOG_CATALOG_H
#define PYR_CATALOG_CATALOG_H

#include "catalog/constraints.h"
#include "catalog/entry.h"
#include "catalog/external.h"
#include "storage/row_bitmap.h"
#include "storage/segment.h"

/* Of a database's folder; what changed with each stands in RECORDS.md. Older ones are read, and
 * raised by the first writer; newer ones are refused. */
#define PYR_CATALOG_FORMAT_VERSION 2
#define PYR_NAME_BYTES_MAX 255
#define PYR_TABLE_COLUMNS_MAX 10000

typedef struct pyr_catalog pyr_catalog;
typedef struct pyr_snapshot pyr_snapshot;

typedef struct pyr_table_option {
    char *name;
    char *value;
} pyr_table_option;

/* What a table is made from; borrowed by the calls that take one, which copy or retain. */
struct pyr_keyed;
typedef struct pyr_table_definition {
    const char *schema_name; /* NULL: "main" */
    const char *name;
    pyr_schema *schema;
    const char *sql_types; /* JSON array, or NULL */
    const pyr_table_option *options;
    size_t options_count;
    pyr_constraints *constraints; /* NULL: none */
    uint64_t origin_id;           /* see pyr_table */
    struct pyr_keyed *keyed; /* of the version before: its rows stay, where the id is the same */
    pyr_external *external;  /* NULL: an ordinary table */
    pyr_external_scan *scan; /* see pyr_table */
} pyr_table_definition;

/* One version of a table: immutable, reference-counted. */
typedef struct pyr_table {
    atomic_size_t references;
    uint64_t id;           /* never used again after a drop */
    uint64_t version;      /* grows with each change of the table */
    bool version_recorded; /* by a segment's record, in the commit that makes this version */
    /* Of the first of the tables that ALTER wrote anew, one after the other, to become this one;
     * not on disk; 0: there was none. */
    uint64_t origin_id;
    char *schema_name;
    char *name;
    pyr_schema *schema; /* nullable false: NOT NULL. Types Arrow has not carry extension metadata */
    char *sql_types;    /* JSON array of the columns' SQL type texts, as declared */
    size_t options_count;
    pyr_table_option *options;
    pyr_constraints *constraints; /* NULL: none but NOT NULL */
    pyr_external *external;       /* retained; NULL: an ordinary table */
    pyr_external_scan *scan; /* of an external table, in a statement's own snapshot; retained */
    size_t segments_count;
    pyr_segment **segments;   /* retained */
    pyr_row_bitmap **deleted; /* of each segment, retained, NULL for none; see pyr_table_deleted */
    struct pyr_keyed *keyed;  /* where the rows are of a table with keys: keyed.h; else NULL */
    int64_t rows;             /* that are not deleted */
    int64_t size_bytes;
} pyr_table;
pyr_table *pyr_table_retain(pyr_table *table);
void pyr_table_release(pyr_table *table); /* NULL allowed */
/* The deleted rows of segment index; NULL: none. Borrowed. */
pyr_row_bitmap *pyr_table_deleted(const pyr_table *table, size_t index);
const char *pyr_table_get_option(const pyr_table *table, const char *name); /* NULL where not set */
/* A table over Arrow files that the catalog does not hold: FROM 'x.arrow'. Every file must have the
 * first one's schema: PYR_ERROR_SQL 42804 names the file that differs. ledger counts mappings. */
PYR_MUST_CHECK pyr_status pyr_table_over_files(const char *name, const char *const *paths,
                                               size_t count, pyr_query_ledger *ledger,
                                               pyr_table **out, pyr_error *error);

/* A table of one segment that the catalog does not hold. */
PYR_MUST_CHECK pyr_status pyr_table_over_segment(const char *schema_name, const char *name,
                                                 pyr_schema *schema, pyr_segment *segment,
                                                 pyr_table **out, pyr_error *error);

/* path NULL: in memory. A directory is created when missing (not readonly: NOT_FOUND then). The
 * lock file names the holder: PYR_ERROR_BUSY 55006 "database DIR is open for writing by process 123
 * (pyralog) since ...: use --readonly, or stop it". A newer format version:
 * PYR_ERROR_NOT_SUPPORTED. A directory that is not empty and no database:
 * PYR_ERROR_INVALID_ARGUMENT. */
PYR_MUST_CHECK pyr_status pyr_catalog_open(const char *path, bool readonly, pyr_catalog **out,
                                           pyr_error *error);
void pyr_catalog_close(pyr_catalog *catalog); /* snapshots may outlive it; NULL allowed */
/* What statements may take at most, 0: no limit. Rows in memory only may take as much together:
 * appends beyond are PYR_ERROR_MEMORY 53200. A sixteenth of it, or of the machine's memory, may
 * hold blocks of keyed tables that were read from disk. */
void pyr_catalog_set_memory_limit(pyr_catalog *catalog, size_t limit_bytes);
bool pyr_catalog_is_readonly(const pyr_catalog *catalog);
const char *pyr_catalog_path(const pyr_catalog *catalog); /* ":memory:" when in memory */

/* The current snapshot, retained. Never waits for a writer's I/O. Readonly: picks up what a writer
 * in another process has committed since. */
PYR_MUST_CHECK pyr_status pyr_catalog_snapshot(pyr_catalog *catalog, pyr_snapshot **out,
                                               pyr_error *error);
/* An older one, for BEGIN READ ONLY AS OF: of this version, or the last one that was committed at
 * or before a time (microseconds since 1970-01-01 UTC). 22023 where it is not kept (history.h). */
PYR_MUST_CHECK pyr_status pyr_catalog_snapshot_of_version(pyr_catalog *catalog, uint64_t version,
                                                          pyr_snapshot **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_catalog_snapshot_of_time(pyr_catalog *catalog, int64_t committed_us,
                                                       pyr_snapshot **out, pyr_error *error);
#define PYR_VERSIONS_MAX 257
typedef struct pyr_kept_version {
    uint64_t version;
    int64_t committed_us;
} pyr_kept_version;
/* Those that are kept, the current one last. out has room for PYR_VERSIONS_MAX. */
size_t pyr_catalog_versions(pyr_catalog *catalog, pyr_kept_version *out);
pyr_snapshot *pyr_snapshot_retain(pyr_snapshot *snapshot);
void pyr_snapshot_release(pyr_snapshot *snapshot); /* NULL allowed */
/* The same version of a table with its files as one statement reads them; segments: what it reads
 * where scan's sql is NULL. */
PYR_MUST_CHECK pyr_status pyr_table_with_scan(const pyr_table *table, pyr_external_scan *scan,
                                              pyr_segment *const *segments, size_t count,
                                              pyr_table **out, pyr_error *error);
/* A table of several segments that the catalog does not hold. */
PYR_MUST_CHECK pyr_status pyr_table_over_segments(const char *schema_name, const char *name,
                                                  pyr_schema *schema, pyr_segment *const *segments,
                                                  size_t count, pyr_table **out, pyr_error *error);
/* An external table that the catalog does not hold, with the id 0: one at a time in a snapshot. */
PYR_MUST_CHECK pyr_status pyr_table_over_query(const char *schema_name, const char *name,
                                               pyr_schema *schema, pyr_external *external,
                                               pyr_external_scan *scan, pyr_table **out,
                                               pyr_error *error);
/* The same version with tables in the place of those that have their names, for one statement. */
PYR_MUST_CHECK pyr_status pyr_snapshot_replace(const pyr_snapshot *snapshot, pyr_table *const *with,
                                               size_t count, pyr_snapshot **out, pyr_error *error);
/* The same version with one table more, for one statement to see. */
PYR_MUST_CHECK pyr_status pyr_snapshot_with(const pyr_snapshot *snapshot, pyr_table *table,
                                            pyr_snapshot **out, pyr_error *error);
/* The same version with these objects for its own: what a statement is about to make, say. */
PYR_MUST_CHECK pyr_status pyr_snapshot_with_entries(const pyr_snapshot *snapshot,
                                                    pyr_entries *objects, pyr_snapshot **out,
                                                    pyr_error *error);
pyr_entries *pyr_snapshot_entries(const pyr_snapshot *snapshot); /* borrowed; NULL: none */
/* "main", or one that was created. */
bool pyr_snapshot_has_schema(const pyr_snapshot *snapshot, const char *name);
uint64_t pyr_snapshot_version(const pyr_snapshot *snapshot);
size_t pyr_snapshot_tables(const pyr_snapshot *snapshot);
pyr_table *pyr_snapshot_table(const pyr_snapshot *snapshot,
                              size_t index); /* borrowed, by name order */
/* schema_name NULL: "main". NULL when there is none. Borrowed. */
pyr_table *pyr_snapshot_find(const pyr_snapshot *snapshot, const char *schema_name,
                             const char *name);

typedef enum pyr_create_mode {
    PYR_CREATE_NEW,           /* PYR_ERROR_ALREADY_EXISTS 42P07 when it is there */
    PYR_CREATE_IF_NOT_EXISTS, /* *created false when it is there */
    PYR_CREATE_OR_REPLACE
} pyr_create_mode;
/* A table that is not in the catalog yet, with an id of its own: for pyr_change_create_table. A
 * schema that does not exist: 3F000. */
PYR_MUST_CHECK pyr_status pyr_catalog_new_table(pyr_catalog *catalog,
                                                const pyr_table_definition *definition,
                                                pyr_table **out, pyr_error *error);
/* schema without what says where another table's columns are (a query's result may have that). */
PYR_MUST_CHECK pyr_status pyr_catalog_own_schema(pyr_schema *schema, pyr_schema **out,
                                                 pyr_error *error);
/* A definition for pyr_change_alter_table: no id, no rows, columns as they are given. 42601, 42602,
 * 42701 as for a new table. */
PYR_MUST_CHECK pyr_status pyr_catalog_altered_table(const pyr_table_definition *definition,
                                                    pyr_table **out, pyr_error *error);
/* What a table is made of; borrows from it. */
pyr_table_definition pyr_table_get_definition(const pyr_table *table);
/* An object that is not in the catalog yet, with an id of its own: for pyr_change_put_entry.
 * schema_name: of a schema its own name. 42602 for its name; 42501 in a schema of the system's;
 * 22023 where definition is not a sequence's. */
PYR_MUST_CHECK pyr_status pyr_catalog_new_entry(pyr_catalog *catalog, pyr_entry_kind kind,
                                                const char *schema_name, const char *name,
                                                const char *detail, const char *definition,
                                                pyr_entry **out, pyr_error *error);
/* created may be NULL. */
PYR_MUST_CHECK pyr_status pyr_catalog_create_table(pyr_catalog *catalog,
                                                   const pyr_table_definition *definition,
                                                   pyr_create_mode mode, bool *created,
                                                   pyr_error *error);
/* 42P01 when it is not there (unless if_exists). */
PYR_MUST_CHECK pyr_status pyr_catalog_drop_table(pyr_catalog *catalog, const char *schema_name,
                                                 const char *name, bool if_exists, bool *dropped,
                                                 pyr_error *error);

/* Appends batches to a table: all of them become visible at commit, or none. One thread each;
 * several appenders may write to one table at once. */
typedef struct pyr_appender pyr_appender;
typedef struct pyr_appender_options {
    bool create; /* the table is created at commit, with this schema, as mode says */
    pyr_create_mode mode;
    const char *sql_types;           /* for create; NULL allowed */
    const pyr_table_option *options; /* for create */
    size_t options_count;
    pyr_constraints *constraints;                /* for create; NULL allowed */
    const struct pyr_keyed_write_options *keyed; /* of a table with keys: mode and conflict_key;
                                                    NULL: INSERT */
    struct pyr_change *change; /* of a transaction: what is committed goes there, and becomes
                                  durable with it. NULL: each commit is a transaction */
    pyr_snapshot *base; /* without a change: what the first transaction is made against. NULL: what
                           is current */
} pyr_appender_options;
/* schema: of the batches that will come. Without create the table must exist and the schema must be
 * type-equal to the table's: PYR_ERROR_SQL 42804 names the column that differs. The table's options
 * (compression, sync, storage_mode) are honoured. options NULL: append. */
PYR_MUST_CHECK pyr_status pyr_appender_create(pyr_catalog *catalog, const char *schema_name,
                                              const char *name, pyr_schema *schema,
                                              const pyr_appender_options *options,
                                              pyr_query_ledger *ledger, pyr_appender **out,
                                              pyr_error *error);
/* Nulls in a NOT NULL column: PYR_ERROR_CONSTRAINT 23502 naming column and row. */
PYR_MUST_CHECK pyr_status pyr_appender_batch(pyr_appender *appender, pyr_batch *batch,
                                             pyr_error *error);
/* The rows of source, a version of a table with segments of the same types and storage mode, by
 * reference: segment files get another name, deleted rows are deleted here, too. */
PYR_MUST_CHECK pyr_status pyr_appender_clone(pyr_appender *appender, const pyr_table *source,
                                             pyr_error *error);
bool pyr_table_is_memory_only(const pyr_table *table);
/* Seals the segments, writes the catalog; on disk when it returns (sync option). A table dropped in
 * between: 42P01; made in between where it was to be new (or IF NOT EXISTS): 42P07. After a failed
 * write of the catalog it may be called again; after any other failure of an append or a seal rows
 * are lost, and every later call fails. *rows (NULL allowed): appended by this appender since it
 * was made. May be called repeatedly: each call makes visible what came since the last. */
PYR_MUST_CHECK pyr_status pyr_appender_commit(pyr_appender *appender, int64_t *rows,
                                              pyr_error *error);
/* Without commit: removes what was written. NULL allowed. */
void pyr_appender_destroy(pyr_appender *appender);

/* Every segment of every table, and the rows of those with keys (as one segment, path "rows by
 * key"). report is called once a segment with the outcome (error NULL when it is well);
 * PYR_ERROR_CORRUPT at the end when one was not. */
PYR_MUST_CHECK pyr_status pyr_catalog_verify(pyr_catalog *catalog,
                                             void (*report)(void *context, const pyr_table *table,
                                                            const pyr_segment_info *segment,
                                                            const pyr_error *error),
                                             void *context, pyr_error *error);

#endif
