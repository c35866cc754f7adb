/* support_codec_arrays.c - the sample arrays of tests/unit/arrow, for the tests of this folder: a
 * test program links the support files of its own folder only. */
#include "unit/arrow/support_arrays.c"
