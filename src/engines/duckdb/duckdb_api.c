/* duckdb_api.c - finds libduckdb and resolves the functions of duckdb_api.h. */
#include "engines/duckdb/duckdb_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096, CANDIDATES_MAX = 5 };

/* ../lib/pyralog/libduckdb.so and ../lib64/... as seen from the program. */
static bool beside_program(const char *folder, char *path, size_t size_bytes) {
    char program[PATH_BYTES_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (length <= 0) {
        return false;
    }
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    int written = snprintf(path, size_bytes, "%s/../%s/pyralog/libduckdb.so", program, folder);
    return written > 0 && (size_t)written < size_bytes;
}

static void *open_library(const char *path) {
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static pyr_status find_library(void **out, pyr_error *error) {
    *out = NULL;
    const char *named = getenv("PYRALOG_DUCKDB_LIBRARY");
    if (named != NULL && *named != '\0') {
        /* Who names a file wants that one: no other is tried. */
        *out = open_library(named);
        if (*out == NULL) {
            return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                 "PYRALOG_DUCKDB_LIBRARY names \"%s\", which cannot be loaded: %s",
                                 named, dlerror());
        }
        return PYR_OK;
    }
    char beside[2][PATH_BYTES_MAX];
    const char *candidates[CANDIDATES_MAX];
    size_t count = 0;
#ifdef PYRALOG_DUCKDB_LIBRARY
    if (PYRALOG_DUCKDB_LIBRARY[0] != '\0') {
        candidates[count++] = PYRALOG_DUCKDB_LIBRARY;
    }
#endif
    if (beside_program("lib", beside[0], sizeof(beside[0]))) {
        candidates[count++] = beside[0];
    }
    if (beside_program("lib64", beside[1], sizeof(beside[1]))) {
        candidates[count++] = beside[1];
    }
    candidates[count++] = "libduckdb.so";
    for (size_t i = 0; i < count; ++i) {
        *out = open_library(candidates[i]);
        if (*out != NULL) {
            return PYR_OK;
        }
    }
    return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                         "this query needs the DuckDB engine, and libduckdb.so was not found "
                         "(looked at %s and %zu more places): run tools/deps, install libduckdb, "
                         "or set PYRALOG_DUCKDB_LIBRARY to its path",
                         candidates[0], count - 1);
}

static pyr_status resolve(void *library, pyr_duckdb_api *out, pyr_error *error) {
    const char *missing = NULL;
    /* POSIX promises that a function's address survives the way through void *; ISO C has no cast
     * for it, hence memcpy. */
#define RESOLVE(type, name, parameters)                                          \
    {                                                                            \
        void *symbol = dlsym(library, "duckdb_" #name);                          \
        memcpy(&out->name, &symbol, sizeof(symbol));                             \
        missing = symbol == NULL && missing == NULL ? "duckdb_" #name : missing; \
    }
    PYR_DUCKDB_FUNCTIONS(RESOLVE)
#undef RESOLVE
    if (missing != NULL) {
        const char *version =
            out->library_version != NULL ? out->library_version() : "(unknown version)";
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "libduckdb %s lacks the function %s: version 1.5.6 or newer of the "
                             "1.x line is needed",
                             version, missing);
    }
    out->library = library;
    return PYR_OK;
}

static pthread_mutex_t loaded_lock = PTHREAD_MUTEX_INITIALIZER;
static pyr_duckdb_api loaded;

pyr_status pyr_duckdb_api_load(const pyr_duckdb_api **out, pyr_error *error) {
    *out = NULL;
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&loaded_lock);
    if (loaded.library == NULL) {
        void *library = NULL;
        status = find_library(&library, error);
        if (status == PYR_OK) {
            status = resolve(library, &loaded, error);
            if (status != PYR_OK) {
                dlclose(library);
            }
        }
    }
    pthread_mutex_unlock(&loaded_lock);
    if (status == PYR_OK) {
        *out = &loaded;
    }
    return status;
}

const pyr_duckdb_api *pyr_duckdb_api_loaded(void) {
    return &loaded;
}
