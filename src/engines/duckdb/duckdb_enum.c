/* duckdb_enum.c - ENUM columns of ours as DuckDB's: the values are those of the field's metadata
 * (arrow/cast.h), and the indices of a segment's own dictionary are translated to theirs. */
#include "arrow/cast.h"
#include "engines/duckdb/duckdb_internal.h"

#include <stdlib.h>
#include <string.h>

struct pyr_duckdb_enum {
    char **values;
    size_t count;
};

bool pyr_duckdb_is_enum(const pyr_field *field) {
    return field->type == PYR_TYPE_DICTIONARY && field->dictionary->type == PYR_TYPE_UTF8 &&
           pyr_metadata_find(field->metadata, PYR_ENUM_KEY, NULL) != NULL;
}

void pyr_duckdb_enum_destroy(pyr_duckdb_enum *enumeration) {
    for (size_t i = 0; enumeration != NULL && i < enumeration->count; ++i) {
        free(enumeration->values[i]);
    }
    if (enumeration != NULL) {
        free(enumeration->values);
        free(enumeration);
    }
}

/* The text in quotes at *at, unquoted; *at is behind it then. */
static bool read_value(const char **at, const char *end, char **out) {
    *out = NULL;
    if (*at == end || **at != '\'') {
        return false;
    }
    char *value = malloc((size_t)(end - *at) + 1);
    size_t length = 0;
    const char *from = *at + 1;
    bool closed = false;
    while (value != NULL && from < end && !closed) {
        closed = *from == '\'' && (from + 1 == end || from[1] != '\'');
        from += *from == '\'' && !closed ? 1 : 0;
        if (!closed) {
            value[length++] = *from;
        }
        ++from;
    }
    if (value == NULL || !closed) {
        free(value);
        return false;
    }
    value[length] = '\0';
    *at = from;
    *out = value;
    return true;
}

static bool read_values(const char *text, size_t length, pyr_duckdb_enum *to) {
    const char *end = text + length;
    to->values = calloc(length / 2 + 2, sizeof(*to->values));
    while (to->values != NULL && text < end) {
        if (!read_value(&text, end, &to->values[to->count])) {
            return false;
        }
        ++to->count;
        bool more = end - text > 2 && text[0] == ',' && text[1] == ' ';
        if (!more && text != end) {
            return false;
        }
        text += more ? 2 : 0;
    }
    return to->values != NULL && to->count > 0;
}

pyr_status pyr_duckdb_enum_create(const pyr_field *field, pyr_duckdb_enum **out, pyr_error *error) {
    size_t length = 0;
    const char *text = pyr_metadata_find(field->metadata, PYR_ENUM_KEY, &length);
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    if (!read_values(text, length, *out)) {
        pyr_duckdb_enum_destroy(*out);
        *out = NULL;
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "column \"%s\": the values of its ENUM type",
                             field->name);
    }
    return PYR_OK;
}

dd_type pyr_duckdb_enum_type(const pyr_duckdb_api *api, const pyr_duckdb_enum *enumeration) {
    return api->create_enum_type((const char **)enumeration->values, enumeration->count);
}

static bool same(const pyr_array *dictionary, int64_t index, const char *value) {
    size_t length = 0;
    const uint8_t *bytes = pyr_array_bytes(dictionary, index, &length);
    return strlen(value) == length && memcmp(bytes, value, length) == 0;
}

pyr_status pyr_duckdb_enum_translate(const pyr_duckdb_enum *enumeration,
                                     const pyr_array *dictionary, uint32_t **out,
                                     pyr_error *error) {
    *out = calloc((size_t)dictionary->length + 1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, (size_t)dictionary->length * sizeof(**out));
    }
    for (int64_t i = 0; i < dictionary->length; ++i) {
        size_t code = (size_t)i; /* as a rule they are the same */
        bool found = !pyr_array_is_null(dictionary, i) && code < enumeration->count &&
                     same(dictionary, i, enumeration->values[code]);
        for (code = found ? code : 0; !found && code < enumeration->count; code += !found) {
            found =
                !pyr_array_is_null(dictionary, i) && same(dictionary, i, enumeration->values[code]);
        }
        if (!found) {
            free(*out);
            *out = NULL;
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "a value that is none of the column's ENUM type");
        }
        (*out)[i] = (uint32_t)code;
    }
    return PYR_OK;
}

int64_t pyr_duckdb_enum_emit(const pyr_duckdb_api *api, const pyr_duckdb_enum *enumeration,
                             const uint32_t *codes, const pyr_array *array, int64_t offset,
                             int64_t rows, dd_vector to) {
    int64_t width = enumeration->count <= UINT8_MAX ? 1 : enumeration->count <= UINT16_MAX ? 2 : 4;
    void *data = api->vector_get_data(to);
    bool nulls = pyr_array_null_count((pyr_array *)array) > 0;
    if (nulls) {
        api->vector_ensure_validity_writable(to);
    }
    uint64_t *validity = nulls ? api->vector_get_validity(to) : NULL;
    for (int64_t i = 0; i < rows; ++i) {
        uint32_t code = 0;
        if (nulls && pyr_array_is_null(array, offset + i)) {
            validity[i / 64] &= ~(UINT64_C(1) << (i % 64));
        } else {
            code = codes[pyr_array_dictionary_index(array, offset + i)];
        }
        if (width == 1) {
            ((uint8_t *)data)[i] = (uint8_t)code;
        } else if (width == 2) {
            ((uint16_t *)data)[i] = (uint16_t)code;
        } else {
            ((uint32_t *)data)[i] = code;
        }
    }
    return rows * width;
}
