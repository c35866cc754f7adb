/* model_file.h - what a model is on disk: one Safetensors file, or the index and the shards of a
 * sharded one; read as far as the headers, and compared with what it was.
 *
 * What is kept of a model's files is a text (pyr_model_files_print): the registry has it in a
 * column of its own. It comes back from a database that anybody may have written, so it is checked
 * like any bytes from outside.
 *
 * Functions may be called by any number of threads; what they give belongs to the caller.
 */
#ifndef PYR_MODELS_MODEL_FILE_H
#define PYR_MODELS_MODEL_FILE_H

#include "base/text.h"
#include "base/thread_pool.h"
#include "formats/safetensors/safetensors.h"

#define PYR_MODEL_SHARDS_MAX 100000

/* One file as it was when it was looked at. */
typedef struct pyr_model_part {
    char *path; /* absolute */
    int64_t size_bytes;
    int64_t mtime_ns; /* since 1970-01-01 UTC */
    uint64_t inode;
} pyr_model_part;
/* The file that was named first, then a sharded model's shards. */
typedef struct pyr_model_files {
    size_t count, capacity;
    pyr_model_part *items;
} pyr_model_files; /* zeroed: none */
void pyr_model_files_deinit(pyr_model_files *files);
int64_t pyr_model_files_size_bytes(const pyr_model_files *files); /* of all; INT64_MAX at most */

/* A line a file: "SIZE MTIME_NS INODE NAME", the first one's name empty (it is the model's path),
 * the others relative to its folder. */
void pyr_model_files_print(const pyr_model_files *files, pyr_text *out);
/* CORRUPT where text is none of print's. path: of the model. */
PYR_MUST_CHECK pyr_status pyr_model_files_parse(const char *text, const char *path,
                                                pyr_model_files *out, pyr_error *error);

typedef enum pyr_model_state {
    PYR_MODEL_OK,
    PYR_MODEL_CHANGED, /* another size, time or inode */
    PYR_MODEL_MISSING  /* not there, or no regular file any more */
} pyr_model_state;
const char *pyr_model_state_name(pyr_model_state state); /* "ok", "changed", "missing"; static */
/* How the files are now, by one stat() each. *which (NULL allowed): the first that is not as it
 * was, borrowed; NULL where all are. MISSING is worse than CHANGED. */
pyr_model_state pyr_model_files_state(const pyr_model_files *files, const pyr_model_part **which);

/* Who says which paths may be read: asked with each file's path before it is opened. */
typedef struct pyr_model_access {
    pyr_status (*check)(void *context, const char *path, pyr_error *error);
    void *context;
} pyr_model_access;

/* Finds and opens a model: a .safetensors file, an index (model.safetensors.index.json), or a
 * folder that holds one (the index counts where there is one, else the only .safetensors file). By
 * content, whatever the names are. Only headers are read. access NULL: every path.
 * NOT_FOUND 58030 for what is not there, SQL 22023 for what is no model, with the format's rule
 * that it breaks; PERMISSION, LIMIT, IO, MEMORY. files (NULL allowed) is the caller's to deinit, on
 * success alone; its first path is the canonical one. */
PYR_MUST_CHECK pyr_status pyr_model_open(const char *path, const pyr_model_access *access,
                                         pyr_budget *budget, pyr_safetensors **out,
                                         pyr_model_files *files, pyr_error *error);

/* Bytes of it that were read into memory because their file cannot be mapped (base/mapping.h): a
 * copy, which the caller counts as PYR_COPY_NO_MAPPING; 0 for what lies on a local disk. */
int64_t pyr_model_read_bytes(const pyr_safetensors *file);

/* The BLAKE3 of the files' bytes, one after the other: an index's before its shards'. 58030 where
 * they are not as files says, before or after. pool and cancel NULL allowed. hex: 64 digits and a
 * zero byte. */
#define PYR_MODEL_HASH_CHARS 64
PYR_MUST_CHECK pyr_status pyr_model_hash(const pyr_model_files *files, pyr_thread_pool *pool,
                                         pyr_cancel_flag *cancel,
                                         char hex[PYR_MODEL_HASH_CHARS + 1], pyr_error *error);

#endif
