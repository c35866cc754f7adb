/* copy_safetensors.c - COPY (SELECT name, dtype, shape, data ...) TO 'x.safetensors'.
 *
 * The header stands first and needs every tensor's size, so the bytes wait until the query is done:
 * those that lie in a mapping where they are, of others so many in memory, the rest in a file that
 * has no name, so that nothing stays of it whatever ends the process. Then header and tensors are
 * written by reference, in the order of the rows.
 */
#include "session/copy.h"

#include "base/checked.h"
#include "base/file.h"
#include "base/mapping.h"
#include "formats/safetensors/safetensors.h"
#include "session/rows.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* What waits in memory at most. */
#define HELD_BYTES_MAX ((int64_t)64 << 20)

enum { NAME, DTYPE, SHAPE, DATA, COLUMNS };
static const char *const column_names[COLUMNS] = {"name", "dtype", "shape", "data"};

typedef struct tensor_row {
    pyr_tensor_view view; /* texts in the arena; data NULL while its bytes are in the spool */
    int64_t spool_offset;
} tensor_row;

typedef struct tensors_writer {
    pyr_execution *execution;
    int32_t columns[COLUMNS]; /* of the query */
    tensor_row *rows;
    size_t rows_count, rows_capacity;
    pyr_kept_batches kept; /* what views point into */
    int64_t held_bytes;
    int spool_fd; /* -1: there is no spool */
    int64_t spool_bytes;
    bool spool_is_memory;
    size_t taken_bytes; /* of the memory limit, for a spool that is memory */
    pyr_buffer *spool;  /* mapped when all is in it */
} tensors_writer;

/* ---- The query's columns. ---- */

static bool is_text(pyr_type_id type) {
    return type == PYR_TYPE_UTF8 || type == PYR_TYPE_LARGE_UTF8 || type == PYR_TYPE_UTF8_VIEW;
}

static bool is_blob(pyr_type_id type) {
    return type == PYR_TYPE_BINARY || type == PYR_TYPE_LARGE_BINARY || type == PYR_TYPE_BINARY_VIEW;
}

static bool is_integers(const pyr_field *field) {
    return (field->type == PYR_TYPE_LIST || field->type == PYR_TYPE_LARGE_LIST ||
            field->type == PYR_TYPE_FIXED_SIZE_LIST) &&
           pyr_type_is_integer(field->children[0]->type);
}

static bool fits(int32_t column, const pyr_field *field) {
    return column == SHAPE  ? is_integers(field)
           : column == DATA ? is_blob(field->type)
                            : is_text(field->type);
}

/* What read_safetensors gives besides says nothing that is not known. */
static bool is_ignored(const char *name) {
    return strcasecmp(name, "offset_bytes") == 0 || strcasecmp(name, "size_bytes") == 0;
}

static pyr_status wrong_column(const char *name, const char *what, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                             "COPY TO safetensors: column \"%s\" %s; it writes name VARCHAR, dtype "
                             "VARCHAR, shape BIGINT[], data BLOB",
                             name, what);
}

static pyr_status find_columns(tensors_writer *self, const pyr_schema *schema, pyr_error *error) {
    for (int32_t i = 0; i < COLUMNS; ++i) {
        self->columns[i] = -1;
    }
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        const pyr_field *field = schema->fields[i];
        int32_t column = 0;
        while (column < COLUMNS && strcasecmp(column_names[column], field->name) != 0) {
            ++column;
        }
        if (column == COLUMNS && is_ignored(field->name)) {
            continue;
        }
        if (column == COLUMNS) {
            return wrong_column(field->name, "is none of a tensor's", error);
        }
        if (self->columns[column] >= 0) {
            return wrong_column(field->name, "is there twice", error);
        }
        if (!fits(column, field)) {
            return wrong_column(field->name, "has another type", error);
        }
        self->columns[column] = i;
    }
    for (int32_t i = 0; i < COLUMNS; ++i) {
        if (self->columns[i] < 0) {
            return wrong_column(column_names[i], "is missing", error);
        }
    }
    return PYR_OK;
}

/* ---- Rows. ---- */

static pyr_status wrong_row(const tensors_writer *self, pyr_error *error, const char *what) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1, "COPY TO safetensors: row %zu: %s",
                             self->rows_count + 1, what);
}

/* From the current row of batch, which is dense. */
static pyr_status read_shape(tensors_writer *self, const pyr_array *shapes, int64_t row,
                             pyr_tensor_view *out, pyr_error *error) {
    int64_t start = 0;
    int64_t rank = 0;
    pyr_array_list_range(shapes, row, &start, &rank);
    if (rank > PYR_TENSOR_RANK_MAX) {
        return wrong_row(self, error, "its shape has more than 64 dimensions");
    }
    pyr_arena *arena = &self->execution->arena;
    int64_t *lengths = pyr_arena_array(arena, (size_t)rank + 1, sizeof(*lengths));
    if (lengths == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (int64_t i = 0; i < rank; ++i) {
        if (pyr_array_is_null(shapes->children[0], start + i)) {
            return wrong_row(self, error, "its shape has a NULL");
        }
        lengths[i] = pyr_array_int64(shapes->children[0], start + i);
    }
    out->rank = (int32_t)rank;
    out->shape = lengths;
    return pyr_tensor_count(lengths, out->rank, &out->count)
               ? PYR_OK
               : wrong_row(self, error, "its shape has a negative length, or more values than fit");
}

static pyr_status check_size(const tensors_writer *self, const pyr_tensor_view *view,
                             pyr_error *error) {
    int64_t size = 0;
    if (!pyr_tensor_size(view->type, view->count, &size)) {
        return wrong_row(self, error, "values of its dtype and shape are no whole bytes");
    }
    if (size != view->size_bytes) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "COPY TO safetensors: row %zu: tensor \"%s\" of %s has %lld bytes "
                                 "of data, its shape needs %lld",
                                 self->rows_count + 1, view->name, pyr_tensor_type_name(view->type),
                                 (long long)view->size_bytes, (long long)size);
    }
    return PYR_OK;
}

static pyr_status read_row(tensors_writer *self, const pyr_batch *batch, int64_t row,
                           pyr_tensor_view *out, pyr_error *error) {
    size_t length = 0;
    size_t dtype_length = 0;
    for (int32_t i = 0; i < COLUMNS; ++i) {
        if (pyr_array_is_null(batch->columns[self->columns[i]], row)) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "22004", -1,
                                     "COPY TO safetensors: row %zu: its %s is NULL",
                                     self->rows_count + 1, column_names[i]);
        }
    }
    const uint8_t *name = pyr_array_bytes(batch->columns[self->columns[NAME]], row, &length);
    const uint8_t *dtype =
        pyr_array_bytes(batch->columns[self->columns[DTYPE]], row, &dtype_length);
    out->name =
        pyr_arena_strndup(&self->execution->arena, length > 0 ? (const char *)name : "", length);
    if (out->name == NULL) {
        return pyr_arena_error(&self->execution->arena, error);
    }
    if (strlen(out->name) != length) {
        return wrong_row(self, error, "its name has a zero byte");
    }
    if (!pyr_tensor_type_find((const char *)dtype, dtype_length, &out->type)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "COPY TO safetensors: row %zu: \"%.*s\" is no dtype; there are "
                                 "BOOL, U8, I8, ..., F64",
                                 self->rows_count + 1, dtype_length > 40 ? 40 : (int)dtype_length,
                                 dtype_length > 0 ? (const char *)dtype : "");
    }
    PYR_TRY(read_shape(self, batch->columns[self->columns[SHAPE]], row, out, error));
    out->data = pyr_array_bytes(batch->columns[self->columns[DATA]], row, &length);
    out->size_bytes = (int64_t)length;
    return check_size(self, out, error);
}

/* ---- Bytes that wait. ---- */

static bool is_mapped(const pyr_array *data) {
    for (int32_t i = 1; i < data->buffers_count; ++i) {
        if (data->buffers[i] != NULL && data->buffers[i]->mapping != NULL) {
            return true;
        }
    }
    return false;
}

/* In the folder of a target that is a file, which has room for that; -1: it is none, or its file
 * system has no files without names. */
static int create_beside(tensors_writer *self, const char *path) {
    struct stat info;
    const char *slash = strrchr(path, '/');
    size_t length = slash != NULL ? (size_t)(slash - path) + 1 : 1;
    if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return -1;
    }
    const char *folder =
        pyr_arena_strndup(&self->execution->arena, slash != NULL ? path : ".", length);
    return folder != NULL ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
}

static pyr_status open_spool(tensors_writer *self, const char *path, pyr_error *error) {
    if (self->spool_fd >= 0) {
        return PYR_OK;
    }
    bool has_folder = self->execution->connection->db->temp_folder != NULL;
    self->spool_fd = has_folder ? -1 : create_beside(self, path);
    if (self->spool_fd >= 0) {
        return PYR_OK;
    }
    self->spool_is_memory = !has_folder;
    return pyr_spool_create(self->execution, &self->spool_fd, error);
}

static pyr_status take_memory(tensors_writer *self, size_t size_bytes, pyr_error *error) {
    if (!self->spool_is_memory) {
        return PYR_OK;
    }
    if (!pyr_budget_take(self->execution->budget, size_bytes)) {
        return pyr_error_set(error, PYR_ERROR_MEMORY,
                             "COPY TO safetensors: the tensors wait in memory, and the memory "
                             "limit is reached; raise memory_limit, or write to a file");
    }
    self->taken_bytes += size_bytes;
    return PYR_OK;
}

static pyr_status spool_rows(tensors_writer *self, size_t from, const char *path,
                             pyr_error *error) {
    PYR_TRY(open_spool(self, path, error));
    for (size_t i = from; i < self->rows_count; ++i) {
        tensor_row *row = &self->rows[i];
        PYR_TRY(take_memory(self, (size_t)row->view.size_bytes, error));
        PYR_TRY(pyr_file_write(self->spool_fd, path, row->view.data, (size_t)row->view.size_bytes,
                               error));
        pyr_ledger_add_copy(&self->execution->ledger, PYR_COPY_SPOOL, row->view.size_bytes);
        row->spool_offset = self->spool_bytes;
        row->view.data = NULL;
        self->spool_bytes += row->view.size_bytes;
    }
    return PYR_OK;
}

/* The bytes of the rows from `from` on are batch's. */
static pyr_status keep_bytes(tensors_writer *self, size_t from, pyr_batch *batch, const char *path,
                             pyr_error *error) {
    if (!is_mapped(batch->columns[self->columns[DATA]])) {
        int64_t size = pyr_batch_size_bytes(batch);
        int64_t tested = self->execution->connection->test_held_bytes;
        int64_t most = tested > 0 ? tested : HELD_BYTES_MAX;
        if (size > most - self->held_bytes) {
            return spool_rows(self, from, path, error);
        }
        self->held_bytes += size;
    }
    return pyr_kept_batches_add(&self->kept, batch, error);
}

static pyr_status add_rows(tensors_writer *self, const pyr_batch *batch, pyr_error *error) {
    size_t needed = self->rows_count + (size_t)batch->rows;
    if (needed > self->rows_capacity) {
        size_t capacity = needed > 2 * self->rows_capacity ? needed : 2 * self->rows_capacity;
        tensor_row *grown = realloc(self->rows, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        self->rows = grown;
        self->rows_capacity = capacity;
    }
    for (int64_t i = 0; i < batch->rows; ++i) {
        tensor_row *row = &self->rows[self->rows_count];
        memset(row, 0, sizeof(*row));
        PYR_TRY(read_row(self, batch, i, &row->view, error));
        ++self->rows_count;
    }
    return PYR_OK;
}

static pyr_status add_batch(tensors_writer *self, pyr_batch *batch, const char *path,
                            pyr_error *error) {
    pyr_batch *dense = NULL;
    size_t from = self->rows_count;
    PYR_TRY(
        pyr_batch_dense(batch, &self->execution->ledger, self->execution->budget, &dense, error));
    pyr_status status = add_rows(self, dense, error);
    if (status == PYR_OK) {
        status = keep_bytes(self, from, dense, path, error);
    }
    pyr_batch_release(dense);
    return status;
}

static pyr_status read_all(tensors_writer *self, pyr_stream *stream, const char *path,
                           pyr_error *error) {
    PYR_TRY(find_columns(self, stream->schema, error));
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_cancel_flag_check(&self->execution->cancel, error));
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        pyr_status status = add_batch(self, batch, path, error);
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
}

/* ---- The file. ---- */

static pyr_status map_spool(tensors_writer *self, const char *path, pyr_error *error) {
    if (self->spool_fd < 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_mapping_open_fd(self->spool_fd, path, &self->spool, error));
    if (self->spool_bytes > 0 && !pyr_mapping_is_mapped(self->spool->mapping)) {
        pyr_ledger_add_copy(&self->execution->ledger, PYR_COPY_NO_MAPPING, self->spool_bytes);
    }
    for (size_t i = 0; i < self->rows_count; ++i) {
        tensor_row *row = &self->rows[i];
        if (row->view.data == NULL && row->view.size_bytes > 0) {
            row->view.data = self->spool->data + row->spool_offset;
        }
    }
    return PYR_OK;
}

static pyr_status check_kept(const tensors_writer *self, pyr_error *error) {
    for (size_t i = 0; i < self->kept.count; ++i) {
        PYR_TRY(pyr_batch_check_mappings(self->kept.items[i], error));
    }
    return self->spool != NULL ? pyr_mapping_check(self->spool->mapping, error) : PYR_OK;
}

static pyr_status write_spans(const tensors_writer *self, pyr_buffer *header, int fd,
                              const char *path, pyr_error *error) {
    struct iovec *spans = calloc(self->rows_count + 1, sizeof(*spans));
    size_t count = 0;
    int64_t size_bytes = (int64_t)header->size_bytes;
    if (spans == NULL) {
        return pyr_error_memory(error, self->rows_count * sizeof(*spans));
    }
    spans[count++] = (struct iovec){(void *)(uintptr_t)header->data, header->size_bytes};
    for (size_t i = 0; i < self->rows_count; ++i) {
        const pyr_tensor_view *view = &self->rows[i].view;
        if (view->size_bytes > 0) {
            spans[count++] =
                (struct iovec){(void *)(uintptr_t)view->data, (size_t)view->size_bytes};
            size_bytes += view->size_bytes;
        }
    }
    pyr_status status = pyr_file_writev(fd, path, spans, count, error);
    free(spans);
    if (status == PYR_OK) {
        pyr_ledger_add_encoded(&self->execution->ledger, size_bytes);
        status = check_kept(self, error);
    }
    return status;
}

static pyr_status write_all(tensors_writer *self, int fd, const char *path, pyr_error *error) {
    pyr_buffer *header = NULL;
    PYR_TRY(map_spool(self, path, error));
    pyr_tensor_view *views = calloc(self->rows_count + 1, sizeof(*views));
    if (views == NULL) {
        return pyr_error_memory(error, self->rows_count * sizeof(*views));
    }
    for (size_t i = 0; i < self->rows_count; ++i) {
        views[i] = self->rows[i].view;
    }
    pyr_status status =
        pyr_safetensors_write_header(views, (int64_t)self->rows_count, NULL, 0, &header, error);
    free(views);
    if (status != PYR_OK) {
        return pyr_error_context(error, status, "COPY TO safetensors");
    }
    status = write_spans(self, header, fd, path, error);
    pyr_buffer_release(header);
    return status;
}

static void deinit(tensors_writer *self) {
    pyr_buffer_release(self->spool);
    if (self->spool_fd >= 0) {
        close(self->spool_fd);
    }
    pyr_budget_give(self->execution->budget, self->taken_bytes);
    pyr_kept_batches_deinit(&self->kept);
    free(self->rows);
}

pyr_status pyr_copy_safetensors(pyr_execution *execution, pyr_stream *stream, int fd,
                                const char *path, int64_t *rows, pyr_error *error) {
    tensors_writer self = {.execution = execution, .spool_fd = -1};
    pyr_status status = read_all(&self, stream, path, error);
    if (status == PYR_OK) {
        status = write_all(&self, fd, path, error);
    }
    *rows = (int64_t)self.rows_count;
    deinit(&self);
    return status;
}
