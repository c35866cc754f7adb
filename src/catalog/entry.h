/* entry.h - what a database has beside tables: schemas, types, sequences, macros, views, comments.
 *
 * An object is a piece of SQL with a name. Whoever runs statements makes of it what it needs; the
 * catalog keeps it, gives it to snapshots and looks for conflicts. Objects and sets of them are
 * immutable and reference-counted; thread-safe. Names are compared without case.
 */
#ifndef PYR_CATALOG_ENTRY_H
#define PYR_CATALOG_ENTRY_H

#include "catalog/sequence.h"

#include <stdatomic.h>
#include <stdbool.h>

/* The numbers stand in records. What may need another stands behind it. */
typedef enum pyr_entry_kind {
    PYR_ENTRY_SCHEMA = 1,
    PYR_ENTRY_TYPE = 2,
    PYR_ENTRY_SEQUENCE = 3,
    PYR_ENTRY_MACRO = 4,       /* of a value */
    PYR_ENTRY_TABLE_MACRO = 5, /* of rows */
    PYR_ENTRY_VIEW = 6,        /* shares its names with tables */
    PYR_ENTRY_COMMENT = 7,     /* on what it is named after; several may have one name */
    PYR_ENTRY_INDEX = 8        /* a name; of a UNIQUE one, a key of its table has it, too */
} pyr_entry_kind;
#define PYR_ENTRY_KINDS 8
const char *pyr_entry_kind_name(pyr_entry_kind kind); /* "schema", "view" */

typedef struct pyr_entry {
    atomic_size_t references;
    uint64_t id; /* from the counter of tables; never used again */
    pyr_entry_kind kind;
    char *schema_name; /* of a schema: its name */
    char *name;
    /* COMMENT: on what, "TABLE" or "COLUMN a"; part of its name. Else "". */
    char *detail;
    /* INDEX: the table's id and the keys, behind UNIQUE where it is that. Else what stands behind
     * the name in CREATE KIND name: "(a) AS SELECT ...". SEQUENCE: as pyr_sequence_parse reads it.
     * COMMENT: the text itself. SCHEMA: "". */
    char *definition;
    pyr_sequence *sequence; /* SEQUENCE: retained, one for all versions; else NULL */
} pyr_entry;
pyr_entry *pyr_entry_retain(pyr_entry *object);
void pyr_entry_release(pyr_entry *object); /* NULL allowed */

/* A set. NULL is the empty one, for all of these. */
typedef struct pyr_entries pyr_entries;
pyr_entries *pyr_entries_retain(pyr_entries *objects);
void pyr_entries_release(pyr_entries *objects);
size_t pyr_entries_count(const pyr_entries *objects);
pyr_entry *pyr_entries_at(const pyr_entries *objects, size_t index); /* borrowed; by name order */
/* detail NULL: "". NULL where there is none. Borrowed. */
pyr_entry *pyr_entries_find(const pyr_entries *objects, pyr_entry_kind kind,
                            const char *schema_name, const char *name, const char *detail);
pyr_entry *pyr_entries_find_id(const pyr_entries *objects, uint64_t id);
/* The first of those that have this name, of whatever kind and schema, and how many stand from
 * there on. */
size_t pyr_entries_named(const pyr_entries *objects, const char *name, size_t *first);
/* The set without `without` and with `with`, each retained or NULL. */
PYR_MUST_CHECK pyr_status pyr_entries_change(const pyr_entries *objects, const pyr_entry *without,
                                             pyr_entry *with, pyr_entries **out, pyr_error *error);

#endif
