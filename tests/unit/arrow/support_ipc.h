/* support_ipc.h - writing batches to memory and reading them back, for the tests of arrow/ipc. */
#ifndef PYR_TESTS_SUPPORT_IPC_H
#define PYR_TESTS_SUPPORT_IPC_H

#include "arrow/ipc/ipc.h"

typedef struct ipc_table {
    pyr_schema *schema;
    pyr_batch **batches;
    size_t batches_count;
} ipc_table;
void ipc_table_deinit(ipc_table *table);

/* Both read with FULL validation; what was read before a failure is released. */
pyr_status ipc_read_file(pyr_buffer *bytes, const pyr_ipc_limits *limits, ipc_table *out,
                         pyr_error *error);
pyr_status ipc_read_stream(pyr_buffer *bytes, const pyr_ipc_limits *limits, ipc_table *out,
                           pyr_error *error);
/* Writes into a memory file and maps it. */
pyr_status ipc_write(pyr_schema *schema, pyr_batch *const *batches, size_t count,
                     pyr_ipc_framing framing, const pyr_ipc_write_options *options,
                     pyr_query_ledger *ledger, pyr_buffer **out, pyr_error *error);
/* The exact bytes in malloc'ed memory, so that the sanitizer sees a read behind the end. */
pyr_buffer *ipc_exact_copy(const uint8_t *data, size_t size_bytes);
/* Fails the running test with the error's message. */
void ipc_must(pyr_status status, const pyr_error *error);
/* Fails the running test where they differ; what: for the message. */
void ipc_assert_equal(const char *what, pyr_schema *schema, pyr_batch *const *batches, size_t count,
                      const ipc_table *table);
/* Uses every value of a batch: prints, takes, slices, compares, rewrites. For bytes from outside
 * that a reader has accepted. */
void ipc_use(pyr_batch *batch);
/* The folder of conformance data, or NULL, said on stderr. */
const char *ipc_corpora(void);

#endif
