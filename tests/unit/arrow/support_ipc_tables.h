/* support_ipc_tables.h - small made-up columns for the tests of arrow/ipc. Each fails the running
 * test on an error; the caller releases what it gets.
 */
#ifndef PYR_TESTS_SUPPORT_IPC_TABLES_H
#define PYR_TESTS_SUPPORT_IPC_TABLES_H

#include "arrow/batch.h"

pyr_field *ipc_field(const char *name, pyr_type_id type);
pyr_field *ipc_list_field(const char *name, pyr_type_id list, pyr_type_id item);
pyr_field *ipc_dictionary_field(const char *name);

/* value = first + row; every seventh null where nulls. */
pyr_array *ipc_numbers(pyr_field *field, int64_t first, int64_t count, bool nulls);
/* "v 5" and longer ones in turn; every fifth null where nulls. */
pyr_array *ipc_strings(pyr_field *field, int64_t first, int64_t count, bool nulls);
/* Lists of row % 4 numbers. */
pyr_array *ipc_lists(pyr_field *field, int64_t count);
/* int8 codes row % values_count over values first, first + 1, ... */
pyr_array *ipc_codes(pyr_field *field, int64_t count, int64_t first_value, int64_t values_count);
/* Releases fields and columns. */
pyr_batch *ipc_batch(pyr_field **fields, pyr_array **columns, int32_t count);

#endif
