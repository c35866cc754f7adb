/* display.h - text as a terminal shows it: columns, and nothing that could steer the terminal. */
#ifndef PYR_CLI_DISPLAY_H
#define PYR_CLI_DISPLAY_H

#include "base/text.h"

/* Makes wcwidth know UTF-8: the user's locale, or C.UTF-8 where that is not a UTF-8 one. */
void pyr_display_init(void);

/* The next character of text[0 .. length): its bytes, and its columns (0 for combining marks, 2 for
 * wide ones). An ill-formed byte is one byte and one column. length is not 0. */
size_t pyr_display_next(const char *text, size_t length, int *columns);
/* Columns of a text without control characters. */
size_t pyr_display_columns(const char *text, size_t length);
/* Appends text with control characters written out (\n, \t, \x1B; C1 controls too) and ill-formed
 * bytes as U+FFFD, so that stored text cannot move the cursor or colour the screen.
 * keep_lines: line feeds and tabs stay. */
void pyr_display_escape(const char *text, size_t length, bool keep_lines, pyr_text *out);
/* Appends text within columns: whole, or cut with an ellipsis; then spaces up to columns, before it
 * where right. Returns the columns used (more than columns never). */
void pyr_display_fit(const char *text, size_t length, size_t columns, bool right, pyr_text *out);

#endif
