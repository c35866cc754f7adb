/* inspect.c - `pyralog inspect PATH`: what an Arrow file or stream holds, and which file of the
 * folder knows another format. Only metadata is read, unless --check asks for every value and
 * checksum.
 */
#include "arrow/builder.h"
#include "arrow/ipc/flatbuf_read.h"
#include "base/mapping.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/display.h"
#include "cli/file_stream.h"
#include "cli/inspect_internal.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "storage/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCHES_SHOWN 20
#define VALUE_COLUMNS 60

typedef pyr_inspection inspection;

/* ---- Schema. ---- */

static void add_escaped(const char *text, size_t length, pyr_text *out) {
    pyr_display_escape(text, length, false, out);
}

/* Values of metadata may be whole documents: one line, cut. */
void pyr_inspect_add_value(const char *value, size_t length, pyr_text *out) {
    pyr_text shown;
    pyr_text_init(&shown);
    add_escaped(value, length, &shown);
    size_t columns = pyr_display_columns(pyr_text_get(&shown), shown.length);
    pyr_display_fit(pyr_text_get(&shown), shown.length,
                    columns < VALUE_COLUMNS ? columns : VALUE_COLUMNS, false, out);
    if (columns > VALUE_COLUMNS) {
        pyr_text_printf(out, " (%zu bytes)", length);
    }
    pyr_text_add_char(out, '\n');
    pyr_text_deinit(&shown);
}

static void add_metadata(const pyr_metadata *metadata, int indent, pyr_text *out) {
    for (size_t i = 0; i < pyr_metadata_count(metadata); ++i) {
        const char *key;
        const char *value;
        size_t key_length;
        size_t value_length;
        pyr_metadata_get(metadata, i, &key, &key_length, &value, &value_length);
        pyr_text_printf(out, "%*s", indent, "");
        add_escaped(key, key_length, out);
        pyr_text_add(out, " = ");
        pyr_inspect_add_value(value, value_length, out);
    }
}

static void add_schema(const pyr_schema *schema, pyr_text *out) {
    pyr_text_printf(out, "schema: %d columns\n", (int)schema->fields_count);
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        const pyr_field *field = schema->fields[i];
        pyr_text type;
        pyr_text_init(&type);
        pyr_field_type_print(field, &type);
        pyr_text_add(out, "  ");
        add_escaped(field->name, strlen(field->name), out);
        pyr_text_add(out, ": ");
        add_escaped(pyr_text_get(&type), type.length, out);
        pyr_text_add(out, field->nullable ? "\n" : " not null\n");
        pyr_text_deinit(&type);
        add_metadata(field->metadata, 6, out);
    }
    if (pyr_metadata_count(schema->metadata) > 0) {
        pyr_text_add(out, "schema metadata:\n");
        add_metadata(schema->metadata, 2, out);
    }
}

void pyr_inspect_add_bytes(const char *label, int64_t bytes, pyr_text *out) {
    pyr_text_add(out, label);
    pyr_print_bytes((double)bytes, out);
    pyr_text_printf(out, " (%" PRId64 " bytes)\n", bytes);
}

/* ---- Zone maps. ---- */

/* A bound as a value of its type prints: dates as dates. false: this type has no such builder. */
static bool add_typed(pyr_field *field, const pyr_zone *zone, bool max, pyr_text *out) {
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    pyr_status status = pyr_builder_create(field, NULL, &builder, NULL);
    if (status == PYR_OK) {
        switch (field->type) {
        case PYR_TYPE_FLOAT16:
        case PYR_TYPE_FLOAT32:
        case PYR_TYPE_FLOAT64:
            status = pyr_builder_double(builder, max ? zone->max.f64 : zone->min.f64, NULL);
            break;
        case PYR_TYPE_UINT8:
        case PYR_TYPE_UINT16:
        case PYR_TYPE_UINT32:
        case PYR_TYPE_UINT64:
            status = pyr_builder_uint64(builder, max ? zone->max.u64 : zone->min.u64, NULL);
            break;
        default:
            status = pyr_builder_int64(builder, max ? zone->max.i64 : zone->min.i64, NULL);
            break;
        }
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, &array, NULL);
    }
    if (status == PYR_OK) {
        pyr_array_print_value(array, 0, out);
    }
    pyr_array_release(array);
    pyr_builder_destroy(builder);
    return status == PYR_OK;
}

static bool is_bytes(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_BINARY_VIEW:
    case PYR_TYPE_FIXED_SIZE_BINARY:
        return true;
    default:
        return false;
    }
}

static void add_bound(pyr_field *field, const pyr_zone *zone, bool max, pyr_text *out) {
    if (is_bytes(field)) {
        const uint8_t *bytes = max ? zone->max.str.bytes : zone->min.str.bytes;
        size_t size = max ? zone->max.str.size_bytes : zone->min.str.size_bytes;
        pyr_text_add_char(out, '"');
        add_escaped((const char *)bytes, size, out);
        pyr_text_add(out, zone->exact ? "\"" : "\"...");
    } else if (!add_typed(field, zone, max, out)) {
        pyr_text_printf(out, "%" PRId64, max ? zone->max.i64 : zone->min.i64);
    }
}

static void add_zone(pyr_field *field, const pyr_zone *zone, int32_t texts, pyr_text *out) {
    pyr_text_add(out, "      ");
    add_escaped(field->name, strlen(field->name), out);
    pyr_text_add(out, ": ");
    pyr_field *values = field->type == PYR_TYPE_DICTIONARY ? field->dictionary : field;
    if (zone->has_bounds) {
        pyr_text_add(out, "min ");
        add_bound(values, zone, false, out);
        pyr_text_add(out, ", max ");
        add_bound(values, zone, true, out);
        pyr_text_add(out, ", ");
    }
    pyr_text_printf(out, "nulls %" PRId64 "%s", zone->null_count, zone->has_nan ? ", NaN" : "");
    if (texts > 0) {
        pyr_text_printf(out, ", %" PRId32 " values numbered", texts);
    }
    pyr_text_add_char(out, '\n');
}

/* ---- Files. ---- */

#define ALIGNMENT_MOST 64 /* what Arrow recommends, and our segments have */

/* What stands in a RecordBatch table alone. */
typedef struct batch_facts {
    const char *compression;
    uint64_t alignment; /* bytes: every buffer starts at a multiple of it in the file */
} batch_facts;

static const char *codec_name(pyr_fb_table compression) {
    enum { COMPRESSION_CODEC = 0 };
    if (pyr_fb_is_null(compression)) {
        return "none";
    }
    switch (pyr_fb_u8(compression, COMPRESSION_CODEC, 0)) {
    case 0:
        return "lz4";
    case 1:
        return "zstd";
    default:
        return "?";
    }
}

/* Message.fbs: Buffer is a struct of two int64, offset and length; BodyCompression's codec is
 * LZ4_FRAME 0 or ZSTD 1. What was read of the file is checked by the reader before. */
static batch_facts facts_of(const inspection *self, int64_t offset, int64_t metadata_bytes) {
    enum { MESSAGE_HEADER = 2, BATCH_BUFFERS = 2, BATCH_COMPRESSION = 3, BUFFER_BYTES = 16 };
    batch_facts facts = {"?", 1};
    if (offset < 0 || metadata_bytes < 8 ||
        (uint64_t)offset + (uint64_t)metadata_bytes > self->bytes->size_bytes) {
        return facts;
    }
    const uint8_t *start = self->bytes->data + offset;
    uint32_t first;
    memcpy(&first, start, sizeof(first));
    size_t prefix = first == UINT32_MAX ? 8 : 4; /* before format 0.15 no continuation */
    pyr_fb input = pyr_fb_over(start + prefix, (size_t)metadata_bytes - prefix);
    pyr_fb_table batch = pyr_fb_child(pyr_fb_root(&input), MESSAGE_HEADER);
    const char *compression = codec_name(pyr_fb_child(batch, BATCH_COMPRESSION));
    pyr_fb_vector buffers = pyr_fb_vector_of(batch, BATCH_BUFFERS, BUFFER_BYTES);
    uint64_t bits = (uint64_t)offset + (uint64_t)metadata_bytes; /* set in any position */
    for (uint32_t i = 0; i < buffers.count; ++i) {
        bool empty = pyr_fb_vector_i64(buffers, i, BUFFER_BYTES, 8) == 0;
        bits |= empty ? 0 : (uint64_t)pyr_fb_vector_i64(buffers, i, BUFFER_BYTES, 0);
    }
    if (input.fault == NULL) {
        facts.compression = compression;
        bits |= ALIGNMENT_MOST;
        facts.alignment = bits & -bits;
    }
    return facts;
}

static pyr_status add_zones(inspection *self, pyr_segment *segment, size_t batch,
                            const pyr_schema *schema, pyr_error *error) {
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        pyr_zone zone;
        int32_t texts = 0;
        PYR_TRY(pyr_segment_zone(segment, batch, i, &zone, error));
        if (zone.known) {
            PYR_TRY(pyr_segment_numbered_texts(segment, batch, i, &texts, error));
            add_zone(schema->fields[i], &zone, texts, &self->output.buffer);
        }
    }
    return pyr_output_drain(&self->output, error);
}

/* Keys of ours have lines of their own. */
static bool has_foreign_keys(const pyr_metadata *metadata) {
    for (size_t i = 0; i < pyr_metadata_count(metadata); ++i) {
        const char *key;
        const char *value;
        size_t key_length;
        size_t value_length;
        pyr_metadata_get(metadata, i, &key, &key_length, &value, &value_length);
        if (key_length < 8 || memcmp(key, "pyralog.", 8) != 0) {
            return true;
        }
    }
    return false;
}

static pyr_status add_file_batch(inspection *self, pyr_ipc_file *file, pyr_segment *segment,
                                 size_t index, pyr_error *error) {
    pyr_text *out = &self->output.buffer;
    int64_t offset;
    int64_t metadata_bytes;
    int64_t body_bytes;
    int64_t rows = 0;
    pyr_metadata *metadata = NULL;
    pyr_ipc_file_block(file, index, &offset, &metadata_bytes, &body_bytes);
    PYR_TRY(pyr_ipc_file_batch_head(file, index, &rows, &metadata, error));
    const char *crc = pyr_metadata_find(metadata, "pyralog.crc32c", NULL);
    batch_facts facts = facts_of(self, offset, metadata_bytes);
    pyr_text_printf(
        out,
        "  %zu: %" PRId64 " rows at %" PRId64 ", %" PRId64 " bytes of metadata, %" PRId64
        " of body, aligned to %" PRIu64 ", compression %s",
        index, rows, offset, metadata_bytes, body_bytes, facts.alignment, facts.compression);
    if (crc != NULL) {
        pyr_text_add(out, ", crc32c ");
        add_escaped(crc, strlen(crc), out);
    }
    pyr_text_add_char(out, '\n');
    if (has_foreign_keys(metadata)) {
        add_metadata(metadata, 6, out);
    }
    pyr_metadata_release(metadata);
    return add_zones(self, segment, index, pyr_ipc_file_schema(file), error);
}

static pyr_status add_dictionaries(inspection *self, pyr_ipc_file *file, pyr_error *error) {
    const pyr_schema *schema = pyr_ipc_file_schema(file);
    bool any = false;
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        any = any || schema->fields[i]->type == PYR_TYPE_DICTIONARY;
    }
    if (!any || pyr_ipc_file_batches(file) == 0) {
        return PYR_OK;
    }
    pyr_batch *batch = NULL;
    PYR_TRY(
        pyr_ipc_file_batch(file, 0, NULL, 0, PYR_VALIDATE_STRUCTURE, NULL, NULL, &batch, error));
    pyr_text *out = &self->output.buffer;
    pyr_text_add(out, "dictionaries:\n");
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        const pyr_array *column = batch->columns[i];
        if (column->dictionary == NULL) {
            continue;
        }
        pyr_text_add(out, "  ");
        add_escaped(schema->fields[i]->name, strlen(schema->fields[i]->name), out);
        pyr_text_printf(out, ": %" PRId64 " values, %" PRId64 " bytes%s\n",
                        column->dictionary->length, pyr_array_size_bytes(column->dictionary),
                        schema->fields[i]->dictionary_ordered ? ", ordered" : "");
    }
    pyr_batch_release(batch);
    return PYR_OK;
}

static pyr_status add_file(inspection *self, pyr_ipc_file *file, pyr_segment *segment,
                           pyr_error *error) {
    pyr_text *out = &self->output.buffer;
    size_t batches = pyr_ipc_file_batches(file);
    int64_t rows_total = 0;
    size_t checksums = 0;
    for (size_t i = 0; i < batches; ++i) {
        int64_t rows = 0;
        pyr_metadata *metadata = NULL;
        PYR_TRY(pyr_ipc_file_batch_head(file, i, &rows, &metadata, error));
        checksums += pyr_metadata_find(metadata, "pyralog.crc32c", NULL) != NULL;
        pyr_metadata_release(metadata);
        rows_total += rows;
    }
    pyr_text_add(out, "format: Arrow IPC file\n");
    pyr_inspect_add_bytes("size: ", (int64_t)self->bytes->size_bytes, out);
    pyr_text_printf(out, "rows: %" PRId64 "\nbatches: %zu\n", rows_total, batches);
    if (checksums > 0) {
        pyr_text_printf(out, "checksums: crc32c of %zu of %zu batches%s\n", checksums, batches,
                        self->check ? "" : ", not checked (--check does)");
    }
    add_schema(pyr_ipc_file_schema(file), out);
    if (pyr_metadata_count(pyr_ipc_file_metadata(file)) > 0) {
        pyr_text_add(out, "footer metadata:\n");
        add_metadata(pyr_ipc_file_metadata(file), 2, out);
    }
    PYR_TRY(add_dictionaries(self, file, error));
    size_t shown = self->batches_shown == 0 || (size_t)self->batches_shown > batches
                       ? batches
                       : (size_t)self->batches_shown;
    if (shown > 0) {
        pyr_text_add(out, "batches:\n");
    }
    for (size_t i = 0; i < shown; ++i) {
        PYR_TRY(add_file_batch(self, file, segment, i, error));
    }
    if (shown < batches) {
        pyr_text_printf(out, "  and %zu more (--batches 0 lists all)\n", batches - shown);
    }
    return PYR_OK;
}

/* A file whose structure does not hold is found out here even where only the head is shown. */
static pyr_status check_structure(pyr_ipc_file *file, pyr_error *error) {
    for (size_t i = 0; i < pyr_ipc_file_batches(file); ++i) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_ipc_file_batch(file, i, NULL, 0, PYR_VALIDATE_STRUCTURE, NULL, NULL, &batch,
                                   error));
        pyr_batch_release(batch);
    }
    return PYR_OK;
}

static pyr_status inspect_file(inspection *self, pyr_error *error) {
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    char *path = strdup(self->path);
    pyr_segment_info info = {.path = path, .rows = -1, .size_bytes = -1, .batches = -1};
    pyr_ipc_file *file = NULL;
    pyr_segment *segment = NULL;
    pyr_status status = path != NULL ? PYR_OK : pyr_error_memory(error, strlen(self->path));
    if (status == PYR_OK) {
        status = pyr_ipc_file_open(self->bytes, self->path, &limits, &file, error);
    }
    if (status == PYR_OK) {
        status = pyr_segment_create(&info, true, &segment, error);
    }
    if (status == PYR_OK) {
        status = add_file(self, file, segment, error);
    }
    if (status == PYR_OK) {
        status = self->check ? pyr_segment_verify(segment, error) : check_structure(file, error);
    }
    if (status == PYR_OK && self->check) {
        pyr_text_add(&self->output.buffer, "check: all well\n");
    }
    pyr_segment_release(segment);
    pyr_ipc_file_release(file);
    free(path);
    return status;
}

/* ---- Streams. ---- */

static pyr_status inspect_stream(inspection *self, pyr_error *error) {
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    pyr_stream *stream = NULL;
    pyr_text batches;
    pyr_text_init(&batches);
    int64_t rows = 0;
    int64_t count = 0;
    PYR_TRY(pyr_ipc_stream_open(self->bytes, self->path, &limits,
                                self->check ? PYR_VALIDATE_FULL : PYR_VALIDATE_STRUCTURE, NULL,
                                NULL, &stream, error));
    pyr_status status = PYR_OK;
    while (status == PYR_OK) {
        pyr_batch *batch = NULL;
        status = pyr_stream_next(stream, &batch, error);
        if (status != PYR_OK || batch == NULL) {
            break;
        }
        if (self->batches_shown == 0 || count < self->batches_shown) {
            pyr_text_printf(&batches, "  %" PRId64 ": %" PRId64 " rows, %" PRId64 " bytes\n", count,
                            batch->rows, pyr_batch_size_bytes(batch));
            add_metadata(batch->metadata, 6, &batches);
        }
        rows += batch->rows;
        ++count;
        pyr_batch_release(batch);
    }
    if (status == PYR_OK) {
        pyr_text *out = &self->output.buffer;
        pyr_text_add(out, "format: Arrow IPC stream\n");
        pyr_inspect_add_bytes("size: ", (int64_t)self->bytes->size_bytes, out);
        pyr_text_printf(out, "rows: %" PRId64 "\nbatches: %" PRId64 "\n", rows, count);
        add_schema(stream->schema, out);
        pyr_text_add(out, count > 0 ? "batches:\n" : "");
        pyr_text_append(out, pyr_text_get(&batches), batches.length);
        if (self->batches_shown > 0 && count > self->batches_shown) {
            pyr_text_printf(out, "  and %" PRId64 " more (--batches 0 lists all)\n",
                            count - self->batches_shown);
        }
        pyr_text_add(out, self->check ? "check: all well\n" : "");
        status = pyr_text_check(&batches, error);
    }
    pyr_text_deinit(&batches);
    pyr_stream_destroy(stream);
    return status;
}

/* ---- The command. ---- */

static const char *kind_name(pyr_file_kind kind, size_t size_bytes) {
    switch (kind) {
    case PYR_FILE_PARQUET:
        return "it is Parquet";
    case PYR_FILE_JSON:
        return "it looks like JSON";
    default:
        return size_bytes == 0 ? "it is empty" : "it has none of the formats known";
    }
}

static pyr_status inspect_folder(inspection *self, pyr_error *error) {
    bool found = false;
    PYR_TRY(pyr_inspect_tensor_folder(self, &found, error));
    if (!found) {
        PYR_TRY(pyr_inspect_zarr_folder(self, &found, error));
    }
    return found ? PYR_OK
                 : pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                 "%s is a folder, neither a Zarr store nor a sharded model",
                                 self->path);
}

/* Formats that their first bytes alone do not tell. */
static pyr_status inspect_other(inspection *self, bool *found, pyr_error *error) {
    PYR_TRY(pyr_inspect_gguf(self, found, error));
    if (!*found) {
        PYR_TRY(pyr_inspect_tensors(self, found, error));
    }
    return *found ? PYR_OK : pyr_inspect_zarr_zip(self, found, error);
}

static pyr_status inspect(inspection *self, pyr_error *error) {
    struct stat info;
    if (stat(self->path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return inspect_folder(self, error);
    }
    PYR_TRY(pyr_mapping_open(self->path, &self->bytes, error));
    pyr_file_kind kind = pyr_file_detect(self->bytes->data, self->bytes->size_bytes, self->path);
    pyr_status status;
    if (kind == PYR_FILE_ARROW) {
        status = inspect_file(self, error);
    } else if (kind == PYR_FILE_ARROW_STREAM) {
        status = inspect_stream(self, error);
    } else {
        bool found = false;
        status = inspect_other(self, &found, error);
        if (status == PYR_OK && !found) {
            return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                 "not an Arrow file: %s: %s; inspect reads Arrow files and "
                                 "streams, Safetensors, GGUF and Zarr",
                                 self->path, kind_name(kind, self->bytes->size_bytes));
        }
    }
    return pyr_mapping_explain(self->bytes->mapping, status, error);
}

int pyr_command_inspect(const pyr_options *options) {
    inspection self = {.path = options->arguments[0],
                       .batches_shown = BATCHES_SHOWN,
                       .check = pyr_options_has(options, "check")};
    const char *batches = pyr_options_get(options, "batches");
    if (batches != NULL) {
        char *end = NULL;
        self.batches_shown = strtoll(batches, &end, 10);
        if (end == batches || *end != '\0' || self.batches_shown < 0) {
            return pyr_usage_error("--batches: \"%.40s\" is not a number", batches);
        }
    }
    pyr_error error;
    pyr_error_clear(&error);
    pyr_status status = pyr_output_init(&self.output, STDOUT_FILENO, "stdout", &error);
    if (status == PYR_OK) {
        status = inspect(&self, &error);
    }
    pyr_buffer_release(self.bytes);
    bool gone = self.output.broken;
    pyr_status closed = pyr_output_close(&self.output, status == PYR_OK ? &error : NULL);
    status = status != PYR_OK ? status : closed;
    if (status != PYR_OK && !gone) {
        pyr_error_report(&error, NULL);
    }
    return status == PYR_OK || gone ? PYR_EXIT_OK : PYR_EXIT_FAILED;
}
