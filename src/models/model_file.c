/* model_file.c - a model's files as they were, and whether they still are; see model_file.h. */
#include "models/model_file.h"

#include "base/blake3.h"
#include "base/checked.h"
#include "base/mapping.h"
#include "models/models_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void pyr_model_files_deinit(pyr_model_files *files) {
    for (size_t i = 0; i < files->count; ++i) {
        free(files->items[i].path);
    }
    free(files->items);
    memset(files, 0, sizeof(*files));
}

int64_t pyr_model_files_size_bytes(const pyr_model_files *files) {
    int64_t sum = 0;
    for (size_t i = 0; i < files->count; ++i) {
        if (!pyr_add_i64(sum, files->items[i].size_bytes, &sum)) {
            return INT64_MAX;
        }
    }
    return sum;
}

pyr_status pyr_model_files_add(pyr_model_files *files, const pyr_model_part *part,
                               pyr_error *error) {
    if (files->count == files->capacity) {
        size_t wanted = files->capacity > 0 ? files->capacity * 2 : 4;
        pyr_model_part *grown = realloc(files->items, wanted * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, wanted * sizeof(*grown));
        }
        files->items = grown;
        files->capacity = wanted;
    }
    pyr_model_part *to = &files->items[files->count];
    *to = *part;
    to->path = strdup(part->path);
    if (to->path == NULL) {
        return pyr_error_memory(error, strlen(part->path));
    }
    ++files->count;
    return PYR_OK;
}

pyr_model_part pyr_model_part_of(const struct stat *info, char *path) {
    return (pyr_model_part){.path = path,
                            .size_bytes = (int64_t)info->st_size,
                            .mtime_ns = (int64_t)info->st_mtim.tv_sec * 1000000000 +
                                        (int64_t)info->st_mtim.tv_nsec,
                            .inode = (uint64_t)info->st_ino};
}

/* ---- As text. ---- */

static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

void pyr_model_files_print(const pyr_model_files *files, pyr_text *out) {
    size_t folder = files->count > 0 ? folder_length(files->items[0].path) : 0;
    for (size_t i = 0; i < files->count; ++i) {
        const pyr_model_part *part = &files->items[i];
        pyr_text_printf(out, "%" PRId64 " %" PRId64 " %" PRIu64 " %s\n", part->size_bytes,
                        part->mtime_ns, part->inode, i == 0 ? "" : part->path + folder);
    }
}

/* A number and the space behind it. */
static bool take_number(const char **at, bool is_signed, int64_t *number, uint64_t *whole) {
    char *end = NULL;
    bool digits = (**at >= '0' && **at <= '9') ||
                  (is_signed && **at == '-' && (*at)[1] >= '0' && (*at)[1] <= '9');
    errno = 0;
    if (!digits) {
        return false;
    }
    if (number != NULL) {
        *number = strtoll(*at, &end, 10);
    } else {
        *whole = strtoull(*at, &end, 10);
    }
    if (errno != 0 || *end != ' ') {
        return false;
    }
    *at = end + 1;
    return true;
}

/* *path: where the file's path is made, in room for PATH_MAX bytes. */
static bool take_line(const char **at, const char *model, bool first, char *path,
                      pyr_model_part *out) {
    memset(out, 0, sizeof(*out));
    if (!take_number(at, false, &out->size_bytes, NULL) ||
        !take_number(at, true, &out->mtime_ns, NULL) ||
        !take_number(at, false, NULL, &out->inode)) {
        return false;
    }
    size_t length = strcspn(*at, "\n");
    size_t folder = first ? strlen(model) : folder_length(model);
    if ((*at)[length] != '\n' || (length == 0) != first || memchr(*at, '/', length) != NULL ||
        folder + length >= PATH_MAX) {
        return false;
    }
    memcpy(path, model, folder);
    memcpy(path + folder, *at, length);
    path[folder + length] = '\0';
    out->path = path;
    *at += length + 1;
    return true;
}

pyr_status pyr_model_files_parse(const char *text, const char *path, pyr_model_files *out,
                                 pyr_error *error) {
    char joined[PATH_MAX];
    memset(out, 0, sizeof(*out));
    pyr_status status = PYR_OK;
    while (status == PYR_OK && *text != '\0') {
        pyr_model_part part;
        if (out->count > PYR_MODEL_SHARDS_MAX ||
            !take_line(&text, path, out->count == 0, joined, &part)) {
            status =
                pyr_error_set(error, PYR_ERROR_CORRUPT,
                              "model \"%s\": what was registered of its files is damaged", path);
        } else {
            status = pyr_model_files_add(out, &part, error);
        }
    }
    if (status != PYR_OK) {
        pyr_model_files_deinit(out);
    }
    return status;
}

/* ---- As they are now. ---- */

const char *pyr_model_state_name(pyr_model_state state) {
    static const char *const names[] = {
        [PYR_MODEL_OK] = "ok", [PYR_MODEL_CHANGED] = "changed", [PYR_MODEL_MISSING] = "missing"};
    return names[state];
}

static pyr_model_state state_of(const pyr_model_part *part) {
    struct stat info;
    if (stat(part->path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return PYR_MODEL_MISSING;
    }
    pyr_model_part now = pyr_model_part_of(&info, NULL);
    bool same = now.size_bytes == part->size_bytes && now.mtime_ns == part->mtime_ns &&
                now.inode == part->inode;
    return same ? PYR_MODEL_OK : PYR_MODEL_CHANGED;
}

pyr_model_state pyr_model_files_state(const pyr_model_files *files, const pyr_model_part **which) {
    pyr_model_state worst = PYR_MODEL_OK;
    const pyr_model_part *found = NULL;
    for (size_t i = 0; worst != PYR_MODEL_MISSING && i < files->count; ++i) {
        pyr_model_state state = state_of(&files->items[i]);
        if (state > worst) {
            worst = state;
            found = &files->items[i];
        }
    }
    if (which != NULL) {
        *which = found;
    }
    return worst;
}

/* ---- The hash. ---- */

static pyr_status check_unchanged(const pyr_model_files *files, pyr_error *error) {
    const pyr_model_part *which = NULL;
    pyr_model_state state = pyr_model_files_state(files, &which);
    return state == PYR_MODEL_OK
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_IO, "58030", -1,
                                   "model file \"%s\" is %s since it was registered: "
                                   "UPDATE model_registry SET path = path takes it anew",
                                   which->path, state == PYR_MODEL_MISSING ? "missing" : "changed");
}

static pyr_status hash_part(pyr_blake3 *hasher, const char *path, pyr_thread_pool *pool,
                            pyr_cancel_flag *cancel, pyr_error *error) {
    pyr_buffer *bytes = NULL;
    PYR_TRY(pyr_mapping_open(path, &bytes, error));
    pyr_status status =
        pyr_blake3_update_parallel(hasher, bytes->data, bytes->size_bytes, pool, cancel, error);
    if (status == PYR_OK) {
        status = pyr_mapping_check(bytes->mapping, error);
    }
    pyr_buffer_release(bytes);
    return status;
}

pyr_status pyr_model_hash(const pyr_model_files *files, pyr_thread_pool *pool,
                          pyr_cancel_flag *cancel, char hex[PYR_MODEL_HASH_CHARS + 1],
                          pyr_error *error) {
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[PYR_BLAKE3_OUT_BYTES];
    pyr_blake3 hasher;
    hex[0] = '\0';
    PYR_TRY(check_unchanged(files, error));
    pyr_blake3_init(&hasher);
    for (size_t i = 0; i < files->count; ++i) {
        PYR_TRY(hash_part(&hasher, files->items[i].path, pool, cancel, error));
    }
    PYR_TRY(check_unchanged(files, error));
    pyr_blake3_finalize(&hasher, hash, sizeof(hash));
    for (size_t i = 0; i < sizeof(hash); ++i) {
        hex[2 * i] = digits[hash[i] >> 4];
        hex[2 * i + 1] = digits[hash[i] & 15];
    }
    hex[PYR_MODEL_HASH_CHARS] = '\0';
    return PYR_OK;
}
