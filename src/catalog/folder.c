/* folder.c - a database's directory: FORMAT, LOCK, COMMITS, catalog/, segments/, cache/, tmp/. */
#include "base/file.h"
#include "base/log.h"
#include "catalog/catalog_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FORMAT_TEXT "pyralog"

static char *join(const char *base, const char *name) {
    char *path = NULL;
    return asprintf(&path, "%s/%s", base, name) < 0 ? NULL : path;
}

char *pyr_folder_table_path(const char *base, uint64_t table_id) {
    char *path = NULL;
    return asprintf(&path, "%s/segments/%llu", base, (unsigned long long)table_id) < 0 ? NULL
                                                                                       : path;
}

char *pyr_folder_segment_path(const char *base, uint64_t table_id, uint64_t number) {
    char *path = NULL;
    return asprintf(&path, "%s/segments/%llu/%06llu.arrow", base, (unsigned long long)table_id,
                    (unsigned long long)number) < 0
               ? NULL
               : path;
}

/* NNNNNN.arrow: digits only, nothing before them. */
static bool parse_file_name(const char *name, uint64_t *number) {
    char *end = NULL;
    if (name[0] < '0' || name[0] > '9') {
        return false;
    }
    errno = 0;
    *number = strtoull(name, &end, 10);
    return errno == 0 && strcmp(end, ".arrow") == 0;
}

char *pyr_hot_segment_name(uint64_t number) {
    char *name = NULL;
    return asprintf(&name, "hot/%06llu.arrow", (unsigned long long)number) < 0 ? NULL : name;
}

/* ---- The lock. ---- */

static pyr_status busy(const char *path, int fd, pyr_error *error) {
    char text[256];
    ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return pyr_error_set(error, PYR_ERROR_BUSY,
                         "database %s is open for writing by %s: use --readonly, or stop it", path,
                         *text != '\0' ? text : "another process");
}

static void write_holder(int fd) {
    char program[64] = "?";
    int comm = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
    if (comm >= 0) {
        ssize_t size = read(comm, program, sizeof(program) - 1);
        program[size > 0 ? size : 0] = '\0';
        program[strcspn(program, "\n")] = '\0';
        close(comm);
    }
    char text[256];
    char since[64];
    time_t now = time(NULL);
    struct tm parts;
    strftime(since, sizeof(since), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now, &parts));
    int size =
        snprintf(text, sizeof(text), "process %d (%s) since %s\n", (int)getpid(), program, since);
    /* The lock is the flock; this text is for people, so that its loss is no error. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)size, 0) != size) {
        pyr_log(PYR_LOG_INFO, "catalog", "the holder could not be noted in LOCK");
    }
}

pyr_status pyr_folder_lock(const char *base, int *out, pyr_error *error) {
    char *path = join(base, "LOCK");
    *out = -1;
    if (path == NULL) {
        return pyr_error_memory(error, 64);
    }
    pyr_status status = PYR_OK;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = pyr_error_set_errno(error, errno, "open", path);
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK ? busy(base, fd, error)
                                      : pyr_error_set_errno(error, errno, "flock", path);
        close(fd);
    } else {
        write_holder(fd);
        *out = fd;
    }
    free(path);
    return status;
}

void pyr_folder_unlock(int fd) {
    if (fd >= 0) {
        (void)!ftruncate(fd, 0);
        close(fd);
    }
}

/* ---- BACKUP: the folder was written by BACKUP TO and by nobody since. ---- */

static pyr_status find_backup_mark(pyr_catalog *catalog, pyr_error *error) {
    char *path = join(catalog->path, PYR_FOLDER_BACKUP_MARK);
    if (path == NULL) {
        return pyr_error_memory(error, 64);
    }
    catalog->is_backup = access(path, F_OK) == 0;
    free(path);
    return PYR_OK;
}

pyr_status pyr_folder_leave_backup(pyr_catalog *catalog, pyr_error *error) {
    if (!catalog->is_backup) {
        return PYR_OK;
    }
    char *path = join(catalog->path, PYR_FOLDER_BACKUP_MARK);
    pyr_status status = path != NULL ? pyr_file_remove(path, error) : pyr_error_memory(error, 64);
    if (status == PYR_OK) {
        status = pyr_file_sync_folder(catalog->path, error);
    }
    catalog->is_backup = status != PYR_OK;
    free(path);
    return status;
}

/* ---- FORMAT. ---- */

/* 0 where text is not "pyralog VERSION"; what stands in later lines is a newer format's business.
 */
static unsigned long parse_format(const char *text) {
    size_t length = strlen(FORMAT_TEXT " ");
    const char *digits = text + length;
    if (strncmp(text, FORMAT_TEXT " ", length) != 0 || *digits < '1' || *digits > '9') {
        return 0;
    }
    char *end = NULL;
    unsigned long version = strtoul(digits, &end, 10); /* too many digits: ULONG_MAX, newer */
    return *end == '\n' || *end == '\0' ? version : 0;
}

static pyr_status read_format(const char *base, const char *format_path, unsigned long *version,
                              pyr_error *error) {
    char *text = NULL;
    size_t size = 0;
    *version = 0;
    PYR_TRY(pyr_file_read_all(format_path, 4096, &text, &size, error));
    *version = parse_format(text);
    free(text);
    if (*version == 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: FORMAT is damaged", base);
    }
    return *version <= PYR_CATALOG_FORMAT_VERSION
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                               "%s: written by a newer Pyralog (format %lu, this program reads up "
                               "to %d): use that one",
                               base, *version, PYR_CATALOG_FORMAT_VERSION);
}

static pyr_status check_format(const char *base, const char *format_path, pyr_error *error) {
    unsigned long version;
    return read_format(base, format_path, &version, error);
}

/* Anything but LOCK, which may be all that a crash at the very start left. */
bool pyr_folder_is_empty(const char *base) {
    DIR *folder = opendir(base);
    if (folder == NULL) {
        return true;
    }
    bool empty = true;
    struct dirent *entry;
    while (empty && (entry = readdir(folder)) != NULL) {
        const char *name = entry->d_name;
        empty = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "LOCK") == 0 ||
                strcmp(name, "FORMAT.tmp") == 0;
    }
    closedir(folder);
    return empty;
}

static pyr_status write_format_as(const char *base, const char *format_path, const char *temporary,
                                  pyr_error *error) {
    char text[64];
    int fd = -1;
    int size = snprintf(text, sizeof(text), FORMAT_TEXT " %d\n", PYR_CATALOG_FORMAT_VERSION);
    PYR_TRY(pyr_file_create(temporary, false, &fd, error));
    pyr_status status = pyr_file_write(fd, temporary, text, (size_t)size, error);
    if (status == PYR_OK) {
        status = pyr_file_sync_data(fd, temporary, error);
    }
    close(fd);
    if (status == PYR_OK) {
        status = pyr_file_rename(temporary, format_path, error);
    }
    return status == PYR_OK ? pyr_file_sync_folder(base, error) : status;
}

pyr_status pyr_folder_write_format(const char *base, pyr_error *error) {
    char *format_path = join(base, "FORMAT");
    char *temporary = join(base, "FORMAT.tmp");
    pyr_status status = format_path != NULL && temporary != NULL
                            ? write_format_as(base, format_path, temporary, error)
                            : pyr_error_memory(error, 64);
    free(format_path);
    free(temporary);
    return status;
}

pyr_status pyr_folder_check_format(const char *base, unsigned long *version, pyr_error *error) {
    char *format_path = join(base, "FORMAT");
    *version = 0;
    if (format_path == NULL) {
        return pyr_error_memory(error, 64);
    }
    pyr_status status = read_format(base, format_path, version, error);
    free(format_path);
    return status;
}

/* A reader in another process may be of a program that calls our records damaged. The lock is held
 * over the writing: a reader that waits for its own looks at FORMAT once more when it has it. */
pyr_status pyr_folder_upgrade(pyr_catalog *catalog, pyr_error *error) {
    unsigned long version;
    PYR_TRY(pyr_folder_check_format(catalog->path, &version, error));
    if (version == PYR_CATALOG_FORMAT_VERSION) {
        return PYR_OK;
    }
    if (flock(catalog->commit_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return pyr_error_set(error, PYR_ERROR_BUSY,
                             "database %s is of format %lu and becomes %d when it is opened for "
                             "writing, but another process has it open for reading: close it "
                             "there, open it here, then read on there",
                             catalog->path, version, PYR_CATALOG_FORMAT_VERSION);
    }
    pyr_status status = pyr_folder_write_format(catalog->path, error);
    (void)flock(catalog->commit_fd, LOCK_UN);
    if (status == PYR_OK) {
        pyr_log(PYR_LOG_INFO, "catalog", "database %s was of format %lu and is of format %d now",
                catalog->path, version, PYR_CATALOG_FORMAT_VERSION);
    }
    return status;
}

/* The LSM's, too: it syncs what is in its folder, not the folder's name. */
static pyr_status make_folders(const char *base, pyr_error *error) {
    static const char *const names[] = {"catalog", "segments", "cache", "tmp"};
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < sizeof(names) / sizeof(names[0]); ++i) {
        char *path = join(base, names[i]);
        status = path != NULL ? pyr_folder_create(path, error) : pyr_error_memory(error, 64);
        free(path);
    }
    return status == PYR_OK ? pyr_file_sync_folder(base, error) : status;
}

/* How many folders above base are not there. */
static int count_missing(char *base) {
    int count = 0;
    for (char *path = dirname(base); access(path, F_OK) != 0; path = dirname(path)) {
        ++count;
    }
    return count;
}

static pyr_status sync_above(char *base, int missing, pyr_error *error) {
    char *path = base;
    for (int i = 0; i <= missing; ++i) {
        path = dirname(path);
        PYR_TRY(pyr_file_sync_folder(path, error));
    }
    return PYR_OK;
}

/* The folder, and of a new database its name in the one above it on disk, as those of the folders
 * that are made for it. A process that was killed here may have made it: new is what has no FORMAT.
 */
static pyr_status make_base(const char *base, bool is_new, pyr_error *error) {
    char *copies[2] = {strdup(base), strdup(base)}; /* dirname writes */
    pyr_status status =
        copies[0] != NULL && copies[1] != NULL ? PYR_OK : pyr_error_memory(error, strlen(base));
    if (status == PYR_OK) {
        int missing = count_missing(copies[0]);
        status = pyr_folder_create(base, error);
        if (status == PYR_OK && is_new) {
            status = sync_above(copies[1], missing, error);
        }
    }
    free(copies[0]);
    free(copies[1]);
    return status;
}

static pyr_status open_commits(pyr_catalog *catalog, pyr_error *error) {
    char *path = join(catalog->path, "COMMITS");
    if (path == NULL) {
        return pyr_error_memory(error, 64);
    }
    int flags = catalog->readonly ? O_RDONLY : O_RDWR | O_CREAT;
    catalog->commit_fd = open(path, flags | O_CLOEXEC, 0666);
    pyr_status status =
        catalog->commit_fd >= 0 ? PYR_OK : pyr_error_set_errno(error, errno, "open", path);
    /* Before the catalog is read: see pyr_folder_has_readers. On a file system without locks the
     * files of dropped segments may go while they are about to be mapped. */
    if (status == PYR_OK && catalog->readonly) {
        (void)flock(catalog->commit_fd, LOCK_SH);
    }
    free(path);
    return status;
}

static pyr_status open_existing_or_new(pyr_catalog *catalog, const char *format_path,
                                       pyr_error *error) {
    const char *base = catalog->path;
    struct stat info;
    bool there = stat(base, &info) == 0;
    if (there && !S_ISDIR(info.st_mode)) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "%s: a file, not a database: name a directory", base);
    }
    bool formatted = access(format_path, F_OK) == 0;
    if (!formatted && there && !pyr_folder_is_empty(base)) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "%s: a directory with other things in it, not a Pyralog database",
                             base);
    }
    if (!formatted && catalog->readonly) {
        return pyr_error_set(error, PYR_ERROR_NOT_FOUND, "%s: there is no database", base);
    }
    if (formatted) { /* before anything is made in a folder that is not ours */
        PYR_TRY(check_format(base, format_path, error));
    }
    if (!catalog->readonly) {
        PYR_TRY(make_base(base, !formatted, error));
        PYR_TRY(pyr_folder_lock(base, &catalog->lock_fd, error));
        PYR_TRY(find_backup_mark(catalog, error));
    }
    /* Looked at again under the lock: another process may have made it meanwhile. */
    if (access(format_path, F_OK) == 0) {
        PYR_TRY(check_format(base, format_path, error));
    } else {
        PYR_TRY(pyr_folder_write_format(base, error));
    }
    PYR_TRY(open_commits(catalog, error));
    /* A reader that had to wait for its lock waited for a writer that raised FORMAT. */
    return catalog->readonly ? check_format(base, format_path, error) : make_folders(base, error);
}

pyr_status pyr_folder_open(pyr_catalog *catalog, pyr_error *error) {
    char *format_path = join(catalog->path, "FORMAT");
    if (format_path == NULL) {
        return pyr_error_memory(error, 64);
    }
    pyr_status status = open_existing_or_new(catalog, format_path, error);
    free(format_path);
    return status;
}

void pyr_folder_close(pyr_catalog *catalog) {
    if (catalog->commit_fd >= 0) {
        close(catalog->commit_fd);
    }
    pyr_folder_unlock(catalog->lock_fd);
}

/* ---- Commits, for readers in other processes. ---- */

bool pyr_folder_has_readers(const pyr_catalog *catalog) {
    if (catalog->commit_fd < 0) {
        return false;
    }
    bool held = flock(catalog->commit_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!held) {
        (void)flock(catalog->commit_fd, LOCK_UN);
    }
    return held;
}

uint64_t pyr_folder_commits(const pyr_catalog *catalog) {
    uint64_t commits = 0;
    if (catalog->commit_fd < 0 || pread(catalog->commit_fd, &commits, sizeof(commits), 0) < 0) {
        return 0;
    }
    return commits;
}

void pyr_folder_count_commit(pyr_catalog *catalog) {
    uint64_t commits = ++catalog->seen_commits; /* nobody else writes to it */
    if (catalog->commit_fd >= 0 &&
        pwrite(catalog->commit_fd, &commits, sizeof(commits), 0) != sizeof(commits)) {
        pyr_log(PYR_LOG_WARNING, "catalog",
                "COMMITS could not be written: readers in other "
                "processes will not see the last change");
    }
}

/* ---- Cleaning. ---- */

static int compare_numbers(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Removes segment files of one table that it does not name. */
static pyr_status clean_table(const char *path, const pyr_table *table, pyr_error *error) {
    uint64_t *numbers = calloc(table->segments_count + 1, sizeof(*numbers));
    DIR *folder = opendir(path);
    if (numbers == NULL || folder == NULL) {
        free(numbers);
        if (folder != NULL) {
            closedir(folder);
        }
        return numbers == NULL ? pyr_error_memory(error, table->segments_count * 8)
                               : pyr_error_set_errno(error, errno, "opendir", path);
    }
    for (size_t i = 0; i < table->segments_count; ++i) {
        numbers[i] = pyr_segment_get_info(table->segments[i])->number;
    }
    qsort(numbers, table->segments_count, sizeof(*numbers), compare_numbers);
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        uint64_t number;
        if (parse_file_name(entry->d_name, &number) &&
            bsearch(&number, numbers, table->segments_count, sizeof(*numbers), compare_numbers) ==
                NULL) {
            pyr_log(PYR_LOG_INFO, "catalog", "removing %s/%s: no table names it", path,
                    entry->d_name);
            (void)!unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    closedir(folder);
    free(numbers);
    return PYR_OK;
}

static pyr_status clean_entry(const char *base, const char *name, const pyr_snapshot *snapshot,
                              pyr_error *error) {
    char *end = NULL;
    errno = 0;
    uint64_t id = strtoull(name, &end, 10);
    if (errno != 0 || end == name || *end != '\0' || name[0] < '0' || name[0] > '9') {
        return PYR_OK; /* not ours */
    }
    char *path = pyr_folder_table_path(base, id);
    if (path == NULL) {
        return pyr_error_memory(error, 64);
    }
    const pyr_table *table = pyr_snapshot_find_id(snapshot, id);
    pyr_status status =
        table != NULL ? clean_table(path, table, error) : pyr_folder_remove(path, error);
    free(path);
    return status;
}

pyr_status pyr_folder_clean_segments(const char *base, const pyr_snapshot *snapshot,
                                     pyr_error *error) {
    char *segments = join(base, "segments");
    if (segments == NULL) {
        return pyr_error_memory(error, 64);
    }
    DIR *folder = opendir(segments);
    pyr_status status =
        folder != NULL ? PYR_OK : pyr_error_set_errno(error, errno, "opendir", segments);
    struct dirent *entry;
    while (status == PYR_OK && (entry = readdir(folder)) != NULL) {
        status = clean_entry(base, entry->d_name, snapshot, error);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    free(segments);
    return status;
}

pyr_status pyr_folder_clean(pyr_catalog *catalog, const pyr_snapshot *snapshot, pyr_error *error) {
    if (pyr_folder_has_readers(catalog)) {
        return PYR_OK; /* they may be about to map what no table names any more */
    }
    PYR_TRY(pyr_folder_clean_segments(catalog->path, snapshot, error));
    char *temporary = join(catalog->path, "tmp");
    if (temporary == NULL) {
        return pyr_error_memory(error, 64);
    }
    pyr_status status = pyr_folder_remove(temporary, error);
    if (status == PYR_OK) {
        status = pyr_folder_create(temporary, error);
    }
    free(temporary);
    return status;
}
