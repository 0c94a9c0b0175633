/* Threads of the library. A buffer is valid during its callback only: afterwards it is poisoned and freed. */
#include <errno.h>
#include <time.h>

#include "standin.h"

static void drop(Job *job) {
    if (job->block != NULL) {
        memset(job->block, 0xDD, job->size);
        free(job->block);
    }
    free(job);
}

static struct timespec in(long milliseconds) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += milliseconds / 1000;
    at.tv_nsec += milliseconds % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static void *run(void *argument) {
    Worker *worker = argument;
    bool ticking = worker->tick != NULL;
    struct timespec next = in(0);
    pthread_mutex_lock(&worker->lock);
    while (!worker->stopping) {
        Job *job = worker->first;
        if (job != NULL) {
            worker->first = job->next;
            if (worker->first == NULL) worker->last = NULL;
            pthread_mutex_unlock(&worker->lock);
            worker->deliver(worker->owner, job);
            drop(job);
            pthread_mutex_lock(&worker->lock);
            worker->delivered++;
            pthread_cond_broadcast(&worker->changed);
            continue;
        }
        if (!ticking) {
            pthread_cond_wait(&worker->changed, &worker->lock);
        } else if (pthread_cond_timedwait(&worker->changed, &worker->lock, &next) == ETIMEDOUT) {
            pthread_mutex_unlock(&worker->lock);
            ticking = worker->tick(worker->owner);
            pthread_mutex_lock(&worker->lock);
            next = in(worker->period);
        }
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

void worker_start(Worker *worker, void *owner, void (*deliver)(void *, Job *), bool (*tick)(void *), long period) {
    pthread_condattr_t attributes;
    memset(worker, 0, sizeof *worker);
    worker->owner = owner;
    worker->deliver = deliver;
    worker->tick = tick;
    worker->period = period;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    worker->running = true;
    if (pthread_create(&worker->thread, NULL, run, worker) != 0) {
        fprintf(stderr, "stand-in: no thread\n");
        abort();
    }
}

void worker_push(Worker *worker, DWORD kind, char *block, size_t size, DWORD length, void *as_is) {
    Job *job = calloc(1, sizeof *job);
    job->kind = kind;
    job->block = block;
    job->size = size;
    job->length = length;
    job->as_is = as_is;
    pthread_mutex_lock(&worker->lock);
    job->number = (long)worker->pushed++;
    if (worker->last != NULL) worker->last->next = job;
    else worker->first = job;
    worker->last = job;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

void worker_settle(Worker *worker, long milliseconds) {
    struct timespec end = in(milliseconds);
    pthread_mutex_lock(&worker->lock);
    unsigned long wanted = worker->pushed;
    while (worker->delivered < wanted && !worker->stopping)
        if (pthread_cond_timedwait(&worker->changed, &worker->lock, &end) == ETIMEDOUT) break;
    pthread_mutex_unlock(&worker->lock);
}

void worker_stop(Worker *worker) {
    if (!worker->running) return;
    if (pthread_equal(worker->thread, pthread_self())) {
        fprintf(stderr, "stand-in: stopped from inside its own callback; the real library deadlocks here\n");
        abort();
    }
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    for (Job *job = worker->first; job != NULL;) {
        Job *next = job->next;
        drop(job);
        job = next;
    }
    pthread_mutex_destroy(&worker->lock);
    pthread_cond_destroy(&worker->changed);
    worker->running = false;
}
