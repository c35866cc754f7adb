/* schema.c - the columns of a table or stream; see type.h. */
#include "arrow/arrow_internal.h"

#include <assert.h>

pyr_status pyr_schema_create(pyr_field *const *fields, int32_t fields_count, pyr_metadata *metadata,
                             pyr_schema **out, pyr_error *error) {
    *out = NULL;
    assert(fields_count >= 0);
    pyr_schema *schema = calloc(1, sizeof(*schema));
    pyr_field **copies = calloc((size_t)fields_count + 1, sizeof(*copies));
    if (schema == NULL || copies == NULL) {
        free(schema);
        free(copies);
        return pyr_error_memory(error, (size_t)fields_count * sizeof(*copies));
    }
    atomic_init(&schema->references, 1);
    for (int32_t i = 0; i < fields_count; ++i) {
        copies[i] = pyr_field_retain(fields[i]);
    }
    schema->fields_count = fields_count;
    schema->fields = copies;
    schema->metadata = pyr_metadata_retain(metadata);
    *out = schema;
    return PYR_OK;
}

pyr_schema *pyr_schema_retain(pyr_schema *schema) {
    if (schema != NULL) {
        atomic_fetch_add_explicit(&schema->references, 1, memory_order_relaxed);
    }
    return schema;
}

void pyr_schema_release(pyr_schema *schema) {
    if (schema == NULL ||
        atomic_fetch_sub_explicit(&schema->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        pyr_field_release(schema->fields[i]);
    }
    free(schema->fields);
    pyr_metadata_release(schema->metadata);
    free(schema);
}

bool pyr_schema_equal(const pyr_schema *a, const pyr_schema *b) {
    if (a == b) {
        return true;
    }
    if (a->fields_count != b->fields_count || !pyr_metadata_equal(a->metadata, b->metadata)) {
        return false;
    }
    for (int32_t i = 0; i < a->fields_count; ++i) {
        if (!pyr_field_equal(a->fields[i], b->fields[i])) {
            return false;
        }
    }
    return true;
}

static bool equal_ignoring_case(const char *a, const char *b) {
    for (;; ++a, ++b) {
        /* Not strcasecmp: ASCII letters only, whatever the locale. */
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + ('a' - 'A')) : *a;
        char y = *b >= 'A' && *b <= 'Z' ? (char)(*b + ('a' - 'A')) : *b;
        if (x != y) {
            return false;
        }
        if (x == '\0') {
            return true;
        }
    }
}

int32_t pyr_schema_find(const pyr_schema *schema, const char *name, bool ignore_case) {
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        const char *candidate = schema->fields[i]->name;
        if (ignore_case ? equal_ignoring_case(candidate, name) : strcmp(candidate, name) == 0) {
            return i;
        }
    }
    return -1;
}

pyr_status pyr_schema_project(const pyr_schema *schema, const int32_t *indices, int32_t count,
                              pyr_schema **out, pyr_error *error) {
    *out = NULL;
    pyr_field **fields = calloc((size_t)count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*fields));
    }
    for (int32_t i = 0; i < count; ++i) {
        assert(indices[i] >= 0 && indices[i] < schema->fields_count);
        fields[i] = schema->fields[indices[i]];
    }
    pyr_status status = pyr_schema_create(fields, count, schema->metadata, out, error);
    free(fields);
    return status;
}
