/* segment.c - reading segments: mapped on first use, immutable after it.
 *
 * Invariants:
 *  1. `opened` is set once, under `lock`, and never changes until the segment is freed.
 *  2. A bit of `validated` is set only after the batch's column passed full validation; threads may
 *     validate the same column twice, which costs time and nothing else.
 */
#include "storage/segment_internal.h"

#include "base/file.h"
#include "base/mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *title_of(const char *kind, const char *path) {
    const char *slash = strrchr(path, '/');
    char *title = NULL;
    return asprintf(&title, "%s%s", kind, slash != NULL ? slash + 1 : path) < 0 ? NULL : title;
}

/* Retains bytes. kind: what its title begins with. */
static pyr_status create_kind(const char *kind, const pyr_segment_info *info, pyr_buffer *bytes,
                              bool trusted, pyr_segment **out, pyr_error *error) {
    *out = NULL;
    pyr_segment *segment = calloc(1, sizeof(*segment));
    if (segment == NULL) {
        return pyr_error_memory(error, sizeof(*segment));
    }
    segment->info.path = strdup(info->path);
    segment->title = title_of(kind, info->path);
    if (segment->info.path == NULL || segment->title == NULL) {
        free(segment->info.path);
        free(segment->title);
        free(segment);
        return pyr_error_memory(error, strlen(info->path));
    }
    atomic_init(&segment->references, 1);
    char *path = segment->info.path;
    segment->info = *info;
    segment->info.path = path;
    segment->trusted = trusted;
    segment->bytes = pyr_buffer_retain(bytes);
    pthread_mutex_init(&segment->lock, NULL);
    *out = segment;
    return PYR_OK;
}

static pyr_status create(const pyr_segment_info *info, pyr_buffer *bytes, bool trusted,
                         pyr_segment **out, pyr_error *error) {
    return create_kind("segment ", info, bytes, trusted, out, error);
}

pyr_status pyr_segment_create(const pyr_segment_info *info, bool trusted, pyr_segment **out,
                              pyr_error *error) {
    return create(info, NULL, trusted, out, error);
}

pyr_status pyr_segment_create_fd(int fd, const pyr_segment_info *info, pyr_segment **out,
                                 pyr_error *error) {
    pyr_buffer *bytes = NULL;
    *out = NULL;
    pyr_status status = pyr_mapping_open_fd(fd, info->path, &bytes, error);
    if (status == PYR_OK) {
        status = create(info, bytes, true, out, error);
    }
    pyr_buffer_release(bytes);
    close(fd);
    return status;
}

pyr_status pyr_segment_create_bytes(pyr_buffer *bytes, const pyr_segment_info *info,
                                    pyr_segment **out, pyr_error *error) {
    return create(info, bytes, true, out, error);
}

pyr_status pyr_segment_create_source(pyr_segment_source *source, const char *name,
                                     int64_t mapped_bytes, pyr_segment **out, pyr_error *error) {
    pyr_segment_info info = {.path = (char *)name, /* create copies it */
                             .size_bytes = mapped_bytes,
                             .batches = (int64_t)source->batches};
    *out = NULL;
    pyr_status status = pyr_source_count_rows(source, &info.rows, error);
    if (status == PYR_OK) {
        /* a file of the user's is no segment in what people read */
        status = create_kind("", &info, NULL, true, out, error);
    } else {
        status = pyr_error_context(error, status, "%s", name);
    }
    if (status != PYR_OK) {
        pyr_source_destroy(source);
        return status;
    }
    (*out)->source = source;
    return PYR_OK;
}

pyr_status pyr_segment_evolve(pyr_segment *segment, pyr_schema *schema, pyr_segment **out,
                              pyr_error *error) {
    pyr_segment *base = segment->evolved != NULL ? pyr_evolved_base(segment->evolved) : segment;
    *out = NULL;
    if (segment->evolved != NULL && pyr_evolved_schema(segment->evolved) == schema) {
        *out = pyr_segment_retain(segment);
        return PYR_OK;
    }
    pyr_segment *made = NULL;
    PYR_TRY(create(&base->info, base->bytes, base->trusted, &made, error));
    pyr_status status = pyr_evolved_create(base, schema, &made->evolved, error);
    if (status != PYR_OK) {
        pyr_segment_release(made);
        return status;
    }
    *out = made;
    return PYR_OK;
}

pyr_buffer *pyr_segment_bytes(const pyr_segment *segment) {
    return segment->bytes;
}

pyr_segment *pyr_segment_retain(pyr_segment *segment) {
    atomic_fetch_add_explicit(&segment->references, 1, memory_order_relaxed);
    return segment;
}

static void close_file(pyr_opened_file *opened) {
    if (opened != NULL) {
        pyr_segment_facts_destroy(opened->facts);
        pyr_ipc_file_release(opened->file);
        pyr_buffer_release(opened->bytes);
        free(opened->validated);
        free(opened);
    }
}

void pyr_segment_release(pyr_segment *segment) {
    if (segment == NULL ||
        atomic_fetch_sub_explicit(&segment->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (atomic_load(&segment->remove_on_release) && segment->bytes == NULL &&
        segment->source == NULL) {
        (void)!unlink(segment->info.path); /* what stays is removed at the next open */
    }
    close_file(atomic_load(&segment->opened));
    pyr_evolved_destroy(segment->evolved);
    pyr_source_destroy(segment->source);
    pyr_buffer_release(segment->bytes);
    pyr_schema_release(segment->expected);
    pthread_mutex_destroy(&segment->lock);
    free(segment->info.path);
    free(segment->title);
    free(segment);
}

void pyr_segment_remove_on_release(pyr_segment *segment) {
    if (segment->evolved != NULL) {
        pyr_segment_remove_on_release(pyr_evolved_base(segment->evolved));
        return;
    }
    atomic_store(&segment->remove_on_release, true);
}

void pyr_segment_expect_schema(pyr_segment *segment, pyr_schema *schema) {
    if (segment->evolved != NULL) {
        return; /* it looks by itself */
    }
    pthread_mutex_lock(&segment->lock);
    if (segment->expected == NULL) {
        segment->expected = pyr_schema_retain(schema);
    }
    pthread_mutex_unlock(&segment->lock);
}

const pyr_segment_info *pyr_segment_get_info(const pyr_segment *segment) {
    return &segment->info;
}

/* ---- Opening. ---- */

static size_t validated_stride(const pyr_opened_file *opened) {
    return (opened->columns + 7) / 8;
}

pyr_status pyr_segment_name_it(const pyr_segment *segment, pyr_status status, pyr_error *error) {
    if (status == PYR_OK ||
        (error != NULL && strncmp(error->message, segment->title, strlen(segment->title)) == 0)) {
        return status;
    }
    return pyr_error_context(error, status, "%s", segment->title);
}

static pyr_status check_schema(const pyr_segment *segment, const pyr_schema *found,
                               pyr_error *error) {
    const pyr_schema *expected = segment->expected;
    if (expected == NULL) {
        return PYR_OK;
    }
    if (found->fields_count != expected->fields_count) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%d columns, the catalog says %d",
                             (int)found->fields_count, (int)expected->fields_count);
    }
    for (int32_t i = 0; i < found->fields_count; ++i) {
        if (!pyr_field_type_equal(found->fields[i], expected->fields[i])) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "column \"%s\" is not of the type that the catalog says",
                                 expected->fields[i]->name);
        }
    }
    return PYR_OK;
}

/* Against another file that stands under the name. */
static pyr_status check_info(const pyr_segment *segment, const pyr_opened_file *opened,
                             pyr_error *error) {
    const pyr_segment_info *info = &segment->info;
    if (info->size_bytes >= 0 && (size_t)info->size_bytes != opened->bytes->size_bytes) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%zu bytes, the catalog says %lld",
                             opened->bytes->size_bytes, (long long)info->size_bytes);
    }
    if (info->batches >= 0 && opened->file != NULL && (size_t)info->batches != opened->batches) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%zu batches, the catalog says %lld",
                             opened->batches, (long long)info->batches);
    }
    return opened->file != NULL ? check_schema(segment, pyr_ipc_file_schema(opened->file), error)
                                : PYR_OK;
}

static pyr_status open_file(pyr_segment *segment, int fd, pyr_opened_file *opened,
                            pyr_error *error) {
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    PYR_TRY(pyr_mapping_open_fd(fd, segment->info.path, &opened->bytes, error));
    PYR_TRY(check_info(segment, opened, error));
    return pyr_ipc_file_open_fd(fd, opened->bytes, segment->title, &limits, &opened->file, error);
}

static pyr_status open_bytes(pyr_segment *segment, pyr_opened_file *opened, pyr_error *error) {
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    opened->bytes = pyr_buffer_retain(segment->bytes);
    PYR_TRY(check_info(segment, opened, error));
    return pyr_ipc_file_open(opened->bytes, segment->title, &limits, &opened->file, error);
}

static pyr_status open_parts(pyr_segment *segment, pyr_opened_file *opened, pyr_error *error) {
    if (segment->bytes != NULL) {
        PYR_TRY(open_bytes(segment, opened, error));
    } else {
        int fd = -1;
        PYR_TRY(pyr_mapping_open_file(segment->info.path, &fd, error));
        pyr_status status = open_file(segment, fd, opened, error);
        close(fd);
        PYR_TRY(status);
    }
    opened->batches = pyr_ipc_file_batches(opened->file);
    opened->columns = (size_t)pyr_ipc_file_schema(opened->file)->fields_count;
    PYR_TRY(check_info(segment, opened, error));
    size_t size = opened->batches * validated_stride(opened);
    opened->validated = calloc(size + 1, sizeof(*opened->validated));
    if (opened->validated == NULL) {
        return pyr_error_memory(error, size);
    }
    PYR_TRY(pyr_segment_facts_create(opened->file, opened->batches, opened->columns, &opened->facts,
                                     error));
    return pyr_mapping_check(opened->bytes->mapping, error);
}

static pyr_status open_now(pyr_segment *segment, pyr_opened_file **out, pyr_error *error) {
    pyr_opened_file *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return pyr_error_memory(error, sizeof(*opened));
    }
    pyr_status status = pyr_segment_name_it(segment, open_parts(segment, opened, error), error);
    if (status != PYR_OK) {
        close_file(opened);
        return status;
    }
    atomic_store_explicit(&segment->opened, opened, memory_order_release);
    *out = opened;
    return PYR_OK;
}

/* Once, in the first ledger that is given: who opened the file may have had none. */
static bool is_first_to_count(pyr_segment *segment, pyr_query_ledger *ledger) {
    return ledger != NULL &&
           !atomic_load_explicit(&segment->mapping_counted, memory_order_relaxed) &&
           !atomic_exchange(&segment->mapping_counted, true);
}

static void count_mapping(pyr_segment *segment, const pyr_opened_file *opened,
                          pyr_query_ledger *ledger) {
    if (!is_first_to_count(segment, ledger) || segment->info.hot) {
        return; /* hot: in memory since it was written */
    }
    if (pyr_mapping_is_mapped(opened->bytes->mapping)) {
        pyr_ledger_add_mapped(ledger, (int64_t)opened->bytes->size_bytes);
    } else {
        pyr_ledger_add_copy(ledger, PYR_COPY_NO_MAPPING, (int64_t)opened->bytes->size_bytes);
    }
}

pyr_status pyr_segment_get_opened(pyr_segment *segment, pyr_query_ledger *ledger,
                                  pyr_opened_file **out, pyr_error *error) {
    *out = atomic_load_explicit(&segment->opened, memory_order_acquire);
    if (*out == NULL) {
        pthread_mutex_lock(&segment->lock);
        *out = atomic_load_explicit(&segment->opened, memory_order_relaxed);
        pyr_status status = *out != NULL ? PYR_OK : open_now(segment, out, error);
        pthread_mutex_unlock(&segment->lock);
        PYR_TRY(status);
    }
    count_mapping(segment, *out, ledger);
    return PYR_OK;
}

bool pyr_segment_is_made(const pyr_segment *segment) {
    return segment->source != NULL;
}

/* Of a source there is nothing to open; what the catalog says of it is looked at all the same. */
static pyr_status get_source(pyr_segment *segment, pyr_query_ledger *ledger,
                             pyr_segment_source **out, pyr_error *error) {
    *out = segment->source;
    if (is_first_to_count(segment, ledger)) {
        pyr_ledger_add_mapped(ledger, segment->info.size_bytes);
    }
    pthread_mutex_lock(&segment->lock);
    pyr_status status = check_schema(segment, segment->source->schema, error);
    pthread_mutex_unlock(&segment->lock);
    return pyr_segment_name_it(segment, status, error);
}

void pyr_segment_set_number(pyr_segment *segment, uint64_t number, uint64_t place, bool sorted) {
    segment->info.sorted = sorted;
    segment->info.number = number;
    segment->info.place = place;
}

pyr_status pyr_segment_schema(pyr_segment *segment, pyr_query_ledger *ledger, pyr_schema **out,
                              pyr_error *error) {
    *out = NULL;
    pyr_opened_file *opened;
    if (segment->evolved != NULL) {
        *out = pyr_schema_retain(pyr_evolved_schema(segment->evolved));
        return PYR_OK;
    }
    if (segment->source != NULL) {
        pyr_segment_source *source;
        PYR_TRY(get_source(segment, ledger, &source, error));
        *out = pyr_schema_retain(source->schema);
        return PYR_OK;
    }
    PYR_TRY(pyr_segment_get_opened(segment, ledger, &opened, error));
    *out = pyr_schema_retain(pyr_ipc_file_schema(opened->file));
    return PYR_OK;
}

pyr_status pyr_segment_batches(pyr_segment *segment, pyr_query_ledger *ledger, size_t *count,
                               pyr_error *error) {
    *count = 0;
    if (segment->evolved != NULL) {
        return pyr_segment_batches(pyr_evolved_base(segment->evolved), ledger, count, error);
    }
    if (segment->info.batches >= 0) {
        *count = (size_t)segment->info.batches;
        return PYR_OK;
    }
    pyr_opened_file *opened;
    PYR_TRY(pyr_segment_get_opened(segment, ledger, &opened, error));
    *count = opened->batches;
    return PYR_OK;
}

pyr_status pyr_segment_check_index(const pyr_segment *segment, size_t batches, size_t index,
                                   pyr_error *error) {
    if (index >= batches) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: batch %zu is wanted, the file has %zu",
                             segment->title, index, batches);
    }
    return PYR_OK;
}

pyr_status pyr_segment_check_columns(const pyr_segment *segment, size_t all, const int32_t *columns,
                                     int32_t count, pyr_error *error) {
    for (int32_t i = 0; columns != NULL && i < count; ++i) {
        if (columns[i] < 0 || (size_t)columns[i] >= all) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "%s: column %d is wanted, the file has %zu", segment->title,
                                 (int)columns[i], all);
        }
    }
    return PYR_OK;
}

/* ---- Batches. ---- */

/* Values of fixed width stand alone; everything else leads somewhere through its values. A foreign
 * writer may also have counted its nulls wrong. */
static bool needs_validation(const pyr_segment *segment, const pyr_field *field) {
    return !segment->trusted ||
           (!(pyr_type_bit_width(field) > 0 && field->type != PYR_TYPE_DICTIONARY) &&
            field->type != PYR_TYPE_NULL);
}

static pyr_status validate_columns(const pyr_segment *segment, pyr_opened_file *opened,
                                   size_t index, const pyr_batch *batch, const int32_t *columns,
                                   pyr_error *error) {
    atomic_uchar *bits = opened->validated + index * validated_stride(opened);
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        if (!needs_validation(segment, batch->columns[i]->field)) {
            continue;
        }
        int32_t column = columns != NULL ? columns[i] : i;
        unsigned char mask = (unsigned char)(1u << (column & 7));
        if ((atomic_load_explicit(&bits[column >> 3], memory_order_relaxed) & mask) != 0) {
            continue;
        }
        pyr_status status = pyr_array_validate(batch->columns[i], PYR_VALIDATE_FULL, error);
        /* A file that was cut reads as zeros, which explains what was found wrong. */
        PYR_TRY(
            pyr_segment_name_it(segment, pyr_mapping_check(opened->bytes->mapping, error), error));
        if (status != PYR_OK) {
            return pyr_error_context(error, status, "%s: batch %zu: column \"%s\"", segment->title,
                                     index, batch->schema->fields[i]->name);
        }
        atomic_fetch_or_explicit(&bits[column >> 3], mask, memory_order_relaxed);
    }
    return PYR_OK;
}

static pyr_status batch_of_source(pyr_segment *segment, size_t index, const int32_t *columns,
                                  int32_t columns_count, pyr_query_ledger *ledger,
                                  pyr_budget *budget, pyr_batch **out, pyr_error *error) {
    pyr_segment_source *source;
    PYR_TRY(get_source(segment, ledger, &source, error));
    PYR_TRY(pyr_segment_check_index(segment, source->batches, index, error));
    PYR_TRY(pyr_segment_check_columns(segment, (size_t)source->schema->fields_count, columns,
                                      columns_count, error));
    return pyr_segment_name_it(
        segment,
        pyr_source_batch(source, index, columns, columns_count, ledger, budget, out, error), error);
}

/* *out NULL: one of the columns is not kept. */
static pyr_status batch_of_kept(pyr_opened_file *opened, size_t index, const int32_t *columns,
                                int32_t count, pyr_batch **out, pyr_error *error) {
    enum { COLUMNS_MAX = 16 }; /* more are read as if for the first time */
    pyr_array *arrays[COLUMNS_MAX];
    const int64_t *all_rows;
    pyr_schema *schema = NULL;
    *out = NULL;
    if (columns == NULL || count > COLUMNS_MAX) {
        return PYR_OK;
    }
    PYR_TRY(pyr_segment_facts_rows(opened->facts, &all_rows, error));
    int64_t rows = all_rows[index];
    for (int32_t i = 0; i < count; ++i) {
        arrays[i] = pyr_segment_facts_array(opened->facts, index, columns[i]);
        if (arrays[i] == NULL || arrays[i]->length != rows) {
            return PYR_OK; /* a length that is another one: the file has changed since */
        }
    }
    PYR_TRY(pyr_mapping_check(opened->bytes->mapping, error));
    PYR_TRY(pyr_segment_facts_schema(opened->facts, columns, count, &schema, error));
    pyr_status status = pyr_batch_create(schema, rows, arrays, count, NULL, out, error);
    pyr_schema_release(schema);
    return status;
}

/* To arrays that nobody else has yet, and that are kept: it takes a look at each number. Of a file
 * that is not ours nothing but values is believed. */
static pyr_status attach_codes(const pyr_segment *segment, const pyr_opened_file *opened,
                               size_t index, const int32_t *columns, pyr_batch *batch,
                               pyr_error *error) {
    pyr_metadata *metadata = NULL;
    int64_t rows = 0;
    pyr_status status = PYR_OK;
    bool wanted = segment->trusted && columns != NULL;
    for (int32_t i = 0; wanted && i < batch->columns_count && status == PYR_OK; ++i) {
        pyr_array *array = batch->columns[i];
        pyr_codes *codes = NULL;
        if (array->field->type != PYR_TYPE_UTF8) {
            continue;
        }
        if (metadata == NULL) {
            status = pyr_ipc_file_batch_head(opened->file, index, &rows, &metadata, error);
        }
        if (status == PYR_OK && rows == array->length && array->offset == 0) {
            status = pyr_segment_read_codes(opened->file, index, metadata, rows, columns[i], &codes,
                                            error);
        }
        if (codes != NULL) {
            pyr_array_set_codes(array, codes);
            pyr_codes_release(codes);
        }
    }
    pyr_metadata_release(metadata);
    if (status != PYR_OK) { /* a file that was cut reads as zeros, which explains it */
        PYR_TRY(pyr_mapping_check(opened->bytes->mapping, error));
    }
    return status;
}

static pyr_status read_columns(pyr_segment *segment, pyr_opened_file *opened, size_t index,
                               const int32_t *columns, int32_t count, pyr_query_ledger *ledger,
                               pyr_budget *budget, pyr_batch **out, pyr_error *error) {
    PYR_TRY(batch_of_kept(opened, index, columns, count, out, error));
    if (*out != NULL) {
        return PYR_OK;
    }
    PYR_TRY(pyr_ipc_file_batch(opened->file, index, columns, count, PYR_VALIDATE_STRUCTURE, ledger,
                               budget, out, error));
    PYR_TRY(validate_columns(segment, opened, index, *out, columns, error));
    PYR_TRY(attach_codes(segment, opened, index, columns, *out, error));
    for (int32_t i = 0; columns != NULL && i < count; ++i) {
        pyr_segment_facts_keep(opened->facts, index, columns[i], (*out)->columns[i], opened->bytes);
    }
    return PYR_OK;
}

pyr_status pyr_segment_batch(pyr_segment *segment, size_t index, const int32_t *columns,
                             int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                             pyr_batch **out, pyr_error *error) {
    *out = NULL;
    pyr_opened_file *opened;
    if (segment->evolved != NULL) {
        return pyr_evolved_batch(segment->evolved, index, columns, columns_count, ledger, budget,
                                 out, error);
    }
    if (segment->source != NULL) {
        return batch_of_source(segment, index, columns, columns_count, ledger, budget, out, error);
    }
    PYR_TRY(pyr_segment_get_opened(segment, ledger, &opened, error));
    PYR_TRY(pyr_segment_check_index(segment, opened->batches, index, error));
    PYR_TRY(pyr_segment_check_columns(segment, opened->columns, columns, columns_count, error));
    pyr_batch *batch = NULL;
    pyr_status status =
        read_columns(segment, opened, index, columns, columns_count, ledger, budget, &batch, error);
    if (status != PYR_OK) {
        pyr_batch_release(batch);
        return pyr_segment_name_it(segment, status, error);
    }
    int64_t size_bytes = pyr_batch_size_bytes(batch);
    pyr_ledger_add_scanned(ledger, size_bytes);
    pyr_ledger_add_referenced(ledger, size_bytes);
    *out = batch;
    return PYR_OK;
}
