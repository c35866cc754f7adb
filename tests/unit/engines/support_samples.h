/* support_samples.h - arrays of any type, beyond the samples of the tests of src/arrow. */
#ifndef PYR_TESTS_SUPPORT_SAMPLES_H
#define PYR_TESTS_SUPPORT_SAMPLES_H

#include "unit/arrow/support_arrays.h"

pyr_array *sample_of_field(pyr_field *field, int64_t rows, unsigned seed, bool nulls);
/* A struct of lists of structs of list views, fixed-size lists, and unions of both kinds. */
pyr_field *sample_nested_without_map(const char *name);

#endif
