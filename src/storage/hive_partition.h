/* hive_partition.h - partition values in paths: year=2025/month=10/part-0.parquet. */
#ifndef PYR_STORAGE_HIVE_PARTITION_H
#define PYR_STORAGE_HIVE_PARTITION_H

#include "base/error.h"

#define PYR_HIVE_PARTS_MAX 64

typedef struct pyr_hive_part {
    char *key;   /* as written */
    char *value; /* percent-decoded UTF-8; NULL: the partition of rows without a value */
} pyr_hive_part;

typedef struct pyr_hive_path {
    size_t count;
    pyr_hive_part *parts; /* in the order of the path, no key twice */
} pyr_hive_path;

/* The folders KEY=VALUE of a path from byte `from` on; its last part, the file's name, is none.
 * __HIVE_DEFAULT_PARTITION__, and NULL in any case (DuckDB writes and reads it so), have no value.
 * A % that two hex digits do not follow stands for itself. 22023 naming the path: a key twice, a
 * value with '=' (DuckDB reads it otherwise), a zero byte or no UTF-8 in a value, more than
 * PYR_HIVE_PARTS_MAX. */
PYR_MUST_CHECK pyr_status pyr_hive_path_parse(const char *path, size_t from, pyr_hive_path *out,
                                              pyr_error *error);
void pyr_hive_path_deinit(pyr_hive_path *path);
/* The part of a key, without case; NULL where there is none. */
const pyr_hive_part *pyr_hive_path_find(const pyr_hive_path *path, const char *key);

#endif
