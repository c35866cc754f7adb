/* needed.h - which of a snapshot's objects a statement's text may mean.
 *
 * Found by name alone: what a text mentions, and what the definitions of those mention. What is
 * found too much costs time and does no harm; nothing is found too little, for a name that is
 * looked up stands in some text, if only in a string (nextval('s')); where one may be computed, all
 * that it may be is needed.
 */
#ifndef PYR_ENGINES_NEEDED_H
#define PYR_ENGINES_NEEDED_H

#include "catalog/catalog.h"

/* All borrowed from the snapshot. */
typedef struct pyr_needed {
    pyr_entry **objects; /* those first that others need; no comments */
    /* Of each: the text, or another that is used, names it as code, and a macro as one that is
     * called. Others are listed, stand in a string, or are called as a column is. */
    bool *used;
    size_t objects_count;
    pyr_table **tables; /* mentioned, in another schema than "main"; after USE in main, too */
    size_t tables_count;
    pyr_table **stubs; /* where tables are listed: all that are not mentioned */
    size_t stubs_count;
    bool listing; /* the text asks for lists of what there is: all objects of the kind are needed */
} pyr_needed;

/* schema_name: what unqualified names are looked up in, NULL for "main". also: an object that is
 * needed whatever the text says; NULL allowed. */
PYR_MUST_CHECK pyr_status pyr_needed_find(const pyr_snapshot *snapshot, const char *schema_name,
                                          const char *sql, size_t length, pyr_entry *also,
                                          pyr_needed *out, pyr_error *error);
/* CREATE KIND schema.name and the definition, which begins at *definition_at (NULL allowed); for a
 * comment COMMENT ON. */
struct pyr_text;
void pyr_entry_print(const pyr_entry *object, struct pyr_text *out, size_t *definition_at);
void pyr_needed_deinit(pyr_needed *needed); /* zeroed: nothing */
bool pyr_needed_is_empty(const pyr_needed *needed);

#endif
