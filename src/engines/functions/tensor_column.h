/* tensor_column.h - tensors of one type and shape as one Arrow column: arrow.fixed_shape_tensor.
 * Source: Arrow's "Canonical Extension Types", "Fixed shape tensor". */
#ifndef PYR_ENGINES_FUNCTIONS_TENSOR_COLUMN_H
#define PYR_ENGINES_FUNCTIONS_TENSOR_COLUMN_H

#include "engines/functions/tensor_files.h"

/* The field "tensor" for all tensors of files. INVALID_ARGUMENT 22023 naming the first that has
 * another type or shape than the one before it; NOT_SUPPORTED naming a type that Arrow has not;
 * LIMIT where a tensor has more values than a list of fixed size. */
PYR_MUST_CHECK pyr_status pyr_tensor_column_field(const pyr_tensor_files *files, pyr_field **out,
                                                  pyr_error *error);
/* Tensors [first, first + count) of one shard, which lie behind each other: their bytes as they are
 * where they are aligned, else a copy. Counts what it scans. */
PYR_MUST_CHECK pyr_status pyr_tensor_column_make(const pyr_safetensors *file, int64_t first,
                                                 int64_t count, pyr_field *field,
                                                 pyr_query_ledger *ledger, pyr_budget *budget,
                                                 pyr_array **out, pyr_error *error);

/* tensor_values.c: the Arrow type that values of a tensor are; *direct: their bytes as they are. */
pyr_type_id pyr_tensor_arrow_type(pyr_tensor_type type, bool *direct);

#endif
