/* keyed.h - keyed tables: those with a PRIMARY KEY or UNIQUE keys. Their rows live in the LSM in
 * the order of their row keys.
 *
 * The row key is the primary key's columns (key_codec.h); a table with UNIQUE keys alone has a
 * hidden one, a row number. Encoded row keys are BINARY values wherever they leave this file.
 *
 * A version of a table (pyr_table) is immutable for keyed tables as for others: it reads at a
 * snapshot of the LSM, and within a transaction beneath the rows that its statements wrote until
 * the version was made. Readers take no lock that a writer holds while it waits for a disk. A
 * version can be read as long as its catalog is open.
 *
 * What is written goes to a pyr_change. Its commit compares each row touched with what it was in
 * the change's base: 40001 where another transaction has changed or deleted it, 23505 where an
 * INSERT's key is there by now.
 *
 * Threads: a table version may be read by any number; a change, a range and a scan belong to one
 * thread at a time. A version made from a change may be read while that change is written to.
 */
#ifndef PYR_CATALOG_KEYED_H
#define PYR_CATALOG_KEYED_H

#include "arrow/batch.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "catalog/change.h"

/* Keys of a table by number: its UNIQUE keys are 0, 1, ... as in pyr_constraints. */
#define PYR_KEYED_PRIMARY_KEY (-1)
#define PYR_KEYED_ANY_KEY (-2)

/* segments_count is 0 then. */
bool pyr_table_is_keyed(const pyr_table *table);
/* The columns of a key in key order, borrowed from the table; *count 0 where there is no such key
 * (the primary key of a table that has UNIQUE keys alone). */
const int32_t *pyr_keyed_columns(const pyr_table *table, int32_t key, int32_t *count);
/* The key that has exactly these columns of the table, in any order, as ON CONFLICT (a, b) names
 * one: PYR_KEYED_PRIMARY_KEY or a UNIQUE key's number; PYR_KEYED_ANY_KEY where there is none. */
int32_t pyr_keyed_key_of(const pyr_table *table, const int32_t *columns, int32_t count);
/* Appends the name of a key that there is: its constraint's, or the one PostgreSQL gives it. */
void pyr_keyed_print_name(const pyr_table *table, int32_t key, pyr_text *out);

/* ---- Writing. ---- */

typedef enum pyr_keyed_mode {
    PYR_KEYED_INSERT, /* 23505 for a key that the transaction sees, or that is twice in the batch */
    PYR_KEYED_IGNORE, /* ON CONFLICT DO NOTHING: such rows are left out, the first of equal ones is
                         taken */
    PYR_KEYED_REPLACE /* INSERT OR REPLACE: such rows take the place of those, the last of equal
                         ones counts */
} pyr_keyed_mode;

typedef struct pyr_keyed_write_options {
    pyr_keyed_mode mode;
    /* IGNORE and REPLACE: the key whose conflicts are meant; a conflict of another is 23505.
     * PYR_KEYED_ANY_KEY: of all (a REPLACE takes every row out that is in the way, as SQLite does).
     */
    int32_t conflict_key;
    pyr_query_ledger *ledger; /* NULL allowed */
    pyr_budget *budget;       /* NULL: unlimited */
} pyr_keyed_write_options;

typedef struct pyr_keyed_counts {
    int64_t inserted; /* rows with a new key */
    int64_t replaced; /* rows written where one was taken out */
    int64_t ignored;
} pyr_keyed_counts;

/* batch: of the table's schema (type-equal; its selection counts). options NULL: INSERT. counts
 * (NULL allowed) is added to. written (NULL allowed): batch with a selection of the rows that are
 * in the table now, in their order, for RETURNING. 23502 for nulls in NOT NULL and primary key
 * columns, naming column and row. After a failure a part of the rows may be in the change: it is to
 * be given up. Rows are copied. The statement's own view (a pyr_table got before) does not see
 * them; pyr_change_snapshot does. */
PYR_MUST_CHECK pyr_status pyr_keyed_write(pyr_change *change, const pyr_table *table,
                                          pyr_batch *batch, const pyr_keyed_write_options *options,
                                          pyr_keyed_counts *counts, pyr_batch **written,
                                          pyr_error *error);
/* row_keys: BINARY, without nulls, as scans and look-ups give them. Keys that are not there are
 * passed over; *deleted (NULL allowed) counts those that were. An UPDATE deletes first, all batches
 * of it, and writes the new rows in mode INSERT then. */
PYR_MUST_CHECK pyr_status pyr_keyed_delete(pyr_change *change, const pyr_table *table,
                                           pyr_array *row_keys, int64_t *deleted, pyr_error *error);
/* Every row that the transaction sees: TRUNCATE, DELETE without WHERE. */
PYR_MUST_CHECK pyr_status pyr_keyed_delete_all(pyr_change *change, const pyr_table *table,
                                               int64_t *deleted, pyr_error *error);

/* ---- Rows in memory. ---- */

/* A table that the catalog does not hold, for one statement to see, with the id 0. definition has a
 * primary key and no UNIQUE ones. rows: dense, of its schema, no key twice or null; NULL: none.
 * They are copied. Row keys are those that any table with such a primary key has. */
PYR_MUST_CHECK pyr_status pyr_keyed_over_rows(const pyr_table_definition *definition,
                                              pyr_batch *rows, pyr_query_ledger *ledger,
                                              pyr_table **out, pyr_error *error);

/* ---- Look-up. ---- */

/* Rows found: a batch of them and where each asked-for one is in it. */
typedef struct pyr_keyed_found {
    pyr_batch *rows; /* the columns asked for, of the rows found, in order of the request */
    int64_t count;   /* of places: the rows asked for */
    int64_t *places; /* for each its row in rows, or -1 */
} pyr_keyed_found;
void pyr_keyed_found_deinit(pyr_keyed_found *found);

/* For each selected row of batch the row of the table with the same key. key: PYR_KEYED_PRIMARY_KEY
 * or a UNIQUE key's number; a null in it finds nothing. key_columns: for each column of the key the
 * batch's, of the same type. columns: of the table, ascending, NULL for all; the table's
 * fields_count as the last one stands for the encoded row key. One row asked for is the point
 * look-up. Where rows' bytes are damaged: PYR_ERROR_CORRUPT. */
PYR_MUST_CHECK pyr_status pyr_keyed_find(const pyr_table *table, int32_t key, pyr_batch *batch,
                                         const int32_t *key_columns, const int32_t *columns,
                                         int32_t columns_count, pyr_query_ledger *ledger,
                                         pyr_budget *budget, pyr_keyed_found *out,
                                         pyr_error *error);

/* The rows with these primary keys, each once however often it is asked for, in key order. The rest
 * as for pyr_keyed_find. *out has no row where none is there. */
PYR_MUST_CHECK pyr_status pyr_keyed_find_all(const pyr_table *table, pyr_batch *batch,
                                             const int32_t *key_columns, const int32_t *columns,
                                             int32_t columns_count, pyr_query_ledger *ledger,
                                             pyr_budget *budget, pyr_batch **out, pyr_error *error);

/* ---- Scans. ---- */

/* A range of encoded row keys: [lower, upper). All keys after init. */
typedef struct pyr_keyed_range {
    pyr_text lower;
    pyr_text upper; /* of no meaning without bounded */
    bool bounded;
    bool empty; /* nothing can be in it */
} pyr_keyed_range;
void pyr_keyed_range_init(pyr_keyed_range *range);
void pyr_keyed_range_deinit(pyr_keyed_range *range);

typedef enum pyr_keyed_comparison {
    PYR_KEYED_EQUAL,
    PYR_KEYED_LESS,
    PYR_KEYED_LESS_EQUAL,
    PYR_KEYED_GREATER,
    PYR_KEYED_GREATER_EQUAL
} pyr_keyed_comparison;
/* Narrows range to rows whose first `count` primary key columns, as a tuple, compare so with row
 * `row` of values' columns (columns[i]: that for key column i, of its type, not null). `a = 1 AND
 * b > 2` of a key (a, b): EQUAL with (1), then GREATER with (1, 2). INVALID_ARGUMENT for a table
 * without a primary key. */
PYR_MUST_CHECK pyr_status pyr_keyed_range_narrow(pyr_keyed_range *range, const pyr_table *table,
                                                 pyr_keyed_comparison comparison,
                                                 const pyr_batch *values, const int32_t *columns,
                                                 int32_t count, int64_t row, pyr_error *error);
/* Cuts range (NULL: everything) into at most `parts` ranges of about equal size that together are
 * the same, in key order. *out is malloc'ed, as are its elements' texts: pyr_keyed_ranges_free. */
PYR_MUST_CHECK pyr_status pyr_keyed_split(const pyr_table *table, const pyr_keyed_range *range,
                                          size_t parts, pyr_keyed_range **out, size_t *count,
                                          pyr_error *error);
void pyr_keyed_ranges_free(pyr_keyed_range *ranges, size_t count); /* NULL allowed */

typedef struct pyr_keyed_scan_options {
    const int32_t *columns; /* as for pyr_keyed_find; NULL: all without the row key */
    int32_t columns_count;
    const pyr_keyed_range *range; /* copied; NULL: everything */
    int64_t batch_rows;           /* at most so many rows a batch; 0: 8,192 */
    pyr_query_ledger *ledger;     /* NULL allowed */
    pyr_budget *budget;           /* NULL: unlimited */
} pyr_keyed_scan_options;

/* Rows in key order. table is retained. options NULL: the whole table. */
typedef struct pyr_keyed_scan pyr_keyed_scan;
PYR_MUST_CHECK pyr_status pyr_keyed_scan_create(pyr_table *table,
                                                const pyr_keyed_scan_options *options,
                                                pyr_keyed_scan **out, pyr_error *error);
pyr_schema *pyr_keyed_scan_schema(const pyr_keyed_scan *scan); /* borrowed */
/* *out NULL at the end. Batches own their memory, counted as "row decoding". */
PYR_MUST_CHECK pyr_status pyr_keyed_scan_next(pyr_keyed_scan *scan, pyr_batch **out,
                                              pyr_error *error);
void pyr_keyed_scan_destroy(pyr_keyed_scan *scan); /* NULL allowed */
/* The field of the encoded row key: "row_key", BINARY, not null. */
PYR_MUST_CHECK pyr_status pyr_keyed_row_key_field(pyr_field **out, pyr_error *error);

#endif
