/* gguf.c - reading a GGUF header. Memory is taken for what is there, not for what a count says:
 * what a count announces is passed over first, then read.
 */
#include "formats/gguf/gguf.h"

#include "base/checked.h"
#include "base/cursor.h"
#include "base/mapping.h"
#include "base/text.h"
#include "formats/gguf/types.h"
#include "formats/tensor/name_table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT_DEFAULT 32
/* ggml's: more are refused by its reader too. */
#define DIMENSIONS_MAX 4
#define ARRAYS_DEPTH_MAX 4

struct pyr_gguf {
    pyr_arena arena;
    pyr_buffer *bytes;
    int32_t version;
    int64_t alignment;
    pyr_gguf_tensor *tensors;
    int64_t count;
    pyr_gguf_metadata *metadata;
    int64_t metadata_count;
    int64_t parameters, data_bytes;
};

/* A reading of one file. */
typedef struct gguf_reader {
    pyr_cursor cursor;
    pyr_gguf *file;
    const char *name;
    pyr_error *error;
} gguf_reader;

bool pyr_gguf_detect(const uint8_t *bytes, size_t size_bytes) {
    return size_bytes >= 8 && memcmp(bytes, "GGUF", 4) == 0;
}

static pyr_status fault(const gguf_reader *reader, pyr_status code, const char *what) {
    return pyr_error_set(reader->error, code, "%s: byte %zu: %s", reader->name,
                         reader->cursor.position, what);
}
static pyr_status ends(const gguf_reader *reader) {
    return fault(reader, PYR_ERROR_CORRUPT, "the header goes on behind the end of the file");
}
static pyr_status u32(gguf_reader *reader, uint32_t *out) {
    return pyr_cursor_u32(&reader->cursor, out) ? PYR_OK : ends(reader);
}
static pyr_status u64(gguf_reader *reader, uint64_t *out) {
    return pyr_cursor_u64(&reader->cursor, out) ? PYR_OK : ends(reader);
}

/* ---- Strings. ---- */

static pyr_status string_bytes(gguf_reader *reader, const uint8_t **bytes, size_t *length) {
    uint64_t size = 0;
    *bytes = NULL;
    *length = 0;
    PYR_TRY(u64(reader, &size));
    if (size > pyr_cursor_left(&reader->cursor) ||
        !pyr_cursor_bytes(&reader->cursor, (size_t)size, bytes)) {
        return ends(reader);
    }
    *length = (size_t)size;
    return PYR_OK;
}
/* A copy that ends with a zero byte; the copy is looked at, not what another process may write to.
 * Values are shown to people: what is not UTF-8 is replaced there, names must be it. */
static pyr_status string_copy(gguf_reader *reader, bool is_name, const char **out) {
    const uint8_t *bytes;
    size_t length;
    *out = "";
    PYR_TRY(string_bytes(reader, &bytes, &length));
    /* Not strndup, which would end at a zero byte. */
    char *copy = pyr_arena_alloc(&reader->file->arena, length + 1);
    if (copy == NULL) {
        return pyr_arena_error(&reader->file->arena, reader->error);
    }
    memcpy(copy, bytes, length);
    if (is_name && !pyr_utf8_valid((const uint8_t *)copy, length)) {
        return fault(reader, PYR_ERROR_CORRUPT, "a name that is not UTF-8");
    }
    if (is_name && memchr(copy, '\0', length) != NULL) {
        return fault(reader, PYR_ERROR_NOT_SUPPORTED, "a zero character in a name");
    }
    for (size_t i = 0; !is_name && i < length; ++i) {
        /* A zero byte would end it, bytes that are no characters could not be shown. */
        copy[i] = copy[i] == '\0' ? ' ' : copy[i];
    }
    if (!is_name && !pyr_utf8_valid((const uint8_t *)copy, length)) {
        for (size_t i = 0; i < length; ++i) {
            copy[i] = (uint8_t)copy[i] >= 0x80 ? '?' : copy[i];
        }
    }
    *out = copy;
    return PYR_OK;
}

/* ---- Counts. ---- */

/* Passes over `count` of what `pass` passes over, which gives each its name, and goes back. The
 * same name twice in a row ends it: a hole of zeros reads as any number of nameless ones. */
static pyr_status see(gguf_reader *reader, uint64_t count,
                      pyr_status (*pass)(gguf_reader *, const uint8_t **name, size_t *length),
                      const char *twice) {
    size_t start = reader->cursor.position, before_length = 0, length = 0;
    const uint8_t *before = NULL, *name = NULL;
    for (uint64_t i = 0; i < count; ++i) {
        PYR_TRY(pass(reader, &name, &length));
        if (i > 0 && length == before_length && memcmp(name, before, length) == 0) {
            return fault(reader, PYR_ERROR_CORRUPT, twice);
        }
        before = name;
        before_length = length;
    }
    if (count >= INT32_MAX) {
        return fault(reader, PYR_ERROR_LIMIT, "more than 2^31 - 2 entries");
    }
    reader->cursor.position = start;
    return PYR_OK;
}

/* ---- Metadata. ---- */

static pyr_status kind_of(gguf_reader *reader, gguf_kind *out) {
    uint32_t number = 0;
    PYR_TRY(u32(reader, &number));
    if (number >= GGUF_KINDS) {
        return fault(reader, PYR_ERROR_CORRUPT, "an unknown type of metadata");
    }
    *out = (gguf_kind)number;
    return PYR_OK;
}
static pyr_status pass_array(gguf_reader *reader, int depth, gguf_kind *item, uint64_t *count) {
    PYR_TRY(kind_of(reader, item));
    PYR_TRY(u64(reader, count));
    size_t width = pyr_gguf_kind_bytes(*item), size = 0;
    if (width > 0) {
        bool fits = *count <= SIZE_MAX && pyr_mul_size((size_t)*count, width, &size) &&
                    pyr_cursor_skip(&reader->cursor, size);
        return fits ? PYR_OK : ends(reader);
    }
    if (depth == ARRAYS_DEPTH_MAX) {
        return fault(reader, PYR_ERROR_LIMIT, "arrays lie in each other too deep");
    }
    /* Each takes eight bytes or more, so that the end of the file ends this. */
    for (uint64_t i = 0; i < *count; ++i) {
        const uint8_t *bytes;
        size_t length;
        gguf_kind inner;
        uint64_t inner_count;
        PYR_TRY(*item == GGUF_STRING ? string_bytes(reader, &bytes, &length)
                                     : pass_array(reader, depth + 1, &inner, &inner_count));
    }
    return PYR_OK;
}
static void scalar_text(gguf_kind kind, uint64_t bits, pyr_text *out) {
    float single = 0;
    double full = 0;
    uint32_t low = (uint32_t)bits;
    switch (kind) {
    case GGUF_INT8:
        pyr_text_printf(out, "%d", (int8_t)bits);
        return;
    case GGUF_INT16:
        pyr_text_printf(out, "%d", (int16_t)bits);
        return;
    case GGUF_INT32:
        pyr_text_printf(out, "%" PRId32, (int32_t)bits);
        return;
    case GGUF_INT64:
        pyr_text_printf(out, "%" PRId64, (int64_t)bits);
        return;
    case GGUF_BOOL:
        pyr_text_add(out, bits != 0 ? "true" : "false");
        return;
    case GGUF_FLOAT32:
        memcpy(&single, &low, sizeof single);
        pyr_text_add_float(out, single);
        return;
    case GGUF_FLOAT64:
        memcpy(&full, &bits, sizeof full);
        pyr_text_add_double(out, full);
        return;
    default:
        pyr_text_printf(out, "%" PRIu64, bits);
    }
}
static pyr_status scalar(gguf_reader *reader, gguf_kind kind, uint64_t *bits, const char **out) {
    const uint8_t *bytes;
    size_t width = pyr_gguf_kind_bytes(kind);
    pyr_text text;
    if (!pyr_cursor_bytes(&reader->cursor, width, &bytes)) {
        return ends(reader);
    }
    *bits = 0;
    memcpy(bits, bytes, width);
    pyr_text_init(&text);
    scalar_text(kind, *bits, &text);
    pyr_status status = pyr_text_check(&text, reader->error);
    *out = status == PYR_OK ? pyr_arena_strdup(&reader->file->arena, pyr_text_get(&text)) : NULL;
    pyr_text_deinit(&text);
    if (status == PYR_OK && *out == NULL) {
        status = pyr_arena_error(&reader->file->arena, reader->error);
    }
    return status;
}
static pyr_status read_alignment(gguf_reader *reader, gguf_kind kind, uint64_t bits) {
    if (kind != GGUF_UINT32 || bits == 0 || (bits & (bits - 1)) != 0) {
        return fault(reader, PYR_ERROR_CORRUPT,
                     "general.alignment is no uint32 that is a power of two");
    }
    reader->file->alignment = (int64_t)bits;
    return PYR_OK;
}
static pyr_status read_entry(gguf_reader *reader, pyr_gguf_metadata *out) {
    gguf_kind kind = GGUF_UINT8, item = GGUF_UINT8;
    uint64_t count = 1, bits = 0;
    PYR_TRY(string_copy(reader, true, &out->key));
    PYR_TRY(kind_of(reader, &kind));
    out->type = pyr_gguf_kind_name(kind);
    if (kind == GGUF_ARRAY) {
        PYR_TRY(pass_array(reader, 1, &item, &count));
        out->type = pyr_gguf_array_name(item);
    } else if (kind == GGUF_STRING) {
        PYR_TRY(string_copy(reader, false, &out->value));
    } else {
        PYR_TRY(scalar(reader, kind, &bits, &out->value));
    }
    out->count = (int64_t)count;
    if (strcmp(out->key, "general.alignment") == 0) {
        return read_alignment(reader, kind, bits);
    }
    return PYR_OK;
}
static pyr_status pass_entry(gguf_reader *reader, const uint8_t **key, size_t *length) {
    gguf_kind kind = GGUF_UINT8, item = GGUF_UINT8;
    uint64_t count = 0;
    const uint8_t *value;
    size_t value_length;
    PYR_TRY(string_bytes(reader, key, length));
    PYR_TRY(kind_of(reader, &kind));
    if (kind == GGUF_ARRAY) {
        return pass_array(reader, 1, &item, &count);
    }
    if (kind == GGUF_STRING) {
        return string_bytes(reader, &value, &value_length);
    }
    return pyr_cursor_skip(&reader->cursor, pyr_gguf_kind_bytes(kind)) ? PYR_OK : ends(reader);
}
static pyr_status read_metadata(gguf_reader *reader, uint64_t count) {
    static const char twice[] = "a key of the metadata is there twice";
    pyr_gguf *file = reader->file;
    pyr_name_table keys;
    PYR_TRY(see(reader, count, pass_entry, twice));
    file->metadata = pyr_arena_array(&file->arena, (size_t)count, sizeof *file->metadata);
    if (file->metadata == NULL) {
        return pyr_arena_error(&file->arena, reader->error);
    }
    PYR_TRY(pyr_name_table_init(&keys, file->metadata, sizeof *file->metadata, (int64_t)count,
                                &file->arena, reader->error));
    for (int64_t i = 0; i < (int64_t)count; ++i) {
        PYR_TRY(read_entry(reader, &file->metadata[i]));
        file->metadata_count = i + 1;
        if (pyr_name_table_add(&keys, i) != i) {
            return fault(reader, PYR_ERROR_CORRUPT, twice);
        }
    }
    return PYR_OK;
}

/* ---- Tensors. ---- */

static pyr_status tensor_fault(const gguf_reader *reader, const pyr_gguf_tensor *tensor,
                               const char *what) {
    return pyr_error_set(reader->error, PYR_ERROR_CORRUPT, "%s: tensor \"%s\": %s", reader->name,
                         tensor->view.name, what);
}
/* The file's order has the fastest dimension first. */
static pyr_status read_shape(gguf_reader *reader, pyr_gguf_tensor *out) {
    uint32_t rank = 0;
    PYR_TRY(u32(reader, &rank));
    if (rank > DIMENSIONS_MAX) {
        return tensor_fault(reader, out, "more than 4 dimensions");
    }
    int64_t *shape = pyr_arena_array(&reader->file->arena, rank, sizeof *shape);
    if (shape == NULL) {
        return pyr_arena_error(&reader->file->arena, reader->error);
    }
    for (uint32_t i = 0; i < rank; ++i) {
        uint64_t length = 0;
        PYR_TRY(u64(reader, &length));
        if (length > INT64_MAX) {
            return tensor_fault(reader, out, "a dimension beyond 2^63 - 1");
        }
        shape[rank - 1 - i] = (int64_t)length;
    }
    out->view.shape = shape;
    out->view.rank = (int32_t)rank;
    if (!pyr_tensor_count(shape, out->view.rank, &out->view.count)) {
        return tensor_fault(reader, out, "its shape has too many values");
    }
    return PYR_OK;
}
static pyr_status read_type(gguf_reader *reader, pyr_gguf_tensor *out) {
    uint32_t number = 0;
    PYR_TRY(u32(reader, &number));
    const gguf_type *type = pyr_gguf_type_of(number);
    if (type == NULL) {
        return pyr_error_set(reader->error, PYR_ERROR_NOT_SUPPORTED,
                             "%s: tensor \"%s\": type %" PRIu32 " is unknown", reader->name,
                             out->view.name, number);
    }
    int32_t rank = out->view.rank;
    int64_t row = rank == 0 ? 1 : out->view.shape[rank - 1];
    if (row % type->block_values != 0) {
        return tensor_fault(reader, out, "its rows are not whole blocks of its type");
    }
    if (!pyr_mul_i64(out->view.count / type->block_values, type->block_bytes,
                     &out->view.size_bytes)) {
        return tensor_fault(reader, out, "its shape has too many bytes");
    }
    out->type = type->name;
    out->quantized = type->native == PYR_TENSOR_TYPES;
    out->view.type = out->quantized ? PYR_TENSOR_U8 : type->native;
    return PYR_OK;
}
static pyr_status read_tensor(gguf_reader *reader, pyr_gguf_tensor *out) {
    uint64_t offset = 0;
    PYR_TRY(string_copy(reader, true, &out->view.name));
    PYR_TRY(read_shape(reader, out));
    PYR_TRY(read_type(reader, out));
    PYR_TRY(u64(reader, &offset));
    if (offset > INT64_MAX) {
        return tensor_fault(reader, out, "it begins behind the end of the file");
    }
    out->offset_bytes = (int64_t)offset; /* of the data, for now */
    return PYR_OK;
}
static pyr_status pass_tensor(gguf_reader *reader, const uint8_t **name, size_t *length) {
    uint32_t rank = 0;
    PYR_TRY(string_bytes(reader, name, length));
    PYR_TRY(u32(reader, &rank));
    if (rank > DIMENSIONS_MAX) {
        return fault(reader, PYR_ERROR_CORRUPT, "a tensor of more than 4 dimensions");
    }
    /* Its lengths, its type, its offset. */
    return pyr_cursor_skip(&reader->cursor, (size_t)rank * 8 + 4 + 8) ? PYR_OK : ends(reader);
}
static pyr_status read_tensors(gguf_reader *reader, uint64_t count) {
    pyr_gguf *file = reader->file;
    pyr_name_table names;
    PYR_TRY(see(reader, count, pass_tensor, "a tensor of the same name as the one before"));
    file->tensors = pyr_arena_array(&file->arena, (size_t)count, sizeof *file->tensors);
    if (file->tensors == NULL) {
        return pyr_arena_error(&file->arena, reader->error);
    }
    PYR_TRY(pyr_name_table_init(&names, file->tensors, sizeof *file->tensors, (int64_t)count,
                                &file->arena, reader->error));
    for (int64_t i = 0; i < (int64_t)count; ++i) {
        PYR_TRY(read_tensor(reader, &file->tensors[i]));
        file->count = i + 1;
        if (pyr_name_table_add(&names, i) != i) {
            return tensor_fault(reader, &file->tensors[i], "it is there twice");
        }
    }
    return PYR_OK;
}
/* One after the other, each at the next multiple of the alignment. */
static pyr_status place_tensors(gguf_reader *reader) {
    pyr_gguf *file = reader->file;
    size_t size = file->bytes->size_bytes, alignment = (size_t)file->alignment, data_at = 0;
    size_t next = 0; /* from data_at */
    bool fits = pyr_align_up_size(reader->cursor.position, alignment, &data_at) && data_at <= size;
    for (int64_t i = 0; i < file->count; ++i) {
        pyr_gguf_tensor *tensor = &file->tensors[i];
        if (tensor->offset_bytes != (int64_t)next) {
            return pyr_error_set(reader->error, PYR_ERROR_CORRUPT,
                                 "%s: tensor \"%s\" begins at byte %" PRId64
                                 " of the data, where byte %zu is next",
                                 reader->name, tensor->view.name, tensor->offset_bytes, next);
        }
        /* Neither term is more than the file has; their sum cannot overflow. */
        if (!fits || next > size - data_at ||
            (uint64_t)tensor->view.size_bytes > size - data_at - next) {
            return tensor_fault(reader, tensor, "it ends behind the end of the file");
        }
        tensor->offset_bytes = (int64_t)(data_at + next);
        tensor->view.data = file->bytes->data + tensor->offset_bytes;
        file->data_bytes += tensor->view.size_bytes;
        file->parameters += tensor->view.count;
        /* Of the largest alignment, 2^31, beyond the file at most by as much. */
        fits = pyr_align_up_size(next + (size_t)tensor->view.size_bytes, alignment, &next);
    }
    return PYR_OK;
}

/* ---- The file. ---- */

static pyr_status read_header(gguf_reader *reader) {
    uint32_t version = 0;
    uint64_t tensors = 0, metadata = 0;
    if (!pyr_gguf_detect(reader->cursor.data, reader->cursor.size_bytes) ||
        !pyr_cursor_skip(&reader->cursor, 4)) {
        return fault(reader, PYR_ERROR_CORRUPT, "this is not a GGUF file");
    }
    PYR_TRY(u32(reader, &version));
    if (version != 2 && version != 3) {
        return fault(reader, PYR_ERROR_NOT_SUPPORTED,
                     version != 0 && (version & 0xffff) == 0
                         ? "the file is big-endian"
                         : "a version of GGUF that is not 2 or 3");
    }
    reader->file->version = (int32_t)version;
    PYR_TRY(u64(reader, &tensors));
    PYR_TRY(u64(reader, &metadata));
    PYR_TRY(read_metadata(reader, metadata));
    PYR_TRY(read_tensors(reader, tensors));
    return place_tensors(reader);
}
pyr_status pyr_gguf_open(pyr_buffer *bytes, const char *name, pyr_budget *budget, pyr_gguf **out,
                         pyr_error *error) {
    pyr_gguf *file = calloc(1, sizeof *file);
    *out = NULL;
    if (file == NULL) {
        return pyr_error_memory(error, sizeof *file);
    }
    pyr_arena_init(&file->arena, budget);
    file->bytes = pyr_buffer_retain(bytes);
    file->alignment = ALIGNMENT_DEFAULT;
    gguf_reader reader = {pyr_cursor_over(bytes->data, bytes->size_bytes), file, name, error};
    pyr_status status = read_header(&reader);
    status = pyr_mapping_explain(bytes->mapping, status, error);
    if (status != PYR_OK) {
        pyr_gguf_close(file);
        return status;
    }
    *out = file;
    return PYR_OK;
}
void pyr_gguf_close(pyr_gguf *file) {
    if (file == NULL) {
        return;
    }
    pyr_buffer_release(file->bytes);
    pyr_arena_deinit(&file->arena);
    free(file);
}

int32_t pyr_gguf_version(const pyr_gguf *file) {
    return file->version;
}
int64_t pyr_gguf_alignment(const pyr_gguf *file) {
    return file->alignment;
}
int64_t pyr_gguf_count(const pyr_gguf *file) {
    return file->count;
}
const pyr_gguf_tensor *pyr_gguf_get(const pyr_gguf *file, int64_t index) {
    assert(index >= 0 && index < file->count);
    return &file->tensors[index];
}
int64_t pyr_gguf_parameters(const pyr_gguf *file) {
    return file->parameters;
}
int64_t pyr_gguf_data_bytes(const pyr_gguf *file) {
    return file->data_bytes;
}
int64_t pyr_gguf_metadata_count(const pyr_gguf *file) {
    return file->metadata_count;
}
const pyr_gguf_metadata *pyr_gguf_metadata_get(const pyr_gguf *file, int64_t index) {
    assert(index >= 0 && index < file->metadata_count);
    return &file->metadata[index];
}
