/* inspect_gguf.c - GGUF files, by their headers. */
#include "cli/display.h"
#include "cli/inspect_internal.h"
#include "formats/gguf/gguf.h"

#include <inttypes.h>
#include <string.h>

static void add_metadata(const pyr_gguf *file, pyr_text *out) {
    for (int64_t i = 0; i < pyr_gguf_metadata_count(file); ++i) {
        const pyr_gguf_metadata *entry = pyr_gguf_metadata_get(file, i);
        pyr_text_add(out, i == 0 ? "metadata:\n  " : "  ");
        pyr_display_escape(entry->key, strlen(entry->key), false, out);
        if (entry->value != NULL) {
            pyr_text_add(out, " = ");
            pyr_inspect_add_value(entry->value, strlen(entry->value), out);
        } else {
            pyr_text_printf(out, ": %s, %" PRId64 " values\n", entry->type, entry->count);
        }
    }
}

static pyr_status add_file(pyr_inspection *self, const pyr_gguf *file, pyr_error *error) {
    pyr_text *out = &self->output.buffer;
    int64_t count = pyr_gguf_count(file);
    int64_t shown = pyr_inspect_shown(self, count);
    pyr_text_printf(out, "format: GGUF, version %d\n", (int)pyr_gguf_version(file));
    pyr_inspect_add_bytes("size: ", (int64_t)self->bytes->size_bytes, out);
    pyr_text_printf(out, "tensors: %" PRId64 "\nparameters: %" PRId64 "\n", count,
                    pyr_gguf_parameters(file));
    pyr_inspect_add_bytes("data: ", pyr_gguf_data_bytes(file), out);
    pyr_text_printf(out, "alignment: %" PRId64 " bytes\n", pyr_gguf_alignment(file));
    add_metadata(file, out);
    pyr_text_add(out, shown > 0 ? "by offset:\n" : "");
    for (int64_t i = 0; i < shown; ++i) {
        const pyr_gguf_tensor *tensor = pyr_gguf_get(file, i);
        pyr_inspect_add_tensor(&tensor->view, tensor->type, tensor->offset_bytes, out);
        pyr_text_add_char(out, '\n');
        PYR_TRY(pyr_output_drain(&self->output, error));
    }
    if (shown < count) {
        pyr_text_printf(out, "  and %" PRId64 " more (--batches 0 lists all)\n", count - shown);
    }
    if (self->check) {
        PYR_TRY(pyr_inspect_add_hash(self->bytes, out, error));
        pyr_text_add(out, "\ncheck: all well\n");
    }
    return PYR_OK;
}

pyr_status pyr_inspect_gguf(pyr_inspection *self, bool *found, pyr_error *error) {
    pyr_gguf *file = NULL;
    *found = pyr_gguf_detect(self->bytes->data, self->bytes->size_bytes);
    if (!*found) {
        return PYR_OK;
    }
    PYR_TRY(pyr_gguf_open(self->bytes, self->path, NULL, &file, error));
    pyr_status status = add_file(self, file, error);
    pyr_gguf_close(file);
    return status;
}
