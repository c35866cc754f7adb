/* lsm.c - lsm.h over RocksDB's C API; the only file that includes it.
 *
 * In memory it is the same store on RocksDB's memory environment (3 ms to open, measured), so that
 * both kinds of database run the same code.
 */
#include "storage/lsm.h"

#include "base/file.h"
#include "base/log.h"

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define READONLY_TRIES 10

struct pyr_lsm {
    char *path; /* NULL in memory */
    bool readonly;
    rocksdb_options_t *options;
    rocksdb_env_t *env; /* in memory only */
    rocksdb_readoptions_t *read_options;
    pthread_rwlock_t lock; /* guards db against being opened again; a leaf */
    rocksdb_t *db;         /* NULL where opening it again failed: the next call tries */
    atomic_bool failed;    /* a write failed: RocksDB takes no more until it is opened again */
};

struct pyr_lsm_batch {
    rocksdb_writebatch_t *batch;
};

static bool begins(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

/* Takes RocksDB's error text. Kinds are told apart by its words, the C API has no codes; by the
 * first words where a path may hold anything ("block", "locks/"). */
static pyr_status translate(char *fault, const char *path, pyr_error *error) {
    pyr_status code = PYR_ERROR_IO;
    if (begins(fault, "IO error: While lock file") || begins(fault, "IO error: lock hold")) {
        code = PYR_ERROR_BUSY;
    } else if (begins(fault, "Corruption")) {
        code = PYR_ERROR_CORRUPT;
    } else if (strstr(fault, "No space left") != NULL) {
        code = PYR_ERROR_DISK_FULL;
    }
    pyr_status status =
        pyr_error_set(error, code, "catalog %s: %s", path != NULL ? path : "in memory", fault);
    rocksdb_free(fault);
    return status;
}

static void set_options(pyr_lsm *lsm) {
    rocksdb_options_t *options = lsm->options;
    rocksdb_options_set_create_if_missing(options, lsm->readonly ? 0 : 1);
    rocksdb_options_set_write_buffer_size(options, (size_t)8 << 20);
    rocksdb_options_set_max_open_files(options, 64);
    rocksdb_options_set_max_background_jobs(options, 1);
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    /* A torn end of the log is what a crash leaves; damage before it is an error, where RocksDB's
     * default would drop every later commit in silence (and then we their files). */
    rocksdb_options_set_wal_recovery_mode(options,
                                          rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_info_log_level(options, 4); /* its settings only, see open_once */
    /* A catalog is a few small files: sixteen threads to open them, and one to log statistics that
     * nobody reads, would be a quarter of the time the program takes to start. */
    rocksdb_options_set_max_file_opening_threads(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
}

/* RocksDB writes its settings to a LOG when it is opened, and 7.8 aborts the process when that
 * fails on a full disk; a reader would roll the writer's LOG, too. It has no switch for that, so
 * LOG lies in memory, its name gone once it is open. Without /dev/shm it stands where RocksDB wants
 * it. */
static pyr_status open_once(pyr_lsm *lsm, rocksdb_t **out, pyr_error *error) {
    char log_folder[] = "/dev/shm/pyralog-XXXXXX";
    bool made = lsm->path != NULL && mkdtemp(log_folder) != NULL;
    rocksdb_options_set_db_log_dir(lsm->options, made ? log_folder : "");
    char *fault = NULL;
    const char *path = lsm->path != NULL ? lsm->path : "/memory";
    *out = lsm->readonly ? rocksdb_open_for_read_only(lsm->options, path, 0, &fault)
                         : rocksdb_open(lsm->options, path, &fault);
    if (made && pyr_folder_remove(log_folder, NULL) != PYR_OK) {
        pyr_log(PYR_LOG_INFO, "catalog", "%s could not be removed", log_folder);
    }
    return fault == NULL ? PYR_OK : translate(fault, lsm->path, error);
}

/* Beside a writer the files that MANIFEST names may be replaced while they are opened: those that
 * replace them are named by then. */
static pyr_status open_db(pyr_lsm *lsm, rocksdb_t **out, pyr_error *error) {
    pyr_status status = open_once(lsm, out, error);
    for (int i = 0; status != PYR_OK && lsm->readonly && i < READONLY_TRIES; ++i) {
        status = open_once(lsm, out, error);
    }
    return status;
}

/* Leaves the lock held for reading, with a store that works. */
static pyr_status lock_db(pyr_lsm *lsm, pyr_error *error) {
    pthread_rwlock_rdlock(&lsm->lock);
    if (lsm->db != NULL && !atomic_load(&lsm->failed)) {
        return PYR_OK;
    }
    pthread_rwlock_unlock(&lsm->lock);
    pthread_rwlock_wrlock(&lsm->lock);
    if (lsm->db != NULL && atomic_load(&lsm->failed)) {
        rocksdb_close(lsm->db);
        lsm->db = NULL;
    }
    pyr_status status = lsm->db != NULL ? PYR_OK : open_db(lsm, &lsm->db, error);
    if (status == PYR_OK) {
        atomic_store(&lsm->failed, false);
    } else {
        lsm->db = NULL;
    }
    pthread_rwlock_unlock(&lsm->lock);
    PYR_TRY(status);
    pthread_rwlock_rdlock(&lsm->lock);
    if (lsm->db == NULL) { /* another thread's write failed meanwhile */
        pthread_rwlock_unlock(&lsm->lock);
        return pyr_error_set(error, PYR_ERROR_IO, "catalog %s: a write failed",
                             lsm->path != NULL ? lsm->path : "in memory");
    }
    return PYR_OK;
}

pyr_status pyr_lsm_open(const char *path, bool readonly, pyr_lsm **out, pyr_error *error) {
    *out = NULL;
    pyr_lsm *lsm = calloc(1, sizeof(*lsm));
    if (lsm == NULL) {
        return pyr_error_memory(error, sizeof(*lsm));
    }
    pthread_rwlock_init(&lsm->lock, NULL);
    lsm->readonly = readonly && path != NULL;
    lsm->options = rocksdb_options_create();
    lsm->read_options = rocksdb_readoptions_create();
    pyr_status status = PYR_OK;
    if (path != NULL && (lsm->path = strdup(path)) == NULL) {
        status = pyr_error_memory(error, strlen(path));
    }
    if (path == NULL) {
        lsm->env = rocksdb_create_mem_env();
        rocksdb_options_set_env(lsm->options, lsm->env);
    }
    set_options(lsm);
    if (status == PYR_OK) {
        status = open_db(lsm, &lsm->db, error);
    }
    if (status != PYR_OK) {
        lsm->db = NULL;
        pyr_lsm_close(lsm);
        return status;
    }
    *out = lsm;
    return PYR_OK;
}

void pyr_lsm_close(pyr_lsm *lsm) {
    if (lsm == NULL) {
        return;
    }
    if (lsm->db != NULL) {
        rocksdb_close(lsm->db);
    }
    rocksdb_readoptions_destroy(lsm->read_options);
    rocksdb_options_destroy(lsm->options);
    if (lsm->env != NULL) {
        rocksdb_env_destroy(lsm->env);
    }
    pthread_rwlock_destroy(&lsm->lock);
    free(lsm->path);
    free(lsm);
}

pyr_status pyr_lsm_refresh(pyr_lsm *lsm, pyr_error *error) {
    if (!lsm->readonly) {
        return PYR_OK;
    }
    rocksdb_t *fresh = NULL;
    PYR_TRY(open_db(lsm, &fresh, error));
    pthread_rwlock_wrlock(&lsm->lock);
    rocksdb_t *before = lsm->db;
    lsm->db = fresh;
    pthread_rwlock_unlock(&lsm->lock);
    if (before != NULL) {
        rocksdb_close(before);
    }
    return PYR_OK;
}

pyr_status pyr_lsm_get(pyr_lsm *lsm, const void *key, size_t key_size, char **value,
                       size_t *value_size, pyr_error *error) {
    *value = NULL;
    *value_size = 0;
    char *fault = NULL;
    size_t size = 0;
    PYR_TRY(lock_db(lsm, error));
    char *found = rocksdb_get(lsm->db, lsm->read_options, key, key_size, &size, &fault);
    pthread_rwlock_unlock(&lsm->lock);
    if (fault != NULL) {
        return translate(fault, lsm->path, error);
    }
    if (found == NULL) {
        return PYR_OK;
    }
    /* RocksDB's allocator need not be ours. */
    *value = malloc(size > 0 ? size : 1);
    if (*value == NULL) {
        rocksdb_free(found);
        return pyr_error_memory(error, size);
    }
    memcpy(*value, found, size);
    *value_size = size;
    rocksdb_free(found);
    return PYR_OK;
}

pyr_status pyr_lsm_scan(pyr_lsm *lsm, const void *prefix, size_t prefix_size,
                        pyr_status (*visit)(void *context, const char *key, size_t key_size,
                                            const char *value, size_t value_size, pyr_error *error),
                        void *context, pyr_error *error) {
    pyr_status status = PYR_OK;
    PYR_TRY(lock_db(lsm, error));
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(lsm->db, lsm->read_options);
    for (rocksdb_iter_seek(iterator, prefix, prefix_size);
         status == PYR_OK && rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        size_t key_size;
        size_t value_size;
        const char *key = rocksdb_iter_key(iterator, &key_size);
        if (key_size < prefix_size || memcmp(key, prefix, prefix_size) != 0) {
            break;
        }
        const char *value = rocksdb_iter_value(iterator, &value_size);
        status = visit(context, key, key_size, value, value_size, error);
    }
    char *fault = NULL;
    rocksdb_iter_get_error(iterator, &fault);
    rocksdb_iter_destroy(iterator);
    pthread_rwlock_unlock(&lsm->lock);
    if (fault != NULL) {
        pyr_status read = translate(fault, lsm->path, error);
        status = status == PYR_OK ? read : status;
    }
    return status;
}

pyr_status pyr_lsm_batch_create(pyr_lsm_batch **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    (*out)->batch = rocksdb_writebatch_create();
    return PYR_OK;
}

void pyr_lsm_batch_put(pyr_lsm_batch *batch, const void *key, size_t key_size, const void *value,
                       size_t value_size) {
    rocksdb_writebatch_put(batch->batch, key, key_size, value, value_size);
}

void pyr_lsm_batch_delete(pyr_lsm_batch *batch, const void *key, size_t key_size) {
    rocksdb_writebatch_delete(batch->batch, key, key_size);
}

pyr_status pyr_lsm_write(pyr_lsm *lsm, pyr_lsm_batch *batch, bool sync, pyr_error *error) {
    char *fault = NULL;
    PYR_TRY(lock_db(lsm, error));
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(options, sync && lsm->path != NULL ? 1 : 0);
    rocksdb_write(lsm->db, options, batch->batch, &fault);
    if (fault != NULL && lsm->path != NULL && !lsm->readonly) {
        atomic_store(&lsm->failed, true);
    }
    pthread_rwlock_unlock(&lsm->lock);
    rocksdb_writeoptions_destroy(options);
    return fault == NULL ? PYR_OK : translate(fault, lsm->path, error);
}

void pyr_lsm_batch_destroy(pyr_lsm_batch *batch) {
    if (batch != NULL) {
        rocksdb_writebatch_destroy(batch->batch);
        free(batch);
    }
}
