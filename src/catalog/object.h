/* object.h - what a database has beside tables: schemas, types, sequences, macros, views, comments.
 *
 * An object is a piece of SQL with a name. Whoever runs statements makes of it what it needs; the
 * catalog keeps it, gives it to snapshots and looks for conflicts. Objects and sets of them are
 * immutable and reference-counted; thread-safe. Names are compared without case.
 */
#ifndef PYR_CATALOG_OBJECT_H
#define PYR_CATALOG_OBJECT_H

#include "catalog/sequence.h"

#include <stdatomic.h>
#include <stdbool.h>

/* The numbers stand in records. What may need another stands behind it. */
typedef enum pyr_object_kind {
    PYR_OBJECT_SCHEMA = 1,
    PYR_OBJECT_TYPE = 2,
    PYR_OBJECT_SEQUENCE = 3,
    PYR_OBJECT_MACRO = 4,       /* of a value */
    PYR_OBJECT_TABLE_MACRO = 5, /* of rows */
    PYR_OBJECT_VIEW = 6,        /* shares its names with tables */
    PYR_OBJECT_COMMENT = 7      /* on what it is named after; several may have one name */
} pyr_object_kind;
#define PYR_OBJECT_KINDS 7
const char *pyr_object_kind_name(pyr_object_kind kind); /* "schema", "view" */

typedef struct pyr_object {
    atomic_size_t references;
    uint64_t id; /* from the counter of tables; never used again */
    pyr_object_kind kind;
    char *schema_name; /* of a schema: its name */
    char *name;
    /* COMMENT: on what, "TABLE" or "COLUMN a"; part of its name. Else "". */
    char *detail;
    /* What stands behind the name in CREATE KIND name: "(a) AS SELECT ...". SEQUENCE: as
     * pyr_sequence_parse reads it. COMMENT: the text itself. SCHEMA: "". */
    char *definition;
    pyr_sequence *sequence; /* SEQUENCE: retained, one for all versions; else NULL */
} pyr_object;
pyr_object *pyr_object_retain(pyr_object *object);
void pyr_object_release(pyr_object *object); /* NULL allowed */

/* A set. NULL is the empty one, for all of these. */
typedef struct pyr_objects pyr_objects;
pyr_objects *pyr_objects_retain(pyr_objects *objects);
void pyr_objects_release(pyr_objects *objects);
size_t pyr_objects_count(const pyr_objects *objects);
pyr_object *pyr_objects_at(const pyr_objects *objects, size_t index); /* borrowed; by name order */
/* detail NULL: "". NULL where there is none. Borrowed. */
pyr_object *pyr_objects_find(const pyr_objects *objects, pyr_object_kind kind,
                             const char *schema_name, const char *name, const char *detail);
pyr_object *pyr_objects_find_id(const pyr_objects *objects, uint64_t id);
/* The first of those that have this name, of whatever kind and schema, and how many stand from
 * there on. */
size_t pyr_objects_named(const pyr_objects *objects, const char *name, size_t *first);
/* The set without `without` and with `with`, each retained or NULL. */
PYR_MUST_CHECK pyr_status pyr_objects_change(const pyr_objects *objects, const pyr_object *without,
                                             pyr_object *with, pyr_objects **out, pyr_error *error);

#endif
