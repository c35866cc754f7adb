/* serve.c - `pyralog serve DATABASE`: the Flight server until a signal ends it.
 *
 * SIGTERM and SIGINT are blocked in every thread and taken here. The first drains: no new calls,
 * what runs gets DRAIN_MS. A second one stops at once.
 */
#include "base/clock.h"
#include "cli/commands.h"
#include "flight/server.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_MS 30000
#define DRAIN_STEP_MS 50
#define STOP_SECONDS 2
#define DEFAULT_LISTEN "127.0.0.1:32010"

typedef struct listen_address {
    char host[NI_MAXHOST]; /* numeric */
    uint16_t port;
    bool v6;
} listen_address;

/* ---- Options. ---- */

/* "HOST:PORT", "[V6]:PORT"; a name is resolved to its first address. false: reported. */
static bool parse_listen(const char *text, listen_address *out) {
    const char *colon = strrchr(text, ':');
    char host[NI_MAXHOST];
    char *end = NULL;
    errno = 0;
    long port = colon != NULL ? strtol(colon + 1, &end, 10) : -1;
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    if (colon == NULL || end == colon + 1 || *end != '\0' || errno != 0 || port < 0 ||
        port > UINT16_MAX || length == 0 || length >= sizeof(host)) {
        pyr_usage_error("--listen: \"%.100s\" is not HOST:PORT, such as " DEFAULT_LISTEN, text);
        return false;
    }
    bool brackets = text[0] == '[' && text[length - 1] == ']';
    memcpy(host, text + brackets, length - 2 * brackets);
    host[length - 2 * brackets] = '\0';
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(host, NULL, &hints, &found);
    if (failed == 0) {
        out->v6 = found->ai_family == AF_INET6;
        failed = getnameinfo(found->ai_addr, found->ai_addrlen, out->host, sizeof(out->host), NULL,
                             0, NI_NUMERICHOST);
        freeaddrinfo(found);
    }
    if (failed != 0) {
        pyr_usage_error("--listen: \"%.100s\": %s", host, gai_strerror(failed));
        return false;
    }
    out->port = (uint16_t)port;
    return true;
}

/* A whole number of an option, or 0 where it is not given. false: reported. */
static bool parse_number(const pyr_options *options, const char *name, long long least,
                         long long most, long long *out) {
    *out = 0;
    const char *text = pyr_options_get(options, name);
    if (text == NULL) {
        return true;
    }
    char *end = NULL;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || *out < least || *out > most) {
        pyr_usage_error("--%s: \"%.40s\" is not a whole number from %lld to %lld", name, text,
                        least, most);
        return false;
    }
    return true;
}

static bool parse_timeout(const pyr_options *options, int64_t *out_ms) {
    const char *text = pyr_options_get(options, "statement-timeout");
    *out_ms = 0;
    if (text == NULL) {
        return true;
    }
    char *end = NULL;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !(seconds >= 0) || seconds > 1e9) {
        pyr_usage_error("--statement-timeout: \"%.40s\" is not a number of seconds", text);
        return false;
    }
    *out_ms = (int64_t)(seconds * 1000);
    return true;
}

/* Refused rather than ignored: a server believed to be protected must not start unprotected. */
static bool refuse_later_options(const pyr_options *options) {
    static const char *const later[] = {"http",          "tls-cert",  "tls-key",
                                        "tls-client-ca", "user-file", "token-file"};
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); ++i) {
        if (pyr_options_has(options, later[i])) {
            pyr_error error;
            pyr_error_clear(&error);
            pyr_error_set(&error, PYR_ERROR_NOT_SUPPORTED,
                          "--%s: not supported yet by this version", later[i]);
            pyr_error_report(&error, NULL);
            return true;
        }
    }
    return false;
}

/* ---- Signals. ---- */

static void block_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* true: everything that ran came to its end. */
static bool drain(pyr_flight_server *server, const sigset_t *set) {
    int64_t end_ns = pyr_clock_monotonic_ns() + (int64_t)DRAIN_MS * 1000000;
    const struct timespec now = {0};
    while (!pyr_flight_server_drain(server, DRAIN_STEP_MS)) {
        if (sigtimedwait(set, NULL, &now) > 0 || pyr_clock_monotonic_ns() >= end_ns) {
            return false;
        }
    }
    return true;
}

static void leave_now(int signal) {
    (void)signal;
    _exit(PYR_EXIT_FAILED); /* what is not committed is lost, as with any crash, and nothing else */
}

/* For a statement that does not notice that it was cancelled: gives stopping a moment. */
static void limit_stopping(void) {
    signal(SIGALRM, leave_now);
    alarm(STOP_SECONDS);
}

static int serve(pyr_database *db, const char *location, const listen_address *address,
                 const pyr_flight_options *options, const sigset_t *set) {
    pyr_flight_server *server = NULL;
    pyr_error error;
    pyr_error_clear(&error);
    if (pyr_flight_server_start(db, options, &server, &error) != PYR_OK) {
        pyr_error_report(&error, NULL);
        return PYR_EXIT_FAILED;
    }
    printf("pyralog: serving %s on grpc://%s%s%s:%u\n", location, address->v6 ? "[" : "",
           address->host, address->v6 ? "]" : "", (unsigned)pyr_flight_server_port(server));
    fflush(stdout);
    while (sigwaitinfo(set, NULL) < 0) {
        /* Interrupted by a debugger or a stop: goes on. */
    }
    bool finished = drain(server, set);
    if (!finished) {
        limit_stopping();
    }
    pyr_flight_server_stop(server);
    if (!finished) {
        fprintf(stderr, "pyralog: calls that still ran were cancelled\n");
    }
    return finished ? PYR_EXIT_OK : PYR_EXIT_FAILED;
}

int pyr_command_serve(const pyr_options *options) {
    const char *location = options->arguments[0];
    const char *listen = pyr_options_get(options, "listen");
    listen_address address;
    long long connections = 0;
    int64_t timeout_ms = 0;
    if (refuse_later_options(options)) {
        return PYR_EXIT_FAILED;
    }
    if (!parse_listen(listen != NULL ? listen : DEFAULT_LISTEN, &address) ||
        !parse_number(options, "max-connections", 1, 1000000, &connections) ||
        !parse_timeout(options, &timeout_ms)) {
        return PYR_EXIT_USAGE;
    }
    sigset_t set;
    block_signals(&set);
    char memory_limit[64];
    char threads[64];
    const char *settings[4] = {NULL};
    size_t count = 0;
    const char *value = pyr_options_get(options, "memory-limit");
    if (value != NULL) {
        snprintf(memory_limit, sizeof(memory_limit), "memory_limit=%s", value);
        settings[count++] = memory_limit;
    }
    value = pyr_options_get(options, "threads");
    if (value != NULL) {
        snprintf(threads, sizeof(threads), "threads=%s", value);
        settings[count++] = threads;
    }
    if (pyr_options_has(options, "readonly")) {
        settings[count++] = pyr_settings_readonly[0];
    }
    pyr_database *db = NULL;
    int code = PYR_EXIT_FAILED;
    if (!pyr_command_open(location, options, settings, &db, &code)) {
        return code;
    }
    size_t folders_count = 0;
    const char **folders = pyr_options_all(options, "allow-path", &folders_count);
    const pyr_flight_options server = {.host = address.host,
                                       .port = address.port,
                                       .insecure = pyr_options_has(options, "insecure"),
                                       .connections_max = (size_t)connections,
                                       .statement_timeout_ms = timeout_ms,
                                       .folders_count = folders_count,
                                       .folders = folders};
    code = folders != NULL ? serve(db, location, &address, &server, &set) : PYR_EXIT_FAILED;
    free(folders);
    pyr_close(db);
    return code;
}
