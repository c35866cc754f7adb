/* completion.h - what Tab offers: dot commands, keywords, the names of tables and columns, and of
 * files between single quotes or after .read and .output. */
#ifndef PYR_CLI_COMPLETION_H
#define PYR_CLI_COMPLETION_H

#include "cli/line_editor.h"
#include "session/session.h"

/* context is a pyr_connection. After "name." the columns of that table are offered, or the tables
 * of that schema; else everything that begins with the word, without case. */
void pyr_complete_sql(void *context, const char *line, size_t cursor, pyr_completions *out);

#endif
