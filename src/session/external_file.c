/* external_file.c - what an external file is: its format by its first bytes, its columns, its hash.
 */
#include "arrow/cast.h"
#include "base/mapping.h"
#include "formats/safetensors/safetensors.h"
#include "session/external.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Content. ---- */

enum { HEAD_BYTES = 512 };

static bool begins(const uint8_t *head, size_t size, const char *magic, size_t magic_size) {
    return size >= magic_size && memcmp(head, magic, magic_size) == 0;
}

static bool is_compressed(const uint8_t *head, size_t size) {
    return begins(head, size, "\x1f\x8b", 2) || begins(head, size, "\x28\xb5\x2f\xfd", 4);
}

static char first_character(const uint8_t *head, size_t size) {
    size_t at = begins(head, size, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (at < size && strchr(" \t\r\n", head[at]) != NULL && head[at] != '\0') {
        ++at;
    }
    return at < size ? (char)head[at] : '\0';
}

/* What a file is by its first bytes; NULL: nothing tells. */
static const char *detect(const uint8_t *head, size_t size) {
    if (begins(head, size, "PAR1", 4) || begins(head, size, "PARE", 4)) {
        return "PARQUET";
    }
    if (pyr_ipc_file_detect(head, size)) {
        return "ARROW";
    }
    if (begins(head, size, "\xff\xff\xff\xff", 4)) {
        return "an Arrow IPC stream";
    }
    if (size >= 9 && head[8] == '{' && pyr_safetensors_detect(head, size, INT64_MAX)) {
        return "SAFETENSORS";
    }
    if (begins(head, size, "PK\x03\x04", 4)) {
        return "a zip archive";
    }
    if (begins(head, size, "\x89HDF", 4)) {
        return "HDF5";
    }
    return NULL;
}

static bool content_fits(pyr_external_format format, const uint8_t *head, size_t size,
                         const char **what) {
    *what = detect(head, size);
    if (format == PYR_EXTERNAL_ZARR) { /* a zip file, or a document of a folder's */
        *what = *what != NULL ? *what : "no Zarr store";
        return begins(head, size, "PK\x03\x04", 4) || first_character(head, size) == '{';
    }
    if (format == PYR_EXTERNAL_SAFETENSORS && pyr_safetensors_index_detect(head, size)) {
        return true;
    }
    if (format == PYR_EXTERNAL_PARQUET || pyr_external_has_segments(format)) {
        bool fits = *what != NULL && strcmp(*what, pyr_external_format_name(format)) == 0;
        *what = *what != NULL                      ? *what
                : size == 0                        ? "empty"
                : is_compressed(head, size)        ? "compressed"
                : memchr(head, '\0', size) != NULL ? "of an unknown format"
                : strchr("{[", first_character(head, size)) != NULL &&
                        first_character(head, size) != '\0'
                    ? "JSON"
                    : "text, perhaps CSV";
        return fits;
    }
    if (*what != NULL || size == 0 || is_compressed(head, size)) {
        return *what == NULL;
    }
    char first = first_character(head, size);
    if (format == PYR_EXTERNAL_JSON && first != '\0' && strchr("{[", first) == NULL) {
        *what = "text, perhaps CSV";
    }
    return *what == NULL;
}

pyr_status pyr_external_check_content(const pyr_object_store *store, pyr_external_format format,
                                      const char *path, pyr_error *error) {
    uint8_t head[HEAD_BYTES];
    size_t size = 0;
    const char *what = NULL;
    PYR_TRY(store->read(path, 0, head, sizeof(head), &size, error));
    return content_fits(format, head, size, &what)
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                                   "file \"%s\" is %s, not %s as STORED AS says", path, what,
                                   pyr_external_format_name(format));
}

/* ---- Columns. ---- */

static pyr_status describe_segment(pyr_execution *execution, const pyr_external_source *source,
                                   pyr_schema **out, pyr_error *error) {
    pyr_segment *segment = NULL;
    PYR_TRY(pyr_external_segment(execution, source, source->objects[0].path, &segment, error));
    pyr_status status = pyr_segment_schema(segment, &execution->ledger, out, error);
    pyr_segment_release(segment);
    return status;
}

#define PROBE "external probe"

/* A snapshot with a table PROBE that is the source. */
static pyr_status probe_snapshot(pyr_execution *execution, const pyr_external_source *source,
                                 pyr_snapshot **out, pyr_error *error) {
    pyr_external_scan *scan = NULL;
    pyr_external *external = NULL;
    pyr_schema *schema = NULL;
    pyr_table *table = NULL;
    pyr_text text;
    pyr_text_init(&text);
    pyr_status status = pyr_external_scan_create(&scan, error);
    if (status == PYR_OK) {
        status = source->objects_count == 1
                     ? PYR_OK
                     : pyr_error_set(error, PYR_ERROR_INTERNAL, "a file to describe");
    }
    if (status == PYR_OK) {
        status = pyr_external_add_query(source, &text, error);
    }
    if (status == PYR_OK) {
        scan->by_path = true;
        scan->files.objects = calloc(1, sizeof(*scan->files.objects));
        scan->sql = pyr_text_move(&text);
        status = scan->sql != NULL && scan->files.objects != NULL &&
                         (scan->files.objects[0].path = strdup(source->objects[0].path)) != NULL
                     ? PYR_OK
                     : pyr_error_memory(error, sizeof(*scan));
        scan->files.count = status == PYR_OK;
    }
    if (status == PYR_OK) {
        status = pyr_external_create(source->format, source->objects[0].path, "{}", 0, 0, NULL, 0,
                                     &external, error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(NULL, 0, NULL, &schema, error);
    }
    if (status == PYR_OK) {
        status =
            pyr_table_over_query(PYR_SYSTEM_SCHEMA, PROBE, schema, external, scan, &table, error);
    }
    if (status == PYR_OK) {
        status = pyr_snapshot_replace(execution->snapshot, &table, 1, out, error);
    }
    pyr_table_release(table);
    pyr_schema_release(schema);
    pyr_external_release(external);
    pyr_external_scan_release(scan);
    pyr_text_deinit(&text);
    return status;
}

static pyr_status describe_by_duckdb(pyr_execution *execution, const pyr_external_source *source,
                                     pyr_schema **out, pyr_error *error) {
    static const char sql[] = "SELECT * FROM " PYR_SYSTEM_SCHEMA ".\"" PROBE "\"";
    pyr_engine_session *duckdb = execution->worker.duckdb;
    if (duckdb == NULL) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "STORED AS %s needs the DuckDB engine, which this build is without",
                             pyr_external_format_name(source->format));
    }
    pyr_snapshot *snapshot = NULL;
    pyr_prepared *prepared = NULL;
    pyr_engine_query query;
    PYR_TRY(probe_snapshot(execution, source, &snapshot, error));
    pyr_execution_query(execution, sql, sizeof(sql) - 1, NULL, &query);
    query.snapshot = snapshot;
    pyr_status status = duckdb->engine->ops->prepare(duckdb, &query, &prepared, error);
    if (status == PYR_OK) {
        *out = pyr_schema_retain(prepared->schema);
        duckdb->engine->ops->prepared_destroy(prepared);
    } else if (error != NULL) {
        error->position = -1;
    }
    pyr_snapshot_release(snapshot);
    return status;
}

pyr_status pyr_external_describe(pyr_execution *execution, const pyr_external_source *source,
                                 pyr_schema **out, pyr_error *error) {
    *out = NULL;
    return pyr_external_has_segments(source->format)
               ? describe_segment(execution, source, out, error)
               : describe_by_duckdb(execution, source, out, error);
}

/* ---- Whether columns fit. ---- */

typedef enum type_family {
    FAMILY_NUMBER,
    FAMILY_TEXT,
    FAMILY_BYTES,
    FAMILY_DAY,
    FAMILY_OTHER
} type_family;

static type_family family_of(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_DICTIONARY:
        return family_of(field->dictionary);
    case PYR_TYPE_INT8:
    case PYR_TYPE_INT16:
    case PYR_TYPE_INT32:
    case PYR_TYPE_INT64:
    case PYR_TYPE_UINT8:
    case PYR_TYPE_UINT16:
    case PYR_TYPE_UINT32:
    case PYR_TYPE_UINT64:
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        return FAMILY_NUMBER;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
        return FAMILY_TEXT;
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_BINARY_VIEW:
        return FAMILY_BYTES;
    case PYR_TYPE_DATE32:
    case PYR_TYPE_DATE64:
    case PYR_TYPE_TIMESTAMP:
        return FAMILY_DAY;
    default:
        return FAMILY_OTHER;
    }
}

/* The cast may still fail for a value (300 AS TINYINT), and is then that query's error. */
static bool type_fits(const pyr_field *found, const pyr_field *wanted) {
    if (pyr_field_type_equal(found, wanted) || pyr_cast_is_covered(found, wanted) ||
        family_of(wanted) == FAMILY_TEXT || found->type == PYR_TYPE_NULL) {
        return true;
    }
    return family_of(found) == FAMILY_OTHER ? found->type == wanted->type
                                            : family_of(found) == family_of(wanted);
}

static pyr_status wrong_type(const char *path, const pyr_field *found, const pyr_field *wanted,
                             pyr_error *error) {
    pyr_text has;
    pyr_text wants;
    pyr_text_init(&has);
    pyr_text_init(&wants);
    pyr_sql_type_print(found, &has);
    pyr_sql_type_print(wanted, &wants);
    pyr_status status =
        pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                          "file \"%s\": column \"%s\" is %s, which does not fit the table's %s",
                          path, wanted->name, pyr_text_get(&has), pyr_text_get(&wants));
    pyr_text_deinit(&has);
    pyr_text_deinit(&wants);
    return status;
}

pyr_status pyr_external_check_columns(const char *path, pyr_external_format format,
                                      const pyr_schema *columns, int32_t count,
                                      const pyr_schema *found, pyr_error *error) {
    for (int32_t i = 0; i < count; ++i) {
        const pyr_field *wanted = columns->fields[i];
        int32_t place = pyr_schema_find(found, wanted->name, true);
        if (place < 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                                     "file \"%s\": column \"%s\" is not in it", path, wanted->name);
        }
        /* The types of a text are those that it is read with. */
        if (format != PYR_EXTERNAL_CSV && !type_fits(found->fields[place], wanted)) {
            return wrong_type(path, found->fields[place], wanted, error);
        }
    }
    return PYR_OK;
}

/* ---- Hash. ---- */

pyr_status pyr_external_hash(pyr_thread_pool *pool, pyr_cancel_flag *cancel,
                             const pyr_object_store *store, pyr_external_file *file,
                             pyr_error *error) {
    pyr_buffer *bytes = NULL;
    PYR_TRY(store->open(file->object.path, &bytes, error));
    pyr_status status =
        pyr_blake3_hash_parallel(bytes->data, bytes->size_bytes, pool, cancel, file->blake3, error);
    if (status == PYR_OK) {
        status = pyr_mapping_check(bytes->mapping, error);
    }
    pyr_buffer_release(bytes);
    pyr_stored_object now = {0};
    if (status == PYR_OK) {
        status = store->head(file->object.path, &now, error);
    }
    if (status == PYR_OK && !pyr_stored_object_same_state(&file->object, &now)) {
        status = pyr_error_set_sql(error, PYR_ERROR_IO, "58030", -1,
                                   "file \"%s\" changed while it was read", file->object.path);
    }
    pyr_stored_object_deinit(&now);
    file->hashed = status == PYR_OK;
    return status;
}

pyr_status pyr_external_check_hash(pyr_thread_pool *pool, pyr_cancel_flag *cancel,
                                   const pyr_object_store *store, const pyr_external_file *file,
                                   const pyr_stored_object *now, bool *same, pyr_error *error) {
    pyr_external_file again = {.object = *now}; /* borrowed */
    *same = !file->hashed;
    if (file->hashed) {
        pyr_status status = pyr_external_hash(pool, cancel, store, &again, error);
        *same = status == PYR_OK && memcmp(again.blake3, file->blake3, sizeof(again.blake3)) == 0;
    }
    return pyr_cancel_flag_check(cancel, error);
}
