/* log.c - see log.h. One write a line, so that lines of threads do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warning", "error"};

static pyr_log_level threshold(void) {
    const char *wanted = getenv("PYRALOG_LOG");
    for (int i = 0; wanted != NULL && i < 4; ++i) {
        if (strcmp(wanted, level_names[i]) == 0) {
            return (pyr_log_level)i;
        }
    }
    return PYR_LOG_WARNING;
}

void pyr_log(pyr_log_level level, const char *module, const char *format, ...) {
    if (level < threshold()) {
        return;
    }
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    char line[2048];
    size_t used = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &parts);
    used += (size_t)snprintf(line + used, sizeof(line) - used,
                             ".%03ldZ %s %s: ", now.tv_nsec / 1000000, level_names[level], module);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
    va_end(arguments);
    if (length > 0) {
        used += (size_t)length < sizeof(line) - used - 1 ? (size_t)length : sizeof(line) - used - 2;
    }
    line[used++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored;
}
