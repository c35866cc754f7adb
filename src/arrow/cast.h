/* cast.h - casts that lose nothing, for moving batches into a table whose types differ a little.
 *
 * Covered: a type to itself; NULL to anything; integers to wider integers, to FLOAT64 (up to 32
 * bits) and to decimals wide enough; FLOAT32 to FLOAT64; DECIMAL to wider precision at the same or
 * larger scale, and to FLOAT64 (nearest); the utf8 kinds among each other, the binary kinds
 * likewise; timestamps, durations and times to a finer unit (overflow: PYR_ERROR_SQL 22003); DATE32
 * to TIMESTAMP; dictionaries to their values' type. Anything else is an engine's business.
 */
#ifndef PYR_ARROW_CAST_H
#define PYR_ARROW_CAST_H

#include "arrow/batch.h"

/* Metadata of a dictionary<utf8> field whose values are those of an ENUM type, in order and written
 * as SQL ("'sad', 'ok'"). Only an array of the same values is one of its type. */
#define PYR_ENUM_KEY "pyralog.enum"

bool pyr_cast_is_covered(const pyr_field *from, const pyr_field *to);

/* Equal types: the array itself, retained. Else new buffers from budget, counted as
 * PYR_COPY_CONVERT. An uncovered pair is PYR_ERROR_NOT_SUPPORTED naming both types. */
PYR_MUST_CHECK pyr_status pyr_array_cast(pyr_array *array, pyr_field *to, pyr_query_ledger *ledger,
                                         pyr_budget *budget, pyr_array **out, pyr_error *error);

/* A batch of schema: column i is column map[i] of batch, cast, or all nulls where map[i] is -1. A
 * batch with a selection is made dense first. */
PYR_MUST_CHECK pyr_status pyr_batch_cast(pyr_batch *batch, pyr_schema *schema, const int32_t *map,
                                         pyr_query_ledger *ledger, pyr_budget *budget,
                                         pyr_batch **out, pyr_error *error);

/* The field with a dictionary encoding at the top replaced by its values' type,
 * nullable. */
PYR_MUST_CHECK pyr_status pyr_cast_plain_field(const pyr_field *field, pyr_field **out,
                                               pyr_error *error);

#endif
