/* segment.h - immutable segments: Arrow IPC files, 64-byte aligned, mapped read-only.
 *
 * Each record batch message's custom_metadata carries "pyralog.crc32c" (8 hex digits: CRC-32C of
 * the body) and "pyralog.zones" (per top-level column min, max and null count; the format is
 * written down in this folder's README). Any Arrow reader opens a segment. Any Arrow file can be
 * opened as a segment: one without these keys has no zone maps and no CRCs.
 *
 * A segment is reference-counted and thread-safe. It is mapped on first use and stays mapped while
 * the segment or a batch of it lives.
 */
#ifndef PYR_STORAGE_SEGMENT_H
#define PYR_STORAGE_SEGMENT_H

#include "arrow/batch.h"
#include "arrow/ipc/ipc.h"

typedef struct pyr_segment pyr_segment;

/* What the catalog knows of a segment without opening it. */
typedef struct pyr_segment_info {
    char *path; /* absolute or below the process's folder; of one in memory a name */
    int64_t rows;
    int64_t size_bytes;
    int64_t batches;
    uint64_t number; /* the catalog's, never used again; 0: a segment it does not hold */
    uint64_t place;  /* where it stands among its table's segments: by place, then by number */
    bool hot;        /* its bytes are kept in memory, and in the LSM instead of a file */
    bool hot_apart;  /* there they have a record of their own, as databases of before had them */
    bool sorted;     /* by its table's sort key */
} pyr_segment_info;

/* Opens nothing yet: the file is mapped on first use. info is copied; rows, size_bytes and batches
 * -1: found out on first use. trusted: written by us (structure is checked, values are not until
 * pyr_segment_batch is asked to); not trusted: every batch is fully validated once, when first
 * read. */
PYR_MUST_CHECK pyr_status pyr_segment_create(const pyr_segment_info *info, bool trusted,
                                             pyr_segment **out, pyr_error *error);
/* From a sealed memfd; takes fd, which is mapped and closed. */
PYR_MUST_CHECK pyr_status pyr_segment_create_fd(int fd, const pyr_segment_info *info,
                                                pyr_segment **out, pyr_error *error);
/* Over a whole file's bytes in memory, which are retained. */
PYR_MUST_CHECK pyr_status pyr_segment_create_bytes(pyr_buffer *bytes, const pyr_segment_info *info,
                                                   pyr_segment **out, pyr_error *error);

/* What a segment is made of whose batches come from another format (Safetensors, Zarr): they are
 * made when they are asked for. All but destroy may be called by any number of threads at once.
 */
struct pyr_zone;
typedef struct pyr_segment_source pyr_segment_source;
typedef struct pyr_segment_source_ops {
    void (*destroy)(pyr_segment_source *source);
    /* A batch of these columns of the source's schema (NULL: all), its rows as batch_rows says.
     * Counts what it scans, references, decodes and copies. Bytes that can fault are checked by
     * who reads the batch, as those of any mapping are. */
    pyr_status (*batch)(pyr_segment_source *source, size_t index, const int32_t *columns,
                        int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                        pyr_batch **out, pyr_error *error);
    int64_t (*batch_rows)(const pyr_segment_source *source, size_t index);
    /* What is known of a column without reading it; NULL: nothing is. */
    void (*zone)(const pyr_segment_source *source, size_t batch, int32_t column,
                 struct pyr_zone *out);
} pyr_segment_source_ops;
struct pyr_segment_source {
    const pyr_segment_source_ops *ops;
    pyr_schema *schema; /* the source's own reference */
    size_t batches;
};
/* Takes source, on failure too. name: for messages. mapped_bytes: counted by the first ledger that
 * asks, as a mapping is. */
PYR_MUST_CHECK pyr_status pyr_segment_create_source(pyr_segment_source *source, const char *name,
                                                    int64_t mapped_bytes, pyr_segment **out,
                                                    pyr_error *error);
/* Whether it is made of a source: its batches may take work, which pays to be done by threads. */
bool pyr_segment_is_made(const pyr_segment *segment);
/* The whole file where it is in memory (a memfd's, or hot); else NULL. Borrowed. */
pyr_buffer *pyr_segment_bytes(const pyr_segment *segment);
pyr_segment *pyr_segment_retain(pyr_segment *segment);
void pyr_segment_release(pyr_segment *segment); /* NULL allowed */
/* The file is removed when the last reference goes (memfd: nothing to do). */
void pyr_segment_remove_on_release(pyr_segment *segment);

/* The types its file must have: another one's are PYR_ERROR_CORRUPT when it is opened. Who reads
 * batches by the catalog's schema would otherwise follow pointers of another type. The first call
 * counts. */
void pyr_segment_expect_schema(pyr_segment *segment, pyr_schema *schema);

const pyr_segment_info *pyr_segment_get_info(const pyr_segment *segment);
/* Says what the catalog calls it, where it stands and whether it is sorted; before it is shared. */
void pyr_segment_set_number(pyr_segment *segment, uint64_t number, uint64_t place, bool sorted);
/* These map the file when it is not yet; ledger counts the mapping once. Errors begin with the
 * file's name: "segment 000017.arrow: ...". */
PYR_MUST_CHECK pyr_status pyr_segment_schema(pyr_segment *segment, pyr_query_ledger *ledger,
                                             pyr_schema **out, pyr_error *error); /* retained */
PYR_MUST_CHECK pyr_status pyr_segment_batches(pyr_segment *segment, pyr_query_ledger *ledger,
                                              size_t *count, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_segment_batch_rows(pyr_segment *segment, size_t index, int64_t *rows,
                                                 pyr_error *error);
/* The rows of each batch where they are kept, and the same of zones: see pyr_segment_kept_zones. */
PYR_MUST_CHECK pyr_status pyr_segment_kept_rows(pyr_segment *segment, const int64_t **out,
                                                pyr_error *error);
/* A view of the columns wanted (NULL: all), nothing copied. What a consumer dereferences through
 * offsets (strings, lists, dictionaries) is validated once per batch and column, on first use, and
 * remembered: a flipped bit on disk gives PYR_ERROR_CORRUPT, never a crash. Counts scanned and
 * referenced bytes. */
PYR_MUST_CHECK pyr_status pyr_segment_batch(pyr_segment *segment, size_t index,
                                            const int32_t *columns, int32_t columns_count,
                                            pyr_query_ledger *ledger, pyr_budget *budget,
                                            pyr_batch **out, pyr_error *error);

/* ---- Other schemas. ---- */

/* Metadata of the fields of a table that was altered, and of its segments written since: which
 * column it is (decimal, never used again; in a schema where no field has one: its place), and the
 * value that rows have that were there before it (a whole Arrow file of one row, in hexadecimal;
 * none: null). */
#define PYR_COLUMN_ID_KEY "pyralog.id"
#define PYR_COLUMN_INITIAL_KEY "pyralog.initial"
bool pyr_column_id(const pyr_field *field, int64_t *out); /* false: it has none */
bool pyr_schema_has_column_ids(const pyr_schema *schema);
/* Appends value, an array of one value of field's type, as it stands in that metadata. */
struct pyr_text;
PYR_MUST_CHECK pyr_status pyr_column_initial_print(pyr_field *field, pyr_array *value,
                                                   struct pyr_text *out, pyr_error *error);
/* Back from there: an array of one value, *out NULL where there is none. Bytes from disk: CORRUPT.
 */
PYR_MUST_CHECK pyr_status pyr_column_initial_read(const pyr_field *field, pyr_array **out,
                                                  pyr_error *error);
/* The same rows with the columns of schema, whose fields have ids: columns are found by them, those
 * that the file has not got are constant. Shares file and mapping. A column of another type is
 * PYR_ERROR_CORRUPT when the file is opened. */
PYR_MUST_CHECK pyr_status pyr_segment_evolve(pyr_segment *segment, pyr_schema *schema,
                                             pyr_segment **out, pyr_error *error);

/* Zone map of one column of one batch. */
typedef struct pyr_zone {
    bool known;      /* false: nothing is known, not even null_count */
    bool has_bounds; /* min and max are set; there is a value that is neither null nor NaN then.
                        Without it there may be such values too: types without bounds, strings that
                        nothing short is above */
    bool exact;      /* false: strings cut to a prefix (max rounded up) */
    bool has_nan;
    int64_t null_count;
    /* By kind: integers, dates, times, timestamps, bool as int64 (uint64 in the same bits), floats
     * as double, strings and binaries as up to 32 bytes. */
    union {
        int64_t i64;
        uint64_t u64;
        double f64;
        struct {
            uint8_t size_bytes;
            uint8_t bytes[32];
        } str;
    } min, max;
} pyr_zone;
/* Unknown for segments that are not trusted. */
PYR_MUST_CHECK pyr_status pyr_segment_zone(pyr_segment *segment, size_t batch, int32_t column,
                                           pyr_zone *out, pyr_error *error);
/* The zones of a column, batch after batch, where they are kept: the segment's, as long as it is
 * retained. *out NULL: they are not, and are asked for one by one. */
PYR_MUST_CHECK pyr_status pyr_segment_kept_zones(pyr_segment *segment, int32_t column,
                                                 const pyr_zone **out, pyr_error *error);
/* How many texts the numbers of a batch's text column stand for (arrow/codes.h), by the message's
 * head alone: the numbers are not looked at. 0: there are none, or the segment is no file. */
PYR_MUST_CHECK pyr_status pyr_segment_numbered_texts(pyr_segment *segment, size_t batch,
                                                     int32_t column, int32_t *count,
                                                     pyr_error *error);
/* Of all batches together: known where each of them is, with bounds for integers and what lies as
 * such, within which every value lies; exact without bounds: there are only nulls. */
PYR_MUST_CHECK pyr_status pyr_segment_zones(pyr_segment *segment, int32_t column, pyr_zone *out,
                                            pyr_error *error);
/* Recomputes the CRC of every batch and dictionary; PYR_ERROR_CORRUPT names the first that differs.
 * Full validation of every batch and of its zone map too. A file without CRCs is validated only,
 * unless the catalog knows it (info's batches is not -1). */
PYR_MUST_CHECK pyr_status pyr_segment_verify(pyr_segment *segment, pyr_error *error);

/* ---- Writing. ---- */

#define PYR_SEGMENT_BATCH_ROWS 122880 /* rows a message at most: 60 vectors of 2,048 */
/* Aimed at; a message has at least 2,048 rows. A third below what plain gRPC clients take (4 MiB),
 * so that rows wider than the average still go out in one message: a slice would copy its offsets.
 */
#define PYR_SEGMENT_BATCH_BYTES (3 << 20)
#define PYR_SEGMENT_SIZE_BYTES ((int64_t)1 << 30) /* a writer begins a new segment beyond this */

typedef struct pyr_segment_writer pyr_segment_writer;
/* path NULL: a memfd. Batches given are regrouped into messages of the sizes above without copying
 * where their own size fits (large batches are sliced, small ones joined: PYR_COPY_CONCAT). */
PYR_MUST_CHECK pyr_status pyr_segment_writer_create(const char *path, pyr_schema *schema,
                                                    pyr_ipc_compression compression,
                                                    pyr_query_ledger *ledger,
                                                    pyr_segment_writer **out, pyr_error *error);
/* A hot segment, called name: all of it stays in memory. */
PYR_MUST_CHECK pyr_status pyr_segment_writer_create_hot(const char *name, pyr_schema *schema,
                                                        pyr_ipc_compression compression,
                                                        pyr_query_ledger *ledger,
                                                        pyr_segment_writer **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_segment_writer_append(pyr_segment_writer *writer, pyr_batch *batch,
                                                    pyr_error *error);
int64_t pyr_segment_writer_size(const pyr_segment_writer *writer); /* bytes so far */
/* Footer, fdatasync when sync, fsync of the folder; gives the sealed segment. */
PYR_MUST_CHECK pyr_status pyr_segment_writer_finish(pyr_segment_writer *writer, bool sync,
                                                    pyr_segment **out, pyr_error *error);
/* NULL allowed; a writer that was not finished removes its file. */
void pyr_segment_writer_destroy(pyr_segment_writer *writer);

#endif
