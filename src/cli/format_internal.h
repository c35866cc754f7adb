/* format_internal.h - the constructors of the formatters; format.c has the table of them. Each
 * fills in ops only: format.c sets the rest. */
#ifndef PYR_CLI_FORMAT_INTERNAL_H
#define PYR_CLI_FORMAT_INTERNAL_H

#include "cli/format.h"

pyr_formatter *pyr_format_box_create(const pyr_format *format);
pyr_formatter *pyr_format_csv_create(const pyr_format *format);  /* TSV too */
pyr_formatter *pyr_format_json_create(const pyr_format *format); /* NDJSON too */
pyr_formatter *pyr_format_markdown_create(const pyr_format *format);
pyr_formatter *pyr_format_line_create(const pyr_format *format);
pyr_formatter *pyr_format_lines_create(const pyr_format *format); /* BOX with lines set */
pyr_formatter *pyr_format_arrow_create(const pyr_format *format);

/* Whether a column's values stand at the right. */
bool pyr_format_is_number(const pyr_field *field);

#endif
