/* format.c - the table of formats and the driving of a formatter. */
#include "cli/format_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Between two looks at the mappings and at the output's size. */
#define CHUNK_ROWS 1024

typedef struct format_entry {
    const char *name;
    pyr_formatter *(*create)(const pyr_format *format);
} format_entry;

static const format_entry formats[PYR_FORMATS_COUNT] = {
    [PYR_FORMAT_BOX] = {"box", pyr_format_box_create},
    [PYR_FORMAT_CSV] = {"csv", pyr_format_csv_create},
    [PYR_FORMAT_TSV] = {"tsv", pyr_format_csv_create},
    [PYR_FORMAT_JSON] = {"json", pyr_format_json_create},
    [PYR_FORMAT_NDJSON] = {"ndjson", pyr_format_json_create},
    [PYR_FORMAT_MARKDOWN] = {"markdown", pyr_format_markdown_create},
    [PYR_FORMAT_LINE] = {"line", pyr_format_line_create},
    [PYR_FORMAT_ARROW] = {"arrow", pyr_format_arrow_create},
};

bool pyr_format_parse(const char *name, pyr_format_kind *out) {
    for (int i = 0; i < PYR_FORMATS_COUNT; ++i) {
        if (strcasecmp(name, formats[i].name) == 0) {
            *out = (pyr_format_kind)i;
            return true;
        }
    }
    return false;
}

const char *pyr_format_name(pyr_format_kind kind) {
    return formats[kind].name;
}

bool pyr_format_from_path(const char *path, pyr_format *out) {
    static const struct {
        const char *suffix;
        pyr_format_kind kind;
        bool arrow_file;
    } suffixes[] = {
        {".csv", PYR_FORMAT_CSV, false},      {".tsv", PYR_FORMAT_TSV, false},
        {".json", PYR_FORMAT_JSON, false},    {".ndjson", PYR_FORMAT_NDJSON, false},
        {".jsonl", PYR_FORMAT_NDJSON, false}, {".md", PYR_FORMAT_MARKDOWN, false},
        {".arrow", PYR_FORMAT_ARROW, true},   {".feather", PYR_FORMAT_ARROW, true},
        {".arrows", PYR_FORMAT_ARROW, false},
    };
    const char *name = strrchr(path, '/');
    const char *suffix = strrchr(name != NULL ? name : path, '.');
    for (size_t i = 0; suffix != NULL && i < sizeof(suffixes) / sizeof(suffixes[0]); ++i) {
        if (strcasecmp(suffix, suffixes[i].suffix) == 0) {
            out->kind = suffixes[i].kind;
            out->arrow_file = suffixes[i].arrow_file;
            return true;
        }
    }
    return false;
}

bool pyr_format_is_number(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        return true;
    default:
        return pyr_type_is_integer(field->type);
    }
}

int64_t pyr_formatter_selected_row(const pyr_batch *batch, int64_t index) {
    if (batch->selection == NULL) {
        return index;
    }
    int32_t row;
    memcpy(&row, batch->selection->rows->data + (size_t)index * sizeof(row), sizeof(row));
    return row;
}

pyr_status pyr_formatter_create(const pyr_format *format, pyr_schema *schema, pyr_output *output,
                                pyr_query_ledger *ledger, pyr_formatter **out, pyr_error *error) {
    *out = NULL;
    bool lines = format->kind == PYR_FORMAT_BOX && format->lines && schema->fields_count > 0;
    pyr_formatter *self =
        lines ? pyr_format_lines_create(format) : formats[format->kind].create(format);
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->format = *format;
    self->schema = pyr_schema_retain(schema);
    self->output = output;
    self->ledger = ledger;
    pyr_status status = self->ops->begin != NULL ? self->ops->begin(self, error) : PYR_OK;
    if (status != PYR_OK) {
        pyr_formatter_destroy(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

pyr_status pyr_formatter_batch(pyr_formatter *self, pyr_batch *batch, pyr_error *error) {
    if (self->ops->batch != NULL) {
        return self->ops->batch(self, batch, error);
    }
    int64_t count = pyr_batch_selected(batch);
    for (int64_t i = 0; i < count;) {
        int64_t end = i + CHUNK_ROWS < count ? i + CHUNK_ROWS : count;
        for (; i < end; ++i) {
            self->ops->row(self, batch, pyr_formatter_selected_row(batch, i));
            ++self->rows;
        }
        PYR_TRY(pyr_batch_check_mappings(batch, error));
        PYR_TRY(pyr_output_drain(self->output, error));
    }
    return PYR_OK;
}

pyr_status pyr_formatter_finish(pyr_formatter *self, pyr_error *error) {
    if (self->ops->end != NULL) {
        PYR_TRY(self->ops->end(self, error));
    }
    return pyr_output_flush(self->output, error);
}

void pyr_formatter_destroy(pyr_formatter *self) {
    if (self == NULL) {
        return;
    }
    pyr_schema_release(self->schema);
    self->ops->destroy(self);
}
