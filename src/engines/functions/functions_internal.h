/* functions_internal.h - the functions, and what their files share. */
#ifndef PYR_ENGINES_FUNCTIONS_FUNCTIONS_INTERNAL_H
#define PYR_ENGINES_FUNCTIONS_FUNCTIONS_INTERNAL_H

#include "engines/functions/table_function.h"

extern const pyr_table_function pyr_function_read_arrow;       /* read_arrow.c */
extern const pyr_table_function pyr_function_read_safetensors; /* read_safetensors.c */
extern const pyr_table_function pyr_function_tensor_values;    /* tensor_values.c */
extern const pyr_table_function pyr_function_tensor_stats;     /* tensor_stats.c */
extern const pyr_table_function pyr_function_tensor_diff;      /* tensor_diff.c */
extern const pyr_table_function pyr_function_read_zarr;        /* read_zarr.c */
extern const pyr_table_function pyr_function_zarr_chunks;      /* zarr_chunks.c */

/* PYR_ERROR_NOT_FOUND 58030 at the value. */
pyr_status pyr_function_no_file(const pyr_function_value *value, const char *path, bool pattern,
                                pyr_error *error);

/* The files of a path or pattern, each allowed by access; one path at least. PERMISSION, NOT_FOUND
 * and NOT_SUPPORTED (a remote path) at the value. Freed with pyr_glob_free. */
PYR_MUST_CHECK pyr_status pyr_function_files(const pyr_function_call *call,
                                             const pyr_function_value *value, char ***paths,
                                             size_t *count, pyr_error *error);

/* A table of segments of one schema, called as its function. */
PYR_MUST_CHECK pyr_status pyr_function_table(const char *name, pyr_segment *const *segments,
                                             size_t count, pyr_table **out, pyr_error *error);

#endif
