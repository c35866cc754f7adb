/* glob.c - patterns of paths: *, ?, [...] within a part, ** for any number of folders.
 *
 * Folders met by ** are entered without following symbolic links, so that a loop ends; names that
 * begin with a point are matched only by a pattern part that begins so, as in the shell.
 */
#include "storage/glob.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MATCHES_MAX 100000
#define DEPTH_MAX 64

typedef struct glob_walk {
    const pyr_path_check *check;
    char **paths;
    size_t count;
    size_t capacity;
    pyr_error *error;
} glob_walk;

bool pyr_glob_is_pattern(const char *path) {
    return strpbrk(path, "*?[") != NULL;
}

void pyr_glob_quote(const char *path, size_t length, pyr_text *out) {
    for (size_t i = 0; i < length; ++i) {
        bool special = strchr("*?[", path[i]) != NULL;
        pyr_text_append(out, "[", special);
        pyr_text_add_char(out, path[i]);
        pyr_text_append(out, "]", special);
    }
}

void pyr_glob_free(char **paths, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        free(paths[i]);
    }
    free(paths);
}

static pyr_status add_match(glob_walk *walk, const char *path) {
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return PYR_OK;
    }
    if (walk->check != NULL) {
        PYR_TRY(walk->check->check(walk->check->context, path, walk->error));
    }
    if (walk->count >= MATCHES_MAX) {
        return pyr_error_set(walk->error, PYR_ERROR_LIMIT, "more than %d files match", MATCHES_MAX);
    }
    if (walk->count + 1 >= walk->capacity) {
        size_t capacity = walk->capacity == 0 ? 16 : walk->capacity * 2;
        char **paths = realloc(walk->paths, capacity * sizeof(*paths));
        if (paths == NULL) {
            return pyr_error_memory(walk->error, capacity * sizeof(*paths));
        }
        walk->paths = paths;
        walk->capacity = capacity;
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return pyr_error_memory(walk->error, strlen(path));
    }
    walk->paths[walk->count++] = copy;
    return PYR_OK;
}

/* folder/name; folder "" is the process's own. NULL when out of memory. */
static char *join(const char *folder, const char *name, size_t name_length) {
    size_t folder_length = strlen(folder);
    bool slash = folder_length > 0 && folder[folder_length - 1] != '/';
    char *path = malloc(folder_length + slash + name_length + 1);
    if (path != NULL) {
        memcpy(path, folder, folder_length);
        memcpy(path + folder_length, "/", slash);
        memcpy(path + folder_length + slash, name, name_length);
        path[folder_length + slash + name_length] = '\0';
    }
    return path;
}

static pyr_status walk_pattern(glob_walk *walk, const char *folder, const char *pattern, int depth);

static bool is_folder(const char *path, bool follow) {
    struct stat info;
    return (follow ? stat(path, &info) : lstat(path, &info)) == 0 && S_ISDIR(info.st_mode);
}

/* What stands in folder against one part of the pattern; any_depth: the part is "**", and rest is
 * matched below every folder. */
static pyr_status walk_folder(glob_walk *walk, const char *folder, const char *part,
                              const char *rest, bool any_depth, int depth) {
    DIR *dir = opendir(folder[0] != '\0' ? folder : ".");
    if (dir == NULL) {
        /* Not there or not readable: nothing matches in it. */
        return PYR_OK;
    }
    pyr_status status = PYR_OK;
    struct dirent *entry;
    while (status == PYR_OK && (entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            fnmatch(any_depth ? "*" : part, name, FNM_PERIOD) != 0) {
            continue;
        }
        char *path = join(folder, name, strlen(name));
        if (path == NULL) {
            status = pyr_error_memory(walk->error, strlen(folder));
        } else if (any_depth) {
            if (is_folder(path, false)) {
                status = walk_folder(walk, path, part, rest, true, depth + 1);
                status = status == PYR_OK ? walk_pattern(walk, path, rest, depth + 1) : status;
            }
        } else if (rest == NULL) {
            status = add_match(walk, path);
        } else if (is_folder(path, true)) {
            status = walk_pattern(walk, path, rest, depth + 1);
        }
        free(path);
    }
    closedir(dir);
    return status;
}

/* The pattern below folder, part by part. */
static pyr_status walk_pattern(glob_walk *walk, const char *folder, const char *pattern,
                               int depth) {
    if (depth > DEPTH_MAX) {
        return pyr_error_set(walk->error, PYR_ERROR_LIMIT, "\"%s\": folders more than %d deep",
                             folder, DEPTH_MAX);
    }
    while (pattern[0] == '/') {
        ++pattern;
    }
    size_t length = strcspn(pattern, "/");
    const char *rest = pattern[length] == '/' ? pattern + length + 1 : NULL;
    char *part = strndup(pattern, length);
    if (part == NULL) {
        return pyr_error_memory(walk->error, length);
    }
    pyr_status status = PYR_OK;
    if (strcmp(part, "**") == 0) {
        /* Behind "**" everything is meant where nothing follows. */
        while (rest != NULL && strncmp(rest, "**/", 3) == 0) {
            rest += 3; /* says nothing more */
        }
        rest = rest != NULL && strcmp(rest, "**") != 0 ? rest : "*";
        status = walk_pattern(walk, folder, rest, depth + 1);
        if (status == PYR_OK) {
            status = walk_folder(walk, folder, part, rest, true, depth);
        }
    } else if (strpbrk(part, "*?[") != NULL) {
        status = walk_folder(walk, folder, part, rest, false, depth);
    } else {
        char *path = join(folder, part, length);
        if (path == NULL) {
            status = pyr_error_memory(walk->error, length);
        } else {
            status =
                rest == NULL ? add_match(walk, path) : walk_pattern(walk, path, rest, depth + 1);
        }
        free(path);
    }
    free(part);
    return status;
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

pyr_status pyr_glob(const char *pattern, const pyr_path_check *check, char ***paths, size_t *count,
                    pyr_error *error) {
    *paths = NULL;
    *count = 0;
    glob_walk walk = {.check = check, .error = error};
    pyr_status status = walk_pattern(&walk, pattern[0] == '/' ? "/" : "", pattern, 0);
    if (status != PYR_OK) {
        pyr_glob_free(walk.paths, walk.count);
        return status;
    }
    if (walk.count > 1) {
        qsort(walk.paths, walk.count, sizeof(*walk.paths), compare_paths);
        /* A file may be met twice through two "**". */
        size_t kept = 1;
        for (size_t i = 1; i < walk.count; ++i) {
            if (strcmp(walk.paths[i], walk.paths[kept - 1]) == 0) {
                free(walk.paths[i]);
            } else {
                walk.paths[kept++] = walk.paths[i];
            }
        }
        walk.count = kept;
    }
    *paths = walk.paths;
    *count = walk.count;
    return PYR_OK;
}
