/* entry.c - objects and sets of them. A set is an array by name order, copied when it changes:
 * DDL is rare, and what a statement names is looked up in every statement. */
#include "catalog/entry_internal.h"

#include <stdlib.h>
#include <string.h>

struct pyr_entries {
    atomic_size_t references;
    size_t count;
    pyr_entry *items[]; /* retained; by name, kind, schema, detail */
};

const char *pyr_entry_kind_name(pyr_entry_kind kind) {
    static const char *const names[] = {
        "", "schema", "type", "sequence", "macro", "table macro", "view", "comment", "index"};
    return names[kind];
}

static char *copy(const char *text) {
    return strdup(text != NULL ? text : "");
}

pyr_status pyr_entry_create(uint64_t id, pyr_entry_kind kind, const char *schema_name,
                            const char *name, const char *detail, const char *definition,
                            pyr_sequence *sequence, pyr_entry **out, pyr_error *error) {
    *out = NULL;
    pyr_entry *object = calloc(1, sizeof(*object));
    if (object == NULL) {
        return pyr_error_memory(error, sizeof(*object));
    }
    atomic_init(&object->references, 1);
    object->id = id;
    object->kind = kind;
    object->schema_name = copy(schema_name);
    object->name = copy(name);
    object->detail = copy(detail);
    object->definition = copy(definition);
    object->sequence = sequence != NULL ? pyr_sequence_retain(sequence) : NULL;
    if (object->schema_name == NULL || object->name == NULL || object->detail == NULL ||
        object->definition == NULL) {
        pyr_entry_release(object);
        return pyr_error_memory(error, strlen(name));
    }
    *out = object;
    return PYR_OK;
}

pyr_entry *pyr_entry_retain(pyr_entry *object) {
    atomic_fetch_add_explicit(&object->references, 1, memory_order_relaxed);
    return object;
}

void pyr_entry_release(pyr_entry *object) {
    if (object == NULL ||
        atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_sequence_release(object->sequence);
    free(object->schema_name);
    free(object->name);
    free(object->detail);
    free(object->definition);
    free(object);
}

/* ---- Sets. ---- */

pyr_entries *pyr_entries_retain(pyr_entries *objects) {
    if (objects != NULL) {
        atomic_fetch_add_explicit(&objects->references, 1, memory_order_relaxed);
    }
    return objects;
}

void pyr_entries_release(pyr_entries *objects) {
    if (objects == NULL ||
        atomic_fetch_sub_explicit(&objects->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < objects->count; ++i) {
        pyr_entry_release(objects->items[i]);
    }
    free(objects);
}

size_t pyr_entries_count(const pyr_entries *objects) {
    return objects != NULL ? objects->count : 0;
}

pyr_entry *pyr_entries_at(const pyr_entries *objects, size_t index) {
    return objects->items[index];
}

/* What an object is found by. */
typedef struct key {
    const char *name;
    pyr_entry_kind kind;
    const char *schema_name;
    const char *detail;
} key;

static key key_of(const pyr_entry *object) {
    return (key){object->name, object->kind, object->schema_name, object->detail};
}

static int compare(const key *a, const key *b) {
    int order = pyr_name_compare(a->name, b->name);
    if (order == 0) {
        order = (int)a->kind - (int)b->kind;
    }
    if (order == 0) {
        order = pyr_name_compare(a->schema_name, b->schema_name);
    }
    return order != 0 ? order : pyr_name_compare(a->detail, b->detail);
}

/* The place of the first that does not stand before wanted. */
static size_t lower_bound(const pyr_entries *objects, const key *wanted) {
    size_t low = 0;
    size_t high = pyr_entries_count(objects);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        key here = key_of(objects->items[middle]);
        if (compare(&here, wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

pyr_entry *pyr_entries_find(const pyr_entries *objects, pyr_entry_kind kind,
                            const char *schema_name, const char *name, const char *detail) {
    key wanted = {name, kind, schema_name, detail != NULL ? detail : ""};
    size_t place = lower_bound(objects, &wanted);
    if (place == pyr_entries_count(objects)) {
        return NULL;
    }
    key here = key_of(objects->items[place]);
    return compare(&here, &wanted) == 0 ? objects->items[place] : NULL;
}

pyr_entry *pyr_entries_find_id(const pyr_entries *objects, uint64_t id) {
    for (size_t i = 0; i < pyr_entries_count(objects); ++i) {
        if (objects->items[i]->id == id) {
            return objects->items[i];
        }
    }
    return NULL;
}

size_t pyr_entries_named(const pyr_entries *objects, const char *name, size_t *first) {
    key wanted = {name, (pyr_entry_kind)0, "", ""};
    *first = lower_bound(objects, &wanted);
    size_t count = 0;
    while (*first + count < pyr_entries_count(objects) &&
           pyr_name_compare(objects->items[*first + count]->name, name) == 0) {
        ++count;
    }
    return count;
}

pyr_status pyr_entries_change(const pyr_entries *objects, const pyr_entry *without, pyr_entry *with,
                              pyr_entries **out, pyr_error *error) {
    size_t count = pyr_entries_count(objects);
    size_t size_bytes = sizeof(pyr_entries) + (count + 1) * sizeof(pyr_entry *);
    *out = NULL;
    pyr_entries *next = calloc(1, size_bytes);
    if (next == NULL) {
        return pyr_error_memory(error, size_bytes);
    }
    atomic_init(&next->references, 1);
    key added = with != NULL ? key_of(with) : (key){0};
    size_t place = with != NULL ? lower_bound(objects, &added) : count + 1;
    for (size_t i = 0; i <= count; ++i) {
        if (i == place) {
            next->items[next->count++] = pyr_entry_retain(with);
        }
        if (i < count && objects->items[i] != without) {
            next->items[next->count++] = pyr_entry_retain(objects->items[i]);
        }
    }
    *out = next;
    return PYR_OK;
}
