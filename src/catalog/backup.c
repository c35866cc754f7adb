/* backup.c - a second database folder with the rows of one moment: segment files by another name
 * (hard links; copies across file systems), the LSM by a checkpoint of its own. A folder that holds
 * an earlier backup is brought up to date: what is there already stays.
 */
#include "catalog/backup.h"
#include "base/file.h"
#include "catalog/catalog_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_BYTES ((size_t)64 << 10)
#define MARK_BYTES_MAX ((size_t)16 << 10)

typedef struct backup {
    pyr_catalog *catalog;
    const char *folder;
    pyr_snapshot *snapshot; /* what the checkpoint holds */
    pyr_backup_counts *counts;
    pyr_query_ledger *ledger;
} backup;

static char *below(const char *folder, const char *name) {
    char *path = NULL;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* ---- The folder. ---- */

static pyr_status check_folder(const backup *self, pyr_error *error) {
    char *mark = below(self->folder, PYR_FOLDER_BACKUP_MARK);
    if (mark == NULL) {
        return pyr_error_memory(error, strlen(self->folder));
    }
    bool is_backup = access(mark, F_OK) == 0;
    free(mark);
    return is_backup || pyr_folder_is_empty(self->folder)
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                               "%s: a directory with other things in it, not a backup",
                               self->folder);
}

static pyr_status put_text(const char *folder, const char *name, const char *text, size_t size,
                           pyr_error *error) {
    char *path = below(folder, name);
    int fd = -1;
    if (path == NULL) {
        return pyr_error_memory(error, strlen(folder));
    }
    pyr_status status = pyr_file_create(path, false, &fd, error);
    if (status == PYR_OK) {
        status = pyr_file_write(fd, path, text, size, error);
        if (status == PYR_OK) {
            status = pyr_file_sync_data(fd, path, error);
        }
        close(fd);
    }
    free(path);
    return status;
}

/* The mark has two lines: where the database was, and the identity of its LSM. */
static pyr_status put_mark(const backup *self, pyr_error *error) {
    char identity[PYR_LSM_IDENTITY_BYTES];
    pyr_text mark;
    pyr_lsm_identity(self->catalog->lsm, identity);
    pyr_text_init(&mark);
    pyr_text_printf(&mark, "%s\n%s\n", self->catalog->path, identity);
    pyr_status status = pyr_text_check(&mark, error);
    if (status == PYR_OK) {
        status = put_text(self->folder, PYR_FOLDER_BACKUP_MARK, mark.data, mark.length, error);
    }
    pyr_text_deinit(&mark);
    return status;
}

/* Cuts the mark into its lines. One without an identity is an older program's, or no backup's yet.
 */
static bool is_of(char *mark, const char *identity) {
    char *end = strchr(mark, '\n');
    if (end == NULL) {
        return true;
    }
    char *theirs = end + 1;
    *end = '\0';
    theirs[strcspn(theirs, "\n")] = '\0';
    return theirs[0] == '\0' || identity[0] == '\0' || strcmp(theirs, identity) == 0;
}

/* Another database's backup would be replaced by ours. */
static pyr_status check_origin(const backup *self, pyr_error *error) {
    char identity[PYR_LSM_IDENTITY_BYTES];
    char *path = below(self->folder, PYR_FOLDER_BACKUP_MARK);
    char *mark = NULL;
    size_t size = 0;
    if (path == NULL) {
        return pyr_error_memory(error, strlen(self->folder));
    }
    pyr_lsm_identity(self->catalog->lsm, identity);
    pyr_status status = PYR_OK;
    if (access(path, F_OK) == 0) {
        status = pyr_file_read_all(path, MARK_BYTES_MAX, &mark, &size, error);
    }
    if (status == PYR_OK && mark != NULL && !is_of(mark, identity)) {
        status = pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                               "%s: a backup of another database (%s); a backup goes into a folder "
                               "of its own",
                               self->folder, mark);
    }
    free(mark);
    free(path);
    return status;
}

/* ---- Segments. ---- */

/* The last bytes of both, where the footer is. */
static bool same_tail(const char *a, const char *b, off_t size) {
    size_t length = (size_t)size < TAIL_BYTES ? (size_t)size : TAIL_BYTES;
    char *bytes = malloc(2 * length + 1);
    int fds[2] = {open(a, O_RDONLY | O_CLOEXEC), open(b, O_RDONLY | O_CLOEXEC)};
    bool same = bytes != NULL && fds[0] >= 0 && fds[1] >= 0;
    for (int i = 0; i < 2; ++i) {
        same = same && pread(fds[i], bytes + (size_t)i * length, length, size - (off_t)length) ==
                           (ssize_t)length;
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    same = same && memcmp(bytes, bytes + length, length) == 0;
    free(bytes);
    return same;
}

/* Numbers are never used again, so a file of the same name is the same, if it is of this database.
 */
static pyr_status check_same(const char *from, const char *to, pyr_error *error) {
    struct stat a;
    struct stat b;
    if (stat(from, &a) != 0 || stat(to, &b) != 0) {
        return pyr_error_set_errno(error, errno, "stat", to);
    }
    bool linked = a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    return linked || (a.st_size == b.st_size && same_tail(from, to, a.st_size))
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                               "%s: of another database; a backup goes into a folder of its own",
                               to);
}

static pyr_status put_segment(backup *self, const pyr_table *table, const pyr_segment *segment,
                              pyr_error *error) {
    const pyr_segment_info *info = pyr_segment_get_info(segment);
    int64_t copied = 0;
    char *to = pyr_folder_segment_path(self->folder, table->id, info->number);
    if (to == NULL) {
        return pyr_error_memory(error, strlen(self->folder));
    }
    pyr_status status;
    ++self->counts->files;
    if (access(to, F_OK) == 0) {
        status = check_same(info->path, to, error);
    } else {
        status = pyr_file_link(info->path, to, &copied, error);
        ++self->counts->new_files;
        self->counts->copied_bytes += copied;
        pyr_ledger_add_copy(self->ledger, PYR_COPY_APPEND, copied);
    }
    free(to);
    return status;
}

static pyr_status put_table(backup *self, const pyr_table *table, pyr_error *error) {
    if (pyr_table_is_memory_only(table)) {
        return PYR_OK;
    }
    char *folder = pyr_folder_table_path(self->folder, table->id);
    pyr_status status =
        folder != NULL ? pyr_folder_create(folder, error) : pyr_error_memory(error, 64);
    for (size_t i = 0; status == PYR_OK && i < table->segments_count; ++i) {
        if (!pyr_segment_get_info(table->segments[i])->hot) { /* these are in the checkpoint */
            status = put_segment(self, table, table->segments[i], error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_file_sync_folder(folder, error);
    }
    free(folder);
    return status;
}

static pyr_status put_segments(backup *self, pyr_error *error) {
    char *folder = below(self->folder, "segments");
    pyr_status status =
        folder != NULL ? pyr_folder_create(folder, error) : pyr_error_memory(error, 64);
    for (size_t i = 0; status == PYR_OK && i < self->snapshot->tables_count; ++i) {
        status = put_table(self, self->snapshot->tables[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_file_sync_folder(folder, error);
    }
    free(folder);
    return status;
}

/* ---- The catalog. ---- */

/* Snapshot and checkpoint are of one moment: no commit comes between. */
static pyr_status checkpoint(backup *self, const char *to, pyr_error *error) {
    PYR_TRY(pyr_folder_remove(to, error));
    pthread_mutex_lock(&self->catalog->write_lock);
    self->snapshot = pyr_catalog_current(self->catalog);
    pyr_status status = self->catalog->doubtful
                            ? pyr_error_set(error, PYR_ERROR_IO,
                                            "the catalog's last write failed: write once more, "
                                            "then back up")
                            : pyr_lsm_checkpoint(self->catalog->lsm, to, error);
    pthread_mutex_unlock(&self->catalog->write_lock);
    return status;
}

/* The new catalog takes the old one's place in one step, where the kernel can. */
static pyr_status swap_catalogs(const char *fresh, const char *place, pyr_error *error) {
    if (access(place, F_OK) != 0) {
        return pyr_file_rename(fresh, place, error);
    }
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, place, RENAME_EXCHANGE) == 0) {
        return pyr_folder_remove(fresh, error);
    }
    PYR_TRY(pyr_folder_remove(place, error));
    return pyr_file_rename(fresh, place, error);
}

/* FORMAT is never older than the catalog beside it. The first one comes last: with it a folder is a
 * database. That of an earlier backup is raised before our records come. */
static pyr_status finish(backup *self, const char *fresh, pyr_error *error) {
    uint64_t commits = self->snapshot->version;
    char *place = below(self->folder, "catalog");
    char *format = below(self->folder, "FORMAT");
    pyr_status status =
        place != NULL && format != NULL ? PYR_OK : pyr_error_memory(error, strlen(self->folder));
    bool formatted = status == PYR_OK && access(format, F_OK) == 0;
    if (formatted) {
        status = pyr_folder_write_format(self->folder, error);
    }
    if (status == PYR_OK) {
        status = swap_catalogs(fresh, place, error);
    }
    if (status == PYR_OK) {
        status = put_text(self->folder, "COMMITS", (const char *)&commits, sizeof(commits), error);
    }
    if (status == PYR_OK) {
        status = pyr_file_sync_folder(self->folder, error);
    }
    if (status == PYR_OK && !formatted) {
        status = pyr_folder_write_format(self->folder, error);
    }
    if (status == PYR_OK) { /* of tables and segments that are no more */
        status = pyr_folder_clean_segments(self->folder, self->snapshot, error);
    }
    free(place);
    free(format);
    return status;
}

/* Who reads it would find its files gone. */
static pyr_status check_readers(const char *folder, pyr_error *error) {
    char *path = below(folder, "COMMITS");
    if (path == NULL) {
        return pyr_error_memory(error, 64);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return read ? pyr_error_set(error, PYR_ERROR_BUSY,
                                "backup %s is open for reading: close it first", folder)
                : PYR_OK;
}

/* What a newer program put there may be more than we know to replace. No FORMAT, or a damaged one,
 * is what a crash left. */
static pyr_status check_not_newer(const backup *self, pyr_error *error) {
    unsigned long version;
    pyr_error found;
    pyr_status status = pyr_folder_check_format(self->folder, &version, &found);
    if (status == PYR_ERROR_NOT_SUPPORTED && error != NULL) {
        *error = found;
    }
    return status == PYR_ERROR_NOT_SUPPORTED ? status : PYR_OK;
}

/* With the folder's lock: nobody has it open. */
static pyr_status put_all(backup *self, pyr_error *error) {
    PYR_TRY(check_folder(self, error));
    PYR_TRY(check_not_newer(self, error));
    PYR_TRY(check_readers(self->folder, error));
    PYR_TRY(check_origin(self, error));
    PYR_TRY(put_mark(self, error)); /* first: what a crash leaves may be gone on with */
    char *fresh = below(self->folder, "catalog.new");
    if (fresh == NULL) {
        return pyr_error_memory(error, 64);
    }
    pyr_status status = checkpoint(self, fresh, error);
    if (status == PYR_OK) {
        status = put_segments(self, error);
    }
    if (status == PYR_OK) {
        status = finish(self, fresh, error);
    }
    pyr_snapshot_release(self->snapshot);
    free(fresh);
    return status;
}

pyr_status pyr_catalog_backup(pyr_catalog *catalog, const char *folder, pyr_query_ledger *ledger,
                              pyr_backup_counts *counts, pyr_error *error) {
    backup self = {.catalog = catalog, .folder = folder, .counts = counts, .ledger = ledger};
    memset(counts, 0, sizeof(*counts));
    if (catalog->path == NULL || catalog->readonly) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", -1,
                                 "BACKUP of a database that is %s",
                                 catalog->path == NULL ? "in memory" : "opened readonly");
    }
    int lock = -1;
    PYR_TRY(pyr_folder_create(folder, error));
    PYR_TRY(check_folder(&self, error)); /* before a file of ours is made in it */
    PYR_TRY(pyr_folder_lock(folder, &lock, error));
    pyr_status status = put_all(&self, error);
    pyr_folder_unlock(lock);
    return status;
}
