/* header.c - one file's header: every tensor's facts, checked against each other and the file.
 *
 * The reference implementation's rules, and stricter: a name twice and a key of __metadata__ twice
 * are refused, where it takes the last one; tensors are objects, where it takes lists too. Unknown
 * keys of a tensor are passed over, as there.
 */
#include "base/cursor.h"
#include "base/mapping.h"
#include "formats/safetensors/safetensors_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* {"":{"dtype":"U8","shape":[],"data_offsets":[0,0]}, */
#define TENSOR_BYTES_MIN 48

/* ---- Metadata. ---- */

static pyr_status metadata_value(json_reader *reader, bool texts_only, json_text *out,
                                 bool *taken) {
    uint8_t c = pyr_json_peek(reader);
    *taken = true;
    if (texts_only || c == '"') {
        return pyr_json_read_string(reader, out);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        return pyr_json_number(reader, out);
    }
    *taken = false;
    return pyr_json_skip(reader);
}
pyr_status pyr_safetensors_metadata_read(json_reader *reader, bool texts_only, pyr_arena *arena,
                                         pyr_safetensors_metadata **out, int64_t *count) {
    int64_t count_max = 0;
    pyr_name_table keys;
    bool first = true, more = false;
    *count = 0;
    PYR_TRY(pyr_json_count_members(reader, &count_max));
    *out = pyr_arena_array(arena, (size_t)count_max, sizeof **out);
    if (*out == NULL) {
        return pyr_arena_error(arena, reader->error);
    }
    PYR_TRY(pyr_name_table_init(&keys, *out, sizeof **out, count_max, arena, reader->error));
    PYR_TRY(pyr_json_begin(reader, '{'));
    for (;;) {
        json_text key, value;
        bool taken = false;
        PYR_TRY(pyr_json_next_key(reader, &first, &key, &more));
        if (!more) {
            return PYR_OK;
        }
        PYR_TRY(metadata_value(reader, texts_only, &value, &taken));
        if (!taken) {
            continue;
        }
        assert(*count < count_max);
        (*out)[*count] = (pyr_safetensors_metadata){key.bytes, value.bytes};
        if (pyr_name_table_add(&keys, *count) != *count) {
            return pyr_error_set(reader->error, PYR_ERROR_CORRUPT,
                                 "%s: metadata \"%s\" is there twice", reader->name, key.bytes);
        }
        ++*count;
    }
}

/* ---- One tensor. ---- */

static pyr_status tensor_fault(const json_reader *reader, const char *tensor, pyr_status code,
                               const char *what) {
    return pyr_error_set(reader->error, code, "%s: tensor \"%s\": %s", reader->name, tensor, what);
}

static pyr_status read_dtype(json_reader *reader, const char *name, pyr_tensor_type *out) {
    json_text dtype;
    PYR_TRY(pyr_json_read_string(reader, &dtype));
    if (!pyr_tensor_type_find(dtype.bytes, dtype.length, out)) {
        return pyr_error_set(reader->error, PYR_ERROR_CORRUPT,
                             "%s: tensor \"%s\": unknown dtype \"%.40s\"", reader->name, name,
                             dtype.bytes);
    }
    return PYR_OK;
}
static pyr_status read_shape(json_reader *reader, const char *name, pyr_arena *arena,
                             pyr_tensor_view *view) {
    int64_t lengths[PYR_TENSOR_RANK_MAX];
    bool first = true, more = false;
    int32_t rank = 0;
    PYR_TRY(pyr_json_begin(reader, '['));
    for (;;) {
        PYR_TRY(pyr_json_next_item(reader, &first, &more));
        if (!more) {
            break;
        }
        if (rank == PYR_TENSOR_RANK_MAX) {
            return tensor_fault(reader, name, PYR_ERROR_LIMIT, "more than 64 dimensions");
        }
        PYR_TRY(pyr_json_size(reader, &lengths[rank]));
        ++rank;
    }
    int64_t *shape = pyr_arena_array(arena, (size_t)rank, sizeof *shape);
    if (shape == NULL) {
        return pyr_arena_error(arena, reader->error);
    }
    if (rank > 0) {
        memcpy(shape, lengths, (size_t)rank * sizeof *shape);
    }
    view->rank = rank;
    view->shape = shape;
    return PYR_OK;
}
static pyr_status read_offsets(json_reader *reader, int64_t offsets[2]) {
    bool first = true, more = false;
    PYR_TRY(pyr_json_begin(reader, '['));
    for (int i = 0; i < 3; ++i) {
        PYR_TRY(pyr_json_next_item(reader, &first, &more));
        if (more != (i < 2)) {
            return pyr_json_corrupt(reader, "data_offsets are two numbers");
        }
        if (more) {
            PYR_TRY(pyr_json_size(reader, &offsets[i]));
        }
    }
    return PYR_OK;
}

/* Whether what a tensor says of itself fits together. */
static pyr_status check_tensor(const json_reader *reader, pyr_tensor_view *view,
                               const int64_t offsets[2]) {
    int64_t size_bytes = 0;
    if (offsets[1] < offsets[0]) {
        return tensor_fault(reader, view->name, PYR_ERROR_CORRUPT, "its end is before its begin");
    }
    if (!pyr_tensor_count(view->shape, view->rank, &view->count)) {
        return tensor_fault(reader, view->name, PYR_ERROR_CORRUPT, "its shape has too many values");
    }
    if (!pyr_tensor_size(view->type, view->count, &size_bytes)) {
        return tensor_fault(reader, view->name, PYR_ERROR_CORRUPT,
                            "its values do not come out in whole bytes, or are too many");
    }
    view->size_bytes = offsets[1] - offsets[0];
    if (view->size_bytes != size_bytes) {
        return pyr_error_set(reader->error, PYR_ERROR_CORRUPT,
                             "%s: tensor \"%s\": data_offsets give it %" PRId64
                             " bytes, its shape and dtype %s need %" PRId64,
                             reader->name, view->name, view->size_bytes,
                             pyr_tensor_type_name(view->type), size_bytes);
    }
    return PYR_OK;
}

enum { KEY_DTYPE, KEY_SHAPE, KEY_OFFSETS, KEYS };
static const char *const key_names[KEYS] = {"dtype", "shape", "data_offsets"};

/* KEYS: another one. */
static int key_of(const json_text *text) {
    if (text->length == 5) {
        return memcmp(text->bytes, "dtype", 5) == 0   ? KEY_DTYPE
               : memcmp(text->bytes, "shape", 5) == 0 ? KEY_SHAPE
                                                      : KEYS;
    }
    return text->length == 12 && memcmp(text->bytes, "data_offsets", 12) == 0 ? KEY_OFFSETS : KEYS;
}

/* The object of a tensor that has a name; its offset is from the first byte of data. */
static pyr_status read_tensor(json_reader *reader, const char *name, pyr_arena *arena,
                              pyr_safetensors_tensor *out) {
    bool first = true, more = false, seen[KEYS] = {false};
    int64_t offsets[2] = {0, 0};
    *out = (pyr_safetensors_tensor){.view = {.name = name}};
    PYR_TRY(pyr_json_begin(reader, '{'));
    for (;;) {
        json_text key;
        PYR_TRY(pyr_json_next_key(reader, &first, &key, &more));
        if (!more) {
            break;
        }
        int which = key_of(&key);
        if (which < KEYS && seen[which]) {
            return pyr_error_set(reader->error, PYR_ERROR_CORRUPT,
                                 "%s: tensor \"%s\": \"%s\" is there twice", reader->name, name,
                                 key_names[which]);
        }
        if (which < KEYS) {
            seen[which] = true;
        }
        switch (which) {
        case KEY_DTYPE:
            PYR_TRY(read_dtype(reader, name, &out->view.type));
            break;
        case KEY_SHAPE:
            PYR_TRY(read_shape(reader, name, arena, &out->view));
            break;
        case KEY_OFFSETS:
            PYR_TRY(read_offsets(reader, offsets));
            break;
        default:
            PYR_TRY(pyr_json_skip(reader));
        }
    }
    for (int which = 0; which < KEYS; ++which) {
        if (!seen[which]) {
            return pyr_error_set(reader->error, PYR_ERROR_CORRUPT,
                                 "%s: tensor \"%s\": it has no \"%s\"", reader->name, name,
                                 key_names[which]);
        }
    }
    out->offset_bytes = offsets[0];
    return check_tensor(reader, &out->view, offsets);
}

/* ---- All of them. ---- */

/* More than there are tensors: each has a bracket, as all of them have, and some bytes. */
static int64_t tensors_max(const json_reader *reader) {
    const uint8_t *at = reader->text, *end = reader->text + reader->size_bytes;
    int64_t brackets = 0, fit = (int64_t)(reader->size_bytes / TENSOR_BYTES_MIN) + 1;
    while (brackets < fit && (at = memchr(at, '{', (size_t)(end - at))) != NULL) {
        ++brackets;
        ++at;
    }
    return brackets;
}
static pyr_status read_json(json_reader *reader, pyr_arena *arena, safetensors_header *out) {
    int64_t count_max = tensors_max(reader);
    bool first = true, more = false, metadata_seen = false;
    out->tensors = pyr_arena_array(arena, (size_t)count_max, sizeof *out->tensors);
    if (out->tensors == NULL) {
        return pyr_arena_error(arena, reader->error);
    }
    PYR_TRY(pyr_json_begin(reader, '{'));
    for (;;) {
        json_text name;
        PYR_TRY(pyr_json_next_key(reader, &first, &name, &more));
        if (!more) {
            return pyr_json_end(reader);
        }
        if (strcmp(name.bytes, "__metadata__") == 0) {
            if (metadata_seen) {
                return pyr_json_corrupt(reader, "__metadata__ is there twice");
            }
            metadata_seen = true;
            /* As the reference has it, null is none. */
            PYR_TRY(pyr_json_peek(reader) == 'n'
                        ? pyr_json_skip(reader)
                        : pyr_safetensors_metadata_read(reader, true, arena, &out->metadata,
                                                        &out->metadata_count));
            continue;
        }
        assert(out->count < count_max);
        PYR_TRY(read_tensor(reader, name.bytes, arena, &out->tensors[out->count]));
        ++out->count;
    }
}

/* By offset; at the same one what is empty comes first, then by name. */
static int compare_tensors(const void *a, const void *b) {
    const pyr_safetensors_tensor *one = a, *two = b;
    if (one->offset_bytes != two->offset_bytes) {
        return one->offset_bytes < two->offset_bytes ? -1 : 1;
    }
    if (one->view.size_bytes != two->view.size_bytes) {
        return one->view.size_bytes < two->view.size_bytes ? -1 : 1;
    }
    return strcmp(one->view.name, two->view.name);
}
static void sort_tensors(safetensors_header *out) {
    for (int64_t i = 1; i < out->count; ++i) {
        if (compare_tensors(&out->tensors[i - 1], &out->tensors[i]) > 0) {
            qsort(out->tensors, (size_t)out->count, sizeof *out->tensors, compare_tensors);
            return;
        }
    }
}
/* Each begins where the one before ends, the last ends with the file. */
static pyr_status place_tensors(const pyr_buffer *bytes, size_t data_at, const char *name,
                                int32_t shard, safetensors_header *out, pyr_error *error) {
    int64_t at = 0, data_bytes = (int64_t)(bytes->size_bytes - data_at);
    for (int64_t i = 0; i < out->count; ++i) {
        pyr_safetensors_tensor *tensor = &out->tensors[i];
        if (tensor->offset_bytes != at) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "%s: tensor \"%s\" begins at byte %" PRId64
                                 " of the data, where byte %" PRId64 " is next: %s",
                                 name, tensor->view.name, tensor->offset_bytes, at,
                                 tensor->offset_bytes < at ? "they overlap" : "a hole");
        }
        if (tensor->view.size_bytes > data_bytes - at) {
            return pyr_error_set(
                error, PYR_ERROR_CORRUPT,
                "%s: tensor \"%s\" ends behind the end of the file: at byte %" PRId64
                " of data, of which there are %" PRId64,
                name, tensor->view.name, at + tensor->view.size_bytes, data_bytes);
        }
        tensor->offset_bytes = (int64_t)data_at + at;
        tensor->view.data = bytes->data + tensor->offset_bytes;
        tensor->shard = shard;
        at += tensor->view.size_bytes;
    }
    if (at != data_bytes) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "%s: %" PRId64 " bytes of data, of which the tensors are %" PRId64,
                             name, data_bytes, at);
    }
    return PYR_OK;
}

/* The 8 bytes of length, and whether there is as much. */
static pyr_status json_length(const pyr_buffer *bytes, const char *name, size_t *out,
                              pyr_error *error) {
    if (bytes->size_bytes < 8) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "%s: %zu bytes, too few for the length of a header", name,
                             bytes->size_bytes);
    }
    uint64_t length = pyr_load_u64(bytes->data);
    if (length > PYR_SAFETENSORS_HEADER_BYTES_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "%s: a header of %" PRIu64 " bytes, at most %d are allowed", name,
                             length, PYR_SAFETENSORS_HEADER_BYTES_MAX);
    }
    if (length > bytes->size_bytes - 8) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "%s: a header of %" PRIu64 " bytes in a file of %zu", name, length,
                             bytes->size_bytes);
    }
    *out = (size_t)length;
    return PYR_OK;
}
static pyr_status read_header(pyr_buffer *bytes, const char *name, int32_t shard, pyr_arena *arena,
                              safetensors_header *out, pyr_error *error) {
    size_t length = 0;
    json_reader reader;
    PYR_TRY(json_length(bytes, name, &length, error));
    PYR_TRY(pyr_json_open(&reader, bytes->data + 8, length, name, 8, arena, error));
    PYR_TRY(read_json(&reader, arena, out));
    sort_tensors(out);
    return place_tensors(bytes, 8 + length, name, shard, out, error);
}
pyr_status pyr_safetensors_header_read(pyr_buffer *bytes, const char *name, int32_t shard,
                                       pyr_arena *arena, safetensors_header *out,
                                       pyr_error *error) {
    memset(out, 0, sizeof *out);
    pyr_status status = read_header(bytes, name, shard, arena, out, error);
    return pyr_mapping_explain(bytes->mapping, status, error);
}
