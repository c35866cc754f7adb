/* storage_internal.h - zone maps as text: written by the segment writer, read by segments. */
#ifndef PYR_STORAGE_STORAGE_INTERNAL_H
#define PYR_STORAGE_STORAGE_INTERNAL_H

#include "base/text.h"
#include "storage/segment.h"

/* ---- segment_evolve.c ---- */

typedef struct pyr_evolved pyr_evolved;
/* Retains both; base is none of these itself. */
PYR_MUST_CHECK pyr_status pyr_evolved_create(pyr_segment *base, pyr_schema *schema,
                                             pyr_evolved **out, pyr_error *error);
void pyr_evolved_destroy(pyr_evolved *evolved);
pyr_segment *pyr_evolved_base(const pyr_evolved *evolved);
pyr_schema *pyr_evolved_schema(const pyr_evolved *evolved);
/* As the functions of segment.h. */
PYR_MUST_CHECK pyr_status pyr_evolved_batch(pyr_evolved *evolved, size_t index,
                                            const int32_t *columns, int32_t columns_count,
                                            pyr_query_ledger *ledger, pyr_budget *budget,
                                            pyr_batch **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_evolved_zone(pyr_evolved *evolved, size_t batch, int32_t column,
                                           pyr_zone *out, pyr_error *error);

/* ---- segment_source.c: what segment.c asks of a source. ---- */

void pyr_source_destroy(pyr_segment_source *source); /* NULL allowed */
/* Of all batches; PYR_ERROR_LIMIT beyond INT64_MAX. */
PYR_MUST_CHECK pyr_status pyr_source_count_rows(const pyr_segment_source *source, int64_t *rows,
                                                pyr_error *error);
/* index and columns are in range. */
PYR_MUST_CHECK pyr_status pyr_source_batch(pyr_segment_source *source, size_t index,
                                           const int32_t *columns, int32_t columns_count,
                                           pyr_query_ledger *ledger, pyr_budget *budget,
                                           pyr_batch **out, pyr_error *error);
void pyr_source_zone(const pyr_segment_source *source, size_t batch, int32_t column, pyr_zone *out);
/* Makes every batch and holds it and its zones against each other. There are no CRCs. */
PYR_MUST_CHECK pyr_status pyr_source_verify(pyr_segment_source *source, pyr_error *error);

/* ---- Zone maps. ---- */

#define PYR_SEGMENT_CRC_KEY "pyralog.crc32c"
#define PYR_SEGMENT_ZONES_KEY "pyralog.zones"

/* The zone map of a dense array. Types without an order we use give known with null_count alone;
 * unions, run-end encoded arrays and dictionaries with nulls, whose nulls no bitmap counts, give
 * unknown. */
void pyr_zone_compute(pyr_array *array, pyr_zone *out);
/* Appends one column's zone. The format is in the README. */
void pyr_zone_print(const pyr_zone *zone, const pyr_field *field, pyr_text *out);
/* Reads the column-th zone of a whole map; field is that column's. false where the text is not
 * well-formed or not of the field's type: *out is unknown then. */
bool pyr_zone_parse(const char *text, size_t length, int32_t column, const pyr_field *field,
                    pyr_zone *out);
/* Whether zone is what the array's values give; an unknown one says nothing wrong. */
bool pyr_zone_holds(const pyr_zone *zone, pyr_array *array);
/* The zone of no rows, and with a further one of `rows` rows joined to it: see pyr_segment_zones.
 */
void pyr_zone_of_none(pyr_zone *out);
void pyr_zone_join(pyr_zone *into, const pyr_field *field, const pyr_zone *other, int64_t rows);

/* ---- segment_codes.c: the numbers of texts beside a batch's columns (arrow/codes.h). ---- */

#define PYR_SEGMENT_CODES_KEY "pyralog.codes"
/* The numbers of a text column of one message, and its key's value so far. */
typedef struct pyr_codes_list {
    pyr_ipc_extras extras;
    pyr_text text; /* empty: no column has codes */
} pyr_codes_list;
/* Numbers the columns for which it pays. batch is dense. */
PYR_MUST_CHECK pyr_status pyr_codes_list_create(const pyr_batch *batch, pyr_codes_list *out,
                                                pyr_error *error);
void pyr_codes_list_deinit(pyr_codes_list *list);
/* Of a dense text array; *out NULL: there are too many texts, or too few rows. */
PYR_MUST_CHECK pyr_status pyr_segment_number_texts(const pyr_array *array, pyr_codes **out,
                                                   pyr_error *error);
/* Those that the message of a batch of so many rows has for a column; *out NULL: none. */
PYR_MUST_CHECK pyr_status pyr_segment_read_codes(pyr_ipc_file *file, size_t batch,
                                                 const pyr_metadata *metadata, int64_t rows,
                                                 int32_t column, pyr_codes **out, pyr_error *error);
/* Whether equal numbers stand for equal values of array, a whole batch's. */
bool pyr_segment_codes_hold(const pyr_codes *codes, const pyr_array *array);

/* ---- segment_facts.c: what the heads of an open file's messages say, kept. Thread-safe. ---- */

typedef struct pyr_segment_facts pyr_segment_facts;
/* file: borrowed, outlives it. */
PYR_MUST_CHECK pyr_status pyr_segment_facts_create(pyr_ipc_file *file, size_t batches,
                                                   size_t columns, pyr_segment_facts **out,
                                                   pyr_error *error);
void pyr_segment_facts_destroy(pyr_segment_facts *facts); /* NULL allowed */
/* Of each batch: the facts'. */
PYR_MUST_CHECK pyr_status pyr_segment_facts_rows(pyr_segment_facts *facts, const int64_t **out,
                                                 pyr_error *error);
/* Of each batch, and behind them of all together: the facts'. */
PYR_MUST_CHECK pyr_status pyr_segment_facts_zones(pyr_segment_facts *facts, int32_t column,
                                                  const pyr_zone **out, pyr_error *error);
/* Borrowed, as long as the facts; NULL: not kept. */
pyr_array *pyr_segment_facts_array(const pyr_segment_facts *facts, size_t batch, int32_t column);
/* Keeps a column of a batch that was read and is valid, where it is a view of file. */
void pyr_segment_facts_keep(pyr_segment_facts *facts, size_t batch, int32_t column,
                            pyr_array *array, const pyr_buffer *file);
/* The file's schema of these columns alone, retained for the caller. columns may be NULL where
 * count is 0. */
PYR_MUST_CHECK pyr_status pyr_segment_facts_schema(pyr_segment_facts *facts, const int32_t *columns,
                                                   int32_t count, pyr_schema **out,
                                                   pyr_error *error);
/* One zone of a batch of `rows` rows, from its message's metadata; unknown where it says nothing.
 */
void pyr_segment_read_zone(const pyr_ipc_file *file, const pyr_metadata *metadata, int64_t rows,
                           int32_t column, pyr_zone *out);

#endif
