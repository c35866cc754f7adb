/* spill.c - see spill.h. */
#include "exec/spill.h"

#include "arrow/ipc/ipc.h"
#include "base/file.h"
#include "base/mapping.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of a part's batches: small, for there are many parts that each hold one. */
enum { PART_ROWS = PYR_VECTOR_ROWS };

bool pyr_spill_possible(const pyr_exec *exec) {
    return exec->temp_folder != NULL && exec->budget != NULL && pyr_budget_limit(exec->budget) != 0;
}

bool pyr_spill_wanted(const pyr_exec *exec, size_t more_bytes, double share) {
    if (!pyr_spill_possible(exec)) {
        return false;
    }
    double used = (double)pyr_budget_used(exec->budget) + (double)more_bytes;
    return used > share * (double)pyr_budget_limit(exec->budget);
}

/* ---- One file. ---- */

struct pyr_spill {
    pyr_exec *exec;
    int32_t node;
    pyr_schema *schema; /* retained */
    int fd;             /* -1: not open */
    pyr_ipc_writer *writer;
    int64_t rows, counted_bytes;
    pyr_stream *stream;
};

static const char file_name[] = "spilled rows";

pyr_status pyr_spill_create(pyr_exec *exec, int32_t node, pyr_schema *schema, pyr_spill **out,
                            pyr_error *error) {
    pyr_spill *self = calloc(1, sizeof(*self));
    *out = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->exec = exec;
    self->node = node;
    self->schema = pyr_schema_retain(schema);
    self->fd = -1;
    return PYR_OK;
}

void pyr_spill_destroy(pyr_spill *spill) {
    if (spill == NULL) {
        return;
    }
    pyr_ipc_writer_destroy(spill->writer);
    pyr_stream_destroy(spill->stream);
    if (spill->fd >= 0) {
        close(spill->fd);
    }
    pyr_schema_release(spill->schema);
    free(spill);
}

static pyr_status create_file(const pyr_exec *exec, int *fd, pyr_error *error) {
    pyr_text name;
    PYR_TRY(pyr_folder_create(exec->temp_folder, error));
    pyr_text_init(&name);
    pyr_text_printf(&name, "%s/spill-XXXXXX", exec->temp_folder);
    pyr_status status = pyr_text_check(&name, error);
    if (status == PYR_OK) {
        *fd = mkostemp(name.data, O_CLOEXEC);
        status = *fd >= 0 && unlink(name.data) == 0
                     ? PYR_OK
                     : pyr_error_set_errno(error, errno, "create", name.data);
    }
    pyr_text_deinit(&name);
    return status;
}

static void add_metrics(const pyr_exec *exec, int32_t node, int64_t bytes) {
    if (exec->metrics != NULL && node >= 0) {
        atomic_fetch_add_explicit(&exec->metrics[node].spilled_bytes, bytes, memory_order_relaxed);
    }
}

static pyr_status begin_writing(pyr_spill *self, pyr_error *error) {
    pyr_ipc_write_options options = {0};
    PYR_TRY(create_file(self->exec, &self->fd, error));
    return pyr_ipc_writer_create(self->fd, file_name, self->schema, PYR_IPC_STREAM, &options, NULL,
                                 &self->writer, error);
}

static void count_bytes(pyr_spill *self) {
    int64_t bytes = pyr_ipc_writer_bytes(self->writer);
    add_metrics(self->exec, self->node, bytes - self->counted_bytes);
    self->counted_bytes = bytes;
}

pyr_status pyr_spill_add(pyr_spill *spill, pyr_batch *batch, pyr_error *error) {
    if (spill->fd < 0) {
        PYR_TRY(begin_writing(spill, error));
    }
    PYR_TRY(pyr_ipc_writer_batch(spill->writer, batch, NULL, error));
    /* What is gathered holds memory, which is what there is none of. */
    PYR_TRY(pyr_ipc_writer_flush(spill->writer, error));
    spill->rows += batch->rows;
    count_bytes(spill);
    return PYR_OK;
}

pyr_status pyr_spill_open(pyr_spill *spill, pyr_error *error) {
    pyr_buffer *bytes = NULL;
    if (spill->fd < 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_ipc_writer_finish(spill->writer, NULL, error));
    pyr_ipc_writer_destroy(spill->writer);
    spill->writer = NULL;
    PYR_TRY(pyr_mapping_open_fd(spill->fd, file_name, &bytes, error));
    close(spill->fd);
    spill->fd = -1;
    pyr_status status = pyr_ipc_stream_open(bytes, file_name, NULL, PYR_VALIDATE_STRUCTURE, NULL,
                                            NULL, &spill->stream, error);
    pyr_buffer_release(bytes);
    return status;
}

pyr_status pyr_spill_next(pyr_spill *spill, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    return spill->stream != NULL ? pyr_stream_next(spill->stream, out, error) : PYR_OK;
}

int64_t pyr_spill_rows(const pyr_spill *spill) {
    return spill->rows;
}

/* ---- Memory. ---- */

pyr_status pyr_spill_map(pyr_exec *exec, int32_t node, size_t size_bytes, void **out,
                         pyr_error *error) {
    int fd = -1;
    *out = NULL;
    PYR_TRY(create_file(exec, &fd, error));
    pyr_status status = PYR_OK;
    int failed = posix_fallocate(fd, 0, (off_t)size_bytes);
    if (failed != 0) {
        status = pyr_error_set_errno(error, failed, "make room for", file_name);
    } else {
        void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED) {
            status = pyr_error_set_errno(error, errno, "map", file_name);
        } else {
            *out = memory;
            add_metrics(exec, node, (int64_t)size_bytes);
        }
    }
    close(fd);
    return status;
}

void pyr_spill_unmap(void *memory, size_t size_bytes) {
    if (memory != NULL) {
        munmap(memory, size_bytes);
    }
}

/* ---- Parts. ---- */

pyr_status pyr_spill_parts_create(pyr_exec *exec, int32_t node, pyr_schema *schema, int shift,
                                  pyr_spill_parts **out, pyr_error *error) {
    pyr_spill_parts *self = calloc(1, sizeof(*self));
    *out = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->exec = exec;
    self->node = node;
    self->shift = shift;
    self->schema = pyr_schema_retain(schema);
    for (int i = 0; i < PYR_SPILL_PARTS; ++i) {
        pthread_mutex_init(&self->parts[i].lock, NULL);
    }
    return PYR_OK;
}

void pyr_spill_parts_destroy(pyr_spill_parts *parts) {
    if (parts == NULL) {
        return;
    }
    for (int i = 0; i < PYR_SPILL_PARTS; ++i) {
        pyr_batch_maker_destroy(parts->parts[i].maker);
        pyr_spill_destroy(parts->parts[i].spill);
        pthread_mutex_destroy(&parts->parts[i].lock);
    }
    pyr_schema_release(parts->schema);
    free(parts);
}

/* Takes batch, NULL allowed. */
static pyr_status write_batch(const pyr_spill_parts *self, pyr_spill_part *part, pyr_batch *batch,
                              pyr_error *error) {
    if (batch == NULL) {
        return PYR_OK;
    }
    pyr_status status = PYR_OK;
    if (part->spill == NULL) {
        status = pyr_spill_create(self->exec, self->node, self->schema, &part->spill, error);
    }
    if (status == PYR_OK) {
        status = pyr_spill_add(part->spill, batch, error);
    }
    pyr_batch_release(batch);
    return status;
}

static pyr_status add_to_part(pyr_spill_parts *self, pyr_spill_part *part, pyr_chunk *chunk,
                              pyr_error *error) {
    pyr_batch *full = NULL;
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&part->lock);
    if (part->maker == NULL) {
        status =
            pyr_batch_maker_create(self->schema, PART_ROWS, PYR_COPY_GROUP_TABLE,
                                   self->exec->ledger, self->exec->budget, &part->maker, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_maker_add(part->maker, chunk, &full, error);
    }
    if (status == PYR_OK) {
        status = write_batch(self, part, full, error);
    }
    pthread_mutex_unlock(&part->lock);
    return status;
}

pyr_status pyr_spill_parts_add(pyr_spill_parts *parts, const pyr_vector *vectors, int32_t span,
                               const uint16_t *rows, const uint64_t *hashes, int32_t count,
                               pyr_error *error) {
    uint64_t masks[PYR_SPILL_PARTS][PYR_VECTOR_WORDS];
    int32_t counts[PYR_SPILL_PARTS] = {0};
    memset(masks, 0, sizeof(masks));
    for (int32_t i = 0; i < count; ++i) {
        uint64_t part = (hashes[i] << parts->shift) >> (64 - PYR_SPILL_BITS);
        masks[part][rows[i] >> 6] |= UINT64_C(1) << (rows[i] & 63);
        ++counts[part];
    }
    for (int i = 0; i < PYR_SPILL_PARTS; ++i) {
        pyr_chunk chunk = {.rows = span,
                           .selected = counts[i],
                           .mask = masks[i],
                           .columns_count = parts->schema->fields_count,
                           .columns = vectors};
        if (counts[i] > 0) {
            PYR_TRY(add_to_part(parts, &parts->parts[i], &chunk, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_spill_parts_finish(pyr_spill_parts *parts, pyr_error *error) {
    for (int i = 0; i < PYR_SPILL_PARTS; ++i) {
        pyr_spill_part *part = &parts->parts[i];
        pyr_batch *last = NULL;
        if (part->maker != NULL) {
            PYR_TRY(pyr_batch_maker_finish(part->maker, &last, error));
            PYR_TRY(write_batch(parts, part, last, error));
            pyr_batch_maker_destroy(part->maker);
            part->maker = NULL;
        }
    }
    return PYR_OK;
}

pyr_spill *pyr_spill_parts_take(pyr_spill_parts *parts, int part) {
    pyr_spill *spill = parts->parts[part].spill;
    parts->parts[part].spill = NULL;
    return spill;
}
