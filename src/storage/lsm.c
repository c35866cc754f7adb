/* lsm.c - the store of lsm.h over RocksDB's C API.
 *
 * In memory it is the same store on RocksDB's memory environment (3 ms to open, measured), so that
 * both kinds of database run the same code.
 */
#include "storage/lsm_internal.h"

#include "base/log.h"
#include "storage/lsm_log_folder.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READONLY_TRIES 10
#define WRITE_BUFFER_BYTES ((size_t)32 << 20) /* and what an open has to replay at most */
#define CACHE_BYTES ((size_t)64 << 20)        /* until somebody says more or less */
#define BLOOM_BITS 10
#define MEMTABLE_BLOOM_SHARE 0.02

static bool begins(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

/* Takes RocksDB's error text. Kinds are told apart by its words, the C API has no codes; by the
 * first words where a path may hold anything ("block", "locks/"). */
pyr_status pyr_lsm_translate(char *fault, const char *path, pyr_error *error) {
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

/* Point reads: filters over whole keys, on disk and in memory. Filters and indexes of all files
 * stay in memory while the files are open, so that a read costs one block. */
static void set_tables(pyr_lsm *lsm) {
    rocksdb_block_based_table_options_t *tables = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_filter_policy(
        tables, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    rocksdb_block_based_options_set_whole_key_filtering(tables, 1);
    rocksdb_block_based_options_set_block_cache(tables, lsm->cache);
    rocksdb_block_based_options_set_format_version(tables, 5);
    rocksdb_options_set_block_based_table_factory(lsm->options, tables);
    rocksdb_block_based_options_destroy(tables);
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(lsm->options, MEMTABLE_BLOOM_SHARE);
    rocksdb_options_set_memtable_whole_key_filtering(lsm->options, 1);
}

static void set_options(pyr_lsm *lsm) {
    rocksdb_options_t *options = lsm->options;
    rocksdb_options_set_create_if_missing(options, lsm->readonly ? 0 : 1);
    rocksdb_options_set_write_buffer_size(options, WRITE_BUFFER_BYTES);
    /* A reader opens all at once: the writer may remove a file that is not open yet. */
    rocksdb_options_set_max_open_files(options, lsm->readonly ? -1 : 512);
    rocksdb_options_set_max_background_jobs(options, 2);
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
    set_tables(lsm);
}

/* ---- Empty logs. ----
 *
 * RocksDB 7.8 removes the logs that an open has read where it wrote a table file of them: empty
 * ones would stay, one more with each open, until something is written.
 */
enum { EMPTY_LOGS_MAX = 256 }; /* of an open; the next one has the others */

typedef struct empty_logs {
    char names[EMPTY_LOGS_MAX][24];
    size_t count;
} empty_logs;

/* "000017.log" */
static bool is_log(const char *name, size_t size_max) {
    size_t digits = strspn(name, "0123456789");
    return digits > 0 && digits + sizeof(".log") <= size_max && strcmp(name + digits, ".log") == 0;
}

static void find_empty_logs(const char *path, empty_logs *out) {
    DIR *folder = opendir(path);
    struct dirent *entry;
    struct stat info;
    out->count = 0;
    while (folder != NULL && out->count < EMPTY_LOGS_MAX && (entry = readdir(folder)) != NULL) {
        if (is_log(entry->d_name, sizeof(out->names[0])) &&
            fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode) && info.st_size == 0) {
            strcpy(out->names[out->count++], entry->d_name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

/* Those found before an open that succeeded: no other writer has them, and this one has a new log.
 */
static void remove_logs(const char *path, const empty_logs *logs) {
    int folder = logs->count > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    for (size_t i = 0; folder >= 0 && i < logs->count; ++i) {
        (void)unlinkat(folder, logs->names[i], 0);
    }
    if (folder >= 0) {
        close(folder);
    }
}

/* ---- The store. ---- */

/* RocksDB writes its settings to a LOG when it is opened, and 7.8 aborts the process when that
 * fails on a full disk; a reader would roll the writer's LOG, too. It has no switch for that, so
 * LOG lies in memory, its name gone once it is open. Without /dev/shm it stands where RocksDB wants
 * it. */
static pyr_status open_once(pyr_lsm *lsm, bool readonly, lsm_store *store, pyr_error *error) {
    char log_folder[PYR_LSM_LOG_FOLDER_BYTES];
    bool made = lsm->path != NULL && pyr_lsm_log_folder_create(log_folder);
    rocksdb_options_set_db_log_dir(lsm->options, made ? log_folder : "");
    char *fault = NULL;
    const char *path = lsm->path != NULL ? lsm->path : "/memory";
    empty_logs logs = {.count = 0};
    if (lsm->path != NULL && !readonly) {
        find_empty_logs(path, &logs);
    }
    static const char *const families[] = {"default"};
    const rocksdb_options_t *const options[] = {lsm->options};
    store->db = readonly ? rocksdb_open_for_read_only_column_families(
                               lsm->options, path, 1, families, options, &store->family, 0, &fault)
                         : rocksdb_open_column_families(lsm->options, path, 1, families, options,
                                                        &store->family, &fault);
    if (made) {
        pyr_lsm_log_folder_remove(log_folder);
    }
    if (fault != NULL) {
        return pyr_lsm_translate(fault, lsm->path, error);
    }
    remove_logs(path, &logs);
    return PYR_OK;
}

/* Beside a writer the files that MANIFEST names may be replaced while they are opened: those that
 * replace them are named by then. */
static pyr_status open_store(pyr_lsm *lsm, bool readonly, lsm_store **out, pyr_error *error) {
    lsm_store *store = calloc(1, sizeof(*store));
    *out = NULL;
    if (store == NULL) {
        return pyr_error_memory(error, sizeof(*store));
    }
    atomic_init(&store->references, 1);
    pyr_status status = open_once(lsm, readonly, store, error);
    for (int i = 0; status != PYR_OK && lsm->readonly && i < READONLY_TRIES; ++i) {
        status = open_once(lsm, readonly, store, error);
    }
    if (status != PYR_OK) {
        free(store);
        return status;
    }
    *out = store;
    return PYR_OK;
}

void pyr_lsm_store_release(lsm_store *store) {
    if (store == NULL ||
        atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    rocksdb_column_family_handle_destroy(store->family);
    rocksdb_close(store->db);
    free(store);
}

/* ---- After a failed write. ---- */

typedef struct comparing {
    pyr_lsm *lsm;
    bool differs;
    char *fault;
} comparing;

typedef struct undoing {
    pyr_lsm *lsm;
    char *fault;
} undoing;

static void undo_key(void *context, const char *key, size_t key_size) {
    undoing *self = context;
    const pyr_lsm *lsm = self->lsm;
    size_t size = 0;
    if (self->fault != NULL) {
        return;
    }
    char *before =
        rocksdb_get(lsm->store->db, lsm->read_options, key, key_size, &size, &self->fault);
    if (before != NULL) {
        rocksdb_writebatch_put(lsm->undo, key, key_size, before, size);
        rocksdb_free(before);
    } else if (self->fault == NULL) {
        rocksdb_writebatch_delete(lsm->undo, key, key_size);
    }
}

static void undo_put(void *context, const char *key, size_t key_size, const char *value,
                     size_t value_size) {
    (void)value;
    (void)value_size;
    undo_key(context, key, key_size);
}

/* The store is as it was before, as long as it is open: whether the batch stands in the log is seen
 * when it is read again. Without its values nothing can be taken back, which the log tells. */
static void prepare_undo(pyr_lsm *lsm, const pyr_lsm_batch *batch) {
    undoing self = {.lsm = lsm};
    if (lsm->undo == NULL) {
        lsm->undo = rocksdb_writebatch_create();
    }
    rocksdb_writebatch_iterate(batch->batch, &self, undo_put, undo_key);
    if (self.fault != NULL) {
        pyr_log(PYR_LOG_ERROR, "catalog", "%s: a failed write may come back: %s", lsm->path,
                self.fault);
        rocksdb_free(self.fault);
    }
}

/* Whether a key has another value than before the failed write. */
static void compare_put(void *context, const char *key, size_t key_size, const char *value,
                        size_t value_size) {
    comparing *self = context;
    size_t size = 0;
    if (self->fault != NULL || self->differs) {
        return;
    }
    char *now = rocksdb_get(self->lsm->store->db, self->lsm->read_options, key, key_size, &size,
                            &self->fault);
    self->differs = value == NULL
                        ? now != NULL
                        : now == NULL || size != value_size || memcmp(now, value, value_size) != 0;
    rocksdb_free(now);
}

static void compare_delete(void *context, const char *key, size_t key_size) {
    compare_put(context, key, key_size, NULL, 0);
}

/* Whether the failed write stands in the store that was opened after it. */
static bool has_landed(pyr_lsm *lsm) {
    comparing self = {.lsm = lsm};
    if (lsm->undo != NULL) {
        rocksdb_writebatch_iterate(lsm->undo, &self, compare_put, compare_delete);
    }
    bool unknown = self.fault != NULL;
    rocksdb_free(self.fault);
    return self.differs || unknown;
}

static pyr_status take_back(pyr_lsm *lsm, pyr_error *error) {
    char *fault = NULL;
    if (has_landed(lsm)) {
        rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
        rocksdb_writeoptions_set_sync(options, 1);
        rocksdb_write(lsm->store->db, options, lsm->undo, &fault);
        rocksdb_writeoptions_destroy(options);
    }
    if (fault != NULL) {
        return pyr_lsm_translate(fault, lsm->path, error);
    }
    if (lsm->undo != NULL) {
        rocksdb_writebatch_destroy(lsm->undo);
        lsm->undo = NULL;
    }
    return PYR_OK;
}

static void drop_store(pyr_lsm *lsm) {
    if (lsm->store != NULL) {
        pyr_lsm_views_drop(lsm);
        pyr_lsm_store_release(lsm->store);
        lsm->store = NULL;
    }
}

/* Nothing can be written, on a full disk say, but views can be read as before. */
static void open_for_views(pyr_lsm *lsm) {
    if (open_store(lsm, true, &lsm->store, NULL) != PYR_OK) {
        lsm->store = NULL;
    } else if (has_landed(lsm)) {
        drop_store(lsm);
    } else {
        pyr_lsm_views_take(lsm);
    }
}

/* With the lock held for writing. Where it fails the next call tries again. */
static pyr_status open_again(pyr_lsm *lsm, pyr_error *error) {
    drop_store(lsm);
    pyr_status status = open_store(lsm, lsm->readonly, &lsm->store, error);
    if (status == PYR_OK) {
        status = take_back(lsm, error);
    }
    if (status != PYR_OK) {
        drop_store(lsm);
        open_for_views(lsm);
        return status;
    }
    pyr_lsm_views_take(lsm);
    atomic_store(&lsm->failed, false);
    return PYR_OK;
}

/* Leaves the lock held for reading, with a store that works. */
static pyr_status lock_db(pyr_lsm *lsm, pyr_error *error) {
    pthread_rwlock_rdlock(&lsm->lock);
    if (lsm->store != NULL && !atomic_load(&lsm->failed)) {
        return PYR_OK;
    }
    pthread_rwlock_unlock(&lsm->lock);
    pthread_rwlock_wrlock(&lsm->lock);
    pyr_status status = PYR_OK;
    if (lsm->closed) { /* while a view's reader was about to open it anew */
        status = pyr_error_set(error, PYR_ERROR_IO, "catalog %s: it was closed",
                               lsm->path != NULL ? lsm->path : "in memory");
    } else if (lsm->store == NULL || atomic_load(&lsm->failed)) {
        status = open_again(lsm, error);
    }
    pthread_rwlock_unlock(&lsm->lock);
    PYR_TRY(status);
    pthread_rwlock_rdlock(&lsm->lock);
    if (lsm->store == NULL) { /* another thread's write failed meanwhile */
        pthread_rwlock_unlock(&lsm->lock);
        return pyr_error_set(error, PYR_ERROR_IO, "catalog %s: a write failed",
                             lsm->path != NULL ? lsm->path : "in memory");
    }
    return PYR_OK;
}

pyr_status pyr_lsm_reopen(pyr_lsm *lsm, pyr_error *error) {
    PYR_TRY(lock_db(lsm, error));
    pthread_rwlock_unlock(&lsm->lock);
    return PYR_OK;
}

/* ---- Opening and closing. ---- */

pyr_status pyr_lsm_open(const char *path, bool readonly, pyr_lsm **out, pyr_error *error) {
    *out = NULL;
    pyr_lsm *lsm = calloc(1, sizeof(*lsm));
    if (lsm == NULL) {
        return pyr_error_memory(error, sizeof(*lsm));
    }
    atomic_init(&lsm->references, 1);
    pthread_rwlock_init(&lsm->lock, NULL);
    pthread_mutex_init(&lsm->views_lock, NULL);
    lsm->readonly = readonly && path != NULL;
    lsm->options = rocksdb_options_create();
    lsm->read_options = rocksdb_readoptions_create();
    lsm->cache = rocksdb_cache_create_lru(CACHE_BYTES);
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
        status = open_store(lsm, lsm->readonly, &lsm->store, error);
    }
    if (status != PYR_OK) {
        pyr_lsm_close(lsm);
        return status;
    }
    *out = lsm;
    return PYR_OK;
}

void pyr_lsm_release(pyr_lsm *lsm) {
    if (atomic_fetch_sub_explicit(&lsm->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    rocksdb_readoptions_destroy(lsm->read_options);
    rocksdb_options_destroy(lsm->options);
    rocksdb_cache_destroy(lsm->cache);
    if (lsm->env != NULL) {
        rocksdb_env_destroy(lsm->env);
    }
    if (lsm->undo != NULL) {
        rocksdb_writebatch_destroy(lsm->undo);
    }
    pthread_rwlock_destroy(&lsm->lock);
    pthread_mutex_destroy(&lsm->views_lock);
    free(lsm->path);
    free(lsm);
}

void pyr_lsm_close(pyr_lsm *lsm) {
    if (lsm == NULL) {
        return;
    }
    pthread_rwlock_wrlock(&lsm->lock);
    lsm_store *store = lsm->store;
    if (store != NULL) {
        pyr_lsm_views_drop(lsm);
    }
    lsm->store = NULL;
    lsm->closed = true;
    pyr_lsm_store_release(store);
    pthread_rwlock_unlock(&lsm->lock);
    pyr_lsm_release(lsm);
}

void pyr_lsm_set_cache_size(pyr_lsm *lsm, size_t size_bytes) {
    rocksdb_cache_set_capacity(lsm->cache, size_bytes);
}

pyr_status pyr_lsm_refresh(pyr_lsm *lsm, pyr_error *error) {
    if (!lsm->readonly) {
        return PYR_OK;
    }
    lsm_store *fresh = NULL;
    PYR_TRY(open_store(lsm, true, &fresh, error));
    pthread_rwlock_wrlock(&lsm->lock);
    lsm_store *before = lsm->store;
    lsm->store = fresh;
    pthread_rwlock_unlock(&lsm->lock);
    pyr_lsm_store_release(before);
    return PYR_OK;
}

/* ---- Reading the present. ---- */

pyr_status pyr_lsm_get(pyr_lsm *lsm, const void *key, size_t key_size, char **value,
                       size_t *value_size, pyr_error *error) {
    *value = NULL;
    *value_size = 0;
    char *fault = NULL;
    size_t size = 0;
    PYR_TRY(lock_db(lsm, error));
    char *found = rocksdb_get(lsm->store->db, lsm->read_options, key, key_size, &size, &fault);
    pthread_rwlock_unlock(&lsm->lock);
    if (fault != NULL) {
        return pyr_lsm_translate(fault, lsm->path, error);
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
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(lsm->store->db, lsm->read_options);
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
        pyr_status read = pyr_lsm_translate(fault, lsm->path, error);
        status = status == PYR_OK ? read : status;
    }
    return status;
}

/* ---- Writing. ---- */

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

/* RocksDB makes arrays of its own of the parts: what is short is cheaper put together here. */
enum { PARTS_KEY_MAX = 128, PARTS_VALUE_MAX = 512 };

static size_t join_parts(const pyr_lsm_bytes parts[2], char *out) {
    memcpy(out, parts[0].data, parts[0].size);
    if (parts[1].size > 0) {
        memcpy(out + parts[0].size, parts[1].data, parts[1].size);
    }
    return parts[0].size + parts[1].size;
}

void pyr_lsm_batch_put_parts(pyr_lsm_batch *batch, const pyr_lsm_bytes key[2],
                             const pyr_lsm_bytes value[2]) {
    if (key[0].size + key[1].size <= PARTS_KEY_MAX &&
        value[0].size + value[1].size <= PARTS_VALUE_MAX) {
        char whole_key[PARTS_KEY_MAX];
        char whole_value[PARTS_VALUE_MAX];
        size_t key_size = join_parts(key, whole_key);
        size_t value_size = join_parts(value, whole_value);
        rocksdb_writebatch_put(batch->batch, whole_key, key_size, whole_value, value_size);
        return;
    }
    const char *const keys[] = {key[0].data, key[1].data};
    const size_t key_sizes[] = {key[0].size, key[1].size};
    const char *const values[] = {value[0].data, value[1].data};
    const size_t value_sizes[] = {value[0].size, value[1].size};
    rocksdb_writebatch_putv(batch->batch, 2, keys, key_sizes, 2, values, value_sizes);
}

void pyr_lsm_batch_delete_parts(pyr_lsm_batch *batch, const pyr_lsm_bytes key[2]) {
    const char *const keys[] = {key[0].data, key[1].data};
    const size_t sizes[] = {key[0].size, key[1].size};
    rocksdb_writebatch_deletev(batch->batch, 2, keys, sizes);
}

void pyr_lsm_batch_mark(pyr_lsm_batch *batch) {
    rocksdb_writebatch_set_save_point(batch->batch);
}

void pyr_lsm_batch_rollback(pyr_lsm_batch *batch) {
    char *fault = NULL;
    rocksdb_writebatch_rollback_to_save_point(batch->batch, &fault);
    assert(fault == NULL); /* only without a mark */
    rocksdb_free(fault);
}

/* counted: views that were taken before it see something else now. */
static pyr_status write_batch(pyr_lsm *lsm, const pyr_lsm_batch *batch, bool sync, bool counted,
                              pyr_error *error) {
    char *fault = NULL;
    PYR_TRY(lock_db(lsm, error));
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(options, sync && lsm->path != NULL ? 1 : 0);
    rocksdb_write(lsm->store->db, options, batch->batch, &fault);
    if (fault == NULL && counted) {
        atomic_fetch_add(&lsm->writes, 1);
    } else if (fault != NULL && lsm->path != NULL && !lsm->readonly) {
        prepare_undo(lsm, batch);
        atomic_store(&lsm->failed, true);
    }
    pthread_rwlock_unlock(&lsm->lock);
    rocksdb_writeoptions_destroy(options);
    return fault == NULL ? PYR_OK : pyr_lsm_translate(fault, lsm->path, error);
}

pyr_status pyr_lsm_write(pyr_lsm *lsm, pyr_lsm_batch *batch, bool sync, pyr_error *error) {
    return write_batch(lsm, batch, sync, true, error);
}

pyr_status pyr_lsm_drop_range(pyr_lsm *lsm, pyr_lsm_bytes lower, pyr_lsm_bytes upper,
                              pyr_error *error) {
    pyr_lsm_batch *batch = NULL;
    PYR_TRY(pyr_lsm_batch_create(&batch, error));
    rocksdb_writebatch_delete_range(batch->batch, lower.data, lower.size, upper.data, upper.size);
    pyr_status status = write_batch(lsm, batch, false, false, error);
    pyr_lsm_batch_destroy(batch);
    return status;
}

pyr_status pyr_lsm_sync(pyr_lsm *lsm, pyr_error *error) {
    char *fault = NULL;
    PYR_TRY(lock_db(lsm, error));
    if (lsm->path != NULL && !lsm->readonly) {
        rocksdb_flush_wal(lsm->store->db, 1, &fault);
    }
    pthread_rwlock_unlock(&lsm->lock);
    return fault == NULL ? PYR_OK : pyr_lsm_translate(fault, lsm->path, error);
}

pyr_status pyr_lsm_checkpoint(pyr_lsm *lsm, const char *folder, pyr_error *error) {
    char *fault = NULL;
    PYR_TRY(lock_db(lsm, error));
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(lsm->store->db, &fault);
    if (fault == NULL) {
        rocksdb_checkpoint_create(checkpoint, folder, 0, &fault);
        rocksdb_checkpoint_object_destroy(checkpoint);
    }
    pthread_rwlock_unlock(&lsm->lock);
    return fault == NULL ? PYR_OK : pyr_lsm_translate(fault, lsm->path, error);
}

/* RocksDB's own file of one line; its C API does not give it. */
void pyr_lsm_identity(const pyr_lsm *lsm, char out[PYR_LSM_IDENTITY_BYTES]) {
    int folder = lsm->path != NULL ? open(lsm->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int fd = folder >= 0 ? openat(folder, "IDENTITY", O_RDONLY | O_CLOEXEC) : -1;
    ssize_t size = fd >= 0 ? read(fd, out, PYR_LSM_IDENTITY_BYTES - 1) : -1;
    out[size > 0 ? size : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (fd >= 0) {
        close(fd);
    }
    if (folder >= 0) {
        close(folder);
    }
}

void pyr_lsm_batch_destroy(pyr_lsm_batch *batch) {
    if (batch != NULL) {
        rocksdb_writebatch_destroy(batch->batch);
        free(batch);
    }
}
