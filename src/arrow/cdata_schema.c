/* cdata_schema.c - fields and schemas across the C Data Interface; see cdata.h. */
#include "arrow/cdata_internal.h"

#include "base/text.h"

/* ---- Import: everything is copied, the source is released at the end. ---- */

static pyr_status import_field(const struct ArrowSchema *source, int32_t depth,
                               int32_t *fields_left, pyr_field **out, pyr_error *error);

/* What a field is made of while it is being read. */
typedef struct import_parts {
    pyr_type_facts facts;
    pyr_field **children;
    int32_t children_count;
    pyr_metadata *metadata;
} import_parts;

static pyr_status build_plain(const char *name, const import_parts *parts, pyr_field **out,
                              pyr_error *error) {
    const pyr_type_facts *facts = &parts->facts;
    switch (facts->type) {
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
        return pyr_field_create_time(name, facts->type, facts->unit, facts->timezone, out, error);
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        return pyr_field_create_decimal(name, facts->type, facts->precision, facts->scale, out,
                                        error);
    case PYR_TYPE_FIXED_SIZE_BINARY:
        return pyr_field_create_fixed_size_binary(name, facts->byte_width, out, error);
    default:
        return pyr_field_create(name, facts->type, out, error);
    }
}

static pyr_status build(const char *name, const import_parts *parts, bool keys_sorted,
                        pyr_field **out, pyr_error *error) {
    const pyr_type_facts *facts = &parts->facts;
    if (facts->type == PYR_TYPE_DENSE_UNION || facts->type == PYR_TYPE_SPARSE_UNION) {
        if (facts->type_codes_count != parts->children_count) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "field \"%s\": a union of %d type codes and %d children", name,
                                 facts->type_codes_count, parts->children_count);
        }
        return pyr_field_create_union(name, facts->type, facts->type_codes, parts->children,
                                      parts->children_count, out, error);
    }
    if (parts->children_count > 0 || facts->type == PYR_TYPE_STRUCT) {
        int32_t parameter =
            facts->type == PYR_TYPE_FIXED_SIZE_LIST ? facts->list_size : (int32_t)keys_sorted;
        return pyr_field_create_nested(name, facts->type, parameter, parts->children,
                                       parts->children_count, out, error);
    }
    return build_plain(name, parts, out, error);
}

static pyr_status import_children(const struct ArrowSchema *source, int32_t depth,
                                  int32_t *fields_left, import_parts *parts, pyr_error *error) {
    if (source->n_children < 0 || source->n_children > *fields_left ||
        (source->n_children > 0 && source->children == NULL)) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%lld children of a field",
                             (long long)source->n_children);
    }
    parts->children = calloc((size_t)source->n_children + 1, sizeof(*parts->children));
    if (parts->children == NULL) {
        return pyr_error_memory(error, sizeof(*parts->children));
    }
    for (int64_t i = 0; i < source->n_children; ++i) {
        PYR_TRY(
            import_field(source->children[i], depth + 1, fields_left, &parts->children[i], error));
        parts->children_count += 1;
    }
    return PYR_OK;
}

/* The dictionary's schema describes the values, the field's own format the indices. */
static pyr_status import_dictionary(const struct ArrowSchema *source, const char *name,
                                    int32_t depth, int32_t *fields_left, import_parts *parts,
                                    pyr_field **out, pyr_error *error) {
    pyr_field *values = NULL;
    PYR_TRY(import_field(source->dictionary, depth + 1, fields_left, &values, error));
    pyr_status status = pyr_field_create_dictionary(
        name, parts->facts.type, (source->flags & ARROW_FLAG_DICTIONARY_ORDERED) != 0, values, out,
        error);
    pyr_field_release(values);
    return status;
}

static pyr_status import_field(const struct ArrowSchema *source, int32_t depth,
                               int32_t *fields_left, pyr_field **out, pyr_error *error) {
    *out = NULL;
    if (source == NULL || source->release == NULL || source->format == NULL) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "a schema is missing or was released");
    }
    const char *name = source->name != NULL ? source->name : "";
    if (depth > PYR_TYPE_DEPTH_MAX || --*fields_left < 0) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "field \"%s\": nests deeper than %d, or more than %d fields", name,
                             PYR_TYPE_DEPTH_MAX, PYR_TYPE_FIELDS_MAX);
    }
    import_parts parts = {0};
    pyr_status status = PYR_OK;
    if (!pyr_cdata_format_parse(source->format, &parts.facts)) {
        status = pyr_error_set(error, PYR_ERROR_CORRUPT, "field \"%s\": unknown format \"%s\"",
                               name, source->format);
        goto done;
    }
    status = import_children(source, depth, fields_left, &parts, error);
    if (status != PYR_OK) {
        goto done;
    }
    status = pyr_metadata_import(source->metadata, &parts.metadata, error);
    if (status != PYR_OK) {
        goto done;
    }
    if (source->dictionary != NULL) {
        status = import_dictionary(source, name, depth, fields_left, &parts, out, error);
    } else {
        bool keys_sorted =
            parts.facts.type == PYR_TYPE_MAP && (source->flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0;
        status = build(name, &parts, keys_sorted, out, error);
    }
    if (status == PYR_OK) {
        (*out)->nullable = (source->flags & ARROW_FLAG_NULLABLE) != 0;
        (*out)->metadata = pyr_metadata_retain(parts.metadata);
    }
done:
    for (int32_t i = 0; i < parts.children_count; ++i) {
        pyr_field_release(parts.children[i]);
    }
    free(parts.children);
    pyr_metadata_release(parts.metadata);
    return status;
}

pyr_status pyr_field_import(struct ArrowSchema *source, pyr_field **out, pyr_error *error) {
    int32_t fields_left = PYR_TYPE_FIELDS_MAX;
    pyr_status status = import_field(source, 1, &fields_left, out, error);
    if (status == PYR_OK) {
        status = pyr_field_validate(*out, error);
        if (status != PYR_OK) {
            pyr_field_release(*out);
            *out = NULL;
        }
    }
    if (source->release != NULL) {
        source->release(source);
    }
    return status;
}

/* Not by way of a field: the fields below the struct may nest as deep as those of any schema. */
pyr_status pyr_schema_import(struct ArrowSchema *source, pyr_schema **out, pyr_error *error) {
    *out = NULL;
    int32_t fields_left = PYR_TYPE_FIELDS_MAX + 1;
    pyr_field *root = NULL;
    pyr_status status = import_field(source, 0, &fields_left, &root, error);
    if (status == PYR_OK && root->type != PYR_TYPE_STRUCT) {
        status = pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                               "a schema must be a struct, this is %s", pyr_type_name(root->type));
    }
    for (int32_t i = 0; status == PYR_OK && i < root->children_count; ++i) {
        status = pyr_field_validate(root->children[i], error);
    }
    if (status == PYR_OK) {
        status =
            pyr_schema_create(root->children, root->children_count, root->metadata, out, error);
    }
    pyr_field_release(root);
    if (source->release != NULL) {
        source->release(source);
    }
    return status;
}

/* ---- Export. ---- */

/* What one exported struct owns. A child may have been moved away by the consumer: then its struct
 * is released already, and only the memory of the struct is ours. */
typedef struct exported_schema {
    char *format, *name, *metadata;
    int64_t children_count;
    struct ArrowSchema *children_memory;
    struct ArrowSchema **children;
    struct ArrowSchema dictionary;
} exported_schema;

static void release_if_held(struct ArrowSchema *schema) {
    if (schema->release != NULL) {
        schema->release(schema);
    }
}

static void release_schema(struct ArrowSchema *schema) {
    exported_schema *self = schema->private_data;
    for (int64_t i = 0; i < self->children_count; ++i) {
        release_if_held(self->children[i]);
    }
    release_if_held(&self->dictionary);
    free(self->children);
    free(self->children_memory);
    free(self->format);
    free(self->name);
    free(self->metadata);
    free(self);
    schema->release = NULL;
}

static pyr_status export_field(const pyr_field *field, struct ArrowSchema *out, pyr_error *error);

static pyr_status export_children(exported_schema *self, pyr_field *const *fields, int32_t count,
                                  pyr_error *error) {
    self->children_memory = calloc((size_t)count + 1, sizeof(*self->children_memory));
    self->children = calloc((size_t)count + 1, sizeof(*self->children));
    if (self->children_memory == NULL || self->children == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*self->children_memory));
    }
    for (int32_t i = 0; i < count; ++i) {
        self->children[i] = &self->children_memory[i];
        self->children_count = i + 1;
        PYR_TRY(export_field(fields[i], self->children[i], error));
    }
    return PYR_OK;
}

/* The struct as it stands, released where status is an error. */
static pyr_status finish_export(exported_schema *self, int64_t flags, bool has_dictionary,
                                pyr_status status, struct ArrowSchema *out) {
    *out = (struct ArrowSchema){
        .format = self->format,
        .name = self->name,
        .metadata = self->metadata,
        .flags = flags,
        .n_children = self->children_count,
        .children = self->children,
        .dictionary = has_dictionary ? &self->dictionary : NULL,
        .release = release_schema,
        .private_data = self,
    };
    if (status != PYR_OK) {
        release_schema(out);
        *out = (struct ArrowSchema){0};
    }
    return status;
}

static pyr_status export_field(const pyr_field *field, struct ArrowSchema *out, pyr_error *error) {
    *out = (struct ArrowSchema){0};
    exported_schema *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pyr_text format;
    pyr_text_init(&format);
    pyr_format_print(field, &format);
    self->format = pyr_text_move(&format);
    pyr_text_deinit(&format);
    self->name = strdup(field->name);
    bool has_dictionary = field->type == PYR_TYPE_DICTIONARY;
    int64_t flags =
        (field->nullable ? ARROW_FLAG_NULLABLE : 0) |
        (has_dictionary && field->dictionary_ordered ? ARROW_FLAG_DICTIONARY_ORDERED : 0) |
        (field->type == PYR_TYPE_MAP && field->keys_sorted ? ARROW_FLAG_MAP_KEYS_SORTED : 0);
    pyr_status status = self->format != NULL && self->name != NULL
                            ? pyr_metadata_export(field->metadata, &self->metadata, error)
                            : pyr_error_memory(error, strlen(field->name));
    if (status == PYR_OK) {
        status = export_children(self, field->children, field->children_count, error);
    }
    if (status == PYR_OK && has_dictionary) {
        status = export_field(field->dictionary, &self->dictionary, error);
    }
    return finish_export(self, flags, has_dictionary, status, out);
}

pyr_status pyr_field_export(const pyr_field *field, struct ArrowSchema *out, pyr_error *error) {
    return export_field(field, out, error);
}

pyr_status pyr_schema_export(const pyr_schema *schema, struct ArrowSchema *out, pyr_error *error) {
    *out = (struct ArrowSchema){0};
    exported_schema *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->format = strdup("+s");
    self->name = strdup("");
    pyr_status status = self->format != NULL && self->name != NULL
                            ? pyr_metadata_export(schema->metadata, &self->metadata, error)
                            : pyr_error_memory(error, 2);
    if (status == PYR_OK) {
        status = export_children(self, schema->fields, schema->fields_count, error);
    }
    return finish_export(self, 0, false, status, out);
}
