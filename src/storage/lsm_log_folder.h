/* lsm_log_folder.h - where RocksDB's LOG lies while a store is opened: see open_once in lsm.c. */
#ifndef PYR_STORAGE_LSM_LOG_FOLDER_H
#define PYR_STORAGE_LSM_LOG_FOLDER_H

#include <stdbool.h>

enum { PYR_LSM_LOG_FOLDER_BYTES = 64 };
/* A new folder in memory; false: there is no such place. Those that killed processes left behind
 * go.
 */
bool pyr_lsm_log_folder_create(char path[PYR_LSM_LOG_FOLDER_BYTES]);
/* The folder and the LOG in it. */
void pyr_lsm_log_folder_remove(const char *path);

#endif
