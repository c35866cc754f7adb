/* format.h - results as text or Arrow: one vtable, fed by batches.
 *
 * pyr_formatter_batch drives a formatter in chunks of rows: rows are printed into the output's
 * buffer, then the mappings they were read from are checked, then the buffer may be flushed. So a
 * page that faulted under us is an error before its zeros are shown, and memory is bounded.
 * Rows are taken through a batch's selection: nothing is gathered to be printed. One thread.
 */
#ifndef PYR_CLI_FORMAT_H
#define PYR_CLI_FORMAT_H

#include "arrow/batch.h"
#include "cli/output.h"

typedef enum pyr_format_kind {
    PYR_FORMAT_BOX,
    PYR_FORMAT_CSV,
    PYR_FORMAT_TSV,
    PYR_FORMAT_JSON,
    PYR_FORMAT_NDJSON,
    PYR_FORMAT_MARKDOWN,
    PYR_FORMAT_LINE,
    PYR_FORMAT_ARROW,
    PYR_FORMATS_COUNT
} pyr_format_kind;

typedef struct pyr_format {
    pyr_format_kind kind;
    bool arrow_file; /* ARROW: the file format instead of the stream */
    bool terminal;   /* BOX: types, elision, a footer */
    bool lines;      /* BOX on a terminal: the text of a plan: no box, nothing left out */
    size_t width;    /* BOX on a terminal: its columns */
    int64_t
        rows_max; /* BOX on a terminal: more rows than this are elided in the middle; 0: never */
} pyr_format;

/* "box", "csv", ...; false where there is no such format. */
bool pyr_format_parse(const char *name, pyr_format_kind *out);
const char *pyr_format_name(pyr_format_kind kind);
/* By a file's suffix: .csv .tsv .json .ndjson .jsonl .md .arrow .feather (IPC file) .arrows
 * (IPC stream). false for any other. */
bool pyr_format_from_path(const char *path, pyr_format *out);

typedef struct pyr_formatter pyr_formatter;
typedef struct pyr_formatter_ops {
    pyr_status (*begin)(pyr_formatter *self, pyr_error *error); /* NULL: nothing to do */
    /* One of the two: row prints one row of the batch's columns; batch takes over the driving. */
    void (*row)(pyr_formatter *self, const pyr_batch *batch, int64_t row);
    pyr_status (*batch)(pyr_formatter *self, pyr_batch *batch, pyr_error *error);
    pyr_status (*end)(pyr_formatter *self, pyr_error *error); /* NULL: nothing to do */
    void (*destroy)(pyr_formatter *self);
} pyr_formatter_ops;
struct pyr_formatter {
    const pyr_formatter_ops *ops;
    pyr_format format;
    pyr_schema *schema;       /* retained */
    pyr_output *output;       /* borrowed */
    pyr_query_ledger *ledger; /* borrowed, NULL allowed */
    int64_t rows;             /* printed so far */
};

/* Prints what stands before the first row (BOX waits). ledger: of the statement; NULL allowed. */
PYR_MUST_CHECK pyr_status pyr_formatter_create(const pyr_format *format, pyr_schema *schema,
                                               pyr_output *output, pyr_query_ledger *ledger,
                                               pyr_formatter **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_formatter_batch(pyr_formatter *self, pyr_batch *batch,
                                              pyr_error *error);
/* What stands after the last row; flushes the output. */
PYR_MUST_CHECK pyr_status pyr_formatter_finish(pyr_formatter *self, pyr_error *error);
void pyr_formatter_destroy(pyr_formatter *self); /* NULL allowed */

/* For formatters: the row of the columns that is the index-th selected one. */
int64_t pyr_formatter_selected_row(const pyr_batch *batch, int64_t index);

#endif
