/* cdata.h - the C Data Interface and C Stream Interface, by reference both ways.
 *
 * Import moves its source (its release becomes NULL) on success and failure alike, and validates
 * what it can without touching values (the producer is in our process: buffer sizes are not in the
 * interface). Export keeps references until the consumer's release.
 */
#ifndef PYR_ARROW_CDATA_H
#define PYR_ARROW_CDATA_H

#include "arrow/batch.h"

PYR_MUST_CHECK pyr_status pyr_field_import(struct ArrowSchema *source, pyr_field **out,
                                           pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_field_export(const pyr_field *field, struct ArrowSchema *out,
                                           pyr_error *error);
/* A schema is a struct field ("+s"). Import takes any struct. */
PYR_MUST_CHECK pyr_status pyr_schema_import(struct ArrowSchema *source, pyr_schema **out,
                                            pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_schema_export(const pyr_schema *schema, struct ArrowSchema *out,
                                            pyr_error *error);

PYR_MUST_CHECK pyr_status pyr_array_import(struct ArrowArray *source, pyr_field *field,
                                           pyr_array **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_array_export(pyr_array *array, struct ArrowArray *out,
                                           pyr_error *error);
/* A struct array; import refuses top-level nulls (PYR_ERROR_CORRUPT). A struct array's offset is
 * pushed down into the columns. */
PYR_MUST_CHECK pyr_status pyr_batch_import(struct ArrowArray *source, pyr_schema *schema,
                                           pyr_batch **out, pyr_error *error);
/* The batch must be dense (no selection; assert). */
PYR_MUST_CHECK pyr_status pyr_batch_export(pyr_batch *batch, struct ArrowArray *out,
                                           pyr_error *error);

/* The foreign stream's error text becomes the message (PYR_ERROR_IO for EIO, CANCELLED for
 * ECANCELED, MEMORY for ENOMEM, DISK_FULL for ENOSPC, and so on; IO for what is unknown). */
PYR_MUST_CHECK pyr_status pyr_stream_import(struct ArrowArrayStream *source, pyr_stream **out,
                                            pyr_error *error);
/* Takes stream. Batches with a selection are made dense on the way (ledger, budget: NULL allowed,
 * else retained or outliving the stream: the budget is retained, the ledger must outlive it).
 * get_last_error gives "SQLSTATE: message". */
PYR_MUST_CHECK pyr_status pyr_stream_export(pyr_stream *stream, pyr_query_ledger *ledger,
                                            pyr_budget *budget, struct ArrowArrayStream *out,
                                            pyr_error *error);

#endif
