/* tables.c - the table a FROM means: one of the catalog's, or Arrow files. */
#include "engines/native/native_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has_suffix(const char *path, const char *suffix) {
    size_t length = strlen(path);
    size_t suffix_length = strlen(suffix);
    return length > suffix_length && strcasecmp(path + length - suffix_length, suffix) == 0;
}

/* Whether the name alone says that it is for us, so that a file that is not there is our error. */
static bool is_arrow_name(const char *path) {
    return has_suffix(path, ".arrow") || has_suffix(path, ".feather") || has_suffix(path, ".ipc");
}

/* A remote file is another engine's, as DuckDB understands it. */
static bool is_remote(const char *path) {
    return strstr(path, "://") != NULL;
}

static pyr_status not_found(const pyr_from *from, const char *path, bool pattern,
                            pyr_error *error) {
    if (pattern) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "58030", (int32_t)from->offset,
                                 "no file matches \"%s\"", path);
    }
    return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "58030", (int32_t)from->offset,
                             "file \"%s\" does not exist", path);
}

/* Looks at the first bytes of a file. */
static pyr_status detect(const pyr_from *from, const char *path, bool *is_arrow, pyr_error *error) {
    *is_arrow = false;
    /* Not to wait for a writer, where someone put a pipe here. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        return not_found(from, path, false, error);
    }
    if (fd < 0) {
        return pyr_error_set_errno(error, errno, "open", path);
    }
    struct stat info;
    uint8_t bytes[8];
    bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    ssize_t got = regular ? pread(fd, bytes, sizeof(bytes), 0) : 0;
    close(fd);
    *is_arrow = got > 0 && pyr_ipc_file_detect(bytes, (size_t)got);
    return PYR_OK;
}

static pyr_status not_arrow(const pyr_from *from, const char *path, pyr_error *error) {
    if (from->kind == PYR_FROM_ARROW) {
        return pyr_error_set_sql(error, PYR_ERROR_INVALID_ARGUMENT, "22023", (int32_t)from->offset,
                                 "read_arrow: \"%s\" is not an Arrow IPC file (it does not begin "
                                 "with ARROW1)",
                                 path);
    }
    return pyr_native_not_covered(error, from->offset, "\"%s\", which is not an Arrow file", path);
}

static pyr_status over_files(const pyr_engine_query *query, const pyr_from *from, const char *name,
                             const char *const *paths, size_t count, pyr_table **out,
                             pyr_error *error) {
    bool is_arrow = false;
    PYR_TRY(detect(from, paths[0], &is_arrow, error));
    if (!is_arrow) {
        return not_arrow(from, paths[0], error);
    }
    return pyr_table_over_files(name, paths, count, query->ledger, out, error);
}

/* The file's name without folders and suffix is what its columns can be qualified with, as DuckDB
 * does it. */
static char *table_name(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return strndup(name, dot != NULL && dot > name ? (size_t)(dot - name) : strlen(name));
}

static pyr_status check_access(void *context, const char *path, pyr_error *error) {
    return pyr_file_access_check(context, path, error);
}

pyr_status pyr_native_glob(const char *pattern, const pyr_file_access *access, char ***paths,
                           size_t *count, pyr_error *error) {
    pyr_path_check check = {check_access, (void *)access};
    return pyr_glob(pattern, &check, paths, count, error);
}

static pyr_status find_files_there(const pyr_engine_query *query, const pyr_from *from,
                                   const char *path, pyr_table **out, pyr_error *error) {
    PYR_TRY(pyr_file_access_check(query->files, path, error));
    if (is_remote(path)) {
        return pyr_native_not_covered(error, from->offset, "the remote file \"%s\"", path);
    }
    bool ours = from->kind == PYR_FROM_ARROW || is_arrow_name(path);
    struct stat info;
    bool pattern = pyr_glob_is_pattern(path) && stat(path, &info) != 0;
    char **paths = NULL;
    size_t count = 0;
    if (pattern) {
        PYR_TRY(pyr_native_glob(path, query->files, &paths, &count, error));
    }
    if ((pattern && count == 0) || (!pattern && stat(path, &info) != 0)) {
        return ours ? not_found(from, path, pattern, error)
                    : pyr_native_not_covered(error, from->offset, "\"%s\"", path);
    }
    char *name = table_name(path);
    pyr_status status = PYR_OK;
    if (name == NULL) {
        status = pyr_error_memory(error, strlen(path));
    } else {
        const char *const *given = pattern ? (const char *const *)paths : &path;
        status = over_files(query, from, name, given, pattern ? count : 1, out, error);
    }
    free(name);
    pyr_glob_free(paths, count);
    return status;
}

/* Errors of files point to where the path stands. */
static pyr_status find_files(const pyr_engine_query *query, const pyr_from *from, const char *path,
                             pyr_table **out, pyr_error *error) {
    pyr_status status = find_files_there(query, from, path, out, error);
    if (status != PYR_OK && error != NULL && error->position < 0) {
        error->position = (int32_t)from->offset;
    }
    return status;
}

/* Where no schema is said, in that of USE and then in main. A view of USE's schema is none of ours,
 * whatever main has. */
static pyr_table *find(const pyr_engine_query *query, const char *schema_name, const char *name) {
    const char *current = query->schema_name;
    if (schema_name != NULL || current == NULL) {
        return pyr_snapshot_find(query->snapshot, schema_name, name);
    }
    pyr_table *table = pyr_snapshot_find(query->snapshot, current, name);
    bool is_view = pyr_entries_find(pyr_snapshot_entries(query->snapshot), PYR_ENTRY_VIEW, current,
                                    name, NULL) != NULL;
    return table != NULL || is_view ? table : pyr_snapshot_find(query->snapshot, NULL, name);
}

/* An external table's files are read by reference, or by another engine. */
static pyr_status check_external(const pyr_table *table, const pyr_from *from, pyr_error *error) {
    if (table->scan != NULL && table->scan->failure.code != PYR_OK) {
        const pyr_error *failure = &table->scan->failure;
        return pyr_error_set_sql(error, failure->code, failure->sqlstate, (int32_t)from->offset,
                                 "%s", failure->message);
    }
    if (table->scan == NULL || table->scan->sql != NULL) {
        return pyr_native_not_covered(error, from->offset, "the external table \"%s\" (%s)",
                                      table->name,
                                      pyr_external_format_name(table->external->format));
    }
    return PYR_OK;
}

pyr_status pyr_native_find_table(const pyr_engine_query *query, const pyr_from *from,
                                 pyr_table **out, pyr_error *error) {
    *out = NULL;
    if (from->kind == PYR_FROM_ARROW) {
        return find_files(query, from, from->path, out, error);
    }
    const char *schema_name = from->kind == PYR_FROM_TABLE ? from->table.schema_name : NULL;
    const char *name = from->kind == PYR_FROM_TABLE ? from->table.name : from->path;
    pyr_table *table = query->snapshot != NULL ? find(query, schema_name, name) : NULL;
    if (table != NULL && table->external != NULL) {
        PYR_TRY(check_external(table, from, error));
    }
    if (table != NULL) {
        *out = pyr_table_retain(table);
        return PYR_OK;
    }
    if (from->kind == PYR_FROM_STRING || (from->quoted && is_arrow_name(name))) {
        return find_files(query, from, name, out, error);
    }
    /* It may be a view, a temporary table or a system table of another engine. */
    return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "42P01", (int32_t)from->offset,
                             "table \"%s%s%s\" does not exist",
                             schema_name != NULL ? schema_name : "", schema_name != NULL ? "." : "",
                             name);
}
