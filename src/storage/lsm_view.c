/* lsm_view.c - views of lsm.h: the store as it was at one moment.
 *
 * A writer's view is a RocksDB snapshot; a reader's is its store itself, which never changes. No
 * iterator lives longer than a call, so that a store can be closed and opened anew at any time, and
 * so that a result nobody reads on holds a sequence number and no memory.
 */
#include "storage/lsm_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lifetime. ---- */

pyr_status pyr_lsm_view_create(pyr_lsm_view **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    atomic_init(&(*out)->references, 1);
    (*out)->options = rocksdb_readoptions_create();
    return PYR_OK;
}

static void take_snapshot(pyr_lsm *lsm, pyr_lsm_view *view) {
    view->snapshot = rocksdb_create_snapshot(lsm->store->db);
    view->writes = atomic_load(&lsm->writes);
    rocksdb_readoptions_set_snapshot(view->options, view->snapshot);
}

static void link_view(pyr_lsm *lsm, pyr_lsm_view *view) {
    pthread_mutex_lock(&lsm->views_lock);
    view->next = lsm->views;
    if (view->next != NULL) {
        view->next->previous = view;
    }
    lsm->views = view;
    pthread_mutex_unlock(&lsm->views_lock);
}

void pyr_lsm_view_take(pyr_lsm *lsm, pyr_lsm_view *view) {
    assert(view->lsm == NULL);
    atomic_fetch_add_explicit(&lsm->references, 1, memory_order_relaxed);
    view->lsm = lsm;
    pthread_rwlock_rdlock(&lsm->lock);
    view->writes = atomic_load(&lsm->writes);
    if (lsm->store != NULL && lsm->readonly) {
        atomic_fetch_add_explicit(&lsm->store->references, 1, memory_order_relaxed);
        view->store = lsm->store;
    } else if (lsm->store != NULL) {
        take_snapshot(lsm, view);
    }
    if (!lsm->readonly) {
        link_view(lsm, view);
    }
    pthread_rwlock_unlock(&lsm->lock);
}

pyr_lsm_view *pyr_lsm_view_retain(pyr_lsm_view *view) {
    if (view != NULL) {
        atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    }
    return view;
}

static void unlink_view(pyr_lsm *lsm, pyr_lsm_view *view) {
    pthread_mutex_lock(&lsm->views_lock);
    *(view->previous != NULL ? &view->previous->next : &lsm->views) = view->next;
    if (view->next != NULL) {
        view->next->previous = view->previous;
    }
    pthread_mutex_unlock(&lsm->views_lock);
}

void pyr_lsm_view_release(pyr_lsm_view *view) {
    if (view == NULL ||
        atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_lsm *lsm = view->lsm;
    rocksdb_readoptions_destroy(view->options);
    if (lsm != NULL && !lsm->readonly) {
        pthread_rwlock_rdlock(&lsm->lock);
        unlink_view(lsm, view);
        if (view->snapshot != NULL) {
            rocksdb_release_snapshot(lsm->store->db, view->snapshot);
        }
        pthread_rwlock_unlock(&lsm->lock);
    }
    pyr_lsm_store_release(view->store);
    if (lsm != NULL) {
        pyr_lsm_release(lsm);
    }
    free(view);
}

void pyr_lsm_views_drop(pyr_lsm *lsm) {
    pthread_mutex_lock(&lsm->views_lock);
    for (pyr_lsm_view *view = lsm->views; view != NULL; view = view->next) {
        if (view->snapshot != NULL) {
            rocksdb_release_snapshot(lsm->store->db, view->snapshot);
            view->snapshot = NULL;
        }
    }
    pthread_mutex_unlock(&lsm->views_lock);
}

void pyr_lsm_views_take(pyr_lsm *lsm) {
    pthread_mutex_lock(&lsm->views_lock);
    for (pyr_lsm_view *view = lsm->views; view != NULL; view = view->next) {
        if (view->writes == atomic_load(&lsm->writes)) {
            take_snapshot(lsm, view);
        }
    }
    pthread_mutex_unlock(&lsm->views_lock);
}

/* With the lock held for reading, and again when it returns. After a failed write that could not be
 * taken back there is no store until somebody opens it anew: readers try, too. Whoever reads
 * already has one, so that no thread waits here for itself. */
static void open_where_gone(pyr_lsm *lsm) {
    if (lsm->store == NULL && !lsm->closed) {
        pthread_rwlock_unlock(&lsm->lock);
        (void)!pyr_lsm_reopen(lsm, NULL); /* without a store the view says so */
        pthread_rwlock_rdlock(&lsm->lock);
    }
}

/* The store to read, and where it is a writer's its lock held for reading; end() after. */
static pyr_status begin(pyr_lsm_view *view, lsm_store **out, pyr_error *error) {
    assert(view->lsm != NULL);
    pyr_lsm *lsm = view->lsm;
    if (lsm->readonly) {
        *out = view->store;
        return PYR_OK;
    }
    pthread_rwlock_rdlock(&lsm->lock);
    open_where_gone(lsm);
    if (view->snapshot != NULL) {
        *out = lsm->store;
        return PYR_OK;
    }
    bool closed = lsm->closed;
    pthread_rwlock_unlock(&lsm->lock);
    *out = NULL;
    return pyr_error_set(error, PYR_ERROR_IO,
                         closed ? "catalog %s: it was closed, its keyed tables cannot be read"
                                : "catalog %s: it was opened anew after a failed write, and what "
                                  "this statement reads is gone: run it again",
                         lsm->path != NULL ? lsm->path : "in memory");
}

static void end(pyr_lsm_view *view) {
    if (!view->lsm->readonly) {
        pthread_rwlock_unlock(&view->lsm->lock);
    }
}

/* ---- Single keys. ---- */

static pyr_status give(const pyr_lsm_view *view, size_t index, rocksdb_pinnableslice_t *value,
                       char *fault, pyr_lsm_found visit, void *context, pyr_error *error) {
    if (fault != NULL) {
        return pyr_lsm_translate(fault, view->lsm->path, error);
    }
    if (value == NULL) {
        return PYR_OK;
    }
    size_t size;
    const char *bytes = rocksdb_pinnableslice_value(value, &size);
    return visit(context, index, bytes, size, error);
}

enum { GROUP_MAX = 128 };

/* A group of keys is read together: their blocks are asked for once. */
static pyr_status get_group(const pyr_lsm_view *view, const lsm_store *store,
                            const pyr_lsm_bytes *keys, size_t first, size_t count, bool sorted,
                            pyr_lsm_found visit, void *context, pyr_error *error) {
    const char *datas[GROUP_MAX];
    size_t sizes[GROUP_MAX];
    rocksdb_pinnableslice_t *values[GROUP_MAX];
    char *faults[GROUP_MAX];
    for (size_t i = 0; i < count; ++i) {
        datas[i] = keys[first + i].data;
        sizes[i] = keys[first + i].size;
    }
    rocksdb_batched_multi_get_cf(store->db, view->options, store->family, count, datas, sizes,
                                 values, faults, sorted);
    pyr_status status = PYR_OK;
    for (size_t i = 0; i < count; ++i) {
        if (status == PYR_OK) {
            status = give(view, first + i, values[i], faults[i], visit, context, error);
        } else {
            rocksdb_free(faults[i]);
        }
        rocksdb_pinnableslice_destroy(values[i]);
    }
    return status;
}

static pyr_status get_one(const pyr_lsm_view *view, const lsm_store *store,
                          const pyr_lsm_bytes *key, pyr_lsm_found visit, void *context,
                          pyr_error *error) {
    char *fault = NULL;
    rocksdb_pinnableslice_t *value =
        rocksdb_get_pinned(store->db, view->options, key->data, key->size, &fault);
    pyr_status status = give(view, 0, value, fault, visit, context, error);
    rocksdb_pinnableslice_destroy(value);
    return status;
}

pyr_status pyr_lsm_view_get(pyr_lsm_view *view, const pyr_lsm_bytes *keys, size_t count,
                            bool sorted, pyr_lsm_found visit, void *context, pyr_error *error) {
    lsm_store *store = NULL;
    if (count == 0) {
        return PYR_OK;
    }
    PYR_TRY(begin(view, &store, error));
    pyr_status status = PYR_OK;
    if (count == 1) {
        status = get_one(view, store, keys, visit, context, error);
    }
    for (size_t first = 0; count > 1 && status == PYR_OK && first < count; first += GROUP_MAX) {
        size_t group = count - first < GROUP_MAX ? count - first : GROUP_MAX;
        status = get_group(view, store, keys, first, group, sorted, visit, context, error);
    }
    end(view);
    return status;
}

/* ---- Ranges. ---- */

static rocksdb_readoptions_t *bounded_options(const pyr_lsm_view *view, pyr_lsm_bytes lower,
                                              pyr_lsm_bytes upper) {
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(options, view->snapshot);
    rocksdb_readoptions_set_iterate_lower_bound(options, lower.data, lower.size);
    if (upper.data != NULL) {
        rocksdb_readoptions_set_iterate_upper_bound(options, upper.data, upper.size);
    }
    return options;
}

static pyr_status visit_range(rocksdb_iterator_t *iterator, pyr_lsm_visit visit, void *context,
                              pyr_error *error) {
    bool more = true;
    while (more && rocksdb_iter_valid(iterator)) {
        size_t key_size;
        size_t value_size;
        const char *key = rocksdb_iter_key(iterator, &key_size);
        const char *value = rocksdb_iter_value(iterator, &value_size);
        PYR_TRY(visit(context, key, key_size, value, value_size, &more, error));
        if (more) {
            rocksdb_iter_next(iterator);
        }
    }
    return PYR_OK;
}

static pyr_status visit_once(rocksdb_iterator_t *iterator, pyr_lsm_visit visit, void *context,
                             pyr_error *error) {
    bool more = true;
    size_t key_size;
    size_t value_size;
    if (!rocksdb_iter_valid(iterator)) {
        return PYR_OK;
    }
    const char *key = rocksdb_iter_key(iterator, &key_size);
    const char *value = rocksdb_iter_value(iterator, &value_size);
    return visit(context, key, key_size, value, value_size, &more, error);
}

static pyr_status iterate(pyr_lsm_view *view, pyr_lsm_bytes lower, pyr_lsm_bytes upper, bool last,
                          pyr_lsm_visit visit, void *context, pyr_error *error) {
    lsm_store *store = NULL;
    PYR_TRY(begin(view, &store, error));
    rocksdb_readoptions_t *options = bounded_options(view, lower, upper);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(store->db, options);
    pyr_status status;
    if (last) {
        rocksdb_iter_seek_to_last(iterator);
        status = visit_once(iterator, visit, context, error);
    } else {
        rocksdb_iter_seek(iterator, lower.data, lower.size);
        status = visit_range(iterator, visit, context, error);
    }
    char *fault = NULL;
    rocksdb_iter_get_error(iterator, &fault);
    rocksdb_iter_destroy(iterator);
    rocksdb_readoptions_destroy(options);
    end(view);
    if (fault != NULL) {
        pyr_status read = pyr_lsm_translate(fault, view->lsm->path, error);
        status = status == PYR_OK ? read : status;
    }
    return status;
}

pyr_status pyr_lsm_view_range(pyr_lsm_view *view, pyr_lsm_bytes lower, pyr_lsm_bytes upper,
                              pyr_lsm_visit visit, void *context, pyr_error *error) {
    return iterate(view, lower, upper, false, visit, context, error);
}

pyr_status pyr_lsm_view_last(pyr_lsm_view *view, pyr_lsm_bytes lower, pyr_lsm_bytes upper,
                             pyr_lsm_visit visit, void *context, pyr_error *error) {
    return iterate(view, lower, upper, true, visit, context, error);
}

pyr_status pyr_lsm_view_sizes(pyr_lsm_view *view, const pyr_lsm_bytes *bounds, size_t count,
                              uint64_t *sizes, pyr_error *error) {
    lsm_store *store = NULL;
    PYR_TRY(begin(view, &store, error));
    char *fault = NULL;
    for (size_t i = 0; fault == NULL && i + 1 < count; ++i) {
        const char *from = bounds[i].data;
        const char *to = bounds[i + 1].data;
        rocksdb_approximate_sizes(store->db, 1, &from, &bounds[i].size, &to, &bounds[i + 1].size,
                                  &sizes[i], &fault);
    }
    end(view);
    return fault == NULL ? PYR_OK : pyr_lsm_translate(fault, view->lsm->path, error);
}
