/* metadata.c - key-value pairs of fields, schemas and messages; see type.h. */
#include "arrow/arrow_internal.h"

typedef struct metadata_entry {
    char *key; /* key, NUL, value, NUL in one allocation */
    char *value;
    size_t key_length, value_length;
} metadata_entry;

struct pyr_metadata {
    atomic_size_t references;
    size_t count, capacity;
    metadata_entry *entries;
};

pyr_status pyr_metadata_create(pyr_metadata **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    atomic_init(&(*out)->references, 1);
    return PYR_OK;
}

static pyr_status grow(pyr_metadata *metadata, pyr_error *error) {
    size_t capacity = metadata->capacity == 0 ? 4 : metadata->capacity * 2;
    metadata_entry *entries = realloc(metadata->entries, capacity * sizeof(*entries));
    if (entries == NULL) {
        return pyr_error_memory(error, capacity * sizeof(*entries));
    }
    metadata->entries = entries;
    metadata->capacity = capacity;
    return PYR_OK;
}

pyr_status pyr_metadata_add(pyr_metadata *metadata, const char *key, size_t key_length,
                            const char *value, size_t value_length, pyr_error *error) {
    if (metadata->count == metadata->capacity) {
        PYR_TRY(grow(metadata, error));
    }
    size_t size;
    if (__builtin_add_overflow(key_length, value_length, &size) || size > SIZE_MAX - 2) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "metadata: key and value are too long");
    }
    metadata_entry entry = {.key_length = key_length, .value_length = value_length};
    entry.key = calloc(size + 2, 1);
    if (entry.key == NULL) {
        return pyr_error_memory(error, size + 2);
    }
    entry.value = entry.key + key_length + 1;
    if (key_length > 0) {
        memcpy(entry.key, key, key_length);
    }
    if (value_length > 0) {
        memcpy(entry.value, value, value_length);
    }
    metadata->entries[metadata->count++] = entry;
    return PYR_OK;
}

pyr_metadata *pyr_metadata_retain(pyr_metadata *metadata) {
    if (metadata != NULL) {
        atomic_fetch_add_explicit(&metadata->references, 1, memory_order_relaxed);
    }
    return metadata;
}

void pyr_metadata_release(pyr_metadata *metadata) {
    if (metadata == NULL ||
        atomic_fetch_sub_explicit(&metadata->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < metadata->count; ++i) {
        free(metadata->entries[i].key);
    }
    free(metadata->entries);
    free(metadata);
}

size_t pyr_metadata_count(const pyr_metadata *metadata) {
    return metadata != NULL ? metadata->count : 0;
}

void pyr_metadata_get(const pyr_metadata *metadata, size_t index, const char **key,
                      size_t *key_length, const char **value, size_t *value_length) {
    const metadata_entry *entry = &metadata->entries[index];
    *key = entry->key;
    *key_length = entry->key_length;
    *value = entry->value;
    *value_length = entry->value_length;
}

const char *pyr_metadata_find(const pyr_metadata *metadata, const char *key, size_t *value_length) {
    size_t key_length = strlen(key);
    for (size_t i = 0; i < pyr_metadata_count(metadata); ++i) {
        const metadata_entry *entry = &metadata->entries[i];
        if (entry->key_length == key_length && memcmp(entry->key, key, key_length) == 0) {
            if (value_length != NULL) {
                *value_length = entry->value_length;
            }
            return entry->value;
        }
    }
    if (value_length != NULL) {
        *value_length = 0;
    }
    return NULL;
}

bool pyr_metadata_equal(const pyr_metadata *a, const pyr_metadata *b) {
    if (a == b) {
        return true;
    }
    if (pyr_metadata_count(a) != pyr_metadata_count(b)) {
        return false;
    }
    for (size_t i = 0; i < pyr_metadata_count(a); ++i) {
        const metadata_entry *left = &a->entries[i];
        const metadata_entry *right = &b->entries[i];
        if (left->key_length != right->key_length || left->value_length != right->value_length ||
            memcmp(left->key, right->key, left->key_length) != 0 ||
            memcmp(left->value, right->value, left->value_length) != 0) {
            return false;
        }
    }
    return true;
}
