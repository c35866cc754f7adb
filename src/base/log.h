/* log.h - one line an event on stderr: "2026-01-02T03:04:05.678Z warning storage: message".
 * PYRALOG_LOG=debug|info|warning|error (default warning). Thread-safe; never from a signal. */
#ifndef PYR_BASE_LOG_H
#define PYR_BASE_LOG_H

#include "base/error.h"

typedef enum pyr_log_level {
    PYR_LOG_DEBUG,
    PYR_LOG_INFO,
    PYR_LOG_WARNING,
    PYR_LOG_ERROR
} pyr_log_level;

void pyr_log(pyr_log_level level, const char *module, const char *format, ...) PYR_PRINTF(3, 4);

#endif
