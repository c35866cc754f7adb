/* dialect.h - the settings of DuckDB that a session may choose: those that say what its SQL means
 * and reach no file, no network and no other session.
 *
 * DuckDB's configuration is locked but for these, which are set for the one connection that a
 * statement gets. The native engine knows them only as they are by default: a session that has
 * changed one runs its queries in DuckDB.
 */
#ifndef PYR_ENGINES_DIALECT_H
#define PYR_ENGINES_DIALECT_H

#include "base/error.h"

#include <stdbool.h>

#define PYR_DIALECT_SETTINGS 16
#define PYR_DIALECT_VALUE_BYTES 64

/* Plain memory, copied by assignment; all zero: everything as it is by default. */
typedef struct pyr_dialect {
    char values[PYR_DIALECT_SETTINGS][PYR_DIALECT_VALUE_BYTES]; /* "": the default */
} pyr_dialect;

typedef struct pyr_dialect_setting {
    const char *name;  /* lower case */
    const char *alias; /* another name of the same; NULL: none */
    const char *by_default;
    const char *description;
    bool native_too; /* the native engine does the same whatever it is */
} pyr_dialect_setting;

/* index below PYR_DIALECT_SETTINGS; by name order. */
const pyr_dialect_setting *pyr_dialect_setting_at(int index);
/* The place of the setting of that name, without case; -1 where there is none. */
int pyr_dialect_find(const char *name);
const char *pyr_dialect_get(const pyr_dialect *dialect, int index);
/* value as written: whether DuckDB takes it is found when a connection is given it. 22023 where it
 * is empty, too long or has a zero byte. */
PYR_MUST_CHECK pyr_status pyr_dialect_set(pyr_dialect *dialect, int index, const char *value,
                                          pyr_error *error);
/* The first setting that keeps queries from the native engine; -1: none. dialect NULL allowed. */
int pyr_dialect_not_native(const pyr_dialect *dialect);

#endif
