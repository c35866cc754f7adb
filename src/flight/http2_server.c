/* http2_server.c - listening, the loops, the calls' threads. */
#include "flight/http2_server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "flight/http2_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 1000
#define EVENTS_MAX 64

/* ---- Waking a loop. ---- */

static void wake(pyr_http2_loop *loop) {
    uint64_t one = 1;
    (void)!write(loop->wake_fd, &one, sizeof(one));
}

void pyr_http2_loop_notify(pyr_http2_loop *loop, pyr_call *call) {
    pthread_mutex_lock(&loop->lock);
    bool added = !call->ready_queued;
    if (added) {
        pyr_call_retain(call);
        call->ready_queued = true;
        call->ready_next = NULL;
        *(loop->ready_last != NULL ? &loop->ready_last->ready_next : &loop->ready_first) = call;
        loop->ready_last = call;
    }
    pthread_mutex_unlock(&loop->lock);
    if (added) {
        wake(loop);
    }
}

static pyr_call *take_ready(pyr_http2_loop *loop) {
    pthread_mutex_lock(&loop->lock);
    pyr_call *call = loop->ready_first;
    if (call != NULL) {
        loop->ready_first = call->ready_next;
        loop->ready_last = loop->ready_first != NULL ? loop->ready_last : NULL;
        call->ready_queued = false;
    }
    pthread_mutex_unlock(&loop->lock);
    return call;
}

static void handle_ready(pyr_http2_loop *loop) {
    uint64_t ignored;
    (void)!read(loop->wake_fd, &ignored, sizeof(ignored));
    pyr_call *call;
    while ((call = take_ready(loop)) != NULL) {
        pyr_http2_connection *connection = call->connection;
        if (connection != NULL && !connection->closing) {
            pyr_http2_connection_call_ready(connection, call);
            (void)pyr_http2_connection_write(connection);
        }
        pyr_call_release(call);
    }
}

/* ---- A loop's thread. ---- */

static void accept_all(pyr_http2_loop *loop) {
    pyr_http2_server *server = loop->server;
    pyr_error error;
    for (;;) {
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            /* The client waits, and the socket stays readable: without a pause the loop would spin.
             */
            (void)pyr_error_set_errno(&error, errno, "accept", server->host);
            pyr_log(PYR_LOG_WARNING, "flight", "%s", error.message);
            epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, server->listen_fd, NULL);
            loop->accepts_later = true;
            return;
        }
        if (fd < 0) {
            continue; /* that client has gone already */
        }
        pyr_http2_connection *connection = NULL;
        bool room = atomic_fetch_add(&server->connections, 1) < server->options.connections_max;
        if (room && !atomic_load(&server->draining)) {
            connection = pyr_http2_connection_open(loop, fd);
        }
        if (connection == NULL) {
            close(fd);
            pyr_http2_server_uncount_connection(server);
            continue;
        }
        (void)pyr_http2_connection_write(connection);
    }
}

static int watch_listening(pyr_http2_loop *loop) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {.ptr = loop->server}};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->server->listen_fd, &event);
}

static void drain_connections(pyr_http2_loop *loop) {
    pyr_http2_connection *next;
    for (pyr_http2_connection *c = loop->connections; c != NULL; c = next) {
        next = c->next;
        if (!c->greeted && !c->closing) {
            pyr_http2_connection_close(c);
        } else if (!c->going_away && !c->closing) {
            pyr_http2_connection_go_away(c);
            (void)pyr_http2_connection_write(c);
        }
    }
}

static void tick(pyr_http2_loop *loop, int64_t now_ns) {
    if (loop->accepts_later) {
        loop->accepts_later = watch_listening(loop) != 0;
    }
    pyr_http2_connection *next;
    for (pyr_http2_connection *c = loop->connections; c != NULL; c = next) {
        next = c->next;
        (void)pyr_http2_connection_tick(c, now_ns);
    }
}

/* An event may come for a connection that an earlier event of the same round closed. */
static bool is_open(const pyr_http2_loop *loop, const void *connection) {
    for (const pyr_http2_connection *c = loop->connections; c != NULL; c = c->next) {
        if (c == connection) {
            return true;
        }
    }
    return false;
}

static void handle_event(pyr_http2_loop *loop, const struct epoll_event *event) {
    if (event->data.ptr == loop) {
        handle_ready(loop);
    } else if (event->data.ptr == loop->server) {
        accept_all(loop);
    } else if (is_open(loop, event->data.ptr)) {
        pyr_http2_connection *connection = event->data.ptr;
        if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            (void)pyr_http2_connection_read(connection);
        } else if ((event->events & EPOLLOUT) != 0) {
            (void)pyr_http2_connection_write(connection);
        }
    }
}

/* Often enough for the shortest of the timeouts. */
static int64_t tick_of(const pyr_http2_options *options) {
    int64_t tick_ms = TICK_MS;
    tick_ms = options->greeting_ms < tick_ms ? options->greeting_ms : tick_ms;
    tick_ms = options->silence_ms < tick_ms ? options->silence_ms : tick_ms;
    tick_ms = options->ping_answer_ms < tick_ms ? options->ping_answer_ms : tick_ms;
    return options->linger_ms < tick_ms ? options->linger_ms : tick_ms;
}

static void *run_loop(void *argument) {
    pyr_http2_loop *loop = argument;
    int64_t ticked_ns = pyr_clock_monotonic_ns();
    int64_t tick_ms = tick_of(&loop->server->options);
    while (!atomic_load(&loop->server->stopping)) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, (int)tick_ms);
        for (int i = 0; i < count; ++i) {
            handle_event(loop, &events[i]);
        }
        if (atomic_load(&loop->server->draining)) {
            drain_connections(loop);
        }
        int64_t now_ns = pyr_clock_monotonic_ns();
        if (now_ns - ticked_ns >= tick_ms * INT64_C(1000000)) {
            ticked_ns = now_ns;
            tick(loop, now_ns);
        }
    }
    while (loop->connections != NULL) {
        pyr_http2_connection_close(loop->connections);
    }
    return NULL;
}

/* ---- Calls. ---- */

void pyr_http2_server_uncount_connection(pyr_http2_server *server) {
    atomic_fetch_sub(&server->connections, 1);
    pthread_mutex_lock(&server->lock);
    pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

static void uncount_call(pyr_http2_server *server) {
    pthread_mutex_lock(&server->lock);
    --server->calls;
    pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

typedef struct call_job {
    pyr_http2_server *server;
    pyr_call *call;
} call_job;

static void *run_handler(void *argument) {
    call_job job = *(call_job *)argument;
    free(argument);
    job.server->options.handle(job.server->options.context, job.call);
    pyr_call_release(job.call);
    uncount_call(job.server);
    return NULL;
}

pyr_status pyr_http2_server_run_call(pyr_http2_server *server, pyr_call *call, pyr_error *error) {
    pthread_mutex_lock(&server->lock);
    bool room = server->calls < server->options.calls_max;
    server->calls += room;
    pthread_mutex_unlock(&server->lock);
    if (!room) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%zu calls are running; try again later",
                             server->options.calls_max);
    }
    call_job *job = malloc(sizeof(*job));
    if (job == NULL) {
        uncount_call(server);
        return pyr_error_memory(error, sizeof(*job));
    }
    *job = (call_job){server, call};
    pyr_call_retain(call);
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int fault = pthread_create(&thread, &attributes, run_handler, job);
    pthread_attr_destroy(&attributes);
    if (fault != 0) {
        pyr_call_release(call);
        free(job);
        uncount_call(server);
        return pyr_error_set_errno(error, fault, "pthread_create", "call");
    }
    return PYR_OK;
}

/* ---- Starting. ---- */

static pyr_status listen_on(pyr_http2_server *server, pyr_error *error) {
    struct sockaddr_storage address = {0};
    socklen_t length;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    if (inet_pton(AF_INET, server->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(server->options.port);
        length = sizeof(*v4);
    } else if (inet_pton(AF_INET6, server->host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(server->options.port);
        length = sizeof(*v6);
    } else {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "%s: not an IP address to listen on", server->host);
    }
    server->listen_fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (server->listen_fd < 0) {
        return pyr_error_set_errno(error, errno, "socket", server->host);
    }
    setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(server->listen_fd, (struct sockaddr *)&address, length) != 0 ||
        listen(server->listen_fd, 512) != 0) {
        int fault = errno;
        char place[80];
        snprintf(place, sizeof(place), "%s port %u", server->host, server->options.port);
        (void)pyr_error_set_errno(error, fault, "listen", place);
        return fault == EADDRINUSE
                   ? pyr_error_set(error, PYR_ERROR_BUSY,
                                   "%s is in use: give another --listen address", place)
                   : PYR_ERROR_IO;
    }
    length = sizeof(address);
    getsockname(server->listen_fd, (struct sockaddr *)&address, &length);
    server->port = ntohs(address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    return PYR_OK;
}

static pyr_status start_loop(pyr_http2_server *server, pyr_http2_loop *loop, pyr_error *error) {
    loop->server = server;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake_event = {.events = EPOLLIN, .data = {.ptr = loop}};
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake_event) != 0 ||
        watch_listening(loop) != 0) {
        return pyr_error_set_errno(error, errno, "epoll", "I/O loop");
    }
    int fault = pthread_create(&loop->thread, NULL, run_loop, loop);
    if (fault != 0) {
        return pyr_error_set_errno(error, fault, "pthread_create", "I/O loop");
    }
    loop->started = true;
    return PYR_OK;
}

static void apply_defaults(pyr_http2_options *options) {
    options->loops = options->loops != 0 ? options->loops : pyr_cpus_available();
    options->connections_max = options->connections_max != 0 ? options->connections_max : 1000;
    options->calls_max = options->calls_max != 0 ? options->calls_max : 512;
    options->message_bytes_max =
        options->message_bytes_max != 0 ? options->message_bytes_max : (size_t)64 << 20;
    options->receive_bytes_max =
        options->receive_bytes_max != 0 ? options->receive_bytes_max : (size_t)1 << 30;
    options->greeting_ms = options->greeting_ms != 0 ? options->greeting_ms : 10000;
    options->silence_ms = options->silence_ms != 0 ? options->silence_ms : 60000;
    options->ping_answer_ms = options->ping_answer_ms != 0 ? options->ping_answer_ms : 20000;
    options->linger_ms = options->linger_ms != 0 ? options->linger_ms : 2000;
}

pyr_status pyr_http2_server_start(const pyr_http2_options *options, pyr_http2_server **out,
                                  pyr_error *error) {
    *out = NULL;
    pyr_http2_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return pyr_error_memory(error, sizeof(*server));
    }
    server->options = *options;
    apply_defaults(&server->options);
    server->listen_fd = -1;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&server->idle, &attributes);
    pthread_condattr_destroy(&attributes);
    server->host = strdup(options->host);
    server->loops = calloc(server->options.loops, sizeof(*server->loops));
    server->budget = pyr_budget_create(server->options.receive_bytes_max);
    pyr_status status = server->host != NULL && server->loops != NULL && server->budget != NULL
                            ? PYR_OK
                            : pyr_error_memory(error, sizeof(*server));
    if (status == PYR_OK) {
        for (unsigned i = 0; i < server->options.loops; ++i) {
            server->loops[i].epoll_fd = server->loops[i].wake_fd = -1;
            pthread_mutex_init(&server->loops[i].lock, NULL);
            ++server->loops_count;
        }
        status = listen_on(server, error);
    }
    for (unsigned i = 0; status == PYR_OK && i < server->loops_count; ++i) {
        status = start_loop(server, &server->loops[i], error);
    }
    if (status != PYR_OK) {
        pyr_http2_server_stop(server);
        return status;
    }
    *out = server;
    return PYR_OK;
}

uint16_t pyr_http2_server_port(const pyr_http2_server *server) {
    return server->port;
}

pyr_http2_usage pyr_http2_server_usage(pyr_http2_server *server) {
    pthread_mutex_lock(&server->lock);
    pyr_http2_usage usage = {.connections = atomic_load(&server->connections),
                             .calls = server->calls,
                             .receive_bytes = pyr_budget_used(server->budget)};
    pthread_mutex_unlock(&server->lock);
    return usage;
}

/* ---- Ending. ---- */

static void wake_all(pyr_http2_server *server) {
    for (unsigned i = 0; i < server->loops_count; ++i) {
        if (server->loops[i].wake_fd >= 0) {
            wake(&server->loops[i]);
        }
    }
}

void pyr_http2_server_drain(pyr_http2_server *server) {
    atomic_store(&server->draining, true);
    wake_all(server);
}

/* A handler that has ended may have left megabytes to send: only the end of its connection says
 * that they have arrived. */
static bool is_idle(const pyr_http2_server *server) {
    return server->calls == 0 && atomic_load(&server->connections) == 0;
}

bool pyr_http2_server_wait_idle(pyr_http2_server *server, int64_t timeout_ms) {
    int64_t until_ns = pyr_clock_monotonic_ns() + timeout_ms * 1000000;
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    pthread_mutex_lock(&server->lock);
    int result = 0;
    while (!is_idle(server) && result == 0) {
        result = pthread_cond_timedwait(&server->idle, &server->lock, &until);
    }
    bool idle = is_idle(server);
    pthread_mutex_unlock(&server->lock);
    return idle;
}

void pyr_http2_server_stop(pyr_http2_server *server) {
    if (server == NULL) {
        return;
    }
    atomic_store(&server->draining, true);
    atomic_store(&server->stopping, true);
    wake_all(server);
    for (unsigned i = 0; i < server->loops_count; ++i) {
        if (server->loops[i].started) {
            pthread_join(server->loops[i].thread, NULL);
        }
    }
    /* Closing the connections cancelled the calls; their handlers notice at the next batch. */
    while (!pyr_http2_server_wait_idle(server, 60000)) {
        pyr_log(PYR_LOG_WARNING, "flight", "still waiting for calls to end");
    }
    for (unsigned i = 0; i < server->loops_count; ++i) {
        pyr_http2_loop *loop = &server->loops[i];
        pyr_call *call;
        while ((call = take_ready(loop)) != NULL) {
            pyr_call_release(call);
        }
        if (loop->epoll_fd >= 0) {
            close(loop->epoll_fd);
        }
        if (loop->wake_fd >= 0) {
            close(loop->wake_fd);
        }
        pthread_mutex_destroy(&loop->lock);
    }
    if (server->listen_fd >= 0) {
        close(server->listen_fd);
    }
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->idle);
    pyr_budget_release(server->budget);
    free(server->loops);
    free(server->host);
    free(server);
}
