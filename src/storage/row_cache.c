/* row_cache.c - see row_cache.h.
 *
 * A hash chooses the shard (a lock), in it a set of WAYS places, and a tag that is compared before
 * the row is looked at: a look-up reads one set and one row. A shard that holds more than its share
 * goes around its sets: what was found since it was there last stays once more.
 */
#include "storage/row_cache.h"

#include "base/error.h"
#include "kernels/kernels.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 64, WAYS = 8 };

/* Sets for so many bytes of rows: small rows, each with as many places again. */
#define BYTES_A_SET 512

typedef struct cache_set {
    uint16_t tags[WAYS]; /* 0: empty */
    uint8_t found;       /* a bit a place: found since the hand was here */
    uint8_t next;        /* the place to give up where all are taken */
    pyr_cached_row *rows[WAYS];
} cache_set;

typedef struct cache_shard {
    _Alignas(64) pthread_mutex_t lock; /* a leaf */
    cache_set *sets;
    size_t hand;
    size_t bytes;
} cache_shard;

struct pyr_row_cache {
    atomic_size_t references;
    atomic_uint_fast64_t tables; /* that were made */
    size_t shard_sets;           /* a power of two */
    size_t shard_limit_bytes;
    cache_set *sets; /* of all shards, one after the other */
    cache_shard shards[SHARDS];
};

struct pyr_row_cache_table {
    atomic_size_t references;
    pyr_row_cache *cache; /* retained */
    uint64_t number;
    atomic_uint_fast64_t changed; /* the last version that was told of */
    atomic_bool used;             /* something was put in */
};

/* ---- Rows. ---- */

static size_t row_bytes(size_t key_size, size_t size) {
    return sizeof(pyr_cached_row) + key_size + size;
}

static pyr_cached_row *row_create(const pyr_row_cache_table *table, uint64_t stamp,
                                  pyr_lsm_bytes key, pyr_lsm_bytes value) {
    pyr_cached_row *row = malloc(row_bytes(key.size, value.size));
    if (row == NULL) {
        return NULL;
    }
    atomic_init(&row->references, 1);
    row->key_size = (uint32_t)key.size;
    row->size = (uint32_t)value.size;
    row->owner = table->number;
    row->stamp = stamp;
    memcpy(row->bytes, key.data, key.size);
    if (value.size > 0) {
        memcpy(row->bytes + key.size, value.data, value.size);
    }
    return row;
}

void pyr_cached_row_release(pyr_cached_row *row) {
    if (row != NULL && atomic_fetch_sub_explicit(&row->references, 1, memory_order_acq_rel) == 1) {
        free(row);
    }
}

static bool fits(pyr_lsm_bytes bytes) {
    return bytes.size <= PYR_ROW_CACHE_VALUE_MAX;
}

/* ---- Lifetime. ---- */

static size_t sets_for(size_t bytes) {
    size_t sets = 1;
    while (sets * BYTES_A_SET < bytes) {
        sets *= 2;
    }
    return sets;
}

pyr_status pyr_row_cache_create(size_t limit_bytes, pyr_row_cache **out, pyr_error *error) {
    size_t shard_sets = sets_for(limit_bytes / SHARDS);
    pyr_row_cache *cache = aligned_alloc(_Alignof(pyr_row_cache), sizeof(*cache));
    cache_set *sets = calloc(SHARDS * shard_sets, sizeof(*sets)); /* pages come as they are used */
    *out = NULL;
    if (cache == NULL || sets == NULL) {
        free(cache);
        free(sets);
        return pyr_error_memory(error, SHARDS * shard_sets * sizeof(*sets));
    }
    memset(cache, 0, sizeof(*cache));
    atomic_init(&cache->references, 1);
    cache->shard_limit_bytes = limit_bytes / SHARDS;
    cache->shard_sets = shard_sets;
    cache->sets = sets;
    for (size_t i = 0; i < SHARDS; ++i) {
        pthread_mutex_init(&cache->shards[i].lock, NULL);
        cache->shards[i].sets = sets + i * shard_sets;
    }
    *out = cache;
    return PYR_OK;
}

void pyr_row_cache_release(pyr_row_cache *cache) {
    if (cache == NULL ||
        atomic_fetch_sub_explicit(&cache->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < SHARDS * cache->shard_sets; ++i) {
        for (int way = 0; way < WAYS; ++way) {
            pyr_cached_row_release(cache->sets[i].rows[way]);
        }
    }
    for (int i = 0; i < SHARDS; ++i) {
        pthread_mutex_destroy(&cache->shards[i].lock);
    }
    free(cache->sets);
    free(cache);
}

size_t pyr_row_cache_bytes(const pyr_row_cache *cache) {
    size_t bytes = 0;
    for (int i = 0; i < SHARDS; ++i) {
        cache_shard *shard = (cache_shard *)&cache->shards[i];
        pthread_mutex_lock(&shard->lock);
        bytes += shard->bytes;
        pthread_mutex_unlock(&shard->lock);
    }
    return bytes;
}

pyr_status pyr_row_cache_table_create(pyr_row_cache *cache, pyr_row_cache_table **out,
                                      pyr_error *error) {
    pyr_row_cache_table *table = calloc(1, sizeof(*table));
    *out = NULL;
    if (table == NULL) {
        return pyr_error_memory(error, sizeof(*table));
    }
    atomic_init(&table->references, 1);
    atomic_fetch_add_explicit(&cache->references, 1, memory_order_relaxed);
    table->cache = cache;
    table->number = atomic_fetch_add(&cache->tables, 1);
    *out = table;
    return PYR_OK;
}

pyr_row_cache_table *pyr_row_cache_table_retain(pyr_row_cache_table *table) {
    if (table != NULL) {
        atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
    }
    return table;
}

/* Its rows stay until others need their room. */
void pyr_row_cache_table_release(pyr_row_cache_table *table) {
    if (table == NULL ||
        atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_row_cache_release(table->cache);
    free(table);
}

/* ---- Places. ---- */

/* Where a key is, if it is. */
typedef struct cache_place {
    cache_shard *shard;
    cache_set *set;
    uint16_t tag;
} cache_place;

static cache_place place_of(const pyr_row_cache_table *table, pyr_lsm_bytes key) {
    pyr_row_cache *cache = table->cache;
    const int32_t offsets[] = {0, (int32_t)key.size};
    uint64_t hashes[1];
    pyr_kernels_get()->hash_offsets(key.data, offsets, 1, hashes);
    uint64_t hash = hashes[0] ^ (table->number * UINT64_C(0x9E3779B97F4A7C15));
    cache_shard *shard = &cache->shards[hash % SHARDS];
    return (cache_place){.shard = shard,
                         .set = &shard->sets[hash / SHARDS & (cache->shard_sets - 1)],
                         .tag = (uint16_t)(hash >> 48 | 1)};
}

/* Where a key will soon be looked for. Part of what follows it: GCC leaves out calls of functions
 * that do nothing else. */
static inline __attribute__((always_inline)) void fetch(const pyr_row_cache_table *table,
                                                        pyr_lsm_bytes key) {
    if (fits(key)) {
        const cache_set *set = place_of(table, key).set;
        __builtin_prefetch(set);
        __builtin_prefetch(&set->rows[WAYS - 1]);
    }
}

static bool is_key(const pyr_cached_row *row, uint64_t number, pyr_lsm_bytes key) {
    return row->owner == number && row->key_size == key.size &&
           memcmp(row->bytes, key.data, key.size) == 0;
}

/* With the shard's lock held. -1: it is not there. */
static int find_way(const cache_place *place, uint64_t number, pyr_lsm_bytes key) {
    for (int way = 0; way < WAYS; ++way) {
        if (place->set->tags[way] == place->tag && is_key(place->set->rows[way], number, key)) {
            return way;
        }
    }
    return -1;
}

static void take_out(cache_shard *shard, cache_set *set, int way) {
    pyr_cached_row *row = set->rows[way];
    shard->bytes -= row_bytes(row->key_size, row->size);
    set->tags[way] = 0;
    set->rows[way] = NULL;
    pyr_cached_row_release(row);
}

/* Takes over row. */
static void put_in(const cache_place *place, int way, pyr_cached_row *row) {
    if (place->set->tags[way] != 0) {
        take_out(place->shard, place->set, way);
    }
    place->set->tags[way] = place->tag;
    place->set->rows[way] = row;
    place->shard->bytes += row_bytes(row->key_size, row->size);
}

static int free_way(cache_set *set) {
    for (int way = 0; way < WAYS; ++way) {
        if (set->tags[way] == 0) {
            return way;
        }
    }
    while ((set->found >> set->next & 1) != 0) {
        set->found = (uint8_t)(set->found & ~(1u << set->next));
        set->next = (uint8_t)((set->next + 1) % WAYS);
    }
    int way = set->next;
    set->next = (uint8_t)((set->next + 1) % WAYS);
    return way;
}

/* A set is passed twice before what was found in it goes. */
static void make_room(const pyr_row_cache *cache, cache_shard *shard) {
    while (shard->bytes > cache->shard_limit_bytes) {
        cache_set *set = &shard->sets[shard->hand];
        for (int way = 0; way < WAYS; ++way) {
            if (set->tags[way] != 0 && (set->found >> way & 1) == 0) {
                take_out(shard, set, way);
            }
        }
        set->found = 0;
        shard->hand = (shard->hand + 1) & (cache->shard_sets - 1);
    }
}

/* ---- The calls. ---- */

enum { AHEAD = 8 }; /* keys fetched before they are looked for */

static pyr_cached_row *find_one(pyr_row_cache_table *table, uint64_t version, pyr_lsm_bytes key) {
    pyr_cached_row *row = NULL;
    if (!fits(key)) {
        return NULL;
    }
    cache_place place = place_of(table, key);
    pthread_mutex_lock(&place.shard->lock);
    int way = find_way(&place, table->number, key);
    if (way >= 0 && place.set->rows[way]->stamp <= version) {
        row = place.set->rows[way];
        place.set->found = (uint8_t)(place.set->found | 1u << way);
        atomic_fetch_add_explicit(&row->references, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&place.shard->lock);
    return row;
}

void pyr_row_cache_find(pyr_row_cache_table *table, uint64_t version, const pyr_lsm_bytes *keys,
                        size_t count, pyr_cached_row **out) {
    for (size_t i = 0; i < count; ++i) {
        if (i + AHEAD < count) {
            fetch(table, keys[i + AHEAD]);
        }
        out[i] = find_one(table, version, keys[i]);
    }
}

bool pyr_row_cache_put(pyr_row_cache_table *table, uint64_t version, pyr_lsm_bytes key,
                       uint64_t stamp, pyr_lsm_bytes value) {
    if (!fits(key) || !fits(value) || atomic_load(&table->changed) > version) {
        return false;
    }
    pyr_cached_row *row = row_create(table, stamp, key, value);
    if (row == NULL) {
        return false;
    }
    cache_place place = place_of(table, key);
    atomic_store(&table->used, true); /* before changed is looked at: one of two sees the other */
    pthread_mutex_lock(&place.shard->lock);
    if (atomic_load(&table->changed) <= version && find_way(&place, table->number, key) < 0) {
        put_in(&place, free_way(place.set), row);
        row = NULL;
        make_room(table->cache, place.shard);
    }
    pthread_mutex_unlock(&place.shard->lock);
    pyr_cached_row_release(row);
    return true;
}

bool pyr_row_cache_begin(pyr_row_cache_table *table, uint64_t version) {
    assert(atomic_load(&table->changed) <= version);
    atomic_store(&table->changed, version);
    return atomic_load(&table->used);
}

/* Nobody else has the row, who could only have got it under the lock that is held. */
static bool overwrite(pyr_cached_row *row, uint64_t stamp, pyr_lsm_bytes value) {
    if (row->size != value.size ||
        atomic_load_explicit(&row->references, memory_order_acquire) != 1) {
        return false;
    }
    row->stamp = stamp;
    memcpy(row->bytes + row->key_size, value.data, value.size);
    return true;
}

static void change_one(pyr_row_cache_table *table, uint64_t version, const pyr_row_change *change) {
    pyr_lsm_bytes value = change->value;
    if (!fits(change->key)) {
        return;
    }
    cache_place place = place_of(table, change->key);
    pthread_mutex_lock(&place.shard->lock);
    int way = find_way(&place, table->number, change->key);
    if (way >= 0 && (value.data == NULL || !overwrite(place.set->rows[way], version, value))) {
        pyr_cached_row *row = value.data != NULL && fits(value)
                                  ? row_create(table, version, change->key, value)
                                  : NULL;
        take_out(place.shard, place.set, way);
        if (row != NULL) {
            put_in(&place, way, row);
            make_room(table->cache, place.shard);
        }
    }
    pthread_mutex_unlock(&place.shard->lock);
}

void pyr_row_cache_change(pyr_row_cache_table *table, uint64_t version,
                          const pyr_row_change *changes, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (i + AHEAD < count) {
            fetch(table, changes[i + AHEAD].key);
        }
        change_one(table, version, &changes[i]);
    }
}
