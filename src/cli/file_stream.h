/* file_stream.h - the batches of a file, whatever its format, as one stream: for `pyralog ingest`.
 *
 * Arrow files and streams are read by our own reader, by view of the mapping; Parquet, CSV and JSON
 * through a SELECT of a session. What a file is is told from its content, never from its name
 * alone.
 */
#ifndef PYR_CLI_FILE_STREAM_H
#define PYR_CLI_FILE_STREAM_H

#include "session/session.h"

typedef enum pyr_file_kind {
    PYR_FILE_ARROW,        /* the IPC file format */
    PYR_FILE_ARROW_STREAM, /* the IPC stream format */
    PYR_FILE_PARQUET,
    PYR_FILE_JSON, /* array, or one object a line */
    PYR_FILE_CSV   /* everything else */
} pyr_file_kind;

/* From the first bytes; path serves for compressed text only ("x.json.gz"). */
pyr_file_kind pyr_file_detect(const uint8_t *bytes, size_t size_bytes, const char *path);
/* "arrow", "parquet", "csv", "json", "ndjson". false: no such format. ARROW stands for both of its
 * formats: the content says which. */
bool pyr_file_kind_parse(const char *name, pyr_file_kind *out);

typedef struct pyr_file_stream {
    pyr_stream *stream;
    int64_t size_bytes;      /* of the file; 0 for stdin */
    pyr_query_ledger ledger; /* of reading, for Arrow */
    pyr_result result;       /* of the SELECT, for the others */
    bool has_result;
} pyr_file_stream;

/* path "-": an Arrow stream on stdin. kind: NULL to detect. The struct must stay where it is until
 * it is closed: the stream counts in its ledger. */
PYR_MUST_CHECK pyr_status pyr_file_stream_open(pyr_connection *connection, const char *path,
                                               const pyr_file_kind *kind, pyr_file_stream *out,
                                               pyr_error *error);
/* Destroys the stream; the ledger stays readable. */
void pyr_file_stream_close(pyr_file_stream *self);

#endif
