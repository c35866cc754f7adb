/* keyed_internal.h - shared by keyed*.c and its hooks in the catalog.
 *
 *   keyed_writes.c  what a change writes to a keyed table, ordered, with versions
 *   keyed.c         shapes, versions of tables, records
 *   keyed_rows.c    where a version's committed rows are read: the row cache, the LSM
 *   keyed_read.c    look-ups and bytes of stored rows
 *   keyed_scan.c    ranges, scans, partitions
 *   keyed_write.c   INSERT and its kin, DELETE
 *   keyed_over_rows.c  tables of rows in memory
 *   keyed_commit.c  conflicts, and what a commit puts into the LSM
 */
#ifndef PYR_CATALOG_KEYED_INTERNAL_H
#define PYR_CATALOG_KEYED_INTERNAL_H

#include "base/arena.h"
#include "catalog/change_internal.h"
#include "catalog/keyed.h"
#include "catalog/keyed_hooks.h"
#include "storage/key_codec.h"
#include "storage/row_cache.h"
#include "storage/row_codec.h"

/* ---- What a change writes (keyed_writes.c). ----
 *
 * Skip lists: one of row keys and one a UNIQUE key. A key's versions are kept, newest first, each
 * with the sequence it was written at: who reads at a sequence sees the newest not above it, while
 * the change goes on writing. Nothing is freed before the whole.
 */
#define KEYED_HEIGHT_MAX 16

typedef struct keyed_version {
    uint64_t sequence;
    struct keyed_version *older;
    bool deleted;
    uint32_t size;
    uint8_t value[]; /* rows: as row_codec.h has them; UNIQUE keys: the row's key */
} keyed_version;

/* What the table had under a key at the change's base. */
typedef struct keyed_base {
    bool there;
    uint64_t stamp;       /* of a row */
    int64_t size_bytes;   /* of the row and its key */
    const uint8_t *value; /* of a UNIQUE key: the row's key; else NULL */
    size_t value_size;
} keyed_base;

typedef struct keyed_node {
    keyed_version *newest; /* NULL: looked at, not written to */
    keyed_base base;
    bool inserted;        /* by INSERT, where there was none: a row there at the commit is 23505 */
    int64_t written_row;  /* of the batch being written; -1 */
    uint64_t written_run; /* the call that wrote it */
    const uint8_t *key;
    size_t key_size;
    int height;
    struct keyed_node *next[];
} keyed_node;

typedef struct keyed_list {
    keyed_node *head;                   /* of all heights, no key */
    keyed_node *last[KEYED_HEIGHT_MAX]; /* at each height; head: none */
    int height;
    size_t count;
} keyed_list;

/* Where a key is, or would be put in: the change's own, so that what looked at a key and then
 * writes it searches once. */
typedef struct keyed_place {
    const keyed_list *list; /* NULL: of none */
    size_t count;           /* of the list then: it tells whether nodes were put in since */
    keyed_node *before[KEYED_HEIGHT_MAX];
    keyed_node *node; /* the first not below key */
} keyed_place;

typedef struct pyr_keyed_writes {
    atomic_size_t references;
    pthread_rwlock_t lock; /* for reading by versions' readers, for writing by the change */
    pyr_arena arena;
    uint64_t sequence; /* what is written next carries it */
    uint64_t runs;     /* calls of pyr_keyed_write */
    uint64_t random;
    int64_t rows; /* more than at the base; may be negative */
    int64_t size_bytes;
    keyed_place place; /* of the last look-up to write */
    int32_t lists_count;
    keyed_list lists[]; /* 0: rows; 1 + i: UNIQUE key i */
} pyr_keyed_writes;

PYR_MUST_CHECK pyr_status pyr_keyed_writes_create(int32_t uniques, pyr_keyed_writes **out,
                                                  pyr_error *error);
pyr_keyed_writes *pyr_keyed_writes_retain(pyr_keyed_writes *writes); /* NULL allowed */
void pyr_keyed_writes_release(pyr_keyed_writes *writes);             /* NULL allowed */
/* A sequence that sees all of now and nothing later. */
uint64_t pyr_keyed_writes_mark(pyr_keyed_writes *writes);

/* With the lock held. NULL: not there. */
keyed_node *pyr_keyed_node_find(const keyed_list *list, const void *key, size_t size);
/* The same, by who writes and with the lock held for writing: pyr_keyed_node_add of the key after
 * it does not search again. */
keyed_node *pyr_keyed_node_find_place(pyr_keyed_writes *writes, int32_t list, const void *key,
                                      size_t size);
/* The first node that is not below key; after NULL begins at the first. */
keyed_node *pyr_keyed_node_seek(const keyed_list *list, const void *key, size_t size);
/* With the lock held for writing. *fresh: it was not there; its base is to be filled in. The key is
 * copied. */
PYR_MUST_CHECK pyr_status pyr_keyed_node_add(pyr_keyed_writes *writes, int32_t list,
                                             const void *key, size_t size, keyed_node **out,
                                             bool *fresh, pyr_error *error);
/* value NULL: deleted. */
PYR_MUST_CHECK pyr_status pyr_keyed_node_put(pyr_keyed_writes *writes, keyed_node *node,
                                             const void *value, size_t size, pyr_error *error);
static inline const keyed_version *pyr_keyed_node_at(const keyed_node *node, uint64_t sequence) {
    const keyed_version *version = node->newest;
    while (version != NULL && version->sequence > sequence) {
        version = version->older;
    }
    return version;
}
int pyr_keyed_compare(const void *a, size_t a_size, const void *b, size_t b_size);

/* ---- Versions of keyed tables (keyed.c). ---- */

/* What follows from a table's definition; immutable, shared. */
typedef struct keyed_unique {
    pyr_key_codec *codec;
    const pyr_table_key *key; /* the constraints' */
} keyed_unique;
typedef struct pyr_keyed_shape {
    atomic_size_t references;
    pyr_schema *schema;           /* retained */
    pyr_constraints *constraints; /* retained */
    pyr_row_layout *layout;
    pyr_row_decoder *decoder; /* of all columns */
    pyr_key_codec *codec;     /* of the primary key; NULL: row numbers */
    int32_t uniques_count;
    keyed_unique uniques[];
} pyr_keyed_shape;

/* Where the committed rows of one version are read; shared by the versions after it until one has
 * other rows. The view is exchanged for a newer one as long as the table does not change, so that
 * old sequence numbers do not pile up in the LSM. */
typedef struct pyr_keyed_rows {
    atomic_size_t references;
    uint64_t version;                      /* of the table: the first with these rows */
    _Atomic(pyr_row_cache_table *) cached; /* retained; NULL: nothing is kept */
    pthread_mutex_t lock;                  /* guards view; a leaf */
    pyr_lsm_view *view;                    /* NULL: no rows are committed */
} pyr_keyed_rows;

struct pyr_keyed {
    uint64_t table_id;
    pyr_keyed_shape *shape;   /* retained */
    pyr_keyed_rows *rows;     /* retained */
    pyr_keyed_writes *writes; /* retained; NULL: none */
    uint64_t sequence;        /* of writes */
    int64_t rows_count;
    int64_t size_bytes;
};

/* LSM keys: a letter, the table's id, of a UNIQUE key its number, and then the encoded key. Ids and
 * numbers are a byte that says how many bytes follow, and these, big-endian, without leading zeros:
 * short, because every row bears them, and in the order of the numbers. */
#define KEYED_ROW_LETTER 'R'
#define KEYED_UNIQUE_LETTER 'U'
#define KEYED_COUNT_PREFIX "keyed/"
#define KEYED_PREFIX_BYTES_MAX 19
typedef struct keyed_prefix {
    uint8_t bytes[KEYED_PREFIX_BYTES_MAX];
    size_t size;
} keyed_prefix;
keyed_prefix pyr_keyed_table_prefix(char letter, uint64_t table_id); /* all of one letter */
keyed_prefix pyr_keyed_row_prefix(uint64_t table_id);
keyed_prefix pyr_keyed_unique_prefix(uint64_t table_id, uint32_t number);
keyed_prefix pyr_keyed_list_prefix(uint64_t table_id, int32_t list); /* as of pyr_keyed_writes */
/* The first key above all that begin with prefix: the end of a range. It is no longer than prefix,
 * and need not be another table's. */
keyed_prefix pyr_keyed_prefix_end(keyed_prefix prefix);

/* The table's id in a key; *size: bytes up to its end. false: there is none, as it is written. */
bool pyr_keyed_prefix_id(const char *key, size_t key_size, uint64_t *id, size_t *size);

/* Stored values. A row: version byte 1, stamp (LEB128), the row. A UNIQUE key: version byte 1, the
 * row's key. */
#define KEYED_VALUE_VERSION 1
#define KEYED_HEADER_BYTES_MAX 11

/* ---- Look-ups (keyed_read.c). ---- */

/* Values of count keys (of list: 0 rows, else a UNIQUE key) as a version of a table sees them.
 * visit as pyr_lsm_found, with the row's bytes without header or the row's key; stamp of a row in
 * the LSM (0 for the change's own). */
typedef struct keyed_value {
    const uint8_t *data;
    size_t size;
    uint64_t stamp;
    int64_t stored_bytes; /* of a value of the LSM and its key; 0 for the change's own */
} keyed_value;
typedef pyr_status (*keyed_found)(void *context, size_t index, const keyed_value *value,
                                  pyr_error *error);
/* Committed values alone, out of the LSM. */
PYR_MUST_CHECK pyr_status pyr_keyed_get_committed(const char *table_name, uint64_t table_id,
                                                  pyr_lsm_view *view, int32_t list,
                                                  const pyr_lsm_bytes *keys, size_t count,
                                                  keyed_found visit, void *context,
                                                  pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_keyed_get_seen(const pyr_table *table, int32_t list,
                                             const pyr_lsm_bytes *keys, size_t count,
                                             pyr_query_ledger *ledger, keyed_found visit,
                                             void *context, pyr_error *error);

/* ---- Rows (keyed_rows.c). ---- */

/* before: the rows of the version before, NULL: there is none. */
PYR_MUST_CHECK pyr_status pyr_keyed_rows_create(uint64_t version, const pyr_keyed_rows *before,
                                                pyr_keyed_rows **out, pyr_error *error);
pyr_keyed_rows *pyr_keyed_rows_retain(pyr_keyed_rows *rows);
void pyr_keyed_rows_release(pyr_keyed_rows *rows);       /* NULL allowed */
pyr_lsm_view *pyr_keyed_rows_view(pyr_keyed_rows *rows); /* retained; may be NULL */
void pyr_keyed_rows_set(pyr_keyed_rows *rows, pyr_lsm_view *view);
/* From now on rows that are found are kept, shared with the versions to come. Without memory for it
 * nothing is. */
void pyr_keyed_rows_keep(pyr_keyed_rows *rows, pyr_row_cache *cache);
/* As pyr_keyed_get_committed, of list 0 out of what is kept where it is; visit's order is any.
 * ledger: of what is copied to be kept. */
PYR_MUST_CHECK pyr_status pyr_keyed_rows_get(const char *table_name, uint64_t table_id,
                                             pyr_keyed_rows *rows, int32_t list,
                                             const pyr_lsm_bytes *keys, size_t count,
                                             pyr_query_ledger *ledger, keyed_found visit,
                                             void *context, pyr_error *error);

/* ---- Keys, and parts of values (keyed.c, keyed_read.c). ---- */

/* The encoded key of a row, appended. columns: the batch's for each of the key, NULL: the table's
 * own. *null: a UNIQUE key with a null in it, nothing appended. */
PYR_MUST_CHECK pyr_status pyr_keyed_encode(const pyr_keyed_shape *shape, int32_t key,
                                           const pyr_batch *batch, const int32_t *columns,
                                           int64_t row, pyr_text *out, bool *null,
                                           pyr_error *error);
/* Parts of a stored value; false: damaged. */
bool pyr_keyed_parse_row(const char *value, size_t size, keyed_value *out);

/* ---- Columns of scans and look-ups (keyed_read.c). ---- */

/* Wanted columns of a table as slots to decode, and the row key behind them. Not to outlive the
 * table. */
typedef struct keyed_columns {
    pyr_row_decoder *decoder;
    bool borrowed;      /* the decoder is the shape's */
    pyr_schema *schema; /* of what comes out */
    int32_t count;      /* without the row key */
    bool row_key;
} keyed_columns;
PYR_MUST_CHECK pyr_status pyr_keyed_columns_init(keyed_columns *out, const pyr_table *table,
                                                 const int32_t *columns, int32_t count,
                                                 pyr_error *error);
void pyr_keyed_columns_deinit(keyed_columns *columns);

/* Rows' bytes gathered, as offsets into one buffer. */
typedef struct keyed_gathered {
    pyr_text bytes;
    size_t count, capacity;
    struct keyed_gathered_row {
        size_t key, key_size, row, row_size; /* offsets into bytes */
    } * rows;
} keyed_gathered;
void pyr_keyed_gathered_init(keyed_gathered *gathered);
void pyr_keyed_gathered_deinit(keyed_gathered *gathered);
void pyr_keyed_gathered_clear(keyed_gathered *gathered);
PYR_MUST_CHECK pyr_status pyr_keyed_gather(keyed_gathered *gathered, const void *key,
                                           size_t key_size, const void *row, size_t row_size,
                                           pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_keyed_decode(const keyed_columns *columns, const char *table_name,
                                           const keyed_gathered *gathered, pyr_query_ledger *ledger,
                                           pyr_budget *budget, pyr_batch **out, pyr_error *error);

/* ---- Touching rows of a change (keyed_touch.c). ---- */

/* One call that writes or deletes. */
typedef struct keyed_touch {
    const pyr_table *table; /* as the change has it */
    const pyr_keyed_shape *shape;
    pyr_keyed_writes *writes; /* the change's */
    pyr_keyed_rows *rows;     /* of the change's base, which has it; NULL: the table is new */
    keyed_columns columns;    /* all, to read old rows for their UNIQUE keys */
    bool can_decode;
    pyr_query_ledger *ledger; /* NULL: nobody counts */
    pyr_text scratch;
    bool *written; /* of pyr_keyed_write: rows of the batch that are in the table; else NULL */
} keyed_touch;
PYR_MUST_CHECK pyr_status pyr_keyed_touch_init(keyed_touch *touch, pyr_change *change,
                                               const pyr_table *table, pyr_error *error);
void pyr_keyed_touch_deinit(keyed_touch *touch);

/* What the base has under keys that the change has not written to. */
typedef struct keyed_state {
    bool there;
    uint64_t stamp;
    int64_t stored_bytes;
    size_t at, size; /* of the value in bytes, where it is kept */
} keyed_state;
typedef struct keyed_states {
    keyed_state *items; /* one a key */
    pyr_text bytes;
    bool keep;
} keyed_states;
/* keep: the values too. */
PYR_MUST_CHECK pyr_status pyr_keyed_look(const keyed_touch *touch, int32_t list,
                                         const pyr_lsm_bytes *keys, size_t count, bool keep,
                                         keyed_states *out, pyr_error *error);
void pyr_keyed_states_deinit(keyed_states *states);

/* With writes' lock held for writing. What stands under a key now: value NULL where nothing does
 * (or, of rows without UNIQUE keys, where it was not kept: see there). */
typedef struct keyed_now {
    keyed_node *node; /* NULL: the change has not touched it */
    bool there;
    const uint8_t *value;
    size_t size;
    int64_t stored_bytes;
} keyed_now;
keyed_now pyr_keyed_now(const keyed_touch *touch, int32_t list, const pyr_lsm_bytes *key,
                        const keyed_states *states, size_t index);
/* Writes value (NULL: a deletion) under key; index: its place in states. */
PYR_MUST_CHECK pyr_status pyr_keyed_set(keyed_touch *touch, int32_t list, const pyr_lsm_bytes *key,
                                        const keyed_states *states, size_t index, const void *value,
                                        size_t size, keyed_node **out, pyr_error *error);
/* Before the row goes or is replaced: takes its UNIQUE keys out. row: the old bytes. */
PYR_MUST_CHECK pyr_status pyr_keyed_forget_uniques(keyed_touch *touch, const pyr_lsm_bytes *key,
                                                   const uint8_t *row, size_t size,
                                                   pyr_error *error);
/* Deletes the row; now: what stands there. */
PYR_MUST_CHECK pyr_status pyr_keyed_remove(keyed_touch *touch, const pyr_lsm_bytes *key,
                                           const keyed_now *now, const keyed_states *states,
                                           size_t index, pyr_error *error);

/* ---- Errors. ---- */

PYR_MUST_CHECK pyr_status pyr_keyed_corrupt(const char *table, const char *what, pyr_error *error);
/* 23505 as PostgreSQL says it. key: PYR_KEYED_PRIMARY_KEY or a UNIQUE key's number; batch of the
 * table's schema. */
PYR_MUST_CHECK pyr_status pyr_keyed_duplicate(const pyr_table *table, int32_t key,
                                              const pyr_batch *batch, int64_t row,
                                              pyr_error *error);

/* ---- Next versions. ---- */

typedef struct keyed_next {
    pyr_keyed_writes *writes; /* NULL: as before */
    uint64_t sequence;
    bool fresh_rows; /* the committed rows are others: read at a view that is yet to be taken */
    int64_t rows, size_bytes; /* more than before */
} keyed_next;
PYR_MUST_CHECK pyr_status pyr_keyed_next(const pyr_table *table, uint64_t version,
                                         const keyed_next *next, pyr_table **out, pyr_error *error);

#endif
