/* Live view, recording of it, and pictures: from the player of a live view, or asked of the device. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "standin.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool player;
static DWORD picture_mode;
static long pace = 10;
static struct {
    DWORD width, height;
    BYTE frozen;
    bool visible;
} matrix = {8, 6, 0, true};

enum { SYSHEAD = 1, STREAMDATA = 2 };

static void save(Handle *handle, const char *data, size_t size) {
    pthread_mutex_lock(&lock);
    if (handle->file != NULL && handle->saving == 1) fwrite(data, 1, size, handle->file);
    pthread_mutex_unlock(&lock);
}

static void deliver(void *owner, Job *job) {
    Handle *handle = owner;
    if (job->kind == STREAMDATA) save(handle, job->block, job->size);
    pthread_mutex_lock(&lock);
    RealDataCB callback = (RealDataCB)handle->callback;
    void *context = handle->context;
    pthread_mutex_unlock(&lock);
    if (callback != NULL) callback(handle->number, job->kind, (BYTE *)job->block, job->length, context);
}

static bool tick(void *owner) {
    Handle *handle = owner;
    if (!handle->header_sent) {
        char *head = malloc(sizeof imkh);
        memcpy(head, imkh, sizeof imkh);
        handle->header_sent = true;
        worker_push(&handle->worker, SYSHEAD, head, sizeof imkh, sizeof imkh, NULL);
        return true;
    }
    if (film_frames() == 0) return true;
    char *chunk;
    size_t size = film_chunk(handle->frame, handle->rounds, &chunk);
    for (size_t at = 0, piece = 1; at < size; at += piece) { /* fragments of any size, cut anywhere */
        piece = 700 + (handle->frame * 131 + at) % 4096;
        if (piece > size - at) piece = size - at;
        char *part = malloc(piece);
        memcpy(part, chunk + at, piece);
        worker_push(&handle->worker, STREAMDATA, part, piece, (DWORD)piece, NULL);
    }
    free(chunk);
    if (++handle->frame >= film_frames()) {
        handle->frame = 0;
        handle->rounds++;
    }
    return true;
}

EXPORT LONG NET_DVR_RealPlay_V40(LONG user, NET_DVR_PREVIEWINFO *info, RealDataCB callback, void *context) {
    CALL(-1, "%d channel=%d stream=%u link=%u window=%u blocked=%u", user, info == NULL ? 0 : info->lChannel,
         info == NULL ? 0 : info->dwStreamType, info == NULL ? 0 : info->dwLinkMode, info == NULL ? 0 : info->hPlayWnd,
         info == NULL ? 0 : info->bBlocked);
    REFUSE(info == NULL, PARAMETER_ERROR, -1);
    if (user_of(user) == NULL) return -1;
    REFUSE(info->lChannel < 1 || info->lChannel > 2, CHANNEL_ERROR, -1);
    REFUSE(info->hPlayWnd != 0 && !player, LOADPLAYERSDKFAILED, -1);
    Handle *handle = take_handle(&previews, user);
    if (handle == NULL) return -1;
    handle->callback = (void *)callback;
    handle->context = context;
    handle->channel = info->lChannel;
    handle->stream = info->dwStreamType;
    handle->window = info->hPlayWnd;
    worker_start(&handle->worker, handle, deliver, tick, pace);
    return handle->number;
}

EXPORT BOOL NET_DVR_SetRealDataCallBackEx(LONG number, RealDataCB callback, void *context) {
    CALL(0, "%d", number);
    Handle *handle = handle_of(&previews, number);
    if (handle == NULL) return 0;
    pthread_mutex_lock(&lock);
    handle->callback = (void *)callback;
    handle->context = context;
    pthread_mutex_unlock(&lock);
    return 1;
}

static void finish_file(Handle *handle) {
    pthread_mutex_lock(&lock);
    if (handle->file != NULL) {
        size_t size = 0;
        const char *mp4 = mp4_bytes(&size);
        if (handle->saving == 2) fwrite(mp4 != NULL ? mp4 : "\0\0\0\x18" "ftypmp42\0\0\0\0mp42HKMI", 1, mp4 != NULL ? size : 24, handle->file);
        fclose(handle->file);
        handle->file = NULL;
    }
    pthread_mutex_unlock(&lock);
}

EXPORT BOOL NET_DVR_StopRealPlay(LONG number) {
    CALL(0, "%d", number);
    Handle *handle = handle_of(&previews, number);
    if (handle == NULL) return 0;
    worker_stop(&handle->worker);
    finish_file(handle);
    give_back(handle);
    return 1;
}

static FILE *create(const char *path) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return descriptor < 0 ? NULL : fdopen(descriptor, "wb");
}

static BOOL start_saving(LONG number, DWORD kind, const char *path) {
    Handle *handle = handle_of(&previews, number);
    if (handle == NULL) return 0;
    REFUSE(path == NULL || strlen(path) > 255, PARAMETER_ERROR, 0);
    FILE *file = create(path);
    REFUSE(file == NULL, CREATEFILE_ERROR, 0);
    finish_file(handle); /* saving already: the old file ends */
    pthread_mutex_lock(&lock);
    handle->file = file;
    handle->saving = kind;
    if (kind == 1) fwrite(imkh, 1, sizeof imkh, file);
    pthread_mutex_unlock(&lock);
    return 1;
}

EXPORT BOOL NET_DVR_SaveRealData(LONG number, char *path) {
    CALL(0, "%d %s", number, path == NULL ? "NULL" : path);
    return start_saving(number, 1, path);
}

EXPORT BOOL NET_DVR_SaveRealData_V30(LONG number, DWORD kind, char *path) {
    CALL(0, "%d %u %s", number, kind, path == NULL ? "NULL" : path);
    return start_saving(number, kind, path); /* an unknown kind: the file stays empty */
}

EXPORT BOOL NET_DVR_StopSaveRealData(LONG number) {
    CALL(0, "%d", number);
    Handle *handle = handle_of(&previews, number);
    if (handle == NULL) return 0;
    REFUSE(handle->file == NULL, ORDER_ERROR, 0);
    finish_file(handle);
    return 1;
}

/* -- pictures of the player ----------------------------------------------------------------------------------------- */

/* 24 points of one colour as a bitmap, or the JPEG of the tests. */
static size_t picture(char *out, size_t room) {
    size_t size;
    const char *jpeg = jpeg_bytes(&size);
    if (picture_mode == 1) {
        if (jpeg != NULL && size <= room) memcpy(out, jpeg, size);
        return jpeg == NULL ? 0 : size;
    }
    enum { WIDTH = 6, HEIGHT = 4, ROW = 20, SIZE = 54 + ROW * HEIGHT };
    if (room < SIZE) return SIZE;
    memset(out, 0x7F, SIZE);
    memcpy(out, "BM", 2);
    DWORD head[13] = {SIZE, 0, 54, 40, WIDTH, HEIGHT, 24U << 16 | 1, 0, ROW * HEIGHT, 2835, 2835, 0, 0};
    memcpy(out + 2, head, sizeof head);
    return SIZE;
}

static Handle *with_player(LONG number) {
    Handle *handle = handle_of(&previews, number);
    if (handle == NULL) return NULL;
    REFUSE(!player || handle->window == 0, ORDER_ERROR, NULL);
    return handle;
}

EXPORT BOOL NET_DVR_SetCapturePictureMode(DWORD mode) {
    CALL(0, "%u", mode);
    REFUSE(mode > 1, PARAMETER_ERROR, 0);
    picture_mode = mode;
    return 1;
}

EXPORT BOOL NET_DVR_CapturePictureBlock_New(LONG number, char *buffer, DWORD room, DWORD *size) {
    CALL(0, "%d %u", number, room);
    if (with_player(number) == NULL) return 0;
    REFUSE(buffer == NULL || size == NULL, PARAMETER_ERROR, 0);
    size_t found = picture(buffer, room);
    REFUSE(found > room, NOENOUGH_BUF, 0);
    *size = (DWORD)found;
    return 1;
}

static BOOL picture_file(LONG number, const char *path) {
    if (with_player(number) == NULL) return 0;
    REFUSE(path == NULL || strlen(path) > 255, PARAMETER_ERROR, 0);
    FILE *file = create(path);
    REFUSE(file == NULL, CREATEFILE_ERROR, 0);
    char *buffer = malloc(1 << 20);
    fwrite(buffer, 1, picture(buffer, 1 << 20), file);
    free(buffer);
    fclose(file);
    return 1;
}

EXPORT BOOL NET_DVR_CapturePictureBlock(LONG number, const char *path, DWORD milliseconds) {
    CALL(0, "%d %s %u", number, path == NULL ? "NULL" : path, milliseconds);
    return picture_file(number, path);
}

typedef struct {
    LONG number;
    char path[256];
} Capture;

static void *capture_later(void *argument) {
    Capture *capture = argument;
    nap(20);
    picture_file(capture->number, capture->path);
    free(capture);
    return NULL;
}

EXPORT BOOL NET_DVR_CapturePicture(LONG number, char *path) {
    CALL(0, "%d %s", number, path == NULL ? "NULL" : path);
    if (with_player(number) == NULL) return 0;
    REFUSE(path == NULL || strlen(path) > 255, PARAMETER_ERROR, 0);
    Capture *capture = calloc(1, sizeof *capture);
    pthread_t thread;
    capture->number = number;
    snprintf(capture->path, sizeof capture->path, "%s", path);
    if (pthread_create(&thread, NULL, capture_later, capture) == 0) pthread_detach(thread);
    return 1;
}

/* -- pictures of the device --------------------------------------------------------------------------------------------- */

EXPORT BOOL NET_DVR_CaptureJPEGPicture_NEW(LONG user, LONG channel, NET_DVR_JPEGPARA *wanted, char *buffer, DWORD room, DWORD *size) {
    CALL(0, "%d %d size=%u quality=%u", user, channel, wanted == NULL ? 0 : wanted->wPicSize, wanted == NULL ? 0 : wanted->wPicQuality);
    User *found = user_of(user);
    if (found == NULL) return 0;
    REFUSE(found->mode == 1, NOSUPPORT, 0);
    REFUSE(wanted == NULL || buffer == NULL || size == NULL, PARAMETER_ERROR, 0);
    REFUSE(channel < 1 || channel > 2, CHANNEL_ERROR, 0);
    size_t length;
    const char *jpeg = jpeg_bytes(&length);
    REFUSE(jpeg == NULL, NOSUPPORT, 0);
    REFUSE(length > room, NOENOUGH_BUF, 0);
    memcpy(buffer, jpeg, length);
    *size = (DWORD)length;
    return 1;
}

/* A matrix of 20 + 60 x + 20 y °C. */
EXPORT BOOL NET_DVR_CaptureJPEGPicture_WithAppendData(LONG user, LONG channel, NET_DVR_JPEGPICTURE_WITH_APPENDDATA *out) {
    CALL(0, "%d %d dwSize=%u", user, channel, out == NULL ? 0 : out->dwSize);
    User *found = user_of(user);
    if (found == NULL) return 0;
    REFUSE(found->mode == 1, NOSUPPORT, 0);
    REFUSE(out == NULL || out->pJpegPicBuff == NULL || out->pP2PDataBuff == NULL, PARAMETER_ERROR, 0);
    REFUSE(channel < 1 || channel > 2, CHANNEL_ERROR, 0);
    REFUSE(channel == 1, 91, 0); /* the optical channel measures nothing */
    out->dwSize = sizeof *out; /* not checked, overwritten */
    size_t length;
    const char *jpeg = jpeg_bytes(&length);
    out->dwJpegPicLen = (DWORD)(jpeg == NULL ? 0 : length);
    if (jpeg != NULL) memcpy(out->pJpegPicBuff, jpeg, length);
    out->dwJpegPicWidth = matrix.width;
    out->dwJpegPicHeight = matrix.height;
    out->dwP2PDataLen = matrix.width * matrix.height * (DWORD)sizeof(float);
    for (DWORD y = 0; y < matrix.height; y++)
        for (DWORD x = 0; x < matrix.width; x++) {
            float value = 20 + 60 * ((float)x + 0.5F) / (float)matrix.width + 20 * ((float)y + 0.5F) / (float)matrix.height;
            memcpy((char *)out->pP2PDataBuff + (y * matrix.width + x) * sizeof value, &value, sizeof value);
        }
    out->byIsFreezedata = matrix.frozen;
    if (out->pVisiblePicBuff != NULL && jpeg != NULL && matrix.visible) {
        out->dwVisiblePicLen = (DWORD)length;
        memcpy(out->pVisiblePicBuff, jpeg, length);
    }
    return 1;
}

/* -- what tests do ---------------------------------------------------------------------------------------------------- */

EXPORT void fake_player(int there) { player = there != 0; }

EXPORT void fake_pace(long milliseconds) { pace = milliseconds; }

EXPORT void fake_matrix(DWORD width, DWORD height, int frozen, int visible) {
    matrix.width = width;
    matrix.height = height;
    matrix.frozen = (BYTE)frozen;
    matrix.visible = visible != 0;
}
