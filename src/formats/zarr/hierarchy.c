/* hierarchy.c - opening: from a path in a store to all arrays below it.
 *
 * Consolidated metadata is taken at its word (that is what it is for); without it folders are
 * listed, and an array's own folder is not looked into. An array that cannot be parsed is kept with
 * its problem. What is bounded: arrays, folders looked at, depth, bytes of each document.
 */
#include "formats/zarr/zarr_internal.h"

#include "base/mapping.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32
#define FOLDERS_MAX 100000

struct pyr_zarr {
    atomic_size_t references;
    pyr_zarr_store *store;
    pyr_budget *budget;
    pyr_arena arena;
    bool is_group;
    pyr_zarr_format format;
    const char *path; /* of what was opened */
    const char *attributes;
    int64_t count, capacity;
    pyr_zarr_array **arrays; /* malloc'ed; each in the arena; by path */
};

typedef struct opening {
    pyr_zarr *zarr;
    pyr_zarr_format wanted;
    int64_t folders;
    pyr_error *error;
} opening;

/* ---- Documents. ---- */

/* The key of a document at path; malloc'ed. */
static pyr_status join(const char *path, const char *name, char **out, pyr_error *error) {
    size_t size = strlen(path) + strlen(name) + 2;
    *out = malloc(size);
    if (*out == NULL) {
        return pyr_error_memory(error, size);
    }
    snprintf(*out, size, *path != '\0' ? "%s/%s" : "%s%s", path, name);
    return PYR_OK;
}

/* *out NULL: there is none. */
static pyr_status load(opening *o, const char *path, const char *name, json_t **out) {
    pyr_buffer *bytes = NULL;
    char *key;
    *out = NULL;
    PYR_TRY(join(path, name, &key, o->error));
    if (strlen(key) > PYR_ZARR_KEY_BYTES_MAX) {
        free(key);
        return pyr_error_set(o->error, PYR_ERROR_LIMIT, "%s: a path of more than %d bytes",
                             o->zarr->store->name, PYR_ZARR_KEY_BYTES_MAX);
    }
    pyr_status status =
        pyr_zarr_store_get(o->zarr->store, key, NULL, o->zarr->budget, &bytes, o->error);
    if (status == PYR_OK && bytes != NULL) {
        status = pyr_zarr_json_load(bytes, key, out, o->error);
        pyr_status fault = pyr_mapping_check(bytes->mapping, status == PYR_OK ? o->error : NULL);
        status = status == PYR_OK ? fault : status;
    }
    if (status == PYR_OK && *out != NULL && !json_is_object(*out)) {
        status = pyr_error_set(o->error, PYR_ERROR_CORRUPT, "%s: no JSON object", key);
    }
    if (status != PYR_OK) {
        json_decref(*out);
        *out = NULL;
    }
    pyr_buffer_release(bytes);
    free(key);
    return status;
}

/* ---- Arrays. ---- */

static pyr_status add_slot(opening *o, pyr_zarr_array *array) {
    pyr_zarr *zarr = o->zarr;
    if (zarr->count == PYR_ZARR_ARRAYS_MAX) {
        return pyr_error_set(o->error, PYR_ERROR_LIMIT, "%s: more than %d arrays",
                             zarr->store->name, PYR_ZARR_ARRAYS_MAX);
    }
    if (zarr->count == zarr->capacity) {
        int64_t capacity = zarr->capacity > 0 ? zarr->capacity * 2 : 16;
        pyr_zarr_array **grown = realloc(zarr->arrays, (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(o->error, (size_t)capacity * sizeof(*grown));
        }
        zarr->arrays = grown;
        zarr->capacity = capacity;
    }
    zarr->arrays[zarr->count++] = array;
    return PYR_OK;
}

static pyr_status new_array(opening *o, const char *path, pyr_zarr_format format,
                            pyr_zarr_array **out) {
    pyr_zarr *zarr = o->zarr;
    *out = NULL;
    pyr_zarr_array *array = pyr_arena_alloc(&zarr->arena, sizeof(*array));
    if (array == NULL) {
        return pyr_arena_error(&zarr->arena, o->error);
    }
    PYR_TRY(pyr_zarr_array_init(array, zarr->store, zarr->budget, o->error));
    pyr_status status = add_slot(o, array);
    if (status != PYR_OK) {
        pyr_zarr_array_deinit(array);
        return status;
    }
    const char *copy = pyr_arena_strdup(&zarr->arena, path);
    if (copy == NULL) {
        return pyr_arena_error(&zarr->arena, o->error);
    }
    const char *slash = strrchr(copy, '/');
    array->info.path = copy;
    array->info.name = slash != NULL ? slash + 1 : copy;
    array->info.format = format;
    *out = array;
    return PYR_OK;
}

/* A fault of its own stays with the array; memory is everybody's. */
static pyr_status keep_problem(opening *o, pyr_zarr_array *array, pyr_status status,
                               const pyr_error *problem) {
    if (status == PYR_OK) {
        return PYR_OK;
    }
    const char *path = array->info.path, *name = array->info.name;
    pyr_zarr_format format = array->info.format;
    memset(&array->info, 0, sizeof(array->info));
    array->info.path = path;
    array->info.name = name;
    array->info.format = format;
    array->status = status;
    array->info.problem = pyr_arena_strdup(&o->zarr->arena, problem->message);
    array->info.data_type = array->info.codecs = array->info.attributes = "";
    if (status == PYR_ERROR_MEMORY || array->info.problem == NULL) {
        return pyr_error_set(o->error, PYR_ERROR_MEMORY, "%s", problem->message);
    }
    return PYR_OK;
}

static pyr_status add_array(opening *o, const char *path, pyr_zarr_format format,
                            const json_t *metadata, const json_t *attributes) {
    pyr_zarr_array *array;
    pyr_error problem;
    PYR_TRY(new_array(o, path, format, &array));
    assert(array != NULL);
    return keep_problem(
        o, array,
        pyr_zarr_array_parse(array, format, metadata, attributes, &o->zarr->arena, &problem),
        &problem);
}

static pyr_status add_broken(opening *o, const char *path, pyr_zarr_format format,
                             pyr_status status) {
    pyr_zarr_array *array;
    pyr_error problem = {0};
    if (o->error != NULL) {
        problem = *o->error;
    }
    PYR_TRY(new_array(o, path, format, &array));
    assert(array != NULL);
    return keep_problem(o, array, status, &problem);
}

/* Of a document that cannot be read: whether the hierarchy can go on without it. */
static bool is_local(pyr_status status) {
    return status == PYR_ERROR_CORRUPT || status == PYR_ERROR_LIMIT ||
           status == PYR_ERROR_NOT_SUPPORTED;
}

static pyr_status add_array_v2(opening *o, const char *path, const json_t *metadata) {
    json_t *attributes;
    PYR_TRY(load(o, path, ".zattrs", &attributes));
    pyr_status status = add_array(o, path, PYR_ZARR_V2, metadata, attributes);
    json_decref(attributes);
    return status;
}

/* ---- Consolidated metadata. ---- */

/* base and "a/b" give the path of what is at "a/b". */
static pyr_status add_below(opening *o, const char *base, const char *key, size_t length,
                            pyr_zarr_format format, const json_t *metadata,
                            const json_t *attributes) {
    char *path, name[PYR_ZARR_KEY_BYTES_MAX + 1];
    if (length > PYR_ZARR_KEY_BYTES_MAX) {
        return PYR_OK;
    }
    snprintf(name, sizeof(name), "%.*s", (int)length, key);
    if (length > 0 && !pyr_zarr_key_valid(name)) {
        return pyr_error_set(o->error, PYR_ERROR_CORRUPT,
                             "%s: consolidated metadata of \"%.200s\", which is no path",
                             o->zarr->store->name, name);
    }
    if (length == 0) {
        return add_array(o, base, format, metadata, attributes);
    }
    PYR_TRY(join(base, name, &path, o->error));
    pyr_status status = add_array(o, path, format, metadata, attributes);
    free(path);
    return status;
}

static pyr_status add_consolidated_v2(opening *o, const char *path, const json_t *all) {
    static const char suffix[] = "/.zarray";
    const char *key;
    json_t *value;
    if (!json_is_object(all)) {
        return pyr_error_set(o->error, PYR_ERROR_CORRUPT, "%s: .zmetadata without metadata",
                             o->zarr->store->name);
    }
    json_object_foreach((json_t *)all, key, value) {
        size_t length = strlen(key), tail = sizeof(suffix) - 1;
        if (length <= tail || strcmp(key + length - tail, suffix) != 0) {
            continue;
        }
        char *attributes_key = strdup(key);
        if (attributes_key == NULL) {
            return pyr_error_memory(o->error, length + 1);
        }
        memcpy(attributes_key + length - tail, "/.zattrs", tail);
        const json_t *attributes = json_object_get(all, attributes_key);
        free(attributes_key);
        PYR_TRY(add_below(o, path, key, length - tail, PYR_ZARR_V2, value, attributes));
    }
    return PYR_OK;
}

static pyr_status add_consolidated_v3(opening *o, const char *path, const json_t *all) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)all, key, value) {
        const char *type = pyr_zarr_json_string(value, "node_type");
        if (type != NULL && strcmp(type, "array") == 0 && key[0] != '\0') {
            PYR_TRY(add_below(o, path, key, strlen(key), PYR_ZARR_V3, value, NULL));
        }
    }
    return PYR_OK;
}

/* ---- Listing. ---- */

typedef struct listing {
    opening *o;
    char **folders; /* malloc'ed names */
    size_t count, capacity;
    bool v3, array_v2, group_v2;
} listing;

static pyr_status visit(void *context, const char *name, bool is_folder, pyr_error *error) {
    listing *found = context;
    if (!is_folder) {
        found->v3 = found->v3 || strcmp(name, "zarr.json") == 0;
        found->array_v2 = found->array_v2 || strcmp(name, ".zarray") == 0;
        found->group_v2 = found->group_v2 || strcmp(name, ".zgroup") == 0;
        return PYR_OK;
    }
    if (++found->o->folders > FOLDERS_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%s: more than %d folders to look into",
                             found->o->zarr->store->name, FOLDERS_MAX);
    }
    if (found->count == found->capacity) {
        size_t capacity = found->capacity > 0 ? found->capacity * 2 : 16;
        char **grown = realloc(found->folders, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        found->folders = grown;
        found->capacity = capacity;
    }
    found->folders[found->count] = strdup(name);
    return found->folders[found->count++] != NULL ? PYR_OK
                                                  : pyr_error_memory(error, strlen(name) + 1);
}

static void listing_deinit(listing *found) {
    for (size_t i = 0; i < found->count; ++i) {
        free(found->folders[i]);
    }
    free(found->folders);
}

static pyr_status add_listed(opening *o, const char *path, int depth);

static pyr_status add_children(opening *o, const char *path, const listing *found, int depth) {
    if (depth >= DEPTH_MAX) {
        return pyr_error_set(o->error, PYR_ERROR_LIMIT, "%s: groups more than %d deep",
                             o->zarr->store->name, DEPTH_MAX);
    }
    for (size_t i = 0; i < found->count; ++i) {
        char *child;
        PYR_TRY(join(path, found->folders[i], &child, o->error));
        pyr_status status =
            strlen(child) <= PYR_ZARR_KEY_BYTES_MAX ? add_listed(o, child, depth + 1) : PYR_OK;
        free(child);
        PYR_TRY(status);
    }
    return PYR_OK;
}

/* What is at path, of v3: an array is added; *is_group says to look further. */
static pyr_status add_node_v3(opening *o, const char *path, bool *is_group) {
    json_t *metadata;
    *is_group = false;
    pyr_status status = load(o, path, "zarr.json", &metadata);
    if (status != PYR_OK) {
        return is_local(status) ? add_broken(o, path, PYR_ZARR_V3, status) : status;
    }
    const char *type = pyr_zarr_json_string(metadata, "node_type");
    if (type != NULL && strcmp(type, "group") == 0) {
        *is_group = true;
    } else {
        status = add_array(o, path, PYR_ZARR_V3, metadata, NULL);
    }
    json_decref(metadata);
    return status;
}

static pyr_status add_node_v2(opening *o, const char *path) {
    json_t *metadata;
    pyr_status status = load(o, path, ".zarray", &metadata);
    if (status == PYR_OK && metadata != NULL) {
        status = add_array_v2(o, path, metadata);
    }
    json_decref(metadata);
    return is_local(status) ? add_broken(o, path, PYR_ZARR_V2, status) : status;
}

static pyr_status add_listed(opening *o, const char *path, int depth) {
    listing found = {.o = o};
    bool is_group = true;
    pyr_status status = pyr_zarr_store_list(o->zarr->store, path, visit, &found, o->error);
    bool v2 = found.array_v2 || found.group_v2;
    if (status == PYR_OK && found.v3 && !(o->wanted == PYR_ZARR_V2 && v2)) {
        status = add_node_v3(o, path, &is_group);
    } else if (status == PYR_OK && found.array_v2) {
        status = add_node_v2(o, path);
        is_group = false;
    }
    if (status == PYR_OK && is_group) {
        status = add_children(o, path, &found, depth);
    }
    listing_deinit(&found);
    return status;
}

/* ---- The root. ---- */

static pyr_status set_attributes(opening *o, const json_t *attributes) {
    if (json_is_object(attributes)) {
        o->zarr->attributes = pyr_zarr_json_text(attributes, &o->zarr->arena);
    }
    return o->zarr->attributes != NULL ? PYR_OK : pyr_arena_error(&o->zarr->arena, o->error);
}

static pyr_status open_v3(opening *o, const char *path, const json_t *metadata) {
    const char *type = pyr_zarr_json_string(metadata, "node_type");
    o->zarr->format = PYR_ZARR_V3;
    PYR_TRY(set_attributes(o, json_object_get(metadata, "attributes")));
    if (type != NULL && strcmp(type, "array") == 0) {
        return add_array(o, path, PYR_ZARR_V3, metadata, NULL);
    }
    if (type == NULL || strcmp(type, "group") != 0) {
        return pyr_error_set(o->error, PYR_ERROR_CORRUPT,
                             "%s: zarr.json of neither an array nor a group", o->zarr->store->name);
    }
    o->zarr->is_group = true;
    const json_t *consolidated = json_object_get(metadata, "consolidated_metadata");
    const json_t *all = json_object_get(consolidated, "metadata");
    return json_is_object(all) ? add_consolidated_v3(o, path, all) : add_listed(o, path, 0);
}

static pyr_status open_group_v2(opening *o, const char *path) {
    json_t *consolidated, *attributes;
    o->zarr->is_group = true;
    PYR_TRY(load(o, path, ".zattrs", &attributes));
    pyr_status status = set_attributes(o, attributes);
    json_decref(attributes);
    PYR_TRY(status);
    PYR_TRY(load(o, path, ".zmetadata", &consolidated));
    if (consolidated == NULL) {
        return add_listed(o, path, 0);
    }
    status = add_consolidated_v2(o, path, json_object_get(consolidated, "metadata"));
    json_decref(consolidated);
    return status;
}

/* *found: there was something of v2 at path. */
static pyr_status open_v2(opening *o, const char *path, bool *found) {
    json_t *metadata;
    PYR_TRY(load(o, path, ".zarray", &metadata));
    *found = true;
    if (metadata != NULL) {
        o->zarr->format = PYR_ZARR_V2;
        pyr_status status = add_array_v2(o, path, metadata);
        json_decref(metadata);
        if (status == PYR_OK && o->zarr->arrays[0]->status == PYR_OK) {
            o->zarr->attributes = o->zarr->arrays[0]->info.attributes;
        }
        return status;
    }
    PYR_TRY(load(o, path, ".zgroup", &metadata));
    if (metadata == NULL) {
        PYR_TRY(load(o, path, ".zmetadata", &metadata));
    }
    *found = metadata != NULL;
    json_decref(metadata);
    if (!*found) {
        return PYR_OK;
    }
    o->zarr->format = PYR_ZARR_V2;
    return open_group_v2(o, path);
}

static pyr_status open_root(opening *o, const char *path) {
    pyr_zarr *zarr = o->zarr;
    json_t *metadata = NULL;
    bool found = false;
    if (o->wanted == PYR_ZARR_V2) {
        PYR_TRY(open_v2(o, path, &found));
    }
    if (!found) {
        PYR_TRY(load(o, path, "zarr.json", &metadata));
        if (metadata != NULL) {
            pyr_status status = open_v3(o, path, metadata);
            json_decref(metadata);
            PYR_TRY(status);
            found = true;
        }
    }
    if (!found && o->wanted != PYR_ZARR_V2) {
        PYR_TRY(open_v2(o, path, &found));
    }
    if (!found) {
        zarr->is_group = true;
        PYR_TRY(add_listed(o, path, 0));
        if (zarr->count == 0) {
            return pyr_error_set(o->error, PYR_ERROR_NOT_FOUND, "%s: no Zarr array or group%s%s",
                                 zarr->store->name, *path != '\0' ? " at " : "", path);
        }
        zarr->format = zarr->arrays[0]->info.format;
    }
    /* What is asked for by its own path fails by its own fault. */
    return zarr->is_group ? PYR_OK : pyr_zarr_array_check(zarr->arrays[0], o->error);
}

static int compare_paths(const void *a, const void *b) {
    const pyr_zarr_array *const *left = a, *const *right = b;
    return strcmp((*left)->info.path, (*right)->info.path);
}

/* Without '/' at its ends; a path that is none of a store is not found there. */
static pyr_status clean_path(const char *path, char **out, pyr_error *error) {
    path += strspn(path, "/");
    *out = strdup(path);
    if (*out == NULL) {
        return pyr_error_memory(error, strlen(path) + 1);
    }
    for (size_t i = strlen(*out); i > 0 && (*out)[i - 1] == '/'; --i) {
        (*out)[i - 1] = '\0';
    }
    if (**out != '\0' && !pyr_zarr_key_valid(*out)) {
        free(*out);
        *out = NULL;
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "\"%.200s\" is no path in a store",
                             path);
    }
    return PYR_OK;
}

pyr_status pyr_zarr_open(pyr_zarr_store *store, const char *path, pyr_zarr_format format,
                         pyr_budget *budget, pyr_zarr **out, pyr_error *error) {
    char *clean;
    pyr_error own; /* problems of arrays are told from it, also where the caller wants none */
    *out = NULL;
    PYR_TRY(clean_path(path, &clean, error));
    pyr_zarr *zarr = calloc(1, sizeof(*zarr));
    if (zarr == NULL) {
        free(clean);
        return pyr_error_memory(error, sizeof(*zarr));
    }
    atomic_init(&zarr->references, 1);
    zarr->store = pyr_zarr_store_retain(store);
    zarr->budget = budget != NULL ? pyr_budget_retain(budget) : NULL;
    zarr->attributes = "{}";
    pyr_arena_init(&zarr->arena, budget);
    opening o = {.zarr = zarr, .wanted = format, .error = error != NULL ? error : &own};
    zarr->path = pyr_arena_strdup(&zarr->arena, clean);
    pyr_status status =
        zarr->path != NULL ? open_root(&o, clean) : pyr_arena_error(&zarr->arena, error);
    free(clean);
    if (status != PYR_OK) {
        pyr_zarr_release(zarr);
        return status;
    }
    if (zarr->count > 1) {
        qsort(zarr->arrays, (size_t)zarr->count, sizeof(*zarr->arrays), compare_paths);
    }
    *out = zarr;
    return PYR_OK;
}

pyr_zarr *pyr_zarr_retain(pyr_zarr *zarr) {
    atomic_fetch_add_explicit(&zarr->references, 1, memory_order_relaxed);
    return zarr;
}

void pyr_zarr_release(pyr_zarr *zarr) {
    if (zarr == NULL ||
        atomic_fetch_sub_explicit(&zarr->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int64_t i = 0; i < zarr->count; ++i) {
        pyr_zarr_array_deinit(zarr->arrays[i]);
    }
    free(zarr->arrays);
    pyr_arena_deinit(&zarr->arena);
    pyr_budget_release(zarr->budget);
    pyr_zarr_store_release(zarr->store);
    free(zarr);
}

bool pyr_zarr_is_group(const pyr_zarr *zarr) {
    return zarr->is_group;
}

pyr_zarr_format pyr_zarr_get_format(const pyr_zarr *zarr) {
    return zarr->format;
}

pyr_zarr_store *pyr_zarr_get_store(const pyr_zarr *zarr) {
    return zarr->store;
}

const char *pyr_zarr_root_path(const pyr_zarr *zarr) {
    return zarr->path;
}

const char *pyr_zarr_attributes(const pyr_zarr *zarr) {
    return zarr->attributes;
}

int64_t pyr_zarr_arrays_count(const pyr_zarr *zarr) {
    return zarr->count;
}

pyr_zarr_array *pyr_zarr_get_array(const pyr_zarr *zarr, int64_t index) {
    return zarr->arrays[index];
}

const pyr_zarr_info *pyr_zarr_array_info(const pyr_zarr_array *array) {
    return &array->info;
}
