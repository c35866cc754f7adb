/* database.c - opening and closing: the catalog, the engines, the defaults of new connections. */
#include "session/session_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *pyr_version(void) {
    return PYRALOG_VERSION;
}

pyr_database *pyr_database_retain(pyr_database *db) {
    atomic_fetch_add_explicit(&db->references, 1, memory_order_relaxed);
    return db;
}

void pyr_close(pyr_database *db) {
    if (db == NULL || atomic_fetch_sub_explicit(&db->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_thread_pool_destroy(db->pool);
    if (db->duckdb != NULL) {
        db->duckdb->ops->destroy(db->duckdb);
    }
    if (db->native != NULL) {
        db->native->ops->destroy(db->native);
    }
    pyr_catalog_close(db->catalog);
    pyr_query_log_destroy(db->queries);
    pyr_model_cache_destroy(db->models);
    pyr_table_release(db->registry_empty);
    pyr_registry_definition_deinit(&db->registry);
    free(db->temp_folder);
    pthread_mutex_destroy(&db->lock);
    free(db);
}

pyr_thread_pool *pyr_database_pool(pyr_database *db) {
    pthread_mutex_lock(&db->lock);
    if (db->pool == NULL) {
        /* Failure is not an error: queries then run on the caller's thread alone. */
        if (pyr_thread_pool_create(db->settings.threads, 1024, &db->pool, NULL) != PYR_OK) {
            db->pool = NULL;
        }
    }
    pyr_thread_pool *pool = db->pool;
    pthread_mutex_unlock(&db->lock);
    return pool;
}

static pyr_status parse_bool(const char *name, const char *value, bool *out, pyr_error *error) {
    if (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0 || strcasecmp(value, "on") == 0) {
        *out = true;
        return PYR_OK;
    }
    if (strcasecmp(value, "false") == 0 || strcmp(value, "0") == 0 ||
        strcasecmp(value, "off") == 0) {
        *out = false;
        return PYR_OK;
    }
    return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                         "option %s: \"%s\" is neither true nor false", name, value);
}

static pyr_status apply_option(pyr_database *db, const char *option, pyr_error *error) {
    const char *equals = strchr(option, '=');
    if (equals == NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "option \"%s\" has no value: give name=value", option);
    }
    char *name = strndup(option, (size_t)(equals - option));
    if (name == NULL) {
        return pyr_error_memory(error, strlen(option));
    }
    pyr_status status;
    if (strcasecmp(name, "readonly") == 0) {
        status = parse_bool(name, equals + 1, &db->readonly, error);
    } else {
        status = pyr_settings_set(&db->settings, name, equals + 1, error);
        if (status != PYR_OK) {
            status = pyr_error_context(error, PYR_ERROR_INVALID_ARGUMENT, "option");
        }
    }
    free(name);
    return status;
}

static pyr_status open_parts(pyr_database *db, const char *location, pyr_error *error) {
    bool in_memory = strcmp(location, ":memory:") == 0;
    PYR_TRY(pyr_catalog_open(in_memory ? NULL : location, db->readonly, &db->catalog, error));
    pyr_catalog_set_memory_limit(db->catalog, db->settings.memory_limit_bytes);
    if (!db->readonly) {
        pyr_temporary_drop(db->catalog, NULL); /* after a crash */
    }
    if (!in_memory && !db->readonly) {
        size_t length = strlen(location) + sizeof("/tmp");
        db->temp_folder = malloc(length);
        if (db->temp_folder == NULL) {
            return pyr_error_memory(error, length);
        }
        snprintf(db->temp_folder, length, "%s/tmp", location);
    }
    PYR_TRY(pyr_registry_define(false, &db->registry, error));
    PYR_TRY(pyr_keyed_over_rows(&db->registry.table, NULL, NULL, &db->registry_empty, error));
    PYR_TRY(pyr_model_cache_create(&db->models, error));
    PYR_TRY(pyr_model_cache_set_budget(db->models, db->settings.model_memory_bytes, error));
    PYR_TRY(pyr_engine_native_create(&db->native, error));
#ifdef PYRALOG_HAVE_DUCKDB
    PYR_TRY(pyr_engine_duckdb_create(&db->duckdb, error));
#endif
    return PYR_OK;
}

pyr_status pyr_open(const char *location, const char *const *options, pyr_database **out,
                    pyr_error *error) {
    *out = NULL;
    if (location == NULL || *location == '\0') {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "no database given: name a directory, or :memory:");
    }
    if (strncmp(location, "grpc://", 7) == 0 || strncmp(location, "grpc+tls://", 11) == 0) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "%s: this version opens directories and :memory:, not yet servers",
                             location);
    }
    pyr_database *db = calloc(1, sizeof(*db));
    if (db == NULL) {
        return pyr_error_memory(error, sizeof(*db));
    }
    atomic_init(&db->references, 1);
    pthread_mutex_init(&db->lock, NULL);
    pyr_settings_init(&db->settings);
    db->cpus = pyr_cpus_available();
    pyr_status status = pyr_query_log_create(&db->queries, error);
    for (size_t i = 0; status == PYR_OK && options != NULL && options[i] != NULL; ++i) {
        status = apply_option(db, options[i], error);
    }
    if (status == PYR_OK) {
        status = open_parts(db, location, error);
    }
    if (status != PYR_OK) {
        pyr_close(db);
        return status;
    }
    *out = db;
    return PYR_OK;
}
