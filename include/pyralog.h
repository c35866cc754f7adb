/* pyralog.h - the public C API of Pyralog, a zero-copy analytical data system.
 *
 * Conventions that hold for every function here:
 *  - Every fallible function returns a pyr_status and takes a caller-owned pyr_error as its last
 *    parameter, which may be NULL. PYR_OK is 0.
 *  - Data leaves only through out-parameters, which are nulled (or released) on failure.
 *  - Strings are UTF-8 and NUL-terminated; paths are the file system's bytes.
 *  - A connection may be used from any thread, by one thread at a time: calls on the same
 *    connection wait for each other. pyr_cancel alone may be called while another call runs.
 *  - A result (stream, row, tensors) outlives the connection and the database that made it.
 */
#ifndef PYRALOG_H
#define PYRALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PYR_EXPORT __attribute__((visibility("default")))
#define PYR_MUST_CHECK __attribute__((warn_unused_result))
#else
#define PYR_EXPORT
#define PYR_MUST_CHECK
#endif

/* The Arrow C Data Interface and C Stream Interface, as the Arrow specification prints them
 * ("The Arrow C data interface", "Structure definitions"). Guarded by the specification's own
 * macros, so that other Arrow headers can be included beside this one. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

/* What kind of failure it was. The SQLSTATE in pyr_error says it more finely. */
typedef enum pyr_status {
    PYR_OK = 0,
    PYR_ERROR_INVALID_ARGUMENT = 1, /* the caller broke the contract of a function or option */
    PYR_ERROR_SQL = 2,              /* a statement is wrong: syntax, type, unknown column */
    PYR_ERROR_NOT_FOUND = 3,        /* no such table, file, model, session */
    PYR_ERROR_ALREADY_EXISTS = 4,
    PYR_ERROR_CORRUPT = 5,    /* bytes from outside that break their format's rules */
    PYR_ERROR_IO = 6,         /* the operating system refused; a mapping faulted */
    PYR_ERROR_MEMORY = 7,     /* out of memory, or over a configured memory limit */
    PYR_ERROR_DISK_FULL = 8,  /* ENOSPC, EDQUOT */
    PYR_ERROR_LIMIT = 9,      /* a size, depth or count above a documented limit */
    PYR_ERROR_CANCELLED = 10, /* pyr_cancel, Ctrl-C, a client that went away */
    PYR_ERROR_TIMEOUT = 11,   /* statement_timeout or a caller's deadline passed */
    PYR_ERROR_BUSY = 12,      /* the database is held by another process */
    PYR_ERROR_NOT_SUPPORTED = 13,
    PYR_ERROR_PERMISSION = 14,
    PYR_ERROR_UNAUTHENTICATED = 15,
    PYR_ERROR_CONFLICT = 16,   /* two transactions wrote the same row */
    PYR_ERROR_CONSTRAINT = 17, /* NOT NULL, UNIQUE, CHECK */
    PYR_ERROR_NO_ROWS = 18,    /* pyr_query_one found none */
    PYR_ERROR_MANY_ROWS = 19,  /* pyr_query_one found more than one */
    PYR_ERROR_INTERNAL = 20    /* a bug of ours */
} pyr_status;

/* Owned by the caller, plain data, needs no release. Written only on failure. */
typedef struct pyr_error {
    pyr_status code;
    char sqlstate[6];   /* PostgreSQL's SQLSTATEs, e.g. "42P01"; never empty after a failure */
    int32_t position;   /* byte offset in the SQL text, or -1 */
    char message[1024]; /* one line, UTF-8, cut at a character's border */
} pyr_error;

typedef struct pyr_database pyr_database;
typedef struct pyr_connection pyr_connection;
typedef struct pyr_statement pyr_statement; /* a prepared statement */

/* One row, as returned by pyr_query_one: array is a struct array of length 1 whose children are the
 * columns, by reference to the result's buffers. Release with pyr_row_release. */
typedef struct pyr_row {
    struct ArrowSchema schema;
    struct ArrowArray array;
} pyr_row;

/* The values of $1, $2, ...: array is a struct array of length 1 (pyr_bind: or any other), its
 * children the values in order, schema its type. Borrowed for the call, never released by us. */
typedef struct pyr_params {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
} pyr_params;

#define PYR_LEDGER_REASONS_MAX 16

/* What the last statement of a connection did with bytes ("The ledger" in the documentation). */
typedef struct pyr_ledger_copy_entry {
    const char *reason; /* static string */
    int64_t bytes;
} pyr_ledger_copy_entry;

typedef struct pyr_ledger_report {
    char engine[16]; /* "native", "duckdb", "spark" or "" where no engine ran */
    int64_t rows;    /* rows of the result, or rows changed */
    double elapsed_ms;
    int64_t bytes_mapped;     /* sizes of the mappings opened */
    int64_t bytes_scanned;    /* bytes of the columns the plan looked at */
    int64_t bytes_referenced; /* bytes handed on as views */
    int64_t bytes_copied;     /* column bytes written by us, all reasons together */
    int64_t bytes_decoded;    /* bytes produced by decompression or decoding */
    int64_t bytes_encoded;    /* bytes printed or encoded to CSV, JSON, Parquet */
    int64_t bytes_sent;       /* bytes handed to a socket */
    int64_t batches_skipped;
    int64_t peak_memory_bytes;
    int32_t copies_count;
    pyr_ledger_copy_entry copies[PYR_LEDGER_REASONS_MAX];
} pyr_ledger_report;

/* The version of the library, "0.1.0". Static. */
PYR_EXPORT const char *pyr_version(void);

/* Opens a database. location: a directory (created when missing) or ":memory:". options: a
 * NULL-terminated array of "name=value" strings, or NULL: "readonly=true", "threads=4",
 * "memory_limit=4GB", "engine=native".
 * PYR_ERROR_BUSY when another process writes it, PYR_ERROR_CORRUPT, PYR_ERROR_IO,
 * PYR_ERROR_NOT_FOUND (readonly and missing), PYR_ERROR_INVALID_ARGUMENT (an unknown option). */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_open(const char *location, const char *const *options,
                                              pyr_database **db, pyr_error *error);
/* Drops the caller's reference; the database closes with its last connection and result.
 * NULL allowed. */
PYR_EXPORT void pyr_close(pyr_database *db);

PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_connect(pyr_database *db, pyr_connection **connection,
                                                 pyr_error *error);
PYR_EXPORT void pyr_disconnect(pyr_connection *connection);

/* Runs every statement of sql (several, divided by ';', are allowed) and discards results.
 * params: see pyr_params; NULL for none. rows_changed (NULL allowed): of the last statement, 0 for
 * a query. */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_execute(pyr_connection *connection, const char *sql,
                                                 const pyr_params *params, int64_t *rows_changed,
                                                 pyr_error *error);

/* Runs sql and gives the result of its last statement as a stream of record batches, which are
 * views wherever the engine could make them views. A statement without a result gives an empty
 * stream without columns. The caller releases the stream; batches live on after it. */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_query(pyr_connection *connection, const char *sql,
                                               const pyr_params *params,
                                               struct ArrowArrayStream *stream, pyr_error *error);

/* Exactly one row, else PYR_ERROR_NO_ROWS or PYR_ERROR_MANY_ROWS. */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_query_one(pyr_connection *connection, const char *sql,
                                                   const pyr_params *params, pyr_row *row,
                                                   pyr_error *error);
PYR_EXPORT void pyr_row_release(pyr_row *row);

/* One statement, checked now and run later. */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_prepare(pyr_connection *connection, const char *sql,
                                                 pyr_statement **statement, pyr_error *error);
/* Keeps a reference-free copy of the parameters until the next bind. Of other than one row they are
 * for pyr_statement_execute of INSERT, UPDATE, DELETE or MERGE without RETURNING, which runs once
 * for each row, in order, all in one transaction (the open one, or its own); rows_changed is the
 * sum. INSERT ... VALUES (?, ?, ...) takes all rows at once. */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_bind(pyr_statement *statement, const pyr_params *params,
                                              pyr_error *error);
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_statement_query(pyr_statement *statement,
                                                         struct ArrowArrayStream *stream,
                                                         pyr_error *error);
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_statement_execute(pyr_statement *statement,
                                                           int64_t *rows_changed, pyr_error *error);
PYR_EXPORT void pyr_statement_close(pyr_statement *statement);

/* Appends every batch of stream to table, which is created when missing. Takes the stream: it is
 * released before the call returns, whatever the outcome. options: "create=true|false" (default
 * true), "replace=true"; of a table with a PRIMARY KEY or UNIQUE
 * "on_conflict=error|ignore|replace": rows whose key is there are an error (default), are left out,
 * or take those rows' place. rows (NULL allowed): rows written. */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_ingest(pyr_connection *connection, const char *table,
                                                struct ArrowArrayStream *stream,
                                                const char *const *options, int64_t *rows,
                                                pyr_error *error);

/* Cancels what runs on the connection, from any thread; nothing running: nothing happens. */
PYR_EXPORT void pyr_cancel(pyr_connection *connection);

/* The ledger of the last statement. While its stream is still being read the figures grow. */
PYR_EXPORT void pyr_ledger(pyr_connection *connection, pyr_ledger_report *ledger);

/* What the last statement had to say beside its result, such as that an external file is not as it
 * was registered: lines, each ended by '\n', in buffer, cut at size_bytes and always ended by a
 * zero byte (buffer NULL with size_bytes 0: nothing is written). The number of bytes there are,
 * without the zero; 0: nothing. */
PYR_EXPORT size_t pyr_notices(pyr_connection *connection, char *buffer, size_t size_bytes);

/* ---- Tensors. ---- */

/* The tensors of one model: a Safetensors file, or all files of a sharded one. Immutable, and of
 * nobody's connection: any number of threads may ask it at once, also after pyr_disconnect and
 * pyr_close. */
typedef struct pyr_tensors pyr_tensors;

/* One tensor, as it lies in its file. A view: it holds until pyr_tensors_close and needs no
 * release. Values are little-endian and dense in C order; nothing promises that data is aligned to
 * them. */
typedef struct pyr_tensor {
    const char *name;
    const char *dtype; /* as Safetensors writes it: "F32", "BF16", "I64", "F8_E4M3"; static */
    int32_t rank;      /* 0: one value */
    const int64_t *shape;
    int64_t size_bytes;
    int64_t offset_bytes; /* of data, from the start of its file */
    const void *data;     /* in the file's mapping; may be NULL where size_bytes is 0 */
    const char *file;     /* where it lies: the path that was opened, or of one of its shards */
    int64_t index;        /* its place in tensors: by offset, file after file */
    const pyr_tensors *tensors; /* whose it is */
} pyr_tensor;

/* Opens what name_or_path says: "model:NAME", a NAME in model_registry, or else the path of a
 * .safetensors file, of a sharded model's index, or of a folder that holds either. What a file is
 * says its content. Only headers are read, no page of a tensor is touched: what it costs grows with
 * the number of tensors, not with their size. A database maps a model once. pyr_notices says so
 * where a registered model's files are not as they were registered.
 * PYR_ERROR_NOT_FOUND, 42P01 where "model:NAME" is nobody's; PYR_ERROR_SQL 22023 where a file is no
 * model, with the rule of its format that it breaks; PYR_ERROR_PERMISSION, PYR_ERROR_LIMIT,
 * PYR_ERROR_IO, PYR_ERROR_MEMORY, PYR_ERROR_INVALID_ARGUMENT. The caller closes *tensors. */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_tensors_open(pyr_connection *connection,
                                                      const char *name_or_path,
                                                      pyr_tensors **tensors, pyr_error *error);
PYR_EXPORT int64_t pyr_tensors_count(const pyr_tensors *tensors);
/* index: 0 and up, below pyr_tensors_count; of another one *tensor is all zeros, name NULL. O(1).
 */
PYR_EXPORT void pyr_tensors_get(const pyr_tensors *tensors, int64_t index, pyr_tensor *tensor);
/* By its whole name, case counts; O(1). PYR_ERROR_NOT_FOUND names the tensor that is called most
 * like it, for which the name is compared with those of up to 20 000 tensors (some milliseconds);
 * with error NULL nothing is compared, and a miss costs what a hit does. */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_tensors_find(const pyr_tensors *tensors, const char *name,
                                                      pyr_tensor *tensor, pyr_error *error);
/* Whether all that was read of the mappings until now was what the files hold: a page that the
 * system could not bring (a file that was cut behind us, a disk that is gone) reads as zeros and
 * is PYR_ERROR_IO here, naming the file. Cheap; of use after the values were read. */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_tensors_check(const pyr_tensors *tensors,
                                                       pyr_error *error);

struct DLManagedTensorVersioned; /* declared by pyralog_dlpack.h, and by dlpack.h */
/* The tensor as DLPack 1.x has it: on the CPU, read-only, by reference. It keeps the file mapped
 * by itself and outlives tensors, connection and database; the caller, or whoever it is handed to,
 * calls its deleter, once, from any thread. Every dtype of ours is one of DLPack 1.1, those below a
 * byte packed. PYR_ERROR_MEMORY. */
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_tensor_dlpack(const pyr_tensor *tensor,
                                                       struct DLManagedTensorVersioned **managed,
                                                       pyr_error *error);
/* The same for consumers from before DLPack 1.0, which cannot be told that the values are
 * read-only: who writes them gets a fault. */
struct DLManagedTensor;
PYR_EXPORT PYR_MUST_CHECK pyr_status pyr_tensor_dlpack_unversioned(const pyr_tensor *tensor,
                                                                   struct DLManagedTensor **managed,
                                                                   pyr_error *error);
/* Ends the views; what pyr_tensor_dlpack gave stays. NULL allowed. */
PYR_EXPORT void pyr_tensors_close(pyr_tensors *tensors);

#ifdef __cplusplus
}
#endif
#endif
