/* row_cache_test.c - rows kept in memory: what which version finds, what may be put in, and that
 * readers beside commits never see another row than the LSM would give them. */
#include "support_storage.h"

#include "storage/row_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    pyr_row_cache *cache;
    pyr_row_cache_table *table;
} fixture;

enum { LIMIT_BYTES = 64 << 10 };

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof(*f));
    check_ok(pyr_row_cache_create(LIMIT_BYTES, &f->cache, error));
    check_ok(pyr_row_cache_table_create(f->cache, &f->table, error));
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    pyr_row_cache_table_release(f->table);
    pyr_row_cache_release(f->cache);
    free(f);
    return 0;
}

static pyr_lsm_bytes bytes_of(const char *text) {
    return (pyr_lsm_bytes){text, strlen(text)};
}

static void put(pyr_row_cache_table *table, uint64_t version, const char *key, uint64_t stamp,
                const char *value) {
    pyr_row_cache_put(table, version, bytes_of(key), stamp, bytes_of(value));
}

/* value NULL: deleted. One change of one row. */
static bool change(pyr_row_cache_table *table, uint64_t version, const char *key,
                   const char *value) {
    bool told = pyr_row_cache_begin(table, version);
    pyr_row_change row = {.key = bytes_of(key)};
    if (value != NULL) {
        row.value = bytes_of(value);
    }
    pyr_row_cache_change(table, version, &row, 1);
    return told;
}

static pyr_cached_row *find(pyr_row_cache_table *table, uint64_t version, const char *key) {
    pyr_lsm_bytes asked = bytes_of(key);
    pyr_cached_row *row = NULL;
    pyr_row_cache_find(table, version, &asked, 1, &row);
    return row;
}

/* value NULL: nothing is found. */
static void finds(pyr_row_cache_table *table, uint64_t version, const char *key, uint64_t stamp,
                  const char *value) {
    pyr_cached_row *row = find(table, version, key);
    assert_int_equal(row != NULL, value != NULL);
    if (row != NULL) {
        assert_int_equal(row->stamp, stamp);
        assert_int_equal(row->size, strlen(value));
        assert_memory_equal(pyr_cached_row_data(row), value, row->size);
        pyr_cached_row_release(row);
    }
}

static void a_row_is_found_by_its_version_and_later_ones(void **state) {
    fixture *f = *state;
    finds(f->table, 9, "a", 0, NULL);
    put(f->table, 5, "a", 3, "one");
    finds(f->table, 2, "a", 0, NULL);
    finds(f->table, 3, "a", 3, "one");
    finds(f->table, 9, "a", 3, "one");
    finds(f->table, 9, "b", 0, NULL);
    finds(f->table, 9, "aa", 0, NULL);
    put(f->table, 5, "", 4, ""); /* the key of nothing is one, too */
    finds(f->table, 5, "", 4, "");
}

static void readers_of_older_versions_put_nothing_in(void **state) {
    fixture *f = *state;
    assert_false(change(f->table, 6, "a", "new")); /* there was nothing to replace */
    finds(f->table, 6, "a", 0, NULL);
    put(f->table, 5, "a", 3, "old");
    finds(f->table, 6, "a", 0, NULL);
    put(f->table, 6, "a", 6, "new");
    finds(f->table, 6, "a", 6, "new");
    put(f->table, 7, "a", 3, "late"); /* what is there is what was committed last */
    finds(f->table, 7, "a", 6, "new");
}

static void changes_take_the_place_of_what_is_kept(void **state) {
    fixture *f = *state;
    put(f->table, 1, "a", 1, "one");
    put(f->table, 1, "b", 1, "two");
    assert_true(change(f->table, 2, "a", "ONE")); /* as long: in its place */
    finds(f->table, 1, "a", 0, NULL);
    finds(f->table, 2, "a", 2, "ONE");
    finds(f->table, 1, "b", 1, "two");
    change(f->table, 3, "a", "longer than before");
    finds(f->table, 3, "a", 3, "longer than before");
    change(f->table, 4, "a", NULL);
    finds(f->table, 4, "a", 0, NULL);
    finds(f->table, 3, "a", 0, NULL);
    finds(f->table, 4, "b", 1, "two");
    change(f->table, 5, "c", "unasked");
    finds(f->table, 5, "c", 0, NULL);
}

static void a_row_that_somebody_has_does_not_change(void **state) {
    fixture *f = *state;
    put(f->table, 1, "a", 1, "one");
    pyr_cached_row *held = find(f->table, 1, "a");
    assert_non_null(held);
    change(f->table, 2, "a", "ONE");
    finds(f->table, 2, "a", 2, "ONE");
    assert_int_equal(held->stamp, 1);
    assert_memory_equal(pyr_cached_row_data(held), "one", 3);
    change(f->table, 3, "a", NULL);
    assert_memory_equal(pyr_cached_row_data(held), "one", 3);
    pyr_cached_row_release(held);
}

static void tables_are_apart(void **state) {
    fixture *f = *state;
    pyr_row_cache_table *other;
    check_ok(pyr_row_cache_table_create(f->cache, &other, error));
    put(f->table, 1, "a", 1, "mine");
    finds(other, 1, "a", 0, NULL);
    put(other, 1, "a", 1, "others'");
    change(other, 2, "a", NULL);
    finds(f->table, 1, "a", 1, "mine");
    pyr_row_cache_table_release(other);
    check_ok(pyr_row_cache_table_create(f->cache, &other, error)); /* perhaps where that one was */
    finds(other, 9, "a", 0, NULL);
    pyr_row_cache_table_release(other);
}

static void the_limit_holds_and_rows_in_use_stay_longest(void **state) {
    fixture *f = *state;
    char key[32];
    int stays = 0;
    int rest = 0;
    put(f->table, 1, "hot", 1, "used again and again");
    for (int i = 0; i < 20000; ++i) {
        (void)snprintf(key, sizeof(key), "key %d", i);
        put(f->table, 1, key, 1, "some row or other");
        pyr_cached_row *row = find(f->table, 1, "hot");
        stays += row != NULL;
        pyr_cached_row_release(row);
        assert_true(pyr_row_cache_bytes(f->cache) <= LIMIT_BYTES);
    }
    for (int i = 0; i < 20000; ++i) {
        (void)snprintf(key, sizeof(key), "key %d", i);
        pyr_cached_row *row = find(f->table, 1, key);
        rest += row != NULL;
        pyr_cached_row_release(row);
    }
    assert_int_equal(stays, 20000);
    assert_true(rest > 300 && rest < 1500);
}

static void large_rows_are_not_kept(void **state) {
    fixture *f = *state;
    char *large = calloc(1, PYR_ROW_CACHE_VALUE_MAX + 2);
    memset(large, 'x', PYR_ROW_CACHE_VALUE_MAX + 1);
    put(f->table, 1, "a", 1, large);
    finds(f->table, 1, "a", 0, NULL);
    put(f->table, 1, large, 1, "a");
    finds(f->table, 1, large, 0, NULL);
    change(f->table, 2, large, "b");
    put(f->table, 2, "b", 1, "small");
    change(f->table, 3, "b", large); /* it was small: now the LSM alone has it */
    finds(f->table, 3, "b", 0, NULL);
    assert_int_equal(pyr_row_cache_bytes(f->cache), 0);
    free(large);
}

/* ---- Readers beside commits. ---- */

enum { KEYS = 48, VERSIONS = 4000, READERS = 3 };

/* What the LSM would say: by version and key the version that wrote the row, 0: there is none. */
typedef struct history {
    uint32_t (*stamps)[KEYS];
    pyr_row_cache_table *table;
    atomic_uint_fast64_t published;
    atomic_int wrong, hits;
} history;

typedef struct reader {
    history *of;
    unsigned seed;
    pthread_t thread;
} reader;

static void make_history(history *h) {
    unsigned seed = 7;
    h->stamps = calloc(VERSIONS + 1, sizeof(*h->stamps));
    for (uint32_t v = 1; v <= VERSIONS; ++v) {
        for (int k = 0; k < KEYS; ++k) {
            int luck = rand_r(&seed) % 64;
            h->stamps[v][k] = luck < 6 ? v : luck == 6 ? 0 : h->stamps[v - 1][k];
        }
    }
}

/* Rows are of two lengths, so that some are written over and some are not. */
static size_t make_row(char *out, size_t size, int key, uint32_t stamp) {
    return (size_t)snprintf(out, size, stamp % 2 == 0 ? "%d at %08u" : "%d at %08u, longer", key,
                            stamp);
}

static void look_up(history *h, uint64_t version, int k) {
    char key[16];
    char row[64];
    uint32_t stamp = h->stamps[version][k];
    pyr_lsm_bytes asked = {key, (size_t)snprintf(key, sizeof(key), "%d", k)};
    pyr_lsm_bytes there = {row, make_row(row, sizeof(row), k, stamp)};
    pyr_cached_row *found = NULL;
    pyr_row_cache_find(h->table, version, &asked, 1, &found);
    if (found != NULL) {
        bool same = stamp != 0 && found->stamp == stamp && found->size == there.size &&
                    memcmp(pyr_cached_row_data(found), row, there.size) == 0;
        atomic_fetch_add(&h->wrong, !same);
        atomic_fetch_add(&h->hits, 1);
        pyr_cached_row_release(found);
    } else if (stamp != 0) {
        pyr_row_cache_put(h->table, version, asked, stamp, there);
    }
}

static void *read_on(void *argument) {
    reader *self = argument;
    uint64_t version = 0;
    while (version < VERSIONS) {
        uint64_t latest = atomic_load(&self->of->published);
        uint64_t back = rand_r(&self->seed) % 4 == 0 ? (uint64_t)rand_r(&self->seed) % 8 : 0;
        version = latest;
        look_up(self->of, latest > back ? latest - back : latest,
                (int)(rand_r(&self->seed) % KEYS));
    }
    return NULL;
}

static void commit(history *h, uint32_t version) {
    char keys[KEYS][16];
    char rows[KEYS][64];
    pyr_row_change changes[KEYS];
    size_t count = 0;
    for (int k = 0; k < KEYS; ++k) {
        uint32_t stamp = h->stamps[version][k];
        if (stamp != version && stamp == h->stamps[version - 1][k]) {
            continue;
        }
        pyr_row_change *change = &changes[count++];
        change->key = (pyr_lsm_bytes){keys[k], (size_t)snprintf(keys[k], sizeof(keys[k]), "%d", k)};
        change->value = (pyr_lsm_bytes){NULL, 0};
        if (stamp != 0) {
            change->value = (pyr_lsm_bytes){rows[k], make_row(rows[k], sizeof(rows[k]), k, stamp)};
        }
    }
    if (pyr_row_cache_begin(h->table, version)) {
        pyr_row_cache_change(h->table, version, changes, count);
    }
    atomic_store(&h->published, version);
}

static void readers_beside_commits_see_what_the_lsm_has(void **state) {
    fixture *f = *state;
    history h = {.table = f->table};
    reader readers[READERS];
    make_history(&h);
    for (int i = 0; i < READERS; ++i) {
        readers[i] = (reader){.of = &h, .seed = (unsigned)i + 1};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    for (uint32_t version = 1; version <= VERSIONS; ++version) {
        commit(&h, version);
        for (int k = 0; k < KEYS; ++k) { /* so that there is something to replace on one core */
            look_up(&h, version, k);
        }
    }
    for (int i = 0; i < READERS; ++i) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
    }
    assert_int_equal(atomic_load(&h.wrong), 0);
    assert_true(atomic_load(&h.hits) > VERSIONS);
    free(h.stamps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_is_found_by_its_version_and_later_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(readers_of_older_versions_put_nothing_in, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(changes_take_the_place_of_what_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_that_somebody_has_does_not_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_are_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_limit_holds_and_rows_in_use_stay_longest, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(large_rows_are_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_beside_commits_see_what_the_lsm_has, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
