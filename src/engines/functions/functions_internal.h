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

/* PYR_ERROR_NOT_FOUND 58030. */
pyr_status pyr_path_no_file(const char *path, bool pattern, int32_t position, pyr_error *error);

/* The files of a path or pattern, each allowed by access; one path at least. PERMISSION, NOT_FOUND
 * and NOT_SUPPORTED (a remote path) at the value. Freed with pyr_glob_free. */
PYR_MUST_CHECK pyr_status pyr_function_files(const pyr_function_call *call,
                                             const pyr_function_value *value, char ***paths,
                                             size_t *count, pyr_error *error);

/* The first bytes of a file, size_bytes at most; *got 0: it is empty, or no regular file. NOT_FOUND
 * 58030, IO. */
PYR_MUST_CHECK pyr_status pyr_path_first_bytes(const char *path, uint8_t *bytes, size_t size_bytes,
                                               size_t *got, int64_t *file_size_bytes,
                                               pyr_error *error);
/* In any case, with something before it. */
bool pyr_path_has_suffix(const char *path, const char *suffix);

/* A table of segments of one schema, called as its function. */
PYR_MUST_CHECK pyr_status pyr_function_table(const char *name, pyr_segment *const *segments,
                                             size_t count, pyr_table **out, pyr_error *error);

/* Fills a source that is zeroed but for its ops; *mapped_bytes, 0 before, is what its segment
 * counts as mapped. Of one that could not be filled ops->destroy frees what there is. */
typedef pyr_status (*pyr_source_fill)(pyr_segment_source *source, const pyr_function_call *call,
                                      int64_t *mapped_bytes, pyr_error *error);
/* The table, called as its function, of one segment over a source of size_bytes that is made and
 * filled; name is the segment's, for messages. */
PYR_MUST_CHECK pyr_status pyr_function_source_table(const pyr_function_call *call,
                                                    const char *function, const char *name,
                                                    const pyr_segment_source_ops *ops,
                                                    size_t size_bytes, pyr_source_fill fill,
                                                    pyr_table **out, pyr_error *error);

#endif
