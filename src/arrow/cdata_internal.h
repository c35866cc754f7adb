/* cdata_internal.h - shared by the files of the C Data Interface. */
#ifndef PYR_ARROW_CDATA_INTERNAL_H
#define PYR_ARROW_CDATA_INTERNAL_H

#include "arrow/arrow_internal.h"
#include "arrow/cdata.h"

struct pyr_text;

/* What a format string says. */
typedef struct pyr_type_facts {
    pyr_type_id type;
    pyr_time_unit unit;
    const char *timezone; /* points into the format string, or NULL */
    int32_t precision, scale;
    int32_t byte_width, list_size;
    int32_t type_codes_count;
    int8_t type_codes[128];
} pyr_type_facts;
/* false for a format that the specification does not know. */
bool pyr_cdata_format_parse(const char *format, pyr_type_facts *facts);
/* The format of field; for DICTIONARY that of its indices. */
void pyr_format_print(const pyr_field *field, struct pyr_text *text);

/* bytes NULL, or without pairs: *out NULL. */
PYR_MUST_CHECK pyr_status pyr_metadata_import(const char *bytes, pyr_metadata **out,
                                              pyr_error *error);
/* *out is freed by the caller; NULL where there are no pairs. */
PYR_MUST_CHECK pyr_status pyr_metadata_export(const pyr_metadata *metadata, char **out,
                                              pyr_error *error);

#endif
