/* duckdb_instance.c - DuckDB databases (all in memory, holding nothing) and their connections.
 *
 * An instance is opened with its whole configuration and then locked: no statement can change it,
 * and we only the dialect of one connection, while nobody else has it yet.
 * Measured: opening the first one takes about 25 ms (ICU's tables), a connection 30 us. So a
 * connection serves one statement and is closed: what DuckDB keeps with it (rejected lines of a
 * CSV, the values of a PIVOT, a profile) is for nobody else to see.
 */
#include "engines/duckdb/duckdb_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Instances nobody uses that are kept for the next query. */
enum { IDLE_INSTANCES_MAX = 2 };

static bool same_text(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_profile(const pyr_duckdb_profile *a, const pyr_duckdb_profile *b) {
    if (a->unrestricted != b->unrestricted || a->threads != b->threads ||
        a->memory_limit_bytes != b->memory_limit_bytes || !same_text(a->time_unit, b->time_unit) ||
        !same_text(a->temp_folder, b->temp_folder)) {
        return false;
    }
    if (a->unrestricted) {
        return true;
    }
    if (a->folders_count != b->folders_count) {
        return false;
    }
    for (size_t i = 0; i < a->folders_count; ++i) {
        if (strcmp(a->folders[i], b->folders[i]) != 0) {
            return false;
        }
    }
    for (size_t i = 0; a->files_count == b->files_count && i < a->files_count; ++i) {
        if (strcmp(a->files[i], b->files[i]) != 0) {
            return false;
        }
    }
    return a->files_count == b->files_count;
}

static void free_profile(pyr_duckdb_profile *profile) {
    for (size_t i = 0; i < profile->folders_count; ++i) {
        free((char *)profile->folders[i]);
    }
    free((void *)profile->folders);
    for (size_t i = 0; i < profile->files_count; ++i) {
        free((char *)profile->files[i]);
    }
    free((void *)profile->files);
    free((char *)profile->time_unit);
    free((char *)profile->temp_folder);
    memset(profile, 0, sizeof(*profile));
}

static pyr_status copy_profile(const pyr_duckdb_profile *from, pyr_duckdb_profile *to,
                               pyr_error *error) {
    *to = *from;
    to->folders_count = 0;
    to->folders = NULL;
    to->files_count = 0;
    to->files = NULL;
    to->time_unit = strdup(from->time_unit);
    to->temp_folder = from->temp_folder != NULL ? strdup(from->temp_folder) : NULL;
    size_t count = from->unrestricted ? 0 : from->folders_count;
    const char **folders = calloc(count + 1, sizeof(*folders));
    to->folders = folders;
    bool failed = to->time_unit == NULL || folders == NULL ||
                  (from->temp_folder != NULL && to->temp_folder == NULL);
    for (size_t i = 0; !failed && i < count; ++i) {
        folders[i] = strdup(from->folders[i]);
        failed = folders[i] == NULL;
        to->folders_count += failed ? 0 : 1;
    }
    const char **files = calloc(from->files_count + 1, sizeof(*files));
    to->files = files;
    failed = failed || files == NULL;
    for (size_t i = 0; !failed && i < from->files_count; ++i) {
        files[i] = strdup(from->files[i]);
        failed = files[i] == NULL;
        to->files_count += failed ? 0 : 1;
    }
    if (failed) {
        free_profile(to);
        return pyr_error_memory(error, sizeof(*to));
    }
    return PYR_OK;
}

pyr_status pyr_duckdb_run_sql(const pyr_duckdb_api *api, dd_connection connection, const char *sql,
                              pyr_error *error) {
    dd_result result;
    memset(&result, 0, sizeof(result));
    pyr_status status = PYR_OK;
    if (api->query(connection, sql, &result) != DD_SUCCESS) {
        status = pyr_duckdb_error_set(NULL, api->result_error(&result), error);
        status = pyr_error_context(error, status, "DuckDB: %s", sql);
    }
    api->destroy_result(&result);
    return status;
}

static void add_quoted(pyr_text *text, const char *value) {
    pyr_text_add_char(text, '\'');
    for (; *value != '\0'; ++value) {
        if (*value == '\'') {
            pyr_text_add_char(text, '\'');
        }
        pyr_text_add_char(text, *value);
    }
    pyr_text_add_char(text, '\'');
}

static pyr_status set_list(const pyr_duckdb_instance *instance, const char *setting,
                           const char *const *values, size_t count, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_printf(&text, "SET %s = [", setting);
    for (size_t i = 0; i < count; ++i) {
        pyr_text_add(&text, i > 0 ? ", " : "");
        add_quoted(&text, values[i]);
    }
    pyr_text_add(&text, "]");
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        status = pyr_duckdb_run_sql(instance->api, instance->setup, pyr_text_get(&text), error);
    }
    pyr_text_deinit(&text);
    return status;
}

/* What can only be said when the database is open. A restricted session's own folders are the only
 * ones that DuckDB opens; it resolves symbolic links before it compares (seen with 1.5.6, held by a
 * test). It counts the spill folder among them, so spilled pages are encrypted there: one session
 * must not read another's. */
static pyr_status restrict_access(const pyr_duckdb_instance *instance, pyr_error *error) {
    const pyr_duckdb_profile *profile = &instance->profile;
    if (profile->unrestricted) {
        return PYR_OK;
    }
    PYR_TRY(
        set_list(instance, "allowed_directories", profile->folders, profile->folders_count, error));
    if (profile->files_count > 0) {
        PYR_TRY(pyr_duckdb_lend(instance->api, instance->setup, error));
        PYR_TRY(set_list(instance, "allowed_paths", profile->files, profile->files_count, error));
    }
    return pyr_duckdb_run_sql(instance->api, instance->setup, "SET enable_external_access = false",
                              error);
}

static pyr_status set_option(const pyr_duckdb_api *api, dd_config config, const char *name,
                             const char *value, pyr_error *error) {
    if (api->set_config(config, name, value) != DD_SUCCESS) {
        return pyr_error_set(error, PYR_ERROR_INTERNAL, "DuckDB refuses the option %s = %s", name,
                             value);
    }
    return PYR_OK;
}

static pyr_status fill_config(const pyr_duckdb_instance *instance, dd_config config,
                              pyr_error *error) {
    static const char *const options[][2] = {{"autoinstall_known_extensions", "false"},
                                             {"autoload_known_extensions", "false"},
                                             {"allow_community_extensions", "false"},
                                             {"allow_unsigned_extensions", "false"},
                                             {"allow_persistent_secrets", "false"},
                                             {"errors_as_json", "true"},
                                             {"preserve_insertion_order", "true"},
                                             {"arrow_large_buffer_size", "false"},
                                             {"arrow_output_list_view", "false"},
                                             {"produce_arrow_string_view", "false"},
                                             {"duckdb_api", "pyralog"}};
    /* A server's user is not to be told of its home folder, which these are below by default. */
    static const char *const hidden[] = {"extension_directory", "secret_directory",
                                         "home_directory"};
    const pyr_duckdb_api *api = instance->api;
    const pyr_duckdb_profile *profile = &instance->profile;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); ++i) {
        PYR_TRY(set_option(api, config, options[i][0], options[i][1], error));
    }
    for (size_t i = 0; !profile->unrestricted && i < sizeof(hidden) / sizeof(hidden[0]); ++i) {
        PYR_TRY(set_option(api, config, hidden[i], "/nonexistent", error));
    }
    char number[32];
    snprintf(number, sizeof(number), "%u", profile->threads);
    PYR_TRY(set_option(api, config, "threads", number, error));
    if (profile->memory_limit_bytes > 0) {
        snprintf(number, sizeof(number), "%zuB", profile->memory_limit_bytes);
        PYR_TRY(set_option(api, config, "memory_limit", number, error));
    }
    if (profile->temp_folder == NULL) {
        return set_option(api, config, "temp_directory", "", error);
    }
    /* A folder of its own: two instances must not use the same spill files. */
    pyr_text folder;
    pyr_text_init(&folder);
    pyr_text_printf(&folder, "%s/duckdb-%d-%u", profile->temp_folder, (int)getpid(),
                    instance->number);
    pyr_status status = pyr_text_check(&folder, error);
    if (status == PYR_OK) {
        status = set_option(api, config, "temp_directory", pyr_text_get(&folder), error);
    }
    pyr_text_deinit(&folder);
    PYR_TRY(status);
    if (!profile->unrestricted) {
        PYR_TRY(set_option(api, config, "force_mbedtls_unsafe", "true", error));
        PYR_TRY(set_option(api, config, "temp_file_encryption", "true", error));
    }
    return PYR_OK;
}

static pyr_status open_database(pyr_duckdb_instance *instance, pyr_error *error) {
    const pyr_duckdb_api *api = instance->api;
    dd_config config = NULL;
    if (api->create_config(&config) != DD_SUCCESS) {
        api->destroy_config(&config);
        return pyr_error_memory(error, sizeof(config));
    }
    char *message = NULL;
    pyr_status status = fill_config(instance, config, error);
    if (status == PYR_OK &&
        api->open_ext(NULL, &instance->database, config, &message) != DD_SUCCESS) {
        status = pyr_duckdb_error_set(NULL, message, error);
        api->free(message);
    }
    api->destroy_config(&config);
    return status;
}

/* What the lock lets through: the dialect, and where the names of an overlay are looked up. */
static pyr_status lock(const pyr_duckdb_instance *instance, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "SET GLOBAL allowed_configs = ['search_path', ");
    for (int i = 0; i < PYR_DIALECT_SETTINGS; ++i) {
        pyr_text_add(&text, i > 0 ? ", " : "");
        add_quoted(&text, pyr_dialect_setting_at(i)->name);
    }
    pyr_text_add(&text, "]");
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        status = pyr_duckdb_run_sql(instance->api, instance->setup, pyr_text_get(&text), error);
    }
    pyr_text_deinit(&text);
    PYR_TRY(status);
    return pyr_duckdb_run_sql(instance->api, instance->setup, "SET lock_configuration = true",
                              error);
}

static pyr_status configure(pyr_duckdb_instance *instance, pyr_error *error) {
    const pyr_duckdb_api *api = instance->api;
    if (api->connect(instance->database, &instance->setup) != DD_SUCCESS) {
        return pyr_error_set(error, PYR_ERROR_INTERNAL, "DuckDB gives no connection");
    }
    dd_connection setup = instance->setup;
    PYR_TRY(pyr_duckdb_run_sql(api, setup, "SET GLOBAL TimeZone = 'UTC'", error));
    PYR_TRY(pyr_duckdb_epoch_register(api, setup, instance->profile.time_unit, error));
    PYR_TRY(pyr_duckdb_scan_register(api, setup, error));
    PYR_TRY(pyr_duckdb_functions_register(api, setup, error));
    PYR_TRY(pyr_duckdb_each_register(api, setup, error));
    PYR_TRY(pyr_duckdb_sequence_register(api, setup, error));
    /* DuckDB asks a replacement scan only about schemas that it knows. */
    PYR_TRY(pyr_duckdb_run_sql(api, setup, "CREATE SCHEMA pyralog", error));
    api->add_replacement_scan(instance->database, pyr_duckdb_replacement, NULL, NULL);
    /* The options are a copy of the settings at this time. */
    api->connection_get_arrow_options(setup, &instance->plain);
    PYR_TRY(pyr_duckdb_run_sql(api, setup, "SET arrow_lossless_conversion = true", error));
    api->connection_get_arrow_options(setup, &instance->lossless);
    PYR_TRY(pyr_duckdb_run_sql(api, setup, "SET arrow_lossless_conversion = false", error));
    PYR_TRY(restrict_access(instance, error));
    return lock(instance, error);
}

static void instance_destroy(pyr_duckdb_instance *instance) {
    const pyr_duckdb_api *api = instance->api;
    if (instance->plain != NULL) {
        api->destroy_arrow_options(&instance->plain);
    }
    if (instance->lossless != NULL) {
        api->destroy_arrow_options(&instance->lossless);
    }
    if (instance->setup != NULL) {
        api->disconnect(&instance->setup);
    }
    if (instance->database != NULL) {
        api->close(&instance->database);
    }
    free_profile(&instance->profile);
    free(instance->overlays_free);
    free(instance);
}

static pyr_status instance_create(pyr_duckdb_engine *engine, const pyr_duckdb_profile *profile,
                                  pyr_duckdb_instance **out, pyr_error *error) {
    *out = NULL;
    pyr_duckdb_instance *instance = calloc(1, sizeof(*instance));
    if (instance == NULL) {
        return pyr_error_memory(error, sizeof(*instance));
    }
    instance->engine = engine;
    instance->api = engine->api;
    instance->number = ++engine->instances_made;
    instance->references = 1;
    instance->opening = true;
    pyr_status status = copy_profile(profile, &instance->profile, error);
    if (status != PYR_OK) {
        free(instance);
        return status;
    }
    *out = instance;
    return PYR_OK;
}

/* Takes idle instances beyond those kept off the engine's list, the longest known first (they stand
 * last). They are for destroy_list, without the engine's lock: opening and closing a database takes
 * long, and every other statement would wait. */
static pyr_duckdb_instance *trim_instances(pyr_duckdb_engine *engine) {
    size_t idle = 0;
    pyr_duckdb_instance *trimmed = NULL;
    pyr_duckdb_instance **link = &engine->instances;
    while (*link != NULL) {
        pyr_duckdb_instance *instance = *link;
        bool unused = instance->references == 0;
        if (unused && (atomic_load(&instance->broken) || ++idle > IDLE_INSTANCES_MAX)) {
            *link = instance->next;
            instance->next = trimmed;
            trimmed = instance;
        } else {
            link = &instance->next;
        }
    }
    return trimmed;
}

static void destroy_list(pyr_duckdb_instance *instances) {
    while (instances != NULL) {
        pyr_duckdb_instance *next = instances->next;
        instance_destroy(instances);
        instances = next;
    }
}

/* With the engine's lock. An instance of the profile, perhaps one that is being opened; NULL: there
 * is none. */
static pyr_duckdb_instance *find_instance(const pyr_duckdb_engine *engine,
                                          const pyr_duckdb_profile *profile) {
    pyr_duckdb_instance *found = engine->instances;
    while (found != NULL &&
           (atomic_load(&found->broken) || !same_profile(&found->profile, profile))) {
        found = found->next;
    }
    return found;
}

/* With the engine's lock. *out is opened, or new and to be opened by the caller. */
static pyr_status find_or_create(pyr_duckdb_engine *engine, const pyr_duckdb_profile *profile,
                                 pyr_duckdb_instance **out, pyr_error *error) {
    *out = NULL;
    if (engine->api == NULL) {
        PYR_TRY(pyr_duckdb_api_load(&engine->api, error));
    }
    pyr_duckdb_instance *found = find_instance(engine, profile);
    while (found != NULL && found->opening) {
        pthread_cond_wait(&engine->opened, &engine->lock);
        found = find_instance(engine, profile); /* gone where it could not be opened */
    }
    if (found == NULL) {
        PYR_TRY(instance_create(engine, profile, &found, error));
        found->next = engine->instances;
        engine->instances = found;
    } else {
        ++found->references;
    }
    *out = found;
    return PYR_OK;
}

static void unlink_instance(pyr_duckdb_engine *engine, const pyr_duckdb_instance *instance) {
    pyr_duckdb_instance **link = &engine->instances;
    while (*link != instance) {
        link = &(*link)->next;
    }
    *link = instance->next;
}

/* Without the engine's lock: nobody else touches it before it is opened. */
static pyr_status open_instance(pyr_duckdb_instance *instance, pyr_error *error) {
    pyr_duckdb_engine *engine = instance->engine;
    pyr_status status = open_database(instance, error);
    if (status == PYR_OK) {
        status = configure(instance, error);
    }
    pthread_mutex_lock(&engine->lock);
    instance->opening = false;
    pyr_duckdb_instance *trimmed = NULL;
    if (status == PYR_OK) {
        trimmed = trim_instances(engine);
    } else {
        unlink_instance(engine, instance);
        trimmed = instance;
        trimmed->next = NULL;
    }
    pthread_cond_broadcast(&engine->opened);
    pthread_mutex_unlock(&engine->lock);
    destroy_list(trimmed);
    return status;
}

static pyr_status take_instance(pyr_duckdb_engine *engine, const pyr_duckdb_profile *profile,
                                pyr_duckdb_instance **out, pyr_error *error) {
    pthread_mutex_lock(&engine->lock);
    pyr_status status = find_or_create(engine, profile, out, error);
    bool opens = status == PYR_OK && (*out)->opening;
    pthread_mutex_unlock(&engine->lock);
    return opens ? open_instance(*out, error) : status;
}

/* overlay: a database that nobody uses any more; 0: none. */
static void release_instance(pyr_duckdb_instance *instance, unsigned overlay) {
    pyr_duckdb_engine *engine = instance->engine;
    pthread_mutex_lock(&engine->lock);
    --instance->references;
    if (overlay > 0) {
        instance->overlays_free[instance->overlays_free_count++] = overlay;
    }
    pyr_duckdb_instance *trimmed = trim_instances(engine);
    pthread_mutex_unlock(&engine->lock);
    destroy_list(trimmed);
}

/* What the session chose, for this connection alone. */
static pyr_status apply_dialect(const pyr_duckdb_api *api, dd_connection connection,
                                const pyr_dialect *dialect, pyr_error *error) {
    pyr_status status = PYR_OK;
    for (int i = 0; dialect != NULL && status == PYR_OK && i < PYR_DIALECT_SETTINGS; ++i) {
        if (dialect->values[i][0] == '\0') {
            continue;
        }
        pyr_text text;
        pyr_text_init(&text);
        pyr_text_printf(&text, "SET SESSION %s = ", pyr_dialect_setting_at(i)->name);
        add_quoted(&text, dialect->values[i]);
        status = pyr_text_check(&text, error);
        if (status == PYR_OK) {
            status = pyr_duckdb_run_sql(api, connection, pyr_text_get(&text), error);
        }
        pyr_text_deinit(&text);
    }
    return status;
}

pyr_status pyr_duckdb_lease_take(pyr_duckdb_engine *engine, const pyr_file_access *files,
                                 const pyr_engine_query *query, pyr_duckdb_lease *out,
                                 pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_duckdb_profile profile = {
        .unrestricted = files != NULL && files->unrestricted,
        .folders_count = files != NULL ? files->folders_count : 0,
        .folders = files != NULL ? files->folders : NULL,
        .threads = query->threads > 0 ? query->threads : 1,
        .memory_limit_bytes = query->memory_limit_bytes,
        .time_unit = query->time_unit != NULL ? query->time_unit : "ms",
        .temp_folder = query->temp_folder,
    };
    char **registered = NULL;
    if (!profile.unrestricted) {
        PYR_TRY(pyr_duckdb_external_files(query->snapshot, files, &registered, &profile.files_count,
                                          error));
        profile.files = (const char *const *)registered;
    }
    pyr_duckdb_instance *instance = NULL;
    pyr_status status = take_instance(engine, &profile, &instance, error);
    pyr_duckdb_files_free(registered, profile.files_count);
    PYR_TRY(status);
    dd_connection connection = NULL;
    if (instance->api->connect(instance->database, &connection) != DD_SUCCESS) {
        release_instance(instance, 0);
        return pyr_error_set(error, PYR_ERROR_INTERNAL, "DuckDB gives no connection");
    }
    out->instance = instance;
    out->connection = connection;
    status = apply_dialect(instance->api, connection, query->dialect, error);
    if (status != PYR_OK) {
        pyr_duckdb_lease_give(out);
    }
    return status;
}

void pyr_duckdb_lease_give(pyr_duckdb_lease *lease) {
    pyr_duckdb_instance *instance = lease->instance;
    if (instance == NULL) {
        return;
    }
    instance->api->disconnect(&lease->connection); /* which rolls back */
    release_instance(instance, lease->overlay);
    memset(lease, 0, sizeof(*lease));
}

/* A database that nobody uses; there is room in overlays_free for each. With the engine's lock. */
static pyr_status take_overlay(pyr_duckdb_instance *instance, unsigned *out, pyr_error *error) {
    if (instance->overlays_free_count > 0) {
        *out = instance->overlays_free[--instance->overlays_free_count];
        return PYR_OK;
    }
    unsigned number = instance->overlays_count + 1;
    unsigned *grown = realloc(instance->overlays_free, number * sizeof(*grown));
    if (grown == NULL) {
        return pyr_error_memory(error, number * sizeof(*grown));
    }
    instance->overlays_free = grown;
    char text[64];
    snprintf(text, sizeof(text), "ATTACH ':memory:' AS pyralog_%u", number);
    PYR_TRY(pyr_duckdb_run_sql(instance->api, instance->setup, text, error));
    instance->overlays_count = number;
    *out = number;
    return PYR_OK;
}

static pyr_status set_search_path(const pyr_duckdb_lease *lease, const char *schema_name,
                                  pyr_error *error) {
    pyr_duckdb_instance *instance = lease->instance;
    pyr_text path;
    pyr_text text;
    pyr_text_init(&path);
    pyr_text_init(&text);
    pyr_text_printf(&path, "pyralog_%u.", lease->overlay);
    pyr_sql_quote_name(schema_name, &path);
    /* memory.main is where our own macros are. */
    pyr_text_printf(&path, ",pyralog_%u.main,memory.main", lease->overlay);
    pyr_text_add(&text, "SET SESSION search_path = ");
    add_quoted(&text, pyr_text_get(&path));
    pyr_status status = pyr_text_check(&path, error);
    if (status == PYR_OK) {
        status = pyr_text_check(&text, error);
    }
    if (status == PYR_OK) {
        status = pyr_duckdb_run_sql(instance->api, lease->connection, pyr_text_get(&text), error);
    }
    pyr_text_deinit(&path);
    pyr_text_deinit(&text);
    return status;
}

pyr_status pyr_duckdb_lease_overlay(pyr_duckdb_lease *lease, pyr_error *error) {
    pyr_duckdb_instance *instance = lease->instance;
    pthread_mutex_lock(&instance->engine->lock);
    pyr_status status = take_overlay(instance, &lease->overlay, error);
    pthread_mutex_unlock(&instance->engine->lock);
    PYR_TRY(status);
    return set_search_path(lease, "main", error);
}

pyr_status pyr_duckdb_lease_search(pyr_duckdb_lease *lease, const char *schema_name,
                                   pyr_error *error) {
    return schema_name == NULL || strcmp(schema_name, "main") == 0
               ? PYR_OK
               : set_search_path(lease, schema_name, error);
}

void pyr_duckdb_instances_close(pyr_duckdb_engine *engine) {
    destroy_list(engine->instances);
    engine->instances = NULL;
}
