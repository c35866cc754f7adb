/* tensor_files.h - the Safetensors files that a function's argument names, opened. */
#ifndef PYR_ENGINES_FUNCTIONS_TENSOR_FILES_H
#define PYR_ENGINES_FUNCTIONS_TENSOR_FILES_H

#include "engines/functions/table_function.h"
#include "formats/safetensors/safetensors.h"

/* In the order of their paths. A sharded model is one of them. */
typedef struct pyr_tensor_files {
    size_t count;
    pyr_safetensors **items;
    char **names; /* the paths, for messages */
} pyr_tensor_files;

/* p is a file, a pattern, a sharded model's index or the folder that it is in, or "model:NAME".
 * Headers are read; each shard's path is checked as the index's is, but for a model's. Errors have
 * the value's position: NOT_FOUND 58030, PERMISSION, INVALID_ARGUMENT 22023 naming function where a
 * file is no such file, those of safetensors.h; of models what their resolver says, or 42P01. */
PYR_MUST_CHECK pyr_status pyr_tensor_files_open(const pyr_function_call *call,
                                                const pyr_function_value *value,
                                                const char *function, pyr_tensor_files *out,
                                                pyr_error *error);
void pyr_tensor_files_close(pyr_tensor_files *files);
/* In the first file that has a tensor of that name, *file; NULL: none has. */
const pyr_safetensors_tensor *pyr_tensor_files_find(const pyr_tensor_files *files, const char *name,
                                                    size_t *file);

/* A table of a segment for each file that call's first value names. find_column (NULL allowed): a
 * column that all files give together; create is given it, or NULL. */
typedef pyr_status (*pyr_tensor_find_column)(const pyr_tensor_files *files, pyr_field **out,
                                             pyr_error *error);
typedef pyr_status (*pyr_tensor_segment_create)(const pyr_function_call *call,
                                                pyr_safetensors *file, const char *name,
                                                pyr_field *column, pyr_segment **out,
                                                pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_tensor_files_table(const pyr_function_call *call,
                                                 const char *function,
                                                 pyr_tensor_find_column find_column,
                                                 pyr_tensor_segment_create create, pyr_table **out,
                                                 pyr_error *error);

/* What a segment over the file counts as mapped; bytes of files that were read instead are counted
 * as copies here and now. */
int64_t pyr_tensor_file_mapped(const pyr_safetensors *file, pyr_query_ledger *ledger);
/* PYR_ERROR_IO when a page of shard could not be read: to be asked after looking at its bytes. */
PYR_MUST_CHECK pyr_status pyr_tensor_file_check(const pyr_safetensors *file, int32_t shard,
                                                pyr_error *error);

/* size_bytes of shard from offset_bytes on, as values of width bytes: a slice where they are
 * aligned to that, else a copy, whose pages were read. Counts what it scans, and refers to or
 * copies. PYR_ERROR_MEMORY, IO. */
PYR_MUST_CHECK pyr_status pyr_tensor_file_bytes(const pyr_safetensors *file, int32_t shard,
                                                size_t offset_bytes, size_t size_bytes,
                                                size_t width, pyr_query_ledger *ledger,
                                                pyr_budget *budget, pyr_buffer **out,
                                                pyr_error *error);

/* Whether a file, by its first bytes and its size, is one that these functions read. */
bool pyr_tensor_file_detect(const char *path, const uint8_t *bytes, size_t size_bytes,
                            int64_t file_size_bytes);
/* Whether a folder is a sharded model's. */
bool pyr_tensor_folder_detect(const char *path);

#endif
