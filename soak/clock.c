/* A clock that runs faster than the machine's, and a wall clock that can be set, for one process (LD_PRELOAD).

   SOAK_CLOCK="<monotonic ns> <wall ns> <speed>": when both clocks showed this, they began to run `speed` times as fast.
   SOAK_OFFSET=<file>: eight bytes, how many nanoseconds the wall clock alone is set ahead; read at every look at the clock.

   Debian's libfaketime 0.9.10 does not know sem_clockwait(), by which Python waits for every lock: there threads would wait by another
   clock than they look at. Here is what a Python process looks at and waits by, and no more. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static int64_t began, began_wall, speed = 1;
static const volatile int64_t *offset;

static int64_t ns(const struct timespec *at) { return at->tv_sec * SECOND + at->tv_nsec; }

static struct timespec spec(int64_t time) {
    if (time < 0) time = 0;
    return (struct timespec){time / SECOND, time % SECOND};
}

static int64_t machine(void) {
    struct timespec at;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &at);
    return ns(&at);
}

__attribute__((constructor)) static void begin(void) {
    const char *clock = getenv("SOAK_CLOCK"), *file = getenv("SOAK_OFFSET");
    long long monotonic, wall, fast;
    if (clock == NULL || sscanf(clock, "%lld %lld %lld", &monotonic, &wall, &fast) != 3 || fast < 1) {
        struct timespec at;
        syscall(SYS_clock_gettime, CLOCK_REALTIME, &at);
        began = machine(), began_wall = ns(&at);
    } else {
        began = monotonic, began_wall = wall, speed = fast;
    }
    int opened = file == NULL ? -1 : open(file, O_RDONLY | O_CLOEXEC);
    if (opened >= 0) {
        void *place = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, opened, 0);
        if (place != MAP_FAILED) offset = place;
        close(opened);
    }
}

/* What the clock shows now, when it shows that by the machine's, and how long a time by this clock is by the machine's. */
static int64_t steady(void) { return began + (machine() - began) * speed; }
static int64_t ahead(void) { return offset == NULL ? 0 : *offset; }
static int64_t shown(clockid_t clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? steady() - began + began_wall + ahead() : steady();
}
static int64_t machine_at(clockid_t clock, const struct timespec *until) {
    return machine() + (ns(until) - shown(clock)) / speed;
}
static struct timespec shorter(const struct timespec *time) {
    int64_t by = ns(time) / speed;
    return spec(by == 0 && ns(time) > 0 ? 1 : by);
}
static int shorter_ms(int time) { return time <= 0 ? time : (int)((time + speed - 1) / speed); }

#define REAL(result, name, ...)                                                   \
    static result (*real)(__VA_ARGS__);                                           \
    if (real == NULL) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

int clock_gettime(clockid_t clock, struct timespec *at) {
    switch (clock) {
        case CLOCK_REALTIME: case CLOCK_REALTIME_COARSE: case CLOCK_MONOTONIC:
        case CLOCK_MONOTONIC_COARSE: case CLOCK_MONOTONIC_RAW: case CLOCK_BOOTTIME:
            *at = spec(shown(clock));
            return 0;
    }
    return syscall(SYS_clock_gettime, clock, at);  /* what the processor was used, for one */
}

time_t time(time_t *at) {
    time_t now = shown(CLOCK_REALTIME) / SECOND;
    if (at != NULL) *at = now;
    return now;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    int64_t now = shown(CLOCK_REALTIME);
    *at = (struct timeval){now / SECOND, now % SECOND / 1000};
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left) {
    REAL(int, clock_nanosleep, clockid_t, int, const struct timespec *, struct timespec *);
    struct timespec by = flags & TIMER_ABSTIME ? spec(machine_at(clock, time)) : shorter(time);
    return real(CLOCK_MONOTONIC, flags, &by, left);
}

int nanosleep(const struct timespec *time, struct timespec *left) {
    REAL(int, nanosleep, const struct timespec *, struct timespec *);
    struct timespec by = shorter(time);
    return real(&by, left);
}

int sem_clockwait(sem_t *restrict lock, clockid_t clock, const struct timespec *restrict until) {
    REAL(int, sem_clockwait, sem_t *, clockid_t, const struct timespec *);
    struct timespec by = spec(machine_at(clock, until));
    return real(lock, CLOCK_MONOTONIC, &by);
}

int sem_timedwait(sem_t *restrict lock, const struct timespec *restrict until) {
    return sem_clockwait(lock, CLOCK_REALTIME, until);
}

int pthread_cond_clockwait(pthread_cond_t *restrict what, pthread_mutex_t *restrict lock, clockid_t clock,
                           const struct timespec *restrict until) {
    REAL(int, pthread_cond_clockwait, pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
    struct timespec by = spec(machine_at(clock, until));
    return real(what, lock, CLOCK_MONOTONIC, &by);
}

int pthread_cond_timedwait(pthread_cond_t *restrict what, pthread_mutex_t *restrict lock,
                           const struct timespec *restrict until) {
    /* By which clock a condition waits is not told; a deadline is nearer to its own. */
    int64_t wall = llabs(ns(until) - shown(CLOCK_REALTIME)), even = llabs(ns(until) - steady());
    return pthread_cond_clockwait(what, lock, wall < even ? CLOCK_REALTIME : CLOCK_MONOTONIC, until);
}

int poll(struct pollfd *what, nfds_t count, int time) {
    REAL(int, poll, struct pollfd *, nfds_t, int);
    return real(what, count, shorter_ms(time));
}

int ppoll(struct pollfd *what, nfds_t count, const struct timespec *time, const sigset_t *mask) {
    REAL(int, ppoll, struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    struct timespec by = {0};
    if (time != NULL) by = shorter(time);
    return real(what, count, time == NULL ? NULL : &by, mask);
}

int epoll_wait(int set, struct epoll_event *events, int most, int time) {
    REAL(int, epoll_wait, int, struct epoll_event *, int, int);
    return real(set, events, most, shorter_ms(time));
}

/* How long the kernel lets a read or a write wait. */
int setsockopt(int sock, int level, int name, const void *value, socklen_t size) {
    REAL(int, setsockopt, int, int, int, const void *, socklen_t);
    if (level != SOL_SOCKET || (name != SO_RCVTIMEO && name != SO_SNDTIMEO) || size != sizeof(struct timeval))
        return real(sock, level, name, value, size);
    const struct timeval *time = value;
    struct timespec by = shorter(&(struct timespec){time->tv_sec, time->tv_usec * 1000});
    struct timeval limit = {by.tv_sec, by.tv_nsec / 1000};
    if (limit.tv_sec == 0 && limit.tv_usec == 0 && (time->tv_sec != 0 || time->tv_usec != 0)) limit.tv_usec = 1;
    return real(sock, level, name, &limit, sizeof limit);
}

int select(int count, fd_set *restrict to_read, fd_set *restrict to_write, fd_set *restrict odd,
           struct timeval *restrict time) {
    REAL(int, select, int, fd_set *, fd_set *, fd_set *, struct timeval *);
    struct timeval by = {0};
    if (time != NULL) {
        struct timespec real_time = shorter(&(struct timespec){time->tv_sec, time->tv_usec * 1000});
        by = (struct timeval){real_time.tv_sec, real_time.tv_nsec / 1000};
    }
    return real(count, to_read, to_write, odd, time == NULL ? NULL : &by);
}
