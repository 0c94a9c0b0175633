/* What the parts of the stand-in share: the call log, scripted failures, handles, and threads that call back. */
#ifndef STANDIN_H
#define STANDIN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hcnetsdk.h"

#define EXPORT __attribute__((visibility("default")))
#define MOST 256

/* -- core.c: log, errors, scripted happenings ------------------------------------------------------------------- */

void log_call(const char *function, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fail(DWORD code);          /* sets this thread's last error; returns 0 */
void leave_stale(DWORD code);  /* what some calls leave behind although they succeeded */
DWORD scripted(const char *function);
bool initialised(void);
void nap(long milliseconds);

/* The beginning of every function of the library: logged, then failed as scripted, then refused before Init. */
#define CALL(failure, ...)                          \
    do {                                            \
        log_call(__func__, __VA_ARGS__);            \
        DWORD scripted_ = scripted(__func__);       \
        if (scripted_ != 0) {                       \
            fail(scripted_);                        \
            return failure;                         \
        }                                           \
        if (!initialised()) {                       \
            fail(NOINIT);                           \
            return failure;                         \
        }                                           \
    } while (0)
#define REFUSE(condition, code, failure) \
    do {                                 \
        if (condition) {                 \
            fail(code);                  \
            return failure;              \
        }                                \
    } while (0)

/* -- worker.c: a thread of the library with callbacks to make ------------------------------------------------------ */

typedef struct Job {
    struct Job *next;
    DWORD kind;    /* command of an alarm, type of a callback */
    char *block;   /* handed over: poisoned and freed when the callback has returned */
    size_t size;   /* bytes of the block */
    DWORD length;  /* told to the callback; may be less than size */
    void *as_is;   /* when block is NULL: passed as the pointer itself, never to be followed */
    long number;
} Job;

typedef struct Worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    Job *first, *last;
    bool running, stopping;
    unsigned long delivered, pushed;
    long period; /* milliseconds between two ticks; 0: none */
    void (*deliver)(void *owner, Job *job);
    bool (*tick)(void *owner); /* returns false when there is no more to do */
    void *owner;
} Worker;

void worker_start(Worker *worker, void *owner, void (*deliver)(void *, Job *), bool (*tick)(void *), long period);
void worker_push(Worker *worker, DWORD kind, char *block, size_t size, DWORD length, void *as_is);
void worker_settle(Worker *worker, long milliseconds); /* waits until everything pushed was delivered */
void worker_stop(Worker *worker);                       /* aborts when called from its own callback */

/* -- users.c: logins and handles ------------------------------------------------------------------------------------- */

typedef struct {
    bool used;
    BYTE mode; /* 0 private, 1 ISAPI */
    char address[129];
} User;

typedef struct Handle {
    bool used;
    LONG number, user;
    Worker worker;
    void *callback, *context;
    LONG channel;
    DWORD command, stream, picture_mode;
    BYTE rule;
    HWND window;
    /* live view, playback and download */
    FILE *file;
    DWORD saving; /* 1 PS, 2 MP4 */
    size_t frame, rounds;
    bool started, by_time, header_sent, paused, downloading;
    int position;
    /* search */
    int next, polls, left;
    DWORD file_type;
    NET_DVR_TIME start, stop;
} Handle;

typedef struct {
    const char *name;
    Handle entries[MOST];
} Table;

extern Table previews, alarms, remotes, plays, finds;

User *user_of(LONG user);                         /* NULL with error 17 or 47 */
Handle *take_handle(Table *table, LONG user);     /* the lowest free one; NULL with error 46 */
Handle *handle_of(Table *table, LONG number);     /* NULL with error 12 (17 for negative ones) */
void give_back(Handle *handle);
int live_handles(void);
void forget_everything(void);

/* -- fields.c: structures written by the names of their fields --------------------------------------------------- */

char *build(const char *text, DWORD *kind, size_t *size); /* "structure\nname=value\n…"; NULL for an unknown name */

/* -- film.c: pictures as a program stream -------------------------------------------------------------------------- */

size_t film_frames(void);
size_t film_chunk(size_t frame, size_t round, char **chunk); /* the program-stream bytes of a picture */
extern const char imkh[40];
const char *jpeg_bytes(size_t *size);
const char *mp4_bytes(size_t *size);

#endif
