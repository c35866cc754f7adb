/* constraints.h - what a table demands of its rows, and what it fills in: defaults, generated
 * columns, CHECK, PRIMARY KEY and UNIQUE. NOT NULL stands in the schema. Immutable and shared by
 * the versions of a table; thread-safe.
 */
#ifndef PYR_CATALOG_CONSTRAINTS_H
#define PYR_CATALOG_CONSTRAINTS_H

#include "base/cursor.h"
#include "base/error.h"
#include "base/text.h"

#include <stdatomic.h>

#define PYR_CONSTRAINTS_MAX 1000 /* keys and checks of one table, and columns of one key */

/* PRIMARY KEY or UNIQUE over columns, by their places in the table's schema, in key order. */
typedef struct pyr_table_key {
    char *name; /* of CONSTRAINT name; "" where it has none */
    int32_t columns_count;
    int32_t *columns;
} pyr_table_key;

typedef struct pyr_table_check {
    char *name;       /* "" where it has none */
    char *expression; /* SQL text over the table's columns */
} pyr_table_check;

typedef struct pyr_constraints {
    atomic_size_t references;
    int32_t columns_count;      /* of the table */
    char **defaults;            /* a column each: SQL text, NULL where it has none */
    char **generated;           /* likewise, of a column that is computed from others of its row */
    pyr_table_key *primary_key; /* NULL: none */
    size_t uniques_count;
    pyr_table_key *uniques;
    size_t checks_count;
    pyr_table_check *checks;
} pyr_constraints;

/* Nothing demanded yet, for the caller to fill in before it is shared: by the functions below. */
PYR_MUST_CHECK pyr_status pyr_constraints_create(int32_t columns_count, pyr_constraints **out,
                                                 pyr_error *error);
pyr_constraints *pyr_constraints_retain(pyr_constraints *constraints); /* NULL allowed */
void pyr_constraints_release(pyr_constraints *constraints);            /* NULL allowed */

/* Everything is copied. PYR_ERROR_LIMIT beyond PYR_CONSTRAINTS_MAX. */
PYR_MUST_CHECK pyr_status pyr_constraints_set_default(pyr_constraints *constraints, int32_t column,
                                                      const char *expression, size_t length,
                                                      pyr_error *error);
/* A column that is generated has no default. */
PYR_MUST_CHECK pyr_status pyr_constraints_set_generated(pyr_constraints *constraints,
                                                        int32_t column, const char *expression,
                                                        size_t length, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_constraints_add_check(pyr_constraints *constraints, const char *name,
                                                    const char *expression, size_t length,
                                                    pyr_error *error);
/* A second primary key: PYR_ERROR_SQL 42P16. */
PYR_MUST_CHECK pyr_status pyr_constraints_add_key(pyr_constraints *constraints, bool primary,
                                                  const char *name, const int32_t *columns,
                                                  int32_t columns_count, pyr_error *error);

/* As they stand in a table's record; the folder's README has the bytes. constraints NULL: none. */
void pyr_constraints_put(const pyr_constraints *constraints, pyr_text *out);
/* *ok false where the bytes are not constraints of a table of columns_count columns. */
PYR_MUST_CHECK pyr_status pyr_constraints_get(pyr_cursor *cursor, int32_t columns_count, bool *ok,
                                              pyr_constraints **out, pyr_error *error);

#endif
