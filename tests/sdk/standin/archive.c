/* Recordings: search, playback, download. Nothing flows before PLAYSTART. Each channel has three recordings of ten minutes. */
#include <fcntl.h>
#include <unistd.h>

#include "standin.h"

enum { SYSHEAD = 1, STREAMDATA = 2, PLAYBACK_END = 12 };
enum { PLAYSTART = 1, PLAYSTOP = 2, PLAYPAUSE = 3, PLAYRESTART = 4, PLAYGETPOS = 13, PLAYGETTIME = 14 };
enum { FOUND = 1000, NOTHING = 1001, SEARCHING = 1002, NO_MORE = 1003, EXCEPTION = 1004 };

static const struct {
    NET_DVR_TIME start, stop;
    BYTE type, locked;
} recordings[] = {
    {{2026, 3, 1, 8, 0, 0}, {2026, 3, 1, 8, 10, 0}, 0, 0},
    {{2026, 3, 1, 8, 10, 0}, {2026, 3, 1, 8, 20, 0}, 34, 1},
    {{2026, 3, 1, 8, 20, 0}, {2026, 3, 1, 8, 30, 0}, 1, 0},
};
enum { RECORDINGS = sizeof recordings / sizeof *recordings };
static int break_at = 200; /* percent at which a download or playback loses its connection */
static int find_state = FOUND;
static int step = 10; /* percent of a download at a turn */

static int64_t number_of(const NET_DVR_TIME *t) {
    return ((((int64_t)t->dwYear * 13 + t->dwMonth) * 32 + t->dwDay) * 24 + t->dwHour) * 3600 + t->dwMinute * 60 + t->dwSecond;
}

static bool senseless(const NET_DVR_TIME *start, const NET_DVR_TIME *stop) {
    return start->dwYear == 0 || stop->dwYear == 0 || number_of(start) > number_of(stop);
}

/* -- search ------------------------------------------------------------------------------------------------------------- */

EXPORT LONG NET_DVR_FindFile_V40(LONG user, NET_DVR_FILECOND_V40 *wanted) {
    CALL(-1, "%d channel=%d type=%u locked=%u %u-%u-%u %u:%u:%u", user, wanted == NULL ? 0 : wanted->lChannel,
         wanted == NULL ? 0 : wanted->dwFileType, wanted == NULL ? 0 : wanted->dwIsLocked, wanted == NULL ? 0 : wanted->struStartTime.dwYear,
         wanted == NULL ? 0 : wanted->struStartTime.dwMonth, wanted == NULL ? 0 : wanted->struStartTime.dwDay,
         wanted == NULL ? 0 : wanted->struStartTime.dwHour, wanted == NULL ? 0 : wanted->struStartTime.dwMinute,
         wanted == NULL ? 0 : wanted->struStartTime.dwSecond);
    User *found = user_of(user);
    if (found == NULL) return -1;
    REFUSE(found->mode == 1 || wanted == NULL || senseless(&wanted->struStartTime, &wanted->struStopTime), PARAMETER_ERROR, -1);
    Handle *handle = take_handle(&finds, user);
    if (handle == NULL) return -1;
    handle->channel = wanted->lChannel;
    handle->file_type = wanted->dwFileType;
    handle->start = wanted->struStartTime;
    handle->stop = wanted->struStopTime;
    handle->polls = 2;
    return handle->number;
}

EXPORT LONG NET_DVR_FindNextFile_V40(LONG number, NET_DVR_FINDDATA_V40 *out) {
    CALL(-1, "%d", number);
    Handle *handle = handle_of(&finds, number);
    if (handle == NULL) return -1;
    REFUSE(out == NULL, PARAMETER_ERROR, -1);
    if (find_state != FOUND) return find_state;
    if (handle->polls-- > 0) return SEARCHING;
    while (handle->next < RECORDINGS) {
        int i = handle->next++;
        bool overlaps = number_of(&recordings[i].start) < number_of(&handle->stop) && number_of(&recordings[i].stop) > number_of(&handle->start);
        if (!overlaps || (handle->file_type != 0xff && handle->file_type != recordings[i].type)) continue;
        memset(out, 0, sizeof *out);
        snprintf(out->sFileName, sizeof out->sFileName, "ch%02d_00000000%02d000%d00", handle->channel, i + 1, i);
        out->struStartTime = recordings[i].start;
        out->struStopTime = recordings[i].stop;
        out->dwFileSize = 1000000U * (DWORD)(i + 1);
        out->byFileType = recordings[i].type;
        out->byLocked = recordings[i].locked;
        handle->left++;
        return FOUND;
    }
    return handle->left > 0 ? NO_MORE : NOTHING;
}

EXPORT BOOL NET_DVR_FindClose_V30(LONG number) {
    CALL(0, "%d", number);
    Handle *handle = handle_of(&finds, number);
    if (handle == NULL) return 0;
    give_back(handle);
    return 1;
}

/* -- playback and download: one table, so that PlayBackControl knows which is meant ---------------------------- */

static Handle *play_of(LONG number, bool downloading) {
    Handle *handle = handle_of(&plays, number);
    if (handle == NULL) return NULL;
    REFUSE(handle->downloading != downloading, ORDER_ERROR, NULL);
    return handle;
}

static bool known(const char *name) {
    LONG channel;
    int i, last, k;
    return sscanf(name, "ch%02d_00000000%02d000%d00%n", &channel, &i, &last, &k) == 3 && i >= 1 && i <= RECORDINGS;
}

static bool started(Handle *handle) {
    return __atomic_load_n(&handle->started, __ATOMIC_ACQUIRE) && !__atomic_load_n(&handle->paused, __ATOMIC_ACQUIRE);
}

static void deliver(void *owner, Job *job) {
    Handle *handle = owner;
    RealDataCB callback = (RealDataCB)__atomic_load_n(&handle->callback, __ATOMIC_ACQUIRE);
    if (handle->file != NULL && job->kind == STREAMDATA) fwrite(job->block, 1, job->size, handle->file);
    if (callback != NULL) callback(handle->number, job->kind, (BYTE *)job->block, job->length, handle->context);
}

static void push_copy(Handle *handle, DWORD kind, const char *data, size_t size) {
    char *block = malloc(size > 0 ? size : 1);
    memcpy(block, data, size);
    worker_push(&handle->worker, kind, block, size, (DWORD)size, NULL);
}

static bool tick_playback(void *owner) {
    Handle *handle = owner;
    if (!started(handle)) return true;
    if (!handle->header_sent) push_copy(handle, SYSHEAD, imkh, sizeof imkh);
    handle->header_sent = true;
    size_t all = film_frames();
    int percent = all == 0 ? 100 : (int)(handle->frame * 100 / all);
    if (percent >= break_at) return false; /* silent from here on */
    if (handle->frame >= all) {
        push_copy(handle, PLAYBACK_END, "", 0);
        __atomic_store_n(&handle->position, 100, __ATOMIC_RELEASE);
        return false;
    }
    char *chunk;
    size_t size = film_chunk(handle->frame++, 0, &chunk);
    worker_push(&handle->worker, STREAMDATA, chunk, size, (DWORD)size, NULL);
    if (!handle->by_time) __atomic_store_n(&handle->position, percent, __ATOMIC_RELEASE);
    return true;
}

static bool tick_download(void *owner) {
    Handle *handle = owner;
    if (!started(handle)) return true;
    if (!handle->header_sent) fwrite(imkh, 1, sizeof imkh, handle->file);
    handle->header_sent = true;
    int percent = handle->position + step > 100 ? 100 : handle->position + step;
    if (percent >= break_at) {
        __atomic_store_n(&handle->position, 200, __ATOMIC_RELEASE);
        return false;
    }
    while (handle->frame < film_frames() * (size_t)percent / 100) {
        char *chunk;
        size_t size = film_chunk(handle->frame++, 0, &chunk);
        fwrite(chunk, 1, size, handle->file);
        free(chunk);
    }
    fflush(handle->file);
    __atomic_store_n(&handle->position, percent, __ATOMIC_RELEASE);
    return percent < 100;
}

static LONG open_playback(LONG user, bool by_time) {
    Handle *handle = take_handle(&plays, user);
    if (handle == NULL) return -1;
    handle->by_time = by_time;
    worker_start(&handle->worker, handle, deliver, tick_playback, 2);
    return handle->number;
}

EXPORT LONG NET_DVR_PlayBackByTime_V40(LONG user, const NET_DVR_VOD_PARA *wanted) {
    CALL(-1, "%d channel=%u dwSize=%u stream=%u %u:%u:%u-%u:%u:%u", user, wanted == NULL ? 0 : wanted->struIDInfo.dwChannel,
         wanted == NULL ? 0 : wanted->dwSize, wanted == NULL ? 0 : wanted->byStreamType, wanted == NULL ? 0 : wanted->struBeginTime.dwHour,
         wanted == NULL ? 0 : wanted->struBeginTime.dwMinute, wanted == NULL ? 0 : wanted->struBeginTime.dwSecond,
         wanted == NULL ? 0 : wanted->struEndTime.dwHour, wanted == NULL ? 0 : wanted->struEndTime.dwMinute,
         wanted == NULL ? 0 : wanted->struEndTime.dwSecond);
    REFUSE(wanted == NULL, PARAMETER_ERROR, -1);
    if (user_of(user) == NULL) return -1;
    REFUSE(senseless(&wanted->struBeginTime, &wanted->struEndTime), PARAMETER_ERROR, -1);
    return open_playback(user, true);
}

EXPORT LONG NET_DVR_PlayBackByName(LONG user, char *name, HWND window) {
    CALL(-1, "%d %.100s window=%u", user, name == NULL ? "NULL" : name, window);
    User *found = user_of(user);
    if (found == NULL) return -1;
    REFUSE(name == NULL || found->mode == 1, PARAMETER_ERROR, -1);
    REFUSE(!known(name), NOSPECFILE, -1);
    return open_playback(user, false);
}

EXPORT BOOL NET_DVR_SetPlayDataCallBack_V40(LONG number, RealDataCB callback, void *context) {
    CALL(0, "%d", number);
    Handle *handle = play_of(number, false);
    if (handle == NULL) return 0;
    handle->context = context;
    __atomic_store_n(&handle->callback, (void *)callback, __ATOMIC_RELEASE);
    return 1;
}

EXPORT BOOL NET_DVR_PlayBackControl_V40(LONG number, DWORD command, void *in, DWORD in_length, void *out, DWORD *out_length) {
    CALL(0, "%d %u", number, command);
    (void)in, (void)in_length, (void)out, (void)out_length;
    Handle *handle = handle_of(&plays, number); /* of a playback or a download: they count together */
    if (handle == NULL) return 0;
    if (command == PLAYSTART) __atomic_store_n(&handle->started, true, __ATOMIC_RELEASE);
    if (command == PLAYPAUSE) __atomic_store_n(&handle->paused, true, __ATOMIC_RELEASE);
    if (command == PLAYRESTART) __atomic_store_n(&handle->paused, false, __ATOMIC_RELEASE);
    return 1;
}

EXPORT LONG NET_DVR_GetPlayBackPos(LONG number) {
    CALL(-1, "%d", number);
    Handle *handle = play_of(number, false);
    return handle == NULL ? -1 : __atomic_load_n(&handle->position, __ATOMIC_ACQUIRE);
}

EXPORT BOOL NET_DVR_StopPlayBack(LONG number) {
    CALL(0, "%d", number);
    Handle *handle = play_of(number, false);
    if (handle == NULL) return 0;
    give_back(handle);
    return 1;
}

static LONG open_download(LONG user, const char *path) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REFUSE(descriptor < 0, CREATEFILE_ERROR, -1);
    FILE *file = fdopen(descriptor, "wb");
    Handle *handle = take_handle(&plays, user);
    if (handle == NULL) {
        fclose(file);
        return -1;
    }
    handle->file = file;
    handle->downloading = true;
    worker_start(&handle->worker, handle, deliver, tick_download, 5);
    return handle->number;
}

EXPORT LONG NET_DVR_GetFileByTime_V40(LONG user, char *path, NET_DVR_PLAYCOND *wanted) {
    CALL(-1, "%d channel=%u stream=%u kind=%u %s", user, wanted == NULL ? 0 : wanted->dwChannel, wanted == NULL ? 0 : wanted->byStreamType,
         wanted == NULL ? 0 : wanted->byVODFileType, path == NULL ? "NULL" : path);
    REFUSE(wanted == NULL || path == NULL || strlen(path) > 255, PARAMETER_ERROR, -1);
    if (user_of(user) == NULL) return -1;
    REFUSE(senseless(&wanted->struStartTime, &wanted->struStopTime), PARAMETER_ERROR, -1);
    return open_download(user, path);
}

EXPORT LONG NET_DVR_GetFileByName(LONG user, char *name, char *path) {
    CALL(-1, "%d %.100s %s", user, name == NULL ? "NULL" : name, path == NULL ? "NULL" : path);
    User *found = user_of(user);
    if (found == NULL) return -1;
    REFUSE(name == NULL || path == NULL || found->mode == 1 || strlen(path) > 255, PARAMETER_ERROR, -1);
    REFUSE(!known(name), NOSPECFILE, -1);
    return open_download(user, path);
}

EXPORT LONG NET_DVR_GetDownloadPos(LONG number) {
    CALL(-1, "%d", number);
    Handle *handle = play_of(number, true);
    return handle == NULL ? -1 : __atomic_load_n(&handle->position, __ATOMIC_ACQUIRE);
}

EXPORT BOOL NET_DVR_StopGetFile(LONG number) {
    CALL(0, "%d", number);
    Handle *handle = play_of(number, true);
    if (handle == NULL) return 0;
    give_back(handle);
    return 1;
}

/* -- what tests do ---------------------------------------------------------------------------------------------------- */

EXPORT void fake_archive(int breaks_at_percent, int state_of_search, int percent_a_turn) {
    break_at = breaks_at_percent;
    find_state = state_of_search;
    step = percent_a_turn;
}
