/* literal.h - literals from tokens, shared by the files of this folder. */
#ifndef PYR_SQL_LITERAL_H
#define PYR_SQL_LITERAL_H

#include "sql/sql_internal.h"

typedef enum pyr_literal_result {
    PYR_LITERAL_RESULT_OK,
    PYR_LITERAL_RESULT_NONE,        /* the token is no literal */
    PYR_LITERAL_RESULT_NOT_COVERED, /* a literal beyond us: HUGEINT, a wrong escape */
    PYR_LITERAL_RESULT_MEMORY
} pyr_literal_result;

/* One token, with the sign that stood before it. */
pyr_literal_result pyr_literal_from_token(const pyr_token *token, bool negative, pyr_arena *arena,
                                          pyr_literal *out);
/* What DuckDB calls a result column of this literal. NULL when out of memory. */
char *pyr_literal_name(const pyr_literal *literal, pyr_arena *arena);

#endif
