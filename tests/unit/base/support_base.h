/* support_base.h - cmocka and what it wants included before it. */
#ifndef PYR_TESTS_SUPPORT_BASE_H
#define PYR_TESTS_SUPPORT_BASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
