/* glob.h - the files of the local file system that a pattern names. */
#ifndef PYR_STORAGE_GLOB_H
#define PYR_STORAGE_GLOB_H

#include "base/error.h"

struct pyr_text;

/* Asked about each match; what it says other than PYR_OK ends the search with that error. */
typedef struct pyr_path_check {
    pyr_status (*check)(void *context, const char *path, pyr_error *error);
    void *context;
} pyr_path_check;

/* Whether any of *?[ is in it. */
bool pyr_glob_is_pattern(const char *path);
/* Appends the pattern that path alone matches: *, ? and [ each in brackets. */
void pyr_glob_quote(const char *path, size_t length, struct pyr_text *out);
/* The regular files that a pattern (*, ?, [...], and ** for any depth of folders) names, sorted,
 * each once. check NULL: all. No match: count 0. Freed with pyr_glob_free. More than 100,000 files,
 * or folders more than 64 deep: PYR_ERROR_LIMIT. */
PYR_MUST_CHECK pyr_status pyr_glob(const char *pattern, const pyr_path_check *check, char ***paths,
                                   size_t *count, pyr_error *error);
void pyr_glob_free(char **paths, size_t count);

#endif
