/* support_cli.h - small results with awkward values, and what a formatter makes of them. */
#ifndef PYR_TESTS_SUPPORT_CLI_H
#define PYR_TESTS_SUPPORT_CLI_H

#include "arrow/batch.h"
#include "cli/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* One column of at most 8 values: cells are text, NULL for null, parsed by the type. */
typedef struct test_column {
    const char *name;
    pyr_type_id type;
    const char *cells[8];
} test_column;

/* rows values of each column. Types: BOOL, INT64, FLOAT64, UTF8, BINARY, DATE32, DECIMAL128 (12,2),
 * LIST (of int64: "1 2 N"). The caller releases the batch. */
pyr_batch *make_batch(const test_column *columns, int32_t columns_count, int64_t rows);

/* Everything the formatter prints for the batches. The caller frees it. */
char *print_batches(const pyr_format *format, pyr_batch *const *batches, size_t count);
char *print_batch(const pyr_format *format, pyr_batch *batch);
/* The batch the tests of all formats share. */
pyr_batch *make_awkward_batch(void);

#endif
