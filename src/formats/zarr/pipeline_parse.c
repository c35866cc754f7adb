/* pipeline_parse.c - filters and codecs of the metadata as the steps that undo them.
 *
 * Codecs are named in the order of writing; they are collected in it and turned round at the end.
 * An unknown one is PYR_ERROR_NOT_SUPPORTED by its name, unless the metadata says that it need not
 * be understood.
 */
#include "formats/zarr/zarr_internal.h"

#include "base/checked.h"
#include "base/text.h"
#include "formats/codecs/element.h"

#include <string.h>

typedef struct parse {
    zarr_pipeline *pipeline;
    zarr_type *type;
    int32_t rank;
    int64_t chunk_shape[PYR_ZARR_RANK_MAX]; /* as transposing has left it */
    int32_t swap_bytes;                     /* of what a filter has made of the values */
    bool serialized;                        /* v3: the codec that makes bytes has been there */
    int32_t depth;
    pyr_arena *arena;
    pyr_text text;
    pyr_error *error;
} parse;

static pyr_status unknown_codec(parse *p, const char *name) {
    return pyr_error_set(p->error, PYR_ERROR_NOT_SUPPORTED, "the codec \"%.100s\" is not supported",
                         name);
}

static pyr_status wrong(parse *p, const char *name, const char *what) {
    return pyr_error_set(p->error, PYR_ERROR_CORRUPT, "the codec \"%.100s\" %s", name, what);
}

static pyr_status new_step(parse *p, zarr_step_kind kind, zarr_step **out) {
    if (p->pipeline->steps_count == ZARR_STEPS_MAX) {
        return pyr_error_set(p->error, PYR_ERROR_LIMIT, "more than %d codecs", ZARR_STEPS_MAX);
    }
    *out = &p->pipeline->steps[p->pipeline->steps_count++];
    memset(*out, 0, sizeof(**out));
    (*out)->kind = kind;
    return PYR_OK;
}

static void add_name(parse *p, const char *name) {
    pyr_text_printf(&p->text, "%s%.100s", p->text.length > 0 ? ", " : "", name);
}

/* Stored dimension i is from[i] of those before. */
static void apply_order(parse *p, const int32_t *from) {
    zarr_pipeline *pipeline = p->pipeline;
    int32_t before[PYR_ZARR_RANK_MAX];
    int64_t shape[PYR_ZARR_RANK_MAX];
    memcpy(before, pipeline->order, sizeof(before));
    memcpy(shape, p->chunk_shape, sizeof(shape));
    pipeline->transposed = false;
    for (int32_t i = 0; i < p->rank; ++i) {
        pipeline->order[i] = before[from[i]];
        p->chunk_shape[i] = shape[from[i]];
        pipeline->transposed = pipeline->transposed || pipeline->order[i] != i;
    }
}

static void apply_fortran_order(parse *p) {
    int32_t from[PYR_ZARR_RANK_MAX];
    for (int32_t i = 0; i < p->rank; ++i) {
        from[i] = p->rank - 1 - i;
    }
    apply_order(p, from);
}

/* A permutation, or "C" or "F" as drafts of v3 had it. */
static pyr_status parse_order(parse *p, const char *name, const json_t *order) {
    int32_t from[PYR_ZARR_RANK_MAX];
    bool seen[PYR_ZARR_RANK_MAX] = {false};
    const char *letter = json_string_value(order);
    if (letter != NULL && (strcmp(letter, "C") == 0 || strcmp(letter, "F") == 0)) {
        if (letter[0] == 'F') {
            apply_fortran_order(p);
        }
        return PYR_OK;
    }
    if (!json_is_array(order) || json_array_size(order) != (size_t)p->rank) {
        return wrong(p, name, "has no order of all dimensions");
    }
    for (int32_t i = 0; i < p->rank; ++i) {
        const json_t *entry = json_array_get(order, (size_t)i);
        int64_t at = json_is_integer(entry) ? json_integer_value(entry) : -1;
        if (at < 0 || at >= p->rank || seen[at]) {
            return wrong(p, name, "has an order that is no permutation of the dimensions");
        }
        seen[at] = true;
        from[i] = (int32_t)at;
    }
    apply_order(p, from);
    return PYR_OK;
}

/* A filter's type: numpy's name, or one of v3's. Where it has none, what out says stays. */
static pyr_status parse_filter_type(parse *p, const json_t *json, char *out, int32_t *item_bytes) {
    const char *name = json_string_value(json);
    zarr_type type;
    if (name == NULL) {
        return PYR_OK;
    }
    bool numpy = strchr("<>|=", name[0]) != NULL;
    PYR_TRY(numpy ? pyr_zarr_type_parse_v2(json, &type, p->error)
                  : pyr_zarr_type_parse_v3(json, &type, p->error));
    if (type.item_bytes == 0) {
        return pyr_error_set(p->error, PYR_ERROR_NOT_SUPPORTED,
                             "a filter of the data type %.50s is not supported", name);
    }
    if (numpy && strlen(name) < 16) {
        memcpy(out, name, strlen(name) + 1);
    } else {
        pyr_zarr_type_numpy(&type, out);
    }
    *item_bytes = type.item_bytes;
    return PYR_OK;
}

/* delta, fixedscaleoffset, quantize: from dtype to astype when it was written. */
static pyr_status parse_filter(parse *p, const char *name, const json_t *options, bool *known) {
    const char *id = pyr_codec_bare_name(name);
    bool delta = strcmp(id, "delta") == 0, scale = strcmp(id, "fixedscaleoffset") == 0;
    bool quantize = strcmp(id, "quantize") == 0;
    zarr_step *step;
    *known = delta || scale || quantize || strcmp(id, "bitround") == 0;
    if (!delta && !scale && !quantize) {
        return PYR_OK; /* bitround is undone by doing nothing */
    }
    PYR_TRY(new_step(p, delta ? ZARR_STEP_DELTA : ZARR_STEP_SCALE_OFFSET, &step));
    pyr_zarr_type_numpy(p->type, step->type);
    step->item_bytes = p->type->item_bytes;
    PYR_TRY(parse_filter_type(p, json_object_get(options, "dtype"), step->type, &step->item_bytes));
    memcpy(step->stored_type, step->type, sizeof(step->type));
    step->stored_item_bytes = step->item_bytes;
    PYR_TRY(parse_filter_type(p, json_object_get(options, "astype"), step->stored_type,
                              &step->stored_item_bytes));
    if (step->item_bytes == 0) {
        return wrong(p, name, "has no data type");
    }
    p->swap_bytes = step->stored_item_bytes;
    if (quantize) {
        --p->pipeline->steps_count;
        return strcmp(step->type, step->stored_type) == 0
                   ? PYR_OK
                   : pyr_error_set(p->error, PYR_ERROR_NOT_SUPPORTED,
                                   "the codec \"quantize\" from %s to %s is not supported",
                                   step->stored_type, step->type);
    }
    /* Types that reading would refuse at each chunk. */
    pyr_element ignored;
    PYR_TRY(pyr_element_parse(step->type, &ignored, p->error));
    PYR_TRY(pyr_element_parse(step->stored_type, &ignored, p->error));
    if (scale) {
        const json_t *factor = json_object_get(options, "scale");
        const json_t *offset = json_object_get(options, "offset");
        step->scale = json_number_value(factor);
        step->offset = json_number_value(offset);
        if (!json_is_number(factor) || !json_is_number(offset) || step->scale == 0) {
            return wrong(p, name, "has no scale and offset");
        }
    }
    return PYR_OK;
}

/* A codec of bytes. numcodecs' older checksums stand before the data. */
static pyr_status parse_byte_codec(parse *p, const char *name, const json_t *options, bool *known) {
    zarr_step *step;
    pyr_codec codec = {0};
    *known = pyr_codec_find(name, &codec.kind);
    if (!*known) {
        return PYR_OK;
    }
    const char *location = pyr_zarr_json_string(options, "location");
    codec.at_start = codec.kind == PYR_CODEC_CRC32 || codec.kind == PYR_CODEC_ADLER32;
    if (location != NULL) {
        codec.at_start = strcmp(location, "start") == 0;
    }
    if (codec.kind == PYR_CODEC_SHUFFLE) {
        const json_t *size = json_object_get(options, "elementsize");
        int64_t bytes = json_is_integer(size) ? json_integer_value(size) : 4;
        if (bytes < 0 || bytes > ZARR_ITEM_BYTES_MAX) {
            return wrong(p, name, "has no size of its elements");
        }
        codec.element_bytes = (int32_t)bytes;
    }
    PYR_TRY(new_step(p, ZARR_STEP_CODEC, &step));
    step->codec = codec;
    return PYR_OK;
}

static pyr_status set_order_of_steps(parse *p) {
    zarr_pipeline *pipeline = p->pipeline;
    for (int32_t i = 0, k = pipeline->steps_count - 1; i < k; ++i, --k) {
        zarr_step step = pipeline->steps[i];
        pipeline->steps[i] = pipeline->steps[k];
        pipeline->steps[k] = step;
    }
    pipeline->text = pyr_arena_strdup(p->arena, pyr_text_get(&p->text));
    PYR_TRY(pyr_text_check(&p->text, p->error));
    return pipeline->text != NULL ? PYR_OK : pyr_arena_error(p->arena, p->error);
}

static pyr_status begin(parse *p, zarr_type *type, int32_t rank, pyr_arena *arena,
                        pyr_error *error) {
    memset(p, 0, sizeof(*p));
    p->type = type;
    p->rank = rank;
    p->swap_bytes = type->swap_bytes;
    p->arena = arena;
    p->error = error;
    pyr_text_init(&p->text);
    p->pipeline = pyr_arena_alloc(arena, sizeof(*p->pipeline));
    if (p->pipeline == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (int32_t i = 0; i < rank; ++i) {
        p->pipeline->order[i] = i;
    }
    return PYR_OK;
}

/* ---- v2. ---- */

static bool is_object_codec(const char *name, zarr_serializer *serializer, pyr_zarr_kind *kind) {
    if (strcmp(name, "vlen-utf8") == 0) {
        *serializer = ZARR_SERIALIZER_VLEN;
        *kind = PYR_ZARR_STRING;
    } else if (strcmp(name, "vlen-bytes") == 0) {
        *serializer = ZARR_SERIALIZER_VLEN;
        *kind = PYR_ZARR_BINARY;
    } else if (strcmp(name, "json2") == 0) {
        *serializer = ZARR_SERIALIZER_JSON;
        *kind = PYR_ZARR_JSON;
    } else {
        return false;
    }
    return true;
}

static pyr_status parse_codec_v2(parse *p, const json_t *codec, bool first) {
    const char *name = pyr_zarr_json_string(codec, "id");
    bool known;
    if (name == NULL) {
        return pyr_error_set(p->error, PYR_ERROR_CORRUPT, "a filter or compressor without an id");
    }
    add_name(p, name);
    if (is_object_codec(name, &p->pipeline->serializer, &p->type->kind)) {
        p->serialized = true;
        return p->type->object && first ? PYR_OK : unknown_codec(p, name);
    }
    PYR_TRY(parse_filter(p, name, codec, &known));
    if (!known) {
        PYR_TRY(parse_byte_codec(p, name, codec, &known));
    }
    return known ? PYR_OK : unknown_codec(p, name);
}

static pyr_status parse_all_v2(parse *p, const json_t *filters, const json_t *compressor,
                               bool fortran) {
    zarr_step *step;
    if (p->type->big_endian) { /* undone last: filters have types with an order of their own */
        PYR_TRY(new_step(p, ZARR_STEP_SWAP, &step));
        step->item_bytes = p->type->swap_bytes;
    }
    if (filters != NULL && !json_is_null(filters) && !json_is_array(filters)) {
        return pyr_error_set(p->error, PYR_ERROR_CORRUPT, "the filters are no list");
    }
    for (size_t i = 0; i < json_array_size(filters); ++i) {
        PYR_TRY(parse_codec_v2(p, json_array_get(filters, i), i == 0));
    }
    if (compressor != NULL && !json_is_null(compressor)) {
        PYR_TRY(parse_codec_v2(p, compressor, false));
    }
    if (p->type->object && !p->serialized) {
        return pyr_error_set(p->error, PYR_ERROR_NOT_SUPPORTED,
                             "objects by no filter of vlen-utf8, vlen-bytes, json2 are not "
                             "supported");
    }
    if (fortran) {
        apply_fortran_order(p);
    }
    if (p->pipeline->serializer == ZARR_SERIALIZER_JSON && p->pipeline->transposed) {
        return pyr_error_set(p->error, PYR_ERROR_NOT_SUPPORTED,
                             "objects by json2 in F order are not supported");
    }
    return set_order_of_steps(p);
}

pyr_status pyr_zarr_pipeline_parse_v2(const json_t *filters, const json_t *compressor, bool fortran,
                                      int32_t rank, zarr_type *type, pyr_arena *arena,
                                      zarr_pipeline **out, pyr_error *error) {
    parse p;
    PYR_TRY(begin(&p, type, rank, arena, error));
    pyr_status status = parse_all_v2(&p, filters, compressor, fortran);
    pyr_text_deinit(&p.text);
    *out = p.pipeline;
    return status;
}

/* ---- v3. ---- */

/* Checksums alone may follow "bytes" in an index: its size must be known. */
static pyr_status parse_index(parse *p, const json_t *codecs, zarr_sharding *sharding) {
    zarr_type type = {.kind = PYR_ZARR_UINT, .item_bytes = 8, .swap_bytes = 8};
    int64_t shape[1] = {1};
    PYR_TRY(pyr_zarr_pipeline_parse_v3(codecs, &type, 1, shape, p->depth + 1, p->arena,
                                       &sharding->index, p->error));
    bool fixed = sharding->index->serializer == ZARR_SERIALIZER_BYTES;
    for (int32_t i = 0; i < sharding->index->steps_count; ++i) {
        const zarr_step *step = &sharding->index->steps[i];
        bool checksum = step->kind == ZARR_STEP_CODEC && pyr_codec_is_checksum(step->codec.kind);
        fixed = fixed && (checksum || step->kind == ZARR_STEP_SWAP);
        sharding->index_extra_bytes += checksum ? 4 : 0;
    }
    return fixed ? PYR_OK
                 : pyr_error_set(p->error, PYR_ERROR_NOT_SUPPORTED,
                                 "a shard's index by the codecs \"%s\" is not supported: its size "
                                 "must be known",
                                 sharding->index->text);
}

static pyr_status parse_sharding(parse *p, const char *name, const json_t *options) {
    zarr_sharding *sharding = pyr_arena_alloc(p->arena, sizeof(*sharding));
    const char *location = pyr_zarr_json_string(options, "index_location");
    if (sharding == NULL) {
        return pyr_arena_error(p->arena, p->error);
    }
    if (p->depth >= ZARR_SHARD_LEVELS_MAX) {
        return pyr_error_set(p->error, PYR_ERROR_LIMIT, "shards in shards, more than %d deep",
                             ZARR_SHARD_LEVELS_MAX);
    }
    PYR_TRY(pyr_zarr_lengths_parse(json_object_get(options, "chunk_shape"),
                                   "chunk_shape of a shard", 1, p->rank, sharding->chunk_shape,
                                   p->error));
    for (int32_t i = 0; i < p->rank; ++i) {
        if (p->chunk_shape[i] % sharding->chunk_shape[i] != 0) {
            return wrong(p, name, "has chunks that do not divide the shard");
        }
    }
    if (location != NULL && strcmp(location, "start") != 0 && strcmp(location, "end") != 0) {
        return wrong(p, name, "has its index neither at the start nor at the end");
    }
    sharding->index_at_start = location != NULL && strcmp(location, "start") == 0;
    PYR_TRY(pyr_zarr_pipeline_parse_v3(json_object_get(options, "codecs"), p->type, p->rank,
                                       sharding->chunk_shape, p->depth + 1, p->arena,
                                       &sharding->chunks, p->error));
    PYR_TRY(parse_index(p, json_object_get(options, "index_codecs"), sharding));
    p->pipeline->sharding = sharding;
    p->pipeline->serializer = ZARR_SERIALIZER_SHARDING;
    pyr_text_printf(&p->text, "(%s)", sharding->chunks->text);
    return PYR_OK;
}

static pyr_status parse_bytes(parse *p, const char *name, const json_t *options) {
    const char *endian = pyr_zarr_json_string(options, "endian");
    zarr_step *step;
    if (p->type->item_bytes == 0) {
        return wrong(p, name, "cannot hold values of any length");
    }
    if (endian != NULL && strcmp(endian, "little") != 0 && strcmp(endian, "big") != 0) {
        return wrong(p, name, "has an unknown byte order");
    }
    if (endian != NULL && strcmp(endian, "big") == 0 && p->swap_bytes > 1) {
        PYR_TRY(new_step(p, ZARR_STEP_SWAP, &step));
        step->item_bytes = p->swap_bytes;
    }
    return PYR_OK;
}

/* *known: it was one of the codecs that make bytes of an array. */
static pyr_status parse_serializer(parse *p, const char *name, const json_t *options, bool *known) {
    pyr_zarr_kind kind;
    *known = true;
    if (strcmp(name, "bytes") == 0) {
        return parse_bytes(p, name, options);
    }
    if (strcmp(name, "sharding_indexed") == 0) {
        return parse_sharding(p, name, options);
    }
    if (is_object_codec(pyr_codec_bare_name(name), &p->pipeline->serializer, &kind) &&
        kind != PYR_ZARR_JSON) {
        return p->type->kind == kind ? PYR_OK : wrong(p, name, "does not fit the data type");
    }
    *known = false;
    return PYR_OK;
}

static pyr_status parse_codec_v3(parse *p, const json_t *codec) {
    const char *name =
        json_is_string(codec) ? json_string_value(codec) : pyr_zarr_json_string(codec, "name");
    const json_t *options = json_object_get(codec, "configuration");
    bool known = false;
    if (name == NULL) {
        return pyr_error_set(p->error, PYR_ERROR_CORRUPT, "a codec without a name");
    }
    add_name(p, name);
    if (p->serialized) {
        PYR_TRY(parse_byte_codec(p, name, options, &known));
    } else if (strcmp(name, "transpose") == 0) {
        return parse_order(p, name, json_object_get(options, "order"));
    } else {
        PYR_TRY(parse_filter(p, name, options, &known));
        if (!known) {
            PYR_TRY(parse_serializer(p, name, options, &p->serialized));
            known = p->serialized;
        }
    }
    return known || json_is_false(json_object_get(codec, "must_understand"))
               ? PYR_OK
               : unknown_codec(p, name);
}

static pyr_status parse_all_v3(parse *p, const json_t *codecs) {
    if (!json_is_array(codecs)) {
        return pyr_error_set(p->error, PYR_ERROR_CORRUPT, "the codecs are no list");
    }
    for (size_t i = 0; i < json_array_size(codecs); ++i) {
        PYR_TRY(parse_codec_v3(p, json_array_get(codecs, i)));
    }
    if (!p->serialized) {
        return pyr_error_set(p->error, PYR_ERROR_CORRUPT, "no codec makes bytes of the array");
    }
    return set_order_of_steps(p);
}

pyr_status pyr_zarr_pipeline_parse_v3(const json_t *codecs, const zarr_type *type, int32_t rank,
                                      const int64_t *chunk_shape, int32_t depth, pyr_arena *arena,
                                      zarr_pipeline **out, pyr_error *error) {
    parse p;
    zarr_type own = *type;
    PYR_TRY(begin(&p, &own, rank, arena, error));
    p.depth = depth;
    memcpy(p.chunk_shape, chunk_shape, (size_t)rank * sizeof(*chunk_shape));
    pyr_status status = parse_all_v3(&p, codecs);
    pyr_text_deinit(&p.text);
    *out = p.pipeline;
    return status;
}
