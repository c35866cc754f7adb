/* lsm_log_folder.c - see lsm_log_folder.h. */
#include "storage/lsm_log_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_FOLDERS "/dev/shm"
#define LOG_FOLDER_START ".pyralog-log-"
#define LOG_FOLDER_NAME LOG_FOLDER_START "XXXXXX"
#define LOG_FOLDER_SECONDS 60 /* an open has its LOG long before; then the name is of no use */

/* Anything but a LOG stays, and then the folder. */
void pyr_lsm_log_folder_remove(const char *path) {
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length >= 3 && strcmp(entry->d_name + length - 3, "LOG") == 0) {
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    (void)rmdir(path);
}

static void remove_stale_log_folder(DIR *folders, const char *name) {
    struct stat info;
    char path[sizeof(LOG_FOLDERS) + sizeof(LOG_FOLDER_NAME)];
    if (strlen(name) == strlen(LOG_FOLDER_NAME) &&
        strncmp(name, LOG_FOLDER_START, strlen(LOG_FOLDER_START)) == 0 &&
        fstatat(dirfd(folders), name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode) &&
        info.st_uid == geteuid() && info.st_mtime < time(NULL) - LOG_FOLDER_SECONDS) {
        (void)snprintf(path, sizeof(path), "%s/%s", LOG_FOLDERS, name);
        pyr_lsm_log_folder_remove(path);
    }
}

/* Of processes that were killed while they opened a database: memory would fill up with them. */
static void remove_stale_log_folders(void) {
    DIR *folders = opendir(LOG_FOLDERS);
    struct dirent *entry;
    while (folders != NULL && (entry = readdir(folders)) != NULL) {
        remove_stale_log_folder(folders, entry->d_name);
    }
    if (folders != NULL) {
        closedir(folders);
    }
}

bool pyr_lsm_log_folder_create(char path[PYR_LSM_LOG_FOLDER_BYTES]) {
    remove_stale_log_folders();
    (void)snprintf(path, PYR_LSM_LOG_FOLDER_BYTES, "%s/%s", LOG_FOLDERS, LOG_FOLDER_NAME);
    return mkdtemp(path) != NULL;
}
