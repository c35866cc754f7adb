/* support_samples.c - the arrays of every type that the tests of src/arrow are made of, here too.
 */
#include "unit/arrow/support_arrays.c"
