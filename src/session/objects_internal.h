/* objects_internal.h - what the statements about objects share: CREATE, COMMENT ON, DROP. */
#ifndef PYR_SESSION_OBJECTS_INTERNAL_H
#define PYR_SESSION_OBJECTS_INTERNAL_H

#include "session/session_internal.h"

/* The schema that the statement names, "main" where it names none. */
const char *pyr_object_schema(const pyr_parsed *parsed);
/* The object of the statement's kind and name in the execution's snapshot: borrowed, NULL: none. */
pyr_entry *pyr_object_find(const pyr_execution *execution, const pyr_parsed *parsed);
/* "VIEW", "MACRO TABLE" for messages. */
const char *pyr_object_word(pyr_entry_kind kind);
/* The error that there is none: 3F000, 42704, 42P01, 42883, as the kind is. */
pyr_status pyr_object_missing(const pyr_parsed *parsed, pyr_error *error);

#endif
