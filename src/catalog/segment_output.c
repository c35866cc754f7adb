/* segment_output.c - batches to sealed segments of one table; see segment_output.h. */
#include "catalog/segment_output.h"

#include "base/file.h"

#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* A file in a folder that is not there after a power loss is lost. Each appender syncs for itself:
 * who made the folder may not have come so far yet. */
static pyr_status make_folder(pyr_segment_output *self, const char *folder, pyr_error *error) {
    PYR_TRY(pyr_folder_create(folder, error));
    if (!self->sync || self->folder_synced) {
        return PYR_OK;
    }
    char *parent = strdup(folder);
    if (parent == NULL) {
        return pyr_error_memory(error, strlen(folder));
    }
    pyr_status status = pyr_file_sync_folder(dirname(parent), error);
    self->folder_synced = status == PYR_OK;
    free(parent);
    return status;
}

/* A number whose file is not there, and that file's path. What a crash left behind stays as long as
 * readers of other processes keep the folder from being cleaned; the catalog does not name it, so
 * its number may come again. */
static pyr_status take_file_number(pyr_segment_output *self, char **path, pyr_error *error) {
    do {
        free(*path);
        self->number = atomic_fetch_add(&self->catalog->next_segment, 1);
        *path = pyr_folder_segment_path(self->catalog->path, self->table->id, self->number);
        if (*path == NULL) {
            return pyr_error_memory(error, strlen(self->catalog->path));
        }
    } while (access(*path, F_OK) == 0);
    return PYR_OK;
}

static pyr_status open_file_writer(pyr_segment_output *self, pyr_error *error) {
    const char *base = self->catalog->path;
    char *folder = pyr_folder_table_path(base, self->table->id);
    char *path = NULL;
    pyr_status status = folder != NULL ? take_file_number(self, &path, error)
                                       : pyr_error_memory(error, strlen(base));
    if (status == PYR_OK) {
        status = make_folder(self, folder, error);
    }
    if (status == PYR_OK) {
        status = pyr_segment_writer_create(path, self->table->schema, self->compression,
                                           self->ledger, &self->writer, error);
    }
    free(folder);
    free(path);
    return status;
}

static pyr_status open_writer(pyr_segment_output *self, pyr_error *error) {
    if (!self->memory) {
        return open_file_writer(self, error);
    }
    self->number = atomic_fetch_add(&self->catalog->next_segment, 1);
    return pyr_segment_writer_create(NULL, self->table->schema, self->compression, self->ledger,
                                     &self->writer, error);
}

bool pyr_segment_output_holds_all(const pyr_segment_output *self) {
    return self->held_count > 0 && self->writer == NULL && self->sealed_count == 0;
}

void pyr_segment_output_drop_held(pyr_segment_output *self) {
    for (size_t i = 0; i < self->held_count; ++i) {
        pyr_batch_release(self->held[i]);
    }
    self->held_count = 0;
    self->held_bytes = 0;
}

static pyr_status hold(pyr_segment_output *self, pyr_batch *dense, int64_t bytes,
                       pyr_error *error) {
    if (self->held_count == self->held_capacity) {
        size_t capacity = self->held_capacity > 0 ? self->held_capacity * 2 : 4;
        pyr_batch **grown = realloc(self->held, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        self->held = grown;
        self->held_capacity = capacity;
    }
    self->held[self->held_count++] = pyr_batch_retain(dense);
    self->held_bytes += bytes;
    return PYR_OK;
}

/* What is held goes into the writer. */
static pyr_status write_held(pyr_segment_output *self, pyr_error *error) {
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < self->held_count; ++i) {
        status = pyr_segment_writer_append(self->writer, self->held[i], error);
    }
    pyr_segment_output_drop_held(self);
    return status;
}

static pyr_status open_hot_writer(pyr_segment_output *self, pyr_error *error) {
    self->number = atomic_fetch_add(&self->catalog->next_segment, 1);
    char *name = pyr_hot_segment_name(self->number);
    if (name == NULL) {
        return pyr_error_memory(error, 32);
    }
    pyr_status status = pyr_segment_writer_create_hot(name, self->table->schema, self->compression,
                                                      self->ledger, &self->writer, error);
    free(name);
    return status;
}

static pyr_status reserve_sealed(pyr_segment_output *self, pyr_error *error) {
    pyr_segment **grown = realloc(self->sealed, (self->sealed_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return pyr_error_memory(error, sizeof(*grown));
    }
    self->sealed = grown;
    return PYR_OK;
}

pyr_status pyr_segment_output_seal(pyr_segment_output *self, pyr_error *error) {
    if (self->held_count > 0) {
        pyr_status status = open_hot_writer(self, error);
        if (status == PYR_OK) {
            status = write_held(self, error);
        }
        self->failed = status != PYR_OK;
        PYR_TRY(status);
    }
    if (self->writer == NULL) {
        return PYR_OK;
    }
    PYR_TRY(reserve_sealed(self, error));
    pyr_segment *segment = NULL;
    pyr_status status = pyr_segment_writer_finish(self->writer, self->sync, &segment, error);
    pyr_segment_writer_destroy(self->writer);
    self->writer = NULL;
    if (status == PYR_OK) {
        pyr_segment_set_number(segment, self->number, self->place != 0 ? self->place : self->number,
                               self->sorted);
        self->sealed[self->sealed_count++] = segment;
    }
    self->failed = status != PYR_OK;
    return status;
}

pyr_status pyr_segment_output_batch(pyr_segment_output *self, pyr_batch *dense, pyr_error *error) {
    int64_t bytes = pyr_batch_size_bytes(dense);
    if (self->writer == NULL && self->held_bytes + bytes <= self->hot_bytes_max) {
        return hold(self, dense, bytes, error);
    }
    pyr_status status = self->writer == NULL ? open_writer(self, error) : PYR_OK;
    if (status == PYR_OK) {
        status = write_held(self, error);
    }
    if (status == PYR_OK) {
        status = pyr_segment_writer_append(self->writer, dense, error);
    }
    self->failed = status != PYR_OK; /* a part of the rows may be written */
    if (status == PYR_OK && pyr_segment_writer_size(self->writer) >= PYR_SEGMENT_SIZE_BYTES) {
        status = pyr_segment_output_seal(self, error);
    }
    return status;
}

/* ---- Links. ---- */

static pyr_status link_file(pyr_segment_output *self, const pyr_segment_info *from,
                            pyr_segment **out, pyr_error *error) {
    const char *base = self->catalog->path;
    int64_t copied = 0;
    pyr_segment_info info = *from;
    char *folder = pyr_folder_table_path(base, self->table->id);
    info.path = NULL;
    pyr_status status = folder != NULL ? take_file_number(self, &info.path, error)
                                       : pyr_error_memory(error, strlen(base));
    if (status == PYR_OK) {
        status = make_folder(self, folder, error);
    }
    if (status == PYR_OK) {
        status = pyr_file_link(from->path, info.path, &copied, error);
    }
    if (status == PYR_OK && self->sync) {
        status = pyr_file_sync_folder(folder, error);
    }
    if (status == PYR_OK) {
        pyr_ledger_add_copy(self->ledger, PYR_COPY_APPEND, copied);
        status = pyr_segment_create(&info, true, out, error);
    }
    free(folder);
    free(info.path);
    return status;
}

static pyr_status link_bytes(pyr_segment_output *self, pyr_segment *source, pyr_segment **out,
                             pyr_error *error) {
    pyr_segment_info info = *pyr_segment_get_info(source);
    self->number = atomic_fetch_add(&self->catalog->next_segment, 1);
    char *name = info.hot ? pyr_hot_segment_name(self->number) : strdup(info.path);
    if (name == NULL) {
        return pyr_error_memory(error, 32);
    }
    info.path = name;
    info.hot_apart = false;
    pyr_status status = pyr_segment_create_bytes(pyr_segment_bytes(source), &info, out, error);
    free(name);
    return status;
}

pyr_status pyr_segment_output_link(pyr_segment_output *self, pyr_segment *source,
                                   pyr_error *error) {
    PYR_TRY(pyr_segment_output_seal(self, error));
    PYR_TRY(reserve_sealed(self, error));
    pyr_segment *segment = NULL;
    PYR_TRY(pyr_segment_bytes(source) != NULL
                ? link_bytes(self, source, &segment, error)
                : link_file(self, pyr_segment_get_info(source), &segment, error));
    pyr_segment_set_number(segment, self->number, self->number,
                           pyr_segment_get_info(source)->sorted);
    self->sealed[self->sealed_count++] = segment;
    return PYR_OK;
}

void pyr_segment_output_init(pyr_segment_output *self, pyr_catalog *catalog, pyr_table *table,
                             bool sync, pyr_query_ledger *ledger) {
    memset(self, 0, sizeof(*self));
    self->catalog = catalog;
    self->table = table;
    self->ledger = ledger;
    self->memory = catalog->path == NULL || pyr_table_is_memory_only(table);
    self->sync = sync && !self->memory;
    self->hot_bytes_max = atomic_load(&catalog->hot_bytes_max);
    const char *compression = pyr_table_get_option(table, "compression");
    if (compression != NULL && strcasecmp(compression, "zstd") == 0) {
        self->compression = PYR_IPC_ZSTD;
    } else if (compression != NULL && strcasecmp(compression, "lz4") == 0) {
        self->compression = PYR_IPC_LZ4_FRAME;
    }
}

void pyr_segment_output_deinit(pyr_segment_output *self) {
    pyr_segment_writer_destroy(self->writer);
    pyr_segment_output_drop_held(self);
    free(self->held);
    for (size_t i = 0; i < self->sealed_count; ++i) {
        pyr_segment_remove_on_release(self->sealed[i]);
        pyr_segment_release(self->sealed[i]);
    }
    free(self->sealed);
}
