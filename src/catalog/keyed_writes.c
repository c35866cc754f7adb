/* keyed_writes.c - what a change writes to a keyed table; see keyed_internal.h. */
#include "catalog/keyed_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int pyr_keyed_compare(const void *a, size_t a_size, const void *b, size_t b_size) {
    size_t common = a_size < b_size ? a_size : b_size;
    int order = common > 0 ? memcmp(a, b, common) : 0;
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static keyed_node *create_node(pyr_keyed_writes *writes, int height, const void *key, size_t size) {
    size_t links = (size_t)height * sizeof(keyed_node *);
    keyed_node *node = pyr_arena_alloc(&writes->arena, sizeof(*node) + links + size);
    if (node == NULL) {
        return NULL;
    }
    uint8_t *copy = (uint8_t *)node + sizeof(*node) + links;
    if (size > 0) {
        memcpy(copy, key, size);
    }
    node->key = copy;
    node->key_size = size;
    node->height = height;
    node->written_row = -1;
    return node;
}

pyr_status pyr_keyed_writes_create(int32_t uniques, pyr_keyed_writes **out, pyr_error *error) {
    size_t size = sizeof(**out) + ((size_t)uniques + 1) * sizeof(keyed_list);
    pyr_keyed_writes *writes = calloc(1, size);
    *out = NULL;
    if (writes == NULL) {
        return pyr_error_memory(error, size);
    }
    atomic_init(&writes->references, 1);
    pthread_rwlock_init(&writes->lock, NULL);
    pyr_arena_init(&writes->arena, NULL);
    writes->sequence = 1;
    writes->random = UINT64_C(0x9E3779B97F4A7C15);
    writes->lists_count = uniques + 1;
    for (int32_t i = 0; i < writes->lists_count; ++i) {
        writes->lists[i].height = 1;
        writes->lists[i].head = create_node(writes, KEYED_HEIGHT_MAX, NULL, 0);
        for (int level = 0; level < KEYED_HEIGHT_MAX; ++level) {
            writes->lists[i].last[level] = writes->lists[i].head;
        }
        if (writes->lists[i].head == NULL) {
            pyr_status status = pyr_arena_error(&writes->arena, error);
            pyr_keyed_writes_release(writes);
            return status;
        }
    }
    *out = writes;
    return PYR_OK;
}

pyr_keyed_writes *pyr_keyed_writes_retain(pyr_keyed_writes *writes) {
    if (writes != NULL) {
        atomic_fetch_add_explicit(&writes->references, 1, memory_order_relaxed);
    }
    return writes;
}

void pyr_keyed_writes_release(pyr_keyed_writes *writes) {
    if (writes == NULL ||
        atomic_fetch_sub_explicit(&writes->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_arena_deinit(&writes->arena);
    pthread_rwlock_destroy(&writes->lock);
    free(writes);
}

uint64_t pyr_keyed_writes_mark(pyr_keyed_writes *writes) {
    pthread_rwlock_wrlock(&writes->lock);
    uint64_t mark = writes->sequence++;
    pthread_rwlock_unlock(&writes->lock);
    return mark;
}

static bool is_behind_all(const keyed_list *list, const void *key, size_t size) {
    const keyed_node *last = list->last[0];
    return last == list->head || pyr_keyed_compare(last->key, last->key_size, key, size) < 0;
}

/* The first node not below key, and before it at each height (before NULL: not asked for). Keys
 * often come in their order: then there is nothing to search. */
static keyed_node *search(const keyed_list *list, const void *key, size_t size,
                          keyed_node **before) {
    assert(list->height > 0);
    if (is_behind_all(list, key, size)) {
        if (before != NULL) {
            memcpy(before, list->last, sizeof(list->last));
        }
        return NULL;
    }
    keyed_node *at = list->head;
    const keyed_node *above = NULL; /* is not below key: that is known a level higher */
    for (int level = list->height - 1; level >= 0; --level) {
        keyed_node *next = at->next[level];
        while (next != above && pyr_keyed_compare(next->key, next->key_size, key, size) < 0) {
            at = next;
            next = at->next[level];
        }
        above = next;
        if (before != NULL) {
            before[level] = at;
        }
    }
    return at->next[0];
}

keyed_node *pyr_keyed_node_seek(const keyed_list *list, const void *key, size_t size) {
    return search(list, key, size, NULL);
}

keyed_node *pyr_keyed_node_find(const keyed_list *list, const void *key, size_t size) {
    keyed_node *node = list->count > 0 ? search(list, key, size, NULL) : NULL;
    return node != NULL && pyr_keyed_compare(node->key, node->key_size, key, size) == 0 ? node
                                                                                        : NULL;
}

keyed_node *pyr_keyed_node_find_place(pyr_keyed_writes *writes, int32_t list_index, const void *key,
                                      size_t size) {
    const keyed_list *list = &writes->lists[list_index];
    keyed_place *place = &writes->place;
    place->list = list;
    place->count = list->count;
    place->node = search(list, key, size, place->before);
    return place->node != NULL &&
                   pyr_keyed_compare(place->node->key, place->node->key_size, key, size) == 0
               ? place->node
               : NULL;
}

/* One in four goes a level higher. */
static int random_height(pyr_keyed_writes *writes) {
    writes->random ^= writes->random << 13;
    writes->random ^= writes->random >> 7;
    writes->random ^= writes->random << 17;
    int height = 1;
    for (uint64_t bits = writes->random; height < KEYED_HEIGHT_MAX && (bits & 3) == 0; bits >>= 2) {
        ++height;
    }
    return height;
}

/* A height's last node is where a higher one begins, too. */
static void link_node(keyed_list *list, keyed_node *node, keyed_node *const *before) {
    for (int level = 0; level < node->height; ++level) {
        keyed_node *at = level < list->height ? before[level] : list->head;
        node->next[level] = at->next[level];
        at->next[level] = node;
        if (node->next[level] == NULL) {
            list->last[level] = node;
        }
    }
    list->height = node->height > list->height ? node->height : list->height;
    ++list->count;
}

/* Between two nodes that follow each other the nodes before, at each height, are the same. */
static bool is_place_of(const keyed_place *place, const keyed_list *list, const void *key,
                        size_t size) {
    if (place->list != list || place->count != list->count) {
        return false;
    }
    const keyed_node *before = place->before[0];
    return (before == list->head ||
            pyr_keyed_compare(before->key, before->key_size, key, size) < 0) &&
           (place->node == NULL ||
            pyr_keyed_compare(place->node->key, place->node->key_size, key, size) >= 0);
}

pyr_status pyr_keyed_node_add(pyr_keyed_writes *writes, int32_t list_index, const void *key,
                              size_t size, keyed_node **out, bool *fresh, pyr_error *error) {
    keyed_list *list = &writes->lists[list_index];
    keyed_place *place = &writes->place;
    if (!is_place_of(place, list, key, size)) {
        (void)pyr_keyed_node_find_place(writes, list_index, key, size);
    }
    keyed_node *node = place->node;
    *fresh = node == NULL || pyr_keyed_compare(node->key, node->key_size, key, size) != 0;
    if (*fresh) {
        node = create_node(writes, random_height(writes), key, size);
        if (node == NULL) {
            *out = NULL;
            return pyr_arena_error(&writes->arena, error);
        }
        link_node(list, node, place->before);
    }
    *out = node;
    return PYR_OK;
}

pyr_status pyr_keyed_node_put(pyr_keyed_writes *writes, keyed_node *node, const void *value,
                              size_t size, pyr_error *error) {
    assert(value != NULL || size == 0);
    keyed_version *version = pyr_arena_alloc(&writes->arena, sizeof(*version) + size);
    if (version == NULL) {
        return pyr_arena_error(&writes->arena, error);
    }
    version->sequence = writes->sequence;
    version->deleted = value == NULL;
    version->size = (uint32_t)size;
    if (size > 0) {
        memcpy(version->value, value, size);
    }
    version->older = node->newest;
    node->newest = version;
    return PYR_OK;
}
