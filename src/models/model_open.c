/* model_open.c - from a path to an opened model: which file is meant, what it is by its content,
 * and which others belong to it. See model_file.h.
 *
 * Each file is opened once: what is kept of it (size, time, inode) is of the descriptor that was
 * mapped, so that a file exchanged meanwhile cannot be registered under another's facts.
 */
#include "base/mapping.h"
#include "models/models_internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INDEX_NAME "model.safetensors.index.json"
#define INDEX_SUFFIX ".safetensors.index.json"
#define FILE_SUFFIX ".safetensors"

typedef struct opening {
    const pyr_model_access *access;
    pyr_budget *budget;
    char path[PATH_MAX]; /* of the file that is opened */
    size_t folder;       /* bytes of path up to its last slash, with it */
    pyr_model_files files;
} opening;

/* ---- Errors. ---- */

static pyr_status not_there(const char *path, int errno_value, pyr_error *error) {
    return errno_value == EACCES || errno_value == EPERM
               ? pyr_error_set_errno(error, errno_value, "open", path)
               : pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "58030", -1, "model file \"%s\": %s",
                                   path, strerror(errno_value));
}

/* What a format's reader found wrong is what the statement's value is wrong by. */
static pyr_status no_model(const char *path, pyr_status status, pyr_error *error) {
    pyr_error found;
    if (error == NULL || (status != PYR_ERROR_CORRUPT && status != PYR_ERROR_LIMIT)) {
        return status;
    }
    found = *error;
    const char *what = found.message;
    size_t length = strlen(path);
    if (strncmp(what, path, length) == 0 && strncmp(what + length, ": ", 2) == 0) {
        what += length + 2;
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                             "\"%s\" is not a valid Safetensors model: %s", path, what);
}

/* ---- Which file is meant. ---- */

static bool ends_with(const char *name, const char *suffix) {
    size_t length = strlen(name);
    size_t tail = strlen(suffix);
    return length > tail && strcmp(name + length - tail, suffix) == 0;
}

/* The one name of a folder that ends so; *count: how many do. */
static pyr_status find_in_folder(const char *folder, const char *suffix, char name[NAME_MAX + 1],
                                 size_t *count, pyr_error *error) {
    DIR *handle = opendir(folder);
    *count = 0;
    if (handle == NULL) {
        return not_there(folder, errno, error);
    }
    for (struct dirent *entry = readdir(handle); entry != NULL; entry = readdir(handle)) {
        if (ends_with(entry->d_name, suffix)) {
            memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
            ++*count;
        }
    }
    closedir(handle);
    return PYR_OK;
}

/* Puts name behind the folder's path. */
static pyr_status join(char path[PATH_MAX], const char *name, pyr_error *error) {
    size_t length = strlen(path);
    bool slash = length > 0 && path[length - 1] == '/';
    if (length + !slash + strlen(name) >= PATH_MAX) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "the path of \"%s\" in \"%s\" is too long", name, path);
    }
    if (!slash) {
        path[length++] = '/';
    }
    memcpy(path + length, name, strlen(name) + 1);
    return PYR_OK;
}

static pyr_status choose_in_folder(char path[PATH_MAX], pyr_error *error) {
    static const char *const suffixes[] = {INDEX_SUFFIX, FILE_SUFFIX};
    char name[NAME_MAX + 1] = "";
    size_t count = 0;
    for (size_t i = 0; i < 2 && count == 0; ++i) {
        PYR_TRY(find_in_folder(path, suffixes[i], name, &count, error));
        if (count > 1 && i == 0) { /* the one that has the usual name */
            memcpy(name, INDEX_NAME, sizeof(INDEX_NAME));
            count = 1;
        }
    }
    if (count == 1) {
        return join(path, name, error);
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                             count == 0 ? "folder \"%s\" has no " INDEX_NAME
                                          " and no .safetensors file"
                                        : "folder \"%s\" has several .safetensors files and "
                                          "no " INDEX_NAME ": name the one that is meant",
                             path);
}

/* The canonical path of what is named, as far as its folder; the last part may be a link. */
static pyr_status find_path(const char *given, char path[PATH_MAX], pyr_error *error) {
    struct stat info;
    char folder[PATH_MAX];
    size_t length = strlen(given);
    if (length == 0 || length >= PATH_MAX) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1, "the path of a model has %s",
                                 length == 0 ? "nothing in it" : "too many characters");
    }
    if (stat(given, &info) != 0) {
        return not_there(given, errno, error);
    }
    if (S_ISDIR(info.st_mode)) {
        if (realpath(given, path) == NULL) {
            return not_there(given, errno, error);
        }
        return choose_in_folder(path, error);
    }
    if (!S_ISREG(info.st_mode)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "\"%s\" is a device or a pipe, not a model's file", given);
    }
    const char *slash = strrchr(given, '/');
    memcpy(folder, given, length + 1);
    folder[slash != NULL ? (size_t)(slash - given) + 1 : 0] = '\0';
    if (realpath(slash != NULL ? folder : ".", path) == NULL) {
        return not_there(given, errno, error);
    }
    return join(path, slash != NULL ? slash + 1 : given, error);
}

/* ---- Opening. ---- */

static pyr_status open_file(opening *self, const char *path, pyr_buffer **out, pyr_error *error) {
    struct stat info;
    char copy[PATH_MAX];
    int fd = -1;
    *out = NULL;
    if (self->access != NULL) {
        PYR_TRY(self->access->check(self->access->context, path, error));
    }
    pyr_status status = pyr_mapping_open_file(path, &fd, error);
    if (status == PYR_ERROR_NOT_FOUND) {
        return not_there(path, ENOENT, error);
    }
    PYR_TRY(status);
    memcpy(copy, path, strlen(path) + 1);
    if (fstat(fd, &info) != 0) {
        status = pyr_error_set_errno(error, errno, "fstat", path);
    } else {
        status = pyr_mapping_open_fd(fd, path, out, error);
    }
    close(fd);
    if (status == PYR_OK) {
        const pyr_model_part part = pyr_model_part_of(&info, copy);
        status = pyr_model_files_add(&self->files, &part, error);
    }
    if (status == PYR_OK && (int64_t)(*out)->size_bytes != (int64_t)info.st_size) {
        status = pyr_error_set(error, PYR_ERROR_IO, "%s: the file grew or shrank meanwhile", path);
    }
    if (status != PYR_OK) {
        pyr_buffer_release(*out);
        *out = NULL;
    }
    return status;
}

/* The index's reader has looked at the name: it is one in the index's folder. */
static pyr_status open_shard(void *context, const char *file, pyr_buffer **out, pyr_error *error) {
    opening *self = context;
    char path[PATH_MAX];
    *out = NULL;
    if (self->files.count > PYR_MODEL_SHARDS_MAX || strpbrk(file, "/\n") != NULL) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%s: the shard \"%s\", or their number",
                             self->path, file);
    }
    memcpy(path, self->path, self->folder);
    path[self->folder] = '\0';
    PYR_TRY(join(path, file, error));
    return open_file(self, path, out, error);
}

static bool is_index(const pyr_buffer *bytes) {
    return bytes->size_bytes <= PYR_SAFETENSORS_INDEX_BYTES_MAX &&
           pyr_safetensors_index_detect(bytes->data, bytes->size_bytes);
}

static pyr_status read_headers(opening *self, pyr_buffer *bytes, bool index, pyr_safetensors **out,
                               pyr_error *error) {
    const pyr_safetensors_opener opener = {open_shard, self};
    pyr_status status = index
                            ? pyr_safetensors_open_index(bytes->data, bytes->size_bytes, self->path,
                                                         &opener, self->budget, out, error)
                            : pyr_safetensors_open(bytes, self->path, self->budget, out, error);
    if (status == PYR_OK) {
        status = pyr_mapping_check(bytes->mapping, error);
    }
    for (int32_t i = 0; status == PYR_OK && i < pyr_safetensors_shards(*out); ++i) {
        status = pyr_mapping_check(pyr_safetensors_bytes(*out, i)->mapping, error);
    }
    return no_model(self->path, status, error);
}

/* A lone file is stored as what it is behind links. An index stays where its name is: the shards
 * are beside that, while what it links to may lie in a store of blobs. */
static pyr_status follow_link(opening *self, pyr_error *error) {
    char real[PATH_MAX];
    struct stat info;
    if (realpath(self->path, real) == NULL || stat(real, &info) != 0) {
        return not_there(self->path, errno, error);
    }
    /* The link is followed a second time: by now it may lead to a file that nobody has read. */
    const pyr_model_part now = pyr_model_part_of(&info, NULL);
    const pyr_model_part *mapped = &self->files.items[0];
    if (now.inode != mapped->inode || now.size_bytes != mapped->size_bytes ||
        now.mtime_ns != mapped->mtime_ns) {
        return pyr_error_set_sql(error, PYR_ERROR_IO, "58030", -1,
                                 "%s: the file was exchanged meanwhile", self->path);
    }
    char *path = strdup(real);
    if (path == NULL) {
        return pyr_error_memory(error, strlen(real));
    }
    free(self->files.items[0].path);
    self->files.items[0].path = path;
    return PYR_OK;
}

static pyr_status open_found(opening *self, pyr_safetensors **out, pyr_error *error) {
    pyr_buffer *bytes = NULL;
    self->folder = (size_t)(strrchr(self->path, '/') - self->path) + 1;
    PYR_TRY(open_file(self, self->path, &bytes, error));
    bool index = is_index(bytes);
    pyr_status status = read_headers(self, bytes, index, out, error);
    if (status == PYR_OK && !index) {
        status = follow_link(self, error);
    }
    pyr_buffer_release(bytes);
    return status;
}

pyr_status pyr_model_open(const char *path, const pyr_model_access *access, pyr_budget *budget,
                          pyr_safetensors **out, pyr_model_files *files, pyr_error *error) {
    opening self = {.access = access, .budget = budget};
    *out = NULL;
    if (access != NULL) {
        PYR_TRY(access->check(access->context, path, error));
    }
    PYR_TRY(find_path(path, self.path, error));
    pyr_status status = open_found(&self, out, error);
    if (status != PYR_OK) {
        pyr_safetensors_release(*out);
        *out = NULL;
    }
    if (status == PYR_OK && files != NULL) {
        *files = self.files;
    } else {
        pyr_model_files_deinit(&self.files);
    }
    return status;
}

int64_t pyr_model_read_bytes(const pyr_safetensors *file) {
    int64_t sum = 0;
    for (int32_t i = 0; i < pyr_safetensors_shards(file); ++i) {
        const pyr_buffer *bytes = pyr_safetensors_bytes(file, i);
        bool read = bytes->mapping != NULL && !pyr_mapping_is_mapped(bytes->mapping);
        sum += read ? (int64_t)bytes->size_bytes : 0;
    }
    return sum;
}
