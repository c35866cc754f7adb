/* oracle_make.h - a random statement of oracle_model.h. */
#ifndef PYR_FAULT_ORACLE_MAKE_H
#define PYR_FAULT_ORACLE_MAKE_H

#include "oracle_model.h"

/* What fits what the connection sees; next_id: ids of INSERT_RANGE, so that there are new ones. */
void oracle_make(const oracle_state *seen, fault_random *random, int64_t *next_id,
                 oracle_statement *out);

#endif
