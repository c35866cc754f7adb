/* inspect_zarr.c - Zarr stores: folders and zip files, v2 and v3. */
#include "cli/display.h"
#include "cli/inspect_internal.h"
#include "formats/zarr/zarr.h"

#include <inttypes.h>
#include <string.h>

static void add_escaped(const char *text, pyr_text *out) {
    pyr_display_escape(text, strlen(text), false, out);
}

static void add_lengths(const int64_t *lengths, int32_t count, pyr_text *out) {
    pyr_text_add_char(out, '[');
    for (int32_t i = 0; i < count; ++i) {
        pyr_text_printf(out, "%s%" PRId64, i > 0 ? ", " : "", lengths[i]);
    }
    pyr_text_add_char(out, ']');
}

static void add_dimensions(const pyr_zarr_info *info, pyr_text *out) {
    if (info->dimensions == NULL || info->rank == 0) {
        return;
    }
    pyr_text_add(out, "      dimensions: ");
    for (int32_t i = 0; i < info->rank; ++i) {
        pyr_text_add(out, i > 0 ? ", " : "");
        add_escaped(info->dimensions[i] != NULL ? info->dimensions[i] : "(none)", out);
    }
    pyr_text_add_char(out, '\n');
}

static void add_array(const pyr_zarr_info *info, pyr_text *out) {
    pyr_text_add(out, "  ");
    add_escaped(info->path[0] != '\0' ? info->path : "(root)", out);
    pyr_text_add(out, ": ");
    if (info->problem != NULL) {
        pyr_text_add(out, "cannot be read: ");
        add_escaped(info->problem, out);
        pyr_text_add_char(out, '\n');
        return;
    }
    add_escaped(info->data_type, out);
    pyr_text_add_char(out, ' ');
    add_lengths(info->shape, info->rank, out);
    pyr_text_printf(out, ", %" PRId64 " chunks of ", info->chunks);
    add_lengths(info->chunk_shape, info->rank, out);
    pyr_text_printf(out, "%s, codecs ", info->sharded ? " in shards" : "");
    add_escaped(info->codecs[0] != '\0' ? info->codecs : "none", out);
    pyr_text_add_char(out, '\n');
    add_dimensions(info, out);
    if (strcmp(info->attributes, "{}") != 0) {
        pyr_text_add(out, "      attributes: ");
        pyr_inspect_add_value(info->attributes, strlen(info->attributes), out);
    }
}

/* Every chunk is read and decoded. */
static pyr_status check_array(pyr_zarr_array *array, pyr_error *error) {
    const pyr_zarr_info *info = pyr_zarr_array_info(array);
    int64_t place[PYR_ZARR_RANK_MAX];
    for (int64_t i = 0; i < info->chunks; ++i) {
        pyr_zarr_chunk chunk;
        pyr_array *values = NULL;
        pyr_zarr_chunk_place(array, i, place);
        PYR_TRY(pyr_zarr_read_chunk(array, place, NULL, NULL, &chunk, error));
        pyr_status status =
            pyr_zarr_chunk_values(array, &chunk, 0, chunk.count, false, NULL, NULL, &values, error);
        if (status == PYR_OK) {
            status = pyr_array_validate(values, PYR_VALIDATE_FULL, error);
        }
        if (status == PYR_OK) {
            status = pyr_array_check_mappings(values, error);
        }
        pyr_array_release(values);
        pyr_zarr_chunk_deinit(&chunk);
        PYR_TRY(status);
    }
    return PYR_OK;
}

static pyr_status check_all(pyr_inspection *self, const pyr_zarr *zarr, pyr_error *error) {
    for (int64_t i = 0; i < pyr_zarr_arrays_count(zarr); ++i) {
        pyr_zarr_array *array = pyr_zarr_get_array(zarr, i);
        const pyr_zarr_info *info = pyr_zarr_array_info(array);
        if (info->problem != NULL) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: array \"%s\": %s", self->path,
                                 info->path, info->problem);
        }
        PYR_TRY(check_array(array, error));
    }
    pyr_text_add(&self->output.buffer, "check: all well\n");
    return PYR_OK;
}

/* The group's own arrays that are no columns of it as a table, which nothing else tells. A group
 * that makes no table is no fault of a hierarchy. */
static void add_left_out(pyr_zarr *zarr, pyr_text *out) {
    pyr_zarr_table *table = NULL;
    pyr_error problem;
    if (pyr_zarr_table_create(zarr, NULL, NULL, NULL, &table, &problem) != PYR_OK) {
        pyr_text_add(out, "no table: ");
        add_escaped(problem.message, out);
        pyr_text_add_char(out, '\n');
        return;
    }
    for (int64_t i = 0; i < pyr_zarr_table_left_out(table); ++i) {
        const char *reason, *name = pyr_zarr_table_left_out_get(table, i, &reason);
        pyr_text_add(out, i > 0 ? ", " : "not in the table: ");
        add_escaped(name, out);
        pyr_text_add(out, " (");
        add_escaped(reason, out);
        pyr_text_add_char(out, ')');
    }
    if (pyr_zarr_table_left_out(table) > 0) {
        pyr_text_add_char(out, '\n');
    }
    pyr_zarr_table_destroy(table);
}

static pyr_status add_hierarchy(pyr_inspection *self, pyr_zarr *zarr, const char *kind,
                                pyr_error *error) {
    pyr_text *out = &self->output.buffer;
    int64_t count = pyr_zarr_arrays_count(zarr);
    int64_t shown = pyr_inspect_shown(self, count);
    pyr_text_printf(out, "format: Zarr v%d, %s\n", (int)pyr_zarr_get_format(zarr), kind);
    if (self->bytes != NULL) {
        pyr_inspect_add_bytes("size: ", (int64_t)self->bytes->size_bytes, out);
    }
    pyr_text_printf(out, "%s: %" PRId64 "\n", pyr_zarr_is_group(zarr) ? "arrays" : "array", count);
    if (pyr_zarr_is_group(zarr) && strcmp(pyr_zarr_attributes(zarr), "{}") != 0) {
        pyr_text_add(out, "attributes: ");
        pyr_inspect_add_value(pyr_zarr_attributes(zarr), strlen(pyr_zarr_attributes(zarr)), out);
    }
    for (int64_t i = 0; i < shown; ++i) {
        add_array(pyr_zarr_array_info(pyr_zarr_get_array(zarr, i)), out);
        PYR_TRY(pyr_output_drain(&self->output, error));
    }
    if (shown < count) {
        pyr_text_printf(out, "  and %" PRId64 " more (--batches 0 lists all)\n", count - shown);
    }
    if (pyr_zarr_is_group(zarr)) {
        add_left_out(zarr, out);
    }
    return self->check ? check_all(self, zarr, error) : PYR_OK;
}

/* Takes store. */
static pyr_status inspect_store(pyr_inspection *self, pyr_zarr_store *store, const char *kind,
                                pyr_error *error) {
    pyr_zarr *zarr = NULL;
    pyr_status status = pyr_zarr_open(store, "", PYR_ZARR_ANY, NULL, &zarr, error);
    pyr_zarr_store_release(store);
    if (status == PYR_OK) {
        status = add_hierarchy(self, zarr, kind, error);
    }
    pyr_zarr_release(zarr);
    return status;
}

pyr_status pyr_inspect_zarr_zip(pyr_inspection *self, bool *found, pyr_error *error) {
    pyr_zarr_store *store = NULL;
    *found = pyr_zarr_detect_zip(self->bytes);
    if (!*found) {
        return PYR_OK;
    }
    PYR_TRY(pyr_zarr_store_open_zip(self->bytes, self->path, NULL, &store, error));
    return inspect_store(self, store, "a zip file", error);
}

pyr_status pyr_inspect_zarr_folder(pyr_inspection *self, bool *found, pyr_error *error) {
    pyr_zarr_store *store = NULL;
    *found = pyr_zarr_detect_folder(self->path);
    if (!*found) {
        return PYR_OK;
    }
    PYR_TRY(pyr_zarr_store_open_folder(self->path, NULL, &store, error));
    return inspect_store(self, store, "a folder", error);
}
