/* Arming, and alarms that arrive on one thread per alarm channel. */
#include <time.h>

#include "standin.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static AlarmCB31 callback31;
static void *context31;
static struct {
    AlarmCB50 callback;
    void *context;
} slots[16];
static char *at_once; /* arrives before SetupAlarmChan has returned */
static BYTE user_valid = 1;
static uint32_t *durations; /* nanoseconds in the callback */
static size_t measured, room;

static void tell(Handle *handle, DWORD command, char *info, DWORD length) {
    NET_DVR_ALARMER *alarmer = calloc(1, sizeof *alarmer); /* on the heap: the sanitizer sees who reads past it, or later */
    alarmer->byUserIDValid = user_valid;
    alarmer->bySerialValid = 1;
    alarmer->byLinkPortValid = 1;
    alarmer->byDeviceIPValid = 1;
    alarmer->lUserID = user_valid ? handle->user : -1;
    memcpy(alarmer->sSerialNumber, "STANDIN-2TD1228", 15);
    User *user = user_of(handle->user);
    snprintf(alarmer->sDeviceIP, sizeof alarmer->sDeviceIP, "%.127s", user == NULL ? "" : user->address);
    pthread_mutex_lock(&lock);
    AlarmCB31 first = callback31;
    void *context = context31;
    pthread_mutex_unlock(&lock);
    if (first != NULL) first((LONG)command, alarmer, info, length, context);
    for (int i = 0; i < 16; i++) {
        pthread_mutex_lock(&lock);
        AlarmCB50 further = slots[i].callback;
        void *its_context = slots[i].context;
        pthread_mutex_unlock(&lock);
        if (further != NULL) further((LONG)command, alarmer, info, length, its_context);
    }
    memset(alarmer, 0xDD, sizeof *alarmer);
    free(alarmer);
}

static void deliver(void *owner, Job *job) {
    tell(owner, job->kind, job->block != NULL ? job->block : job->as_is, job->length);
}

EXPORT BOOL NET_DVR_SetDVRMessageCallBack_V31(AlarmCB31 callback, void *context) {
    CALL(0, "%s", callback == NULL ? "NULL" : "set");
    pthread_mutex_lock(&lock);
    callback31 = callback;
    context31 = context;
    pthread_mutex_unlock(&lock);
    return 1;
}

EXPORT BOOL NET_DVR_SetDVRMessageCallBack_V50(LONG index, AlarmCB50 callback, void *context) {
    CALL(0, "%d %s", index, callback == NULL ? "NULL" : "set");
    REFUSE(index < 0 || index > 15, PARAMETER_ERROR, 0);
    pthread_mutex_lock(&lock);
    slots[index].callback = callback;
    slots[index].context = context;
    pthread_mutex_unlock(&lock);
    return 1;
}

static LONG arm(LONG user) {
    Handle *handle = take_handle(&alarms, user);
    if (handle == NULL) return -1;
    worker_start(&handle->worker, handle, deliver, NULL, 0);
    pthread_mutex_lock(&lock);
    char *text = at_once == NULL ? NULL : strdup(at_once);
    pthread_mutex_unlock(&lock);
    if (text != NULL) {
        DWORD command;
        size_t size;
        char *block = build(text, &command, &size);
        worker_push(&handle->worker, command, block, size, (DWORD)size, NULL);
        worker_settle(&handle->worker, 2000);
        free(text);
    }
    leave_stale(PARAMETER_ERROR);
    return handle->number;
}

EXPORT LONG NET_DVR_SetupAlarmChan_V41(LONG user, NET_DVR_SETUPALARM_PARAM *parameters) {
    CALL(-1, "%d dwSize=%u byLevel=%u byRetAlarmTypeV40=%u", user, parameters == NULL ? 0 : parameters->dwSize,
         parameters == NULL ? 0 : parameters->byLevel, parameters == NULL ? 0 : parameters->byRetAlarmTypeV40);
    REFUSE(parameters == NULL, PARAMETER_ERROR, -1);
    User *found = user_of(user);
    if (found == NULL) return -1;
    REFUSE(found->mode == 0 && parameters->dwSize != sizeof *parameters, PARAMETER_ERROR, -1);
    return arm(user);
}

EXPORT LONG NET_DVR_SetupAlarmChan_V50(LONG user, NET_DVR_SETUPALARM_PARAM_V50 *parameters, char *sub, DWORD length) {
    CALL(-1, "%d", user);
    REFUSE(parameters == NULL || (sub == NULL && length > 0), PARAMETER_ERROR, -1);
    if (user_of(user) == NULL) return -1;
    return arm(user);
}

EXPORT BOOL NET_DVR_CloseAlarmChan_V30(LONG number) {
    CALL(0, "%d", number);
    Handle *handle = handle_of(&alarms, number);
    if (handle == NULL) return 0;
    give_back(handle);
    return 1;
}

/* -- what tests do -------------------------------------------------------------------------------------------------- */

/* Lets an alarm arrive, of `length` bytes when that is not 0; returns 0 for an unknown field or no such channel. */
EXPORT int fake_alarm(LONG number, const char *text, DWORD length) {
    Handle *handle = handle_of(&alarms, number);
    DWORD command;
    size_t size;
    char *block = handle == NULL ? NULL : build(text, &command, &size);
    if (block == NULL) return 0;
    if (length > 0 && length < size) { /* so that a sanitizer sees every byte behind it */
        block = realloc(block, length);
        size = length;
    }
    worker_push(&handle->worker, command, block, size, length > 0 ? length : (DWORD)size, NULL);
    return 1;
}

EXPORT int fake_raw_alarm(LONG number, DWORD command, const void *bytes, DWORD length) {
    Handle *handle = handle_of(&alarms, number);
    if (handle == NULL) return 0;
    char *block = malloc(length > 0 ? length : 1);
    memcpy(block, bytes, length);
    worker_push(&handle->worker, command, block, length, length, NULL);
    return 1;
}

/* XML or JSON as ISAPI login delivers it: no NUL behind the text, pictures in a pack. Lengths are told as they are, or as `lie`. */
EXPORT int fake_isapi_alarm(LONG number, const char *text, DWORD length, BYTE type, int pictures, DWORD lie) {
    Handle *handle = handle_of(&alarms, number);
    if (handle == NULL) return 0;
    size_t pack = (size_t)pictures * sizeof(NET_DVR_ALARM_ISAPI_PICDATA), each = 24;
    size_t size = sizeof(NET_DVR_ALARM_ISAPI_INFO) + pack + (size_t)pictures * each + length;
    char *block = calloc(1, size);
    NET_DVR_ALARM_ISAPI_INFO *info = (void *)block;
    NET_DVR_ALARM_ISAPI_PICDATA *data = (void *)(block + sizeof *info);
    char *picture = block + sizeof *info + pack;
    char *at = picture + (size_t)pictures * each;
    memcpy(at, text, length);
    info->pAlarmData = at;
    info->dwAlarmDataLen = lie > 0 ? lie : length;
    info->byDataType = type;
    info->byPicturesNumber = (BYTE)pictures;
    info->pPicPackData = pictures > 0 ? data : NULL;
    for (int i = 0; i < pictures; i++) {
        memset(picture + (size_t)i * each, 0x40 + i, each);
        memcpy(picture + (size_t)i * each, "\xff\xd8\xff", 3);
        data[i].dwPicLen = (DWORD)each;
        data[i].byPicType = 1;
        data[i].pPicData = picture + (size_t)i * each;
        snprintf(data[i].szFilename, sizeof data[i].szFilename, i == 0 ? "thermalImage" : "visibleImage");
    }
    worker_push(&handle->worker, COMM_ISAPI_ALARM, block, size, sizeof *info, NULL);
    return 1;
}

EXPORT void fake_alarm_at_once(const char *text) {
    pthread_mutex_lock(&lock);
    free(at_once);
    at_once = text == NULL ? NULL : strdup(text);
    pthread_mutex_unlock(&lock);
}

EXPORT void fake_alarmer_user_valid(int valid) { user_valid = valid != 0; }

EXPORT void fake_settle_alarms(LONG number) {
    Handle *handle = handle_of(&alarms, number);
    if (handle != NULL) worker_settle(&handle->worker, 5000);
}

typedef struct {
    pthread_t thread;
    Handle *handle;
    const char *text;
    long count;
    double per_second;
} Storm;

static uint64_t nanoseconds(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000U + (uint64_t)at.tv_nsec;
}

static void *rage(void *argument) {
    Storm *storm = argument;
    uint64_t start = nanoseconds();
    for (long i = 0; i < storm->count; i++) {
        uint64_t due = start + (uint64_t)((double)i * 1e9 / storm->per_second), now = nanoseconds();
        if (due > now) nanosleep(&(struct timespec){(time_t)((due - now) / 1000000000U), (long)((due - now) % 1000000000U)}, NULL);
        DWORD command;
        size_t size;
        char *block = build(storm->text, &command, &size);
        uint64_t before = nanoseconds();
        tell(storm->handle, command, block, (DWORD)size);
        uint64_t spent = nanoseconds() - before;
        size_t slot = __atomic_fetch_add(&measured, 1, __ATOMIC_RELAXED);
        if (slot < room) durations[slot] = spent > UINT32_MAX ? UINT32_MAX : (uint32_t)spent;
        memset(block, 0xDD, size);
        free(block);
    }
    return NULL;
}

/* `count` alarms on each of the channels, each from a thread of its own at that rate; returns when the last callback has. */
EXPORT void fake_storm(const LONG *numbers, int channels, const char *text, long count, double per_second) {
    Storm *storms = calloc((size_t)channels, sizeof *storms);
    free(durations);
    measured = 0;
    room = (size_t)channels * (size_t)count;
    durations = calloc(room > 0 ? room : 1, sizeof *durations);
    for (int i = 0; i < channels; i++) {
        storms[i] = (Storm){.handle = handle_of(&alarms, numbers[i]), .text = text, .count = count, .per_second = per_second};
        if (storms[i].handle == NULL || pthread_create(&storms[i].thread, NULL, rage, &storms[i]) != 0) abort();
    }
    for (int i = 0; i < channels; i++) pthread_join(storms[i].thread, NULL);
    free(storms);
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Nanoseconds that `quantile` (0…1) of the storm's callbacks did not exceed. */
EXPORT uint32_t fake_callback_nanoseconds(double quantile) {
    size_t count = measured < room ? measured : room;
    if (count == 0) return 0;
    qsort(durations, count, sizeof *durations, by_size);
    return durations[(size_t)(quantile * (double)(count - 1))];
}

__attribute__((destructor)) static void end(void) {
    free(durations);
    free(at_once);
}
