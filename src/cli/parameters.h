/* parameters.h - --param: texts of a user as values of the types that statements need. */
#ifndef PYR_CLI_PARAMETERS_H
#define PYR_CLI_PARAMETERS_H

#include "session/session.h"

/* One row of text columns; *out stays NULL where there are none. */
PYR_MUST_CHECK pyr_status pyr_parameters_create(const char *const *values, size_t count,
                                                pyr_batch **out, pyr_error *error);

/* pyr_session_run with those of the parameters that the statement names. params: as created, NULL
 * allowed. A text is cast to the type the statement wants. Where it wants none in particular it
 * stays text, and only a statement that cannot be typed with texts is tried again with those that
 * are written as numbers as numbers: `a > $1 - 1`. */
PYR_MUST_CHECK pyr_status pyr_parameters_run(pyr_connection *connection, pyr_batch *params,
                                             const char *sql, size_t length, pyr_result *out,
                                             pyr_error *error);

#endif
