/* ledger.h - what a query did with bytes. One ledger a statement; thread-safe (relaxed atomics).
 *
 * Every write of column bytes goes through pyr_ledger_copy, or, where a kernel writes by itself,
 * is counted by pyr_ledger_add_copy. A NULL ledger is allowed everywhere and counts nothing: for
 * work outside any statement (tests, recovery), never for a statement's.
 */
#ifndef PYR_BASE_LEDGER_H
#define PYR_BASE_LEDGER_H

#include "base/error.h"

#include <stdatomic.h>

/* Why column bytes were written. Names: pyr_copy_reason_name. At most PYR_LEDGER_REASONS_MAX. */
typedef enum pyr_copy_reason {
    PYR_COPY_GATHER,      /* rows picked by a selection were made dense: "gather" */
    PYR_COPY_CONCAT,      /* arrays joined: "concat" */
    PYR_COPY_APPEND,      /* rows written to a segment: "append to segment" */
    PYR_COPY_RESULT,      /* an engine built its result in new memory: "engine result" */
    PYR_COPY_CONVERT,     /* another layout or type was needed: "type conversion" */
    PYR_COPY_ALIGN,       /* misaligned bytes from outside: "alignment" */
    PYR_COPY_RECEIVE,     /* from a socket: "network receive" */
    PYR_COPY_BYTE_SWAP,   /* foreign endianness: "byte swap" */
    PYR_COPY_GROUP_TABLE, /* "group table" */
    PYR_COPY_SORT,        /* "sort" */
    PYR_COPY_PARAMETERS,  /* bound parameters kept: "parameters" */
    PYR_COPY_NO_MAPPING,  /* mmap refused, read instead: "read without mapping" */
    PYR_COPY_DECODE_ROWS, /* rows of the key-value store made columns: "row decoding" */
    PYR_COPY_ROW_CACHE,   /* rows of the key-value store kept for the next look-up: "row cache" */
    PYR_COPY_SPOOL,       /* waits in a file for what comes later to be known: "spool" */
    PYR_COPY_REASONS_COUNT
} pyr_copy_reason;

typedef struct pyr_query_ledger {
    char engine[16]; /* set once before workers start */
    _Atomic int64_t rows;
    _Atomic int64_t bytes_mapped;
    _Atomic int64_t bytes_scanned;
    _Atomic int64_t bytes_referenced;
    _Atomic int64_t bytes_decoded;
    _Atomic int64_t bytes_encoded;
    _Atomic int64_t bytes_sent;
    _Atomic int64_t batches_skipped;
    _Atomic int64_t peak_memory_bytes;
    _Atomic int64_t copied[PYR_COPY_REASONS_COUNT];
    _Atomic int64_t batches_planned; /* what scans will look at, and have: for progress */
    _Atomic int64_t batches_done;
    int64_t started_ns;          /* monotonic */
    _Atomic int64_t finished_ns; /* 0 while running */
} pyr_query_ledger;

void pyr_ledger_init(pyr_query_ledger *ledger);   /* zeroes, notes the start */
void pyr_ledger_finish(pyr_query_ledger *ledger); /* notes the end; later calls move it */
const char *pyr_copy_reason_name(pyr_copy_reason reason);

/* memcpy that is counted. size_bytes 0 with NULL pointers is allowed. */
void pyr_ledger_copy(pyr_query_ledger *ledger, pyr_copy_reason reason, void *to, const void *from,
                     size_t size_bytes);
void pyr_ledger_add_copy(pyr_query_ledger *ledger, pyr_copy_reason reason, int64_t size_bytes);

/* One function a counter, so that a caller's line says what it counts. */
void pyr_ledger_add_mapped(pyr_query_ledger *ledger, int64_t size_bytes);
void pyr_ledger_add_scanned(pyr_query_ledger *ledger, int64_t size_bytes);
void pyr_ledger_add_referenced(pyr_query_ledger *ledger, int64_t size_bytes);
void pyr_ledger_add_decoded(pyr_query_ledger *ledger, int64_t size_bytes);
void pyr_ledger_add_encoded(pyr_query_ledger *ledger, int64_t size_bytes);
void pyr_ledger_add_sent(pyr_query_ledger *ledger, int64_t size_bytes);
void pyr_ledger_add_skipped(pyr_query_ledger *ledger, int64_t batches);
/* A scan begins with so many batches before it; it has finished one. */
void pyr_ledger_plan_batches(pyr_query_ledger *ledger, int64_t batches);
void pyr_ledger_finish_batch(pyr_query_ledger *ledger);
/* 0 to 1, or -1 where no scan has said what it will do. */
double pyr_ledger_progress(const pyr_query_ledger *ledger);
void pyr_ledger_add_rows(pyr_query_ledger *ledger, int64_t rows);
void pyr_ledger_note_memory(pyr_query_ledger *ledger, int64_t used_bytes); /* keeps the maximum */

/* The public form; entries of copies are those that are not zero. */
void pyr_ledger_report_fill(const pyr_query_ledger *ledger, pyr_ledger_report *report);

#endif
